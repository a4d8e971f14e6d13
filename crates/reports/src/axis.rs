//! Axes: from values to places, and where the ticks are.
//!
//! Ticks are at 1, 2 and 5 times a power of ten; how many there are follows from the room for their labels.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged};

use crate::number::Quantity;

/// An axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// What its values are.
    pub quantity: Quantity,
}

/// A tick.
#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    /// Where it is.
    pub value: f64,
    /// What is beside it; `None` if it only helps to see that the axis is logarithmic.
    pub label: Option<String>,
}

impl Axis {
    /// A linear axis between two values.
    pub fn linear(low: f64, high: f64, quantity: Quantity) -> Axis {
        let high = if high > low { high } else { low + 1.0 };
        Axis {
            low,
            high,
            log: false,
            quantity,
        }
    }

    /// A logarithmic axis on which these values have a place, with a little room around; what is not positive or not
    /// finite has none.
    pub fn log(values: impl IntoIterator<Item = f64>, quantity: Quantity) -> Axis {
        let usable = values.into_iter().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = usable.fold((f64::INFINITY, 0.0_f64), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        let (low, high) = if low <= high { (low, high) } else { (0.5, 2.0) };
        let room = (high / low).powf(0.05).max(1.02);
        Axis {
            low: low / room,
            high: high * room,
            log: true,
            quantity,
        }
    }

    /// The same between other values, which must be positive.
    pub fn between(self, low: f64, high: f64) -> Axis {
        Axis { low, high, ..self }
    }

    /// With so much more room at both ends, as a part of its length; a logarithmic axis.
    pub fn widened(self, low: f64, high: f64) -> Axis {
        let span = self.high / self.low;
        self.between(self.low / span.powf(low), self.high * span.powf(high))
    }

    /// The lowest value.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The highest value.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Where a value is: 0 at the low end, 1 at the high end, and no further.
    pub fn share(&self, value: f64) -> f64 {
        let share = self.position(value);
        if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        }
    }

    /// The same, further than the ends if the value is.
    fn position(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Ticks for an axis of this length, of which each label takes `room(label)`.
    pub fn ticks(&self, length: f64, room: impl Fn(&str) -> f64) -> Vec<Tick> {
        let candidates = if self.log {
            self.log_candidates()
        } else {
            self.linear_candidates()
        };
        let label = |v: &f64| {
            if *v == 0.0 {
                "0".to_string()
            } else {
                self.quantity.tick(*v)
            }
        };
        let fits = |values: &Vec<f64>| {
            values.windows(2).all(|pair| {
                let apart = (self.share(pair[1]) - self.share(pair[0])) * length;
                let needed = (room(&label(&pair[0])) + room(&label(&pair[1]))) / 2.0;
                apart >= needed
            })
        };
        let chosen = candidates.iter().find(|values| fits(values));
        let chosen = chosen.or(candidates.last()).cloned().unwrap_or_default();
        let labelled = chosen.iter().map(|value| Tick {
            value: *value,
            label: Some(label(value)),
        });
        let mut ticks: Vec<Tick> = labelled.collect();
        if self.log {
            let minor = self.minor().into_iter();
            let minor = minor.filter(|v| chosen.iter().all(|c| (c / v - 1.0).abs() > 1e-6));
            ticks.extend(minor.map(|value| Tick { value, label: None }));
        }
        ticks
    }

    /// Whether a value is on the axis; rounding may put an end just beside it.
    fn within(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.position(value))
    }

    /// Multiples of powers of ten within the axis.
    fn multiples(&self, of: &[f64], every: i32) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let decades = decades.filter(|d| d.rem_euclid(every) == 0);
        let all = decades.flat_map(|d| of.iter().map(move |m| m * 10f64.powi(d)));
        all.filter(|v| self.within(*v)).collect()
    }

    /// The ticks without labels: only where they do not become a smear.
    fn minor(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        if decades > 7.0 {
            Vec::new()
        } else {
            self.multiples(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 1)
        }
    }

    fn log_candidates(&self) -> Vec<Vec<f64>> {
        let mut candidates = Vec::new();
        if self.high / self.low < 6.0 {
            candidates.extend(self.linear_candidates());
        }
        candidates.push(self.multiples(&[1.0, 2.0, 5.0], 1));
        candidates.extend([1, 2, 3, 4, 6].map(|every| self.multiples(&[1.0], every)));
        // A set of one tick tells no scale.
        candidates.retain(|values| values.len() >= 2);
        candidates
    }

    fn linear_candidates(&self) -> Vec<Vec<f64>> {
        let span = self.high - self.low;
        let power = 10f64.powi(span.log10().floor() as i32);
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0].map(|m| m * power);
        let multiples = |step: f64| -> Vec<f64> {
            let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
            let count = ((last - first) as usize).min(100) + 1;
            let all = (0..count).map(|i| (first + i as f64) * step);
            all.filter(|v| self.within(*v)).collect()
        };
        steps.into_iter().map(multiples).collect()
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * self.share(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let ticks = self.ticks(hint.max_num_points() as f64, |_| 1.0);
        let labelled = ticks.into_iter().filter(|t| t.label.is_some());
        labelled.map(|t| t.value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, length: f64) -> Vec<String> {
        let ticks = axis.ticks(length, |label| label.len() as f64 * 5.0 + 5.0);
        ticks.into_iter().filter_map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round_and_as_many_as_fit() {
        let axis = Axis::log([0.046, 1.06], Quantity::Plain);
        assert_eq!(labels(axis, 300.0), ["0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(axis, 80.0), ["0.1", "1"]);
        let wide = Axis::log([3.0, 4e9], Quantity::Ns);
        assert_eq!(
            labels(wide, 200.0),
            ["100 ns", "10 µs", "1 ms", "100 ms", "10 s"]
        );
        let narrow = Axis::log([0.9, 1.3], Quantity::Plain);
        assert_eq!(labels(narrow, 150.0), ["0.9", "1", "1.1", "1.2", "1.3"]);
        let linear = Axis::linear(0.0, 37.0, Quantity::Plain);
        assert_eq!(labels(linear, 100.0), ["0", "10", "20", "30"]);
    }

    #[test]
    fn nonsense_has_a_place_and_makes_no_axis() {
        let axis = Axis::log([f64::NAN, 0.0, -1.0, f64::INFINITY], Quantity::Plain);
        assert!(axis.low() < 1.0 && axis.high() > 1.0);
        assert_eq!(axis.share(f64::NAN), 0.0);
        assert_eq!(axis.share(f64::INFINITY), 1.0);
        assert_eq!(axis.share(0.0), 0.0);
        let one = Axis::log([5.0], Quantity::Plain);
        assert!((one.share(5.0) - 0.5).abs() < 1e-9);
        let flat = Axis::linear(3.0, 3.0, Quantity::Plain);
        assert_eq!(flat.share(3.5), 0.5);
    }
}
