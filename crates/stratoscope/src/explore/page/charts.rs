//! Charts beside the map of an exploration's page.

use crate::explore::Exploration;
use crate::page::{curves, layer_matrix};
use crate::text::{display_names, metric_label};
use stratoscope_plot::{LayerMatrix, Panel, SeriesKind, XAxis};
use stratoscope_report as schema;
use stratoscope_report::{Axis, Chart, Drawing, Matrix, Paper, Scale, Slice};

/// Tokens above which the matrix of changes is too long to be read.
pub(super) const MAX_CHANGING: usize = 60;

impl Exploration {
    /// The charts beside the map: of the exploration at `index` of the report, whose tokens are
    /// these rows.
    pub(super) fn charts(
        &self,
        data: &schema::Exploration,
        rows: &[usize],
        index: usize,
    ) -> Vec<Chart> {
        let mut charts = Vec::new();
        let series = self.depth_series();
        if !series.is_empty() {
            let panel = Panel {
                title: "What changes with depth".to_owned(),
                y_label: metric_label(self.options.metric).to_owned(),
                layers: self.states.layers.clone(),
                x: XAxis::Layers,
                range: None,
                series,
            };
            let ethayarajh = Paper::new("Ethayarajh 2019", "10.18653/v1/D19-1006");
            charts.push(curves("depth", &panel, &self.own_depth_caption(), Some(ethayarajh)));
        }
        charts.push(self.norms_chart());
        if let Some((values, n)) = &self.cka {
            let matrix = LayerMatrix {
                title: "How alike the layers are".to_owned(),
                caption: format!(
                    "Debiased linear CKA over the {unit} that are not special: 1 where two layers \
                     arrange them alike up to rotation and scale, about 0 for unrelated \
                     arrangements, which may come out below 0. Few {unit} make it noisy.",
                    unit = self.unit(),
                ),
                measure: "debiased linear CKA".to_owned(),
                n: *n,
                layers: self.states.layers.clone(),
                values: values.clone(),
            };
            let kornblith = Paper::new("Kornblith et al. 2019", "10.48550/arXiv.1905.00414");
            charts.push(layer_matrix("cka", &matrix, Some(kornblith)));
        }
        charts.extend(self.change_chart(data, rows));
        charts.extend(self.attention_charts(data));
        if let Some(profile) = &self.profile {
            let caption = profile.caption();
            let panels = profile.panels("The model's profile, ").concat();
            charts.extend((panels.iter().enumerate()).map(|(place, panel)| {
                let shows = format!("Of the model, not of this text. {caption}");
                curves(&format!("profile-{place}"), panel, &shows, None)
            }));
        }
        for chart in &mut charts {
            chart.exploration = Some(index);
            if index > 0 {
                chart.id = format!("{}-{}", chart.id, index + 1);
            }
        }
        charts
    }

    /// As the figure's caption, without what it says of the profile.
    fn own_depth_caption(&self) -> String {
        let caption = self.depth_caption();
        match caption.split_once(" Below the text's own curves:") {
            Some((own, _)) => own.to_owned(),
            None => caption,
        }
    }

    fn norms_chart(&self) -> Chart {
        let panel = Panel {
            title: "Norms".to_owned(),
            y_label: "mean Euclidean norm".to_owned(),
            layers: self.states.layers.clone(),
            x: XAxis::Layers,
            range: None,
            series: vec![stratoscope_plot::Series {
                name: "mean norm".to_owned(),
                values: self.layers.iter().map(|l| Some(l.norm)).collect(),
                interval: Vec::new(),
                n: self.layers.iter().find_map(|l| l.to_layer_0.or(l.to_sentence)).map(|e| e.n),
                kind: SeriesKind::Measure,
                peak: false,
            }],
        };
        let shows = format!(
            "The mean length of the vectors of the {} that are not special. Where it jumps, a map \
             in one basis shows mostly that jump; a cosine does not see it.",
            self.unit()
        );
        curves("norms", &panel, &shows, None)
    }

    /// Which tokens have new neighbours at which step.
    fn change_chart(&self, data: &schema::Exploration, rows: &[usize]) -> Option<Chart> {
        let moves = data.moves?;
        let names = self.names(rows);
        let steps: Vec<&schema::Layer> = data.layers.iter().filter(|l| l.moved.is_some()).collect();
        let ordinary: Vec<usize> =
            (0..rows.len()).filter(|&place| !data.tokens[place].special).collect();
        if steps.is_empty() {
            return None;
        }
        let shows = format!(
            "The share of a token's {} nearest neighbours ({} in the full space, among {} tokens \
             that are not special) that it did not have at the layer before; by chance {:.2}. The tokens that changed most at each step. Among few tokens a \
             neighbour more or less is chance.",
            moves.neighbours,
            metric_label(self.options.metric),
            moves.n,
            moves.by_chance,
        );
        let drawing = if ordinary.len() <= MAX_CHANGING {
            let change = |token: usize, layer: &schema::Layer| {
                let moved = layer.moved.iter().flatten().find(|m| m.token == token);
                // All that changed are listed.
                Some(moved.map_or(0.0, |m| m.change))
            };
            let values = ordinary.iter().flat_map(|&t| steps.iter().map(move |l| change(t, l)));
            Drawing::Matrix(Matrix {
                rows: Axis::tokens(
                    ordinary.iter().map(|&t| names[t].clone()).collect(),
                    ordinary.clone(),
                ),
                columns: Axis {
                    title: "step to layer".to_owned(),
                    ..Axis::layers(&steps.iter().map(|l| l.layer).collect::<Vec<_>>())
                },
                value: "share of new neighbours".to_owned(),
                scale: Scale { low: 0.0, high: 1.0, signed: false },
                slices: vec![Slice { values: values.collect(), ..Slice::default() }],
            })
        } else {
            let row = |layer: &&schema::Layer| {
                let listed: Vec<String> = (layer.moved.iter().flatten())
                    .map(|m| format!("{} {:.2}", names[m.token], m.change))
                    .collect();
                vec![
                    schema::Cell::Number(layer.layer as f64),
                    schema::Cell::Text(listed.join(", ")),
                ]
            };
            Drawing::Table(schema::Table {
                columns: vec!["step to layer".to_owned(), "moved most".to_owned()],
                rows: steps.iter().map(row).collect(),
            })
        };
        Some(Chart {
            id: "moved".to_owned(),
            title: "Tokens that move most".to_owned(),
            shows,
            drawing,
            ..Chart::default()
        })
    }

    /// The display names of some rows.
    fn names(&self, rows: &[usize]) -> Vec<String> {
        let all = display_names(&self.states.rows);
        rows.iter().map(|&row| all[row].clone()).collect()
    }
}
