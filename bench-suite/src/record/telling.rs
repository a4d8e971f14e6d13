//! What commands that record say and understand alike.

use std::fmt::Write;
use std::time::Duration;

use bakeoff_samples::{Session, Status};

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
