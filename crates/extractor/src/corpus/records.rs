//! The texts or images of a corpus in order: all of them, or a sample.

use super::read::TextReader;
use super::settings::{Corpus, CorpusSettings};
use crate::error::Result;
use crate::images::Image;
use crate::input::Text;
use crate::media::Input;
use crate::sounds::Sound;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use std::path::PathBuf;

/// Reads the inputs one by one.
pub(crate) struct Records<'a> {
    source: Source<'a>,
    sample: Option<Sample>,
}

enum Source<'a> {
    File(Box<TextReader>),
    Texts(std::slice::Iter<'a, Text>),
    Images(std::slice::Iter<'a, PathBuf>),
    Sounds(std::slice::Iter<'a, PathBuf>),
}

impl<'a> Records<'a> {
    /// Opens a corpus. For a sample, the inputs are counted first.
    pub(crate) fn open(corpus: &'a Corpus, settings: &CorpusSettings) -> Result<Self> {
        let open = || -> Result<Source<'a>> {
            Ok(match corpus {
                Corpus::File { path, options } => {
                    Source::File(Box::new(TextReader::open(path, options)?))
                }
                Corpus::Texts { texts, .. } => Source::Texts(texts.iter()),
                Corpus::Images { files, .. } => Source::Images(files.iter()),
                Corpus::Sounds { files, .. } => Source::Sounds(files.iter()),
            })
        };
        let sample = match settings.sample {
            None => None,
            Some(wanted) => {
                let (mut source, mut texts) = (open()?, 0);
                while source.skip()? {
                    texts += 1;
                }
                Some(Sample::new(wanted as u64, texts, settings.seed))
            }
        };
        Ok(Self { source: open()?, sample })
    }

    /// The next input; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Input>> {
        loop {
            let Some(sample) = &mut self.sample else { return self.source.next() };
            if sample.wanted == 0 {
                return Ok(None);
            }
            if sample.takes() {
                return self.source.next();
            }
            if !self.source.skip()? {
                return Ok(None);
            }
        }
    }

    /// The sha256 of the file that was read, without later changes; none for other corpora.
    pub(crate) fn sha256(&mut self) -> Result<Option<String>> {
        match &mut self.source {
            Source::File(reader) => reader.sha256().map(Some),
            Source::Texts(_) | Source::Images(_) | Source::Sounds(_) => Ok(None),
        }
    }

    /// The first line, if it has names of columns and was skipped.
    pub(crate) fn header(&self) -> Option<&str> {
        match &self.source {
            Source::File(reader) => reader.header(),
            Source::Texts(_) | Source::Images(_) | Source::Sounds(_) => None,
        }
    }

    /// The number of skipped blank lines so far.
    pub(crate) fn blank_lines(&self) -> usize {
        match &self.source {
            Source::File(reader) => reader.blank_lines(),
            Source::Texts(_) | Source::Images(_) | Source::Sounds(_) => 0,
        }
    }
}

impl Source<'_> {
    fn next(&mut self) -> Result<Option<Input>> {
        Ok(match self {
            Self::File(reader) => reader.read()?.map(Input::Text),
            Self::Texts(texts) => texts.next().cloned().map(Input::Text),
            Self::Images(files) => {
                let image = files.next().map(|path| Image::read(path)).transpose()?;
                image.map(Input::Image)
            }
            Self::Sounds(files) => {
                let sound = files.next().map(|path| Sound::read(path)).transpose()?;
                sound.map(Input::Sound)
            }
        })
    }

    /// Passes over the next input; false at the end.
    fn skip(&mut self) -> Result<bool> {
        Ok(match self {
            Self::File(reader) => reader.read()?.is_some(),
            Self::Texts(texts) => texts.next().is_some(),
            Self::Images(files) | Self::Sounds(files) => files.next().is_some(),
        })
    }
}

/// A sample without replacement that keeps the order: each text is taken with probability (texts still
/// wanted) / (texts left) (selection sampling, Knuth, The Art of Computer Programming 2, algorithm
/// 3.4.2S). The same seed gives the same sample.
struct Sample {
    wanted: u64,
    left: u64,
    random: Xoshiro256PlusPlus,
}

impl Sample {
    fn new(wanted: u64, left: u64, seed: u64) -> Self {
        Self { wanted: wanted.min(left), left, random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    fn takes(&mut self) -> bool {
        // A random number below `left`: the high half of a product.
        let below = (u128::from(self.random.next_u64()) * u128::from(self.left)) >> 64;
        let takes = below < u128::from(self.wanted);
        self.left = self.left.saturating_sub(1);
        self.wanted -= u64::from(takes);
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(wanted: u64, of: u64, seed: u64) -> Vec<u64> {
        let mut sample = Sample::new(wanted, of, seed);
        (0..of).filter(|_| sample.wanted > 0 && sample.takes()).collect()
    }

    #[test]
    fn a_sample_has_its_size_and_favours_none() {
        assert_eq!(drawn(5, 5, 0), [0, 1, 2, 3, 4]);
        assert_eq!(drawn(9, 3, 0), [0, 1, 2]);
        assert!(drawn(0, 3, 0).is_empty());
        let mut counts = [0u32; 10];
        for seed in 0..3000 {
            let sample = drawn(3, 10, seed);
            assert_eq!(sample.len(), 3);
            sample.iter().for_each(|&i| counts[i as usize] += 1);
        }
        // 900 each, with a standard deviation of 25.
        assert!(counts.iter().all(|c| (800..1000).contains(c)), "{counts:?}");
        assert_eq!(drawn(3, 10, 7), drawn(3, 10, 7));
    }
}
