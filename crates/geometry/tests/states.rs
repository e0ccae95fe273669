//! Every measure on real states of two models, against numbers from numpy and scikit-learn
//! (`fixtures/states/make_states.py`).
#![allow(clippy::unwrap_used)] // The helpers of a test are test code too.

use std::collections::BTreeMap;

use half::f16;
use ndarray::{Array2, Array3, ArrayView3, Axis, s};
use stratoscope_geometry::{
    Estimate, LayerSums, Neighbours, Spectrum, SpectrumEstimates, anisotropy, attention_heads, auc,
    cka_map, cosine, cosine_to_sentence, curvature, debiased_cka, identity_retention, linear_cka,
    maximum_explainable_variance, rbf_cka, rollout, self_similarity,
};

/// The fixture has one `name value` per line.
fn expected(name: &str) -> f64 {
    let line = include_str!("fixtures/states/expected.txt")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

fn check(name: &str, found: f64) {
    let expected = expected(name);
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < 1e-9, "{name}: expected {expected}, found {found}");
}

/// The sentence and the word type of every row.
fn text() -> (Vec<usize>, Vec<usize>) {
    let lines = include_str!("fixtures/states/sentences.txt").lines();
    let words: Vec<(usize, &str)> = lines
        .enumerate()
        .flat_map(|(s, line)| line.split_whitespace().map(move |w| (s, w)))
        .collect();
    let mut types: BTreeMap<&str, usize> = words.iter().map(|&(_, w)| (w, 0)).collect();
    types.values_mut().enumerate().for_each(|(i, number)| *number = i);
    words.iter().map(|&(s, w)| (s, types[w])).unzip()
}

/// The stored layers of a model, by number.
fn layers(model: &str) -> Vec<(usize, Array2<f32>)> {
    let (kept, d, bytes): (&[usize], usize, &[u8]) = match model {
        "minilm" => (&[0, 3, 6], 384, include_bytes!("fixtures/states/minilm.f16")),
        _ => (&[1, 12], 768, include_bytes!("fixtures/states/mpnet.f16")),
    };
    let (numbers, _) = bytes.as_chunks::<2>();
    let values = numbers.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect();
    let n = text().0.len();
    let all = Array3::from_shape_vec((kept.len(), n, d), values).unwrap();
    let layer =
        |(place, &layer): (usize, &usize)| (layer, all.index_axis(Axis(0), place).to_owned());
    kept.iter().enumerate().map(layer).collect()
}

#[test]
fn one_layer() {
    let (sentences, types) = text();
    for model in ["minilm", "mpnet"] {
        let layers = layers(model);
        let first = layers[0].1.view();
        for (layer, x) in &layers {
            let x = x.view();
            let check = |name: &str, found: f64| check(&format!("{model}.{layer}.{name}"), found);
            let mut sums = LayerSums::new(x.ncols(), 1);
            sums.add(x, &sentences, Some(first)).unwrap();
            check("norm", sums.norm().unwrap().value);
            check("intra", sums.intra_sentence_similarity().unwrap().value);
            check("curvature", sums.curvature().unwrap().value);
            check("retention", sums.identity_retention().unwrap().value);
            let again = identity_retention(x, first, &sentences, 1).unwrap();
            assert_eq!(again.value, sums.identity_retention().unwrap().value);

            // One word per sentence: nothing is random.
            let drawn: Vec<usize> =
                (0..24).map(|s| sentences.iter().position(|&own| own == s).unwrap()).collect();
            let (drawn, each) = (x.select(Axis(0), &drawn), Vec::from_iter(0..24));
            let mut words = LayerSums::new(x.ncols(), 1);
            words.add(drawn.view(), &each, None).unwrap();
            check("anisotropy", words.anisotropy().unwrap().value);
            check("anisotropy", anisotropy(drawn.view(), &each, 1).unwrap().value);
            for (place, rogue) in words.rogue_dimensions(3).unwrap().iter().enumerate() {
                check(&format!("rogue_{place}"), rogue.index as f64);
                check(&format!("rogue_share_{place}"), rogue.share.value);
            }

            let found = self_similarity(x, &types, &sentences, 1).unwrap();
            check("self_similarity", found.mean.value);
            let found = maximum_explainable_variance(x, &types, 4, 1).unwrap();
            check("mev", found.mean.value);

            let spectrum = |name: &str, found: &Spectrum, streamed: &SpectrumEstimates| {
                let check = |measure: &str, found| check(&format!("{name}.{measure}"), found);
                check("entropy", found.entropy(1.0).unwrap());
                check("entropy_2", found.entropy(2.0).unwrap());
                check("relative_entropy", found.relative_entropy().unwrap());
                check("effective_rank", found.effective_rank());
                check("first", found.first());
                check("entropy", streamed.entropy.value);
                check("relative_entropy", streamed.relative_entropy.unwrap().value);
                check("effective_rank", streamed.effective_rank.value);
                check("first", streamed.first.value);
            };
            spectrum("raw", &Spectrum::of(x).unwrap(), &sums.spectrum().unwrap());
            if model == "minilm" {
                let streamed = sums.centred_spectrum().unwrap();
                spectrum("centred", &Spectrum::centred(x).unwrap(), &streamed);
            }

            let neighbours = Neighbours::of(x, &sentences, 10, 1).unwrap();
            let found = neighbours.intrinsic_dimension().unwrap();
            check("two_nn.points", found.points as f64);
            assert_eq!(found.points + found.copies, x.nrows());
            check("two_nn.regression", found.regression.value);
            check("two_nn.likelihood", found.likelihood.value);

            let pairs: Vec<(usize, usize)> =
                (0..60).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
            let scores: Vec<f64> =
                pairs.iter().map(|&(i, j)| cosine(x.row(i), x.row(j)).unwrap()).collect();
            let same: Vec<bool> = pairs.iter().map(|&(i, j)| types[i] == types[j]).collect();
            check("auc", auc(&scores, &same, 1).unwrap().value);

            // The functions of one sentence agree with the mean over one sentence.
            let own = x.slice(s![..6, ..]);
            let mut alone = LayerSums::new(x.ncols(), 1);
            alone.add(own, &[7; 6], None).unwrap();
            assert_eq!(curvature(own).unwrap(), alone.curvature().unwrap().value);
            let intra = alone.intra_sentence_similarity().unwrap();
            assert_eq!(cosine_to_sentence(own).unwrap(), intra.value);
        }
    }
}

#[test]
fn two_layers() {
    let (sentences, _) = text();
    let (minilm, mpnet) = (layers("minilm"), layers("mpnet"));
    let named = |model, layers: &[(usize, Array2<f32>)]| -> Vec<(String, Array2<f32>)> {
        layers.iter().map(|(l, x)| (format!("{model}.{l}"), x.clone())).collect()
    };
    let all = [named("minilm", &minilm), named("mpnet", &mpnet)].concat();
    let views: Vec<_> = all.iter().map(|(_, x)| x.view()).collect();
    let map = cka_map(&views, &sentences, 1).unwrap();
    for (a, b) in [(0, 1), (1, 2), (3, 4), (2, 4)] {
        let name = format!("{}.{}", all[a].0, all[b].0);
        let check = |measure: &str, found| check(&format!("{name}.{measure}"), found);
        let [x, y] = [a, b].map(|layer| Neighbours::of(views[layer], &sentences, 10, 1).unwrap());
        check("overlap", x.overlap(&y).unwrap().value);
        check("most_moved", x.changes(&y).unwrap()[0].row as f64);
        check("linear", linear_cka(views[a], views[b]).unwrap());
        check("debiased", debiased_cka(views[a], views[b]).unwrap());
        check("rbf", rbf_cka(views[a], views[b], 0.5).unwrap());
        for (measure, found) in
            [("linear", &map.linear), ("debiased", &map.debiased), ("rbf", &map.rbf)]
        {
            let found = found[[a, b]].unwrap();
            check(measure, found.value);
            let [low, high] = found.interval.unwrap();
            assert!(low < found.value && found.value < high, "{name} {found:?}");
        }
    }
}

#[test]
fn attention() {
    let (numbers, _) = include_bytes!("fixtures/states/patterns.f32").as_chunks::<4>();
    let values: Vec<f32> = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let patterns: Vec<ArrayView3<f32>> = values
        .chunks(12 * 8 * 8)
        .map(|layer| ArrayView3::from_shape((12, 8, 8), layer).unwrap())
        .collect();
    let special = [true, false, false, false, false, false, false, true];
    let rolled = rollout(&patterns).unwrap();
    for (layer, pattern) in patterns.iter().enumerate() {
        let heads = attention_heads(*pattern, &special, &[8; 8]).unwrap();
        for head in [0, 7] {
            let check =
                |name: &str, found| check(&format!("attention.{layer}.{head}.{name}"), found);
            check("entropy", heads[head].entropy);
            check("distance", heads[head].distance.unwrap());
            check("to_special", heads[head].to_special);
        }
        check(&format!("attention.{layer}.rollout"), rolled[layer][[1, 2]]);
        assert!(rolled[layer].rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
    }
}

#[test]
fn streamed_groups_agree_with_the_whole() {
    let (sentences, _) = text();
    let x = layers("minilm")[1].1.clone();
    let mut whole = LayerSums::new(384, 3);
    whole.add(x.view(), &sentences, Some(x.view())).unwrap();
    // Three groups in reverse order, of which the first is merged.
    let group = |from: usize, to: usize| {
        let rows: Vec<usize> =
            (0..x.nrows()).filter(|&r| (from..to).contains(&sentences[r])).collect();
        (x.select(Axis(0), &rows), rows.iter().map(|&r| sentences[r]).collect::<Vec<_>>())
    };
    let mut parts = LayerSums::new(384, 3);
    let mut first = LayerSums::new(384, 3);
    for (from, to) in [(17, 24), (5, 17), (0, 5)] {
        let (x, sentences) = group(from, to);
        let sums = if from == 0 { &mut first } else { &mut parts };
        sums.add(x.view(), &sentences, Some(x.view())).unwrap();
    }
    parts.merge(&first).unwrap();
    assert_eq!((parts.n_rows(), parts.n_sentences()), (134, 24));
    let near = |a: Estimate, b: Estimate| {
        let ([low_a, high_a], [low_b, high_b]) = (a.interval.unwrap(), b.interval.unwrap());
        let pairs = [(a.value, b.value), (low_a, low_b), (high_a, high_b)];
        assert_eq!(a.n, b.n);
        assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-6 * a.abs().max(1.0)), "{a:?} {b:?}");
    };
    near(parts.norm().unwrap(), whole.norm().unwrap());
    near(parts.curvature().unwrap(), whole.curvature().unwrap());
    near(parts.anisotropy().unwrap(), whole.anisotropy().unwrap());
    near(parts.rogue_dimensions(1).unwrap()[0].share, whole.rogue_dimensions(1).unwrap()[0].share);
    for (a, b) in [
        (parts.spectrum().unwrap(), whole.spectrum().unwrap()),
        (parts.centred_spectrum().unwrap(), whole.centred_spectrum().unwrap()),
    ] {
        near(a.entropy, b.entropy);
        near(a.effective_rank, b.effective_rank);
        near(a.first, b.first);
    }
    let reference = stratoscope_geometry::Reference::of(x.view()).unwrap();
    let streamed = parts.reference().unwrap();
    for (a, b) in
        [(streamed.mean(), reference.mean()), (streamed.deviation(), reference.deviation())]
    {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-10));
    }
    assert!(parts.merge(&first).is_err() && parts.merge(&LayerSums::new(384, 4)).is_err());
    assert!(parts.add(x.view(), &sentences, None).is_err());
    assert_eq!(parts.n_rows(), 134);
}

#[test]
fn little_text_gives_finite_numbers_or_errors() {
    let same = Array2::from_elem((6, 3), 0.1f32);
    for (x, sentences) in [
        (Array2::zeros((0, 3)), vec![]),
        (same.slice(s![..1, ..]).to_owned(), vec![0]),
        (same.clone(), vec![0; 6]),
        (same.clone(), vec![0, 0, 1, 1, 2, 2]),
        (Array2::zeros((6, 3)), vec![0, 0, 1, 1, 2, 2]),
    ] {
        let mut sums = LayerSums::new(3, 0);
        sums.add(x.view(), &sentences, Some(x.view())).unwrap();
        assert!(sums.curvature().is_err() && sums.centred_spectrum().is_err());
        let mut found = vec![sums.norm(), sums.intra_sentence_similarity(), sums.anisotropy()];
        found.extend([sums.identity_retention(), sums.spectrum().map(|s| s.effective_rank)]);
        found.push(sums.rogue_dimensions(2).map(|all| all[0].share));
        for found in found.into_iter().flatten() {
            let ends = found.interval.into_iter().flatten();
            assert!(ends.chain([found.value]).all(|v| v.is_finite()));
        }
        assert!(
            self_similarity(x.view(), &vec![0; x.nrows()], &sentences, 0)
                .is_ok_and(|found| found.mean.value.is_finite())
                || x.nrows() < 2
        );
    }
}
