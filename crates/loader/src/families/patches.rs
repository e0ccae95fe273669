//! What the configs of models that read images say of patches and sizes.

use crate::config::Config;
use crate::error::Result;
use serde_json::Value;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, GridPositions, Layout, Mlp, Norm, OtherGrids,
    Patches, Source, Span,
};

/// The defaults of a family, and where its positions are.
pub(super) struct Vision {
    /// Width of the model, its heads, and width of the MLP.
    pub(super) sizes: [usize; 3],
    /// The pixels of a side of a patch.
    pub(super) patch: usize,
    pub(super) activation: Activation,
    pub(super) eps: f64,
    /// The rows of each table of learned rows before the patches.
    pub(super) prefix: &'static [usize],
    /// Whether the rows of the patches have a bias.
    pub(super) patch_bias: bool,
}

/// A pre-norm encoder over patches with learned positions, for images of the size of the config alone.
/// A row of the prefix has a position too.
pub(super) fn architecture(config: &Config, vision: &Vision) -> Result<Architecture> {
    let [d_model, n_heads, d_mlp] = vision.sizes;
    let d_model = config.size(&["hidden_size"], d_model)?;
    let n_layers = config.size(&["num_hidden_layers"], 12)?;
    let n_heads = config.size(&["num_attention_heads"], n_heads)?;
    let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
    let size = pair(config, "patch_size", vision.patch)?;
    let grid = grid(config, size)?;
    config.only("num_channels", 3.into())?;
    let prefix = vision.prefix.to_vec();
    Ok(Architecture {
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.size(&["intermediate_size"], d_mlp)?,
        embedding: Embedding {
            source: Source::Patches(Patches {
                channels: 3,
                size,
                bias: vision.patch_bias,
                positions: Some(GridPositions {
                    grid,
                    prefix: prefix.iter().sum(),
                    other_grids: OtherGrids::Refused,
                }),
                prefix,
            }),
            ..Embedding::default()
        },
        norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], vision.eps)?, bias: true },
        layout: Layout::PreNorm { first: true },
        final_norm: true,
        attention: Attention {
            input_bias: config.flag("qkv_bias", true)?,
            ..Attention::uniform(n_layers, d_head, Span::ALL)
        },
        mlp: Mlp {
            activation: config.activation("hidden_act", vision.activation)?,
            gated: false,
            bias: true,
        },
        ..Architecture::BASE
    })
}

/// Changes what an architecture says of its patches.
pub(super) fn with_patches(
    mut architecture: Architecture,
    change: impl FnOnce(&mut Patches),
) -> Architecture {
    if let Source::Patches(patches) = &mut architecture.embedding.source {
        change(patches);
    }
    architecture
}

/// Rows and columns of the patches of an image of the size in the config.
pub(super) fn grid(config: &Config, [height, width]: [usize; 2]) -> Result<[usize; 2]> {
    let image = pair(config, "image_size", 224)?;
    let grid = [image[0] / height, image[1] / width];
    if grid.contains(&0) {
        let value = config.get("image_size").unwrap_or(&Value::Null);
        let reason = format!("at least one patch of {height} × {width} pixels is expected");
        return Err(config.error("image_size", value, &reason));
    }
    Ok(grid)
}

/// Height and width: one number for both, or two numbers.
pub(super) fn pair(config: &Config, key: &str, default: usize) -> Result<[usize; 2]> {
    /// More than the side of any image.
    const MAX: usize = 1 << 14;
    let sizes = match config.get(key) {
        Some(Value::Array(_)) => config.sizes(key)?,
        _ => vec![config.size(&[key], default)?; 2],
    };
    match sizes[..] {
        [height, width] if (1..=MAX).contains(&height) && (1..=MAX).contains(&width) => {
            Ok([height, width])
        }
        _ => {
            let value = config.get(key).unwrap_or(&Value::Null);
            let reason = format!("one or two whole numbers from 1 to {MAX} are expected");
            Err(config.error(key, value, &reason))
        }
    }
}
