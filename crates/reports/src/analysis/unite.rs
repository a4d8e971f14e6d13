//! Whether sessions belong together, and what is in them.

use std::collections::BTreeSet;
use std::fmt::Debug;

use bakeoff_samples::{Competitor, Event, Kind, Machine, Program, Session};

use super::{AnalysisError, Source};

/// What is in sessions that belong together.
#[derive(Clone, Debug)]
pub(super) struct United {
    /// The sessions.
    pub(super) sources: Vec<Source>,
    /// Programs that are not of families.
    pub(super) programs: Vec<Program>,
    /// Competitors without controls.
    pub(super) competitors: Vec<Competitor>,
    /// Index of the baseline.
    pub(super) baseline: usize,
    /// Whether the baseline is a competitor of any session, or only a name.
    pub(super) has_baseline: bool,
}

/// Checks that sessions belong together and unites their lists.
pub(super) fn unite(sessions: &[Session]) -> Result<United, AnalysisError> {
    let first = sessions.first().ok_or(AnalysisError::Nothing)?;
    for (index, second) in sessions.iter().enumerate() {
        for first in &sessions[..index] {
            same_making(first, second)?;
            nothing_twice(first, second)?;
        }
    }
    let mut competitors: Vec<Competitor> = Vec::new();
    for competitor in sessions.iter().flat_map(|s| &s.head.competitors) {
        let is_known = competitors.iter().any(|c| c.name == competitor.name);
        if competitor.control_of.is_none() && !is_known {
            competitors.push(competitor.clone());
        }
    }
    let name = &first.head.baseline;
    let found = competitors.iter().position(|c| c.name == *name);
    if found.is_none() {
        competitors.push(Competitor {
            name: name.clone(),
            about: "not measured".to_string(),
            ablation_of: None,
            control_of: None,
            own: false,
        });
    }
    Ok(United {
        sources: sessions.iter().map(source).collect(),
        programs: programs(sessions)?,
        baseline: found.unwrap_or(competitors.len() - 1),
        has_baseline: found.is_some(),
        competitors,
    })
}

/// The name of a session: that of its directory.
pub(super) fn name(session: &Session) -> String {
    let last = session.dir.file_name().unwrap_or(session.dir.as_os_str());
    last.to_string_lossy().into_owned()
}

/// What is told of a session.
pub(super) fn source(session: &Session) -> Source {
    let (machine, build) = (
        &session.head.fingerprint.machine,
        &session.head.fingerprint.build,
    );
    let virtualised = machine
        .virtualised
        .as_ref()
        .map(|v| format!(", virtualised ({v})"));
    let governor = machine.governor.as_ref().map(|g| format!(", governor {g}"));
    let crates = build
        .crates
        .iter()
        .map(|(name, version)| format!(", {name} {version}"));
    let dirty = match build.dirty {
        Some(true) => " with changes",
        Some(false) => "",
        None => " (perhaps with changes)",
    };
    Source {
        name: name(session),
        kind: session.head.kind,
        command: session.head.command.clone(),
        began: session.head.began.clone(),
        machine: format!(
            "{}, {} processors, {} MiB, {}{}{}",
            machine.cpu,
            machine.cpus,
            machine.memory_mib,
            machine.kernel,
            governor.unwrap_or_default(),
            virtualised.unwrap_or_default()
        ),
        build: format!(
            "{}{dirty}, {}, {}{}",
            build.revision,
            build.profile,
            build.rustc,
            crates.collect::<String>()
        ),
        fingerprint: session.head.fingerprint.id(),
        processes: session.processes.len(),
        samples: session.sample_count(),
    }
}

/// Tells if something of two sessions is not the same.
pub(super) fn same<T: PartialEq + Debug>(
    (first, second): (&Session, &Session),
    what: impl Into<String>,
    of: impl Fn(&Session) -> T,
) -> Result<(), AnalysisError> {
    let (of_first, of_second) = (of(first), of(second));
    if of_first == of_second {
        return Ok(());
    }
    // Without the quotes of a text.
    let show = |value: T| format!("{value:?}").trim_matches('"').to_string();
    Err(AnalysisError::Differ {
        first: name(first),
        second: name(second),
        what: what.into(),
        of_first: show(of_first),
        of_second: show(of_second),
    })
}

/// The same machine, build and settings.
fn same_making(first: &Session, second: &Session) -> Result<(), AnalysisError> {
    let both = (first, second);
    same_machine(both)?;
    same(both, "the revision", |s| {
        s.head.fingerprint.build.revision.clone()
    })?;
    same(both, "the profile of the build", |s| {
        s.head.fingerprint.build.profile.clone()
    })?;
    same(both, "rustc", |s| s.head.fingerprint.build.rustc.clone())?;
    // Other engines' sessions name other crates; those that both name must be the same.
    let crates = |s: &Session| s.head.fingerprint.build.crates.clone();
    for name in crates(first)
        .keys()
        .filter(|name| crates(second).contains_key(*name))
    {
        same(both, format!("the version of {name}"), |s| {
            crates(s).get(name).cloned()
        })?;
    }
    same(both, "the baseline", |s| s.head.baseline.clone())?;
    same(both, "what code may use of the processor", |s| {
        s.head.settings.cpu.clone()
    })?;
    same(both, "how memory is checked", |s| {
        s.head.settings.bounds_checks.clone()
    })?;
    if first.head.kind == second.head.kind {
        same(both, "the size of the programs' work", |s| {
            s.head.settings.size.clone()
        })?;
    }
    Ok(())
}

/// In words, where there may be nothing.
pub(super) fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".to_string())
}

/// The same machine, in every respect.
fn same_machine(both: (&Session, &Session)) -> Result<(), AnalysisError> {
    let machine = |s: &Session| -> Machine { s.head.fingerprint.machine.clone() };
    same(both, "the processor", |s| machine(s).cpu)?;
    same(both, "the number of processors", |s| machine(s).cpus)?;
    same(both, "the memory", |s| machine(s).memory_mib)?;
    same(both, "the kernel", |s| machine(s).kernel)?;
    same(both, "the governor", |s| or_none(machine(s).governor))?;
    same(both, "the hypervisor", |s| or_none(machine(s).virtualised))
}

/// What was measured: event, program, competitor.
fn measured(session: &Session) -> BTreeSet<(Event, &str, &str)> {
    let samples = session.processes.iter().flat_map(|p| &p.samples);
    samples
        .flat_map(|s| {
            s.values
                .keys()
                .map(|e| (*e, s.program.as_str(), s.competitor.as_str()))
        })
        .collect()
}

/// Two sessions of the same kind share nothing but the baseline.
fn nothing_twice(first: &Session, second: &Session) -> Result<(), AnalysisError> {
    if first.head.kind != second.head.kind {
        return Ok(());
    }
    let is_reference = |name: &str| {
        let of = |s: &Session| {
            let mut controls = s.head.competitors.iter().filter(|c| c.control_of.is_some());
            name == s.head.baseline || controls.any(|c| c.name == name)
        };
        of(first) && of(second)
    };
    let twice = measured(first)
        .intersection(&measured(second))
        .copied()
        .find(|(_, _, c)| !is_reference(c));
    match twice {
        None => Ok(()),
        Some((event, program, competitor)) => Err(AnalysisError::Twice {
            event,
            program: program.to_string(),
            competitor: competitor.to_string(),
            first: name(first),
            second: name(second),
        }),
    }
}

/// The programs of all sessions but those of families.
fn programs(sessions: &[Session]) -> Result<Vec<Program>, AnalysisError> {
    let mut programs: Vec<(Program, &Session)> = Vec::new();
    for session in sessions.iter().filter(|s| s.head.kind != Kind::Scaling) {
        for program in &session.head.programs {
            let Some((known, first)) = programs.iter_mut().find(|(p, _)| p.name == program.name)
            else {
                programs.push((program.clone(), session));
                continue;
            };
            // Other engines do not count instructions of the IR.
            if known.module_insts == 0 {
                known.module_insts = program.module_insts;
            }
            let differ = program.module_insts != 0 && program.module_insts != known.module_insts;
            if differ {
                return Err(AnalysisError::Differ {
                    first: name(first),
                    second: name(session),
                    what: format!("the number of instructions of the program {}", program.name),
                    of_first: known.module_insts.to_string(),
                    of_second: program.module_insts.to_string(),
                });
            }
        }
    }
    Ok(programs.into_iter().map(|(program, _)| program).collect())
}
