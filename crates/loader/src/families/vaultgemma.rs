//! VaultGemma (VaultGemma team 2025): Gemma 2 without the norms of outputs.

use super::{Family, gemma2, llama};
use stratoscope_transformer::{Architecture, Layout};

pub(super) const FAMILY: Family = Family {
    name: "VaultGemma",
    types: &[("vaultgemma", "VaultGemma")],
    architecture: |config| {
        let gemma = gemma2::architecture(config)?;
        Ok(Architecture { layout: Layout::PreNorm { first: true }, ..gemma })
    },
    names: gemma2::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
