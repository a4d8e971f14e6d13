//! Compiled machine code of a module, however it was made.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use bakeoff_code_memory::{Arena, CodeMemoryError};
use bakeoff_ir::{Func, Module, TrapCode};

use crate::context::{FuncEntry, VmContext};
use crate::contract::{CodeFacts, CodePart, CodeView, Executable};

/// What a part of the code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartKind {
    /// A function, in the backend's own convention.
    Func(Func),
    /// The entry thunk of a function: `extern "C" fn(context, slots)`.
    Entry(Func),
    /// Something else with a name.
    Other(&'static str),
}

/// A part of the code: addresses from the first byte to one past the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartRange {
    /// What it is.
    pub kind: PartKind,
    /// Where it is.
    pub range: Range<usize>,
}

/// What a backend hands over when its code is in place.
pub struct NativeParts {
    /// The module.
    pub module: Arc<Module>,
    /// Whatever keeps the code in memory as long as it is needed.
    pub keeper: Box<dyn Any + Send + Sync>,
    /// Bytes of code, with constants and jump tables.
    pub code_bytes: usize,
    /// What is known of the code.
    pub facts: CodeFacts,
    /// The parts, ascending and disjoint. A function that escapes has a `Func` part, or
    /// for an import whatever an indirect call should reach, and an `Entry` part if it has a body.
    pub parts: Vec<PartRange>,
    /// Where faults are traps, ascending by address.
    pub traps: Vec<(usize, TrapCode)>,
}

/// Machine code that can be entered.
pub struct NativeCode {
    parts: NativeParts,
    /// The address of each function, or 0.
    funcs: Vec<usize>,
    /// The address of each function's entry thunk, or 0.
    entries: Vec<usize>,
}

impl NativeCode {
    /// Makes the code enterable.
    ///
    /// # Safety
    /// The parts are published machine code that does what the module says, in the conventions that
    /// [`PartKind`] names, and `keeper` keeps it there.
    pub unsafe fn new(parts: NativeParts) -> NativeCode {
        debug_assert!(parts.traps.is_sorted_by(|a, b| a.0 < b.0));
        debug_assert!(
            parts
                .parts
                .is_sorted_by(|a, b| a.range.end <= b.range.start)
        );
        let mut funcs = vec![0; parts.module.funcs.len()];
        let mut entries = funcs.clone();
        for part in &parts.parts {
            match part.kind {
                PartKind::Func(func) => funcs[func.index()] = part.range.start,
                PartKind::Entry(func) => entries[func.index()] = part.range.start,
                PartKind::Other(_) => {}
            }
        }
        NativeCode {
            parts,
            funcs,
            entries,
        }
    }

    /// Copies finished code into the arena and makes it enterable. Ranges of parts and places of traps are
    /// offsets in the code; traps ascend, parts as [`NativeParts`] says.
    ///
    /// # Errors
    /// If there is no executable memory.
    ///
    /// # Safety
    /// The code does what the module says, in the conventions that [`PartKind`] names, wherever it stands.
    pub unsafe fn publish(
        module: &Arc<Module>,
        bytes: &[u8],
        mut parts: Vec<PartRange>,
        traps: &[(u32, TrapCode)],
        facts: CodeFacts,
    ) -> Result<NativeCode, CodeMemoryError> {
        let mut block = Arena::global().allocate(bytes.len())?;
        block.bytes().copy_from_slice(bytes);
        let code = block.publish()?;
        let base = code.address() as usize;
        for part in &mut parts {
            part.range = part.range.start + base..part.range.end + base;
        }
        let at_base = |(at, code): &(u32, TrapCode)| (base + *at as usize, *code);
        let parts = NativeParts {
            module: Arc::clone(module),
            keeper: Box::new(code),
            code_bytes: bytes.len(),
            facts,
            parts,
            traps: traps.iter().map(at_base).collect(),
        };
        // SAFETY: the caller's promise; the code is published, and the keeper owns it.
        Ok(unsafe { NativeCode::new(parts) })
    }

    /// The trap that a fault at `pc` means.
    pub(super) fn trap_at(&self, pc: usize) -> Option<TrapCode> {
        let traps = &self.parts.traps;
        let index = traps
            .binary_search_by_key(&pc, |(address, _)| *address)
            .ok()?;
        Some(traps[index].1)
    }

    /// Whether `pc` is in this code.
    pub(super) fn contains(&self, pc: usize) -> bool {
        let parts = &self.parts.parts;
        let index = parts.partition_point(|part| part.range.end <= pc);
        parts
            .get(index)
            .is_some_and(|part| part.range.contains(&pc))
    }
}

// SAFETY: `new`'s caller promised that the code does what the module says.
unsafe impl Executable for NativeCode {
    fn module(&self) -> &Arc<Module> {
        &self.parts.module
    }

    fn code_bytes(&self) -> usize {
        self.parts.code_bytes
    }

    fn facts(&self) -> CodeFacts {
        self.parts.facts
    }

    fn func_entries(&self) -> Vec<FuncEntry> {
        let module = &self.parts.module;
        let entry = |(index, code): (usize, &usize)| FuncEntry {
            code: *code as *const u8,
            sig: module.funcs[index].sig.0,
            func: index as u32,
        };
        self.funcs.iter().enumerate().map(entry).collect()
    }

    unsafe fn enter(
        &self,
        context: *mut VmContext,
        func: Func,
        slots: *mut u64,
    ) -> Result<(), TrapCode> {
        let thunk = self.entries[func.index()];
        assert_ne!(thunk, 0, "{func} does not escape");
        // SAFETY: the caller's promise; the thunk is part of this code.
        unsafe { super::enter(self, context, thunk as *const u8, slots) }
    }

    fn view(&self) -> CodeView<'_> {
        let name = |kind| match kind {
            PartKind::Func(func) => super::function_name(&self.parts.module, func),
            PartKind::Entry(func) => {
                format!("{} (entry)", super::function_name(&self.parts.module, func))
            }
            PartKind::Other(name) => name.to_string(),
        };
        let part = |part: &PartRange| CodePart {
            name: name(part.kind),
            address: part.range.start as u64,
            // SAFETY: published code is readable and stays as long as self.
            bytes: unsafe {
                std::slice::from_raw_parts(part.range.start as *const u8, part.range.len())
            },
        };
        CodeView::Machine {
            parts: self.parts.parts.iter().map(part).collect(),
            traps: &self.parts.traps,
        }
    }
}
