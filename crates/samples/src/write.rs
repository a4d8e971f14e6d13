//! Writing sessions: a head at once, rows as they happen.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::head::Head;
use crate::row::Row;

/// Appends rows to a session.
#[derive(Debug)]
pub struct Writer {
    file: File,
}

impl Writer {
    /// Begins a session: makes the directory and writes the head.
    ///
    /// # Errors
    /// If that cannot be done, or there is a session already.
    pub fn create(dir: &Path, head: &Head) -> io::Result<Writer> {
        fs::create_dir_all(dir)?;
        let path = dir.join("session.json");
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let json = serde_json::to_string_pretty(head)?;
        file.write_all(json.as_bytes())?;
        file.write_all(b"\n")?;
        Writer::append(dir)
    }

    /// Goes on with the session in a directory; a packed one is unpacked. A piece of a row at its end, which a killed
    /// writer left, is removed.
    ///
    /// # Errors
    /// If the file of rows cannot be opened.
    pub fn append(dir: &Path) -> io::Result<Writer> {
        unpack(dir)?;
        let path = dir.join("rows.jsonl");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Writer { file })
    }

    /// Appends a row; when this returns, the system has it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let mut line = serde_json::to_string(row)?;
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }
}

/// Packs a session: `rows.jsonl` becomes `rows.jsonl.gz`. The bytes depend on the rows alone.
///
/// # Errors
/// If a file cannot be read or written; then the rows are where they were.
pub fn pack(dir: &Path) -> io::Result<()> {
    let (plain, packed) = (dir.join("rows.jsonl"), dir.join("rows.jsonl.gz"));
    let mut encoder = GzEncoder::new(File::create(&packed)?, Compression::best());
    encoder.write_all(&fs::read(&plain)?)?;
    encoder.finish()?.sync_all()?;
    fs::remove_file(plain)
}

/// What [`pack`] has packed is as it was; does nothing where nothing is packed.
fn unpack(dir: &Path) -> io::Result<()> {
    let (plain, packed) = (dir.join("rows.jsonl"), dir.join("rows.jsonl.gz"));
    if plain.exists() || !packed.exists() {
        return Ok(());
    }
    let mut rows = Vec::new();
    GzDecoder::new(File::open(&packed)?).read_to_end(&mut rows)?;
    fs::write(&plain, rows)?;
    fs::remove_file(packed)
}
