//! Texts to an exploration, by a model: what `explore` draws and `serve` shows.

use crate::args::{ExploreArgs, LookArgs, ModelArgs, RowArgs};
use crate::outcome::{Failure, Result};
use crate::progress::Progress;
use crate::{baseline, extract, profile};
use serde_json::{Value, json};
use stratoscope::extractor::prepare;
use stratoscope::{
    Activations, Attention, Baseline, Exploration, Explorer, HookSelection, Known, LayerSelection,
    LongText, Manifest, ModelFile, NamedStimuli, Pooling, Profile, Settings, Text, explore,
};

/// States and what is known of where they come from.
pub(crate) struct Found {
    states: Activations,
    baseline: Option<Baseline>,
    profile: Option<Profile>,
    attention: Option<Attention>,
    pub(crate) files: Vec<ModelFile>,
}

impl Found {
    /// With what is kept of the model between runs; a baseline that is not is computed where there
    /// is something to compute with.
    pub(crate) fn new(
        model: &ModelArgs,
        states: Activations,
        compute_with: Option<&Explorer>,
        progress: &mut Progress,
    ) -> Result<Self> {
        let baseline = baseline::find(model, &states.origin, compute_with, progress)?;
        let stimuli = NamedStimuli::homographs()?.for_model(&states.origin)?;
        let profile = profile::find(model, &states.origin, &stimuli)?;
        Ok(Self { states, baseline, profile, attention: None, files: Vec::new() })
    }
}

/// The largest that all patterns together may be, in bytes.
const MOST_PATTERNS: usize = 1 << 30;

/// How texts are read and looked at: with the model and the texts, all that determines the result.
pub(crate) struct Reading<'a> {
    pub(crate) look: &'a LookArgs,
    pub(crate) pairs: bool,
    pub(crate) long: LongText,
    /// Whether a baseline that is not known is computed, and kept.
    pub(crate) baseline: bool,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(args: &'a ExploreArgs) -> Self {
        let (pairs, long) = (args.input.pairs, args.input.long.into());
        Self { look: &args.look, pairs, long, baseline: args.baseline }
    }

    /// The states of texts, and what the heads do in them where that is asked for.
    pub(crate) fn states(
        &self,
        explorer: &Explorer,
        texts: Vec<Text>,
        rows: &RowArgs,
        progress: &mut Progress,
    ) -> Result<(Activations, Option<Attention>)> {
        let prepared = prepare(explorer.model(), texts, self.long)?;
        if !self.look.attention {
            let none = HookSelection::default();
            return Ok((extract::states(explorer, prepared, rows, false, &none, progress)?, None));
        }
        let architecture = explorer.model().transformer.architecture();
        let pairs: usize = prepared.sequences().iter().map(|s| s.token_ids.len().pow(2)).sum();
        let bytes = pairs.saturating_mul(4 * architecture.n_heads * architecture.n_layers);
        if bytes > MOST_PATTERNS {
            return Err(Failure::input(format!(
                "--attention of these texts would keep {:.1} GiB of patterns, more than 1; give shorter or fewer texts",
                bytes as f64 / MOST_PATTERNS as f64
            )));
        }
        // Patterns are of tokens, all of them.
        let tokens = RowArgs { words: false, no_special_tokens: false, ..rows.clone() };
        let states =
            extract::states(explorer, prepared, &tokens, false, &Attention::hooks(), progress)?;
        let attention = explorer.attention(&states)?;
        let states = extract::kept(explorer, states, rows, false, progress)?;
        Ok((states, Some(attention)))
    }

    /// What is known of the model that states come from.
    pub(crate) fn known(
        &self,
        model: &ModelArgs,
        explorer: &Explorer,
        (states, attention): (Activations, Option<Attention>),
        progress: &mut Progress,
    ) -> Result<Found> {
        let compute_with = Some(explorer).filter(|_| self.baseline);
        let mut found = Found::new(model, states, compute_with, progress)?;
        found.attention = attention;
        found.files = explorer.model().info.files.iter().map(ModelFile::from).collect();
        Ok(found)
    }

    /// Measures and reduces what was found, and says what made it.
    pub(crate) fn explored(
        &self,
        found: Found,
        progress: &mut Progress,
    ) -> Result<(Exploration, Manifest)> {
        let mut settings = Settings {
            metric: self.look.metric.into(),
            reducer: self.look.reducer.into(),
            align: self.look.align.into(),
            seed: self.look.seed,
            activations: Vec::new(),
        };
        if self.look.rows.layers.is_some() {
            settings.activations = found.states.layers.clone();
        }
        let mut manifest = Manifest::new(&found.states, None, &settings);
        manifest.options = self.options(&found);
        manifest.files = found.files;
        manifest.command_line = std::env::args().collect();
        manifest.threads = rayon::current_num_threads();
        progress.at("measuring", 0, 1);
        let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
        let known = Known {
            baseline: found.baseline.as_ref(),
            profile: found.profile.as_ref(),
            attention: found.attention.as_ref(),
        };
        Ok((explore(found.states, &settings, known, &mut step)?, manifest))
    }

    /// What besides the settings determines the result.
    fn options(&self, found: &Found) -> Value {
        let (baseline, profile) = (&found.baseline, &found.profile);
        json!({
            "pairs": self.pairs,
            "long": self.long.name(),
            "layers_chosen": self.look.rows.layers.as_ref().map(|l| match l {
                LayerSelection::All => "all",
                LayerSelection::Some(text) => text,
            }),
            "words": self.look.rows.words,
            "pooling": self.look.rows.pooling.map(|p| Pooling::from(p).name()),
            "no_special_tokens": self.look.rows.no_special_tokens,
            "attention": self.look.attention,
            "baseline_sentences": baseline.as_ref().map(|b| b.n),
            "profile_stimuli": profile.as_ref().map(|p| &p.stimuli.sha256),
        })
    }
}

/// The exploration as one JSON object.
pub(crate) fn as_json(exploration: &Exploration, manifest: &Manifest) -> Result<Value> {
    Ok(exploration.data(manifest)?.json().map_err(stratoscope::Error::from)?)
}
