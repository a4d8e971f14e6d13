//! Where labels go, so that they cover neither each other nor what is drawn.
//!
//! Each label may stand in one of many places around its point; the best place for each is looked for in turn, given the
//! places of the others, several times over. That is a descent, not an optimum, and it gives the same each time.

use crate::scene::{Align, Area, Place};
use crate::text::{self, CAP_HEIGHT, DEPTH};

/// A label where it shall be.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// The middle of its height, at the side of `align`.
    pub place: Place,
    /// Which side of it is there.
    pub align: Align,
    /// A line that leads from the label to its point, if it is not beside it.
    pub leader: Option<[Place; 2]>,
    area: Area,
}

/// Places for labels of this size beside points with markers of this radius, within bounds.
pub fn place(
    points: &[(Place, String)],
    size: f64,
    radius: f64,
    obstacles: &[Area],
    bounds: Area,
) -> Vec<Placed> {
    let markers = points
        .iter()
        .map(|(p, _)| Area::around(*p, 2.0 * radius + 2.0, 2.0 * radius + 2.0));
    let obstacles: Vec<Area> = markers.chain(obstacles.iter().copied()).collect();
    let candidates: Vec<Vec<(Placed, f64)>> = points
        .iter()
        .map(|(at, content)| {
            let width = text::width(content, size);
            let all = candidates(*at, width, size, radius).into_iter();
            all.map(|placed| {
                let cost = fixed_cost(&placed, *at, &obstacles, &bounds);
                (placed, cost)
            })
            .collect()
        })
        .collect();
    let mut chosen = vec![0_usize; points.len()];
    for _ in 0..8 {
        for label in 0..points.len() {
            let cost = |candidate: usize| {
                let (placed, fixed) = &candidates[label][candidate];
                let others = (0..points.len()).filter(|other| *other != label);
                let others = others.map(|other| &candidates[other][chosen[other]].0);
                fixed + others.map(|other| conflict(placed, other)).sum::<f64>()
            };
            let best = (0..candidates[label].len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
            chosen[label] = best.unwrap_or(0);
        }
    }
    let pairs = candidates.into_iter().zip(chosen);
    pairs
        .map(|(mut all, index)| all.swap_remove(index).0)
        .collect()
}

/// Beside the point first, then on rings around it, with a leader.
fn candidates((x, y): Place, width: f64, size: f64, radius: f64) -> Vec<Placed> {
    let height = (CAP_HEIGHT + 2.0 * DEPTH) * size;
    let mut all = Vec::new();
    let mut add = |dx: f64, dy: f64, align: Align, leader: bool| {
        let place = (x + dx, y + dy);
        let left = match align {
            Align::Start => place.0,
            Align::Middle => place.0 - width / 2.0,
            Align::End => place.0 - width,
        };
        let area = Area {
            left,
            top: place.1 - height / 2.0,
            width,
            height,
        };
        let end = match align {
            Align::Start => (place.0 - 1.0, place.1),
            Align::End => (place.0 + 1.0, place.1),
            Align::Middle => (place.0, place.1 - dy.signum() * height / 2.0),
        };
        let leader = leader.then_some([(x, y), end]);
        all.push(Placed {
            place,
            align,
            leader,
            area,
        });
    };
    let near = radius + 2.5;
    let over = radius + 1.5 + height / 2.0;
    add(near, 0.0, Align::Start, false);
    add(-near, 0.0, Align::End, false);
    add(0.0, -over, Align::Middle, false);
    add(0.0, over, Align::Middle, false);
    for (dx, dy) in [(1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0)] {
        let align = if dx > 0.0 { Align::Start } else { Align::End };
        add(dx * near * 0.6, dy * over * 0.75, align, false);
    }
    for ring in 1..=11 {
        let distance = near + 7.0 * f64::from(ring);
        for step in -5..=5 {
            let angle = f64::from(step) * std::f64::consts::PI / 12.0;
            let (dx, dy) = (distance * angle.cos(), distance * angle.sin());
            add(dx, dy, Align::Start, true);
            add(-dx, dy, Align::End, true);
        }
        add(0.0, -over - 7.0 * f64::from(ring), Align::Middle, true);
        add(0.0, over + 7.0 * f64::from(ring), Align::Middle, true);
    }
    all
}

fn fixed_cost(placed: &Placed, at: Place, obstacles: &[Area], bounds: &Area) -> f64 {
    let area = placed.area;
    let inside = area.overlap(bounds);
    let outside = area.width * area.height - inside;
    let covered: f64 = obstacles.iter().map(|o| area.overlap(o)).sum();
    let far = (placed.place.0 - at.0).hypot(placed.place.1 - at.1);
    let leader = placed.leader.map_or(0.0, |line| {
        let crossed = obstacles.iter().filter(|o| crosses(line, o, at)).count();
        6.0 + 12.0 * crossed as f64
    });
    outside * 10.0 + covered * 4.0 + far * 0.4 + leader
}

fn conflict(a: &Placed, b: &Placed) -> f64 {
    let mut cost = a.area.overlap(&b.area) * 6.0;
    for (line, area) in [(a.leader, b.area), (b.leader, a.area)] {
        if line.is_some_and(|line| crosses(line, &area, line[0])) {
            cost += 30.0;
        }
    }
    if let (Some(a), Some(b)) = (a.leader, b.leader)
        && cross(a, b)
    {
        cost += 30.0;
    }
    cost
}

/// Whether a line goes through an area that its own beginning is not in.
fn crosses([from, to]: [Place; 2], area: &Area, own: Place) -> bool {
    let contains =
        |(x, y): Place| x > area.left && x < area.right() && y > area.top && y < area.bottom();
    if contains(own) {
        return false;
    }
    let step = |i: i32| {
        let share = f64::from(i) / 16.0;
        (
            from.0 + (to.0 - from.0) * share,
            from.1 + (to.1 - from.1) * share,
        )
    };
    (1..16).map(step).any(contains)
}

/// Whether two lines cross.
fn cross([a, b]: [Place; 2], [c, d]: [Place; 2]) -> bool {
    let side = |p: Place, q: Place, r: Place| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

/// Heights as near to those wanted as they can be with this distance between them, in the same order.
///
/// It is isotonic regression (pool adjacent violators; Barlow et al., "Statistical Inference under Order Restrictions",
/// 1972) on the heights less what the distances add.
pub fn spread(wanted: &[f64], distance: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, index) in order.iter().enumerate() {
        let mut pool = (wanted[*index] - rank as f64 * distance, 1);
        while let Some(last) = pools.last().filter(|last| last.0 > pool.0) {
            let count = last.1 + pool.1;
            let mean = (last.0 * last.1 as f64 + pool.0 * pool.1 as f64) / count as f64;
            pool = (mean, count);
            pools.pop();
        }
        pools.push(pool);
    }
    let levels = pools
        .iter()
        .flat_map(|(level, count)| std::iter::repeat_n(*level, *count));
    let mut heights = vec![0.0; wanted.len()];
    for ((rank, index), level) in order.iter().enumerate().zip(levels) {
        heights[*index] = level + rank as f64 * distance;
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_spread_and_stays_within_bounds() {
        let bounds = Area {
            left: 0.0,
            top: 0.0,
            width: 300.0,
            height: 200.0,
        };
        let points: Vec<(Place, String)> = (0..8)
            .map(|i| {
                let at = (100.0 + f64::from(i % 3), 100.0 + 2.0 * f64::from(i));
                (at, format!("competitor-{i}"))
            })
            .collect();
        let placed = place(&points, 7.0, 2.5, &[], bounds);
        for (i, a) in placed.iter().enumerate() {
            let size = a.area.width * a.area.height;
            assert!((a.area.overlap(&bounds) - size).abs() < 1e-6, "{a:?}");
            for b in &placed[i + 1..] {
                assert!(a.area.overlap(&b.area) < 1.0, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn spreading_keeps_order_and_centre() {
        assert_eq!(spread(&[10.0, 50.0], 8.0), [10.0, 50.0]);
        assert_eq!(spread(&[10.0, 10.0], 8.0), [6.0, 14.0]);
        assert_eq!(spread(&[12.0, 10.0, 11.0], 8.0), [19.0, 3.0, 11.0]);
    }
}
