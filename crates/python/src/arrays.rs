//! Arrays of NumPy that show memory of Rust.

use ndarray::{ArrayBase, Data, Dimension};
use numpy::{Element, PyArray, PyArrayMethods};
use pyo3::prelude::*;

/// A read-only array that shows the values of `array`, without a copy. It keeps `owner` alive, the
/// Python object in which the values are.
///
/// The caller sees to it that `owner` neither changes nor moves the values: it is a frozen class, and
/// the values are behind an `Arc` that nothing borrows mutably.
#[allow(unsafe_code)]
pub(crate) fn shown<'py, T: Element, S: Data<Elem = T>, D: Dimension>(
    array: &ArrayBase<S, D>,
    owner: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    // SAFETY: the array holds a reference to `owner`, which holds the values where they are (see
    // above); and it is made read-only before anybody sees it, so that nobody writes to them.
    let shown = unsafe { PyArray::borrow_from_array(array, owner) };
    shown.try_readwrite()?.make_nonwriteable();
    Ok(shown)
}
