//! The op table: the one list of everything that the language can do.
//!
//! A row holds, in this order: the edge cases (its doc comment), the Rust name, the name in the text
//! form, the set of types that `T` ranges over, the set that `S` ranges over, the format, operand and
//! result classes, and effects. The enum, the data in [`Op::info`], the text form, the verifier and
//! docs/ops.md all come from here; nothing else lists the ops, except `match`es over all of them,
//! which the compiler keeps complete.
//!
//! Terms
//! * `T`, the *controlling type*, is written behind the op's name: `iadd.i32`.
//! * `S`, the *second type*, is written behind `T`: `sextend.i64.i8` extends an `i8` to an `i64`.
//! * A *class* says what an operand or a result is, see [`Class`].
//! * A *format* says which immediates stand beside the operands and where, see [`Format`].
//!
//! Every op is total: for all operands it yields a result or one of the named traps.
//!
//! NaN rule: an op marked `FREE_NAN` that yields a NaN may yield any quiet NaN, as WebAssembly has it;
//! all others are exact to the bit, NaNs included. A comparison across backends treats NaNs as equal for that reason.

use crate::types::Type;

/// A set of types, as a bit a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeSet(u8);

impl TypeSet {
    /// No type: the op has no such suffix.
    pub const NONE: TypeSet = TypeSet(0);
    /// `i8 i16 i32 i64`.
    pub const INT: TypeSet = TypeSet(0b00_1111);
    /// `i16 i32 i64`.
    pub const INT_OVER_8: TypeSet = TypeSet(0b00_1110);
    /// `i8 i16 i32`.
    pub const INT_UNDER_64: TypeSet = TypeSet(0b00_0111);
    /// `i32 i64`.
    pub const WORD: TypeSet = TypeSet(0b00_1100);
    /// `i64`.
    pub const I64: TypeSet = TypeSet(0b00_1000);
    /// `i32 i64 f32 f64`.
    pub const WORD_OR_FLOAT: TypeSet = TypeSet(0b11_1100);
    /// `f32 f64`.
    pub const FLOAT: TypeSet = TypeSet(0b11_0000);
    /// `f32`.
    pub const F32: TypeSet = TypeSet(0b01_0000);
    /// `f64`.
    pub const F64: TypeSet = TypeSet(0b10_0000);
    /// All six.
    pub const ANY: TypeSet = TypeSet(0b11_1111);

    /// Whether `ty` is in the set.
    pub const fn contains(self, ty: Type) -> bool {
        self.0 >> ty as u8 & 1 != 0
    }

    /// Whether the set is empty, that is, the op has no such type.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The types in the set, narrow before wide.
    pub fn iter(self) -> impl Iterator<Item = Type> {
        Type::ALL.into_iter().filter(move |t| self.contains(*t))
    }
}

/// What an operand or a result is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Of the controlling type.
    T,
    /// Of the second type.
    S,
    /// A condition: an integer of any type, true if it is not zero.
    Cond,
    /// A truth value that an op yields: an `i8`, 0 or 1.
    Bool,
    /// An index into a linear memory: `i32` (zero-extended) or `i64`.
    Index,
    /// An `i32`.
    I32,
    /// An `i64`: an address or a reference.
    I64,
}

impl Class {
    /// The type that a value of this class has, if the op's types alone decide it.
    pub const fn fixed_type(self, t: Type, s: Type) -> Option<Type> {
        match self {
            Class::T => Some(t),
            Class::S => Some(s),
            Class::Bool => Some(Type::I8),
            Class::I32 => Some(Type::I32),
            Class::I64 => Some(Type::I64),
            Class::Cond | Class::Index => None,
        }
    }

    /// Whether a value of type `ty` may stand here.
    pub const fn admits(self, ty: Type, t: Type, s: Type) -> bool {
        match self {
            Class::Cond => ty.is_int(),
            Class::Index => matches!(ty, Type::I32 | Type::I64),
            Class::T | Class::S | Class::Bool | Class::I32 | Class::I64 => {
                match self.fixed_type(t, s) {
                    Some(want) => want as u8 == ty as u8,
                    None => false,
                }
            }
        }
    }
}

/// Which immediates an instruction carries and how it is written. The fields that hold them are
/// described at [`InstData`](crate::InstData).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Operands only: `iadd.i32 v0, v1`.
    Plain,
    /// A constant of type `T`: `iconst.i32 -1`, `fconst.f64 1.5`.
    Const,
    /// An integer condition first: `icmp.i32 slt v0, v1`.
    IntCompare,
    /// A floating-point condition first: `fcmp.f64 lt v0, v1`.
    FloatCompare,
    /// A linear memory and an unsigned 32-bit offset: `load.i32 mem0, v0+16`,
    /// `store.i32 mem0, v1, v0+16`. The offset is added without wrapping.
    Memory,
    /// A signed 32-bit offset: `raw_load.i32 v0-8`, `raw_store.i32 v1, v0+8`.
    Raw,
    /// A stack slot and an unsigned 32-bit offset: `stack_load.i32 ss0+4`, `stack_store.i32 v0, ss0+4`.
    Stack,
    /// A linear memory: `memory_size.i32 mem0`, `memory_grow.i32 mem0, v0`.
    MemoryOnly,
    /// A global: `global_get.i32 global0`, `global_set.i32 global0, v0`.
    Global,
    /// A table: `table_get table0, v0`.
    Table,
    /// A function: `ref_func @f`.
    Func,
    /// A segment: `data_drop data0`.
    Data,
    /// A segment: `elem_drop elem0`.
    Elem,
    /// Memory and operands in the list: `memory_fill.i32 mem0, v0, v1, v2`.
    MemoryBulk,
    /// Destination and source memory: `memory_copy.i32 mem0, mem0, v0, v1, v2`.
    MemoryCopy,
    /// Memory and data segment: `memory_init.i32 mem0, data0, v0, v1, v2`.
    MemoryInit,
    /// Table and operands in the list: `table_fill table0, v0, v1, v2`.
    TableBulk,
    /// Destination and source table: `table_copy table0, table1, v0, v1, v2`.
    TableCopy,
    /// Table and element segment: `table_init table0, elem0, v0, v1, v2`.
    TableInit,
    /// A function and arguments in the list: `call @f(v0, v1)`.
    Call,
    /// A table, a signature, an index, and arguments: `call_indirect table0, sig0, v0(v1, v2)`.
    CallIndirect,
    /// A signature, a pointer, and arguments: `call_raw sig0, v0(v1, v2)`.
    CallRaw,
    /// One edge: `jump block1(v0)`.
    Jump,
    /// A condition and two edges: `brif v0, block1(v1), block2`.
    Brif,
    /// An index, the edges of 0, 1, …, and the default edge: `br_table v0, [block1, block2(v1)], block3`.
    BrTable,
    /// Values in the list: `return v0, v1`.
    Return,
    /// A trap code: `trap unreachable`.
    Trap,
    /// A condition and a trap code: `trapnz v0, user1`.
    CondTrap,
}

/// Where the operands of an instruction outside its edges stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// So many words from `a` on, at most three.
    Inline(u8),
    /// In the list: `b` is the start, `c` the length.
    List,
    /// Three in the list, from `a` on.
    Bulk,
}

impl Shape {
    const fn of(row: &OpInfo) -> Shape {
        match row.format {
            Format::Call | Format::CallIndirect | Format::CallRaw | Format::Return => Shape::List,
            Format::MemoryBulk
            | Format::MemoryCopy
            | Format::MemoryInit
            | Format::TableBulk
            | Format::TableCopy
            | Format::TableInit => Shape::Bulk,
            Format::Plain
            | Format::Const
            | Format::IntCompare
            | Format::FloatCompare
            | Format::Memory
            | Format::Raw
            | Format::Stack
            | Format::MemoryOnly
            | Format::Global
            | Format::Table
            | Format::Func
            | Format::Data
            | Format::Elem
            | Format::Jump
            | Format::Brif
            | Format::BrTable
            | Format::Trap
            | Format::CondTrap => Shape::Inline(row.operands.len() as u8),
        }
    }
}

/// The shapes of all ops, apart from their rows: walks read nothing else, and this fits two lines of
/// the cache.
const SHAPES: [Shape; Op::ALL.len()] = {
    let mut shapes = [Shape::List; Op::ALL.len()];
    let mut index = 0;
    while index < shapes.len() {
        shapes[index] = Shape::of(&TABLE[index]);
        index += 1;
    }
    shapes
};

/// What executing an op can do beyond yielding its results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effects(u8);

impl Effects {
    /// Depends on its operands alone and always yields results: may be moved, merged, dropped.
    pub const PURE: Effects = Effects(0);
    /// May trap.
    pub const TRAPS: Effects = Effects(1);
    /// Observes memory, globals, tables or segments.
    pub const READS: Effects = Effects(2);
    /// Changes memory, globals, tables or segments.
    pub const WRITES: Effects = Effects(4);
    /// Runs other code, which may do anything.
    pub const CALLS: Effects = Effects(8 | 1 | 2 | 4);
    /// Ends its block.
    pub const ENDS_BLOCK: Effects = Effects(16);
    /// A NaN result may be any quiet NaN.
    pub const FREE_NAN: Effects = Effects(32);

    /// Both.
    pub const fn and(self, other: Effects) -> Effects {
        Effects(self.0 | other.0)
    }

    /// Whether all of `other` is among these.
    pub const fn has(self, other: Effects) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether an unused instance may be dropped: it neither traps nor writes nor ends a block.
    pub const fn is_removable(self) -> bool {
        self.0 & (1 | 4 | 16) == 0
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The op itself.
    pub op: Op,
    /// The name in the text form.
    pub name: &'static str,
    /// The types that `T` ranges over.
    pub t: TypeSet,
    /// The types that `S` ranges over.
    pub s: TypeSet,
    /// The immediates.
    pub format: Format,
    /// The classes of the fixed operands, in order.
    pub operands: &'static [Class],
    /// The classes of the fixed results; those of calls come from the signature.
    pub results: &'static [Class],
    /// The effects.
    pub effects: Effects,
    /// The edge cases, as documentation (Markdown).
    pub doc: &'static str,
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])* $op:ident $name:literal $t:ident $s:ident $format:ident
        ($($operand:ident)*) -> ($($result:ident)*) $($effect:ident)|+;)*) => {
        /// An operation. See the module for how a row reads, and docs/ops.md for the table.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Op {
            $($(#[doc = $doc])* $op,)*
        }

        impl Op {
            /// All ops, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$op),*];
        }

        const TABLE: &[OpInfo] = &[$(OpInfo {
            op: Op::$op,
            name: $name,
            t: TypeSet::$t,
            s: TypeSet::$s,
            format: Format::$format,
            operands: &[$(Class::$operand),*],
            results: &[$(Class::$result),*],
            effects: Effects::PURE$(.and(Effects::$effect))+,
            doc: concat!($($doc, "\n"),*),
        }),*];
    };
}

ops! {
    // ---- Constants ------------------------------------------------------------------------------
    /// An integer constant.
    Iconst "iconst" INT NONE Const () -> (T) PURE;
    /// A floating-point constant, exact to the bit.
    Fconst "fconst" FLOAT NONE Const () -> (T) PURE;

    // ---- Integer arithmetic, modulo 2^N ---------------------------------------------------------
    /// Sum, modulo 2^N.
    Iadd "iadd" INT NONE Plain (T T) -> (T) PURE;
    /// Difference, modulo 2^N.
    Isub "isub" INT NONE Plain (T T) -> (T) PURE;
    /// Low half of the product.
    Imul "imul" INT NONE Plain (T T) -> (T) PURE;
    /// Negation, modulo 2^N: the least value stays itself.
    Ineg "ineg" INT NONE Plain (T) -> (T) PURE;
    /// Absolute value of a signed integer, modulo 2^N: the least value stays itself.
    Iabs "iabs" INT NONE Plain (T) -> (T) PURE;
    /// Lesser of two signed integers.
    Smin "smin" INT NONE Plain (T T) -> (T) PURE;
    /// Greater of two signed integers.
    Smax "smax" INT NONE Plain (T T) -> (T) PURE;
    /// Lesser of two unsigned integers.
    Umin "umin" INT NONE Plain (T T) -> (T) PURE;
    /// Greater of two unsigned integers.
    Umax "umax" INT NONE Plain (T T) -> (T) PURE;
    /// High half of the signed product.
    Smulhi "smulhi" INT NONE Plain (T T) -> (T) PURE;
    /// High half of the unsigned product.
    Umulhi "umulhi" INT NONE Plain (T T) -> (T) PURE;
    /// Signed quotient, rounded towards zero. A zero divisor traps with
    /// `integer_division_by_zero`; the least value divided by -1 traps with `integer_overflow`.
    Sdiv "sdiv" INT NONE Plain (T T) -> (T) TRAPS;
    /// Unsigned quotient. A zero divisor traps with `integer_division_by_zero`.
    Udiv "udiv" INT NONE Plain (T T) -> (T) TRAPS;
    /// Signed remainder, with the sign of the dividend; the least value by -1 gives 0. A zero
    /// divisor traps with `integer_division_by_zero`.
    Srem "srem" INT NONE Plain (T T) -> (T) TRAPS;
    /// Unsigned remainder. A zero divisor traps with `integer_division_by_zero`.
    Urem "urem" INT NONE Plain (T T) -> (T) TRAPS;

    // ---- Checked arithmetic: the wrapped result and whether it wrapped --------------------------
    /// Signed sum modulo 2^N, and whether the true sum does not fit.
    SaddOverflow "sadd_overflow" INT NONE Plain (T T) -> (T Bool) PURE;
    /// Unsigned sum modulo 2^N, and whether the true sum does not fit (carry).
    UaddOverflow "uadd_overflow" INT NONE Plain (T T) -> (T Bool) PURE;
    /// Signed difference modulo 2^N, and whether the true difference does not fit.
    SsubOverflow "ssub_overflow" INT NONE Plain (T T) -> (T Bool) PURE;
    /// Unsigned difference modulo 2^N, and whether the true difference is negative (borrow).
    UsubOverflow "usub_overflow" INT NONE Plain (T T) -> (T Bool) PURE;
    /// Signed product modulo 2^N, and whether the true product does not fit.
    SmulOverflow "smul_overflow" INT NONE Plain (T T) -> (T Bool) PURE;
    /// Unsigned product modulo 2^N, and whether the true product does not fit.
    UmulOverflow "umul_overflow" INT NONE Plain (T T) -> (T Bool) PURE;

    // ---- Bits -----------------------------------------------------------------------------------
    /// Bitwise and.
    Band "band" INT NONE Plain (T T) -> (T) PURE;
    /// Bitwise or.
    Bor "bor" INT NONE Plain (T T) -> (T) PURE;
    /// Bitwise exclusive or.
    Bxor "bxor" INT NONE Plain (T T) -> (T) PURE;
    /// Bitwise complement.
    Bnot "bnot" INT NONE Plain (T) -> (T) PURE;
    /// Left shift; the count is taken modulo N.
    Ishl "ishl" INT NONE Plain (T T) -> (T) PURE;
    /// Logical right shift; the count is taken modulo N.
    Ushr "ushr" INT NONE Plain (T T) -> (T) PURE;
    /// Arithmetic right shift; the count is taken modulo N.
    Sshr "sshr" INT NONE Plain (T T) -> (T) PURE;
    /// Left rotation; the count is taken modulo N.
    Rotl "rotl" INT NONE Plain (T T) -> (T) PURE;
    /// Right rotation; the count is taken modulo N.
    Rotr "rotr" INT NONE Plain (T T) -> (T) PURE;
    /// Number of leading zero bits; N for zero.
    Clz "clz" INT NONE Plain (T) -> (T) PURE;
    /// Number of trailing zero bits; N for zero.
    Ctz "ctz" INT NONE Plain (T) -> (T) PURE;
    /// Number of one bits.
    Popcnt "popcnt" INT NONE Plain (T) -> (T) PURE;
    /// Bits in reverse order.
    Bitrev "bitrev" INT NONE Plain (T) -> (T) PURE;
    /// Bytes in reverse order.
    Bswap "bswap" INT_OVER_8 NONE Plain (T) -> (T) PURE;

    // ---- Comparison and choice ------------------------------------------------------------------
    /// Integer comparison; 1 if it holds, else 0.
    Icmp "icmp" INT NONE IntCompare (T T) -> (Bool) PURE;
    /// Floating-point comparison; 1 if it holds, else 0. With a NaN operand `ne`, `uno`, `ult`,
    /// `ule`, `ugt`, `uge` and `ueq` hold and the others do not; the zeros are equal.
    Fcmp "fcmp" FLOAT NONE FloatCompare (T T) -> (Bool) PURE;
    /// The second operand if the first is not zero, else the third; both are evaluated.
    Select "select" ANY NONE Plain (Cond T T) -> (T) PURE;

    // ---- Conversion -----------------------------------------------------------------------------
    /// Sign extension to a wider type.
    Sextend "sextend" INT_OVER_8 INT_UNDER_64 Plain (S) -> (T) PURE;
    /// Zero extension to a wider type.
    Uextend "uextend" INT_OVER_8 INT_UNDER_64 Plain (S) -> (T) PURE;
    /// The low bits, in a narrower type.
    Ireduce "ireduce" INT_UNDER_64 INT_OVER_8 Plain (S) -> (T) PURE;
    /// The same bits as an integer or a float of the same width.
    Bitcast "bitcast" WORD_OR_FLOAT WORD_OR_FLOAT Plain (S) -> (T) PURE;
    /// `f32` to `f64`, exact.
    Fpromote "fpromote" F64 F32 Plain (S) -> (T) FREE_NAN;
    /// `f64` to `f32`, rounded to nearest, ties to even; too large a magnitude gives an infinity.
    Fdemote "fdemote" F32 F64 Plain (S) -> (T) FREE_NAN;
    /// Signed integer to float, rounded to nearest, ties to even.
    FcvtFromSint "fcvt_from_sint" FLOAT WORD Plain (S) -> (T) PURE;
    /// Unsigned integer to float, rounded to nearest, ties to even.
    FcvtFromUint "fcvt_from_uint" FLOAT WORD Plain (S) -> (T) PURE;
    /// Float to signed integer, rounded towards zero. NaN traps with `bad_conversion_to_integer`;
    /// a rounded value out of range traps with `integer_overflow`.
    FcvtToSint "fcvt_to_sint" WORD FLOAT Plain (S) -> (T) TRAPS;
    /// Float to unsigned integer, rounded towards zero. NaN traps with
    /// `bad_conversion_to_integer`; a rounded value out of range (-0.9 is in range) traps with
    /// `integer_overflow`.
    FcvtToUint "fcvt_to_uint" WORD FLOAT Plain (S) -> (T) TRAPS;
    /// Float to signed integer, rounded towards zero; out of range gives the nearer bound, NaN 0.
    FcvtToSintSat "fcvt_to_sint_sat" WORD FLOAT Plain (S) -> (T) PURE;
    /// Float to unsigned integer, rounded towards zero; out of range gives the nearer bound, NaN 0.
    FcvtToUintSat "fcvt_to_uint_sat" WORD FLOAT Plain (S) -> (T) PURE;

    // ---- Floating-point arithmetic, IEEE 754, round to nearest, ties to even --------------------
    /// Sum.
    Fadd "fadd" FLOAT NONE Plain (T T) -> (T) FREE_NAN;
    /// Difference.
    Fsub "fsub" FLOAT NONE Plain (T T) -> (T) FREE_NAN;
    /// Product.
    Fmul "fmul" FLOAT NONE Plain (T T) -> (T) FREE_NAN;
    /// Quotient; division by zero gives an infinity or NaN.
    Fdiv "fdiv" FLOAT NONE Plain (T T) -> (T) FREE_NAN;
    /// Lesser; NaN if either operand is NaN; -0.0 is less than 0.0.
    Fmin "fmin" FLOAT NONE Plain (T T) -> (T) FREE_NAN;
    /// Greater; NaN if either operand is NaN; 0.0 is greater than -0.0.
    Fmax "fmax" FLOAT NONE Plain (T T) -> (T) FREE_NAN;
    /// The first operand with the sign of the second; only the sign bit changes, NaNs included.
    Copysign "copysign" FLOAT NONE Plain (T T) -> (T) PURE;
    /// The sign bit flipped, NaNs included.
    Fneg "fneg" FLOAT NONE Plain (T) -> (T) PURE;
    /// The sign bit cleared, NaNs included.
    Fabs "fabs" FLOAT NONE Plain (T) -> (T) PURE;
    /// Square root, correctly rounded; -0.0 gives -0.0, other negative operands NaN.
    Sqrt "sqrt" FLOAT NONE Plain (T) -> (T) FREE_NAN;
    /// Least integral value not below the operand; the sign of zero is kept (-0.5 gives -0.0).
    Ceil "ceil" FLOAT NONE Plain (T) -> (T) FREE_NAN;
    /// Greatest integral value not above the operand; the sign of zero is kept.
    Floor "floor" FLOAT NONE Plain (T) -> (T) FREE_NAN;
    /// Integral value nearest towards zero; the sign of zero is kept.
    Trunc "trunc" FLOAT NONE Plain (T) -> (T) FREE_NAN;
    /// Nearest integral value, ties to even; the sign of zero is kept.
    Nearest "nearest" FLOAT NONE Plain (T) -> (T) FREE_NAN;
    /// First times second plus third, rounded once.
    Fma "fma" FLOAT NONE Plain (T T T) -> (T) FREE_NAN;

    // ---- Linear memory: little-endian, any alignment --------------------------------------------
    /// Reads a `T`. The address is the index, zero-extended, plus the offset, without wrapping.
    /// An access not wholly inside the memory traps with `memory_out_of_bounds`.
    Load "load" ANY NONE Memory (Index) -> (T) TRAPS|READS;
    /// Reads an `S` and sign-extends it to `T`. Bounds as for `load`.
    Sload "sload" INT_OVER_8 INT_UNDER_64 Memory (Index) -> (T) TRAPS|READS;
    /// Reads an `S` and zero-extends it to `T`. Bounds as for `load`.
    Uload "uload" INT_OVER_8 INT_UNDER_64 Memory (Index) -> (T) TRAPS|READS;
    /// Writes a `T`. Bounds as for `load`; a store that traps writes nothing.
    Store "store" ANY NONE Memory (T Index) -> () TRAPS|WRITES;
    /// Writes the low bits of a `T` as an `S`. Bounds as for `store`.
    Istore "istore" INT_OVER_8 INT_UNDER_64 Memory (T Index) -> () TRAPS|WRITES;
    /// Size of a memory in pages of 64 KiB.
    MemorySize "memory_size" WORD NONE MemoryOnly () -> (T) READS;
    /// Grows a memory by the operand, in pages (unsigned), and yields the old size, or -1 if the
    /// limit forbids it. New bytes are zero.
    MemoryGrow "memory_grow" WORD NONE MemoryOnly (T) -> (T) READS|WRITES;
    /// Sets bytes: destination, byte (low 8 bits), length. A range not wholly inside the memory
    /// traps with `memory_out_of_bounds` before any write, also if its length is zero.
    MemoryFill "memory_fill" WORD NONE MemoryBulk (T I32 T) -> () TRAPS|WRITES;
    /// Copies bytes as if through a buffer: destination, source, length. Bounds as for
    /// `memory_fill`, for both ranges.
    MemoryCopy "memory_copy" WORD NONE MemoryCopy (T T T) -> () TRAPS|READS|WRITES;
    /// Copies bytes of a data segment: destination, source offset, length. Bounds as for
    /// `memory_fill`, for both ranges; a dropped segment is empty.
    MemoryInit "memory_init" WORD NONE MemoryInit (T I32 I32) -> () TRAPS|READS|WRITES;
    /// Makes a data segment empty.
    DataDrop "data_drop" NONE NONE Data () -> () WRITES;

    // ---- Stack slots and raw memory: accesses that the program vouches for ------------------------
    /// Reads a `T` from a stack slot; the verifier checks that it lies inside. A slot starts zeroed.
    StackLoad "stack_load" ANY NONE Stack () -> (T) READS;
    /// Writes a `T` to a stack slot; the verifier checks that it lies inside.
    StackStore "stack_store" ANY NONE Stack (T) -> () WRITES;
    /// The address of a byte of a stack slot, valid until the function returns.
    StackAddr "stack_addr" I64 NONE Stack () -> (T) PURE;
    /// Reads a `T` from an address that the host vouches for, at any alignment.
    RawLoad "raw_load" ANY NONE Raw (I64) -> (T) READS;
    /// Writes a `T` to an address that the host vouches for, at any alignment.
    RawStore "raw_store" ANY NONE Raw (T I64) -> () WRITES;

    // ---- Globals, tables, references ------------------------------------------------------------
    /// Reads a global.
    GlobalGet "global_get" ANY NONE Global () -> (T) READS;
    /// Writes a mutable global.
    GlobalSet "global_set" ANY NONE Global (T) -> () WRITES;
    /// Reads a table entry; an index beyond the table traps with `table_out_of_bounds`.
    TableGet "table_get" NONE NONE Table (I32) -> (I64) TRAPS|READS;
    /// Writes a table entry: index, reference. Bounds as for `table_get`. A table of functions holds
    /// null and references to functions of the module; anything else traps with `bad_signature`
    /// after the check of the index, and nothing is written.
    TableSet "table_set" NONE NONE Table (I32 I64) -> () TRAPS|WRITES;
    /// Number of entries of a table.
    TableSize "table_size" NONE NONE Table () -> (I32) READS;
    /// Grows a table: initial reference, number of entries. Yields the old size, or -1 if the limit
    /// forbids it. The reference is checked first, as for `table_set`, also if the table does not
    /// grow.
    TableGrow "table_grow" NONE NONE Table (I64 I32) -> (I32) TRAPS|READS|WRITES;
    /// Sets entries: index, reference, number. A range not wholly inside the table traps with
    /// `table_out_of_bounds` before any write, also if it is empty; then the reference is checked as
    /// for `table_set`.
    TableFill "table_fill" NONE NONE TableBulk (I32 I64 I32) -> () TRAPS|WRITES;
    /// Copies entries as if through a buffer: destination index, source index, number. Bounds as
    /// for `table_fill`, for both ranges.
    TableCopy "table_copy" NONE NONE TableCopy (I32 I32 I32) -> () TRAPS|READS|WRITES;
    /// Copies entries of an element segment: table index, segment index, number. Bounds as for
    /// `table_fill`, for both ranges; a dropped segment is empty. Then every reference is checked as
    /// for `table_set`, before any write.
    TableInit "table_init" NONE NONE TableInit (I32 I32 I32) -> () TRAPS|READS|WRITES;
    /// Makes an element segment empty.
    ElemDrop "elem_drop" NONE NONE Elem () -> () WRITES;
    /// The reference to a function: its index plus one. Null is 0.
    RefFunc "ref_func" NONE NONE Func () -> (I64) PURE;

    // ---- Calls: fixed operands, if any, stand first in the list, then the arguments -------------
    /// Calls a function of the module, imported or defined.
    Call "call" NONE NONE Call () -> () CALLS;
    /// Calls the function in a table entry. Traps, in this order of checks: an index beyond the
    /// table, `table_out_of_bounds`; null, `indirect_call_to_null`; another signature,
    /// `bad_signature`.
    CallIndirect "call_indirect" NONE NONE CallIndirect (I32) -> () CALLS;
    /// Calls a C function by its address, in the platform's convention. The signature has at most
    /// one result and no `i8` or `i16`; the host vouches for the pointer. If the function enters an
    /// instance on its thread, that call traps with `stack_overflow`.
    CallRaw "call_raw" NONE NONE CallRaw (I64) -> () CALLS;
    /// Calls a function and returns its results, in the frame of the caller: a chain of any
    /// length takes constant stack.
    ReturnCall "return_call" NONE NONE Call () -> () CALLS|ENDS_BLOCK;
    /// As `call_indirect`, and returns its results as `return_call` does.
    ReturnCallIndirect "return_call_indirect" NONE NONE CallIndirect (I32) -> () CALLS|ENDS_BLOCK;

    // ---- Control --------------------------------------------------------------------------------
    /// Continues at a block.
    Jump "jump" NONE NONE Jump () -> () ENDS_BLOCK;
    /// Continues at the first block if the condition is not zero, else at the second.
    Brif "brif" NONE NONE Brif (Cond) -> () ENDS_BLOCK;
    /// Continues at the block that the index (unsigned) selects, or at the default one.
    BrTable "br_table" NONE NONE BrTable (I32) -> () ENDS_BLOCK;
    /// Returns values to the caller.
    Return "return" NONE NONE Return () -> () ENDS_BLOCK;
    /// Traps.
    Trap "trap" NONE NONE Trap () -> () TRAPS|ENDS_BLOCK;
    /// Traps if the condition is zero.
    Trapz "trapz" NONE NONE CondTrap (Cond) -> () TRAPS;
    /// Traps if the condition is not zero.
    Trapnz "trapnz" NONE NONE CondTrap (Cond) -> () TRAPS;
}

impl Op {
    /// The row of this op.
    #[inline]
    pub const fn info(self) -> &'static OpInfo {
        &TABLE[self as usize]
    }

    /// Where the operands of its instructions stand.
    #[inline]
    pub const fn shape(self) -> Shape {
        SHAPES[self as usize]
    }

    /// The name in the text form.
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether this op ends its block.
    #[inline]
    pub const fn ends_block(self) -> bool {
        self.info().effects.has(Effects::ENDS_BLOCK)
    }

    /// The op with this name in the text form.
    pub fn from_name(name: &str) -> Option<Op> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.op)
    }

    /// Whether `t` and `s` may stand together behind this op; the sets have been checked already.
    pub const fn admits_types(self, t: Type, s: Type) -> bool {
        match self {
            Op::Sextend | Op::Uextend | Op::Sload | Op::Uload | Op::Istore => s.bits() < t.bits(),
            Op::Ireduce => s.bits() > t.bits(),
            Op::Bitcast => s.bits() == t.bits() && s.is_int() != t.is_int(),
            _ => true,
        }
    }

    /// All pairs of types that may stand behind this op. An absent type shows as `None`.
    pub fn type_pairs(self) -> Vec<(Option<Type>, Option<Type>)> {
        let row = self.info();
        if row.t.is_empty() {
            return vec![(None, None)];
        }
        if row.s.is_empty() {
            return row.t.iter().map(|t| (Some(t), None)).collect();
        }
        row.t
            .iter()
            .flat_map(|t| row.s.iter().map(move |s| (t, s)))
            .filter(|(t, s)| self.admits_types(*t, *s))
            .map(|(t, s)| (Some(t), Some(s)))
            .collect()
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! conditions {
    ($(#[$doc:meta])* $enum:ident { $($(#[$vdoc:meta])* $variant:ident $name:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$vdoc])* $variant,)*
        }

        impl $enum {
            /// All conditions.
            pub const ALL: &'static [$enum] = &[$($enum::$variant),*];

            /// The name in the text form.
            pub const fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)*
                }
            }

            /// The condition with this name in the text form.
            pub fn from_name(name: &str) -> Option<$enum> {
                Self::ALL.iter().copied().find(|c| c.name() == name)
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

conditions! {
    /// The condition of an `icmp`.
    IntCc {
        /// Equal.
        Eq "eq";
        /// Not equal.
        Ne "ne";
        /// Signed less.
        Slt "slt";
        /// Signed less or equal.
        Sle "sle";
        /// Signed greater.
        Sgt "sgt";
        /// Signed greater or equal.
        Sge "sge";
        /// Unsigned less.
        Ult "ult";
        /// Unsigned less or equal.
        Ule "ule";
        /// Unsigned greater.
        Ugt "ugt";
        /// Unsigned greater or equal.
        Uge "uge";
    }
}

conditions! {
    /// The condition of an `fcmp`.
    FloatCc {
        /// Equal; false for NaN.
        Eq "eq";
        /// Not equal, or NaN.
        Ne "ne";
        /// Less; false for NaN.
        Lt "lt";
        /// Less or equal; false for NaN.
        Le "le";
        /// Greater; false for NaN.
        Gt "gt";
        /// Greater or equal; false for NaN.
        Ge "ge";
        /// Neither operand is NaN.
        Ord "ord";
        /// Either operand is NaN.
        Uno "uno";
        /// Equal, or NaN.
        Ueq "ueq";
        /// Less or greater; false for NaN.
        One "one";
        /// Less, or NaN.
        Ult "ult";
        /// Less or equal, or NaN.
        Ule "ule";
        /// Greater, or NaN.
        Ugt "ugt";
        /// Greater or equal, or NaN.
        Uge "uge";
    }
}

impl IntCc {
    /// The condition that holds exactly when this one does not.
    pub const fn inverse(self) -> IntCc {
        match self {
            IntCc::Eq => IntCc::Ne,
            IntCc::Ne => IntCc::Eq,
            IntCc::Slt => IntCc::Sge,
            IntCc::Sle => IntCc::Sgt,
            IntCc::Sgt => IntCc::Sle,
            IntCc::Sge => IntCc::Slt,
            IntCc::Ult => IntCc::Uge,
            IntCc::Ule => IntCc::Ugt,
            IntCc::Ugt => IntCc::Ule,
            IntCc::Uge => IntCc::Ult,
        }
    }

    /// The condition that holds for (y, x) exactly when this one holds for (x, y).
    pub const fn swapped(self) -> IntCc {
        match self {
            IntCc::Eq => IntCc::Eq,
            IntCc::Ne => IntCc::Ne,
            IntCc::Slt => IntCc::Sgt,
            IntCc::Sle => IntCc::Sge,
            IntCc::Sgt => IntCc::Slt,
            IntCc::Sge => IntCc::Sle,
            IntCc::Ult => IntCc::Ugt,
            IntCc::Ule => IntCc::Uge,
            IntCc::Ugt => IntCc::Ult,
            IntCc::Uge => IntCc::Ule,
        }
    }
}

impl FloatCc {
    /// The condition that holds exactly when this one does not.
    pub const fn inverse(self) -> FloatCc {
        match self {
            FloatCc::Eq => FloatCc::Ne,
            FloatCc::Ne => FloatCc::Eq,
            FloatCc::Lt => FloatCc::Uge,
            FloatCc::Le => FloatCc::Ugt,
            FloatCc::Gt => FloatCc::Ule,
            FloatCc::Ge => FloatCc::Ult,
            FloatCc::Ord => FloatCc::Uno,
            FloatCc::Uno => FloatCc::Ord,
            FloatCc::Ueq => FloatCc::One,
            FloatCc::One => FloatCc::Ueq,
            FloatCc::Ult => FloatCc::Ge,
            FloatCc::Ule => FloatCc::Gt,
            FloatCc::Ugt => FloatCc::Le,
            FloatCc::Uge => FloatCc::Lt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_own_index_and_names_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.op as usize, index);
            assert_eq!(
                Op::from_name(row.name),
                Some(row.op),
                "{} is there twice",
                row.name
            );
            assert!(!row.doc.trim().is_empty(), "{} is undocumented", row.name);
            assert!(!row.op.type_pairs().is_empty());
            assert!(row.s.is_empty() || !row.t.is_empty());
        }
    }

    #[test]
    fn inverse_conditions_are_involutions() {
        for cc in IntCc::ALL {
            assert_eq!(cc.inverse().inverse(), *cc);
            assert_eq!(cc.swapped().swapped(), *cc);
        }
        for cc in FloatCc::ALL {
            assert_eq!(cc.inverse().inverse(), *cc);
        }
    }
}
