//! Functions of the runtime that machine code calls.
//!
//! Machine code finds their addresses in a table that the context points to. All take the context
//! first and follow the platform's C convention; they may trap, in which case they do not return. They
//! run on the host's stack, not on the guest's: a shim in front of each switches over
//! (see [`native`](crate::native)), so that a nearly full guest stack is no danger to the host.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::semantics::{quiet32, quiet64};
use bakeoff_ir::{Data, Elem, Func, Function, InstData, Memory, Op, Table, TrapCode, Type, Value};

use crate::context::VmContext;
use crate::instance::call_host;
use crate::native;
use crate::store::Store;

macro_rules! builtins {
    ($($(#[$doc:meta])* $variant:ident $name:ident $shim:ident ($($ty:ident),*) -> ($($result:ident)?);)*) => {
        /// A function of the runtime.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Builtin {
            $($(#[$doc])* $variant,)*
        }

        impl Builtin {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Builtin] = &[$(Builtin::$variant),*];

            /// The name, for listings.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Builtin::$variant => stringify!($name),)*
                }
            }

            /// The types of the parameters behind the context.
            pub const fn params(self) -> &'static [Type] {
                match self {
                    $(Builtin::$variant => &[$(Type::$ty),*],)*
                }
            }

            /// The type of the result.
            pub const fn result(self) -> Option<Type> {
                match self {
                    $(Builtin::$variant => {
                        let result: &[Type] = &[$(Type::$result)?];
                        match result {
                            [ty] => Some(*ty),
                            _ => None,
                        }
                    })*
                }
            }
        }

        /// The table of addresses that the context points to.
        #[repr(C)]
        pub struct Builtins {
            entries: [unsafe extern "C" fn(); Builtin::ALL.len()],
        }

        static TABLE: Builtins = Builtins {
            entries: [$($shim),*],
        };

        $(native::host_stack_shim!($shim, $name);)*
    };
}

builtins! {
    /// Calls an imported function: its number, and the address of the slots.
    HostCall host_call host_call_shim (I32, I64) -> ();
    /// `memory_grow`: memory, pages. The old size, or -1.
    MemoryGrow memory_grow memory_grow_shim (I32, I64) -> (I64);
    /// `memory_fill`: memory, destination, byte, length.
    MemoryFill memory_fill memory_fill_shim (I32, I64, I32, I64) -> ();
    /// `memory_copy`: destination memory and address, source memory and address, length.
    MemoryCopy memory_copy memory_copy_shim (I32, I64, I32, I64, I64) -> ();
    /// `memory_init`: memory, segment, destination, source offset, length.
    MemoryInit memory_init memory_init_shim (I32, I32, I64, I32, I32) -> ();
    /// `data_drop`: segment.
    DataDrop data_drop data_drop_shim (I32) -> ();
    /// `table_grow`: table, reference, number. The old size, or -1.
    TableGrow table_grow table_grow_shim (I32, I64, I32) -> (I32);
    /// `table_fill`: table, index, reference, number.
    TableFill table_fill table_fill_shim (I32, I32, I64, I32) -> ();
    /// `table_copy`: destination table and index, source table and index, number.
    TableCopy table_copy table_copy_shim (I32, I32, I32, I32, I32) -> ();
    /// `table_init`: table, segment, table index, segment index, number.
    TableInit table_init table_init_shim (I32, I32, I32, I32, I32) -> ();
    /// `elem_drop`: segment.
    ElemDrop elem_drop elem_drop_shim (I32) -> ();
    /// `ceil`, for processors without the instruction.
    Ceil32 ceil32 ceil32_shim (F32) -> (F32);
    /// `ceil`.
    Ceil64 ceil64 ceil64_shim (F64) -> (F64);
    /// `floor`.
    Floor32 floor32 floor32_shim (F32) -> (F32);
    /// `floor`.
    Floor64 floor64 floor64_shim (F64) -> (F64);
    /// `trunc`.
    Trunc32 trunc32 trunc32_shim (F32) -> (F32);
    /// `trunc`.
    Trunc64 trunc64 trunc64_shim (F64) -> (F64);
    /// `nearest`.
    Nearest32 nearest32 nearest32_shim (F32) -> (F32);
    /// `nearest`.
    Nearest64 nearest64 nearest64_shim (F64) -> (F64);
    /// `fma`.
    Fma32 fma32 fma32_shim (F32, F32, F32) -> (F32);
    /// `fma`.
    Fma64 fma64 fma64_shim (F64, F64, F64) -> (F64);
}

/// An argument of a builtin, behind the context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    /// A number that is known now.
    Number(u32),
    /// A value.
    Of(Value),
}

/// What machine code calls for an instruction.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeCall {
    /// The function.
    pub builtin: Builtin,
    args: [Argument; 5],
    count: usize,
}

impl RuntimeCall {
    /// What performs an op on memories, tables or segments that is not emitted inline; none for others.
    pub fn of(function: &Function, data: &InstData) -> Option<RuntimeCall> {
        use Argument::{Number, Of};
        let mut operands = [Value(0); 3];
        for (slot, operand) in operands.iter_mut().zip(function.operands(data)) {
            *slot = operand;
        }
        let [x, y, z] = operands.map(Of);
        let (b, c, own) = (Number(data.b), Number(data.c), Number(data.x.into()));
        let (builtin, args): (Builtin, &[Argument]) = match data.op {
            Op::MemoryGrow => (Builtin::MemoryGrow, &[own, x]),
            Op::MemoryFill => (Builtin::MemoryFill, &[b, x, y, z]),
            Op::MemoryCopy => (Builtin::MemoryCopy, &[b, x, c, y, z]),
            Op::MemoryInit => (Builtin::MemoryInit, &[b, c, x, y, z]),
            Op::DataDrop => (Builtin::DataDrop, &[b]),
            Op::TableGrow => (Builtin::TableGrow, &[own, x, y]),
            Op::TableFill => (Builtin::TableFill, &[b, x, y, z]),
            Op::TableCopy if faults::on(Fault::SharedTableCopySwapped) => {
                (Builtin::TableCopy, &[c, x, b, y, z])
            }
            Op::TableCopy => (Builtin::TableCopy, &[b, x, c, y, z]),
            Op::TableInit => (Builtin::TableInit, &[b, c, x, y, z]),
            Op::ElemDrop => (Builtin::ElemDrop, &[b]),
            _ => return None,
        };
        let mut all = [Number(0); 5];
        all[..args.len()].copy_from_slice(args);
        Some(RuntimeCall {
            builtin,
            args: all,
            count: args.len(),
        })
    }

    /// The arguments behind the context.
    pub fn args(&self) -> &[Argument] {
        &self.args[..self.count]
    }
}

impl Builtin {
    /// What computes a floating-point op for processors without the instruction; none for others.
    pub const fn of_float(op: Op, ty: Type) -> Option<Builtin> {
        let narrow = matches!(ty, Type::F32);
        Some(match (op, narrow) {
            (Op::Ceil, true) => Builtin::Ceil32,
            (Op::Ceil, false) => Builtin::Ceil64,
            (Op::Floor, true) => Builtin::Floor32,
            (Op::Floor, false) => Builtin::Floor64,
            (Op::Trunc, true) => Builtin::Trunc32,
            (Op::Trunc, false) => Builtin::Trunc64,
            (Op::Nearest, true) => Builtin::Nearest32,
            (Op::Nearest, false) => Builtin::Nearest64,
            (Op::Fma, true) => Builtin::Fma32,
            (Op::Fma, false) => Builtin::Fma64,
            _ => return None,
        })
    }

    /// Offset of the address in the table, in bytes.
    pub const fn offset(self) -> u32 {
        self as u32 * 8
    }
}

impl Builtins {
    pub(crate) fn table() -> *const Builtins {
        &TABLE
    }
}

/// The store behind a context.
///
/// # Safety
/// The context is that of a live instance whose generated code waits for the builtin, and the
/// reference is gone before that code goes on or other code of the instance is entered.
unsafe fn store<'s>(context: *mut VmContext) -> &'s mut Store {
    // SAFETY: the caller's promise.
    unsafe { &mut *(*context).store }
}

/// Goes on if there is no trap, and else never returns.
///
/// # Safety
/// Called from a builtin on the host stack, as its last action: no destructor of its frame is pending.
unsafe fn check(result: Result<(), TrapCode>) {
    if let Err(code) = result {
        // SAFETY: the caller's promise.
        unsafe { native::raise(code) }
    }
}

// In each of the following, generated code passes the context that it was entered with and waits for
// the return; that is the safety argument of every use of `store`. `check` comes last.

unsafe extern "C" fn host_call(context: *mut VmContext, func: u32, slots: *mut u64) {
    // SAFETY: see above; generated code passes as many slots as the signature needs.
    unsafe { check(call_host(context, Func(func), slots)) }
}

unsafe extern "C" fn memory_grow(context: *mut VmContext, memory: u32, pages: u64) -> u64 {
    // SAFETY: see above.
    unsafe { store(context) }
        .memory_grow(Memory(memory), pages)
        .unwrap_or(match faults::on(Fault::SharedGrowFailureNarrow) {
            true => u32::MAX.into(),
            false => u64::MAX,
        })
}

unsafe extern "C" fn memory_fill(
    context: *mut VmContext,
    memory: u32,
    to: u64,
    byte: u32,
    len: u64,
) {
    let len = match faults::on(Fault::SharedFillLengthCut) {
        true => u64::from(len as u32),
        false => len,
    };
    // SAFETY: see above.
    unsafe { check(store(context).memory_fill(Memory(memory), to, byte as u8, len)) }
}

unsafe extern "C" fn memory_copy(
    context: *mut VmContext,
    to_memory: u32,
    to: u64,
    from_memory: u32,
    from: u64,
    len: u64,
) {
    let (mut to, mut from, mut len) = ((Memory(to_memory), to), (Memory(from_memory), from), len);
    if faults::on(Fault::SharedCopyAscends) && len > 1 {
        let half = len / 2;
        // SAFETY: see above.
        unsafe { check(store(context).memory_copy(to, from, half)) }
        (to.1, from.1, len) = (to.1 + half, from.1 + half, len - half);
    }
    // SAFETY: see above.
    unsafe { check(store(context).memory_copy(to, from, len)) }
}

unsafe extern "C" fn memory_init(
    context: *mut VmContext,
    memory: u32,
    data: u32,
    to: u64,
    from: u32,
    len: u32,
) {
    // SAFETY: see above.
    unsafe { check(store(context).memory_init(Memory(memory), Data(data), to, from, len)) }
}

unsafe extern "C" fn data_drop(context: *mut VmContext, data: u32) {
    // SAFETY: see above.
    unsafe { store(context) }.data_drop(Data(data));
}

unsafe extern "C" fn table_grow(
    context: *mut VmContext,
    table: u32,
    reference: u64,
    count: u32,
) -> u32 {
    // SAFETY: see above.
    match unsafe { store(context) }.table_grow(Table(table), reference, count) {
        Ok(Some(old)) if faults::on(Fault::SharedTableGrowNew) => old + count,
        Ok(old) => old.unwrap_or(u32::MAX),
        // SAFETY: on the host stack, nothing is left to be dropped.
        Err(code) => unsafe { native::raise(code) },
    }
}

unsafe extern "C" fn table_fill(
    context: *mut VmContext,
    table: u32,
    index: u32,
    reference: u64,
    count: u32,
) {
    // SAFETY: see above.
    unsafe { check(store(context).table_fill(Table(table), index, reference, count)) }
}

unsafe extern "C" fn table_copy(
    context: *mut VmContext,
    to_table: u32,
    to: u32,
    from_table: u32,
    from: u32,
    count: u32,
) {
    let (to, from) = ((Table(to_table), to), (Table(from_table), from));
    // SAFETY: see above.
    unsafe { check(store(context).table_copy(to, from, count)) }
}

unsafe extern "C" fn table_init(
    context: *mut VmContext,
    table: u32,
    elem: u32,
    to: u32,
    from: u32,
    count: u32,
) {
    // SAFETY: see above.
    unsafe { check(store(context).table_init(Table(table), Elem(elem), to, from, count)) }
}

unsafe extern "C" fn elem_drop(context: *mut VmContext, elem: u32) {
    // SAFETY: see above.
    unsafe { store(context) }.elem_drop(Elem(elem));
}

macro_rules! rounding {
    ($($name:ident $float:ident $method:ident $quiet:ident;)*) => {$(
        extern "C" fn $name(_: *mut VmContext, a: $float) -> $float {
            $quiet(a.$method())
        }
    )*};
}

rounding! {
    ceil32 f32 ceil quiet32;
    ceil64 f64 ceil quiet64;
    floor32 f32 floor quiet32;
    floor64 f64 floor quiet64;
    trunc32 f32 trunc quiet32;
    trunc64 f64 trunc quiet64;
    nearest32 f32 round_ties_even quiet32;
    nearest64 f64 round_ties_even quiet64;
}

extern "C" fn fma32(_: *mut VmContext, a: f32, b: f32, c: f32) -> f32 {
    if faults::on(Fault::SharedFmaRoundsTwice) {
        return a * b + c;
    }
    a.mul_add(b, c)
}

extern "C" fn fma64(_: *mut VmContext, a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}
