//! Code of a module while it is made, with what still has to be filled in.
//!
//! ```text
//! hot     [g: … being made
//! cold    [traps, rare blocks of g
//! module  [f: hot, cold, tables] [g: goes here when it is done
//! ```
//!
//! Hot and cold part are assemblers of dynasm-rs, which encode instructions. Labels, branches and calls are
//! kept here: a position is an offset in one of the parts, with the top bit set for those in the cold one.
//! When a function is done, both go to the end of the module, and every branch within it is filled in.

use bakeoff_ir::TrapCode;
use dynasmrt::{DynasmApi, VecAssembler};

use crate::machine::Machine;

/// Marks positions in the cold part.
const COLD: u32 = 1 << 31;

const UNBOUND: u32 = u32::MAX;

/// The most bytes of code of a module: distances fit 32 bits with a sign.
pub(crate) const CODE_LIMIT: usize = (1 << 31) - (1 << 16);

/// A place in the code that gets an address, before it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label(u32);

impl Label {
    /// That of a block.
    #[inline]
    pub(crate) fn of(block: bakeoff_ir::Block) -> Label {
        Label(block.0)
    }
}

/// Something at a position that is filled in later.
type At<T> = (u32, T);

/// Where something is referred to that a function does not know the place of.
#[derive(Default)]
struct References {
    calls: Vec<At<u32>>,
    traps: Vec<At<TrapCode>>,
    constants: Vec<At<u32>>,
}

impl References {
    fn clear(&mut self) {
        self.calls.clear();
        self.traps.clear();
        self.constants.clear();
    }

    /// Takes those of a part that begins at `base`.
    fn append(&mut self, part: &mut References, base: u32) {
        fn moved<T>(list: &mut Vec<At<T>>, base: u32) -> impl Iterator<Item = At<T>> {
            list.drain(..).map(move |(at, what)| (at + base, what))
        }
        self.calls.extend(moved(&mut part.calls, base));
        self.traps.extend(moved(&mut part.traps, base));
        self.constants.extend(moved(&mut part.constants, base));
    }
}

/// A part of a function.
struct Part<M: Machine> {
    code: VecAssembler<M::Relocation>,
    references: References,
}

impl<M: Machine> Part<M> {
    fn new() -> Self {
        Part {
            code: VecAssembler::new(0),
            references: References::default(),
        }
    }

    fn len(&self) -> usize {
        self.code.offset().0
    }

    /// Moves everything to the end of a module.
    fn move_to(&mut self, module: &mut Vec<u8>, references: &mut References) {
        references.append(&mut self.references, module.len() as u32);
        // Nobody uses labels of the assembler, so nothing can be left to resolve.
        if let Ok(bytes) = self.code.drain() {
            module.extend(bytes);
        }
    }

    fn clear(&mut self) {
        self.references.clear();
        let _ = self.code.drain().map(drop);
    }
}

/// A table of distances from itself to labels.
struct Table {
    /// The position of the instruction that refers to it.
    at: u32,
    entries: std::ops::Range<usize>,
}

/// Code of a module while it is made.
pub(crate) struct Buffer<M: Machine> {
    /// All functions that are done.
    module: Vec<u8>,
    references: References,
    /// Where the last function that is done begins.
    function_start: usize,
    /// The part that code is appended to: the hot one, or the cold one if `in_cold`.
    active: Part<M>,
    waiting: Part<M>,
    in_cold: bool,
    labels: Vec<u32>,
    branches: Vec<At<Label>>,
    /// The labels of the function's trapping instructions, one for each code that it needs.
    trap_labels: Vec<(TrapCode, Label)>,
    tables: Vec<Table>,
    table_entries: Vec<Label>,
    /// Constants that instructions refer to, and where those refer to them.
    pool: Vec<u64>,
    /// How many of them functions that are done refer to.
    pool_done: usize,
    /// The last constants that were asked for, as indices into `pool`.
    recent: [u32; 8],
    limit: usize,
}

impl<M: Machine> Default for Buffer<M> {
    fn default() -> Self {
        Buffer {
            module: Vec::new(),
            references: References::default(),
            function_start: 0,
            active: Part::new(),
            waiting: Part::new(),
            in_cold: false,
            labels: Vec::new(),
            branches: Vec::new(),
            trap_labels: Vec::new(),
            tables: Vec::new(),
            table_entries: Vec::new(),
            pool: Vec::new(),
            pool_done: 0,
            recent: [0; 8],
            limit: CODE_LIMIT,
        }
    }
}

impl<M: Machine> Buffer<M> {
    /// Forgets everything but the memory, and takes at most `limit` bytes of code from now on.
    pub(crate) fn clear(&mut self, limit: usize) {
        self.module.clear();
        self.references.clear();
        self.pool_done = 0;
        self.recent = [0; 8];
        self.limit = limit;
        self.begin_function(0);
    }

    /// Begins a function, whose blocks have labels; if one has been begun, it is forgotten.
    pub(crate) fn begin_function(&mut self, blocks: usize) {
        self.set_cold(false);
        self.active.clear();
        self.waiting.clear();
        self.pool.truncate(self.pool_done);
        self.labels.clear();
        self.labels.resize(blocks, UNBOUND);
        self.branches.clear();
        self.trap_labels.clear();
        self.tables.clear();
        self.table_entries.clear();
    }

    /// The assembler of the part that is being written.
    #[inline]
    pub(crate) fn code(&mut self) -> &mut VecAssembler<M::Relocation> {
        &mut self.active.code
    }

    /// The part that is written from now on.
    pub(crate) fn set_cold(&mut self, cold: bool) {
        if cold != self.in_cold {
            std::mem::swap(&mut self.active, &mut self.waiting);
            self.in_cold = cold;
        }
    }

    /// Number of bytes in the part that is being written.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    /// Number of bytes of all functions that are done.
    pub(crate) fn module_len(&self) -> usize {
        self.module.len()
    }

    /// Whether there is more code than the limit.
    #[inline]
    pub(crate) fn overflowed(&self) -> bool {
        self.total_len() > self.limit
    }

    /// Number of bytes of everything.
    pub(crate) fn total_len(&self) -> usize {
        let functions = self.module.len() + self.active.len() + self.waiting.len();
        functions + 8 * self.pool.len()
    }

    /// Whether the cold part is being written.
    pub(crate) fn in_cold(&self) -> bool {
        self.in_cold
    }

    /// The limit in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes of heap memory that are held for the next module, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let parts = [&self.active, &self.waiting];
        let references = [&self.references, &parts[0].references, &parts[1].references];
        let listed =
            |r: &&References| r.calls.capacity() + r.traps.capacity() + r.constants.capacity();
        let listed: usize = references.iter().map(listed).sum();
        // What the assemblers keep of a function is of the size of a function.
        2 * self.module.capacity()
            + 8 * (listed + self.branches.capacity() + self.pool.capacity())
            + 4 * (self.labels.capacity() + self.table_entries.capacity())
    }

    // ---- Labels ----------------------------------------------------------------------------------

    #[inline]
    fn here(&self) -> u32 {
        let at = self.active.len() as u32;
        if self.in_cold { at | COLD } else { at }
    }

    /// Makes a label.
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }

    /// Binds a label to here.
    #[inline]
    pub(crate) fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize] = self.here();
    }

    /// How far back a label is, if it is bound and in the part that is being written.
    #[inline]
    pub(crate) fn distance_back(&self, label: Label) -> Option<usize> {
        let at = self.labels[label.0 as usize];
        let known = at != UNBOUND && (at & COLD != 0) == self.in_cold;
        known.then(|| self.active.len() - (at & !COLD) as usize)
    }

    /// The instruction just written leads to a label.
    #[inline]
    pub(crate) fn branch(&mut self, target: Label) {
        let at = self.here();
        self.branches.push((at, target));
    }

    /// The label of a place in the cold part that traps.
    pub(crate) fn trap_label(&mut self, code: TrapCode) -> Label {
        if let Some((_, label)) = self.trap_labels.iter().find(|(known, _)| *known == code) {
            return *label;
        }
        let label = self.label();
        self.trap_labels.push((code, label));
        label
    }

    /// A trap that is still to be placed.
    pub(crate) fn take_trap(&mut self) -> Option<(TrapCode, Label)> {
        self.trap_labels.pop()
    }

    /// A fault of the instruction that is written next is a trap.
    #[inline]
    pub(crate) fn fault(&mut self, code: TrapCode) {
        let at = self.active.len() as u32;
        self.active.references.traps.push((at, code));
    }

    /// The instruction just written calls, or jumps to, a function.
    pub(crate) fn call(&mut self, func: u32) {
        let at = self.active.len() as u32;
        self.active.references.calls.push((at, func));
    }

    /// The instruction just written refers to a table of distances to these labels.
    pub(crate) fn table(&mut self, entries: &[Label]) {
        let start = self.table_entries.len();
        self.table_entries.extend_from_slice(entries);
        let at = self.here();
        self.tables.push(Table {
            at,
            entries: start..self.table_entries.len(),
        });
    }

    /// A constant among those at the end of the module, and its number.
    pub(crate) fn constant(&mut self, bits: u64) -> u32 {
        let known = self
            .recent
            .iter()
            .position(|index| self.pool.get(*index as usize) == Some(&bits));
        if let Some(known) = known {
            return self.recent[known];
        }
        let index = self.pool.len() as u32;
        self.pool.push(bits);
        self.recent[index as usize % 8] = index;
        index
    }

    /// The last word of the instruction just written is the distance to a constant.
    pub(crate) fn refer_to_constant(&mut self, constant: u32) {
        let at = self.active.len() as u32;
        self.active.references.constants.push((at, constant));
    }

    // ---- Ends ------------------------------------------------------------------------------------

    /// Ends a function: the cold part behind the hot one, tables behind that, and every distance. Traps
    /// have been placed.
    pub(crate) fn end_function(&mut self) {
        self.set_cold(false);
        let hot = self.module.len();
        self.function_start = hot;
        self.pool_done = self.pool.len();
        self.active.move_to(&mut self.module, &mut self.references);
        let cold = self.module.len();
        self.waiting.move_to(&mut self.module, &mut self.references);
        let moved = |at: u32| match at & COLD {
            0 => at + hot as u32,
            _ => (at & !COLD) + cold as u32,
        };
        for (at, label) in &self.branches {
            let to = self.labels[label.0 as usize];
            M::link(&mut self.module, moved(*at), moved(to));
        }
        for Table { at, entries } in &self.tables {
            let start = self.module.len().next_multiple_of(4);
            self.module.resize(start, 0);
            for label in &self.table_entries[entries.clone()] {
                let to = moved(self.labels[label.0 as usize]);
                let distance = to as i32 - start as i32;
                self.module.extend_from_slice(&distance.to_le_bytes());
            }
            M::link(&mut self.module, moved(*at), start as u32);
        }
    }

    /// Writes a word of 32 bits over what is at an offset in the function that was ended last.
    pub(crate) fn patch(&mut self, at: usize, word: u32) {
        let at = self.function_start + at;
        self.module[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    /// Fills the module up to a multiple of `align`.
    pub(crate) fn align(&mut self, align: usize, filler: u8) {
        let len = self.module.len().next_multiple_of(align);
        self.module.resize(len, filler);
    }

    /// Fills in the distances between functions, and those to constants, which go to the end. Where the
    /// constants begin, if there are any.
    pub(crate) fn link(&mut self, starts: &[u32]) -> Option<usize> {
        let has_constants = !self.pool.is_empty();
        if has_constants {
            self.align(8, 0);
        }
        let pool = self.module.len();
        let bytes = self.pool.iter().flat_map(|bits| bits.to_le_bytes());
        self.module.extend(bytes);
        for (at, func) in &self.references.calls {
            M::link(&mut self.module, *at, starts[*func as usize]);
        }
        for (at, constant) in &self.references.constants {
            M::link(&mut self.module, *at, pool as u32 + 8 * constant);
        }
        has_constants.then_some(pool)
    }

    /// The number of distances that [`link`](Buffer::link) fills in.
    pub(crate) fn link_count(&self) -> usize {
        self.references.calls.len() + self.references.constants.len()
    }

    /// The bytes of the module, and the places that trap, ascending.
    pub(crate) fn finished(&self) -> (&[u8], &[(u32, TrapCode)]) {
        (&self.module, &self.references.traps)
    }
}
