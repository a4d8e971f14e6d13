//! The machine code of the idioms of instruction selection, as `tests/asm/*.ir` state it.
//!
//! A file is a module in the text form. Comments behind a function say what becomes of it:
//!
//! ```text
//! func @count(i32) -> i32 {
//! …
//! }
//! ; asm: @count
//! ;   .again:
//! ;   sub $n.d, 1
//! ;   jne .again
//! ;   ...
//! ; not: lea
//! ```
//!
//! | comment | what it says |
//! |---|---|
//! | `; asm: @f` | the lines behind it, three spaces in, are all the instructions of `@f`, from the first to the last |
//! | `;   add $a, $b` | this instruction, behind the one of the line before |
//! | `;   .name:` | a place that branches name |
//! | `;   ...` | any number of instructions |
//! | `; not: imul` | the function has no such instruction; behind the lines of `asm` |
//!
//! Operands are as in Intel's syntax, except for these:
//!
//! | operand | what it is |
//! |---|---|
//! | `$x`, `$x.d`, `$x.w`, `$x.b` | an integer register, of 64, 32, 16 or 8 bits: the same one wherever `x` stands, whatever the width |
//! | `$f`, `$f1`, `$fsum` | the same for float registers: their names begin with f |
//! | `rax`, `r11d`, `xmm15` | just this register |
//! | `.name` | the target of a branch within the function |
//! | `@g` | another function |
//! | `[=0x3ff0000000000000]` | the constant with these bits, in memory |
//! | `[=]` | the address of a table |
//! | `_` | any operand |
//! | `[rsp+_]` | within brackets: any number |
//!
//! Different names may be the same register. Immediate operands have a sign, except those of `mov`. Where
//! the order of operands matters, parameters are best named by the registers that they come in: rdi, rsi,
//! rdx, rcx, r8, r9; xmm0 to xmm7. What is returned is in rax or xmm0.
//!
//! Before everything else a file may say how it is compiled:
//!
//! | comment | what it says |
//! |---|---|
//! | `; cpu: baseline` | for any processor, not for this one |
//! | `; bounds: explicit` | without guard pages |
//! | `; config: no-fusion`, `; config: spill` | in another configuration of the backend |
//! | `; needs: bmi2, lzcnt` | only on processors with these features; elsewhere the file is skipped |
//!
//! Every other comment whose first word ends in a colon is an error, and so is a directive without its colon.
#![cfg(target_arch = "x86_64")]

#[path = "asm/code.rs"]
mod code;
#[path = "asm/pattern.rs"]
mod pattern;
#[path = "asm/sheet.rs"]
mod sheet;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bakeoff_backend::{Backend, CodePart, CodeView, NoPhases, Target};
use bakeoff_ir::text::parse_module;
use bakeoff_ir::verify_module;

use code::{Code, disassemble};
use sheet::Sheet;

/// Compiles a source as its sheet asks, and says what is not as it expects.
fn check(source: &str, sheet: &Sheet) -> Result<Vec<String>, String> {
    let parsed = parse_module(source).map_err(|e| e.render(source, "source"))?;
    verify_module(&parsed.module).map_err(|e| e.to_string())?;
    let module = Arc::new(parsed.module);
    let compiled = sheet
        .backend
        .compile(&module, Target::X64, &sheet.options, &mut NoPhases);
    let executable = compiled.map_err(|e| e.to_string())?;
    let CodeView::Machine { parts, .. } = executable.view() else {
        return Err("no machine code".to_string());
    };
    Ok(check_parts(&parts, sheet))
}

fn check_parts(parts: &[CodePart<'_>], sheet: &Sheet) -> Vec<String> {
    let mut errors = Vec::new();
    for expectation in &sheet.expectations {
        match parts.iter().find(|part| part.name == expectation.function) {
            Some(part) => errors.extend(expectation.check(&disassemble(part, parts))),
            None => errors.push(format!("{}: no {}", expectation.line, expectation.function)),
        }
    }
    errors
}

/// What is wrong with a file; none if this processor cannot tell.
fn check_file(path: &Path) -> Result<Option<Vec<String>>, String> {
    let source = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let sheet = Sheet::parse(&source)?;
    match sheet.missing.is_empty() {
        true => check(&source, &sheet).map(Some),
        false => Ok(None),
    }
}

#[test]
fn code_is_as_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asm");
    let entries = fs::read_dir(&directory).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ir"));
    files.sort();
    assert!(!files.is_empty(), "no files in {}", directory.display());
    let (mut errors, mut skipped) = (Vec::new(), Vec::new());
    for path in &files {
        let name = path.file_name().unwrap_or_default().display();
        match check_file(path) {
            Ok(Some(found)) => errors.extend(found.iter().map(|error| format!("{name}:{error}"))),
            Ok(None) => skipped.push(name.to_string()),
            Err(error) => errors.push(format!("{name}:{error}")),
        }
    }
    println!(
        "{} files, {} skipped: {skipped:?}",
        files.len(),
        skipped.len()
    );
    assert!(
        errors.is_empty(),
        "{} errors\n\n{}",
        errors.len(),
        errors.join("\n\n")
    );
}

// ---- The checker itself ----------------------------------------------------------------------------

/// Code that is known.
fn sample() -> Code {
    #[rustfmt::skip]
    let bytes = [
        0x48, 0x89, 0xf8,                   // mov rax, rdi
        0x01, 0xf0,                         // again: add eax, esi
        0xf2, 0x0f, 0x58, 0xc1,             // addsd xmm0, xmm1
        0x66, 0x41, 0x89, 0x44, 0xbf, 0x10, // mov [r15+rdi*4+16], ax
        0x75, 0xf2,                         // jne again
        0xc3,                               // ret
    ];
    let (name, address) = ("@sample".to_string(), 0x1000);
    let part = CodePart {
        name,
        address,
        bytes: &bytes,
    };
    disassemble(&part, std::slice::from_ref(&part))
}

/// What the checker says of some lines for the known code.
fn verdict(lines: &[&str]) -> Result<Vec<String>, String> {
    let lines: Vec<String> = lines.iter().map(|line| format!("; {line}\n")).collect();
    let sheet = Sheet::parse(&lines.concat())?;
    let check = |expectation: &sheet::Expectation| expectation.check(&sample());
    Ok(sheet.expectations.iter().flat_map(check).collect())
}

const SAMPLE: [&str; 8] = [
    "asm: @sample",
    "  mov $a, $b",
    "  .again:",
    "  add $a.d, $c.d",
    "  addsd $f, $f1",
    "  mov [r15+$b*4+0x10], $a.w",
    "  jne .again",
    "  ret",
];

/// The lines for the known code with the one at an index replaced.
fn with_line<'l>(index: usize, lines: &[&'l str]) -> Vec<&'l str> {
    [&SAMPLE[..index], lines, &SAMPLE[index + 1..]].concat()
}

#[test]
fn right_code_is_right() {
    assert_eq!(verdict(&SAMPLE), Ok(vec![]));
    for (index, line) in [
        (1, "  mov rax, rdi"),
        (1, "  mov _, _"),
        (1, "  ..."),
        (3, "  add eax, _"),
        (4, "  addsd xmm0, $fsum"),
        (5, "  mov _, ax"),
        (5, "  mov [r15+$b*_+_], ax"),
        (7, "  ..."),
    ] {
        let lines = with_line(index, &[line]);
        assert_eq!(verdict(&lines), Ok(vec![]), "{line}");
    }
    let gaps = ["asm: @sample", "  ...", "  jne _", "  ...", "not: imul"];
    assert_eq!(verdict(&gaps), Ok(vec![]));
    // The first instruction that fits need not be the one.
    let later = ["asm: @sample", "  ...", "  mov _, $a.w", "  ...", "  ret"];
    assert_eq!(verdict(&later), Ok(vec![]));
}

#[test]
fn wrong_code_is_told() {
    let wrong: [(usize, &[&str]); 18] = [
        // Another register than before.
        (3, &["  add $b.d, $c.d"]),
        (5, &["  mov [r15+$a*4+0x10], $a.w"]),
        (1, &["  mov rcx, $b"]),
        // Another width, another class.
        (1, &["  mov $a.d, $b.d"]),
        (3, &["  add $a, $c"]),
        (5, &["  mov [r15+$b*4+0x10], $a.b"]),
        (4, &["  addsd $x, $y"]),
        // Another instruction, other operands.
        (3, &["  sub $a.d, $c.d"]),
        (3, &["  add $a.d"]),
        (5, &["  mov [r15+$b*8+0x10], $a.w"]),
        (5, &["  mov [r15+$b*4+0x1], $a.w"]),
        (5, &["  mov [r15+_*4+0x10], $a.w"]),
        // One too few, one too many, at either end and between.
        (1, &[]),
        (4, &[]),
        (7, &[]),
        (4, &["  addsd $f, $f1", "  addsd $f, $f1"]),
        (7, &["  ret", "  ret"]),
        // Another place.
        (3, &["  add $a.d, $c.d", "  .again:"]),
    ];
    for (index, lines) in wrong {
        let verdict = verdict(&with_line(index, lines)).unwrap();
        assert_eq!(verdict.len(), 1, "{index} {lines:?}");
    }
    let forbidden = [&SAMPLE[..], &["not: addsd"]].concat();
    let verdict = verdict(&forbidden).unwrap().concat();
    assert!(verdict.starts_with("9: @sample: `addsd`"), "{verdict}");
}

#[test]
fn errors_have_all_that_is_known() {
    let error = verdict(&with_line(5, &["  mov [r15+$a*4+0x10], $a.w"])).unwrap();
    let expected = "6: @sample: `mov [r15+$a*4+0x10], $a.w` does not fit `mov [r15+rdi*4+0x10], ax`
  bound: $a = rax, $b = rdi, $c = rsi, $f = xmm0, $f1 = xmm1, .again = L1
        mov rax, rdi
    L1: add eax, esi
        addsd xmm0, xmm1
  >     mov [r15+rdi*4+0x10], ax
        jne L1
        ret
";
    assert_eq!(error, [expected]);
}

#[test]
fn wrong_directives_are_told() {
    let wrong: [&[&str]; 20] = [
        &[],
        &["asm: @sample"],
        &["asm: @sample", "  ..."],
        &["asm: @sample", "", "  ret"],
        &["asm: sample", "  ret"],
        &["asm:", "  ret"],
        &["asm @sample", "  ret"],
        &["  ret"],
        &["ams: @sample", "  ret"],
        &["asm: @sample", "not: imull"],
        &["asm: @sample", "  ret", "not:"],
        &["not: ret"],
        &["asm: @sample", "  ret $a.q"],
        &["asm: @sample", "  ret $f.d"],
        &["asm: @sample", "  ret $"],
        &["asm: @sample", "  ...", "  jne .agian", "  ..."],
        &["cpu: bsaeline", "asm: @sample", "  ret"],
        &["asm: @sample", "  ret", "cpu: baseline"],
        &["needs: bmi3", "asm: @sample", "  ret"],
        &["cpu: baseline", "cpu: baseline", "asm: @sample", "  ret"],
    ];
    for lines in wrong {
        assert!(verdict(lines).is_err(), "{lines:?}");
    }
    let prose = [&["Some words: and more."], &SAMPLE[..]].concat();
    assert_eq!(verdict(&prose), Ok(vec![]));
    let source = "func @f() {\nblock0():\n    return\n}\n; asm: @g\n;   ret\n";
    let sheet = Sheet::parse(source).unwrap();
    assert_eq!(check(source, &sheet), Ok(vec!["5: no @g".to_string()]));
}
