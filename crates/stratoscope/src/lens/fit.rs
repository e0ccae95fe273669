//! Fits an affine map from the states of each layer to the last state, by least squares over a corpus.

use super::readout::{Readout, logits};
use super::{Affine, Distribution, LensError, TranslatorKind, Translators};
use crate::analysis::{Analysis, Figure, ModelRecord, Provenance, TOOL};
use crate::series::series;
use crate::sinks::ordinary_rows;
use crate::text::{end_line, fine, layers_of, short_name, with_interval, wrapped, written};
use crate::{Explorer, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use stratoscope_chart::{Axis as ChartAxis, Chart, Curves, Panel};
use stratoscope_extractor::{
    Group, HookSelection, LayerSelection, LongText, Origin, Text, prepare, read_groups,
};
use stratoscope_geometry::{Estimate, grouped_mean};
use stratoscope_loader::families_with_heads;
use stratoscope_numerics::{SymmetricEigen, add_product, product_into};

/// The figure, by its id.
pub(crate) const FIGURE: &str = "fitted_lens";

/// The fewest texts: a tenth chooses the ridge, a tenth is the test.
const MIN_TEXTS: usize = 20;
/// The ridges that are tried, as shares of the mean variance of the states.
const RIDGES: [f64; 8] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// The most tokens of the test, whose predictions are computed at every layer.
const TEST_TOKENS: usize = 4096;

/// The options of a fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitOptions {
    /// What to do with texts that have more tokens than the model can read.
    pub long: LongText,
    /// The seed of the intervals.
    pub seed: u64,
    /// The approximate limit for the sums in memory, in bytes. If those of all layers exceed it, the corpus
    /// is read several times.
    pub memory: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { long: LongText::Refuse, seed: 0, memory: 4 << 30 }
    }
}

/// A fitted lens, and how far its predictions are from those of the model, beside the plain lens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FittedLens {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The model with its files.
    pub record: ModelRecord,
    /// The corpus: its name, its texts and tokens.
    pub corpus: Fitted,
    /// The layers below the last.
    pub layers: Vec<FittedLayer>,
    /// The maps.
    pub translators: Translators,
}

/// What a lens was fitted to.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Fitted {
    /// The name of the corpus.
    pub name: String,
    /// The number of texts for the fit, for the choice of the ridge, and for the test.
    pub texts: [usize; 3],
    /// The number of tokens of the fit. Special tokens and attention sinks are left out.
    pub tokens: u64,
    /// The number of tokens of the test.
    pub test_tokens: usize,
}

/// One layer of a fitted lens.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct FittedLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The ridge, as a share of the mean variance of the states.
    pub ridge: f64,
    /// KL(last layer ‖ this layer) of the plain lens in nats, on texts that were not used, over texts.
    pub kl_plain: Estimate,
    /// The same of the fitted lens.
    pub kl_fitted: Estimate,
    /// The share of the variance of the last state that the map explains, on the same texts as the ridge.
    pub explained: f64,
}

/// The part of a text, by a hash of its letters, so that it does not depend on the other texts.
fn part_of(text: &Text) -> usize {
    match Sha256::digest(text.text.as_bytes())[0] % 10 {
        8 => 1,
        9 => 2,
        _ => 0,
    }
}

/// The sums of one layer over one part: of states, of last states, of their products.
#[derive(Clone)]
struct Sums {
    n: f64,
    x: Array1<f64>,
    y: Array1<f64>,
    xx: Array2<f64>,
    xy: Array2<f64>,
    /// The sum of the squares of the last states.
    yy: f64,
}

impl Sums {
    fn zeros(d: usize) -> Self {
        Self {
            n: 0.0,
            x: Array1::zeros(d),
            y: Array1::zeros(d),
            xx: Array2::zeros((d, d)),
            xy: Array2::zeros((d, d)),
            yy: 0.0,
        }
    }

    fn add(&mut self, x: &Array2<f64>, y: &Array2<f64>) {
        self.n += x.nrows() as f64;
        self.x += &x.sum_axis(Axis(0));
        self.y += &y.sum_axis(Axis(0));
        add_product(x.t(), x.view(), self.xx.view_mut());
        add_product(x.t(), y.view(), self.xy.view_mut());
        self.yy += y.iter().map(|v| v * v).sum::<f64>();
    }

    /// The sums of products of the differences from means.
    fn centred(&self) -> (Array2<f64>, Array2<f64>) {
        let outer = |a: &Array1<f64>, b: &Array1<f64>| {
            let column = a.view().insert_axis(Axis(1));
            let row = b.view().insert_axis(Axis(0));
            column.dot(&row) / self.n.max(1.0)
        };
        (&self.xx - &outer(&self.x, &self.x), &self.xy - &outer(&self.x, &self.y))
    }

    /// The mean squared error of a map on these sums, and the variance of the last states.
    fn error(&self, weights: &Array2<f64>, bias: &Array1<f64>) -> [f64; 2] {
        let n = self.n.max(1.0);
        // Σ |y − Wᵀx − b|², expanded.
        let wx = weights.t().dot(&self.x);
        let mut through = Array2::zeros(weights.dim());
        product_into(self.xx.view(), weights.view(), through.view_mut());
        let quadratic: f64 = through.iter().zip(weights).map(|(a, b)| a * b).sum();
        let cross: f64 = self.xy.iter().zip(weights).map(|(a, b)| a * b).sum();
        let squares = self.yy - 2.0 * cross - 2.0 * bias.dot(&self.y)
            + quadratic
            + 2.0 * bias.dot(&wx)
            + n * bias.dot(bias);
        let variance = self.yy / n - self.y.dot(&self.y) / (n * n);
        [squares / n, variance]
    }
}

/// The map of one layer: weights `[d, d]` (from the state to the last state), and bias.
struct Map {
    weights: Array2<f64>,
    bias: Array1<f64>,
    ridge: f64,
    explained: f64,
}

/// Fits a layer, with the ridge that has the smallest error on the sums of other texts.
fn fit(own: &Sums, held: &Sums) -> Result<Map> {
    let (xx, xy) = own.centred();
    let d = xx.nrows();
    let scale = xx.diag().sum() / d.max(1) as f64;
    let eigen =
        SymmetricEigen::new(xx).map_err(|error| LensError::Fit { reason: error.to_string() })?;
    // Rows.
    let vectors = eigen.vectors(d);
    let values = eigen.values().to_owned();
    let mut turned = Array2::zeros((d, d));
    product_into(vectors.view(), xy.view(), turned.view_mut());
    let (mean_x, mean_y) = (&own.x / own.n.max(1.0), &own.y / own.n.max(1.0));
    let mut best: Option<Map> = None;
    let mut lowest = f64::INFINITY;
    for ridge in RIDGES {
        let mut scaled = turned.clone();
        for (mut row, value) in scaled.rows_mut().into_iter().zip(&values) {
            row /= value.max(0.0) + ridge * scale + f64::MIN_POSITIVE;
        }
        let mut weights = Array2::zeros((d, d));
        product_into(vectors.t(), scaled.view(), weights.view_mut());
        let bias = &mean_y - &weights.t().dot(&mean_x);
        let [error, variance] = held.error(&weights, &bias);
        if error < lowest {
            lowest = error;
            let explained = if variance > 0.0 { 1.0 - error / variance } else { 0.0 };
            best = Some(Map { weights, bias, ridge, explained });
        }
    }
    best.ok_or_else(|| LensError::Fit { reason: "no ridge gives a finite error".to_owned() }.into())
}

impl Explorer {
    /// Fits a lens to a corpus: for every layer below the last an affine map from its states to the state
    /// before the final norm, by least squares with a ridge that is chosen on a tenth of the texts. Reports
    /// KL(last layer ‖ this layer) on another tenth, beside the plain lens. Only sums are kept.
    ///
    /// # Errors
    /// [`LensError`] for a model without a head, and for too few texts; a text that is too long; a forward
    /// pass that fails.
    pub fn fit_lens(
        &self,
        name: &str,
        texts: Vec<Text>,
        options: &FitOptions,
    ) -> Result<FittedLens> {
        let model = self.model();
        let readout: &dyn Readout = &model.transformer;
        if !readout.has_head() {
            let (model, families) = (model.info.id.clone(), families_with_heads().join(", "));
            return Err(LensError::NoHead { model, families }.into());
        }
        let architecture = model.transformer.architecture();
        let (n_layers, d) = (architecture.n_layers, architecture.d_model);
        let mut parts: [Vec<Text>; 3] = Default::default();
        let found = texts.len();
        texts.into_iter().for_each(|text| parts[part_of(&text)].push(text));
        if found < MIN_TEXTS || parts.iter().any(Vec::is_empty) {
            return Err(LensError::TooFewTexts { found, needed: MIN_TEXTS }.into());
        }
        let counts = [parts[0].len(), parts[1].len(), parts[2].len()];
        // Two parts of sums of two matrices.
        let bytes = 2 * 2 * 8 * (d * d) as u64;
        let fit_at_once =
            usize::try_from(options.memory / bytes.max(1)).unwrap_or(usize::MAX).max(1);
        let layers: Vec<usize> = (0..n_layers).collect();
        let (mut maps, mut tokens) = (Vec::new(), 0);
        for pass in layers.chunks(fit_at_once) {
            let [own, held] = [0, 1].map(|part| self.sums(parts[part].clone(), pass, options));
            let (own, held) = (own?, held?);
            tokens = own.first().map_or(0, |sums| sums.n as u64);
            self.progress().part("maps", 0, 1);
            let of: Vec<Map> = (own.par_iter().zip(&held))
                .map(|(own, held)| fit(own, held))
                .collect::<Result<_>>()?;
            maps.extend(of);
        }
        let affine = |map: &Map| {
            // As a tuned lens: the map less the identity, added to the state.
            let mut matrix = map.weights.t().mapv(|v| v as f32);
            matrix.diag_mut().mapv_inplace(|v| v - 1.0);
            Affine { matrix, bias: Some(map.bias.mapv(|v| v as f32)), residual: true }
        };
        let translators = Translators {
            kind: TranslatorKind::Fitted,
            of_layer: maps.iter().enumerate().map(|(layer, map)| (layer, affine(map))).collect(),
            file: None,
            model: Some(self.origin()),
            made_from: Some(tokens),
        };
        let [_, _, test] = parts;
        let (kls, test_tokens) = self.divergences(test, &translators, options)?;
        let layers =
            maps.iter().zip(kls).enumerate().map(|(layer, (map, [plain, fitted]))| FittedLayer {
                layer,
                ridge: map.ridge,
                kl_plain: plain,
                kl_fitted: fitted,
                explained: map.explained,
            });
        Ok(FittedLens {
            tool: TOOL.to_owned(),
            model: self.origin(),
            record: self.record(),
            corpus: Fitted { name: name.to_owned(), texts: counts, tokens, test_tokens },
            layers: layers.collect(),
            translators,
        })
    }

    /// The state before the final norm: that of the last layer, or the value of a hook point.
    fn last_state(&self) -> HookSelection {
        let architecture = self.model().transformer.architecture();
        match architecture.final_norm {
            // Any text is a selection of names.
            true => format!("blocks.{}.hook_resid_post", architecture.n_layers - 1)
                .parse()
                .unwrap_or_default(),
            false => HookSelection::default(),
        }
    }

    /// The sums of some layers over texts.
    fn sums(&self, texts: Vec<Text>, layers: &[usize], options: &FitOptions) -> Result<Vec<Sums>> {
        let architecture = self.model().transformer.architecture();
        let prepared = prepare(self.model(), texts, options.long)?;
        let mut sums = vec![Sums::zeros(architecture.d_model); layers.len()];
        let mut take = |Group { states, .. }: Group| -> Result<()> {
            let last = states.layers.len() - 1;
            let rows = ordinary_rows(&states);
            let y = match states.hooks.first() {
                Some(captured) => captured.values.select(Axis(0), &rows),
                None => states.layer(last).select(Axis(0), &rows),
            };
            let y = y.mapv(f64::from);
            sums.par_iter_mut().zip(layers).for_each(|(sums, &layer)| {
                let x = states.layer(layer).select(Axis(0), &rows).mapv(f64::from);
                sums.add(&x, &y);
            });
            Ok(())
        };
        read_groups(
            self.model(),
            prepared,
            &LayerSelection::All,
            &self.last_state(),
            &mut take,
            &mut |p| self.progress().tokens("states", p.done, p.total),
        )?;
        Ok(sums)
    }

    /// For each layer below the last, KL(last ‖ layer) of the plain and of the fitted lens over texts; and the
    /// number of tokens.
    fn divergences(
        &self,
        texts: Vec<Text>,
        translators: &Translators,
        options: &FitOptions,
    ) -> Result<(Vec<[Estimate; 2]>, usize)> {
        let model = self.model();
        let readout: &dyn Readout = &model.transformer;
        let n_layers = model.transformer.architecture().n_layers;
        let prepared = prepare(model, texts, options.long)?;
        // `[layers][2]`, one mean for each text.
        let mut kls: Vec<[Vec<f64>; 2]> = vec![Default::default(); n_layers];
        let mut tokens = 0;
        let mut take = |Group { states, .. }: Group| -> Result<()> {
            let offsets = states.sequence_offsets();
            for range in offsets.windows(2).map(|w| w[0]..w[1]) {
                if range.is_empty() || tokens >= TEST_TOKENS {
                    continue;
                }
                tokens += range.len();
                let of = |layer: usize| {
                    let view: ArrayView2<f32> = states.hidden_states.index_axis(Axis(0), layer);
                    view.slice_move(s![range.clone(), ..])
                };
                let end = logits(readout, of(n_layers), true)?;
                for (layer, kls) in kls.iter_mut().enumerate() {
                    let plain = logits(readout, of(layer), false)?;
                    let mapped = translators.apply(layer, of(layer));
                    let fitted = logits(readout, mapped.view(), false)?;
                    for (kls, own) in kls.iter_mut().zip([plain, fitted]) {
                        let each = (0..range.len()).into_par_iter().map(|token| {
                            let last = Distribution::of(end.row(token))?;
                            last.kl(&Distribution::of(own.row(token))?)
                        });
                        let each = each.collect::<Result<Vec<f64>, LensError>>()?;
                        kls.push(each.iter().sum::<f64>() / each.len() as f64);
                    }
                }
            }
            Ok(())
        };
        read_groups(
            model,
            prepared,
            &LayerSelection::All,
            &HookSelection::default(),
            &mut take,
            &mut |p| self.progress().tokens("test", p.done, p.total),
        )?;
        let few = || LensError::TooFewTexts { found: 0, needed: MIN_TEXTS };
        let mut estimates = Vec::with_capacity(kls.len());
        for of in &kls {
            let each: Vec<usize> = (0..of[0].len()).collect();
            let mean = |values: &[f64]| grouped_mean(values, &each, options.seed);
            estimates.push([mean(&of[0])?.ok_or_else(few)?, mean(&of[1])?.ok_or_else(few)?]);
        }
        Ok((estimates, tokens))
    }
}

impl FittedLens {
    fn chart(&self) -> Chart {
        let numbers: Vec<usize> = self.layers.iter().map(|layer| layer.layer).collect();
        let curves = [
            series("plain lens", self.layers.iter().map(|layer| Some(layer.kl_plain))),
            series("fitted lens", self.layers.iter().map(|layer| Some(layer.kl_fitted))),
        ];
        let panel = Panel::new("", ChartAxis::layers(&numbers), "KL / nats", curves);
        let corpus = &self.corpus;
        let title = "Distance of each layer's prediction from the model's";
        Chart::new(FIGURE, title, Curves::one(panel)).subject(short_name(&self.model.model)).caption(
            format!(
                "KL(last layer ‖ this layer) on {} texts ({} tokens) that were not used for the fit. \
                 Plain: the final norm and the head read the state of the layer. Fitted: they read an \
                 affine map of it, fitted by least squares to the last state on {} tokens of {} texts; \
                 the ridge is chosen on {} other texts. Bands: 95 % intervals over texts. A low value \
                 shows that the prediction can be read linearly from the layer, not that the model \
                 reads it there.",
                corpus.texts[2], corpus.test_tokens, corpus.tokens, corpus.texts[0], corpus.texts[1]
            ),
        )
    }

    /// The main results, as sentences.
    pub fn in_words(&self) -> String {
        let nearer = self.layers.iter().filter(|l| l.kl_plain.is_above(&l.kl_fitted)).count();
        format!(
            "At {nearer} of {} layers below the last, the fitted lens is nearer to the predictions of \
             the model than the plain lens (their intervals do not overlap). The maps saw {} tokens of \
             “{}”; other texts can have other maps.",
            self.layers.len(),
            self.corpus.tokens,
            self.corpus.name
        )
    }
}

impl Analysis for FittedLens {
    fn kind(&self) -> &'static str {
        "lens-fit"
    }

    fn provenance(&self) -> Provenance {
        let input = json!({ "corpus": self.corpus });
        Provenance::new(vec![self.record.clone()], json!({}), input, self.corpus.name.clone())
    }

    fn figures(&self) -> Result<Vec<Figure>> {
        Ok(vec![self.chart().into()])
    }

    fn numbers(&self) -> Result<Value> {
        Ok(json!({
            "tool": self.tool,
            "model": self.model,
            "corpus": self.corpus,
            "layers": self.layers,
        }))
    }

    fn summary(&self) -> String {
        written(|text| {
            let (model, corpus) = (&self.model, &self.corpus);
            writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
            writeln!(
                text,
                "{} texts for the fit ({} tokens), {} for the ridge, {} for the test",
                corpus.texts[0], corpus.tokens, corpus.texts[1], corpus.texts[2]
            )?;
            writeln!(text)?;
            writeln!(
                text,
                "layer  KL plain               KL fitted              ridge  explained"
            )?;
            for layer in &self.layers {
                let cell = |of: Estimate| with_interval(of, fine);
                let (plain, fitted) = (cell(layer.kl_plain), cell(layer.kl_fitted));
                write!(text, "{:>5}  {plain:<21}  {fitted:<21}", layer.layer)?;
                write!(text, "  {:>5}  {}", layer.ridge, fine(layer.explained))?;
                end_line(text);
            }
            writeln!(text)?;
            text.push_str(&wrapped(&self.in_words()));
            Ok(())
        })
    }

    fn title(&self) -> String {
        format!("Fitted lens: {}", short_name(&self.model.model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use std::collections::BTreeMap;
    use stratoscope_numerics::generator;

    #[test]
    fn a_planted_map_is_found_and_the_error_is_that_of_its_rows() {
        let mut rng = generator(3);
        let (n, d) = (400, 6);
        let mut rows = |n| Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0..1.0f64));
        let (x, held, true_map) = (rows(n), rows(50), rows(d));
        let bias = Array1::from_vec(vec![0.5, 0.0, -1.0, 2.0, 0.0, 0.1]);
        let last = |x: &Array2<f64>| x.dot(&true_map) + &bias;
        let mut own = Sums::zeros(d);
        own.add(&x.slice(s![..100, ..]).to_owned(), &last(&x.slice(s![..100, ..]).to_owned()));
        own.add(&x.slice(s![100.., ..]).to_owned(), &last(&x.slice(s![100.., ..]).to_owned()));
        let mut other = Sums::zeros(d);
        other.add(&held, &last(&held));
        let map = fit(&own, &other).unwrap();
        assert_eq!(map.ridge, RIDGES[0]);
        let distance = (&map.weights - &true_map).iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(distance < 1e-4, "{distance}");
        assert!(map.explained > 0.999_999, "{}", map.explained);
        // A shift of 0.1 in each of six dimensions is the error of rows that have it.
        let mut shifted = Sums::zeros(d);
        shifted.add(&held, &(last(&held) + 0.1));
        let [error, _] = shifted.error(&map.weights, &map.bias);
        assert!((error - 0.06).abs() < 1e-4, "{error}");
    }

    #[test]
    fn parts_depend_on_the_text_alone() {
        let texts: Vec<Text> = (0..500).map(|i| format!("Text {i}.").into()).collect();
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        texts.iter().for_each(|text| *counts.entry(part_of(text)).or_default() += 1);
        assert!(counts[&0] > 350 && counts[&1] > 25 && counts[&2] > 25, "{counts:?}");
    }
}
