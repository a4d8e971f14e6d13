//! Straight lines, and powers, through points.

use crate::Estimate;
use crate::distributions::student_critical;

/// A straight line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Line {
    /// How much y grows with one more x.
    pub slope: f64,
    /// y where x is 0.
    pub intercept: f64,
}

impl Line {
    /// The line of least squares; each point counts as much as `weight` says. `None` of less than two different x, or
    /// if a number is not finite.
    pub fn weighted(points: &[(f64, f64)], weight: impl Fn(f64, f64) -> f64) -> Option<Line> {
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|(x, y)| weight(*x, *y) * f(*x, *y)).sum()
        };
        let total = sum(&|_, _| 1.0);
        let (mean_x, mean_y) = (sum(&|x, _| x) / total, sum(&|_, y| y) / total);
        // Distances from the means, so that nothing cancels.
        let spread = sum(&|x, _| (x - mean_x).powi(2));
        let slope = sum(&|x, y| (x - mean_x) * (y - mean_y)) / spread;
        let intercept = mean_y - slope * mean_x;
        let found = spread > 0.0 && slope.is_finite() && intercept.is_finite();
        found.then_some(Line { slope, intercept })
    }

    /// The line of least squares, each point counting the same.
    pub fn through(points: &[(f64, f64)]) -> Option<Line> {
        Line::weighted(points, |_, _| 1.0)
    }

    /// The line of least squares of relative distances, for times: what is ten times as long scatters ten times as
    /// much. `None` also if a y is not positive.
    pub fn relative(points: &[(f64, f64)]) -> Option<Line> {
        let positive = points.iter().all(|(_, y)| *y > 0.0);
        positive.then(|| Line::weighted(points, |_, y| 1.0 / (y * y)))?
    }
}

/// The exponent of the power of x that y grows with: the slope of ln y over ln x. `None` of less than two different x,
/// or if a number is not positive and finite.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    Some(Line::through(&logarithms(points)?)?.slope)
}

fn logarithms(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let usable = points.iter().all(|(x, y)| *x > 0.0 && *y > 0.0);
    usable.then(|| points.iter().map(|(x, y)| (x.ln(), y.ln())).collect())
}

/// A straight line with intervals.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LineFit {
    /// How much y grows with one more x.
    pub slope: Estimate,
    /// y where x is 0.
    pub intercept: Estimate,
    /// The standard deviation of the points from the line.
    pub residual: f64,
}

/// Fits a straight line; intervals are Student's with n - 2 degrees of freedom, from how far the points are from the
/// line. They hold if the points scatter independently and alike. Where points are locations of series, intervals of
/// [`Line`] or [`exponent`] by [`Resampled::combine`](crate::Resampled::combine) need neither.
///
/// `None` of less than three points or less than two different x, or if a number is not finite.
pub fn straight_line(points: &[(f64, f64)], level: f64) -> Option<LineFit> {
    let freedom = points.len().checked_sub(2).filter(|f| *f > 0)? as f64;
    let Line { slope, intercept } = Line::through(points)?;
    let count = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    let left: f64 = points
        .iter()
        .map(|(x, y)| (y - intercept - slope * x).powi(2))
        .sum();
    let residual = (left / freedom).sqrt();
    let critical = student_critical(0.5 * (1.0 - level), freedom);
    let around = |value: f64, error: f64| Estimate {
        value,
        low: value - critical * error,
        high: value + critical * error,
    };
    Some(LineFit {
        slope: around(slope, residual / spread.sqrt()),
        intercept: around(
            intercept,
            residual * (1.0 / count + mean_x * mean_x / spread).sqrt(),
        ),
        residual,
    })
}

/// Fits a power of x; the exponent with its interval, as [`straight_line`] does of logarithms. `None` as there, or if a
/// number is not positive.
pub fn power_law(points: &[(f64, f64)], level: f64) -> Option<Estimate> {
    Some(straight_line(&logarithms(points)?, level)?.slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST's statistical reference data set Norris, with certified values.
    #[test]
    fn norris() {
        let y = [
            0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1,
            778.1, 668.8, 339.3, 448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6,
            339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
        ];
        let x = [
            0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6,
            775.5, 666.9, 338.0, 447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8,
            339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
        ];
        let points: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
        let fit = straight_line(&points, 0.95).unwrap();
        let close = |ours: f64, theirs: f64| {
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{ours} is not {theirs}");
        };
        close(fit.slope.value, 1.00211681802045);
        close(fit.intercept.value, -0.262323073774029);
        close(fit.residual, 0.884796396144373);
        let critical = student_critical(0.025, 34.0);
        close(
            (fit.slope.high - fit.slope.value) / critical,
            0.429796848199937e-3,
        );
        close(
            (fit.intercept.value - fit.intercept.low) / critical,
            0.232818234301152,
        );
    }

    #[test]
    fn a_power_is_found() {
        let points: Vec<(f64, f64)> = (1..=6)
            .map(f64::from)
            .map(|x| (x, 3.0 * x.powf(1.5)))
            .collect();
        let fit = power_law(&points, 0.95).unwrap();
        assert!((fit.value - 1.5).abs() < 1e-12 && fit.high - fit.low < 1e-9);
        assert!((exponent(&points).unwrap() - 1.5).abs() < 1e-12);
    }

    #[test]
    fn relative_distances_let_small_points_speak() {
        // 1 + 10 x, but for a few percent of the large ones.
        let points = [
            (1.0, 11.0),
            (2.0, 21.0),
            (4.0, 41.0),
            (8.0, 81.0),
            (1000.0, 10_300.0),
            (2000.0, 19_500.0),
        ];
        let wrong_by = |line: Option<Line>| (line.unwrap().intercept - 1.0).abs();
        let (relative, absolute) = (Line::relative(&points), Line::through(&points));
        assert!(wrong_by(relative) < 0.1, "{relative:?}");
        assert!(wrong_by(absolute) > 10.0, "{absolute:?}");
    }

    #[test]
    fn what_has_no_fit() {
        assert_eq!(straight_line(&[], 0.95), None);
        assert_eq!(straight_line(&[(1.0, 1.0), (2.0, 2.0)], 0.95), None);
        assert_eq!(
            straight_line(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], 0.95),
            None
        );
        assert_eq!(
            straight_line(&[(1.0, 1.0), (2.0, f64::NAN), (3.0, 3.0)], 0.95),
            None
        );
        assert_eq!(power_law(&[(1.0, 0.0), (2.0, 1.0), (3.0, 2.0)], 0.95), None);
        assert_eq!(exponent(&[(0.0, 1.0), (2.0, 1.0)]), None);
        assert_eq!(Line::relative(&[(1.0, 0.0), (2.0, 1.0)]), None);
        assert_eq!(Line::through(&[(1.0, 5.0)]), None);
    }
}
