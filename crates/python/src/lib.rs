//! The extension module of the Python package `stratoscope`: the facade as classes and functions of
//! Python, and the program.
//!
//! Each function of Python turns its arguments into options of the library (`options.rs`), does the
//! work on a thread of its own (`job.rs`), and returns an object that keeps the result in Rust.

// An error of the library crosses a thread once for each call.
#![allow(clippy::result_large_err)]

mod analysis;
mod arrays;
mod errors;
mod figure;
mod job;
mod measures;
mod model;
mod options;
mod states;

use pyo3::prelude::*;
use std::ffi::OsString;

/// Run the program with its arguments, the name of the program first; returns its exit code.
#[pyfunction]
fn main(py: Python<'_>, argv: Vec<OsString>) -> u8 {
    py.detach(|| stratoscope_cli::run(argv))
}

/// The module `stratoscope._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::analysis::Analysis;
    #[pymodule_export]
    use super::figure::Figure;
    #[pymodule_export]
    use super::main;
    #[pymodule_export]
    use super::measures::{
        anisotropy, continuity, cosine_to_sentence, curvature, debiased_cka, effective_rank,
        linear_cka, linear_probe, matrix_entropy, neighbour_overlap, norms, pca, procrustes,
        random_projection, rbf_cka, rowwise_cosine, rsa, similarity, trustworthiness, tsne, two_nn,
    };
    #[pymodule_export]
    use super::model::{Model, explore::explore_states, hooks::Hooks, load::load};
    #[pymodule_export]
    use super::states::{Place, States, read_states, states_of_arrays};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
