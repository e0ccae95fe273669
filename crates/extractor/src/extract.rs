//! Hidden states of texts, all in memory; also with values replaced at hook points.

use crate::activations::Activations;
use crate::error::Result;
use crate::hooks::HookSelection;
use crate::input::Text;
use crate::interventions::Interventions;
use crate::layers::LayerSelection;
use crate::prepare::{LongText, Prepared, prepare};
use crate::reading::{self, Progress, Task, group_tokens};
use crate::selected::{Selected, SequenceGroup, States};
use crate::sizes::{check_memory, values_of};
use stratoscope_loader::Model;

/// Runs the model over prepared texts and keeps the hidden states of the chosen layers, one row per
/// token: `[layers, tokens, d_model]`, f32; and the values at the hook points of `hooks`. (Where only
/// a part of the states is needed, [`read_groups`](crate::read_groups) takes less memory.)
///
/// For f32 on a CPU, each thread of the current rayon pool runs groups of sequences of its own. A
/// single group, such as a sentence, uses all threads within its operations.
///
/// # Errors
/// Layers or hook points that the model does not have, hook points of a text that is read in
/// windows, states larger than the free memory, a forward pass that fails, or a state that is not
/// finite.
pub fn extract(
    model: &Model,
    prepared: Prepared,
    layers: &LayerSelection,
    hooks: &HookSelection,
    progress: &mut dyn FnMut(Progress),
) -> Result<Activations> {
    let architecture = model.transformer.architecture();
    let layers = layers.resolve(architecture.n_layers)?;
    let captures = hooks.resolve(architecture)?;
    let selected = prepared.selected(&layers, &captures)?;
    let tokens = prepared.sequences().iter().map(|sequence| sequence.tokens());
    check_memory(values_of(
        [prepared.rows.len(), layers.len(), architecture.d_model],
        &captures,
        architecture,
        tokens,
    ))?;
    let mut states = selected.zeros(architecture.d_model);
    let (mut done, total) = (0, prepared.tokens());
    let prepare = |group| Ok(Part { prepared: &prepared, selected, group });
    let groups = selected.groups(group_tokens(total));
    reading::run(model, groups, prepare, &mut |computed: Vec<_>| -> Result<()> {
        for (group, computed) in computed {
            done += selected.tokens(&group);
            states.put(&group, computed);
        }
        progress(Progress { done, total });
        Ok(())
    })?;
    Ok(prepared.activations(model, states, &layers, &captures))
}

/// A group of prepared texts.
struct Part<'a> {
    prepared: &'a Prepared,
    selected: Selected<'a>,
    group: SequenceGroup,
}

impl Task for Part<'_> {
    type Output = Vec<(SequenceGroup, States)>;

    fn selected(&self) -> Result<Selected<'_>> {
        Ok(self.selected)
    }

    fn groups(&self) -> Result<Vec<SequenceGroup>> {
        Ok(vec![self.group.clone()])
    }

    fn place(&self, row: usize) -> (String, usize) {
        self.prepared.place(0, row)
    }

    fn finish(self, computed: Vec<(SequenceGroup, States)>) -> Result<Self::Output> {
        Ok(computed)
    }
}

/// Runs one text with functions at hook points, and returns the hidden states of all layers and the
/// values at the points of `hooks` (`logits`, for example) after these functions ran. Layer `i` of
/// the states is `blocks.{i-1}.hook_resid_post`, or `hook_embed` for layer 0, after the functions
/// there.
///
/// # Errors
/// A text that is blank or too long, a hook point that the model does not have, a replacement of
/// another shape, a forward pass that fails, or a state that is not finite.
pub fn run_with_hooks(
    model: &Model,
    text: Text,
    mut interventions: Interventions<'_>,
    hooks: &HookSelection,
) -> Result<Activations> {
    let architecture = model.transformer.architecture();
    let layers: Vec<usize> = (0..=architecture.n_layers).collect();
    let captures = hooks.resolve(architecture)?;
    let prepared = prepare(model, vec![text], LongText::Refuse)?;
    let selected = prepared.selected(&layers, &captures)?;
    let mut states = selected.zeros(architecture.d_model);
    let place = |row: usize| prepared.place(0, row);
    // One text of one window is one group.
    for group in selected.groups(usize::MAX) {
        states.put(&group, selected.compute(model, &group, &mut interventions, &place)?);
    }
    Ok(prepared.activations(model, states, &layers, &captures))
}
