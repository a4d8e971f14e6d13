//! Accesses at the last bytes of small memories, and one byte and more beyond, in every configuration:
//! loads, stores, and values that are loaded, changed and stored to the same place, which backends make
//! one instruction of. What traps has written nothing.

mod common;

use bakeoff_backend::{Imports, Instance};
use bakeoff_ir::{Op, PAGE_BYTES, Scalar, TrapCode, Type, semantics, sign_extend};

use common::source::{FUNCTIONS, Source, sample};

use Type::{F32, F64, I8, I16, I32, I64};

/// The pages of each memory.
const PAGES: [u64; 2] = [1, 2];

const OFFSETS: &[u32] = &[0, 65_533];

/// What a loaded value is combined with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Other {
    Arg,
    /// The same, as the first operand.
    ArgFirst,
    Constant,
    /// Itself.
    Same,
}

/// How a type in memory is loaded and stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    /// As it is.
    Whole,
    /// Extended to a wider type with its sign, and cut off.
    Signed(Type),
    /// The same without.
    Unsigned(Type),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Load,
    Store,
    StoreConstant,
    Update {
        op: Op,
        other: Other,
        /// The loaded value is returned as well.
        kept: bool,
        /// The offset of the store differs from that of the load by one.
        beside: bool,
    },
}

/// One access, as a function.
#[derive(Clone, Copy, Debug)]
struct Access {
    kind: Kind,
    width: Width,
    /// The type in memory.
    ty: Type,
    memory: usize,
    index: Type,
    /// The index, if it is no argument.
    constant: Option<u64>,
    offset: u32,
}

impl Access {
    /// The type outside of memory.
    fn value_type(&self) -> Type {
        match self.width {
            Width::Whole => self.ty,
            Width::Signed(ty) | Width::Unsigned(ty) => ty,
        }
    }

    /// The value of an argument or constant.
    fn value(&self) -> u64 {
        match self.kind {
            Kind::Update {
                op: Op::Ishl,
                other,
                ..
            } if other != Other::ArgFirst => 3,
            _ => sample(self.value_type(), 5),
        }
    }

    /// The result, if there is one.
    fn returns(&self) -> bool {
        matches!(self.kind, Kind::Load | Kind::Update { kept: true, .. })
    }

    /// The offset of the store.
    fn store_offset(&self) -> u32 {
        match self.kind {
            Kind::Update { beside: true, .. } => self.offset ^ 1,
            _ => self.offset,
        }
    }

    fn write(&self, source: &mut Source, name: &str) {
        let (ty, value_type) = (self.ty, self.value_type());
        let results = if self.returns() {
            &[value_type][..]
        } else {
            &[]
        };
        let params = source.begin(name, &[self.index, value_type], results);
        let index = match self.constant {
            Some(bits) => source.constant(self.index, bits),
            None => params[0].clone(),
        };
        let place = format!("{index}+{}", self.offset);
        let (load, store) = match self.width {
            Width::Whole => (format!("load.{ty}"), format!("store.{ty}")),
            Width::Signed(wide) => (format!("sload.{wide}.{ty}"), format!("istore.{wide}.{ty}")),
            Width::Unsigned(wide) => (format!("uload.{wide}.{ty}"), format!("istore.{wide}.{ty}")),
        };
        let memory = self.memory;
        let loaded = match self.kind {
            Kind::Load | Kind::Update { .. } => source.def(format!("{load} mem{memory}, {place}")),
            _ => String::new(),
        };
        let constant = match self.kind {
            Kind::StoreConstant
            | Kind::Update {
                other: Other::Constant,
                ..
            } => source.constant(value_type, self.value()),
            _ => String::new(),
        };
        let stored = match self.kind {
            Kind::Load => None,
            Kind::Store => Some(params[1].clone()),
            Kind::StoreConstant => Some(constant),
            Kind::Update { op, other, .. } => {
                let [x, y] = match other {
                    Other::Arg => [&loaded, &params[1]],
                    Other::ArgFirst => [&params[1], &loaded],
                    Other::Constant => [&loaded, &constant],
                    Other::Same => [&loaded, &loaded],
                };
                Some(source.def(format!("{op}.{value_type} {x}, {y}")))
            }
        };
        if let Some(stored) = stored {
            source.line(format!(
                "    {store} mem{memory}, {stored}, {index}+{}",
                self.store_offset()
            ));
        }
        match self.returns() {
            true => source.end(&[loaded]),
            false => source.line("    return\n}"),
        }
    }

    /// The last address that is valid.
    fn last(&self) -> u64 {
        PAGES[self.memory] * PAGE_BYTES - u64::from(self.ty.bytes())
    }

    /// Indices at which it is aligned, and not; touches the end of the memory; and reaches beyond.
    fn indices(&self) -> Vec<u64> {
        if let Some(constant) = self.constant {
            return vec![constant];
        }
        let last = self.last().wrapping_sub(self.offset.into());
        let beyond = (1..=u64::from(self.ty.bytes())).map(|distance| last.wrapping_add(distance));
        let mut all = vec![0, 3, last.wrapping_sub(1), last];
        all.extend(beyond);
        all.retain(|index| *index <= self.index.mask());
        all
    }

    /// A value out of memory.
    fn widened(&self, bits: u64) -> u64 {
        match self.width {
            Width::Signed(wide) => sign_extend(self.ty, bits) as u64 & wide.mask(),
            _ => bits,
        }
    }

    /// What is stored when this is loaded.
    fn stored(&self, loaded: u64) -> Option<u64> {
        let (ty, value) = (self.value_type(), self.value());
        let stored = match self.kind {
            Kind::Load => return None,
            Kind::Store | Kind::StoreConstant => value,
            Kind::Update { op, other, .. } => {
                let [x, y] = match other {
                    Other::Arg | Other::Constant => [loaded, value],
                    Other::ArgFirst => [value, loaded],
                    Other::Same => [loaded, loaded],
                };
                semantics::eval(op, ty, ty, 0, [x, y, 0]).unwrap().unwrap()[0]
            }
        };
        Some(stored & self.ty.mask())
    }

    /// What the access gives; does in `memory` what it does.
    fn expected(&self, index: u64, memory: &mut [u8]) -> Result<Vec<u64>, TrapCode> {
        let (bytes, size) = (self.ty.bytes(), memory.len() as u64);
        let range = |offset| {
            let at = semantics::access(index, offset, bytes, size);
            let at = at.ok_or(TrapCode::MemoryOutOfBounds)? as usize;
            Ok(at..at + bytes as usize)
        };
        let (from, to) = (range(self.offset)?, range(self.store_offset())?);
        let mut word = [0; 8];
        word[..from.len()].copy_from_slice(&memory[from]);
        let loaded = self.widened(u64::from_le_bytes(word));
        if let Some(stored) = self.stored(loaded) {
            let stored = &stored.to_le_bytes()[..to.len()];
            memory[to].copy_from_slice(stored);
        }
        let results = [loaded].into_iter().filter(|_| self.returns());
        Ok(results.collect())
    }

    /// Makes the access, and compares what it gives and what it leaves; `after` is as `before`.
    fn check(
        &self,
        instance: &mut Instance,
        name: &str,
        index: u64,
        before: &[u8],
        after: &mut [u8],
    ) -> Result<(), String> {
        let expected = self.expected(index, after);
        let args = [
            Scalar::new(self.index, index),
            Scalar::new(self.value_type(), self.value()),
        ];
        let got = common::call_bits(instance, name, &args);
        let memory = format!("mem{}", self.memory);
        let memory = instance.memory_mut(&memory).unwrap();
        // Nothing but what is around it, the beginning and the end can have changed.
        let address = index.saturating_add(self.offset.into());
        let near = [0, address.min(before.len() as u64) as usize, before.len()];
        let near = near.map(|at| at.saturating_sub(64)..(at + 64).min(before.len()));
        let left = near
            .iter()
            .all(|near| memory[near.clone()] == after[near.clone()]);
        for near in near {
            memory[near.clone()].copy_from_slice(&before[near.clone()]);
            after[near.clone()].copy_from_slice(&before[near]);
        }
        match got == expected && left {
            true => Ok(()),
            false => Err(format!("{got:x?}, not {expected:x?}; memory right: {left}")),
        }
    }
}

/// What is done with a value of a type.
fn kinds(ty: Type) -> Vec<Kind> {
    use Other::{Arg, ArgFirst, Constant, Same};
    let ops: &[Op] = match ty.is_int() {
        true => &[
            Op::Iadd,
            Op::Isub,
            Op::Band,
            Op::Bor,
            Op::Bxor,
            Op::Imul,
            Op::Ishl,
        ],
        false => &[Op::Fadd, Op::Fsub],
    };
    let mut all = vec![Kind::Load, Kind::Store, Kind::StoreConstant];
    let mut update = |op, other, kept, beside| {
        all.push(Kind::Update {
            op,
            other,
            kept,
            beside,
        });
    };
    for op in ops.iter().copied() {
        update(op, Arg, false, false);
        update(op, Constant, false, false);
        update(op, Arg, true, false);
        let more: &[Other] = match op {
            Op::Iadd | Op::Bxor => &[Same],
            Op::Isub | Op::Ishl | Op::Fsub => &[ArgFirst, Same],
            _ => &[],
        };
        for other in more.iter().copied() {
            update(op, other, false, false);
        }
    }
    update(ops[0], Arg, false, true);
    all
}

/// How a type is loaded and stored.
fn widths(ty: Type) -> &'static [Width] {
    match ty {
        I8 | I16 => &[Width::Whole, Width::Signed(I32), Width::Unsigned(I32)],
        I32 => &[Width::Whole, Width::Signed(I64), Width::Unsigned(I64)],
        _ => &[Width::Whole],
    }
}

/// Every access to a memory.
fn accesses(memory: usize) -> Vec<Access> {
    let mut all = Vec::new();
    let types = [I8, I16, I32, I64, F32, F64].into_iter();
    let types = types.flat_map(|ty| [(ty, I32), (ty, I64)]);
    for (ty, index) in types {
        for width in widths(ty).iter().copied() {
            let of_width = Access {
                kind: Kind::Load,
                width,
                ty,
                memory,
                index,
                constant: None,
                offset: 0,
            };
            let last = of_width.last();
            let constants = [(last, 0), (last - 7, 7), (last - 7, 8)];
            let constants = constants.map(|(constant, offset)| (Some(constant), offset));
            for kind in kinds(of_width.value_type()) {
                let variable = OFFSETS.iter().map(|offset| (None, *offset));
                all.extend(variable.chain(constants).map(|(constant, offset)| Access {
                    kind,
                    constant,
                    offset,
                    ..of_width
                }));
            }
        }
    }
    all
}

fn ends_of_memory(memory: usize, accesses: &[Access]) {
    let mut source = Source::default();
    for (memory, pages) in PAGES.iter().enumerate() {
        source.line(format!(
            "memory mem{memory} = {pages}\nexport \"mem{memory}\" = mem{memory}"
        ));
    }
    for (number, access) in accesses.iter().enumerate() {
        access.write(&mut source, &format!("f{number}"));
    }
    // Of both signs, and wherever a float is read, it is less than two.
    let before: Vec<u8> = (0..PAGES[memory] * PAGE_BYTES)
        .map(|at| (at.wrapping_mul(0x9e37_79b9) >> 13) as u8 & 0xbf)
        .collect();
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        let export = format!("mem{memory}");
        let all = instance.memory_mut(&export).unwrap();
        all.copy_from_slice(&before);
        let mut after = before.clone();
        for (number, access) in accesses.iter().enumerate() {
            for index in access.indices() {
                let name = format!("f{number}");
                let result = access.check(&mut instance, &name, index, &before, &mut after);
                assert_eq!(result, Ok(()), "{configuration}: {access:?} at {index:#x}");
            }
        }
        assert!(
            instance.memory(&export).unwrap() == before,
            "{configuration}"
        );
    });
}

#[test]
fn ends_of_the_first_memory() {
    for accesses in accesses(0).chunks(FUNCTIONS) {
        ends_of_memory(0, accesses);
    }
}

#[test]
fn ends_of_another_memory() {
    for accesses in accesses(1).chunks(FUNCTIONS) {
        ends_of_memory(1, accesses);
    }
}
