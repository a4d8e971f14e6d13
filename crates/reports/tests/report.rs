//! A report of a whole session, of one with hostile names, and of one with nothing in it.

mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bakeoff_reports::analysis::{Analysis, Severity, Warning};
use bakeoff_reports::{ReportError, write_report};
use bakeoff_statistics::Estimate;

const COMMAND: &str = "bakeoff report times scaling counts";

/// Bytes that no file may exceed: what a page or a repository can bear.
const LARGEST: usize = 3_000_000;

fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    path
}

/// The files of a report, by their path within it.
fn write(analysis: &Analysis, name: &str) -> BTreeMap<String, Vec<u8>> {
    let out = directory(name);
    let written = write_report(analysis, COMMAND, &out).unwrap();
    let files: BTreeMap<String, Vec<u8>> = written
        .files
        .iter()
        .map(|path| {
            let inner = path
                .strip_prefix(&out)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            (inner, fs::read(path).unwrap())
        })
        .collect();
    assert_eq!(files.len(), written.files.len(), "a file was written twice");
    files
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    std::str::from_utf8(&files[name]).unwrap()
}

fn with_ending<'a>(
    files: &'a BTreeMap<String, Vec<u8>>,
    ending: &str,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let ending = ending.to_string();
    let found = files
        .iter()
        .filter(move |(name, _)| name.ends_with(&ending));
    found.map(|(name, content)| (name.as_str(), content.as_slice()))
}

/// Every form is well-formed, as far as can be seen without the programs that read it.
fn check(files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        assert!(
            !content.is_empty() && content.len() < LARGEST,
            "{name}: {}",
            content.len()
        );
    }
    for (name, content) in with_ending(files, ".svg") {
        let svg = std::str::from_utf8(content).unwrap();
        let tree = usvg::Tree::from_str(svg, &usvg::Options::default());
        assert!(tree.is_ok_and(|t| t.size().width() > 200.0), "{name}");
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{name}");
    }
    for (name, content) in with_ending(files, ".pdf") {
        assert!(content.starts_with(b"%PDF"), "{name}");
        let font = b"LibertinusSerif";
        assert!(
            content.windows(font.len()).any(|w| w == font),
            "{name} has no font"
        );
    }
    for ending in [".pgf", ".tex"] {
        for (name, content) in with_ending(files, ending) {
            check_latex(name, std::str::from_utf8(content).unwrap());
        }
    }
    for (name, content) in with_ending(files, ".csv") {
        check_csv(name, std::str::from_utf8(content).unwrap());
    }
    let data: serde_json::Value = serde_json::from_slice(&files["data.json"]).unwrap();
    assert_eq!(data["command"], COMMAND);
}

/// Braces and environments are closed.
fn check_latex(name: &str, tex: &str) {
    let mut depth = 0_i32;
    for line in tex.lines().filter(|line| !line.starts_with('%')) {
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => drop(letters.next()),
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            assert!(depth >= 0, "{name}: {line}");
        }
    }
    assert_eq!(depth, 0, "{name}");
    let count = |what: &str| tex.matches(what).count();
    assert_eq!(count("\\begin{"), count("\\end{"), "{name}");
}

/// Every row has as many fields as the header.
fn check_csv(name: &str, csv: &str) {
    let mut rows = vec![1];
    let mut quoted = false;
    for letter in csv.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => *rows.last_mut().unwrap() += 1,
            '\n' if !quoted => rows.push(1),
            _ => {}
        }
    }
    assert!(!quoted, "{name}");
    rows.pop();
    assert!(
        rows.len() > 1 && rows.iter().all(|fields| *fields == rows[0]),
        "{name}: {rows:?}"
    );
}

#[test]
fn a_whole_session_is_shown_in_every_form() {
    let analysis = fixture::analysis();
    let files = write(&analysis, "whole");
    check(&files);
    let page = text(&files, "index.html");
    for (name, _) in with_ending(&files, ".csv").chain(with_ending(&files, ".pdf")) {
        let linked = page.contains(&format!("href=\"{name}\""));
        assert!(linked, "{name} is on no page");
    }
    for competitor in &analysis.competitors {
        assert!(page.contains(&competitor.name));
    }
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "the page asks the network"
    );
    for (name, content) in with_ending(&files, "figures/pareto.tex") {
        let tex = std::str::from_utf8(content).unwrap();
        for part in [
            "bakeoff measure",
            "00c0ffee00c0ffee",
            "95 \\%",
            "8 processes",
            "240 to 260",
        ] {
            assert!(tex.contains(part), "{name}: {part}");
        }
    }
    let csv = text(&files, "tables/main.csv");
    assert!(
        csv.starts_with("competitor,compile time,compile time low,compile time high,"),
        "{csv}"
    );
    assert!(text(&files, "tables/totals.csv").contains("run time [ns]"));
    assert!(text(&files, "tables/break-even.csv").contains(",inf"));
}

#[test]
fn the_same_analysis_gives_the_same_bytes() {
    let analysis = fixture::analysis();
    let (first, second) = (write(&analysis, "first"), write(&analysis, "second"));
    for (name, content) in &first {
        assert!(second[name] == *content, "{name} differs");
    }
    assert_eq!(first.len(), second.len());
}

#[test]
fn hostile_names_are_text() {
    let mut analysis = fixture::analysis();
    let hostile = [
        "<script>alert(1)</script>",
        "a_b%c&d#e\\f{g}$h^i~j",
        "quote\"'`apostrophe",
        "line\nbreak\u{0}\u{1b}[31m\r\\input{x}",
        "]]>--><!--",
        "\u{1f600} Ω é |*_x_*|",
    ];
    for (competitor, name) in analysis.competitors.iter_mut().zip(hostile) {
        competitor.name = name.to_string();
        competitor.about = name.to_string();
    }
    for (program, name) in analysis.programs.iter_mut().zip(hostile) {
        program.name = name.to_string();
    }
    for (growth, name) in analysis.scaling.iter_mut().zip(hostile) {
        growth.family = name.to_string();
    }
    for (failure, name) in analysis.failures.iter_mut().zip(hostile) {
        failure[3] = name.to_string();
    }
    for name in hostile {
        analysis.sources[0].command.push_str(name);
        analysis.sources[0].machine.push_str(name);
        let message = name.to_string();
        analysis.warnings.push(Warning {
            severity: Severity::Note,
            message,
        });
    }
    let files = write(&analysis, "hostile");
    check(&files);
    let page = text(&files, "index.html");
    assert!(page.contains("&lt;script&gt;alert"));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<!--").count(), 0);
    for ending in [".pgf", ".tex"] {
        for (name, content) in with_ending(&files, ending) {
            let tex = std::str::from_utf8(content).unwrap();
            // A carriage return would end a comment.
            assert!(!tex.contains('\r'), "{name}");
            for line in tex.lines().filter(|line| !line.starts_with('%')) {
                assert!(!line.contains("\\input{x}"), "{name}: {line}");
                assert!(
                    !line.contains("b%c") && !line.contains("a_b") && !line.contains("c&d"),
                    "{name}: {line}"
                );
            }
        }
    }
    for (name, content) in with_ending(&files, ".md") {
        // Between backticks it is a command, and nothing else.
        let markdown = std::str::from_utf8(content)
            .unwrap()
            .replace("\\<", "")
            .replace("\\`", "");
        let mut words = markdown.split('`').step_by(2);
        assert!(!words.any(|part| part.contains("<script")), "{name}");
    }
}

#[test]
fn gaps_are_shown_as_gaps() {
    let mut analysis = fixture::analysis();
    let bad = [f64::NAN, 0.0, f64::INFINITY, -1.0].map(Estimate::exact);
    for figures in &mut analysis.events {
        for (p, row) in figures.ratios.iter_mut().enumerate() {
            row[p % 14] = None;
            row[(p + 1) % 14] = Some(bad[p % 4]);
        }
        for (c, bad) in bad.iter().enumerate() {
            figures.totals[c + 6] = Some(*bad);
            if let Some(mean) = &mut figures.means[c + 6] {
                mean.ratio = *bad;
            }
        }
        figures.means[11] = None;
    }
    for (index, growth) in analysis.scaling.iter_mut().enumerate() {
        growth.points[index % 6].1 = bad[index % 4];
        growth.exponent = bad[index % 4];
    }
    analysis.break_even.lines[3].1 = bad[0];
    let files = write(&analysis, "gaps");
    check(&files);
    let pareto = text(&files, "figures/pareto.svg");
    assert!(pareto.contains(">stencil<") && !pareto.contains(">dynasm<"));
    let caption = text(&files, "figures/pareto.tex");
    assert!(caption.contains("not shown: stencil-{}frame"), "{caption}");
    assert!(!text(&files, "tables/main.csv").contains("NaN"));
}

#[test]
fn nothing_at_all_makes_a_page_that_says_so() {
    let analysis = Analysis {
        sources: vec![],
        programs: vec![],
        competitors: vec![],
        baseline: 0,
        events: vec![],
        break_even: Default::default(),
        scaling: vec![],
        control: None,
        warnings: vec![Warning {
            severity: Severity::Invalid,
            message: "There are no samples.".to_string(),
        }],
        failures: vec![],
    };
    let files = write(&analysis, "nothing");
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["data.json", "index.html"]
    );
    let page = text(&files, "index.html");
    assert!(page.contains("This session cannot be trusted.</strong> There are no samples."));
}

#[test]
fn a_directory_that_cannot_be_is_told() {
    let out = directory("blocked");
    fs::write(&out, "a file").unwrap();
    let error = write_report(&fixture::analysis(), COMMAND, &out.join("inner")).unwrap_err();
    assert!(matches!(&error, ReportError::Io { .. }));
    assert!(error.to_string().contains("blocked"), "{error}");
    fs::remove_file(&out).unwrap();
}
