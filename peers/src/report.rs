//! Medians, ratios and raw rows.

use serde_json::{Value, json};

use crate::engines::Sample;
use crate::options::Options;

/// One sample, and where in the run it was taken.
pub struct Row {
    /// Index of the engine.
    pub engine: usize,
    /// The round.
    pub iteration: usize,
    /// Its place in the order of that round.
    pub position: usize,
    /// What was measured.
    pub sample: Sample,
}

/// All rows of a run.
pub struct Report {
    engines: Vec<String>,
    settings: Value,
    programs: Vec<(String, Vec<Row>)>,
    /// Engines that failed a program.
    pub failures: usize,
}

/// A measured quantity.
type Phase = (&'static str, fn(&Sample) -> u64);

const PHASES: [Phase; 2] = [("run", |s| s.run_ns), ("compile", |s| s.compile_ns)];

impl Report {
    /// An empty report.
    pub fn new(options: &Options, engines: Vec<&str>) -> Report {
        Report {
            engines: engines.into_iter().map(str::to_string).collect(),
            settings: json!({
                "size": options.size.name(),
                "samples": options.samples,
                "seed": options.seed,
            }),
            programs: Vec::new(),
            failures: 0,
        }
    }

    /// Adds a program that every engine ran to a right answer.
    pub fn add(&mut self, program: &str, rows: Vec<Row>) {
        self.programs.push((program.to_string(), rows));
    }

    /// A table for each phase: medians, and in brackets the ratio to the first engine.
    pub fn print(&self) {
        // Room for the longest name, and for a median beside its ratio.
        let longest = self.engines.iter().map(String::len).max();
        let width = longest.unwrap_or(0).max(20) + 2;
        for (phase, value) in PHASES {
            println!(
                "\n{phase}: median milliseconds (ratio to {})",
                self.engines[0]
            );
            print!("{:20}", "");
            for engine in &self.engines {
                print!("{engine:>width$}");
            }
            println!();
            let mut logs = vec![0.0; self.engines.len()];
            for (program, rows) in &self.programs {
                print!("{program:20}");
                let medians = self.medians(rows, value);
                for (median, log) in medians.iter().zip(&mut logs) {
                    let ratio = median / medians[0];
                    *log += ratio.ln();
                    let ratio = format!("({ratio:.2})");
                    let cell = format!("{:.3} {ratio:>8}", median / 1e6);
                    print!("{cell:>width$}");
                }
                println!();
            }
            print!("{:20}", "geometric mean");
            for log in logs {
                let mean = (log / self.programs.len().max(1) as f64).exp();
                print!("{:>width$}", format!("({mean:.2})"));
            }
            println!();
        }
    }

    fn medians(&self, rows: &[Row], value: fn(&Sample) -> u64) -> Vec<f64> {
        let engines = 0..self.engines.len();
        let of = |engine| rows.iter().filter(move |row| row.engine == engine);
        engines
            .map(|engine| median(of(engine).map(|row| value(&row.sample)).collect()))
            .collect()
    }

    /// Everything, raw.
    pub fn json(&self) -> String {
        let mut samples = Vec::new();
        for (program, rows) in &self.programs {
            for row in rows {
                samples.push(json!({
                    "program": program,
                    "engine": self.engines[row.engine],
                    "iteration": row.iteration,
                    "position": row.position,
                    "compile_ns": row.sample.compile_ns,
                    "run_ns": row.sample.run_ns,
                }));
            }
        }
        let all = json!({
            "settings": self.settings,
            "engines": self.engines,
            "failures": self.failures,
            "samples": samples,
        });
        format!("{all:#}\n")
    }
}

/// The middle value; of an even number of values, the mean of the two in the middle. Times are not
/// zero, but a clock may say so: a nanosecond keeps ratios finite.
fn median(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    match values.len() {
        0 => f64::NAN,
        n => ((values[(n - 1) / 2] + values[n / 2]) as f64 / 2.0).max(1.0),
    }
}
