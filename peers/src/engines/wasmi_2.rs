//! wasmi 2, an interpreter over its own register code.

use wasmi2 as wasmi;

const NAME: &str = "wasmi-2";
const ABOUT: &str = "wasmi 2, an interpreter";

include!("wasmi.rs");
