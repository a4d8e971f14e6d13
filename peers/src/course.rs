//! Engines on programs, as the recorder wants them.

use std::collections::BTreeMap;
use std::fs;

use bakeoff_bench_suite::record::{Course, Refusal, Values};
use bakeoff_samples::{Competitor, Event, Status};
use bakeoff_suite::{Program, Size};

use crate::engines::Engine;

/// Timed compilations in a row of a visit.
const COMPILATIONS: usize = 3;

/// The course.
pub struct Peers {
    programs: Vec<(Program, Vec<u8>)>,
    module_insts: Vec<u64>,
    engines: Vec<Box<dyn Engine>>,
    size: Size,
}

impl Peers {
    /// Reads the modules.
    pub fn new(
        programs: Vec<Program>,
        engines: Vec<Box<dyn Engine>>,
        size: Size,
    ) -> Result<Peers, String> {
        let read = |program: Program| {
            let bytes = fs::read(&program.module);
            let bytes = bytes.map_err(|e| format!("{}: {e}", program.module.display()))?;
            Ok((program, bytes))
        };
        let programs: Vec<_> = programs
            .into_iter()
            .map(read)
            .collect::<Result<_, String>>()?;
        let insts = |(program, bytes): &(Program, Vec<u8>)| {
            let module = bakeoff_frontend_wasm::load(bytes);
            let module = module.map_err(|e| format!("{}: {e}", program.module.display()))?;
            Ok(module.inst_count() as u64)
        };
        let module_insts = programs.iter().map(insts).collect::<Result<_, String>>()?;
        Ok(Peers {
            programs,
            module_insts,
            engines,
            size,
        })
    }

    /// The engine that ratios are relative to: the first.
    pub fn baseline(&self) -> &str {
        self.engines.first().map_or("", |engine| engine.name())
    }

    /// The engine of a competitor; the one behind the last engine is the control, the first again.
    fn engine(&self, competitor: usize) -> &dyn Engine {
        let index = if competitor < self.engines.len() {
            competitor
        } else {
            0
        };
        &*self.engines[index]
    }
}

impl Course for Peers {
    fn programs(&self) -> Vec<bakeoff_samples::Program> {
        let program =
            |((program, _), insts): (&(Program, Vec<u8>), &u64)| bakeoff_samples::Program {
                name: program.name.clone(),
                suite: program.suite.clone(),
                module_insts: *insts,
                scale: None,
            };
        self.programs
            .iter()
            .zip(&self.module_insts)
            .map(program)
            .collect()
    }

    fn competitors(&self) -> Vec<Competitor> {
        let competitor = |engine: &Box<dyn Engine>| Competitor {
            name: engine.name().to_string(),
            about: engine.about(),
            ablation_of: None,
            control_of: None,
            own: false,
        };
        let mut competitors: Vec<Competitor> = self.engines.iter().map(competitor).collect();
        let again = competitors.first().cloned().map(|first| Competitor {
            name: format!("{} (again)", first.name),
            about: format!("{}, a second time, as a control", first.name),
            control_of: Some(first.name),
            ..first
        });
        competitors.extend(again);
        competitors
    }

    fn visit(
        &mut self,
        program: usize,
        competitor: usize,
        cold: bool,
    ) -> Result<Vec<Values>, Refusal> {
        let (entry, wasm) = &self.programs[program];
        let engine = self.engine(competitor);
        let compile = || engine.compile(entry, wasm).map_err(refused);
        let (compiled, compile_ns) = compile()?;
        let first_ns = compiled.run(entry, self.size).map_err(refused)?;
        let mut values =
            BTreeMap::from([(Event::Compile, compile_ns), (Event::FirstCall, first_ns)]);
        if cold {
            drop(compiled);
            let (compiled, allocations) = bakeoff_allocations::count(compile);
            if let Some(bytes) = compiled?.0.code_bytes() {
                values.insert(Event::CodeBytes, bytes);
            }
            if engine.is_inside() {
                values.insert(Event::PeakBytes, allocations.peak_bytes);
            }
            return Ok(vec![values]);
        }
        let run_ns = compiled.run(entry, self.size).map_err(refused)?;
        values.insert(Event::Run, run_ns);
        drop(compiled);
        let mut samples = vec![values];
        if engine.is_inside() {
            drop(compile()?);
            for _ in 0..COMPILATIONS {
                let (_, again_ns) = compile()?;
                samples.push(BTreeMap::from([(Event::CompileAgain, again_ns)]));
            }
        }
        Ok(samples)
    }
}

/// Engines say in words what went wrong: whatever it is, there is no figure.
fn refused(reason: String) -> Refusal {
    Refusal {
        status: Status::Wrong,
        reason,
    }
}
