//! The experts that tokens use, from the router logits among the captured values.

use crate::activations::Activations;
use crate::hooks::Capture;
use stratoscope_transformer::{HookPoint, Routing, Transformer};

/// The experts of all tokens in one block.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRouting {
    /// The block, counted from 0.
    pub block: usize,
    /// `[tokens]`: the experts of each row of the states.
    pub tokens: Vec<Routing>,
}

impl Activations {
    /// The experts of each token, from the router logits (`blocks.*.mlp.hook_router`) among
    /// [`hooks`](Self::hooks): one entry per block with a mixture of experts whose logits were captured.
    pub fn routing(&self, transformer: &Transformer) -> Vec<BlockRouting> {
        let of_block = |captured: &crate::Captured| {
            let Capture::Hook(HookPoint::Router(block)) = captured.capture else { return None };
            let rows = captured.values.rows().into_iter();
            let tokens = rows.map(|row| transformer.routing(block, &row.to_vec()));
            Some(BlockRouting { block, tokens: tokens.collect::<Option<_>>()? })
        };
        self.hooks.iter().filter_map(of_block).collect()
    }

    /// The error of a router logit, relative to the largest of its token: in f32 the largest difference
    /// from transformers that the tests allow, in a 16-bit type the distance of two numbers. A choice whose
    /// margin is smaller ([`Routing::is_within`]) may be another one on another machine or in another
    /// program, and the state of the token with it.
    pub fn routing_error(&self) -> f32 {
        match self.origin.dtype.as_str() {
            "bf16" => 1.0 / 128.0,
            "f16" => 1.0 / 1024.0,
            _ => 1e-5,
        }
    }

    /// The number of tokens whose choice of experts is within [`routing_error`](Self::routing_error) in
    /// some block.
    pub fn uncertain_tokens(&self, blocks: &[BlockRouting]) -> usize {
        let error = self.routing_error();
        let is_uncertain = |row: &usize| {
            let of_token = blocks.iter().filter_map(|block| block.tokens.get(*row));
            of_token.into_iter().any(|routing| routing.is_within(error))
        };
        (0..self.rows.len()).filter(is_uncertain).count()
    }
}
