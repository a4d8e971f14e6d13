//! Native code: the C source that a Wasm module was made of, by gcc.
//!
//! The program runs in a process of its own, which a driver (`driver.c`) makes callable through a pipe; it reads its own clock
//! around the timed call. `compile_ns` is from the source to an executable file: a process of gcc, its assembler and
//! its linker. An instance is a process.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use bakeoff_ir::{ExportItem, Module, Scalar};
use bakeoff_suite::{Guest, Program, Signature, Size};

use super::{Compiled, Engine, clocked, round};

const DRIVER: &str = include_str!("driver.c");

/// What both levels have: the processor's features, as our backends use them, and no fused operations, which Wasm
/// does not have either.
const FLAGS: [&str; 5] = [
    "-std=c11",
    "-ffreestanding",
    "-ffp-contract=off",
    "-march=native",
    "-fno-pie",
];

struct Gcc {
    name: &'static str,
    level: &'static str,
}

/// gcc without optimisation, and with the usual one.
pub fn all() -> impl Iterator<Item = Box<dyn Engine>> {
    [("gcc-O0", "-O0"), ("gcc-O2", "-O2")]
        .into_iter()
        .map(|(name, level)| Box::new(Gcc { name, level }) as Box<dyn Engine>)
}

impl Engine for Gcc {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        format!("native code of the C source, gcc {}", self.level)
    }

    fn is_inside(&self) -> bool {
        false
    }

    fn compile(
        &self,
        program: &Program,
        wasm: &[u8],
    ) -> Result<(Box<dyn Compiled + '_>, u64), String> {
        let source = source(&program.module)?;
        let text = fs::read_to_string(&source).map_err(|e| format!("{}: {e}", source.display()))?;
        let exports = exports(&text);
        let dir = Scratch::new()?;
        let write = |name: &str, text: &str| {
            fs::write(dir.0.join(name), text).map_err(|e| format!("{name}: {e}"))
        };
        write("driver.c", DRIVER)?;
        write("exports.h", &header(&exports))?;
        let gcc = |arguments: &[&str]| run_gcc(&dir.0, &source, arguments);
        gcc(&["-O1", "-fno-pie", "-c", "driver.c", "-o", "driver.o"])?;
        let source_path = source.to_string_lossy();
        let mut arguments = vec![self.level];
        arguments.extend(FLAGS);
        arguments.extend(["-no-pie", &source_path, "driver.o", "-lm", "-o", "program"]);
        let (done, compile_ns) = clocked(|| gcc(&arguments));
        done?;
        let module = bakeoff_frontend_wasm::load(wasm).map_err(|e| e.to_string())?;
        let native = Native {
            dir,
            exports,
            module,
        };
        Ok((Box::new(native), compile_ns))
    }
}

fn run_gcc(dir: &Path, source: &Path, arguments: &[&str]) -> Result<(), String> {
    // `source` may be relative to where we are, and gcc runs elsewhere.
    let root = source.parent().unwrap_or(Path::new("."));
    let mut command = Command::new("gcc");
    command.current_dir(dir).arg("-I").arg(root).args(arguments);
    let output = command.output().map_err(|e| format!("gcc: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// `c/NAME.c` beside `wasm/NAME.wasm`.
fn source(module: &Path) -> Result<PathBuf, String> {
    let named = || Some((module.parent()?.parent()?, module.file_stem()?));
    let path = named().map(|(root, name)| root.join("c").join(name).with_extension("c"));
    let path = path.and_then(|path| path.canonicalize().ok());
    path.ok_or_else(|| "its C source is not there".to_string())
}

/// An exported function, as the source declares it.
struct Export {
    name: String,
    result: String,
    params: Vec<String>,
}

/// The functions that are marked `EXPORT(name)`, by their lines.
fn exports(source: &str) -> Vec<Export> {
    let export = |line: &str| {
        let (result, rest) = line.split_once("EXPORT(")?;
        let (name, rest) = rest.split_once(")(")?;
        let (params, _) = rest.split_once(')')?;
        let params = params.split(',').map(str::trim);
        Some(Export {
            name: name.to_string(),
            result: result.trim().to_string(),
            params: params.filter(|p| *p != "void").map(c_type).collect(),
        })
    };
    source.lines().filter_map(export).collect()
}

/// The type of a parameter, without its name.
fn c_type(parameter: &str) -> String {
    let end = parameter.rfind(|c: char| !c.is_alphanumeric() && c != '_');
    parameter[..end.map_or(0, |end| end + 1)].trim().to_string()
}

/// The functions that the driver calls, one for each export, with words for arguments and results.
fn header(exports: &[Export]) -> String {
    let mut text = String::from("#include \"rt.h\"\n");
    let mut table = String::new();
    // Writing to a string cannot fail.
    for (
        index,
        Export {
            name,
            result,
            params,
        },
    ) in exports.iter().enumerate()
    {
        let _ = writeln!(
            text,
            "{result} {name}({});",
            match params.is_empty() {
                true => "void".to_string(),
                false => params.join(", "),
            }
        );
        let _ = writeln!(
            text,
            "static uint64_t call{index}(const uint64_t *words) {{\n    (void)words;"
        );
        for (at, ty) in params.iter().enumerate() {
            let _ = writeln!(text, "    {};", from_word(ty, at));
        }
        let arguments: Vec<String> = (0..params.len()).map(|at| format!("a{at}")).collect();
        let call = format!("{name}({})", arguments.join(", "));
        let _ = match result.as_str() {
            "void" => writeln!(text, "    {call};\n    return 0;\n}}"),
            "f64" => writeln!(text, "    return bits_of({call});\n}}"),
            "f32" => writeln!(text, "    return bits_of_f32({call});\n}}"),
            pointer if pointer.ends_with('*') => {
                writeln!(text, "    return (uintptr_t){call};\n}}")
            }
            integer => writeln!(
                text,
                "    return (uint64_t)(u{})({call});\n}}",
                &integer[1..]
            ),
        };
        let _ = writeln!(
            table,
            "    {{call{index}, {}}},",
            u8::from(result != "void")
        );
    }
    let _ = write!(
        text,
        "static const struct {{ uint64_t (*call)(const uint64_t *); int has_result; }} exports[] = {{\n{table}}};\n"
    );
    text
}

/// The declaration of an argument that is made of a word.
fn from_word(ty: &str, at: usize) -> String {
    match ty {
        "f64" => format!("f64 a{at}; memcpy(&a{at}, &words[{at}], 8)"),
        "f32" => format!("f32 a{at}; memcpy(&a{at}, &words[{at}], 4)"),
        pointer if pointer.ends_with('*') => {
            format!("{pointer} a{at} = ({pointer})(uintptr_t)words[{at}]")
        }
        integer => format!("{integer} a{at} = ({integer})words[{at}]"),
    }
}

/// A directory that goes away.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bakeoff-native-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's directory for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Native {
    dir: Scratch,
    exports: Vec<Export>,
    /// What the Wasm says about types.
    module: Module,
}

impl Compiled for Native {
    fn run(&self, program: &Program, size: Size) -> Result<u64, String> {
        let mut command = Command::new(self.dir.0.join("program"));
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("the program: {e}"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or("the program has no pipes")?;
        let output = BufReader::new(output);
        let mut guest = NativeGuest {
            native: self,
            child,
            pipes: RefCell::new((input, output)),
        };
        round(program, size, &mut guest)
    }
}

struct NativeGuest<'n> {
    native: &'n Native,
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Drop for NativeGuest<'_> {
    fn drop(&mut self) {
        // It waits for a line, or has ended: in both cases there is nothing that could go wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl NativeGuest<'_> {
    /// Says a line, and hears one.
    fn ask(&self, line: &str) -> Result<String, String> {
        let (input, output) = &mut *self.pipes.borrow_mut();
        let mut answer = String::new();
        writeln!(input, "{line}")
            .and_then(|()| output.read_line(&mut answer))
            .map_err(|e| e.to_string())?;
        match answer.ends_with('\n') {
            true => Ok(answer.trim_end().to_string()),
            false => Err("the program ended".to_string()),
        }
    }

    fn ask_for_call(&self, export: &str, args: &[Scalar]) -> Result<(Vec<Scalar>, u64), String> {
        let exports = &self.native.exports;
        let index = exports.iter().position(|e| e.name == export);
        let index = index.ok_or("no such export")?;
        let (_, results) = self.signature(export).ok_or("no such export")?;
        let mut line = format!("c {index:x}");
        for arg in args {
            let _ = write!(line, " {:x}", arg.bits());
        }
        let answer = self.ask(&line)?;
        let words: Result<Vec<u64>, _> = answer
            .split_whitespace()
            .map(|word| u64::from_str_radix(word, 16))
            .collect();
        let words = words.map_err(|_| format!("`{answer}` is no answer"))?;
        let (elapsed_ns, values) = words.split_first().ok_or("an empty answer")?;
        let scalars = results.iter().zip(values);
        let scalars: Vec<Scalar> = scalars.map(|(ty, bits)| Scalar::new(*ty, *bits)).collect();
        match scalars.len() == results.len() {
            true => Ok((scalars, *elapsed_ns)),
            false => Err(format!("`{answer}` lacks results")),
        }
    }
}

impl Guest for NativeGuest<'_> {
    type Error = String;

    fn signature(&self, export: &str) -> Option<Signature> {
        let module = &self.native.module;
        let Some(ExportItem::Func(func)) = module.export(export) else {
            return None;
        };
        let signature = module.func_sig(func);
        Some((signature.params.clone(), signature.results.clone()))
    }

    fn exports(&self) -> Vec<String> {
        self.native.exports.iter().map(|e| e.name.clone()).collect()
    }

    fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, String> {
        Ok(self.ask_for_call(export, args)?.0)
    }

    fn timed_call(&mut self, export: &str, args: &[Scalar]) -> (Result<Vec<Scalar>, String>, u64) {
        match self.ask_for_call(export, args) {
            Ok((results, elapsed_ns)) => (Ok(results), elapsed_ns),
            Err(error) => (Err(error), 0),
        }
    }

    fn read(&self, _memory: &str, at: u64, len: usize) -> Option<Vec<u8>> {
        let digits = self.ask(&format!("r {at:x} {len:x}")).ok()?;
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        (0..len).map(|index| byte(2 * index)).collect()
    }

    fn write(&mut self, _memory: &str, at: u64, bytes: &[u8]) -> Option<()> {
        let mut line = format!("w {at:x} ");
        for byte in bytes {
            let _ = write!(line, "{byte:02x}");
        }
        self.ask(&line).ok().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_found_with_their_types() {
        let source = "static int x;\nu8 *EXPORT(run)(const u8 *data, u32 bytes) {\n}\n\
                      void EXPORT(setup)(void) {\nu64 EXPORT(sum)(f64 a, i32 b) { return 1; }\n";
        let found = exports(source);
        let names: Vec<&str> = found.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["run", "setup", "sum"]);
        assert_eq!(found[0].params, ["const u8 *", "u32"]);
        assert_eq!(found[0].result, "u8 *");
        assert!(found[1].params.is_empty());
        let text = header(&found);
        assert!(text.contains("u64 sum(f64, i32);"), "{text}");
        assert!(text.contains("{call1, 0},"), "{text}");
    }
}
