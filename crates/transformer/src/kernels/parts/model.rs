//! What the tile instructions do, as their manual says: for tests on machines without them.

use super::{Engine, Form, SIDE, Sums, Tile};
use crate::kernels::product::dispatch;
use pulp::{Simd, WithSimd};

/// The products of parts of one step, in the order in which they are added.
pub(in crate::kernels) fn order(form: Form) -> &'static [(usize, usize)] {
    match form {
        Form::ThreeByThree => &[(2, 0), (1, 0), (1, 1), (0, 1), (0, 2), (0, 0)],
        Form::ThreeByTwo => &[(2, 0), (1, 0), (1, 1), (0, 1), (0, 0)],
        Form::ThreeByOne => &[(2, 0), (1, 0), (0, 0)],
        Form::TwoByTwo => &[(1, 0), (1, 1), (0, 1), (0, 0)],
        Form::OneByOne => &[(0, 0)],
    }
}

/// Multiplies as the instruction TDPBF16PS.
pub(in crate::kernels) struct Model;

impl Engine for Model {
    fn multiply(&mut self, form: Form, rows: [&[Tile]; 2], columns: &[Tile], sums: &mut Sums) {
        for (rows, sums) in rows.into_iter().zip(&mut sums.0) {
            if rows.is_empty() {
                continue;
            }
            *sums = [[[0.0; SIDE]; SIDE]; 2];
            let steps = rows.chunks(form.left()).zip(columns.chunks(2 * form.right()));
            for (left, right) in steps {
                for &(one, other) in order(form) {
                    for (side, sums) in sums.iter_mut().enumerate() {
                        let right = &right[2 * other + side];
                        dispatch(MultiplyAdd { left: &left[one], right, sums });
                    }
                }
            }
        }
    }
}

struct MultiplyAdd<'a> {
    left: &'a Tile,
    right: &'a Tile,
    sums: &'a mut [[f32; SIDE]; SIDE],
}

/// Numbers below the normal ones are 0.
#[inline(always)]
fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0f32.copysign(x) } else { x }
}

impl WithSimd for MultiplyAdd<'_> {
    type Output = ();

    /// Two sums per column, of the first and of the second numbers of the pairs, in the order of the pairs,
    /// each addition with one rounding; then the sum of the two, which is added to what was there.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { left, right, sums } = self;
        let halves = |pair: u32| [pair << 16, pair & 0xffff_0000].map(|x| flush(f32::from_bits(x)));
        for (row, sums) in left.0.iter().zip(sums) {
            let mut halfway = [[0.0; SIDE]; 2];
            for (&a, b) in row.iter().zip(&right.0) {
                let a = halves(a);
                for column in 0..SIDE {
                    let b = halves(b[column]);
                    for half in 0..2 {
                        let sum = &mut halfway[half][column];
                        *sum = flush(a[half].mul_add(b[half], *sum));
                    }
                }
            }
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = flush(flush(*sum) + flush(halfway[0][column] + halfway[1][column]));
            }
        }
    }
}
