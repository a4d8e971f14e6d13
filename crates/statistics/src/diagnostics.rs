//! What samples may have that a median does not show.
//!
//! Both tests look inside processes and add up what they find, so that differences between processes neither hide nor
//! fake anything. Whoever asks about many series at once should expect findings by chance: see
//! [`discoveries`](crate::discoveries).

use std::collections::BTreeMap;

use crate::Series;
use crate::dip::dip;
use crate::distributions::normal_cdf;
use crate::random::Random;
use crate::series::{mean, middle};

/// A trend over the iterations.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drift {
    /// How much larger values are at the end of a process than at its beginning, as a ratio: by the median of the
    /// slopes between any two iterations (Theil 1950, Sen 1968).
    pub change: f64,
    /// The probability of a trend at least this clear if there is none (two-sided).
    pub p: f64,
}

/// Looks for a trend with the test of Mann (1945) and Kendall, summed over processes as over seasons (Hirsch, Slack and
/// Smith, "Techniques of trend analysis for monthly water quality data", 1982), with the correction for ties.
///
/// `None` if a value is not positive and finite, if no process has two different values, or if there are less than 10
/// pairs of iterations in all, of which the normal distribution could not speak.
pub fn drift(series: &Series) -> Option<Drift> {
    let (mut score, mut variance, mut slopes) = (0.0, 0.0, Vec::new());
    let mut longest = 0;
    for values in series {
        if !values.iter().all(|v| *v > 0.0 && v.is_finite()) {
            return None;
        }
        longest = longest.max(values.len());
        for (later, b) in values.iter().enumerate() {
            for (earlier, a) in values[..later].iter().enumerate() {
                score += f64::from(i8::from(b > a) - i8::from(b < a));
                slopes.push((b / a).ln() / (later - earlier) as f64);
            }
        }
        variance += score_variance(values);
    }
    if slopes.len() < 10 || variance <= 0.0 {
        return None;
    }
    // Scores go by steps of two: half a step towards 0 makes the normal distribution fit.
    let z = (score.abs() - 1.0).max(0.0) / variance.sqrt();
    let change = (middle(&mut slopes) * (longest - 1) as f64).exp();
    let p = (2.0 * normal_cdf(-z)).min(1.0);
    Some(Drift { change, p })
}

/// The variance of Kendall's score of a sequence without a trend.
fn score_variance(values: &[f64]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties = sorted
        .chunk_by(|a, b| a == b)
        .map(|tied| term(tied.len() as f64));
    term(values.len() as f64) - ties.sum::<f64>()
}

/// Two heaps of values instead of one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bimodality {
    /// How far apart the heaps are, as a ratio.
    pub apart: f64,
    /// The share of values in the heap that has fewer.
    pub minority: f64,
    /// The probability of a dip at least this deep of the least favourable unimodal distribution, the uniform one.
    /// Ordinary noise, with one steep side and a long tail, dips much less.
    pub p: f64,
}

/// Looks for two modes. Remembers what it has simulated.
#[derive(Debug, Default)]
pub struct DipTest {
    /// Mean and variance of the dip of uniform samples, by size.
    uniform: BTreeMap<usize, (f64, f64)>,
}

impl DipTest {
    /// Simulated samples of a size.
    const SAMPLES: usize = 2000;

    /// The fewest iterations of a process that can show two modes.
    pub const FEWEST: usize = 5;

    /// Tests the iterations of a series: the dips (Hartigan and Hartigan 1985) of its processes are added up, and
    /// compared with the sum of as many dips of uniform samples of the same sizes. The sum is taken for normal, which
    /// for less than five processes makes small probabilities somewhat too small.
    ///
    /// That some processes are slower than others is not what is looked for: a handful of processes cannot show it.
    /// `None` if no process has at least [`DipTest::FEWEST`] iterations, or if a value is not positive and finite.
    pub fn bimodality(&mut self, series: &Series) -> Option<Bimodality> {
        let (mut sum, mut expected, mut variance) = (0.0, 0.0, 0.0);
        let (mut distances, mut minorities) = (Vec::new(), Vec::new());
        for values in series.iter().filter(|v| v.len() >= DipTest::FEWEST) {
            if !values.iter().all(|v| *v > 0.0 && v.is_finite()) {
                return None;
            }
            let mut logs: Vec<f64> = values.iter().map(|v| v.ln()).collect();
            logs.sort_by(f64::total_cmp);
            let uniform = self.uniform(logs.len());
            sum += dip(&logs);
            expected += uniform.0;
            variance += uniform.1;
            let (apart, minority) = heaps(&logs);
            distances.push(apart);
            minorities.push(minority);
        }
        if distances.is_empty() {
            return None;
        }
        Some(Bimodality {
            apart: middle(&mut distances).exp(),
            minority: mean(&minorities),
            p: normal_cdf((expected - sum) / variance.sqrt()),
        })
    }

    fn uniform(&mut self, size: usize) -> (f64, f64) {
        *self.uniform.entry(size).or_insert_with(|| {
            let mut random = Random::new(size as u64);
            let mut one = || {
                let mut sample: Vec<f64> = (0..size).map(|_| random.uniform()).collect();
                sample.sort_by(f64::total_cmp);
                dip(&sample)
            };
            let dips: Vec<f64> = (0..DipTest::SAMPLES).map(|_| one()).collect();
            (
                mean(&dips),
                crate::series::squares(&dips) / (dips.len() - 1) as f64,
            )
        })
    }
}

/// Cuts values in ascending order into two heaps with the least sum of squares: the distance of their means, and the
/// share of values in the lesser one.
fn heaps(sorted: &[f64]) -> (f64, f64) {
    let count = sorted.len();
    let total: f64 = sorted.iter().sum();
    let (mut below, mut best) = (0.0, (f64::NEG_INFINITY, 0.0, 0.0));
    for cut in 1..count {
        below += sorted[cut - 1];
        let (few, many) = (cut as f64, (count - cut) as f64);
        let apart = (total - below) / many - below / few;
        // What lies between heaps is what is not within them.
        let between = few * many * apart * apart;
        if between > best.0 {
            best = (between, apart, few.min(many) / count as f64);
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(random: &mut Random) -> f64 {
        let outlier = if random.uniform() > 0.93 { 1.3 } else { 1.0 };
        outlier * (1.0 - 0.03 * random.uniform().ln())
    }

    /// Six processes of ten iterations, each of its own speed.
    fn series(random: &mut Random, value: impl Fn(&mut Random, usize) -> f64) -> Vec<Vec<f64>> {
        let process = |random: &mut Random| {
            let factor = (0.1 * random.normal()).exp();
            (0..10).map(|i| factor * value(random, i)).collect()
        };
        (0..6).map(|_| process(random)).collect()
    }

    #[test]
    fn no_drift_is_seen_where_there_is_none() {
        let mut random = Random::new(1);
        let small = |random: &mut Random| drift(&series(random, |r, _| noise(r))).unwrap().p < 0.05;
        let found = (0..1000).filter(|_| small(&mut random)).count();
        assert!(
            (30..=70).contains(&found),
            "{found} of 1000 at a level of 5 %"
        );
    }

    #[test]
    fn drift_is_seen_and_measured() {
        let mut random = Random::new(2);
        let drifting = series(&mut random, |r, i| noise(r) * (1.0 + 0.1 * i as f64 / 9.0));
        let drift = drift(&drifting).unwrap();
        assert!(drift.p < 1e-4, "{drift:?}");
        assert!((1.05..1.15).contains(&drift.change), "{drift:?}");
    }

    /// Mann's test of one sequence, by hand: score 8 of 10, variance 50/3.
    #[test]
    fn the_test_of_one_sequence() {
        let drift = drift(&[vec![1.0, 2.0, 3.0, 5.0, 4.0]]).unwrap();
        let expected = 2.0 * normal_cdf(-7.0 / (50.0_f64 / 3.0).sqrt());
        assert!((drift.p - expected).abs() < 1e-12);
    }

    #[test]
    fn what_shows_no_trend() {
        assert_eq!(drift(&[vec![1.0; 10]]), None);
        assert_eq!(drift(&[vec![1.0, 2.0, 3.0]]), None);
        assert_eq!(drift(&[vec![1.0, 0.0, 3.0, 4.0, 5.0]]), None);
        assert_eq!(drift(&[]), None);
    }

    #[test]
    fn ordinary_noise_has_one_mode() {
        let (mut random, mut test) = (Random::new(3), DipTest::default());
        let mut small = |r: &mut Random, value: fn(&mut Random) -> f64| {
            test.bimodality(&series(r, |r, _| value(r))).unwrap().p < 0.01
        };
        let skewed = (0..1000).filter(|_| small(&mut random, noise)).count();
        assert!(skewed <= 5, "{skewed} of 1000 at a level of 1 %");
        let uniform = |r: &mut Random| 1.0 + r.uniform();
        let flat = (0..1000).filter(|_| small(&mut random, uniform)).count();
        assert!(flat <= 25, "{flat} of 1000 at a level of 1 %");
    }

    #[test]
    fn two_modes_are_seen_and_measured() {
        let (mut random, mut test) = (Random::new(4), DipTest::default());
        let mut found = 0;
        for _ in 0..100 {
            let modes = |r: &mut Random, _| {
                let slow = if r.uniform() < 0.4 { 1.25 } else { 1.0 };
                slow * (1.0 - 0.01 * r.uniform().ln())
            };
            let two = test.bimodality(&series(&mut random, modes)).unwrap();
            if two.p < 0.001 {
                found += 1;
                assert!((1.2..1.3).contains(&two.apart), "{two:?}");
                assert!((0.2..=0.5).contains(&two.minority), "{two:?}");
            }
        }
        assert!(found >= 90, "{found} of 100");
    }

    #[test]
    fn what_shows_no_modes() {
        let mut test = DipTest::default();
        assert_eq!(test.bimodality(&[vec![1.0, 2.0]]), None);
        assert_eq!(test.bimodality(&[vec![1.0, 2.0, 3.0, 4.0, -1.0]]), None);
        let same = test.bimodality(&[vec![1.0; 10]]).unwrap();
        assert!(same.p > 0.5 && same.apart == 1.0, "{same:?}");
    }
}
