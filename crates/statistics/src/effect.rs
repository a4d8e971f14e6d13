//! How seldom two samples overlap.

use crate::Series;

/// Cliff's delta: the probability that a value of `a` exceeds one of `b`, less that of the opposite; from -1 to 1, 0
/// if neither tends to be larger (Cliff, "Dominance statistics", 1993). Vargha and Delaney's A is (delta + 1)/2.
///
/// It stands beside a ratio because it says another thing: a ratio says how much slower, and its interval how well that
/// is known, which more samples improve without end; delta says whether single runs differ visibly. A ratio of 1.01 may
/// be known beyond doubt, and still nobody will ever notice it (|delta| small). All values of all processes are
/// compared; it is a description, and no interval is made of it. `None` if a side is empty or has a value that is not a
/// number.
pub fn cliffs_delta(a: &Series, b: &Series) -> Option<f64> {
    let sorted = |series: &Series| {
        let mut values: Vec<f64> = series.iter().flatten().copied().collect();
        values.sort_by(f64::total_cmp);
        let usable = !values.is_empty() && values.iter().all(|v| !v.is_nan());
        usable.then_some(values)
    };
    let (a, b) = (sorted(a)?, sorted(b)?);
    let balance = |x: &f64| {
        let less = b.partition_point(|y| y < x) as f64;
        let greater = (b.len() - b.partition_point(|y| y <= x)) as f64;
        less - greater
    };
    let sum: f64 = a.iter().map(balance).sum();
    Some(sum / (a.len() as f64 * b.len() as f64))
}

/// The usual names of sizes of Cliff's delta (Romano et al., "Appropriate statistics for ordinal level data", 2006).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Magnitude {
    /// Below 0.147.
    Negligible,
    /// Below 0.33.
    Small,
    /// Below 0.474.
    Medium,
    /// From 0.474 on.
    Large,
}

impl Magnitude {
    /// That of a delta, whatever its sign.
    pub fn of(delta: f64) -> Magnitude {
        match delta.abs() {
            d if d < 0.147 => Magnitude::Negligible,
            d if d < 0.33 => Magnitude::Small,
            d if d < 0.474 => Magnitude::Medium,
            _ => Magnitude::Large,
        }
    }

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Magnitude::Negligible => "negligible",
            Magnitude::Small => "small",
            Magnitude::Medium => "medium",
            Magnitude::Large => "large",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dominance_is_counted() {
        let a = [vec![1.0, 2.0], vec![3.0]];
        let b = [vec![2.0], vec![4.0]];
        // 1<2, 1<4, 2=2, 2<4, 3>2, 3<4: one above, four below, of six.
        assert_eq!(cliffs_delta(&a, &b), Some(-0.5));
        assert_eq!(cliffs_delta(&b, &a), Some(0.5));
        assert_eq!(cliffs_delta(&a, &a), Some(0.0));
        assert_eq!(cliffs_delta(&[vec![5.0]], &[vec![1.0]]), Some(1.0));
        assert_eq!(cliffs_delta(&[], &a), None);
        assert_eq!(cliffs_delta(&[vec![f64::NAN]], &a), None);
    }

    #[test]
    fn names_of_magnitudes() {
        let names: Vec<_> = [0.1, -0.2, 0.4, -0.5]
            .map(|d| Magnitude::of(d).name())
            .to_vec();
        assert_eq!(names, ["negligible", "small", "medium", "large"]);
    }
}
