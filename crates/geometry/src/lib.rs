//! Measures of a cloud of vectors: similarity and centred kernel alignment.
