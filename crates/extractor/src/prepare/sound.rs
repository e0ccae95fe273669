//! A sound as the model reads it: its frames, and their rows.

use super::prepared::Prepared;
use super::warning::Warning;
use crate::error::Result;
use crate::files::sha256;
use crate::input::Text;
use crate::media::{Cell, Media};
use crate::sounds::{Sound, resampled, spectrogram};
use std::sync::Arc;
use stratoscope_loader::{Model, ProcessedSound};

/// Decodes a sound, brings it to the rate of the model, and adds its frames. Frames after its end, which
/// some models need, are special.
pub(super) fn add(prepared: &mut Prepared, model: &Model, sound: &Sound) -> Result<()> {
    let processor = model.sound_processor()?;
    let waveform = sound.waveform()?;
    let rate = processor.rate();
    let samples = resampled(&waveform.samples, waveform.rate, rate);
    let ProcessedSound { sequence, frames, seconds_per_frame, heard, cut, .. } =
        processor.process(&samples)?;
    let read = samples.len() - cut;
    if cut > 0 {
        prepared.warnings.push(Warning::SoundCut {
            place: sound.place().to_owned(),
            seconds: (samples.len() / rate as usize).max(1),
            kept: read / rate as usize,
        });
    }
    let label =
        |frame: usize| (format!("{:.2} s", frame as f64 * seconds_per_frame), frame >= heard);
    prepared.add_cells(sequence, (0..frames).map(label).collect());
    prepared.media.push(Media {
        name: sound.name().to_owned(),
        cell: Cell::Frame,
        picture: Arc::new(spectrogram(&samples[..read], rate, heard, seconds_per_frame)),
        grid: [1, heard],
        first: 0,
        crop: None,
        seconds: Some(heard as f64 * seconds_per_frame),
        hertz: Some([0.0, 8000.0f64.min(f64::from(rate) / 2.0)]),
        sha256: sha256(sound.bytes()),
    });
    prepared.texts.push(Text::from(sound.name()));
    Ok(())
}
