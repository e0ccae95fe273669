//! The charts of `probe --contrast`, with titles and captions.

use super::report::{LayerReport, Report};
use super::steer::Steering;
use crate::series::series;
use crate::text::{counted, short_name};
use stratoscope_chart::{Axis, Chart, Curves, Matrix, MatrixPanel, Panel, Scale, Series};
use stratoscope_geometry::FOLDS;

impl Report {
    /// The charts: AUC by layer, the cosines of the directions, and what adding the direction does.
    pub(super) fn charts(&self) -> Vec<Chart> {
        let mut charts = vec![self.by_layer(), self.directions_chart()];
        charts.extend(self.steering.as_ref().map(|of| self.doses(of)));
        charts
    }

    pub(super) fn page_title(&self) -> String {
        format!("{}: {}", self.what(), short_name(&self.model.model))
    }

    fn what(&self) -> String {
        let [first, second] = &self.data.names;
        format!("The direction from “{second}” to “{first}” by layer")
    }

    fn axis(&self) -> Axis {
        Axis::layers(&self.layers.iter().map(|layer| layer.layer).collect::<Vec<_>>())
    }

    fn by_layer(&self) -> Chart {
        let flat = |name: &str, value: Option<f64>| {
            Series::new(name).baseline().values(self.layers.iter().map(|_| value))
        };
        let by = |name: &str, pick: fn(&LayerReport) -> Option<f64>| {
            Series::new(name).baseline().values(self.layers.iter().map(pick))
        };
        let curves = [
            series("held-out AUC", self.layers.iter().map(|layer| layer.auc)).peak(),
            series("among equal lengths", self.layers.iter().map(|layer| layer.auc_same_length)),
            by("random directions, 97.5 %", |layer| Some(layer.random?[1])),
            flat("length alone", self.data.auc_of_length.map(|of| of.value.max(1.0 - of.value))),
            flat("chance", Some(0.5)),
        ];
        let panel = Panel::new("", self.axis(), "AUC", curves).range(0.4, 1.02);
        Chart::new("contrast", self.what(), Curves::one(panel))
            .subject(short_name(&self.model.model))
            .caption(self.caption())
    }

    fn caption(&self) -> String {
        let data = &self.data;
        let unit = if data.unit == "word" { ["word", "words"] } else { ["text", "texts"] };
        let [first, second] = &data.names;
        format!(
            "{} of “{first}” and {} of “{second}”. The direction of a layer is the difference of the \
             means of their vectors ({} pooling). AUC: the probability that one of “{first}” lies \
             farther along it than one of “{second}”, when neither was used for the direction \
             ({FOLDS} folds; lines of one number are in one fold if both lists have equally many). Among equal lengths: only pairs with one number of tokens are compared. \
             Dashed: 97.5 % of random directions are below; the number of tokens alone; chance. Bands: \
             95 % intervals by bootstrap. Ringed: the highest value, which is chosen on these numbers. \
             The direction shows what separates these two lists; they may differ in more than what they \
             are meant to differ in.",
            counted(data.n[0], unit[0], unit[1]),
            counted(data.n[1], unit[0], unit[1]),
            data.pooling,
        )
    }

    fn directions_chart(&self) -> Chart {
        let panel = MatrixPanel::new(self.axis(), self.axis(), "cosine", Scale::signed([1.0]))
            .values(self.cosines.iter().map(|value| Some(*value)));
        let title = "Cosine of the directions of two layers";
        Chart::new("directions", title, Matrix::new([panel]))
            .subject(short_name(&self.model.model))
            .caption(
                "1: both layers have one direction. 0: their directions have nothing in common. \
                 Layers of one model share the axes of the residual stream, so that their directions \
                 can be compared.",
            )
    }

    fn doses(&self, of: &Steering) -> Chart {
        let labels: Vec<String> =
            of.doses.iter().map(|dose| format!("{}", dose.dose).replace('-', "−")).collect();
        let axis = || Axis::named("dose", labels.clone());
        let kl = series("KL", of.doses.iter().map(|dose| Some(dose.kl)));
        let nats = series("nats per token", of.doses.iter().map(|dose| dose.nats_per_token));
        let panels = vec![
            Panel::new("change of the predictions", axis(), "KL / nats", [kl]),
            Panel::new("surprisal of the texts", axis(), "nats per token", [nats]),
        ];
        let [first, second] = &self.data.names;
        let title = format!("What adding the direction of layer {} does", of.layer);
        Chart::new("steering", title, Curves::rows([panels]))
            .subject(short_name(&self.model.model))
            .caption(format!(
                "The direction times the dose is added to the states of layer {} at every token of {} \
                 of “{second}”; 1 is the whole difference of the means, towards “{first}”. Left: the \
                 distance of the next-token distribution from the one without it, KL(without ‖ with). \
                 Right: how much the texts surprise the model (the exponential is the perplexity). \
                 Bands: 95 % intervals over the texts.",
                of.layer,
                counted(of.texts, "text", "texts"),
            ))
    }
}
