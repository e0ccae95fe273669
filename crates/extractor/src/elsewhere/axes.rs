//! The order of the axes of an array of states.

use std::fmt;
use std::str::FromStr;

/// An axis of an array of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Layers,
    /// Texts, padded to one length.
    Batch,
    Tokens,
    /// The dimensions of a state.
    D,
}

impl Axis {
    const ALL: [Self; 4] = [Self::Layers, Self::Batch, Self::Tokens, Self::D];

    fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Batch => "batch",
            Self::Tokens => "tokens",
            Self::D => "d",
        }
    }
}

/// The order of the axes of an array of states, such as `tokens,layers,d`: `layers`, `tokens` and `d`,
/// each once, and `batch` where several texts are padded to one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes(Vec<Axis>);

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|axis| axis.name()).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of = |name: &str| Axis::ALL.into_iter().find(|axis| axis.name() == name.trim());
        let axes: Option<Vec<Axis>> = text.split(',').map(of).collect();
        let once = |axes: &[Axis], axis| axes.iter().filter(|own| **own == axis).count() == 1;
        let is_order = |axes: &Vec<Axis>| {
            let needed = [Axis::Layers, Axis::Tokens, Axis::D];
            needed.into_iter().all(|axis| once(axes, axis))
                && (axes.len() == 3 || axes.len() == 4 && once(axes, Axis::Batch))
        };
        axes.filter(is_order).map(Self).ok_or_else(|| {
            "the axes are layers, tokens and d, each once, in the order of the array, and batch where texts are padded, such as tokens,layers,d or layers,batch,tokens,d".to_owned()
        })
    }
}

/// The sizes that other arrays tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// The number of layers.
    pub(super) layers: Option<usize>,
    /// The number of padded texts.
    pub(super) batch: Option<usize>,
    /// The number of tokens; of padded texts that of each.
    pub(super) tokens: Option<usize>,
}

impl Axes {
    /// The order of axes without padded texts.
    const PACKED: [[Axis; 3]; 2] =
        [[Axis::Layers, Axis::Tokens, Axis::D], [Axis::Tokens, Axis::Layers, Axis::D]];

    /// The orders of axes with padded texts.
    const PADDED: [[Axis; 4]; 3] = [
        [Axis::Layers, Axis::Batch, Axis::Tokens, Axis::D],
        [Axis::Batch, Axis::Layers, Axis::Tokens, Axis::D],
        [Axis::Batch, Axis::Tokens, Axis::Layers, Axis::D],
    ];

    /// The order of the program's own files.
    pub(super) fn own() -> Self {
        Self(Self::PACKED[0].to_vec())
    }

    /// The order of an array with a shape: the given order, or else the only one that fits the other
    /// arrays. Two axes of one size are not told apart.
    ///
    /// # Errors
    /// A shape of another rank; no order that fits, or several.
    pub(super) fn of(given: Option<&Self>, shape: &[usize], known: Known) -> Result<Self, String> {
        let shown = || format!("{shape:?}").replace(", ", " × ");
        if let Some(axes) = given {
            if axes.0.len() != shape.len() {
                return Err(format!(
                    "hidden_states is {}, and --axes {axes} names {} axes",
                    shown(),
                    axes.0.len()
                ));
            }
            return match axes.conflict(shape, known) {
                None => Ok(axes.clone()),
                Some((axis, own, other)) => Err(format!(
                    "hidden_states is {}, so by --axes {axes} it has {axis} {own}, but its other arrays have {other}",
                    shown()
                )),
            };
        }
        let orders: Vec<Self> = match shape.len() {
            3 => Self::PACKED.iter().map(|axes| Self(axes.to_vec())).collect(),
            4 => Self::PADDED.iter().map(|axes| Self(axes.to_vec())).collect(),
            _ => {
                return Err(format!(
                    "hidden_states is {}; layers, tokens and d_model are expected (and batch, if texts are padded)",
                    shown()
                ));
            }
        };
        let fits: Vec<Self> =
            orders.into_iter().filter(|axes| axes.conflict(shape, known).is_none()).collect();
        // Without a number of tokens, nothing tells tokens and layers apart.
        match (&fits[..], known.tokens.or(known.layers)) {
            ([axes], Some(_)) => Ok(axes.clone()),
            ([], _) => {
                let sizes = known.in_words();
                Err(format!(
                    "hidden_states is {}, which does not fit the other arrays ({sizes})",
                    shown()
                ))
            }
            _ => Err(format!(
                "hidden_states is {}, and {} layers and tokens apart: name the order with --axes, such as --axes layers,tokens,d",
                shown(),
                match known.in_words() {
                    none if none.is_empty() => "no other array tells".to_owned(),
                    sizes => format!("the other arrays ({sizes}) do not tell"),
                }
            )),
        }
    }

    /// The first axis whose size is not what is known: its name, its size, and what is known.
    fn conflict(&self, shape: &[usize], known: Known) -> Option<(&'static str, usize, usize)> {
        self.0.iter().zip(shape).find_map(|(axis, &size)| {
            let other = match axis {
                Axis::Layers => known.layers,
                Axis::Batch => known.batch,
                Axis::Tokens => known.tokens,
                Axis::D => None,
            };
            other.filter(|other| *other != size).map(|other| (axis.name(), size, other))
        })
    }

    /// Where layers, batch (if there is one), tokens and dimensions are.
    pub(super) fn places(&self) -> [Option<usize>; 4] {
        Axis::ALL.map(|axis| self.0.iter().position(|own| *own == axis))
    }
}

impl Known {
    fn in_words(self) -> String {
        let part = |name: &str, size: Option<usize>| size.map(|size| format!("{name} {size}"));
        let parts =
            [part("layers", self.layers), part("batch", self.batch), part("tokens", self.tokens)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_inferred_only_if_it_is_the_only_one() {
        let of = |given: Option<&str>, shape: &[usize], known| {
            let given = given.map(|text| text.parse().unwrap());
            Axes::of(given.as_ref(), shape, known).map(|axes| axes.to_string())
        };
        let tokens = |n| Known { tokens: Some(n), ..Known::default() };
        let padded = |batch, n| Known { batch: Some(batch), tokens: Some(n), layers: None };
        for (given, shape, known, expected) in [
            (None, &[3, 7, 4][..], tokens(7), "layers,tokens,d"),
            (None, &[7, 3, 4], tokens(7), "tokens,layers,d"),
            (None, &[7, 3, 4], Known { layers: Some(3), ..Known::default() }, "tokens,layers,d"),
            (None, &[3, 2, 7, 4], padded(2, 7), "layers,batch,tokens,d"),
            (None, &[2, 3, 7, 4], padded(2, 7), "batch,layers,tokens,d"),
            (None, &[2, 7, 3, 4], padded(2, 7), "batch,tokens,layers,d"),
            (Some("tokens,layers,d"), &[3, 3, 4], tokens(3), "tokens,layers,d"),
            (Some("d, tokens, layers"), &[4, 3, 2], tokens(3), "d,tokens,layers"),
        ] {
            assert_eq!(of(given, shape, known).unwrap(), expected);
        }
        for (given, shape, known, said) in [
            (None, &[3, 3, 4][..], tokens(3), "(tokens 3) do not tell layers and tokens apart"),
            (None, &[3, 7, 4], Known::default(), "no other array tells layers"),
            (
                None,
                &[3, 7, 4],
                tokens(5),
                "[3 × 7 × 4], which does not fit the other arrays (tokens 5)",
            ),
            (None, &[7, 4], tokens(7), "layers, tokens and d_model are expected"),
            (None, &[2, 2, 7, 4], padded(2, 7), "do not tell"),
            (
                Some("tokens,layers,d"),
                &[3, 7, 4],
                tokens(7),
                "by --axes tokens,layers,d it has tokens 3, but its other arrays have 7",
            ),
            (Some("layers,batch,tokens,d"), &[3, 7, 4], tokens(7), "names 4 axes"),
        ] {
            let said_now = of(given, shape, known).unwrap_err();
            assert!(said_now.contains(said), "{said_now}");
        }
        for wrong in ["", "layers,tokens", "layers,tokens,tokens", "layers,tokens,d,d", "a,b,c"] {
            assert!(wrong.parse::<Axes>().is_err(), "{wrong}");
        }
    }
}
