//! The backend configurations: one line each, and everything else iterates them.
//!
//! A *configuration* is a backend with its choices made. A new one is a line in [`CONFIGURATIONS`];
//! names are what `--backends` takes and what tables and samples show.
#![forbid(unsafe_code)]

use bakeoff_backend::Backend;
use bakeoff_backend_cranelift as cranelift;
use bakeoff_backend_dynasm as dynasm;
use bakeoff_backend_interp::Interp;
use bakeoff_backend_stencil as stencil;

/// The library of the stencil backend, to look at.
pub mod stencils {
    pub use bakeoff_backend_stencil::{catalog, library};
}

/// A backend with its choices made.
#[derive(Clone, Copy)]
pub struct Configuration {
    /// The name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// The backend.
    pub backend: &'static dyn Backend,
    /// The name of the configuration that this one is, with something left out.
    pub ablation_of: Option<&'static str>,
    /// Whether its compiler is ours: growth of it is our mistake.
    pub own: bool,
}

/// The configuration that ratios are relative to.
pub const BASELINE: &str = "cranelift";

/// The configuration that decides what is right where backends disagree.
pub const REFERENCE: &str = "interp";

/// All configurations, in the order of tables.
#[rustfmt::skip]
pub static CONFIGURATIONS: &[Configuration] = &[
    Configuration { name: "interp", about: "register-code interpreter, one match loop: the reference", backend: &Interp, ablation_of: None, own: true },
    Configuration { name: "cranelift", about: "Cranelift, opt_level speed: the baseline", backend: &cranelift::SPEED, ablation_of: None, own: false },
    Configuration { name: "cranelift-none", about: "Cranelift, opt_level none", backend: &cranelift::NONE, ablation_of: None, own: false },
    Configuration { name: "cranelift-none-single-pass", about: "Cranelift, opt_level none, single-pass register allocator", backend: &cranelift::NONE_SINGLE_PASS, ablation_of: None, own: false },
    Configuration { name: "cranelift-jit", about: "Cranelift, opt_level speed, in the memory of cranelift-jit", backend: &cranelift::JIT, ablation_of: None, own: false },
    Configuration { name: "stencil", about: "copy and patch, values in registers across blocks", backend: &stencil::ALL, ablation_of: None, own: true },
    Configuration { name: "stencil-frame", about: "copy and patch, every value in the frame", backend: &stencil::FRAME, ablation_of: Some("stencil"), own: true },
    Configuration { name: "stencil-jumps", about: "as stencil, with a jump at the end of every block", backend: &stencil::JUMPS, ablation_of: Some("stencil"), own: true },
    Configuration { name: "stencil-no-fusion", about: "as stencil, a stencil an instruction: no super-instructions", backend: &stencil::NO_FUSION, ablation_of: Some("stencil"), own: true },
    Configuration { name: "stencil-no-cold", about: "as stencil, without a cold section", backend: &stencil::NO_COLD, ablation_of: Some("stencil"), own: true },
    Configuration { name: "stencil-base", about: "as stencil, for any x86-64: no BMI, FMA, LZCNT", backend: &stencil::BASE, ablation_of: Some("stencil"), own: true },
    Configuration { name: "dynasm", about: "one-pass compiler with dynasm-rs, registers given while emitting", backend: &dynasm::ALL, ablation_of: None, own: true },
    Configuration { name: "dynasm-spill", about: "as dynasm, every value in its slot", backend: &dynasm::SPILL, ablation_of: Some("dynasm"), own: true },
    Configuration { name: "dynasm-no-fusion", about: "as dynasm, an instruction an op: no immediates, no operands in memory", backend: &dynasm::NO_FUSION, ablation_of: Some("dynasm"), own: true },
];

/// A name that no configuration has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownConfiguration {
    /// The name asked for.
    pub name: String,
}

impl std::fmt::Display for UnknownConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = CONFIGURATIONS.iter().map(|c| c.name).collect();
        write!(
            f,
            "there is no backend `{}`; there is: {}",
            self.name,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownConfiguration {}

/// The configuration of this name.
///
/// # Errors
/// If there is none; the error lists all.
pub fn find(name: &str) -> Result<&'static Configuration, UnknownConfiguration> {
    CONFIGURATIONS
        .iter()
        .find(|c| c.name == name)
        .ok_or_else(|| UnknownConfiguration {
            name: name.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_special_ones_exist() {
        for (index, configuration) in CONFIGURATIONS.iter().enumerate() {
            let same = |c: &Configuration| c.name == configuration.name;
            assert_eq!(CONFIGURATIONS.iter().position(same), Some(index));
        }
        assert!(find(BASELINE).is_ok() && find(REFERENCE).is_ok());
        for configuration in CONFIGURATIONS {
            assert!(
                configuration
                    .ablation_of
                    .is_none_or(|base| find(base).is_ok())
            );
        }
        let error = find("nonsense").err().unwrap().to_string();
        assert!(error.contains("cranelift-none-single-pass"), "{error}");
    }
}
