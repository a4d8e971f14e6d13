//! Control flow: branches, loops, tables of branches, and regions that no loop describes.

use bakeoff_ir::{Block, IntCc, Op, TrapCode, Type, Value};

use super::function::Gen;
use super::plan::any_type;

impl Gen<'_, '_> {
    /// Types of values that meet somewhere.
    fn joined(&mut self) -> Vec<Type> {
        let count = match self.rng.below(12) {
            0 => self.rng.between(4, 12),
            1..=3 => 0,
            _ => self.rng.between(1, 3),
        };
        (0..count).map(|_| any_type(self.rng)).collect()
    }

    /// What an arm consists of: part of what is left, and then the edge to `join`, or an end of the
    /// function. Whether the edge is there.
    fn arm(&mut self, join: Block, types: &[Type], statements: usize, depth: usize) -> bool {
        let mark = self.mark();
        let goes_on = self.sequence(statements, depth + 1);
        let reaches = match goes_on {
            true if depth > 0 && self.rng.percent(6) => {
                self.end();
                false
            }
            true => {
                if self.rng.percent(75) {
                    self.sink(mark);
                }
                let args = self.args(types);
                self.b.jump(join, &args);
                true
            }
            false => false,
        };
        self.back_to(mark);
        reaches
    }

    /// Ends the function in the middle.
    fn end(&mut self) {
        if self.risk(15) {
            let code = TrapCode::User(self.rng.below(128) as u8);
            return self.b.trap(code);
        }
        self.leave();
    }

    /// A branch and its join. Whether the join is reached.
    pub(super) fn branch(&mut self, statements: usize, depth: usize) -> bool {
        let types = self.joined();
        let cond = self.condition();
        let join = self.block(&types);
        let then = self.b.create_block();
        let inner = self.rng.below(statements.clamp(2, 5));
        let reached = match self.rng.below(3) {
            // A triangle: one arm is the join itself.
            0 => {
                let args = self.args(&types);
                match self.rng.percent(50) {
                    true => self.b.brif(cond, then, &[], join, &args),
                    false => self.b.brif(cond, join, &args, then, &[]),
                }
                self.b.switch_to(then);
                self.arm(join, &types, inner, depth);
                true
            }
            1 if self.rng.percent(30) => {
                // Both edges lead to one block, with different arguments.
                let (a, b) = (self.args(&types), self.args(&types));
                self.b.brif(cond, join, &a, join, &b);
                true
            }
            _ => {
                let other = self.b.create_block();
                self.b.brif(cond, then, &[], other, &[]);
                self.b.switch_to(then);
                let first = self.arm(join, &types, inner, depth);
                self.b.switch_to(other);
                let second = self.arm(join, &types, inner, depth);
                first || second
            }
        };
        if reached {
            self.b.switch_to(join);
            self.add_params(join);
        }
        reached
    }

    /// A loop that counts; its other parameters are carried around. Whether any way leads out of it.
    pub(super) fn repeat(&mut self, statements: usize, depth: usize) -> bool {
        let room = (self.cost_limit.saturating_sub(self.cost) / (self.times * 12)).min(40) as usize;
        if room < 2 {
            self.compute();
            return true;
        }
        let trips = match self.rng.below(8) {
            0 => 1,
            1 => room,
            _ => self.rng.between(2, room.min(6)),
        };
        let counter = self.int_type();
        let mut types = vec![counter];
        let carried = match self.rng.below(10) {
            0 => self.rng.between(8, 20),
            1 => 0,
            _ => self.rng.between(1, 4),
        };
        // Few types, so that values change places.
        let two = [any_type(self.rng), any_type(self.rng)];
        types.extend((0..carried).map(|_| self.rng.pick(&two)));
        let counts_up = self.rng.percent(50);
        let start = match counts_up {
            true => self.b.iconst(counter, 0),
            false => self.trips(counter, trips),
        };
        let bound = self
            .b
            .iconst(counter, if counts_up { trips as i64 } else { 0 });
        let header = self.block(&types);
        let exit_types = self.joined();
        let exit = self.block(&exit_types);
        let mut args = vec![start];
        args.extend(self.args(&types[1..]));
        if !counts_up && self.rng.percent(30) {
            // What is computed last is what the loop tests first.
            let one = self.b.iconst(counter, 1);
            let less = self.b.binary(Op::Isub, counter, start, one);
            args[0] = self.b.binary(Op::Iadd, counter, less, one);
        }
        self.b.jump(header, &args);
        self.b.switch_to(header);
        let mark = self.mark();
        let at = self.b.params(header)[0];
        self.add_params(header);
        let times = self.times;
        self.times *= trips as u32 + 1;
        if self.rng.percent(30) {
            // The test at the top; the counter is compared before anything is done.
            let body = self.b.create_block();
            let args = self.args(&exit_types);
            let goes = match counts_up {
                true => self.b.icmp(IntCc::Ult, counter, at, bound),
                false if self.rng.percent(50) => at,
                false => self.b.icmp(IntCc::Ne, counter, at, bound),
            };
            self.b.brif(goes, body, &[], exit, &args);
            self.b.switch_to(body);
        }
        let inner = self.rng.between(1, statements.clamp(1, 4));
        if self.sequence(inner, depth + 1) {
            self.latch(Latch {
                header,
                types: &types,
                exit,
                exit_types: &exit_types,
                at,
                bound,
                counts_up,
            });
        }
        self.times = times;
        self.back_to(mark);
        if !self.b.is_branched_to(exit) {
            // Every way out of the body ends the function.
            return false;
        }
        self.b.switch_to(exit);
        self.add_params(exit);
        true
    }

    /// How often a loop that counts down goes round: known, or computed.
    fn trips(&mut self, ty: Type, most: usize) -> Value {
        if most < 4 || self.rng.percent(60) {
            return self.b.iconst(ty, most as i64);
        }
        let value = self.value(ty);
        let mask = self.b.iconst(ty, 3);
        let low = self.b.binary(Op::Band, ty, value, mask);
        let one = self.b.iconst(ty, 1);
        self.b.binary(Op::Iadd, ty, low, one)
    }

    /// The end of a round: early ways out, the count, and the way back.
    fn latch(&mut self, l: Latch<'_>) {
        if self.rng.percent(25) {
            let cond = self.condition();
            let next = self.b.create_block();
            let args = self.args(l.exit_types);
            self.b.brif(cond, l.exit, &args, next, &[]);
            self.b.switch_to(next);
        }
        let ty = l.types[0];
        let one = self.b.iconst(ty, 1);
        let op = if l.counts_up { Op::Iadd } else { Op::Isub };
        let next = self.b.binary(op, ty, l.at, one);
        let mut back = vec![next];
        if self.rng.percent(35) {
            // The parameters themselves in another order: moves that go round in circles.
            let params = self.b.params(l.header).to_vec();
            for (index, ty) in l.types.iter().enumerate().skip(1) {
                let alike = |at: &usize| *at != index && l.types[*at] == *ty && *at > 0;
                let others: Vec<usize> = (1..l.types.len()).filter(alike).collect();
                back.push(match others.is_empty() {
                    true => params[index],
                    false => params[self.rng.pick(&others)],
                });
            }
        } else {
            back.extend(self.args(&l.types[1..]));
        }
        let out = self.args(l.exit_types);
        match self.rng.below(4) {
            0 => {
                let done = self.b.icmp(IntCc::Eq, ty, next, l.bound);
                self.b.brif(done, l.exit, &out, l.header, &back);
            }
            1 if !l.counts_up => self.b.brif(next, l.header, &back, l.exit, &out),
            2 if l.counts_up => {
                let goes = self.b.icmp(IntCc::Ult, ty, next, l.bound);
                self.b.brif(goes, l.header, &back, l.exit, &out);
            }
            _ => {
                let goes = self.b.icmp(IntCc::Ne, ty, next, l.bound);
                self.b.brif(goes, l.header, &back, l.exit, &out);
            }
        }
    }

    /// A `br_table` whose cases join. Whether the join is reached.
    pub(super) fn switch(&mut self, statements: usize, depth: usize) -> bool {
        let types = self.joined();
        let join = self.block(&types);
        let entries = match self.rng.below(50) {
            0 => self.rng.between(20, 60),
            1..=3 => 0,
            _ => self.rng.between(1, 8),
        };
        let case_types = match self.rng.percent(50) {
            true => vec![],
            false => vec![any_type(self.rng)],
        };
        let cases: Vec<Block> = (0..self.rng.between(1, 4))
            .map(|_| self.block(&case_types))
            .collect();
        let index = match self.rng.below(4) {
            0 => self.value(Type::I32),
            1 => self
                .b
                .iconst(Type::I32, self.rng.between(0, entries + 1) as i64),
            _ => {
                let value = self.value(Type::I32);
                let bound = self.b.iconst(Type::I32, entries as i64 + 2);
                self.b.binary(Op::Urem, Type::I32, value, bound)
            }
        };
        let mut edges: Vec<(Block, Vec<Value>)> = Vec::with_capacity(entries + 1);
        for _ in 0..=entries {
            let block = self.rng.pick(&cases);
            edges.push(match self.rng.percent(15) {
                true => (join, self.args(&types)),
                false => (block, self.args(&case_types)),
            });
        }
        let mut reached = edges.iter().any(|(block, _)| *block == join);
        let slices: Vec<(Block, &[Value])> = edges
            .iter()
            .map(|(block, args)| (*block, &args[..]))
            .collect();
        self.b.br_table(index, &slices);
        let inner = self.rng.below(statements.clamp(1, 3));
        for case in cases {
            if !self.b.is_branched_to(case) {
                continue;
            }
            self.b.switch_to(case);
            let mark = self.mark();
            self.add_params(case);
            reached |= self.arm(join, &types, inner, depth);
            self.back_to(mark);
        }
        if reached {
            self.b.switch_to(join);
            self.add_params(join);
        }
        reached
    }

    /// Blocks that lead to each other in any way, entered in two places: no loop describes them. Every
    /// block takes one from a count, and leaves when that is used up.
    pub(super) fn machine(&mut self) {
        let steps = self.rng.between(2, 9);
        if self.cost + 10 * steps as u32 * self.times > self.cost_limit {
            return self.compute();
        }
        let mut types = vec![Type::I32];
        types.extend((0..self.rng.between(1, 4)).map(|_| any_type(self.rng)));
        let exit_types = types[1..].to_vec();
        let exit = self.block(&exit_types);
        let states: Vec<Block> = (0..self.rng.between(2, 5))
            .map(|_| self.block(&types))
            .collect();
        let count = self.b.iconst(Type::I32, steps as i64);
        let (a, b) = (self.rng.pick(&states), self.rng.pick(&states));
        let cond = self.condition();
        let [first, second] = [
            self.state_args(count, &types),
            self.state_args(count, &types),
        ];
        self.b.brif(cond, a, &first, b, &second);
        let times = self.times;
        self.times *= steps as u32;
        for state in &states {
            self.b.switch_to(*state);
            let mark = self.mark();
            let left = self.b.params(*state)[0];
            self.add_params(*state);
            for _ in 0..self.rng.between(1, 3) {
                self.compute();
                self.cost += 3 * self.times;
            }
            let one = self.b.iconst(Type::I32, 1);
            let rest = self.b.binary(Op::Isub, Type::I32, left, one);
            let go = self.b.create_block();
            let args = self.args(&exit_types);
            self.b.brif(rest, go, &[], exit, &args);
            self.b.switch_to(go);
            self.hop(&states, rest, &types);
            self.back_to(mark);
        }
        self.times = times;
        self.b.switch_to(exit);
        self.add_params(exit);
    }

    /// From a state to one of several others.
    fn hop(&mut self, states: &[Block], rest: Value, types: &[Type]) {
        if self.rng.percent(30) {
            let index = self.value(Type::I32);
            let edges: Vec<(Block, Vec<Value>)> = (0..self.rng.between(2, 5))
                .map(|_| (self.rng.pick(states), self.state_args(rest, types)))
                .collect();
            let slices: Vec<(Block, &[Value])> = edges
                .iter()
                .map(|(block, args)| (*block, &args[..]))
                .collect();
            return self.b.br_table(index, &slices);
        }
        let cond = self.condition();
        let (a, b) = (self.rng.pick(states), self.rng.pick(states));
        let [first, second] = [self.state_args(rest, types), self.state_args(rest, types)];
        self.b.brif(cond, a, &first, b, &second);
    }

    fn state_args(&mut self, count: Value, types: &[Type]) -> Vec<Value> {
        let mut args = vec![count];
        args.extend(self.args(&types[1..]));
        args
    }
}

/// What the end of a round needs.
struct Latch<'l> {
    header: Block,
    types: &'l [Type],
    exit: Block,
    exit_types: &'l [Type],
    /// The counter, and what it is compared with.
    at: Value,
    bound: Value,
    counts_up: bool,
}
