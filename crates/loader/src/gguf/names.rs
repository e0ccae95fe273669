//! llama.cpp's and transformers' names of tensors, and the conversion of their values.

/// Tables of names, of which the first that has a module counts.
pub(super) type Names = &'static [Table];

/// The module of the file, transformers' module, and the conversion from the second to the first.
type Table = &'static [(&'static str, &'static str, Conversion)];

/// The converter's change of a tensor.
#[derive(Clone, Copy)]
pub(super) enum Conversion {
    /// None.
    Same,
    /// The two halves of the rotation of each query head were interleaved.
    Query,
    /// The two halves of the rotation of each key head were interleaved.
    Key,
    /// One was added.
    PlusOne,
    /// It was transposed.
    Transposed,
    /// A matrix of one row became a vector, or stayed a matrix.
    Row,
}

/// Llama, and models with the same architecture, such as Mistral and SmolLM; also Granite.
pub(super) const LLAMA: Names = &[ROTATED, ENDS, NORMS, ATTENTION, MLP];

/// Qwen 2, with biases, and Qwen 3, with norms of queries and keys, and their mixtures of experts; also
/// OLMoE, StableLM, and Command R, whose pairs are interleaved in transformers too.
pub(super) const QWEN: Names = &[ENDS, NORMS, ATTENTION, MLP, EXPERTS, SHARED];

/// Mixtral: Llama's attention, with a tensor for all experts of a block.
pub(super) const MIXTRAL: Names = &[ROTATED, ENDS, NORMS, ATTENTION, EXPERTS];

/// gpt-oss: gate and values of the experts apart, and the outputs of a layer as rows.
pub(super) const GPT_OSS: Names = &[
    ENDS,
    ATTENTION,
    &[
        ("blk.{i}.attn_norm", "model.layers.{i}.input_layernorm", Conversion::Same),
        ("blk.{i}.attn_sinks", "model.layers.{i}.self_attn.sinks", Conversion::Same),
        (
            "blk.{i}.post_attention_norm",
            "model.layers.{i}.post_attention_layernorm",
            Conversion::Same,
        ),
        ("blk.{i}.ffn_gate_inp", "model.layers.{i}.mlp.router", Conversion::Same),
        ("blk.{i}.ffn_gate_exps", "model.layers.{i}.mlp.experts.gate", Conversion::Same),
        ("blk.{i}.ffn_up_exps", "model.layers.{i}.mlp.experts.up", Conversion::Same),
        ("blk.{i}.ffn_down_exps", "model.layers.{i}.mlp.experts.down", Conversion::Same),
    ],
];

/// OLMo 2, with norms of the outputs.
pub(super) const OLMO2: Names = &[
    ENDS,
    ATTENTION,
    MLP,
    &[
        (
            "blk.{i}.post_attention_norm",
            "model.layers.{i}.post_attention_layernorm",
            Conversion::Same,
        ),
        ("blk.{i}.post_ffw_norm", "model.layers.{i}.post_feedforward_layernorm", Conversion::Same),
    ],
];

/// StarCoder2, with a plain MLP.
pub(super) const STARCODER2: Names = &[
    ENDS,
    NORMS,
    ATTENTION,
    &[
        ("blk.{i}.ffn_up", "model.layers.{i}.mlp.c_fc", Conversion::Same),
        ("blk.{i}.ffn_down", "model.layers.{i}.mlp.c_proj", Conversion::Same),
    ],
];

/// Falcon, with one norm in a block.
pub(super) const FALCON: Names = &[
    FALCON_MATRICES,
    &[("blk.{i}.attn_norm", "transformer.h.{i}.input_layernorm", Conversion::Same)],
];

/// Falcon, with a norm for each half of a block.
pub(super) const FALCON_TWO_NORMS: Names = &[
    FALCON_MATRICES,
    &[
        ("blk.{i}.attn_norm", "transformer.h.{i}.ln_mlp", Conversion::Same),
        ("blk.{i}.attn_norm_2", "transformer.h.{i}.ln_attn", Conversion::Same),
    ],
];

const FALCON_MATRICES: Table = &[
    ("token_embd", "transformer.word_embeddings", Conversion::Same),
    ("output_norm", "transformer.ln_f", Conversion::Same),
    ("output", "lm_head", Conversion::Same),
    // Queries, keys and values of all heads follow each other.
    ("blk.{i}.attn_qkv", "transformer.h.{i}.self_attention.qkv", Conversion::Same),
    ("blk.{i}.attn_output", "transformer.h.{i}.self_attention.dense", Conversion::Same),
    ("blk.{i}.ffn_up", "transformer.h.{i}.mlp.dense_h_to_4h", Conversion::Same),
    ("blk.{i}.ffn_down", "transformer.h.{i}.mlp.dense_4h_to_h", Conversion::Same),
];

/// Phi 1, 1.5 and 2.
pub(super) const PHI2: Names = &[&[
    ("token_embd", "model.embed_tokens", Conversion::Same),
    ("output_norm", "model.final_layernorm", Conversion::Same),
    ("output", "lm_head", Conversion::Same),
    ("blk.{i}.attn_norm", "model.layers.{i}.input_layernorm", Conversion::Same),
    ("blk.{i}.attn_q", "model.layers.{i}.self_attn.q_proj", Conversion::Same),
    ("blk.{i}.attn_k", "model.layers.{i}.self_attn.k_proj", Conversion::Same),
    ("blk.{i}.attn_v", "model.layers.{i}.self_attn.v_proj", Conversion::Same),
    ("blk.{i}.attn_output", "model.layers.{i}.self_attn.dense", Conversion::Same),
    ("blk.{i}.ffn_up", "model.layers.{i}.mlp.fc1", Conversion::Same),
    ("blk.{i}.ffn_down", "model.layers.{i}.mlp.fc2", Conversion::Same),
]];

/// GLM-4-0414, with norms before and after each half of a block.
pub(super) const GLM4: Names = &[
    ENDS,
    NORMS,
    ATTENTION,
    &[
        (
            "blk.{i}.post_attention_norm",
            "model.layers.{i}.post_self_attn_layernorm",
            Conversion::Same,
        ),
        ("blk.{i}.post_ffw_norm", "model.layers.{i}.post_mlp_layernorm", Conversion::Same),
        // Gate and up in one.
        ("blk.{i}.ffn_up", "model.layers.{i}.mlp.gate_up_proj", Conversion::Same),
        ("blk.{i}.ffn_down", "model.layers.{i}.mlp.down_proj", Conversion::Same),
    ],
];

const ENDS: Table = &[
    ("token_embd", "model.embed_tokens", Conversion::Same),
    ("output_norm", "model.norm", Conversion::Same),
    ("output", "lm_head", Conversion::Same),
];

const NORMS: Table = &[
    ("blk.{i}.attn_norm", "model.layers.{i}.input_layernorm", Conversion::Same),
    ("blk.{i}.ffn_norm", "model.layers.{i}.post_attention_layernorm", Conversion::Same),
];

const ROTATED: Table = &[
    ("blk.{i}.attn_q", "model.layers.{i}.self_attn.q_proj", Conversion::Query),
    ("blk.{i}.attn_k", "model.layers.{i}.self_attn.k_proj", Conversion::Key),
];

const ATTENTION: Table = &[
    ("blk.{i}.attn_q", "model.layers.{i}.self_attn.q_proj", Conversion::Same),
    ("blk.{i}.attn_k", "model.layers.{i}.self_attn.k_proj", Conversion::Same),
    ("blk.{i}.attn_v", "model.layers.{i}.self_attn.v_proj", Conversion::Same),
    ("blk.{i}.attn_q_norm", "model.layers.{i}.self_attn.q_norm", Conversion::Same),
    ("blk.{i}.attn_k_norm", "model.layers.{i}.self_attn.k_norm", Conversion::Same),
    ("blk.{i}.attn_output", "model.layers.{i}.self_attn.o_proj", Conversion::Same),
];

const MLP: Table = &[
    ("blk.{i}.ffn_gate", "model.layers.{i}.mlp.gate_proj", Conversion::Same),
    ("blk.{i}.ffn_up", "model.layers.{i}.mlp.up_proj", Conversion::Same),
    ("blk.{i}.ffn_down", "model.layers.{i}.mlp.down_proj", Conversion::Same),
];

const EXPERTS: Table = &[
    ("blk.{i}.ffn_gate_inp", "model.layers.{i}.mlp.gate", Conversion::Same),
    ("blk.{i}.ffn_gate_exps", "model.layers.{i}.mlp.experts.gate_proj", Conversion::Same),
    ("blk.{i}.ffn_up_exps", "model.layers.{i}.mlp.experts.up_proj", Conversion::Same),
    ("blk.{i}.ffn_down_exps", "model.layers.{i}.mlp.experts.down_proj", Conversion::Same),
];

/// The expert that every token uses.
const SHARED: Table = &[
    ("blk.{i}.ffn_gate_inp_shexp", "model.layers.{i}.mlp.shared_expert_gate", Conversion::Row),
    ("blk.{i}.ffn_gate_shexp", "model.layers.{i}.mlp.shared_expert.gate_proj", Conversion::Same),
    ("blk.{i}.ffn_up_shexp", "model.layers.{i}.mlp.shared_expert.up_proj", Conversion::Same),
    ("blk.{i}.ffn_down_shexp", "model.layers.{i}.mlp.shared_expert.down_proj", Conversion::Same),
];

/// Gemma 3, whose norms multiply by 1 + weight.
pub(super) const GEMMA3: Names = &[&[
    ("token_embd", "model.embed_tokens", Conversion::Same),
    ("output_norm", "model.norm", Conversion::PlusOne),
    ("output", "lm_head", Conversion::Same),
    ("blk.{i}.attn_norm", "model.layers.{i}.input_layernorm", Conversion::PlusOne),
    ("blk.{i}.attn_q", "model.layers.{i}.self_attn.q_proj", Conversion::Same),
    ("blk.{i}.attn_k", "model.layers.{i}.self_attn.k_proj", Conversion::Same),
    ("blk.{i}.attn_v", "model.layers.{i}.self_attn.v_proj", Conversion::Same),
    ("blk.{i}.attn_q_norm", "model.layers.{i}.self_attn.q_norm", Conversion::PlusOne),
    ("blk.{i}.attn_k_norm", "model.layers.{i}.self_attn.k_norm", Conversion::PlusOne),
    ("blk.{i}.attn_output", "model.layers.{i}.self_attn.o_proj", Conversion::Same),
    (
        "blk.{i}.post_attention_norm",
        "model.layers.{i}.post_attention_layernorm",
        Conversion::PlusOne,
    ),
    ("blk.{i}.ffn_norm", "model.layers.{i}.pre_feedforward_layernorm", Conversion::PlusOne),
    ("blk.{i}.post_ffw_norm", "model.layers.{i}.post_feedforward_layernorm", Conversion::PlusOne),
    ("blk.{i}.ffn_gate", "model.layers.{i}.mlp.gate_proj", Conversion::Same),
    ("blk.{i}.ffn_up", "model.layers.{i}.mlp.up_proj", Conversion::Same),
    ("blk.{i}.ffn_down", "model.layers.{i}.mlp.down_proj", Conversion::Same),
]];

/// Phi 3, with the fused matrices of transformers.
pub(super) const PHI3: Names = &[&[
    ("token_embd", "model.embed_tokens", Conversion::Same),
    ("output_norm", "model.norm", Conversion::Same),
    ("output", "lm_head", Conversion::Same),
    ("blk.{i}.attn_norm", "model.layers.{i}.input_layernorm", Conversion::Same),
    ("blk.{i}.attn_qkv", "model.layers.{i}.self_attn.qkv_proj", Conversion::Same),
    ("blk.{i}.attn_output", "model.layers.{i}.self_attn.o_proj", Conversion::Same),
    ("blk.{i}.ffn_norm", "model.layers.{i}.post_attention_layernorm", Conversion::Same),
    // Gate and up in one.
    ("blk.{i}.ffn_up", "model.layers.{i}.mlp.gate_up_proj", Conversion::Same),
    ("blk.{i}.ffn_down", "model.layers.{i}.mlp.down_proj", Conversion::Same),
]];

/// GPT-2, whose `Conv1D` weights are transposed.
pub(super) const GPT2: Names = &[&[
    ("token_embd", "transformer.wte", Conversion::Same),
    ("position_embd", "transformer.wpe", Conversion::Same),
    ("output_norm", "transformer.ln_f", Conversion::Same),
    ("output", "lm_head", Conversion::Same),
    ("blk.{i}.attn_norm", "transformer.h.{i}.ln_1", Conversion::Same),
    ("blk.{i}.attn_qkv", "transformer.h.{i}.attn.c_attn", Conversion::Transposed),
    ("blk.{i}.attn_output", "transformer.h.{i}.attn.c_proj", Conversion::Transposed),
    ("blk.{i}.ffn_norm", "transformer.h.{i}.ln_2", Conversion::Same),
    ("blk.{i}.ffn_up", "transformer.h.{i}.mlp.c_fc", Conversion::Transposed),
    ("blk.{i}.ffn_down", "transformer.h.{i}.mlp.c_proj", Conversion::Transposed),
]];

/// BERT, and the encoders that were converted as BERT.
pub(super) const BERT: Names = &[&[
    ("token_embd", "embeddings.word_embeddings", Conversion::Same),
    ("position_embd", "embeddings.position_embeddings", Conversion::Same),
    ("token_types", "embeddings.token_type_embeddings", Conversion::Same),
    ("token_embd_norm", "embeddings.LayerNorm", Conversion::Same),
    ("blk.{i}.attn_q", "encoder.layer.{i}.attention.self.query", Conversion::Same),
    ("blk.{i}.attn_k", "encoder.layer.{i}.attention.self.key", Conversion::Same),
    ("blk.{i}.attn_v", "encoder.layer.{i}.attention.self.value", Conversion::Same),
    ("blk.{i}.attn_output", "encoder.layer.{i}.attention.output.dense", Conversion::Same),
    ("blk.{i}.attn_output_norm", "encoder.layer.{i}.attention.output.LayerNorm", Conversion::Same),
    ("blk.{i}.ffn_up", "encoder.layer.{i}.intermediate.dense", Conversion::Same),
    ("blk.{i}.ffn_down", "encoder.layer.{i}.output.dense", Conversion::Same),
    ("blk.{i}.layer_output_norm", "encoder.layer.{i}.output.LayerNorm", Conversion::Same),
]];
