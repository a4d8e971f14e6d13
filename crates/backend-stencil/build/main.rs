//! Makes the library of stencils.
//!
//! ```text
//! catalogue ─► source.rs ─► Rust text ─► compile.rs ─► objects ─► object_file.rs ─► functions
//!           ─► expand.rs, x64/: decode, rename registers, encode, check ─► write.rs ─► OUT_DIR
//! ```
//!
//! Everything that is not as expected ends the build, with the name of the family and what is wrong: a
//! stencil that is wrong would be silent.

// The build uses a part of the catalogue, and shares its pieces freely.
mod aarch64;
#[allow(dead_code, unreachable_pub, clippy::upper_case_acronyms)]
#[path = "../src/catalog.rs"]
mod catalog;
mod compile;
mod expand;
mod object_file;
mod source;
mod write;
mod x64;

use std::collections::HashSet;
use std::path::PathBuf;

use catalog::{Family, Level};
use compile::{Job, Target};
use source::Recipe;

fn main() {
    for path in ["stencils", "build", "src/catalog.rs"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let families = catalog::families();
    let base = families.iter().filter(|family| family.level == Level::Base);
    let v3 = families.iter().filter(|family| family.level == Level::V3);
    let texts = [
        source::assemble(&functions(base, source::recipe), true),
        source::assemble(&functions(v3, source::recipe), false),
        source::assemble(&functions(families.iter(), source::portable), false),
    ];
    let [base, v3, aarch64] = texts;
    let jobs = [
        Job::new("x64-base", Target::X64Base, base),
        Job::new("x64-v3", Target::X64V3, v3),
        Job::new("aarch64", Target::Aarch64, aarch64),
    ];
    let objects = compile::all(&jobs, &out);
    for (name, function) in &object_file::functions(&objects[2]) {
        aarch64::check(name, function);
    }
    let functions = [0, 1].map(|i| object_file::functions(&objects[i]));
    let mut library = write::Library::default();
    for family in &families {
        library.add(family, &expand::family(family, &functions));
    }
    std::fs::write(out.join("summary.txt"), library.summary()).expect("OUT_DIR is writable");
    library.write(&out);
}

/// The functions that families need.
fn functions<'a>(
    families: impl Iterator<Item = &'a Family>,
    recipe: impl Fn(&Family) -> Recipe,
) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut functions = Vec::new();
    for family in families {
        let source = source::source_family(family);
        let recipe = recipe(&source);
        let blocks = match &recipe {
            Recipe::Loose(shape) => source::variants(&shape.variables),
            Recipe::Fixed(_) => vec![vec![]],
            Recipe::Glue(_) => vec![],
        };
        for blocks in blocks {
            let name = source::symbol(&source, &blocks);
            if seen.insert(name.clone()) {
                functions.push(source::function(&recipe, &name, &blocks));
            }
        }
    }
    functions
}
