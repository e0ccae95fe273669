//! What the subspaces tell of words that they were not found with.

use super::{FOLDS, HeldOut, RANDOM_SUBSPACES, Separation, Separator};
use crate::{Estimate, Null};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

/// What was told of one word left out.
pub(super) struct Told {
    word: usize,
    role: f64,
    sense: f64,
    apart: f64,
}

impl Separator {
    /// What is told of the words of a fold, by their contexts within the role and the sense subspace
    /// that were found without them, `[contexts, rank]`.
    pub(super) fn scores(
        &self,
        fold: usize,
        role: ArrayView2<'_, f64>,
        sense: ArrayView2<'_, f64>,
    ) -> Vec<Told> {
        let middles = self.role_middles(fold, role);
        let left_out = (0..self.words.len()).filter(|&word| self.fold[word] == fold);
        let told = |word| Told {
            word,
            role: self.role_accuracy(word, role, &middles),
            sense: self.sense_accuracy(word, sense),
            apart: self.apart(word, role, sense),
        };
        left_out.map(told).collect()
    }

    /// Everything together; `random` `[contexts, RANDOM_SUBSPACES * rank]` is what random subspaces
    /// make of the contexts.
    pub(super) fn separation(
        &self,
        scores: &[Vec<Told>],
        random: ArrayView2<'_, f64>,
    ) -> Separation {
        let rank = self.n_roles - 1;
        let mut roles = Vec::with_capacity(RANDOM_SUBSPACES);
        let mut senses = Vec::with_capacity(RANDOM_SUBSPACES);
        for own in random.axis_chunks_iter(Axis(1), rank) {
            let words = 0..self.words.len();
            let middles: Vec<_> = (0..FOLDS).map(|fold| self.role_middles(fold, own)).collect();
            let role = words.clone().map(|w| self.role_accuracy(w, own, &middles[self.fold[w]]));
            roles.push(role.sum::<f64>() / self.words.len() as f64);
            let sense = words.map(|word| self.sense_accuracy(word, own));
            senses.push(sense.sum::<f64>() / self.words.len() as f64);
        }
        let estimate = |pick: fn(&Told) -> f64| {
            let mut values = vec![0.0; self.words.len()];
            scores.iter().flatten().for_each(|told| values[told.word] = pick(told));
            Estimate::of_mean(&values, &self.resamples)
        };
        let guessing = |levels: usize| 1.0 / levels as f64;
        let senses_of = |word: usize| {
            let own = self.cells.iter().filter(|c| c.0 == word).count();
            guessing(own / self.n_roles)
        };
        let words = self.words.len();
        Separation {
            role: HeldOut {
                accuracy: estimate(|t| t.role),
                guessing: guessing(self.n_roles),
                random: Null::of(roles),
            },
            sense: HeldOut {
                accuracy: estimate(|t| t.sense),
                guessing: (0..words).map(senses_of).sum::<f64>() / words as f64,
                random: Null::of(senses),
            },
            apart: estimate(|t| t.apart),
            words,
        }
    }

    /// `[roles, rank]`: the mean of each role over the words that are not in a fold.
    fn role_middles(&self, fold: usize, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut middles = Array2::zeros((self.n_roles, x.ncols()));
        let mut counts = vec![0.0f64; self.n_roles];
        for (word, rows) in self.words.iter().enumerate() {
            for &row in rows.iter().filter(|_| self.fold[word] != fold) {
                let role = self.design.role[row];
                counts[role] += 1.0;
                let mut middle = middles.row_mut(role);
                middle += &x.row(row);
            }
        }
        middles.outer_iter_mut().zip(counts).for_each(|(mut m, n)| m /= n.max(1.0));
        middles
    }

    fn role_accuracy(&self, word: usize, x: ArrayView2<'_, f64>, middles: &Array2<f64>) -> f64 {
        let rows = &self.words[word];
        let right = rows.iter().filter(|&&row| {
            nearest(x.row(row), middles.outer_iter()) == Some(self.design.role[row])
        });
        right.count() as f64 / rows.len().max(1) as f64
    }

    fn sense_accuracy(&self, word: usize, x: ArrayView2<'_, f64>) -> f64 {
        let rows = &self.words[word];
        let n_senses = rows.iter().map(|&r| self.design.sense[r] + 1).max().unwrap_or(0);
        let mut sums = Array2::<f64>::zeros((n_senses, x.ncols()));
        let mut counts = vec![0.0; n_senses];
        for &row in rows {
            let mut sum = sums.row_mut(self.design.sense[row]);
            sum += &x.row(row);
            counts[self.design.sense[row]] += 1.0;
        }
        let right = rows.iter().filter(|&&row| {
            let own = self.design.sense[row];
            // Its own sense is the mean of the others of it.
            let middles = (0..n_senses).map(|sense| {
                if sense == own {
                    (&sums.row(sense) - &x.row(row)) / (counts[sense] - 1.0)
                } else {
                    &sums.row(sense) / counts[sense]
                }
            });
            let middles: Vec<_> = middles.collect();
            nearest(x.row(row), middles.iter().map(|m| m.view())) == Some(own)
        });
        right.count() as f64 / rows.len().max(1) as f64
    }

    /// How often a change of sense alone lies higher than a change of role alone, by the logarithm
    /// of its squared length in the sense subspace over that in the role subspace.
    fn apart(&self, word: usize, role: ArrayView2<'_, f64>, sense: ArrayView2<'_, f64>) -> f64 {
        let (mut of_sense, mut of_role) = (Vec::new(), Vec::new());
        let rows = &self.words[word];
        let square = |x: ArrayView2<'_, f64>, a: usize, b: usize| -> f64 {
            x.row(a).iter().zip(x.row(b)).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        for (index, &a) in rows.iter().enumerate() {
            for &b in &rows[index + 1..] {
                let same = |labels: &[usize]| labels[a] == labels[b];
                let into = match (same(&self.design.sense), same(&self.design.role)) {
                    (false, true) => &mut of_sense,
                    (true, false) => &mut of_role,
                    _ => continue,
                };
                let height = (square(sense, a, b) / square(role, a, b)).ln();
                if !height.is_nan() {
                    into.push(height);
                }
            }
        }
        area(&of_sense, &of_role)
    }
}

/// The place of the nearest of some middles; those that are not defined are passed over.
fn nearest<'a>(
    x: ArrayView1<'_, f64>,
    middles: impl Iterator<Item = ArrayView1<'a, f64>>,
) -> Option<usize> {
    let far =
        |m: ArrayView1<'a, f64>| -> f64 { m.iter().zip(x).map(|(m, x)| (m - x) * (m - x)).sum() };
    let all = middles.map(far).enumerate().filter(|(_, far)| far.is_finite());
    all.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// The share of pairs in which the first is larger, equal ones counted half (Mann & Whitney 1947);
/// 0.5 where there is none.
pub(super) fn area(first: &[f64], second: &[f64]) -> f64 {
    let mut sorted = second.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let below = |value: f64| {
        let less = sorted.partition_point(|&v| v < value);
        let most = sorted.partition_point(|&v| v <= value);
        (less + most) as f64 / 2.0
    };
    let pairs = (first.len() * second.len()) as f64;
    if pairs == 0.0 { 0.5 } else { first.iter().map(|&v| below(v)).sum::<f64>() / pairs }
}
