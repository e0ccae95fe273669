//! Sentences as dependency trees: what the structural probe is fitted to, and what it may see.

use crate::{ProbingError, Result};

/// One sentence with its annotated tree, and where the vectors of its words lie. All three lists are
/// `[words]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedSentence {
    /// The head of each word, counted from 1 as in CoNLL-U; 0 for the root.
    pub heads: Vec<usize>,
    /// Whether a word is punctuation (`PUNCT` in UPOS): trees are compared without it.
    pub punctuation: Vec<bool>,
    /// The row of each word's vector; none for a word that no token covers. Paths of the tree lead
    /// through such a word, and nothing else is asked of it.
    pub rows: Vec<Option<usize>>,
}

/// What is wrong with a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeMistake {
    /// A head that is no word of the sentence.
    #[error("its head is {head}, and the sentence has {words} words")]
    HeadOutOfRange {
        /// The head as given.
        head: usize,
        /// How many words there are.
        words: usize,
    },
    /// More than one word with head 0.
    #[error("it is a root, and so is word {first}")]
    SecondRoot {
        /// The root before it, from 1.
        first: usize,
    },
    /// From this word the heads lead back to itself.
    #[error("its heads lead back to itself")]
    Cycle,
}

/// Dependency trees that were checked, ready for a structural probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trees(Vec<Tree>);

impl Trees {
    /// Checks the trees of all sentences.
    ///
    /// # Errors
    /// Lists of unequal length, a head that is no word, a second root, or a cycle, each with the
    /// sentence (from 0) and the word (from 1). A sentence without a root has a cycle.
    pub fn new(sentences: &[ParsedSentence]) -> Result<Self> {
        sentences
            .iter()
            .enumerate()
            .map(|(index, s)| Tree::new(index, s))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// How many sentences there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no sentence.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> &[Tree] {
        &self.0
    }

    /// The number of rows that a matrix of vectors needs at least.
    pub(super) fn rows_needed(&self) -> usize {
        self.0.iter().flat_map(|tree| &tree.rows).map(|row| row + 1).max().unwrap_or(0)
    }
}

/// One tree. Its *seen* words are those that have a vector, numbered in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// The parent of each word, `[words]`; the root is its own.
    parents: Vec<usize>,
    /// The words, parents before their children.
    order: Vec<usize>,
    /// The word behind each seen word.
    seen: Vec<usize>,
    /// The row of each seen word.
    pub(super) rows: Vec<usize>,
    /// The seen words that are no punctuation: those that trees are compared on.
    pub(super) compared: Vec<usize>,
}

impl Tree {
    fn new(sentence: usize, given: &ParsedSentence) -> Result<Self> {
        let words = given.heads.len();
        for (what, found) in
            [("punctuation marks", given.punctuation.len()), ("rows", given.rows.len())]
        {
            if found != words {
                return Err(ProbingError::Length { what, expected: words, found });
            }
        }
        let mistake =
            |word: usize, mistake| Err(ProbingError::Tree { sentence, word: word + 1, mistake });
        let mut root = None;
        let mut parents = Vec::with_capacity(words);
        for (word, &head) in given.heads.iter().enumerate() {
            if head > words {
                return mistake(word, TreeMistake::HeadOutOfRange { head, words });
            }
            match (head, root) {
                (0, Some(first)) => {
                    return mistake(word, TreeMistake::SecondRoot { first: first + 1usize });
                }
                (0, None) => root = Some(word),
                _ => {}
            }
            parents.push(if head == 0 { word } else { head - 1 });
        }
        let order = match order(&parents, root) {
            Ok(order) => order,
            Err(word) => return mistake(word, TreeMistake::Cycle),
        };
        let seen: Vec<usize> = (0..words).filter(|&word| given.rows[word].is_some()).collect();
        let rows = given.rows.iter().copied().flatten().collect();
        let compared = (0..seen.len()).filter(|&at| !given.punctuation[seen[at]]).collect();
        Ok(Self { parents, order, seen, rows, compared })
    }

    /// How many seen words there are: the length of the sentence, as far as the probe goes.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The place in the sentence of each seen word.
    pub(super) fn places(&self) -> &[usize] {
        &self.seen
    }

    /// The seen word that is the root, if it is seen.
    pub(super) fn root(&self) -> Option<usize> {
        self.order.first().and_then(|root| self.seen.binary_search(root).ok())
    }

    /// Edges of the tree between two compared words, as seen words, the smaller first.
    pub(super) fn compared_edges(&self) -> Vec<(usize, usize)> {
        let at = |word: usize| {
            let at = self.seen.binary_search(&word).ok()?;
            self.compared.binary_search(&at).ok().map(|_| at)
        };
        let edge = |&child: &usize| {
            let (child, parent) = (at(self.seen[child])?, at(self.parents[self.seen[child]])?);
            (child != parent).then(|| (child.min(parent), child.max(parent)))
        };
        self.compared.iter().filter_map(edge).collect()
    }

    /// The depth of every seen word: edges up to the root, `[seen]`.
    pub(super) fn depths(&self) -> Vec<u32> {
        match self.order.first() {
            Some(&root) => self.lengths_from(root),
            None => Vec::new(),
        }
    }

    /// The length of the path from seen word `from` to every seen word, in edges, `[seen]`.
    pub(super) fn distances(&self, from: usize) -> Vec<u32> {
        self.lengths_from(self.seen[from])
    }

    /// Up from a word to the root first, and then down from there in one pass: parents come before
    /// their children.
    fn lengths_from(&self, word: usize) -> Vec<u32> {
        let mut lengths = vec![u32::MAX; self.parents.len()];
        let (mut at, mut length) = (word, 0);
        lengths[at] = 0;
        while self.parents[at] != at {
            at = self.parents[at];
            length += 1;
            lengths[at] = length;
        }
        for &word in &self.order {
            if lengths[word] == u32::MAX {
                lengths[word] = lengths[self.parents[word]] + 1;
            }
        }
        self.seen.iter().map(|&word| lengths[word]).collect()
    }
}

/// The words, parents before children; else a word on a cycle.
fn order(parents: &[usize], root: Option<usize>) -> std::result::Result<Vec<usize>, usize> {
    let mut placed = vec![false; parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    if let Some(root) = root {
        placed[root] = true;
        order.push(root);
    }
    // Which upward path has been at a word: one that meets itself is a cycle.
    let mut path_of = vec![usize::MAX; parents.len()];
    let mut path = Vec::new();
    for word in 0..parents.len() {
        let mut at = word;
        while !placed[at] {
            if path_of[at] == word {
                return Err(at);
            }
            path_of[at] = word;
            path.push(at);
            at = parents[at];
        }
        for at in path.drain(..).rev() {
            placed[at] = true;
            order.push(at);
        }
    }
    Ok(order)
}
