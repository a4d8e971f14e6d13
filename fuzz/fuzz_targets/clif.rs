//! The front end for CLIF.
#![no_main]

use bakeoff_difftest::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::clif(data));
