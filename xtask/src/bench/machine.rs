//! The date and the machine of a measurement.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Today in UTC, as `2026-11-22`.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date that is a number of days after 1 January 1970.
fn date(days: u64) -> String {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut rest) = (1970, days);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", rest + 1)
}

/// The name of the processor.
pub(crate) fn processor() -> String {
    let linux = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| model_name(&info));
    let named = linux.or_else(|| {
        let output = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output();
        let name = String::from_utf8(output.ok()?.stdout).ok()?.trim().to_owned();
        Some(name).filter(|name| !name.is_empty())
    });
    named.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The processor time of all child processes that have ended, in seconds; `None` without `/proc`.
pub(crate) fn cpu_seconds_of_children() -> Option<f64> {
    super::stat::seconds([13, 14])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_454, "2026-01-01"),
            (20_779, "2026-11-22"),
            (20_818, "2026-12-31"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn the_processor_has_a_name() {
        let info = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) @ 2.70GHz\nflags\t: fpu\n";
        assert_eq!(model_name(info).as_deref(), Some("Intel(R) Xeon(R) @ 2.70GHz"));
        assert_eq!(model_name("Processor\t: rev 3\n"), None);
        assert!(!processor().is_empty());
    }
}
