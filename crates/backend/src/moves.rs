//! Parallel moves: what an edge, a call or a return copies, in an order in which nothing is overwritten
//! before it is read.
//!
//! A move is ready when nobody reads its destination any more. What is left when none is ready are
//! cycles, and each is broken with a temporary: its first destination is saved, and the last move of the
//! cycle reads what was saved. Linear in the number of moves.
//!
//! What a place is, a backend says: [`Location`].

use std::fmt::Debug;

use bakeoff_faults::{self as faults, Fault};

/// A place that a move reads or writes.
pub trait Location: Copy + PartialEq + Debug {
    /// A number for side tables, small where places are few; none for what is only read and never
    /// overwritten, such as a constant.
    fn index(self) -> Option<usize>;

    /// What keeps the content of this place while a cycle of moves is carried out. It is nobody's
    /// source or destination.
    fn temporary(self) -> Self;
}

/// Moves that happen at once.
#[derive(Debug)]
pub struct Moves<L> {
    moves: Vec<(L, L)>,
    /// By [`Location::index`]: how many pending moves read the place.
    readers: Vec<u32>,
    /// By [`Location::index`]: the pending move that writes the place, plus one.
    writer: Vec<u32>,
    ready: Vec<u32>,
    ordered: Vec<(L, L)>,
}

impl<L> Default for Moves<L> {
    fn default() -> Self {
        Moves {
            moves: Vec::new(),
            readers: Vec::new(),
            writer: Vec::new(),
            ready: Vec::new(),
            ordered: Vec::new(),
        }
    }
}

/// The number of a place that is written, or part of a cycle.
#[inline]
fn place<L: Location>(location: L) -> usize {
    match location.index() {
        Some(index) => index,
        None => unreachable!("{location:?} is only read"),
    }
}

impl<L: Location> Moves<L> {
    /// Forgets all moves.
    pub fn clear(&mut self) {
        self.moves.clear();
    }

    /// Adds a copy; destinations are distinct.
    #[inline]
    pub fn push(&mut self, to: L, from: L) {
        if to != from {
            self.moves.push((to, from));
        }
    }

    /// Puts the moves one after the other; how many that makes.
    pub fn order(&mut self) -> usize {
        self.ordered.clear();
        match self.moves[..] {
            [] => {}
            [single] => self.ordered.push(single),
            _ => self.order_many(),
        }
        self.ordered.len()
    }

    /// How many moves the last call of [`order`](Moves::order) made.
    #[inline]
    pub fn ordered_count(&self) -> usize {
        self.ordered.len()
    }

    /// A move of those put in order.
    #[inline]
    pub fn ordered(&self, index: usize) -> (L, L) {
        self.ordered[index]
    }

    fn order_many(&mut self) {
        for (to, from) in &self.moves {
            let last = place(*to).max(from.index().unwrap_or(0));
            if last >= self.readers.len() {
                self.readers.resize(last + 1, 0);
                self.writer.resize(last + 1, 0);
            }
        }
        for (number, (to, from)) in self.moves.iter().enumerate() {
            self.writer[place(*to)] = number as u32 + 1;
            if let Some(from) = from.index() {
                self.readers[from] += 1;
            }
        }
        self.ready.clear();
        for (number, (to, _)) in self.moves.iter().enumerate() {
            if self.readers[place(*to)] == 0 {
                self.ready.push(number as u32);
            }
        }
        self.drain();
        for number in 0..self.moves.len() {
            if self.writer[place(self.moves[number].0)] != 0 {
                self.break_cycle(number);
            }
        }
    }

    fn drain(&mut self) {
        while let Some(number) = self.ready.pop() {
            let (to, from) = self.moves[number as usize];
            self.ordered.push((to, from));
            self.writer[place(to)] = 0;
            let Some(from) = from.index() else { continue };
            self.readers[from] -= 1;
            let waiting = self.writer[from];
            let is_free = self.readers[from] == 0 || faults::on(Fault::SharedSecondReader);
            if is_free && waiting != 0 {
                self.ready.push(waiting - 1);
            }
        }
    }

    /// Every place of a cycle is read once and written once.
    fn break_cycle(&mut self, first: usize) {
        let saved = self.moves[first].0;
        let temporary = saved.temporary();
        self.ordered.push((temporary, saved));
        let mut number = first;
        loop {
            let (to, from) = self.moves[number];
            self.writer[place(to)] = 0;
            self.readers[place(from)] = 0;
            if from == saved {
                let kept = match faults::on(Fault::SharedCycleLost) {
                    true => saved,
                    false => temporary,
                };
                self.ordered.push((to, kept));
                return;
            }
            self.ordered.push((to, from));
            number = self.writer[place(from)] as usize - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Integers and slots below 10, floats below 14, temporaries 14 and 15, constants from 16 on.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    struct Place(u32);

    impl Location for Place {
        fn index(self) -> Option<usize> {
            (self.0 < 16).then_some(self.0 as usize)
        }

        fn temporary(self) -> Place {
            Place(if self.0 < 10 { 14 } else { 15 })
        }
    }

    /// Carries moves out one after the other and at once, and compares.
    fn check(list: &[(Place, Place)]) {
        let mut moves = Moves::default();
        for (to, from) in list {
            moves.push(*to, *from);
        }
        let mut state: HashMap<Place, u32> = HashMap::new();
        let read = |state: &HashMap<Place, u32>, p: Place| state.get(&p).copied().unwrap_or(p.0);
        for index in 0..moves.order() {
            let (to, from) = moves.ordered(index);
            let value = read(&state, from);
            state.insert(to, value);
        }
        for (to, from) in list {
            assert_eq!(read(&state, *to), from.0, "{list:?}");
        }
        for (to, value) in &state {
            let is_target = list.iter().any(|(t, _)| t == to);
            let is_temporary = matches!(to.0, 14 | 15);
            assert!(
                is_target || is_temporary || *value == to.0,
                "{to:?} in {list:?}"
            );
        }
        assert!(moves.readers.iter().all(|n| *n == 0) && moves.writer.iter().all(|n| *n == 0));
    }

    #[test]
    fn any_set_of_moves_is_carried_out_as_if_at_once() {
        let mut seed = 7u64;
        let mut below = |bound: u64| {
            seed = seed
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            (seed >> 33) % bound
        };
        for _ in 0..20_000 {
            let place = |n: u64| Place(n as u32);
            // Integers and slots among themselves, floats among themselves.
            let mut list: Vec<(Place, Place)> = Vec::new();
            for to in 0..14 {
                if below(3) == 0 {
                    continue;
                }
                let from = match to {
                    0..10 => below(10),
                    _ => 10 + below(4),
                };
                let from = if below(8) == 0 { 16 + below(4) } else { from };
                list.push((place(to), place(from)));
            }
            check(&list);
        }
    }
}
