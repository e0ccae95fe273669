//! The syntax-semantics plane of a layer: how much of a vector's change lies where roles are told
//! apart, and how much where senses are.
//!
//! Two subspaces of one rank, found with the word held constant. Roles: what their means over all
//! words differ by, R − 1 directions. Senses: the directions along which the senses of words differ
//! most, as many. Both are linear discriminants (Fisher 1936) against the spread of the contexts of
//! a cell, which is shrunk towards a sphere, (1 − λ) S + λ tr(S)/d · I (Friedman 1989), and are then
//! made orthonormal, so that a share of a squared length is meant by them.
//!
//! A space that is long in a few directions gives a large share of any change to whatever lies along
//! those. So shares are read against random subspaces: the same discriminants of contexts that are
//! counted plus or minus at random, which tell nothing apart.
//!
//! Whether the subspaces say anything of words that they were not found with is measured with words
//! left out.

mod algebra;
mod held_out;
#[cfg(test)]
mod tests;

use crate::least_squares::orthonormal;
use crate::partition::ROUNDING;
use crate::{Design, Estimate, Null, ProbingError, Result};
use algebra::{Ridge, leading};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How far the spread of contexts is shrunk towards a sphere. Chosen with words left out: it tells
/// roles apart much better than none does, and senses no worse (see the README).
pub const SHRINKAGE: f64 = 0.9;
/// Random subspaces that shares and accuracies are held against.
pub const RANDOM_SUBSPACES: usize = 200;
/// Parts that the words are left out in.
const FOLDS: usize = 8;
/// Logarithms of ratios end here: a change may lie wholly outside of a subspace.
const FARTHEST: f64 = 10.0;

/// The subspaces of a layer, in the precision that they are stored in.
#[derive(Debug, Clone, PartialEq)]
pub struct Subspaces {
    /// `[rank, d_model]`, orthonormal: where roles are told apart.
    pub role: Array2<f32>,
    /// `[rank, d_model]`, orthonormal: where senses are told apart.
    pub sense: Array2<f32>,
    /// `[directions, d_model]`, orthonormal: where random subspaces lie most.
    pub random: Array2<f32>,
    /// `[directions]`: the mean squared length of each of these within a random subspace.
    pub weights: Array1<f32>,
    /// The same for every direction at right angles to all of these.
    pub rest: f32,
}

/// Where a change lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// log2 of its share in the role subspace over that in a random one; within ±10.
    pub role: f64,
    /// The same of the sense subspace.
    pub sense: f64,
    /// The share of its squared length in the role subspace, 0 to 1.
    pub role_share: f64,
    /// The share in the sense subspace.
    pub sense_share: f64,
    /// The mean share in random subspaces.
    pub random_share: f64,
}

impl Subspaces {
    /// Places a change, `[d_model]`. None where it has no length, another width, or lies where no
    /// random subspace does.
    pub fn place(&self, change: ArrayView1<'_, f64>) -> Option<Place> {
        if change.len() != self.role.ncols() {
            return None;
        }
        let length = change.dot(&change);
        let squares = |basis: &Array2<f32>| -> Vec<f64> {
            let along = |row: ArrayView1<'_, f32>| {
                row.iter().zip(&change).map(|(&b, c)| f64::from(b) * c).sum::<f64>().powi(2)
            };
            basis.outer_iter().map(along).collect()
        };
        let share = |basis| squares(basis).iter().sum::<f64>() / length;
        let (role_share, sense_share) = (share(&self.role), share(&self.sense));
        let along = squares(&self.random);
        let weighted: f64 = along.iter().zip(&self.weights).map(|(s, &w)| s * f64::from(w)).sum();
        let beside = (length - along.iter().sum::<f64>()).max(0.0);
        let random_share = (weighted + f64::from(self.rest) * beside) / length;
        let ratio = |share: f64| (share / random_share).log2().clamp(-FARTHEST, FARTHEST);
        let known = length.is_finite() && random_share.is_finite() && random_share > 0.0;
        known.then(|| Place {
            role: ratio(role_share),
            sense: ratio(sense_share),
            role_share,
            sense_share,
            random_share,
        })
    }
}

/// What a subspace tells of words that it was not found with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// The mean accuracy over the words, with a 95 % bootstrap interval over them.
    pub accuracy: Estimate,
    /// What guessing reaches.
    pub guessing: f64,
    /// What random subspaces of the same rank reach.
    pub random: Null,
}

/// How well the subspaces tell apart what they are to tell apart, with words left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// A context of a word left out is given the role whose mean over the other words is nearest,
    /// within the role subspace.
    pub role: HeldOut,
    /// A context of a word left out is given the sense of that word whose mean over its other
    /// contexts is nearest, within the sense subspace of the other words.
    pub sense: HeldOut,
    /// How often the plane puts a change of sense alone higher, against a change of role alone,
    /// than it puts that change: the area under the curve within each word left out, 0.5 by chance.
    pub apart: Estimate,
    /// The number of words.
    pub words: usize,
}

/// What is not told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum AtChance {
    /// Roles of words left out.
    Role(HeldOut),
    /// Senses of words left out.
    Sense(HeldOut),
    /// Changes of role and of sense.
    Apart(Estimate),
}

impl fmt::Display for AtChance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| 100.0 * share;
        let mut told = |what: &str, held_out: &HeldOut| {
            write!(
                f,
                "{what} of words left out are told at {:.0} %, no better than by one in twenty \
                 random subspaces ({:.0} %)",
                percent(held_out.accuracy.value),
                percent(held_out.random.high),
            )
        };
        match self {
            Self::Role(held_out) => told("roles", held_out),
            Self::Sense(held_out) => told("senses", held_out),
            Self::Apart(e) => write!(
                f,
                "changes of sense and of role are told from each other at {:.0} % [{:.0}, {:.0}], \
                 guessing at 50 %",
                percent(e.value),
                percent(e.low),
                percent(e.high),
            ),
        }
    }
}

impl Separation {
    /// What is not told better than by chance: an accuracy has to exceed 95 % of the random
    /// subspaces and guessing with its whole interval, changes 0.5 with theirs. None where all is
    /// well.
    pub fn at_chance(&self) -> Option<AtChance> {
        let told = |h: &HeldOut| h.accuracy.value > h.random.high && h.accuracy.low > h.guessing;
        if !told(&self.role) {
            Some(AtChance::Role(self.role))
        } else if !told(&self.sense) {
            Some(AtChance::Sense(self.sense))
        } else if self.apart.low <= 0.5 {
            Some(AtChance::Apart(self.apart))
        } else {
            None
        }
    }
}

/// The subspaces of a layer and how well they do.
#[derive(Debug, Clone, PartialEq)]
pub struct Separated {
    /// With words left out.
    pub separation: Separation,
    /// Found with all words.
    pub subspaces: Subspaces,
}

/// Finds subspaces; made once for the vectors of all layers.
pub struct Separator {
    design: Design,
    /// Rows of each word.
    words: Vec<Vec<usize>>,
    /// `[words]`: with which others it is left out.
    fold: Vec<usize>,
    /// `[contexts]`
    cell: Vec<usize>,
    /// Word, sense and role of each cell.
    cells: Vec<(usize, usize, usize)>,
    n_roles: usize,
    /// What follows position, where positions are not balanced: orthonormal columns.
    position: Option<Array2<f64>>,
    /// How often each word is drawn by each resample.
    resamples: Vec<Vec<f64>>,
    /// `[RANDOM_SUBSPACES * rank, contexts]`: each context plus or minus.
    signs: Array2<f64>,
}

impl Separator {
    /// Makes a design ready. `seed` is that of the bootstrap and of the random subspaces.
    ///
    /// # Errors
    /// Lists of unequal length, fewer than four words, a word that is not in every sense in every
    /// role, or no cell with two contexts.
    pub fn new(design: Design, seed: u64) -> Result<Self> {
        design.check()?;
        let words: Vec<Vec<usize>> =
            design.by_word().into_iter().filter(|rows| !rows.is_empty()).collect();
        let needs = |needed| Err(ProbingError::Separation { needed });
        if words.len() < 4 {
            return needs("four words or more");
        }
        let roles: BTreeSet<usize> = design.role.iter().copied().collect();
        let n_roles = roles.len();
        if n_roles < 2 || roles.last() != Some(&(n_roles - 1)) {
            return needs("two roles or more, numbered from 0");
        }
        let mut places = BTreeMap::new();
        let mut cell = vec![0; design.word.len()];
        for (word, rows) in words.iter().enumerate() {
            let senses: BTreeSet<usize> = rows.iter().map(|&r| design.sense[r]).collect();
            let mut own = BTreeSet::new();
            for &row in rows {
                let key = (word, design.sense[row], design.role[row]);
                own.insert(key);
                let next = places.len();
                cell[row] = *places.entry(key).or_insert(next);
            }
            if senses.len() < 2 || own.len() != senses.len() * n_roles {
                return needs("every word in two senses or more, each in every role");
            }
        }
        if design.word.len() < places.len() + 2 {
            return needs("two contexts of a word in a sense and a role");
        }
        let mut cells = vec![(0, 0, 0); places.len()];
        places.into_iter().for_each(|(key, index)| cells[index] = key);
        let mut rng = Xoshiro256Plus::seed_from_u64(seed);
        let resamples = crate::partition::resamples(words.len(), &mut rng);
        let rows = RANDOM_SUBSPACES * (n_roles - 1);
        let mut sign = || if rng.r#gen::<bool>() { 1.0 } else { -1.0 };
        let signs = Array2::from_shape_simple_fn((rows, design.word.len()), &mut sign);
        let fold = (0..words.len()).map(|word| word % FOLDS).collect();
        let position = (!design.positions_balanced()).then(|| positions(&design, &words));
        Ok(Self { design, words, fold, cell, cells, n_roles, position, resamples, signs })
    }

    /// Whether position is removed first, because cells have their targets at unequal positions.
    pub fn position_removed(&self) -> bool {
        self.position.is_some()
    }

    /// Finds the subspaces of `vectors` `[contexts, d_model]`, each the mean over a context's
    /// positions. None where the vectors of a word, or of its contexts in a cell, do not vary.
    ///
    /// # Errors
    /// Another number of vectors than the design has contexts, or a value that is not finite.
    pub fn separate(&self, vectors: ArrayView2<'_, f64>) -> Result<Option<Separated>> {
        crate::partition::check_vectors(vectors, self.design.word.len())?;
        let d_model = vectors.ncols();
        let Some(cloud) = self.cloud(vectors) else { return Ok(None) };
        let rank = self.n_roles - 1;
        let whole = cloud.scatter(self.words.iter().flatten());
        let freedom = |rows: usize, cells: usize| (rows - cells).max(1) as f64;
        let all = freedom(self.cell.len(), self.cells.len());
        let mut scores = Vec::new();
        for fold in 0..FOLDS.min(self.words.len()) {
            let left_out = |word: &usize| self.fold[*word] == fold;
            let rows = (0..self.words.len()).filter(left_out).flat_map(|w| &self.words[w]);
            let scatter = &whole - &cloud.scatter(rows);
            let cells = self.cells.iter().filter(|c| !left_out(&c.0)).count();
            let rows = (0..self.words.len()).filter(|w| !left_out(w)).map(|w| self.words[w].len());
            let Some(ridge) = Ridge::new(scatter, freedom(rows.sum(), cells), d_model) else {
                return Ok(None);
            };
            let Some((role, sense)) = self.subspaces(&cloud, &ridge, |word| !left_out(&word))
            else {
                return Ok(None);
            };
            let (role, sense) = (cloud.vectors.dot(&role.t()), cloud.vectors.dot(&sense.t()));
            scores.push(self.scores(fold, role.view(), sense.view()));
        }
        let Some(ridge) = Ridge::new(whole, all, d_model) else { return Ok(None) };
        let Some((role, sense)) = self.subspaces(&cloud, &ridge, |_| true) else {
            return Ok(None);
        };
        let mut random = ridge.solve(self.signs.dot(&cloud.residuals).reversed_axes());
        random = random.reversed_axes();
        for mut of_one in random.axis_chunks_iter_mut(Axis(0), rank) {
            let basis = orthonormal(of_one.t().to_owned());
            of_one.fill(0.0);
            of_one.slice_mut(ndarray::s![..basis.ncols(), ..]).assign(&basis.t());
        }
        let separation = self.separation(&scores, cloud.vectors.dot(&random.t()).view());
        random /= (RANDOM_SUBSPACES as f64).sqrt();
        let (directions, weights) = leading(random.view(), (d_model / 6).max(16));
        let left = (rank as f64 - weights.sum()).max(0.0);
        let beside = d_model.saturating_sub(weights.len());
        let stored = |basis: Array2<f64>| cloud.unfolded(basis).mapv(|v| v as f32);
        let subspaces = Subspaces {
            role: stored(role),
            sense: stored(sense),
            random: stored(directions),
            weights: weights.mapv(|v| v as f32),
            rest: if beside > 0 { (left / beside as f64) as f32 } else { 0.0 },
        };
        Ok(Some(Separated { separation, subspaces }))
    }

    /// The subspaces of some words, `[rank, width]` each; None where there are fewer directions.
    fn subspaces(
        &self,
        cloud: &Cloud,
        ridge: &Ridge,
        chosen: impl Fn(usize) -> bool,
    ) -> Option<(Array2<f64>, Array2<f64>)> {
        let rank = self.n_roles - 1;
        let width = cloud.vectors.ncols();
        let mut roles = Array2::zeros((self.n_roles, width));
        let mut senses: BTreeMap<(usize, usize), Array1<f64>> = BTreeMap::new();
        for (&(word, sense, role), mean) in self.cells.iter().zip(cloud.cells.outer_iter()) {
            if chosen(word) {
                let mut of_role = roles.row_mut(role);
                of_role += &mean;
                *senses.entry((word, sense)).or_insert_with(|| Array1::zeros(width)) += &mean;
            }
        }
        // Each mean is over as many cells as any other; the scale is of no consequence.
        let rows: Vec<_> = senses.values().map(|row| row.view()).collect();
        let senses = ndarray::stack(Axis(0), &rows).ok()?;
        Some((ridge.discriminants(&roles, rank)?, ridge.discriminants(&senses, rank)?))
    }

    /// What varies within words, split into cells and contexts; None where nothing does.
    fn cloud(&self, vectors: ArrayView2<'_, f64>) -> Option<Cloud> {
        let mean = vectors.mean_axis(Axis(0))?;
        let total: f64 = (&vectors - &mean).iter().map(|v| v * v).sum();
        let mut within = vectors.to_owned();
        for rows in &self.words {
            centre(&mut within, rows);
        }
        if let Some(position) = &self.position {
            within = &within - &position.dot(&position.t().dot(&within));
        }
        let varies = |x: &Array2<f64>| x.iter().map(|v| v * v).sum::<f64>() > ROUNDING * total;
        // As many dimensions as vectors can have, where the space has more.
        let folded = (within.ncols() > within.nrows()).then(|| orthonormal(within.t().to_owned()));
        if let Some(basis) = &folded {
            within = within.dot(basis);
        }
        let mut cells = Array2::zeros((self.cells.len(), within.ncols()));
        let mut counts = vec![0.0; self.cells.len()];
        for (&cell, row) in self.cell.iter().zip(within.outer_iter()) {
            counts[cell] += 1.0;
            let mut sum = cells.row_mut(cell);
            sum += &row;
        }
        cells.outer_iter_mut().zip(counts).for_each(|(mut sum, n)| sum /= n);
        let mut residuals = within.clone();
        for (mut row, &cell) in residuals.outer_iter_mut().zip(&self.cell) {
            row -= &cells.row(cell);
        }
        // Where cells differ in size, a word's middle is that of its cells.
        for word in 0..self.words.len() {
            let own: Vec<usize> =
                (0..self.cells.len()).filter(|&c| self.cells[c].0 == word).collect();
            let middle = centre(&mut cells, &own);
            for &row in &self.words[word] {
                let mut row = within.row_mut(row);
                row -= &middle;
            }
        }
        (total > 0.0 && varies(&within) && varies(&residuals)).then_some(Cloud {
            vectors: within,
            cells,
            residuals,
            folded,
        })
    }
}

/// Vectors without the means of their words.
struct Cloud {
    /// `[contexts, width]`
    vectors: Array2<f64>,
    /// `[cells, width]`
    cells: Array2<f64>,
    /// `[contexts, width]`: what a context differs by from its cell.
    residuals: Array2<f64>,
    /// `[d_model, width]`, where the space has more dimensions than there are vectors.
    folded: Option<Array2<f64>>,
}

impl Cloud {
    /// `[width, width]`: the sums of squares and products of the residuals of some contexts.
    fn scatter<'a>(&self, rows: impl Iterator<Item = &'a usize>) -> Array2<f64> {
        let rows: Vec<usize> = rows.copied().collect();
        let own = self.residuals.select(Axis(0), &rows);
        own.t().dot(&own)
    }

    /// `[k, width]` to `[k, d_model]`.
    fn unfolded(&self, basis: Array2<f64>) -> Array2<f64> {
        match &self.folded {
            Some(folded) => basis.dot(&folded.t()),
            None => basis,
        }
    }
}

/// Takes the mean of some rows off each of them, and returns it.
fn centre(x: &mut Array2<f64>, rows: &[usize]) -> Array1<f64> {
    let mut mean = Array1::zeros(x.ncols());
    rows.iter().for_each(|&row| mean += &x.row(row));
    mean /= rows.len().max(1) as f64;
    for &row in rows {
        let mut row = x.row_mut(row);
        row -= &mean;
    }
    mean
}

/// `[contexts, rank]`: an orthonormal basis of the shares of positions, within words.
fn positions(design: &Design, words: &[Vec<usize>]) -> Array2<f64> {
    let levels: BTreeSet<usize> = design.positions.iter().flatten().copied().collect();
    let place: BTreeMap<usize, usize> = levels.into_iter().zip(0..).collect();
    let mut shares = Array2::zeros((design.positions.len(), place.len()));
    for (mut row, seen) in shares.outer_iter_mut().zip(&design.positions) {
        seen.iter().for_each(|position| row[place[position]] += 1.0 / seen.len() as f64);
    }
    for rows in words {
        centre(&mut shares, rows);
    }
    orthonormal(shares)
}
