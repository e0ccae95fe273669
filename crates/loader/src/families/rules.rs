//! Rules from the tensors of a checkpoint to weights.

use super::sinusoids::{sines as plain_sines, spaced_sines};

/// One module of the checkpoint (without `.weight` and `.bias`) and its weights. `{i}` is the block, `{c}` the
/// convolution, `{e}` the expert. A module without `{e}` has the weights of all experts in one tensor: its outermost
/// dimension counts them. A parameter that is no module has its bare name, and `_bias` in the place of
/// `.bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The canonical modules.
    pub(crate) to: &'static [&'static str],
    /// The module of the checkpoint.
    pub(crate) from: &'static str,
    /// How the module becomes the canonical ones.
    pub(crate) transform: Transform,
}

/// How a tensor of a checkpoint becomes weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Unchanged.
    Take,
    /// `[in, out]` to `[out, in]`.
    Transpose,
    /// The rows of the first weight, then those of the next.
    Split,
    /// `[in, out]`, with the columns of the first weight, then those of the next.
    TransposeSplit,
    /// `[in, out]`, with the columns of the first weight and of the next in turn.
    TransposeAlternate,
    /// For each head of keys, the rows of the first weight, then those of the next.
    SplitHeads,
    /// Rotating pairs `2 i` and `2 i + 1` of each head, to pairs `i` and `i + width / 2`. The order within
    /// a head does not change a score if it is that of queries and keys.
    Interleaved,
    /// For each quarter of the heads, the rows of the first weight, then those of the next; queries and
    /// keys [`Interleaved`](Self::Interleaved).
    SplitQuarters,
    /// Queries, and the shared part of keys, of latent attention. Rotating pairs `2 i` and `2 i + 1` at the
    /// end of each head of queries, to pairs `i` and `i + width / 2` at its beginning; the rows of the first
    /// weight, then those of the next, of which the shared part has such pairs.
    Latent,
    /// A norm that stores its weight − 1.
    PlusOne,
    /// The name is that of the bias itself, without an ending.
    Bias,
    /// The kernel of a grouped convolution of width 1, as a matrix.
    Grouped,
    /// The kernel `[out, in, time]` of a convolution over time, as a matrix `[out, time × in]`.
    Kernel,
    /// [`Kernel`](Self::Kernel) of a module with weight normalisation, whose weight is in two tensors:
    /// `weight_g` and `weight_v`, or `parametrizations.weight.original0` and `original1`.
    NormedKernel,
    /// The values in their order, in the shape of the weight: the kernel of a convolution as a matrix, or
    /// without dimensions of size 1.
    Reshape,
    /// Without a tensor in the checkpoint, the values follow from the shape.
    Made(Made),
}

/// Values that follow from the shape of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// A bias of zeros, for a module that has a weight.
    NoBias,
    /// Ones.
    Ones,
    /// Positions as [`sines`](super::sinusoids::sines).
    Sines,
    /// Positions as [`spaced_sines`](super::sinusoids::spaced_sines).
    SpacedSines {
        /// The padding id, whose row is 0.
        padding_id: u32,
    },
}

impl Made {
    /// Whether it gives a weight with this ending of its name.
    pub(crate) fn is_for(self, kind: &str) -> bool {
        (self == Self::NoBias) == (kind == "bias")
    }

    /// The values of a shape, in row-major order.
    pub(crate) fn values(self, shape: &[usize]) -> Vec<f32> {
        let (rows, width) = (shape[0], shape.iter().skip(1).product());
        match self {
            Self::NoBias => vec![0.0; rows],
            Self::Ones => vec![1.0; rows * width],
            Self::Sines => plain_sines(rows, width),
            Self::SpacedSines { padding_id } => spaced_sines(rows, width, padding_id),
        }
    }
}

/// One table of the rules of several.
macro_rules! tables {
    ($($table:expr),+ $(,)?) => {{
        const TABLES: &[&[$crate::families::Rule]] = &[$(&$table),+];
        const ALL: [$crate::families::Rule; $crate::families::rules::len(TABLES)] =
            $crate::families::rules::joined(TABLES);
        &ALL
    }};
}
pub(super) use tables;

/// The number of rules in some tables.
pub(super) const fn len(mut tables: &[&[Rule]]) -> usize {
    let mut sum = 0;
    while let [first, rest @ ..] = tables {
        (sum, tables) = (sum + first.len(), rest);
    }
    sum
}

/// The rules of some tables.
pub(super) const fn joined<const N: usize>(mut tables: &[&[Rule]]) -> [Rule; N] {
    let mut all = [take(&[], ""); N];
    let mut place = 0;
    while let [first, rest @ ..] = tables {
        let mut i = 0;
        while i < first.len() {
            all[place] = first[i];
            (place, i) = (place + 1, i + 1);
        }
        tables = rest;
    }
    all
}

/// A module that is one weight.
pub(super) const fn take(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Take }
}

/// A module that is one weight in another shape.
pub(super) const fn reshape(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Reshape }
}

/// A module that is one transposed weight.
pub(super) const fn transpose(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Transpose }
}

/// A module of queries or keys with [`Transform::Interleaved`] pairs.
pub(super) const fn interleaved(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Interleaved }
}

/// A module of latent attention with [`Transform::Latent`] pairs.
pub(super) const fn latent(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Latent }
}

/// The weights of a module that has no bias, where the architecture has one.
pub(super) const fn no_bias(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Made(Made::NoBias) }
}

/// A table of positions that the checkpoint may leave out.
pub(super) const fn sines(to: &'static [&'static str], from: &'static str, made: Made) -> Rule {
    Rule { to, from, transform: Transform::Made(made) }
}

/// A weight that the checkpoint does not have.
pub(super) const fn made(to: &'static [&'static str], made: Made) -> Rule {
    Rule { to, from: "", transform: Transform::Made(made) }
}

/// A transposed module with the columns of several weights in turn.
pub(super) const fn alternate(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::TransposeAlternate }
}

/// A convolution over time.
pub(super) const fn kernel(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Kernel }
}

/// A convolution over time with weight normalisation.
pub(super) const fn normed_kernel(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::NormedKernel }
}

/// A module of several weights.
pub(super) const fn split(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Split }
}
