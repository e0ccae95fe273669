//! The wall time and the processor time of a job.

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
    let before = cpu_seconds();
    let (result, seconds) = timed(run);
    let cpu = before.zip(cpu_seconds()).map(|(before, after)| after - before);
    (result, json!({ "seconds": seconds, "cpu_seconds": cpu }))
}

/// The processor time of this process, to a hundredth of a second; `None` without `/proc`.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The fields after the name; the name can have any characters and ends with the last
    // parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}
