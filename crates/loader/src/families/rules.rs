//! Rules from the tensors of a checkpoint to weights.

/// One module of the checkpoint (without `.weight` and `.bias`) and its weights. `{i}` is the block.
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
    /// For each head, the rows of the first weight, then those of the next.
    SplitHeads,
    /// The name is that of the bias itself, without an ending.
    Bias,
    /// The kernel of a grouped convolution of width 1, as a matrix.
    Grouped,
    /// Without a tensor in the checkpoint, the values follow from the shape.
    Made(Made),
}

/// Values that follow from the shape of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// A bias of zeros, for a module that has a weight.
    NoBias,
    /// Positions as sines, then cosines, of frequencies `10000^(-2i / width)` (Vaswani et al. 2017).
    Sines,
    /// The same with frequencies `10000^(-i / (width / 2 - 1))`, and zeros in the row of the padding id
    /// (Fan et al. 2020).
    SpacedSines {
        /// The padding id.
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
        let (rows, width) = (shape[0], shape.iter().skip(1).product::<usize>());
        let spaced = matches!(self, Self::SpacedSines { .. });
        let half = if spaced { width / 2 } else { width.div_ceil(2) };
        let row = |row: usize| {
            (0..width).map(move |at| {
                let (i, cosine) = if at < half { (at, false) } else { (at - half, true) };
                let angle = match self {
                    Self::NoBias => return 0.0,
                    Self::SpacedSines { padding_id }
                        if row == padding_id as usize || at >= 2 * half =>
                    {
                        return 0.0;
                    }
                    Self::Sines => row as f64 / 10_000f64.powf((2 * i) as f64 / width as f64),
                    // In f32, as in the reference.
                    Self::SpacedSines { .. } => {
                        let step = 10_000f64.ln() / (half as f64 - 1.0);
                        f64::from(row as f32 * (i as f32 * -step as f32).exp())
                    }
                };
                (if cosine { angle.cos() } else { angle.sin() }) as f32
            })
        };
        match self {
            Self::NoBias => vec![0.0; rows],
            _ => (0..rows).flat_map(row).collect(),
        }
    }
}

/// A module that is one weight.
pub(super) const fn take(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Take }
}

/// A module that is one transposed weight.
pub(super) const fn transpose(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Transpose }
}

/// The weights of a module that has no bias, where the architecture has one.
pub(super) const fn no_bias(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Made(Made::NoBias) }
}

/// A table of positions that the checkpoint may leave out.
pub(super) const fn sines(to: &'static [&'static str], from: &'static str, made: Made) -> Rule {
    Rule { to, from, transform: Transform::Made(made) }
}

/// A module of several weights.
pub(super) const fn split(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Split }
}
