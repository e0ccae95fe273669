//! The direction from one class of vectors to another, and how well it separates vectors that it was not
//! computed from.

use ndarray::{Array1, ArrayView2};
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use stratoscope_numerics::{Estimate, generator, percentile};

use crate::auc::{Within, auc_within};
use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};

/// The parts of the items: a direction is computed from all parts but one, and tested on that one.
pub const FOLDS: usize = 5;

/// Random directions of the control.
const RANDOM: usize = 200;

/// The items of two classes. All lists are `[n]`.
#[derive(Debug, Clone)]
pub struct Sides {
    /// Whether the item is of the first class.
    pub positive: Vec<bool>,
    /// Items of one group (equal texts, for example) are in one fold.
    pub groups: Vec<usize>,
    /// The length of the item, for the control of lengths.
    pub lengths: Vec<usize>,
    /// The seed of folds, random directions and intervals.
    pub seed: u64,
}

/// The direction of one layer, and how well it separates the classes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Separation {
    /// The mean of the first class less that of the second, over all items, `[d_model]`.
    pub direction: Array1<f64>,
    /// The mean of all items, `[d_model]`.
    pub mean: Array1<f64>,
    /// `[n]`: the place of each item along the direction of the other folds (of length 1), from the middle
    /// of their class means.
    pub held_out: Vec<f64>,
    /// The area under the ROC curve of `held_out`, within folds. None if no fold has both classes.
    pub auc: Option<Estimate>,
    /// The area between items of the same length.
    pub auc_same_length: Option<Estimate>,
    /// The areas that 95 of 100 random directions have (2.5 % to 97.5 %); each gets its sign from the other
    /// folds.
    pub random: Option<[f64; 2]>,
}

impl Sides {
    /// `[n]`: the fold of each item. Groups are in random order; the groups of each class are spread evenly.
    fn folds(&self) -> Vec<usize> {
        let mut of_group: BTreeMap<usize, bool> = BTreeMap::new();
        for (group, positive) in self.groups.iter().zip(&self.positive) {
            of_group.entry(*group).or_insert(*positive);
        }
        let mut rng = generator(self.seed);
        let mut fold: BTreeMap<usize, usize> = BTreeMap::new();
        for class in [true, false] {
            let own = of_group.iter().filter(|(_, of)| **of == class);
            let mut own: Vec<usize> = own.map(|(group, _)| *group).collect();
            own.shuffle(&mut rng);
            fold.extend(own.into_iter().enumerate().map(|(place, group)| (group, place % FOLDS)));
        }
        self.groups.iter().map(|group| fold[group]).collect()
    }
}

/// The difference of the means of two classes in `x` `[n, d_model]` as a direction: its area under the ROC
/// curve on items that it was not computed from ([`FOLDS`]-fold), beside random directions, and between
/// items of one length (Marks & Tegmark 2023 call it the mass-mean direction).
///
/// # Errors
/// Lists of another length, fewer than two items of a class, an entry that is not finite.
pub fn separation(x: ArrayView2<f32>, sides: &Sides) -> Result<Separation> {
    let x = finite(x)?;
    let n = x.nrows();
    same_length("labels", n, sides.positive.len())?;
    same_length("groups", n, sides.groups.len())?;
    same_length("lengths", n, sides.lengths.len())?;
    for (class, measure) in
        [(true, "items of the first class"), (false, "items of the second class")]
    {
        let found = sides.positive.iter().filter(|of| **of == class).count();
        if found < 2 {
            return Err(GeometryError::TooFew { measure, needed: 2, found });
        }
    }
    let d = x.ncols();
    let folds = sides.folds();
    // Sums and counts of each fold and class.
    let mut sums = vec![[Array1::<f64>::zeros(d), Array1::zeros(d)]; FOLDS];
    let mut counts = [[0.0f64; 2]; FOLDS];
    for (i, row) in x.outer_iter().enumerate() {
        let class = usize::from(!sides.positive[i]);
        sums[folds[i]][class] += &row;
        counts[folds[i]][class] += 1.0;
    }
    let means = |without: Option<usize>| -> Option<[Array1<f64>; 2]> {
        let of = |class: usize| {
            let (mut sum, mut count) = (Array1::<f64>::zeros(d), 0.0);
            for fold in (0..FOLDS).filter(|&fold| Some(fold) != without) {
                sum += &sums[fold][class];
                count += counts[fold][class];
            }
            (count > 0.0).then(|| sum / count)
        };
        Some([of(0)?, of(1)?])
    };
    let nothing =
        || GeometryError::TooFew { measure: "items of a class in each fold", needed: 1, found: 0 };
    let [first, second] = means(None).ok_or_else(nothing)?;
    let others: Vec<[Array1<f64>; 2]> =
        (0..FOLDS).map(|fold| means(Some(fold)).ok_or_else(nothing)).collect::<Result<_>>()?;
    // Along each fold's direction, from the middle of the means.
    let along: Vec<(Array1<f64>, f64)> = others
        .iter()
        .map(|[a, b]| {
            let direction = a - b;
            let length = direction.dot(&direction).sqrt();
            let unit = if length > 0.0 { direction / length } else { direction };
            let middle = unit.dot(&((a + b) / 2.0));
            (unit, middle)
        })
        .collect();
    let held_out: Vec<f64> = x
        .outer_iter()
        .zip(&folds)
        .map(|(row, &fold)| row.dot(&along[fold].0) - along[fold].1)
        .collect();
    let auc = auc_within(&held_out, &sides.positive, &folds, sides.seed)?;
    let longest = sides.lengths.iter().max().map_or(1, |longest| longest + 1);
    let strata: Vec<usize> =
        folds.iter().zip(&sides.lengths).map(|(fold, length)| fold * longest + length).collect();
    let auc_same_length = auc_within(&held_out, &sides.positive, &strata, sides.seed)?;
    let random = random_areas(&x, sides, &folds, &others)?;
    let mean = x.sum_axis(ndarray::Axis(0)) / n as f64;
    Ok(Separation { direction: first - second, mean, held_out, auc, auc_same_length, random })
}

/// The areas of random directions, 2.5 % to 97.5 %.
fn random_areas(
    x: &ndarray::Array2<f64>,
    sides: &Sides,
    folds: &[usize],
    others: &[[Array1<f64>; 2]],
) -> Result<Option<[f64; 2]>> {
    let mut rng = generator(sides.seed.wrapping_add(1));
    let once = vec![1; x.nrows()];
    let mut areas = Vec::with_capacity(RANDOM);
    for _ in 0..RANDOM {
        // The sum of uniform numbers is near enough to a normal one for a random direction.
        let direction: Array1<f64> =
            (0..x.ncols()).map(|_| (0..6).map(|_| rng.gen_range(-1.0..1.0)).sum()).collect();
        let sign: Vec<f64> = others.iter().map(|[a, b]| (a - b).dot(&direction).signum()).collect();
        let scores: Vec<f64> =
            x.dot(&direction).iter().zip(folds).map(|(v, &f)| v * sign[f]).collect();
        areas.extend(Within::new(&scores, &sides.positive, folds).area(&once));
    }
    areas.sort_unstable_by(f64::total_cmp);
    Ok(percentile(&areas, 0.025).zip(percentile(&areas, 0.975)).map(|(low, high)| [low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn sides(n: usize) -> Sides {
        Sides {
            positive: (0..n).map(|i| i % 2 == 0).collect(),
            groups: (0..n).collect(),
            lengths: vec![3; n],
            seed: 7,
        }
    }

    fn noise(n: usize, d: usize, seed: u64) -> Array2<f32> {
        let mut rng = generator(seed);
        Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0f32..1.0))
    }

    #[test]
    fn a_planted_direction_is_found() {
        let sides = sides(200);
        let mut x = noise(200, 20, 1);
        x.outer_iter_mut().zip(&sides.positive).for_each(|(mut row, &of)| {
            row[3] += if of { 1.0 } else { -1.0 };
            row[7] += if of { 0.5 } else { -0.5 };
        });
        let found = separation(x.view(), &sides).unwrap();
        let unit = &found.direction / found.direction.dot(&found.direction).sqrt();
        assert!(unit[3] > 0.8 && unit[7] > 0.35, "{unit}");
        let auc = found.auc.unwrap();
        assert!(auc.low().unwrap() > 0.95, "{auc:?}");
        assert!(found.random.unwrap()[1] < auc.value, "{found:?}");
        assert_eq!(found.auc, found.auc_same_length);
        assert_eq!(found, separation(x.view(), &sides).unwrap());
    }

    /// Without a difference, held-out areas are 0.5 on average: no fold sees its own items.
    #[test]
    fn noise_has_no_direction() {
        let mut outside = 0;
        let mut sum = 0.0;
        for seed in 0..100 {
            let found = separation(noise(60, 10, 100 + seed).view(), &Sides { seed, ..sides(60) });
            let auc = found.unwrap().auc.unwrap();
            sum += auc.value;
            outside += usize::from(auc.low().unwrap() > 0.5 || auc.high().unwrap() < 0.5);
        }
        assert!((sum / 100.0 - 0.5).abs() < 0.02, "{sum}");
        assert!(outside <= 12, "{outside}");
    }

    #[test]
    fn equal_texts_are_in_one_fold_and_lengths_do_not_help() {
        let mut sides = sides(80);
        sides.groups = (0..80).map(|i| i / 4).collect();
        let folds = sides.folds();
        assert!((0..80).all(|i| folds[i] == folds[i / 4 * 4]));
        // The first dimension is the length alone.
        sides = Sides { groups: (0..80).collect(), ..sides };
        sides.lengths = (0..80).map(|i| 2 + (i / 8) % 2 + i % 2).collect();
        let lengths = sides.lengths.clone();
        let mut x = noise(80, 4, 3);
        x *= 0.01;
        x.outer_iter_mut().zip(&lengths).for_each(|(mut row, &n)| row[0] += n as f32);
        let found = separation(x.view(), &sides).unwrap();
        assert!(found.auc.unwrap().value > 0.7);
        let same = found.auc_same_length.unwrap();
        assert!(same.low().unwrap() < 0.5 && same.high().unwrap() > 0.5, "{same:?}");
    }
}
