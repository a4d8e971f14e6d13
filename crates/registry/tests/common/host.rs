//! A module whose functions call the host, and the host.

use bakeoff_backend::{CallError, Caller, HostError, HostFunc, Imports, Instance};
use bakeoff_ir::{Scalar, Type};

use super::signature;

/// The module.
pub(crate) const SOURCE: &str = r#"
import func @many(i8, i16, i32, i64, f32, f64) -> (f64, f32, i64, i32, i16, i8) = "host" "many"
import func @act(i32) -> i32 = "host" "act"
memory mem0 = 1..4
export "mem" = mem0
global global0: i32 mut = 0
export "steps" = global0
export "act" = @act

export func @turn(i8, i16, i32, i64, f32, f64) -> (i8, i16, i32, i64, f32, f64) {
block0(v0: i8, v1: i16, v2: i32, v3: i64, v4: f32, v5: f64):
    v6, v7, v8, v9, v10, v11 = call @many(v0, v1, v2, v3, v4, v5)
    return v11, v10, v9, v8, v7, v6
}
; Counts itself before and after, and keeps values over the call.
export func @step(i32) -> i32 {
    ss0 = stack_slot 64, align 8
block0(v0: i32):
    v1 = iconst.i32 1
    v2 = global_get.i32 global0
    v3 = iadd.i32 v2, v1
    global_set.i32 global0, v3
    stack_store.i32 v0, ss0+32
    v4 = call @act(v0)
    v5 = stack_load.i32 ss0+32
    v6 = isub.i32 v5, v0
    v7 = iadd.i32 v4, v6
    v8 = iconst.i32 100
    v9 = global_get.i32 global0
    v10 = iadd.i32 v9, v8
    global_set.i32 global0, v10
    return v7
}
export func @tail(i32) -> i32 {
block0(v0: i32):
    return_call @act(v0)
}
export func @load(i32) -> i32 {
block0(v0: i32):
    v1 = load.i32 mem0, v0
    return v1
}
export func @div(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = sdiv.i32 v0, v1
    return v2
}
; Writes, calls the host, and reads what it left.
export func @exchange(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 11
    store.i32 mem0, v1, v0
    v2 = call @act(v0)
    v3 = load.i32 mem0, v0
    v4 = iadd.i32 v2, v3
    return v4
}
export func @grow(i32) -> i32 {
block0(v0: i32):
    v1 = memory_grow.i32 mem0, v0
    return v1
}
; The host grows the memory meanwhile.
export func @use_grown(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 0
    v2 = load.i32 mem0, v1
    v3 = call @act(v1)
    v4 = load.i32 mem0, v0
    v5 = memory_size.i32 mem0
    v6 = iadd.i32 v4, v5
    return v6
}
"#;

type Act = dyn Fn(&mut Caller<'_>, i32) -> Result<Vec<Scalar>, HostError> + Send + Sync;

/// The host with this `act`; `many` doubles and reverses.
pub(crate) fn host(
    act: impl Fn(&mut Caller<'_>, i32) -> Result<Vec<Scalar>, HostError> + Send + Sync + 'static,
) -> Imports {
    use Type::{F32, F64, I8, I16, I32, I64};
    let act: Box<Act> = Box::new(act);
    let mut imports = Imports::new();
    let types = [I8, I16, I32, I64, F32, F64];
    let reversed = [F64, F32, I64, I32, I16, I8];
    imports.func(
        "host",
        "many",
        HostFunc::new(signature(&types, &reversed), |_, args| {
            let doubled = |s: &Scalar| match s.ty() {
                F32 => Scalar::f32(s.as_float().unwrap() as f32 * 2.0),
                F64 => Scalar::f64(s.as_float().unwrap() * 2.0),
                ty => Scalar::new(ty, (s.bits() * 2) & ty.mask()),
            };
            Ok(args.iter().rev().map(doubled).collect())
        }),
    );
    imports.func(
        "host",
        "act",
        HostFunc::new(signature(&[I32], &[I32]), move |caller, args| {
            act(caller, args[0].signed() as i32)
        }),
    );
    imports
}

pub(crate) fn int(value: i32) -> Vec<Scalar> {
    vec![Scalar::i32(value)]
}

pub(crate) fn steps(instance: &Instance) -> i64 {
    instance.global("steps").unwrap().signed()
}

pub(crate) fn pass_on(error: CallError) -> HostError {
    match error {
        CallError::Trap(trap) => HostError::Trapped(Box::new(trap)),
        other => HostError::Failed(other.to_string()),
    }
}
