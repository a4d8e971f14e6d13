//! Runs pieces of machine code with every register given, and looks at every register behind them.
//!
//! ```text
//! run ─► load: all registers but rax ─► prologue: rax ─► code ─► stub of an exit ─► store ─► run
//! ```
//!
//! A stencil may leave by several *exits*. Each has a stub in the block of code, which notes its number.
//! Prologues and stubs know the address of the *record*, from which registers come and to which they go:
//! there is no register to spare for it.

use std::arch::naked_asm;
use std::mem::offset_of;

use bakeoff_backend_stencil::catalog::{FLOAT_REGISTERS, INT_REGISTERS};
use bakeoff_code_memory::{Arena, Code};

/// What registers hold, numbered as in the catalogue.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(C)]
pub(crate) struct State {
    /// The integers.
    pub(crate) ints: [u64; INT_REGISTERS],
    /// The address of the context, r12.
    pub(crate) context: u64,
    /// The base of linear memory, r15.
    pub(crate) memory: u64,
    /// The base of the frame, rsp.
    pub(crate) frame: u64,
    /// The floats, low half first.
    pub(crate) floats: [[u64; 2]; FLOAT_REGISTERS],
}

/// How code was left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// At its end.
    Next,
    /// By the other continuation of a branch.
    Taken,
    /// By the first trap.
    Trap0,
    /// By the second trap.
    Trap1,
    /// By an entry of a table.
    Table0,
    /// By its other entry.
    Table1,
}

impl Exit {
    const ALL: [Exit; 6] = [
        Exit::Next,
        Exit::Taken,
        Exit::Trap0,
        Exit::Trap1,
        Exit::Table0,
        Exit::Table1,
    ];
}

/// What the ways in and out go by.
#[repr(C)]
struct Record {
    state: State,
    exit: u64,
    stack: u64,
}

/// Offset of a field of the state in the record.
macro_rules! at {
    ($field:ident) => {
        offset_of!(Record, state) + offset_of!(State, $field)
    };
}

/// Loads all registers but rax from the record and jumps to a prologue, which rax leads to.
///
/// # Safety
/// Behind the prologue there must be code that may run with this state, and that leaves by a stub; both
/// made for this record.
#[unsafe(naked)]
unsafe extern "sysv64" fn load(record: *mut Record, code: *const u8) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi + {stack}], rsp",
        "mov rax, rsi",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "movups xmm\\n, [rdi + {floats} + 16 * \\n]",
        ".endr",
        "mov rdx, [rdi + {ints} + 8]",
        "mov r10, [rdi + {ints} + 16]",
        "mov rcx, [rdi + {ints} + 24]",
        "mov rbx, [rdi + {ints} + 32]",
        "mov rsi, [rdi + {ints} + 40]",
        "mov rbp, [rdi + {ints} + 56]",
        "mov r8, [rdi + {ints} + 64]",
        "mov r9, [rdi + {ints} + 72]",
        "mov r11, [rdi + {ints} + 80]",
        "mov r13, [rdi + {ints} + 88]",
        "mov r14, [rdi + {ints} + 96]",
        "mov r12, [rdi + {context}]",
        "mov r15, [rdi + {memory}]",
        "mov rsp, [rdi + {frame}]",
        "mov rdi, [rdi + {ints} + 48]",
        "jmp rax",
        stack = const offset_of!(Record, stack),
        ints = const at!(ints),
        floats = const at!(floats),
        context = const at!(context),
        memory = const at!(memory),
        frame = const at!(frame),
    )
}

/// Stores all registers but rax, which holds the record and has been stored, and returns from `load`.
#[unsafe(naked)]
unsafe extern "sysv64" fn store() {
    naked_asm!(
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "movups [rax + {floats} + 16 * \\n], xmm\\n",
        ".endr",
        "mov [rax + {ints} + 8], rdx",
        "mov [rax + {ints} + 16], r10",
        "mov [rax + {ints} + 24], rcx",
        "mov [rax + {ints} + 32], rbx",
        "mov [rax + {ints} + 40], rsi",
        "mov [rax + {ints} + 48], rdi",
        "mov [rax + {ints} + 56], rbp",
        "mov [rax + {ints} + 64], r8",
        "mov [rax + {ints} + 72], r9",
        "mov [rax + {ints} + 80], r11",
        "mov [rax + {ints} + 88], r13",
        "mov [rax + {ints} + 96], r14",
        "mov [rax + {context}], r12",
        "mov [rax + {memory}], r15",
        "mov [rax + {frame}], rsp",
        "mov rsp, [rax + {stack}]",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
        stack = const offset_of!(Record, stack),
        ints = const at!(ints),
        floats = const at!(floats),
        context = const at!(context),
        memory = const at!(memory),
        frame = const at!(frame),
    )
}

/// A record at an address that stays.
pub(crate) struct Machine(Box<Record>);

impl Machine {
    /// A machine with registers of no particular content.
    pub(crate) fn new() -> Machine {
        let state = State {
            ints: [0; INT_REGISTERS],
            context: 0,
            memory: 0,
            frame: 0,
            floats: [[0; 2]; FLOAT_REGISTERS],
        };
        Machine(Box::new(Record {
            state,
            exit: 0,
            stack: 0,
        }))
    }

    /// Begins a block of code for this machine, with constants that code refers to.
    pub(crate) fn block(&mut self, constants: &[u8]) -> Block {
        let record = &raw mut *self.0 as u64;
        let mut block = Block {
            rax: record + at!(ints) as u64,
            bytes: constants.to_vec(),
            stubs: [0; Exit::ALL.len()],
        };
        for exit in Exit::ALL {
            block
                .bytes
                .resize(block.bytes.len().next_multiple_of(16), 0);
            block.stubs[exit as usize] = block.bytes.len();
            block.stub(exit, record);
        }
        block
    }

    /// Runs the code behind a prologue.
    ///
    /// # Safety
    /// It must be code that may run with this state: what it writes is nobody else's, and it leaves by a
    /// stub of its block, which must be one of this machine.
    pub(crate) unsafe fn run(
        &mut self,
        block: &Code,
        prologue: usize,
        state: &State,
    ) -> (State, Exit) {
        assert!(prologue < block.len());
        let record = &raw mut *self.0;
        // SAFETY: the record is ours; the caller vouches for the code.
        unsafe {
            (*record).state = *state;
            load(record, block.address().add(prologue));
            ((*record).state, Exit::ALL[(*record).exit as usize])
        }
    }
}

/// Code in the making. Constants stand at its beginning, which will be aligned to 64 bytes.
pub(crate) struct Block {
    rax: u64,
    bytes: Vec<u8>,
    stubs: [usize; Exit::ALL.len()],
}

impl Block {
    /// `mov [rax's place], rax; mov rax, record; mov qword [rax + exit], number; jmp store`
    fn stub(&mut self, exit: Exit, record: u64) {
        self.bytes.extend([0x48, 0xa3]);
        self.bytes.extend(self.rax.to_le_bytes());
        self.bytes.extend([0x48, 0xb8]);
        self.bytes.extend(record.to_le_bytes());
        self.bytes.extend([0x48, 0xc7, 0x80]);
        self.bytes
            .extend((offset_of!(Record, exit) as u32).to_le_bytes());
        self.bytes.extend((exit as u32).to_le_bytes());
        self.bytes.extend([0xff, 0x25, 0, 0, 0, 0]);
        self.bytes.extend((store as *const () as u64).to_le_bytes());
    }

    /// Appends a prologue, and gives where it is.
    pub(crate) fn prologue(&mut self) -> usize {
        let at = self.bytes.len();
        // mov rax, [its place]
        self.bytes.extend([0x48, 0xa1]);
        self.bytes.extend(self.rax.to_le_bytes());
        at
    }

    /// Appends code, and gives where it is.
    pub(crate) fn append(&mut self, code: &[u8]) -> usize {
        let at = self.bytes.len();
        self.bytes.extend(code);
        at
    }

    /// Appends a jump to an exit.
    pub(crate) fn jump(&mut self, exit: Exit) {
        self.bytes.push(0xe9);
        let at = self.append(&[0; 4]);
        self.relative(at, self.exit(exit));
    }

    /// The place of the stub of an exit.
    pub(crate) fn exit(&self, exit: Exit) -> usize {
        self.stubs[exit as usize]
    }

    /// Sets four bytes to the distance from their end to a place.
    pub(crate) fn relative(&mut self, at: usize, target: usize) {
        let distance = target as i32 - (at as i32 + 4);
        self.field(at, 4).copy_from_slice(&distance.to_le_bytes());
    }

    /// Some bytes.
    pub(crate) fn field(&mut self, at: usize, len: usize) -> &mut [u8] {
        &mut self.bytes[at..at + len]
    }

    /// Makes it runnable.
    pub(crate) fn publish(self) -> Code {
        let mut buffer = Arena::global()
            .allocate(self.bytes.len())
            .expect("the system gives memory for code");
        buffer.bytes().copy_from_slice(&self.bytes);
        buffer.publish().expect("the system lets code run")
    }
}
