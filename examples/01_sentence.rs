//! One sentence.
fn main() {}
