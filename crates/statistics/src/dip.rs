//! The dip: how far a sample is from the nearest distribution with one mode.
//!
//! ```text
//!  1 ┤              ╭──●   least concave majorant of the upper corners, behind the mode
//!    │          ╭●──╯
//!    │        ╱         straight between: the mode is somewhere here
//!    │   ╭──●
//!  0 ●───╯              greatest convex minorant of the lower corners, before the mode
//! ```

/// The dip of a sample in ascending order (Hartigan and Hartigan, "The Dip Test of Unimodality", 1985): the largest
/// distance between its distribution function and the unimodal one that is nearest to it. From 1/(2n) to 1/4; 0 of
/// nothing.
///
/// The modal interval shrinks until the two hulls are nowhere further apart than the sample is from the hulls outside.
pub(crate) fn dip(sorted: &[f64]) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let steps = Steps::of(sorted);
    let (mut low, mut high) = (0, steps.at.len() - 1);
    // In values, and twice the dip, as all distances below.
    let mut dip = 1.0_f64;
    while low < high {
        let minorant = steps.hull(&steps.before, low, high, |slope, next| slope >= next);
        let majorant = steps.hull(&steps.upto, low, high, |slope, next| slope <= next);
        let gap = |k: usize| {
            steps.height(&majorant, &steps.upto, k) - steps.height(&minorant, &steps.before, k)
        };
        let corners = minorant.iter().chain(&majorant).copied();
        let widest = corners.max_by(|a, b| gap(*a).total_cmp(&gap(*b)));
        let Some(place) = widest.filter(|place| gap(*place) > dip) else {
            break;
        };
        // The last corner of the minorant up to there, and the first of the majorant from there on.
        let left = minorant.iter().copied().filter(|g| *g <= place).max();
        let right = majorant.iter().copied().filter(|l| *l >= place).min();
        let (left, right) = (left.unwrap_or(low), right.unwrap_or(high));
        for k in low..=left {
            dip = dip.max(steps.upto[k] - steps.height(&minorant, &steps.before, k));
        }
        for k in right..=high {
            dip = dip.max(steps.height(&majorant, &steps.upto, k) - steps.before[k]);
        }
        if (left, right) == (low, high) {
            break;
        }
        (low, high) = (left, right);
    }
    dip / (2.0 * sorted.len() as f64)
}

/// A distribution function, times the number of values.
struct Steps {
    /// Where it steps.
    at: Vec<f64>,
    /// How many values are smaller: the lower corner of each step.
    before: Vec<f64>,
    /// How many are not larger: the upper corner.
    upto: Vec<f64>,
}

impl Steps {
    fn of(sorted: &[f64]) -> Steps {
        let mut steps = Steps {
            at: Vec::new(),
            before: Vec::new(),
            upto: Vec::new(),
        };
        for (index, value) in sorted.iter().enumerate() {
            if steps.at.last() != Some(value) {
                steps.at.push(*value);
                steps.before.push(index as f64);
                steps.upto.push(0.0);
            }
            if let Some(upto) = steps.upto.last_mut() {
                *upto = index as f64 + 1.0;
            }
        }
        steps
    }

    fn slope(&self, heights: &[f64], from: usize, to: usize) -> f64 {
        (heights[to] - heights[from]) / (self.at[to] - self.at[from])
    }

    /// The corners of a hull; `bends` tells of two slopes, one behind the other, whether the corner between them is
    /// none.
    fn hull(
        &self,
        heights: &[f64],
        low: usize,
        high: usize,
        bends: impl Fn(f64, f64) -> bool,
    ) -> Vec<usize> {
        let mut corners: Vec<usize> = Vec::new();
        for next in low..=high {
            while let [.., a, b] = corners[..] {
                if !bends(self.slope(heights, a, b), self.slope(heights, b, next)) {
                    break;
                }
                corners.pop();
            }
            corners.push(next);
        }
        corners
    }

    /// The height of a hull above a step.
    fn height(&self, corners: &[usize], heights: &[f64], step: usize) -> f64 {
        let behind = corners.partition_point(|c| *c < step);
        match corners.get(behind) {
            Some(corner) if *corner != step && behind > 0 => {
                let from = corners[behind - 1];
                heights[from] + self.slope(heights, from, *corner) * (self.at[step] - self.at[from])
            }
            _ => heights[step],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn known_dips() {
        assert_eq!(dip(&[]), 0.0);
        assert_eq!(dip(&[3.0]), 0.5);
        assert_eq!(dip(&[3.0, 3.0, 3.0]), 1.0 / 6.0);
        let even: Vec<f64> = (0..20).map(f64::from).collect();
        assert!((dip(&even) - 1.0 / 40.0).abs() < 1e-12);
        // Two heaps far apart: nearly 1/4, which two points of half the weight each have.
        let heaps: Vec<f64> = (0..20)
            .map(|k| f64::from(k) + if k < 10 { 0.0 } else { 1e6 })
            .collect();
        assert!((dip(&heaps) - 0.25).abs() < 1e-3, "{}", dip(&heaps));
        let points = [[0.0; 8], [1.0; 8]].concat();
        assert_eq!(dip(&points), 0.25);
    }

    /// Ratings of professors, from the paper of the test (the data set `statfaculty` of R's package `diptest`): the dip
    /// is 0.0595.
    #[test]
    fn the_example_of_the_paper() {
        let ratings: Vec<f64> = [
            30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41, 42, 43, 43, 43, 44, 44,
            45, 45, 46, 46, 47, 47, 48, 48, 48, 49, 50, 50, 51, 52, 52, 53, 53, 53, 53, 53, 54, 54,
            57, 57, 59, 60, 60, 60, 61, 61, 61, 61, 62, 62, 62, 62, 63, 66, 70, 72, 72,
        ]
        .map(f64::from)
        .to_vec();
        assert!((dip(&ratings) - 0.0595).abs() < 5e-5, "{}", dip(&ratings));
    }

    /// The definition, by search: whether some distribution with its mode at a value is nowhere further away than `d`
    /// values.
    fn feasible(x: &[f64], mode: usize, d: f64) -> bool {
        let n = x.len();
        let (lower, upper) = (|i: usize| i as f64 + 1.0 - d, |i: usize| i as f64 + d);
        // Before the mode it is convex: a line through an upper bound and a later lower bound may not pass an upper bound.
        let mut least = (mode as f64 - d).max(0.0);
        for j in 0..mode {
            if lower(j) > upper(j) {
                return false;
            }
            for i in 0..j {
                let slope = (lower(j) - upper(i)) / (x[j] - x[i]);
                for (k, at) in x.iter().enumerate().take(mode + 1).skip(j) {
                    let value = lower(j) + slope * (at - x[j]);
                    if k == mode {
                        least = least.max(value);
                    }
                    if value > upper(k) + 1e-12 {
                        return false;
                    }
                }
            }
            least = least.max(lower(j));
        }
        // Behind it, the same upside down.
        let mut most = (mode as f64 + 1.0 + d).min(n as f64);
        for j in mode + 1..n {
            if lower(j) > upper(j) {
                return false;
            }
            for i in j + 1..n {
                let slope = (lower(i) - upper(j)) / (x[i] - x[j]);
                for k in mode..j {
                    let value = upper(j) - slope * (x[j] - x[k]);
                    if k == mode {
                        most = most.min(value);
                    }
                    if value < lower(k) - 1e-12 {
                        return false;
                    }
                }
            }
            most = most.min(upper(j));
        }
        least <= (mode as f64 + d) + 1e-12
            && most >= (mode as f64 + 1.0 - d) - 1e-12
            && least <= most + 1e-12
    }

    fn by_definition(x: &[f64]) -> f64 {
        let (mut low, mut high) = (0.0, x.len() as f64);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if (0..x.len()).any(|mode| feasible(x, mode, middle)) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high.max(0.5) / x.len() as f64
    }

    #[test]
    fn the_dip_is_what_its_definition_says() {
        let mut random = Random::new(5);
        for round in 0..60 {
            let count = 3 + random.below(12);
            let mut x: Vec<f64> = (0..count)
                .map(|k| {
                    random.uniform()
                        + if round % 3 == 0 && k % 2 == 0 {
                            2.0
                        } else {
                            0.0
                        }
                })
                .collect();
            x.sort_by(f64::total_cmp);
            let (ours, theirs) = (dip(&x), by_definition(&x));
            assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs} {x:?}");
        }
    }
}
