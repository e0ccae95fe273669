//! ELECTRA (Clark et al. 2020), generators and discriminators: BERT's blocks over an embedding that
//! may be narrower.

use super::{Family, bert};
use crate::tokenizer::Vocabulary;
use stratoscope_transformer::{Architecture, Numbering};

pub(super) const FAMILY: Family = Family {
    name: "ELECTRA",
    model_types: &["electra"],
    architecture: |config| {
        let width = config.size(&["embedding_size"], 128)?;
        let bert = bert::architecture(config, Numbering::FromZero, 30522)?;
        Ok(Architecture { d_embed: (width != bert.d_model).then_some(width), ..bert })
    },
    names: bert::NAMES,
    prefix: "electra.",
    unused: &[
        "generator_predictions.",
        "generator_lm_head.",
        "discriminator_predictions.",
        "classifier.",
        "qa_outputs.",
        "sequence_summary.",
        "embeddings.position_ids",
    ],
    vocabulary: Some(Vocabulary::WordPiece),
};
