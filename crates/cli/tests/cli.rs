//! The command as people use it: what it prints, and how it exits.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bakeoff_registry::{BASELINE, REFERENCE};

const GOOD: &str = "\
export func @double(i32) -> i32 {
block0(v0: i32):
    v1 = iadd.i32 v0, v0
    return v1
}
export func @fail() {
block0:
    trap user7
}
; run: @double(21) == 42
; trap: @fail() == user7
";

/// What newer processors have an instruction for, and an access to memory.
const NEWEST: &str = "\
memory mem0 = 1
export func @newest(i64, f64, i32) -> (i64, f64) {
block0(v0: i64, v1: f64, v2: i32):
    v3 = popcnt.i64 v0
    v4 = fma.f64 v1, v1, v1
    store.i64 mem0, v3, v2
    return v3, v4
}
; run: @newest(7, 2.0, 8) == (3, 6.0)
";

fn bakeoff(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bakeoff"))
        .args(args)
        .output()
        .unwrap()
}

/// A file in a directory of this test's own.
fn file(test: &str, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn expect(output: &Output, status: i32, out: &[&str], err: &[&str]) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    // Messages are wrapped to the width of the terminal.
    let stderr = String::from_utf8_lossy(&output.stderr).replace("\n  │ ", " ");
    let all = format!("stdout:\n{stdout}\nstderr:\n{stderr}");
    assert_eq!(output.status.code(), Some(status), "{all}");
    for part in out {
        assert!(stdout.contains(part), "no `{part}` in {all}");
    }
    for part in err {
        assert!(stderr.contains(part), "no `{part}` in {all}");
    }
}

#[test]
fn backends_lists_every_configuration() {
    let output = bakeoff(&["backends"]);
    let names: Vec<&str> = bakeoff_registry::CONFIGURATIONS
        .iter()
        .map(|c| c.name)
        .collect();
    expect(&output, 0, &names, &[]);
}

#[test]
fn run_calls_functions_and_checks_what_a_file_says() {
    let good = file("run", "good.ir", GOOD);
    let good = text(&good);
    expect(&bakeoff(&["run", good]), 0, &["2 passed, 0 failed"], &[]);
    for backend in ["interp", "cranelift"] {
        let call = [
            "run",
            good,
            "--backend",
            backend,
            "--invoke",
            "double",
            "-21",
        ];
        expect(&bakeoff(&call), 0, &["-42:i32"], &[]);
    }
    let trap = ["run", good, "--invoke", "fail"];
    expect(&bakeoff(&trap), 1, &[], &["trap: user7"]);
    let lying = file("run", "lying.ir", GOOD.replace("== 42", "== 43"));
    let said = bakeoff(&["run", text(&lying)]);
    expect(
        &said,
        1,
        &["1 passed, 1 failed", "@double(21:i32) gave 42:i32"],
        &[],
    );
}

#[test]
fn wrong_use_is_status_2_and_says_what_there_is() {
    let good = file("wrong_use", "good.ir", GOOD);
    let good = text(&good);
    let all = ["interp", "cranelift-none-single-pass"];
    expect(&bakeoff(&["run", good, "--backend", "nope"]), 2, &[], &all);
    expect(
        &bakeoff(&["compare", "--backends", "interp,nope"]),
        2,
        &[],
        &all,
    );
    expect(
        &bakeoff(&["compare", "--suite", "nope"]),
        2,
        &[],
        &["there is: ", "wasm"],
    );
    expect(
        &bakeoff(&["run", good, "--invoke", "nope"]),
        2,
        &[],
        &["double, fail"],
    );
    expect(
        &bakeoff(&["run", good, "--invoke", "double"]),
        2,
        &[],
        &["1 argument", "i32"],
    );
    let too_large = ["run", good, "--invoke", "double", "4294967296"];
    expect(&bakeoff(&too_large), 2, &[], &["does not fit into i32"]);
    expect(&bakeoff(&["frobnicate"]), 2, &[], &["Usage"]);
    expect(
        &bakeoff(&["compare", good, "--samples", "0"]),
        2,
        &[],
        &["--samples"],
    );
    expect(
        &bakeoff(&["run", "/nonexistent/file.wasm"]),
        2,
        &[],
        &["/nonexistent/file.wasm"],
    );
    expect(
        &bakeoff(&["print", "Cargo.lock"]),
        2,
        &[],
        &["what is it", ".wasm"],
    );
}

#[test]
fn broken_input_is_status_2_and_says_where() {
    let syntax = file(
        "broken",
        "syntax.ir",
        GOOD.replace("iadd.i32 v0, v0", "iadd.i32 v0,"),
    );
    expect(
        &bakeoff(&["verify", text(&syntax)]),
        2,
        &[],
        &["syntax.ir:3:"],
    );
    let types = file("broken", "types.ir", GOOD.replace("iadd.i32", "iadd.i64"));
    let said = bakeoff(&["verify", text(&types)]);
    expect(&said, 2, &[], &["types.ir:3:19", "v0 is an i32"]);
    let wasm = file("broken", "cut.wasm", b"\0asm\x01\0\0\0\x01\x7f");
    expect(
        &bakeoff(&["print", text(&wasm)]),
        2,
        &[],
        &["cut.wasm", "byte"],
    );
    let import = file(
        "broken",
        "import.wat",
        r#"(module (import "env" "gone" (func)))"#,
    );
    expect(
        &bakeoff(&["run", text(&import)]),
        2,
        &[],
        &["`env` `gone` is not provided"],
    );
    let entry = file(
        "broken",
        "entry.toml",
        "about = \"x\"\nsuite = \"x\"\nmodule = \"x.ir\"\nsurprise = 1\n",
    );
    expect(
        &bakeoff(&["compare", text(&entry)]),
        2,
        &[],
        &["entry.toml", "surprise"],
    );
}

#[test]
fn print_gives_text_that_reads_back() {
    let wat = file(
        "print",
        "module.wat",
        r#"(module (func (export "f") (param i32) (result i32) local.get 0))"#,
    );
    let printed = bakeoff(&["print", text(&wat)]);
    expect(&printed, 0, &["export \"f\""], &[]);
    let again = file("print", "again.ir", &printed.stdout);
    assert_eq!(bakeoff(&["print", text(&again)]).stdout, printed.stdout);
}

#[test]
fn disasm_shows_machine_code_and_register_code() {
    let good = file("disasm", "good.ir", GOOD);
    let native = bakeoff(&[
        "disasm",
        text(&good),
        "--backend",
        "cranelift",
        "--filter",
        "@fail",
    ]);
    expect(&native, 0, &["@fail", "ud2", "trap user7"], &[]);
    let register = bakeoff(&["disasm", text(&good), "--backend", "interp"]);
    expect(&register, 0, &["@double", "Iadd32 s0, s0", "Return1"], &[]);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn code_for_every_processor_lacks_what_this_one_may_have() {
    use bakeoff_registry::stencils::{catalog::Level, library};
    let newest = file("cpu", "newest.ir", NEWEST);
    // The stencils take all that a level has, or none.
    let v3 = library::level_of_host() == Level::V3;
    let (popcnt, fma) = (
        is_x86_feature_detected!("popcnt"),
        is_x86_feature_detected!("fma"),
    );
    for (backend, popcnt, fma) in [("cranelift", popcnt, fma), ("stencil", v3, v3)] {
        let run = |command, cpu| {
            let args = [command, text(&newest), "--backend", backend, "--cpu", cpu];
            let output = bakeoff(&args);
            expect(&output, 0, &[], &[]);
            String::from_utf8(output.stdout).unwrap()
        };
        for cpu in ["host", "baseline"] {
            assert_eq!(run("run", cpu), "1 passed, 0 failed\n");
        }
        let (host, baseline) = (run("disasm", "host"), run("disasm", "baseline"));
        for (mnemonic, is_there) in [("popcnt ", popcnt), ("vfmadd", fma)] {
            assert_eq!(host.contains(mnemonic), is_there, "{backend}:\n{host}");
            assert!(!baseline.contains(mnemonic), "{backend}:\n{baseline}");
        }
    }
    let unknown = ["run", text(&newest), "--cpu", "486"];
    expect(&bakeoff(&unknown), 2, &[], &["host, baseline"]);
}

#[test]
fn stencils_lists_families_and_shows_those_of_an_op() {
    let all = bakeoff(&["stencils"]);
    let families = ["iadd.i32 RR", "BrIcmp.i64.slt RI8", "in the binary"];
    expect(&all, 0, &families, &[]);
    let shown = ["iadd.i32 RRI8: 169 stencils", "rbx rsi Imm8@", "lea ebx,"];
    expect(&bakeoff(&["stencils", "--op", "IADD"]), 0, &shown, &[]);
    let branch = bakeoff(&["stencils", "--op", "bricmp.i32.ult RR"]);
    expect(&branch, 0, &["BrIcmp.i32.ult RR: ", "Taken@", "jb "], &[]);
    assert!(!String::from_utf8_lossy(&branch.stdout).contains("RI8"));
    let every = bakeoff(&["stencils", "--op", "ineg.i32 R", "--all"]);
    expect(&every, 0, &["neg eax", "neg r14d"], &[]);
    // Not even the beginning of an op's name.
    let unknown = bakeoff(&["stencils", "--op", "iad"]);
    expect(&unknown, 2, &[], &["`iad`", "iadd, isub", "BrIcmp"]);
    expect(&bakeoff(&["stencils", "--all"]), 2, &[], &["--op"]);
}

#[test]
fn compare_checks_answers_and_writes_its_samples() {
    let good = file("compare", "good.ir", GOOD);
    let json = good.with_extension("json");
    let said = bakeoff(&[
        "compare",
        text(&good),
        "--samples",
        "3",
        "--json",
        text(&json),
    ]);
    expect(&said, 0, &["geometric mean", "cranelift"], &[]);
    assert!(said.stderr.is_empty(), "no progress in a pipe");
    let rows: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), bakeoff_registry::CONFIGURATIONS.len());
    for row in rows {
        assert_eq!(row["program"], "good");
        let may_refuse = ![BASELINE, REFERENCE].contains(&row["backend"].as_str().unwrap());
        if may_refuse && row["status"] == "unsupported" {
            continue;
        }
        assert_eq!(row["status"], "ok");
        assert_eq!(row["ir_insts"], 3);
        for figure in ["compile_ns", "run_ns", "code_bytes"] {
            assert!(row[figure].as_u64().unwrap() > 0, "{figure} of {row}");
        }
        assert_eq!(row["run_samples_ns"].as_array().unwrap().len(), 3);
    }
    let lying = file("compare", "lying.ir", GOOD.replace("== 42", "== 43"));
    let said = bakeoff(&["compare", text(&lying), "--samples", "1"]);
    expect(&said, 1, &["wrong", "43", "42"], &[]);
    let trapping = file(
        "compare",
        "trapping.ir",
        GOOD.replace("return v1", "trap user9"),
    );
    expect(
        &bakeoff(&["compare", text(&trapping), "--samples", "1"]),
        1,
        &["trap", "user9"],
        &[],
    );
}

/// The size of the code in a comparison with these options.
fn compared_code_bytes(name: &str, options: &[&str]) -> u64 {
    let newest = file("options", &format!("{name}.ir"), NEWEST);
    let json = newest.with_extension("json");
    let args = ["compare", text(&newest), "--json", text(&json)];
    let few = ["--backends", BASELINE, "--samples", "1"];
    let said = bakeoff(&[&args[..], &few, options].concat());
    expect(&said, 0, &[], &[]);
    let rows: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    rows[0]["code_bytes"].as_u64().unwrap()
}

#[test]
fn compare_compiles_with_the_options_it_is_given() {
    let plain = compared_code_bytes("plain", &[]);
    let explicit = compared_code_bytes("explicit", &["--bounds-checks", "explicit"]);
    assert!(explicit > plain, "{explicit}, {plain}");
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        let baseline = compared_code_bytes("baseline", &["--cpu", "baseline"]);
        assert!(baseline > plain, "{baseline}, {plain}");
    }
}

/// What every command does with a module, in CLIF; one function is not supported.
const CLIF: &str = "\
test run
target x86_64

function %double(i32) -> i32 {
block0(v0: i32):
    v1 = iadd v0, v0
    return v1
}
; run: %double(21) == 42
; print: %double(4)

function %wide(i128) -> i128 {
block0(v0: i128):
    return v0
}
; run: %wide(1) == 1
";

#[test]
fn clif_is_run_printed_verified_and_disassembled() {
    let good = file("clif", "good.clif", CLIF);
    let good = text(&good);
    let left_out = ["good.clif:12:1: %wide is left out: type i128"];
    let said = ["@double(4:i32) gives 8:i32", "2 passed, 0 failed"];
    expect(&bakeoff(&["run", good]), 0, &said, &left_out);
    let call = ["run", good, "--invoke", "double", "5"];
    expect(&bakeoff(&call), 0, &["10:i32"], &left_out);
    expect(
        &bakeoff(&["print", good]),
        0,
        &["v1 = iadd.i32 v0, v0"],
        &left_out,
    );
    expect(&bakeoff(&["verify", good]), 0, &["1 functions"], &left_out);
    let code = ["disasm", good, "--backend", "cranelift"];
    expect(&bakeoff(&code), 0, &["@double"], &left_out);
    let compared = ["compare", good, "--backends", BASELINE, "--samples", "1"];
    expect(&bakeoff(&compared), 0, &["good"], &[]);
    let lying = file("clif", "lying.clif", CLIF.replace("== 42", "!= 42"));
    let said = ["9:1: @double(21:i32) gave 42:i32"];
    expect(&bakeoff(&["run", text(&lying)]), 1, &said, &[]);
    let broken = file(
        "clif",
        "broken.clif",
        CLIF.replace("iadd v0", "iadd.i64 v0"),
    );
    let said = [
        "broken.clif:6:5",
        "has type i32, expected i64",
        "iadd.i64 v0, v0",
    ];
    expect(&bakeoff(&["verify", text(&broken)]), 2, &[], &said);
}

#[test]
fn clif_test_counts_and_writes_its_section() {
    let good = file("clif_test", "good.clif", CLIF);
    let page = file(
        "clif_test",
        "page.md",
        "head\n<!-- clif: begin -->\nold\n<!-- clif: end -->\nfoot\n",
    );
    let args = [
        "clif-test",
        text(&good),
        "--backends",
        "interp,cranelift",
        "--revision",
        "a test",
        "--write",
        text(&page),
    ];
    let table = ["1 files, 1 functions", "interp", "type i128"];
    expect(&bakeoff(&args), 0, &table, &[]);
    let written = std::fs::read_to_string(&page).unwrap();
    assert!(written.starts_with("head\n<!-- clif: begin -->\n"));
    assert!(written.ends_with("<!-- clif: end -->\nfoot\n"));
    assert!(written.contains("lines of a test: 1 files"), "{written}");
    assert!(written.contains("| `cranelift` | 2 / 0 / 1 |"), "{written}");
    assert!(!written.contains("old") && !written.contains("dynasm"));
    let lying = file("clif_test", "lying.clif", CLIF.replace("== 42", "== 43"));
    let said = ["lying.clif:9:1 on interp: %double", "gave Ok([42:i32])"];
    expect(&bakeoff(&["clif-test", text(&lying)]), 1, &said, &[]);
    let nothing = bakeoff(&["clif-test", text(&page.with_extension("none"))]);
    expect(&nothing, 2, &[], &["page.none"]);
    let unknown = ["clif-test", text(&good), "--backends", "nope"];
    expect(&bakeoff(&unknown), 2, &[], &["no backend `nope`"]);
}

/// Random modules: what was tested is told, and a section of a page is written.
#[test]
fn wasm_test_reports_and_writes_its_section() {
    let page = "# Page\n\n<!-- wasm-smith: begin -->\nold\n<!-- wasm-smith: end -->\n";
    let path = file("wasm_test", "page.md", page);
    let args = [
        "wasm-test",
        "--seed",
        "7",
        "--count",
        "5",
        "--backends",
        "interp,dynasm",
    ];
    let output = bakeoff(&[&args[..], &["--write", text(&path)]].concat());
    expect(
        &output,
        0,
        &["5 modules", "| `interp` | 5 | 0 | 0 |", "| values |"],
        &[],
    );
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written.contains("| `dynasm` | 5 | 0 | 0 |") && !written.contains("old"),
        "{written}"
    );
    assert!(
        written.contains("--seed 7 --from 0 --count 5 --write"),
        "{written}"
    );

    let other = file("wasm_test", "other.md", "# Page\n");
    let output = bakeoff(&["wasm-test", "--count", "1", "--write", text(&other)]);
    expect(&output, 2, &[], &["has no section `wasm-smith`"]);
    let output = bakeoff(&["wasm-test", "--count", "0", "--backends", "nonsense"]);
    expect(&output, 2, &[], &["there is no backend `nonsense`"]);
}
