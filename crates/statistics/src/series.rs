//! Where a series lies.

use crate::Series;

/// The geometric mean, over processes, of the median over iterations.
///
/// `None` if there is no process or one without iterations, or if a value is not positive and finite.
pub fn location(series: &Series) -> Option<f64> {
    let logs = process_logs(series)?;
    Some(mean(&logs).exp())
}

/// The logarithm of each process's median: what all intervals are made of. `None` as for [`location`].
pub fn process_logs(series: &Series) -> Option<Vec<f64>> {
    let log = |values: &Vec<f64>| {
        let usable = values.iter().all(|v| *v > 0.0 && v.is_finite());
        (usable && !values.is_empty()).then(|| middle(&mut values.clone()).ln())
    };
    let logs: Option<Vec<f64>> = series.iter().map(log).collect();
    logs.filter(|logs| !logs.is_empty())
}

/// The median of at least one number, which are put in another order.
pub(crate) fn middle(values: &mut [f64]) -> f64 {
    let (count, half) = (values.len(), values.len() / 2);
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if count % 2 == 1 {
        return *upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halves first: the sum of two large numbers may not be finite.
    0.5 * lower + 0.5 * *upper
}

/// The mean; NaN of none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sum of squared distances from the mean.
pub(crate) fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|v| (v - mean).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_geometric_mean_of_medians() {
        let series = [vec![1.0, 100.0, 2.0], vec![9.0, 7.0, 8.0, 1000.0]];
        let expected = (2.0_f64 * 8.5).sqrt();
        assert!((location(&series).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_location() {
        assert_eq!(location(&[]), None);
        assert_eq!(location(&[vec![]]), None);
        assert_eq!(location(&[vec![1.0], vec![]]), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(location(&[vec![1.0, 2.0, bad]]), None, "{bad}");
        }
        let large = location(&[vec![f64::MAX, f64::MAX]]).unwrap();
        assert!(large.is_finite());
    }
}
