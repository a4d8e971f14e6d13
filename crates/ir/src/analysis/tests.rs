//! Each analysis against a plain definition of what it computes, on random graphs.

use std::collections::BTreeSet;

use super::*;
use crate::entity::{Block, Inst, Value};
use crate::function::{BlockData, EdgeData, Function, InstData};
use crate::ops::Op;
use crate::types::Type;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        ((self.0 >> 33) % bound.max(1) as u64) as usize
    }
}

/// Successors of each block; none leads to the entry.
type Graph = Vec<Vec<usize>>;

fn random_graph(random: &mut Random) -> Graph {
    let blocks = 1 + random.below(12);
    // Mostly forward edges, near ones, or anything: loops, nests, irreducible cycles.
    let style = random.below(3);
    (0..blocks)
        .map(|block| {
            let count = if blocks == 1 { 0 } else { random.below(4) };
            (0..count)
                .map(|_| match style {
                    0 if block + 1 < blocks && random.below(4) > 0 => {
                        block + 1 + random.below(blocks - block - 1)
                    }
                    1 => (block + random.below(4))
                        .saturating_sub(1)
                        .clamp(1, blocks - 1),
                    _ => 1 + random.below(blocks - 1),
                })
                .collect()
        })
        .collect()
}

/// The blocks reachable from `from` without passing through `without`.
fn reach(graph: &Graph, from: usize, without: Option<usize>) -> BTreeSet<usize> {
    let (mut seen, mut work) = (BTreeSet::new(), vec![from]);
    while let Some(block) = work.pop() {
        if Some(block) != without && seen.insert(block) {
            work.extend(&graph[block]);
        }
    }
    seen
}

fn dominates(graph: &Graph, a: usize, b: usize) -> bool {
    !reach(graph, 0, Some(a)).contains(&b)
}

/// A function of this shape. Each block has a parameter or none, and a few sums of values that are
/// defined where they are used.
fn function(graph: &Graph, random: &mut Random) -> Function {
    let mut f = Function {
        blocks: Vec::new(),
        insts: Vec::new(),
        results: Vec::new(),
        value_types: Vec::new(),
        edges: Vec::new(),
        list: Vec::new(),
        slots: Vec::new(),
    };
    let mut next = 0;
    let mut sums = Vec::new();
    let mut params = Vec::new();
    for block in 0..graph.len() {
        params.push(u32::from(block == 0 || random.below(2) == 0));
        sums.push(random.below(4) as u32);
    }
    let first = |block: usize| -> u32 { (0..block).map(|b| params[b] + sums[b]).sum() };
    let reachable = reach(graph, 0, None);
    // Any value that is defined before `limit` of a block.
    let visible = |random: &mut Random, block: usize, limit: u32| -> u32 {
        let mut choices: Vec<u32> = (first(block)..limit).collect();
        for other in 0..graph.len() {
            let strict = other != block && reachable.contains(&block);
            if strict && reachable.contains(&other) && dominates(graph, other, block) {
                choices.extend(first(other)..first(other + 1));
            }
        }
        choices
            .get(random.below(choices.len()))
            .copied()
            .unwrap_or(0)
    };
    for (block, successors) in graph.iter().enumerate() {
        let first_inst = Inst(f.insts.len() as u32);
        let first_param = Value(next);
        next += params[block];
        for _ in 0..sums[block] {
            let mut inst = InstData::new(Op::Iadd, Type::I32);
            inst.a = visible(random, block, next);
            inst.b = visible(random, block, next);
            f.insts.push(inst);
            f.results.push(Value(next));
            next += 1;
        }
        let op = if successors.is_empty() {
            Op::Return
        } else {
            Op::BrTable
        };
        let mut inst = InstData::new(op, Type::I8);
        if op == Op::BrTable {
            inst.a = visible(random, block, next);
            inst.b = f.edges.len() as u32;
            inst.c = successors.len() as u32;
        }
        for target in successors {
            let start = f.list.len() as u32;
            for _ in 0..params[*target] {
                f.list.push(Value(visible(random, block, next)));
            }
            let (block, len) = (Block(*target as u32), params[*target]);
            f.edges.push(EdgeData { block, start, len });
        }
        f.insts.push(inst);
        f.results.push(Value(next));
        f.blocks.push(BlockData {
            first_param,
            param_count: params[block],
            first_inst,
            end_inst: Inst(f.insts.len() as u32),
        });
    }
    f.value_types = vec![Type::I32; next as usize];
    f
}

/// Runs a check on many graphs, with buffers that are used again.
fn on_random_functions(mut check: impl FnMut(&Graph, &Function, &Cfg, &Dominators)) {
    let (mut cfg, mut dominators) = (Cfg::default(), Dominators::default());
    for seed in 0..3000 {
        let mut random = Random(seed);
        let graph = random_graph(&mut random);
        let function = function(&graph, &mut random);
        cfg.compute(&function);
        dominators.compute(&cfg);
        println!("seed {seed}: {graph:?}");
        check(&graph, &function, &cfg, &dominators);
    }
}

#[test]
fn predecessors_and_reverse_post_order() {
    on_random_functions(|graph, function, cfg, dominators| {
        let reachable = reach(graph, 0, None);
        assert_eq!(cfg.rpo().len(), reachable.len());
        for block in function.blocks() {
            let mut preds = Vec::new();
            for (source, targets) in graph.iter().enumerate() {
                let hits = targets.iter().filter(|t| **t == block.index());
                preds.extend(hits.map(|_| Block(source as u32)));
            }
            assert_eq!(cfg.preds(block), preds);
            assert_eq!(cfg.is_reachable(block), reachable.contains(&block.index()));
            if let Some(idom) = dominators.idom(block) {
                assert!(cfg.rpo_index(idom) < cfg.rpo_index(block));
            }
        }
    });
}

#[test]
fn dominators_are_the_blocks_that_cut_all_paths() {
    on_random_functions(|graph, function, _, dominators| {
        let reachable = reach(graph, 0, None);
        for b in function.blocks() {
            for a in function.blocks() {
                let expected = !reachable.contains(&b.index())
                    || reachable.contains(&a.index()) && dominates(graph, a.index(), b.index());
                assert_eq!(dominators.dominates(a, b), expected, "{a} {b}");
            }
            // The immediate one is the strict dominator that all others dominate.
            let strict = |a: &Block| *a != b && dominators.dominates(*a, b);
            let expected = function.blocks().filter(strict).find(|a| {
                let others = function.blocks().filter(strict);
                others
                    .into_iter()
                    .all(|other| dominators.dominates(other, *a))
            });
            let expected = expected.filter(|_| reachable.contains(&b.index()));
            assert_eq!(dominators.idom(b), expected, "{b}");
        }
    });
}

#[test]
fn loops_are_what_reaches_a_back_edge_and_meet_every_cycle() {
    on_random_functions(|graph, function, cfg, dominators| {
        let loops = Loops::new(cfg, dominators);
        let reachable = reach(graph, 0, None);
        let mut depth = vec![0; graph.len()];
        let mut cut = BTreeSet::new();
        for header in reachable.iter().copied() {
            let sources: Vec<_> = reachable
                .iter()
                .filter(|s| graph[**s].contains(&header) && dominates(graph, header, **s))
                .collect();
            let is_header = !sources.is_empty();
            assert_eq!(loops.is_header(Block(header as u32)), is_header);
            if !is_header {
                continue;
            }
            cut.insert(header);
            for block in &reachable {
                let inside = *block == header
                    || sources
                        .iter()
                        .any(|s| reach(graph, *block, Some(header)).contains(s));
                depth[*block] += u32::from(inside);
            }
        }
        for block in function.blocks() {
            assert_eq!(loops.depth(block), depth[block.index()], "{block}");
        }
        for (index, data) in loops.loops().iter().enumerate() {
            assert!(data.parent.is_none_or(|parent| parent as usize > index));
        }
        cut.extend(loops.irreducible_targets().iter().map(|b| b.index()));
        let rest: Graph = graph
            .iter()
            .map(|targets| {
                let kept = targets.iter().copied().filter(|t| !cut.contains(t));
                kept.collect()
            })
            .collect();
        for block in &reachable {
            let again = rest[*block]
                .iter()
                .any(|t| reach(&rest, *t, None).contains(block));
            assert!(!again, "a cycle through {block} is not met");
        }
    });
}

/// Every position at which a value is live, by walking from each use back to the definition.
fn live_positions(f: &Function, cfg: &Cfg, live: &Liveness, value: Value) -> BTreeSet<u32> {
    let mut positions = BTreeSet::new();
    let mut live_out = BTreeSet::new();
    let mut work = Vec::new();
    let defined = live.range(value).start;
    for block in live.order().iter().copied() {
        for inst in f.insts(block) {
            let data = f.inst(inst);
            let in_edges = f.edges(data).iter().flat_map(|e| f.edge_args(e));
            if f.operands(data)
                .chain(in_edges.copied())
                .any(|v| v == value)
            {
                work.push((block, live.position(f, block, inst)));
            }
        }
    }
    while let Some((block, last)) = work.pop() {
        let start = live.block_start(block);
        if (start..=last).contains(&defined) {
            positions.extend(defined..=last);
            continue;
        }
        positions.extend(start..=last);
        for pred in cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)) {
            if live_out.insert(*pred) {
                work.push((*pred, live.position(f, *pred, f.terminator(*pred))));
            }
        }
    }
    positions
}

#[test]
fn live_ranges_cover_every_live_position() {
    let mut live = Liveness::default();
    on_random_functions(|_, function, cfg, dominators| {
        live.compute(function, cfg, dominators);
        assert_eq!(live.order().len(), cfg.rpo().len());
        for block in live.order() {
            for value in function.params(*block) {
                assert_eq!(live.range(value).start, live.block_start(*block));
            }
        }
        for index in 0..function.value_count() {
            let (value, range) = (Value(index as u32), live.range(Value(index as u32)));
            let positions = live_positions(function, cfg, &live, value);
            assert_eq!(positions.is_empty(), range.uses == 0, "{value}");
            for position in positions {
                assert!(
                    (range.start..=range.end).contains(&position),
                    "{value} is live at {position}, outside {range:?}"
                );
            }
        }
    });
}

/// The positions of [`Intervals`] at which a value is live, by walking from each use back to the
/// definition: those of the instructions before which it is needed.
fn needed_positions(f: &Function, cfg: &Cfg, intervals: &Intervals, value: Value) -> BTreeSet<u32> {
    let mut positions = BTreeSet::new();
    let mut live_out = BTreeSet::new();
    let mut work = Vec::new();
    for block in intervals.order().iter().copied() {
        for (index, inst) in f.inst_slice(block).iter().enumerate() {
            let in_edges = f.edges(inst).iter().flat_map(|e| f.edge_args(e));
            if f.operands(inst)
                .chain(in_edges.copied())
                .any(|v| v == value)
            {
                work.push((block, intervals.block_start(block) + index as u32));
            }
        }
    }
    while let Some((block, last)) = work.pop() {
        let start = intervals.block_start(block);
        let is_param = f.params(block).any(|param| param == value);
        let defined = f
            .insts(block)
            .position(|inst| f.results(inst).any(|r| r == value));
        if is_param {
            positions.extend(start..=last);
            continue;
        }
        if let Some(at) = defined
            .map(|index| start + index as u32)
            .filter(|at| *at < last)
        {
            positions.extend(at + 1..=last);
            continue;
        }
        positions.extend(start..=last);
        for pred in cfg.preds(block).iter().filter(|p| cfg.is_reachable(**p)) {
            if live_out.insert(*pred) {
                let len = f.inst_slice(*pred).len() as u32;
                work.push((*pred, intervals.block_start(*pred) + len - 1));
            }
        }
    }
    positions
}

#[test]
fn intervals_cover_every_position_at_which_a_value_is_needed() {
    let mut intervals = Intervals::default();
    on_random_functions(|_, function, cfg, _| {
        intervals.compute(function, |inst| inst.op == Op::Return);
        let order: BTreeSet<Block> = intervals.order().iter().copied().collect();
        let reachable: BTreeSet<Block> = cfg.rpo().iter().copied().collect();
        assert_eq!(order, reachable);
        let returns = order
            .iter()
            .map(|block| function.inst(function.terminator(*block)));
        let returns = returns.filter(|inst| inst.op == Op::Return).count();
        assert_eq!(intervals.marked().len(), returns);
        for index in 0..function.value_count() {
            let value = Value(index as u32);
            let defines = |block: &Block| {
                let mut values = function
                    .insts(*block)
                    .flat_map(|inst| function.results(inst));
                function.params(*block).any(|v| v == value) || values.any(|v| v == value)
            };
            if !order.iter().any(defines) {
                continue;
            }
            let interval = intervals.interval(value);
            let positions = needed_positions(function, cfg, &intervals, value);
            assert_eq!(positions.is_empty(), interval.uses() == 0, "{value}");
            for position in positions {
                assert!(
                    (interval.start..=interval.end).contains(&position),
                    "{value} is needed at {position}, outside {interval:?}"
                );
            }
        }
    });
}

#[test]
fn arguments_and_parameters_have_affinities() {
    let source = "func @f(i32, i32) {\nblock0(v0: i32, v1: i32):\n jump block1(v0)\n\
                  block1(v2: i32):\n v3 = iadd.i32 v2, v1\n brif v3, block1(v3), block2\n\
                  block2:\n trap unreachable\n}";
    let module = crate::parse_module(source).expect("valid").module;
    let f = module.funcs[0].body().expect("a body");
    let mut intervals = Intervals::default();
    intervals.compute(f, |_| false);
    assert_eq!(intervals.affinity(Value(2)), Some(Value(0)));
    assert_eq!(intervals.affinity(Value(3)), Some(Value(2)));
    assert_eq!(intervals.affinity(Value(1)), None);
    assert!(intervals.is_cold(Block(2)) && !intervals.is_cold(Block(1)));
    assert_eq!(
        intervals.interval(Value(1)).end,
        2,
        "to the end of the loop"
    );
    assert_eq!(intervals.interval(Value(1)).weight(), 8);
}

#[test]
fn regions_know_their_ends_and_what_they_use_from_outside() {
    let source = "func @f(i32, i32) {\nblock0(v0: i32, v1: i32):\n jump block1(v0)\n\
                  block1(v2: i32):\n v3 = isub.i32 v2, v1\n brif v3, block1(v3), block2\n\
                  block2:\n v4 = imul.i32 v0, v1\n jump block3(v4)\n\
                  block3(v5: i32):\n v6 = isub.i32 v5, v1\n v7 = isub.i32 v6, v0\n\
                  brif v7, block3(v6), block4\nblock4:\n return\n}";
    let module = crate::parse_module(source).expect("valid").module;
    let f = module.funcs[0].body().expect("a body");
    let mut intervals = Intervals::default();
    intervals.compute(f, |_| false);
    assert!(intervals.has_regions());
    let preds = [0, 1, 2, 3, 4].map(|block| intervals.pred_count(Block(block)));
    assert_eq!(preds, [0, 2, 1, 2, 1]);
    // Positions: block0 at 0; block1 at 1 and 2; block2 at 3 and 4; block3 from 5 to 7; block4 at 8.
    let ends = [0, 1, 2, 3, 4].map(|block| intervals.region_end(Block(block)));
    assert_eq!(ends, [None, Some(2), None, Some(7), None]);
    let used = |first, last| {
        let uses = intervals.invariants(first, last).iter();
        uses.map(|u| (u.position, u.value)).collect::<Vec<_>>()
    };
    assert_eq!(used(1, 2), [(1, Value(1))]);
    assert_eq!(used(3, 4), [], "no region is around these");
    let second = [(5, Value(1)), (6, Value(0))];
    assert_eq!(
        used(5, 7),
        second,
        "the first one is also the last one before"
    );
    let mut longer = intervals.clone();
    longer.prolong(Value(4), 6);
    longer.prolong(Value(1), 0);
    assert_eq!(longer.interval(Value(4)).end, 6);
    assert_eq!(longer.interval(Value(1)).end, 7, "no shorter than before");
    assert_eq!(longer.interval(Value(4)).uses(), 1);
}

#[test]
fn a_loop_keeps_alive_what_it_uses_and_nothing_of_its_own() {
    let source = "func @f(i32, i32) {\nblock0(v0: i32, v1: i32):\n jump block1(v0)\n\
                  block1(v2: i32):\n v3 = iadd.i32 v2, v1\n brif v3, block2, block3\n\
                  block2:\n jump block1(v3)\nblock3:\n return\n}";
    let module = crate::parse_module(source).expect("valid").module;
    let f = module.funcs[0].body().expect("a body");
    let cfg = Cfg::new(f);
    let live = Liveness::new(f, &cfg, &Dominators::new(&cfg));
    let range = |v: u32| (live.range(Value(v)).start, live.range(Value(v)).end);
    // Positions: block0 at 0, jump 1; block1 at 2, iadd 3, brif 4; block2 at 5, jump 6.
    assert_eq!(range(0), (0, 1));
    assert_eq!(range(1), (0, 6), "used in every iteration");
    assert_eq!((range(2), range(3)), ((2, 3), (3, 6)));
    assert_eq!(live.range(Value(3)).uses, 2);
}

/// Shapes that make naive algorithms quadratic or deep.
#[test]
fn large_functions_take_linear_time_and_no_stack() {
    let blocks = 100_000;
    let ladder: Graph = (0..blocks)
        .map(|b| match b + 1 < blocks {
            true => vec![b + 1, blocks - 1],
            false => vec![],
        })
        .collect();
    let nest: Graph = (0..blocks)
        .map(|b| match b {
            _ if b + 1 == blocks => vec![],
            _ if b > blocks / 2 => vec![b + 1, blocks - b],
            _ => vec![b + 1],
        })
        .collect();
    // Back edges that cross: each leads a bit later than the one before.
    let crossing: Graph = (0..blocks)
        .map(|b| match b {
            _ if b + 1 == blocks => vec![],
            _ if b > blocks / 2 => vec![b + 1, b - blocks / 2],
            _ => vec![b + 1],
        })
        .collect();
    for graph in [ladder, nest, crossing] {
        let mut f = Function {
            blocks: Vec::new(),
            insts: Vec::new(),
            results: Vec::new(),
            value_types: vec![Type::I32],
            edges: Vec::new(),
            list: Vec::new(),
            slots: Vec::new(),
        };
        for (index, targets) in graph.iter().enumerate() {
            let op = if targets.is_empty() {
                Op::Return
            } else {
                Op::BrTable
            };
            let mut inst = InstData::new(op, Type::I8);
            if !targets.is_empty() {
                (inst.b, inst.c) = (f.edges.len() as u32, targets.len() as u32);
            }
            f.edges.extend(targets.iter().map(|t| EdgeData {
                block: Block(*t as u32),
                start: 0,
                len: 0,
            }));
            f.insts.push(inst);
            f.results.push(Value(1));
            f.blocks.push(BlockData {
                first_param: Value(u32::from(index > 0)),
                param_count: u32::from(index == 0),
                first_inst: Inst(index as u32),
                end_inst: Inst(index as u32 + 1),
            });
        }
        let began = std::time::Instant::now();
        let cfg = Cfg::new(&f);
        let dominators = Dominators::new(&cfg);
        let loops = Loops::new(&cfg, &dominators);
        let live = Liveness::new(&f, &cfg, &dominators);
        assert!(live.order().len() == blocks && loops.loops().len() <= blocks);
        let mut intervals = Intervals::default();
        intervals.compute(&f, |_| false);
        assert_eq!(intervals.order().len(), blocks);
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
