//! The lowest speed of a transfer: a server that sends a byte now and then must not hold a run forever.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::clock::Clock;

/// The lowest speed, in bytes per second. A modem of 1998 is faster.
const MIN_SPEED: u64 = 1_000;

/// A body that fails when fewer bytes than the lowest speed arrive within a window of time.
pub(super) struct Paced<'a, R> {
    body: R,
    clock: &'a dyn Clock,
    window: Duration,
    begin: Instant,
    bytes: u64,
    /// The bytes that are still to come, where that is known.
    left: Option<u64>,
    slow: Option<TooSlow>,
}

/// The cause of a read error: the body came too slowly.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooSlow {
    /// The bytes of the last window.
    pub(super) bytes: u64,
    /// The length of the window.
    pub(super) window: Duration,
}

impl<'a, R> Paced<'a, R> {
    pub(super) fn new(
        body: R,
        length: Option<u64>,
        clock: &'a dyn Clock,
        window: Duration,
    ) -> Self {
        Paced { body, clock, window, begin: clock.now(), bytes: 0, left: length, slow: None }
    }
}

impl<R: Read> Read for Paced<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The bytes before were delivered: a later attempt goes on after them.
        if let Some(slow) = self.slow {
            return Err(io::Error::new(io::ErrorKind::TimedOut, slow));
        }
        let read = self.body.read(buffer)?;
        self.bytes += read as u64;
        self.left = self.left.map(|left| left.saturating_sub(read as u64));
        let now = self.clock.now();
        // A body that is complete is never too slow.
        if self.left != Some(0) && now.duration_since(self.begin) >= self.window {
            if self.bytes < MIN_SPEED.saturating_mul(self.window.as_secs()) {
                self.slow = Some(TooSlow { bytes: self.bytes, window: self.window });
            }
            (self.begin, self.bytes) = (now, 0);
        }
        Ok(read)
    }
}

impl TooSlow {
    /// The slowness behind a read error, if that is its cause.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} bytes in {} s", self.bytes, self.window.as_secs())
    }
}

impl std::error::Error for TooSlow {}
