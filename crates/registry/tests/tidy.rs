//! Rules of the repository that run: who sees whom, sizes, links, names of files.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    here.canonicalize().unwrap()
}

/// Collects what is wrong, so that one run tells all.
#[derive(Default)]
struct Findings(String);

impl Findings {
    fn add(&mut self, path: &Path, what: impl std::fmt::Display) {
        let path = path.strip_prefix(root()).unwrap_or(path);
        writeln!(self.0, "{}: {what}", path.display()).unwrap();
    }

    fn check(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

/// All files with this extension under the root, without what is built, generated or other people's.
fn files(extension: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let skipped = name.starts_with('.') || name == "target" || name == "node_modules";
            if path.is_symlink() || skipped {
                continue;
            }
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "the walk finds nothing");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

// ---- Who sees whom -------------------------------------------------------------------------------

/// What a crate's library and binaries may use of ours. A crate that is not listed may not exist.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    const BACKENDS_SEE: &[&str] = &["ir", "backend", "code-memory", "faults"];
    Some(match name {
        "ir" | "code-memory" | "faults" | "samples" | "statistics" | "allocations" => &[],
        "reports" => &["samples", "statistics"],
        "backend" => &["ir", "code-memory", "faults"],
        "suite" | "wasm-spec" => &["ir"],
        "registry" => &["ir", "backend", "backend-*"],
        "difftest" => &[
            "ir",
            "backend",
            "faults",
            "registry",
            "suite",
            "frontend-*",
            "wasm-spec",
        ],
        "bench-suite" => &[
            "ir",
            "backend",
            "registry",
            "suite",
            "frontend-*",
            "samples",
            "statistics",
            "allocations",
        ],
        "cli" => &[
            "ir",
            "backend",
            "faults",
            "registry",
            "suite",
            "frontend-*",
            "difftest",
            "faults",
            "bench-suite",
            "samples",
            "statistics",
            "allocations",
            "reports",
        ],
        _ if name.starts_with("backend-") => BACKENDS_SEE,
        _ if name.starts_with("frontend-") => &["ir", "faults"],
        _ => return None,
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

/// The name of a package within the project, if it is one of ours. The directory counts, not the
/// package's name: a binary may be called otherwise.
fn room(package: &Value) -> Option<String> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let dir = manifest.parent()?.strip_prefix(root()).ok()?;
    let in_crates = dir.strip_prefix("crates").unwrap_or(dir);
    Some(in_crates.to_string_lossy().into_owned())
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn crates_see_only_what_they_may() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() >= 8, "{} packages", packages.len());
    let mut findings = Findings::default();
    for package in packages {
        let path = PathBuf::from(package["manifest_path"].as_str().unwrap());
        let Some(allowed) = room(package).as_deref().and_then(allowed) else {
            findings.add(
                &path,
                "a crate that design does not know; add it to `allowed`",
            );
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            // Tests may see everything.
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let Some(at) = dependency["path"].as_str() else {
                continue;
            };
            let target = Path::new(at).strip_prefix(root()).unwrap_or(Path::new(at));
            let target = target.strip_prefix("crates").unwrap_or(target);
            let target = target.to_string_lossy();
            if !allowed.iter().any(|pattern| matches(pattern, &target)) {
                findings.add(&path, format!("may not depend on `{target}`"));
            }
        }
    }
    findings.check();
}

#[test]
fn the_rules_about_crates_are_rules() {
    let may = |from, to| allowed(from).unwrap().iter().any(|p| matches(p, to));
    assert!(may("registry", "backend-interp") && may("backend-interp", "backend"));
    assert!(!may("backend-interp", "backend-cranelift") && !may("backend", "registry"));
    assert!(!may("frontend-wasm", "backend") && !may("code-memory", "ir"));
    assert!(!may("ir", "backend") && !may("suite", "registry") && !may("reports", "backend"));
    assert_eq!(allowed("no-such-crate"), None);
}

// ---- Sources -------------------------------------------------------------------------------------

const MAX_LINES: usize = 900;

#[test]
fn no_source_is_too_long() {
    let mut findings = Findings::default();
    for path in files("rs") {
        let lines = read(&path).lines().count();
        if lines > MAX_LINES {
            findings.add(&path, format!("{lines} lines, more than {MAX_LINES}"));
        }
    }
    findings.check();
}

#[test]
fn every_crate_begins_with_its_book() {
    let metadata = metadata();
    let mut findings = Findings::default();
    let mut count = 0;
    for package in metadata["packages"].as_array().unwrap() {
        for target in package["targets"].as_array().unwrap() {
            let is = |kind: &str| target["kind"].as_array().unwrap().contains(&kind.into());
            if !is("lib") && !is("bin") {
                continue;
            }
            count += 1;
            let path = PathBuf::from(target["src_path"].as_str().unwrap());
            if !read(&path).starts_with("//! ") {
                findings.add(&path, "does not begin with `//!`");
            }
        }
    }
    assert!(count >= 8);
    findings.check();
}

#[test]
fn nothing_is_left_to_do_in_sources() {
    // In pieces, so that this file has none of them.
    let left = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let mut findings = Findings::default();
    for path in files("rs") {
        for (index, line) in read(&path).lines().enumerate() {
            for word in left.iter().filter(|word| line.contains(*word)) {
                findings.add(&path, format!("line {}: `{word}…)`", index + 1));
            }
        }
    }
    findings.check();
}

// ---- Texts ---------------------------------------------------------------------------------------

/// Targets of the links in a Markdown text, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // What stands between backquotes is code.
        let prose: String = line.split('`').step_by(2).collect();
        for part in prose.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                links.push(target.split(' ').next().unwrap_or_default().to_string());
            }
        }
    }
    links
}

#[test]
fn links_are_found() {
    let text = "a [b](c.md) `[d](e)` [f](g.md#h \"i\")\n```\n[j](k)\n```\n[`l`](m/n)";
    assert_eq!(links(text), ["c.md", "g.md#h", "m/n"]);
}

#[test]
fn links_in_texts_lead_to_files() {
    let mut findings = Findings::default();
    let root = root();
    for path in files("md") {
        let dir = path.parent().unwrap();
        if dir != root && !dir.starts_with(root.join("docs")) {
            continue;
        }
        for link in links(&read(&path)) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = link.contains("://") || link.starts_with("mailto:");
            if !elsewhere && !file.is_empty() && !dir.join(file).exists() {
                findings.add(&path, format!("a link to `{link}`, which is not there"));
            }
        }
    }
    findings.check();
}

#[test]
fn files_of_the_text_form_are_named_after_ops() {
    let ops: BTreeSet<&str> = bakeoff_ir::Op::ALL.iter().map(|op| op.name()).collect();
    let mut findings = Findings::default();
    let mut count = 0;
    for entry in fs::read_dir(root().join("tests/ir")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_op = path.extension().is_some_and(|e| e == "ir") && ops.contains(&*stem);
        count += 1;
        if !is_op {
            findings.add(&path, "is not named after an op");
        }
    }
    assert!(count > 100);
    findings.check();
}
