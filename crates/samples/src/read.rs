//! Reading sessions back, with suspicion: a figure is never made of what is not surely there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::event::Event;
use crate::head::{Head, Kind};
use crate::row::{Begin, End, Failure, Row, Sample};

/// Why a directory gave no session.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no head.
    #[error("{} is no session: it has no session.json", dir.display())]
    NotASession {
        /// The directory.
        dir: PathBuf,
    },
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}:{line}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The format is another one.
    #[error("{}: format {found}, and this program reads format {}", path.display(), Head::FORMAT)]
    Format {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// No process ended.
    #[error("{}: no process has ended, so there is nothing to show; `measure --out` with the same directory goes on", dir.display())]
    Empty {
        /// The directory.
        dir: PathBuf,
    },
    /// Its processes ran on different machines, or were of different builds.
    #[error("{}: process {process} was measured on another machine or by another build than the session says ({found}, not {expected})", dir.display())]
    Mixed {
        /// The directory.
        dir: PathBuf,
        /// The process.
        process: u32,
        /// Its fingerprint.
        found: String,
        /// The session's.
        expected: String,
    },
}

/// What was left out while reading, and why.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Notice {
    /// A process did not end.
    CutOff {
        /// The process.
        process: u32,
        /// Its samples.
        samples: usize,
    },
    /// The last line is no row: the writer was killed in the middle of it.
    Truncated {
        /// The line, from 1 on.
        line: usize,
    },
    /// A time is zero: no figure is made of this event of this competitor on this program.
    ZeroTime {
        /// The event.
        event: Event,
        /// The program.
        program: String,
        /// The competitor.
        competitor: String,
    },
    /// A number that must be the same each time is not.
    Varies {
        /// The event.
        event: Event,
        /// The program.
        program: String,
        /// The competitor.
        competitor: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::CutOff { process, samples } => write!(
                f,
                "process {process} did not end: its {samples} samples are left out"
            ),
            Notice::Truncated { line } => {
                write!(f, "line {line}, the last one, is cut off and left out")
            }
            Notice::ZeroTime {
                event,
                program,
                competitor,
            } => write!(
                f,
                "{event} of {program} on {competitor} has a time of zero: left out"
            ),
            Notice::Varies {
                event,
                program,
                competitor,
            } => write!(
                f,
                "{event} of {program} on {competitor} is not the same each time: left out"
            ),
        }
    }
}

/// A process that ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Process {
    /// Its beginning.
    pub begin: Begin,
    /// Its samples, in the order in which they were taken.
    pub samples: Vec<Sample>,
    /// Its end.
    pub end: End,
}

/// A session in memory.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// Where it was read.
    pub dir: PathBuf,
    /// The head.
    pub head: Head,
    /// The processes that ended, by number; at least one.
    pub processes: Vec<Process>,
    /// Who is out for which program.
    pub failures: Vec<Failure>,
    /// What was left out.
    pub notices: Vec<Notice>,
    /// By program and competitor: process (index) and sample (index), in order.
    index: BTreeMap<(String, String), Vec<(usize, usize)>>,
}

impl Session {
    /// Reads a session.
    ///
    /// # Errors
    /// If the directory is none, if a file is malformed (other than by its last line), or if nothing in it can be used.
    pub fn open(dir: &Path) -> Result<Session, ReadError> {
        let head = read_head(dir)?;
        let (rows_path, text) = read_rows(dir)?;
        let mut reader = RowReader::new(dir, &rows_path, &head);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (index, line) in lines.iter().enumerate() {
            let is_last = index + 1 == lines.len();
            reader.line(line, index + 1, is_last)?;
        }
        reader.finish()
    }

    /// A session of rows in memory, checked as a file's are; `dir` is only a name.
    ///
    /// # Errors
    /// As [`open`](Session::open).
    pub fn from_rows(dir: &Path, head: &Head, rows: Vec<Row>) -> Result<Session, ReadError> {
        let path = dir.join("rows");
        let mut reader = RowReader::new(dir, &path, head);
        for (index, row) in rows.into_iter().enumerate() {
            reader.row(row, index + 1)?;
        }
        reader.finish()
    }

    /// Why a competitor has no figures for a program, if so.
    pub fn failure(&self, program: &str, competitor: &str) -> Option<&Failure> {
        let is_it = |f: &&Failure| f.program == program && f.competitor == competitor;
        self.failures.iter().find(is_it)
    }

    /// The values of an event, by process and iteration; without the cold iteration, except where there is only
    /// that one ([`Kind::Counts`]). `None` if the competitor failed, was not measured in each process, or a value is unusable.
    ///
    /// Two competitors' values at the same place were measured in the same iteration.
    pub fn series(&self, event: Event, program: &str, competitor: &str) -> Option<Vec<Vec<f64>>> {
        if self.failure(program, competitor).is_some() {
            return None;
        }
        let only_warm = self.head.kind != Kind::Counts;
        let mut values = vec![Vec::new(); self.processes.len()];
        for (process, sample) in self.samples(program, competitor) {
            let Some(value) = sample.values.get(&event).copied() else {
                continue;
            };
            if only_warm && sample.iteration == 0 {
                continue;
            }
            if event.is_time() && value == 0 {
                return None;
            }
            values[process].push(value as f64);
        }
        let complete = !values.is_empty() && values.iter().all(|v| !v.is_empty());
        complete.then_some(values)
    }

    /// A number that is the same each time, such as a size. `None` if the competitor failed, does not know it, or
    /// it is not always the same.
    pub fn fact(&self, event: Event, program: &str, competitor: &str) -> Option<u64> {
        if self.failure(program, competitor).is_some() {
            return None;
        }
        let mut values = self
            .samples(program, competitor)
            .filter_map(|(_, sample)| sample.values.get(&event).copied());
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// All samples that count.
    pub fn sample_count(&self) -> usize {
        self.processes.iter().map(|p| p.samples.len()).sum()
    }

    fn samples(&self, program: &str, competitor: &str) -> impl Iterator<Item = (usize, &Sample)> {
        let key = (program.to_string(), competitor.to_string());
        let places = self.index.get(&key).map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .map(|(process, sample)| (*process, &self.processes[*process].samples[*sample]))
    }
}

/// Reads the head of a session alone.
///
/// # Errors
/// If the directory has none, or it is malformed or of another format.
pub fn read_head(dir: &Path) -> Result<Head, ReadError> {
    let path = dir.join("session.json");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::NotASession {
                dir: dir.to_path_buf(),
            });
        }
        Err(error) => return Err(ReadError::Read { path, error }),
    };
    // The version first: the rest may look different in another one.
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let malformed = |error: serde_json::Error| ReadError::Malformed {
        path: path.clone(),
        line: error.line(),
        message: error.to_string(),
    };
    let version: Version = serde_json::from_slice(&bytes).map_err(malformed)?;
    if version.format != Head::FORMAT {
        let found = version.format;
        return Err(ReadError::Format { path, found });
    }
    serde_json::from_slice(&bytes).map_err(malformed)
}

/// The text of all rows, packed or not, and the file that it is of.
fn read_rows(dir: &Path) -> Result<(PathBuf, String), ReadError> {
    let plain = dir.join("rows.jsonl");
    let packed = dir.join("rows.jsonl.gz");
    let path = if plain.exists() { plain } else { packed };
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| {
        if path.extension().is_some_and(|e| e == "gz") {
            GzDecoder::new(file).read_to_end(&mut bytes)
        } else {
            BufReader::new(file).read_to_end(&mut bytes)
        }
    });
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::Empty {
                dir: dir.to_path_buf(),
            });
        }
        Err(error) => return Err(ReadError::Read { path, error }),
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        ReadError::Malformed {
            path: path.clone(),
            line: good.lines().count().max(1),
            message: "no UTF-8".to_string(),
        }
    })?;
    Ok((path, text))
}

/// Rows on their way into a session.
struct RowReader<'r> {
    dir: &'r Path,
    path: &'r Path,
    head: &'r Head,
    fingerprint: String,
    programs: BTreeSet<&'r str>,
    competitors: BTreeSet<&'r str>,
    /// The process that has begun and not ended.
    open: Option<(Begin, Vec<Sample>, Vec<Failure>)>,
    processes: BTreeMap<u32, Process>,
    failures: Vec<Failure>,
    notices: BTreeSet<Notice>,
}

impl<'r> RowReader<'r> {
    fn new(dir: &'r Path, path: &'r Path, head: &'r Head) -> RowReader<'r> {
        RowReader {
            dir,
            path,
            head,
            fingerprint: head.fingerprint.id(),
            programs: head.programs.iter().map(|p| p.name.as_str()).collect(),
            competitors: head.competitors.iter().map(|c| c.name.as_str()).collect(),
            open: None,
            processes: BTreeMap::new(),
            failures: Vec::new(),
            notices: BTreeSet::new(),
        }
    }

    fn malformed(&self, line: usize, message: impl Into<String>) -> ReadError {
        ReadError::Malformed {
            path: self.path.to_path_buf(),
            line,
            message: message.into(),
        }
    }

    fn line(&mut self, text: &str, line: usize, is_last: bool) -> Result<(), ReadError> {
        match serde_json::from_str::<Row>(text) {
            Ok(row) => self.row(row, line),
            // Rows end with their line: a writer that was killed leaves a piece of the last one.
            Err(_) if is_last && !text.ends_with('\n') => {
                self.notices.insert(Notice::Truncated { line });
                Ok(())
            }
            Err(error) => Err(self.malformed(line, error.to_string())),
        }
    }

    fn row(&mut self, row: Row, line: usize) -> Result<(), ReadError> {
        match row {
            Row::Begin(begin) => self.begin(begin),
            Row::Sample(sample) => {
                self.known(line, &sample.program, &sample.competitor)?;
                match &mut self.open {
                    Some((begin, samples, _)) if begin.process == sample.process => {
                        samples.push(sample);
                        Ok(())
                    }
                    _ => Err(self.malformed(line, "a sample of a process that is not running")),
                }
            }
            Row::Failure(failure) => {
                self.known(line, &failure.program, &failure.competitor)?;
                match &mut self.open {
                    Some((begin, _, failures)) if begin.process == failure.process => {
                        failures.push(failure);
                        Ok(())
                    }
                    _ => Err(self.malformed(line, "a failure of a process that is not running")),
                }
            }
            Row::End(end) => self.end(end, line),
        }
    }

    fn known(&self, line: usize, program: &str, competitor: &str) -> Result<(), ReadError> {
        if !self.programs.contains(program) {
            return Err(self.malformed(line, format!("the head has no program `{program}`")));
        }
        if !self.competitors.contains(competitor) {
            return Err(self.malformed(line, format!("the head has no competitor `{competitor}`")));
        }
        Ok(())
    }

    fn begin(&mut self, begin: Begin) -> Result<(), ReadError> {
        if begin.fingerprint != self.fingerprint {
            return Err(ReadError::Mixed {
                dir: self.dir.to_path_buf(),
                process: begin.process,
                found: begin.fingerprint,
                expected: self.fingerprint.clone(),
            });
        }
        self.cut_off();
        self.open = Some((begin, Vec::new(), Vec::new()));
        Ok(())
    }

    fn end(&mut self, end: End, line: usize) -> Result<(), ReadError> {
        match self.open.take() {
            Some((begin, samples, failures)) if begin.process == end.process => {
                self.failures.extend(failures);
                let process = Process {
                    begin,
                    samples,
                    end,
                };
                self.processes.insert(process.end.process, process);
                Ok(())
            }
            _ => Err(self.malformed(line, "the end of a process that is not running")),
        }
    }

    fn cut_off(&mut self) {
        if let Some((begin, samples, failures)) = self.open.take() {
            // That somebody fails does not depend on who found it.
            self.failures.extend(failures);
            self.notices.insert(Notice::CutOff {
                process: begin.process,
                samples: samples.len(),
            });
        }
    }

    fn finish(mut self) -> Result<Session, ReadError> {
        self.cut_off();
        // Where everybody failed, that is what there is to show.
        let nothing = self.processes.values().all(|p| p.samples.is_empty());
        if self.processes.is_empty() || nothing && self.failures.is_empty() {
            return Err(ReadError::Empty {
                dir: self.dir.to_path_buf(),
            });
        }
        let processes: Vec<Process> = self.processes.into_values().collect();
        let mut index: BTreeMap<(String, String), Vec<(usize, usize)>> = BTreeMap::new();
        for (process, Process { samples, .. }) in processes.iter().enumerate() {
            for (place, sample) in samples.iter().enumerate() {
                let key = (sample.program.clone(), sample.competitor.clone());
                index.entry(key).or_default().push((process, place));
            }
        }
        let mut notices = self.notices;
        for ((program, competitor), places) in &index {
            let samples = places.iter().map(|(p, s)| &processes[*p].samples[*s]);
            notices.extend(unusable(program, competitor, samples));
        }
        Ok(Session {
            dir: self.dir.to_path_buf(),
            head: self.head.clone(),
            processes,
            failures: self.failures,
            notices: notices.into_iter().collect(),
            index,
        })
    }
}

/// What of a competitor's samples cannot be used.
fn unusable<'s>(
    program: &str,
    competitor: &str,
    samples: impl Iterator<Item = &'s Sample>,
) -> Vec<Notice> {
    let mut first: BTreeMap<Event, u64> = BTreeMap::new();
    let mut notices = Vec::new();
    for (event, value) in samples.flat_map(|s| &s.values) {
        let first = *first.entry(*event).or_insert(*value);
        let (event, program, competitor) = (*event, program.to_string(), competitor.to_string());
        if event.is_time() && *value == 0 {
            notices.push(Notice::ZeroTime {
                event,
                program,
                competitor,
            });
        } else if !event.is_time() && *value != first {
            notices.push(Notice::Varies {
                event,
                program,
                competitor,
            });
        }
    }
    notices
}
