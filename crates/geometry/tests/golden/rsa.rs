//! Representational similarity analysis against rsatoolbox, and its laws.

use crate::{check_in, x, y};
use ndarray::{Array2, Axis, array, concatenate, s};
use stratoscope_geometry::{Dissimilarity, GeometryError, RSA_MAX_ITEMS, jackknife, rsa, rsa_map};

const ALL: [(&str, Dissimilarity); 3] = [
    ("cosine", Dissimilarity::Cosine),
    ("correlation", Dissimilarity::Correlation),
    ("euclidean", Dissimilarity::Euclidean),
];

fn check(name: &str, found: f64) {
    check_in(include_str!("../fixtures/rsa.txt"), name, found, 1e-12);
}

/// A rotation of each pair of adjacent columns.
fn rotated(x: &Array2<f32>) -> Array2<f32> {
    let mut x = x.clone();
    for j in 0..x.ncols() - 1 {
        for mut row in x.rows_mut() {
            (row[j], row[j + 1]) =
                (0.6 * row[j] - 0.8 * row[j + 1], 0.8 * row[j] + 0.6 * row[j + 1]);
        }
    }
    x
}

#[test]
fn golden_values() {
    let (x, y) = (x(), y());
    for (name, dissimilarity) in ALL {
        check(name, rsa(x.view(), y.view(), dissimilarity).unwrap());
        let (few_x, few_y) = (x.slice(s![..8, ..]), y.slice(s![..8, ..]));
        check(&format!("{name}_few"), rsa(few_x, few_y, dissimilarity).unwrap());
    }
    let (x, y) = (x.mapv(f32::round), y.mapv(f32::round));
    check("euclidean_ties", rsa(x.view(), y.view(), Dissimilarity::Euclidean).unwrap());
}

#[test]
fn laws() {
    let (x, y) = (x(), y());
    for (name, dissimilarity) in ALL {
        let of = |a: &Array2<f32>, b: &Array2<f32>| rsa(a.view(), b.view(), dissimilarity).unwrap();
        assert_eq!(of(&x, &x), 1.0, "{name}");
        assert_eq!(of(&x, &y), of(&y, &x), "{name}");
        // Invariances, up to the rounding of f32.
        let one = |x: Array2<f32>| assert!((of(&self::x(), &x) - 1.0).abs() < 1e-6, "{name}");
        match dissimilarity {
            Dissimilarity::Cosine => one(rotated(&x) * 3.0),
            Dissimilarity::Correlation => one(&x * 3.0 + 5.0),
            Dissimilarity::Euclidean => one(rotated(&x) * 3.0 + 5.0),
        }
    }
}

#[test]
fn the_map_holds_the_rsa_of_pairs_and_their_jackknife() {
    let (x, y) = (x(), y());
    let rounded = concatenate![Axis(1), x.mapv(f32::round), y.mapv(f32::round)];
    let constant = Array2::from_elem((100, 2), 0.1);
    let layers = [x.view(), y.view(), rounded.view(), constant.view()];
    let sentences: Vec<usize> = (0..100).map(|i| i / 4).collect();
    for (name, dissimilarity) in ALL {
        let map = rsa_map(&layers, &sentences, dissimilarity, 7).unwrap();
        for (a, b) in [(0, 0), (0, 1), (0, 2), (1, 2)] {
            let direct = jackknife(&sentences, 7, |rows| {
                let [a, b] = [a, b].map(|layer| layers[layer].select(Axis(0), rows));
                rsa(a.view(), b.view(), dissimilarity)
            });
            let (direct, found) = (direct.unwrap(), map[[a, b]].unwrap());
            assert_eq!((found.n, map[[b, a]]), (25, map[[a, b]]));
            assert!((found.value - direct.value).abs() < 1e-12, "{name} {found:?} {direct:?}");
            let ends = found.interval.unwrap().into_iter().zip(direct.interval.unwrap());
            assert!(
                ends.into_iter().all(|(a, b)| (a - b).abs() < 1e-9),
                "{name} {found:?} {direct:?}"
            );
        }
        let [low, high] = map[[0, 1]].unwrap().interval.unwrap();
        assert!(0.0 < low && low < high && high < 1.0, "{name} {low} {high}");
        assert!((0..4).all(|layer| map[[layer, 3]].is_none()), "{name}");
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(|| rsa_map(&layers, &sentences, dissimilarity, 7)).unwrap(), map);
    }
}

#[test]
fn bad_input_is_an_error_and_few_sentences_have_no_interval() {
    let x = x();
    let of = |a: &Array2<f32>, b: &Array2<f32>| rsa(a.view(), b.view(), Dissimilarity::Cosine);
    let two = x.slice(s![..2, ..]).to_owned();
    assert!(matches!(of(&two, &two), Err(GeometryError::TooFew { needed: 3, found: 2, .. })));
    assert!(matches!(of(&x, &two), Err(GeometryError::Length { expected: 100, found: 2, .. })));
    let many = Array2::zeros((RSA_MAX_ITEMS + 1, 1));
    assert!(matches!(of(&many, &many), Err(GeometryError::TooMany { .. })));
    let same = Array2::from_elem((9, 3), 0.1f32);
    assert!(matches!(of(&same, &same), Err(GeometryError::NoVariance { .. })));
    let mut nan = x.clone();
    nan[[4, 2]] = f32::NAN;
    assert!(matches!(of(&x, &nan), Err(GeometryError::NotFinite { row: 4, column: 2, .. })));
    // Vectors of length 0 and constant vectors are defined.
    let zeros = array![[0.0f32, 0.0], [1.0, 2.0], [3.0, -1.0], [2.0, 2.0]];
    for (_, dissimilarity) in ALL {
        assert_eq!(rsa(zeros.view(), zeros.view(), dissimilarity).unwrap(), 1.0);
    }
    let of =
        |sentences: &[usize]| rsa_map(&[x.view(), x.view()], sentences, Dissimilarity::Cosine, 0);
    assert!(of(&[0; 100]).unwrap()[[0, 1]].unwrap().interval.is_none());
    assert!(of(&[0; 99]).is_err());
    assert_eq!(rsa_map(&[], &[0; 9], Dissimilarity::Cosine, 0).unwrap().dim(), (0, 0));
}
