//! The memory that a model may take and that it takes, known before its weights are read.

use std::fs;
use std::path::{Path, PathBuf};

/// The part of the free memory that is used if no budget is given, in percent.
const SHARE: u64 = 70;

/// The memory of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryPlan {
    /// The bytes that weights, and the states that are computed at a time, may take.
    pub budget: u64,
    /// The bytes of all weights as they are held in memory.
    pub weights: u64,
    /// The bytes of the largest block.
    pub block: u64,
    /// The bytes of the weights that are in memory while blocks are read: norms, positions.
    pub outside: u64,
    /// Whether all weights stay in memory. If they do not, each block is read when it runs.
    pub resident: bool,
}

impl MemoryPlan {
    /// Whether all weights stay in memory is decided by the budget: beside them, `work` bytes are needed
    /// for the texts that run at a time.
    pub(crate) fn new(budget: Option<u64>, [weights, block, outside]: [u64; 3], work: u64) -> Self {
        // Where the free memory is not known, all is kept, as before there was a budget.
        let budget = budget.or_else(|| Some(free_memory()? / 100 * SHARE)).unwrap_or(u64::MAX);
        let resident = weights.saturating_add(work) <= budget;
        Self { budget, weights, block, outside, resident }
    }

    /// The bytes of weights in memory.
    pub fn held(&self) -> u64 {
        if self.resident { self.weights } else { self.block.saturating_add(self.outside) }
    }

    /// The bytes that are left for states.
    pub fn left(&self) -> u64 {
        self.budget.saturating_sub(self.held())
    }
}

/// The memory that this process can take without swapping, on Linux: what is available on the machine,
/// and not more than the limit of its control group leaves.
pub fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let available = kilobytes << 10;
    Some(left_of_groups().map_or(available, |left| left.min(available)))
}

/// The memory that this process uses now, on Linux.
pub fn used_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// What the limits of the control groups of this process leave; none without a limit.
fn left_of_groups() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let folders = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        let root = Path::new("/sys/fs/cgroup");
        match controllers {
            "" => Some((root.to_owned(), root.join(path))),
            _ if controllers.split(',').any(|name| name == "memory") => {
                Some((root.join("memory"), root.join("memory").join(path)))
            }
            _ => None,
        }
    });
    folders.filter_map(|(root, folder)| left_of(&root, folder)).min()
}

/// The least that a folder of control groups and the folders above it leave.
fn left_of(root: &Path, mut folder: PathBuf) -> Option<u64> {
    let mut least = None;
    loop {
        let number = |names: [&str; 2]| {
            let texts = names.into_iter().filter_map(|n| fs::read_to_string(folder.join(n)).ok());
            texts.filter_map(|text| text.trim().parse::<u64>().ok()).next()
        };
        let limit = number(["memory.max", "memory.limit_in_bytes"]);
        let used = number(["memory.current", "memory.usage_in_bytes"]);
        if let (Some(limit), Some(used)) = (limit, used) {
            // Files in the page cache count as used, and give way.
            let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
            let cached: u64 = cached.and_then(|n| n.trim().parse().ok()).unwrap_or(0);
            let left = limit.saturating_sub(used.saturating_sub(cached));
            least = Some(least.map_or(left, |least: u64| least.min(left)));
        }
        if folder == root || !folder.pop() || !folder.starts_with(root) {
            return least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_stay_where_the_budget_has_room() {
        let sizes = [1000, 100, 10];
        let plan = MemoryPlan::new(Some(1200), sizes, 200);
        assert!(plan.resident && plan.held() == 1000 && plan.left() == 200);
        let plan = MemoryPlan::new(Some(1199), sizes, 200);
        assert!(!plan.resident && plan.held() == 110 && plan.left() == 1089);
        assert_eq!(MemoryPlan::new(Some(50), sizes, 200).left(), 0);
        if cfg!(target_os = "linux") {
            let free = free_memory().unwrap();
            let plan = MemoryPlan::new(None, sizes, 0);
            // Other processes change what is free in between.
            assert!(free > 1 << 20 && plan.budget > 1 << 20 && plan.resident);
        }
    }

    #[test]
    fn the_least_limit_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        let left = || left_of(root.path(), root.path().join("a/b"));
        assert_eq!(left(), None);
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 1\ninactive_file 300\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "600\n");
        assert_eq!(left(), Some(600));
        write("a/b/memory.limit_in_bytes", "800\n");
        assert_eq!(left(), Some(200));
    }
}
