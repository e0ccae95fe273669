//! The wall time and the processor time of a job.

#[path = "../../src/bench/stat.rs"]
mod stat;

use serde_json::{Value, json};
use std::time::Instant;

/// Runs a function, and returns its result and its wall time in seconds.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let begin = Instant::now();
    let result = run();
    (result, begin.elapsed().as_secs_f64())
}

/// Runs a function, and returns its result and an answer with its times.
pub(crate) fn clocked<T>(run: impl FnOnce() -> T) -> (T, Value) {
    // The processor time of this process.
    let own = || stat::seconds([11, 12]);
    let before = own();
    let (result, seconds) = timed(run);
    let cpu = before.zip(own()).map(|(before, after)| after - before);
    (result, json!({ "seconds": seconds, "cpu_seconds": cpu }))
}
