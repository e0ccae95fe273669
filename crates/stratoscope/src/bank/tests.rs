//! The bank: planted states, the targets of the homographs, and which forms are content words.

use super::*;

/// States with planted vectors, `[layers][words][d_model]`, that are standardised already. The words of
/// all sentences are content words, `form` or `form/supersense`, or function words in brackets.
pub(crate) fn planted(sentences: &[&str], planted: &[Vec<[f32; 3]>]) -> BankStates {
    let mut text = String::new();
    for sentence in sentences {
        for (index, word) in sentence.split(' ').enumerate() {
            let (word, upos) = match word.strip_prefix('[').and_then(|w| w.strip_suffix(']')) {
                Some(word) => (word, "DET"),
                None => (word, "NOUN"),
            };
            let (form, supersense) = match word.split_once('/') {
                Some((form, supersense)) => (form, format!("Supersense={supersense}")),
                None => (word, "_".to_owned()),
            };
            let lemma = form.to_lowercase();
            let (id, head) = (index + 1, usize::from(index > 0));
            let relation = if head == 0 { "root" } else { "obj:x" };
            text += &format!(
                "{id}\t{form}\t{lemma}\t{upos}\t_\t_\t{head}\t{relation}\t_\t{supersense}\n"
            );
        }
        text.push('\n');
    }
    let sentences = parse_annotated(text.as_bytes(), "planted").unwrap();
    let mut words = Vec::new();
    for (number, sentence) in sentences.iter().enumerate() {
        for (index, word) in sentence.words.iter().enumerate() {
            if is_content(word.upos.as_deref()) {
                words.push(BankWord::of(number, index, index + 1, word));
            }
        }
    }
    let rows = words.len();
    let values: Vec<f32> = planted.iter().flatten().flatten().copied().collect();
    let mut halves = vec![0; 2 * values.len()];
    vectors::round(&values, &mut halves);
    let n_layers = planted.len() - 1;
    let weights = vec!["0".repeat(64)];
    let origin = serde_json::json!({
        "model": "planted", "revision": null, "family": "planted", "weights": weights,
        "states": "0".repeat(64),
        "n_layers": n_layers,
    });
    BankStates {
        origin: serde_json::from_value(origin).unwrap(),
        bank: BankSummary {
            name: "planted".to_owned(),
            sha256: String::new(),
            sentences: sentences.len(),
            words: rows,
            content_words: rows,
            on_sinks: 0,
        },
        words,
        stimuli: Vec::new(),
        sentences,
        means: Array2::zeros((planted.len(), 3)),
        scales: Array2::ones((planted.len(), 3)),
        vectors: Vectors::new((planted.len(), rows, 3), halves, 0).unwrap(),
    }
}

#[test]
fn the_reference_bank_has_the_targets_of_the_homographs_with_their_supersenses() {
    let bank = Bank::reference().unwrap();
    assert_eq!(bank.sentences.len(), 1352);
    assert_eq!(bank.stimuli.len(), 512);
    for target in &bank.stimuli {
        let [word] = &target.words[..] else { panic!("{target:?}") };
        let place = target.text.words[0].clone();
        let form: String = target.text.text.chars().skip(place.start).take(place.len()).collect();
        assert_eq!(form, word.form);
        assert!(word.misc_value(SUPERSENSE).unwrap().starts_with("n."), "{word:?}");
    }
    let river = |s: &&AnnotatedSentence| s.text.text.contains("the bank was slowly swept away");
    let river = bank.stimuli.iter().find(river).unwrap();
    assert_eq!(river.words[0].misc_value(SUPERSENSE), Some("n.NATURALOBJECT"));
    // Every line of the file is of a sense.
    let lines = Stimuli::SUPERSENSES.lines().filter(|line| !line.starts_with('#')).count();
    let senses: usize = Stimuli::homographs().unwrap().words().iter().map(|w| w.senses.len()).sum();
    assert_eq!(lines, senses);
}

#[test]
fn a_form_is_a_content_word_if_half_of_its_occurrences_are() {
    let states = planted(&["bank [the] run", "[run] [run] [it]"], &[vec![[0.0; 3]; 2]]);
    let forms = Forms::of(&states.sentences);
    assert!(forms.is_content("bank") && forms.is_content("unheard"));
    assert!(!forms.is_content("the") && !forms.is_content("run"));
    assert!(!forms.is_content("42") && !forms.is_content("🎉"));
}
