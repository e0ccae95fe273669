//! From `--from` and its options to states in place of a model.

use crate::args::StatesArgs;
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use std::path::Path;
use std::sync::Arc;
use stratoscope::crates::extractor::read_bytes;
use stratoscope::crates::loader::{Tokenizer, path_text};
use stratoscope::{GivenStates, StatesReader, Text};

/// The states that the arguments name, if they name any. `texts` are those of the task, for a file
/// without texts.
pub(crate) fn given(
    args: &StatesArgs,
    texts: impl FnOnce() -> Result<Option<Vec<Text>>>,
    progress: &Progress,
) -> Result<Option<GivenStates>> {
    let Some(path) = &args.from else { return Ok(None) };
    let reader = StatesReader {
        axes: args.axes.clone(),
        layers: args.from_layers.clone().map(|layers| layers.0),
        model: args.from_model.clone(),
        causal: args.causal,
        tokenizer: args.tokenizer.as_deref().map(tokenizer).transpose()?.map(Arc::new),
        texts: texts()?,
    };
    progress.part("reading the states");
    let given = GivenStates::read(path, &reader)?.progress(progress.clone());
    let origin = &given.states().origin;
    if let Some(read_as) = &origin.read_as {
        let (layers, tokens, d) = given.states().hidden_states.dim();
        let texts = given.states().texts.len();
        progress.note(&format!(
            "{}: axes {read_as}, {layers} layers, {texts} {}, {tokens} tokens, width {d}, {}",
            path_text(path),
            if texts == 1 { "text" } else { "texts" },
            if origin.causal { "causal" } else { "not causal" }
        ));
    }
    Ok(Some(given))
}

/// Reads a `tokenizer.json`, or that of a folder.
fn tokenizer(path: &Path) -> Result<Tokenizer> {
    let file = if path.is_dir() { path.join("tokenizer.json") } else { path.to_owned() };
    let read = Tokenizer::from_json(&read_bytes(&file)?);
    read.map_err(|error| Failure::input(format!("{}: {error}", path_text(&file))))
}
