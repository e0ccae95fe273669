//! The choice of a tokenizer class, as `AutoTokenizer` of transformers 5 makes it.

use super::class::{self, Class};
use crate::error::{Error, Result};

/// What the choice depends on.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Evidence<'a> {
    /// The name of the repository.
    pub(super) id: &'a str,
    /// `model_type` of `config.json`.
    pub(super) model_type: &'a str,
    /// `model_name` of `config.json`.
    pub(super) model_name: Option<&'a str>,
    /// `tokenizer_class` of `tokenizer_config.json`.
    pub(super) declared: Option<&'a str>,
    /// `tokenizer_class` of `config.json`.
    pub(super) of_config: Option<&'a str>,
    /// Whether `tokenizer_config.json` names Python code.
    pub(super) own_code: bool,
    /// Whether `tokenizer.json` has a byte-level part.
    pub(super) byte_level: bool,
}

/// Model types with their class, where the choice depends on it.
const OF_TYPES: &[(&str, &str)] = &[
    ("AlbertTokenizer", "albert"),
    ("BertGenerationTokenizer", "bert-generation"),
    (
        "BertTokenizer",
        "bert distilbert electra ernie layoutlm megatron-bert nomic_bert squeezebert",
    ),
    ("BigBirdTokenizer", "big_bird"),
    ("BioGptTokenizer", "biogpt"),
    ("CLIPTokenizer", "clip"),
    ("CamembertTokenizer", "camembert"),
    ("CohereTokenizer", "aya_vision cohere cohere2"),
    ("DebertaTokenizer", "deberta"),
    ("DebertaV2Tokenizer", "deberta-v2"),
    ("EsmTokenizer", "esm"),
    ("FlaubertTokenizer", "flaubert"),
    ("GPT2Tokenizer", "blip-2 codegen gpt2 gpt_neo gptj instructblip opt phi starcoder2"),
    ("GPTNeoXTokenizer", "gpt_neox mpt olmo olmoe"),
    ("GemmaTokenizer", "gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text t5gemma"),
    ("LlamaTokenizer", "idefics idefics2"),
    ("LukeTokenizer", "luke"),
    ("M2M100Tokenizer", "m2m_100"),
    ("MBartTokenizer", "mbart"),
    ("MPNetTokenizer", "mpnet"),
    ("MarianTokenizer", "marian"),
    ("OpenAIGPTTokenizer", "openai-gpt"),
    ("PegasusTokenizer", "pegasus"),
    (
        "Qwen2Tokenizer",
        "colqwen2 internvl ovis2 qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_moe qwen3_vl",
    ),
    ("RemBertTokenizer", "rembert"),
    ("RoFormerTokenizer", "roformer"),
    ("RobertaTokenizer", "bart data2vec-text ibert longformer roberta roberta-prelayernorm"),
    ("SiglipTokenizer", "siglip"),
    ("SplinterTokenizer", "splinter"),
    ("T5Tokenizer", "mt5 t5"),
    (
        "TokenizersBackend",
        "aria ernie4_5 fuyu glm glm4 glm4v gpt_bigcode granite llava llava_next ministral ministral3 mistral mistral3 mixtral modernbert modernbert-decoder nemotron olmo2 olmo3 paddleocr_vl persimmon phi3 phi3_v pixtral smolvlm stablelm umt5 vipllava voxtral xlm-roberta-xl",
    ),
    ("XGLMTokenizer", "xglm"),
    ("XLMRobertaTokenizer", "gte jina_embeddings_v3 xlm-roberta"),
    ("XLMTokenizer", "xlm"),
];

/// Model types whose `tokenizer_class` on the hub is known to be wrong.
const WRONG_ON_HUB: &str = "camembertv2-base ernie4_5 fuyu llava llava_next modernbert modernbert-decoder nemotron paddleocr_vl phi3 phi3_v qwen2 smolvlm vipllava";

/// Repositories whose `tokenizer.json` counts as it is.
const FILE_COUNTS: &[&str] = &[
    "deepseek-ai/deepseek-r1-distill-llama-",
    "deepseek-ai/deepseek-coder-",
    "allenai/dolma2-tokenizer",
    "google/umt5-small",
];

/// The class of a checkpoint.
///
/// # Errors
/// [`Error::TokenizerClass`] for a class of transformers that is not among ours.
pub(super) fn choose(evidence: &Evidence<'_>) -> Result<&'static Class> {
    let Evidence { id, model_type, model_name, declared, of_config, own_code, byte_level } =
        *evidence;
    let id = id.to_lowercase();
    let registered = registered(model_type);
    let wrong = |name: &str| WRONG_ON_HUB.split(' ').any(|known| known == name);
    let wrong = wrong(model_type) || model_name.is_some_and(wrong);
    let named = declared.or(of_config);
    if !own_code && FILE_COUNTS.iter().any(|start| id.starts_with(start)) {
        return Ok(class::file());
    }
    let llama = named.is_some_and(|name| plain(name) == "LlamaTokenizer");
    if !own_code && llama && byte_level && !wrong {
        return Ok(class::file());
    }
    if let (false, Some(registered), Some(named)) = (own_code, registered, named)
        && registered != plain(named)
    {
        return match registered {
            "TokenizersBackend" => Ok(class::file()),
            registered => of_name(if wrong { registered } else { named }),
        };
    }
    named.or(registered).map_or(Ok(class::file()), of_name)
}

/// The class of a model type.
fn registered(model_type: &str) -> Option<&'static str> {
    let of = OF_TYPES.iter().find(|(_, types)| types.split(' ').any(|known| known == model_type));
    of.map(|(class, _)| *class)
}

/// The class of a model type, for vocabulary files under the name of a class that transformers does not
/// have (any more).
pub(super) fn of_type(model_type: &str) -> Option<&'static Class> {
    registered(model_type).and_then(class::of)
}

/// The class of a name. A name that transformers does not have stands for `tokenizer.json` as it is.
fn of_name(name: &str) -> Result<&'static Class> {
    match class::of(plain(name)) {
        Some(class) => Ok(class),
        None if ELSEWHERE.split_whitespace().any(|known| known == plain(name)) => {
            Err(Error::TokenizerClass { class: name.chars().take(80).collect() })
        }
        None => Ok(class::file()),
    }
}

/// The name of a class without its old ending.
fn plain(name: &str) -> &str {
    match name {
        "PreTrainedTokenizerFast" | "PreTrainedTokenizer" => "TokenizersBackend",
        name => name.strip_suffix("Fast").unwrap_or(name),
    }
}

/// The other classes of transformers 5.24.
const ELSEWHERE: &str = "
    BarthezTokenizer BartphoTokenizer BertJapaneseTokenizer BertTokenizerLegacy BertweetTokenizer
    BioGptTokenizer BlenderbotSmallTokenizer BlenderbotTokenizer ByT5Tokenizer CTRLTokenizer
    CanineTokenizer ClvpTokenizer ConvBertTokenizer CpmAntTokenizer CpmTokenizer
    DPRContextEncoderTokenizer DPRQuestionEncoderTokenizer DPRReaderTokenizer DiaTokenizer
    EsmcTokenizer FNetTokenizer FSMTTokenizer FastSpeech2ConformerTokenizer FlaubertTokenizer
    FunnelTokenizer GPTNeoXJapaneseTokenizer GPTSw3Tokenizer LasrTokenizer LayoutLMv2Tokenizer
    LayoutLMv3Tokenizer LayoutXLMTokenizer MLukeTokenizer MarkupLMTokenizer MgpstrTokenizer
    MistralCommonBackend MyT5Tokenizer NougatTokenizer PLBartTokenizer PerceiverTokenizer
    PhobertTokenizer Pop2PianoTokenizer ProphetNetTokenizer RagTokenizer ReformerTokenizer
    RoCBertTokenizer RoFormerTokenizer SeamlessM4TTokenizer SentencePieceBackend Siglip2Tokenizer
    Speech2TextTokenizer SpeechT5Tokenizer TapasTokenizer Tipsv2Tokenizer UdopTokenizer
    VideoPrismTokenizer VitsTokenizer Wav2Vec2CTCTokenizer Wav2Vec2PhonemeCTCTokenizer
    WhisperTokenizer XLMTokenizer XLNetTokenizer
";
