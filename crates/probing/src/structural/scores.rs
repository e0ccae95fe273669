//! Scores of predicted distances and depths.

use super::options::StructuralTarget;
use super::trees::{Tree, Trees};
use crate::score::bootstrap;
use serde::{Deserialize, Serialize};
use stratoscope_numerics::Estimate;

/// The lengths of sentences in the averages of rank correlations.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=50;

/// Scores on test sentences with intervals over sentences; None where no sentence has the score. Only
/// words with a vector count; |s| is their number in a sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StructuralScores {
    /// Undirected unlabelled attachment score: the share of the edges of the annotated trees, between
    /// two words that are not punctuation, that are in the minimum spanning tree of the predicted
    /// distances. As in the code of Hewitt & Manning, except where punctuation has dependents, which
    /// their code connects to each other.
    pub uuas: Option<Estimate>,
    /// Spearman's correlation between predicted and annotated distances of each word to all words of its
    /// sentence (itself included), averaged over the words of all sentences of one length, then over
    /// the lengths 5 to 50. Punctuation is included.
    pub dspr: Option<Estimate>,
    /// Spearman's correlation between predicted and annotated depths, one per sentence, averaged in the
    /// same way.
    pub nspr: Option<Estimate>,
    /// The share of sentences in which the root is the word with the smallest predicted depth,
    /// punctuation excluded. Sentences whose root is punctuation or has no vector are excluded.
    pub root_accuracy: Option<Estimate>,
}

/// The sample behind the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructuralSample {
    /// All sentences.
    pub sentences: usize,
    /// Edges between words that are not punctuation, for UUAS.
    pub edges: usize,
    /// Sentences of 5 to 50 words, for DSpr and NSpr.
    pub correlated: usize,
    /// Sentences whose root is a compared word, for root accuracy.
    pub rooted: usize,
}

/// The contribution of one sentence to the two scores of a target: hits of tries, and correlations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SentenceScores {
    hits: usize,
    tries: usize,
    /// The number of words with a vector.
    length: usize,
    /// The sum and number of correlations.
    correlations: f64,
    correlated: usize,
}

impl StructuralScores {
    /// `distance` and `depth` are `[test sentences]`.
    pub(super) fn of(distance: &[SentenceScores], depth: &[SentenceScores], seed: u64) -> Self {
        let [uuas, dspr] = estimates(distance, seed);
        let [root_accuracy, nspr] = estimates(depth, seed);
        Self { uuas, dspr, nspr, root_accuracy }
    }
}

/// The share of hits, and the correlation averaged by length, then over lengths.
fn estimates(parts: &[SentenceScores], seed: u64) -> [Option<Estimate>; 2] {
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

/// The scores of the chain baseline, and the sample.
pub(super) fn chain(trees: &Trees, seed: u64) -> (StructuralScores, StructuralSample) {
    let parts = |target| -> Vec<SentenceScores> {
        trees.all().iter().map(|tree| chain_part(tree, target)).collect()
    };
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

fn chain_part(tree: &Tree, target: StructuralTarget) -> SentenceScores {
    let positions = tree.positions();
    match target {
        StructuralTarget::Distance => distance_part(tree, |i| {
            positions.iter().map(|&at| at.abs_diff(positions[i]) as f64).collect()
        }),
        StructuralTarget::Depth => {
            depth_part(tree, &positions.iter().map(|&at| at as f64).collect::<Vec<_>>())
        }
    }
}

/// `distances(i)` are the predicted distances of word i to all seen words, `[seen]`.
pub(super) fn distance_part(tree: &Tree, distances: impl Fn(usize) -> Vec<f64>) -> SentenceScores {
    let edges = tree.compared_edges();
    let found = spanning_tree(&tree.compared, &distances);
    let mut part = SentenceScores {
        hits: edges.iter().filter(|edge| found.binary_search(edge).is_ok()).count(),
        tries: edges.len(),
        length: tree.len(),
        ..SentenceScores::default()
    };
    if LENGTHS.contains(&part.length) {
        for word in 0..tree.len() {
            let annotated: Vec<f64> = tree.distances(word).into_iter().map(f64::from).collect();
            part.add(spearman(&distances(word), &annotated));
        }
    }
    part
}

/// `depths` are the predicted depths, `[seen]`.
pub(super) fn depth_part(tree: &Tree, depths: &[f64]) -> SentenceScores {
    let root = tree.root().filter(|root| tree.compared.binary_search(root).is_ok());
    let shallowest = tree.compared.iter().min_by(|&&a, &&b| depths[a].total_cmp(&depths[b]));
    let mut part = SentenceScores {
        hits: usize::from(root.is_some() && root.as_ref() == shallowest),
        tries: usize::from(root.is_some()),
        length: tree.len(),
        ..SentenceScores::default()
    };
    if LENGTHS.contains(&part.length) {
        let annotated: Vec<f64> = tree.depths().into_iter().map(f64::from).collect();
        part.add(spearman(depths, &annotated));
    }
    part
}

impl SentenceScores {
    fn add(&mut self, correlation: Option<f64>) {
        if let Some(correlation) = correlation {
            self.correlations += correlation;
            self.correlated += 1;
        }
    }
}

/// The edges of the minimum spanning tree of `nodes` (Prim 1957), sorted, the smaller end first. Of
/// equal distances, the first word is taken.
pub(super) fn spanning_tree(
    nodes: &[usize],
    distances: impl Fn(usize) -> Vec<f64>,
) -> Vec<(usize, usize)> {
    let Some((&first, rest)) = nodes.split_first() else {
        return Vec::new();
    };
    let from_first = distances(first);
    // Each node outside the tree, with its distance to the nearest node of the tree.
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

/// Spearman's rank correlation of a prediction with the annotation. A constant prediction has
/// correlation 0; None where the annotation is constant.
pub(super) fn spearman(predicted: &[f64], annotated: &[f64]) -> Option<f64> {
    let varies = annotated.windows(2).any(|pair| pair[0] != pair[1]);
    varies.then(|| stratoscope_numerics::spearman(predicted, annotated).unwrap_or(0.0))
}
