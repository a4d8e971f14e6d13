//! Which machine measured, and which build.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name for itself.
    pub cpu: String,
    /// Processors that the system shows.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel and its version.
    pub kernel: String,
    /// What chooses the frequency; `None` if the system does not tell.
    pub governor: Option<String>,
    /// The hypervisor, or a word for one that does not tell its name; `None` if there is none to be seen.
    pub virtualised: Option<String>,
}

/// The build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Build {
    /// What `rustc --version` says.
    pub rustc: String,
    /// `release` or `debug`.
    pub profile: String,
    /// The revision of the sources.
    pub revision: String,
    /// Whether they were changed since that revision; `None` if it cannot be told.
    pub dirty: Option<bool>,
    /// Versions of the crates and programs that code is generated with, by name.
    pub crates: BTreeMap<String, String>,
    /// The program itself: [`fnv`] of its file.
    pub executable: String,
}

/// Both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The machine.
    pub machine: Machine,
    /// The build.
    pub build: Build,
}

impl Fingerprint {
    /// Sixteen hexadecimal digits that differ if the machine or the program does ([`fnv`] over JSON). Of the build only
    /// what cannot change while the program runs is in it: somebody who edits a file meanwhile is no other build.
    pub fn id(&self) -> String {
        let build = &self.build;
        let parts = (
            &self.machine,
            &build.rustc,
            &build.crates,
            &build.executable,
        );
        fnv(serde_json::to_string(&parts).unwrap_or_default().as_bytes())
    }
}

/// The 64-bit FNV-1a hash of bytes, in hexadecimal digits (Fowler, Noll and Vo).
pub fn fnv(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}
