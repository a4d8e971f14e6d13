//! Comparing what was not measured together: two sessions, two revisions.

use crate::distributions::{student_cdf, student_critical};
use crate::series::{mean, process_logs, squares};
use crate::{Estimate, Series};

/// A ratio of independent measurements.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Change {
    /// New to old.
    pub ratio: Estimate,
    /// The probability of a ratio that is at least as far from 1 as this one if nothing has changed (two-sided).
    pub p: f64,
}

impl Change {
    /// Compares a new series with an old one. `None` if one of them has no location.
    pub fn of(new: &Series, old: &Series, level: f64) -> Option<Change> {
        Change::between(&process_logs(new)?, &process_logs(old)?, level)
    }

    /// Compares two samples of logarithms, one value a process, by Welch's test ("The generalization of 'Student's'
    /// problem when several different population variances are involved", 1947): each side has its own variance and its
    /// own number of processes. Values may be means over programs, or of ratios, since the test only wants processes to
    /// be independent.
    ///
    /// With one process on a side nothing is known of what differs between processes: then the interval is from 0 to
    /// infinity and `p` is 1. `None` if a side is empty.
    pub fn between(new: &[f64], old: &[f64], level: f64) -> Option<Change> {
        if new.is_empty() || old.is_empty() {
            return None;
        }
        let difference = mean(new) - mean(old);
        let value = difference.exp();
        if new.len() < 2 || old.len() < 2 {
            let (low, high) = (0.0, f64::INFINITY);
            let ratio = Estimate { value, low, high };
            return Some(Change { ratio, p: 1.0 });
        }
        let variance = |v: &[f64]| squares(v) / (v.len() as f64 - 1.0) / v.len() as f64;
        let (of_new, of_old) = (variance(new), variance(old));
        let error = (of_new + of_old).sqrt();
        if error == 0.0 {
            let p = if difference == 0.0 { 1.0 } else { 0.0 };
            let ratio = Estimate::exact(value);
            return Some(Change { ratio, p });
        }
        let part = |variance: f64, count: usize| variance * variance / (count as f64 - 1.0);
        let freedom =
            (of_new + of_old).powi(2) / (part(of_new, new.len()) + part(of_old, old.len()));
        let half = student_critical(0.5 * (1.0 - level), freedom) * error;
        let ratio = Estimate {
            value,
            low: (difference - half).exp(),
            high: (difference + half).exp(),
        };
        let p = 2.0 * student_cdf(-(difference / error).abs(), freedom);
        Some(Change { ratio, p })
    }
}

/// Which of many tests found something, so that among those, on average, no more than the share `rate` found nothing
/// real (Benjamini and Hochberg, "Controlling the false discovery rate", 1995). Tests that depend on each other as
/// those of one session do, all the same way, are fine (Benjamini and Yekutieli 2001).
pub fn discoveries(p: &[f64], rate: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let bound = |rank: usize| rate * (rank + 1) as f64 / p.len() as f64;
    let found = (0..p.len())
        .rev()
        .find(|rank| p[order[*rank]] <= bound(*rank));
    let mut is_found = vec![false; p.len()];
    for place in order.iter().take(found.map_or(0, |rank| rank + 1)) {
        is_found[*place] = true;
    }
    is_found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first example in Wikipedia's article on Welch's test: p = 0.02138.
    #[test]
    fn a_published_example() {
        let a = [
            27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7,
            21.4,
        ];
        let b = [
            27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5,
            24.4,
        ];
        let change = Change::between(&a, &b, 0.95).unwrap();
        assert!((change.p - 0.02138).abs() < 5e-6, "{}", change.p);
        assert!(change.ratio.high < 1.0);
    }

    #[test]
    fn the_interval_excludes_1_where_p_is_small() {
        let old = [vec![100.0], vec![101.0], vec![99.0], vec![100.5]];
        for (factor, excludes) in [(1.001, false), (1.05, true), (0.95, true)] {
            let new: Vec<Vec<f64>> = old.iter().map(|v| vec![v[0] * factor]).collect();
            let change = Change::of(&new, &old, 0.95).unwrap();
            assert!((change.ratio.value - factor).abs() < 1e-12);
            assert_eq!(change.p < 0.05, excludes, "{change:?}");
            assert_eq!(!change.ratio.contains(1.0), excludes, "{change:?}");
        }
    }

    #[test]
    fn one_process_cannot_be_compared() {
        let change = Change::of(&[vec![1.0, 2.0]], &[vec![1.0], vec![2.0]], 0.95).unwrap();
        assert_eq!(
            (change.ratio.low, change.ratio.high, change.p),
            (0.0, f64::INFINITY, 1.0)
        );
        assert_eq!(Change::of(&[], &[vec![1.0]], 0.95), None);
    }

    #[test]
    fn what_never_varies_is_known() {
        let old = [vec![4.0], vec![4.0]];
        let same = Change::of(&old, &old, 0.95).unwrap();
        assert_eq!((same.ratio.low, same.ratio.high, same.p), (1.0, 1.0, 1.0));
        let other = Change::of(&[vec![8.0], vec![8.0]], &old, 0.95).unwrap();
        assert_eq!(other.p, 0.0);
    }

    /// The example of Benjamini and Hochberg, section 3.2: of 15 tests, 4 are found at a rate of 0.05.
    #[test]
    fn the_example_of_benjamini_and_hochberg() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0000,
        ];
        let found = discoveries(&p, 0.05);
        assert_eq!(found.iter().filter(|f| **f).count(), 4);
        assert!(found[..4].iter().all(|f| *f));
        assert!(discoveries(&[], 0.05).is_empty());
        assert_eq!(discoveries(&[0.9, 0.01], 0.05), [false, true]);
    }
}
