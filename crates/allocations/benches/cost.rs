//! What the counting allocator costs: an allocation and its release, by the system's allocator, by this one
//! while nobody counts, and while somebody does. All interleaved; medians over rounds, in ns a pair.
//!
//! `cargo bench -p bakeoff-allocations`; with `--test` one short round.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Instant;

use bakeoff_allocations::{Counting, count};

/// Sizes as compilers ask for them: a small node, a list, a buffer.
const SIZES: [usize; 3] = [32, 512, 16 << 10];

// Calls of their own, as those of an installed allocator are: nobody can see that the flag stays as it is.

#[inline(never)]
fn allocate<A: GlobalAlloc>(allocator: &A, layout: Layout) -> *mut u8 {
    // SAFETY: all layouts here have a size.
    unsafe { allocator.alloc(layout) }
}

#[inline(never)]
fn release<A: GlobalAlloc>(allocator: &A, block: *mut u8, layout: Layout) {
    // SAFETY: `pairs` releases each block once, with its layout.
    unsafe { allocator.dealloc(block, layout) };
}

fn pairs<A: GlobalAlloc>(allocator: &A, size: usize, pairs: u32) -> f64 {
    let layout = Layout::array::<u8>(size).expect("a small size");
    let start = Instant::now();
    for _ in 0..pairs {
        release(allocator, black_box(allocate(allocator, layout)), layout);
    }
    start.elapsed().as_nanos() as f64 / f64::from(pairs)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let (rounds, count_of_pairs) = if test { (1, 100) } else { (301, 20_000) };
    println!(
        "{:>8} {:>10} {:>10} {:>10}",
        "bytes", "system", "idle", "counting"
    );
    for size in SIZES {
        let mut times: [Vec<f64>; 3] = Default::default();
        for _ in 0..rounds {
            times[0].push(pairs(&System, size, count_of_pairs));
            times[1].push(pairs(&Counting, size, count_of_pairs));
            times[2].push(count(|| pairs(&Counting, size, count_of_pairs)).0);
        }
        let [system, idle, counting] = times.each_mut().map(|times| median(times));
        println!("{size:>8} {system:>10.2} {idle:>10.2} {counting:>10.2}");
    }
}
