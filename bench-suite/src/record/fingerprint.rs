//! Finding out which machine and which build measure.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use bakeoff_samples::{Build, Fingerprint, Machine, fnv};

/// The lock file of this workspace.
pub const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));

/// The fingerprint of this machine and this build. Of the crates in a lock file (`Cargo.lock`, its text), those that
/// code is generated with are named.
pub fn fingerprint(lock: &str) -> Fingerprint {
    let (revision, dirty) = revision();
    Fingerprint {
        machine: machine(),
        build: Build {
            rustc: env!("BAKEOFF_RUSTC").to_string(),
            profile: match cfg!(debug_assertions) {
                true => "debug".to_string(),
                false => "release".to_string(),
            },
            revision,
            dirty,
            crates: crates(lock),
            executable: executable(),
        },
    }
}

/// The revision of the sources that this was built from, and whether they were changed since, if that can be told.
pub fn revision() -> (String, Option<bool>) {
    let revision = git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_string());
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    (revision, changes.map(|changes| !changes.is_empty()))
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_string())
}

fn machine() -> Machine {
    let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let is_it = |line: &&str| line.split(':').next().is_some_and(|k| k.trim() == name);
        let line = cpuinfo.lines().find(is_it)?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let flags = field("flags").unwrap_or_default();
    let hypervisor = flags.split_whitespace().any(|flag| flag == "hypervisor");
    let name = read("/sys/class/dmi/id/sys_vendor").filter(|name| !name.is_empty());
    let meminfo = read("/proc/meminfo").unwrap_or_default();
    let kib = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Machine {
        cpu: field("model name").unwrap_or_else(|| "unknown".to_string()),
        cpus: std::thread::available_parallelism().map_or(0, |n| n.get() as u32),
        memory_mib: kib.unwrap_or(0) / 1024,
        kernel: kernel(&read("/proc/sys/kernel/osrelease").unwrap_or_default()),
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        virtualised: hypervisor.then(|| name.unwrap_or_else(|| "yes".to_string())),
    }
}

/// `Linux` and the numbers of a release; what a distributor appends names no other kernel that matters here.
fn kernel(release: &str) -> String {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.');
    format!("Linux {}", &release[..end.unwrap_or(release.len())])
}

/// The file that this process is of, even if another one has its name by now.
fn executable() -> String {
    let bytes = fs::read("/proc/self/exe").or_else(|_| fs::read(std::env::current_exe()?));
    bytes.map_or_else(|_| "unknown".to_string(), |bytes| fnv(&bytes))
}

/// What git says about the sources that this was built from.
fn git(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(["-C", env!("CARGO_MANIFEST_DIR")]);
    let output = command.args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    output.status.success().then_some(text)
}

/// Crates that code is generated or run with.
const NAMED: [&str; 6] = [
    "cranelift-codegen",
    "dynasmrt",
    "regalloc2",
    "wasmi",
    "wasmparser",
    "wasmtime",
];

/// The versions of the named crates in a lock file; of a crate that is there twice, both.
fn crates(lock: &str) -> BTreeMap<String, String> {
    #[derive(serde::Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let lock: Lock = toml::from_str(lock).unwrap_or(Lock {
        package: Vec::new(),
    });
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    for package in lock.package {
        if NAMED.contains(&package.name.as_str()) {
            let entry = versions.entry(package.name).or_default();
            let separator = if entry.is_empty() { "" } else { ", " };
            *entry = format!("{entry}{separator}{}", package.version);
        }
    }
    versions
}

/// The time, in UTC: `2026-01-31T12:00:00Z`.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    date_time(since.map_or(0, |since| since.as_secs()))
}

/// Seconds since 1970 as a date and a time of day.
fn date_time(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day after 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_dates() {
        assert_eq!(date_time(0), "1970-01-01T00:00:00Z");
        assert_eq!(date_time(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(date_time(4_102_444_799), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn kernels_are_named_by_their_numbers() {
        assert_eq!(kernel("6.1.0-13-amd64"), "Linux 6.1.0");
        assert_eq!(kernel("6.12"), "Linux 6.12");
    }

    #[test]
    fn versions_of_the_lock_file() {
        let lock = "[[package]]\nname = \"wasmi\"\nversion = \"1.1.0\"\n\n\
                    [[package]]\nname = \"wasmi\"\nversion = \"2.0.0\"\n\n\
                    [[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n";
        let found = crates(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found["wasmi"], "1.1.0, 2.0.0");
        assert!(crates("no lock file").is_empty());
    }

    #[test]
    fn this_machine_has_a_name() {
        let fingerprint = fingerprint("");
        assert!(fingerprint.machine.cpus > 0);
        assert!(fingerprint.build.rustc.starts_with("rustc "));
    }
}
