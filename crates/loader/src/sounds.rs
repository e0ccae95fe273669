//! From the samples of a sound to what a model reads, as the feature extractor of its checkpoint does:
//! normalised samples, or a mel spectrogram.

mod mel;

use crate::error::{Error, Result};
use crate::hub::{Need, Progress};
use crate::json;
use crate::source::Files;
use mel::MelSpectrogram;
use serde_json::Value;
use stratoscope_transformer::{Architecture, Features, Frames, Sequence, Source};

/// What turns samples into features, as `preprocessor_config.json` says.
#[derive(Debug, Clone)]
pub struct SoundProcessor {
    rate: u32,
    kind: Kind,
    architecture: Architecture,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The samples: with mean 0 and variance 1, if they are normalised.
    Samples { normalised: bool },
    /// A mel spectrogram of a fixed length: shorter sounds are padded.
    Mel(Box<MelSpectrogram>),
}

/// A sound as a model reads it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProcessedSound {
    /// The input of the model.
    pub sequence: Sequence,
    /// The number of frames, as rows of the states.
    pub frames: usize,
    /// The time from one frame to the next, in seconds.
    pub seconds_per_frame: f64,
    /// The number of frames that begin within the sound; those after them are padding.
    pub heard: usize,
    /// The samples at the end that the model does not read, because the sound is too long for it.
    pub cut: usize,
}

/// The rate of a feature extractor whose file does not name one.
const RATE: u32 = 16_000;
/// More samples than a model reads at a time.
const MAX_SAMPLES: usize = 1 << 26;

/// The file of settings, and the file that has them in newer checkpoints, under a key of its own.
const FILE: &str = "preprocessor_config.json";
const NESTED: (&str, &str) = ("processor_config.json", "feature_extractor");

/// The processor of a checkpoint.
///
/// # Errors
/// Files that are missing, or settings that are not supported.
pub(crate) fn read(
    files: &mut Files,
    architecture: &Architecture,
    progress: &mut dyn Progress,
) -> Result<SoundProcessor> {
    files.fetch(&[NESTED.0, FILE], Need::Optional, progress)?;
    let parse = |file: &str, bytes: &[u8]| json::read(file, bytes, &mut Vec::new());
    if let Some(bytes) = files.find(NESTED.0)?
        && let Some(settings) = parse(NESTED.0, &bytes)?.get(NESTED.1)
    {
        return SoundProcessor::read(NESTED.0, settings, architecture);
    }
    let settings = parse(FILE, &files.need(FILE, "; it says how the model reads sound")?)?;
    SoundProcessor::read(FILE, &settings, architecture)
}

impl SoundProcessor {
    /// Reads the settings of a feature extractor, which are in a file.
    ///
    /// # Errors
    /// [`Error::Config`] for a feature extractor or a setting that is not supported.
    fn read(file: &str, settings: &Value, architecture: &Architecture) -> Result<Self> {
        let settings = Settings { file, settings };
        let Source::Frames(frames) = &architecture.embedding.source else {
            let reason = "the model does not read sound";
            return Err(settings.wrong("feature_extractor_type", reason));
        };
        const TYPE: &str = "feature_extractor_type";
        let rate = settings.size("sampling_rate", RATE as usize)?;
        let rate = u32::try_from(rate).ok().filter(|rate| (1000..=192_000).contains(rate));
        let rate = rate.ok_or_else(|| settings.wrong("sampling_rate", "1000 to 192000"))?;
        let named = settings.get(TYPE).and_then(Value::as_str);
        // Files of older versions have no type.
        let expected = if frames.width == 1 { WAVES } else { MEL };
        let kind = match named.unwrap_or(expected) {
            WAVES if frames.width == 1 => {
                let size = settings.size("feature_size", 1)?;
                if size != 1 {
                    return Err(settings.wrong("feature_size", "1 is expected"));
                }
                Kind::Samples { normalised: settings.flag("do_normalize", true)? }
            }
            MEL if frames.width > 1 => Kind::Mel(Box::new(settings.mel(rate, frames)?)),
            _ => return Err(settings.wrong(TYPE, &format!("{expected} is expected"))),
        };
        Ok(Self { rate, kind, architecture: architecture.clone() })
    }

    /// The rate of the samples that it reads, in samples per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The longest sound that the model reads, in samples; none if it reads sounds of any length.
    pub fn longest(&self) -> Option<usize> {
        match &self.kind {
            Kind::Samples { .. } => None,
            Kind::Mel(mel) => Some(mel.samples()),
        }
    }

    /// The features of mono samples at the rate of this processor.
    ///
    /// # Errors
    /// [`Error::Sound`] for samples that are not finite, or too few for one frame.
    pub fn process(&self, samples: &[f32]) -> Result<ProcessedSound> {
        let fail = |reason: String| Err(Error::Sound { reason });
        let Source::Frames(frames) = &self.architecture.embedding.source else {
            return fail("the model does not read sound".to_owned());
        };
        if let Some(place) = samples.iter().position(|sample| !sample.is_finite()) {
            return fail(format!("sample {place} is {}", samples[place]));
        }
        let longest = self.longest().unwrap_or(MAX_SAMPLES);
        let heard = &samples[..samples.len().min(longest)];
        let (values, hop) = match &self.kind {
            Kind::Samples { normalised: true } => (normalised(heard), 1),
            Kind::Samples { normalised: false } => (heard.to_vec(), 1),
            Kind::Mel(_) if heard.is_empty() => return fail("it has no samples".to_owned()),
            Kind::Mel(mel) => (mel.of(heard), mel.hop()),
        };
        let features = Features::new(&self.architecture, values.into(), frames.width, None);
        if features.tokens == 0 {
            let needed = frames.needed(1);
            return fail(format!("{} samples; one frame needs {needed}", samples.len()));
        }
        let count = features.tokens;
        let stride = frames.stride() * hop;
        let begun = match self.kind {
            Kind::Samples { .. } => count,
            Kind::Mel(_) => heard.len().div_ceil(stride).min(count),
        };
        Ok(ProcessedSound {
            sequence: Sequence::Features(features),
            frames: count,
            seconds_per_frame: stride as f64 / f64::from(self.rate),
            heard: begun,
            cut: samples.len() - heard.len(),
        })
    }
}

const WAVES: &str = "Wav2Vec2FeatureExtractor";
const MEL: &str = "WhisperFeatureExtractor";

/// Samples with mean 0 and variance 1.
fn normalised(samples: &[f32]) -> Vec<f32> {
    let n = samples.len().max(1) as f64;
    let wide = || samples.iter().map(|&sample| f64::from(sample));
    let mean = wide().sum::<f64>() / n;
    let variance = wide().map(|sample| (sample - mean).powi(2)).sum::<f64>() / n;
    let deviation = (variance + 1e-7).sqrt();
    wide().map(|sample| ((sample - mean) / deviation) as f32).collect()
}

/// The settings of a feature extractor, with their file.
struct Settings<'a> {
    file: &'a str,
    settings: &'a Value,
}

impl Settings<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.settings.get(key).filter(|value| !value.is_null())
    }

    /// A whole number.
    fn size(&self, key: &str, default: usize) -> Result<usize> {
        let Some(value) = self.get(key) else { return Ok(default) };
        let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| self.wrong(key, "a whole number is expected"))
    }

    /// True or false.
    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.wrong(key, "true or false is expected"))
    }

    /// The settings of a mel spectrogram.
    fn mel(&self, rate: u32, frames: &Frames) -> Result<MelSpectrogram> {
        let within = |key: &str, default: usize, most: usize| -> Result<usize> {
            let size = self.size(key, default)?;
            match (1..=most).contains(&size) {
                true => Ok(size),
                false => Err(self.wrong(key, &format!("1 to {most}"))),
            }
        };
        let bands = within("feature_size", 80, 1 << 12)?;
        if bands != frames.width {
            let reason = format!("the model reads {} mel bands", frames.width);
            return Err(self.wrong("feature_size", &reason));
        }
        let window = within("n_fft", 400, 1 << 14)?;
        let hop = within("hop_length", 160, window)?;
        let samples = within("chunk_length", 30, 600)? * rate as usize;
        if samples <= window {
            return Err(self.wrong("chunk_length", "it is shorter than one window (n_fft)"));
        }
        // Noise that is added to the samples.
        if self.get("dither").is_some_and(|dither| dither.as_f64() != Some(0.0)) {
            return Err(self.wrong("dither", "only 0.0 is supported"));
        }
        Ok(MelSpectrogram::new(rate, bands, window, hop, samples))
    }

    /// An error about the value of a key.
    fn wrong(&self, key: &str, reason: &str) -> Error {
        let value = self.get(key).map_or("missing".to_owned(), Value::to_string);
        let value = value.chars().take(80).collect();
        let (file, reason) = (self.file.to_owned(), reason.to_owned());
        Error::Config { file, key: key.to_owned(), value, reason }
    }
}
