//! The matrix product that the probes spend their time in.

use ndarray::{ArrayView2, ArrayViewMut2};

/// `out = a b`, or `out += a b` where `add` says so, on this thread alone: fits run side by side,
/// and their digits do not depend on how many of them do.
#[allow(unsafe_code)]
pub(crate) fn product(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    mut out: ArrayViewMut2<'_, f32>,
    add: bool,
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
            add,
            a.as_ptr(),
            a.strides()[1],
            a.strides()[0],
            b.as_ptr(),
            b.strides()[1],
            b.strides()[0],
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
