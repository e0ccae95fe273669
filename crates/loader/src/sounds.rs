//! From the samples of a sound to what a model reads, as the feature extractor of its checkpoint does:
//! normalised samples, or a mel spectrogram.

mod mel;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::hub::{Need, Progress};
use crate::json;
use crate::source::Files;
use mel::MelSpectrogram;
use serde_json::Value;
use stratoscope_transformer::{Architecture, Features, Sequence, Source};

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
const RATE: usize = 16_000;
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
        return SoundProcessor::of(&Config::of_file(NESTED.0, settings.clone())?, architecture);
    }
    let settings = parse(FILE, &files.need(FILE, "; it says how the model reads sound")?)?;
    SoundProcessor::of(&Config::of_file(FILE, settings)?, architecture)
}

impl SoundProcessor {
    /// Reads the settings of a feature extractor.
    ///
    /// # Errors
    /// [`Error::Config`] for a feature extractor or a setting that is not supported.
    fn of(settings: &Config, architecture: &Architecture) -> Result<Self> {
        const TYPE: &str = "feature_extractor_type";
        let wrong = |key: &str, reason: &str| {
            settings.error(key, settings.get(key).unwrap_or(&Value::Null), reason)
        };
        let Source::Frames(frames) = &architecture.embedding.source else {
            return Err(wrong(TYPE, "the model does not read sound"));
        };
        const RATES: std::ops::RangeInclusive<usize> = 1000..=192_000;
        let rate = settings.size(&["sampling_rate"], RATE)?;
        if !RATES.contains(&rate) {
            return Err(wrong("sampling_rate", "1000 to 192000 is supported"));
        }
        // Files of older versions have no type.
        let expected = if frames.width == 1 { WAVES } else { MEL };
        if settings.optional_text(TYPE)?.is_some_and(|named| named != expected) {
            return Err(wrong(TYPE, &format!("{expected} is expected")));
        }
        settings.only("feature_size", frames.width.into())?;
        let kind = match frames.width {
            1 => Kind::Samples { normalised: settings.flag("do_normalize", true)? },
            bands => {
                let within = |key: &str, default: usize, most: usize| -> Result<usize> {
                    let size = settings.size(&[key], default)?;
                    match (1..=most).contains(&size) {
                        true => Ok(size),
                        false => Err(wrong(key, &format!("1 to {most} is supported"))),
                    }
                };
                let window = within("n_fft", 400, 1 << 14)?;
                let hop = within("hop_length", 160, window)?;
                let samples = within("chunk_length", 30, 600)? * rate;
                if samples <= window {
                    return Err(wrong("chunk_length", "it is shorter than one window (n_fft)"));
                }
                // Noise that is added to the samples.
                settings.only("dither", 0.0.into())?;
                Kind::Mel(Box::new(MelSpectrogram::new(rate as f64, bands, window, hop, samples)))
            }
        };
        Ok(Self { rate: rate as u32, kind, architecture: architecture.clone() })
    }

    /// The rate of the samples that it reads, in samples per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The time from one frame to the next, in seconds.
    pub fn seconds_per_frame(&self) -> f64 {
        let stride = match &self.architecture.embedding.source {
            Source::Frames(frames) => frames.stride(),
            _ => 1,
        };
        let hop = match &self.kind {
            Kind::Samples { .. } => 1,
            Kind::Mel(mel) => mel.hop(),
        };
        (stride * hop) as f64 / f64::from(self.rate)
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
            seconds_per_frame: self.seconds_per_frame(),
            heard: begun,
            cut: samples.len() - heard.len(),
        })
    }
}

const WAVES: &str = "Wav2Vec2FeatureExtractor";
const MEL: &str = "WhisperFeatureExtractor";

impl std::fmt::Display for SoundProcessor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} samples per second, ", self.rate)?;
        match &self.kind {
            Kind::Samples { normalised: true } => f.write_str("normalised")?,
            Kind::Samples { normalised: false } => f.write_str("as they are")?,
            Kind::Mel(mel) => {
                let seconds = mel.samples() as f64 / f64::from(self.rate);
                write!(f, "mel spectrograms of {seconds} s")?;
            }
        }
        write!(f, "; {} ms per frame", self.seconds_per_frame() * 1e3)
    }
}

/// The mel spectrogram of a sound for a picture, `[windows, bands]`: windows of 25 ms, with the logarithm
/// of the power in each band up to 8000 Hz, within 2 of the largest (a unit is 40 dB). Also the seconds
/// from one window to the next.
pub fn mel_spectrogram(samples: &[f32], rate: u32, bands: usize) -> (Vec<f32>, f64) {
    let (window, hop) = ((rate as usize / 40).max(2), (rate as usize / 100).max(1));
    let length = samples.len().max(window + 1);
    let mel = MelSpectrogram::new(f64::from(rate), bands, window, hop, length);
    (mel.of(samples), hop as f64 / f64::from(rate.max(1)))
}

/// Samples with mean 0 and variance 1.
fn normalised(samples: &[f32]) -> Vec<f32> {
    let n = samples.len().max(1) as f64;
    let wide = || samples.iter().map(|&sample| f64::from(sample));
    let mean = wide().sum::<f64>() / n;
    let variance = wide().map(|sample| (sample - mean).powi(2)).sum::<f64>() / n;
    let deviation = (variance + 1e-7).sqrt();
    wide().map(|sample| ((sample - mean) / deviation) as f32).collect()
}
