//! Puts stencils into blocks of code, and runs them.

use std::collections::BTreeSet;

use bakeoff_backend_stencil::catalog::HoleValue;
use bakeoff_backend_stencil::library::{ListedStencil, POOL};

use crate::case::{Case, Windows};
use crate::machine::{Block, Exit, Machine};
use crate::model;

/// A machine, and the memory that stencils find.
pub(crate) struct Bench {
    machine: Machine,
    live: *mut Windows,
    /// The exits that have been taken.
    pub(crate) exits: BTreeSet<Exit>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: it comes from a box, and nobody else has it.
        drop(unsafe { Box::from_raw(self.live) });
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench {
            machine: Machine::new(),
            live: Box::into_raw(Box::default()),
            exits: BTreeSet::new(),
        }
    }

    /// Where cases will find their memory.
    pub(crate) fn windows(&self) -> *const Windows {
        self.live
    }

    /// Runs cases, and says what is wrong with the first that is.
    pub(crate) fn run(&mut self, batch: &[(&ListedStencil, Case<'_>)]) -> Result<(), String> {
        let mut block = self.machine.block(POOL);
        let starts: Vec<usize> = batch
            .iter()
            .map(|(stencil, case)| copy(&mut block, stencil, &case.holes))
            .collect();
        let code = block.publish();
        for ((stencil, case), start) in batch.iter().zip(starts) {
            // SAFETY: the windows are at `live` and nobody refers to them. `copy` made a piece that leaves by
            // the block's stubs; addresses in the state lead to the windows. That the stencil does no more
            // than it should is what the test is about.
            let (state, exit, windows) = unsafe {
                self.live.write(case.windows);
                let (state, exit) = self.machine.run(&code, start, &case.state);
                (state, exit, self.live.read())
            };
            self.exits.insert(exit);
            model::check(case, exit, &state, &windows).map_err(|error| {
                format!(
                    "{} {:?}, holes {:x?}: {error}\n  bytes {:02x?}\n  before {:x?}\n  {:x?}",
                    case.family.name(),
                    case.registers,
                    case.holes,
                    &stencil.bytes,
                    case.state,
                    case.windows
                )
            })?;
        }
        Ok(())
    }
}

/// Copies a stencil, with a prologue and a jump behind it, fills its holes, and gives where it begins.
fn copy(block: &mut Block, stencil: &ListedStencil, values: &[i64]) -> usize {
    let prologue = block.prologue();
    let at = block.append(&stencil.bytes);
    block.jump(Exit::Next);
    for ((kind, offset), value) in stencil.holes.iter().zip(values) {
        let hole = at + offset;
        match kind {
            HoleValue::Slot8 | HoleValue::Imm8 | HoleValue::Disp8 => {
                let field = block.field(hole, 1);
                field[0] = field[0].wrapping_add(*value as u8);
            }
            HoleValue::Slot32 | HoleValue::Imm32 | HoleValue::Disp32 | HoleValue::Context => {
                let sum = signed(block.field(hole, 4)).wrapping_add(*value as i32);
                block.field(hole, 4).copy_from_slice(&sum.to_le_bytes());
            }
            HoleValue::Imm64 => block.field(hole, 8).copy_from_slice(&value.to_le_bytes()),
            HoleValue::Taken => block.relative(hole, block.exit(Exit::Taken)),
            HoleValue::Trap0 => block.relative(hole, block.exit(Exit::Trap0)),
            HoleValue::Trap1 => block.relative(hole, block.exit(Exit::Trap1)),
            HoleValue::Table => {
                let table = block.append(&[0; 8]);
                block.relative(hole, table);
                for (index, exit) in [Exit::Table0, Exit::Table1].into_iter().enumerate() {
                    let distance = block.exit(exit) as i32 - table as i32;
                    let entry = block.field(table + 4 * index, 4);
                    entry.copy_from_slice(&distance.to_le_bytes());
                }
            }
            HoleValue::Callee => unreachable!("calls are not run alone"),
            HoleValue::Fault => {}
        }
    }
    for offset in &stencil.constants {
        // The constants stand at the block's beginning.
        let constant = signed(block.field(at + offset, 4));
        block.relative(at + offset, constant as usize);
    }
    prologue
}

fn signed(field: &[u8]) -> i32 {
    i32::from_le_bytes(*field.first_chunk().expect("four bytes"))
}
