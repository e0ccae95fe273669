//! RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2020) and CamemBERT (Martin et al. 2020):
//! BERT with positions numbered from the padding id on.

use super::bert::Sizes;
use super::{Family, bert};
use stratoscope_transformer::{Activation, Architecture, Numbering};

pub(super) const FAMILY: Family = Family {
    name: "RoBERTa / XLM-R / CamemBERT",
    types: &[("roberta", "Roberta"), ("xlm-roberta", "XLMRoberta"), ("camembert", "Camembert")],
    architecture: |config| {
        let padding_id = config.token_id("pad_token_id", 1)?;
        // Their defaults differ; published configs state the size.
        let d_vocab = if config.text("model_type")? == "roberta" { 50265 } else { 30522 };
        let sizes = Sizes { d_vocab, ..bert::BASE };
        let bert = bert::architecture(config, Numbering::AfterPadding { padding_id }, &sizes)?;
        // The head has GELU, whatever the activation of the blocks is.
        Ok(Architecture { head: bert::head(config, Activation::Gelu)?, ..bert })
    },
    names: bert::NAMES,
    head: bert::LM_HEAD,
    prefixes: &["roberta."],
    unused: &["pooler."],
};
