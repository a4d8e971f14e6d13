//! Making the instruction cache see what was written.

/// Makes `len` bytes at `address` (in the executable view) visible to instruction fetch.
///
/// x86-64 keeps its instruction cache coherent (Intel SDM vol. 3, 13.6), so nothing is to be done.
#[cfg(target_arch = "x86_64")]
pub(crate) fn synchronise(_address: *const u8, _len: usize) {}

/// Makes `len` bytes at `address` (in the executable view) visible to instruction fetch.
///
/// Cleans the data cache and invalidates the instruction cache line by line (Arm ARM, B2.4.4). The
/// line sizes come from `CTR_EL0`.
#[cfg(target_arch = "aarch64")]
pub(crate) fn synchronise(address: *const u8, len: usize) {
    use core::arch::asm;
    let ctr: u64;
    // SAFETY: reading CTR_EL0 is permitted at EL0 under Linux and has no effect.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack)) };
    let (start, end) = (address as usize, address as usize + len);
    let data_line = 4usize << (ctr >> 16 & 0xf);
    let code_line = 4usize << (ctr & 0xf);
    for at in (start & !(data_line - 1)..end).step_by(data_line) {
        // SAFETY: cache maintenance by address on memory that this process has mapped.
        unsafe { asm!("dc cvau, {}", in(reg) at, options(nostack)) };
    }
    // SAFETY: barriers have no operands.
    unsafe { asm!("dsb ish", options(nostack)) };
    for at in (start & !(code_line - 1)..end).step_by(code_line) {
        // SAFETY: as above.
        unsafe { asm!("ic ivau, {}", in(reg) at, options(nostack)) };
    }
    // SAFETY: barriers have no operands.
    unsafe { asm!("dsb ish", "isb", options(nostack)) };
}
