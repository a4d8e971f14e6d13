//! Copying and patching: code grows here, with what still has to be filled in.
//!
//! ```text
//! hot  [f: …] [cold of f] [g: … being made            what comes is appended, all functions side by side
//! cold                    [traps, rare blocks of g    appended to hot when g is done
//! ```
//!
//! Positions are offsets in one of the two, the cold ones with the top bit set. When a function is done,
//! its cold part moves behind its hot part, and every branch within it is filled.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::TrapCode;

use crate::library::{Stencil, stencil};

/// Bytes that are free before a stencil is copied.
const SLACK: usize = 2 * Stencil::LONGEST;

/// Marks positions in the cold part.
const COLD: u32 = 1 << 31;

/// A place in the code that gets an address, before it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label(u32);

const UNBOUND: u32 = u32::MAX;

/// The most bytes of code of a module: distances fit 32 bits with a sign.
pub(crate) const CODE_LIMIT: usize = (1 << 31) - (1 << 16);

/// Code of a module while it is made.
#[derive(Default)]
pub(crate) struct Buffer {
    /// The part that stencils are copied to: the hot one, or the cold one if `in_cold`.
    active: Part,
    /// The other one.
    waiting: Part,
    in_cold: bool,
    labels: Vec<u32>,
    branches: Vec<(u32, Label)>,
    /// The labels of the function's trapping instructions, one for each code that it needs.
    trap_labels: Vec<(TrapCode, Label)>,
    tables: Vec<Table>,
    table_entries: Vec<Label>,
    /// Calls: position of the distance, and number of the function.
    pub(crate) calls: Vec<(u32, u32)>,
    /// References to constants of the library: position of the distance, which holds the offset.
    pub(crate) pool_references: Vec<u32>,
    pub(crate) traps: Vec<(u32, TrapCode)>,
    cold_calls: Vec<(u32, u32)>,
    cold_pool_references: Vec<u32>,
    cold_traps: Vec<(u32, TrapCode)>,
}

/// Bytes with room behind them.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    len: usize,
    /// Set when there would be more than `limit`; what is in here is then worth nothing.
    overflowed: bool,
    limit: usize,
}

struct Table {
    /// Position of the distance to the table.
    at: u32,
    /// Its entries in `table_entries`.
    entries: std::ops::Range<usize>,
}

impl Part {
    #[inline]
    fn put(&mut self, stencil: Stencil) -> usize {
        if self.bytes.len() - self.len < SLACK {
            self.grow(SLACK);
        }
        let (at, len) = (self.len, stencil.len());
        self.len = at + len;
        if len <= Stencil::SHORT {
            // More than it has, into room that is there: no loop.
            let short = stencil.short();
            self.bytes[at..at + short.len()].copy_from_slice(&short);
        } else {
            self.bytes[at..at + len].copy_from_slice(stencil.long());
        }
        at
    }

    /// Makes room for so many bytes more, or gives up.
    #[cold]
    fn grow(&mut self, more: usize) {
        if self.len + more > self.limit {
            // What comes is written over what is there: nobody will read either.
            self.overflowed = true;
            self.len = 0;
        }
        // No larger than the limit, which is checked only here.
        let new = (self.bytes.len() * 3 / 2).min(self.limit);
        let new = new.max(self.len + more).next_multiple_of(4096);
        if new > self.bytes.len() {
            self.bytes.resize(new, 0);
        }
    }

    #[inline]
    fn word(&mut self, at: usize) -> &mut [u8; 4] {
        match self.bytes[at..].first_chunk_mut() {
            Some(word) => word,
            None => unreachable!("holes lie within stencils"),
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.bytes.len() < self.len + bytes.len() + SLACK {
            self.grow(bytes.len() + SLACK);
        }
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// A stencil that was copied: where, and which.
#[derive(Clone, Copy)]
pub(crate) struct Copied {
    at: usize,
    stencil: Stencil,
}

impl Buffer {
    /// Takes so many bytes of code more.
    pub(crate) fn extend_limit(&mut self, bytes: usize) {
        for part in [&mut self.active, &mut self.waiting] {
            part.limit += bytes;
        }
    }

    /// Forgets everything but the memory, and takes at most `limit` bytes of code from now on.
    pub(crate) fn clear(&mut self, limit: usize) {
        self.set_cold(false);
        for part in [&mut self.active, &mut self.waiting] {
            (part.len, part.limit, part.overflowed) = (0, limit, false);
        }
        self.calls.clear();
        self.pool_references.clear();
        self.traps.clear();
        self.begin_function();
    }

    /// Begins a function: labels of the one before are gone.
    pub(crate) fn begin_function(&mut self) {
        self.set_cold(false);
        self.waiting.len = 0;
        self.labels.clear();
        self.branches.clear();
        self.trap_labels.clear();
        self.tables.clear();
        self.table_entries.clear();
        self.cold_calls.clear();
        self.cold_pool_references.clear();
        self.cold_traps.clear();
    }

    /// Number of bytes in the hot part, which is the active one, and everything, between functions.
    pub(crate) fn len(&self) -> usize {
        self.active.len
    }

    /// Bytes of heap memory that are held for the next module, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let traps = self.traps.capacity() + self.cold_traps.capacity();
        let labels = self.labels.capacity() + self.table_entries.capacity();
        let calls = self.calls.capacity() + self.cold_calls.capacity();
        self.active.bytes.capacity()
            + self.waiting.bytes.capacity()
            + 8 * (traps + self.branches.capacity() + calls)
            + 4 * (labels + self.pool_references.capacity())
    }

    /// Whether there was more code than the limit. The memory may be larger, from a time when that was.
    pub(crate) fn overflowed(&self) -> bool {
        let too_long = |part: &Part| part.overflowed || part.len > part.limit;
        too_long(&self.active) || too_long(&self.waiting)
    }

    /// The bytes; everything is in the hot part between two functions.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.active.bytes[..self.active.len]
    }

    /// Fills up with trapping instructions to a multiple of `align`.
    pub(crate) fn align(&mut self, align: usize, filler: u8) {
        const LONGEST: usize = 64;
        let missing = self.active.len.next_multiple_of(align) - self.active.len;
        self.active
            .append(&[filler; LONGEST][..missing.min(LONGEST)]);
    }

    /// Appends bytes that are no stencil.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.active.append(bytes);
    }

    /// Continues in the cold part, or in the hot one.
    pub(crate) fn set_cold(&mut self, cold: bool) {
        if cold != self.in_cold {
            self.in_cold = cold;
            std::mem::swap(&mut self.active, &mut self.waiting);
        }
    }

    #[inline]
    fn position(&self, at: usize) -> u32 {
        at as u32 | if self.in_cold { COLD } else { 0 }
    }

    /// Copies a stencil.
    #[inline]
    pub(crate) fn put(&mut self, number: u32) -> Copied {
        let stencil = stencil(number);
        debug_assert!(!stencil.is_missing(), "stencil {number} cannot be made");
        let at = self.active.put(stencil);
        Copied { at, stencil }
    }

    /// Notes references to constants of the library; they stand behind `holes` others.
    #[inline]
    pub(crate) fn note_data(&mut self, copied: Copied, holes: usize) {
        for index in 0..copied.stencil.data_holes() {
            let at = copied.at + copied.stencil.hole(holes + index);
            match self.in_cold {
                true => self.cold_pool_references.push(at as u32),
                false => self.pool_references.push(at as u32),
            }
        }
    }

    /// Adds to what is in a hole of 8 bits.
    #[inline]
    pub(crate) fn fill8(&mut self, copied: Copied, hole: usize, value: i32) {
        let at = copied.at + copied.stencil.hole(hole);
        let byte = &mut self.active.bytes[at];
        *byte = byte.wrapping_add(value as u8);
    }

    /// Adds to what is in a hole of 32 bits.
    #[inline]
    pub(crate) fn fill32(&mut self, copied: Copied, hole: usize, value: i32) {
        let at = copied.at + copied.stencil.hole(hole);
        let word = self.active.word(at);
        *word = i32::from_le_bytes(*word).wrapping_add(value).to_le_bytes();
    }

    /// Fills a hole of 64 bits.
    #[inline]
    pub(crate) fn fill64(&mut self, copied: Copied, hole: usize, value: u64) {
        let at = copied.at + copied.stencil.hole(hole);
        self.active.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Makes a label.
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }

    /// Makes as many labels, numbered from 0 in a new function: those of blocks.
    pub(crate) fn make_labels(&mut self, count: usize) {
        self.labels.resize(count, UNBOUND);
    }

    /// The label of a block.
    #[inline]
    pub(crate) fn numbered(number: u32) -> Label {
        Label(number)
    }

    /// Binds a label to here.
    #[inline]
    pub(crate) fn bind(&mut self, label: Label) {
        let at = self.active.len;
        self.labels[label.0 as usize] = self.position(at);
    }

    /// Lets a hole lead to a label.
    #[inline]
    pub(crate) fn branch(&mut self, copied: Copied, hole: usize, target: Label) {
        let at = copied.at + copied.stencil.hole(hole);
        let known = self.labels[target.0 as usize];
        // Back within the same part: final already.
        if known & COLD == 0 && !self.in_cold {
            let distance = known as i32 - (at as i32 + 4);
            *self.active.word(at) = distance.to_le_bytes();
            return;
        }
        self.branches.push((self.position(at), target));
    }

    /// Lets a hole lead to a function of the module.
    pub(crate) fn call(&mut self, copied: Copied, hole: usize, func: u32) {
        let at = (copied.at + copied.stencil.hole(hole)) as u32;
        match self.in_cold {
            true => self.cold_calls.push((at, func)),
            false => self.calls.push((at, func)),
        }
    }

    /// A fault of the instruction that this hole marks is a trap.
    #[inline]
    pub(crate) fn fault(&mut self, copied: Copied, hole: usize, code: TrapCode) {
        let at = (copied.at + copied.stencil.hole(hole)) as u32;
        match self.in_cold {
            true => self.cold_traps.push((at, code)),
            false => self.traps.push((at, code)),
        }
    }

    /// A fault of the first instruction of a stencil is a trap.
    pub(crate) fn trap_here(&mut self, copied: Copied, code: TrapCode) {
        match self.in_cold {
            true => self.cold_traps.push((copied.at as u32, code)),
            false => self.traps.push((copied.at as u32, code)),
        }
    }

    /// The label of a place in the cold part that traps.
    pub(crate) fn trap_label(&mut self, code: TrapCode) -> Label {
        let any = faults::on(Fault::StencilOneTrap);
        let mut labels = self.trap_labels.iter();
        if let Some((_, label)) = labels.find(|(known, _)| any || *known == code) {
            return *label;
        }
        let label = self.label();
        self.trap_labels.push((code, label));
        label
    }

    /// Lets a hole lead to a table of distances to these labels.
    pub(crate) fn table(
        &mut self,
        copied: Copied,
        hole: usize,
        entries: impl Iterator<Item = Label>,
    ) {
        let start = self.table_entries.len();
        self.table_entries.extend(entries);
        self.tables.push(Table {
            at: self.position(copied.at + copied.stencil.hole(hole)),
            entries: start..self.table_entries.len(),
        });
    }

    /// Ends a function: places that trap, the cold part behind the hot one, tables behind that, and
    /// every distance. `trap` is the number of the stencil that faults.
    pub(crate) fn end_function(&mut self, trap: u32) {
        self.set_cold(true);
        for index in 0..self.trap_labels.len() {
            let (code, label) = self.trap_labels[index];
            self.bind(label);
            let copied = self.put(trap);
            self.cold_traps.push((copied.at as u32, code));
        }
        self.set_cold(false);
        let base = self.active.len;
        self.active.append(&self.waiting.bytes[..self.waiting.len]);
        if self.overflowed() {
            // Positions in a part that was begun anew mean nothing.
            return;
        }
        let moved = |at: u32| {
            if at & COLD != 0 {
                (at & !COLD) + base as u32
            } else {
                at
            }
        };
        self.calls.extend(
            self.cold_calls
                .iter()
                .map(|(at, func)| (at + base as u32, *func)),
        );
        self.pool_references
            .extend(self.cold_pool_references.iter().map(|at| at + base as u32));
        self.traps.extend(
            self.cold_traps
                .iter()
                .map(|(at, code)| (at + base as u32, *code)),
        );
        for index in 0..self.branches.len() {
            let (at, label) = self.branches[index];
            let (at, to) = (moved(at), moved(self.labels[label.0 as usize]));
            let distance = to as i32 - (at as i32 + 4);
            *self.active.word(at as usize) = distance.to_le_bytes();
        }
        for index in 0..self.tables.len() {
            let Table { at, ref entries } = self.tables[index];
            let (at, entries) = (moved(at), entries.clone());
            self.active.append(
                &[crate::x64::FILLER; 3][..self.active.len.next_multiple_of(4) - self.active.len],
            );
            let table = self.active.len as i32;
            *self.active.word(at as usize) = (table - (at as i32 + 4)).to_le_bytes();
            for entry in entries {
                let to = moved(self.labels[self.table_entries[entry].0 as usize]);
                self.active.append(&(to as i32 - table).to_le_bytes());
            }
        }
    }
}
