//! The register code: instructions of 16 bytes over slots of a frame.
//!
//! ```text
//! ┌──────┬──────┬──────┬──────┬──────────────────────────┐
//! │ code │  a   │  b   │  c   │ imm                      │
//! │ u16  │ u16  │ u16  │ u16  │ u64                      │
//! └──────┴──────┴──────┴──────┴──────────────────────────┘
//! ```
//!
//! Terms
//! * A *slot* is a 64-bit word of the frame. A value narrower than 64 bits stands zero-extended, so that
//!   `uextend` is nothing, and any condition is true if its slot is not zero.
//! * Unless a row says otherwise `a` is the slot that is written, `b` and `c` are those read.
//! * *Forms*: `rr` reads two slots; `ri` reads `b` and takes the constant `imm` on the right; `ir` takes
//!   `imm` on the left and reads `c`. Commutative ops have no `ir`.
//! * A branch target is a number of instructions relative to the branch: in the high half of `imm` for
//!   branches that do something else too, else in all of it. The low half then holds the constant of the `ri` form:
//!   sign-extended for 64-bit integers, an `f32` that is widened for `f64`.
//!
//! [`for_each_code`] is the one table. `Code`, its names and the arms of the loop in `run` come from it.

/// An instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub(crate) struct Insn {
    pub(crate) code: Code,
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) c: u16,
    pub(crate) imm: u64,
}

const _: () = assert!(size_of::<Insn>() == 16);

/// Calls `$then!` with the whole table.
///
/// Sections and how a row reads:
/// * `commutative`: `rr ri  Type  |x, y| result`
/// * `ordered`: `rr ri ir  Type  |x, y| result`
/// * `compare`: `rr ri, branch-rr branch-ri  Type  |x, y| condition`
/// * `unary`: `name  Type  |x| result`
/// * `trapping_binary`: `rr ri  Type  |x, y| Result<result, TrapCode>`
/// * `trapping_unary`: `name  Type  |x| Result<result, TrapCode>`
/// * `load`: `name absolute add index  TypeInMemory => TypeInSlot`, see `AddressForms`
/// * `store`: `slot-form constant-form absolute add index  TypeInMemory`
/// * `other`: names whose arms are written out in `run`
macro_rules! for_each_code {
    ($then:ident) => {
        $then! {
            commutative {
                Iadd32 Iadd32I u32 |x, y| x.wrapping_add(y);
                Iadd64 Iadd64I u64 |x, y| x.wrapping_add(y);
                Imul32 Imul32I u32 |x, y| x.wrapping_mul(y);
                Imul64 Imul64I u64 |x, y| x.wrapping_mul(y);
                Band64 Band64I u64 |x, y| x & y;
                Bor64 Bor64I u64 |x, y| x | y;
                Bxor64 Bxor64I u64 |x, y| x ^ y;
                Fadd32 Fadd32I f32 |x, y| x + y;
                Fadd64 Fadd64I f64 |x, y| x + y;
                Fmul32 Fmul32I f32 |x, y| x * y;
                Fmul64 Fmul64I f64 |x, y| x * y;
            }
            ordered {
                Isub32 Isub32I Isub32R u32 |x, y| x.wrapping_sub(y);
                Isub64 Isub64I Isub64R u64 |x, y| x.wrapping_sub(y);
                Ishl32 Ishl32I Ishl32R u32 |x, y| x.wrapping_shl(y);
                Ishl64 Ishl64I Ishl64R u64 |x, y| x.wrapping_shl(y as u32);
                Ushr32 Ushr32I Ushr32R u32 |x, y| x.wrapping_shr(y);
                Ushr64 Ushr64I Ushr64R u64 |x, y| x.wrapping_shr(y as u32);
                Sshr32 Sshr32I Sshr32R i32 |x, y| x.wrapping_shr(y as u32);
                Sshr64 Sshr64I Sshr64R i64 |x, y| x.wrapping_shr(y as u32);
                Rotl32 Rotl32I Rotl32R u32 |x, y| x.rotate_left(y & 31);
                Rotl64 Rotl64I Rotl64R u64 |x, y| x.rotate_left(y as u32 & 63);
                Rotr32 Rotr32I Rotr32R u32 |x, y| x.rotate_right(y & 31);
                Rotr64 Rotr64I Rotr64R u64 |x, y| x.rotate_right(y as u32 & 63);
                Fsub32 Fsub32I Fsub32R f32 |x, y| x - y;
                Fsub64 Fsub64I Fsub64R f64 |x, y| x - y;
                Fdiv32 Fdiv32I Fdiv32R f32 |x, y| x / y;
                Fdiv64 Fdiv64I Fdiv64R f64 |x, y| x / y;
                Copysign32 Copysign32I Copysign32R f32 |x, y| x.copysign(y);
                Copysign64 Copysign64I Copysign64R f64 |x, y| x.copysign(y);
            }
            compare {
                Eq32 Eq32I BrEq32 BrEq32I u32 |x, y| x == y;
                Ne32 Ne32I BrNe32 BrNe32I u32 |x, y| x != y;
                Slt32 Slt32I BrSlt32 BrSlt32I i32 |x, y| x < y;
                Sle32 Sle32I BrSle32 BrSle32I i32 |x, y| x <= y;
                Sgt32 Sgt32I BrSgt32 BrSgt32I i32 |x, y| x > y;
                Sge32 Sge32I BrSge32 BrSge32I i32 |x, y| x >= y;
                Ult32 Ult32I BrUlt32 BrUlt32I u32 |x, y| x < y;
                Ule32 Ule32I BrUle32 BrUle32I u32 |x, y| x <= y;
                Ugt32 Ugt32I BrUgt32 BrUgt32I u32 |x, y| x > y;
                Uge32 Uge32I BrUge32 BrUge32I u32 |x, y| x >= y;
                Eq64 Eq64I BrEq64 BrEq64I u64 |x, y| x == y;
                Ne64 Ne64I BrNe64 BrNe64I u64 |x, y| x != y;
                Slt64 Slt64I BrSlt64 BrSlt64I i64 |x, y| x < y;
                Sle64 Sle64I BrSle64 BrSle64I i64 |x, y| x <= y;
                Sgt64 Sgt64I BrSgt64 BrSgt64I i64 |x, y| x > y;
                Sge64 Sge64I BrSge64 BrSge64I i64 |x, y| x >= y;
                Ult64 Ult64I BrUlt64 BrUlt64I u64 |x, y| x < y;
                Ule64 Ule64I BrUle64 BrUle64I u64 |x, y| x <= y;
                Ugt64 Ugt64I BrUgt64 BrUgt64I u64 |x, y| x > y;
                Uge64 Uge64I BrUge64 BrUge64I u64 |x, y| x >= y;
                Test TestI BrTest BrTestI u64 |x, y| x & y != 0;
                TestNot TestNotI BrTestNot BrTestNotI u64 |x, y| x & y == 0;
                Feq32 Feq32I BrFeq32 BrFeq32I f32 |x, y| x == y;
                Fne32 Fne32I BrFne32 BrFne32I f32 |x, y| x != y;
                Flt32 Flt32I BrFlt32 BrFlt32I f32 |x, y| x < y;
                Fle32 Fle32I BrFle32 BrFle32I f32 |x, y| x <= y;
                Fgt32 Fgt32I BrFgt32 BrFgt32I f32 |x, y| x > y;
                Fge32 Fge32I BrFge32 BrFge32I f32 |x, y| x >= y;
                Fuge32 Fuge32I BrFuge32 BrFuge32I f32 |x, y| !(x < y);
                Fugt32 Fugt32I BrFugt32 BrFugt32I f32 |x, y| !(x <= y);
                Fule32 Fule32I BrFule32 BrFule32I f32 |x, y| !(x > y);
                Fult32 Fult32I BrFult32 BrFult32I f32 |x, y| !(x >= y);
                Feq64 Feq64I BrFeq64 BrFeq64I f64 |x, y| x == y;
                Fne64 Fne64I BrFne64 BrFne64I f64 |x, y| x != y;
                Flt64 Flt64I BrFlt64 BrFlt64I f64 |x, y| x < y;
                Fle64 Fle64I BrFle64 BrFle64I f64 |x, y| x <= y;
                Fgt64 Fgt64I BrFgt64 BrFgt64I f64 |x, y| x > y;
                Fge64 Fge64I BrFge64 BrFge64I f64 |x, y| x >= y;
                Fuge64 Fuge64I BrFuge64 BrFuge64I f64 |x, y| !(x < y);
                Fugt64 Fugt64I BrFugt64 BrFugt64I f64 |x, y| !(x <= y);
                Fule64 Fule64I BrFule64 BrFule64I f64 |x, y| !(x > y);
                Fult64 Fult64I BrFult64 BrFult64I f64 |x, y| !(x >= y);
            }
            unary {
                Ineg32 u32 |x| x.wrapping_neg();
                Ineg64 u64 |x| x.wrapping_neg();
                Bnot32 u32 |x| !x;
                Bnot64 u64 |x| !x;
                Clz32 u32 |x| x.leading_zeros();
                Clz64 u64 |x| u64::from(x.leading_zeros());
                Ctz32 u32 |x| x.trailing_zeros();
                Ctz64 u64 |x| u64::from(x.trailing_zeros());
                Popcnt32 u32 |x| x.count_ones();
                Popcnt64 u64 |x| u64::from(x.count_ones());
                Bswap32 u32 |x| x.swap_bytes();
                Bswap64 u64 |x| x.swap_bytes();
                Sextend8To32 u8 |x| i32::from(x as i8);
                Sextend16To32 u16 |x| i32::from(x as i16);
                Sextend8To64 u8 |x| i64::from(x as i8);
                Sextend16To64 u16 |x| i64::from(x as i16);
                Sextend32To64 i32 |x| i64::from(x);
                Ireduce8 u8 |x| x;
                Ireduce16 u16 |x| x;
                Ireduce32 u32 |x| x;
                Fneg32 f32 |x| -x;
                Fneg64 f64 |x| -x;
                Fabs32 f32 |x| x.abs();
                Fabs64 f64 |x| x.abs();
                Sqrt32 f32 |x| x.sqrt();
                Sqrt64 f64 |x| x.sqrt();
                Ceil32 f32 |x| quiet32(x.ceil());
                Ceil64 f64 |x| quiet64(x.ceil());
                Floor32 f32 |x| quiet32(x.floor());
                Floor64 f64 |x| quiet64(x.floor());
                Trunc32 f32 |x| quiet32(x.trunc());
                Trunc64 f64 |x| quiet64(x.trunc());
                Nearest32 f32 |x| quiet32(x.round_ties_even());
                Nearest64 f64 |x| quiet64(x.round_ties_even());
                Fpromote f32 |x| f64::from(x);
                Fdemote f64 |x| x as f32;
                SintToF32W i32 |x| x as f32;
                SintToF64W i32 |x| f64::from(x);
                SintToF32L i64 |x| x as f32;
                SintToF64L i64 |x| x as f64;
                UintToF32W u32 |x| x as f32;
                UintToF64W u32 |x| f64::from(x);
                UintToF32L u64 |x| x as f32;
                UintToF64L u64 |x| x as f64;
                F32ToSintSatW f32 |x| x as i32;
                F64ToSintSatW f64 |x| x as i32;
                F32ToSintSatL f32 |x| x as i64;
                F64ToSintSatL f64 |x| x as i64;
                F32ToUintSatW f32 |x| x as u32;
                F64ToUintSatW f64 |x| x as u32;
                F32ToUintSatL f32 |x| x as u64;
                F64ToUintSatL f64 |x| x as u64;
            }
            trapping_binary {
                Sdiv32 Sdiv32I i32 |x, y| nonzero(y).and_then(|y| x.checked_div(y).ok_or(TrapCode::IntegerOverflow));
                Sdiv64 Sdiv64I i64 |x, y| nonzero(y).and_then(|y| x.checked_div(y).ok_or(TrapCode::IntegerOverflow));
                Udiv32 Udiv32I u32 |x, y| x.checked_div(y).ok_or(TrapCode::IntegerDivisionByZero);
                Udiv64 Udiv64I u64 |x, y| x.checked_div(y).ok_or(TrapCode::IntegerDivisionByZero);
                Srem32 Srem32I i32 |x, y| nonzero(y).map(|y| x.wrapping_rem(y));
                Srem64 Srem64I i64 |x, y| nonzero(y).map(|y| x.wrapping_rem(y));
                Urem32 Urem32I u32 |x, y| x.checked_rem(y).ok_or(TrapCode::IntegerDivisionByZero);
                Urem64 Urem64I u64 |x, y| x.checked_rem(y).ok_or(TrapCode::IntegerDivisionByZero);
            }
            load {
                Load8 Load8Abs Load8Add Load8Index u8 => u64;
                Load16 Load16Abs Load16Add Load16Index u16 => u64;
                Load32 Load32Abs Load32Add Load32Index u32 => u64;
                Load64 Load64Abs Load64Add Load64Index u64 => u64;
                Load8S32 Load8S32Abs Load8S32Add Load8S32Index i8 => i32;
                Load16S32 Load16S32Abs Load16S32Add Load16S32Index i16 => i32;
                Load8S64 Load8S64Abs Load8S64Add Load8S64Index i8 => i64;
                Load16S64 Load16S64Abs Load16S64Add Load16S64Index i16 => i64;
                Load32S64 Load32S64Abs Load32S64Add Load32S64Index i32 => i64;
            }
            store {
                Store8 Store8I Store8Abs Store8Add Store8Index u8;
                Store16 Store16I Store16Abs Store16Add Store16Index u16;
                Store32 Store32I Store32Abs Store32Add Store32Index u32;
                Store64 Store64I Store64Abs Store64Add Store64Index u64;
            }
            other {
                // a := imm
                Const
                // a := b
                Copy
                // a := b, then the slot in the low half of imm := c
                Copy2
                // a := c if b is not zero, else the slot imm
                Select
                // a := b + (c << imm), modulo 2^32
                ShiftAdd32
                // a := a + low half of imm, then b := b + high half, modulo 2^32
                AddBoth32
                // a := b + low half of imm, modulo 2^32; then branch if a is not zero, is not c; the
                // target is in the high half
                AddBrNz32 AddBrNe32
                // a := b * c + the slot imm, rounded twice
                MulAdd32 MulAdd64
                Jump
                // Branch if b is not zero, is zero.
                BrNz BrZ
                // Make the jump that stands at min(b, imm) behind this.
                BrTable
                // a: where the only result goes; b: slot 0 of the callee; imm: the callee.
                Call
                // The same, imm: number in the table of indirect calls; c: the index.
                CallIndirect
                // The same, imm: the imported function.
                CallHost
                // The same, imm: the signature; c: the pointer.
                CallRaw
                // imm: the callee, whose arguments stand from slot 0 on.
                TailCall
                // a := the function that an indirect call of table entry c reaches; imm as there.
                Resolve
                // The callee is the one that `Resolve` put into slot b.
                TailCallResolved
                // Results stand from slot 0 on.
                Return
                // The only result is the slot b, is imm.
                Return1 ReturnConst
                // imm: trap code; b: condition.
                Trap Trapz Trapnz
                // Makes imm zeroed bytes of stack slots and puts their address into a; takes them back.
                EnterSlots LeaveSlots
                // a := b + imm
                StackAddr
                // imm: offset in the context. GlobalGet writes a, GlobalSet reads b.
                GlobalGet GlobalSet
                // imm: number in the table of evaluated ops.
                Eval
                // imm: number in the table of ops on the store.
                StoreOp
                // The end of a call from outside.
                Halt
            }
        }
    };
}
pub(crate) use for_each_code;

macro_rules! define_codes {
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
        /// What an instruction does.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        pub(crate) enum Code {
            $($c_rr, $c_ri,)*
            $($o_rr, $o_ri, $o_ir,)*
            $($p_rr, $p_ri, $p_brr, $p_bri,)*
            $($u,)*
            $($t_rr, $t_ri,)*
            $($l, $l_abs, $l_add, $l_index,)*
            $($s, $s_i, $s_abs, $s_add, $s_index,)*
            $($other,)*
        }

        /// The forms of a comparison.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct CompareForms {
            pub(crate) ri: Code,
            pub(crate) branch_rr: Code,
            pub(crate) branch_ri: Code,
        }

        /// The forms of a load or store by its address.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct AddressForms {
            /// Of the constant `imm`.
            pub(crate) absolute: Code,
            /// Of `b` plus the high half of `imm`, modulo 2^32, and then plus the low half.
            pub(crate) add: Code,
            /// Of `b` plus `c` shifted left by the high half of `imm`, modulo 2^32, and then plus the
            /// low half.
            pub(crate) index: Code,
        }

        impl Code {
            /// The forms of a comparison, from its `rr` form.
            pub(crate) fn compare_forms(self) -> Option<CompareForms> {
                match self {
                    $(Code::$p_rr => Some(CompareForms {
                        ri: Code::$p_ri,
                        branch_rr: Code::$p_brr,
                        branch_ri: Code::$p_bri,
                    }),)*
                    _ => None,
                }
            }

            /// The `ri` form of a binary op, from its `rr` form.
            pub(crate) fn ri(self) -> Option<Code> {
                match self {
                    $(Code::$c_rr => Some(Code::$c_ri),)*
                    $(Code::$o_rr => Some(Code::$o_ri),)*
                    $(Code::$t_rr => Some(Code::$t_ri),)*
                    $(Code::$s => Some(Code::$s_i),)*
                    _ => None,
                }
            }

            /// The forms of a load or store whose address is not just a slot.
            pub(crate) fn address_forms(self) -> Option<AddressForms> {
                match self {
                    $(Code::$l => Some(AddressForms {
                        absolute: Code::$l_abs,
                        add: Code::$l_add,
                        index: Code::$l_index,
                    }),)*
                    $(Code::$s => Some(AddressForms {
                        absolute: Code::$s_abs,
                        add: Code::$s_add,
                        index: Code::$s_index,
                    }),)*
                    _ => None,
                }
            }

            /// The `ir` form of a binary op, from its `rr` form: for a commutative one the `ri` form,
            /// with the operands exchanged.
            pub(crate) fn ir(self) -> Option<Left> {
                match self {
                    $(Code::$c_rr => Some(Left::Exchange(Code::$c_ri)),)*
                    $(Code::$o_rr => Some(Left::Code(Code::$o_ir)),)*
                    _ => None,
                }
            }

            /// How the instruction reads its fields, for listings.
            pub(crate) fn shape(self) -> Shape {
                match self {
                    $(Code::$c_rr => Shape::Binary, Code::$c_ri => Shape::BinaryRight,)*
                    $(Code::$o_rr => Shape::Binary, Code::$o_ri => Shape::BinaryRight, Code::$o_ir => Shape::BinaryLeft,)*
                    $(
                        Code::$p_rr => Shape::Binary,
                        Code::$p_ri => Shape::BinaryRight,
                        Code::$p_brr => Shape::Branch,
                        Code::$p_bri => Shape::BranchRight,
                    )*
                    $(Code::$u => Shape::Unary,)*
                    $(Code::$t_rr => Shape::Binary, Code::$t_ri => Shape::BinaryRight,)*
                    $(
                        Code::$l => Shape::Load,
                        Code::$l_abs => Shape::LoadAbsolute,
                        Code::$l_add => Shape::LoadAdd,
                        Code::$l_index => Shape::LoadIndex,
                    )*
                    $(
                        Code::$s => Shape::Store,
                        Code::$s_i => Shape::StoreConst,
                        Code::$s_abs => Shape::StoreAbsolute,
                        Code::$s_add => Shape::StoreAdd,
                        Code::$s_index => Shape::StoreIndex,
                    )*
                    $(Code::$other => Shape::Other,)*
                }
            }
        }
    };
}
for_each_code!(define_codes);

/// How a constant on the left is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// As the constant on the right of this code.
    Exchange(Code),
    /// By this code.
    Code(Code),
}

/// Which fields an instruction uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// `a := b op c`
    Binary,
    /// `a := b op imm`
    BinaryRight,
    /// `a := imm op c`
    BinaryLeft,
    /// `a := op b`
    Unary,
    /// `if b op c`
    Branch,
    /// `if b op low half of imm`
    BranchRight,
    /// `a := [b + imm]`
    Load,
    /// `[b + imm] := a`
    Store,
    /// `[b + low half of imm] := high half of imm`
    StoreConst,
    /// `a := [imm]`
    LoadAbsolute,
    /// `[imm] := a`
    StoreAbsolute,
    /// `a := [b + high half of imm + low half of imm]`
    LoadAdd,
    /// `a := [b + (c << high half of imm) + low half of imm]`
    LoadIndex,
    /// `[b + high half of imm + low half of imm] := a`
    StoreAdd,
    /// `[b + (c << high half of imm) + low half of imm] := a`
    StoreIndex,
    /// See the row.
    Other,
}
