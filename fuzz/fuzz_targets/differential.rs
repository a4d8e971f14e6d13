//! Every backend with a generated case.
#![no_main]

use bakeoff_difftest::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| targets::differential(data));
