//! A nest of regions: intervals of an order that edges lead back over, widened until they are nested or
//! disjoint. What a region is for is said in [`Liveness`](super::Liveness).
//!
//! Regions are opened in the order of their starts. One that reaches beyond the region around it widens
//! that; it does so only when it is closed, so that a region is widened once for each one directly inside.

use super::cfg::NONE;

/// A region, from `start` to `end`, both included, in whatever unit the analysis counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) start: u32,
    pub(super) end: u32,
    parent: u32,
    depth: u32,
    /// An ancestor further up, so that a climb takes logarithmically many steps.
    jump: u32,
}

/// The regions of a function, outer ones before those inside.
#[derive(Clone, Debug, Default)]
pub(super) struct Regions {
    regions: Vec<Region>,
    /// Those that the place reached so far is in, the innermost last.
    open: Vec<u32>,
}

impl Regions {
    pub(super) fn clear(&mut self) {
        self.regions.clear();
        self.open.clear();
    }

    /// Closes the regions that end before this place.
    pub(super) fn close_before(&mut self, place: u32) {
        while let Some(open) = self.open.last() {
            let Region { end, parent, .. } = self.regions[*open as usize];
            if end >= place {
                return;
            }
            self.open.pop();
            if let Some(outer) = self.regions.get_mut(parent as usize) {
                outer.end = outer.end.max(end);
            }
        }
    }

    /// Opens a region inside the innermost open one.
    pub(super) fn open(&mut self, start: u32, end: u32) {
        let this = self.regions.len() as u32;
        let parent = self.innermost();
        let (depth, jump) = match self.regions.get(parent as usize) {
            None => (0, this),
            Some(above) => {
                let first = self.regions[above.jump as usize];
                let second = self.regions[first.jump as usize];
                let even = above.depth - first.depth == first.depth - second.depth;
                (above.depth + 1, if even { first.jump } else { parent })
            }
        };
        self.regions.push(Region {
            start,
            end,
            parent,
            depth,
            jump,
        });
        self.open.push(this);
    }

    /// The innermost open region, or `NONE`.
    pub(super) fn innermost(&self) -> u32 {
        self.open.last().copied().unwrap_or(NONE)
    }

    /// How many regions are open.
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// A region; none for `NONE`.
    #[inline]
    pub(super) fn get(&self, region: u32) -> Option<&Region> {
        self.regions.get(region as usize)
    }

    /// All regions, to change the unit in which they count.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Region> {
        self.regions.iter_mut()
    }

    /// The end of the outermost region from `region` outwards that begins behind `definition`; none if
    /// none does.
    pub(super) fn end_behind(&self, region: u32, definition: u32) -> Option<u32> {
        let mut at = *self.get(region)?;
        if at.start <= definition {
            return None;
        }
        loop {
            let jump = self.regions[at.jump as usize];
            if jump.depth < at.depth && jump.start > definition {
                at = jump;
                continue;
            }
            match self.regions.get(at.parent as usize) {
                Some(parent) if parent.start > definition => at = *parent,
                _ => return Some(at.end),
            }
        }
    }

    /// Bytes of heap memory.
    pub(super) fn heap_bytes(&self) -> usize {
        self.regions.capacity() * size_of::<Region>() + self.open.capacity() * size_of::<u32>()
    }
}
