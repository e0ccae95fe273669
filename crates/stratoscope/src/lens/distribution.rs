//! From logits to probabilities, entropy, divergence, ranks and perplexity.

use super::LensError;
use serde::{Deserialize, Serialize};

/// The probability distribution of a row of logits over the vocabulary, computed in f64.
#[derive(Debug, Clone, Copy)]
pub struct Distribution<'a> {
    logits: &'a [f32],
    /// The largest logit. It is subtracted from all logits, so that exponentials do not overflow.
    largest: f64,
    /// The logarithm of the sum of the exponentials of these differences.
    log_sum: f64,
}

impl<'a> Distribution<'a> {
    /// The distribution of logits `[d_vocab]`.
    ///
    /// # Errors
    /// [`LensError::NotFinite`] for NaN and infinities; [`LensError::Shape`] for an empty row.
    pub fn of(logits: &'a [f32]) -> Result<Self, LensError> {
        if let Some((token, &value)) = logits.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(LensError::NotFinite { token, value });
        }
        if logits.is_empty() {
            return Err(LensError::Shape { what: "logits of a token", found: 0, expected: 1 });
        }
        let largest = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
        let sum: f64 = logits.iter().map(|&v| (f64::from(v) - largest).exp()).sum();
        Ok(Self { logits, largest, log_sum: sum.ln() })
    }

    /// The size of the vocabulary.
    pub fn d_vocab(&self) -> usize {
        self.logits.len()
    }

    /// The natural logarithm of the probability of a token; `None` if the token is not in the
    /// vocabulary.
    pub fn log_probability(&self, id: u32) -> Option<f64> {
        self.logits.get(id as usize).map(|&v| self.log(v))
    }

    fn log(&self, logit: f32) -> f64 {
        f64::from(logit) - self.largest - self.log_sum
    }

    /// The entropy in nats, 0 to ln d_vocab.
    pub fn entropy(&self) -> f64 {
        let terms = self.logits.iter().map(|&v| {
            let log = self.log(v);
            -log.exp() * log
        });
        terms.sum::<f64>().max(0.0)
    }

    /// KL(self ‖ other) in nats. A negative rounding error becomes 0.
    ///
    /// # Errors
    /// [`LensError::Shape`] for vocabularies of different sizes.
    pub fn kl(&self, other: &Distribution<'_>) -> Result<f64, LensError> {
        if other.d_vocab() != self.d_vocab() {
            let (found, expected) = (other.d_vocab(), self.d_vocab());
            return Err(LensError::Shape { what: "logits of a token", found, expected });
        }
        let terms = self.logits.iter().zip(other.logits).map(|(&own, &theirs)| {
            let log = self.log(own);
            log.exp() * (log - other.log(theirs))
        });
        Ok(terms.sum::<f64>().max(0.0))
    }

    /// The rank of a token: 1 plus the number of tokens that are strictly more probable, so that
    /// equally probable tokens have the same rank. `None` if the token is not in the vocabulary.
    pub fn rank(&self, id: u32) -> Option<usize> {
        let own = *self.logits.get(id as usize)?;
        Some(1 + self.logits.iter().filter(|&&v| v > own).count())
    }

    /// The `k` most probable tokens with their probabilities, most probable first; of equally
    /// probable tokens, the smaller id first.
    pub fn top(&self, k: usize) -> Vec<(u32, f64)> {
        let k = k.min(self.logits.len());
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(k + 1);
        for (id, &logit) in (0u32..).zip(self.logits) {
            if best.len() == k && best.last().is_none_or(|&(_, least)| logit <= least) {
                continue;
            }
            let place = best.partition_point(|&(_, other)| other >= logit);
            best.insert(place, (id, logit));
            best.truncate(k);
        }
        best.into_iter().map(|(id, logit)| (id, self.log(logit).exp())).collect()
    }
}

/// The perplexity of a text: the exponential of the mean surprisal of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    /// Whether this is pseudo-perplexity (Salazar et al. 2020): each token is masked in turn and
    /// predicted from both sides. Otherwise, each token is predicted from the tokens before it. The
    /// two are not comparable.
    pub pseudo: bool,
    /// The mean of −ln p over the scored tokens, in nats.
    pub nats_per_token: f64,
    /// The exponential of this mean; `None` if it is too large for an `f64`.
    pub perplexity: Option<f64>,
    /// The number of scored tokens. The first token that a causal model reads is not scored. It is
    /// the first token of the text, unless the tokenizer adds a token before it (`<s>`).
    pub tokens: usize,
}

impl Perplexity {
    /// The perplexity from −ln p of each scored token, in nats; `None` without tokens.
    pub fn of(nats: &[f64], pseudo: bool) -> Option<Self> {
        let tokens = nats.len();
        if tokens == 0 {
            return None;
        }
        let nats_per_token = nats.iter().sum::<f64>() / tokens as f64;
        let perplexity = Some(nats_per_token.exp()).filter(|p| p.is_finite());
        Some(Self { pseudo, nats_per_token, perplexity, tokens })
    }

    /// The value, the mean surprisal and the number of tokens, as text.
    pub(super) fn in_words(&self) -> String {
        let value = self.perplexity.map_or("too large to print".to_owned(), |v| format!("{v:.2}"));
        let (nats, tokens) = (self.nats_per_token, self.tokens);
        format!("{value} ({nats:.3} nats per token, {tokens} tokens)")
    }
}
