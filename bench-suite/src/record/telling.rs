//! What commands that record say and understand alike.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bakeoff_samples::{Event, Program, Session, Status};
use bakeoff_statistics::{Bootstrap, Estimate, FEWEST_TO_STOP, Series, enough};

use super::Share;

/// A time on a command line: `90s`, `10m`, `2h`.
///
/// # Errors
/// If it is none, or nothing.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write 90s, 10m or 2h");
    let (number, unit_s) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit_s).filter(|seconds| *seconds > 0);
    Ok(Duration::from_secs(seconds.ok_or_else(wrong)?))
}

/// What is taken if neither a time nor a number of iterations is given.
const DEFAULT_BUDGET: Duration = Duration::from_secs(600);

/// The time for a whole session, if there is a limit to it.
pub fn budget(given: Option<Duration>, iterations: Option<u32>) -> Option<Duration> {
    given.or(match iterations {
        None => Some(DEFAULT_BUDGET),
        Some(_) => None,
    })
}

/// Where a session goes if nobody says where; `began` as in its head.
pub fn default_dir(prefix: &str, began: &str) -> PathBuf {
    let time: String = began.chars().filter(|c| *c != ':').collect();
    PathBuf::from("measurements").join(format!("{prefix}{time}"))
}

/// The command of a child that does a share: this program with the same arguments, and `--worker` and `--worker-ms`.
///
/// # Errors
/// If the system does not say which program this is.
pub fn workers() -> io::Result<impl Fn(&Share) -> Command> {
    let program = std::env::current_exe()?;
    Ok(move |share: &Share| {
        let mut command = Command::new(&program);
        command.args(std::env::args_os().skip(1));
        command.arg(format!("--worker={}", share.process));
        if let Some(time) = share.time {
            command.arg(format!("--worker-ms={}", time.as_millis()));
        }
        command
    })
}

/// The command that this process was started with, under the name that people know, with quotes where a shell wants
/// them.
pub fn command_line(name: &str) -> String {
    let arguments = std::env::args_os().skip(1);
    let quoted = arguments.map(|argument| quote(&argument.to_string_lossy()));
    let words: Vec<String> = std::iter::once(name.to_string()).chain(quoted).collect();
    words.join(" ")
}

fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:%+".contains(c);
    match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.to_string(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}

/// What a session has, who is out and what was left out, and what to do with it.
pub fn summary(session: &Session) -> String {
    let dir = session.dir.display();
    let mut text = format!(
        "{dir}: {} processes, {} samples of {} programs on {} competitors\n",
        session.processes.len(),
        session.sample_count(),
        session.head.programs.len(),
        session.head.competitors.len(),
    );
    // Writing to a string cannot fail.
    for notice in &session.notices {
        let _ = writeln!(text, "{notice}");
    }
    for failure in &session.failures {
        let _ = writeln!(
            text,
            "{} on {}: {}: {}",
            failure.program,
            failure.competitor,
            failure.status.name(),
            failure.reason
        );
    }
    let _ = writeln!(
        text,
        "`bakeoff report {dir}` makes figures and tables of it"
    );
    text
}

/// Whether the 95 % intervals of all mean ratios of compile and run time to the baseline are within `width` on either
/// side, from enough processes to believe it.
pub fn is_narrow(session: &Session, width: f64) -> bool {
    session.processes.len() >= FEWEST_TO_STOP && enough(&mean_ratios(session), width)
}

/// The mean ratio of every competitor, of compile and run time, over the programs that it shares with the baseline.
fn mean_ratios(session: &Session) -> Vec<Estimate> {
    let head = &session.head;
    let bootstrap = Bootstrap::default();
    let mut ratios = Vec::new();
    for event in [Event::Compile, Event::Run] {
        let series = |competitor: &str| -> Vec<Option<Vec<Vec<f64>>>> {
            let programs = head.programs.iter();
            let of = |program: &Program| session.series(event, &program.name, competitor);
            programs.map(of).collect()
        };
        let base = series(&head.baseline);
        for competitor in head.competitors.iter().filter(|c| c.name != head.baseline) {
            let own = series(&competitor.name);
            let both = own.iter().zip(&base);
            let pairs: Vec<(&Series, &Series)> = both
                .filter_map(|(own, base)| Some((own.as_deref()?, base.as_deref()?)))
                .collect();
            ratios.extend(bootstrap.mean_ratio(&pairs));
        }
    }
    ratios
}

/// Whether nobody answered wrongly or trapped.
pub fn is_good(session: &Session) -> bool {
    let mut failures = session.failures.iter();
    failures.all(|failure| failure.status == Status::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse_time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_time("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_time("2h"), Ok(Duration::from_secs(7200)));
        for wrong in [
            "",
            "s",
            "0s",
            "10",
            "-1m",
            "1.5h",
            "10é",
            "99999999999999999999h",
        ] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quote("--backends=a,b"), "--backends=a,b");
        assert_eq!(quote("my file's.ir"), r"'my file'\''s.ir'");
        assert_eq!(quote(""), "''");
    }
}
