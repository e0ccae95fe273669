//! WAV and FLAC files to samples of one channel, within limits.

use super::{MAX_SECONDS, Waveform, check};
use claxon::{FlacReader, FlacReaderOptions};
use std::io::Cursor;
use stratoscope_loader::panics;

/// The samples of a file; the error is the reason in words.
pub(super) fn decode(bytes: &[u8]) -> Result<Waveform, String> {
    let waveform = match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', chunks @ ..] => wav(chunks)?,
        [b'f', b'L', b'a', b'C', ..] => match panics::caught(|| flac(bytes)) {
            Ok(decoded) => decoded?,
            Err(panic) => return Err(format!("it is damaged: {panic}")),
        },
        _ => return Err(format!("it is not a WAV or FLAC file, but {}", kind(bytes))),
    };
    check(waveform.samples.len(), waveform.rate)?;
    match waveform.samples.iter().position(|sample| !sample.is_finite()) {
        Some(place) => Err(format!("sample {place} is {}", waveform.samples[place])),
        None => Ok(waveform),
    }
}

/// What a file of another kind is, in words.
fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => "an MP3 file; save it as WAV or FLAC",
        [b'O', b'g', b'g', b'S', ..] => "an Ogg file; save it as WAV or FLAC",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            "an M4A file, or a video; save its sound as WAV or FLAC"
        }
        [b'F', b'O', b'R', b'M', ..] => "an AIFF file; save it as WAV or FLAC",
        [b'R', b'F', b'6', b'4', ..] => "an RF64 file; save it as WAV or FLAC",
        _ => "a file of another kind",
    }
}

/// How the samples of a WAV file are stored.
struct Stored {
    format: u16,
    channels: usize,
    rate: u32,
    bits: u16,
}

/// The format of plain numbers, and of floats.
const NUMBERS: u16 = 1;
const FLOATS: u16 = 3;
/// The format is in an extension.
const EXTENSIBLE: u16 = 0xfffe;

/// The chunks of a WAV file.
fn wav(mut rest: &[u8]) -> Result<Waveform, String> {
    let mut stored = None;
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let (id, size) = (&head[..4], u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        let whole = body.get(..size as usize);
        match (id, whole) {
            (b"fmt ", Some(fields)) => stored = Some(format(fields)?),
            (b"data", whole) => {
                let Some(stored) = stored else {
                    return Err("its samples come before their format".to_owned());
                };
                // A program that writes into a pipe does not know the size.
                let own = match (size, whole) {
                    (0 | u32::MAX, _) => body,
                    (_, Some(own)) => own,
                    (_, None) => return Err("it ends within its samples".to_owned()),
                };
                return samples(own, &stored);
            }
            (_, None) => break,
            _ => {}
        }
        // Chunks begin at even places.
        let next = (size as usize).next_multiple_of(2).min(body.len());
        rest = &body[next..];
    }
    Err("it has no samples".to_owned())
}

/// The fields of the chunk `fmt `.
fn format(fields: &[u8]) -> Result<Stored, String> {
    let short = |at: usize| match fields.get(at..at + 2) {
        Some(&[low, high]) => Ok(u16::from_le_bytes([low, high])),
        _ => Err("the description of its samples is too short".to_owned()),
    };
    let (low, high) = (short(4)?, short(6)?);
    let mut format = short(0)?;
    if format == EXTENSIBLE {
        format = short(24)?;
    }
    let channels = usize::from(short(2)?);
    if !(1..=64).contains(&channels) {
        return Err(format!("it has {channels} channels; 1 to 64 are supported"));
    }
    let rate = u32::from(high) << 16 | u32::from(low);
    let bits = short(14)?;
    match (format, bits) {
        (NUMBERS, 8 | 16 | 24 | 32) | (FLOATS, 32 | 64) => {
            Ok(Stored { format, channels, rate, bits })
        }
        _ => Err(format!(
            "its encoding (format {format}, {bits} bits) is not supported: save it with PCM or floats"
        )),
    }
}

/// Stored samples as numbers from -1 to 1.
fn samples(bytes: &[u8], stored: &Stored) -> Result<Waveform, String> {
    let size = usize::from(stored.bits / 8);
    let frame = size * stored.channels;
    check(bytes.len() / frame, stored.rate)?;
    let value = |b: &[u8]| -> f64 {
        match (stored.format, b) {
            (FLOATS, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
            (FLOATS, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            (_, &[one]) => (f64::from(one) - 128.0) / 128.0,
            (_, &[a, b]) => f64::from(i16::from_le_bytes([a, b])) / 32_768.0,
            (_, &[a, b, c]) => f64::from(i32::from_le_bytes([0, a, b, c])) / 2_147_483_648.0,
            (_, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])) / 2_147_483_648.0,
            _ => 0.0,
        }
    };
    let mean = |frame: &[u8]| {
        (frame.chunks_exact(size).map(value).sum::<f64>() / stored.channels as f64) as f32
    };
    Ok(Waveform { samples: bytes.chunks_exact(frame).map(mean).collect(), rate: stored.rate })
}

/// The samples of a FLAC file.
fn flac(bytes: &[u8]) -> Result<Waveform, String> {
    let damaged = |error: claxon::Error| format!("it is damaged: {error}");
    let options = FlacReaderOptions { metadata_only: false, read_vorbis_comment: false };
    let mut reader = FlacReader::new_ext(Cursor::new(bytes), options).map_err(damaged)?;
    let about = reader.streaminfo();
    let (channels, rate) = (about.channels.max(1) as usize, about.sample_rate);
    if let Some(known) = about.samples.and_then(|known| usize::try_from(known).ok()) {
        check(known.max(1), rate)?;
    }
    let most = MAX_SECONDS.saturating_mul(rate as usize).saturating_add(1);
    let largest = (1u64 << (about.bits_per_sample.clamp(4, 32) - 1)) as f64;
    let mut samples = Vec::new();
    let (mut sum, mut seen) = (0.0, 0);
    for sample in reader.samples() {
        sum += f64::from(sample.map_err(damaged)?);
        seen += 1;
        if seen == channels {
            samples.push((sum / (channels as f64 * largest)) as f32);
            (sum, seen) = (0.0, 0);
            if samples.len() > most {
                break;
            }
        }
    }
    Ok(Waveform { samples, rate })
}
