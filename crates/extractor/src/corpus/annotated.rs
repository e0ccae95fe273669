//! CoNLL-U files with all annotation, read completely into memory.

use super::conllu::{self, short};
use crate::annotation::{AnnotatedWord, HEAD, is_given};
use crate::error::{Error, Result};
use crate::input::Text;
use crate::lines::Lines;
use crate::open;
use std::io::BufRead;
use std::path::Path;
use stratoscope_loader::path_text;

/// A sentence with the annotation of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedSentence {
    /// The text, with the places of the words.
    pub text: Text,
    /// The words, as many as the text has places. Multiword tokens are represented by their words;
    /// empty nodes are left out.
    pub words: Vec<AnnotatedWord>,
}

impl AnnotatedSentence {
    /// The head of every word, counted from 1, and 0 for the root; none if the sentence has no heads.
    /// Heads form one tree, which was checked when the sentence was read.
    pub fn heads(&self) -> Option<Vec<usize>> {
        self.words.iter().map(|word| word.head).collect()
    }
}

/// The sentences of a file, and what identifies the file.
#[derive(Debug, Clone)]
pub struct AnnotatedFile {
    /// The sentences.
    pub sentences: Vec<AnnotatedSentence>,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The sha256 of the file.
    pub sha256: String,
}

/// Reads all sentences of a CoNLL-U file with their annotation. The file is read once, so it may be a
/// pipe.
///
/// Annotated heads must form one tree per sentence. ([`TextReader`](crate::TextReader), which reads the
/// texts alone, does not check heads.)
///
/// # Errors
/// The first mistake, with its line; a file that cannot be read or has no sentences.
pub fn read_annotated(path: &Path) -> Result<AnnotatedFile> {
    open::FileKind::of(path)?;
    let (reader, hash) = open::bytes(path)?;
    let sentences = read(reader, &path_text(path))?;
    let (bytes, sha256) = hash.of_file();
    Ok(AnnotatedFile { sentences, bytes, sha256 })
}

/// Reads the bytes of a CoNLL-U file; `place` is the name in messages.
///
/// # Errors
/// The errors of [`read_annotated`].
pub fn parse_annotated(bytes: &[u8], place: &str) -> Result<Vec<AnnotatedSentence>> {
    read(bytes, place)
}

fn read(reader: impl BufRead, place: &str) -> Result<Vec<AnnotatedSentence>> {
    let mut lines = Lines::new(reader, place);
    let mut sentences = Vec::new();
    loop {
        let mut words = Vec::new();
        let text = conllu::sentence(&mut lines, &mut |line, columns| {
            words.push(word(line, columns));
        })?;
        let Some(text) = text else { break };
        let words = words.into_iter().collect::<Result<Vec<_>, _>>();
        let words = words.and_then(|words| tree(&words).map(|()| words));
        let wrong = |(line, reason)| Error::Conllu { place: place.to_owned(), line, reason };
        sentences.push(AnnotatedSentence { text, words: words.map_err(wrong)? });
    }
    match sentences.is_empty() {
        true => Err(Error::NoText { place: format!("{place} has no sentences") }),
        false => Ok(sentences),
    }
}

/// A line, and its mistake.
type Mistake = (usize, String);

/// A word from its columns, with a head that is a number.
fn word(line: usize, columns: &[&str]) -> Result<AnnotatedWord, Mistake> {
    let word = AnnotatedWord::of(line, columns);
    let head = columns.get(HEAD).copied().filter(|head| is_given(head));
    match (head, word.head) {
        (Some(text), None) => {
            Err((line, format!("the head {:?} is not the number of a word, 0 or _", short(text))))
        }
        _ => Ok(word),
    }
}

/// Checks that the heads of a sentence form one tree, if it has heads.
fn tree(words: &[AnnotatedWord]) -> Result<(), Mistake> {
    if words.iter().all(|word| word.head.is_none()) {
        return Ok(());
    }
    let mut root = None;
    for (index, word) in words.iter().enumerate() {
        let wrong = |reason: String| Err((word.line, reason));
        match word.head {
            None => {
                return wrong("the word has no head, but other words of the sentence have".into());
            }
            Some(0) => match root {
                None => root = Some(index + 1),
                Some(first) => {
                    return wrong(format!("a second root (head 0), after word {first}"));
                }
            },
            Some(head) if head > words.len() => {
                let n = words.len();
                return wrong(format!(
                    "the head {head} is beyond the sentence, which has {n} words"
                ));
            }
            Some(head) if head == index + 1 => return wrong("the word is its own head".into()),
            Some(_) => {}
        }
    }
    // The words that lead to the root; each is visited once.
    let mut leads = vec![false; words.len()];
    for start in 0..words.len() {
        let mut path = Vec::new();
        let mut at = start;
        while !leads[at] {
            if path.len() > words.len() {
                return Err(cycle(words, at));
            }
            path.push(at);
            match words[at].head {
                Some(head) if head > 0 => at = head - 1,
                _ => break,
            }
        }
        path.into_iter().for_each(|index| leads[index] = true);
    }
    match (root, words.first()) {
        (None, Some(first)) => Err((first.line, "the sentence has no root (head 0)".into())),
        _ => Ok(()),
    }
}

/// The cycle of a word, from the first word of the cycle on.
fn cycle(words: &[AnnotatedWord], within: usize) -> Mistake {
    let next = |at: usize| words[at].head.and_then(|head| head.checked_sub(1)).unwrap_or(at);
    let (mut first, mut at) = (within, next(within));
    while at != within {
        first = first.min(at);
        at = next(at);
    }
    let mut shown = format!("{}", first + 1);
    at = next(first);
    // Long cycles are shown in part.
    for _ in 0..7 {
        shown += &format!(" → {}", at + 1);
        if at == first {
            break;
        }
        at = next(at);
    }
    let more = if shown.ends_with(&format!("→ {}", first + 1)) { "" } else { " → …" };
    (words[first].line, format!("the heads of the sentence form a cycle: {shown}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: usize, form: &str, rest: &str) -> String {
        format!("{id}\t{form}\t{}\n", rest.replace(' ', "\t"))
    }

    #[test]
    fn words_have_their_annotation() {
        let file =
            line(1, "Dogs", "dog NOUN NNS Number=Plur|Case= 2 nsubj _ SpaceAfter=Yes|Gloss=x")
                + &line(2, "_", "_ _ _ _ 0 root _ Plain");
        let [sentence] = &parse_annotated(file.as_bytes(), "f").unwrap()[..] else { panic!() };
        let [dogs, bark] = &sentence.words[..] else { panic!() };
        assert_eq!(
            (dogs.line, dogs.form.as_str(), dogs.lemma.as_deref()),
            (1, "Dogs", Some("dog"))
        );
        assert_eq!(dogs.feature("Number"), Some("Plur"));
        assert_eq!((dogs.feature("Case"), dogs.feature("Num")), (None, None));
        assert_eq!(dogs.misc_value("Gloss"), Some("x"));
        assert_eq!(
            (bark.lemma.as_deref(), &bark.upos, bark.misc_value("Plain")),
            (Some("_"), &None, None)
        );
        assert_eq!(sentence.heads(), Some(vec![2, 0]));
        assert_eq!(sentence.text.words, [0..4, 5..6]);
        let bare = file.replace("\t2\tnsubj", "\t_\tnsubj").replace("\t0\troot", "\t_\t_");
        assert_eq!(parse_annotated(bare.as_bytes(), "f").unwrap()[0].heads(), None);
    }

    #[test]
    fn heads_make_one_tree() {
        let of = |heads: &[&str]| -> String {
            let word =
                |(i, head): (usize, &&str)| line(i + 1, "a", &format!("a _ _ _ {head} x _ _"));
            heads.iter().enumerate().map(word).collect()
        };
        for (heads, said) in [
            (&["0", "1", "x"][..], "line 3: the head \"x\" is not the number"),
            (&["0", "-1"], "line 2: the head \"-1\" is not the number"),
            (&["0", "99999999999999999999999"], "line 2: the head \"99"),
            (&["0", "4", "1"], "line 2: the head 4 is beyond the sentence, which has 3 words"),
            (&["0", "2"], "line 2: the word is its own head"),
            (&["0", "1", "0"], "line 3: a second root (head 0), after word 1"),
            (&["0", "1", "_"], "line 3: the word has no head"),
            (&["0", "3", "2"], "line 2: the heads of the sentence form a cycle: 2 → 3 → 2"),
            (&["0", "4", "2", "3"], "line 2: the heads of the sentence form a cycle"),
            (&["2", "1"], "line 1: the heads of the sentence form a cycle: 1 → 2 → 1"),
        ] {
            let error = parse_annotated(of(heads).as_bytes(), "f").unwrap_err().to_string();
            assert!(error.starts_with(&format!("f, {said}")), "{error}");
            // Whoever reads the text alone reads it all the same.
            let mut lines = Lines::new(of(heads).as_bytes().to_vec().leak() as &[u8], "f");
            assert!(conllu::sentence(&mut lines, &mut |_, _| {}).unwrap().is_some());
        }
        assert!(parse_annotated(of(&["2", "3", "0", "3"]).as_bytes(), "f").is_ok());
        let none = parse_annotated(b"# text = x\n\n", "f").unwrap_err().to_string();
        assert!(none.contains("f has no sentences"), "{none}");
        // A long chain is walked once.
        let long: Vec<String> = (0..20_000).map(|i| (i + 2).to_string()).collect();
        let mut long: Vec<&str> = long.iter().map(String::as_str).collect();
        long[19_999] = "0";
        assert!(parse_annotated(of(&long).as_bytes(), "f").is_ok());
        let mut ring = long.clone();
        (ring[9_999], ring[19_999]) = ("0", "10001");
        let said = parse_annotated(of(&ring).as_bytes(), "f").unwrap_err().to_string();
        assert!(said.contains("cycle: 10001 → 10002") && said.ends_with("→ …"), "{said}");
    }
}
