//! The losses of the two targets, with their gradients with respect to the projected vectors.

use super::options::StructuralTarget;
use super::trees::Tree;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use stratoscope_numerics::product_into;

/// Rows of the distance matrix that are held at once: memory is linear in the length of a sentence.
const BLOCK: usize = 128;

impl StructuralTarget {
    /// The loss of one sentence, Σ_ij |d_tree − d_B| / |s|² or Σ_i |depth − d_B| / |s|, from its
    /// projected vectors `p` `[seen, rank]`. The gradient with respect to `p`, times `weight`, is
    /// written to `gradient`.
    pub(super) fn loss(
        self,
        tree: &Tree,
        p: ArrayView2<'_, f32>,
        weight: f32,
        gradient: ArrayViewMut2<'_, f32>,
    ) -> f64 {
        match self {
            Self::Distance => distance_loss(tree, p, weight, gradient),
            Self::Depth => depth_loss(tree, p, weight, gradient),
        }
    }
}

fn depth_loss(
    tree: &Tree,
    p: ArrayView2<'_, f32>,
    weight: f32,
    mut gradient: ArrayViewMut2<'_, f32>,
) -> f64 {
    let n = tree.len().max(1) as f32;
    let mut loss = 0.0;
    for ((p, mut g), depth) in p.outer_iter().zip(gradient.outer_iter_mut()).zip(tree.depths()) {
        let off = p.dot(&p) - depth as f32;
        loss += f64::from(off.abs());
        g.assign(&p);
        g *= 2.0 * sign(off) * weight / n;
    }
    loss / f64::from(n)
}

/// With s_ij the sign of d_B − d_tree: ∂/∂p_i = 4 / |s|² Σ_j s_ij (p_i − p_j), which is a matrix
/// product for all words at once.
fn distance_loss(
    tree: &Tree,
    p: ArrayView2<'_, f32>,
    weight: f32,
    mut gradient: ArrayViewMut2<'_, f32>,
) -> f64 {
    let n = tree.len();
    // Centring keeps distances, and loses fewer digits in f32.
    let centred = match p.mean_axis(Axis(0)) {
        Some(mean) => &p - &mean,
        None => return 0.0,
    };
    let squares: Vec<f32> = centred.outer_iter().map(|row| row.dot(&row)).collect();
    let factor = 4.0 * weight / (n as f32).powi(2);
    let mut loss = 0.0;
    for from in (0..n).step_by(BLOCK) {
        let block = centred.slice(s![from..n.min(from + BLOCK), ..]);
        let mut signs = Array2::zeros((block.nrows(), n));
        product_into(block, centred.t(), signs.view_mut());
        for (at, mut row) in signs.outer_iter_mut().enumerate() {
            let i = from + at;
            let mut sum = 0.0;
            for (j, (entry, length)) in row.iter_mut().zip(tree.distances(i)).enumerate() {
                let distance = (squares[i] + squares[j] - 2.0 * *entry).max(0.0);
                let off = if i == j { 0.0 } else { distance - length as f32 };
                loss += f64::from(off.abs());
                *entry = -factor * sign(off);
                sum -= *entry;
            }
            // The term of the word itself is on the diagonal.
            row[i] = sum;
        }
        let into = gradient.slice_mut(s![from..n.min(from + BLOCK), ..]);
        product_into(signs.view(), centred.view(), into);
    }
    loss / (n as f64).powi(2)
}

/// −1, 0 or 1; `signum` of 0 is 1.
fn sign(value: f32) -> f32 {
    if value == 0.0 { 0.0 } else { value.signum() }
}
