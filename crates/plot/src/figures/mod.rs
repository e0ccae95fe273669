//! One file per figure.

pub(crate) mod activations;
pub(crate) mod depth;
mod grid;
pub(crate) mod heat;
pub(crate) mod layer_maps;
pub(crate) mod layers;
pub(crate) mod lens;
pub(crate) mod maps;
pub(crate) mod moved;
pub(crate) mod multiples;
pub(crate) mod sense_plane;
pub(crate) mod similarity;
pub(crate) mod trajectory;
pub(crate) mod word_grid;
