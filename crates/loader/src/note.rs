//! What a loaded checkpoint has that a reader would not expect, and how it was understood.

/// An unusual part of a checkpoint, and how it was understood.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// A key is repeated in a JSON file.
    RepeatedKey {
        /// The file.
        file: String,
        /// The key, with the keys of the objects around it.
        key: String,
    },
    /// A key that sentence-transformers does not read.
    UnreadKey {
        /// The file.
        file: String,
        /// The key, with the keys of the objects around it.
        key: String,
    },
    /// There is no `modules.json`, so that sentence-transformers would not read these files. Here they are
    /// read.
    NoModules(Vec<String>),
    /// The transformer is in a folder of the checkpoint, which `modules.json` names.
    Folder(String),
    /// `config.json` has no `model_type`, and `architectures` names the family.
    NoModelType {
        /// The class in `architectures`.
        class: String,
    },
    /// The names of the tensors begin with a prefix that the family does not have.
    Prefix {
        /// The prefix, with its point.
        prefix: String,
    },
    /// The checkpoint has no token embedding; the tied head is the embedding.
    EmbeddingFromHead {
        /// The tensor of the head.
        tensor: String,
    },
    /// The config ties two tensors, and their values differ.
    NotTied {
        /// The tensor that a tie would replace.
        tensor: String,
        /// The other tensor.
        other: String,
    },
    /// The language-model head cannot be used; states do not need it.
    Head {
        /// Why.
        reason: String,
    },
    /// No file says how images are prepared: the defaults of a class of transformers count.
    NoImageSettings {
        /// The class.
        class: &'static str,
    },
    /// `tokenizer.json` has a dropout of merges, which is off.
    Dropout(f32),
    /// `tokenizer.json` splits words with an expression of Mistral's that is known to be wrong.
    MistralExpression,
    /// The class of the tokenizer in transformers has another model than `tokenizer.json`.
    OtherModel {
        /// The class.
        class: &'static str,
        /// The model in `tokenizer.json`.
        file: &'static str,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RepeatedKey { file, key } => {
                write!(f, "{file}: {key:?} is there more than once; the last value counts")
            }
            Self::UnreadKey { file, key } => {
                write!(f, "{file}: sentence-transformers does not read {key:?}")
            }
            Self::NoModules(files) => write!(
                f,
                "without modules.json, sentence-transformers reads no {}; here it is read",
                files.join(" and no ")
            ),
            Self::Folder(folder) => {
                write!(f, "the transformer is in {folder}, as modules.json says")
            }
            Self::NoModelType { class } => {
                write!(
                    f,
                    "config.json has no model_type; its architectures, {class}, names the family"
                )
            }
            Self::Prefix { prefix } => {
                write!(f, "the names of the tensors begin with {prefix:?}, which was taken off")
            }
            Self::EmbeddingFromHead { tensor } => write!(
                f,
                "the checkpoint has no token embedding; {tensor:?}, which is tied to it, was read"
            ),
            Self::NotTied { tensor, other } => write!(
                f,
                "the config ties {tensor:?} to {other:?}, but their values differ, and they were not tied"
            ),
            Self::Head { reason } => {
                write!(f, "the language-model head was not read: {reason}")
            }
            Self::NoImageSettings { class } => write!(
                f,
                "there is no preprocessor_config.json: images are prepared with the defaults of {class}"
            ),
            Self::Dropout(dropout) => write!(
                f,
                "the dropout {dropout} of tokenizer.json is off: it is for training, and gives other tokens each time"
            ),
            Self::MistralExpression => f.write_str(
                "tokenizer.json splits words with an expression that is known to be wrong in Mistral's tokenizers, and is used as it is, as in transformers; \"fix_mistral_regex\": true in tokenizer_config.json replaces it",
            ),
            Self::OtherModel { class, file } => write!(
                f,
                "tokenizer.json has a {file} model, but the class {class} takes only the vocabulary from it; \"tokenizer_class\": \"PreTrainedTokenizerFast\" in tokenizer_config.json takes all of tokenizer.json"
            ),
        }
    }
}
