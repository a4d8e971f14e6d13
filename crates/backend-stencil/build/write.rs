//! Writes the library: code, constants and tables.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;

use crate::catalog::{Family, Level, PATTERNS, Pattern, ROWS, SPAN};
use crate::expand::{self, Made};
use crate::x64::encode::Code;

/// A stencil that cannot be made.
const MISSING: u128 = 1 << 30;
/// Bytes of code that stand in a stencil's own record.
const SHORT: usize = 12;
const POOL_LIMIT: usize = 4096;

/// The library in the making.
#[derive(Default)]
pub(crate) struct Library {
    code: Vec<u8>,
    places: HashMap<Vec<u8>, usize>,
    pool: Vec<u8>,
    pool_places: HashMap<Vec<u8>, usize>,
    stencils: Vec<u128>,
    /// By row, level and pattern: a family's first stencil.
    bases: BTreeMap<usize, [[u32; PATTERNS]; 2]>,
    heavy: Vec<(usize, Level)>,
    missing: usize,
}

impl Library {
    /// Adds the stencils of the next family.
    pub(crate) fn add(&mut self, family: &Family, made: &Made) {
        let first = self.stencils.len() as u32;
        let bases = self
            .bases
            .entry(family.row())
            .or_insert([[u32::MAX; PATTERNS]; 2]);
        for level in [Level::Base, Level::V3] {
            if expand::has(level, family) {
                bases[level as usize][family.pattern as usize] = first;
            }
        }
        // A family that stands in the place of another is heavy or not by itself.
        if family.pattern == Pattern::Fixed {
            self.heavy
                .retain(|(row, level)| *row != family.row() || *level < family.level);
        }
        if !made.clobbers.is_empty() {
            let levels = [Level::Base, Level::V3].into_iter();
            let levels = levels.filter(|level| expand::has(*level, family));
            self.heavy.extend(levels.map(|level| (family.row(), level)));
        }
        for code in &made.stencils {
            let packed = match code {
                Some(code) => self.stencil(family, code),
                None => MISSING,
            };
            self.missing += usize::from(code.is_none());
            self.stencils.push(packed);
        }
    }

    fn stencil(&mut self, family: &Family, code: &Code) -> u128 {
        let name = family.name();
        let mut bytes = code.bytes.clone();
        let mut offsets = holes(family, code);
        for (offset, constant) in &code.constants {
            let place = self.constant(constant);
            bytes[*offset..offset + 4].copy_from_slice(&place.to_le_bytes());
            offsets.push(*offset);
        }
        assert!(offsets.len() <= 3, "{name}: {} holes", offsets.len());
        assert!(bytes.len() < 128, "{name}: {} bytes", bytes.len());
        let mut packed = bytes.len() as u128 | (code.constants.len() as u128) << 28;
        for (i, offset) in offsets.iter().enumerate() {
            packed |= (*offset as u128) << (7 + 7 * i);
        }
        if bytes.len() <= SHORT {
            bytes.resize(SHORT, 0);
            for (i, byte) in bytes.iter().enumerate() {
                packed |= u128::from(*byte) << (32 + 8 * i);
            }
            return packed;
        }
        let at = *self.places.entry(bytes).or_insert_with_key(|bytes| {
            let at = self.code.len();
            self.code.extend(bytes);
            at
        });
        packed | (at as u128) << 32
    }

    /// The offset in the pool of a constant, aligned to its size.
    fn constant(&mut self, constant: &[u8]) -> u32 {
        assert!(
            matches!(constant.len(), 4 | 8 | 16),
            "a constant of a strange size"
        );
        let at = *self
            .pool_places
            .entry(constant.to_vec())
            .or_insert_with(|| {
                let at = self.pool.len().next_multiple_of(constant.len());
                self.pool.resize(at, 0);
                self.pool.extend(constant);
                at
            });
        assert!(self.pool.len() < POOL_LIMIT, "too many constants");
        at as u32
    }

    /// Writes everything into a directory.
    pub(crate) fn write(mut self, out: &Path) {
        self.pool.resize(self.pool.len().next_multiple_of(16), 0);
        let text = self.tables();
        for (name, bytes) in [
            ("code.bin", &self.code[..]),
            ("pool.bin", &self.pool),
            ("library.rs", text.as_bytes()),
        ] {
            std::fs::write(out.join(name), bytes).expect("OUT_DIR is writable");
        }
    }

    fn tables(&self) -> String {
        let mut text = String::new();
        // The first entry is that of all rows that there are not.
        let mut index = vec![0u16; ROWS];
        let rows: Vec<usize> = self.bases.keys().copied().collect();
        for (i, row) in rows.iter().enumerate() {
            index[*row] = i as u16 + 1;
        }
        let count = rows.len() + 1;
        writeln!(
            text,
            "static STENCILS: [u128; {}] = {:?};",
            self.stencils.len(),
            self.stencils
        )
        .and_then(|()| writeln!(text, "static ROW_INDEX: [u16; {ROWS}] = {index:?};"))
        .and_then(|()| writeln!(text, "static BASES: [[[u32; {PATTERNS}]; {count}]; 2] = ["))
        .expect("writing to a string");
        let mut heavy = Vec::new();
        for level in [Level::Base, Level::V3] {
            let mut bases = vec![[u32::MAX; PATTERNS]];
            bases.extend(rows.iter().map(|row| self.bases[row][level as usize]));
            writeln!(text, "{bases:?},").expect("writing to a string");
            let mut bits = vec![false];
            bits.extend(rows.iter().map(|row| self.heavy.contains(&(*row, level))));
            heavy.push(bits);
        }
        writeln!(text, "];\nstatic HEAVY: [[bool; {count}]; 2] = {heavy:?};")
            .expect("writing to a string");
        let forms = [Level::Base, Level::V3].map(|level| {
            let is_heavy = |form| {
                self.heavy
                    .iter()
                    .any(|(r, l)| (r / SPAN, *l) == (form, level))
            };
            (0..ROWS / SPAN).map(is_heavy).collect::<Vec<bool>>()
        });
        let count = ROWS / SPAN;
        writeln!(text, "const HEAVY_FORMS: [[bool; {count}]; 2] = {forms:?};")
            .expect("writing to a string");
        text
    }

    /// A line on what was made.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} stencils ({} missing), {} bytes of longer ones, {} of constants",
            self.stencils.len(),
            self.missing,
            self.code.len(),
            self.pool.len()
        )
    }
}

/// Where the holes of a family are in a stencil, in the order of the catalogue.
fn holes(family: &Family, code: &Code) -> Vec<usize> {
    let name = family.name();
    let mut offsets = Vec::new();
    for (i, hole) in family.holes.iter().enumerate() {
        let found: Vec<usize> = code
            .holes
            .iter()
            .filter(|(kind, _)| kind == hole)
            .map(|(_, offset)| *offset)
            .collect();
        let before = family.holes[..i]
            .iter()
            .filter(|kind| *kind == hole)
            .count();
        let listed = family.holes.iter().filter(|kind| *kind == hole).count();
        assert!(!found.is_empty(), "{name}: there is no hole {hole:?}");
        assert!(found.len() <= listed, "{name}: too many holes {hole:?}");
        offsets.push(found[before.min(found.len() - 1)]);
    }
    for (kind, _) in &code.holes {
        assert!(
            family.holes.contains(kind),
            "{name}: an unlisted hole {kind:?}"
        );
    }
    offsets
}
