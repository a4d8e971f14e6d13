//! The arena: chunks, blocks, and the two kinds of handles to them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use memmap2::{Mmap, MmapMut, MmapOptions, MmapRaw};

use crate::icache;

/// Size of a chunk, unless one block needs more.
const CHUNK_BYTES: usize = 64 << 20;

/// Blocks start at multiples of this, a cache line: where code starts changes how fast it runs, and
/// backends are to be compared from the same start.
const BLOCK_ALIGN: usize = 64;

/// `int3` on x86-64; on AArch64 four of them are the undefined instruction 0xcccccccc.
const TRAP_BYTE: u8 = 0xcc;

/// Why executable memory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CodeMemoryError {
    /// The system refused a mapping.
    #[error("cannot map {bytes} bytes of code memory")]
    Map {
        /// Bytes asked for.
        bytes: usize,
        /// What the system said.
        source: io::Error,
    },
}

/// How memory becomes executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Every chunk is mapped twice, writable and executable.
    DualMapping,
    /// Every block is a mapping of its own that changes from writable to executable.
    Protect,
}

/// Where code of all backends lives. Cloning gives another handle to the same arena.
#[derive(Clone)]
pub struct Arena(Arc<Shared>);

struct Shared {
    strategy: Strategy,
    chunks: Mutex<Vec<Chunk>>,
}

/// One file, mapped twice. Both views stay mapped as long as the arena lives.
struct Chunk {
    write: MmapRaw,
    run: Mmap,
    /// Free blocks: offset to length, no two adjacent.
    free: BTreeMap<usize, usize>,
}

/// A block that is being written.
pub struct CodeBuffer {
    len: usize,
    place: Place,
}

/// A block that can run and no longer be written. Dropping it frees the block; whoever drops it
/// vouches that no thread runs in it, see [`CodeBuffer::publish`].
pub struct Code {
    len: usize,
    place: Place,
}

enum Place {
    Chunk(Block),
    Writable(MmapMut),
    Executable(Mmap),
    /// Only for the moment in which a mapping changes its rights.
    Nowhere,
}

/// A block of a chunk, given back on drop.
struct Block {
    arena: Arc<Shared>,
    chunk: usize,
    offset: usize,
    capacity: usize,
    write: *mut u8,
    run: *const u8,
}

// SAFETY: a block is the only one to refer to its bytes, and the views outlive it through `arena`.
unsafe impl Send for Block {}
// SAFETY: shared access only reads the addresses.
unsafe impl Sync for Block {}

impl Arena {
    /// The arena of the process.
    pub fn global() -> &'static Arena {
        static GLOBAL: OnceLock<Arena> = OnceLock::new();
        GLOBAL.get_or_init(|| {
            let dual = Arena::new(Strategy::DualMapping);
            // One allocation tells whether the system has what dual mapping needs.
            match dual.allocate(1) {
                Ok(_) => dual,
                Err(_) => Arena::new(Strategy::Protect),
            }
        })
    }

    /// An arena of its own.
    pub fn new(strategy: Strategy) -> Arena {
        Arena(Arc::new(Shared {
            strategy,
            chunks: Mutex::new(Vec::new()),
        }))
    }

    /// How this arena makes memory executable.
    pub fn strategy(&self) -> Strategy {
        self.0.strategy
    }

    /// A block of `len` bytes of no particular content.
    pub fn allocate(&self, len: usize) -> Result<CodeBuffer, CodeMemoryError> {
        let capacity = len.max(1).next_multiple_of(BLOCK_ALIGN);
        let place = match self.0.strategy {
            Strategy::DualMapping => Place::Chunk(self.0.allocate_block(capacity)?),
            Strategy::Protect => {
                Place::Writable(MmapMut::map_anon(capacity).map_err(map_error(capacity))?)
            }
        };
        Ok(CodeBuffer { len, place })
    }
}

impl Shared {
    /// The chunks are consistent between any two statements that may panic, so a poisoned lock is
    /// as good as a clean one.
    fn lock(&self) -> MutexGuard<'_, Vec<Chunk>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allocate_block(self: &Arc<Self>, capacity: usize) -> Result<Block, CodeMemoryError> {
        let mut chunks = self.lock();
        // The newest chunk has most room; older ones are tried after it.
        let found = chunks
            .iter_mut()
            .enumerate()
            .rev()
            .find_map(|(index, chunk)| Some((index, chunk.take(capacity)?)));
        let (index, offset) = match found {
            Some(found) => found,
            None => {
                let mut chunk = Chunk::new(capacity.max(CHUNK_BYTES))?;
                let offset = chunk.take(capacity).unwrap_or_default();
                chunks.push(chunk);
                (chunks.len() - 1, offset)
            }
        };
        let chunk = &chunks[index];
        Ok(Block {
            arena: Arc::clone(self),
            chunk: index,
            offset,
            capacity,
            write: chunk.write.as_mut_ptr().wrapping_add(offset),
            run: chunk.run.as_ptr().wrapping_add(offset),
        })
    }
}

impl Chunk {
    fn new(bytes: usize) -> Result<Chunk, CodeMemoryError> {
        let error = map_error(bytes);
        // SAFETY: the name is a C string; the call touches no memory of ours.
        let fd = unsafe { libc::memfd_create(c"bakeoff-code".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(error(io::Error::last_os_error()));
        }
        // SAFETY: the descriptor is new and nobody else has it.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(bytes as u64).map_err(error)?;
        let error = map_error(bytes);
        let write = MmapOptions::new()
            .len(bytes)
            .map_raw(&file)
            .map_err(error)?;
        let error = map_error(bytes);
        // SAFETY: no other process has the file, and it never shrinks.
        let run = unsafe { MmapOptions::new().len(bytes).map_exec(&file) }.map_err(error)?;
        Ok(Chunk {
            write,
            run,
            free: BTreeMap::from([(0, bytes)]),
        })
    }

    /// The first free block that is large enough.
    fn take(&mut self, capacity: usize) -> Option<usize> {
        let (offset, len) = self
            .free
            .iter()
            .find(|(_, len)| **len >= capacity)
            .map(|(o, l)| (*o, *l))?;
        self.free.remove(&offset);
        if len > capacity {
            self.free.insert(offset + capacity, len - capacity);
        }
        Some(offset)
    }

    fn give_back(&mut self, mut offset: usize, mut len: usize) {
        // SAFETY: the block lies in the writable view, and its only owner is giving it up.
        unsafe {
            self.write
                .as_mut_ptr()
                .add(offset)
                .write_bytes(TRAP_BYTE, len)
        };
        if let Some((before, before_len)) =
            self.free.range(..offset).next_back().map(|(o, l)| (*o, *l))
            && before + before_len == offset
        {
            self.free.remove(&before);
            offset = before;
            len += before_len;
        }
        if let Some(after_len) = self.free.remove(&(offset + len)) {
            len += after_len;
        }
        self.free.insert(offset, len);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut chunks = self.arena.lock();
        chunks[self.chunk].give_back(self.offset, self.capacity);
    }
}

fn map_error(bytes: usize) -> impl Fn(io::Error) -> CodeMemoryError {
    move |source| CodeMemoryError::Map { bytes, source }
}

impl CodeBuffer {
    /// The bytes, through the writable view.
    pub fn bytes(&mut self) -> &mut [u8] {
        match &mut self.place {
            // SAFETY: the block lies in the writable view, which outlives it, and is borrowed
            // mutably here; nothing runs in it before it is published.
            Place::Chunk(block) => unsafe { std::slice::from_raw_parts_mut(block.write, self.len) },
            Place::Writable(map) => &mut map[..self.len],
            Place::Executable(_) | Place::Nowhere => &mut [],
        }
    }

    /// Where the first byte will run: what relocations are computed against.
    pub fn address(&self) -> *const u8 {
        match &self.place {
            Place::Chunk(block) => block.run,
            Place::Writable(map) => map.as_ptr(),
            Place::Executable(_) | Place::Nowhere => std::ptr::null(),
        }
    }

    /// Ends writing and makes the code runnable.
    ///
    /// # Errors
    /// With [`Strategy::Protect`], if the system refuses to make the mapping executable.
    pub fn publish(mut self) -> Result<Code, CodeMemoryError> {
        let len = self.len;
        self.fill_tail();
        let place = match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Writable(map) => Place::Executable(map.make_exec().map_err(map_error(len))?),
            other => other,
        };
        let code = Code { len, place };
        icache::synchronise(code.address(), len);
        Ok(code)
    }
}

impl CodeBuffer {
    /// Fills what the last cache line has left with traps: running off the end of the code stops.
    fn fill_tail(&mut self) {
        match &mut self.place {
            Place::Chunk(block) => {
                let tail = block.capacity - self.len;
                // SAFETY: the range lies in this block, which nobody else refers to.
                unsafe { block.write.add(self.len).write_bytes(TRAP_BYTE, tail) };
            }
            Place::Writable(map) => map[self.len..].fill(TRAP_BYTE),
            Place::Executable(_) | Place::Nowhere => {}
        }
    }
}

impl Code {
    /// The address of the first byte.
    pub fn address(&self) -> *const u8 {
        match &self.place {
            Place::Chunk(block) => block.run,
            Place::Executable(map) => map.as_ptr(),
            Place::Writable(_) | Place::Nowhere => std::ptr::null(),
        }
    }

    /// The bytes, through the executable view.
    pub fn bytes(&self) -> &[u8] {
        match &self.place {
            // SAFETY: the block lies in the executable view, which is readable and outlives it, and
            // nobody writes to a published block.
            Place::Chunk(block) => unsafe { std::slice::from_raw_parts(block.run, self.len) },
            Place::Executable(map) => &map[..self.len],
            Place::Writable(_) | Place::Nowhere => &[],
        }
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategies() -> [Arena; 2] {
        [
            Arena::new(Strategy::DualMapping),
            Arena::new(Strategy::Protect),
        ]
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn published_code_runs_under_both_strategies() {
        for arena in strategies() {
            let mut buffer = arena.allocate(6).unwrap();
            buffer.bytes().copy_from_slice(&[0xb8, 42, 0, 0, 0, 0xc3]); // mov eax, 42; ret
            let promised = buffer.address();
            let code = buffer.publish().unwrap();
            assert_eq!(code.address(), promised);
            // SAFETY: the bytes are a complete function of this type.
            let f: extern "C" fn() -> i32 = unsafe { std::mem::transmute(code.address()) };
            assert_eq!(f(), 42);
        }
    }

    #[test]
    fn no_mapping_is_writable_and_executable() {
        for arena in strategies() {
            let mut held = Vec::new();
            for len in [1, 100, 5000, 1 << 20] {
                let mut buffer = arena.allocate(len).unwrap();
                buffer.bytes().fill(0x90);
                held.push(buffer.publish().unwrap());
                let pending = arena.allocate(len).unwrap();
                let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
                let both = |line: &&str| {
                    let rights = line.split_whitespace().nth(1).unwrap_or_default();
                    rights.contains('w') && rights.contains('x')
                };
                assert_eq!(maps.lines().find(both), None);
                drop(pending);
            }
        }
    }

    #[test]
    fn freed_blocks_trap_are_joined_and_used_again() {
        let arena = Arena::new(Strategy::DualMapping);
        let first = arena.allocate(1000).unwrap();
        let second = arena.allocate(1000).unwrap();
        let third = arena.allocate(1000).unwrap();
        let start = first.address();
        drop(first);
        drop(third);
        drop(second);
        let mut again = arena.allocate(CHUNK_BYTES).unwrap();
        assert_eq!(
            again.address(),
            start,
            "all three and the rest are one block again"
        );
        assert!(again.bytes()[..3000].iter().all(|b| *b == TRAP_BYTE));
    }

    #[test]
    fn a_block_larger_than_a_chunk_gets_a_chunk_of_its_own() {
        let arena = Arena::new(Strategy::DualMapping);
        let mut large = arena.allocate(CHUNK_BYTES + 1).unwrap();
        assert_eq!(large.bytes().len(), CHUNK_BYTES + 1);
    }
}
