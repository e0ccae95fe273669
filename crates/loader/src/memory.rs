//! The memory that a model may take and that it takes, known before its weights are read.

use crate::weights::{TOKENS, UNEMBED};
use candle_core::DType;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use stratoscope_transformer::{Architecture, Encoding, Placement};

/// The part of the free memory that is used if no budget is given, in percent.
const SHARE: u64 = 70;

/// The tokens that run at a time, for which memory is left beside the weights.
const WORK_TOKENS: usize = 1024;

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

/// What the weights of an architecture take of the memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// All weights.
    all: u64,
    /// The largest block.
    block: u64,
    /// What is neither in a block nor a table from which rows are read.
    outside: u64,
}

impl Sizes {
    /// The sizes of weights by canonical name, with their shapes and number types.
    pub(crate) fn of<'a>(
        weights: impl Iterator<Item = (&'a str, &'a [usize], Encoding)>,
        place: &Placement,
    ) -> Self {
        let (mut all, mut outside, mut blocks) = (0, 0, HashMap::new());
        for (name, shape, encoding) in weights {
            let values: usize = shape.iter().product();
            let is_matrix = shape.len() == 2;
            let own = place.dtype.size_in_bytes() * values;
            let bytes = match place.kernels {
                // In a 16-bit type, matrices are rounded to it; the tables stay as they are stored.
                true if is_matrix && place.dtype != DType::F32 && name.starts_with("blocks.") => {
                    own
                }
                true if is_matrix => encoding.bytes(values),
                true => 4 * values,
                false => own,
            } as u64;
            all += bytes;
            match name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
                Some((block, _)) => *blocks.entry(block).or_default() += bytes,
                None if name == TOKENS || name == UNEMBED => {}
                None if is_matrix && LINEAR.iter().any(|start| name.starts_with(start)) => {
                    outside += bytes;
                }
                // As f32, whatever the file has.
                None => outside += 4 * values as u64,
            }
        }
        Self { all, block: blocks.values().copied().max().unwrap_or(0), outside }
    }
}

/// How the names of linear layers outside of blocks begin. They are held like those of blocks.
const LINEAR: [&str; 4] = ["embed.conv.", "embed.position_conv.", "embed.project.", "embed.patch."];

impl MemoryPlan {
    /// Whether all weights stay in memory is decided by the budget: beside them, memory is needed for the
    /// texts that run at a time.
    pub(crate) fn new(budget: Option<u64>, sizes: Sizes, architecture: &Architecture) -> Self {
        // Where the free memory is not known, all is kept, as before there was a budget.
        let budget = budget.or_else(|| Some(free_memory()? / 100 * SHARE)).unwrap_or(u64::MAX);
        Self::within(budget, sizes, architecture.work_bytes(WORK_TOKENS))
    }

    /// The plan of another model that is loaded beside the one of this plan, and takes what it leaves: its
    /// weights are all of one number type.
    pub fn beside(
        &self,
        architecture: &Architecture,
        encoding: Encoding,
        place: &Placement,
    ) -> Self {
        let specs = architecture.weights();
        let weights = specs.iter().map(|spec| (&*spec.name, &*spec.shape, encoding));
        let work = architecture.work_bytes(WORK_TOKENS);
        Self::within(self.left(), Sizes::of(weights, place), work)
    }

    fn within(budget: u64, Sizes { all: weights, block, outside }: Sizes, work: u64) -> Self {
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
    use candle_core::Device;

    #[test]
    fn weights_stay_where_the_budget_has_room() {
        let sizes = Sizes { all: 1000, block: 100, outside: 10 };
        let plan = MemoryPlan::within(1200, sizes, 200);
        assert!(plan.resident && plan.held() == 1000 && plan.left() == 200);
        let plan = MemoryPlan::within(1199, sizes, 200);
        assert!(!plan.resident && plan.held() == 110 && plan.left() == 1089);
        assert_eq!(MemoryPlan::within(50, sizes, 200).left(), 0);
    }

    #[test]
    fn the_budget_is_what_is_given_or_what_is_free() {
        let architecture = Architecture { d_vocab: 10, d_model: 4, ..Architecture::BASE };
        let place =
            Placement { device: Device::Cpu, dtype: DType::F32, kernels: true, resident: true };
        let specs = architecture.weights();
        let weights = specs.iter().map(|spec| (&*spec.name, &*spec.shape, Encoding::F32));
        let sizes = Sizes::of(weights, &place);
        let plan = MemoryPlan::new(Some(1 << 30), sizes, &architecture);
        assert!(plan.resident && plan.budget == 1 << 30);
        // A second model of that kind takes what is left.
        let second = plan.beside(&architecture, Encoding::F32, &place);
        assert_eq!((second.weights, second.budget), (plan.weights, plan.left()));
        if cfg!(target_os = "linux") {
            let free = free_memory().unwrap();
            let plan = MemoryPlan::new(None, sizes, &architecture);
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
