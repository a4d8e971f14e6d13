//! Runs a script on a configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bakeoff_backend::{CallError, Instance, InstantiateError, Options};
use bakeoff_frontend_wasm::translate;
use bakeoff_ir::{ExportItem, Module, Scalar, TrapCode, verify_module};
use bakeoff_registry::Configuration;
use bakeoff_wasm_spec::{Action, ActionKind, Command, CommandKind, Expected, Script, Source};

use crate::common;
use crate::link::{Linked, Registered, Skip, Slot, skipped_in};

/// Modules that have nothing to run. The tests of the front end have them all.
pub(crate) const NOT_RUN: Skip = "is a module to be refused";
/// Counted beside the pinned reasons: which backends do what is for them to say.
pub(crate) const UNSUPPORTED: Skip = "needs what the backend does not do";
const NO_TYPE: Skip = "has a value that the IR has no type for";

/// What became of the commands.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) passed: BTreeMap<&'static str, usize>,
    pub(crate) skipped: BTreeMap<Skip, usize>,
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// How many passed, failed, and were skipped.
    pub(crate) fn totals(&self) -> [usize; 3] {
        let failed = self.failures.len();
        [
            self.passed.values().sum(),
            failed,
            self.skipped.values().sum(),
        ]
    }

    pub(crate) fn summary(&self) -> String {
        let [passed, failed, skipped] = self.totals();
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    pub(crate) fn add(&mut self, other: Tally) {
        let sum = |into: &mut BTreeMap<_, usize>, from| {
            for (key, count) in from {
                *into.entry(key).or_default() += count;
            }
        };
        sum(&mut self.passed, other.passed);
        sum(&mut self.skipped, other.skipped);
        self.failures.extend(other.failures);
    }
}

/// What became of one command.
enum Outcome {
    Passed,
    Skipped(Skip),
    Failed(String),
}

use Outcome::{Failed, Passed, Skipped};

impl Outcome {
    fn check(agrees: bool, what: impl FnOnce() -> String) -> Outcome {
        match agrees {
            true => Passed,
            false => Failed(what()),
        }
    }
}

/// A command and its module, which is translated once for all configurations.
pub(crate) struct Prepared {
    command: Command,
    module: Option<Result<Arc<Module>, String>>,
}

fn load(source: &Source) -> Result<Arc<Module>, String> {
    let module = translate(source.wasm.as_ref()?).map_err(|e| e.to_string())?;
    verify_module(&module).map_err(|e| e.to_string())?;
    Ok(Arc::new(module))
}

pub(crate) fn prepare(script: Script) -> Vec<Prepared> {
    let prepare = |command: Command| {
        let module = match &command.kind {
            CommandKind::Module { source, .. }
            | CommandKind::AssertModuleTrap(source, _)
            | CommandKind::AssertUnlinkable(source, _) => Some(load(source)),
            _ => None,
        };
        Prepared { command, module }
    };
    script.commands.into_iter().map(prepare).collect()
}

/// Runs the commands in order.
pub(crate) fn run(
    name: &str,
    commands: &[Prepared],
    configuration: &Configuration,
    options: &Options,
) -> Tally {
    let mut runner = Runner {
        configuration,
        options,
        current: Err("has no module"),
        named: HashMap::new(),
        registered: Registered::default(),
    };
    let mut tally = Tally::default();
    for prepared in commands {
        match runner.command(prepared) {
            Passed => {
                *tally
                    .passed
                    .entry(kind(&prepared.command.kind))
                    .or_default() += 1
            }
            Skipped(why) => *tally.skipped.entry(why).or_default() += 1,
            Failed(why) => tally.failures.push(format!(
                "{}: {name}.wast:{}: {why}",
                configuration.name, prepared.command.line
            )),
        }
    }
    tally
}

fn kind(kind: &CommandKind) -> &'static str {
    match kind {
        CommandKind::Module { .. } => "module",
        CommandKind::Register { .. } => "register",
        CommandKind::Action(_) => "action",
        CommandKind::AssertReturn(..) => "assert_return",
        CommandKind::AssertTrap(..) => "assert_trap",
        CommandKind::AssertModuleTrap(..) => "assert_trap of a module",
        CommandKind::AssertExhaustion(..) => "assert_exhaustion",
        CommandKind::AssertUnlinkable(..) => "assert_unlinkable",
        CommandKind::AssertMalformed(..) => "assert_malformed",
        CommandKind::AssertInvalid(..) => "assert_invalid",
        CommandKind::Other(what) => what,
    }
}

/// The code for the specification's name of a trap. A few scripts say which element it is.
fn trap_code(message: &str) -> Option<TrapCode> {
    Some(match message {
        "unreachable" => TrapCode::Unreachable,
        "out of bounds memory access" => TrapCode::MemoryOutOfBounds,
        "out of bounds table access" | "undefined element" => TrapCode::TableOutOfBounds,
        "uninitialized" | "uninitialized element" => TrapCode::IndirectCallToNull,
        "uninitialized element 2" | "uninitialized element 7" => TrapCode::IndirectCallToNull,
        "indirect call type mismatch" => TrapCode::BadSignature,
        "integer divide by zero" => TrapCode::IntegerDivisionByZero,
        "integer overflow" => TrapCode::IntegerOverflow,
        "invalid conversion to integer" => TrapCode::BadConversionToInteger,
        "call stack exhausted" => TrapCode::StackOverflow,
        _ => return None,
    })
}

struct Runner<'r> {
    configuration: &'r Configuration,
    options: &'r Options,
    current: Slot,
    named: HashMap<String, Slot>,
    registered: Registered,
}

impl Runner<'_> {
    fn command(&mut self, prepared: &Prepared) -> Outcome {
        let module = match prepared.module.as_ref().map(Result::as_ref) {
            Some(Err(why)) => return Failed(why.clone()),
            Some(Ok(module)) => Some(module),
            None => None,
        };
        match (&prepared.command.kind, module) {
            (CommandKind::Module { name, .. }, Some(module)) => self.module(name.as_ref(), module),
            (CommandKind::AssertModuleTrap(_, message), Some(module)) => {
                self.module_traps(module, message)
            }
            (CommandKind::AssertUnlinkable(_, message), Some(module)) => {
                self.unlinkable(module, message)
            }
            (
                CommandKind::Register {
                    import_name,
                    module,
                },
                _,
            ) => self.register(import_name, module.as_deref()),
            (CommandKind::Action(action), _) => self.act(action, |got| got.is_ok()),
            (CommandKind::AssertReturn(action, expected), _) => self.returns(action, expected),
            (
                CommandKind::AssertTrap(action, message)
                | CommandKind::AssertExhaustion(action, message),
                _,
            ) => self.traps(action, message),
            (CommandKind::AssertMalformed(..) | CommandKind::AssertInvalid(..), _) => {
                Skipped(NOT_RUN)
            }
            (other, _) => Failed(format!("{} is not understood", kind(other))),
        }
    }

    fn instantiate(&self, module: &Arc<Module>) -> Result<Result<Linked, InstantiateError>, Skip> {
        let link = self.registered.link(module)?;
        if let Some(what) = link.begin_sharing() {
            return Err(what);
        }
        let executable = common::compile(self.configuration, module, self.options);
        let Some(executable) = executable else {
            return Err(UNSUPPORTED);
        };
        match Instance::new(&executable, &link.imports) {
            Ok(instance) => Ok(Ok(Linked::new(module, instance))),
            Err(error) => Ok(Err(error)),
        }
    }

    fn module(&mut self, name: Option<&String>, module: &Arc<Module>) -> Outcome {
        let (slot, outcome) = match self.instantiate(module) {
            Ok(Ok(linked)) => (Ok(linked), Passed),
            Ok(Err(error)) => (Err("has no module"), Failed(error.to_string())),
            Err(why) => (Err(why), Skipped(why)),
        };
        if let Some(name) = name {
            self.named.insert(name.clone(), slot.clone());
        }
        self.current = slot;
        outcome
    }

    fn module_traps(&self, module: &Arc<Module>, message: &str) -> Outcome {
        match self.instantiate(module) {
            Ok(Err(InstantiateError::Trap(trap))) => {
                Outcome::check(trap_code(message) == Some(trap.code), || {
                    format!("{trap}, not {message}")
                })
            }
            Ok(Err(error)) => Failed(format!("{error}, not {message}")),
            Ok(Ok(_)) => Failed(format!("instantiated, not {message}")),
            Err(why) => Skipped(why),
        }
    }

    fn unlinkable(&self, module: &Arc<Module>, message: &str) -> Outcome {
        let link = match self.registered.link(module) {
            Ok(link) => link,
            Err(why) => return Skipped(why),
        };
        let executable = common::compile(self.configuration, module, self.options);
        let Some(executable) = executable else {
            return Skipped(UNSUPPORTED);
        };
        match Instance::new(&executable, &link.imports) {
            Err(error) => Outcome::check(self.registered.agrees(&error, message), || {
                format!("{error}, not {message}")
            }),
            Ok(_) => match self.registered.too_lenient(module) {
                Some(why) => Skipped(why),
                None => Failed(format!("linked, not {message}")),
            },
        }
    }

    fn slot(&self, name: Option<&str>) -> Slot {
        match name {
            None => self.current.clone(),
            Some(name) => self
                .named
                .get(name)
                .cloned()
                .unwrap_or(Err("has no module")),
        }
    }

    fn register(&mut self, import_name: &str, module: Option<&str>) -> Outcome {
        let slot = self.slot(module);
        let outcome = slot.as_ref().map_or_else(|why| Skipped(why), |_| Passed);
        self.registered.insert(import_name, slot);
        outcome
    }

    fn act(
        &self,
        action: &Action,
        agrees: impl FnOnce(&Result<Vec<Scalar>, CallError>) -> bool,
    ) -> Outcome {
        let linked = match self.slot(action.module.as_deref()) {
            Ok(linked) => linked,
            Err(why) => return Skipped(why),
        };
        // What never changes is right whatever is shared.
        let constant = matches!(linked.module.export(&action.export),
            Some(ExportItem::Global(g)) if !linked.module.globals[g.index()].mutable);
        if let Some(why) = linked.shared().filter(|_| !constant) {
            return Skipped(why);
        }
        let mut instance = linked.instance.lock().unwrap();
        let got = match &action.kind {
            ActionKind::Invoke(args) => instance.call(&action.export, args),
            ActionKind::Get => match instance.global(&action.export) {
                Some(value) => Ok(vec![value]),
                None => return Failed(format!("no global {:?}", action.export)),
            },
            ActionKind::Unsupported => return Skipped(NO_TYPE),
        };
        if let Err(CallError::Trap(trap)) = &got
            && let Some(why) = skipped_in(trap)
        {
            return Skipped(why);
        }
        Outcome::check(agrees(&got), || format!("{action:?} gave {got:?}"))
    }

    fn returns(&self, action: &Action, expected: &[Expected]) -> Outcome {
        if expected.contains(&Expected::Unsupported) {
            return Skipped(NO_TYPE);
        }
        let agrees = |got: &Result<Vec<Scalar>, CallError>| {
            got.as_ref().is_ok_and(|values| {
                values.len() == expected.len()
                    && expected.iter().zip(values).all(|(e, v)| e.accepts(*v))
            })
        };
        match self.act(action, agrees) {
            Failed(why) => Failed(format!("{why}, not {expected:?}")),
            other => other,
        }
    }

    fn traps(&self, action: &Action, message: &str) -> Outcome {
        let Some(code) = trap_code(message) else {
            return Failed(format!("{message:?} is no known reason of a trap"));
        };
        let agrees = |got: &Result<Vec<Scalar>, CallError>| matches!(got, Err(CallError::Trap(trap)) if trap.code == code);
        match self.act(action, agrees) {
            Failed(why) => Failed(format!("{why}, not {message}")),
            other => other,
        }
    }
}
