//! The linear probes against the values of scikit-learn and on planted labels.
#![allow(clippy::unwrap_used)] // The helpers of a test are test code too.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rand::Rng;
use stratoscope_numerics::generator;
use stratoscope_probing::{
    Estimate, LinearProbe, Prober, ProbingError, STRENGTHS, Split, Strength, Task,
};

const FIXED: Strength = Strength::Fixed(0.1);

fn ends(estimate: Estimate) -> [f64; 2] {
    estimate.interval.unwrap()
}

fn golden(name: &str) -> Vec<f64> {
    let lines = include_str!("fixtures/probes.txt").lines();
    let line = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).next().unwrap();
    line.split(' ').map(|number| number.parse().unwrap()).collect()
}

fn golden_vectors() -> Array2<f32> {
    let (numbers, _) = include_bytes!("fixtures/probes.f32").as_chunks::<4>();
    let values = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
    Array2::from_shape_vec((150, 10), values).unwrap()
}

/// A task in which every row has its own type, lemma and sentence.
fn plain(labels: Vec<usize>, train: usize) -> Task {
    let all: Vec<usize> = (0..labels.len()).collect();
    let split = |&row: &usize| if row < train { Split::Train } else { Split::Test };
    let splits = all.iter().map(split).collect();
    Task { labels, types: all.clone(), lemmas: all.clone(), clusters: all, splits }
}

#[test]
fn as_scikit_learn() {
    let x = golden_vectors();
    let labels: Vec<usize> = golden("labels").iter().map(|&l| l as usize).collect();
    for (name, modulo) in [("many", 4), ("two", 2)] {
        // The search ends where no entry of the gradient exceeds 1e-4: with a weaker penalty, that is
        // farther from the minimum.
        for (strength, near) in [("0.01", 3e-4), ("0.1", 1e-3), ("10.0", 1e-2)] {
            let expected = |what: &str| golden(&format!("{name} {strength} {what}"));
            let labels: Vec<usize> = labels.iter().map(|l| l % modulo).collect();
            let task = plain(labels.clone(), 100);
            let prober = Prober::new(task, Strength::Fixed(strength.parse().unwrap()), 0).unwrap();
            let (probe, layer) = prober.linear(x.view()).unwrap();
            assert!(layer.converged);
            let p = probe.predict(x.slice(s![100.., ..])).unwrap();
            let off = p.iter().zip(expected("probabilities")).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f64::max);
            assert!(off < near, "{name} {strength}: probabilities are {off} off");
            let own = p.outer_iter().zip(&labels[100..]).map(|(p, &l)| -p[l].ln());
            let loss = own.sum::<f64>() / 50.0;
            assert!((loss - expected("loss")[0]).abs() < near, "{name} {strength}: {loss}");
            let (accuracy, f1) = (layer.scores.accuracy, layer.scores.macro_f1);
            // With a weak penalty, one row of 50 is almost tied.
            let rows = if strength == "10.0" { 0.0201 } else { 1e-9 };
            assert!((accuracy.value - expected("accuracy")[0]).abs() < rows);
            assert!((f1.value - expected("macro_f1")[0]).abs() < 2.0 * rows, "{f1:?}");
            let [low, high] = ends(accuracy);
            assert!(low < accuracy.value && accuracy.value < high);
        }
    }
}

/// Numbers with mean 0 and variance 1.
fn noise(rows: usize, width: usize, seed: u64) -> Array2<f32> {
    let mut rng = generator(seed);
    let mut normal = || (0..12).map(|_| rng.gen_range(-0.5f32..0.5)).sum::<f32>();
    Array2::from_shape_simple_fn((rows, width), &mut normal)
}

/// Words of 40 types in sentences of 5, three quarters of them for training; every type has its own
/// vector, with noise.
fn words(rows: usize, classes: usize, seed: u64) -> (Task, Array2<f32>) {
    let mut rng = generator(seed);
    let types: Vec<usize> = (0..rows).map(|_| rng.gen_range(0..40)).collect();
    let of_type = noise(40, 48, seed + 1);
    let mut x = noise(rows, 48, seed + 2) * 0.3;
    for (mut row, &kind) in x.outer_iter_mut().zip(&types) {
        row += &of_type.row(kind);
    }
    let clusters: Vec<usize> = (0..rows).map(|row| row / 5).collect();
    let split = |row| if row < rows * 3 / 4 { Split::Train } else { Split::Test };
    let task = Task {
        labels: (0..rows).map(|_| rng.gen_range(0..classes)).collect(),
        lemmas: types.clone(),
        types,
        clusters,
        splits: (0..rows).map(split).collect(),
    };
    (task, x)
}

#[test]
fn a_label_of_the_type_is_found_by_the_lookup() {
    let (mut task, x) = words(800, 4, 1);
    task.labels = task.types.iter().map(|kind| kind % 4).collect();
    let prober = Prober::new(task, FIXED, 3).unwrap();
    let lookup = prober.baselines().unwrap().lookup.accuracy;
    assert_eq!((lookup.value, lookup.interval), (1.0, Some([1.0; 2])));
    let (probe, layer) = prober.linear(x.view()).unwrap();
    assert!(layer.scores.accuracy.value > 0.97, "{layer:?}");
    assert_eq!(layer.gain_over_lookup, None, "the lookup makes no error");
    // Random labels of types are learned too: there is no selectivity.
    let control = prober.control(x.view(), &probe).unwrap();
    assert!(control.selectivity.value.abs() < 0.05, "{control:?}");
    // The lookup fails on new types.
    let (mut task, x) = words(800, 4, 1);
    task.labels = task.types.iter().map(|kind| kind % 4).collect();
    task.splits =
        task.types.iter().map(|&k| [Split::Train, Split::Test][usize::from(k > 30)]).collect();
    let prober = Prober::new(task, FIXED, 3).unwrap();
    let (_, layer) = prober.linear(x.view()).unwrap();
    assert_eq!(layer.scores.unseen_lemma_accuracy, Some(layer.scores.accuracy));
    assert_eq!(prober.counts().unseen_lemmas, prober.counts().test);
    assert_eq!(prober.baselines().unwrap().lookup, prober.baselines().unwrap().majority);
}

#[test]
fn random_labels_are_neither_selective_nor_compressed() {
    let mut selectivities = Vec::new();
    for seed in 0..4 {
        let (task, x) = words(1200, 3, 10 * seed);
        // Every row has its own type: the control labels are as random as the labels.
        let task = Task { types: (0..1200).collect(), ..task };
        let prober = Prober::new(task, Strength::Chosen, seed).unwrap();
        let (probe, _) = prober.linear(x.view()).unwrap();
        selectivities.push(prober.control(x.view(), &probe).unwrap().selectivity.value);
        let mdl = prober.mdl(x.view()).unwrap();
        assert!((mdl.compression.value - 1.0).abs() < 0.05, "{mdl:?}");
        assert!((mdl.compression_by_frequency - 1.0).abs() < 0.03, "{mdl:?}");
        assert_eq!(mdl.blocks.iter().map(|b| b.rows).sum::<usize>(), 900);
        assert!((mdl.blocks.iter().map(|b| b.bits).sum::<f64>() - mdl.codelength).abs() < 1e-6);
        assert!((mdl.uniform - 900.0 * 3f64.log2()).abs() < 1e-9);
        assert!((mdl.uniform / mdl.codelength - mdl.compression.value).abs() < 1e-9);
        assert_eq!(mdl.blocks[0].strength, None);
        assert!(mdl.blocks.iter().all(|block| block.rows % 5 == 0), "sentences stay whole");
    }
    let mean = selectivities.iter().sum::<f64>() / 4.0;
    assert!(mean.abs() < 0.04, "{selectivities:?}");
}

#[test]
fn predictable_labels_are_compressed() {
    let (mut task, x) = words(1200, 4, 5);
    task.labels = task.types.iter().map(|kind| kind % 4).collect();
    let mdl = Prober::new(task, Strength::Chosen, 0).unwrap().mdl(x.view()).unwrap();
    let [low, high] = ends(mdl.compression);
    assert!(low > 2.0 && low <= mdl.compression.value, "{mdl:?}");
    assert!(mdl.compression.value <= high, "{mdl:?}");
}

/// Layers of noise with the labels planted from layer `from` on.
fn planted(from: usize, layers: usize) -> (Task, Array3<f32>) {
    let (task, _) = words(800, 3, 77);
    let mut all = Array3::zeros((layers, 800, 16));
    let directions = noise(3, 16, 5) * 1.5;
    for (layer, mut x) in all.outer_iter_mut().enumerate() {
        x.assign(&noise(800, 16, 100 + layer as u64));
        if layer >= from {
            for (mut row, &label) in x.outer_iter_mut().zip(&task.labels) {
                row += &directions.row(label);
            }
        }
    }
    (task, all)
}

#[test]
fn a_signal_from_layer_k_on_has_expected_layer_k() {
    for (from, strength) in [(1, FIXED), (3, Strength::Chosen)] {
        let (mut task, mut layers) = planted(from, 5);
        // The layers from k on are equal, so that more of them add nothing.
        let first = layers.index_axis(Axis(0), from).to_owned();
        for mut layer in layers.outer_iter_mut().skip(from + 1) {
            layer.assign(&first);
        }
        let prober = Prober::new(task.clone(), strength, 0).unwrap();
        let mixes = prober.mixes(layers.view(), &|_, _| ()).unwrap();
        let expected = mixes.expected_layer.unwrap();
        assert!((expected.value - from as f64).abs() < 0.25, "{from}: {mixes:?}");
        let [low, high] = ends(expected);
        assert!(low <= expected.value && expected.value <= high);
        assert_eq!((mixes.accuracies.len(), mixes.differences.len()), (5, 4));
        let sum: f64 = mixes.differences.iter().map(|d| d.value).sum();
        assert!((sum - mixes.total.value).abs() < 1e-12);
        let mix = &mixes.mix;
        assert!((mix.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(mix.centre_of_gravity > from as f64, "{mix:?}");
        assert!(mix.kl_bits > 0.0 && mix.kl_bits < 5f64.log2(), "{mix:?}");
        // The same on one thread.
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(|| prober.mixes(layers.view(), &|_, _| ())).unwrap(), mixes);
        // With random labels there is no expected layer.
        task.labels = words(800, 3, 4321).0.labels;
        let nothing = Prober::new(task, FIXED, 0).unwrap();
        let mixes = nothing.mixes(layers.view(), &|_, _| ()).unwrap();
        assert_eq!(mixes.expected_layer, None, "{mixes:?}");
    }
}

#[test]
fn a_mix_finds_the_planted_layer() {
    let (task, mut layers) = planted(4, 5);
    // The labels are planted in layer 2 alone.
    let planted_layer = layers.index_axis(Axis(0), 4).to_owned();
    layers.index_axis_mut(Axis(0), 2).assign(&planted_layer);
    layers.index_axis_mut(Axis(0), 4).assign(&noise(800, 16, 9));
    let mixes = Prober::new(task, FIXED, 0).unwrap().mixes(layers.view(), &|_, _| ()).unwrap();
    assert!(mixes.mix.weights[2] > 0.9, "{mixes:?}");
    assert!((mixes.mix.centre_of_gravity - 2.0).abs() < 0.2, "{mixes:?}");
    assert!(mixes.mix.kl_bits > 1.5, "{mixes:?}");
}

#[test]
fn names_of_classes_and_threads_change_nothing() {
    let (task, layers) = planted(0, 1);
    let x = layers.index_axis(Axis(0), 0);
    let prober = Prober::new(task.clone(), Strength::Chosen, 5).unwrap();
    let (probe, layer) = prober.linear(x).unwrap();
    assert_eq!(prober.linear(x).unwrap().0, probe);
    assert!(layer.held_out_accuracy.is_some() && STRENGTHS.contains(&layer.strength));
    // Ascending names keep the order of classes; descending names change the order of sums.
    let renamed = |name: fn(usize) -> usize| Task {
        labels: task.labels.iter().map(|&l| name(l)).collect(),
        ..task.clone()
    };
    let rising = Prober::new(renamed(|l| l * 1000 + 7), Strength::Chosen, 5).unwrap();
    let (named, same) = rising.linear(x).unwrap();
    assert_eq!((named.classes(), same), (&[7, 1007, 2007][..], layer.clone()));
    let falling = Prober::new(renamed(|l| usize::MAX - l), Strength::Chosen, 5).unwrap();
    let other = falling.linear(x).unwrap().1;
    assert!((other.scores.accuracy.value - layer.scores.accuracy.value).abs() < 0.011);
}

#[test]
fn a_saved_probe_has_equal_predictions() {
    let (task, layers) = planted(0, 1);
    let x = layers.index_axis(Axis(0), 0);
    let (probe, strength) = Prober::new(task, FIXED, 5).unwrap().fit(x).unwrap();
    assert_eq!(strength, 0.1);
    let parts = |p: &LinearProbe| {
        (
            p.classes().to_vec(),
            p.weights().clone(),
            p.intercept().clone(),
            p.mean().clone(),
            p.sd().clone(),
        )
    };
    let (classes, weights, intercept, mean, sd) = parts(&probe);
    let kept = LinearProbe::new(classes, weights, intercept, mean, sd).unwrap();
    assert_eq!(kept, probe);
    let p = kept.predict(x).unwrap();
    assert!(p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-9));
    // Row by row, and all rows at once.
    let one = kept.predict(x.slice(s![5..6, ..])).unwrap();
    assert!(one.iter().zip(p.row(5)).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(kept.predict(Array2::zeros((3, 15)).view()).is_err());
    assert_eq!(kept.predict(Array2::zeros((0, 16)).view()).unwrap().dim(), (0, 3));

    let (classes, weights, intercept, mean, sd) = parts(&probe);
    let with = |f: &dyn Fn(&mut Array1<f32>)| {
        let mut sd = sd.clone();
        f(&mut sd);
        LinearProbe::new(classes.clone(), weights.clone(), intercept.clone(), mean.clone(), sd)
    };
    assert!(with(&|sd| sd[3] = f32::NAN).is_err());
    assert!(with(&|sd| sd[3] = -1.0).is_err());
    assert!(with(&|sd| *sd = Array1::zeros(4)).is_err());
}

#[test]
fn the_learning_curve_rises() {
    let (task, layers) = planted(0, 1);
    let x = layers.index_axis(Axis(0), 0);
    let prober = Prober::new(task, FIXED, 0).unwrap();
    let curve = prober.learning_curve(x).unwrap();
    assert_eq!(curve.iter().map(|p| p.clusters).collect::<Vec<_>>(), [4, 8, 15, 30, 60, 120]);
    assert!(curve.iter().all(|p| p.rows == 5 * p.clusters));
    let (first, last) = (curve[0].accuracy, curve[5].accuracy);
    assert!(first.value < last.value, "{curve:?}");
    assert_eq!(last, prober.linear(x).unwrap().1.scores.accuracy);
    assert!(prober.held_out_accuracy(x).unwrap() > 0.6);
}

#[test]
fn held_out_rows_choose_and_test_rows_do_not() {
    let (mut task, layers) = planted(0, 1);
    let x = layers.index_axis(Axis(0), 0);
    for row in 500..600 {
        task.splits[row] = Split::Dev;
    }
    let prober = Prober::new(task.clone(), Strength::Chosen, 0).unwrap();
    let (probe, layer) = prober.linear(x).unwrap();
    assert!(layer.held_out_accuracy.is_some());
    // Other labels of the test rows do not change the probe.
    for row in 600..800 {
        task.labels[row] = 2 - task.labels[row];
    }
    let (again, other) = Prober::new(task.clone(), Strength::Chosen, 0).unwrap().linear(x).unwrap();
    assert_eq!((again, other.strength), (probe, layer.strength));
    let fixed = Prober::new(task, FIXED, 0).unwrap();
    assert!(fixed.linear(x).unwrap().1.held_out_accuracy.is_some());
}

#[test]
fn bad_tasks_are_errors() {
    let (task, x) = words(200, 3, 3);
    let fails = |task: Task, strength: Strength, x: ArrayView2<'_, f32>| {
        Prober::new(task, strength, 0).and_then(|p| p.linear(x)).unwrap_err()
    };
    let one_class = Task { labels: vec![4; 200], ..task.clone() };
    assert!(matches!(fails(one_class, FIXED, x.view()), ProbingError::Task { found: 1, .. }));
    let empty = Task { splits: vec![Split::Train; 200], ..task.clone() };
    assert!(matches!(fails(empty, FIXED, x.view()), ProbingError::Task { found: 0, .. }));
    let nothing = Task { splits: vec![Split::Test; 200], ..task.clone() };
    assert!(matches!(fails(nothing, FIXED, x.view()), ProbingError::Task { found: 0, .. }));
    let one_cluster = Task { clusters: vec![0; 200], ..task.clone() };
    assert!(matches!(
        fails(one_cluster.clone(), Strength::Chosen, x.view()),
        ProbingError::Task { found: 1, .. }
    ));
    let mdl = Prober::new(one_cluster, Strength::Chosen, 0).unwrap().mdl(x.view()).unwrap();
    assert_eq!((mdl.compression.value, mdl.blocks.len()), (1.0, 1));
    for strength in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = fails(task.clone(), Strength::Fixed(strength), x.view());
        assert!(matches!(error, ProbingError::Setting { .. }));
    }
    let short = Task { types: vec![0], ..task.clone() };
    assert!(matches!(fails(short, FIXED, x.view()), ProbingError::Length { .. }));
    assert!(matches!(
        fails(task.clone(), FIXED, x.slice(s![..9, ..])),
        ProbingError::Length { .. }
    ));
    for (row, value) in [(7, f32::NAN), (199, f32::INFINITY)] {
        let mut broken = x.clone();
        broken[[row, 3]] = value;
        let error = fails(task.clone(), FIXED, broken.view());
        assert!(matches!(error, ProbingError::RowNotFinite { row: found, .. } if found == row));
        let prober = Prober::new(task.clone(), FIXED, 0).unwrap();
        let layers = broken.clone().insert_axis(Axis(0));
        let two = ndarray::concatenate![Axis(0), layers, layers];
        assert!(prober.mixes(two.view(), &|_, _| ()).is_err());
        assert!(prober.mixes(layers.view(), &|_, _| ()).is_err(), "a mix needs two layers");
    }
}

#[test]
fn odd_vectors_have_defined_results() {
    let finite = |task: &Task, x: ArrayView2<'_, f32>| {
        let prober = Prober::new(task.clone(), FIXED, 0).unwrap();
        let (probe, layer) = prober.linear(x).unwrap();
        assert!(probe.predict(x).unwrap().iter().all(|p| p.is_finite()));
        let scores = layer.scores;
        for score in [scores.accuracy, scores.macro_f1] {
            let ends = score.interval.into_iter().flatten();
            assert!(ends.chain([score.value]).all(|v| (0.0..=1.0).contains(&v)));
        }
        assert!(prober.mdl(x).unwrap().compression.value.is_finite());
        layer
    };
    // Constant vectors predict the majority class.
    let (task, x) = words(200, 3, 3);
    let same = Array2::from_elem((200, 6), 0.1f32);
    let layer = finite(&task, same.view());
    let majority = Prober::new(task.clone(), FIXED, 0).unwrap().baselines().unwrap().majority;
    assert_eq!(layer.scores.accuracy, majority.accuracy);
    assert_eq!(finite(&task, Array2::zeros((200, 0)).view()).scores.accuracy, majority.accuracy);
    // A class without training rows is never predicted.
    let mut new = task.clone();
    (150..200).for_each(|row| new.labels[row] = 9);
    assert_eq!(finite(&new, x.view()).scores.accuracy.value, 0.0);
    // Fewer rows than classes, and numbers of very different magnitude.
    finite(&plain((0..10).chain([0, 1]).collect(), 10), x.slice(s![..12, ..]));
    let mut wide = x.clone();
    wide.column_mut(0).mapv_inplace(|v| v * 1e37);
    wide.column_mut(1).mapv_inplace(|v| v * 1e-37);
    finite(&task, wide.view());
    // The z-score of a test value overflows f32.
    wide.column_mut(1).fill(0.0);
    wide[[0, 1]] = 1e-37;
    wide[[199, 1]] = 1e37;
    let prober = Prober::new(task, FIXED, 0).unwrap();
    assert!(matches!(prober.linear(wide.view()), Err(ProbingError::RowNotFinite { row: 199, .. })));
}
