//! How compiling grows with a dimension.

use bakeoff_samples::{Event, Kind, Session};
use bakeoff_statistics::{Line, Resampled, exponent};

use super::Growth;
use super::cells::{Cells, LEVEL};

/// The fewest sizes that show growth.
const FEWEST_SIZES: usize = 3;

/// The growth of every family of every session that has some.
pub(super) fn growth(cells: &Cells<'_>) -> Vec<Growth> {
    let sessions = cells.sessions.iter().enumerate();
    let scaling = sessions.filter(|(_, session)| session.head.kind == Kind::Scaling);
    let mut all = Vec::new();
    for (source, session) in scaling {
        for family in families(session) {
            for competitor in 0..cells.united.competitors.len() {
                for event in [Event::Compile].into_iter().chain(Event::PHASES) {
                    all.extend(of(cells, source, &family, competitor, event));
                }
            }
        }
    }
    all
}

/// A family: its name, and its programs by size.
struct Family<'s> {
    name: &'s str,
    programs: Vec<(f64, &'s str)>,
}

/// A number that some points have.
type Fit = fn(&[(f64, f64)]) -> Option<f64>;

/// In the order of the session.
fn families(session: &Session) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for program in &session.head.programs {
        let Some(scale) = &program.scale else {
            continue;
        };
        let place = families.iter().position(|f| f.name == scale.family);
        let place = place.unwrap_or_else(|| {
            families.push(Family {
                name: &scale.family,
                programs: Vec::new(),
            });
            families.len() - 1
        });
        families[place]
            .programs
            .push((scale.size as f64, &program.name));
    }
    for family in &mut families {
        family.programs.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    families
}

fn of(
    cells: &Cells<'_>,
    source: usize,
    family: &Family<'_>,
    competitor: usize,
    event: Event,
) -> Option<Growth> {
    let name = &cells.united.competitors[competitor].name;
    let point = |(size, program): &(f64, &str)| {
        Some((*size, cells.of(source, event, program, name)?.location))
    };
    let points: Vec<(f64, Resampled)> = family.programs.iter().filter_map(point).collect();
    if points.len() < FEWEST_SIZES {
        return None;
    }
    let sizes: Vec<f64> = points.iter().map(|(size, _)| *size).collect();
    let locations: Vec<&Resampled> = points.iter().map(|(_, location)| location).collect();
    let from = points.len() / 2;
    let fit = |from: usize, fit: Fit| {
        let f = |values: &[f64]| {
            let sizes = sizes[from..].iter().copied();
            let points: Vec<(f64, f64)> = sizes.zip(values.iter().copied()).collect();
            fit(&points).unwrap_or(f64::NAN)
        };
        Resampled::combine(&locations[from..], f).estimate(LEVEL)
    };
    let estimates = points
        .iter()
        .map(|(size, location)| Some((*size, location.estimate(LEVEL)?)));
    Some(Growth {
        source,
        family: family.name.to_string(),
        competitor,
        event,
        points: estimates.collect::<Option<_>>()?,
        exponent: fit(from, exponent)?,
        slope_ns: fit(0, |points| Some(Line::relative(points)?.slope))?,
        intercept_ns: fit(0, |points| Some(Line::relative(points)?.intercept))?,
    })
}
