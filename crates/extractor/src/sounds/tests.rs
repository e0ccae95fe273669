//! Sounds in every supported encoding, at other rates, and broken.

use super::*;

fn fixture(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sounds");
    place.join(name)
}

fn waveform(name: &str) -> Arc<Waveform> {
    Sound::read(&fixture(name)).unwrap().waveform().unwrap()
}

/// The largest difference, without some samples at both ends.
fn apart(a: &[f32], b: &[f32], ends: usize) -> f32 {
    let all = a.iter().zip(b).skip(ends).take(a.len().min(b.len()) - 2 * ends);
    all.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The same vowel in several encodings: the differences are those of their digits.
#[test]
fn encodings_are_the_same_sound() {
    let fine = waveform("vowel-24-bit.wav");
    assert_eq!((fine.rate, fine.samples.len()), (16_000, 3_200));
    assert!(fine.samples.iter().any(|x| *x > 0.3) && fine.samples.iter().any(|x| *x < -0.1));
    let coarse = waveform("vowel-8-bit.wav");
    assert!(apart(&fine.samples, &coarse.samples, 0) < 1.01 / 128.0);
    let narrow = waveform("vowel-8000.wav");
    assert_eq!((narrow.rate, narrow.samples.len()), (8_000, 1_600));
    // The right channel is half of the left one, so that the mean is 3/4.
    let stereo = waveform("vowel-44100-stereo.flac");
    assert_eq!((stereo.rate, stereo.samples.len()), (44_100, 8_820));
    let largest = stereo.samples.iter().fold(0.0f32, |a, x| a.max(x.abs()));
    assert!((largest - 0.375).abs() < 1e-3, "{largest}");
}

/// A tone stays what it is at another rate, and a tone above the new band is gone.
#[test]
fn tones_keep_their_frequency() {
    let tone = |hertz: f64, rate: u32| -> Vec<f32> {
        let turn = 2.0 * std::f64::consts::PI * hertz / f64::from(rate);
        (0..rate).map(|i| (turn * f64::from(i)).sin() as f32).collect()
    };
    for (from, to) in [(44_100, 16_000), (8_000, 16_000), (48_000, 16_000), (22_050, 16_000)] {
        let found = resampled(&tone(440.0, from), from, to);
        assert_eq!(found.len(), to as usize);
        let apart = apart(&found, &tone(440.0, to), 200);
        assert!(apart < 1e-4, "{from} to {to}: {apart}");
    }
    let gone = resampled(&tone(10_000.0, 44_100), 44_100, 16_000);
    assert!(apart(&gone, &vec![0.0; gone.len()], 200) < 1e-4);
    assert_eq!(resampled(&[0.5, 0.25], 16_000, 16_000), [0.5, 0.25]);
    // Without a table of factors.
    let odd = resampled(&tone(440.0, 15_991), 15_991, 16_000);
    assert!(apart(&odd, &tone(440.0, 16_000), 200) < 1e-4);
}

/// Files that cannot be read are refused with the reason, whatever their bytes.
#[test]
fn broken_files_are_refused() {
    let of = |bytes: &[u8]| decode::decode(bytes).map(|_| ()).unwrap_err();
    for (bytes, reason) in [
        (&b""[..], "an empty file"),
        (b"ID3\x04", "MP3"),
        (b"OggS", "Ogg"),
        (b"RIFF\0\0\0\0WAVE", "no samples"),
        (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", "before their format"),
        (b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0\x01\0\x01\0", "too short"),
        (b"fLaC", "damaged"),
        (b"text", "another kind"),
    ] {
        assert!(of(bytes).contains(reason), "{}: {}", bytes.escape_ascii(), of(bytes));
    }
    let wav = std::fs::read(fixture("vowel-8-bit.wav")).unwrap();
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = wav.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    assert!(of(&changed(20, &[6, 0])).contains("format 6"));
    assert!(of(&changed(22, &[0, 0])).contains("0 channels"));
    assert!(of(&changed(24, &[1, 0, 0, 0])).contains("1 samples per second"));
    assert!(of(&wav[..wav.len() - 9]).contains("ends within its samples"));
    // A size that is not known yet.
    assert!(decode::decode(&changed(40, &[0xff; 4])).is_ok());
    // No byte of a file lets a decoder panic.
    let flac = std::fs::read(fixture("vowel-44100-stereo.flac")).unwrap();
    for file in [&wav, &flac] {
        for place in (0..file.len()).step_by(61) {
            let mut bytes = file.clone();
            bytes[place] ^= 0xff;
            let _ = decode::decode(&bytes);
            let _ = decode::decode(&file[..place]);
        }
    }
    let long = Waveform { samples: vec![0.0; 601_000], rate: 1000 };
    let error = Sound::new("long", long).waveform().unwrap_err().to_string();
    assert!(error.contains("601 s") && error.contains("600 s"), "{error}");
}

/// A rising tone is a rising line.
#[test]
fn spectrograms_have_low_frequencies_at_the_bottom() {
    let rate = 16_000u32;
    let samples: Vec<f32> = (0..rate)
        .scan(0.0f64, |phase, i| {
            *phase += (200.0 + 5_000.0 * f64::from(i) / f64::from(rate)) / f64::from(rate);
            Some((phase.fract() * std::f64::consts::TAU).sin() as f32)
        })
        .collect();
    let picture = spectrogram(&samples, rate, 50, 0.02);
    let (width, height) = (picture.width as usize, picture.height as usize);
    assert_eq!(picture.rgb.len(), 3 * width * height);
    assert!(width.is_multiple_of(50) && width >= 800);
    // The loudest row of a column: red and green are largest in viridis' last colour.
    let loudest = |column: usize| {
        let light = |row: usize| u32::from(picture.rgb[3 * (row * width + column)]);
        (0..height).max_by_key(|&row| (light(row), row)).unwrap()
    };
    let rows = [loudest(width / 10), loudest(width / 2), loudest(width * 9 / 10)];
    assert!(rows[0] > rows[1] + 10 && rows[1] > rows[2] + 10, "{rows:?}");
}
