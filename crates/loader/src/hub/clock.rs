//! The time that passes: pauses between attempts, and the speed of a transfer.

use std::thread;
use std::time::{Duration, Instant};

/// A clock, which tests replace.
pub(super) trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Instant;

    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The clock of the machine.
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }
}
