//! Centred kernel alignment of all pairs of layers at once, with intervals.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use stratoscope_numerics::Estimate;

use crate::centred::Centred;
use crate::checks::same_length;
use crate::error::{GeometryError, Result};
use crate::gram::{Blocks, GAUSSIAN, LINEAR, Sums, median_distance, pairs};
use crate::jackknife::Parts;

/// Layer × layer CKA over the same items, `[layers, layers]` each, symmetric, with
/// [jackknife](crate::jackknife()) intervals. None in the row and column of a layer that does not
/// vary; in [`CkaMap::rbf`], of a layer where most pairs of vectors coincide; in
/// [`CkaMap::debiased`], of a layer whose debiased term with itself is not positive.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CkaMap {
    /// [`crate::linear_cka`].
    pub linear: Array2<Option<Estimate>>,
    /// [`crate::debiased_cka`]: preferable for few items in many dimensions.
    pub debiased: Array2<Option<Estimate>>,
    /// [`crate::rbf_cka`] at width 0.5; the intervals keep the bandwidth of all items.
    pub rbf: Array2<Option<Estimate>>,
}

/// Linear, debiased and RBF CKA of all pairs of `layers`, each `[n, d]` over the same n items: layers
/// of one model or of several, with any widths. `sentences` `[n]` names the sentence of each item;
/// intervals are over sentences.
///
/// Kernels are computed block by block, once per layer, and not stored: memory is n²/2 distances,
/// time n² (Σ d + layers²). Take a sample of about 4,000 items ([`crate::choose_rows`]).
///
/// # Errors
/// Different numbers of rows, fewer than 4 rows, an entry that is not finite.
pub fn cka_map(layers: &[ArrayView2<f32>], sentences: &[usize], seed: u64) -> Result<CkaMap> {
    let n = sentences.len();
    layers.iter().try_for_each(|x| same_length("rows of a layer", n, x.nrows()))?;
    if n < 4 {
        return Err(GeometryError::TooFew { measure: "CKA", needed: 4, found: n });
    }
    let clouds: Vec<Centred> =
        layers.par_iter().map(|&x| Centred::new(x)).collect::<Result<_>>()?;
    let parts = Parts::new(sentences, seed);
    let blocks = Blocks::of(&parts);
    let medians: Vec<f64> = clouds.iter().map(|cloud| median_distance(cloud, &blocks)).collect();
    let sums = Sums::of(&clouds, &medians, &parts, &blocks);
    Ok(map_of(&sums, &parts))
}

/// The map from the sums.
fn map_of(sums: &Sums, parts: &Parts) -> CkaMap {
    let whole = Estimates::of(sums, parts, None);
    let without: Vec<Estimates> = (0..parts.count)
        .into_par_iter()
        .map(|part| Estimates::of(sums, parts, Some(part)))
        .collect();
    let fill = |pick: fn(&Estimates) -> &Vec<Option<f64>>, min: f64| {
        let mut map = Array2::from_elem((sums.layers, sums.layers), None);
        for (place, (a, b)) in pairs(sums.layers).enumerate() {
            let Some(value) = pick(&whole)[place] else { continue };
            let found = parts.estimate(value, |part| pick(&without[part])[place]);
            map[[a, b]] = Some(found.within(min, 1.0));
            map[[b, a]] = map[[a, b]];
        }
        map
    };
    CkaMap {
        linear: fill(|e| &e.linear, 0.0),
        debiased: fill(|e| &e.debiased, -1.0),
        rbf: fill(|e| &e.rbf, 0.0),
    }
}

/// The three kinds of CKA of every pair, over all rows or without one part.
struct Estimates {
    linear: Vec<Option<f64>>,
    debiased: Vec<Option<f64>>,
    rbf: Vec<Option<f64>>,
}

impl Estimates {
    fn of(sums: &Sums, parts: &Parts, without: Option<usize>) -> Self {
        let kept: Vec<usize> =
            (0..parts.of_row.len()).filter(|&row| Some(parts.of_row[row]) != without).collect();
        let m = kept.len() as f64;
        let layers = sums.layers;
        let n_pairs = layers * (layers + 1) / 2;
        // Σ_j K_ij over the kept rows, by kernel and layer; of the linear kernel also without K_ii.
        let row_sums = |rows: &Array2<f64>| -> Vec<f64> {
            let left_out = |row: usize| without.map_or(0.0, |part| rows[[row, part]]);
            kept.iter().map(|&row| rows.row(row).sum() - left_out(row)).collect()
        };
        let rows: Vec<Vec<f64>> = sums.rows.par_iter().map(row_sums).collect();
        let diagonals: Vec<Vec<f64>> = (sums.diagonals.iter())
            .map(|diagonal| kept.iter().map(|&row| diagonal[row]).collect())
            .collect();
        let off_diagonal: Vec<Vec<f64>> = (rows.iter().zip(&diagonals))
            .map(|(rows, own)| rows.iter().zip(own).map(|(sum, own)| sum - own).collect())
            .collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let total = |a: &[f64]| a.iter().sum::<f64>();
        let inner = |kernel: usize, pair: usize| {
            let all = &sums.inner[kernel * n_pairs + pair];
            let left_out =
                without.map_or(0.0, |part| 2.0 * all.row(part).sum() - all[[part, part]]);
            all.sum() - left_out
        };
        // The inner products of the doubly centred kernels.
        let centred = |kernel: usize| -> Vec<f64> {
            let rows = &rows[kernel * layers..][..layers];
            let of = |(pair, (a, b)): (usize, (usize, usize))| {
                let (a, b) = (&rows[a], &rows[b]);
                inner(kernel, pair) - 2.0 / m * dot(a, b) + total(a) * total(b) / (m * m)
            };
            pairs(layers).enumerate().map(of).collect()
        };
        // The unbiased estimator of Song et al. 2007, times m (m − 3).
        let unbiased = |(pair, (a, b)): (usize, (usize, usize))| {
            let totals = total(&off_diagonal[a]) * total(&off_diagonal[b]);
            inner(LINEAR, pair) - dot(&diagonals[a], &diagonals[b])
                + totals / ((m - 1.0) * (m - 2.0))
                - 2.0 / (m - 2.0) * dot(&off_diagonal[a], &off_diagonal[b])
        };
        let debiased: Vec<f64> = pairs(layers).enumerate().map(unbiased).collect();
        let enough = |needed: usize| kept.len() >= needed;
        Self {
            linear: ratios(sums, &centred(LINEAR), LINEAR, enough(2)),
            debiased: ratios(sums, &debiased, LINEAR, enough(4)),
            rbf: ratios(sums, &centred(GAUSSIAN), GAUSSIAN, enough(2)),
        }
    }
}

/// Below this share of all terms, the term of a layer with itself is rounding.
const ROUNDING: f64 = 1e-13;

/// D(a, b) / √(D(a, a) D(b, b)) of every pair, where it is defined.
fn ratios(sums: &Sums, inner: &[f64], kernel: usize, enough: bool) -> Vec<Option<f64>> {
    let own: Vec<f64> =
        pairs(sums.layers).zip(inner).filter(|((a, b), _)| a == b).map(|(_, v)| *v).collect();
    let defined = |layer: usize| {
        let own_pair = pairs(sums.layers).position(|pair| pair == (layer, layer));
        let n_pairs = inner.len();
        let scale = own_pair.map_or(0.0, |pair| sums.inner[kernel * n_pairs + pair].sum());
        enough && sums.varies[kernel * sums.layers + layer] && own[layer] > ROUNDING * scale
    };
    let defined: Vec<bool> = (0..sums.layers).map(defined).collect();
    pairs(sums.layers)
        .zip(inner)
        .map(|((a, b), value)| {
            let ratio = value / (own[a].sqrt() * own[b].sqrt());
            (defined[a] && defined[b] && ratio.is_finite()).then(|| ratio.clamp(-1.0, 1.0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jackknife::jackknife;
    use crate::{debiased_cka, linear_cka, rbf_cka};
    use ndarray::{Axis, s};
    use rand::Rng;
    use stratoscope_numerics::generator;

    fn layers(n: usize) -> Vec<Array2<f32>> {
        let mut rng = generator(4);
        let mut noise = |d| Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0..1.0f32));
        let first = noise(6);
        let second = &first * 2.0 + noise(6) + 5.0;
        let wide = ndarray::concatenate![Axis(1), first, noise(3)];
        vec![first, second, wide, Array2::from_elem((n, 2), 0.1)]
    }

    #[test]
    fn the_map_holds_the_cka_of_pairs() {
        // Sentences of 3, so that the last block is not full; more rows than one block.
        for (n, sentences_of) in [(300, 3), (300, 300), (31, 2), (9, 1)] {
            let layers = layers(n);
            let sentences: Vec<usize> = (0..n).map(|i| i / sentences_of).collect();
            let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
            let map = cka_map(&views, &sentences, 1).unwrap();
            for (a, b) in pairs(3) {
                let (x, y) = (views[a], views[b]);
                let near = |found: &Array2<Option<Estimate>>, expected: f64| {
                    let value = found[[a, b]].unwrap().value;
                    assert!((value - expected).abs() < 1e-10, "{n} {a} {b}: {value} {expected}");
                    assert_eq!(found[[a, b]], found[[b, a]]);
                };
                near(&map.linear, linear_cka(x, y).unwrap());
                near(&map.debiased, debiased_cka(x, y).unwrap());
                near(&map.rbf, rbf_cka(x, y, 0.5).unwrap());
            }
            assert!((0..4).all(|l| map.linear[[l, 3]].is_none() && map.rbf[[3, l]].is_none()));
        }
    }

    #[test]
    fn intervals_are_those_of_pairs() {
        let layers = layers(90);
        let sentences: Vec<usize> = (0..90).map(|i| i / 5).collect();
        let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
        let map = cka_map(&views, &sentences, 7).unwrap();
        for (found, cka) in [
            (map.linear, linear_cka as fn(ArrayView2<f32>, ArrayView2<f32>) -> Result<f64>),
            (map.debiased, debiased_cka),
        ] {
            let direct = jackknife(&sentences, 7, |rows| {
                let [x, y] = [0, 1].map(|layer| views[layer].select(Axis(0), rows));
                cka(x.view(), y.view())
            });
            let (direct, found) = (direct.unwrap(), found[[0, 1]].unwrap());
            let low = |e: &Estimate| e.low().unwrap();
            assert!((low(&direct) - low(&found)).abs() < 1e-10, "{direct:?} {found:?}");
            assert_eq!(found.n, 18);
        }
        let rbf = map.rbf[[0, 1]].unwrap();
        let [low, high] = rbf.interval.unwrap();
        assert!(low < rbf.value && rbf.value < high && high - low < 0.3, "{rbf:?}");
    }

    #[test]
    fn hostile_maps() {
        let layers = layers(12);
        let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
        let one = cka_map(&views, &[0; 12], 0).unwrap();
        assert_eq!(one.linear[[0, 0]].unwrap().interval, None);
        let few: Vec<_> = views.iter().map(|x| x.slice(s![..3, ..])).collect();
        assert!(matches!(cka_map(&few, &[0; 3], 0), Err(GeometryError::TooFew { .. })));
        assert!(matches!(cka_map(&views, &[0; 3], 0), Err(GeometryError::Length { .. })));
        assert_eq!(cka_map(&[], &[0; 12], 0).unwrap().linear.dim(), (0, 0));
        // Most rows are equal: the median distance is 0, and there is variance.
        let mut rows = Array2::zeros((12, 2));
        rows[[0, 0]] = 1.0f32;
        rows[[1, 1]] = -1.0;
        let map = cka_map(&[rows.view(), views[0]], &[0; 12], 0).unwrap();
        assert!(map.linear[[0, 1]].is_some() && map.rbf[[0, 1]].is_none());
        assert!(
            cka_map(&[Array2::zeros((12, 0)).view()], &[0; 12], 0).unwrap().rbf[[0, 0]].is_none()
        );
    }
}
