//! Executable memory for generated code: one arena for every native backend.
//!
//! Terms
//! * *Dual mapping*: one anonymous file (`memfd_create`) mapped twice, once readable and writable, once
//!   readable and executable. Code is written through the first view and runs in the second, so no
//!   mapping ever has both rights, and publishing costs no system call.
//! * *Chunk*: one such file with its two views. The arena makes a new one when the last is full.
//! * *Block*: the bytes of one allocation; freed blocks join their neighbours and are used again.
//!
//! ```text
//!           chunk (memfd)
//! write  ┌──────────────┬──────────┬───────────────┐  rw-   CodeBuffer::bytes
//!        │ block A      │ block B  │ free          │
//! run    └──────────────┴──────────┴───────────────┘  r-x   Code::address
//! ```
//!
//! Where `memfd_create` is not to be had, a block is a private mapping of its own that is writable
//! first and executable later ([`Strategy::Protect`]): slower (two system calls a block), equally safe.
//!
//! Freed blocks and the unused end of a published block are filled with trap instructions, so that a jump
//! through a stale address, or running off the end, stops at once.

mod arena;
mod icache;

pub use arena::{Arena, Code, CodeBuffer, CodeMemoryError, Strategy};
