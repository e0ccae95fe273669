//! Rows that belong together: those of one sentence or of one word type.

use std::collections::BTreeMap;

/// The rows of each group, ascending; `groups` `[n]` names the group of each row.
pub(crate) fn rows_by_group(groups: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &group) in groups.iter().enumerate() {
        rows.entry(group).or_default().push(row);
    }
    rows
}
