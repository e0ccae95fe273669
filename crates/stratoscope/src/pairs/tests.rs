//! Laws of the comparison of pairs.
