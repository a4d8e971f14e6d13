//! What a module shows to a host: what it wants, what it gives, and the types of both.
//!
//! Read from the bytes and not from the translation, so that what a translation gets wrong is seen.

use std::collections::HashSet;

use wasmparser::{
    BinaryReaderError, ExternalKind, FuncType, GlobalType, MemoryType, Parser, Payload, TableType,
    TypeRef, ValType,
};

/// Something that a module wants.
#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) what: ImportKind,
}

#[derive(Clone, Debug)]
pub(super) enum ImportKind {
    Func(FuncType),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
}

/// Something that a module gives, with its index.
#[derive(Clone, Debug)]
pub(super) struct Export {
    pub(super) name: String,
    pub(super) kind: ExternalKind,
    pub(super) index: u32,
}

/// The outside of a module.
#[derive(Default, Debug)]
pub(super) struct Shape {
    types: Vec<FuncType>,
    pub(super) imports: Vec<Import>,
    /// The type of each function, imported ones first.
    funcs: Vec<FuncType>,
    pub(super) exports: Vec<Export>,
}

impl Shape {
    /// The outside of a valid module.
    pub(super) fn of(wasm: &[u8]) -> Result<Shape, BinaryReaderError> {
        let mut shape = Shape::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(reader) => {
                    for ty in reader.into_iter_err_on_gc_types() {
                        shape.types.push(ty?);
                    }
                }
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        shape.import(&import?);
                    }
                }
                Payload::FunctionSection(reader) => {
                    for ty in reader {
                        let ty = shape.types[ty? as usize].clone();
                        shape.funcs.push(ty);
                    }
                }
                Payload::ExportSection(reader) => {
                    for export in reader {
                        let export = export?;
                        shape.exports.push(Export {
                            name: export.name.to_string(),
                            kind: export.kind,
                            index: export.index,
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }

    fn import(&mut self, import: &wasmparser::Import<'_>) {
        let what = match import.ty {
            TypeRef::Func(ty) => {
                let ty = self.types[ty as usize].clone();
                self.funcs.push(ty.clone());
                ImportKind::Func(ty)
            }
            TypeRef::Table(ty) => ImportKind::Table(ty),
            TypeRef::Memory(ty) => ImportKind::Memory(ty),
            TypeRef::Global(ty) => ImportKind::Global(ty),
            // Not in the language that is tested; the front end refuses it.
            TypeRef::Tag(_) | TypeRef::FuncExact(_) => return,
        };
        self.imports.push(Import {
            module: import.module.to_string(),
            name: import.name.to_string(),
            what,
        });
    }

    /// The type of a function.
    pub(super) fn func(&self, index: u32) -> &FuncType {
        &self.funcs[index as usize]
    }

    /// The exported functions: name and index.
    pub(super) fn exported_funcs(&self) -> impl Iterator<Item = (&str, u32)> {
        let funcs = self.exports.iter().filter(|e| e.kind == ExternalKind::Func);
        funcs.map(|export| (export.name.as_str(), export.index))
    }

    /// Whether no two imports have one name.
    pub(super) fn names_are_unique(&self) -> bool {
        let names = self.imports.iter().map(|i| (&i.module, &i.name));
        names.collect::<HashSet<_>>().len() == self.imports.len()
    }

    /// Whether two of its types differ in nothing but what the IR knows as one type: references and
    /// `i64`.
    pub(super) fn has_types_that_are_one(&self) -> bool {
        let flat = |types: &[ValType]| -> Vec<ValType> {
            let flat = types.iter().map(|ty| match ty {
                ValType::Ref(_) => ValType::I64,
                other => *other,
            });
            flat.collect()
        };
        self.types.iter().enumerate().any(|(index, a)| {
            self.types[..index].iter().any(|b| {
                a != b
                    && flat(a.params()) == flat(b.params())
                    && flat(a.results()) == flat(b.results())
            })
        })
    }
}
