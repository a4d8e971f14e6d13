//! The normal distribution and Student's.

use std::f64::consts::PI;

/// The probability that a standard normal variable is at most `x`.
///
/// Between -5 and 5 the series of Marsaglia ("Evaluating the Normal Distribution", 2004), beyond it Laplace's continued
/// fraction; the relative error is below 1e-9.
pub fn normal_cdf(x: f64) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    if x.abs() > 5.0 {
        let fraction = (1..=60)
            .rev()
            .fold(x.abs(), |f, k| x.abs() + f64::from(k) / f);
        let tail = density / fraction;
        return if x < 0.0 { tail } else { 1.0 - tail };
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while (term / sum).abs() > 1e-17 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    0.5 + density * sum
}

/// The probability that a variable of Student's distribution with `freedom` degrees of freedom (more than 0, not
/// necessarily whole) is at most `t`.
pub fn student_cdf(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return if t < 0.0 { 0.0 } else { 1.0 };
    }
    let tail = 0.5 * incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t));
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// What Student's variable with `freedom` degrees of freedom exceeds with probability `tail`, from 0 (infinitely much)
/// to 0.5 (nothing).
pub fn student_critical(tail: f64, freedom: f64) -> f64 {
    if tail <= 0.0 {
        return f64::INFINITY;
    }
    let exceeds = |t: f64| student_cdf(-t, freedom) > tail;
    let mut high = 1.0;
    while exceeds(high) && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    // To the last bit or nearly: each step halves the interval.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if exceeds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The regularized incomplete beta function I_x(a, b) by its continued fraction (Abramowitz and Stegun, 26.5.8).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast below the mean only; above it the other end is taken.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let ln_front =
        ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln() - a.ln();
    // Lentz's evaluation: numerators and denominators of the convergents as ratios, so that nothing overflows.
    let not_zero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for coefficient in [even, odd] {
            d = 1.0 / not_zero(1.0 + coefficient * d);
            c = not_zero(1.0 + coefficient / c);
            value *= c * d;
        }
        if (value - before).abs() <= 1e-15 * value.abs() {
            break;
        }
    }
    ln_front.exp() * value
}

/// The logarithm of the gamma function of a positive number: Stirling's series, after the argument was raised to
/// where it is exact to 15 digits.
fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut x = x;
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = 1.0 / 12.0
        - inverse
            * (1.0 / 360.0
                - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0)));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series / x - shift
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_statrs() {
        let normal = Normal::standard();
        for step in -160..=160 {
            let x = f64::from(step) / 20.0;
            let (ours, theirs) = (normal_cdf(x), normal.cdf(x));
            assert!((ours / theirs - 1.0).abs() < 1e-8, "{x}: {ours} {theirs}");
        }
        assert!(normal_cdf(f64::NAN).is_nan());
    }

    #[test]
    fn students_distribution_is_that_of_statrs() {
        for freedom in [1.0, 2.0, 3.0, 4.7, 5.0, 9.0, 30.0, 200.5] {
            let student = StudentsT::new(0.0, 1.0, freedom).unwrap();
            for step in -80..=80 {
                let t = f64::from(step) / 5.0;
                let (ours, theirs) = (student_cdf(t, freedom), student.cdf(t));
                assert!(
                    (ours - theirs).abs() < 1e-10,
                    "{t} {freedom}: {ours} {theirs}"
                );
            }
            for tail in [0.25, 0.05, 0.025, 0.005, 0.0005] {
                let (ours, theirs) = (
                    student_critical(tail, freedom),
                    student.inverse_cdf(1.0 - tail),
                );
                assert!(
                    (ours / theirs - 1.0).abs() < 1e-6,
                    "{tail} {freedom}: {ours} {theirs}"
                );
            }
        }
    }

    #[test]
    fn critical_values_are_those_of_printed_tables() {
        let table = [
            (1.0, 12.706),
            (2.0, 4.303),
            (5.0, 2.571),
            (9.0, 2.262),
            (30.0, 2.042),
        ];
        for (freedom, critical) in table {
            let ours = student_critical(0.025, freedom);
            assert!((ours - critical).abs() < 5e-4, "{freedom}: {ours}");
        }
        assert_eq!(student_critical(0.0, 3.0), f64::INFINITY);
        assert!(student_critical(0.5, 3.0) < 1e-12);
        assert_eq!(student_cdf(f64::INFINITY, 2.0), 1.0);
    }
}
