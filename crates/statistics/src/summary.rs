//! Small statistics over samples.

/// The median; the mean of the two middle values of an even number, 0 of none.
pub fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        len if len % 2 == 1 => sorted[middle],
        // Halves first: the sum may not fit.
        _ => {
            sorted[middle - 1] / 2
                + sorted[middle] / 2
                + (sorted[middle - 1] % 2 + sorted[middle] % 2) / 2
        }
    }
}

/// The geometric mean of positive numbers; `None` of none.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

/// A small generator of numbers (xorshift64*, Vigna 2016), for orders that can be had again.
#[derive(Clone, Debug)]
pub struct Shuffle(u64);

impl Shuffle {
    /// From a seed; equal seeds give equal orders.
    pub fn new(seed: u64) -> Shuffle {
        Shuffle(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Puts things into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = (self.next() >> 32) as usize % (last + 1);
            things.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[5, 1, 9]), 5);
        assert_eq!(median(&[4, 1, 9, 7]), 5);
        assert_eq!(median(&[u64::MAX, u64::MAX]), u64::MAX);
    }

    #[test]
    fn the_geometric_mean_of_ratios() {
        assert_eq!(geometric_mean([]), None);
        let mean = geometric_mean([2.0, 8.0]).unwrap();
        assert!((mean - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_repeats_with_its_seed() {
        let mut things: Vec<u32> = (0..50).collect();
        Shuffle::new(7).shuffle(&mut things);
        let mut again: Vec<u32> = (0..50).collect();
        Shuffle::new(7).shuffle(&mut again);
        assert_eq!(things, again);
        assert_ne!(things, (0..50).collect::<Vec<_>>());
        things.sort_unstable();
        assert_eq!(things, (0..50).collect::<Vec<_>>());
    }
}
