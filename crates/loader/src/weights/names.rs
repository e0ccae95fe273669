//! The names of a checkpoint: where the trunk begins, and which tensor is which weight.

use crate::error::{Error, Result};
use crate::families::{BUFFERS, Family, Made, Rule, Transform};
use crate::note::Note;
use crate::stored::{Stored, StoredTensors, values_of};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use stratoscope_transformer::{Architecture, Source};

pub(crate) const TOKENS: &str = "embed.token.weight";
pub(crate) const UNEMBED: &str = "head.unembed.weight";

/// The two tensors of a weight with weight normalisation: directions and lengths.
const NORMED: [(&str, &str); 2] = [
    ("weight_v", "weight_g"),
    ("parametrizations.weight.original1", "parametrizations.weight.original0"),
];

/// The rules of each canonical module, for one checkpoint.
pub(super) struct Names {
    family: &'static Family,
    /// The prefix of the trunk, with its point.
    prefix: String,
    /// The end of the prefix that the family knows.
    usual: &'static str,
    modules: HashMap<String, Vec<Place>>,
    /// The number of sets of weights of blocks.
    blocks: usize,
}

/// Where a canonical module may be.
#[derive(Clone)]
struct Place {
    rule: &'static Rule,
    /// The place of the module in the rule.
    index: usize,
    /// The checkpoint's module with its prefix.
    module: String,
    /// The expert, if the module has those of all experts.
    expert: Option<usize>,
}

/// The tensor of a canonical weight.
pub(super) struct SourceTensor {
    pub(super) rule: &'static Rule,
    /// The place of the weight in the rule.
    pub(super) index: usize,
    /// The name of the tensor.
    pub(super) name: String,
    pub(super) tensor: Arc<dyn Stored>,
    /// The expert, if the outermost dimension of the tensor counts the experts.
    pub(super) expert: Option<usize>,
    /// The other tensor of a weight that is in two.
    pub(super) beside: Option<(String, Arc<dyn Stored>)>,
}

impl Names {
    /// # Errors
    /// [`Error::SeveralTrunks`] if the names have several prefixes of which the family knows none.
    pub(super) fn new(
        family: &'static Family,
        architecture: &Architecture,
        tensors: &StoredTensors,
    ) -> Result<Self> {
        let prefix = prefix(family, tensors)?;
        // At a point: `auto_model.` does not end with `model.`.
        let is_end = |usual: &&str| {
            let rest = prefix.strip_suffix(usual);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let ends = family.prefixes.iter().copied().filter(is_end);
        let usual = ends.max_by_key(|usual| usual.len()).unwrap_or("");
        let mut modules: HashMap<String, Vec<Place>> = HashMap::new();
        let n_experts = architecture.mixture.as_ref().map_or(0, |mixture| mixture.n_experts);
        let trunk = family.names.iter().map(|rule| (rule, prefix.as_str()));
        // The head lies beside the trunk, or beside a module around it.
        let outer = prefix.match_indices('.').map(|(at, _)| &prefix[..=at]).rev().chain([""]);
        let head = outer.flat_map(|outer| family.head.iter().map(move |rule| (rule, outer)));
        for (rule, prefix) in trunk.chain(head) {
            for (index, canonical) in rule.to.iter().enumerate() {
                let blocks = match &architecture.embedding.source {
                    _ if canonical.contains("{i}") => architecture.n_weight_sets,
                    Source::Frames(frames) if canonical.contains("{c}") => {
                        frames.convolutions.len()
                    }
                    _ => 1,
                };
                let experts = if canonical.contains("{e}") { n_experts } else { 1 };
                for (i, e) in (0..blocks).flat_map(|i| (0..experts).map(move |e| (i, e))) {
                    let of = |name: &str| {
                        let name = name.replace("{i}", &i.to_string());
                        name.replace("{c}", &i.to_string()).replace("{e}", &e.to_string())
                    };
                    let (module, canonical_one) =
                        (format!("{prefix}{}", of(rule.from)), of(canonical));
                    let stacked = canonical.contains("{e}") && !rule.from.contains("{e}");
                    let expert = stacked.then_some(e);
                    let place = Place { rule, index, module, expert };
                    modules.entry(canonical_one).or_default().push(place);
                }
            }
        }
        // Tied weights are in the file under either name.
        if architecture.head.is_some_and(|head| head.tied)
            && let Some(head) = modules.get("head.unembed").cloned()
        {
            modules.entry("embed.token".to_owned()).or_default().extend(head);
        }
        Ok(Self { family, prefix, usual, modules, blocks: architecture.n_weight_sets })
    }

    /// A note about a prefix that the family does not know.
    pub(super) fn note(&self) -> Option<Note> {
        let prefix = self.prefix.strip_suffix(self.usual).unwrap_or(&self.prefix);
        (!prefix.is_empty()).then(|| Note::Prefix { prefix: prefix.to_owned() })
    }

    /// Whether a tensor that no rule uses may change a state: it lies within the trunk, and is neither a
    /// buffer nor a part that the family leaves out.
    pub(super) fn in_trunk(&self, name: &str) -> bool {
        let Some(bare) = name.strip_prefix(&self.prefix) else { return false };
        let root = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let of_rule = |name: &str| self.family.names.iter().any(|r| root(r.from) == root(name));
        // Beside a trunk without a usual prefix stand the heads.
        let mut usual = self.family.prefixes.iter();
        let within = !self.usual.is_empty()
            || of_rule(bare)
            || usual.any(|usual| bare.strip_prefix(usual).is_some_and(of_rule));
        // Numbers from the number of blocks on are those of blocks that no state needs.
        let without_numbers = bare.split('.').map(|part| match part.parse::<usize>() {
            Ok(number) if number >= self.blocks => "{n}",
            Ok(_) => "{i}",
            Err(_) => part,
        });
        let any_block = without_numbers.collect::<Vec<_>>().join(".");
        within
            && !BUFFERS.iter().any(|end| name.ends_with(end))
            && !self.family.unused.iter().any(|start| any_block.starts_with(start))
    }

    /// The name of a canonical weight in the checkpoint.
    pub(super) fn expected(&self, canonical: &str) -> String {
        let (module, kind) = canonical.rsplit_once('.').unwrap_or((canonical, ""));
        let rules = self.modules.get(module).and_then(|rules| rules.first());
        format!("{}.{kind}", rules.map_or(module, |place| &place.module))
    }

    /// The tensor of a canonical weight, under its present or its old name.
    pub(super) fn find(&self, canonical: &str, tensors: &StoredTensors) -> Option<SourceTensor> {
        self.all(canonical, tensors).next()
    }

    /// How a canonical weight is made, if it is one that the checkpoint does not have.
    pub(super) fn made(&self, canonical: &str, tensors: &StoredTensors) -> Option<Made> {
        let (module, kind) = canonical.rsplit_once('.')?;
        let has = |module: &str| tensors.contains_key(&format!("{module}.weight"));
        self.modules.get(module)?.iter().find_map(|place| match place.rule.transform {
            Transform::Made(made) if made.is_for(kind) => {
                (made != Made::NoBias || has(&place.module)).then_some(made)
            }
            _ => None,
        })
    }

    /// The other tensors of the trunk for the weight that [`find`](Self::find) finds.
    pub(super) fn others(
        &self,
        canonical: &str,
        tensors: &StoredTensors,
    ) -> Vec<(String, Arc<dyn Stored>)> {
        let all = self.all(canonical, tensors).skip(1);
        let of_trunk = all.filter(|found| found.name.starts_with(&self.prefix));
        let own = of_trunk.filter(|found| found.rule.to.iter().any(|to| canonical.starts_with(to)));
        own.map(|found| (found.name, found.tensor)).collect()
    }

    fn all(&self, canonical: &str, tensors: &StoredTensors) -> impl Iterator<Item = SourceTensor> {
        let (module, kind) = canonical.rsplit_once('.').unwrap_or((canonical, ""));
        // Checkpoints converted from TensorFlow name weight and bias of a norm so.
        let old = if kind == "weight" { "gamma" } else { "beta" };
        self.modules.get(module).into_iter().flatten().flat_map(move |place| {
            let Place { rule, index, module, expert } = place;
            // A parameter that is no module, such as that of all experts.
            let bare = if kind == "weight" { module.clone() } else { format!("{module}_{kind}") };
            let names = match rule.transform {
                Transform::Made(made) if !made.is_for(kind) => Vec::new(),
                Transform::Bias if kind == "bias" => vec![module.clone()],
                Transform::NormedKernel if kind == "weight" => {
                    NORMED.map(|(directions, _)| format!("{module}.{directions}")).to_vec()
                }
                _ => vec![format!("{module}.{kind}"), format!("{module}.{old}"), bare],
            };
            names.into_iter().filter_map(move |name| {
                let tensor = tensors.get(&name)?.clone();
                let beside = || {
                    let (stem, lengths) = NORMED
                        .iter()
                        .find_map(|(own, lengths)| Some((name.strip_suffix(own)?, lengths)))?;
                    let (name, tensor) = tensors.get_key_value(&format!("{stem}{lengths}"))?;
                    Some((name.clone(), tensor.clone()))
                };
                let beside = match rule.transform {
                    Transform::NormedKernel => beside(),
                    _ => None,
                };
                Some(SourceTensor { rule, index: *index, name, tensor, expert: *expert, beside })
            })
        })
    }
}

/// What stands before the names of the trunk. The first rule of which the checkpoint has a tensor
/// tells; the embedding is the first of every family.
fn prefix(family: &Family, tensors: &StoredTensors) -> Result<String> {
    let before = |module: &str| -> BTreeSet<&str> {
        let names = tensors.keys().filter_map(|name| name.strip_suffix(".weight"));
        let names = names.filter_map(|name| name.strip_suffix(module));
        names.filter(|prefix| prefix.is_empty() || prefix.ends_with('.')).collect()
    };
    let stored = family.names.iter().filter(|rule| !rule.from.is_empty());
    let modules = stored.map(|rule| rule.from.replace("{i}", "0").replace("{c}", "0"));
    let found = modules.map(|module| before(&module)).find(|prefixes| !prefixes.is_empty());
    let found = found.unwrap_or_default();
    let usual = family.prefixes.iter().copied().chain([""]).find(|usual| found.contains(usual));
    let several = |prefixes: &mut dyn Iterator<Item = &&str>| Error::SeveralTrunks {
        family: family.name.to_owned(),
        prefixes: prefixes
            .map(|prefix| if prefix.is_empty() { "no prefix" } else { *prefix }.to_owned())
            .collect(),
    };
    match (usual, found.len()) {
        (Some(usual), _) => {
            // Two trunks under usual names: either may be meant, unless they are copies.
            let others = found.iter().filter(|other| {
                **other != usual && (other.is_empty() || family.prefixes.contains(other))
            });
            for other in others {
                if !copies(usual, other, tensors)? {
                    return Err(several(&mut [*other, usual].iter()));
                }
            }
            Ok(usual.to_owned())
        }
        (None, 0 | 1) => Ok(found.first().map_or("", |prefix| prefix).to_owned()),
        (None, _) => Err(several(&mut found.iter())),
    }
}

/// Whether the tensors that stand under both prefixes are equal.
fn copies(one: &str, other: &str, tensors: &StoredTensors) -> Result<bool> {
    for (name, tensor) in tensors {
        let twin = name.strip_prefix(one).map(|bare| format!("{other}{bare}"));
        let Some((twin, same)) = twin.and_then(|twin| tensors.get_key_value(&twin)) else {
            continue;
        };
        if tensor.shape() != same.shape()
            || values_of(&**tensor, name)? != values_of(&**same, twin)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}
