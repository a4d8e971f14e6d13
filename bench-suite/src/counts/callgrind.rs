//! Callgrind: how it is told what to count, and how its files are read.
//!
//! Counting is off until one function of the worker is entered, and a part is dumped whenever it is left:
//!
//! ```text
//! counted ──► OUT.1   part: 1
//! counted ──► OUT.2   desc: Trigger: --dump-after=…counted
//! counted ──► OUT.3   totals: 123456
//! ```
//!
//! Source: Valgrind user manual, 6.2.2 (dumps, toggling) and 6.4 (options); Callgrind format specification, section
//! 3.1.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::worker::{COUNTED, COUNTED_A_PROGRAM};

/// The version that valgrind tells; `None` if it is not installed.
pub fn valgrind() -> Option<String> {
    let output = Command::new("valgrind")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    let is_one = output.status.success() && version.starts_with("valgrind-");
    is_one.then(|| version.trim().to_string())
}

/// The command under callgrind, which writes its dumps to files that begin with `out`.
pub(super) fn under_callgrind(command: &Command, out: &Path) -> Command {
    let mut wrapped = Command::new("valgrind");
    wrapped.args(["--quiet", "--tool=callgrind", "--collect-atstart=no"]);
    wrapped.arg(format!("--toggle-collect={COUNTED}"));
    wrapped.arg(format!("--dump-after={COUNTED}"));
    let mut file = OsString::from("--callgrind-out-file=");
    file.push(out);
    wrapped.arg(file);
    wrapped.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        wrapped.current_dir(dir);
    }
    wrapped
}

/// The dumps of a process, in the order in which they are written.
pub(super) struct Dumps {
    out: PathBuf,
    next: u32,
}

/// A file of callgrind's that does not say what it should.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct DumpError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

impl Dumps {
    pub(super) fn new(out: &Path) -> Dumps {
        Dumps {
            out: out.to_path_buf(),
            next: 1,
        }
    }

    /// The instructions executed of the next program's dumps, as far as they are there. They are removed.
    pub(super) fn read(&mut self) -> Result<Vec<u64>, DumpError> {
        let mut found = Vec::new();
        for _ in 0..COUNTED_A_PROGRAM {
            let mut path = self.out.clone().into_os_string();
            path.push(format!(".{}", self.next));
            let path = PathBuf::from(path);
            if !path.exists() {
                break;
            }
            let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
            let parsed = read.and_then(|text| parse(&text));
            found.push(parsed.map_err(|what| DumpError {
                path: path.clone(),
                what,
            })?);
            self.next += 1;
            // A file that stays takes space and nothing else.
            let _ = std::fs::remove_file(path);
        }
        Ok(found)
    }
}

/// The instructions executed that a dump tells.
fn parse(text: &str) -> Result<u64, String> {
    let after = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let events = after("events:").map(str::trim);
    if events != Some("Ir") {
        return Err(format!("counts {events:?} instead of instructions"));
    }
    if !after("desc: Trigger:").is_some_and(|trigger| trigger.ends_with(COUNTED)) {
        return Err(format!("is not of {COUNTED}"));
    }
    let totals = after("totals:").and_then(|count| count.trim().parse().ok());
    totals.ok_or_else(|| "has no total".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 7\ncmd: a\npart: 2\n\n\n\
        desc: I1 cache: \n\ndesc: Timerange: Basic block 0 - 9\n\
        desc: Trigger: --dump-after=bakeoff_bench_suite::counts::worker::counted\n\n\
        positions: line\nevents: Ir\nsummary: 1234\n\n\nfn=(1) f\n16 400\n\ntotals: 1234\n";

    #[test]
    fn a_dump_says_how_much_was_executed() {
        assert_eq!(parse(DUMP), Ok(1234));
    }

    #[test]
    fn anything_else_is_an_error() {
        let refused = |old: &str, new: &str| parse(&DUMP.replace(old, new)).unwrap_err();
        assert!(refused(COUNTED, "main").contains("is not of"));
        assert!(refused("desc: Trigger", "desc: Reason").contains("is not of"));
        assert!(refused("1234", "many").contains("no total"));
        assert!(refused("events: Ir", "events: Ir Dr").contains("Ir Dr"));
        assert!(parse("").is_err());
    }

    #[test]
    fn the_command_stays_what_it_is() {
        let mut command = Command::new("a");
        command.args(["b", "c d"]).env("E", "f");
        let wrapped = under_callgrind(&command, Path::new("/out"));
        let args: Vec<_> = wrapped.get_args().collect();
        assert_eq!(args[args.len() - 3..], ["a", "b", "c d"]);
        assert!(args.contains(&"--callgrind-out-file=/out".as_ref()));
        assert!(wrapped.get_envs().any(|(name, _)| name == "E"));
    }
}
