//! The first pass over a corpus: everything is read and tokenized, nothing is computed. So errors of the
//! input are found, and groups and shards are known, before the first forward pass.

use super::records::Records;
use super::settings::{Corpus, CorpusSettings};
use crate::error::{Error, Result};
use crate::hooks::Capture;
use crate::media::Input;
use crate::pools::{nothing_to_pool, pools};
use crate::prepare::{UnknownTokens, Warning, prepare_numbered};
use crate::rows::Unit;
use crate::selected::{GroupTokens, MAX_GROUP_TOKENS};
use crate::sizes::values_of;
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::ops::Range;
use stratoscope_loader::Model;

/// The most texts that are tokenized in parallel, and the most bytes of them.
const MAX_BATCH: (usize, usize) = (512, 1 << 20);

/// The most bytes of images or sounds that are decoded in parallel.
const MAX_IMAGE_BATCH: usize = 64 << 20;

/// The most warnings that are kept; further ones are counted.
const MAX_WARNINGS: usize = 10;

/// The size of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The number of texts.
    pub texts: usize,
    /// The tokens that the model reads. Where windows overlap, a token counts twice.
    pub tokens: usize,
    /// The number of rows.
    pub rows: usize,
    /// The number of shards.
    pub shards: usize,
    /// The number of shards of an earlier run.
    pub kept: usize,
    /// The number of blank lines and empty texts, which are skipped.
    pub blank_lines: usize,
    /// The first line, if it has names of columns and is skipped.
    pub header: Option<String>,
    /// The first warnings about long texts.
    pub warnings: Vec<Warning>,
    /// The number of further warnings.
    pub more_warnings: usize,
    /// The number of annotated words without a token, and so without a row.
    pub words_without_rows: usize,
    /// A warning that many tokens are unknown.
    pub unknown: Option<Warning>,
}

/// Progress of the extraction of a corpus.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum CorpusStep<'a> {
    /// The first pass: everything is read and tokenized.
    Counting {
        /// Texts so far.
        texts: usize,
        /// Tokens so far.
        tokens: usize,
    },
    /// The first pass is done.
    Counted(&'a Plan),
    /// The second pass: states are computed and written.
    Computing {
        /// Tokens done, with those of earlier runs.
        done: usize,
        /// All tokens.
        total: usize,
    },
    /// All shards are read back and compared with what was written.
    Checking,
}

/// Texts that run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) shard: usize,
    pub(crate) texts: usize,
    pub(crate) tokens: usize,
    pub(crate) rows: usize,
    /// The digest of the texts.
    pub(crate) digest: Digests,
}

/// The digest of consecutive texts. The second pass compares it before it computes a group, so that no
/// text enters a shard that the first pass has not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digests([u8; 32]);

impl Digests {
    pub(crate) fn add(&mut self, text: [u8; 32]) {
        self.0 = Sha256::new().chain_update(self.0).chain_update(text).finalize().into();
    }

    /// The digest of all texts.
    pub(crate) fn of(inputs: &[Input]) -> Self {
        let mut all = Self::default();
        inputs.iter().for_each(|input| all.add(digest(input)));
        all
    }
}

/// The digest of one input.
fn digest(input: &Input) -> [u8; 32] {
    let mut hash = Sha256::new();
    input.hash_into(&mut hash);
    hash.finalize().into()
}

/// A shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) groups: Range<usize>,
    pub(crate) first_text: usize,
    pub(crate) texts: usize,
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    pub(crate) tokens: usize,
}

/// The groups and shards of a corpus, in order.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) groups: Vec<Group>,
    pub(crate) shards: Vec<Shard>,
    /// The tokens of the last group.
    tokens: GroupTokens,
}

/// The sizes of one text.
struct TextSizes {
    tokens: usize,
    rows: usize,
    bytes: u64,
    digest: [u8; 32],
    words_without_rows: usize,
    unknown: UnknownTokens,
    warnings: Vec<Warning>,
}

/// Reads and tokenizes all of a corpus, whose file is described as `described`.
pub(crate) fn plan(
    model: &Model,
    corpus: &Corpus,
    settings: &CorpusSettings,
    layers: usize,
    captures: &[Capture],
    described: &Value,
    progress: &mut dyn FnMut(CorpusStep),
) -> Result<(Plan, Groups)> {
    let mut records = Records::open(corpus, settings)?;
    let (mut plan, mut groups) = (Plan::default(), Groups::default());
    let mut unknown = UnknownTokens::default();
    let mut shard_bytes = 0;
    loop {
        let (texts, failure) = batch(&mut records);
        let first = plan.texts;
        let counted: Vec<Result<TextSizes>> = (texts.into_par_iter().enumerate())
            .map(|(i, text)| count(model, text, first + i, settings, layers, captures))
            .collect();
        let last = counted.is_empty();
        for text in counted {
            let text = text?;
            let full = shard_bytes > 0 && shard_bytes + text.bytes > settings.shard_bytes;
            if full || groups.shards.is_empty() {
                groups.begin_shard();
                shard_bytes = 0;
            }
            groups.add(&text);
            shard_bytes += text.bytes;
            plan.texts += 1;
            plan.tokens += text.tokens;
            plan.rows += text.rows;
            plan.words_without_rows += text.words_without_rows;
            unknown.add(text.unknown);
            for warning in text.warnings {
                match plan.warnings.len() < MAX_WARNINGS {
                    true => plan.warnings.push(warning),
                    false => plan.more_warnings += 1,
                }
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        if last {
            break;
        }
        progress(CorpusStep::Counting { texts: plan.texts, tokens: plan.tokens });
    }
    plan.unknown = unknown.warning();
    plan.blank_lines = records.blank_lines();
    plan.header = records.header().map(str::to_owned);
    plan.shards = groups.shards.len();
    if plan.texts == 0 {
        return Err(Error::NoText { place: format!("{} has no texts", corpus.place()) });
    }
    if plan.rows == 0 {
        return Err(nothing_to_pool());
    }
    // A file may have changed since it was described, and may change back later.
    if let Some(sha256) = records.sha256()?
        && sha256 != described["sha256"]
    {
        return Err(Error::InputChanged { place: corpus.place() });
    }
    Ok((plan, groups))
}

/// The next inputs, and the error after them.
fn batch(records: &mut Records<'_>) -> (Vec<Input>, Option<Error>) {
    let (mut inputs, mut letters, mut pixels) = (Vec::new(), 0, 0);
    while inputs.len() < MAX_BATCH.0 && letters < MAX_BATCH.1 && pixels < MAX_IMAGE_BATCH {
        match records.next() {
            Ok(Some(input)) => {
                match &input {
                    Input::Text(_) => letters += input.bytes(),
                    Input::Image(_) | Input::Sound(_) => pixels += input.bytes(),
                }
                inputs.push(input);
            }
            Ok(None) => break,
            Err(error) => return (inputs, Some(error)),
        }
    }
    (inputs, None)
}

fn count(
    model: &Model,
    input: Input,
    number: usize,
    settings: &CorpusSettings,
    layers: usize,
    captures: &[Capture],
) -> Result<TextSizes> {
    let (annotated, digest) = (input.annotated_words(), digest(&input));
    let prepared = prepare_numbered(model, vec![input], settings.limit, number)?;
    if !captures.is_empty() && prepared.sequences.len() != 1 {
        return Err(Error::HooksInWindows);
    }
    let architecture = model.transformer.architecture();
    let tokens = prepared.sequences.iter().map(|s| s.tokens()).sum();
    let special = prepared.rows.iter().filter(|row| row.special).count();
    let rows = match settings.unit {
        Unit::Token if settings.no_special_tokens => prepared.rows.len() - special,
        Unit::Token => prepared.rows.len(),
        unit => pools(&prepared.rows, &prepared.texts, unit).len(),
    };
    let width = match settings.unit {
        Unit::Token => architecture.d_model,
        _ => settings.pooler.width(architecture.d_model),
    };
    let states = [rows, layers, width];
    let values = values_of(states, captures, architecture, std::iter::once(tokens));
    Ok(TextSizes {
        tokens,
        rows,
        bytes: values.saturating_mul(4),
        digest,
        words_without_rows: match settings.unit {
            Unit::Word => annotated.saturating_sub(rows),
            _ => 0,
        },
        unknown: prepared.unknown(),
        warnings: prepared.warnings,
    })
}

impl Groups {
    fn begin_shard(&mut self) {
        let last = self.shards.last();
        self.shards.push(Shard {
            groups: self.groups.len()..self.groups.len(),
            first_text: last.map_or(0, |s| s.first_text + s.texts),
            first_row: last.map_or(0, |s| s.first_row + s.rows),
            ..Shard::default()
        });
        self.tokens = GroupTokens::default();
    }

    fn add(&mut self, text: &TextSizes) {
        let shard = self.shards.len() - 1;
        let Some(current) = self.shards.last_mut() else { return };
        let begins = self.tokens.begins_group(text.tokens, MAX_GROUP_TOKENS);
        if begins || current.groups.is_empty() {
            let digest = Digests::default();
            self.groups.push(Group { shard, texts: 0, tokens: 0, rows: 0, digest });
            current.groups.end = self.groups.len();
        }
        if let Some(group) = self.groups.last_mut() {
            group.texts += 1;
            group.tokens += text.tokens;
            group.rows += text.rows;
            group.digest.add(text.digest);
        }
        current.texts += 1;
        current.tokens += text.tokens;
        current.rows += text.rows;
    }
}
