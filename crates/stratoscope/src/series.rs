//! Curves from estimates.

use stratoscope_chart::Series;
use stratoscope_geometry::Estimate;

/// A curve of estimates, `[places]`, with their intervals.
pub(crate) fn series(
    name: impl Into<String>,
    estimates: impl IntoIterator<Item = Option<Estimate>>,
) -> Series {
    let pair = |found: Option<Estimate>| found.map(|e| (e.value, e.interval));
    Series::new(name).estimates(estimates.into_iter().map(pair))
}
