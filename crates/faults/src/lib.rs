//! Faults that are planted on purpose: what an oracle is worth is how many of them it finds.
//!
//! A *fault* is a mistake of the kind that authors of compilers make, written at the place where it would
//! be made, and switched on by name, one at a time. The list of them is the table below; the code of a
//! fault is an `if faults::on(Fault::…)` at its site.
//!
//! Rules for a fault:
//! * It stands where an author would have made it, as one condition that leaves the code around it alone.
//! * Some program that a generator of modules can make shows it: a wrong value, a wrong trap or none, a crash,
//!   a panic, a run without end. No two are alike. Some show at once; most want a type, a constant, a place of an
//!   operand or a shape of control flow; a few want luck.
//! * Those in shared code are where the interpreter does not go the same way: what all configurations do
//!   alike, no comparison sees. Those of a frontend show to who runs the same input otherwise.
//!
//! A build with the faults in it:
//! `cargo run --release -p bakeoff --features seeded-faults`; tests:
//! `cargo test -p bakeoff-registry --test faults --features bakeoff-faults/seeded`, which checks that each fault
//! stands once, in its room.
//!
//! Invariant: without the feature `seeded`, which no crate turns on by default, [`on`] is a constant
//! `false`, and nothing of any fault is left in the build.
#![forbid(unsafe_code)]

/// Where a fault is planted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Room {
    /// The interpreter.
    Interp,
    /// The translation to Cranelift.
    Cranelift,
    /// Copy and patch.
    Stencil,
    /// The one-pass compiler.
    Dynasm,
    /// What several backends share: the runtime, analyses, moves.
    Shared,
    /// From WebAssembly into the IR.
    FrontendWasm,
    /// From CLIF into the IR.
    FrontendClif,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal $room:ident;)*) => {
        /// A mistake that can be switched on. The doc comment says what goes wrong.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u16)]
        pub enum Fault {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Fault {
            /// All faults, in the order of the table.
            pub const ALL: &'static [Fault] = &[$(Fault::$name),*];

            /// The name on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Fault::$name => $text,)*
                }
            }

            /// Where it is planted.
            pub const fn room(self) -> Room {
                match self {
                    $(Fault::$name => Room::$room,)*
                }
            }

            /// What goes wrong.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Fault::$name => concat!($($doc),+).trim_ascii_start(),)*
                }
            }

            /// The fault of this name.
            pub fn from_name(name: &str) -> Option<Fault> {
                Self::ALL.iter().copied().find(|fault| fault.name() == name)
            }
        }
    };
}

faults! {
    // The interpreter: decisions about slots, writing instructions, executing them.

    /// Differences of two values in slots are taken the wrong way round.
    InterpSwappedSub "interp-swapped-sub" Interp;
    /// Two values share a slot although the first is read once more when the second is there already.
    InterpRangesOverlap "interp-ranges-overlap" Interp;
    /// What a loop uses from outside keeps its slot up to its last use only, and not to the end of the loop.
    InterpBackEdgeForgotten "interp-back-edge-forgotten" Interp;
    /// Arguments are computed in the callee's frame although another call comes before theirs.
    InterpArgumentAcrossCall "interp-argument-across-call" Interp;
    /// An unused division is dropped, and so is its trap.
    InterpDeadDivision "interp-dead-division" Interp;
    /// In a cycle of moves the value that was saved is not read from where it was saved.
    InterpSwapLost "interp-swap-lost" Interp;
    /// Several results are moved one after the other instead of at once.
    InterpReturnInOrder "interp-return-in-order" Interp;
    /// Two instructions become one across the beginning of a block.
    InterpJoinAcrossLabel "interp-join-across-label" Interp;
    /// A constant of 64 bits in a branch is zero-extended from 32 when written and sign-extended when read.
    InterpBranchConstantUnsigned "interp-branch-constant-unsigned" Interp;
    /// An index of `br_table` that is out of range leads to the last edge but the default.
    InterpTableDefault "interp-table-default" Interp;
    /// `fcmp ugt` is taken for `gt`: wrong for a NaN. Branches on `le` are affected where it is inverted.
    InterpUnorderedGreater "interp-unordered-greater" Interp;
    /// `ireduce` to 32 bits leaves the upper half of the slot as it is.
    InterpReduceIsNothing "interp-reduce-is-nothing" Interp;
    /// An index that is the sum with a constant does not wrap around at 32 bits.
    InterpSumUnwrapped "interp-sum-unwrapped" Interp;
    /// A product that becomes part of a sum of doubles is not rounded.
    InterpRoundedOnce "interp-rounded-once" Interp;
    /// Accesses after `memory_grow` are checked against the old size.
    InterpStaleLength "interp-stale-length" Interp;
    /// Stack slots are not zeroed: they hold what an earlier call left there.
    InterpSlotsKeepOld "interp-slots-keep-old" Interp;
    /// Indirect calls compare the parameters of signatures, and not the results.
    InterpResultsUnchecked "interp-results-unchecked" Interp;

    // The translation to Cranelift: values, control, accesses, calls.

    /// Constants of 64 bits are cut to 32 and sign-extended.
    CraneliftConstantCut "cranelift-constant-cut" Cranelift;
    /// `rotr.i8` rotates to the left.
    CraneliftRotatesLeft "cranelift-rotates-left" Cranelift;
    /// The borrow of an unsigned difference is the overflow of a signed one.
    CraneliftBorrowSigned "cranelift-borrow-signed" Cranelift;
    /// `fcmp one` is taken for `ne`, which also holds for a NaN.
    CraneliftOneIsNe "cranelift-one-is-ne" Cranelift;
    /// Of a condition of 64 bits `brif` looks at the lower half.
    CraneliftConditionNarrow "cranelift-condition-narrow" Cranelift;
    /// If both edges of a `brif` lead to one block, the second carries the arguments of the first.
    CraneliftEdgesOneTarget "cranelift-edges-one-target" Cranelift;
    /// The results beyond those in registers are returned in reverse order.
    CraneliftResultsReversed "cranelift-results-reversed" Cranelift;
    /// The last word of a stack slot that a loop zeroes is not zeroed.
    CraneliftSlotTailKept "cranelift-slot-tail-kept" Cranelift;
    /// Room for the results of one callee is used for a later one with more results.
    CraneliftAreaTooSmall "cranelift-area-too-small" Cranelift;
    /// What the host returns beyond the results in registers goes two words too far.
    CraneliftHostResultsShifted "cranelift-host-results-shifted" Cranelift;
    /// Of a failing indirect call, null is reported as a bad signature, and the other way round.
    CraneliftNullMistaken "cranelift-null-mistaken" Cranelift;
    /// `sload` of 16 bits to 64 extends with zeros.
    CraneliftSloadZeroExtends "cranelift-sload-zero-extends" Cranelift;
    /// Offsets of 2^31 and more are taken for negative ones.
    CraneliftOffsetNegative "cranelift-offset-negative" Cranelift;
    /// The bounds check of an access with a 64-bit index wraps around.
    CraneliftIndexWraps "cranelift-index-wraps" Cranelift;
    /// Loads of mutable globals are said to be movable past everything.
    CraneliftGlobalsConstant "cranelift-globals-constant" Cranelift;
    /// `memory_copy` between two memories goes the other way.
    CraneliftCopyMemoriesSwapped "cranelift-copy-memories-swapped" Cranelift;
    /// A table that has a maximum is taken to be of its minimal size for ever.
    CraneliftTableNeverGrows "cranelift-table-never-grows" Cranelift;
    /// `table_set` puts anything into a table of functions.
    CraneliftReferenceUnchecked "cranelift-reference-unchecked" Cranelift;

    // Copy and patch: allocation, places, holes, branches, calls.

    /// The register of a shift may be that of its count, which is overwritten before it is used.
    StencilCountClobbered "stencil-count-clobbered" Stencil;
    /// A value that leaves its register late gets a slot that was somebody else's until then.
    StencilEvictedSlotShared "stencil-evicted-slot-shared" Stencil;
    /// Cycles of slots keep a value where copies from slot to slot go through.
    StencilCycleTemporary "stencil-cycle-temporary" Stencil;
    /// Floats that live across a call are not loaded again behind it.
    StencilFloatsNotReloaded "stencil-floats-not-reloaded" Stencil;
    /// Arguments beyond the registers are fetched when registers have been overwritten.
    StencilArgumentsLate "stencil-arguments-late" Stencil;
    /// The numbers that a builtin is called with overwrite operands that are still to be moved.
    StencilNumbersFirst "stencil-numbers-first" Stencil;
    /// A condition is left in the temporary that a float constant goes through.
    StencilConditionClobbered "stencil-condition-clobbered" Stencil;
    /// Constants of 128 to 255 go into holes of 8 bits, which are sign-extended.
    StencilByteUnsigned "stencil-byte-unsigned" Stencil;
    /// Slots at offsets of 128 to 255 are addressed by 8 bits: below the frame, where calls write.
    StencilFarSlot "stencil-far-slot" Stencil;
    /// A constant of 64 bits is cut to 32 and sign-extended when it is stored.
    StencilStoredConstantCut "stencil-stored-constant-cut" Stencil;
    /// `icmp ule` with the greatest constant becomes `ult` with 0.
    StencilUleMost "stencil-ule-most" Stencil;
    /// Comparisons with a constant on the left keep their condition when operands change places.
    StencilConstantOnLeft "stencil-constant-on-left" Stencil;
    /// A branch on `sle` with 0 is one on equality.
    StencilNotPositive "stencil-not-positive" Stencil;
    /// The bound of `br_table` is one too large: the index behind the last entry jumps anywhere.
    StencilTableBound "stencil-table-bound" Stencil;
    /// All checks of a function report the trap of the first one.
    StencilOneTrap "stencil-one-trap" Stencil;
    /// Stack slots whose size is no multiple of 8 overlap what stands behind.
    StencilSlotsOverlap "stencil-slots-overlap" Stencil;
    /// No more than a page of stack slots is zeroed.
    StencilZeroesOnePage "stencil-zeroes-one-page" Stencil;
    /// A constant index and an offset are added in 32 bits.
    StencilAbsoluteWraps "stencil-absolute-wraps" Stencil;
    /// Explicit checks compare with the length of memory 0, whichever memory it is.
    StencilFirstLength "stencil-first-length" Stencil;
    /// `sload` from a memory other than 0 extends with zeros.
    StencilFarMemoryUnsigned "stencil-far-memory-unsigned" Stencil;

    // The one-pass compiler: what is where, folding, selection.

    /// What lives across a call in a loop is not stored before the loop, and taken to be.
    DynasmLoopNotStored "dynasm-loop-not-stored" Dynasm;
    /// Later edges to a block do not store what the first one had in its slot.
    DynasmTakenForStored "dynasm-taken-for-stored" Dynasm;
    /// The moves of the two edges of a branch are exchanged, if both have some and the first edge is last.
    DynasmEdgesExchanged "dynasm-edges-exchanged" Dynasm;
    /// A load becomes part of an instruction behind a store to the same place.
    DynasmLoadPassesStore "dynasm-load-passes-store" Dynasm;
    /// An unused instruction is dropped together with the load that has become part of it.
    DynasmDeadLoadDropped "dynasm-dead-load-dropped" Dynasm;
    /// Operands of a folded instruction end where it stood.
    DynasmFoldedOperandEnds "dynasm-folded-operand-ends" Dynasm;
    /// The slot of an operand of a folded instruction is given away before that is emitted.
    DynasmFoldedSlotReused "dynasm-folded-slot-reused" Dynasm;
    /// The zero flag is believed although other instructions have come between.
    DynasmStaleFlags "dynasm-stale-flags" Dynasm;
    /// A zero that a selection needs is made by an instruction that changes the flags.
    DynasmFlagsLost "dynasm-flags-lost" Dynasm;
    /// A selection on `fcmp ne` looks at one of two flags only: wrong for a NaN.
    DynasmSelectOrdered "dynasm-select-ordered" Dynasm;
    /// `fcmp eq` holds for a NaN.
    DynasmNanEqual "dynasm-nan-equal" Dynasm;
    /// Where `fcmp eq` is inverted, a NaN is forgotten.
    DynasmInverseOrdered "dynasm-inverse-ordered" Dynasm;
    /// `x - [m]` that is stored to m again becomes `[m] - x`.
    DynasmUpdateReversed "dynasm-update-reversed" Dynasm;
    /// Backward branches of 127 and 128 bytes get a distance of 8 bits that does not hold it.
    DynasmShortReach "dynasm-short-reach" Dynasm;
    /// The index of `br_table` is compared as a signed number.
    DynasmSelectorSigned "dynasm-selector-signed" Dynasm;
    /// The index into a table is compared as a signed number.
    DynasmTableIndexSigned "dynasm-table-index-signed" Dynasm;
    /// Explicit checks refuse the access that ends with the last byte.
    DynasmLastByte "dynasm-last-byte" Dynasm;
    /// Indirect calls do not ask for null, whose record has another signature.
    DynasmNullUnchecked "dynasm-null-unchecked" Dynasm;
    /// Results of C functions and of the runtime keep what is beyond their 32 bits.
    DynasmResultUncut "dynasm-result-uncut" Dynasm;
    /// What goes to and from the host beyond the registers is 32 bits of each word.
    DynasmPassedHalf "dynasm-passed-half" Dynasm;
    /// The reciprocal of a signed division by a constant is rounded down.
    DynasmReciprocalDown "dynasm-reciprocal-down" Dynasm;
    /// Of an unsigned division by a constant whose reciprocal has a bit too many, the correction is wrong.
    DynasmLongReciprocal "dynasm-long-reciprocal" Dynasm;
    /// Masks of remainders by powers of two beyond 2^31 are cut to 32 bits.
    DynasmMaskCut "dynasm-mask-cut" Dynasm;
    /// The dividend of a signed division of 16 bits is not sign-extended.
    DynasmDividendUnsigned "dynasm-dividend-unsigned" Dynasm;
    /// -128 by -1 does not trap at 8 bits.
    DynasmQuotientUnchecked "dynasm-quotient-unchecked" Dynasm;
    /// Counts of narrow shifts and rotations in registers are not taken modulo the width.
    DynasmCountUnmasked "dynasm-count-unmasked" Dynasm;
    /// `clz` of 0, where the processor has no instruction for it.
    DynasmClzOfZero "dynasm-clz-of-zero" Dynasm;
    /// `ctz.i16` of 0.
    DynasmCtzUnbounded "dynasm-ctz-unbounded" Dynasm;
    /// `smin` and `smax` of 16 bits compare without signs.
    DynasmMinUnsigned "dynasm-min-unsigned" Dynasm;
    /// `smulhi.i8` takes its second operand without sign.
    DynasmHighHalfUnsigned "dynasm-high-half-unsigned" Dynasm;
    /// The overflow of an unsigned product of 32 bits is looked for in the lower half.
    DynasmProductFits "dynasm-product-fits" Dynasm;
    /// Large unsigned integers of 64 bits are halved without their last bit before they become floats.
    DynasmLastBitDropped "dynasm-last-bit-dropped" Dynasm;
    /// A NaN saturates to the least integer of 32 bits.
    DynasmNanSaturates "dynasm-nan-saturates" Dynasm;
    /// The maximum of zeros of both signs is -0.
    DynasmMaxOfZeros "dynasm-max-of-zeros" Dynasm;
    /// `floor` rounds to zero.
    DynasmFloorTruncates "dynasm-floor-truncates" Dynasm;

    // What native backends share: moves, slots, the runtime's functions, traps.

    /// The last move of a cycle reads what has been overwritten.
    SharedCycleLost "shared-cycle-lost" Shared;
    /// A place is overwritten when one of several moves has read it.
    SharedSecondReader "shared-second-reader" Shared;
    /// Slots beyond the first twelve are given away one position too early.
    SharedFarSlotEarly "shared-far-slot-early" Shared;
    /// A slot that is kept for an operand is kept for that alone, even if the value lives longer.
    SharedSlotKeptForLess "shared-slot-kept-for-less" Shared;
    /// The length of a `memory_fill` is cut to 32 bits.
    SharedFillLengthCut "shared-fill-length-cut" Shared;
    /// A `memory_grow` of 64 bits that fails yields 2^32 - 1.
    SharedGrowFailureNarrow "shared-grow-failure-narrow" Shared;
    /// `memory_copy` copies the lower half first, whichever way the places overlap.
    SharedCopyAscends "shared-copy-ascends" Shared;
    /// `table_grow` yields the new size.
    SharedTableGrowNew "shared-table-grow-new" Shared;
    /// `table_copy` between two tables takes each for the other.
    SharedTableCopySwapped "shared-table-copy-swapped" Shared;
    /// `fma.f32` rounds twice, where the processor has no instruction for it.
    SharedFmaRoundsTwice "shared-fma-rounds-twice" Shared;
    /// Faults at addresses of memories other than 0 are nobody's.
    SharedFirstMemoryTraps "shared-first-memory-traps" Shared;

    // From WebAssembly into the IR: found only by who runs WebAssembly otherwise.

    /// The default of `br_table` is its first target.
    WasmTableDefault "wasm-table-default" FrontendWasm;
    /// Parameters of an `if` come in reverse order in its `else` part.
    WasmElseParams "wasm-else-params" FrontendWasm;
    /// The opposite of a float comparison is the one with its operands exchanged.
    WasmFloatInverse "wasm-float-inverse" FrontendWasm;
    /// `i32.and`, `or` and `xor` of a truth value and a number are done in 8 bits.
    WasmTruthAbsorbs "wasm-truth-absorbs" FrontendWasm;
    /// `select` behind `i32.eqz` takes the wrong operand.
    WasmSelectKept "wasm-select-kept" FrontendWasm;
    /// `i64.load32_s` extends with zeros.
    WasmLoadUnsigned "wasm-load-unsigned" FrontendWasm;
    /// `i32.div_u` divides with signs.
    WasmDivSigned "wasm-div-signed" FrontendWasm;
    /// `i32.trunc_f64_u` traps beyond the range of signed numbers.
    WasmTruncSigned "wasm-trunc-signed" FrontendWasm;
    /// The start function is never called.
    WasmStartForgotten "wasm-start-forgotten" FrontendWasm;
    /// Active element segments all go to table 0.
    WasmElementsOfFirstTable "wasm-elements-of-first-table" FrontendWasm;
    /// Memories grow beyond their maximum.
    WasmMaximumIgnored "wasm-maximum-ignored" FrontendWasm;

    // ---- From CLIF ------------------------------------------------------------------------------
    /// Constants of 64 bits are cut to 32 and extended.
    ClifConstantCut "clif-constant-cut" FrontendClif;
    /// Unsigned greater-or-equal is greater.
    ClifGreaterOrEqual "clif-greater-or-equal" FrontendClif;
    /// The default of a `br_table` is its first entry.
    ClifDefaultFirst "clif-default-first" FrontendClif;
    /// The offset of an access to a known stack slot is forgotten.
    ClifOffsetForgotten "clif-offset-forgotten" FrontendClif;
}

#[cfg(feature = "seeded")]
mod switch {
    use super::Fault;
    use std::sync::atomic::{AtomicU16, Ordering};

    /// The number of the fault that is on, plus one.
    static ACTIVE: AtomicU16 = AtomicU16::new(0);

    /// Whether this fault is switched on.
    #[inline]
    pub fn on(fault: Fault) -> bool {
        ACTIVE.load(Ordering::Relaxed) == fault as u16 + 1
    }

    /// Switches a fault on and every other one off, or all off. It counts for what is compiled and run
    /// afterwards.
    pub fn switch(fault: Option<Fault>) {
        ACTIVE.store(fault.map_or(0, |fault| fault as u16 + 1), Ordering::Relaxed);
    }
}

#[cfg(not(feature = "seeded"))]
mod switch {
    use super::Fault;

    /// Whether this fault is switched on: in this build, never.
    #[inline(always)]
    pub const fn on(_: Fault) -> bool {
        false
    }

    /// Switches nothing: this build has no faults.
    pub fn switch(_: Option<Fault>) {}
}

pub use switch::{on, switch};

/// Whether this build has the faults in it.
pub const SEEDED: bool = cfg!(feature = "seeded");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_say_where() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_name(fault.name()), Some(*fault));
            assert!(!fault.about().is_empty());
        }
    }

    #[test]
    fn nothing_is_on_unless_it_is_switched_on() {
        assert!(Fault::ALL.iter().all(|fault| !on(*fault)));
        if SEEDED {
            switch(Some(Fault::ALL[0]));
            assert!(on(Fault::ALL[0]));
            switch(None);
            assert!(!on(Fault::ALL[0]));
        }
    }
}
