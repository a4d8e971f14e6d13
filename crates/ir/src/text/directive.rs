//! Directives: what running a module gives, written beside it as comments.

use super::cursor::{Cursor, Parsed};
use super::lexer::{Comment, Kind, lex};
use super::{ParseError, Span};
use crate::entity::Func;
use crate::module::{ExportItem, Module};
use crate::trap::TrapCode;
use crate::types::{Scalar, Type};

/// A call of an exported function and what must come of it. Every directive runs on a fresh instance
/// of its module.
///
/// ```text
/// ; run: @f(1, -2) == 3
/// ; run: @g() == (1, nan)
/// ; run: @h()
/// ; trap: @f(0, 0) == integer_division_by_zero
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directive {
    /// Where it stands.
    pub span: Span,
    /// The name under which the function is exported.
    pub name: String,
    /// The function.
    pub func: Func,
    /// The arguments, of the types of the function's parameters.
    pub args: Vec<Scalar>,
    /// What must come of the call.
    pub expect: Expectation,
}

/// What a call must give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// These results.
    Values(Vec<ExpectedValue>),
    /// This trap.
    Trap(TrapCode),
    /// Results that are not these: what CLIF writes `!=`. The text form has no word for it.
    OtherThan(Vec<ExpectedValue>),
    /// Any results: what CLIF writes `print:`. The text form has no word for it.
    Anything,
}

impl Expectation {
    /// Whether a call that ended so is as expected.
    pub fn holds(&self, outcome: Result<&[Scalar], TrapCode>) -> bool {
        let agree = |expected: &[ExpectedValue], values: &[Scalar]| {
            expected.len() == values.len() && expected.iter().zip(values).all(|(e, v)| e.agrees(*v))
        };
        match (self, outcome) {
            (Expectation::Values(expected), Ok(values)) => agree(expected, values),
            (Expectation::OtherThan(expected), Ok(values)) => !agree(expected, values),
            (Expectation::Anything, Ok(_)) => true,
            (Expectation::Trap(expected), Err(code)) => *expected == code,
            (Expectation::Trap(_), Ok(_)) => false,
            (
                Expectation::Values(_) | Expectation::OtherThan(_) | Expectation::Anything,
                Err(_),
            ) => false,
        }
    }
}

/// A result that a call must give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpectedValue {
    /// Exactly these bits: every constant other than plain `nan`.
    Exact(Scalar),
    /// Any NaN of this type: `nan`.
    AnyNan(Type),
}

impl ExpectedValue {
    /// Whether `value` is as expected.
    pub fn agrees(self, value: Scalar) -> bool {
        match self {
            ExpectedValue::Exact(expected) => expected == value,
            ExpectedValue::AnyNan(ty) => value.ty() == ty && value.is_nan(),
        }
    }
}

impl std::fmt::Display for ExpectedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExpectedValue::Exact(value) => write!(f, "{value}"),
            ExpectedValue::AnyNan(_) => f.write_str("nan"),
        }
    }
}

/// The directive that a comment is, if it is one.
pub(super) fn parse_directive(comment: &Comment<'_>, module: &Module) -> Option<Parsed<Directive>> {
    let trimmed = comment.text.trim_start();
    let (rest, traps) = match (trimmed.strip_prefix("run:"), trimmed.strip_prefix("trap:")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        (None, None) => return None,
    };
    let before = &comment.text[..comment.text.len() - rest.len()];
    let column = comment.column + before.chars().count() as u32;
    let span = Span {
        line: comment.line,
        column: comment.column,
        len: comment.text.trim_end().chars().count() as u32,
    };
    Some(lex(rest, comment.line, column).and_then(|lexed| {
        let mut cursor = Cursor::new(&lexed.tokens, 0);
        directive(&mut cursor, module, span, traps)
    }))
}

fn directive(
    cursor: &mut Cursor<'_, '_>,
    module: &Module,
    span: Span,
    traps: bool,
) -> Parsed<Directive> {
    let (name, name_span) = cursor.func_name()?;
    let Some(ExportItem::Func(func)) = module.export(&name) else {
        return Err(ParseError::new(
            name_span,
            format!("no function is exported as \"{name}\""),
        ));
    };
    let signature = module.func_sig(func);
    let mut params = signature.params.iter();
    let mut args = Vec::with_capacity(signature.params.len());
    cursor.expect(Kind::Open)?;
    cursor.list(Kind::Close, |cursor| {
        let Some(ty) = params.next() else {
            let message = format!("@{name} takes {} arguments", signature.params.len());
            return Err(ParseError::new(cursor.peek().span, message));
        };
        args.push(cursor.scalar(*ty)?.0);
        Ok(())
    })?;
    if params.next().is_some() {
        let message = format!(
            "@{name} takes {} arguments, and here are {}",
            signature.params.len(),
            args.len()
        );
        return Err(ParseError::new(name_span, message));
    }
    let expect = match traps {
        true => {
            cursor.expect(Kind::EqualsEquals)?;
            Expectation::Trap(trap_code(cursor)?)
        }
        false => Expectation::Values(expected_values(cursor, &name, &signature.results)?),
    };
    cursor.end_of_statement()?;
    Ok(Directive {
        span,
        name,
        func,
        args,
        expect,
    })
}

/// The name of a trap.
pub(super) fn trap_code(cursor: &mut Cursor<'_, '_>) -> Parsed<TrapCode> {
    let token = cursor.peek();
    match TrapCode::from_name(token.text) {
        Some(code) if token.kind == Kind::Word => {
            cursor.next();
            Ok(code)
        }
        _ => Err(cursor.unexpected("a trap code")),
    }
}

fn expected_values(
    cursor: &mut Cursor<'_, '_>,
    name: &str,
    types: &[Type],
) -> Parsed<Vec<ExpectedValue>> {
    let start = cursor.peek().span;
    let mut types_left = types.iter();
    let mut values = Vec::with_capacity(types.len());
    let mut value = |cursor: &mut Cursor<'_, '_>| {
        let Some(ty) = types_left.next() else {
            let message = format!("@{name} has {} results", types.len());
            return Err(ParseError::new(cursor.peek().span, message));
        };
        let token = cursor.peek();
        if token.kind == Kind::Word && token.text == "nan" && ty.is_float() {
            cursor.next();
            values.push(ExpectedValue::AnyNan(*ty));
        } else {
            values.push(ExpectedValue::Exact(cursor.scalar(*ty)?.0));
        }
        Ok(())
    };
    if cursor.eat(Kind::EqualsEquals).is_some() {
        match cursor.eat(Kind::Open) {
            Some(_) => cursor.list(Kind::Close, value)?,
            None => value(cursor)?,
        }
    }
    if values.len() != types.len() {
        let message = format!(
            "@{name} has {} results, and {} are expected here",
            types.len(),
            values.len()
        );
        return Err(ParseError::new(start, message));
    }
    Ok(values)
}
