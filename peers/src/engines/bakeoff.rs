//! Bakeoff's own configurations, from the same bytes as everybody else: one interleaved run then
//! compares `bakeoff-cranelift` with `wasmtime-cranelift`, and `bakeoff-interp` with `wasmi-1`.
//!
//! What the clock runs over is what it runs over for the others. `compile_ns` is from bytes to
//! callable code: reading and validating the Wasm, making our IR, and the backend. Elsewhere in the
//! project the clock starts at the IR. Our verifier of the IR is not in it: the frontend's output is
//! checked by tests, and nobody else checks their own compiler's input in a release build either.

use std::sync::Arc;

use bakeoff_backend::{Executable, Imports, Instance, NoPhases};
use bakeoff_bench_suite::{InstanceGuest, compile};
use bakeoff_registry::{CONFIGURATIONS, Configuration};
use bakeoff_suite::{Program, Size};

use super::{Compiled, Engine, clocked, round};

struct Bakeoff {
    name: String,
    configuration: &'static Configuration,
}

/// Every configuration of the registry.
pub fn all() -> impl Iterator<Item = Box<dyn Engine>> {
    CONFIGURATIONS.iter().map(|configuration| {
        let name = format!("bakeoff-{}", configuration.name);
        Box::new(Bakeoff {
            name,
            configuration,
        }) as Box<dyn Engine>
    })
}

impl Engine for Bakeoff {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> String {
        format!("Bakeoff: {}", self.configuration.about)
    }

    fn compile(&self, _: &Program, wasm: &[u8]) -> Result<(Box<dyn Compiled + '_>, u64), String> {
        let (executable, compile_ns) = clocked(|| {
            let module = bakeoff_frontend_wasm::load(wasm).map_err(|e| e.to_string())?;
            let module = Arc::new(module);
            let options = bakeoff_backend::Options::default();
            compile(self.configuration, &module, &options, &mut NoPhases).map_err(|e| e.to_string())
        });
        Ok((Box::new(Module(executable?)), compile_ns))
    }
}

struct Module(Arc<dyn Executable>);

impl Compiled for Module {
    fn run(&self, program: &Program, size: Size) -> Result<u64, String> {
        let instance = Instance::new(&self.0, &Imports::new()).map_err(|e| e.to_string())?;
        round(program, size, &mut InstanceGuest(instance))
    }

    fn code_bytes(&self) -> Option<u64> {
        Some(self.0.code_bytes() as u64)
    }
}
