//! Numbers as people read them.

use bakeoff_samples::{Event, Unit};
use bakeoff_statistics::Estimate;

/// What a number is, which decides how it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// A ratio, or any number without a unit.
    Plain,
    /// A share, 1 being all.
    Share,
    /// Nanoseconds.
    Ns,
    /// Bytes.
    Bytes,
    /// Things.
    Count,
}

impl Quantity {
    /// Of an event.
    pub fn of(event: Event) -> Quantity {
        match event.unit() {
            Unit::Ns => Quantity::Ns,
            Unit::Bytes => Quantity::Bytes,
            Unit::Count => Quantity::Count,
        }
    }

    /// Steps of its units: from how much on, and the name.
    fn units(self) -> &'static [(f64, &'static str)] {
        match self {
            Quantity::Plain | Quantity::Share => &[],
            Quantity::Ns => &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")],
            Quantity::Bytes => &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")],
            Quantity::Count => &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")],
        }
    }

    /// Factor and name of the unit that a value is written in.
    fn unit(self, value: f64) -> Option<(f64, &'static str)> {
        let units = self.units();
        let reached = units.iter().rev().find(|(from, _)| value.abs() >= *from);
        reached.or(units.first()).copied()
    }

    fn with_unit(self, value: f64, write: impl Fn(f64) -> String) -> String {
        if !value.is_finite() {
            return significant(value, 3);
        }
        match self.unit(value) {
            None if self == Quantity::Share => format!("{} %", write(value * 100.0)),
            None | Some((_, "")) => write(value),
            Some((factor, unit)) => format!("{} {unit}", write(value / factor)),
        }
    }

    /// A measured value, with three digits and its unit.
    pub fn show(self, value: f64) -> String {
        self.with_unit(value, |v| significant(v, 3))
    }

    /// A round value at a tick.
    pub fn tick(self, value: f64) -> String {
        self.with_unit(value, round)
    }

    /// A value and its interval, if it has one: `0.0461 [0.0455, 0.0470]`, `1.17 [1.15, 1.18] ms`.
    pub fn show_estimate(self, estimate: Estimate) -> String {
        let [value, interval, unit] = self.parts(estimate);
        value + &interval + &unit
    }

    /// The same in parts: the value, its interval in the same unit, the unit; each with the space before it.
    pub fn parts(self, estimate: Estimate) -> [String; 3] {
        let (factor, unit) = match self.unit(estimate.value) {
            Some((factor, unit)) if estimate.value.is_finite() => (factor, unit),
            _ if self == Quantity::Share => (0.01, "%"),
            _ => (1.0, ""),
        };
        let show = |value: f64| significant(value / factor, 3);
        let interval = if estimate.low == estimate.high {
            String::new()
        } else {
            format!(" [{}, {}]", show(estimate.low), show(estimate.high))
        };
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(" {unit}")
        };
        [show(estimate.value), interval, unit]
    }
}

/// A number with so many digits that count; without exponent; `∞` and `n/a` for what is none.
pub fn significant(value: f64, digits: i32) -> String {
    if value.is_nan() {
        return "n/a".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_string();
    }
    let places = |v: f64| (digits - 1 - v.abs().log10().floor() as i32).clamp(0, 12) as usize;
    if value == 0.0 {
        return "0".to_string();
    }
    // Rounding may add a digit: 9.996 is 10.0.
    let first = format!("{:.*}", places(value), value);
    let rounded: f64 = first.parse().unwrap_or(value);
    let text = if rounded == 0.0 {
        first
    } else {
        format!("{:.*}", places(rounded), value)
    };
    text.replace('-', "−")
}

/// A whole number with its thousands apart: `115,368`.
pub fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A round number, without zeros at its end.
fn round(value: f64) -> String {
    let text = format!("{:.*}", 9, value);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_whatever_the_size() {
        for (value, text) in [
            (0.04612, "0.0461"),
            (0.99961, "1.00"),
            (9.996, "10.0"),
            (9.4579, "9.46"),
            (1234.4, "1234"),
            (-2.5, "−2.50"),
            (0.0, "0"),
            (f64::NAN, "n/a"),
            (f64::INFINITY, "∞"),
        ] {
            assert_eq!(significant(value, 3), text);
        }
    }

    #[test]
    fn thousands_are_apart() {
        let texts = [7, 999, 1000, 115_368, 1_234_567].map(grouped);
        assert_eq!(texts, ["7", "999", "1,000", "115,368", "1,234,567"]);
    }

    #[test]
    fn units_are_those_that_people_say() {
        assert_eq!(Quantity::Ns.show(1_234_567.0), "1.23 ms");
        assert_eq!(Quantity::Ns.show(0.25), "0.250 ns");
        assert_eq!(Quantity::Bytes.tick(2000.0), "2 kB");
        assert_eq!(Quantity::Count.tick(20_000_000.0), "20 M");
        assert_eq!(Quantity::Count.show(12.0), "12.0");
        assert_eq!(Quantity::Share.tick(0.25), "25 %");
        assert_eq!(Quantity::Plain.tick(0.05), "0.05");
        let estimate = Estimate {
            value: 0.0461,
            low: 0.045,
            high: f64::INFINITY,
        };
        assert_eq!(
            Quantity::Plain.show_estimate(estimate),
            "0.0461 [0.0450, ∞]"
        );
        assert_eq!(Quantity::Ns.show_estimate(Estimate::exact(5e9)), "5.00 s");
        let estimate = Estimate {
            value: 1.01e6,
            low: 0.99e6,
            high: 1.02e6,
        };
        assert_eq!(
            Quantity::Ns.show_estimate(estimate),
            "1.01 [0.990, 1.02] ms"
        );
    }
}
