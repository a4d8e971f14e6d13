//! wasmi 1, an interpreter over its own register code.

use wasmi1 as wasmi;

const NAME: &str = "wasmi-1";
const ABOUT: &str = "wasmi 1, an interpreter";

include!("wasmi.rs");
