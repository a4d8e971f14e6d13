//! Entities: indices that print as the text form writes them.
//!
//! Every entity is a `u32` newtype, so that instructions stay small and side tables are plain
//! vectors. An index is meaningful only within the function (values, blocks, instructions, stack
//! slots) or module (the rest) that made it.

use std::fmt;

macro_rules! entities {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a subscript for side tables.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The entity with this subscript.
            ///
            /// # Panics
            /// If `index` does not fit into 32 bits, which no container here can reach: their
            /// growth is checked where they grow.
            #[inline]
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("more than 2^32 entities"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

entities! {
    /// An SSA value: a block parameter or a result of an instruction.
    Value "v";
    /// A basic block.
    Block "block";
    /// An instruction of one function, numbered in layout order.
    Inst "inst";
    /// A stack slot of one function.
    StackSlot "ss";
    /// A function of the module, imported or defined.
    Func "func";
    /// An interned signature of the module.
    Sig "sig";
    /// A linear memory of the module.
    Memory "mem";
    /// A global of the module.
    Global "global";
    /// A table of references of the module.
    Table "table";
    /// A data segment of the module.
    Data "data";
    /// An element segment of the module.
    Elem "elem";
}
