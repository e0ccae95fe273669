//! Rules from the tensors of a checkpoint to weights.

/// One module of the checkpoint (without `.weight` and `.bias`) and its weights. `{i}` is the block, `{e}`
/// the expert. A module without `{e}` has the weights of all experts in one tensor: its outermost
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
    /// For each head, the rows of the first weight, then those of the next.
    SplitHeads,
}

/// A module that is one weight.
pub(super) const fn take(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Take }
}

/// A module that is one transposed weight.
pub(super) const fn transpose(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Transpose }
}

/// A transposed module with the columns of several weights in turn.
pub(super) const fn alternate(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::TransposeAlternate }
}

/// A module of several weights.
pub(super) const fn split(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Split }
}
