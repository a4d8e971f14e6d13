//! The loop that executes instructions.
//!
//! Safety of the raw accesses rests on what `translate` guarantees: every slot that an instruction names
//! lies in the frame (`FuncCode::frame_slots`), which was checked to lie in the stack when the function
//! was entered; every branch leads to an instruction of the same function; and every function ends in
//! instructions that leave it.

use std::cell::{Cell, UnsafeCell};
use std::ptr;

use bakeoff_backend::context::offset;
use bakeoff_backend::{MemoryView, TableView, VmContext, call_foreign, call_host};
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::semantics::{quiet32, quiet64};
use bakeoff_ir::{Func, Memory, Sig, TrapCode};

use crate::InterpCode;
use crate::code::{Code, Insn, for_each_code};
use crate::store_op::perform;
use crate::translate::{FuncCode, IndirectCall};

/// Words of frames of one thread: as much as native code has.
const STACK_WORDS: usize = (8 << 20) / 8;

/// Bytes of stack slots of one thread.
const SLOT_BYTES: usize = 8 << 20;

/// Where frames and stack slots of a thread are. Both are reached through raw pointers.
pub(crate) struct Stack {
    words: Box<[UnsafeCell<u64>]>,
    slots: Box<[UnsafeCell<u128>]>,
    /// The first word that no frame uses, for entries from host functions.
    top: Cell<usize>,
    /// The first byte that no stack slot uses.
    slots_top: Cell<usize>,
}

impl Stack {
    fn new() -> Stack {
        // SAFETY: zero is a value of both. The memory comes from the system as it is touched.
        let (words, slots) = unsafe {
            (
                Box::new_zeroed_slice(STACK_WORDS).assume_init(),
                Box::new_zeroed_slice(SLOT_BYTES / 16).assume_init(),
            )
        };
        Stack {
            words,
            slots,
            top: Cell::new(0),
            slots_top: Cell::new(0),
        }
    }

    fn words(&self) -> *mut u64 {
        self.words.as_ptr().cast_mut().cast()
    }
}

thread_local! {
    static STACK: Stack = Stack::new();
}

/// A value as a slot holds it.
trait SlotValue: Copy {
    fn from_slot(slot: u64) -> Self;
    fn to_slot(self) -> u64;
    /// The constant in the low half of a fused branch.
    fn from_half(half: u32) -> Self;
}

macro_rules! int_slot_values {
    ($($ty:ident as $unsigned:ident, $half:ident;)*) => {$(
        impl SlotValue for $ty {
            #[inline(always)]
            fn from_slot(slot: u64) -> Self {
                slot as $ty
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                u64::from(self as $unsigned)
            }
            #[inline(always)]
            fn from_half(half: u32) -> Self {
                half as $half as $ty
            }
        }
    )*};
}

int_slot_values! {
    u8 as u8, u32;
    i8 as u8, u32;
    u16 as u16, u32;
    i16 as u16, u32;
    u32 as u32, u32;
    i32 as u32, u32;
    u64 as u64, i32;
    i64 as u64, i32;
}

impl SlotValue for f32 {
    #[inline(always)]
    fn from_slot(slot: u64) -> Self {
        f32::from_bits(slot as u32)
    }
    #[inline(always)]
    fn to_slot(self) -> u64 {
        self.to_bits().into()
    }
    #[inline(always)]
    fn from_half(half: u32) -> Self {
        f32::from_bits(half)
    }
}

impl SlotValue for f64 {
    #[inline(always)]
    fn from_slot(slot: u64) -> Self {
        f64::from_bits(slot)
    }
    #[inline(always)]
    fn to_slot(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn from_half(half: u32) -> Self {
        f64::from(f32::from_bits(half))
    }
}

/// The divisor, if it is not zero.
fn nonzero<T: PartialEq + Default>(divisor: T) -> Result<T, TrapCode> {
    match divisor == T::default() {
        true => Err(TrapCode::IntegerDivisionByZero),
        false => Ok(divisor),
    }
}

/// Runs a function from outside.
///
/// # Safety
/// As for `Executable::enter`, with `code` that of the context's module.
pub(crate) unsafe fn enter(
    code: &InterpCode,
    context: *mut VmContext,
    func: Func,
    slots: *mut u64,
) -> Result<(), TrapCode> {
    // What a `Call` that returns to the outside would be.
    static OUTSIDE: [Insn; 2] = [insn(Code::Call), insn(Code::Halt)];
    const fn insn(code: Code) -> Insn {
        Insn {
            code,
            a: 0,
            b: 0,
            c: 0,
            imm: 0,
        }
    }
    let module = &code.module;
    let signature = module.func_sig(func);
    let (params, results) = (signature.params.len(), signature.results.len());
    let result = STACK.try_with(|stack| {
        let callee = &code.funcs[func.index()];
        let (top, slots_top) = (stack.top.get(), stack.slots_top.get());
        // One word for a result, two for the link.
        let base = top + 3;
        if base + callee.frame_slots as usize > STACK_WORDS {
            return Err(TrapCode::StackOverflow);
        }
        // SAFETY: the frame was just checked to fit; the caller promises the slots; a nested entry
        // begins at `top`, above all frames that wait.
        let result = unsafe {
            let outer = stack.words().add(top);
            let frame = outer.add(3);
            ptr::copy_nonoverlapping(slots, frame, params);
            frame.sub(2).write(OUTSIDE.as_ptr().add(1) as u64);
            frame.sub(1).write(outer as u64);
            let result = run(code, context, callee.code.as_ptr(), frame, stack);
            let from = if results == 1 { outer } else { frame };
            if result.is_ok() {
                ptr::copy_nonoverlapping(from, slots, results);
            }
            result
        };
        stack.top.set(top);
        stack.slots_top.set(slots_top);
        result
    });
    // A thread that is ending has no stack any more.
    result.unwrap_or(Err(TrapCode::StackOverflow))
}

macro_rules! define_run {
    (
        commutative { $($c_rr:ident $c_ri:ident $c_ty:ident |$c_x:ident, $c_y:ident| $c_e:expr;)* }
        ordered { $($o_rr:ident $o_ri:ident $o_ir:ident $o_ty:ident |$o_x:ident, $o_y:ident| $o_e:expr;)* }
        compare { $($p_rr:ident $p_ri:ident $p_brr:ident $p_bri:ident $p_ty:ident |$p_x:ident, $p_y:ident| $p_e:expr;)* }
        unary { $($u:ident $u_ty:ident |$u_x:ident| $u_e:expr;)* }
        trapping_binary { $($t_rr:ident $t_ri:ident $t_ty:ident |$t_x:ident, $t_y:ident| $t_e:expr;)* }
        load { $($l:ident $l_abs:ident $l_add:ident $l_index:ident $l_ty:ident => $l_to:ident;)* }
        store { $($s:ident $s_i:ident $s_abs:ident $s_add:ident $s_index:ident $s_ty:ident;)* }
        other { $($other:ident)* }
    ) => {
        /// Executes from `pc` in `frame` until the call from outside ends.
        ///
        /// # Safety
        /// `pc` and `frame` belong to a function of `code` that was entered as the module describes,
        /// and the context to a live instance of it.
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "an unordered comparison is the negation of an ordered one")]
        unsafe fn run(
            code: &InterpCode,
            context: *mut VmContext,
            mut pc: *const Insn,
            mut frame: *mut u64,
            stack: &Stack,
        ) -> Result<(), TrapCode> {
            // SAFETY: the whole body relies on what the module documentation says.
            unsafe {
                let stack_end = stack.words().add(STACK_WORDS).cast_const();
                let memory_at = code.layout.memory(Memory(0));
                let has_memory = !code.module.memories.is_empty();
                let view = || match has_memory {
                    true => context.byte_add(memory_at as usize).cast::<MemoryView>().read(),
                    false => MemoryView { base: ptr::null_mut(), bytes: 0 },
                };
                let MemoryView { base: memory, bytes: mut memory_bytes } = view();

                macro_rules! get {
                    ($slot:expr) => { *frame.add($slot as usize) };
                }
                macro_rules! set {
                    ($slot:expr, $value:expr) => {{
                        let value = $value;
                        *frame.add($slot as usize) = value.to_slot();
                    }};
                }
                // Goes on with the instruction at a distance. Every arm does that for itself, so that
                // what all of them jump back to is short: it has to fit into 16 bytes, else where it
                // happens to lie decides how fast it is. The comment of assembly, under a name of its
                // own, keeps the compiler from merging the ends of arms again.
                macro_rules! go {
                    ($name:ident, $distance:expr) => {{
                        pc = pc.offset($distance as isize);
                        std::arch::asm!(concat!("/* ", stringify!($name), " */"), options(nomem, nostack, preserves_flags))
                    }};
                }
                macro_rules! access {
                    ($address:expr, $ty:ident) => {{
                        let address: u64 = $address;
                        if address + size_of::<$ty>() as u64 > memory_bytes {
                            return Err(TrapCode::MemoryOutOfBounds);
                        }
                        memory.add(address as usize).cast::<$ty>()
                    }};
                }
                macro_rules! enter_func {
                    ($callee:expr, $new_frame:expr, $link:expr) => {{
                        let callee: *const FuncCode = $callee;
                        let new_frame: *mut u64 = $new_frame;
                        if new_frame.add((*callee).frame_slots as usize).cast_const() > stack_end {
                            return Err(TrapCode::StackOverflow);
                        }
                        if $link {
                            new_frame.sub(2).write(pc.add(1) as u64);
                            new_frame.sub(1).write(frame as u64);
                        }
                        frame = new_frame;
                        pc = (*callee).code.as_ptr();
                    }};
                }
                macro_rules! get_link {
                    ($below:expr) => { *frame.sub($below) };
                }
                macro_rules! leave_func {
                    () => {{
                        pc = get_link!(2) as *const Insn;
                        frame = get_link!(1) as *mut u64;
                    }};
                }
                macro_rules! host {
                    ($func:expr, $slots:expr, $arguments:expr) => {{
                        let slots: *mut u64 = $slots;
                        // Entries from the host begin above what is in use.
                        let used = slots.add($arguments).offset_from(stack.words()) as usize;
                        let top = stack.top.replace(used);
                        call_host(context, $func, slots)?;
                        stack.top.set(top);
                        memory_bytes = view().bytes;
                    }};
                }
                macro_rules! call {
                    ($insn:expr, $func:expr) => {{
                        let func: Func = $func;
                        let new_frame = frame.add($insn.b as usize);
                        let callee = &code.funcs[func.index()];
                        if callee.code.is_empty() {
                            host!(func, new_frame, code.slot_counts[func.index()]);
                            set!($insn.a, *new_frame);
                            pc = pc.add(1);
                        } else {
                            enter_func!(callee, new_frame, true);
                        }
                    }};
                }

                loop {
                    let insn = &*pc;
                    match insn.code {
                        $(
                            Code::$c_rr => { let ($c_x, $c_y) = ($c_ty::from_slot(get!(insn.b)), $c_ty::from_slot(get!(insn.c))); set!(insn.a, $c_e); go!($c_rr, 1) }
                            Code::$c_ri => { let ($c_x, $c_y) = ($c_ty::from_slot(get!(insn.b)), $c_ty::from_slot(insn.imm)); set!(insn.a, $c_e); go!($c_ri, 1) }
                        )*
                        $(
                            Code::$o_rr => { let ($o_x, $o_y) = ($o_ty::from_slot(get!(insn.b)), $o_ty::from_slot(get!(insn.c))); set!(insn.a, $o_e); go!($o_rr, 1) }
                            Code::$o_ri => { let ($o_x, $o_y) = ($o_ty::from_slot(get!(insn.b)), $o_ty::from_slot(insn.imm)); set!(insn.a, $o_e); go!($o_ri, 1) }
                            Code::$o_ir => { let ($o_x, $o_y) = ($o_ty::from_slot(insn.imm), $o_ty::from_slot(get!(insn.c))); set!(insn.a, $o_e); go!($o_ir, 1) }
                        )*
                        $(
                            Code::$p_rr => { let ($p_x, $p_y) = ($p_ty::from_slot(get!(insn.b)), $p_ty::from_slot(get!(insn.c))); set!(insn.a, u64::from($p_e)); go!($p_rr, 1) }
                            Code::$p_ri => { let ($p_x, $p_y) = ($p_ty::from_slot(get!(insn.b)), $p_ty::from_slot(insn.imm)); set!(insn.a, u64::from($p_e)); go!($p_ri, 1) }
                            Code::$p_brr => { let ($p_x, $p_y) = ($p_ty::from_slot(get!(insn.b)), $p_ty::from_slot(get!(insn.c))); go!($p_brr, if $p_e { insn.imm as i64 >> 32 } else { 1 }) }
                            Code::$p_bri => { let ($p_x, $p_y) = ($p_ty::from_slot(get!(insn.b)), $p_ty::from_half(insn.imm as u32)); go!($p_bri, if $p_e { insn.imm as i64 >> 32 } else { 1 }) }
                        )*
                        $(
                            Code::$u => { let $u_x = $u_ty::from_slot(get!(insn.b)); set!(insn.a, $u_e); go!($u, 1) }
                        )*
                        $(
                            Code::$t_rr => { let ($t_x, $t_y) = ($t_ty::from_slot(get!(insn.b)), $t_ty::from_slot(get!(insn.c))); set!(insn.a, ($t_e)?); go!($t_rr, 1) }
                            Code::$t_ri => { let ($t_x, $t_y) = ($t_ty::from_slot(get!(insn.b)), $t_ty::from_slot(insn.imm)); set!(insn.a, ($t_e)?); go!($t_ri, 1) }
                        )*
                        $(
                            Code::$l => { let from = access!((get!(insn.b)) + insn.imm, $l_ty); set!(insn.a, from.read_unaligned() as $l_to); go!($l, 1) }
                            Code::$l_add => { let from = access!(added(get!(insn.b), insn.imm), $l_ty); set!(insn.a, from.read_unaligned() as $l_to); go!($l_add, 1) }
                            Code::$l_index => { let from = access!(indexed(get!(insn.b), get!(insn.c), insn.imm), $l_ty); set!(insn.a, from.read_unaligned() as $l_to); go!($l_index, 1) }
                            Code::$l_abs => { let from = access!(insn.imm, $l_ty); set!(insn.a, from.read_unaligned() as $l_to); go!($l_abs, 1) }
                        )*
                        $(
                            Code::$s => { let to = access!((get!(insn.b)) + insn.imm, $s_ty); to.write_unaligned(get!(insn.a) as $s_ty); go!($s, 1) }
                            Code::$s_i => { let to = access!((get!(insn.b)) + (insn.imm & u64::from(u32::MAX)), $s_ty); to.write_unaligned((insn.imm as i64 >> 32) as $s_ty); go!($s_i, 1) }
                            Code::$s_add => { let to = access!(added(get!(insn.b), insn.imm), $s_ty); to.write_unaligned(get!(insn.a) as $s_ty); go!($s_add, 1) }
                            Code::$s_index => { let to = access!(indexed(get!(insn.b), get!(insn.c), insn.imm), $s_ty); to.write_unaligned(get!(insn.a) as $s_ty); go!($s_index, 1) }
                            Code::$s_abs => { let to = access!(insn.imm, $s_ty); to.write_unaligned(get!(insn.a) as $s_ty); go!($s_abs, 1) }
                        )*
                        Code::Const => { set!(insn.a, insn.imm); go!(Const, 1) }
                        Code::Copy => { set!(insn.a, get!(insn.b)); go!(Copy, 1) }
                        Code::Copy2 => {
                            set!(insn.a, get!(insn.b));
                            set!(insn.imm, get!(insn.c));
                            go!(Copy2, 1)
                        }
                        Code::Select => {
                            let chosen = if get!(insn.b) != 0 { insn.c.into() } else { insn.imm };
                            set!(insn.a, get!(chosen));
                            go!(Select, 1)
                        }
                        Code::ShiftAdd32 => {
                            let shifted = (get!(insn.c) as u32) << (insn.imm & 31);
                            set!(insn.a, (get!(insn.b) as u32).wrapping_add(shifted));
                            go!(ShiftAdd32, 1)
                        }
                        Code::AddBoth32 => {
                            set!(insn.a, (get!(insn.a) as u32).wrapping_add(insn.imm as u32));
                            set!(insn.b, (get!(insn.b) as u32).wrapping_add((insn.imm >> 32) as u32));
                            go!(AddBoth32, 1)
                        }
                        Code::AddBrNz32 => {
                            let sum = (get!(insn.b) as u32).wrapping_add(insn.imm as u32);
                            set!(insn.a, sum);
                            go!(AddBrNz32, if sum != 0 { insn.imm as i64 >> 32 } else { 1 })
                        }
                        Code::AddBrNe32 => {
                            let sum = (get!(insn.b) as u32).wrapping_add(insn.imm as u32);
                            set!(insn.a, sum);
                            let differs = sum != get!(insn.c) as u32;
                            go!(AddBrNe32, if differs { insn.imm as i64 >> 32 } else { 1 })
                        }
                        Code::MulAdd32 => {
                            let product = f32::from_slot(get!(insn.b)) * f32::from_slot(get!(insn.c));
                            set!(insn.a, product + f32::from_slot(get!(insn.imm)));
                            go!(MulAdd32, 1)
                        }
                        Code::MulAdd64 => {
                            let product = f64::from_slot(get!(insn.b)) * f64::from_slot(get!(insn.c));
                            let mut sum = product + f64::from_slot(get!(insn.imm));
                            if faults::on(Fault::InterpRoundedOnce) {
                                let [x, y, z] = [get!(insn.b), get!(insn.c), get!(insn.imm)].map(f64::from_slot);
                                sum = x.mul_add(y, z);
                            }
                            set!(insn.a, sum);
                            go!(MulAdd64, 1)
                        }
                        Code::Jump => go!(Jump, insn.imm),
                        Code::BrNz => go!(BrNz, if get!(insn.b) != 0 { insn.imm } else { 1 }),
                        Code::BrZ => go!(BrZ, if get!(insn.b) == 0 { insn.imm } else { 1 }),
                        Code::BrTable => {
                            // The jump that stands there is made at once.
                            pc = pc.add(1 + get!(insn.b).min(insn.imm) as usize);
                            go!(BrTable, (*pc).imm)
                        }
                        Code::Call => enter_func!(insn.imm as *const FuncCode, frame.add(insn.b as usize), true),
                        Code::CallIndirect => call!(insn, resolve(code, context, insn.imm, get!(insn.c))?),
                        Code::CallHost => call!(insn, Func(insn.imm as u32)),
                        Code::CallRaw => {
                            let slots = frame.add(insn.b as usize);
                            let signature = code.module.sig(Sig(insn.imm as u32));
                            let count = signature.params.len().max(1);
                            // Nobody enters from there, as with native code, which has no way to.
                            let top = stack.top.replace(STACK_WORDS);
                            call_foreign(get!(insn.c), signature, std::slice::from_raw_parts_mut(slots, count));
                            stack.top.set(top);
                            set!(insn.a, *slots);
                            go!(CallRaw, 1)
                        }
                        Code::TailCall => enter_func!(insn.imm as *const FuncCode, frame, false),
                        Code::Resolve => {
                            set!(insn.a, resolve(code, context, insn.imm, get!(insn.c))?.0);
                            go!(Resolve, 1)
                        }
                        Code::TailCallResolved => {
                            let func = Func(get!(insn.b) as u32);
                            let callee = &code.funcs[func.index()];
                            if callee.code.is_empty() {
                                host!(func, frame, code.slot_counts[func.index()]);
                                let value = *frame;
                                leave_func!();
                                set!((*pc.sub(1)).a, value);
                            } else {
                                enter_func!(callee, frame, false);
                            }
                        }
                        Code::Return => leave_func!(),
                        Code::Return1 => {
                            let value = get!(insn.b);
                            leave_func!();
                            set!((*pc.sub(1)).a, value);
                        }
                        Code::ReturnConst => {
                            leave_func!();
                            set!((*pc.sub(1)).a, insn.imm);
                        }
                        Code::Trap => return Err(trap(insn)),
                        Code::Trapz => {
                            if get!(insn.b) == 0 {
                                return Err(trap(insn));
                            }
                            go!(Trapz, 1)
                        }
                        Code::Trapnz => {
                            if get!(insn.b) != 0 {
                                return Err(trap(insn));
                            }
                            go!(Trapnz, 1)
                        }
                        Code::EnterSlots => {
                            set!(insn.a, enter_slots(stack, insn.imm as usize)?);
                            go!(EnterSlots, 1)
                        }
                        Code::LeaveSlots => {
                            stack.slots_top.set(stack.slots_top.get() - insn.imm as usize);
                            go!(LeaveSlots, 1)
                        }
                        Code::StackAddr => {
                            set!(insn.a, get!(insn.b) + insn.imm);
                            go!(StackAddr, 1)
                        }
                        Code::GlobalGet => {
                            set!(insn.a, context.byte_add(insn.imm as usize).cast::<u64>().read());
                            go!(GlobalGet, 1)
                        }
                        Code::GlobalSet => {
                            context.byte_add(insn.imm as usize).cast::<u64>().write(get!(insn.b));
                            go!(GlobalSet, 1)
                        }
                        Code::Eval => {
                            evaluate(code, insn.imm, frame)?;
                            go!(Eval, 1)
                        }
                        Code::StoreOp => {
                            perform(&code.tables.store_ops[insn.imm as usize], context, frame)?;
                            if !faults::on(Fault::InterpStaleLength) {
                                memory_bytes = view().bytes;
                            }
                            go!(StoreOp, 1)
                        }
                        Code::Halt => return Ok(()),
                    }
                }
            }
        }
    };
}
for_each_code!(define_run);

/// The address of an `add` form.
#[inline(always)]
fn added(base: u64, imm: u64) -> u64 {
    if faults::on(Fault::InterpSumUnwrapped) {
        return base + (imm >> 32) + u64::from(imm as u32);
    }
    u64::from((base as u32).wrapping_add((imm >> 32) as u32)) + u64::from(imm as u32)
}

/// The address of an `index` form.
#[inline(always)]
fn indexed(base: u64, index: u64, imm: u64) -> u64 {
    let shifted = (index as u32) << (imm >> 32 & 31);
    u64::from((base as u32).wrapping_add(shifted)) + u64::from(imm as u32)
}

fn trap(insn: &Insn) -> TrapCode {
    TrapCode::from_byte(insn.imm as u8).unwrap_or(TrapCode::Unreachable)
}

/// The function that an indirect call reaches.
///
/// # Safety
/// The context is that of a live instance of the code's module.
#[inline]
unsafe fn resolve(
    code: &InterpCode,
    context: *mut VmContext,
    call: u64,
    index: u64,
) -> Result<Func, TrapCode> {
    let IndirectCall { table, sig } = code.tables.indirect_calls[call as usize];
    // SAFETY: the layout is that of the module.
    let view = unsafe {
        context
            .byte_add(code.layout.table(table) as usize)
            .cast::<TableView>()
            .read()
    };
    if index >= view.len {
        return Err(TrapCode::TableOutOfBounds);
    }
    // SAFETY: the index was checked.
    let reference = unsafe { *view.base.add(index as usize) };
    if reference == 0 {
        return Err(TrapCode::IndirectCallToNull);
    }
    match code.module.funcs.get(reference as usize - 1) {
        Some(decl) if decl.sig == sig => Ok(Func(reference as u32 - 1)),
        Some(decl)
            if faults::on(Fault::InterpResultsUnchecked)
                && code.module.sig(decl.sig).params == code.module.sig(sig).params =>
        {
            Ok(Func(reference as u32 - 1))
        }
        _ => Err(TrapCode::BadSignature),
    }
}

fn enter_slots(stack: &Stack, bytes: usize) -> Result<u64, TrapCode> {
    let start = stack.slots_top.get();
    if bytes > SLOT_BYTES - start {
        return Err(TrapCode::StackOverflow);
    }
    stack.slots_top.set(start + bytes);
    // SAFETY: the range was just checked; nobody else uses bytes above the top.
    unsafe {
        let address = stack.slots.as_ptr().cast_mut().cast::<u8>().add(start);
        if !faults::on(Fault::InterpSlotsKeepOld) {
            address.write_bytes(0, bytes);
        }
        Ok(address as u64)
    }
}

/// Evaluates an op with the reference semantics.
///
/// # Safety
/// The op's slots lie in the frame.
unsafe fn evaluate(code: &InterpCode, number: u64, frame: *mut u64) -> Result<(), TrapCode> {
    let op = &code.tables.evals[number as usize];
    // SAFETY: the caller's promise.
    let args = op.args.map(|slot| unsafe { *frame.add(slot as usize) });
    let inst = &op.inst;
    let outcome = bakeoff_ir::semantics::eval(inst.op, inst.ty, inst.ty2, inst.x, args);
    // `translate` sends only ops here that have reference semantics.
    let results = outcome.unwrap_or(Err(TrapCode::Unreachable))?;
    for (slot, value) in op
        .results
        .iter()
        .zip(results)
        .take(op.result_count as usize)
    {
        // SAFETY: as above.
        unsafe { *frame.add(*slot as usize) = value };
    }
    Ok(())
}

const _: () = assert!(offset::VIEW_BASE == 0);
