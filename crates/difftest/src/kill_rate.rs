//! The kill rate: how many planted faults a campaign finds, how soon, and how small it makes them.
//!
//! Every fault gets a campaign of its own, with the same seed, in workers that have it switched on. The
//! first case that fails ends it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use bakeoff_faults::{Fault, Room};
use bakeoff_registry::{Configuration, REFERENCE};

use crate::oracle::Failure;
use crate::reduce::{Reduced, reduce};
use crate::worker::{Ending, Event, Judge, Launch, Numbers, Source, Worker, WorkerError};

/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a reduction may take.
const REDUCING: Duration = Duration::from_secs(30);

/// What came of the hunt for a fault.
#[derive(Clone, Debug)]
pub struct Kill {
    /// The fault.
    pub fault: Fault,
    /// How many modules were run, the one that failed included.
    pub modules: u64,
    /// How long that took.
    pub time: Duration,
    /// How it failed; `None` if it was not found.
    pub failure: Option<Failure>,
    /// The reduced case.
    pub reduced: Option<Small>,
}

/// A reduced case, as text.
#[derive(Clone, Debug)]
pub struct Small {
    /// Its instructions.
    pub insts: usize,
    /// The module in the text form of the IR, with how it is called and what is wrong.
    pub text: String,
}

impl Small {
    fn of_case(fault: Fault, reduced: &Reduced) -> Small {
        let file = format!("{}.ir", fault.name());
        Small {
            insts: reduced.insts,
            text: reduced.describe(file.as_ref()),
        }
    }

    /// What the frontend, without a fault, makes of a module.
    fn of_wasm(failure: &Failure, wasm: &[u8]) -> Option<Small> {
        let module = bakeoff_frontend_wasm::load(wasm).ok()?;
        let Failure {
            configuration,
            class,
            what,
        } = failure;
        let text = format!("; {configuration}, {}: {what}\n{module}", class.name());
        Some(Small {
            insts: module.inst_count(),
            text,
        })
    }
}

/// Hunts for a fault with the cases of a seed, for some time at most.
///
/// # Errors
/// If there is no worker.
pub fn hunt(
    fault: Fault,
    seed: u64,
    configurations: &[&Configuration],
    launch: Launch,
    limit: Duration,
) -> Result<Kill, WorkerError> {
    let start = Instant::now();
    let source = source_for(fault);
    let shows = |c: &&&Configuration| shows_on(fault.room(), c.name);
    let configurations: Vec<&Configuration> =
        configurations.iter().filter(shows).copied().collect();
    let configurations = &configurations[..];
    let mut worker = Worker::of(launch, source);
    let mut found: Option<(u64, Option<Failure>)> = None;
    let mut modules = 0;
    let numbers = Numbers {
        source,
        seed,
        first: 0,
        step: 1,
        count: u64::from(u32::MAX),
    };
    let ending = worker.cases(numbers, configurations, PATIENCE, |event| match event {
        Event::Found(number, failures) => {
            found = Some((number, failures.first().cloned()));
            false
        }
        Event::Sums(number, _) => {
            modules = number + 1;
            start.elapsed() < limit
        }
    })?;
    if let Ending::Lost(number) = ending {
        found = Some((number, None));
    }
    let time = start.elapsed();
    let mut kill = Kill {
        fault,
        modules,
        time,
        failure: None,
        reduced: None,
    };
    let Some((number, failure)) = found else {
        return Ok(kill);
    };
    kill.modules = number + 1;
    if source == Source::Wasm {
        let failure = failure.unwrap_or_else(Failure::lost);
        let wasm = worker.reduce_wasm(seed, number, configurations, REDUCING)?;
        kill.reduced = wasm.and_then(|wasm| Small::of_wasm(&failure, &wasm));
        kill.failure = Some(failure);
        return Ok(kill);
    }
    let case = source.case(seed, number);
    let failure = match failure {
        Some(failure) => failure,
        None => {
            let failures = worker.check(&case, configurations, PATIENCE)?;
            failures
                .unwrap_or_default()
                .into_iter()
                .next()
                .unwrap_or_else(Failure::lost)
        }
    };
    let reduced = reduce(&case, &failure, &mut worker, REDUCING)?;
    kill.reduced = reduced.map(|reduced| Small::of_case(fault, &reduced));
    kill.failure = Some(failure);
    Ok(kill)
}

/// Whether a fault of a room can show on a configuration, as far as another does not show it sooner. What tests
/// a backend is compared with the reference; what is wrong in the reference, or before any backend, shows on a
/// fast one, or on the reference itself.
fn shows_on(room: Room, name: &str) -> bool {
    match room {
        Room::Interp => name == "dynasm",
        Room::Cranelift => name.starts_with("cranelift"),
        Room::Stencil => name.starts_with("stencil"),
        Room::Dynasm => name.starts_with("dynasm"),
        Room::Shared => name != "cranelift" && name != "cranelift-jit",
        Room::FrontendWasm | Room::FrontendClif => name == REFERENCE,
    }
}

/// The cases that a fault is hunted with.
fn source_for(fault: Fault) -> Source {
    match fault.room() {
        Room::FrontendClif => Source::Clif,
        Room::FrontendWasm => Source::Wasm,
        Room::Interp | Room::Cranelift | Room::Stencil | Room::Dynasm | Room::Shared => {
            Source::Generated
        }
    }
}

/// The name of a room in tables.
const fn room_name(room: Room) -> &'static str {
    match room {
        Room::Interp => "interpreter",
        Room::Cranelift => "Cranelift",
        Room::Stencil => "stencil",
        Room::Dynasm => "dynasm",
        Room::Shared => "shared",
        Room::FrontendWasm => "WebAssembly",
        Room::FrontendClif => "CLIF",
    }
}

/// The middle of the sizes of the reduced cases, in instructions.
pub fn median_size(kills: &[Kill]) -> Option<usize> {
    let mut sizes: Vec<usize> = kills
        .iter()
        .filter_map(|kill| Some(kill.reduced.as_ref()?.insts))
        .collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied()
}

/// The page as Markdown: what was measured, one row a fault, then the reduced cases. `how` is the command,
/// `when` the date, `revision` the state of the sources.
pub fn render(kills: &[Kill], how: &str, when: &str, revision: &str) -> String {
    let mut text = format!(
        "# What differential testing finds\n\n\
         Faults are planted in backends, in what they share, and in frontends, one at a time, and a campaign runs until it\n\
         meets a module on which configurations disagree. Planted are the mistakes that authors of compilers make; see\n\
         `crates/faults`. Faults of the backends are hunted with generated modules; those of the frontend for CLIF with\n\
         generated modules that are written as CLIF and read again, those of the frontend for WebAssembly with random\n\
         modules that an interpreter from elsewhere runs, too. Each is hunted on the configurations that it can show on: those\n\
         of its backend; for the interpreter, which all others are compared with, one of them.\n\n\
         Written by `{how}` on {when}, revision {revision}. Seconds are until the failure, reduction not included.\n\n"
    );
    let found = kills.iter().filter(|kill| kill.failure.is_some()).count();
    let _ = writeln!(text, "{found} of {} faults are found.", kills.len());
    if let Some(size) = median_size(kills) {
        let _ = writeln!(
            text,
            "The median size of a reduced case is {size} instructions."
        );
    }
    let _ = writeln!(
        text,
        "\n| fault | where | what goes wrong | modules | seconds | how it shows | instructions |"
    );
    let _ = writeln!(text, "|---|---|---|---:|---:|---|---:|");
    for kill in kills {
        let shows = match &kill.failure {
            Some(failure) => format!("{}, `{}`", failure.class.name(), failure.configuration),
            None => "**not found**".to_string(),
        };
        let size = kill
            .reduced
            .as_ref()
            .map_or("".to_string(), |reduced| reduced.insts.to_string());
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {:.1} | {shows} | {size} |",
            kill.fault.name(),
            room_name(kill.fault.room()),
            kill.fault.about(),
            kill.modules,
            kill.time.as_secs_f64(),
        );
    }
    let _ = writeln!(text, "\n## Reduced cases");
    for kill in kills {
        let Some(reduced) = &kill.reduced else {
            continue;
        };
        let name = kill.fault.name();
        let _ = write!(
            text,
            "\n`{name}`\n\n```text\n{}```\n",
            clipped(&reduced.text)
        );
    }
    text
}

/// The first lines of a text that is too long for a page.
fn clipped(text: &str) -> String {
    const MOST: usize = 40;
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > MOST {
        lines.truncate(MOST - 1);
        lines.push("…");
    }
    lines.join("\n") + "\n"
}
