//! Colours: what they mean, and what they are on paper and on a screen.
//!
//! A scene knows colours by their values on paper. Each meaning has a value of its own, so that the page can give it
//! another one: [`Ink::css`] finds the variable that stands for a value.
//!
//! Hues of families are those of Okabe and Ito ("Color Universal Design", 2008), the set that stays apart in the common
//! kinds of colour blindness and that journals ask for; its yellow is left out, as it is too light for lines on white.
//! On paper without colours, families differ by marker and hatching, variants of a family by lightness. Phases have an
//! order and no family: they go through viridis (van der Walt and Smith, 2015), whose lightness only grows.

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// How many hues families have before they repeat.
pub const HUES: usize = 7;

/// How many shades a hue has; the first is the hue itself.
pub const SHADES: usize = 4;

/// How many colours ordered things have.
pub const STEPS: usize = 6;

/// A meaning of a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ink {
    /// What is behind everything, and in hollow markers.
    Paper,
    /// Text that is read first, and frames.
    Text,
    /// Titles of axes, ticks, notes.
    Muted,
    /// Lines to read values by.
    Grid,
    /// A shade of a family's hue: number of the hue, number of the shade.
    Family(usize, usize),
    /// A step of an order.
    Step(usize),
    /// Better than what it is compared with.
    Good,
    /// Worse than what it is compared with.
    Bad,
}

/// The value of a hue on paper, and on a dark screen.
const FAMILY: [(Rgb, Rgb); HUES] = [
    ((0x00, 0x72, 0xb2), (0x4f, 0xa9, 0xe0)), // blue
    ((0xd5, 0x5e, 0x00), (0xf0, 0x86, 0x3a)), // vermillion
    ((0x00, 0x9e, 0x73), (0x2f, 0xc4, 0x98)), // bluish green
    ((0x3c, 0x3c, 0x3c), (0xd0, 0xd0, 0xd0)), // black, greyed so that it is not text
    ((0xcc, 0x79, 0xa7), (0xe3, 0x9a, 0xc3)), // reddish purple
    ((0xe6, 0x9f, 0x00), (0xf0, 0xb4, 0x2f)), // orange
    ((0x56, 0xb4, 0xe9), (0x86, 0xcc, 0xf5)), // sky blue
];

/// Viridis at six places, and the same begun later, so that nothing vanishes on a dark screen.
const STEP: [(Rgb, Rgb); STEPS] = [
    ((0x44, 0x01, 0x54), (0x7a, 0x3f, 0x8f)),
    ((0x41, 0x44, 0x87), (0x5c, 0x66, 0xb5)),
    ((0x2a, 0x78, 0x8e), (0x35, 0x8c, 0xa5)),
    ((0x22, 0xa8, 0x84), (0x2a, 0xb5, 0x90)),
    ((0x7a, 0xd1, 0x51), (0x86, 0xd6, 0x60)),
    ((0xfd, 0xe7, 0x25), (0xf5, 0xe3, 0x4a)),
];

/// How much of a hue is in a shade; the rest is paper.
const SHADE: [f64; SHADES] = [1.0, 0.62, 0.36, 0.16];

const PAPER: (Rgb, Rgb) = ((0xff, 0xff, 0xff), (0x16, 0x18, 0x1c));

impl Ink {
    /// All inks, in one order.
    pub fn all() -> impl Iterator<Item = Ink> {
        let plain = [
            Ink::Paper,
            Ink::Text,
            Ink::Muted,
            Ink::Grid,
            Ink::Good,
            Ink::Bad,
        ];
        let families = (0..HUES).flat_map(|hue| (0..SHADES).map(move |s| Ink::Family(hue, s)));
        plain
            .into_iter()
            .chain(families)
            .chain((0..STEPS).map(Ink::Step))
    }

    /// The values on paper and on a dark screen.
    fn values(self) -> (Rgb, Rgb) {
        match self {
            Ink::Paper => PAPER,
            Ink::Text => ((0x1b, 0x1d, 0x21), (0xe6, 0xe7, 0xe9)),
            Ink::Muted => ((0x5d, 0x62, 0x6b), (0xa2, 0xa7, 0xb0)),
            Ink::Grid => ((0xdf, 0xe1, 0xe5), (0x32, 0x36, 0x3d)),
            Ink::Good => ((0x01, 0x73, 0xb2), (0x50, 0xa9, 0xe0)),
            Ink::Bad => ((0xd5, 0x5f, 0x01), (0xf0, 0x87, 0x3b)),
            Ink::Step(step) => STEP[step % STEPS],
            Ink::Family(hue, shade) => {
                let (light, dark) = FAMILY[hue % HUES];
                let share = SHADE[shade % SHADES];
                (mix(light, PAPER.0, share), mix(dark, PAPER.1, share))
            }
        }
    }

    /// The value on paper.
    pub fn paper(self) -> Rgb {
        self.values().0
    }

    /// The name of the variable of style sheets.
    pub fn css(self) -> String {
        match self {
            Ink::Family(hue, shade) => format!("--family-{hue}-{shade}"),
            Ink::Step(step) => format!("--step-{step}"),
            plain => format!("--{plain:?}").to_lowercase(),
        }
    }

    /// The ink of a value on paper.
    pub fn of(rgb: Rgb) -> Option<Ink> {
        Ink::all().find(|ink| ink.paper() == rgb)
    }

    /// Declarations of all variables, for light or for dark.
    pub fn declarations(dark: bool) -> String {
        let declare = |ink: Ink| {
            let (light_value, dark_value) = ink.values();
            let value = if dark { dark_value } else { light_value };
            format!("{}:{};", ink.css(), hex(value))
        };
        Ink::all().map(declare).collect()
    }
}

/// `#rrggbb`.
pub fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn mix(ink: Rgb, paper: Rgb, share: f64) -> Rgb {
    let one = |a: u8, b: u8| (f64::from(a) * share + f64::from(b) * (1.0 - share)).round() as u8;
    (
        one(ink.0, paper.0),
        one(ink.1, paper.1),
        one(ink.2, paper.2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_meaning_has_a_value_and_a_name_of_its_own() {
        let inks: Vec<Ink> = Ink::all().collect();
        for (index, ink) in inks.iter().enumerate() {
            assert_eq!(Ink::of(ink.paper()), Some(*ink));
            let same_name = |other: &Ink| other.css() == ink.css();
            assert_eq!(inks.iter().position(same_name), Some(index));
        }
    }

    #[test]
    fn steps_and_shades_are_apart_in_grey() {
        let grey = |ink: Ink| {
            let (r, g, b) = ink.paper();
            0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
        };
        for step in 1..STEPS {
            assert!(grey(Ink::Step(step)) - grey(Ink::Step(step - 1)) > 20.0);
        }
        for hue in 0..HUES {
            for shade in 1..SHADES {
                let step = grey(Ink::Family(hue, shade)) - grey(Ink::Family(hue, shade - 1));
                assert!(step > 10.0, "{hue} {shade} {step}");
            }
        }
    }
}
