//! While generated code runs, no mapping of the process is both writable and executable, and the
//! code's own pages are executable and not writable.

mod common;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use bakeoff_backend::{CodeView, Executable, HostFunc, Imports};
use bakeoff_ir::Scalar;

use common::{instantiate, on_every_configuration, signature};

const SOURCE: &str = r#"
import func @look() = "host" "look"
table table0 func = 1
elem elem0 at table0 0 = [@answer]
sig0 = () -> i32
memory mem0 = 1
func @answer() -> i32 {
block0:
    v0 = iconst.i32 42
    call @look()
    return v0
}
export func @run() -> i32 {
block0:
    v0 = iconst.i32 0
    v1 = call_indirect table0, sig0, v0()
    return v1
}
"#;

struct Mapping {
    range: Range<u64>,
    /// As in `r-xp`.
    rights: String,
    line: String,
}

impl Mapping {
    fn writable(&self) -> bool {
        self.rights.contains('w')
    }

    fn executable(&self) -> bool {
        self.rights.contains('x')
    }
}

fn mappings() -> Vec<Mapping> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let (start, end) = words.next().unwrap().split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        Mapping {
            range: number(start)..number(end),
            rights: words.next().unwrap().to_string(),
            line: line.to_string(),
        }
    };
    maps.lines().map(parse).collect()
}

fn code_of(executable: &Arc<dyn Executable>) -> Vec<Range<u64>> {
    match executable.view() {
        CodeView::Machine { parts, .. } => {
            assert!(!parts.is_empty());
            parts
                .iter()
                .map(|part| part.address..part.address + part.bytes.len() as u64)
                .collect()
        }
        CodeView::Text(_) => Vec::new(),
    }
}

#[test]
fn no_mapping_is_writable_and_executable_while_code_runs() {
    on_every_configuration(SOURCE, |name, executable| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let look = {
            let seen = Arc::clone(&seen);
            move |_: &mut bakeoff_backend::Caller<'_>, _: &mut [u64]| {
                seen.lock().unwrap().push(mappings());
                Ok(())
            }
        };
        let mut imports = Imports::new();
        let look = HostFunc::over_slots(signature(&[], &[]), look);
        imports.func("host", "look", look);
        let mut instance = instantiate(executable, &imports);
        assert_eq!(
            instance.call("run", &[]),
            Ok(vec![Scalar::i32(42)]),
            "{name}"
        );
        let seen = seen.lock().unwrap();
        let [mappings] = seen.as_slice() else {
            panic!("{name}: looked {} times", seen.len());
        };
        for mapping in mappings {
            let both = mapping.writable() && mapping.executable();
            assert!(!both, "{name}: {}", mapping.line);
        }
        for part in code_of(executable) {
            let own = mappings
                .iter()
                .find(|m| m.range.contains(&part.start) && m.range.contains(&(part.end - 1)));
            let own = own.unwrap_or_else(|| panic!("{name}: no mapping holds {part:x?}"));
            assert!(own.executable() && !own.writable(), "{name}: {}", own.line);
        }
    });
}
