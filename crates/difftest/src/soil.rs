//! Soil: what a stack looks like before a case runs on it.
//!
//! A backend that forgets to clear a stack slot, or reads a word that it never wrote, computes whatever the
//! case before left there. To see such bugs always, and to see them again, every case runs on a stack that was
//! filled with the same bytes.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use bakeoff_backend::{Imports, Instance, NoPhases, Options, Target};
use bakeoff_ir::{Module, parse_module};
use bakeoff_registry::{Configuration, REFERENCE};

/// A function that fills more than the frames of most programs.
const SOIL: &str = "
export func @soil() {
    ss0 = stack_slot 6144, align 16
block0():
    v0 = stack_addr.i64 ss0
    v1 = iconst.i64 0
    jump block1(v1)
block1(v2: i64):
    v3 = iconst.i64 -6510615555426900571
    v4 = iadd.i64 v0, v2
    raw_store.i64 v3, v4
    raw_store.i64 v3, v4+8
    raw_store.i64 v3, v4+16
    raw_store.i64 v3, v4+24
    v5 = iconst.i64 32
    v6 = iadd.i64 v2, v5
    v7 = iconst.i64 6144
    v8 = icmp.i64 ult v6, v7
    brif v8, block1(v6), block2
block2():
    return
}
";

static MODULE: LazyLock<Option<Arc<Module>>> = LazyLock::new(|| {
    let parsed = parse_module(SOIL).ok()?;
    bakeoff_ir::verify_module(&parsed.module).ok()?;
    Some(Arc::new(parsed.module))
});

/// The native configuration that fills the stack that all native code runs on.
const NATIVE: &str = "dynasm";

thread_local! {
    /// What fills the stacks of the interpreter and of native code on this thread.
    static FILLERS: RefCell<[Option<Instance>; 2]> = const { RefCell::new([None, None]) };
}

fn filler(name: &str) -> Option<Instance> {
    let configuration = bakeoff_registry::find(name).ok()?;
    let module = MODULE.as_ref()?;
    let (target, options) = (Target::host()?, Options::default());
    let executable = configuration
        .backend
        .compile(module, target, &options, &mut NoPhases)
        .ok()?;
    Instance::new(&executable, &Imports::new()).ok()
}

/// Fills the stack that a configuration runs on. If that is not to be had, nothing is filled.
pub(crate) fn spread(configuration: &Configuration) {
    let (at, name) = match configuration.name == REFERENCE {
        true => (0, REFERENCE),
        false => (1, NATIVE),
    };
    FILLERS.with_borrow_mut(|fillers| {
        if fillers[at].is_none() {
            fillers[at] = filler(name);
        }
        if let Some(instance) = &mut fillers[at] {
            // It neither traps nor takes arguments; if it does with a fault, then there is no soil.
            let _ = instance.call("soil", &[]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_soil_for_everybody() {
        for name in [REFERENCE, NATIVE] {
            let mut instance = filler(name).expect("the module is correct, and compiles");
            assert_eq!(instance.call("soil", &[]), Ok(vec![]));
        }
    }
}
