//! The name of each function: from the name section, else of an export, else `f` and its index.
//!
//! Names are made unique by a suffix; nothing else about them is changed.

use bakeoff_ir::{ExportItem, Module};
use rustc_hash::{FxHashMap, FxHashSet};
use wasmparser::{Name, NameSectionReader};

/// Takes function names from a name section. A malformed one is no error: the section is a custom one
/// and means nothing to the program. What stands before the malformed part counts.
pub(crate) fn read_section(reader: NameSectionReader<'_>, names: &mut FxHashMap<u32, String>) {
    for name in reader {
        let Ok(name) = name else { return };
        let Name::Function(map) = name else { continue };
        for naming in map {
            let Ok(naming) = naming else { return };
            if !naming.name.is_empty() {
                names.insert(naming.index, naming.name.to_string());
            }
        }
    }
}

/// Names all functions of the module.
pub(crate) fn assign(module: &mut Module, mut given: FxHashMap<u32, String>) {
    for export in &module.exports {
        if let ExportItem::Func(func) = export.item
            && !export.name.is_empty()
        {
            given.entry(func.0).or_insert_with(|| export.name.clone());
        }
    }
    let mut taken = FxHashSet::default();
    // The next suffix to try for a name that is there already, so that many equal names cost no more
    // than as many different ones.
    let mut next_suffix: FxHashMap<String, u32> = FxHashMap::default();
    for (index, func) in module.funcs.iter_mut().enumerate() {
        let wanted = u32::try_from(index)
            .ok()
            .and_then(|index| given.remove(&index))
            .unwrap_or_else(|| format!("f{index}"));
        func.name = unique(wanted, &taken, &mut next_suffix);
        taken.insert(func.name.clone());
    }
}

fn unique(
    wanted: String,
    taken: &FxHashSet<String>,
    next_suffix: &mut FxHashMap<String, u32>,
) -> String {
    if !taken.contains(&wanted) {
        return wanted;
    }
    let suffix = next_suffix.entry(wanted.clone()).or_insert(1);
    loop {
        let candidate = format!("{wanted}.{suffix}");
        *suffix += 1;
        if !taken.contains(&candidate) {
            return candidate;
        }
    }
}
