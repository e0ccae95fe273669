//! Anisotropy: the expected cosine of two words, the baseline of every cosine.

use ndarray::ArrayView2;
use stratoscope_numerics::Estimate;

use crate::error::Result;
use crate::rogue_dimensions::CosineSums;

/// The mean cosine of words from different sentences (Ethayarajh 2019): near 0 in an isotropic space,
/// near 1 in a narrow cone.
///
/// `x` is `[n, d_model]`; `sentences` `[n]` names the sentence of each row by any number. The mean is
/// over all pairs of sentences, and for each pair over all pairs of their words: with m_s the mean of
/// the unit vectors of sentence s, (‖Σ m_s‖² − Σ ‖m_s‖²) / (S (S − 1)). No word is drawn. The interval
/// is a [jackknife](crate::jackknife()) over sentences, whose parts the seed decides. A vector of
/// length 0 has cosine 0.
///
/// # Errors
/// Fewer than 3 sentences, different lengths, an entry that is not finite.
pub fn anisotropy(x: ArrayView2<f32>, sentences: &[usize], seed: u64) -> Result<Estimate> {
    CosineSums::of(x, sentences, seed)?.mean_cosine()
}
