//! What the scripts are known to give, the same on every configuration.

use bakeoff_wasm_spec::Suite;

use crate::link::{FUNC_REF, GLOBAL, MEMORY, MUTABILITY, ONE_TYPE, Skip, TABLE, TABLE_KIND};
use crate::run::NOT_RUN;

/// Counts by kind of command and by reason, each in alphabetical order.
pub(crate) struct Pin {
    pub(crate) suite: Suite,
    pub(crate) passed: &'static [(&'static str, usize)],
    pub(crate) skipped: &'static [(Skip, usize)],
}

/// Why a reason is one.
pub(crate) const REASONS: [(Skip, &str); 8] = [
    (
        FUNC_REF,
        "A reference is a number that means a function of its own module only.",
    ),
    (
        MUTABILITY,
        "A host provides the value of a global; it has no way to say whether the global may change. \
         The scripts want such a module refused, and it is accepted.",
    ),
    (
        ONE_TYPE,
        "`funcref`, `externref` and `i64` are one type in the IR. The scripts want such a module \
         refused, and it is accepted.",
    ),
    (
        TABLE_KIND,
        "A host provides the size of a table, not what is in it. The scripts want such a module \
         refused, and it is accepted.",
    ),
    (
        NOT_RUN,
        "Malformed and invalid modules have nothing to run; the tests of the front end have them all.",
    ),
    (
        MEMORY,
        "Instances are closed: an imported memory is made afresh.",
    ),
    (
        GLOBAL,
        "Instances are closed: an imported global is a copy.",
    ),
    (
        TABLE,
        "Instances are closed: an imported table is made afresh.",
    ),
];

pub(crate) const PINS: [Pin; 3] = [
    Pin {
        suite: Suite::Version1,
        passed: &[
            ("action", 42),
            ("assert_exhaustion", 15),
            ("assert_return", 15740),
            ("assert_trap", 450),
            ("assert_trap of a module", 27),
            ("assert_unlinkable", 61),
            ("module", 772),
            ("register", 10),
        ],
        skipped: &[
            (MUTABILITY, 2),
            (NOT_RUN, 2057),
            (MEMORY, 24),
            (GLOBAL, 15),
            (TABLE, 30),
        ],
    },
    Pin {
        suite: Suite::Version2,
        passed: &[
            ("action", 155),
            ("assert_exhaustion", 15),
            ("assert_return", 21395),
            ("assert_trap", 2347),
            ("assert_trap of a module", 27),
            ("assert_unlinkable", 72),
            ("module", 1112),
            ("register", 19),
        ],
        skipped: &[
            (FUNC_REF, 2),
            (MUTABILITY, 5),
            (ONE_TYPE, 4),
            (TABLE_KIND, 2),
            (NOT_RUN, 2771),
            (MEMORY, 29),
            (GLOBAL, 15),
            (TABLE, 42),
        ],
    },
    Pin {
        suite: Suite::TailCall,
        passed: &[("assert_return", 71), ("assert_trap", 7), ("module", 6)],
        skipped: &[(NOT_RUN, 35)],
    },
];
