//! The faults that are planted on purpose: each has its place in the sources, none is on in a normal build, and
//! in a build with the feature `seeded` each room's are switched on and off:
//! `cargo test -p bakeoff-registry --test faults --features bakeoff-faults/seeded`.
//!
//! That testing finds them is not tested here but measured, see `crates/faults`.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use bakeoff_backend::{Imports, Instance, Options};
use bakeoff_faults::{Fault, Room, SEEDED, on, switch};
use bakeoff_ir::Scalar;

/// Where the faults of a room are.
fn directory(room: Room) -> PathBuf {
    let name = match room {
        Room::Interp => "backend-interp",
        Room::Cranelift => "backend-cranelift",
        Room::Stencil => "backend-stencil",
        Room::Dynasm => "backend-dynasm",
        Room::Shared => "backend",
        Room::FrontendWasm => "frontend-wasm",
        Room::FrontendClif => "frontend-clif",
    };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
        .join("src")
}

/// The text of all sources in a directory.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|e| e == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// How often a fault is named in a text; not where its name is the beginning of another one.
fn sites(text: &str, fault: Fault) -> usize {
    let name = format!("Fault::{fault:?}");
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    text.split(&name).skip(1).filter(|rest| ends(rest)).count()
}

#[test]
fn every_fault_is_planted_in_its_room_once() {
    let rooms = [
        Room::Interp,
        Room::Cranelift,
        Room::Stencil,
        Room::Dynasm,
        Room::Shared,
        Room::FrontendWasm,
        Room::FrontendClif,
    ];
    for room in rooms {
        let text = sources(&directory(room));
        for fault in Fault::ALL {
            let expected = usize::from(fault.room() == room);
            assert_eq!(sites(&text, *fault), expected, "{fault:?} in {room:?}");
        }
        let all = text.matches("faults::on(Fault::").count();
        let known = Fault::ALL.iter().filter(|f| f.room() == room).count();
        assert_eq!(all, known, "{room:?}");
    }
}

/// What the function `f` of a module yields on a configuration.
fn run(source: &str, configuration: &str) -> Result<Vec<Scalar>, String> {
    let module = common::module(source);
    let configuration = bakeoff_registry::find(configuration).unwrap();
    let executable = common::try_compile(configuration, &module, &Options::default())?;
    let mut instance = Instance::new(&executable, &Imports::new()).unwrap();
    instance.call("f", &[]).map_err(|e| e.to_string())
}

/// For each room a fault, the configuration to run on, and the body of a function that it makes different.
const PROBES: [(Fault, &str, &str); 5] = [
    (
        Fault::InterpSwappedSub,
        "interp",
        "v0 = memory_size.i32 mem0
         v1 = table_size table0
         v2 = isub.i32 v0, v1
         return v2",
    ),
    (
        Fault::CraneliftBorrowSigned,
        "cranelift",
        "v0 = iconst.i32 0
         v1 = iconst.i32 1
         v2, v3 = usub_overflow.i32 v0, v1
         v4 = uextend.i32.i8 v3
         return v4",
    ),
    (
        Fault::StencilByteUnsigned,
        "stencil",
        "v0 = table_size table0
         v1 = iconst.i32 200
         v2 = iadd.i32 v0, v1
         return v2",
    ),
    (
        Fault::DynasmFloorTruncates,
        "dynasm",
        "v0 = fconst.f64 -1.5
         v1 = floor.f64 v0
         v2 = fcvt_to_sint.i32.f64 v1
         return v2",
    ),
    (
        Fault::SharedTableGrowNew,
        "stencil",
        "v0 = iconst.i64 0
         v1 = iconst.i32 2
         v2 = table_grow table0, v0, v1
         return v2",
    ),
];

#[test]
fn faults_are_on_only_if_they_are_planted_and_switched_on() {
    for (fault, configuration, body) in PROBES {
        let source = format!(
            "memory mem0 = 3\ntable table0 extern = 1\nexport func @f() -> i32 {{\nblock0:\n{body}\n}}\n"
        );
        let right = run(&source, configuration);
        assert!(right.is_ok(), "{fault:?}: {right:?}\n{source}");
        switch(Some(fault));
        let others = Fault::ALL.iter().filter(|other| **other != fault);
        assert_eq!(on(fault), SEEDED);
        assert!(others.clone().all(|other| !on(*other)));
        let wrong = run(&source, configuration);
        switch(None);
        assert_eq!(wrong != right, SEEDED, "{fault:?}: {wrong:?}");
        assert_eq!(run(&source, configuration), right, "{fault:?} is over");
    }
    assert!(Fault::ALL.iter().all(|fault| !on(*fault)));
}
