//! Annotated corpora for probes: sentences, and their split into parts.

use super::rows::{Item, Rows};
use super::{Column, Filter, ProbeError, split};
use crate::Result;
use crate::analysis::ModelFile;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use stratoscope_extractor::{AnnotatedFile, AnnotatedSentence, Text, read_annotated};
use stratoscope_loader::path_text;
use stratoscope_probing::{ParsedSentence, Split};

/// A data file of a probe.
#[derive(Debug, Clone, Serialize)]
pub struct ProbeFile {
    /// The part to which the file belongs; `None` if the file was split.
    pub part: Option<Split>,
    /// Name, size and sha256.
    #[serde(flatten)]
    pub file: ModelFile,
}

/// The number of sentences or texts in each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PartCounts {
    /// For training.
    pub train: usize,
    /// For the choice of strengths and layers (held out).
    pub dev: usize,
    /// For the test.
    pub test: usize,
}

impl PartCounts {
    /// Counts the parts.
    pub(super) fn of(parts: impl Iterator<Item = Split>) -> Self {
        let mut counts = Self::default();
        for part in parts {
            match part {
                Split::Train => counts.train += 1,
                Split::Dev => counts.dev += 1,
                Split::Test => counts.test += 1,
            }
        }
        counts
    }
}

/// An annotated corpus. Each sentence belongs to one part: training, held out (dev), or test.
#[derive(Debug, Clone)]
pub struct ConlluCorpus {
    sentences: Vec<AnnotatedSentence>,
    /// `[sentences]`.
    parts: Vec<Split>,
    files: Vec<ProbeFile>,
    split_seed: Option<u64>,
}

impl ConlluCorpus {
    /// Reads a CoNLL-U file and splits its sentences at random with a seed: a tenth for the test, a
    /// tenth held out, the rest for training. Equal sentences are in the same part.
    ///
    /// # Errors
    /// A file that cannot be read or has a wrong format (the error names the line); fewer than
    /// three different sentences.
    pub fn split(path: &Path, seed: u64) -> Result<Self> {
        let (sentences, file) = read(path)?;
        let texts: Vec<&str> = sentences.iter().map(|s| s.text.text.as_str()).collect();
        let parts = split(&texts, seed, &path_text(path), "sentences")?;
        Ok(Self {
            parts,
            sentences,
            files: vec![ProbeFile { part: None, file }],
            split_seed: Some(seed),
        })
    }

    /// Reads CoNLL-U files that are already split. Without `dev`, a seeded tenth of the training
    /// sentences is held out.
    ///
    /// # Errors
    /// A file that cannot be read or has a wrong format (the error names the line); one file in two
    /// parts; no file for training or for the test.
    pub fn of_parts(train: &[PathBuf], dev: &[PathBuf], test: &[PathBuf]) -> Result<Self> {
        if train.is_empty() {
            return Err(ProbeError::NoPart { part: "train", hint: "--train FILE" }.into());
        }
        if test.is_empty() {
            return Err(ProbeError::NoPart { part: "test", hint: "--test FILE" }.into());
        }
        let given = [(Split::Train, train), (Split::Dev, dev), (Split::Test, test)];
        let mut files: Vec<ProbeFile> = Vec::new();
        let (mut sentences, mut parts) = (Vec::new(), Vec::new());
        for (part, paths) in given {
            for path in paths {
                let (found, file) = read(path)?;
                if let Some(same) = files.iter().find(|f| f.file.sha256 == file.sha256) {
                    let (first, second) = (same.file.name.clone(), file.name);
                    return Err(ProbeError::SameFile { first, second }.into());
                }
                files.push(ProbeFile { part: Some(part), file });
                sentences.extend(found);
                parts.resize(sentences.len(), part);
            }
        }
        Ok(Self { sentences, parts, files, split_seed: None })
    }

    /// The files.
    pub fn files(&self) -> &[ProbeFile] {
        &self.files
    }

    /// The seed of the split; `None` if the files were already split.
    pub fn split_seed(&self) -> Option<u64> {
        self.split_seed
    }

    /// The texts of all sentences, part after part.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.sentences.iter().map(|sentence| &sentence.text)
    }

    /// The number of sentences in each part.
    pub fn sentences(&self) -> PartCounts {
        PartCounts::of(self.parts.iter().copied())
    }

    /// The words that pass all filters and have all labels.
    pub(super) fn rows(&self, labels: &[Column], filters: &[Filter]) -> Result<Rows> {
        let mut items = Vec::new();
        let mut unlabelled = 0;
        for (text, (sentence, &part)) in self.sentences.iter().zip(&self.parts).enumerate() {
            for (index, word) in sentence.words.iter().enumerate() {
                if !filters.iter().all(|filter| filter.holds(word)) {
                    continue;
                }
                let own: Option<Vec<String>> =
                    labels.iter().map(|label| label.of(word).map(str::to_owned)).collect();
                let Some(own) = own else {
                    unlabelled += 1;
                    continue;
                };
                let form = word.form.to_lowercase();
                let lemma = word.lemma.as_ref().map_or_else(|| form.clone(), |l| l.to_lowercase());
                items.push(Item { text, word: index, labels: own, form, lemma, part });
            }
        }
        let mut words = self.sentences.iter().flat_map(|s| &s.words);
        let rows = Rows {
            texts: self.sentences.iter().map(|s| s.text.clone()).collect(),
            // The bootstrap resamples sentences.
            clusters: (0..self.sentences.len()).collect(),
            whole: false,
            labels: labels.iter().map(ToString::to_string).collect(),
            items,
            unlabelled,
            has_lemmas: words.any(|word| word.lemma.is_some()),
        };
        rows.check(|| self.keys_hint(labels))?;
        Ok(rows)
    }

    /// A hint for an error: the keys of the column, if the key of a label is not among them.
    fn keys_hint(&self, labels: &[Column]) -> String {
        let words = || self.sentences.iter().flat_map(|s| &s.words);
        for label in labels {
            let (entries, column): (Vec<&str>, _) = match label {
                Column::Feature(_) => {
                    (words().filter_map(|w| w.feats.as_deref()).collect(), "FEATS")
                }
                Column::Misc(_) => (words().filter_map(|w| w.misc.as_deref()).collect(), "MISC"),
                _ => continue,
            };
            if words().any(|word| label.of(word).is_some()) {
                continue;
            }
            let keys: BTreeSet<&str> = entries
                .iter()
                .flat_map(|entry| entry.split('|'))
                .filter_map(|entry| entry.split_once('=').map(|(key, _)| key))
                .collect();
            let keys: Vec<&str> = keys.into_iter().take(20).collect();
            return match keys.is_empty() {
                true => format!("; {column} has no keys"),
                false => format!("; {column} has {}", keys.join(", ")),
            };
        }
        String::new()
    }

    /// The sentences of a part that have a tree, with the heads of their words.
    pub(super) fn trees(
        &self,
        part: Split,
    ) -> impl Iterator<Item = (&AnnotatedSentence, Vec<usize>)> {
        let of_part = self.sentences.iter().zip(&self.parts).filter(move |(_, p)| **p == part);
        of_part.filter_map(|(sentence, _)| sentence.heads().map(|heads| (sentence, heads)))
    }
}

/// A sentence as the input of the structural probe; `rows`, `[words]`, has the row of each word.
pub(super) fn parsed(
    sentence: &AnnotatedSentence,
    heads: Vec<usize>,
    rows: Vec<Option<usize>>,
) -> ParsedSentence {
    let punctuation = sentence.words.iter().map(|w| w.upos.as_deref() == Some("PUNCT")).collect();
    ParsedSentence { heads, punctuation, rows }
}

/// The sentences and the record of a data file, which is read once.
fn read(path: &Path) -> Result<(Vec<AnnotatedSentence>, ModelFile)> {
    let AnnotatedFile { sentences, bytes, sha256 } = read_annotated(path)?;
    Ok((sentences, ModelFile { name: path_text(path), bytes, sha256 }))
}
