//! The reference bank: its trees, its labels, its counts and its balance.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use stratoscope_probing::BANK;

const NOUNS: &str = "ACT ANIMAL ARTIFACT ATTRIBUTE BODY COGNITION COMMUNICATION EVENT FEELING FOOD \
                     GROUP LOCATION MOTIVE NATURALOBJECT PERSON PHENOMENON PLANT POSSESSION PROCESS \
                     QUANTITY RELATION SHAPE STATE SUBSTANCE TIME";
const VERBS: &str = "body change cognition communication competition consumption contact creation \
                     emotion motion perception possession social stative weather";
const RELATIONS: &str = "acl acl:relcl advcl advcl:relcl advmod amod appos aux aux:pass case cc cc:preconj ccomp compound \
                         compound:prt conj cop csubj csubj:pass det det:predet discourse dislocated expl fixed flat iobj mark \
                         nmod nmod:poss nmod:unmarked nsubj nsubj:outer nsubj:pass nummod obj obl obl:agent \
                         obl:unmarked parataxis punct root vocative xcomp";

struct Word<'a> {
    form: &'a str,
    lemma: &'a str,
    upos: &'a str,
    head: usize,
    relation: &'a str,
    supersense: Option<&'a str>,
    space_after: bool,
}

struct Sentence<'a> {
    id: &'a str,
    register: &'a str,
    text: &'a str,
    words: Vec<Word<'a>>,
}

fn sentences() -> Vec<Sentence<'static>> {
    let blocks = BANK.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks
        .map(|block| {
            let comment = |key: &str| {
                let line =
                    block.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(key));
                line.and_then(|rest| rest.strip_prefix(" = ")).unwrap()
            };
            let rows = block.lines().filter(|line| !line.starts_with('#'));
            let word = |(index, line): (usize, &'static str)| {
                let cells: Vec<&str> = line.split('\t').collect();
                let [id, form, lemma, upos, _, _, head, relation, _, misc] = cells[..] else {
                    panic!("{line}")
                };
                assert_eq!(id, (index + 1).to_string(), "{line}");
                Word {
                    form,
                    lemma,
                    upos,
                    head: head.parse().unwrap(),
                    relation,
                    supersense: misc.split('|').find_map(|m| m.strip_prefix("Supersense=")),
                    space_after: !misc.split('|').any(|m| m == "SpaceAfter=No"),
                }
            };
            Sentence {
                id: comment("sent_id"),
                register: comment("register"),
                text: comment("text"),
                words: rows.enumerate().map(word).collect(),
            }
        })
        .collect()
}

#[test]
fn every_sentence_is_a_labelled_tree_of_its_text() {
    let known = |list: &'static str| list.split_whitespace().collect::<HashSet<_>>();
    let (nouns, verbs, relations) = (known(NOUNS), known(VERBS), known(RELATIONS));
    for Sentence { id, text, words, .. } in sentences() {
        let mut joined = String::new();
        for word in &words {
            joined += word.form;
            joined += if word.space_after { " " } else { "" };
        }
        assert_eq!(joined.trim_end(), text, "{id}");
        let roots = words.iter().filter(|word| word.head == 0 && word.relation == "root");
        assert_eq!(roots.count(), 1, "{id}");
        for (index, word) in words.iter().enumerate() {
            let Word { form, upos, relation, supersense, .. } = word;
            assert!(relations.contains(relation), "{id} {form}: {relation}");
            assert_eq!(*relation == "punct", *upos == "PUNCT", "{id} {form}");
            assert_eq!(*relation == "root", word.head == 0, "{id} {form}");
            // From every word, the heads lead to the root.
            let (mut at, mut steps) = (index + 1, 0);
            while at != 0 {
                at = words[at - 1].head;
                steps += 1;
                assert!(steps <= words.len(), "{id}: a circle at {form}");
            }
            let class = match *upos {
                "NOUN" if *relation == "fixed" => continue,
                "NOUN" => {
                    supersense.and_then(|s| s.strip_prefix("n.")).filter(|s| nouns.contains(s))
                }
                "VERB" => {
                    supersense.and_then(|s| s.strip_prefix("v.")).filter(|s| verbs.contains(s))
                }
                _ => {
                    assert!(supersense.is_none(), "{id} {form}");
                    continue;
                }
            };
            assert!(class.is_some(), "{id} {form}: {supersense:?}");
        }
    }
}

#[test]
fn the_bank_has_its_size_and_its_balance() {
    let sentences = sentences();
    let words = || sentences.iter().flat_map(|sentence| &sentence.words);
    let count = |upos: &str| words().filter(|word| word.upos == upos).count();
    assert_eq!((sentences.len(), words().count()), (1352, 20735));
    let content = ["NOUN", "VERB", "ADJ", "ADV", "PROPN", "NUM"].map(count);
    assert_eq!(content.iter().sum::<usize>(), 9111, "{content:?}");

    let ids: BTreeSet<&str> = sentences.iter().map(|sentence| sentence.id).collect();
    let texts: HashSet<String> = sentences.iter().map(|s| s.text.to_lowercase()).collect();
    assert_eq!((ids.len(), texts.len()), (1352, 1352));

    let mut registers: BTreeMap<&str, usize> = BTreeMap::new();
    sentences.iter().for_each(|sentence| *registers.entry(sentence.register).or_default() += 1);
    assert_eq!(registers.len(), 10);
    assert!(registers.values().all(|n| (135..=136).contains(n)), "{registers:?}");

    // Every noun and verb has other occurrences to be found.
    let mut lemmas: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
    for sentence in &sentences {
        for word in sentence.words.iter().filter(|word| word.supersense.is_some()) {
            lemmas.entry((word.upos, word.lemma)).or_default().insert(sentence.id);
        }
    }
    let few: Vec<_> = lemmas.iter().filter(|(_, sentences)| sentences.len() < 3).collect();
    assert_eq!((few.len(), lemmas.len()), (0, 832), "{few:?}");
}
