//! Planted effects are recovered, and effects that are confounded with position are None.

use super::{Partition, Partitioner, standardised};
use crate::design::Design;
use crate::error::Result;
use crate::stimuli::Stimuli;
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use std::sync::LazyLock;
use stratoscope_numerics::{Estimate, generator};

fn partition(x: ArrayView2<'_, f64>, design: &Design, seed: u64) -> Result<Partition> {
    // Most tests share one design, whose preparation takes longer than its use.
    static STANDARD: LazyLock<Partitioner> =
        LazyLock::new(|| Partitioner::new(self::design(), 0).unwrap());
    match (*design == self::design(), seed) {
        (true, 0) => STANDARD.partition(x),
        _ => Partitioner::new(design.clone(), seed)?.partition(x),
    }
}

const WORDS: usize = 24;
const SENSES: usize = 2;
const ROLES: usize = 4;
const CONTEXTS: usize = 4;
const WIDTH: usize = 40;

/// A full design with the target at positions 3 and 6 everywhere.
fn design() -> Design {
    let mut design = Design { word: vec![], sense: vec![], role: vec![], positions: vec![] };
    for word in 0..WORDS {
        for sense in 0..SENSES {
            for role in 0..ROLES {
                for _ in 0..CONTEXTS {
                    design.word.push(word);
                    design.sense.push(sense);
                    design.role.push(role);
                    design.positions.push(vec![3, 6]);
                }
            }
        }
    }
    design
}

/// The standard deviations of the planted effects, per dimension.
#[derive(Clone, Copy, Default)]
struct Planted {
    sense: f64,
    role: f64,
    word_role: f64,
    position: f64,
}

/// Vectors with planted effects and noise of standard deviation 1 around words of 3.
fn vectors(design: &Design, planted: Planted, seed: u64) -> Array2<f64> {
    let mut rng = generator(seed);
    let mut table = |rows: usize, scale: f64| {
        // The sum of 12 uniform numbers is close to normal.
        let normal = |_| (0..12).map(|_| rng.gen_range(-0.5..0.5)).sum::<f64>() * scale;
        Array2::from_shape_vec((rows, WIDTH), (0..rows * WIDTH).map(normal).collect()).unwrap()
    };
    let words = table(WORDS, 3.0);
    let senses = table(WORDS * SENSES, planted.sense);
    let roles = table(ROLES, planted.role);
    let word_roles = table(WORDS * ROLES, planted.word_role);
    let positions = table(32, planted.position);
    let mut all = table(design.word.len(), 1.0);
    for (context, mut row) in all.outer_iter_mut().enumerate() {
        let (word, sense, role) =
            (design.word[context], design.sense[context], design.role[context]);
        row += &words.row(word);
        row += &senses.row(word * SENSES + sense);
        row += &roles.row(role);
        row += &word_roles.row(word * ROLES + role);
        let seen = &design.positions[context];
        for &position in seen {
            row.scaled_add(1.0 / seen.len() as f64, &positions.row(position));
        }
    }
    all
}

fn contains(estimate: Estimate, value: f64) -> bool {
    estimate.interval.is_some_and(|[low, high]| low <= value && value <= high)
}

fn value(estimate: &Option<Estimate>) -> f64 {
    estimate.map(|e| e.value).unwrap()
}

/// The expected ω² of the planted effects.
fn expected(planted: Planted) -> [f64; 3] {
    // Of k levels, (k − 1) / k of the variance is within the word.
    let sense = planted.sense.powi(2) * (SENSES as f64 - 1.0) / SENSES as f64;
    let role = planted.role.powi(2) * (ROLES as f64 - 1.0) / ROLES as f64;
    let word_role = planted.word_role.powi(2) * (ROLES as f64 - 1.0) / ROLES as f64;
    let all = sense + role + word_role + 1.0;
    [sense / all, role / all, word_role / all]
}

#[test]
fn planted_effects_are_recovered() {
    for planted in [
        Planted { sense: 0.8, role: 0.4, word_role: 0.3, position: 0.0 },
        Planted { sense: 0.3, role: 1.0, word_role: 0.0, position: 2.0 },
    ] {
        // Roles are few: the expectation is that of the mean over draws.
        let found: Vec<[f64; 3]> = (0..8)
            .map(|seed| {
                let x = vectors(&design(), planted, seed);
                let p = partition(x.view(), &design(), 0).unwrap();
                let sum = value(&p.sense) + value(&p.role) + value(&p.word_role);
                assert!((sum + value(&p.rest) - 1.0).abs() < 1e-12);
                let share = value(&p.sense) / (value(&p.sense) + value(&p.role));
                assert!((value(&p.semantic_share) - share).abs() < 1e-12);
                [value(&p.sense), value(&p.role), value(&p.word_role)]
            })
            .collect();
        for (effect, expected) in expected(planted).into_iter().enumerate() {
            let mean = found.iter().map(|f| f[effect]).sum::<f64>() / found.len() as f64;
            assert!((mean - expected).abs() < 0.03, "effect {effect}: {mean} for {expected}");
        }
    }
}

#[test]
fn no_effect_is_zero_within_its_interval_and_its_null() {
    // A 95 % interval misses sometimes: count the misses.
    let mut missed = 0;
    for seed in 0..8 {
        let planted = Planted { word_role: 0.3, ..Planted::default() };
        let p = partition(vectors(&design(), planted, seed).view(), &design(), 0).unwrap();
        let sense = p.sense.unwrap();
        assert!(sense.value.abs() < 0.02, "{sense:?}");
        missed += usize::from(!contains(sense, 0.0));
        assert!(p.sense_null.unwrap().mean.abs() < 0.005);
        let planted = Planted { sense: 0.8, ..Planted::default() };
        let p = partition(vectors(&design(), planted, seed).view(), &design(), 0).unwrap();
        let role = p.role.unwrap();
        missed += usize::from(!contains(role, 0.0));
        assert!(role.value.abs() < 0.01);
        assert!(value(&p.semantic_share) > 0.95);
    }
    assert!(missed <= 3, "{missed} of 16 intervals miss 0");
    // Without either effect there is no share.
    let null = partition(vectors(&design(), Planted::default(), 3).view(), &design(), 0).unwrap();
    assert_eq!(null.semantic_share, None);
}

#[test]
fn an_effect_confounded_with_position_is_none() {
    let planted = Planted { sense: 0.7, role: 0.5, word_role: 0.0, position: 1.0 };
    // Every role has its own position: role and position are confounded.
    let mut aliased = design();
    for (context, role) in aliased.role.clone().into_iter().enumerate() {
        aliased.positions[context] = vec![3 + role];
    }
    assert!(!aliased.positions_balanced());
    let p = partition(vectors(&aliased, planted, 1).view(), &aliased, 0).unwrap();
    assert_eq!((p.role, p.semantic_share, p.any_role, p.rest), (None, None, None, None));
    assert!((value(&p.sense) - 0.2).abs() < 0.05, "{p:?}");

    // Positions that correlate with roles: they are removed first.
    let mut leaning = design();
    for context in 0..leaning.role.len() {
        leaning.positions[context] = vec![3 + (leaning.role[context] + context % 3) % 5];
    }
    assert!(!leaning.positions_balanced());
    let without = Planted { role: 0.0, ..planted };
    let p = partition(vectors(&leaning, without, 2).view(), &leaning, 0).unwrap();
    assert!(value(&p.role).abs() < 0.01, "position is taken for role: {:?}", p.role);
    let naive = Design { positions: vec![vec![0]; leaning.role.len()], ..leaning.clone() };
    let confounded = partition(vectors(&leaning, without, 2).view(), &naive, 0).unwrap();
    assert!(value(&confounded.role) > 0.04, "the test has no teeth: {:?}", confounded.role);

    // The sense of one word that is confounded with position makes sense undefined.
    let mut sense = design();
    for context in 0..sense.sense.len() {
        sense.positions[context] =
            vec![if sense.word[context] == 0 { 10 + sense.sense[context] } else { 3 }];
    }
    let p = partition(vectors(&sense, planted, 2).view(), &sense, 0).unwrap();
    assert_eq!((p.sense, p.semantic_share), (None, None));
    assert!(p.role.is_some());
}

#[test]
fn small_variance_within_words_has_no_share() {
    let still = |scale: f64| {
        let mut x = vectors(&design(), Planted { sense: 1.0, role: 1.0, ..Planted::default() }, 5);
        let by_word = design().word;
        for (context, mut row) in x.outer_iter_mut().enumerate() {
            row.mapv_inplace(|v| v * scale);
            row += (by_word[context] * by_word[context]) as f64;
        }
        partition(x.view(), &design(), 0).unwrap()
    };
    let small = still(1.0);
    assert!(value(&small.within_word) < 0.02 && small.sense.is_some());
    assert_eq!(small.semantic_share, None);
    let none = still(1e-9);
    assert!(value(&none.within_word) < 1e-9);
    assert_eq!(Partition { within_word: None, ..none }, Partition::default());
    let same = Array2::ones((design().word.len(), 5));
    assert_eq!(partition(same.view(), &design(), 0).unwrap().within_word, None);
}

#[test]
fn laws_of_the_partition() {
    let planted = Planted { sense: 0.5, role: 0.5, word_role: 0.2, position: 0.0 };
    let x = vectors(&design(), planted, 9);
    let p = partition(x.view(), &design(), 0).unwrap();
    let anew = Partitioner::new(design(), 0).unwrap().partition(x.view()).unwrap();
    assert_eq!(p, anew, "the same seed, the same numbers");
    // Invariant to scale and shift.
    let moved = partition((&x * 100.0 + 7.0).view(), &design(), 0).unwrap();
    for (a, b) in [(&p.sense, &moved.sense), (&p.role, &moved.role), (&p.rest, &moved.rest)] {
        assert!((value(a) - value(b)).abs() < 1e-9);
        assert!((a.unwrap().low().unwrap() - b.unwrap().low().unwrap()).abs() < 1e-9);
    }
    // Invariant to the order of rows.
    let order: Vec<usize> = (0..x.nrows()).rev().collect();
    let d = design();
    let pick = |v: &[usize]| order.iter().map(|&i| v[i]).collect::<Vec<_>>();
    let turned = Design {
        word: pick(&d.word),
        sense: pick(&d.sense),
        role: pick(&d.role),
        positions: order.iter().map(|&i| d.positions[i].clone()).collect(),
    };
    let q = partition(x.select(ndarray::Axis(0), &order).view(), &turned, 0).unwrap();
    assert!((value(&p.role) - value(&q.role)).abs() < 1e-9);
    // Standardised dimensions have mean 0 and deviation 1; a constant one is 0.
    let mut with_constant = x.clone();
    with_constant.column_mut(0).fill(5.0);
    let z = standardised(with_constant.view());
    assert!(z.column(0).iter().all(|v| *v == 0.0));
    let n = z.nrows() as f64;
    assert!(
        (z.column(1).dot(&z.column(1)) / n - 1.0).abs() < 1e-9 && z.column(1).sum().abs() < 1e-6
    );
}

#[test]
fn bad_input_is_an_error() {
    let d = design();
    let x = vectors(&d, Planted::default(), 0);
    assert!(partition(x.slice(ndarray::s![..5, ..]), &d, 0).is_err());
    let mut broken = x.clone();
    broken[[7, 3]] = f64::NAN;
    let error = partition(broken.view(), &d, 0).unwrap_err().to_string();
    assert!(error.contains("context 7"), "{error}");
    let one_word = Design { word: vec![0; d.word.len()], ..d.clone() };
    assert!(partition(x.view(), &one_word, 0).is_err());
    let one_sense = Design { sense: vec![0; d.word.len()], ..d.clone() };
    assert!(partition(x.view(), &one_sense, 0).is_err());
    let short = Design { role: vec![0], ..d };
    assert!(partition(x.view(), &short, 0).is_err());
}

#[test]
fn the_built_in_stimuli_are_complete() {
    let stimuli = Stimuli::homographs().unwrap();
    assert!(stimuli.words().len() >= 30 && stimuli.roles().len() >= 4);
    assert_eq!(stimuli.contexts().len(), stimuli.words().len() * 2 * stimuli.roles().len() * 4);
    assert_eq!(stimuli.items().len(), 2 * stimuli.contexts().len());
    assert!(stimuli.cues_first().unwrap().contexts().len() * 2 == stimuli.contexts().len());
    let stimuli = Stimuli::noun_verb().unwrap();
    assert_eq!(
        (stimuli.roles(), stimuli.carrier()),
        (&["noun".into(), "verb".into()][..], Some("her"))
    );
    assert!(stimuli.words().len() >= 12 && stimuli.cues_first().is_ok());
}
