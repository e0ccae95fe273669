//! The charts of an exploration, with their titles and captions.

use super::maps::LayerMaps;
use super::options::Alignment;
use super::{Exploration, LayerSummary};
use crate::series::series;
use crate::sinks::ordinary_rows;
use crate::text::{CKA, display_names, short_name};
use crate::{Estimate, Part, journey};
use stratoscope_chart::{
    Axis, Chart, Curves, Matrix, MatrixPanel, Panel, Scale, Series, Slice, Trails,
};
use stratoscope_extractor::{Cell, Unit};
use stratoscope_geometry::{MIN_UNITS, Metric};

/// A chart, and its line in the terminal summary.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) chart: Chart,
    /// The name and the text of the line.
    pub(super) headline: Option<(&'static str, String)>,
}

impl From<Chart> for Described {
    fn from(chart: Chart) -> Self {
        Self { chart, headline: None }
    }
}

/// Selects one of the means of a layer.
pub(super) type Pick = fn(&LayerSummary) -> Option<Estimate>;

/// The curves by depth: the name in figures, the name on the terminal, and the means. The last one is
/// the baseline.
pub(super) const CURVES: [(&str, &str, Pick); 3] = [
    ("to itself at layer 0", "to itself at layer 0", |l| l.to_layer_0),
    ("to the others of its sentence", "to its sentence", |l| l.to_sentence),
    ("any two words", "any two words", |l| l.baseline),
];

/// A curve by depth, `[layers]`; its n is the number of units that the bootstrap resamples.
pub(super) fn curve(name: &str, layers: &[LayerSummary], pick: Pick) -> Series {
    let n = layers.iter().find_map(pick).map(|estimate| estimate.n);
    Series { n, ..series(name, layers.iter().map(pick)) }
}

impl Exploration {
    /// The names of [`CURVES`] in figures and on the terminal.
    pub(super) fn curve_names(&self) -> [[&'static str; 2]; 3] {
        let mut names = CURVES.map(|(name, short, _)| [name, short]);
        names[1] = match self.states.media.first().map(|media| media.cell) {
            None => names[1],
            Some(Cell::Patch) => ["to the others of its image", "to its image"],
            Some(Cell::Frame) => ["to the others of its sound", "to its sound"],
        };
        names
    }

    /// The charts that are both figures and part of the page, in display order; made once.
    pub(super) fn charts(&self) -> &[Described] {
        self.charts.get_or_init(|| {
            let charts = [
                self.depth(),
                self.norms(),
                self.steps_chart(),
                self.cka_chart(),
                self.neighbour_change_chart(),
                self.experts_chart(),
                self.heads(),
                self.rollout_chart(),
                self.patterns(),
            ];
            let about = |described: Described| {
                let chart = self.about(described.chart);
                Described { chart, ..described }
            };
            charts.into_iter().flatten().map(about).collect()
        })
    }

    /// Adds the name of the model to a chart, and links it to the first exploration of a page.
    fn about(&self, chart: Chart) -> Chart {
        chart.subject(short_name(&self.states.origin.model)).exploration(0)
    }

    fn depth(&self) -> Option<Described> {
        let names = self.curve_names().into_iter();
        let mut series = CURVES
            .into_iter()
            .zip(names)
            .map(|((.., pick), [name, _])| curve(name, &self.layers, pick));
        let (Some(layer_0), Some(sentence), Some(baseline)) =
            (series.next(), series.next(), series.next())
        else {
            return None;
        };
        let title = match (&self.crossed, self.states.texts.len()) {
            (None, _) => "",
            (Some(_), 1) => "this text",
            (Some(_), _) => "these texts",
        };
        let axis = Axis::layers(&self.states.layers);
        let y = self.options.metric.label();
        let own = Panel::new(title, axis, y, [layer_0, sentence, baseline.baseline()]);
        let mut captions = Vec::new();
        if !own.series.is_empty() {
            captions.push(self.depth_caption());
        }
        let mut rows = vec![vec![own]];
        if let Some(crossed) = &self.crossed {
            captions.push(format!(
                "The profile is a property of the model and does not depend on the input. {}",
                crossed.caption()
            ));
            let named = |panel: Panel| {
                let title = format!("the model's profile, {}", panel.title);
                Panel { title, ..panel }
            };
            rows.extend(
                crossed.panels().into_iter().map(|row| row.into_iter().map(named).collect()),
            );
        }
        let and = if self.crossed.is_some() { ", and the profile of the model" } else { "" };
        let title = format!("Mean {y} of {} by layer{and}", self.units());
        let chart = Chart::new("depth", title, Curves::rows(rows))
            .caption(captions.join(" "))
            .paper("Ethayarajh 2019", "10.18653/v1/D19-1006");
        (!chart.is_empty()).then(|| chart.into())
    }

    fn depth_caption(&self) -> String {
        let own = |layer: &LayerSummary| [layer.to_layer_0, layer.to_sentence];
        let has_intervals =
            self.layers.iter().flat_map(own).flatten().any(|mean| mean.interval.is_some());
        let [input, inputs] = self.inputs();
        let intervals = match (has_intervals, self.states.texts.len()) {
            (true, 1) => format!(
                "Bands: 95 % bootstrap intervals over the {} of one {input}, so they are not valid \
                 for other {inputs}",
                self.units()
            ),
            (true, n) => format!("Bands: 95 % bootstrap intervals over {n} {inputs}"),
            (false, 1) => format!("No intervals: they need at least {MIN_UNITS} {}", self.units()),
            (false, _) => format!("No intervals: they need at least {MIN_UNITS} {inputs}"),
        };
        let baseline = match self.layers.first().and_then(|l| l.baseline) {
            // It is about words.
            None if !self.states.media.is_empty() => String::new(),
            Some(baseline) => format!(
                " Dashed: the baseline, which is the mean cosine of words from {} unrelated \
                 sentences (Ethayarajh 2019). Read similarities relative to this baseline.",
                baseline.n
            ),
            None => {
                let omitted = self.omitted.iter().find(|omitted| omitted.what == Part::Baseline);
                omitted
                    .map_or_else(String::new, |omitted| format!(" No baseline: {}.", omitted.why))
            }
        };
        format!("Means over the {}. {intervals}.{baseline}", self.ordinary())
    }

    fn norms(&self) -> Option<Described> {
        let n = ordinary_rows(&self.states).len();
        let norms = self.layers.iter().map(|layer| Some(layer.norm));
        let series = Series::new("mean norm").n(n).values(norms);
        let axis = Axis::layers(&self.states.layers);
        let panel = Panel::new("", axis, "mean Euclidean norm", [series]);
        let caption = format!(
            "The mean Euclidean norm of the {}. If the norm jumps between two layers, a map of all \
             layers in one basis shows mostly this jump, unless each state is divided by its norm. \
             Cosines do not depend on the norm.",
            self.ordinary()
        );
        Some(Chart::new("norms", "Mean norm by layer", Curves::one(panel)).caption(caption).into())
    }

    fn cka_chart(&self) -> Option<Described> {
        let (values, n) = self.cka.as_ref()?;
        let axis = || Axis::layers(&self.states.layers);
        let scale = Scale::to_one(values.iter().copied());
        let panel = MatrixPanel::new(axis(), axis(), "debiased linear CKA", scale)
            .n(*n)
            .values(values.iter().copied().map(Some));
        let chart = Chart::new("cka", "Similarity of layers by CKA", panel)
            .caption(cka_caption(&format!("over the {}", self.ordinary())))
            .paper("Kornblith et al. 2019", "10.48550/arXiv.1905.00414");
        Some(chart.into())
    }

    /// Similarities between tokens by layer: raw and centred cosines, or another chosen metric. On the
    /// page, a separate panel shows them.
    pub(super) fn similarity_chart(&self) -> Option<Chart> {
        let similarity = self.similarity.as_ref()?;
        let all: Vec<usize> = (0..self.states.rows.len()).collect();
        let axis = self.token_axis(&all).title("");
        let panel = |title: &str, value: &str, layers: &[Vec<f64>], scale| {
            let slices = self.states.layers.iter().zip(layers);
            let slices = slices
                .map(|(layer, values)| Slice::new(values.iter().copied().map(Some)).layer(*layer));
            MatrixPanel::new(axis.clone(), axis.clone(), value, scale).title(title).slices(slices)
        };
        let (units, metric) = (self.units(), self.options.metric);
        let centred_panel = |title: &str| {
            let scale = Scale::symmetric(1.0);
            panel(title, Metric::Centred.label(), &similarity.centred, scale)
        };
        let of_centred = format!("Centred cosine: {}", centred(units));
        let (panels, what) = match (metric, &similarity.other) {
            (Metric::Cosine, _) => {
                let scale = Scale::to_one(similarity.raw.iter().flatten().copied());
                let raw = panel("Raw cosine", metric.label(), &similarity.raw, scale);
                let what = format!(
                    "Raw cosine: it is high for all pairs if all vectors of a layer have similar \
                     directions (anisotropy), and a few large dimensions can dominate it. \
                     {of_centred}"
                );
                (vec![raw, centred_panel("Centred cosine")], what)
            }
            (Metric::Euclidean, Some(other)) => {
                let scale = Scale::from_zero(other.iter().flatten().copied());
                let what =
                    "Euclidean distance: 0 for equal vectors; long vectors are far from all \
                            others."
                        .to_owned();
                (vec![panel("", metric.label(), other, scale)], what)
            }
            (_, Some(other)) => {
                let what = format!(
                    "Standardised cosine: every dimension of the layer is standardised over the \
                     {units} (without special tokens and attention sinks) first, so that no few \
                     large dimensions dominate."
                );
                (vec![panel("", metric.label(), other, Scale::symmetric(1.0))], what)
            }
            (_, None) => (vec![centred_panel("")], of_centred),
        };
        let caption = format!(
            "{} between all pairs of {units}. {what} All matrices of a panel have the same colour \
             scale.",
            if metric == Metric::Euclidean { "Distances" } else { "Cosines" },
        );
        let title = match metric {
            Metric::Cosine => "Similarity by layer".to_owned(),
            other => format!("Similarity by layer, {}", other.label()),
        };
        let chart = Chart::new("similarity", title, Matrix::new(panels));
        Some(self.about(chart.caption(caption)))
    }

    /// The journey of the most telling word. On the page, a separate panel shows all journeys.
    pub(super) fn journey_chart(&self) -> Option<Chart> {
        let journeys = self.journeys.as_ref()?;
        let word = journeys.words.get(journeys.telling?)?;
        Some(self.about(journey::chart(journeys, word)))
    }

    /// The t-SNE maps. On the page, a separate panel shows them.
    pub(super) fn tsne_chart(&self) -> Option<Chart> {
        let maps = self.tsne.as_ref()?;
        let point = |layer: &Vec<[f64; 2]>| layer.iter().copied().map(Some).collect();
        let note = |(t, c): (&Option<f64>, &Option<f64>)| match (t, c) {
            (Some(t), Some(c)) => format!("T {t:.2}, C {c:.2}"),
            _ => String::new(),
        };
        let notes = maps.trustworthiness.iter().zip(&maps.continuity).map(note).collect();
        let trails = Trails::new(
            Axis::layers(&self.states.layers),
            self.token_axis(&maps.rows),
            maps.points.iter().map(point).collect(),
        );
        let chart = Chart::new("tsne", "t-SNE by layer", trails.notes(notes))
            .caption(self.tsne_caption(maps));
        Some(self.about(chart))
    }

    fn tsne_caption(&self, maps: &LayerMaps) -> String {
        let how = match maps.alignment {
            Alignment::Joint => "One map of the tokens of all layers; each panel shows one layer.",
            Alignment::Procrustes => {
                "One map per layer. Each map is rotated, mirrored and scaled to fit the map of the \
                 layer before."
            }
            Alignment::None => "One map per layer, not aligned: layers cannot be compared.",
        };
        let perplexity = maps.perplexity.unwrap_or(0.0);
        let of = maps
            .components
            .map_or_else(String::new, |k| format!(", input: the first {k} principal components"));
        let omitted = match self.states.rows.len() - maps.rows.len() {
            0 => String::new(),
            n => format!(" {n} special or outlying tokens are omitted."),
        };
        format!(
            "{how}{} Perplexity {perplexity:.1}{of}. Only near neighbours have a meaning; long \
             distances, sizes of groups and empty space have none. T: trustworthiness, the extent \
             to which neighbours on the map are neighbours in the full space. C: continuity, the \
             extent to which neighbours in the full space are neighbours on the map (0 to 1, k = \
             {}).{omitted}",
            maps.length_note(),
            maps.k.map_or_else(|| "undefined".to_owned(), |k| k.to_string()),
        )
    }

    /// Some rows of the states as an axis. The page links it to its tokens if it has all rows.
    pub(super) fn token_axis(&self, rows: &[usize]) -> Axis {
        let names = display_names(&self.states.rows);
        let labels = rows.iter().map(|&row| names[row].clone()).collect();
        let places = if self.is_sampled() { Vec::new() } else { rows.to_vec() };
        let texts = rows.iter().map(|&row| self.states.rows[row].sequence).collect();
        let special = |place: &usize| self.states.rows[rows[*place]].special;
        let unknown = |place: &usize| self.states.rows[rows[*place]].unknown;
        Axis::tokens(labels, places)
            .title(self.unit_name())
            .groups(if self.states.texts.len() > 1 { texts } else { Vec::new() })
            .muted((0..rows.len()).filter(special))
            .unknown((0..rows.len()).filter(unknown))
    }

    /// The unit of a row, singular.
    pub(super) fn unit_name(&self) -> &'static str {
        match self.states.unit {
            Unit::Token => self.states.media.first().map_or("token", |media| media.cell.name()),
            Unit::Word => "word",
            Unit::Sentence => "sentence",
        }
    }

    /// The rows over which statistics are computed, in words.
    pub(super) fn ordinary(&self) -> String {
        let units = self.units();
        let has_sinks = self.omitted.iter().any(|of| matches!(of.what, Part::Statistics(_)));
        match has_sinks {
            true => format!("{units} that are neither special nor attention sinks"),
            false => format!("{units} that are not special"),
        }
    }

    /// The unit of rows, plural.
    pub(super) fn units(&self) -> &'static str {
        match self.states.unit {
            Unit::Token => self.states.media.first().map_or("tokens", |media| media.cell.plural()),
            Unit::Word => "words",
            Unit::Sentence => "sentences",
        }
    }

    /// What is read, singular and plural.
    pub(super) fn inputs(&self) -> [&'static str; 2] {
        self.states.media.first().map_or(["text", "texts"], |media| media.cell.of())
    }
}

/// The explanation of centred cosines for captions.
pub(super) fn centred(units: &str) -> String {
    format!(
        "the mean of the layer's {units} (without special tokens and attention sinks) is subtracted \
         first; with few {units}, this makes different {units} look opposite."
    )
}

/// The caption of CKA between layers; `over` names the rows.
pub(super) fn cka_caption(over: &str) -> String {
    format!(
        "Debiased linear CKA (Kornblith et al. 2019; Murphy et al. 2024) {over}. {CKA} CKA is noisy \
         if there are few rows."
    )
}
