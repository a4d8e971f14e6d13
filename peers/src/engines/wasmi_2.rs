//! wasmi 2, an interpreter over its own register code.

use wasmi2 as wasmi;

const NAME: &str = "wasmi-2";

include!("wasmi.rs");
