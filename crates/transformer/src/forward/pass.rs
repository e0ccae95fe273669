//! A forward pass block by block, so that several batches can pass a block before the next is read.

use super::Transformer;
use super::shared::Shared;
use crate::architecture::Layout;
use crate::batch::Batch;
use crate::error::Result;
use crate::hooks::{HookPoint, HookRunner, Hooks};
use crate::kernels::Release;
use crate::ops;
use candle_core::Tensor;
use std::borrow::Cow;

/// The forward pass of one batch. It begins with the embedding; each [`advance`](Self::advance) runs one
/// block.
pub struct Pass<'a> {
    transformer: &'a Transformer,
    batch: Cow<'a, Batch>,
    shared: Shared,
    state: Tensor,
    layer: usize,
    /// Until the pass ends, outputs of its operations use the same memory.
    _release: Release,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        transformer: &'a Transformer,
        batch: Cow<'a, Batch>,
        hooks: &mut dyn Hooks,
    ) -> Result<Self> {
        let hooks = &mut HookRunner::new(hooks, &transformer.architecture)?;
        let state = hooks.at(HookPoint::Embed, transformer.embed(&batch)?)?;
        let shared = Shared::default();
        Ok(Self { transformer, batch, shared, state, layer: 0, _release: Release })
    }

    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The hidden state, `[tokens, d_model]`: entry [`layer`](Self::layer) of
    /// [`HiddenStates`](super::HiddenStates).
    pub fn state(&self) -> &Tensor {
        &self.state
    }

    /// The number of blocks that have run.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// Runs the next block, and the final norm after the last.
    ///
    /// # Errors
    /// The errors of [`Transformer::forward`].
    pub fn advance(&mut self, hooks: &mut dyn Hooks) -> Result<()> {
        let (transformer, i) = (self.transformer, self.layer);
        let a = &transformer.architecture;
        let hooks = &mut HookRunner::new(hooks, a)?;
        let block = &*transformer.block(i)?;
        // Here the next block runs on any thread.
        let _release = (!transformer.place.resident).then_some(Release);
        let x = hooks.at(HookPoint::ResidPre(i), self.state.clone())?;
        let read = block.attention.read(&x)?;
        let attention =
            transformer.attention(i, block, &read, &self.batch, &mut self.shared, hooks)?;
        let attention = block.attention.given(attention)?;
        let attention = hooks.at(HookPoint::AttnOut(i), attention)?;
        let (x, mlp) = match a.layout {
            Layout::Parallel { one_norm } => {
                let read = if one_norm { read } else { block.mlp.read(&x)? };
                (ops::sum(&x, &attention, transformer.kernels)?, read)
            }
            _ => {
                let x = block.attention.add(&x, &attention)?;
                let x = hooks.at(HookPoint::ResidMid(i), x)?;
                let read = block.mlp.read(&x)?;
                (x, read)
            }
        };
        transformer.done_with(&attention, hooks)?;
        let mlp = transformer.mlp(i, &block.layers, &mlp, hooks)?;
        let mlp = hooks.at(HookPoint::MlpOut(i), block.mlp.given(mlp)?)?;
        // The stream between the halves is no state.
        let middle = x;
        let mut x = block.mlp.add(&middle, &mlp)?;
        transformer.done_with(&middle, hooks)?;
        transformer.done_with(&mlp, hooks)?;
        x = hooks.at(HookPoint::ResidPost(i), x)?;
        if i + 1 == a.n_layers && transformer.final_norm.is_some() {
            x = hooks.at(HookPoint::FinalNorm, transformer.final_norm(&x)?)?;
        }
        (self.state, self.layer) = (x, i + 1);
        Ok(())
    }

    /// Ends the pass after the last block: logits, if the hooks want them.
    ///
    /// # Errors
    /// The errors of [`Transformer::forward`].
    pub fn finish(&mut self, hooks: &mut dyn Hooks) -> Result<()> {
        let hooks = &mut HookRunner::new(hooks, &self.transformer.architecture)?;
        if hooks.wants(HookPoint::Logits) {
            hooks.at(HookPoint::Logits, self.transformer.unembed(&self.state)?)?;
        }
        Ok(())
    }
}
