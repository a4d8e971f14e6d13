//! What the host provides: functions, global values, and limits of memories and tables.
//!
//! An instance is closed: imported memories, tables and globals are made afresh from what [`Imports`]
//! says about them and are not shared with other instances. A host function sees the instance that
//! calls it through a [`Caller`] and may call back into it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bakeoff_ir::{ImportName, Scalar, Signature};

use crate::context::VmContext;
use crate::instance::{self, CallError};

/// Why a host function failed. It reaches the caller of the instance as a trap with the code
/// [`Host`](bakeoff_ir::TrapCode::Host).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HostError {
    /// The function says so.
    #[error("{0}")]
    Failed(String),
    /// The function panicked; the panic ended at the boundary.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The function returned something that its signature does not say.
    #[error("returned {got} values where the signature has {expected}")]
    WrongResults {
        /// Results of the signature.
        expected: usize,
        /// Results that came.
        got: usize,
    },
    /// A call back into the instance trapped.
    #[error(transparent)]
    Trapped(Box<instance::Trap>),
}

/// The code of a host function: reads arguments from the slots, leaves results there.
type HostCode = dyn Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), HostError> + Send + Sync;

/// A function of the host.
#[derive(Clone)]
pub struct HostFunc {
    signature: Signature,
    code: Arc<HostCode>,
}

impl HostFunc {
    /// A function over values.
    pub fn new(
        signature: Signature,
        code: impl Fn(&mut Caller<'_>, &[Scalar]) -> Result<Vec<Scalar>, HostError>
        + Send
        + Sync
        + 'static,
    ) -> HostFunc {
        let types = signature.clone();
        HostFunc::over_slots(signature, move |caller, slots| {
            let typed = types.params.iter().zip(slots.iter());
            let args: Vec<Scalar> = typed.map(|(ty, bits)| Scalar::new(*ty, *bits)).collect();
            let results = code(caller, &args)?;
            let fits = results
                .iter()
                .map(|r| r.ty())
                .eq(types.results.iter().copied());
            if !fits {
                return Err(HostError::WrongResults {
                    expected: types.results.len(),
                    got: results.len(),
                });
            }
            for (slot, result) in slots.iter_mut().zip(&results) {
                *slot = result.bits();
            }
            Ok(())
        })
    }

    /// A function over slots, which allocates nothing: the arguments stand in the first slots,
    /// zero-extended; there are as many slots as the greater of parameters and results. Bits of a
    /// result beyond its type are ignored.
    pub fn over_slots(
        signature: Signature,
        code: impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), HostError> + Send + Sync + 'static,
    ) -> HostFunc {
        HostFunc {
            signature,
            code: Arc::new(code),
        }
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.signature
            .params
            .len()
            .max(self.signature.results.len())
    }

    pub(crate) fn call(&self, caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), HostError> {
        (self.code)(caller, slots)
    }
}

impl fmt::Debug for HostFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFunc")
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

/// A memory that the host provides: its limits, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostMemory {
    /// Initial size.
    pub pages: u64,
    /// Greatest size.
    pub max_pages: Option<u64>,
}

/// A table that the host provides: its limits, in entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostTable {
    /// Initial size.
    pub entries: u32,
    /// Greatest size.
    pub max_entries: Option<u32>,
}

/// Everything that the host provides, by name.
#[derive(Clone, Debug, Default)]
pub struct Imports {
    pub(crate) funcs: HashMap<ImportName, HostFunc>,
    pub(crate) globals: HashMap<ImportName, Scalar>,
    pub(crate) memories: HashMap<ImportName, HostMemory>,
    pub(crate) tables: HashMap<ImportName, HostTable>,
}

fn import_name(module: &str, name: &str) -> ImportName {
    ImportName {
        module: module.to_string(),
        name: name.to_string(),
    }
}

impl Imports {
    /// No imports.
    pub fn new() -> Imports {
        Imports::default()
    }

    /// Provides a function.
    pub fn func(&mut self, module: &str, name: &str, func: HostFunc) -> &mut Self {
        self.funcs.insert(import_name(module, name), func);
        self
    }

    /// Provides the value of a global.
    pub fn global(&mut self, module: &str, name: &str, value: Scalar) -> &mut Self {
        self.globals.insert(import_name(module, name), value);
        self
    }

    /// Provides a memory.
    pub fn memory(&mut self, module: &str, name: &str, memory: HostMemory) -> &mut Self {
        self.memories.insert(import_name(module, name), memory);
        self
    }

    /// Provides a table.
    pub fn table(&mut self, module: &str, name: &str, table: HostTable) -> &mut Self {
        self.tables.insert(import_name(module, name), table);
        self
    }
}

/// The instance that calls a host function, as the function sees it.
pub struct Caller<'i> {
    context: *mut VmContext,
    /// The calling instance is borrowed for the duration of the call.
    instance: std::marker::PhantomData<&'i mut ()>,
}

impl Caller<'_> {
    /// # Safety
    /// `context` is that of a live instance which nobody else uses while the caller exists.
    pub(crate) unsafe fn new(context: *mut VmContext) -> Self {
        Caller {
            context,
            instance: std::marker::PhantomData,
        }
    }

    /// The bytes of an exported memory.
    pub fn memory(&mut self, export: &str) -> Option<&mut [u8]> {
        // SAFETY: the context is live by the promise of `new`, and the borrow ends before generated
        // code can run again.
        unsafe { instance::exported_memory(self.context, export) }
    }

    /// Calls an exported function of the same instance.
    ///
    /// # Errors
    /// As for [`Instance::call`](crate::Instance::call). A trap ends that call only; return it as
    /// [`HostError::Trapped`] to pass it on.
    pub fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, CallError> {
        // SAFETY: the context is live by the promise of `new`; generated code of the outer call waits
        // for this host function.
        unsafe { instance::call_export(self.context, export, args) }
    }
}
