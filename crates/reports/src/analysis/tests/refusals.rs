//! Sessions that do not belong together.

use crate::analysis::testing::Maker;
use crate::analysis::{AnalysisError, analyse};

fn refused(change: impl Fn(&mut Maker)) -> String {
    let first = Maker::new("first");
    let mut second = Maker::new("second").with("other", 1e5, 1e5);
    change(&mut second);
    analyse(&[first.session(), second.session()])
        .unwrap_err()
        .to_string()
}

#[test]
fn nothing() {
    assert_eq!(analyse(&[]).unwrap_err(), AnalysisError::Nothing);
}

#[test]
fn mixed_machines_and_builds() {
    let machine = refused(|m| m.head.fingerprint.machine.cpu = "Another".to_string());
    assert_eq!(
        machine,
        "first and second do not belong together: the processor differs (`Processor` and `Another`)"
    );
    let kernel = refused(|m| m.head.fingerprint.machine.kernel = "Linux 7".to_string());
    assert!(kernel.contains("the kernel"), "{kernel}");
    let governor = refused(|m| m.head.fingerprint.machine.governor = Some("powersave".to_string()));
    assert!(governor.contains("(`none` and `powersave`)"), "{governor}");
    let revision = refused(|m| m.head.fingerprint.build.revision = "def".to_string());
    assert!(
        revision.contains("the revision differs (`abc` and `def`)"),
        "{revision}"
    );
    let crates = refused(|m| {
        m.head
            .fingerprint
            .build
            .crates
            .insert("cranelift".to_string(), "0.136".to_string());
    });
    assert!(crates.contains("the version of cranelift"), "{crates}");
    let settings = refused(|m| m.head.settings.bounds_checks = "explicit".to_string());
    assert!(settings.contains("how memory is checked"), "{settings}");
    let size = refused(|m| m.head.settings.size = "full".to_string());
    assert!(size.contains("the size"), "{size}");
    let baseline = refused(|m| m.head.baseline = "other".to_string());
    assert!(baseline.contains("the baseline"), "{baseline}");
    let program = refused(|m| m.head.programs[1].module_insts = 7);
    assert!(program.contains("program q"), "{program}");
}

#[test]
fn the_same_cell_in_two_sessions() {
    let make = |name| Maker::new(name).with("fast", 1e5, 1e5).session();
    let error = analyse(&[make("first"), make("second")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "compile_ns of p on fast is in both first and second: leave one of them out, or compare them"
    );
    // Of another kind it may be.
    let mut scaling = Maker::new("second")
        .with("fast", 1e5, 1e5)
        .scaling(&[1, 2, 4]);
    scaling.head.settings.size = "full".to_string();
    assert!(analyse(&[make("first"), scaling.session()]).is_ok());
}
