//! Makes the series of a chart from estimates.

use stratoscope_chart::Series;
use stratoscope_geometry::Estimate;

/// A series of estimates with their intervals, `[places]`; `None` is a gap.
pub(crate) fn series(
    name: impl Into<String>,
    estimates: impl IntoIterator<Item = Option<Estimate>>,
) -> Series {
    let pair = |found: Option<Estimate>| found.map(|e| (e.value, e.interval));
    Series::new(name).estimates(estimates.into_iter().map(pair))
}
