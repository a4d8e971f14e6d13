//! Sections of a module, in the order in which they stand.
//!
//! Terms
//! * The *environment* is what bodies refer to: the module so far, and the signature of each type
//!   index.
//!
//! Invariants
//! * A payload is given to the validator before it is looked at, so that indices are in range and
//!   types fit wherever one is used here.
//! * All functions are declared before the first body is translated; bodies follow the tables,
//!   memories, globals and element segments that they refer to. Data segments come after them, but
//!   bodies only name those.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{
    DataDecl, ElemDecl, Export, ExportItem, Func, FuncKind, Global, GlobalDecl, GlobalInit,
    ImportName, InitExpr, MAX_MEMORIES, Memory, MemoryDecl, Module, RefKind, Scalar, SegmentMode,
    Sig, Signature, Table, TableDecl, Type,
};
use rustc_hash::FxHashMap;
use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncValidatorAllocations,
    Imports, KnownCustom, Operator, Parser, Payload, RefType, SectionLimited, TableInit, TypeRef,
    ValType, ValidPayload, Validator, WasmFeatures,
};

use crate::{WasmError, func, names};

/// What a module may use: WebAssembly 2.0 without SIMD, and tail calls.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL);

/// The most bytes of IR for each byte of WebAssembly, and for the module as a whole besides. Real
/// programs need 5 to 8; calls of functions with a thousand results can ask for thousands.
const MAX_IR_BYTES_PER_BYTE: u64 = 256;
const FREE_IR_BYTES: u64 = 1 << 28;

/// What bodies refer to.
#[derive(Default)]
pub(crate) struct Env {
    /// The module so far.
    pub(crate) module: Module,
    /// The signature of each type index.
    pub(crate) types: Vec<Sig>,
}

pub(crate) fn translate(wasm: &[u8]) -> Result<Module, WasmError> {
    let mut translator = Translator {
        ir_bytes_left: FREE_IR_BYTES + MAX_IR_BYTES_PER_BYTE * wasm.len() as u64,
        ..Translator::default()
    };
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut validator = Validator::new_with_features(FEATURES);
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::Func(to_validate, body) => translator.body(to_validate, &body)?,
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {
                translator.payload(payload)?;
            }
        }
    }
    let Translator { env, names, .. } = translator;
    let mut module = env.module;
    names::assign(&mut module, names);
    Ok(module)
}

#[derive(Default)]
struct Translator {
    env: Env,
    /// Functions that have a body or were imported, so far.
    defined_funcs: usize,
    names: FxHashMap<u32, String>,
    scratch: func::Scratch,
    validator_scratch: FuncValidatorAllocations,
    ir_bytes_left: u64,
}

impl Translator {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), WasmError> {
        let module = &mut self.env.module;
        match payload {
            Payload::TypeSection(reader) => {
                for ty in reader.into_iter_err_on_gc_types() {
                    let sig = module.intern_sig(signature(&ty?));
                    self.env.types.push(sig);
                }
            }
            Payload::ImportSection(reader) => {
                for imports in reader {
                    self.import(imports?)?;
                }
            }
            Payload::FunctionSection(reader) => {
                // Only declarations follow, so all functions so far are imports.
                self.defined_funcs = module.funcs.len();
                for ty in reader {
                    let sig = self.env.types[ty? as usize];
                    module.push_func("", sig, FuncKind::Declared);
                }
            }
            Payload::TableSection(reader) => self.tables(reader)?,
            Payload::MemorySection(reader) => {
                for memory in reader {
                    module.memories.push(memory_decl(&memory?, None));
                }
            }
            Payload::GlobalSection(reader) => {
                for global in reader {
                    let global = global?;
                    module.globals.push(GlobalDecl {
                        ty: ir_type(global.ty.content_type),
                        mutable: global.ty.mutable,
                        init: GlobalInit::Expr(const_expr(&global.init_expr)?),
                    });
                }
            }
            Payload::ExportSection(reader) => self.exports(reader)?,
            Payload::StartSection { .. } if faults::on(Fault::WasmStartForgotten) => {}
            Payload::StartSection { func, .. } => module.start = Some(Func(func)),
            Payload::ElementSection(reader) => self.elements(reader)?,
            Payload::DataSection(reader) => self.data(reader)?,
            Payload::CustomSection(reader) => {
                if let KnownCustom::Name(names) = reader.as_known() {
                    names::read_section(names, &mut self.names);
                }
            }
            // The validator has seen to the rest: the header, counts, the end, and what is no part
            // of the supported language.
            _ => {}
        }
        Ok(())
    }

    fn body(
        &mut self,
        to_validate: wasmparser::FuncToValidate<wasmparser::ValidatorResources>,
        body: &wasmparser::FunctionBody<'_>,
    ) -> Result<(), WasmError> {
        let offset = body.range().start;
        let func = Func::from_index(self.defined_funcs);
        self.defined_funcs += 1;
        let mut validator = to_validate.into_validator(std::mem::take(&mut self.validator_scratch));
        let function = func::translate(&self.env, func, body, &mut validator, &mut self.scratch)?;
        self.validator_scratch = validator.into_allocations();
        self.ir_bytes_left = self
            .ir_bytes_left
            .checked_sub(function.heap_bytes() as u64)
            .ok_or_else(|| WasmError::at(offset, "the module is too large once translated"))?;
        self.env.module.define(func, function);
        Ok(())
    }

    fn import(&mut self, imports: Imports<'_>) -> Result<(), WasmError> {
        let (offset, import) = match imports {
            Imports::Single(offset, import) => (offset, import),
            Imports::Compact1 { items, .. } => return Err(compact_imports(&items)),
            Imports::Compact2 { names, .. } => return Err(compact_imports(&names)),
        };
        let name = ImportName {
            module: import.module.to_string(),
            name: import.name.to_string(),
        };
        let module = &mut self.env.module;
        match import.ty {
            TypeRef::Func(ty) => {
                let sig = self.env.types[ty as usize];
                module.push_func("", sig, FuncKind::Import(name));
            }
            TypeRef::Table(ty) => {
                let decl = table_decl(&ty, null(), Some(name));
                push_table(module, decl, offset)?;
            }
            TypeRef::Memory(ty) => module.memories.push(memory_decl(&ty, Some(name))),
            TypeRef::Global(ty) => module.globals.push(GlobalDecl {
                ty: ir_type(ty.content_type),
                mutable: ty.mutable,
                init: GlobalInit::Import(name),
            }),
            TypeRef::Tag(_) | TypeRef::FuncExact(_) => {
                return Err(WasmError::at(
                    offset,
                    "this kind of import is not supported",
                ));
            }
        }
        Ok(())
    }

    fn tables(&mut self, reader: wasmparser::TableSectionReader<'_>) -> Result<(), WasmError> {
        for item in reader.into_iter_with_offsets() {
            let (offset, table) = item?;
            let init = match table.init {
                TableInit::RefNull => null(),
                TableInit::Expr(expr) => const_expr(&expr)?,
            };
            push_table(
                &mut self.env.module,
                table_decl(&table.ty, init, None),
                offset,
            )?;
        }
        Ok(())
    }

    fn exports(&mut self, reader: wasmparser::ExportSectionReader<'_>) -> Result<(), WasmError> {
        for item in reader.into_iter_with_offsets() {
            let (offset, export) = item?;
            let item = match export.kind {
                ExternalKind::Func => ExportItem::Func(Func(export.index)),
                ExternalKind::Table => ExportItem::Table(Table(export.index)),
                ExternalKind::Memory => ExportItem::Memory(Memory(export.index)),
                ExternalKind::Global => ExportItem::Global(Global(export.index)),
                ExternalKind::Tag | ExternalKind::FuncExact => {
                    return Err(WasmError::at(
                        offset,
                        "this kind of export is not supported",
                    ));
                }
            };
            self.env.module.exports.push(Export {
                name: export.name.to_string(),
                item,
            });
        }
        Ok(())
    }

    fn elements(&mut self, reader: wasmparser::ElementSectionReader<'_>) -> Result<(), WasmError> {
        for element in reader {
            let element = element?;
            let mode = match element.kind {
                ElementKind::Passive => SegmentMode::Passive,
                ElementKind::Declared => SegmentMode::Declared,
                ElementKind::Active {
                    table_index,
                    offset_expr,
                } => SegmentMode::Active {
                    target: match faults::on(Fault::WasmElementsOfFirstTable) {
                        true => Table(0),
                        false => Table(table_index.unwrap_or(0)),
                    },
                    offset: const_expr(&offset_expr)?,
                },
            };
            let refs = match element.items {
                ElementItems::Functions(funcs) => funcs
                    .into_iter()
                    .map(|func| Ok(InitExpr::RefFunc(Func(func?))))
                    .collect::<Result<_, WasmError>>()?,
                ElementItems::Expressions(_, exprs) => exprs
                    .into_iter()
                    .map(|expr| const_expr(&expr?))
                    .collect::<Result<_, WasmError>>()?,
            };
            self.env.module.elems.push(ElemDecl { mode, refs });
        }
        Ok(())
    }

    fn data(&mut self, reader: wasmparser::DataSectionReader<'_>) -> Result<(), WasmError> {
        for data in reader {
            let data = data?;
            let mode = match data.kind {
                DataKind::Passive => SegmentMode::Passive,
                DataKind::Active {
                    memory_index,
                    offset_expr,
                } => SegmentMode::Active {
                    target: Memory(memory_index),
                    offset: const_expr(&offset_expr)?,
                },
            };
            self.env.module.datas.push(DataDecl {
                mode,
                bytes: data.data.to_vec(),
            });
        }
        Ok(())
    }
}

/// The IR's type for values of this type.
///
/// A type outside of the supported language never gets here, the validator refuses it.
pub(crate) fn ir_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::I64 | ValType::Ref(_) | ValType::V128 => Type::I64,
    }
}

fn signature(ty: &wasmparser::FuncType) -> Signature {
    let types = |types: &[ValType]| types.iter().copied().map(ir_type).collect();
    Signature {
        params: types(ty.params()),
        results: types(ty.results()),
    }
}

/// The null reference.
fn null() -> InitExpr {
    InitExpr::Const(Scalar::i64(0))
}

fn memory_decl(ty: &wasmparser::MemoryType, import: Option<ImportName>) -> MemoryDecl {
    MemoryDecl {
        min_pages: ty.initial,
        max_pages: ty
            .maximum
            .filter(|_| !faults::on(Fault::WasmMaximumIgnored)),
        import,
    }
}

fn table_decl(ty: &wasmparser::TableType, init: InitExpr, import: Option<ImportName>) -> TableDecl {
    // Sizes of 32-bit tables fit, the validator sees to it.
    let entries = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    TableDecl {
        kind: match ty.element_type == RefType::EXTERNREF {
            true => RefKind::Extern,
            false => RefKind::Func,
        },
        min: entries(ty.initial),
        max: ty.maximum.map(entries),
        init,
        import,
    }
}

fn push_table(module: &mut Module, decl: TableDecl, offset: u64) -> Result<(), WasmError> {
    if module.tables.len() == MAX_MEMORIES {
        let message = format!("more than {MAX_MEMORIES} tables are not supported");
        return Err(WasmError::at(offset, message));
    }
    module.tables.push(decl);
    Ok(())
}

fn compact_imports<T>(items: &SectionLimited<'_, T>) -> WasmError {
    WasmError::at(items.range().start, "compact imports are not supported")
}

/// A constant expression, which without the extended-const proposal is one operator.
fn const_expr(expr: &ConstExpr<'_>) -> Result<InitExpr, WasmError> {
    let (operator, offset) = expr.get_operators_reader().read_with_offset()?;
    Ok(match operator {
        Operator::I32Const { value } => InitExpr::Const(Scalar::i32(value)),
        Operator::I64Const { value } => InitExpr::Const(Scalar::i64(value)),
        Operator::F32Const { value } => {
            InitExpr::Const(Scalar::new(Type::F32, u64::from(value.bits())))
        }
        Operator::F64Const { value } => InitExpr::Const(Scalar::new(Type::F64, value.bits())),
        Operator::RefNull { .. } => null(),
        Operator::RefFunc { function_index } => InitExpr::RefFunc(Func(function_index)),
        Operator::GlobalGet { global_index } => InitExpr::Global(Global(global_index)),
        other => {
            let message = format!("{other:?} in a constant expression is not supported");
            return Err(WasmError::at(offset, message));
        }
    })
}
