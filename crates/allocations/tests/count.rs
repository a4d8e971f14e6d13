//! What is counted, with the allocator installed.

use std::hint::black_box;
use std::panic::catch_unwind;
use std::thread;

use bakeoff_allocations::{Allocations, Counting, count};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn bytes(len: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(len))
}

fn counted(work: impl FnOnce()) -> [u64; 3] {
    let ((), counted) = count(work);
    let Allocations {
        allocations,
        bytes,
        peak_bytes,
    } = counted;
    [allocations, bytes, peak_bytes]
}

#[test]
fn number_sum_and_peak() {
    assert_eq!(counted(|| {}), [0, 0, 0]);
    assert_eq!(counted(|| drop(bytes(100))), [1, 100, 100]);
    let one_by_one = || {
        drop(bytes(100));
        drop(bytes(50));
    };
    assert_eq!(counted(one_by_one), [2, 150, 100]);
    let at_once = || {
        let first = bytes(100);
        drop(bytes(50));
        drop(bytes(60));
        drop(first);
    };
    assert_eq!(counted(at_once), [3, 210, 160]);
    assert_eq!(counted(|| drop(black_box(vec![0u64; 10]))), [1, 80, 80]);
}

#[test]
fn what_grows_or_shrinks_is_there_twice_for_a_moment() {
    let grows = || {
        let mut bytes = bytes(100);
        bytes.reserve_exact(300);
        drop(black_box(bytes));
    };
    assert_eq!(counted(grows), [2, 400, 400]);
    let shrinks = || {
        let mut bytes = bytes(100);
        bytes.push(1);
        bytes.shrink_to_fit();
        drop(black_box(bytes));
        drop(self::bytes(200));
    };
    assert_eq!(counted(shrinks), [3, 301, 200]);
}

#[test]
fn what_was_there_before_is_not_counted_but_its_release_makes_room() {
    let before = bytes(100);
    let more = move || {
        drop(before);
        drop(bytes(130));
    };
    assert_eq!(counted(more), [1, 130, 30]);
    let before = bytes(100);
    let less = move || {
        drop(before);
        drop(bytes(70));
    };
    assert_eq!(counted(less), [1, 70, 0]);
}

#[test]
fn what_is_kept_is_counted() {
    let (kept, counted) = count(|| bytes(100));
    assert_eq!((counted.bytes, counted.peak_bytes), (100, 100));
    drop(kept);
}

#[test]
fn the_outer_one_counts_what_the_inner_one_does() {
    let outer = || {
        let first = bytes(100);
        assert_eq!(counted(|| drop(bytes(50))), [1, 50, 50]);
        drop(bytes(20));
        drop(first);
        let (kept, inner) = count(|| bytes(10));
        assert_eq!(inner.peak_bytes, 10);
        drop(kept);
    };
    assert_eq!(counted(outer), [4, 180, 150]);
}

#[test]
fn other_threads_do_not_disturb() {
    thread::scope(|scope| {
        let others = || {
            for _ in 0..10_000 {
                drop(bytes(1000));
            }
        };
        scope.spawn(others);
        for _ in 0..1000 {
            assert_eq!(counted(|| drop(bytes(100))), [1, 100, 100]);
        }
    });
    let in_thread = || {
        let handle = thread::scope(|s| s.spawn(|| drop(bytes(1 << 20))).join());
        handle.expect("no panic");
    };
    assert!(counted(in_thread)[1] < 1 << 20);
}

#[test]
fn a_panic_ends_counting() {
    let before = || {
        let outcome = catch_unwind(|| count(|| panic!("as intended")));
        drop(outcome.expect_err("it panics"));
    };
    let panicking = counted(before);
    assert!(panicking[0] > 0, "what the panic allocated: {panicking:?}");
    assert_eq!(counted(|| drop(bytes(100))), [1, 100, 100]);
}
