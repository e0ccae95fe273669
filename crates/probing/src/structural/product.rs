//! Matrix products in f32, on one thread.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// `a b`.
pub(super) fn product(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    add_product(a, b, 0.0, out.view_mut());
    out
}

/// `out = kept · out + a b`. One thread: fits run side by side, and digits do not depend on how many.
#[allow(unsafe_code)]
pub(super) fn add_product(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    kept: f32,
    mut out: ArrayViewMut2<'_, f32>,
) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    assert!(k == k_b && out.dim() == (m, n), "shapes of a product");
    // SAFETY: the pointers and strides are those of views of the shapes compared above, and
    // `out` is borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out.strides()[1],
            out.strides()[0],
            kept != 0.0,
            a.as_ptr(),
            a.strides()[1],
            a.strides()[0],
            b.as_ptr(),
            b.strides()[1],
            b.strides()[0],
            kept,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
