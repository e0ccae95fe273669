//! Least squares with a block of columns for every word, and a few columns shared by all words.
//!
//! Every model of the partition has this shape: per word its mean, senses and roles; shared by all
//! words the roles and the positions. Words are eliminated one by one. The remaining system has the
//! size of the shared columns, and a bootstrap over words reweights it without the vectors.

use crate::design::Design;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// The rows of one word with their labels.
pub(crate) struct Word {
    /// `[rows]`: the indices of the rows among all contexts.
    rows: Vec<usize>,
    /// `[rows]`: the sense of each row.
    pub(crate) sense: Vec<usize>,
    /// `[rows]`: the role of each row.
    pub(crate) role: Vec<usize>,
    /// `[rows, positions]`: the share of each position; no columns where position is not removed.
    position: Array2<f64>,
    /// The number of roles in the whole design.
    roles: usize,
}

/// The vectors of one word less their mean.
pub(crate) struct Cloud {
    /// The sum of squares.
    pub(crate) sum_of_squares: f64,
    /// `[rows, d_model]`.
    vectors: Array2<f64>,
    /// `[rows, rows]`: the inner products of the vectors.
    gram: Array2<f64>,
}

/// Splits a design by word.
pub(crate) fn words(design: &Design, remove_position: bool) -> Vec<Word> {
    let mut positions: Vec<usize> = design.positions.iter().flatten().copied().collect();
    positions.sort_unstable();
    positions.dedup();
    // The shares sum to 1: the last follows from the others.
    positions.pop();
    if !remove_position {
        positions.clear();
    }
    let roles = design.role.iter().map(|r| r + 1).max().unwrap_or(0);
    let word = |rows: Vec<usize>| Word {
        sense: rows.iter().map(|&r| design.sense[r]).collect(),
        role: rows.iter().map(|&r| design.role[r]).collect(),
        position: Array2::from_shape_fn((rows.len(), positions.len()), |(row, column)| {
            let seen = &design.positions[rows[row]];
            let hits = seen.iter().filter(|&&p| p == positions[column]).count();
            hits as f64 / seen.len().max(1) as f64
        }),
        rows,
        roles,
    };
    design.by_word().into_iter().filter(|rows| !rows.is_empty()).map(word).collect()
}

/// Splits vectors `[contexts, d_model]` by word.
pub(crate) fn clouds(vectors: ArrayView2<'_, f64>, words: &[Word]) -> Vec<Cloud> {
    let cloud = |word: &Word| {
        let mut own = vectors.select(Axis(0), &word.rows);
        centre(&mut own);
        Cloud {
            sum_of_squares: own.iter().map(|v| v * v).sum(),
            gram: own.dot(&own.t()),
            vectors: own,
        }
    };
    words.iter().map(cloud).collect()
}

/// The columns of a model besides the means of the words and the positions.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    /// A mean for every sense of every word.
    pub(crate) sense: bool,
    /// A mean for every role of every word.
    pub(crate) role: bool,
    /// A mean for every role, the same for all words.
    pub(crate) shared_role: bool,
}

/// The columns of a model, prepared for any vectors.
pub(crate) struct Model {
    /// `[words]` of `[rows, rank]`: an orthonormal basis of the columns of the word.
    own: Vec<Array2<f64>>,
    /// `[words]` of `[rows, shared]`: the shared columns, orthogonal to those of the word; empty where
    /// there are none.
    shared: Vec<Array2<f64>>,
    /// `[words]` of `[shared, shared]`: the inner products of the shared columns.
    products: Vec<Array2<f64>>,
    /// `[shared]`: the squared lengths of the shared columns before the projection, relative to which
    /// a pivot is rounding.
    lengths: Array1<f64>,
}

impl Model {
    /// The model with `blocks` and labels (sense and role by word).
    pub(crate) fn new(words: &[Word], labels: &[(Vec<usize>, Vec<usize>)], blocks: Blocks) -> Self {
        let mut model = Self {
            own: Vec::new(),
            shared: Vec::new(),
            products: Vec::new(),
            lengths: Array1::zeros(0),
        };
        for (word, (sense, role)) in words.iter().zip(labels) {
            let mut own = Array2::zeros((sense.len(), 0));
            if blocks.sense {
                add_indicators(&mut own, sense);
            }
            if blocks.role {
                add_indicators(&mut own, role);
            }
            centre(&mut own);
            let basis = orthonormal(own);

            let mut shared = word.position.clone();
            if blocks.shared_role {
                for level in 1..word.roles {
                    let column: Array1<f64> = role.iter().map(|r| f64::from(*r == level)).collect();
                    // The column has the length of the rows.
                    let _ = shared.push_column(column.view());
                }
            }
            if shared.ncols() > 0 {
                centre(&mut shared);
                let lengths = shared.map_axis(Axis(0), |column| column.dot(&column));
                model.lengths = match model.lengths.len() {
                    0 => lengths,
                    _ => &model.lengths + &lengths,
                };
                let shared = &shared - &basis.dot(&basis.t().dot(&shared));
                model.products.push(shared.t().dot(&shared));
                model.shared.push(shared);
            }
            model.own.push(basis);
        }
        model
    }

    /// The rank beyond the means of the words.
    pub(crate) fn rank(&self) -> usize {
        let own: usize = self.own.iter().map(Array2::ncols).sum();
        let mut products = Array2::zeros((self.lengths.len(), self.lengths.len()));
        self.products.iter().for_each(|p| products += p);
        let mut nothing = Array2::zeros((self.lengths.len(), 0));
        own + explained_by(&mut products, &mut nothing, self.lengths.view()).1
    }

    /// Fits the model to vectors.
    pub(crate) fn fit(&self, clouds: &[Cloud]) -> Fit<'_> {
        let own = self.own.iter().zip(clouds);
        let shared = self.shared.iter().zip(clouds);
        Fit {
            model: self,
            // ‖Bᵀ X‖² = tr(Bᵀ X Xᵀ B).
            own: own.map(|(basis, cloud)| (&cloud.gram.dot(basis) * basis).sum()).collect(),
            with_vectors: shared.map(|(d, cloud)| d.t().dot(&cloud.vectors)).collect(),
        }
    }
}

/// A fitted model, word by word.
pub(crate) struct Fit<'a> {
    model: &'a Model,
    /// `[words]`: the sum of squares that the columns of the word explain.
    own: Vec<f64>,
    /// `[words]` of `[shared, d_model]`: the products of the shared columns and the vectors.
    with_vectors: Vec<Array2<f64>>,
}

impl Fit<'_> {
    /// The sum of squares that the model explains beyond the means of the words, with a weight for each
    /// word.
    pub(crate) fn explained(&self, weights: &[f64]) -> f64 {
        let own: f64 = self.own.iter().zip(weights).map(|(ss, w)| ss * w).sum();
        let Some(first) = self.with_vectors.first() else { return own };
        let mut with_vectors = Array2::zeros(first.dim());
        let mut products = Array2::zeros((first.nrows(), first.nrows()));
        for ((p, v), &w) in self.model.products.iter().zip(&self.with_vectors).zip(weights) {
            if w != 0.0 {
                products.scaled_add(w, p);
                with_vectors.scaled_add(w, v);
            }
        }
        own + explained_by(&mut products, &mut with_vectors, self.model.lengths.view()).0
    }
}

/// Many models of one design that are fitted to the same vectors at once: a few large products replace
/// many small ones.
pub(crate) struct Stack {
    /// `[words]` of `[rows, Σ rank]`: the bases of all models.
    own: Vec<Array2<f64>>,
    /// `[words]` of `[Σ rank]`: the model of each column.
    of: Vec<Vec<usize>>,
    /// `[contexts, models · shared]`: the shared columns of all models; contexts in the order of words.
    shared: Array2<f64>,
    /// `[models]` of `[shared, shared]`: the inner products of the shared columns over all words.
    products: Vec<Array2<f64>>,
    /// `[models]` of `[shared]`.
    lengths: Vec<Array1<f64>>,
}

impl Stack {
    /// Stacks models of one design.
    pub(crate) fn new(models: &[Model], words: &[Word]) -> Self {
        let mut stack = Self {
            own: Vec::new(),
            of: Vec::new(),
            shared: Array2::zeros((0, 0)),
            products: Vec::new(),
            lengths: models.iter().map(|m| m.lengths.clone()).collect(),
        };
        let k = models.first().map_or(0, |m| m.lengths.len());
        let rows: usize = words.iter().map(|w| w.rows.len()).sum();
        stack.shared = Array2::zeros((rows, models.len() * k));
        let mut first = 0;
        for (index, word) in words.iter().enumerate() {
            let n = word.rows.len();
            let width = models.iter().map(|m| m.own[index].ncols()).sum();
            let mut own = Array2::zeros((n, width));
            let mut of = Vec::with_capacity(width);
            for (at, model) in models.iter().enumerate() {
                let basis = &model.own[index];
                own.slice_mut(s![.., of.len()..of.len() + basis.ncols()]).assign(basis);
                of.extend(std::iter::repeat_n(at, basis.ncols()));
                if let Some(shared) = model.shared.get(index) {
                    let columns = at * k..(at + 1) * k;
                    stack.shared.slice_mut(s![first..first + n, columns]).assign(shared);
                }
            }
            stack.own.push(own);
            stack.of.push(of);
            first += n;
        }
        stack.products = (models.iter())
            .map(|m| m.products.iter().fold(Array2::zeros((k, k)), |sum, p| sum + p))
            .collect();
        stack
    }

    /// `[models]`: the sum of squares that each model explains beyond the means of the words.
    pub(crate) fn explained(&self, clouds: &[Cloud]) -> Vec<f64> {
        let mut explained = vec![0.0; self.lengths.len()];
        for ((own, of), cloud) in self.own.iter().zip(&self.of).zip(clouds) {
            let squares = (cloud.gram.dot(own) * own).sum_axis(Axis(0));
            of.iter().zip(squares).for_each(|(&model, square)| explained[model] += square);
        }
        if self.shared.ncols() == 0 {
            return explained;
        }
        let all: Vec<ArrayView2<'_, f64>> = clouds.iter().map(|c| c.vectors.view()).collect();
        // All clouds have the width of one matrix.
        let Ok(all) = ndarray::concatenate(Axis(0), &all) else { return explained };
        let with_vectors = self.shared.t().dot(&all);
        for (model, sum) in explained.iter_mut().enumerate() {
            let k = self.lengths[model].len();
            let mut own = with_vectors.slice(s![model * k..(model + 1) * k, ..]).to_owned();
            let mut products = self.products[model].clone();
            *sum += explained_by(&mut products, &mut own, self.lengths[model].view()).0;
        }
        explained
    }
}

/// tr(Bᵀ A⁺ B) and the rank of A, by pivoted Cholesky; both matrices are overwritten.
fn explained_by(
    a: &mut Array2<f64>,
    b: &mut Array2<f64>,
    lengths: ArrayView1<'_, f64>,
) -> (f64, usize) {
    let mut open: Vec<usize> = (0..a.nrows()).collect();
    let (mut sum, mut rank) = (0.0, 0);
    loop {
        // The pivot: the open column with the largest remaining share of its length.
        let left = |column: usize| a[[column, column]] / lengths[column].max(f64::MIN_POSITIVE);
        let Some(at) = (0..open.len()).max_by(|&i, &j| left(open[i]).total_cmp(&left(open[j])))
        else {
            break;
        };
        if left(open[at]) <= 1e-9 {
            break;
        }
        let pivot = open.swap_remove(at);
        let diagonal = a[[pivot, pivot]];
        rank += 1;
        sum += b.row(pivot).dot(&b.row(pivot)) / diagonal;
        let chosen = b.row(pivot).to_owned();
        let column = a.column(pivot).to_owned();
        for &row in &open {
            let factor = column[row] / diagonal;
            b.row_mut(row).scaled_add(-factor, &chosen);
            a.row_mut(row).scaled_add(-factor, &column);
        }
    }
    (sum, rank)
}

/// Adds a column of 0 and 1 for every label except the first.
fn add_indicators(columns: &mut Array2<f64>, labels: &[usize]) {
    let levels: std::collections::BTreeSet<usize> = labels.iter().copied().collect();
    for level in levels.into_iter().skip(1) {
        let column: Array1<f64> = labels.iter().map(|&l| f64::from(l == level)).collect();
        // The column has the length of the rows.
        let _ = columns.push_column(column.view());
    }
}

fn centre(columns: &mut Array2<f64>) {
    if let Some(mean) = columns.mean_axis(Axis(0)) {
        *columns -= &mean;
    }
}

/// An orthonormal basis of the columns by Gram-Schmidt, twice for accuracy.
fn orthonormal(columns: Array2<f64>) -> Array2<f64> {
    let mut basis = Array2::zeros((columns.nrows(), columns.ncols()));
    let mut rank = 0;
    for column in columns.columns() {
        let mut rest = column.to_owned();
        for _ in 0..2 {
            let kept = basis.slice(s![.., ..rank]);
            rest = &rest - &kept.dot(&kept.t().dot(&rest));
        }
        let (length, before) = (rest.dot(&rest).sqrt(), column.dot(&column).sqrt());
        if length > 1e-9 * before.max(f64::MIN_POSITIVE) {
            basis.column_mut(rank).assign(&(rest / length));
            rank += 1;
        }
    }
    basis.slice(s![.., ..rank]).to_owned()
}
