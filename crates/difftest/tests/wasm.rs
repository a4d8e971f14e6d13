//! WebAssembly modules at random on every configuration, a few hundred of them. `bakeoff wasm-test` does the
//! same with more.

use bakeoff_difftest::wasm::{self, module, run};
use bakeoff_registry::CONFIGURATIONS;

/// A number that depends on every byte: FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A finding is named by seed and number, so these must mean the same module everywhere. A new version
/// of wasm-smith may change them.
#[test]
fn modules_are_pinned() {
    let hashes: Vec<u64> = (0..8).map(|number| hash(&module(1, number))).collect();
    assert_eq!(hashes, PINNED, "{hashes:#x?}");
    assert_ne!(module(1, 0), module(2, 0));
}

const PINNED: [u64; 8] = [
    0x055f_3e8e_7d1a_1427,
    0x128e_efe2_d80f_324f,
    0x6d2b_ecd1_2d8a_df5f,
    0xe1cb_365b_4008_2b64,
    0x8282_3b43_e08f_bb7e,
    0x97b1_58c3_2893_e6e6,
    0x8fe0_4f89_b9ce_183c,
    0xea91_f10c_7081_e938,
];

#[test]
fn every_configuration_does_what_wasmi_does() {
    let all: Vec<_> = CONFIGURATIONS.iter().collect();
    let report = run(1, 0..150, &all, |_| {});
    for finding in &report.findings {
        eprintln!(
            "module {} on {}: {}",
            finding.number, finding.configuration, finding.what
        );
    }
    assert!(report.is_clean(), "{} findings", report.findings.len());

    // What was run is worth running: calls return, host functions are called, traps of several kinds occur,
    // and hardly anything is left out.
    assert_eq!(report.modules, 150);
    let returned = report.returned() as f64 / report.total_calls() as f64;
    assert!(returned > 0.4, "{returned}");
    assert!(report.total_calls() > 1000 && report.host_calls > 100);
    assert!(report.calls.len() >= 6, "{:?}", report.calls);
    let left_out: u64 = report.refused.values().chain(report.cut.values()).sum();
    assert!(left_out < 15, "{left_out}");
    for tally in &report.configurations {
        let skipped: u64 = tally.skipped.values().sum();
        assert!(
            skipped < 15,
            "{}: {:?}",
            tally.configuration.name,
            tally.skipped
        );
    }
}

#[test]
fn a_transcript_is_the_same_each_time() {
    for number in 0..20 {
        let wasm = module(3, number);
        assert_eq!(
            wasm::outside(&wasm, 3, number),
            wasm::outside(&wasm, 3, number)
        );
    }
}
