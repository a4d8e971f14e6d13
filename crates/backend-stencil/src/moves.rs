//! Parallel moves: what an edge, a call or a return copies, in an order in which nothing is overwritten
//! before it is read.
//!
//! A move is ready when nobody reads its destination any more. What is left when none is ready are
//! cycles, and each is broken with a temporary: its first destination is saved, and the last move of the
//! cycle reads what was saved. Linear in the number of moves.

use crate::place::{Place, Where};

/// Moves that happen at once.
#[derive(Default)]
pub(crate) struct Moves {
    moves: Vec<(Place, Place)>,
    /// By [`Place::index`]: how many pending moves read the place.
    readers: Vec<u32>,
    /// By [`Place::index`]: the pending move that writes the place, plus one.
    writer: Vec<u32>,
    ready: Vec<u32>,
    ordered: Vec<(Place, Place)>,
}

impl Moves {
    pub(crate) fn clear(&mut self) {
        self.moves.clear();
    }

    /// Adds a copy; destinations are distinct.
    #[inline]
    pub(crate) fn push(&mut self, to: Place, from: Place) {
        if to != from {
            self.moves.push((to, from));
        }
    }

    /// Puts the moves one after the other; how many that makes. Integers of cycles go through W, floats
    /// through XT; slots as integers.
    pub(crate) fn order(&mut self) -> usize {
        self.ordered.clear();
        match self.moves[..] {
            [] => {}
            [single] => self.ordered.push(single),
            _ => self.order_many(),
        }
        self.ordered.len()
    }

    /// A move of those put in order.
    #[inline]
    pub(crate) fn ordered(&self, index: usize) -> (Place, Place) {
        self.ordered[index]
    }

    fn order_many(&mut self) {
        for (to, from) in &self.moves {
            let from = if from.is_const() { 0 } else { from.index() };
            let last = to.index().max(from);
            if last >= self.readers.len() {
                self.readers.resize(last + 1, 0);
                self.writer.resize(last + 1, 0);
            }
        }
        for (number, (to, from)) in self.moves.iter().enumerate() {
            self.writer[to.index()] = number as u32 + 1;
            if !from.is_const() {
                self.readers[from.index()] += 1;
            }
        }
        self.ready.clear();
        for (number, (to, _)) in self.moves.iter().enumerate() {
            if self.readers[to.index()] == 0 {
                self.ready.push(number as u32);
            }
        }
        self.drain();
        for number in 0..self.moves.len() {
            if self.writer[self.moves[number].0.index()] != 0 {
                self.break_cycle(number);
            }
        }
    }

    fn drain(&mut self) {
        while let Some(number) = self.ready.pop() {
            let (to, from) = self.moves[number as usize];
            self.ordered.push((to, from));
            self.writer[to.index()] = 0;
            if from.is_const() {
                continue;
            }
            self.readers[from.index()] -= 1;
            let waiting = self.writer[from.index()];
            if self.readers[from.index()] == 0 && waiting != 0 {
                self.ready.push(waiting - 1);
            }
        }
    }

    /// Every place of a cycle is read once and written once.
    fn break_cycle(&mut self, first: usize) {
        let saved = self.moves[first].0;
        let temporary = match saved.get() {
            Where::Float(_) => Place::XT,
            _ => Place::W,
        };
        self.ordered.push((temporary, saved));
        let mut number = first;
        loop {
            let (to, from) = self.moves[number];
            self.writer[to.index()] = 0;
            self.readers[from.index()] = 0;
            if from == saved {
                self.ordered.push((to, temporary));
                return;
            }
            self.ordered.push((to, from));
            number = self.writer[from.index()] as usize - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

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
            let is_temporary = *to == Place::W || *to == Place::XT;
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
            let place = |n: u64| match n {
                0..6 => Place::int(3 + n as u8),
                6..10 => Place::slot(n as u32 - 6),
                10..14 => Place::float(n as u8 - 10),
                _ => Place::constant(n as u32),
            };
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
                let from = if below(8) == 0 { 14 + below(4) } else { from };
                list.push((place(to), place(from)));
            }
            check(&list);
        }
    }
}
