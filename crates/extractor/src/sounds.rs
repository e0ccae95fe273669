//! Sounds: from a file to the samples that a model's processor reads, and to a picture.

mod decode;
mod resample;
mod spectrogram;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::open::read_limited;
pub(crate) use resample::resampled;
pub(crate) use spectrogram::spectrogram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stratoscope_loader::path_text;

/// The largest file of a sound.
const MAX_BYTES: u64 = 512 << 20;
/// The longest sound, in seconds. The attention of a model grows with the square of the length.
const MAX_SECONDS: usize = 600;

/// Extensions of the files of a folder that are read as sounds, in lower case.
const EXTENSIONS: [&str; 3] = ["wav", "wave", "flac"];

/// A sound, and its name.
#[derive(Debug, Clone)]
pub struct Sound {
    /// The name in results: the name of its file.
    name: String,
    /// The name in messages: the path of its file.
    place: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// The bytes of a file, which are decoded when the sound is prepared.
    File(Arc<[u8]>),
    /// Samples, and their bytes.
    Waveform(Arc<Waveform>, Arc<[u8]>),
}

/// The samples of a sound: one channel, from -1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Waveform {
    /// The samples.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate: u32,
}

impl Waveform {
    /// The length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}

impl Sound {
    /// A sound of samples.
    pub fn new(name: impl Into<String>, waveform: Waveform) -> Self {
        let name = name.into();
        let values = waveform.samples.iter().flat_map(|sample| sample.to_le_bytes());
        let bytes = waveform.rate.to_le_bytes().into_iter().chain(values).collect();
        Self { place: name.clone(), name, content: Content::Waveform(Arc::new(waveform), bytes) }
    }

    /// Reads a WAV or FLAC file. It is decoded when it is prepared for a model.
    ///
    /// # Errors
    /// A file that cannot be read, or is larger than 512 MiB.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_limited(path, MAX_BYTES)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = path_text(name.as_ref());
        Ok(Self { name, place: path_text(path), content: Content::File(bytes.into()) })
    }

    /// The name in results.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name in messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The samples: of several channels the mean.
    ///
    /// # Errors
    /// [`Error::Sound`] for a file of another kind, a damaged file, an encoding that is not supported, and
    /// more than ten minutes.
    pub fn waveform(&self) -> Result<Arc<Waveform>> {
        let wrong = |reason| Error::Sound { place: self.place.clone(), reason };
        match &self.content {
            Content::Waveform(waveform, _) => {
                check(waveform.samples.len(), waveform.rate).map_err(wrong)?;
                Ok(waveform.clone())
            }
            Content::File(bytes) => decode::decode(bytes).map(Arc::new).map_err(wrong),
        }
    }

    /// The bytes that determine the samples.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::File(bytes) | Content::Waveform(_, bytes) => bytes,
        }
    }
}

/// Refuses a sound that is empty or too long, or whose rate no sound has; the error is the reason.
fn check(samples: usize, rate: u32) -> Result<(), String> {
    if !(1000..=768_000).contains(&rate) {
        return Err(format!("{rate} samples per second; 1000 to 768000 are supported"));
    }
    if samples == 0 {
        return Err("it has no samples".to_owned());
    }
    let seconds = samples / rate as usize;
    match seconds >= MAX_SECONDS {
        true => Err(format!("it is {seconds} s long, and the maximum is {MAX_SECONDS} s")),
        false => Ok(()),
    }
}

/// The sounds of a folder, by the extensions of their names (`wav`, `wave`, `flac`), in the order of the
/// names. Files in folders within it are not read.
///
/// # Errors
/// A folder that cannot be read, or without a sound.
pub fn sound_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if EXTENSIONS.contains(&extension.as_str()) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Error::NoSound { path: folder.to_owned() }),
        false => Ok(files),
    }
}
