//! Which tensor of a checkpoint is which weight.

/// One module of the checkpoint (without `.weight` and `.bias`) and the weights that it holds.
/// `{i}` is the block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// Canonical modules.
    pub(crate) to: &'static [&'static str],
    /// The checkpoint's module.
    pub(crate) from: &'static str,
    /// What has to be done to it.
    pub(crate) transform: Transform,
}

/// How a tensor of a checkpoint becomes weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    /// As it is.
    Take,
    /// `[in, out]` to `[out, in]`.
    Transpose,
    /// The weights' rows one after the other.
    Split,
    /// `[in, out]`, with the weights' columns one after the other.
    TransposeSplit,
    /// Of every head the rows of each weight one after the other, then those of the next head.
    SplitHeads,
}

/// A module that is a weight as it is.
pub(super) const fn take(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Take }
}

/// A module with its matrix the other way round.
pub(super) const fn transpose(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Transpose }
}

/// Several weights in one module.
pub(super) const fn split(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Split }
}
