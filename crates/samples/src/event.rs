//! What can be measured.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a value counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Bytes.
    Bytes,
    /// Things: instructions, relocations, allocations.
    Count,
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $unit:ident;)+) => {
        /// What was measured. The order is that of tables.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Event {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Event {
            /// All events.
            pub const ALL: &'static [Event] = &[$(Event::$name),+];

            /// The name in files.
            pub const fn name(self) -> &'static str {
                match self { $(Event::$name => $text),+ }
            }

            /// What its values count.
            pub const fn unit(self) -> Unit {
                match self { $(Event::$name => Unit::$unit),+ }
            }

            /// What it is, in a sentence or two.
            pub const fn about(self) -> &'static str {
                match self { $(Event::$name => concat!($($doc),+)),+ }
            }
        }
    };
}

events! {
    /// From verified IR in memory (for other engines: from bytes) to code that can be called, behind runs of programs.
    Compile = "compile_ns", Ns;
    /// The same, right behind another compilation of the same module by the same competitor.
    CompileAgain = "compile_again_ns", Ns;
    /// The first timed call of code that was just compiled, in a fresh instance.
    FirstCall = "first_call_ns", Ns;
    /// The timed call of code that ran before, in a fresh instance.
    Run = "run_ns", Ns;
    /// Facts about the program: control flow, liveness, loops.
    Analyse = "analyse_ns", Ns;
    /// From the IR to instructions of the target or of an IR nearer to it.
    Lower = "lower_ns", Ns;
    /// Assigning registers and slots.
    Allocate = "allocate_ns", Ns;
    /// Encoding instructions.
    Emit = "emit_ns", Ns;
    /// Resolving addresses between functions and to the runtime.
    Link = "link_ns", Ns;
    /// Making the code executable.
    Publish = "publish_ns", Ns;
    /// Code with constants and jump tables, without tables for traps.
    CodeBytes = "code_bytes", Bytes;
    /// Instructions in the code.
    CodeInsts = "code_insts", Count;
    /// Places in the code that are filled in when it is known where things are.
    Relocations = "relocations", Count;
    /// Values that have a slot of a frame because no register was free, or across a call.
    Spills = "spills", Count;
    /// The frames of all functions together.
    FrameBytes = "frame_bytes", Bytes;
    /// Number of allocations of one compilation.
    Allocations = "allocations", Count;
    /// Sum of all allocations of one compilation.
    AllocatedBytes = "allocated_bytes", Bytes;
    /// Peak of the memory that one compilation holds at once, the code itself not among it.
    PeakBytes = "peak_bytes", Bytes;
    /// Instructions that the machine executes for one compilation, as callgrind counts them.
    CompileInsts = "compile_insts", Count;
    /// Instructions that the machine executes in the timed call, as callgrind counts them.
    RunInsts = "run_insts", Count;
    /// Instructions of the IR that the timed call executes, as the interpreter counts them.
    IrInsts = "ir_insts", Count;
}

impl Event {
    /// The phases of a compilation, in order.
    pub const PHASES: [Event; 6] = [
        Event::Analyse,
        Event::Lower,
        Event::Allocate,
        Event::Emit,
        Event::Link,
        Event::Publish,
    ];

    /// Whether it is a time; a time of zero is a mistake of a clock and no value.
    pub fn is_time(self) -> bool {
        self.unit() == Unit::Ns
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no event has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no event `{0}`: is the file of a newer version?")]
pub struct UnknownEvent(pub String);

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(name: &str) -> Result<Event, UnknownEvent> {
        let found = Event::ALL.iter().copied().find(|e| e.name() == name);
        found.ok_or_else(|| UnknownEvent(name.to_string()))
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
