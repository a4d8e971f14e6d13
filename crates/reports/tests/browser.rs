//! The page in a real browser, opened from disk: no errors, figures that can be seen, tables that sort, a theme that switches.
//!
//! The page is driven by a script that the test puts into a copy of it; what the script finds it writes into the page, and
//! the browser prints the page. Screenshots are left in the target directory, to be looked at.

mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bakeoff_reports::write_report;

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Keeps what goes wrong; stands before everything else.
const WATCH: &str = "<script>window.faults = []; \
    addEventListener('error', e => faults.push(e.message)); \
    addEventListener('securitypolicyviolation', e => faults.push(e.violatedDirective));</script>";

const DRIVE: &str = include_str!("browser.js");

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = BROWSERS
        .iter()
        .flat_map(|name| directories.iter().map(move |d| d.join(name)));
    all.into_iter().find(|candidate| candidate.is_file())
}

/// Starts the browser on a page, with a profile of its own.
fn start(browser: &Path, out: &Path, profile: &str, options: &[String], page: &Path) -> Child {
    Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            "--v=0",
        ])
        .arg(format!("--user-data-dir={}", out.join(profile).display()))
        .args(options)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the browser starts")
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(browser) = browser() else {
        println!("skipped (1): no chromium");
        return;
    };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    if out.exists() {
        fs::remove_dir_all(&out).unwrap();
    }
    let written = write_report(&fixture::analysis(), "bakeoff report times", &out).unwrap();
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    let driven = page.replacen("<head>", &format!("<head>{WATCH}"), 1);
    let driven = driven.replacen("</body>", &format!("<script>{DRIVE}</script></body>"), 1);
    fs::write(out.join("driven.html"), driven).unwrap();

    let shot = |name: &str, size: &str, more: &[&str]| {
        let mut options = vec![format!("--window-size={size}")];
        options.push(format!(
            "--screenshot={}",
            out.join(format!("{name}.png")).display()
        ));
        options.extend(more.iter().map(|option| (*option).to_string()));
        options
    };
    let index = out.join("index.html");
    let dump = ["--dump-dom", "--window-size=1200,900"].map(str::to_string);
    let runs = [
        ("driven", dump.to_vec(), out.join("driven.html")),
        ("light", shot("light", "1200,2400", &[]), index.clone()),
        (
            "dark",
            shot(
                "dark",
                "1200,2400",
                &["--blink-settings=preferredColorScheme=0"],
            ),
            index.clone(),
        ),
        ("narrow", shot("narrow", "500,1600", &[]), index),
    ];
    let runs = runs.map(|(name, options, page)| {
        let profile = format!("profile-{name}");
        (name, start(&browser, &out, &profile, &options, &page))
    });
    for (name, child) in runs {
        let output = child.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {log}");
        let console: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        assert!(console.is_empty(), "{name}: {console:#?}");
        if name == "driven" {
            check(
                &String::from_utf8_lossy(&output.stdout),
                written.figures,
                written.tables,
            );
        } else {
            let picture = fs::metadata(out.join(format!("{name}.png"))).unwrap();
            assert!(picture.len() > 20_000, "{name}: an empty picture?");
        }
    }
}

/// What the script found: lines of a name and a value.
fn check(dom: &str, figures: usize, tables: usize) {
    let (_, rest) = dom
        .split_once("<pre id=\"found\">")
        .expect("the script ended");
    let (found, _) = rest.split_once("</pre>").unwrap();
    let found: BTreeMap<&str, &str> = found
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let (figures, tables) = (figures.to_string(), tables.to_string());
    for (name, expected) in [
        ("faults", ""),
        ("requests", "0"),
        ("figures", figures.as_str()),
        ("tables", tables.as_str()),
        ("empty figures", ""),
        ("text outside", ""),
        ("scrolls sideways", "false"),
        ("ascending", "true"),
        ("descending", "true"),
        ("rows lost", "0"),
        ("themes", "auto light dark auto"),
        ("backgrounds", "2"),
        ("hovered", "true"),
        ("keyed", "true"),
        ("left", "true"),
    ] {
        assert_eq!(found.get(name), Some(&expected), "{name}: {found:#?}");
    }
}
