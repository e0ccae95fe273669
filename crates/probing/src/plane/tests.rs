//! Planted directions are found, changes are placed where they lie, and chance is refused.

use super::algebra::{eigen, leading};
use super::held_out::area;
use super::*;
use ndarray::s;

const WORDS: usize = 16;
const ROLES: usize = 4;
const CONTEXTS: usize = 4;
const WIDTH: usize = 30;

fn design(words: usize, roles: usize, contexts: usize) -> Design {
    let mut design = Design { word: vec![], sense: vec![], role: vec![], positions: vec![] };
    for word in 0..words {
        for sense in 0..2 {
            for role in 0..roles {
                for _ in 0..contexts {
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

/// Roles along dimensions 0 to 2, senses along 3 to 5 in a mixture of each word's own, contexts
/// along all, and most of them along 6 to 8.
fn vectors(design: &Design, width: usize, [role, sense]: [f64; 2], seed: u64) -> Array2<f64> {
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let mut normal = move || (0..12).map(|_| rng.gen_range(-0.5..0.5)).sum::<f64>();
    let words: Vec<Array1<f64>> =
        (0..40).map(|_| Array1::from_shape_simple_fn(width, &mut normal) * 5.0).collect();
    let mixed: Vec<[f64; 3]> = (0..40).map(|_| [normal(), normal(), normal()]).collect();
    let mut all = Array2::from_shape_simple_fn((design.word.len(), width), &mut normal);
    for (context, mut row) in all.outer_iter_mut().enumerate() {
        row.slice_mut(s![6..9]).mapv_inplace(|v| 4.0 * v);
        row += &words[design.word[context]];
        if design.role[context] < 3 {
            row[design.role[context]] += role;
        }
        let side = if design.sense[context] == 0 { sense } else { -sense };
        let own = mixed[design.word[context]];
        (0..3).for_each(|k| row[3 + k] += side * own[k]);
    }
    all
}

fn separate(design: &Design, x: &Array2<f64>) -> Separated {
    Separator::new(design.clone(), 0).unwrap().separate(x.view()).unwrap().unwrap()
}

/// The length of the part of unit vector `dimension` that lies in a subspace.
fn holds(basis: &Array2<f32>, dimension: usize) -> f32 {
    basis.column(dimension).iter().map(|v| v * v).sum::<f32>().sqrt()
}

#[test]
fn planted_directions_are_found_and_changes_placed() {
    let design = design(WORDS, ROLES, CONTEXTS);
    let found = separate(&design, &vectors(&design, WIDTH, [3.0, 2.0], 1));
    let Separated { separation, subspaces } = &found;
    assert_eq!(separation.at_chance(), None, "{separation:?}");
    assert!(separation.apart.value > 0.9, "{separation:?}");
    assert!(separation.role.accuracy.value > 0.6, "{separation:?}");
    assert_eq!((separation.role.guessing, separation.sense.guessing), (0.25, 0.5));
    for k in 0..3 {
        assert!(holds(&subspaces.role, k) > 0.9, "role {k}: {}", holds(&subspaces.role, k));
        assert!(holds(&subspaces.sense, 3 + k) > 0.9, "sense {k}");
        // Where contexts differ most, neither lies.
        assert!(holds(&subspaces.role, 6 + k).max(holds(&subspaces.sense, 6 + k)) < 0.3);
    }
    let unit = |dimension: usize| Array1::from_shape_fn(WIDTH, |d| f64::from(d == dimension));
    let role = subspaces.place(unit(1).view()).unwrap();
    assert!(role.role > 1.0 && role.sense < -1.0, "{role:?}");
    let sense = subspaces.place(unit(4).view()).unwrap();
    assert!(sense.sense > 1.0 && sense.role < -1.0, "{sense:?}");
    // Both at once, and neither; the length is of no consequence.
    let both = subspaces.place((unit(1) + unit(4)).view()).unwrap();
    assert!(both.role > 1.0 && both.sense > 1.0, "{both:?}");
    assert_eq!(both, subspaces.place((16.0 * (unit(1) + unit(4))).view()).unwrap());
    let neither = subspaces.place(unit(20).view()).unwrap();
    assert!(neither.role < -1.0 && neither.sense < -1.0, "{neither:?}");
    for change in [Array1::zeros(WIDTH), Array1::from_elem(WIDTH, f64::NAN), Array1::ones(3)] {
        assert_eq!(subspaces.place(change.view()), None);
    }
}

#[test]
fn a_random_subspace_holds_what_random_subspaces_hold() {
    let design = design(WORDS, ROLES, CONTEXTS);
    let x = vectors(&design, WIDTH, [2.0, 1.5], 2);
    let subspaces = separate(&design, &x).subspaces;
    let rank = (ROLES - 1) as f32;
    let beside = (WIDTH - subspaces.weights.len()) as f32;
    assert!((subspaces.weights.sum() + beside * subspaces.rest - rank).abs() < 1e-4);
    for basis in [&subspaces.role, &subspaces.sense, &subspaces.random] {
        let product = basis.dot(&basis.t()) - Array2::<f32>::eye(basis.nrows());
        assert!(product.iter().all(|v| v.abs() < 1e-5));
    }
    // Random subspaces, found as the others but with other signs, hold of a change what is said.
    let other = Separator::new(design.clone(), 1).unwrap().separate(x.view()).unwrap().unwrap();
    for dimension in [0, 4, 7, 20] {
        let change = Array1::from_shape_fn(WIDTH, |d| f64::from(d == dimension));
        let share = |s: &Subspaces| s.place(change.view()).unwrap().random_share;
        let (a, b) = (share(&subspaces), share(&other.subspaces));
        assert!((a / b).log2().abs() < 0.4, "dimension {dimension}: {a} {b}");
    }
}

#[test]
fn what_is_not_there_is_at_chance() {
    let design = design(WORDS, ROLES, CONTEXTS);
    let mut passed = 0;
    for seed in 0..6 {
        let none = separate(&design, &vectors(&design, WIDTH, [0.0, 0.0], seed)).separation;
        passed += usize::from(none.at_chance().is_none());
        assert!((none.role.accuracy.value - 0.25).abs() < 0.08, "{none:?}");
        assert!((none.apart.value - 0.5).abs() < 0.15, "{none:?}");
        let role = separate(&design, &vectors(&design, WIDTH, [2.0, 0.0], seed)).separation;
        assert!(matches!(role.at_chance(), Some(AtChance::Sense(_))), "{role:?}");
        let sense = separate(&design, &vectors(&design, WIDTH, [0.0, 1.5], seed)).separation;
        let reason = sense.at_chance().map(|c| c.to_string());
        passed += usize::from(reason.is_none());
        assert!(reason.is_none_or(|r| r.starts_with("roles of words left out are told at ")));
    }
    assert_eq!(passed, 0);
}

/// The figures are reference.py's.
#[test]
fn golden() {
    let design = design(10, 3, 3);
    let wave =
        |i: usize, j: usize| ((i as f64 * 12.9898 + j as f64 * 78.233).sin() * 43758.5453).fract();
    let x = Array2::from_shape_fn((design.word.len(), 12), |(i, j)| {
        let (word, side) = (design.word[i], [-0.9, 0.9][design.sense[i]]);
        let role = if j == design.role[i] { 0.5 } else { 0.0 };
        let sense = if j == 3 + word % 2 { side * (1.0 + 0.1 * word as f64) } else { 0.0 };
        wave(i + 1, j + 1) + role + sense + 3.0 * wave(500 + word, j)
    });
    let found = separate(&design, &x);
    let close = |a: f64, b: f64, name: &str| assert!((a - b).abs() < 1e-6, "{name}: {a} for {b}");
    close(found.separation.role.accuracy.value, 89.0 / 180.0, "role");
    close(found.separation.sense.accuracy.value, 175.0 / 180.0, "sense");
    close(found.separation.apart.value, 0.7960219478737998, "apart");
    let change = Array1::from_shape_fn(12, |j| wave(900, j));
    let place = found.subspaces.place(change.view()).unwrap();
    close(place.role_share, 0.5060750265288416, "share, role");
    close(place.sense_share, 0.2172724745201015, "share, sense");
}

#[test]
fn laws() {
    let design = design(8, 3, 3);
    let x = vectors(&design, WIDTH, [2.0, 1.5], 5);
    let found = separate(&design, &x);
    assert_eq!(found, separate(&design, &x), "the same seed, the same numbers");
    // Another scale, place and order of dimensions.
    let order: Vec<usize> = (0..WIDTH).rev().collect();
    let moved = separate(&design, &(x.select(Axis(1), &order) * 8.0 + 3.0));
    let (a, b) = (found.separation, moved.separation);
    assert!((a.role.accuracy.value - b.role.accuracy.value).abs() < 1e-9);
    assert!((a.apart.value - b.apart.value).abs() < 1e-9);
    let change = x.row(0).to_owned() - x.row(20);
    let turned = change.select(Axis(0), &order);
    let (a, b) = (found.subspaces.place(change.view()), moved.subspaces.place(turned.view()));
    assert!((a.unwrap().role - b.unwrap().role).abs() < 1e-3, "{a:?} {b:?}");
    // More dimensions than vectors: the rest is found to hold nothing.
    let wide = vectors(&design, 400, [6.0, 6.0], 6);
    let found = separate(&design, &wide);
    assert_eq!(found.subspaces.role.dim(), (2, 400));
    assert_eq!(found.separation.at_chance(), None, "{:?}", found.separation);
    // Positions that differ are removed first.
    let mut leaning = design.clone();
    let mut shifted = x.clone();
    for context in 0..leaning.word.len() {
        let position = (leaning.role[context] + context % 2) % 3;
        leaning.positions[context] = vec![position];
        shifted[[context, 15 + position]] += 30.0;
    }
    let separator = Separator::new(leaning, 0).unwrap();
    assert!(separator.position_removed());
    let found = separator.separate(shifted.view()).unwrap().unwrap();
    for position in 15..18 {
        assert!(holds(&found.subspaces.role, position) < 0.2);
    }
}

#[test]
fn where_there_is_nothing_to_find_there_is_none_and_bad_input_is_an_error() {
    let d = design(6, 3, 3);
    let separator = Separator::new(d.clone(), 0).unwrap();
    let words = Array2::from_shape_fn((d.word.len(), 9), |(c, j)| (d.word[c] * j) as f64);
    assert_eq!(separator.separate(words.view()).unwrap(), None);
    assert_eq!(separator.separate(Array2::zeros((d.word.len(), 9)).view()).unwrap(), None);
    // Fewer dimensions than directions.
    let narrow = vectors(&d, 9, [1.0, 1.0], 0).slice(s![.., ..1]).to_owned();
    assert_eq!(separator.separate(narrow.view()).unwrap(), None);
    let mut broken = words.clone();
    broken[[7, 3]] = f64::NAN;
    let error = separator.separate(broken.view()).unwrap_err().to_string();
    assert!(error.contains("context 7"), "{error}");
    assert!(separator.separate(words.slice(s![..5, ..])).is_err());
    let cases: [(Design, &str); 5] = [
        (design(3, 3, 3), "four words"),
        (design(6, 1, 3), "two roles"),
        (design(6, 3, 1), "two contexts"),
        (Design { sense: vec![0; d.word.len()], ..d.clone() }, "two senses"),
        (Design { role: vec![0], ..d.clone() }, "expected"),
    ];
    for (design, what) in cases {
        let error = Separator::new(design, 0).err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn eigenvectors_and_leading_directions() {
    let a = ndarray::array![[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]];
    let (values, vectors) = eigen(a.clone());
    assert!((values.sum() - 9.0).abs() < 1e-12 && values[0] >= values[1]);
    let back = vectors.dot(&Array2::from_diag(&values)).dot(&vectors.t());
    assert!((back - a).iter().all(|v| v.abs() < 1e-12));
    let rows = ndarray::array![[3.0, 0.0, 0.0], [0.0, 0.0, 2.0], [1.0, 0.0, 0.0]];
    let (directions, weights) = leading(rows.view(), 2);
    assert!((weights[0] - 10.0).abs() < 1e-9 && (weights[1] - 4.0).abs() < 1e-9);
    assert!(directions[[0, 0]].abs() > 0.999 && directions[[1, 2]].abs() > 0.999);
    assert_eq!(area(&[1.0, 2.0], &[1.0, 0.0]), 0.875);
    assert_eq!(area(&[], &[1.0]), 0.5);
}
