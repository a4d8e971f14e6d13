//! A place in the tokens, and the small pieces that every statement is made of.

use super::lexer::{Kind, Token, unescape};
use super::{ParseError, Span};
use crate::types::{Scalar, Type};

/// A result or the error at a place.
pub(super) type Parsed<T> = Result<T, ParseError>;

/// A place in the tokens of a source.
#[derive(Clone)]
pub(super) struct Cursor<'t, 's> {
    tokens: &'t [Token<'s>],
    pub(super) at: usize,
}

impl<'t, 's> Cursor<'t, 's> {
    /// At this token; the tokens end with an [`Kind::End`].
    pub(super) fn new(tokens: &'t [Token<'s>], at: usize) -> Cursor<'t, 's> {
        Cursor { tokens, at }
    }

    /// The next token. The end repeats itself for ever.
    pub(super) fn peek(&self) -> Token<'s> {
        match self.tokens.get(self.at).or(self.tokens.last()) {
            Some(token) => *token,
            None => Token {
                kind: Kind::End,
                text: "",
                span: Span {
                    line: 1,
                    column: 1,
                    len: 0,
                },
            },
        }
    }

    /// The span of the token before the next one.
    pub(super) fn last_span(&self) -> Span {
        let before = self.tokens.get(self.at.saturating_sub(1));
        before.map_or(self.peek().span, |token| token.span)
    }

    pub(super) fn next(&mut self) -> Token<'s> {
        let token = self.peek();
        if self.at < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    /// The next token if it is of this kind.
    pub(super) fn eat(&mut self, kind: Kind) -> Option<Token<'s>> {
        (self.peek().kind == kind).then(|| self.next())
    }

    /// The next token if it is this word.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let token = self.peek();
        let found = token.kind == Kind::Word && token.text == word;
        if found {
            self.at += 1;
        }
        found
    }

    /// The next token, which must be of this kind.
    pub(super) fn expect(&mut self, kind: Kind) -> Parsed<Token<'s>> {
        match self.eat(kind) {
            Some(token) => Ok(token),
            None => Err(self.unexpected(kind.describe())),
        }
    }

    /// An error at the next token, which is not `wanted`.
    pub(super) fn unexpected(&self, wanted: &str) -> ParseError {
        let token = self.peek();
        let found = match token.kind {
            Kind::Word => format!("`{}`", token.text),
            Kind::Name => format!("`@{}`", token.text),
            kind => kind.describe().to_string(),
        };
        ParseError::new(token.span, format!("expected {wanted}, found {found}"))
    }

    /// The end of a statement.
    pub(super) fn end_of_statement(&mut self) -> Parsed<()> {
        self.expect(Kind::Newline).map(drop)
    }

    pub(super) fn skip_newlines(&mut self) {
        while self.eat(Kind::Newline).is_some() {}
    }

    /// Past the end of this line.
    pub(super) fn skip_statement(&mut self) {
        while !matches!(self.peek().kind, Kind::Newline | Kind::End) {
            self.at += 1;
        }
        self.skip_newlines();
    }

    /// Items between an opening token, which is eaten already, and `close`, separated by commas.
    pub(super) fn list(
        &mut self,
        close: Kind,
        mut item: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<()> {
        if self.eat(close).is_some() {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat(Kind::Comma).is_none() {
                return match self.eat(close) {
                    Some(_) => Ok(()),
                    None => Err(self.unexpected(&format!("`,` or {}", close.describe()))),
                };
            }
        }
    }

    /// The number of an entity such as `mem0`, if the next token is one.
    pub(super) fn eat_entity(&mut self, prefix: &str) -> Option<(u32, Span)> {
        let token = self.peek();
        if token.kind != Kind::Word {
            return None;
        }
        let number = entity_number(token.text, prefix)?;
        self.at += 1;
        Some((number, token.span))
    }

    /// The number of an entity such as `mem0`.
    pub(super) fn entity(&mut self, prefix: &str) -> Parsed<(u32, Span)> {
        match self.eat_entity(prefix) {
            Some(found) => Ok(found),
            None => Err(self.unexpected(&format!("`{prefix}…`"))),
        }
    }

    /// A type.
    pub(super) fn ty(&mut self) -> Parsed<Type> {
        let token = self.peek();
        match Type::from_name(token.text) {
            Some(ty) if token.kind == Kind::Word => {
                self.at += 1;
                Ok(ty)
            }
            _ => Err(self.unexpected("a type")),
        }
    }

    /// A constant of type `ty`, with an optional sign.
    pub(super) fn scalar(&mut self, ty: Type) -> Parsed<(Scalar, Span)> {
        let first = self.peek();
        let sign = match first.kind {
            Kind::Minus => "-",
            Kind::Plus => "+",
            _ => "",
        };
        if !sign.is_empty() {
            self.at += 1;
        }
        let word = self.peek();
        if word.kind != Kind::Word {
            return Err(self.unexpected(&format!("an {ty} constant")));
        }
        self.at += 1;
        let span = joined(first.span, word.span);
        let parsed = match sign {
            "" => Scalar::parse(ty, word.text),
            _ => Scalar::parse(ty, &format!("{sign}{}", word.text)),
        };
        match parsed {
            Ok(scalar) => Ok((scalar, span)),
            Err(error) => Err(ParseError::new(span, error.to_string())),
        }
    }

    /// An unsigned number of at most `max`, in decimal or hexadecimal.
    pub(super) fn number(&mut self, max: u64) -> Parsed<u64> {
        let token = self.peek();
        if token.kind != Kind::Word || !token.text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.unexpected("a number"));
        }
        self.at += 1;
        match Scalar::parse(Type::I64, token.text) {
            Ok(value) if value.bits() <= max => Ok(value.bits()),
            _ => Err(ParseError::new(
                token.span,
                format!("{} is no number of at most {max}", token.text),
            )),
        }
    }

    /// A function name, plain or quoted.
    pub(super) fn func_name(&mut self) -> Parsed<(String, Span)> {
        let token = self.peek();
        match token.kind {
            Kind::Name => {
                self.at += 1;
                Ok((token.text.to_string(), token.span))
            }
            Kind::QuotedName => {
                self.at += 1;
                Ok((utf8(&token)?, token.span))
            }
            _ => Err(self.unexpected(Kind::Name.describe())),
        }
    }

    /// A string that is text.
    pub(super) fn text(&mut self) -> Parsed<(String, Span)> {
        let token = self.expect(Kind::String)?;
        Ok((utf8(&token)?, token.span))
    }
}

fn utf8(token: &Token<'_>) -> Parsed<String> {
    String::from_utf8(unescape(token)?)
        .map_err(|_| ParseError::new(token.span, "this name is not valid UTF-8"))
}

/// The number behind `prefix`, written without leading zeros.
pub(super) fn entity_number(text: &str, prefix: &str) -> Option<u32> {
    let digits = text.strip_prefix(prefix)?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    (plain && !leading_zero).then(|| digits.parse().ok())?
}

/// From the start of one span to the end of another, which is on the same line or else dropped.
pub(super) fn joined(first: Span, last: Span) -> Span {
    let len = match first.line == last.line {
        true => (last.column + last.len).saturating_sub(first.column),
        false => first.len,
    };
    Span { len, ..first }
}
