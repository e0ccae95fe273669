//! The seeded random numbers of all crates.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;

/// A generator whose stream is documented and does not change between versions.
pub type Generator = Xoshiro256Plus;

/// The generator behind every seeded choice. The same seed gives the same stream.
pub fn generator(seed: u64) -> Generator {
    Xoshiro256Plus::seed_from_u64(seed)
}
