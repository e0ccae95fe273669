//! The parts of numbers, the digits of products, and the tile instructions where the machine has them.

use super::model::Model;
use super::*;
use crate::kernels::amx;
use rand::{Rng, SeedableRng, rngs::StdRng};

const FORMS: [Form; 5] =
    [Form::ThreeByThree, Form::ThreeByTwo, Form::ThreeByOne, Form::TwoByTwo, Form::OneByOne];

/// A number as so many parts.
fn parts<const N: usize>(x: f32) -> [f32; N] {
    let mut rest = [x];
    std::array::from_fn(|_| f32::from_bits(take_parts(&mut rest)[0]))
}

#[test]
fn parts_add_up_to_the_number() {
    let mut rng = StdRng::seed_from_u64(11);
    // Numbers at and between those of bf16, and the ends of the range.
    let edges = [0, 0x3f80_0000, 0x3f80_7fff, 0x3f80_8000, 0x3f80_8001, 0x3f81_8000, 0x3fff_ffff];
    let ends = [0x1a00_0000, 0x5380_0000];
    let random = (0..200_000).map(|_| rng.gen_range(ends[0]..ends[1]));
    for bits in edges.into_iter().chain(ends).chain(random) {
        for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
            let all @ [_, second, third] = parts(x);
            assert_eq!(all.iter().map(|&part| f64::from(part)).sum::<f64>(), f64::from(x));
            for part in all {
                assert_eq!(half::bf16::from_f32(part).to_f32(), part, "{x:e}");
            }
            assert!(second.abs() <= x.abs() / 256.0 && third.abs() <= x.abs() / 131_072.0, "{x:e}");
        }
    }
    // A number of f16 has two, whichever it is.
    for x in (0..=u16::MAX).map(half::f16::from_bits).filter(|x| x.is_finite()) {
        let [first, second] = parts(x.to_f32());
        assert_eq!(first + second, x.to_f32());
        assert_eq!(half::bf16::from_f32(second).to_f32(), second, "{x}");
    }
}

/// Values as a number type stores them, for each form: of the rows, and of the columns.
fn stored(form: Form, values: &mut [f32], columns: bool) {
    let half_bits = |x: &mut f32| *x = half::f16::from_f32(*x).to_f32();
    match if columns { form.right() } else { form.left() } {
        1 => Rounding::Bf16.round(values),
        2 => values.iter_mut().for_each(half_bits),
        _ => {}
    }
}

/// The product of `[rows, depth]` with the rows of `[columns, depth]`.
fn product(engine: &mut dyn Engine, form: Form, x: &[f32], w: &[f32], depth: usize) -> Vec<f32> {
    let (rows, columns) = (x.len() / depth, w.len() / depth);
    let (mut memory, mut out) = (Parts::default(), vec![f32::NAN; rows * columns]);
    memory.pack_rows(x, depth, form);
    assert!(memory.unusual.is_empty());
    for first in (0..columns).step_by(WIDTH) {
        let used = WIDTH.min(columns - first);
        let mut panel = vec![0.0; depth * WIDTH];
        for (row, values) in panel.chunks_mut(WIDTH).enumerate() {
            for (column, value) in values.iter_mut().enumerate().take(used) {
                *value = w[(first + column) * depth + row];
            }
        }
        let usual = match form.right() {
            1 => memory.pack_pairs(&pairs(&panel)),
            _ => memory.pack_panel(&panel, form),
        };
        assert!(usual);
        memory.multiply(engine, form, &[0.0; WIDTH], &mut out[first..], used, columns);
    }
    out
}

/// A panel `[depth, WIDTH]` as pairs of bf16 numbers that are adjacent in the depth.
fn pairs(panel: &[f32]) -> Vec<u32> {
    let bits = |x: f32| u32::from(half::bf16::from_f32(x).to_bits());
    let pair = |rows: &[f32]| -> Vec<u32> {
        let second = |column: usize| rows.get(WIDTH + column).map_or(0, |&x| bits(x));
        (0..WIDTH).map(|column| bits(rows[column]) | second(column) << 16).collect()
    };
    panel.chunks(2 * WIDTH).flat_map(pair).collect()
}

/// The root of the mean square of the errors, as a part of that of the values.
fn error(found: &[f32], exact: &[f64]) -> f64 {
    let errors = found.iter().zip(exact).map(|(&found, exact)| (f64::from(found) - exact).powi(2));
    (errors.sum::<f64>() / exact.iter().map(|x| x * x).sum::<f64>()).sqrt()
}

/// Shapes of real layers: the errors against f64 are not above those of sums of f32 in blocks of 128.
#[test]
fn products_by_parts_have_the_digits_of_f32() {
    let mut rng = StdRng::seed_from_u64(12);
    let mut random = |n| (0..n).map(|_| rng.gen_range(-1.0f32..1.0)).collect::<Vec<_>>();
    for (depth, columns) in [(384, 1152), (1536, 384), (960, 960), (37, 5)] {
        for form in FORMS {
            let (mut x, mut w) = (random(17 * depth), random(columns * depth));
            stored(form, &mut x, false);
            stored(form, &mut w, true);
            let sums = |sum: &dyn Fn(&[f32], &[f32]) -> f64| -> Vec<f64> {
                x.chunks(depth).flat_map(|x| w.chunks(depth).map(move |w| sum(x, w))).collect()
            };
            let exact =
                sums(&|x, w| x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum());
            let blocks = sums(&|x, w| {
                let blocks = x.chunks(128).zip(w.chunks(128));
                let block = |(x, w): (&[f32], &[f32])| {
                    x.iter().zip(w).fold(0.0f32, |sum, (x, w)| x.mul_add(*w, sum))
                };
                f64::from(blocks.map(block).sum::<f32>())
            });
            let blocks: Vec<f32> = blocks.into_iter().map(|x| x as f32).collect();
            let found = product(&mut Model, form, &x, &w, depth);
            let [found, blocks] = [&found, &blocks].map(|values| error(values, &exact));
            assert!(found <= blocks, "{form:?}, {depth} to {columns}: {found:e}, not {blocks:e}");
        }
    }
}

#[test]
fn rows_and_columns_are_usual_or_not() {
    let (mut memory, form) = (Parts::default(), Form::ThreeByThree);
    let tiny = 2.0f32.powi(-41);
    let cases = [
        (0.0, true),
        (tiny * 2.0, true),
        (tiny, false),
        (1e-39, false),
        (2.0f32.powi(40), true),
        (2.0f32.powi(41), false),
        (f32::MAX, false),
        (f32::INFINITY, false),
        (f32::NAN, false),
    ];
    for (x, usual) in cases {
        for x in [x, -x] {
            memory.pack_rows(&[1.0, 0.0, 0.0, 0.0, x, 0.0], 2, form);
            assert_eq!(memory.unusual.contains(&2), !usual, "{x:e}");
            assert!(!memory.unusual.contains(&0) && !memory.unusual.contains(&1));
            // One column of a panel of two rows.
            let mut panel = [0.0; 2 * WIDTH];
            panel[WIDTH + 20] = x;
            assert_eq!(memory.pack_panel(&panel, form), usual, "{x:e}");
            assert_eq!(memory.pack_pairs(&pairs(&panel)), usual, "{x:e}");
        }
    }
}

/// The tile instructions against their model, with unusual numbers too. In an emulator they were equal bit
/// by bit; another order of the sums in a processor would change their last bits alone.
#[test]
#[allow(clippy::print_stderr)]
fn tiles_are_their_model() {
    let Some(mut tiles) = amx::engine() else {
        eprintln!("skipped: this machine has no tiles for bf16 (AMX), or its system refuses them");
        return;
    };
    let mut rng = StdRng::seed_from_u64(13);
    let extremes = [0u16, 0x8000, 1, 0x007f, 0x0080, 0x8080, 0x7f7f, 0xff7f, 0x7f80, 0x7fc0];
    for form in FORMS {
        for steps in 1..=9 {
            // Without unusual numbers, with numbers of all sizes, and with extremes.
            for kind in 0..3 {
                let mut number = || match kind {
                    1 => rng.gen_range(0..0x7f80) | rng.gen_range(0..=1) << 15,
                    2 if rng.gen_ratio(1, 40) => extremes[rng.gen_range(0..extremes.len())],
                    _ => half::bf16::from_f32(rng.gen_range(-1.0..1.0)).to_bits(),
                };
                let mut tile = || {
                    Tile([(); SIDE].map(|()| {
                        [(); SIDE].map(|()| u32::from(number()) | u32::from(number()) << 16)
                    }))
                };
                let mut some = |n: usize| (0..n).map(|_| tile()).collect::<Vec<_>>();
                let [first, second] = [(); 2].map(|()| some(steps * form.left()));
                let columns = some(steps * form.right() * 2);
                let without_signs = |tiles: &[Tile]| -> Vec<Tile> {
                    let tile =
                        |Tile(rows): &Tile| Tile(rows.map(|row| row.map(|x| x & 0x7fff_7fff)));
                    tiles.iter().map(tile).collect()
                };
                let sizes = [&first, &second, &columns].map(|tiles| without_signs(tiles));
                for second_too in [true, false] {
                    let rows = |first: &'_ [Tile], second: &'_ [Tile]| -> [Vec<Tile>; 2] {
                        [first.to_vec(), if second_too { second.to_vec() } else { Vec::new() }]
                    };
                    let (rows, row_sizes) = (rows(&first, &second), rows(&sizes[0], &sizes[1]));
                    let mut sums = [(); 3].map(|()| Sums([[[[7.0; SIDE]; SIDE]; 2]; 2]));
                    tiles.multiply(form, [&rows[0], &rows[1]], &columns, &mut sums[0]);
                    Model.multiply(form, [&rows[0], &rows[1]], &columns, &mut sums[1]);
                    Model.multiply(form, [&row_sizes[0], &row_sizes[1]], &sizes[2], &mut sums[2]);
                    let [found, expected, size] = sums
                        .each_ref()
                        .map(|Sums(sums)| sums.as_flattened().as_flattened().as_flattened());
                    for (index, ((a, b), size)) in found.iter().zip(expected).zip(size).enumerate()
                    {
                        // Where a sum can leave f32's range, the order decides when it does.
                        let close = (a - b).abs() <= 2e-5 * size + f32::MIN_POSITIVE;
                        assert!(
                            close || !size.is_finite(),
                            "{form:?}, {steps} steps, {kind}, at {index}: {a:e}, not {b:e}"
                        );
                    }
                }
            }
        }
    }
}
