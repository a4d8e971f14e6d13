//! How many values of its own a loop has live at once, at most.
//!
//! Its own are those that are defined in it, parameters of its header included. They are counted from live
//! intervals, in one pass over the instructions that are in loops: definitions stand in the order of
//! positions, and a value from outside that is used in a loop lives to its end, so that between its
//! beginning and any place inside only its own values come and go. A value that is made anew wherever it is
//! wanted does not count.

use bakeoff_ir::analysis::Intervals;
use bakeoff_ir::{Block, Function, Op, Value};

use crate::location::Class;

/// The greatest numbers of integers and floats that are live at once.
pub(crate) type Peak = [u32; 2];

/// The peaks of a function's loops.
#[derive(Default)]
pub(crate) struct Pressure {
    /// How many values end before each position: integers in the low half, floats in the high one.
    ends: Vec<u64>,
    /// The end of the outermost region that the walk is in: what lives longer is not counted beyond.
    outermost_end: u32,
    /// The regions that the walk is in.
    open: Vec<Open>,
    /// By block: the peak of the region that begins with it.
    peaks: Vec<Peak>,
}

/// A region that the walk is in.
struct Open {
    header: Block,
    end: u32,
    /// What was live when it began, of the regions around it.
    before: u64,
    peak: Peak,
}

fn larger(a: Peak, b: Peak) -> Peak {
    [a[0].max(b[0]), a[1].max(b[1])]
}

impl Pressure {
    /// The peak of the region that begins with a block; 0 if none does.
    pub(crate) fn peak(&self, header: Block) -> Peak {
        self.peaks.get(header.index()).copied().unwrap_or_default()
    }

    /// Bytes of heap memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        8 * (self.ends.capacity() + self.peaks.capacity())
    }

    /// Computes the peaks of another function.
    pub(crate) fn compute(
        &mut self,
        function: &Function,
        intervals: &Intervals,
        is_made: impl Fn(Op) -> bool,
    ) {
        self.peaks.clear();
        if !intervals.has_regions() {
            return;
        }
        self.peaks.resize(function.block_count(), Peak::default());
        self.ends.clear();
        self.ends.resize(function.inst_count() + 2, 0);
        let mut open = std::mem::take(&mut self.open);
        let mut live = 0;
        for block in intervals.order() {
            let start = intervals.block_start(*block);
            self.close_before(&mut open, start);
            if let Some(end) = intervals.region_end(*block) {
                if open.is_empty() {
                    // What lives on from a loop before is nobody's any more.
                    (live, self.outermost_end) = (0, end);
                    self.ends[start as usize] = 0;
                }
                open.push(Open {
                    header: *block,
                    end,
                    before: live,
                    peak: Peak::default(),
                });
            } else if open.is_empty() {
                continue;
            }
            let peak = self.walk(function, intervals, *block, start, &mut live, &is_made);
            if let Some(inner) = open.last_mut() {
                inner.peak = larger(inner.peak, peak);
            }
        }
        self.close_before(&mut open, u32::MAX);
        self.open = open;
    }

    /// The peak of a block; `live` are those before it, and then those behind it.
    fn walk(
        &mut self,
        function: &Function,
        intervals: &Intervals,
        block: Block,
        start: u32,
        live: &mut u64,
        is_made: &impl Fn(Op) -> bool,
    ) -> Peak {
        for param in function.params(block) {
            *live += self.begin(function, intervals, param.0);
        }
        let data = function.block(block);
        let range = data.first_inst.index()..data.end_inst.index() - 1;
        let insts = function.inst_slice(block).iter();
        // Every instruction but the terminator is followed by one of its own block.
        let ends = &function.first_results()[range.start + 1..range.end + 1];
        let mut next = data.first_param.0 + data.param_count;
        let mut position = start as usize;
        let (mut ints, mut floats) = (*live as u32, (*live >> 32) as u32);
        for (inst, end) in insts.zip(ends) {
            *live -= self.ends[position];
            position += 1;
            let first = std::mem::replace(&mut next, end.0);
            if first == next || is_made(inst.op) {
                continue;
            }
            for value in first..next {
                *live += self.begin(function, intervals, value);
            }
            (ints, floats) = (ints.max(*live as u32), floats.max((*live >> 32) as u32));
        }
        *live -= self.ends[position];
        [ints, floats]
    }

    /// What a value adds to those that are live; notes its end.
    #[inline]
    fn begin(&mut self, function: &Function, intervals: &Intervals, value: u32) -> u64 {
        let value = Value(value);
        let one = 1 << (32 * Class::of(function.value_type(value)) as u32);
        let end = intervals.interval(value).end.min(self.outermost_end);
        self.ends[end as usize + 1] += one;
        one
    }

    fn close_before(&mut self, open: &mut Vec<Open>, position: u32) {
        while let Some(inner) = open.pop_if(|inner| inner.end < position) {
            let [ints, floats] = inner.peak;
            self.peaks[inner.header.index()] = [
                ints.saturating_sub(inner.before as u32),
                floats.saturating_sub((inner.before >> 32) as u32),
            ];
            if let Some(outer) = open.last_mut() {
                outer.peak = larger(outer.peak, inner.peak);
            }
        }
    }
}
