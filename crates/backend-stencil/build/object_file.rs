//! Reads what the compiler wrote: each stencil's bytes, and what they refer to.

use std::collections::HashMap;

use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SymbolKind};

/// A reference from code.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// Offset in the function.
    pub(crate) offset: usize,
    /// Kind of the relocation, as ELF numbers it.
    pub(crate) kind: u32,
    pub(crate) addend: i64,
    pub(crate) target: Target,
}

/// What is referred to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A symbol that is not defined: a hole or a continuation.
    Symbol(String),
    /// The bytes of a section of constants from the symbol on; the addend is not included.
    Constant { section: Vec<u8>, offset: u64 },
}

/// A function as compiled.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) bytes: Vec<u8>,
    pub(crate) references: Vec<Reference>,
}

/// All functions of an object, by name.
pub(crate) fn functions(object: &[u8]) -> HashMap<String, Function> {
    let file = object::File::parse(object).expect("an object file");
    let mut relocations = HashMap::new();
    for section in file.sections() {
        if section.relocations().next().is_some() {
            let list: Vec<_> = section.relocations().collect();
            relocations.insert(section.index(), list);
        }
    }
    let mut functions = HashMap::new();
    for symbol in file.symbols() {
        if symbol.kind() != SymbolKind::Text || symbol.size() == 0 {
            continue;
        }
        let name = symbol.name().expect("a name").to_string();
        let index = symbol.section_index().expect("a defined function");
        let section = file.section_by_index(index).expect("a section");
        let data = section.data().expect("bytes");
        let (start, size) = (symbol.address(), symbol.size());
        let bytes = data[start as usize..(start + size) as usize].to_vec();
        let mut references = Vec::new();
        let none = Vec::new();
        for (offset, relocation) in relocations.get(&index).unwrap_or(&none) {
            if *offset < start || *offset >= start + size {
                continue;
            }
            let RelocationFlags::Elf { r_type } = relocation.flags() else {
                panic!("{name}: a relocation that is not ELF's");
            };
            references.push(Reference {
                offset: (offset - start) as usize,
                kind: r_type,
                addend: relocation.addend(),
                target: target(&file, relocation.target(), &name),
            });
        }
        references.sort_by_key(|reference| reference.offset);
        functions.insert(name, Function { bytes, references });
    }
    functions
}

fn target(file: &object::File, target: RelocationTarget, name: &str) -> Target {
    let RelocationTarget::Symbol(index) = target else {
        panic!("{name}: a relocation without symbol");
    };
    let symbol = file.symbol_by_index(index).expect("a symbol");
    match symbol.section_index() {
        None => Target::Symbol(symbol.name().expect("a name").to_string()),
        Some(section) => {
            let section = file.section_by_index(section).expect("a section");
            let section_name = section.name().expect("a name");
            assert!(
                section_name.starts_with(".rodata"),
                "{name}: a reference to {section_name}"
            );
            Target::Constant {
                section: section.data().expect("bytes").to_vec(),
                offset: symbol.address(),
            }
        }
    }
}
