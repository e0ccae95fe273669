//! PCA, t-SNE, random projection and Procrustes alignment behind linfa's traits.
