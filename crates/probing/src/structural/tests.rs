//! Trees, losses, fits and scores of the structural probe: golden values, laws, planted trees, bad
//! input.

#![allow(clippy::unwrap_used)]

use super::scores::{SentenceScores, depth_part, distance_part, spanning_tree, spearman};
use super::*;
use crate::error::TreeMistake;
use ndarray::{Array1, Array2, Axis, s};
use rand::{Rng, seq::SliceRandom};
use serde::Deserialize;
use std::ops::ControlFlow;
use stratoscope_numerics::{Estimate, Generator, generator};

#[derive(Deserialize)]
struct Sentence {
    heads: Vec<usize>,
    punctuation: Vec<bool>,
    rows: Vec<Option<usize>>,
}

#[derive(Deserialize)]
struct Both<T> {
    distance: T,
    depth: T,
}

#[derive(Deserialize)]
struct Ranked {
    a: Vec<f64>,
    b: Vec<f64>,
    rho: f64,
}

#[derive(Deserialize)]
struct Golden {
    sentences: Vec<Sentence>,
    vectors: Vec<Vec<f32>>,
    b: Vec<Vec<f32>>,
    uuas: f64,
    edges: usize,
    root_accuracy: f64,
    roots: usize,
    dspr: f64,
    nspr: f64,
    losses: Both<f64>,
    gradients: Both<Vec<Vec<f32>>>,
    spearman: Vec<Ranked>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/fixtures/structural.json")).unwrap()
}

fn matrix(rows: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn trees_of(golden: &Golden) -> Trees {
    let parsed = golden.sentences.iter().map(|s| ParsedSentence {
        heads: s.heads.clone(),
        punctuation: s.punctuation.clone(),
        rows: s.rows.clone(),
    });
    Trees::new(&parsed.collect::<Vec<_>>()).unwrap()
}

/// A sentence whose words have the rows from `first` on.
fn sentence(heads: &[usize], first: usize) -> ParsedSentence {
    let n = heads.len();
    ParsedSentence {
        heads: heads.to_vec(),
        punctuation: vec![false; n],
        rows: (first..first + n).map(Some).collect(),
    }
}

fn random_heads(n: usize, rng: &mut Generator) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    let mut heads = vec![0; n];
    for at in 1..n {
        heads[order[at]] = order[rng.gen_range(0..at)] + 1;
    }
    heads
}

/// Trees, and vectors in which every edge has its own direction: squared distances are path lengths,
/// and squared lengths are depths. The directions are scaled and mixed; other dimensions are noise.
fn planted(sentences: usize, seed: u64, scale: f32) -> (Trees, Array2<f32>) {
    const WORDS: usize = 8;
    const WIDTH: usize = 16;
    let mut mix = generator(1);
    // Near the identity: directions of small variance take a long fit.
    let mixing = Array2::from_shape_simple_fn((WIDTH, WIDTH), || mix.gen_range(-0.25f32..0.25))
        + Array2::<f32>::eye(WIDTH);
    let mut rng = generator(seed);
    let mut parsed = Vec::new();
    let mut vectors = Array2::zeros((sentences * WORDS, WIDTH));
    for index in 0..sentences {
        let one = sentence(&random_heads(WORDS, &mut rng), index * WORDS);
        // The edge of each word to its head has its own direction, independent of position.
        let mut directions: Vec<usize> = (0..WORDS).collect();
        directions.shuffle(&mut rng);
        for word in 0..WORDS {
            let mut row = vectors.row_mut(index * WORDS + word);
            let mut at = word;
            while one.heads[at] != 0 {
                row[directions[at]] = 1.0;
                at = one.heads[at] - 1;
            }
            row.slice_mut(s![WORDS..]).mapv_inplace(|_| rng.gen_range(-0.5..0.5));
        }
        parsed.push(one);
    }
    (Trees::new(&parsed).unwrap(), vectors.dot(&mixing) * scale)
}

fn go_on(_: StructuralStep) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn run(train: (&Trees, &Array2<f32>), test: (&Trees, &Array2<f32>)) -> Result<Structural> {
    let options = StructuralOptions::default();
    structural(
        Treebank { trees: train.0, layers: &[train.1.view()] },
        Treebank { trees: test.0, layers: &[test.1.view()] },
        &options,
        &go_on,
    )
}

fn value(score: Option<Estimate>) -> f64 {
    let score = score.unwrap();
    let within = |[low, high]: [f64; 2]| low <= score.value && score.value <= high;
    assert!(score.interval.is_none_or(within), "{score:?}");
    score.value
}

#[test]
fn planted_trees_are_recovered() {
    let (train, x) = planted(600, 2, 1.0);
    let (test, y) = planted(60, 3, 1.0);
    let found = run((&train, &x), (&test, &y)).unwrap();
    let (layer, chain) = (&found.layers[0], &found.chain);
    assert!(value(layer.scores.uuas) > 0.99, "{layer:?}");
    // Equal distances are predicted slightly different: ties cost some hundredths.
    assert!(value(layer.scores.dspr) > 0.95, "{layer:?}");
    assert!(value(layer.scores.nspr) > 0.95, "{layer:?}");
    assert!(value(layer.scores.root_accuracy) > 0.99, "{layer:?}");
    assert!(value(chain.uuas) < 0.5 && value(chain.root_accuracy) < 0.5, "{chain:?}");
    let expected = StructuralSample { sentences: 60, edges: 420, correlated: 60, rooted: 60 };
    assert_eq!(found.sample, expected);
}

#[test]
fn the_scale_of_vectors_changes_nothing() {
    let (train, x) = planted(60, 2, 1.0);
    let a = run((&train, &x), (&train, &x)).unwrap();
    for scale in [2f32.powi(-60), 2f32.powi(60)] {
        assert_eq!(run((&train, &(&x * scale)), (&train, &(&x * scale))).unwrap(), a);
    }
}

#[test]
fn exact_distances_and_depths_score_1() {
    let (trees, _) = planted(20, 4, 1.0);
    let distance: Vec<SentenceScores> = trees
        .all()
        .iter()
        .map(|t| distance_part(t, |i| t.distances(i).into_iter().map(f64::from).collect()))
        .collect();
    let depth = |t: &super::trees::Tree| t.depths().into_iter().map(f64::from).collect::<Vec<_>>();
    let depth: Vec<SentenceScores> = trees.all().iter().map(|t| depth_part(t, &depth(t))).collect();
    let scores = StructuralScores::of(&distance, &depth, 0);
    for score in [scores.uuas, scores.dspr, scores.nspr, scores.root_accuracy] {
        let score = score.unwrap();
        assert!((score.value - 1.0).abs() < 1e-12 && (score.low().unwrap() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn scores_are_those_of_scipy() {
    let golden = golden();
    let (trees, x) = (trees_of(&golden), matrix(&golden.vectors).mapv(f64::from));
    let square = |v: Array1<f64>| v.dot(&v);
    let distance: Vec<SentenceScores> = trees
        .all()
        .iter()
        .map(|t| {
            let own = x.select(Axis(0), &t.rows);
            distance_part(t, |i| own.outer_iter().map(|r| square(&own.row(i) - &r)).collect())
        })
        .collect();
    let depth = |t: &super::trees::Tree| {
        let own = x.select(Axis(0), &t.rows);
        depth_part(t, &own.outer_iter().map(|r| r.dot(&r)).collect::<Vec<_>>())
    };
    let depth: Vec<SentenceScores> = trees.all().iter().map(depth).collect();
    let scores = StructuralScores::of(&distance, &depth, 0);
    for (found, expected) in [
        (scores.uuas, golden.uuas),
        (scores.dspr, golden.dspr),
        (scores.nspr, golden.nspr),
        (scores.root_accuracy, golden.root_accuracy),
    ] {
        assert!((value(found) - expected).abs() < 1e-12, "{found:?} for {expected}");
    }
    let (_, sample) = scores::chain(&trees, 0);
    assert_eq!((sample.edges, sample.rooted), (golden.edges, golden.roots));
    for pair in golden.spearman {
        assert!((spearman(&pair.a, &pair.b).unwrap() - pair.rho).abs() < 1e-12);
    }
    assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), Some(0.0));
    assert_eq!(spearman(&[1.0, 2.0, 3.0], &[1.0, 1.0, 1.0]), None);
    assert_eq!(spearman(&[], &[]), None);
}

/// The mean loss of all sentences of two words or more, and its gradient by B.
fn mean_loss(
    target: StructuralTarget,
    trees: &Trees,
    x: &Array2<f32>,
    b: &Array2<f32>,
) -> (f64, Array2<f32>) {
    let trees: Vec<_> = trees.all().iter().filter(|t| t.len() > 1).collect();
    let (mut loss, mut gradient) = (0.0, Array2::<f32>::zeros(b.dim()));
    for tree in &trees {
        let own = x.select(Axis(0), &tree.rows);
        let p = own.dot(&b.t());
        let mut by_p = Array2::zeros(p.dim());
        loss += target.loss(tree, p.view(), 1.0 / trees.len() as f32, by_p.view_mut());
        gradient += &by_p.t().dot(&own);
    }
    (loss / trees.len() as f64, gradient)
}

#[test]
fn losses_and_gradients_are_those_of_autograd() {
    let golden = golden();
    let (trees, x, b) = (trees_of(&golden), matrix(&golden.vectors), matrix(&golden.b));
    for (target, loss, gradient) in [
        (StructuralTarget::Distance, golden.losses.distance, &golden.gradients.distance),
        (StructuralTarget::Depth, golden.losses.depth, &golden.gradients.depth),
    ] {
        let (found, by_b) = mean_loss(target, &trees, &x, &b);
        assert!((found / loss - 1.0).abs() < 1e-6, "{found} for {loss}");
        let off = (&by_b - &matrix(gradient)).mapv(f32::abs);
        assert!(off.iter().all(|&off| off < 2e-5), "{off}");
    }
}

#[test]
fn gradients_are_those_of_differences() {
    let mut rng = generator(5);
    // Longer than a block of distances.
    let trees = Trees::new(&[sentence(&random_heads(150, &mut rng), 0)]).unwrap();
    let x = Array2::from_shape_simple_fn((150, 3), || rng.gen_range(-1.0f32..1.0));
    let b = Array2::from_shape_simple_fn((2, 3), || rng.gen_range(-1.0f32..1.0));
    for target in [StructuralTarget::Distance, StructuralTarget::Depth] {
        let (_, gradient) = mean_loss(target, &trees, &x, &b);
        for (at, &exact) in gradient.indexed_iter() {
            let moved = |by: f32| {
                let mut b = b.clone();
                b[at] += by;
                mean_loss(target, &trees, &x, &b).0
            };
            let found = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            assert!((found - f64::from(exact)).abs() < 1e-2, "{target:?} {at:?} {found} {exact}");
        }
    }
}

#[test]
fn path_lengths_are_those_of_all_shortest_paths() {
    let mut rng = generator(6);
    for n in 1..12 {
        let heads = random_heads(n, &mut rng);
        let mut expected = vec![vec![1000u32; n]; n];
        for (word, &head) in heads.iter().enumerate() {
            expected[word][word] = 0;
            if head > 0 {
                expected[word][head - 1] = 1;
                expected[head - 1][word] = 1;
            }
        }
        for (k, i, j) in
            (0..n).flat_map(|k| (0..n).flat_map(move |i| (0..n).map(move |j| (k, i, j))))
        {
            expected[i][j] = expected[i][j].min(expected[i][k] + expected[k][j]);
        }
        let trees = Trees::new(&[sentence(&heads, 0)]).unwrap();
        let tree = &trees.all()[0];
        assert_eq!((0..n).map(|i| tree.distances(i)).collect::<Vec<_>>(), expected);
        let root = heads.iter().position(|&head| head == 0).unwrap();
        assert_eq!(tree.root(), Some(root));
        assert_eq!(tree.depths(), expected[root]);
    }
}

#[test]
fn the_spanning_tree_is_the_least_of_all() {
    let mut rng = generator(8);
    for _ in 0..20 {
        let mut d = Array2::<f64>::zeros((6, 6));
        for i in 0..6 {
            for j in 0..i {
                d[[i, j]] = rng.gen_range(0.0..1.0);
                d[[j, i]] = d[[i, j]];
            }
        }
        // Without word 3: five nodes, and every tree over them by its Prüfer code.
        let nodes = [0, 1, 2, 4, 5];
        let least = (0..125)
            .map(|code| {
                let code = [code / 25, code / 5 % 5, code % 5];
                let mut degree = [1; 5];
                code.iter().for_each(|&node| degree[node] += 1);
                let mut sum = 0.0;
                for node in code {
                    let leaf = degree.iter().position(|&d| d == 1).unwrap();
                    sum += d[[nodes[leaf], nodes[node]]];
                    degree[leaf] -= 1;
                    degree[node] -= 1;
                }
                let last: Vec<usize> = (0..5).filter(|&node| degree[node] == 1).collect();
                sum + d[[nodes[last[0]], nodes[last[1]]]]
            })
            .fold(f64::INFINITY, f64::min);
        let edges = spanning_tree(&nodes, |i| d.row(i).to_vec());
        let sum: f64 = edges.iter().map(|&(i, j)| d[[i, j]]).sum();
        assert_eq!(edges.len(), 4);
        assert!((sum - least).abs() < 1e-12, "{sum} for {least}");
    }
    assert_eq!(spanning_tree(&[], |_| Vec::new()), []);
    assert_eq!(spanning_tree(&[0], |_| vec![0.0]), []);
    // Of equal distances, the first word is taken.
    assert_eq!(spanning_tree(&[0, 1, 2], |_| vec![1.0; 3]), [(0, 1), (0, 2)]);
}

#[test]
fn the_chain_baseline_by_hand() {
    // 1 ← 2 (root) → 4, 4 → 3, 2 → 5 (punctuation): edges 1-2, 2-4, 3-4 between words.
    let mut one = sentence(&[2, 0, 4, 2, 2], 0);
    one.punctuation[4] = true;
    // 1 (root) → 2, without a vector, → 3: no edge counts.
    let mut two = sentence(&[0, 1, 2], 5);
    two.rows = vec![Some(5), None, Some(6)];
    // The root is punctuation.
    let mut three = sentence(&[0], 7);
    three.punctuation[0] = true;
    let trees = Trees::new(&[one, two, three]).unwrap();
    let (chain, sample) = scores::chain(&trees, 0);
    // Of 1-2, 2-3 and 3-4 two are in the tree.
    assert_eq!(chain.uuas.unwrap().value, 2.0 / 3.0);
    // The first word is the root of the second sentence only.
    assert_eq!(chain.root_accuracy.unwrap().value, 0.5);
    let ranked: [([f64; 5], [f64; 5]); 5] = [
        ([0., 1., 2., 3., 4.], [0., 1., 3., 2., 2.]),
        ([1., 0., 1., 2., 3.], [1., 0., 2., 1., 1.]),
        ([2., 1., 0., 1., 2.], [3., 2., 0., 1., 3.]),
        ([3., 2., 1., 0., 1.], [2., 1., 1., 0., 2.]),
        ([4., 3., 2., 1., 0.], [2., 1., 3., 2., 0.]),
    ];
    let mean = ranked.iter().map(|(a, b)| spearman(a, b).unwrap()).sum::<f64>() / 5.0;
    assert!((chain.dspr.unwrap().value - mean).abs() < 1e-12);
    // Depths 1 0 2 1 1 have ranks 3 1 5 3 3: Σ d² = 4 + 1 + 4 + 1 + 4 before ties.
    let nspr = spearman(&[0., 1., 2., 3., 4.], &[1., 0., 2., 1., 1.]).unwrap();
    assert!((chain.nspr.unwrap().value - nspr).abs() < 1e-12);
    let expected = StructuralSample { sentences: 3, edges: 3, correlated: 1, rooted: 2 };
    assert_eq!(sample, expected);
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let (train, x) = planted(60, 2, 1.0);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let layers = [x.view(), x.view()];
        let bank = Treebank { trees: &train, layers: &layers };
        let options = StructuralOptions { rank: 5, seed: 3 };
        pool.install(|| structural(bank, bank, &options, &go_on)).unwrap()
    };
    let found = on(1);
    assert_eq!(on(3), found);
    assert_eq!(found.layers[0], found.layers[1]);
    let json = serde_json::to_value(&found).unwrap();
    assert!(json["layers"][0]["uuas"]["interval"][0].is_number(), "{json}");
    assert_eq!(json["layers"][0]["distance"]["rank"], 5);
    assert_eq!(serde_json::from_value::<Structural>(json).unwrap(), found);
}

#[test]
fn bad_trees_are_refused() {
    let mistake = |heads: &[usize]| match Trees::new(&[sentence(&[0], 0), sentence(heads, 1)]) {
        Err(ProbingError::Tree { sentence: 1, word, mistake }) => (word, mistake),
        other => unreachable!("{other:?}"),
    };
    let out = TreeMistake::HeadOutOfRange { head: 4, words: 3 };
    assert_eq!(mistake(&[0, 4, 1]), (2, out));
    assert_eq!(mistake(&[2, 0, 0]), (3, TreeMistake::SecondRoot { first: 2 }));
    assert_eq!(mistake(&[0, 3, 2]), (2, TreeMistake::Cycle));
    assert_eq!(mistake(&[0, 2, 1]), (2, TreeMistake::Cycle));
    assert_eq!(mistake(&[2, 1]), (1, TreeMistake::Cycle));
    assert_eq!(mistake(&[usize::MAX]).0, 1);
    let error = Trees::new(&[sentence(&[0, 4, 1], 0)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sentence 1, word 2: its head is 4, and the sentence has 3 words"
    );
    let mut short = sentence(&[0, 1], 0);
    short.rows.pop();
    assert!(matches!(
        Trees::new(&[short]),
        Err(ProbingError::Length { expected: 2, found: 1, .. })
    ));
}

#[test]
fn bad_input_is_refused_or_scored() {
    let (trees, x) = planted(12, 2, 1.0);
    let refused = |x: &Array2<f32>| run((&trees, x), (&trees, x)).unwrap_err();
    let mut bad = x.clone();
    bad[[7, 3]] = f32::NAN;
    assert!(matches!(refused(&bad), ProbingError::RowNotFinite { row: 7, .. }));
    let short = x.slice(s![..50, ..]).to_owned();
    assert!(matches!(refused(&short), ProbingError::Length { expected: 96, found: 50, .. }));
    assert!(matches!(refused(&Array2::zeros((96, 0))), ProbingError::Length { .. }));
    let none = Trees::new(&[]).unwrap();
    let few = run((&none, &x), (&trees, &x)).unwrap_err();
    assert!(matches!(few, ProbingError::Task { found: 0, .. }));
    // Fitted to one width and tested on another.
    let wide = Array2::zeros((96, 17));
    assert!(matches!(run((&trees, &x), (&trees, &wide)), Err(ProbingError::Length { .. })));

    let bank = Treebank { trees: &trees, layers: &[x.view()] };
    let rank = StructuralOptions { rank: 0, seed: 0 };
    let refused = structural(bank, bank, &rank, &go_on);
    assert!(matches!(refused, Err(ProbingError::Setting { name: "rank", .. })));
    let stop = |_| ControlFlow::Break(());
    let stopped = structural(bank, bank, &StructuralOptions::default(), &stop);
    assert_eq!(stopped, Err(ProbingError::Stopped));
    let unequal = Treebank { trees: &trees, layers: &[] };
    let options = StructuralOptions::default();
    assert!(structural(bank, unequal, &options, &go_on).is_err());

    // Without test sentences scores are None; constant vectors have correlation 0.
    let empty = run((&trees, &x), (&none, &x)).unwrap();
    assert_eq!(empty.layers[0].scores.uuas, None);
    assert_eq!(empty.chain.dspr, None);
    for x in [Array2::zeros(x.dim()), Array2::from_elem(x.dim(), 3e38)] {
        let found = run((&trees, &x), (&trees, &x)).unwrap();
        assert_eq!(value(found.layers[0].scores.dspr), 0.0);
        assert!(value(found.layers[0].scores.uuas) <= 1.0);
    }
    // No word has a vector, or only one has.
    let mut blind = sentence(&[0, 1], 0);
    blind.rows = vec![None, None];
    let mut one = sentence(&[0, 1], 0);
    one.rows = vec![None, Some(3)];
    let partly = Trees::new(&[blind, one, ParsedSentence::default()]).unwrap();
    let found = run((&trees, &x), (&partly, &x)).unwrap();
    assert_eq!(found.sample.edges + found.sample.correlated + found.sample.rooted, 0);
    assert_eq!(found.layers[0].scores.root_accuracy, None);
}

#[test]
fn a_tree_as_deep_as_it_is_long() {
    let heads: Vec<usize> = (0..100_000).collect();
    let trees = Trees::new(&[sentence(&heads, 0)]).unwrap();
    let tree = &trees.all()[0];
    assert_eq!(tree.depths()[99_999], 99_999);
    assert_eq!(tree.distances(50_000)[0], 50_000);
}
