//! Every file of tests/clif on every configuration; and what the tester says of files that lie.

use std::path::{Path, PathBuf};

use bakeoff_difftest::clif::{self, Skipped};
use bakeoff_registry::{CONFIGURATIONS, Configuration};

fn all() -> Vec<&'static Configuration> {
    CONFIGURATIONS.iter().collect()
}

/// A directory of this test's own with these files in it.
fn directory(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(directory.join("below")).unwrap();
    for (name, contents) in files {
        std::fs::write(directory.join(name), contents).unwrap();
    }
    directory
}

#[test]
fn every_line_gives_what_it_says_on_every_configuration() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clif");
    let report = clif::run(&[directory], &all()).unwrap();
    assert!(report.is_good(), "{report}");
    assert!(report.skipped.is_empty(), "{report}");
    assert_eq!(report.tallies.len(), CONFIGURATIONS.len());
    for (name, tally) in &report.tallies {
        assert_eq!(tally.unsupported, 0, "{name}");
        assert!(tally.passed > 120, "{report}");
    }
}

const MIXED: &str = "
function %good(i32) -> i32 {
block0(v0: i32):
    return v0
}
; run: %good(1) == 1
; run: %good(1) == 2
; print: %good(3)
function %traps() {
block0:
    trap user1
}
; run: %traps() == []
; print: %traps()
function %wide() -> i128 {
block0:
    v0 = iconst.i64 0
    v1 = iconcat v0, v0
    return v1
}
; run: %wide() == 0
";

#[test]
fn lies_fail_and_what_is_not_supported_is_counted() {
    let files = [("mixed.clif", MIXED), ("below/ignored.txt", "nothing")];
    let directory = directory("lies", &files);
    let report = clif::run(&[directory], &all()).unwrap();
    assert!(!report.is_good());
    assert_eq!((report.files, report.functions), (1, 2));
    let skipped = Skipped {
        functions: 1,
        lines: 1,
    };
    assert_eq!(report.skipped.get("type i128"), Some(&skipped));
    for (name, tally) in &report.tallies {
        assert_eq!((tally.passed, tally.failed), (3, 2), "{name}");
    }
    let shown = report.to_string();
    assert!(shown.contains("mixed.clif:7:1 on interp: %good"), "{shown}");
    assert!(shown.contains("type i128"), "{shown}");
    let section = report.section("these files");
    let line = "| `interp` | 3 / 2 / 1 |";
    assert!(section.contains(line), "{section}");
    assert!(section.contains("| type i128 | 1 | 1 |"), "{section}");
}

#[test]
fn a_file_that_is_refused_is_a_failure() {
    let broken = "function %f() {\nblock0:\n nonsense\n}\n; run: %f() == []\n";
    let directory = directory("refused", &[("below/broken.clif", broken)]);
    let report = clif::run(&[directory], &all()).unwrap();
    assert!(!report.is_good());
    assert!(report.failures[0].contains("broken.clif:3:"), "{report}");
    assert_eq!(report.skipped.values().map(|s| s.lines).sum::<usize>(), 1);
}

#[test]
fn no_files_and_no_section_are_errors() {
    let directory = directory("none", &[]);
    assert!(clif::run(std::slice::from_ref(&directory), &all()).is_err());
    let page = directory.join("page.md");
    std::fs::write(&page, "# Page\n<!-- clif: begin -->\n<!-- clif: end -->\n").unwrap();
    let report = clif::Report::default();
    report.write(&page, "nothing").unwrap();
    assert!(std::fs::read_to_string(&page).unwrap().contains("nothing"));
    std::fs::write(&page, "# Page\n").unwrap();
    let error = report.write(&page, "nothing").unwrap_err();
    assert!(error.to_string().contains("no section `clif`"), "{error}");
}
