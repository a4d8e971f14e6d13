//! Accesses to memory whose offsets and indices are at the boundaries of encodings, and at the ends of
//! memories of four gigabytes, in every configuration.

mod common;

use bakeoff_backend::{CallError, Imports, Instance};
use bakeoff_ir::{Scalar, TrapCode, Type, semantics};

use common::source::{Source, sample};

use Type::{F32, F64, I8, I16, I32, I64};

/// Pages of both memories: every index of 32 bits is inside.
const PAGES: u64 = 65536;

const OFFSETS: &[u32] = &[
    0,
    1,
    127,
    128,
    0x7fff_fff8,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff8,
    u32::MAX,
];

/// What an access does.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Load,
    /// Loads with a sign, as an i64.
    SignedLoad,
    /// Loads without, as an i64.
    UnsignedLoad,
    Store,
    StoreConstant,
    /// Stores the low bits of an i64.
    NarrowStore,
}

/// One access, as a function.
#[derive(Clone, Copy, Debug)]
struct Access {
    kind: Kind,
    memory: usize,
    index: Type,
    /// The index, if it is no argument.
    constant: Option<u64>,
    /// The type in memory.
    ty: Type,
    offset: u32,
}

impl Access {
    /// The type of what is loaded or stored.
    fn value_type(&self) -> Type {
        match self.kind {
            Kind::SignedLoad | Kind::UnsignedLoad | Kind::NarrowStore => I64,
            _ => self.ty,
        }
    }

    fn loads(&self) -> bool {
        matches!(
            self.kind,
            Kind::Load | Kind::SignedLoad | Kind::UnsignedLoad
        )
    }

    /// The value of [`Kind::StoreConstant`], and what others are tried with.
    fn value(&self) -> u64 {
        sample(self.value_type(), 5)
    }

    fn write(&self, source: &mut Source, name: &str) {
        let (ty, value_type) = (self.ty, self.value_type());
        let results = if self.loads() { &[value_type][..] } else { &[] };
        let params = source.begin(name, &[self.index, value_type], results);
        let index = match self.constant {
            Some(bits) => source.constant(self.index, bits),
            None => params[0].clone(),
        };
        let at = format!("mem{}, {index}+{}", self.memory, self.offset);
        let into = format!("mem{}, {{}}, {index}+{}", self.memory, self.offset);
        match self.kind {
            Kind::Load | Kind::SignedLoad | Kind::UnsignedLoad => {
                let op = match self.kind {
                    Kind::Load => format!("load.{ty}"),
                    Kind::SignedLoad => format!("sload.i64.{ty}"),
                    _ => format!("uload.i64.{ty}"),
                };
                let value = source.def(format!("{op} {at}"));
                source.end(&[value]);
            }
            _ => {
                let value = match self.kind {
                    Kind::StoreConstant => source.constant(ty, self.value()),
                    _ => params[1].clone(),
                };
                let op = match self.kind {
                    Kind::NarrowStore => format!("istore.i64.{ty}"),
                    _ => format!("store.{ty}"),
                };
                source.line(format!("    {op} {}", into.replace("{}", &value)));
                source.line("    return\n}");
            }
        }
    }

    /// Indices at which it touches the ends of the memory, and some at which a sum could wrap.
    fn indices(&self) -> Vec<u64> {
        if let Some(constant) = self.constant {
            return vec![constant];
        }
        let last = PAGES * bakeoff_ir::PAGE_BYTES - u64::from(self.ty.bytes());
        let last = last.wrapping_sub(self.offset.into());
        let mut all = vec![0, 1, 0x7fff_ffff, 0x8000_0000, u64::from(u32::MAX)];
        all.extend([last, last.wrapping_add(1)]);
        if self.index == I64 {
            let wraps = u64::from(self.offset).wrapping_neg();
            all.extend([
                1 << 32,
                1 << 63,
                u64::MAX,
                u64::MAX >> 1,
                wraps,
                wraps.wrapping_add(8),
            ]);
        }
        all.retain(|index| *index <= self.index.mask());
        all
    }

    /// Makes the access, and compares what it gives, what it leaves, and whether it traps.
    fn check(&self, instance: &mut Instance, name: &str, index: u64) -> Result<(), String> {
        let (export, bytes) = (format!("mem{}", self.memory), self.ty.bytes());
        let size = PAGES * bakeoff_ir::PAGE_BYTES;
        let address = semantics::access(index, self.offset, bytes, size);
        let value = self.value();
        let in_memory = value & self.ty.mask();
        let range = address.map(|at| at as usize..(at + u64::from(bytes)) as usize);
        let own = in_memory.to_le_bytes();
        let own = &own[..bytes as usize];
        if let (Some(range), true) = (&range, self.loads()) {
            instance.memory_mut(&export).unwrap()[range.clone()].copy_from_slice(own);
        }
        let args = [
            Scalar::new(self.index, index),
            Scalar::new(self.value_type(), value),
        ];
        let got = instance.call(name, &args);
        let Some(range) = range else {
            let trapped = matches!(&got, Err(CallError::Trap(trap))
                if trap.code == TrapCode::MemoryOutOfBounds);
            return if trapped {
                Ok(())
            } else {
                Err(format!("{got:?}, no trap"))
            };
        };
        let expected = match self.kind {
            Kind::SignedLoad => vec![Scalar::i64(bakeoff_ir::sign_extend(self.ty, in_memory))],
            _ if self.loads() => vec![Scalar::new(self.value_type(), in_memory)],
            _ => Vec::new(),
        };
        let memory = instance.memory_mut(&export).unwrap();
        let left = memory[range.clone()] == *own;
        memory[range.clone()].fill(0);
        // Nothing beside it was touched.
        let around = range.start.saturating_sub(8)..(range.end + 8).min(memory.len());
        let clean = memory[around].iter().all(|byte| *byte == 0);
        match got == Ok(expected) && left && clean {
            true => Ok(()),
            false => Err(format!("{got:?}, left {left}, clean {clean}")),
        }
    }
}

/// Every access of a kind, type and memory.
fn accesses(memory: usize) -> Vec<Access> {
    use Kind::{Load, NarrowStore, SignedLoad, Store, StoreConstant, UnsignedLoad};
    let mut all = Vec::new();
    for kind in [
        Load,
        SignedLoad,
        UnsignedLoad,
        Store,
        StoreConstant,
        NarrowStore,
    ] {
        for ty in [I8, I16, I32, I64, F32, F64] {
            let narrow = matches!(kind, SignedLoad | UnsignedLoad | NarrowStore);
            if narrow && !matches!(ty, I8 | I16 | I32) {
                continue;
            }
            for offset in OFFSETS.iter().copied() {
                for index in [I32, I64] {
                    let constants = [None, Some(0), Some(127), Some(0x8000_0000)];
                    all.extend(constants.map(|constant| Access {
                        kind,
                        memory,
                        index,
                        constant,
                        ty,
                        offset,
                    }));
                }
            }
        }
    }
    all
}

fn boundaries_of_memory(number: usize) {
    let mut source = Source::default();
    for memory in 0..2 {
        source.line(format!(
            "memory mem{memory} = {PAGES}\nexport \"mem{memory}\" = mem{memory}"
        ));
    }
    let accesses = accesses(number);
    for (number, access) in accesses.iter().enumerate() {
        access.write(&mut source, &format!("f{number}"));
    }
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (number, access) in accesses.iter().enumerate() {
            for index in access.indices() {
                let result = access.check(&mut instance, &format!("f{number}"), index);
                assert_eq!(result, Ok(()), "{configuration}: {access:?} at {index:#x}");
            }
        }
    });
}

#[test]
fn boundaries_of_the_first_memory() {
    boundaries_of_memory(0);
}

#[test]
fn boundaries_of_another_memory() {
    boundaries_of_memory(1);
}
