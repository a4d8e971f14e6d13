//! Sessions made by hand, for tests.

use std::collections::BTreeMap;
use std::path::Path;

use bakeoff_samples::{
    Begin, Build, Competitor, End, Event, Failure, Fingerprint, Head, Kind, Machine, Program, Row,
    Sample, Scale, Session, Settings, Status,
};
use bakeoff_statistics::Random;

/// A session to be. Every competitor has a time to compile and one to run, which programs multiply by their number,
/// from 1 on.
pub(super) struct Maker {
    pub(super) name: &'static str,
    pub(super) head: Head,
    pub(super) processes: u32,
    pub(super) iterations: u32,
    /// Standard deviation of the noise of processes, relative.
    pub(super) noise: f64,
    pub(super) seed: u64,
    pub(super) failures: Vec<(&'static str, &'static str, Status)>,
    pub(super) others: Option<f64>,
    /// Changes the values of a sample: process, iteration, program, competitor.
    pub(super) edit: fn(u32, u32, &str, &str, &mut BTreeMap<Event, u64>),
    times: Vec<(f64, f64)>,
}

pub(super) fn competitor(name: &str) -> Competitor {
    Competitor {
        name: name.to_string(),
        about: format!("the {name}"),
        ablation_of: None,
        control_of: None,
        own: true,
    }
}

fn fingerprint() -> Fingerprint {
    Fingerprint {
        machine: Machine {
            cpu: "Processor".to_string(),
            cpus: 2,
            memory_mib: 1024,
            kernel: "Linux 6".to_string(),
            governor: None,
            virtualised: None,
        },
        build: Build {
            rustc: "rustc 1.95".to_string(),
            profile: "release".to_string(),
            revision: "abc".to_string(),
            dirty: Some(false),
            crates: BTreeMap::from([("cranelift".to_string(), "0.135".to_string())]),
            executable: "e".to_string(),
        },
    }
}

impl Maker {
    /// Programs p, q, r; a baseline, of which `control` is the control.
    pub(super) fn new(name: &'static str) -> Maker {
        let program = |name: &str| Program {
            name: name.to_string(),
            suite: "test".to_string(),
            module_insts: 100,
            scale: None,
        };
        let head = Head {
            format: Head::FORMAT,
            kind: Kind::Times,
            command: "measure".to_string(),
            began: "2026-01-31T12:00:00Z".to_string(),
            settings: Settings {
                size: "quick".to_string(),
                processes: 6,
                iterations: Some(5),
                budget_s: None,
                width: None,
                seed: 1,
                cpu: "host".to_string(),
                bounds_checks: "guard".to_string(),
            },
            programs: ["p", "q", "r"].map(program).to_vec(),
            competitors: Vec::new(),
            baseline: "base".to_string(),
            fingerprint: fingerprint(),
        };
        let maker = Maker {
            name,
            head,
            processes: 6,
            iterations: 5,
            noise: 0.002,
            seed: 1,
            failures: Vec::new(),
            others: Some(0.0),
            edit: |_, _, _, _, _| {},
            times: Vec::new(),
        };
        let mut maker = maker.with("base", 1e6, 1e6).with("control", 1e6, 1e6);
        maker.head.competitors[1].control_of = Some("base".to_string());
        maker
    }

    /// One more competitor, with its times in ns.
    pub(super) fn with(mut self, name: &str, compile_ns: f64, run_ns: f64) -> Maker {
        self.head.competitors.push(competitor(name));
        self.times.push((compile_ns, run_ns));
        self
    }

    /// Without one.
    pub(super) fn without(mut self, name: &str) -> Maker {
        if let Some(place) = self.head.competitors.iter().position(|c| c.name == name) {
            self.head.competitors.remove(place);
            self.times.remove(place);
        }
        self
    }

    /// A family of programs that grow.
    pub(super) fn scaling(mut self, sizes: &[u64]) -> Maker {
        self.head.kind = Kind::Scaling;
        let program = |size: &u64| Program {
            name: format!("blocks-{size}"),
            suite: "scaling".to_string(),
            module_insts: *size,
            scale: Some(Scale {
                family: "blocks".to_string(),
                size: *size,
            }),
        };
        self.head.programs = sizes.iter().map(program).collect();
        self
    }

    fn samples(&self, process: u32, random: &mut Random, rows: &mut Vec<Row>) {
        let factors: Vec<[f64; 2]> = (0..self.times.len() * self.head.programs.len())
            .map(|_| [0, 1].map(|_| (self.noise * random.normal()).exp()))
            .collect();
        for iteration in 0..=self.iterations {
            let mut factor = factors.iter();
            for (number, program) in self.head.programs.iter().enumerate() {
                for (competitor, (compile_ns, run_ns)) in
                    self.head.competitors.iter().zip(&self.times)
                {
                    let of = factor.next().copied().unwrap_or([1.0; 2]);
                    if self
                        .failures
                        .iter()
                        .any(|(p, c, _)| program.name == *p && competitor.name == *c)
                    {
                        continue;
                    }
                    let work = program
                        .scale
                        .as_ref()
                        .map_or(number as f64 + 1.0, |s| s.size as f64);
                    let time = |ns: f64, factor: f64, random: &mut Random| {
                        (ns * work * factor * (1.0 - 0.001 * random.uniform().ln())) as u64
                    };
                    let mut values = BTreeMap::from([
                        (Event::Compile, time(*compile_ns, of[0], random)),
                        (Event::Run, time(*run_ns, of[1], random)),
                    ]);
                    if iteration == 0 {
                        values.insert(Event::CodeBytes, 100 + number as u64);
                    }
                    (self.edit)(
                        process,
                        iteration,
                        &program.name,
                        &competitor.name,
                        &mut values,
                    );
                    rows.push(Row::Sample(Sample {
                        process,
                        iteration,
                        position: 0,
                        at_ms: 0,
                        program: program.name.clone(),
                        competitor: competitor.name.clone(),
                        values,
                    }));
                }
            }
        }
    }

    pub(super) fn session(&self) -> Session {
        let mut random = Random::new(self.seed);
        let mut rows = Vec::new();
        for process in 0..self.processes {
            rows.push(Row::Begin(Begin {
                process,
                seed: 1,
                at_ms: 0,
                fingerprint: self.head.fingerprint.id(),
            }));
            self.samples(process, &mut random, &mut rows);
            for (program, competitor, status) in &self.failures {
                rows.push(Row::Failure(Failure {
                    process,
                    program: (*program).to_string(),
                    competitor: (*competitor).to_string(),
                    status: *status,
                    reason: "it cannot".to_string(),
                }));
            }
            rows.push(Row::End(End {
                process,
                took_ms: 1,
                others: self.others,
                stolen: None,
            }));
        }
        Session::from_rows(Path::new(self.name), &self.head, rows).unwrap()
    }
}
