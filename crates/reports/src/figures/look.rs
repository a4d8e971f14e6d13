//! What competitors look like: the same in every figure and in every report.
//!
//! A *family* is a backend with its configurations. It has a hue and a marker; the first of it is full, the others are
//! lighter. Families that the project knows have hues of their own, so that two reports can be laid side by side; others
//! get what is left, in order.

use bakeoff_samples::Competitor;

use crate::analysis::Analysis;
use crate::ink::{HUES, Ink, SHADES};
use crate::scene::{Area, Place};
use crate::sheet::{Marker, SIZE, Sheet, Type};
use crate::text;

/// Families with a hue of their own, in the order of hues.
const KNOWN: [&str; HUES] = [
    "cranelift",
    "stencil",
    "dynasm",
    "interp",
    "native",
    "wasmi",
    "wasmtime",
];

const MARKERS: [Marker; HUES] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Down,
    Marker::Pentagon,
    Marker::Hexagon,
];

/// What a competitor looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// The number of the family's hue.
    pub hue: usize,
    /// The number of the shade.
    pub shade: usize,
}

impl Look {
    /// The colour of areas.
    pub fn fill(self) -> Ink {
        Ink::Family(self.hue, self.shade)
    }

    /// The colour of lines.
    pub fn line(self) -> Ink {
        // The lightest shades are for areas: a line of them is not seen.
        Ink::Family(self.hue, self.shade.min(1))
    }

    /// The marker of the family.
    pub fn marker(self) -> Marker {
        MARKERS[self.hue % HUES]
    }

    /// Draws the marker.
    pub fn draw(self, sheet: &Sheet, place: Place, radius: f64) {
        sheet.marker(place, self.marker(), radius, (self.hue, self.shade));
    }

    /// Fills a bar; its edge has the hue, so that light shades end where they end.
    pub fn bar(self, sheet: &Sheet, area: Area) {
        sheet.rect(area, self.fill(), 1.0);
        sheet.hatch(area, self.hue);
    }
}

/// The name of a competitor's family.
fn family<'a>(competitors: &'a [Competitor], competitor: &'a Competitor) -> &'a str {
    let base = competitor.ablation_of.as_deref();
    let base = base.and_then(|name| competitors.iter().find(|c| c.name == name));
    let name = base.map_or(competitor.name.as_str(), |base| base.name.as_str());
    let name = name.strip_prefix("bakeoff-").unwrap_or(name);
    name.split('-').next().unwrap_or(name)
}

/// Looks of all competitors of an analysis, and who of them is shown where there is room for few.
#[derive(Clone, PartialEq, Debug)]
pub struct Looks {
    looks: Vec<Look>,
    firsts: Vec<bool>,
}

impl Looks {
    /// Of an analysis.
    pub fn new(analysis: &Analysis) -> Looks {
        let competitors = &analysis.competitors;
        let mut names: Vec<Option<&str>> = vec![None; HUES];
        let mut seen = [0; HUES];
        let mut looks = Vec::new();
        let mut firsts = Vec::new();
        let families = || competitors.iter().map(|c| family(competitors, c));
        for name in families().filter(|name| KNOWN.contains(name)) {
            if let Some(hue) = KNOWN.iter().position(|known| *known == name) {
                names[hue] = Some(name);
            }
        }
        for (index, name) in families().enumerate() {
            let known = names.iter().position(|n| *n == Some(name));
            let hue = known.or_else(|| names.iter().position(Option::is_none));
            let hue = hue.unwrap_or(index % HUES);
            names[hue] = names[hue].or(Some(name));
            let shade = match seen[hue] {
                0 => 0,
                count => 1 + (count - 1) % (SHADES - 1),
            };
            firsts.push(seen[hue] == 0);
            seen[hue] += 1;
            looks.push(Look { hue, shade });
        }
        Looks { looks, firsts }
    }

    /// Of a competitor.
    pub fn of(&self, competitor: usize) -> Look {
        self.looks
            .get(competitor)
            .copied()
            .unwrap_or(Look { hue: 3, shade: 0 })
    }

    /// At most so many competitors, in their order: the first of each family, then others that are no ablations.
    pub fn main(&self, analysis: &Analysis, limit: usize) -> Vec<usize> {
        let plain = |c: &usize| analysis.competitors[*c].ablation_of.is_none();
        let all = 0..analysis.competitors.len();
        let (firsts, others): (Vec<usize>, Vec<usize>) =
            all.filter(plain).partition(|c| self.firsts[*c]);
        let mut chosen: Vec<usize> = firsts.into_iter().chain(others).take(limit).collect();
        chosen.sort_unstable();
        chosen
    }
}

/// A row of names with what stands for them, from a place to the right; returns the height that it took.
pub fn legend(
    sheet: &Sheet,
    (left, top): Place,
    width: f64,
    entries: &[(Look, &str)],
    bars: bool,
) -> f64 {
    let (mut x, mut y) = (left, top);
    for (look, name) in entries {
        let needed = 18.0 + text::width(name, SIZE);
        if x > left && x + needed > left + width {
            (x, y) = (left, y + 11.0);
        }
        if bars {
            look.bar(sheet, Area::around((x + 5.0, y), 3.6, 7.0));
        } else {
            look.draw(sheet, (x + 4.0, y), 2.6);
        }
        sheet.write((x + 11.0, y), name, Type::PLAIN);
        x += needed;
    }
    y - top + 11.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn competitor(name: &str, ablation_of: Option<&str>) -> Competitor {
        Competitor {
            name: name.to_string(),
            about: String::new(),
            ablation_of: ablation_of.map(str::to_string),
            control_of: None,
            own: false,
        }
    }

    #[test]
    fn families_keep_their_hue_and_strangers_get_the_rest() {
        let names = [
            ("zeta-1", None),
            ("cranelift", None),
            ("bakeoff-cranelift-none", None),
            ("odd", Some("cranelift")),
            ("stencil", None),
            ("eta", None),
        ];
        let analysis = Analysis {
            competitors: names.iter().map(|(n, a)| competitor(n, *a)).collect(),
            sources: vec![],
            programs: vec![],
            baseline: 0,
            events: vec![],
            break_even: Default::default(),
            scaling: vec![],
            control: None,
            warnings: vec![],
            failures: vec![],
        };
        let looks = Looks::new(&analysis);
        let hues: Vec<usize> = (0..6).map(|c| looks.of(c).hue).collect();
        assert_eq!(hues, [2, 0, 0, 0, 1, 3]);
        assert_eq!(looks.of(3).shade, 2);
        assert_eq!(looks.main(&analysis, 4), [0, 1, 4, 5]);
        assert_eq!(looks.main(&analysis, 9), [0, 1, 2, 4, 5]);
    }
}
