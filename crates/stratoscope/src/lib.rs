//! A transformer-embedding explorer: load, extract, reduce, draw, in a few lines.
