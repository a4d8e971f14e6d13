//! Bakeoff's own configurations, from the same bytes as everybody else: one interleaved run then
//! compares `bakeoff-cranelift` with `wasmtime-cranelift`, and `bakeoff-interp` with `wasmi-1`.
//!
//! What the clock runs over is what it runs over for the others. `compile_ns` is from bytes to
//! callable code: reading and validating the Wasm, making our IR, and the backend. Elsewhere in the
//! project the clock starts at the IR. Our verifier of the IR is not in it: the frontend's output is
//! checked by tests, and nobody else checks their own compiler's input in a release build either.

use std::sync::Arc;

use bakeoff_backend::{Imports, Instance, NoPhases};
use bakeoff_bench_suite::{InstanceGuest, compile};
use bakeoff_registry::{CONFIGURATIONS, Configuration};
use bakeoff_suite::{Program, Size};

use super::{Engine, Sample, clocked, round};

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

    fn sample(&self, program: &Program, size: Size, wasm: &[u8]) -> Result<Sample, String> {
        let (executable, compile_ns) = clocked(|| {
            let module = bakeoff_frontend_wasm::load(wasm).map_err(|e| e.to_string())?;
            let module = Arc::new(module);
            let options = bakeoff_backend::Options::default();
            compile(self.configuration, &module, &options, &mut NoPhases).map_err(|e| e.to_string())
        });
        let instance = Instance::new(&executable?, &Imports::new()).map_err(|e| e.to_string())?;
        let run_ns = round(program, size, &mut InstanceGuest(instance))?;
        Ok(Sample { compile_ns, run_ns })
    }
}
