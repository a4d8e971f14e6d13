//! Why a program stopped: the closed list of trap codes that every backend raises.

use std::fmt;

macro_rules! trap_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal;)*) => {
        /// The reason of a trap.
        ///
        /// A trap ends the call that raised it, leaves memories, globals and tables as they were at
        /// that moment, and leaves the process healthy.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum TrapCode {
            $($(#[$doc])* $name,)*
            /// Raised by the program on purpose, with a number of its own, at most
            /// [`TrapCode::MAX_USER`].
            User(u8),
        }

        impl TrapCode {
            /// The codes without a number of the program's own.
            pub const NAMED: &'static [TrapCode] = &[$(TrapCode::$name),*];

            /// A nonzero byte, stable across versions, for machine code and tables.
            pub const fn to_byte(self) -> u8 {
                match self {
                    $(TrapCode::$name => $code,)*
                    TrapCode::User(n) => USER_BASE + n,
                }
            }

            /// The code of this byte, if there is one.
            pub const fn from_byte(byte: u8) -> Option<TrapCode> {
                match byte {
                    $($code => Some(TrapCode::$name),)*
                    USER_BASE..=LAST_USER => Some(TrapCode::User(byte - USER_BASE)),
                    _ => None,
                }
            }

            const fn fixed_name(self) -> Option<&'static str> {
                match self {
                    $(TrapCode::$name => Some($text),)*
                    TrapCode::User(_) => None,
                }
            }
        }
    };
}

trap_codes! {
    /// The program reached a place that it declared unreachable.
    Unreachable = 1 "unreachable";
    /// A linear-memory access that is not wholly inside the memory.
    MemoryOutOfBounds = 2 "memory_out_of_bounds";
    /// A table access or an indirect call with an index beyond the table.
    TableOutOfBounds = 3 "table_out_of_bounds";
    /// An indirect call through a null reference.
    IndirectCallToNull = 4 "indirect_call_to_null";
    /// An indirect call to a function of another signature.
    BadSignature = 5 "bad_signature";
    /// Integer division or remainder by zero.
    IntegerDivisionByZero = 6 "integer_division_by_zero";
    /// A signed division whose quotient does not fit, or a conversion out of range.
    IntegerOverflow = 7 "integer_overflow";
    /// A conversion of NaN to an integer.
    BadConversionToInteger = 8 "bad_conversion_to_integer";
    /// The call depth or the frames exceeded the stack.
    StackOverflow = 9 "stack_overflow";
    /// A host import failed or panicked.
    Host = 10 "host";
}

const USER_BASE: u8 = 64;
const LAST_USER: u8 = USER_BASE + TrapCode::MAX_USER;

impl TrapCode {
    /// The greatest number of a [`TrapCode::User`].
    pub const MAX_USER: u8 = 127;

    /// The code with this name in the text form.
    pub fn from_name(name: &str) -> Option<TrapCode> {
        if let Some(code) = TrapCode::NAMED
            .iter()
            .find(|c| c.fixed_name() == Some(name))
        {
            return Some(*code);
        }
        let number: u8 = name.strip_prefix("user")?.parse().ok()?;
        (number <= TrapCode::MAX_USER).then_some(TrapCode::User(number))
    }
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrapCode::User(n) => write!(f, "user{n}"),
            named => f.write_str(named.fixed_name().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_names_round_trip() {
        let users = (0..=TrapCode::MAX_USER).map(TrapCode::User);
        for code in TrapCode::NAMED.iter().copied().chain(users) {
            assert_ne!(code.to_byte(), 0);
            assert_eq!(TrapCode::from_byte(code.to_byte()), Some(code));
            assert_eq!(TrapCode::from_name(&code.to_string()), Some(code));
        }
        assert_eq!(TrapCode::from_byte(0), None);
        assert_eq!(TrapCode::from_name("user128"), None);
    }
}
