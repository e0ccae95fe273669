//! The states of the words of a bank: their definition, and what is stored of them.

use crate::fixtures::bundled;
use ndarray::{Array2, Axis};
use std::path::{Path, PathBuf};
use stratoscope::bank::{Bank, BankStates};
use stratoscope::{DiskStore, Explorer, Unit};
use stratoscope_loader::Pooling;

/// Sentences with `form/UPOS/relation/Supersense` for each word.
pub(crate) fn conllu(sentences: &[&str]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        for (index, word) in sentence.split(' ').enumerate() {
            let parts: Vec<&str> = word.split('/').collect();
            let [form, upos, relation, supersense] = parts[..] else { panic!("{word}") };
            let head = usize::from(index > 0);
            let relation = if head == 0 { "root" } else { relation };
            let misc = match supersense {
                "_" => "_".to_owned(),
                of => format!("Supersense={of}"),
            };
            let id = index + 1;
            let lemma = form.to_lowercase();
            text +=
                &format!("{id}\t{form}\t{lemma}\t{upos}\t_\t_\t{head}\t{relation}\t_\t{misc}\n");
        }
        text.push('\n');
    }
    text
}

const TOY: [&str; 4] = [
    "Banks/NOUN/nsubj/n.GROUP refused/VERB/root/v.social the/DET/det/_ loan/NOUN/obj/n.POSSESSION",
    "The/DET/det/_ river/NOUN/nsubj/n.NATURALOBJECT flooded/VERB/x/v.change quickly/ADV/advmod/_",
    "Unbelievably/ADV/advmod/_ warm/ADJ/amod/_ springs/NOUN/nsubj:pass/n.TIME came/VERB/x/v.motion",
    "He/PRON/nsubj/_ walked/VERB/root/v.motion along/ADP/case/_ the/DET/det/_ river/NOUN/obl/_",
];

fn toy(folder: &Path) -> Bank {
    let path = folder.join("toy.conllu");
    std::fs::write(&path, conllu(&TOY)).unwrap();
    Bank::read(&[path]).unwrap()
}

fn with_store(folder: &Path) -> Explorer {
    let store = DiskStore::new(folder.join("store"));
    Explorer::builder(bundled()).store(store).open().unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("store/banks")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn words_are_standardised_means_of_their_tokens() {
    let place = tempfile::tempdir().unwrap();
    let (bank, explorer) = (toy(place.path()), Explorer::open(bundled()).unwrap());
    let states = explorer.bank_states(&bank).unwrap();
    let forms: Vec<&str> = states.words.iter().map(|word| word.form.as_str()).collect();
    let content = "Banks refused loan river flooded quickly Unbelievably warm springs came walked";
    assert_eq!(forms.join(" "), format!("{content} river"));
    assert_eq!((states.bank.sentences, states.bank.words, states.bank.on_sinks), (4, 17, 0));
    let springs = &states.words[8];
    assert_eq!((springs.sentence, springs.word, springs.lemma.as_str()), (2, 2, "springs"));
    assert_eq!(springs.relation.as_deref(), Some("nsubj"));
    assert_eq!(springs.supersense.as_deref(), Some("n.TIME"));
    // [CLS] is before the first word, and "Unbelievably" has several tokens.
    assert_eq!(states.words[0].position, 1);
    assert!(states.words[7].position > 2);

    let texts: Vec<_> = bank.sentences.iter().map(|s| s.text.clone()).collect();
    let all = explorer.extract(&texts).unwrap().pooled(Unit::Word, Pooling::Mean).unwrap();
    let content: Vec<usize> = (0..all.rows.len())
        .filter(|&row| {
            let row = &all.rows[row];
            states
                .words
                .iter()
                .any(|word| (word.sentence, Some(word.word as u32)) == (row.sequence, row.word_id))
        })
        .collect();
    for layer in 0..states.n_layers() {
        let values = all.layer(layer).mapv(f64::from);
        let mean = values.mean_axis(Axis(0)).unwrap();
        let deviation = values.std_axis(Axis(0), 0.0);
        let standard: Array2<f64> = (&values - &mean) / &deviation;
        let expected = standard.select(Axis(0), &content);
        let found = states.layer(layer).mapv(f64::from);
        assert_eq!(found.dim(), expected.dim());
        let worst = (&found - &expected).mapv(f64::abs).into_iter().fold(0.0, f64::max);
        assert!(worst < 4e-3, "layer {layer}: {worst}");
    }
}

#[test]
fn stored_states_equal_computed_ones_and_damaged_ones_are_computed_anew() {
    let place = tempfile::tempdir().unwrap();
    let (bank, explorer) = (toy(place.path()), with_store(place.path()));
    assert_eq!(explorer.stored_bank_states(&bank), None);
    let computed = explorer.bank_states(&bank).unwrap();
    let stored = explorer.stored_bank_states(&bank);
    assert_eq!(stored.as_ref(), Some(&computed));
    let [file] = &files(place.path())[..] else { panic!() };
    let bytes = std::fs::read(file).unwrap();
    // A byte of the vectors, a byte of the metadata, a part of the file, and no file.
    let flipped = |at: usize| {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        damaged
    };
    let end = bytes.len();
    for damaged in [flipped(end - 1), flipped(end / 2), flipped(40), bytes[..end - 9].to_vec()] {
        std::fs::write(file, &damaged).unwrap();
        assert_eq!(explorer.stored_bank_states(&bank), None);
        assert_eq!(explorer.bank_states(&bank).unwrap(), computed);
        assert_eq!(std::fs::read(file).unwrap(), bytes);
    }
    // Another bank has its own states.
    let other = place.path().join("other.conllu");
    std::fs::write(&other, conllu(&TOY[..2])).unwrap();
    let other = Bank::read(&[other]).unwrap();
    assert_eq!(explorer.stored_bank_states(&other), None);
    std::fs::copy(file, file.with_file_name("x")).unwrap();
    explorer.bank_states(&other).unwrap();
    let own = files(place.path()).into_iter().find(|f| f != file && !f.ends_with("x")).unwrap();
    // The file of another bank under this name is of no use.
    std::fs::copy(file, &own).unwrap();
    assert_eq!(explorer.stored_bank_states(&other), None);
}

#[test]
fn random_weights_are_never_stored() {
    let place = tempfile::tempdir().unwrap();
    let bank = toy(place.path());
    let random = with_store(place.path()).with_random_weights(0).unwrap();
    let states: BankStates = random.bank_states(&bank).unwrap();
    assert_eq!(states.words.len(), 12);
    assert_eq!(random.stored_bank_states(&bank), None);
    assert!(files(place.path()).is_empty());
}

#[test]
fn a_bank_needs_parts_of_speech() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bare.conllu");
    std::fs::write(&path, conllu(&["Banks/_/nsubj/_ refuse/_/root/_"])).unwrap();
    let explorer = Explorer::open(bundled()).unwrap();
    let error = explorer.bank_states(&Bank::read(&[path]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("bare.conllu has no noun") && error.contains("UPOS"), "{error}");
}
