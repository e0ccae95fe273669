//! One word in two sentences: where they begin to differ, and whether the word means the same.
//!
//! `cargo run --release -p stratoscope-examples --example 09_compare [MODEL FOLDER]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::{CompareSettings, Compared, Explorer, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let source = match std::env::args_os().nth(1) {
        Some(folder) => Source::Folder(folder.into()),
        None => {
            let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
            Source::memory(stratoscope_bundled::MODEL_ID, files)
        }
    };
    let explorer = Explorer::open(&source)?;
    let settings = CompareSettings::default();
    let (first, second) = ("The bank lent him money.", "The bank of the river flooded.");

    // Word by word, beside words of unrelated sentences.
    let sentences = explorer.compare_sentences(first, second, &settings, &mut |_| {})?;
    if let Compared::Sentences(found) = &sentences.found {
        for layer in &found.layers {
            let kept = layer.kept.map_or(0.0, |kept| kept.value);
            let place = layer.kept_percentile.unwrap_or(0.0);
            println!("layer {}: kept words {kept:.3} apart, {place:.1} %", layer.layer);
        }
        println!("they begin to differ at {:?}, most at {:?}", found.begins, found.most);
    }

    // One word, beside homographs whose senses are known.
    let texts = [first, second].map(str::to_owned);
    let word = explorer.compare_word(&texts, &["bank".to_owned()], &settings, &mut |_| {})?;
    if let Compared::Word(found) = &word.found {
        for layer in &found.layers {
            let mean = |e: Option<stratoscope::Estimate>| e.map_or(0.0, |e| e.value);
            let (same, other) = (mean(layer.same_sense), mean(layer.other_sense));
            let own = layer.similarity;
            println!("layer {}: {own:.3}; same sense {same:.3}, other {other:.3}", layer.layer);
        }
    }

    for (name, figure, _) in sentences.figures()? {
        let path = std::env::temp_dir().join(format!("stratoscope-09-{name}.svg"));
        std::fs::write(&path, figure.svg())?;
        println!("{}", path.display());
    }
    Ok(())
}
