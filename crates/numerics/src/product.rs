//! Matrix products, with the widest vector instructions of the machine.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// The number types of matrix products: `f32` and `f64`.
pub trait Real: private::Sealed + Copy + 'static {
    /// The number 1.
    const ONE: Self;
}

mod private {
    /// Keeps [`Real`](super::Real) to the types that the product supports.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    const ONE: Self = 1.0;
}

impl Real for f64 {
    const ONE: Self = 1.0;
}

/// `out += a b` for `a` `[m, k]`, `b` `[k, n]` and `out` `[m, n]`, on the calling thread alone: no
/// digit depends on the number of threads. The shapes have to fit.
pub fn add_product<T: Real>(a: ArrayView2<T>, b: ArrayView2<T>, out: ArrayViewMut2<T>) {
    product(a, b, out, true);
}

/// `out = a b`; see [`add_product`]. What `out` held before is not read.
pub fn product_into<T: Real>(a: ArrayView2<T>, b: ArrayView2<T>, out: ArrayViewMut2<T>) {
    product(a, b, out, false);
}

/// Adds xᵀ x of rows `x` `[n, d]` to the lower triangle of `sum` `[d, d]`, by products that compute
/// at most `panel` rows of the result each. The panel changes the result by rounding where n is
/// large. The entries above the diagonal are not defined afterwards.
pub fn add_scatter(x: ArrayView2<f64>, sum: &mut Array2<f64>, panel: usize) {
    let d = x.ncols();
    for left in (0..d).step_by(panel) {
        let right = (left + panel).min(d);
        add_product(
            x.slice(s![.., left..right]).t(),
            x.slice(s![.., ..right]),
            sum.slice_mut(s![left..right, ..right]),
        );
    }
}

/// `out = a b`, or `out += a b` where `add` is set.
#[allow(unsafe_code)]
fn product<T: Real>(a: ArrayView2<T>, b: ArrayView2<T>, mut out: ArrayViewMut2<T>, add: bool) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    assert!(k == k_b && out.dim() == (m, n), "shapes of a product");
    // SAFETY: `T` is one of the two types of `Real`, which `gemm` supports. Pointers, sizes and
    // strides are those of live views, whose shapes fit each other (asserted above), and `out` is
    // borrowed mutably, so that it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out.strides()[1],
            out.strides()[0],
            add,
            a.as_ptr(),
            a.strides()[1],
            a.strides()[0],
            b.as_ptr(),
            b.strides()[1],
            b.strides()[0],
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::generator;
    use rand::Rng;

    #[test]
    fn products_are_those_of_ndarray() {
        let mut rng = generator(1);
        for (m, k, n) in [(1, 1, 1), (3, 5, 2), (64, 7, 33), (0, 4, 2), (4, 0, 2)] {
            let a = Array2::from_shape_simple_fn((m, k), || rng.gen_range(-1.0..1.0));
            let b = Array2::from_shape_simple_fn((n, k), || rng.gen_range(-1.0..1.0));
            let expected = a.dot(&b.t());
            let mut out = Array2::from_elem((m, n), f64::NAN);
            product_into(a.view(), b.t(), out.view_mut());
            assert!(out.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-13), "{m} {k} {n}");
            add_product(a.view(), b.t(), out.view_mut());
            assert!(out.iter().zip(&expected).all(|(a, b)| (a - 2.0 * b).abs() < 1e-13));
            let (a, b) = (a.mapv(|v| v as f32), b.mapv(|v| v as f32));
            let mut out = Array2::zeros((m, n));
            product_into(a.view(), b.t(), out.view_mut());
            let near = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 1e-5;
            assert!(out.iter().zip(&expected).all(near));
        }
    }

    #[test]
    fn the_scatter_is_the_product_with_the_transpose() {
        let mut rng = generator(2);
        let x = Array2::from_shape_simple_fn((40, 101), || rng.gen_range(-1.0..1.0));
        let expected: Array2<f64> = x.t().dot(&x);
        for panel in [7, 48, 96, 200] {
            let mut sum = Array2::ones((101, 101));
            add_scatter(x.view(), &mut sum, panel);
            for i in 0..101 {
                assert!((0..=i).all(|j| (sum[[i, j]] - 1.0 - expected[[i, j]]).abs() < 1e-12));
            }
        }
    }
}
