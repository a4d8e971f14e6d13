//! Names, signatures, which functions are left out, and the table of addresses.
//!
//! Terms
//! * A function is *left out* if its signature or its body has what the IR has no word for, or if it
//!   refers to one that is left out.
//! * The *table of addresses* holds at each index the function whose reference that is; index 0 is
//!   null. It exists only where an address is taken or called.
//!
//! What is left out is known once all bodies have been translated, and until then functions have no
//! numbers. So everything is translated with the functions that are in so far, until none drops out:
//! twice at most, since references are followed in between.

use std::collections::HashMap;

use bakeoff_ir::{
    ElemDecl, Export, ExportItem, Func, FuncKind, Function, FunctionBuilder, InitExpr, Module, Op,
    RefKind, Scalar, SegmentMode, Sig, Signature, TableDecl, Type,
};
use cranelift_codegen::ir::entities::AnyEntity;
use cranelift_codegen::ir::{
    self as clif, ArgumentPurpose, ExternalName, FuncRef, InstructionData, LibCall, Opcode,
    UserFuncName,
};
use cranelift_reader::Details;

use crate::error::line_span;
use crate::{ClifError, func, read};

/// Why a function is left out.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// What, see [`Unsupported::what`](crate::Unsupported::what).
    pub(crate) what: String,
    /// Where; nothing for the head of the function.
    pub(crate) entity: Option<AnyEntity>,
}

/// What became of a function.
pub(crate) type Outcome = Result<Func, Reason>;

/// What bodies refer to.
pub(crate) struct Env {
    /// The module so far: all functions that are in are declared.
    pub(crate) module: Module,
    /// The functions by the names that their definitions write; those of libraries by [`library_name`].
    funcs: HashMap<String, Func>,
    /// All signatures that the functions mention.
    sigs: HashMap<Signature, Sig>,
}

/// The name of a function in the IR: without the `%`.
pub(crate) fn ir_name(name: &UserFuncName) -> String {
    let name = name.to_string();
    name.strip_prefix('%').unwrap_or(&name).to_string()
}

/// The IR's type for a type, or why there is none.
pub(crate) fn ir_type(ty: clif::Type) -> Result<Type, String> {
    Ok(match ty {
        clif::types::I8 => Type::I8,
        clif::types::I16 => Type::I16,
        clif::types::I32 => Type::I32,
        clif::types::I64 => Type::I64,
        clif::types::F32 => Type::F32,
        clif::types::F64 => Type::F64,
        _ if ty.is_vector() || ty.is_dynamic_vector() => return Err("type vector".to_string()),
        _ => return Err(format!("type {ty}")),
    })
}

/// The IR's signature for a signature, or why there is none.
pub(crate) fn ir_signature(signature: &clif::Signature) -> Result<Signature, String> {
    let types = |params: &[clif::AbiParam]| {
        let one = |param: &clif::AbiParam| match param.purpose {
            ArgumentPurpose::StructArgument(_) => Err("struct argument".to_string()),
            ArgumentPurpose::Normal
            | ArgumentPurpose::StructReturn
            | ArgumentPurpose::VMContext => ir_type(param.value_type),
        };
        params.iter().map(one).collect::<Result<Vec<_>, _>>()
    };
    Ok(Signature {
        params: types(&signature.params)?,
        results: types(&signature.returns)?,
    })
}

/// Translates the functions of a file, in their order.
pub(crate) fn translate(
    text: &str,
    file: &[(clif::Function, Details<'_>)],
) -> Result<(Module, Vec<Outcome>), ClifError> {
    let functions: Vec<&clif::Function> = file.iter().map(|(function, _)| function).collect();
    let mut seen = HashMap::new();
    for (index, (function, details)) in file.iter().enumerate() {
        if seen.insert(function.name.to_string(), index).is_some() {
            let message = format!("{} is defined twice", function.name);
            let span = line_span(text, details.location.line_number);
            return Err(ClifError::new(span, message));
        }
    }
    let mut reasons: Vec<Option<Reason>> = functions.iter().map(|f| hopeless(f)).collect();
    loop {
        propagate(&functions, &seen, &mut reasons);
        let before = reasons.iter().flatten().count();
        let env = declare(&functions, &reasons);
        let mut bodies = Vec::new();
        for (function, reason) in functions.iter().zip(&mut reasons) {
            if reason.is_none() {
                match func::translate(&env, function) {
                    Ok(body) => bodies.push((env.funcs[&function.name.to_string()], body)),
                    Err(why) => *reason = Some(why),
                }
            }
        }
        if reasons.iter().flatten().count() == before {
            return Ok(finish(env, &functions, bodies, reasons));
        }
    }
}

/// Why a function is left out whatever else is in it.
fn hopeless(function: &clif::Function) -> Option<Reason> {
    if let Some((opcode, inst)) = read::needs_machine(function) {
        return Some(Reason {
            what: format!("op {opcode}"),
            entity: Some(inst),
        });
    }
    let what = ir_signature(&function.signature).err()?;
    Some(Reason { what, entity: None })
}

/// Leaves out whoever refers to a function that is left out.
fn propagate(
    functions: &[&clif::Function],
    index: &HashMap<String, usize>,
    reasons: &mut [Option<Reason>],
) {
    let mut users: Vec<Vec<(usize, AnyEntity)>> = vec![Vec::new(); functions.len()];
    for (user, function) in functions.iter().enumerate() {
        for (used, inst) in references(function) {
            let name = external_name(function, used);
            if let Some(used) = name.and_then(|name| index.get(&name)) {
                users[*used].push((user, inst));
            }
        }
    }
    let mut work: Vec<usize> = (0..functions.len())
        .filter(|f| reasons[*f].is_some())
        .collect();
    while let Some(left_out) = work.pop() {
        for (user, inst) in &users[left_out] {
            if reasons[*user].is_none() {
                reasons[*user] = Some(Reason {
                    what: "refers to a function that is left out".to_string(),
                    entity: Some(*inst),
                });
                work.push(*user);
            }
        }
    }
}

/// The functions that a body refers to, and where.
fn references(function: &clif::Function) -> impl Iterator<Item = (FuncRef, AnyEntity)> {
    let blocks = function.layout.blocks();
    let insts = blocks.flat_map(|block| function.layout.block_insts(block));
    insts.filter_map(|inst| match function.dfg.insts[inst] {
        InstructionData::Call { func_ref, .. }
        | InstructionData::FuncAddr { func_ref, .. }
        | InstructionData::TryCall { func_ref, .. } => Some((func_ref, inst.into())),
        _ => None,
    })
}

/// The name of a function of this file that is referred to, as its definition writes it.
fn external_name(function: &clif::Function, func_ref: FuncRef) -> Option<String> {
    match &function.dfg.ext_funcs.get(func_ref)?.name {
        ExternalName::TestCase(name) => Some(name.to_string()),
        ExternalName::User(name) => {
            let name = function.params.user_named_funcs().get(*name)?.clone();
            Some(UserFuncName::User(name).to_string())
        }
        ExternalName::LibCall(_) | ExternalName::KnownSymbol(_) => None,
    }
}

/// A module with a declaration of each function that is in, of each library function that they refer to,
/// with all signatures, and with the table of addresses.
fn declare(functions: &[&clif::Function], reasons: &[Option<Reason>]) -> Env {
    let mut env = Env {
        module: Module::new(),
        funcs: HashMap::new(),
        sigs: HashMap::new(),
    };
    let included = functions.iter().zip(reasons);
    let included: Vec<&clif::Function> = included
        .filter(|(_, reason)| reason.is_none())
        .map(|(function, _)| *function)
        .collect();
    for function in &included {
        if let Ok(signature) = ir_signature(&function.signature) {
            let sig = env.intern(signature);
            let name = ir_name(&function.name);
            let func = env.module.push_func(name, sig, FuncKind::Declared);
            env.funcs.insert(function.name.to_string(), func);
        }
    }
    let mut addresses = false;
    for function in &included {
        for signature in function.dfg.signatures.values() {
            if let Ok(signature) = ir_signature(signature) {
                env.intern(signature);
            }
        }
        for (func_ref, _) in references(function) {
            if let Some(ExternalName::LibCall(call)) =
                function.dfg.ext_funcs.get(func_ref).map(|f| &f.name)
            {
                env.library_function(*call);
            }
        }
        addresses |= uses_addresses(function);
    }
    if addresses {
        env.table_of_addresses();
    }
    env
}

fn uses_addresses(function: &clif::Function) -> bool {
    let blocks = function.layout.blocks();
    let mut insts = blocks.flat_map(|block| function.layout.block_insts(block));
    insts.any(|inst| {
        matches!(
            function.dfg.insts[inst].opcode(),
            Opcode::FuncAddr | Opcode::CallIndirect | Opcode::ReturnCallIndirect
        )
    })
}

/// Adds the bodies and exports everything that the file defines.
fn finish(
    env: Env,
    functions: &[&clif::Function],
    bodies: Vec<(Func, Function)>,
    reasons: Vec<Option<Reason>>,
) -> (Module, Vec<Outcome>) {
    let Env {
        mut module, funcs, ..
    } = env;
    for (func, body) in bodies {
        module.exports.push(Export {
            name: module.func(func).name.clone(),
            item: ExportItem::Func(func),
        });
        module.define(func, body);
    }
    let outcome = |(function, reason): (&&clif::Function, Option<Reason>)| match reason {
        Some(reason) => Err(reason),
        None => Ok(funcs[&function.name.to_string()]),
    };
    let outcomes = functions.iter().zip(reasons).map(outcome).collect();
    (module, outcomes)
}

impl Env {
    fn intern(&mut self, signature: Signature) -> Sig {
        let sig = self.module.intern_sig(signature.clone());
        self.sigs.insert(signature, sig);
        sig
    }

    /// The number of a signature; every one that a function mentions has one.
    pub(crate) fn sig(&self, signature: &Signature) -> Result<Sig, String> {
        let sig = self.sigs.get(signature).copied();
        sig.ok_or_else(|| "signature without a number".to_string())
    }

    /// The function that a body refers to, or why there is none.
    pub(crate) fn callee(
        &self,
        function: &clif::Function,
        func_ref: FuncRef,
    ) -> Result<Func, String> {
        let data = &function.dfg.ext_funcs[func_ref];
        let key = match (&data.name, external_name(function, func_ref)) {
            (_, Some(name)) => name,
            (ExternalName::LibCall(call), None) => library_name(*call),
            (_, None) => return Err("function outside the file".to_string()),
        };
        let func = match (self.funcs.get(&key), &data.name) {
            (Some(func), _) => *func,
            (None, ExternalName::LibCall(call)) => return Err(format!("library call {call}")),
            (None, _) => return Err("function outside the file".to_string()),
        };
        let wanted = ir_signature(&function.dfg.signatures[data.signature])?;
        match *self.module.func_sig(func) == wanted {
            true => Ok(func),
            false => Err("call with another signature".to_string()),
        }
    }

    /// Makes a function that does what a library function does, if the IR has an op for it.
    fn library_function(&mut self, call: LibCall) {
        let key = library_name(call);
        let Some((op, ty)) = library_op(call) else {
            return;
        };
        if self.funcs.contains_key(&key) {
            return;
        }
        let sig = self.intern(Signature {
            params: vec![ty; op.info().operands.len()],
            results: vec![ty],
        });
        let mut builder = FunctionBuilder::new(&self.module, sig);
        builder.switch_to(builder.entry());
        let params = builder.params(builder.entry()).to_vec();
        let result = match params[..] {
            [a, b, c] => builder.fma(ty, a, b, c),
            _ => builder.unary(op, ty, params[0]),
        };
        builder.ret(&[result]);
        if let Ok(body) = builder.finish() {
            let kind = FuncKind::Defined(body);
            let func = self.module.push_func(key.clone(), sig, kind);
            self.funcs.insert(key, func);
        }
    }

    fn table_of_addresses(&mut self) {
        let count = self.module.funcs.len();
        let refs = (0..count).map(|f| InitExpr::RefFunc(Func::from_index(f)));
        let mut entries = vec![InitExpr::Const(Scalar::i64(0))];
        entries.extend(refs);
        let size = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        self.module.tables.push(TableDecl {
            kind: RefKind::Func,
            min: size,
            max: Some(size),
            init: InitExpr::Const(Scalar::i64(0)),
            import: None,
        });
        self.module.elems.push(ElemDecl {
            mode: SegmentMode::Active {
                target: bakeoff_ir::Table(0),
                offset: InitExpr::Const(Scalar::i32(0)),
            },
            refs: entries,
        });
    }
}

/// Whether CLIF takes `%name` for a function of a library where it is called.
pub fn is_library_name(name: &str) -> bool {
    matches!(
        name.parse(),
        Ok(ExternalName::LibCall(_) | ExternalName::KnownSymbol(_))
    )
}

/// No function of a file has this name: it would begin with `%` or `u`.
fn library_name(call: LibCall) -> String {
    format!("library {call:?}")
}

/// The op that does what a library function does.
fn library_op(call: LibCall) -> Option<(Op, Type)> {
    Some(match call {
        LibCall::CeilF32 => (Op::Ceil, Type::F32),
        LibCall::CeilF64 => (Op::Ceil, Type::F64),
        LibCall::FloorF32 => (Op::Floor, Type::F32),
        LibCall::FloorF64 => (Op::Floor, Type::F64),
        LibCall::TruncF32 => (Op::Trunc, Type::F32),
        LibCall::TruncF64 => (Op::Trunc, Type::F64),
        LibCall::NearestF32 => (Op::Nearest, Type::F32),
        LibCall::NearestF64 => (Op::Nearest, Type::F64),
        LibCall::FmaF32 => (Op::Fma, Type::F32),
        LibCall::FmaF64 => (Op::Fma, Type::F64),
        LibCall::Probestack
        | LibCall::Memcpy
        | LibCall::Memset
        | LibCall::Memmove
        | LibCall::Memcmp
        | LibCall::ElfTlsGetAddr
        | LibCall::ElfTlsGetOffset
        | LibCall::X86Pshufb => return None,
    })
}
