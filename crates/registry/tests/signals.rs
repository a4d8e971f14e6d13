//! Only faults of generated code are traps. Everything else ends as it would without us: the test runs
//! itself as a child that dies in a certain way.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use bakeoff_backend::{HostFunc, Imports};
use bakeoff_ir::{Scalar, TrapCode};

const HOW: &str = "BAKEOFF_TEST_DIES_BY";

const SOURCE: &str = r#"
import func @die() = "host" "die"
memory mem0 = 1
export func @load(i32) -> i32 {
block0(v0: i32):
    v1 = load.i32 mem0, v0
    return v1
}
export func @call_die() {
block0:
    call @die()
    return
}
"#;

/// What the host function does. Generated code waits for it, so that there is an activation.
fn die(how: &str) {
    match how {
        "null" => {
            let null = std::ptr::without_provenance::<u32>(std::hint::black_box(16));
            // SAFETY: there is none; the process is to die here.
            let value = unsafe { null.read_volatile() };
            println!("survived {value}");
        }
        // Sent, not raised by the processor.
        signal => {
            let own = std::process::id().to_string();
            let sent = Command::new("kill").args([signal, &own]).status();
            assert!(sent.unwrap().success());
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
    }
}

/// Runs in the child only.
#[test]
fn child() {
    let Ok(how) = std::env::var(HOW) else { return };
    let module = common::module(SOURCE);
    let configuration = bakeoff_registry::find("cranelift").unwrap();
    let executable = common::compile(configuration, &module, &Default::default()).unwrap();
    let mut imports = Imports::new();
    let die = move |_: &mut bakeoff_backend::Caller<'_>, _: &mut [u64]| {
        die(&how);
        Ok(())
    };
    let die = HostFunc::over_slots(common::signature(&[], &[]), die);
    imports.func("host", "die", die);
    let mut instance = common::instantiate(&executable, &imports);
    // The handler is installed and works.
    let outside = instance.call("load", &[Scalar::i32(-1)]);
    assert_eq!(common::trap_of(outside), Ok(TrapCode::MemoryOutOfBounds));
    let result = instance.call("call_die", &[]);
    println!("survived: {result:?}");
}

#[test]
fn faults_of_the_host_and_signals_that_are_sent_are_no_traps() {
    // A SIGSEGV that is sent is not tried: the standard library lets the first one pass.
    const SIGTRAP: i32 = 5;
    const SIGFPE: i32 = 8;
    const SIGSEGV: i32 = 11;
    for (how, signal) in [("null", SIGSEGV), ("-FPE", SIGFPE), ("-TRAP", SIGTRAP)] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(HOW, how)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.signal(),
            Some(signal),
            "{how}: {:?} {text}",
            output.status
        );
    }
}
