//! The catalogue: which stencils there are. The build script makes them, code generation finds them by
//! the same names.
//!
//! Terms
//! * A *form* is an op of the IR or one of the [`Extra`] ones: moves, fused branches, glue.
//! * A *row* is a form at a type, with what else tells two computations apart (`sub`: a condition, or a
//!   second type).
//! * A *pattern* says where the operands of a row are: registers, a slot of the frame, a constant.
//! * A *family* is a row in a pattern: one piece of Rust, compiled once for each way in which operands may
//!   share a register with its result, and then expanded over all registers.
//! * An *axis* of a family is an operand that may be in any register of its class. The stencils of a
//!   family are numbered by the registers of the axes, the last axis fastest.
//!
//! Registers are numbered by what they are for, the same way on every target ([`INT_REGISTERS`],
//! [`FLOAT_REGISTERS`]): first the temporaries, which belong to nobody between two instructions of the
//! IR, then those that values live in.
//!
//! ```text
//! integers   0 = T, 1 = U, 2 = W: temporaries     3 …: values
//! floats     0 …: values                          the last three are XV, XU, XT
//! ```
//!
//! Invariant: an integer in a register or slot is zero-extended to 64 bits. A float of 32 bits stands in
//! the low half, and the rest is anything.
//!
//! Results of families, unless said otherwise below: `Fixed` computes `T` from `T`, `U`, or the same
//! with `XT`, `XU`, `XV`; a second result is in `U`. Patterns that begin with `R` have their result in
//! the first axis, which is also the first operand, except that unary ops in `RR`, loads in all patterns,
//! additions in `RRR`, and additions and products in `RRI` have it in an axis of its own. Comparisons leave
//! theirs in `T`, 0 or 1. `select` has the axes value if true (and result), condition, value if false;
//! stores: value, index.
//!
//! Temporaries that are neither operand nor result may have changed behind a stencil, but not behind
//! copies and what computes addresses; the build script knows which these are.

use bakeoff_ir::ops::TypeSet;
use bakeoff_ir::{FloatCc, IntCc, Op, Type};

/// Registers that integers can be in: 13.
pub const INT_REGISTERS: usize = 13;
/// Registers that floats can be in: 16.
pub const FLOAT_REGISTERS: usize = 16;
/// The integer temporaries.
pub const T: u8 = 0;
/// Second temporary.
pub const U: u8 = 1;
/// Third temporary.
pub const W: u8 = 2;
/// The float temporaries.
pub const XT: u8 = 15;
/// Second float temporary.
pub const XU: u8 = 14;
/// Third float temporary.
pub const XV: u8 = 13;

macro_rules! extras {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What is in the catalogue besides the ops of the IR.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Extra {
            $($(#[doc = $doc])* $name,)*
        }

        impl Extra {
            /// All of them.
            pub const ALL: &'static [Extra] = &[$(Extra::$name),*];
        }
    };
}

extras! {
    /// Copies a register: `I64` any integer, `F64` any float. Axes: to, from.
    Move,
    /// Stores a register into a slot, 64 bits.
    Spill,
    /// Loads a register from a slot, 64 bits.
    Reload,
    /// A constant into a register. `Z`: zero. `I32` `RI32`: 32 bits, zero-extended. `I64` `RI32`: 32
    /// bits, sign-extended. `I64` `RI64`.
    Const,
    /// A sign-extended constant into a slot, 64 bits.
    SlotConst,
    /// Branches if an integer comparison (`sub`) holds.
    BrIcmp,
    /// Branches if a floating-point comparison (`sub`) holds.
    BrFcmp,
    /// Branches if a value (of any integer type, in 64 bits) is not zero.
    BrNonzero,
    /// Branches if it is zero.
    BrZero,
    /// Reads a field of the context.
    ContextLoad,
    /// Writes a field of the context.
    ContextStore,
    /// Address of a byte of the frame.
    FrameAddr,
    /// Stores a constant of 32 bits (sign-extended for `I64`), for `I8` of 8, into linear memory. Axis:
    /// the index.
    StoreConst,
    /// Traps unless index + reach (without wrapping) <= length in bytes, a field of the context. Axis:
    /// the index, 32 bits zero-extended. Uses T.
    CheckNarrow,
    /// The same for an index of 64 bits; the reach is in U. Uses T.
    CheckWide,
    /// Traps unless an index is below the length of a table, a field of the context. Axis: the index.
    TableCheck,
    /// Reads a table entry into T, the index being checked. Axis: the index. Hole: field of the base.
    TableLoad,
    /// Writes T into a table entry, index in U; uses W. Hole: field of the base.
    TableStore,
    /// From a reference in T to the code in U, checking the signature. Uses W.
    Callee,
    /// Glue, all in pattern `Fixed`. Makes a frame of so many bytes.
    Enter,
    /// Removes it.
    Leave,
    /// Returns.
    Ret,
    /// Touches the pages of a frame that is about to be made; both holes are *minus* its bytes. Uses T.
    Probe,
    /// Zeroes so many bytes (a multiple of 8, not 0) from an offset in the frame. Uses T, U.
    ZeroFrame,
    /// Calls a function of the module.
    Call,
    /// Calls the address in U.
    CallReg,
    /// Jumps to the address in U.
    JumpReg,
    /// Jumps.
    Jump,
    /// Traps: an instruction that faults.
    Trap,
    /// Calls a builtin at an offset in the table, the context first.
    CallBuiltin,
    /// Calls a C function whose address is in register 10 (r11 on x86-64).
    CallForeign,
    /// Traps if there is too little stack for foreign functions.
    StackCheck,
    /// Goes on at the entry of a table of 32-bit distances that T (zero-extended) selects, or at the default. Uses U.
    BrTable,
    /// Begins an entry thunk: saves the slots' address, sets the context, and copies the slots' address to T.
    EntryBegin,
    /// Sets the base of memory 0 from a field of the context.
    EntryMemory,
    /// The slots' address into U again, behind the call.
    EntrySlots,
    /// Ends an entry thunk.
    EntryEnd,
}

/// An op of the IR, or an extra one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// An op.
    Op(Op),
    /// Another.
    Extra(Extra),
}

impl Form {
    /// The name, for people: `iadd`, `BrIcmp`.
    pub fn name(self) -> String {
        match self {
            Form::Op(op) => op.name().to_string(),
            Form::Extra(extra) => format!("{extra:?}"),
        }
    }
}

impl From<Op> for Form {
    fn from(op: Op) -> Form {
        Form::Op(op)
    }
}

impl From<Extra> for Form {
    fn from(extra: Extra) -> Form {
        Form::Extra(extra)
    }
}

/// Values of `sub` that a row leaves room for.
const SUBS: usize = 16;

/// Numbers of rows of a form: those of an op begin at its own number times this.
pub const SPAN: usize = 6 * SUBS;

/// Numbers of rows.
pub const ROWS: usize = (Op::ALL.len() + Extra::ALL.len()) * SPAN;

/// The number of a row: a form, the controlling type, and a condition or second type.
#[inline]
pub fn row(form: impl Into<Form>, ty: Type, sub: u8) -> usize {
    let form = match form.into() {
        Form::Op(op) => op as usize,
        Form::Extra(extra) => Op::ALL.len() + extra as usize,
    };
    (form * 6 + ty as usize) * SUBS + sub as usize
}

/// Where operands are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Pattern {
    /// In the temporaries.
    Fixed,
    /// In a register.
    R,
    /// In two registers.
    RR,
    /// In three registers.
    RRR,
    /// The last in a slot whose offset fits 8 bits with a sign.
    RS8,
    /// The last in a slot anywhere.
    RS32,
    /// The last a constant of 8 bits with a sign.
    RI8,
    /// The last a constant of 32 bits; of a load or store, the whole address.
    RI32,
    /// A constant of 64 bits.
    RI64,
    /// Two registers and 8 bits of constant or displacement.
    RRI8,
    /// Two registers and 32 bits of constant or displacement.
    RRI32,
    /// The constant zero.
    Z,
    /// No register, a slot near.
    S8,
    /// No register, a slot anywhere.
    S32,
}

/// Number of patterns.
pub const PATTERNS: usize = Pattern::S32 as usize + 1;

/// A class of registers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Axis {
    /// Integers.
    Int,
    /// Floats.
    Float,
}

impl Axis {
    /// The number of registers of the class.
    #[allow(clippy::len_without_is_empty)] // There is no empty one.
    pub const fn len(self) -> usize {
        match self {
            Axis::Int => INT_REGISTERS,
            Axis::Float => FLOAT_REGISTERS,
        }
    }
}

/// What fills a hole of a stencil.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HoleValue {
    /// Offset of a slot from the frame's base, 8 bits with a sign.
    Slot8,
    /// Offset of a slot, 32 bits.
    Slot32,
    /// A constant, 8 bits with a sign.
    Imm8,
    /// A constant, 32 bits.
    Imm32,
    /// A constant, 64 bits.
    Imm64,
    /// A displacement from an address, 8 bits with a sign.
    Disp8,
    /// A displacement, 32 bits with a sign.
    Disp32,
    /// Offset of a field of the context, 32 bits.
    Context,
    /// The other continuation of a branch, relative to the end of the hole.
    Taken,
    /// A continuation that traps, relative: division by zero, NaN, bounds, null.
    Trap0,
    /// Another: overflow, wrong signature.
    Trap1,
    /// A function, relative.
    Callee,
    /// A table of distances, relative.
    Table,
    /// Not filled: the offset of the instruction that may fault.
    Fault,
}

/// The processors that a stencil is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Level {
    /// Any processor of the target: x86-64 with SSE 2.
    Base,
    /// x86-64-v3: AVX 2, BMI 1 and 2, FMA, LZCNT. Families of this level add to those of the base, or
    /// stand in their place.
    V3,
}

/// A row in a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Family {
    /// What it computes.
    pub form: Form,
    /// At which type.
    pub ty: Type,
    /// Condition or second type, as a number; else 0.
    pub sub: u8,
    /// Where the operands are.
    pub pattern: Pattern,
    /// The operands that may be anywhere, at most three.
    pub axes: Vec<Axis>,
    /// What its holes are, at most three, in the order of `Stencil::hole`.
    pub holes: Vec<HoleValue>,
    /// For which processors.
    pub level: Level,
}

impl Family {
    /// The number of the row.
    pub fn row(&self) -> usize {
        row(self.form, self.ty, self.sub)
    }

    /// The number of stencils.
    #[allow(clippy::len_without_is_empty)] // There is no empty one.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.len()).product()
    }

    /// The name, for people: `iadd.i32 RR`.
    pub fn name(&self) -> String {
        let form = self.form.name();
        let sub = match self.form {
            Form::Op(Op::Icmp) | Form::Extra(Extra::BrIcmp) => {
                format!(".{}", IntCc::ALL[self.sub as usize])
            }
            Form::Op(Op::Fcmp) | Form::Extra(Extra::BrFcmp) => {
                format!(".{}", FloatCc::ALL[self.sub as usize])
            }
            Form::Op(op) if !op.info().s.is_empty() => {
                format!(".{}", Type::ALL[self.sub as usize])
            }
            _ => String::new(),
        };
        let level = match self.level {
            Level::Base => "",
            Level::V3 => " (v3)",
        };
        format!("{form}.{}{sub} {:?}{level}", self.ty, self.pattern)
    }
}

const WORDS: [Type; 2] = [Type::I32, Type::I64];
const FLOATS: [Type; 2] = [Type::F32, Type::F64];
const NONE: &[Axis] = &[];
const I: &[Axis] = &[Axis::Int];
const II: &[Axis] = &[Axis::Int, Axis::Int];
const III: &[Axis] = &[Axis::Int, Axis::Int, Axis::Int];
const F: &[Axis] = &[Axis::Float];
const FF: &[Axis] = &[Axis::Float, Axis::Float];
const FI: &[Axis] = &[Axis::Float, Axis::Int];
const IF: &[Axis] = &[Axis::Int, Axis::Float];
const FIF: &[Axis] = &[Axis::Float, Axis::Int, Axis::Float];

/// Collects families.
struct Catalogue(Vec<Family>);

impl Catalogue {
    fn add(
        &mut self,
        form: impl Into<Form>,
        ty: Type,
        sub: u8,
        pattern: Pattern,
        axes: &[Axis],
        holes: &[HoleValue],
    ) -> &mut Family {
        self.0.push(Family {
            form: form.into(),
            ty,
            sub,
            pattern,
            axes: axes.to_vec(),
            holes: holes.to_vec(),
            level: Level::Base,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// A family only for the newer processors.
    fn add_v3(&mut self, op: Op, ty: Type, pattern: Pattern, axes: &[Axis], holes: &[HoleValue]) {
        self.add(op, ty, 0, pattern, axes, holes).level = Level::V3;
    }

    fn arithmetic(&mut self) {
        use HoleValue::{Imm8, Imm32, Slot8, Slot32};
        for op in [Op::Iadd, Op::Isub, Op::Imul, Op::Band, Op::Bor, Op::Bxor] {
            for ty in TypeSet::INT.iter() {
                self.add(op, ty, 0, Pattern::RR, II, &[]);
            }
            for ty in WORDS {
                self.add(op, ty, 0, Pattern::RS8, I, &[Slot8]);
                self.add(op, ty, 0, Pattern::RS32, I, &[Slot32]);
                match op {
                    Op::Isub => {}
                    Op::Imul => {
                        self.add(op, ty, 0, Pattern::RRI8, II, &[Imm8]);
                        self.add(op, ty, 0, Pattern::RRI32, II, &[Imm32]);
                    }
                    _ => {
                        self.add(op, ty, 0, Pattern::RI8, I, &[Imm8]);
                        self.add(op, ty, 0, Pattern::RI32, I, &[Imm32]);
                    }
                }
            }
        }
        for ty in WORDS {
            self.add(Op::Iadd, ty, 0, Pattern::RRR, III, &[]);
            self.add(Op::Iadd, ty, 0, Pattern::RRI8, II, &[Imm8]);
            self.add(Op::Iadd, ty, 0, Pattern::RRI32, II, &[Imm32]);
            for op in [Op::Ishl, Op::Ushr, Op::Sshr, Op::Rotl, Op::Rotr] {
                self.add(op, ty, 0, Pattern::RI8, I, &[Imm8]);
            }
            for op in [Op::Ishl, Op::Ushr, Op::Sshr] {
                self.add_v3(op, ty, Pattern::RR, II, &[]);
            }
            for op in [Op::Ineg, Op::Bnot] {
                self.add(op, ty, 0, Pattern::R, I, &[]);
            }
        }
        for ty in FLOATS {
            for op in [Op::Fadd, Op::Fsub, Op::Fmul, Op::Fdiv] {
                self.add(op, ty, 0, Pattern::RR, FF, &[]);
                self.add(op, ty, 0, Pattern::RS8, F, &[Slot8]);
                self.add(op, ty, 0, Pattern::RS32, F, &[Slot32]);
            }
            self.add(Op::Sqrt, ty, 0, Pattern::RR, FF, &[]);
            for op in [Op::Fneg, Op::Fabs] {
                self.add(op, ty, 0, Pattern::R, F, &[]);
            }
        }
    }

    fn conversions(&mut self) {
        for op in [Op::Sextend, Op::Ireduce, Op::Bitcast, Op::FcvtFromSint] {
            for (ty, from) in pairs(op) {
                let axes = match (ty.is_int(), from.is_int()) {
                    (true, true) => II,
                    (true, false) => IF,
                    _ => FI,
                };
                self.add(op, ty, from as u8, Pattern::RR, axes, &[]);
            }
        }
        for ty in FLOATS {
            let from = Type::I32 as u8;
            self.add(Op::FcvtFromUint, ty, from, Pattern::RR, FI, &[]);
        }
        // Result and operand are in different registers.
        for op in [Op::Fpromote, Op::Fdemote] {
            for (ty, from) in pairs(op) {
                self.add(op, ty, from as u8, Pattern::RR, FF, &[]);
            }
        }
    }

    /// What is computed in the temporaries: rarer ops, and hot ones at rare types.
    fn fixed(&mut self) {
        use HoleValue::{Trap0, Trap1};
        const PLAIN: [Op; 28] = [
            Op::Ineg,
            Op::Bnot,
            Op::Iabs,
            Op::Smin,
            Op::Smax,
            Op::Umin,
            Op::Umax,
            Op::Smulhi,
            Op::Umulhi,
            Op::SaddOverflow,
            Op::UaddOverflow,
            Op::SsubOverflow,
            Op::UsubOverflow,
            Op::SmulOverflow,
            Op::UmulOverflow,
            Op::Ishl,
            Op::Ushr,
            Op::Sshr,
            Op::Rotl,
            Op::Rotr,
            Op::Clz,
            Op::Ctz,
            Op::Popcnt,
            Op::Bitrev,
            Op::Bswap,
            Op::Fmin,
            Op::Fmax,
            Op::Copysign,
        ];
        for op in PLAIN {
            for ty in op.info().t.iter() {
                self.add(op, ty, 0, Pattern::Fixed, NONE, &[]);
            }
        }
        for ty in TypeSet::INT.iter() {
            self.add(Op::Sdiv, ty, 0, Pattern::Fixed, NONE, &[Trap0, Trap1]);
            for op in [Op::Udiv, Op::Srem, Op::Urem] {
                self.add(op, ty, 0, Pattern::Fixed, NONE, &[Trap0]);
            }
        }
        for op in [Op::FcvtToSint, Op::FcvtToUint] {
            for (ty, from) in pairs(op) {
                let holes = &[Trap0, Trap1];
                self.add(op, ty, from as u8, Pattern::Fixed, NONE, holes);
            }
        }
        for op in [Op::FcvtToSintSat, Op::FcvtToUintSat, Op::FcvtFromUint] {
            for (ty, from) in pairs(op) {
                self.add(op, ty, from as u8, Pattern::Fixed, NONE, &[]);
            }
        }
        for ty in TypeSet::INT.iter() {
            for op in [Op::Ishl, Op::Ushr, Op::Sshr, Op::Clz, Op::Ctz, Op::Popcnt] {
                self.add_v3(op, ty, Pattern::Fixed, NONE, &[]);
            }
        }
        for ty in FLOATS {
            for op in [Op::Ceil, Op::Floor, Op::Trunc, Op::Nearest, Op::Fma] {
                self.add_v3(op, ty, Pattern::Fixed, NONE, &[]);
            }
        }
    }

    fn comparisons(&mut self) {
        use HoleValue::{Imm8, Imm32, Slot8, Slot32, Taken};
        for cc in IntCc::ALL.iter().map(|cc| *cc as u8) {
            for ty in TypeSet::INT.iter() {
                self.add(Op::Icmp, ty, cc, Pattern::RR, II, &[]);
            }
            for ty in WORDS {
                self.add(Op::Icmp, ty, cc, Pattern::RI8, I, &[Imm8]);
                self.add(Op::Icmp, ty, cc, Pattern::RI32, I, &[Imm32]);
                let br = Extra::BrIcmp;
                self.add(br, ty, cc, Pattern::RR, II, &[Taken]);
                self.add(br, ty, cc, Pattern::RS8, I, &[Slot8, Taken]);
                self.add(br, ty, cc, Pattern::RS32, I, &[Slot32, Taken]);
                self.add(br, ty, cc, Pattern::RI8, I, &[Imm8, Taken]);
                self.add(br, ty, cc, Pattern::RI32, I, &[Imm32, Taken]);
            }
        }
        for cc in FloatCc::ALL.iter().map(|cc| *cc as u8) {
            for ty in FLOATS {
                self.add(Op::Fcmp, ty, cc, Pattern::RR, FF, &[]);
                // A comparison may take two jumps.
                self.add(Extra::BrFcmp, ty, cc, Pattern::RR, FF, &[Taken, Taken]);
            }
        }
        for br in [Extra::BrNonzero, Extra::BrZero] {
            self.add(br, Type::I64, 0, Pattern::R, I, &[Taken]);
            self.add(br, Type::I64, 0, Pattern::S8, NONE, &[Slot8, Taken]);
            self.add(br, Type::I64, 0, Pattern::S32, NONE, &[Slot32, Taken]);
        }
        self.add(Op::Select, Type::I64, 0, Pattern::RRR, III, &[]);
        self.add(Op::Select, Type::F64, 0, Pattern::RRR, FIF, &[]);
    }

    fn memory(&mut self) {
        use HoleValue::{Disp8, Disp32, Fault, Imm8, Imm32};
        let linear = [
            (Pattern::RRI8, Disp8),
            (Pattern::RRI32, Disp32),
            (Pattern::RI32, Disp32),
        ];
        for ty in Type::ALL {
            let axes = |pattern| match (pattern, ty.is_int()) {
                (Pattern::RI32, true) => I,
                (Pattern::RI32, false) => F,
                (_, true) => II,
                (_, false) => FI,
            };
            for op in [Op::Load, Op::Store] {
                for (pattern, disp) in linear {
                    self.add(op, ty, 0, pattern, axes(pattern), &[disp, Fault]);
                }
            }
            for op in [Op::RawLoad, Op::RawStore] {
                let pattern = Pattern::RRI32;
                self.add(op, ty, 0, pattern, axes(pattern), &[Disp32, Fault]);
            }
        }
        for (ty, from) in pairs(Op::Sload) {
            for (pattern, disp) in linear {
                let axes = if pattern == Pattern::RI32 { I } else { II };
                self.add(Op::Sload, ty, from as u8, pattern, axes, &[disp, Fault]);
            }
        }
        for (ty, imm) in [(Type::I8, Imm8), (Type::I32, Imm32), (Type::I64, Imm32)] {
            let holes = &[Disp32, imm, Fault];
            self.add(Extra::StoreConst, ty, 0, Pattern::RI32, I, holes);
        }
    }

    fn extras(&mut self) {
        use HoleValue::{Callee, Context, Imm32, Imm64, Slot8, Slot32, Table, Taken, Trap0, Trap1};
        for (ty, one, two) in [(Type::I64, I, II), (Type::F64, F, FF)] {
            self.add(Extra::Move, ty, 0, Pattern::RR, two, &[]);
            for extra in [Extra::Spill, Extra::Reload] {
                self.add(extra, ty, 0, Pattern::RS8, one, &[Slot8]);
                self.add(extra, ty, 0, Pattern::RS32, one, &[Slot32]);
            }
            self.add(Extra::Const, ty, 0, Pattern::Z, one, &[]);
        }
        self.add(Extra::Const, Type::I32, 0, Pattern::RI32, I, &[Imm32]);
        self.add(Extra::Const, Type::I64, 0, Pattern::RI32, I, &[Imm32]);
        self.add(Extra::Const, Type::I64, 0, Pattern::RI64, I, &[Imm64]);
        for ty in Type::ALL {
            let axes = if ty.is_int() { I } else { F };
            for extra in [Extra::ContextLoad, Extra::ContextStore] {
                self.add(extra, ty, 0, Pattern::RI32, axes, &[Context]);
            }
        }
        let mut add = |extra, pattern, axes, holes: &[HoleValue]| {
            self.add(extra, Type::I64, 0, pattern, axes, holes);
        };
        add(Extra::SlotConst, Pattern::S8, NONE, &[Slot8, Imm32]);
        add(Extra::SlotConst, Pattern::S32, NONE, &[Slot32, Imm32]);
        add(Extra::FrameAddr, Pattern::RI32, I, &[Slot32]);
        add(
            Extra::CheckNarrow,
            Pattern::RI32,
            I,
            &[Imm32, Context, Trap0],
        );
        add(Extra::CheckWide, Pattern::R, I, &[Context, Trap0, Trap0]);
        add(Extra::TableCheck, Pattern::R, I, &[Context, Trap0]);
        add(Extra::TableLoad, Pattern::R, I, &[Context]);
        let mut fixed = |extra, holes: &[HoleValue]| add(extra, Pattern::Fixed, NONE, holes);
        fixed(Extra::TableStore, &[Context]);
        fixed(Extra::Callee, &[Imm32, Trap0, Trap1]);
        fixed(Extra::Enter, &[Imm32]);
        fixed(Extra::Leave, &[Imm32]);
        fixed(Extra::Ret, &[]);
        fixed(Extra::Probe, &[Imm32, Imm32]);
        fixed(Extra::ZeroFrame, &[Slot32, Imm32]);
        fixed(Extra::Call, &[Callee]);
        fixed(Extra::CallReg, &[]);
        fixed(Extra::JumpReg, &[]);
        fixed(Extra::Jump, &[Taken]);
        fixed(Extra::Trap, &[]);
        fixed(Extra::CallBuiltin, &[Imm32]);
        fixed(Extra::CallForeign, &[]);
        fixed(Extra::StackCheck, &[Trap0]);
        fixed(Extra::BrTable, &[Imm32, Taken, Table]);
        fixed(Extra::EntryBegin, &[]);
        fixed(Extra::EntryMemory, &[Context]);
        fixed(Extra::EntrySlots, &[]);
        fixed(Extra::EntryEnd, &[]);
    }
}

fn pairs(op: Op) -> impl Iterator<Item = (Type, Type)> {
    let pairs = op.type_pairs().into_iter();
    pairs.filter_map(|(t, s)| Some((t?, s?)))
}

/// All families, in the order in which their stencils are numbered.
pub fn families() -> Vec<Family> {
    let mut catalogue = Catalogue(Vec::new());
    catalogue.arithmetic();
    catalogue.conversions();
    catalogue.fixed();
    catalogue.comparisons();
    catalogue.memory();
    catalogue.extras();
    catalogue.0
}
