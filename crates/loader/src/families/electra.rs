//! ELECTRA (Clark et al. 2020), generators and discriminators: BERT's blocks over an embedding that
//! may be narrower.

use super::bert::Sizes;
use super::rules::take;
use super::{Family, bert};
use stratoscope_transformer::{
    Activation, Architecture, Embedding, Numbering, Projection, ProjectionPlace,
};

pub(super) const FAMILY: Family = Family {
    name: "ELECTRA",
    types: &[("electra", "Electra")],
    architecture: |config| {
        let width = config.size(&["embedding_size"], 128)?;
        let sizes = Sizes { d_model: 256, n_heads: 4, d_mlp: 1024, ..bert::BASE };
        let bert = bert::architecture(config, Numbering::From(0), &sizes)?;
        let projection = Projection { width, place: ProjectionPlace::Normed, bias: true };
        let projection = (width != bert.d_model).then_some(projection);
        Ok(Architecture {
            embedding: Embedding { projection, ..bert.embedding },
            // The head has GELU, whatever the activation of the blocks is.
            head: bert::head(config, Activation::Gelu)?,
            ..bert
        })
    },
    names: bert::NAMES,
    // The head of generators; discriminators have none.
    head: &[
        take(&["head.transform"], "generator_predictions.dense"),
        take(&["head.norm"], "generator_predictions.LayerNorm"),
        take(&["head.unembed"], "generator_lm_head"),
    ],
    prefixes: &["electra."],
    unused: &[],
};
