//! From texts, images and sounds to the sequences that the model reads: tokens, patches and frames with
//! labels; long texts refused, cut or in windows.

mod image;
mod length;
mod prepared;
mod row;
mod sound;
mod text;
mod token_ids;
mod warning;
mod windows;

pub use length::{LengthLimit, LongText};
pub use prepared::Prepared;
pub(crate) use row::{label, word_of};
pub use token_ids::prepare_ids;
pub use warning::{UnknownTokens, Warning};

use crate::error::{Error, Result};
use crate::media::Input;
use stratoscope_loader::Model;

/// Makes the sequences of texts, images or sounds: tokenizes texts and checks their length, resizes images
/// to patches, brings sounds to the rate of the model.
///
/// # Errors
/// An input that the model does not read. A blank text, a text that is too long or has no tokens, a model
/// without a tokenizer; a text of more than [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) is not tokenized,
/// except for its beginning if texts are cut. An image or a sound that cannot be decoded.
pub fn prepare<I: Into<Input>>(
    model: &Model,
    inputs: Vec<I>,
    limit: impl Into<LengthLimit>,
) -> Result<Prepared> {
    let inputs = inputs.into_iter().map(Into::into).collect();
    prepare_numbered(model, inputs, limit.into(), 0)
}

/// [`prepare`] for inputs after `before` other inputs; messages count these.
pub(crate) fn prepare_numbered(
    model: &Model,
    inputs: Vec<Input>,
    limit: LengthLimit,
    before: usize,
) -> Result<Prepared> {
    if inputs.is_empty() {
        return Err(Error::NoText { place: "no text is given".to_owned() });
    }
    let mut prepared = Prepared::default();
    for (index, input) in inputs.into_iter().enumerate() {
        check_kind(model, &input, || input.place(before + index))?;
        match input {
            Input::Text(text) => text::add(&mut prepared, model, text, limit, before)?,
            Input::Image(image) => image::add(&mut prepared, model, &image)?,
            Input::Sound(sound) => sound::add(&mut prepared, model, &sound)?,
        }
    }
    Ok(prepared)
}

/// Refuses an input that the model does not read.
fn check_kind(model: &Model, input: &Input, place: impl FnOnce() -> String) -> Result<()> {
    let (reads, given) = (model.reads(), input.kind());
    match given == reads {
        true => Ok(()),
        false => Err(Error::NotRead { place: place(), given, model: model.info.id.clone(), reads }),
    }
}
