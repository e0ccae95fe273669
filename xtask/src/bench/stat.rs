//! The processor time of a process, which xtask and the peer read.

/// The sum of two fields of `/proc/self/stat`, in seconds, to a hundredth of a second; `None` without
/// `/proc`. The fields are counted after the name: 11 and 12 are the time of the process in user and
/// system mode, 13 and 14 the time of its child processes that have ended.
pub(crate) fn seconds(fields: [usize; 2]) -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name can have any characters and ends with the last parenthesis.
    let all: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| all.get(field)?.parse::<f64>().ok();
    Some((ticks(fields[0])? + ticks(fields[1])?) / 100.0)
}
