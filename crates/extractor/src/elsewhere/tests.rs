//! Tests of states from arrays.

use super::*;

/// States of so many tokens, two layers of width 2.
fn arrays(tokens: usize) -> StateArrays {
    let values = Array3::from_shape_fn((2, tokens, 2), |(l, t, d)| (l * 100 + t * 10 + d) as f32);
    StateArrays { hidden_states: values, ..StateArrays::default() }
}

fn named(tokens: &[&str], text: Option<&str>) -> StateArrays {
    StateArrays {
        tokens: Some(tokens.iter().map(|token| (*token).to_owned()).collect()),
        texts: text.map(|text| vec![text.into()]),
        ..arrays(tokens.len())
    }
}

/// The place and the label of each token; `None` for a special one.
fn places(arrays: StateArrays) -> Vec<(Option<[usize; 2]>, String)> {
    let states = arrays.activations().unwrap();
    let of = |row: Row| ((!row.special).then_some(row.char_offsets), row.label);
    states.rows.into_iter().map(of).collect()
}

fn reason(arrays: StateArrays) -> String {
    arrays.activations().unwrap_err().to_string()
}

#[test]
fn tokens_are_aligned_by_their_letters() {
    // How BERT (uncased), GPT-2 and Llama write the same text: transformers 4,
    // tokenizer.convert_ids_to_tokens.
    let text = "Über  banks 🌊!";
    let expected = [([0, 4], "Über"), ([6, 10], "bank"), ([10, 11], "##s")];
    for tokens in [
        vec!["[CLS]", "uber", "bank", "##s", "🌊", "!", "[SEP]"],
        vec!["Ãľber", "Ġ", "Ġbank", "s", "ĠðŁ", "Į", "Ĭ", "!"],
        vec![
            "<s>", "▁Über", "▁", "▁bank", "s", "▁", "<0xF0>", "<0x9F>", "<0x8C>", "<0x8A>", "!",
            "</s>",
        ],
        vec!["Über", "  ", "bank", "s", " 🌊", "!"],
    ] {
        let found = places(named(&tokens, Some(text)));
        for (place, label) in expected {
            assert!(found.contains(&(Some(place), label.to_owned())), "{tokens:?}: {found:?}");
        }
        assert!(found.iter().any(|(place, _)| *place == Some([12, 13])), "{tokens:?}: {found:?}");
        assert!(found.iter().any(|(place, _)| *place == Some([13, 14])), "{tokens:?}: {found:?}");
        let special = found.iter().filter(|(place, _)| place.is_none()).count();
        assert_eq!(special, tokens.iter().filter(|token| is_special(token)).count());
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    for (tokens, text, said) in [
        (
            vec!["the", "loan"],
            "the bank",
            "text 1: token 2 (\"loan\") does not stand in the text after \"the\"; its text goes on with \"bank\"",
        ),
        (vec!["the"], "the bank", "text 1: the text goes on after its last token: \"bank\""),
        (vec!["the", "[UNK]"], "the ☃", "token 2 (\"[UNK]\") is the unknown token"),
        (
            vec!["[CLS]", "a"],
            "[CLS] a",
            "token 1 (\"[CLS]\") looks like a special token, and stands in the text too",
        ),
    ] {
        let said_now = reason(named(&tokens, Some(text)));
        assert!(said_now.contains(said), "{said_now}");
    }
    // The mask says what is special.
    let mut given = named(&["[CLS]", "a"], Some("[CLS] a"));
    given.special = Some(vec![false, false]);
    assert_eq!(places(given)[0], (Some([0, 5]), "[CLS]".to_owned()));
}

#[test]
fn texts_are_put_together_from_tokens() {
    for (tokens, text) in [
        (vec!["[CLS]", "the", "river", "##bank", "[SEP]"], "the riverbank"),
        (vec!["The", "Ġriver", "bank"], "The riverbank"),
        (vec!["<s>", "▁The", "▁river", "bank"], "The riverbank"),
        (vec!["The", " river", "bank"], "The riverbank"),
        (vec!["the</w>", "river", "bank</w>"], "the riverbank"),
        (vec!["the", "riverbank"], "the riverbank"),
    ] {
        let states = named(&tokens, None).activations().unwrap();
        assert_eq!(states.texts[0].text, text);
        let word = states.find("riverbank");
        assert_eq!(word.len(), 1, "{tokens:?}");
    }
}

#[test]
fn offsets_come_before_letters() {
    let mut given = named(&["[CLS]", "x", "y", "[SEP]"], Some("the bank"));
    given.offsets = Some(vec![[0, 0], [0, 3], [4, 8], [0, 0]]);
    let states = given.activations().unwrap();
    let labels: Vec<&str> = states.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["[CLS]", "the", "bank", "[SEP]"]);
    assert_eq!(
        states.rows.iter().map(|row| row.special).collect::<Vec<_>>(),
        [true, false, false, true]
    );
    let words = states.pooled(Unit::Word, stratoscope_loader::Pooling::Mean).unwrap();
    assert_eq!(words.layer(1).row(1).to_vec(), [120.0, 121.0]);
    let mut outside = named(&["a"], Some("the"));
    outside.offsets = Some(vec![[0, 4]]);
    assert!(
        reason(outside)
            .contains("the offsets [0, 4] of token 1 are outside the text of 3 characters")
    );
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let with = |change: fn(&mut StateArrays)| {
        let mut given = arrays(3);
        change(&mut given);
        reason(given)
    };
    for (said, expected) in [
        (with(|a| a.token_ids = Some(vec![1, 2])), "token_ids has 2 tokens, and hidden_states 3"),
        (with(|a| a.special = Some(vec![true])), "special_tokens_mask has 1 tokens"),
        (with(|a| a.offsets = Some(vec![[0, 1], [5, 2], [0, 0]])), "token 2 ends before it begins"),
        (with(|a| a.layers = Some(vec![1])), "layers has 1 numbers for 2 layers"),
        (with(|a| a.layers = Some(vec![3, 3])), "its layers do not ascend"),
        (with(|a| a.layers = Some(vec![3, 9999])), "it holds layer 9999"),
        (
            with(|a| a.sequence_offsets = Some(vec![0, 2])),
            "sequence_offsets do not ascend from 0 to 3",
        ),
        (with(|a| a.sequence_offsets = Some(vec![0, 3, 2, 3])), "sequence_offsets do not ascend"),
        (
            with(|a| a.texts = Some(vec!["a".into(), "b".into()])),
            "there are 2 texts for 1 sequences",
        ),
        (
            with(|a| a.texts = Some(vec!["a b".into()])),
            "where its 3 tokens stand in it is not known",
        ),
        (
            with(|a| a.hidden_states[[1, 2, 0]] = f32::NAN),
            "hidden_states holds NaN in layer 1, token 2",
        ),
        (with(|a| a.hidden_states = Array3::zeros((2, 0, 2))), "hidden_states is empty"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn states_alone_are_enough() {
    let mut given = arrays(3);
    given.token_ids = Some(vec![5, 6, 7]);
    given.sequence_offsets = Some(vec![0, 1, 3]);
    let states = given.activations().unwrap();
    assert_eq!((states.texts.len(), states.rows[2].label.as_str()), (2, "#7"));
    assert_eq!(states.sequence_offsets(), [0, 1, 3]);
    assert!(states.words().is_empty() && states.origin.states.is_empty());
}
