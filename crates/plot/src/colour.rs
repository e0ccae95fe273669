//! Colours: viridis for size, a zero-centred diverging map, Okabe-Ito for categories.

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];

/// Text and frames.
pub(crate) const INK: Rgb = [34, 34, 34];
/// Secondary text.
pub(crate) const SOFT: Rgb = [90, 90, 90];
/// Grid lines and frames.
pub(crate) const RULE: Rgb = [205, 205, 205];
/// Special tokens.
pub(crate) const MUTED: Rgb = [120, 120, 120];
/// Unknown tokens.
pub(crate) const UNKNOWN: Rgb = [178, 24, 43];
/// The page.
pub(crate) const PAPER: Rgb = [255, 255, 255];

/// Okabe & Ito (2008), with a dark yellow, since theirs is hard to see on white. The page has the same
/// order.
const CATEGORIES: [Rgb; 7] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [230, 159, 0],
    [140, 122, 0],
];

/// viridis (Smith & van der Walt 2015), at 17 even steps.
const VIRIDIS: [Rgb; 17] = [
    [68, 1, 84],
    [72, 24, 106],
    [71, 45, 123],
    [66, 64, 134],
    [59, 82, 139],
    [51, 99, 141],
    [44, 114, 142],
    [38, 130, 142],
    [33, 145, 140],
    [31, 160, 136],
    [40, 174, 128],
    [63, 188, 115],
    [94, 201, 98],
    [132, 212, 75],
    [173, 220, 48],
    [216, 226, 25],
    [253, 231, 37],
];

/// ColorBrewer RdBu (Brewer 2013), from blue over near-white to red.
const DIVERGING: [Rgb; 11] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];

/// The colour of category `index`. Repeated colours have different markers.
pub(crate) fn category(index: usize) -> Rgb {
    CATEGORIES.get(index % CATEGORIES.len()).copied().unwrap_or(INK)
}

/// A colour that is dark enough for text on white.
pub(crate) fn for_text(colour: Rgb) -> Rgb {
    let mut dark = colour;
    while luminance(dark) > 0.2 {
        dark = dark.map(|c| (u16::from(c) * 9 / 10) as u8);
    }
    dark
}

/// Black or white, whichever is more readable on `ground`.
pub(crate) fn over(ground: Rgb) -> Rgb {
    if luminance(ground) > 0.3 { [0, 0, 0] } else { [255, 255, 255] }
}

/// Relative luminance, gamma taken as 2.
fn luminance(colour: Rgb) -> f64 {
    let [r, g, b] = colour.map(|c| (f64::from(c) / 255.0) * (f64::from(c) / 255.0));
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Maps values to colours, for a matrix and its colour bar.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scale {
    /// viridis from `low` to `high`.
    Size { low: f64, high: f64 },
    /// viridis without its palest end, for lines and points on white.
    Depth { low: f64, high: f64 },
    /// Diverging, white at zero, from `-limit` to `limit`.
    Signed { limit: f64 },
}

impl From<&stratoscope_chart::Scale> for Scale {
    fn from(scale: &stratoscope_chart::Scale) -> Self {
        match scale.signed {
            true => Self::Signed { limit: scale.high },
            false => Self::Size { low: scale.low, high: scale.high },
        }
    }
}

impl Scale {
    pub(crate) fn range(self) -> (f64, f64) {
        match self {
            Self::Size { low, high } | Self::Depth { low, high } => (low, high),
            Self::Signed { limit } => (-limit, limit),
        }
    }

    /// The colour of `value`; values beyond the ends take the end's colour.
    pub(crate) fn colour(self, value: f64) -> Rgb {
        let (low, high) = self.range();
        let at = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        match self {
            Self::Size { .. } => between(&VIRIDIS, at),
            Self::Depth { .. } => between(&VIRIDIS, 0.9 * at),
            Self::Signed { .. } => between(&DIVERGING, at),
        }
    }
}

fn between(map: &[Rgb], at: f64) -> Rgb {
    let place = at * (map.len().saturating_sub(1)) as f64;
    let below = place as usize;
    let share = place - below as f64;
    let Some(&a) = map.get(below).or(map.last()) else {
        return INK;
    };
    let b = map.get(below + 1).copied().unwrap_or(a);
    std::array::from_fn(|i| {
        let (Some(&x), Some(&y)) = (a.get(i), b.get(i)) else {
            return 0;
        };
        (f64::from(x) + share * (f64::from(y) - f64::from(x))).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        let size = Scale::Size { low: 0.0, high: 2.0 };
        assert_eq!(size.colour(-1.0), VIRIDIS[0]);
        assert_eq!(size.colour(2.0), VIRIDIS[16]);
        assert_eq!(Scale::Signed { limit: 3.0 }.colour(0.0), [247, 247, 247]);
        assert_eq!(Scale::Signed { limit: 0.0 }.colour(0.0), [247, 247, 247]);
    }

    #[test]
    fn text_colours_are_dark_enough() {
        // 1.05 / (0.2 + 0.05) = 4.2: near the 4.5 : 1 contrast that reading wants.
        for index in 0..CATEGORIES.len() {
            assert!(luminance(for_text(category(index))) <= 0.2);
        }
    }
}
