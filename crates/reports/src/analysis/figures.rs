//! Locations, ratios, means and totals of an event.

use std::collections::BTreeMap;

use bakeoff_samples::{Competitor, Event, Program};
use bakeoff_statistics::{Estimate, Resampled};

use super::cells::{Cell, Cells, Grid, LEVEL};
use super::{EventFigures, Mean};

/// The figures of an event; `None` if nobody measured it.
pub(super) fn figures(cells: &Cells<'_>, event: Event, grid: &Grid) -> Option<EventFigures> {
    let all = || grid.iter().flatten().flatten();
    let mut sources: Vec<usize> = all().map(|cell| cell.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let ratios = ratios(cells, event, grid);
    let estimate = |r: &Resampled| r.estimate(LEVEL);
    let by_cell = |row: &Vec<Option<Resampled>>| -> Vec<Option<Estimate>> {
        row.iter().map(|r| estimate(r.as_ref()?)).collect()
    };
    let values = grid.iter().map(|row| {
        row.iter()
            .map(|c| estimate(&c.as_ref()?.location))
            .collect()
    });
    let competitors = 0..cells.united.competitors.len();
    Some(EventFigures {
        event,
        source: *sources.first()?,
        sources,
        values: values.collect(),
        ratios: ratios.iter().map(by_cell).collect(),
        means: competitors
            .map(|competitor| mean(ratios.iter().map(|row| row[competitor].as_ref())))
            .collect(),
        ablations: ablations(&cells.united.competitors, &ratios),
        totals: totals(grid),
        samples: (
            all().map(|cell| cell.samples).min()?,
            all().map(|cell| cell.samples).max()?,
        ),
    })
}

/// Ratios to the baseline of the same session. None where one of both is zero: sizes and numbers may be, and a mean of
/// ratios cannot hold them.
fn ratios(cells: &Cells<'_>, event: Event, grid: &Grid) -> Vec<Vec<Option<Resampled>>> {
    let united = cells.united;
    let baseline = &united.competitors[united.baseline].name;
    let row = |(row, program): (&Vec<Option<Cell>>, &Program)| {
        let mut baselines = BTreeMap::new();
        let mut ratio = |cell: &Cell| {
            let below = baselines
                .entry(cell.source)
                .or_insert_with(|| cells.of(cell.source, event, &program.name, baseline));
            let (above, below) = (&cell.location, &below.as_ref()?.location);
            let both = above.value > 0.0 && below.value > 0.0;
            both.then(|| above.over(below))
        };
        row.iter().map(|cell| ratio(cell.as_ref()?)).collect()
    };
    grid.iter().zip(&united.programs).map(row).collect()
}

/// The geometric mean of the ratios that there are.
fn mean<'r>(ratios: impl Iterator<Item = Option<&'r Resampled>>) -> Option<Mean> {
    let ratios: Vec<&Resampled> = ratios.flatten().collect();
    Some(Mean {
        ratio: Resampled::geometric_mean(&ratios)?.estimate(LEVEL)?,
        programs: ratios.len(),
    })
}

/// Of each variant, relative to what it is a variant of: the baseline falls out of both ratios.
fn ablations(competitors: &[Competitor], ratios: &[Vec<Option<Resampled>>]) -> Vec<Option<Mean>> {
    let of = |(variant, competitor): (usize, &Competitor)| {
        let name = competitor.ablation_of.as_ref()?;
        let base = competitors.iter().position(|c| c.name == *name)?;
        let pairs = ratios.iter();
        let relative: Vec<Option<Resampled>> = pairs
            .map(|row| Some(row[variant].as_ref()?.over(row[base].as_ref()?)))
            .collect();
        mean(relative.iter().map(Option::as_ref))
    };
    competitors.iter().enumerate().map(of).collect()
}

fn totals(grid: &Grid) -> Vec<Option<Estimate>> {
    let count = grid.first().map_or(0, Vec::len);
    let takes_part: Vec<bool> = (0..count)
        .map(|c| grid.iter().any(|row| row[c].is_some()))
        .collect();
    let is_complete =
        |row: &&Vec<Option<Cell>>| (0..count).all(|c| !takes_part[c] || row[c].is_some());
    let common: Vec<_> = grid.iter().filter(is_complete).collect();
    let total = |competitor: usize| {
        let parts: Option<Vec<&Resampled>> = common
            .iter()
            .map(|row| row[competitor].as_ref().map(|c| &c.location))
            .collect();
        let parts = parts.filter(|parts| !parts.is_empty())?;
        Resampled::sum(&parts).estimate(LEVEL)
    };
    (0..count).map(total).collect()
}
