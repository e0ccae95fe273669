//! How well predicted distances and depths give back the trees.

use super::StructuralTarget;
use super::trees::{Tree, Trees};
use crate::score::{Scored, bootstrap};
use serde::{Deserialize, Serialize};

/// Lengths of sentences that the rank correlations are averaged over.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=50;

/// Scores on test sentences, each with its 95 % interval over sentences; None where no sentence can
/// be scored. Only words with a vector count; |s| is how many of them a sentence has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StructuralScores {
    /// Undirected unlabelled attachment score: of all edges of the annotated trees between two words
    /// that are no punctuation, the share that is also in the minimum spanning tree of the predicted
    /// distances between these words. As Hewitt & Manning's code counts it, except where punctuation
    /// has dependents: theirs then joins these to each other.
    pub uuas: Option<Scored>,
    /// Spearman's correlation of predicted with annotated distances: for each word its distances to
    /// all words of its sentence (to itself, 0, too), averaged over the words of all sentences of a
    /// length, and then over the lengths from 5 to 50. Punctuation counts.
    pub dspr: Option<Scored>,
    /// The same of depths, one correlation a sentence.
    pub nspr: Option<Scored>,
    /// In how many sentences the root is the word of the least predicted depth, punctuation left
    /// out. Sentences whose root is punctuation, or has no vector, are not counted.
    pub root_accuracy: Option<Scored>,
}

/// What the scores are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructuralSample {
    /// Sentences, all of them.
    pub sentences: usize,
    /// Edges between words that are no punctuation: what UUAS is of.
    pub edges: usize,
    /// Sentences of 5 to 50 words: what DSpr and NSpr are of.
    pub correlated: usize,
    /// Sentences whose root can be found: what root accuracy is of.
    pub rooted: usize,
}

/// What one sentence adds to the two scores of a target: hits of tries, and correlations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Part {
    hits: usize,
    tries: usize,
    /// How many words have a vector.
    length: usize,
    /// The sum of correlations, and how many they are.
    correlations: f64,
    correlated: usize,
}

impl StructuralScores {
    /// `distance` and `depth` are `[test sentences]`.
    pub(super) fn of(distance: &[Part], depth: &[Part], seed: u64) -> Self {
        let [uuas, dspr] = scored(distance, seed);
        let [root_accuracy, nspr] = scored(depth, seed);
        Self { uuas, dspr, nspr, root_accuracy }
    }
}

/// The share of hits, and the correlation averaged by length and then over lengths.
fn scored(parts: &[Part], seed: u64) -> [Option<Scored>; 2] {
    let mut sums = vec![(0.0, 0.0); LENGTHS.end() + 1];
    bootstrap(parts.len(), seed, |counts| {
        sums.fill((0.0, 0.0));
        let (mut hits, mut tries) = (0.0, 0.0);
        for (part, &count) in parts.iter().zip(counts) {
            let count = f64::from(count);
            hits += count * part.hits as f64;
            tries += count * part.tries as f64;
            if LENGTHS.contains(&part.length) {
                sums[part.length].0 += count * part.correlations;
                sums[part.length].1 += count * part.correlated as f64;
            }
        }
        let by_length = sums.iter().filter(|(_, n)| *n > 0.0).map(|(sum, n)| sum / n);
        let lengths = by_length.clone().count();
        [
            (tries > 0.0).then(|| hits / tries),
            (lengths > 0).then(|| by_length.sum::<f64>() / lengths as f64),
        ]
    })
}

/// What the chain of neighbours scores, and what all scores are of.
pub(super) fn chain(trees: &Trees, seed: u64) -> (StructuralScores, StructuralSample) {
    let parts =
        |target| -> Vec<Part> { trees.all().iter().map(|tree| chain_part(tree, target)).collect() };
    let (distance, depth) = (parts(StructuralTarget::Distance), parts(StructuralTarget::Depth));
    let sample = StructuralSample {
        sentences: trees.len(),
        edges: distance.iter().map(|part| part.tries).sum(),
        correlated: depth
            .iter()
            .filter(|part| LENGTHS.contains(&part.length) && part.correlated > 0)
            .count(),
        rooted: depth.iter().map(|part| part.tries).sum(),
    };
    (StructuralScores::of(&distance, &depth, seed), sample)
}

fn chain_part(tree: &Tree, target: StructuralTarget) -> Part {
    let places = tree.places();
    match target {
        StructuralTarget::Distance => distance_part(tree, |i| {
            places.iter().map(|&place| place.abs_diff(places[i]) as f64).collect()
        }),
        StructuralTarget::Depth => {
            depth_part(tree, &places.iter().map(|&place| place as f64).collect::<Vec<_>>())
        }
    }
}

/// `distances` gives a word's predicted distances to all seen words, `[seen]`.
pub(super) fn distance_part(tree: &Tree, distances: impl Fn(usize) -> Vec<f64>) -> Part {
    let edges = tree.compared_edges();
    let found = spanning_tree(&tree.compared, &distances);
    let mut part = Part {
        hits: edges.iter().filter(|edge| found.binary_search(edge).is_ok()).count(),
        tries: edges.len(),
        length: tree.len(),
        ..Part::default()
    };
    if LENGTHS.contains(&part.length) {
        for word in 0..tree.len() {
            let annotated: Vec<f64> = tree.distances(word).into_iter().map(f64::from).collect();
            part.add(spearman(&distances(word), &annotated));
        }
    }
    part
}

/// `depths` are those predicted, `[seen]`.
pub(super) fn depth_part(tree: &Tree, depths: &[f64]) -> Part {
    let root = tree.root().filter(|root| tree.compared.binary_search(root).is_ok());
    let least = tree.compared.iter().min_by(|&&a, &&b| depths[a].total_cmp(&depths[b]));
    let mut part = Part {
        hits: usize::from(root.is_some() && root.as_ref() == least),
        tries: usize::from(root.is_some()),
        length: tree.len(),
        ..Part::default()
    };
    if LENGTHS.contains(&part.length) {
        let annotated: Vec<f64> = tree.depths().into_iter().map(f64::from).collect();
        part.add(spearman(depths, &annotated));
    }
    part
}

impl Part {
    fn add(&mut self, correlation: Option<f64>) {
        if let Some(correlation) = correlation {
            self.correlations += correlation;
            self.correlated += 1;
        }
    }
}

/// The minimum spanning tree of `nodes` (Prim 1957), its edges sorted, the smaller end first. Where
/// distances tie, the word that comes first is taken first.
pub(super) fn spanning_tree(
    nodes: &[usize],
    distances: impl Fn(usize) -> Vec<f64>,
) -> Vec<(usize, usize)> {
    let Some((&first, rest)) = nodes.split_first() else {
        return Vec::new();
    };
    let from_first = distances(first);
    // Of each node outside the tree: how near it is, and to which node of the tree.
    let mut outside: Vec<(usize, f64, usize)> =
        rest.iter().map(|&node| (node, from_first[node], first)).collect();
    let mut edges = Vec::with_capacity(outside.len());
    while let Some(at) = (0..outside.len()).min_by(|&a, &b| outside[a].1.total_cmp(&outside[b].1)) {
        let (node, _, nearest) = outside.remove(at);
        edges.push((node.min(nearest), node.max(nearest)));
        let from = distances(node);
        for (other, distance, nearest) in &mut outside {
            if from[*other] < *distance {
                (*distance, *nearest) = (from[*other], node);
            }
        }
    }
    edges.sort_unstable();
    edges
}

/// Spearman's rank correlation of a prediction with what is annotated, ties at their average rank.
/// A prediction that is the same everywhere orders nothing, 0; None where what is annotated is the
/// same everywhere, and there is nothing to order.
pub(super) fn spearman(predicted: &[f64], annotated: &[f64]) -> Option<f64> {
    let (p, a) = (ranks(predicted), ranks(annotated));
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let (of_p, of_a) = (product(&p, &p), product(&a, &a));
    if of_a == 0.0 {
        return None;
    }
    Some(if of_p == 0.0 { 0.0 } else { product(&p, &a) / (of_p * of_a).sqrt() })
}

/// Average ranks, minus their mean: multiples of ½, so that sums are exact.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let mut from = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = from as f64 + (tied.len() as f64 - 1.0) / 2.0;
        tied.iter().for_each(|&at| ranks[at] = rank - middle);
        from += tied.len();
    }
    ranks
}
