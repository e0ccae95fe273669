//! Stimuli: word forms in crossed senses and roles, and their text format, which the README of the
//! crate describes.

use crate::error::{Mistake, ProbingError, Result};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Crossed stimuli: every word in every sense and role, in at least one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stimuli {
    carrier: Option<String>,
    roles: Vec<String>,
    words: Vec<Word>,
    contexts: Vec<Context>,
}

/// A word form and its senses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The form, equal in every context.
    pub form: String,
    /// At least two senses.
    pub senses: Vec<Sense>,
}

/// One sense of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sense {
    /// The short name.
    pub name: String,
    /// The meaning; may be empty.
    pub gloss: String,
}

/// One context of a word in a sense and a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Index into [`Stimuli::words`].
    pub word: usize,
    /// Index into the senses of the word.
    pub sense: usize,
    /// Index into [`Stimuli::roles`].
    pub role: usize,
    /// Whether the text before the target determines sense and role.
    pub cues_first: bool,
    /// The line in the file, from 1.
    pub line: usize,
    lead_ins: Vec<String>,
    sentence: String,
    target: Range<usize>,
    carrier: Option<Range<usize>>,
}

/// A context with one of its lead-ins: the text for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Index into [`Stimuli::contexts`].
    pub context: usize,
    /// The text.
    pub text: String,
    /// The start and end of the target in the text, in characters.
    pub target: [usize; 2],
    /// The start and end of the carrier in the text, in characters.
    pub carrier: Option<[usize; 2]>,
}

impl Stimuli {
    /// The text of the built-in homographs.
    pub const HOMOGRAPHS: &'static str = include_str!("../stimuli/homographs.txt");
    /// The supersenses of the senses of the built-in homographs: lines of word, sense and supersense.
    pub const SUPERSENSES: &'static str = include_str!("../stimuli/supersenses.txt");
    /// The text of the built-in nouns and verbs of one form.
    pub const NOUN_VERB: &'static str = include_str!("../stimuli/noun-verb.txt");

    /// English homographs: 32 nouns, two senses each, as subject, object, oblique (a complement of a
    /// verb or adjective with a preposition) and modifier (of a noun, with a preposition).
    ///
    /// # Errors
    /// Those of [`Stimuli::parse`], after an edit of the file that breaks it.
    pub fn homographs() -> Result<Self> {
        Self::parse(Self::HOMOGRAPHS)
    }

    /// English word forms that are noun and verb, with two meanings each.
    ///
    /// # Errors
    /// As [`Stimuli::homographs`].
    pub fn noun_verb() -> Result<Self> {
        Self::parse(Self::NOUN_VERB)
    }

    /// Parses stimuli in the format of the README of the crate.
    ///
    /// # Errors
    /// [`ProbingError::Stimuli`] with every mistake and its line: an unknown keyword, a context without
    /// exactly one target or without the carrier, a target that is not the form of the word, a
    /// duplicate name or context, a word with one sense, a sense without a role.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            parser.line = index + 1;
            parser.read(line.trim());
        }
        parser.finish()
    }

    /// The function word before every target, if there is one.
    pub fn carrier(&self) -> Option<&str> {
        self.carrier.as_deref()
    }

    /// The roles, in the order of the file; at least two.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The words, in the order of the file; at least two.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The contexts, in the order of the file.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The contexts whose cues are before the target, which a causal model can use.
    ///
    /// # Errors
    /// [`ProbingError::Stimuli`] where a word in a sense and a role has no such context.
    pub fn cues_first(&self) -> Result<Self> {
        let kept = Self {
            contexts: self.contexts.iter().filter(|c| c.cues_first).cloned().collect(),
            ..self.clone()
        };
        let kept_cells: HashSet<_> = kept.contexts.iter().map(Context::cell).collect();
        let mut missed = HashSet::new();
        let mistakes: Vec<Mistake> = (self.contexts.iter())
            .filter(|c| !kept_cells.contains(&c.cell()) && missed.insert(c.cell()))
            .map(|c| Mistake {
                line: c.line,
                what: format!(
                    "no context of {} has its cues first (`<`)",
                    self.cell_name(c.word, c.sense, c.role)
                ),
            })
            .collect();
        if mistakes.is_empty() { Ok(kept) } else { Err(ProbingError::Stimuli { mistakes }) }
    }

    /// Every context with each of its lead-ins, in the order of the contexts.
    pub fn items(&self) -> Vec<Item> {
        let items = |(context, c): (usize, &Context)| {
            let item = move |lead_in: &String| {
                let before = lead_in.chars().count();
                let place = |bytes: &Range<usize>| {
                    let start = before + c.sentence[..bytes.start].chars().count();
                    [start, start + c.sentence[bytes.clone()].chars().count()]
                };
                Item {
                    context,
                    text: format!("{lead_in}{}", c.sentence),
                    target: place(&c.target),
                    carrier: c.carrier.as_ref().map(place),
                }
            };
            c.lead_ins.iter().map(item).collect::<Vec<_>>()
        };
        self.contexts.iter().enumerate().flat_map(items).collect()
    }

    /// The name of a cell: `bank (money) as subject`.
    pub(crate) fn cell_name(&self, word: usize, sense: usize, role: usize) -> String {
        let word = &self.words[word];
        format!("{} ({}) as {}", word.form, word.senses[sense].name, self.roles[role])
    }
}

impl Context {
    /// Word, sense and role.
    pub(crate) fn cell(&self) -> (usize, usize, usize) {
        (self.word, self.sense, self.role)
    }
}

/// The largest number of reported mistakes: a short file can have a hundred million missing cells.
const MAX_MISTAKES: usize = 1000;
/// The largest number of characters of a mistake.
const MAX_MISTAKE: usize = 300;

/// The largest number of lead-ins of a context: each makes a text of the whole sentence.
const MAX_LEAD_INS: usize = 64;

/// The state of the parser, with every mistake so far.
#[derive(Default)]
struct Parser {
    line: usize,
    mistakes: Vec<Mistake>,
    carrier: Option<String>,
    roles: Vec<String>,
    words: Vec<Word>,
    word_lines: Vec<usize>,
    /// The role of the next contexts; None after a new word or sense.
    role: Option<usize>,
    contexts: Vec<Context>,
    sentences: HashMap<String, usize>,
}

impl Parser {
    fn mistake(&mut self, what: impl Into<String>) {
        if self.mistakes.len() < MAX_MISTAKES {
            let what = what.into().chars().take(MAX_MISTAKE).collect();
            self.mistakes.push(Mistake { line: self.line, what });
        }
    }

    fn read(&mut self, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if line.contains(['[', ']']) {
            return self.context(line);
        }
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match keyword {
            "carrier" | "word" | "sense" | "role" if rest.is_empty() => {
                self.mistake(format!("`{keyword}` needs a name after it"));
            }
            "carrier" if self.carrier.is_some() => self.mistake("a second `carrier`"),
            "carrier" if !self.contexts.is_empty() => {
                self.mistake("`carrier` belongs before the first word");
            }
            "carrier" => self.carrier = Some(rest.to_owned()),
            "word" => {
                if self.words.iter().any(|w| w.form == rest) {
                    self.mistake(format!("the word {rest:?} is given twice"));
                }
                self.words.push(Word { form: rest.to_owned(), senses: Vec::new() });
                self.word_lines.push(self.line);
                self.role = None;
            }
            "sense" => {
                let (name, gloss) = rest.split_once(':').unwrap_or((rest, ""));
                let sense = Sense { name: name.trim().into(), gloss: gloss.trim().into() };
                self.role = None;
                let Some(word) = self.words.last_mut() else {
                    return self.mistake("a `sense` before the first `word`");
                };
                let twice = word.senses.iter().any(|s| s.name == sense.name);
                word.senses.push(sense);
                if twice {
                    self.mistake(format!("the sense {:?} is given twice", name.trim()));
                }
            }
            "role" => {
                if self.words.last().is_none_or(|w| w.senses.is_empty()) {
                    return self.mistake("a `role` before the first `sense` of its word");
                }
                let known = self.roles.iter().position(|r| r == rest);
                let role = known.unwrap_or(self.roles.len());
                if known.is_none() {
                    self.roles.push(rest.to_owned());
                }
                self.role = Some(role);
            }
            _ => self.mistake(
                "neither `carrier`, `word`, `sense` or `role` nor a sentence with its [target]",
            ),
        }
    }

    fn context(&mut self, line: &str) {
        let Some(role) = self.role else {
            return self.mistake("a context needs a `word`, a `sense` and a `role` above it");
        };
        let (cues_first, line) = match line.strip_prefix('<') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, line),
        };
        let mut fields: Vec<&str> = line.split('|').collect();
        let last = fields.pop().unwrap_or_default();
        let Some((target, sentence)) = target(last) else {
            return self.mistake("a context needs one [target], in its last part");
        };
        if fields.iter().any(|f| f.contains(['[', ']'])) {
            return self.mistake("the [target] belongs into the last part, after the lead-ins");
        }
        if fields.iter().any(|f| f.trim().is_empty()) {
            return self.mistake("an empty lead-in");
        }
        if fields.len() > MAX_LEAD_INS {
            return self.mistake(format!("more than {MAX_LEAD_INS} lead-ins"));
        }
        let form = self.words.last().map(|w| w.form.clone()).unwrap_or_default();
        if sentence[target.clone()] != form {
            let found = sentence[target].to_owned();
            return self.mistake(format!(
                "the target is {found:?}, the word {form:?}: the form has to be the same everywhere"
            ));
        }
        let carrier = match &self.carrier {
            None => None,
            Some(word) => match carrier(&sentence, target.start, word) {
                Some(place) => Some(place),
                None => {
                    let what =
                        format!("the carrier {word:?} has to stand right before the [target]");
                    return self.mistake(what);
                }
            },
        };
        if let Some(line) = self.sentences.insert(sentence.clone(), self.line) {
            return self.mistake(format!("the same sentence as on line {line}"));
        }
        let after_bar = last.starts_with(char::is_whitespace);
        let lead_ins = match fields[..] {
            [] => vec![String::new()],
            _ => (fields.iter())
                .map(|field| {
                    let space = after_bar || field.ends_with(char::is_whitespace);
                    format!("{}{}", field.trim(), if space { " " } else { "" })
                })
                .collect(),
        };
        let word = self.words.len() - 1;
        let sense = self.words[word].senses.len() - 1;
        let line = self.line;
        self.contexts.push(Context {
            word,
            sense,
            role,
            cues_first,
            line,
            lead_ins,
            sentence,
            target,
            carrier,
        });
    }

    fn finish(mut self) -> Result<Stimuli> {
        let cells: HashSet<_> = self.contexts.iter().map(Context::cell).collect();
        let stimuli = Stimuli {
            carrier: self.carrier,
            roles: self.roles,
            words: self.words,
            contexts: self.contexts,
        };
        // After an earlier mistake, missing cells would only hide it.
        if self.mistakes.is_empty() {
            let mut mistake = |line, what| self.mistakes.push(Mistake { line, what });
            let mut missing = 0;
            'words: for (word, &line) in self.word_lines.iter().enumerate() {
                let Word { form, senses } = &stimuli.words[word];
                if senses.len() < 2 {
                    mistake(line, format!("{form:?} has {} of at least 2 senses", senses.len()));
                }
                for sense in 0..senses.len() {
                    for role in 0..stimuli.roles.len() {
                        if !cells.contains(&(word, sense, role)) {
                            let cell = stimuli.cell_name(word, sense, role);
                            let what = format!("there is no context of {cell}");
                            mistake(line, what.chars().take(MAX_MISTAKE).collect());
                            missing += 1;
                        }
                        if missing == MAX_MISTAKES {
                            break 'words;
                        }
                    }
                }
            }
            let last = self.line.max(1);
            if stimuli.words.len() < 2 {
                mistake(last, format!("{} of at least 2 words", stimuli.words.len()));
            } else if stimuli.roles.len() < 2 {
                mistake(last, format!("{} of at least 2 roles", stimuli.roles.len()));
            }
        }
        let mistakes = self.mistakes;
        if mistakes.is_empty() { Ok(stimuli) } else { Err(ProbingError::Stimuli { mistakes }) }
    }
}

/// The byte range of the target, and the sentence without its brackets.
fn target(field: &str) -> Option<(Range<usize>, String)> {
    let field = field.trim();
    let (before, rest) = field.split_once('[')?;
    let (target, after) = rest.split_once(']')?;
    let one = ![before, target, after].iter().any(|part| part.contains(['[', ']']));
    let place = before.len()..before.len() + target.len();
    (one && !target.trim().is_empty()).then(|| (place, format!("{before}{target}{after}")))
}

/// The byte range of the carrier, if it is the word directly before byte `target`.
fn carrier(sentence: &str, target: usize, word: &str) -> Option<Range<usize>> {
    let before = sentence[..target].trim_end();
    let rest = before.strip_suffix(word)?;
    // In text with spaces, `bathe` does not end in `the`.
    let spaced = before.len() < target;
    let whole = !rest.ends_with(char::is_alphanumeric);
    (!spaced || whole).then_some(rest.len()..before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
carrier the
word bank
sense money: lends money
role subject
Now | I think that | the [bank] lent it.
role object
< Now | I think that | he paid the [bank] early.
sense river
role subject
Now|I think that | the [bank] was wet.
role object
she saw the [bank] from afar.
word bat
sense animal
role subject
the [bat] slept.
role object
< owls eat the [bat] at night.
sense club
role subject
the [bat] broke.
role object
she swung the [bat] hard.
";

    fn mistakes(text: &str) -> Vec<(usize, String)> {
        match Stimuli::parse(text) {
            Err(ProbingError::Stimuli { mistakes }) => {
                mistakes.into_iter().map(|m| (m.line, m.what)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_format_is_read() {
        let stimuli = Stimuli::parse(SMALL).unwrap();
        assert_eq!(stimuli.carrier(), Some("the"));
        assert_eq!(stimuli.roles(), ["subject", "object"]);
        assert_eq!(stimuli.words().len(), 2);
        assert_eq!(stimuli.words()[0].senses[0].gloss, "lends money");
        assert_eq!(stimuli.contexts().len(), 8);
        let items = stimuli.items();
        assert_eq!(items.len(), 11);
        assert_eq!(items[1].text, "I think that the bank lent it.");
        assert_eq!((items[1].target, items[1].carrier), ([17, 21], Some([13, 16])));
        assert_eq!(items[4].text, "Now the bank was wet.", "one side of the bar is enough");
        assert_eq!(items[6].text, "she saw the bank from afar.");
    }

    #[test]
    fn other_scripts_count_in_characters_and_need_no_spaces() {
        let text = SMALL
            .replace("carrier the\n", "")
            .replace("Now | I think that | the [bank] lent it.", "昨天,|听说|那个[bank]借了钱。");
        let items = Stimuli::parse(&text).unwrap().items();
        assert_eq!(items[0].text, "昨天,那个bank借了钱。");
        assert_eq!((items[0].target, items[0].carrier), ([5, 9], None));
    }

    #[test]
    fn cues_first_needs_one_in_every_cell() {
        let stimuli = Stimuli::parse(SMALL).unwrap();
        let error = stimuli.cues_first().unwrap_err().to_string();
        assert!(error.starts_with("line 5: no context of bank (money) as subject"), "{error}");
        assert!(error.ends_with("; and 1 more mistake"), "{error}");
        let all = SMALL.replace("< ", "").lines().fold(String::new(), |all, line| {
            all + if line.contains('[') { "< " } else { "" } + line + "\n"
        });
        let stimuli = Stimuli::parse(&all).unwrap();
        assert_eq!(stimuli.cues_first().unwrap(), stimuli);
    }

    #[test]
    fn mistakes_and_lead_ins_are_bounded() {
        let names = |kind: &str| (0..3000).map(|i| format!("{kind} n{i}: x\n")).collect::<String>();
        let roles = (0..3000).map(|i| format!("role r{i}\nthe [bank] {i}\n")).collect::<String>();
        let many = format!("word bank\n{}{roles}word bat\n", names("sense"));
        assert_eq!(mistakes(&many).iter().filter(|m| m.1.contains("no context")).count(), 1000);
        let wrong = "wrong ".repeat(99) + "\n";
        let found = mistakes(&wrong.repeat(2000));
        assert_eq!(found.len(), 1000);
        assert!(found.iter().all(|(_, what)| what.chars().count() <= 300));
        let found = mistakes(&SMALL.replacen("Now |", &"Now | ".repeat(65), 1));
        assert!(found.iter().any(|(_, what)| what == "more than 64 lead-ins"), "{found:?}");
    }

    #[test]
    fn mistakes_have_their_lines() {
        let at = |text: &str| mistakes(text);
        let cases: [(&str, &str, usize, &str); 11] = [
            ("carrier the\n", "carrier\n", 1, "needs a name"),
            ("carrier the\n", "the [bank] first\ncarrier the\n", 1, "needs a `word`"),
            ("word bank\n", "wrod bank\n", 2, "neither `carrier`"),
            ("the [bank] lent it", "the bank lent it", 5, "neither `carrier`"),
            ("the [bank] lent it", "the [banks] lent it", 5, "the form has to be the same"),
            ("the [bank] lent it", "a [bank] lent it", 5, "right before the [target]"),
            ("the [bank] lent it", "bathe [bank] lent it", 5, "right before the [target]"),
            ("the [bank] lent it", "the [bank] and [bank]", 5, "one [target]"),
            ("the [bank] lent it", "the [bank] was wet", 10, "the same sentence as on line 5"),
            ("Now | I think", "Now | | I think", 5, "an empty lead-in"),
            ("word bat\n", "word bank\n", 13, "given twice"),
        ];
        for (old, new, line, what) in cases {
            let found = at(&SMALL.replacen(old, new, 1));
            let hit = found.iter().any(|(l, w)| *l == line && w.contains(what));
            assert!(hit, "{old:?} -> {new:?}: {found:?}");
        }
    }

    #[test]
    fn a_design_with_a_hole_is_refused() {
        let hole = SMALL.replacen("role object\nshe saw the [bank] from afar.\n", "", 1);
        assert_eq!(
            mistakes(&hole),
            [(2, "there is no context of bank (river) as object".to_owned())]
        );
        let one = SMALL.split("sense river").next().unwrap();
        assert!(mistakes(one).iter().any(|(_, what)| what.contains("1 of at least 2 senses")));
        assert!(mistakes("").iter().any(|(_, what)| what.contains("0 of at least 2 words")));
        assert!(mistakes("# nothing\n\n").len() == 1);
    }
}
