//! The settings beside a vocabulary, as `PreTrainedTokenizerBase.from_pretrained` of transformers 5
//! gathers them: from `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`, and the
//! added tokens of `tokenizer.json`.

use super::token::{Added, Token};
use crate::error::{Error, Result};
use crate::json;
use crate::note::Note;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use tokenizers::AddedToken;

pub(super) const CONFIG: &str = "tokenizer_config.json";
pub(super) const SPECIAL: &str = "special_tokens_map.json";
pub(super) const ADDED: &str = "added_tokens.json";

/// The named special tokens, in the order in which they are added.
pub(super) const ROLES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

const EXTRA: &str = "extra_special_tokens";
const ADDITIONAL: &str = "additional_special_tokens";
const DECODER: &str = "added_tokens_decoder";
const SPECIFIC: &str = "model_specific_special_tokens";

/// An added token of a `tokenizer.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    pub(super) id: u32,
    #[serde(flatten)]
    pub(super) token: AddedToken,
}

/// The files of the settings, where they exist.
#[derive(Default, Clone, Copy)]
pub(super) struct SettingsFiles<'a> {
    pub(super) config: Option<&'a [u8]>,
    pub(super) special: Option<&'a [u8]>,
    pub(super) added: Option<&'a [u8]>,
    /// The added tokens of `tokenizer.json`; none without this file.
    pub(super) listed: Option<&'a [Listed]>,
}

/// The settings of one tokenizer.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// All other keys.
    values: Map<String, Value>,
    /// The named special tokens that a file gives; none for null.
    named: BTreeMap<&'static str, Option<Token>>,
    /// Special tokens with other names, in the order of the file.
    pub(super) specific: Vec<(String, Token)>,
    /// `extra_special_tokens`, which has precedence over `additional_special_tokens`.
    pub(super) extra: Option<Vec<Token>>,
    /// `additional_special_tokens` of a class or of a SentencePiece file.
    pub(super) additional: Option<Vec<Token>>,
    /// Why `additional_special_tokens` cannot be used. That matters only if nothing replaces them.
    wrong_additional: Option<Error>,
    /// The added tokens by id.
    pub(super) added: BTreeMap<u64, Added>,
}

impl Settings {
    /// Gathers the settings.
    pub(super) fn read(files: SettingsFiles<'_>, notes: &mut Vec<Note>) -> Result<Self> {
        // Tokens are added in the order of the file, so nothing may change this order (as `remove` does).
        let mut values = object(files.config, CONFIG, notes)?.unwrap_or_default();
        values.shift_remove("tokenizer_class");
        for key in ["init_inputs", "vocab", "merges", "tokenizer_object", "post_processor"] {
            let empty = |value: &Value| value.is_null() || value == &Value::Array(Vec::new());
            if let Some(value) = values.shift_remove(key).filter(|value| !empty(value)) {
                return Err(error(key, &value, "it cannot be applied"));
            }
        }
        if files.listed.is_some() {
            // The post-processor of tokenizer.json has precedence.
            values.shift_remove("add_bos_token");
            values.shift_remove("add_eos_token");
        }
        if values.contains_key(ADDITIONAL) && !values.get(EXTRA).is_some_and(filled) {
            let additional = values.shift_remove(ADDITIONAL).unwrap_or_default();
            values.insert(EXTRA.to_owned(), additional);
        }
        let mut settings = Self::default();
        let mut specific = take_specific(&mut values);
        if let Some(Value::Object(tokens)) = values.get(EXTRA) {
            specific.extend(tokens.clone());
            values.shift_remove(EXTRA);
        }
        if !specific.is_empty() {
            values.insert(SPECIFIC.to_owned(), specific.into());
        }
        let mut by_text = HashMap::new();
        match values.shift_remove(DECODER) {
            Some(Value::Object(tokens)) => settings.read_decoder(tokens, &mut by_text)?,
            Some(other) => return Err(error(DECODER, &other, "an object of tokens is expected")),
            None => settings.read_legacy(&mut values, files, &mut by_text, notes)?,
        }
        for role in ROLES {
            let Some(value) = values.shift_remove(role) else { continue };
            let token = match value.is_null() {
                true => None,
                false => Some(Token::parse(&value).ok_or_else(|| {
                    error(role, &value, "a text, or an object with \"__type\", is expected")
                })?),
            };
            let known = token.as_ref().and_then(|token| by_text.get(token.content()));
            settings.named.insert(role, known.cloned().map(Token::Added).or(token));
        }
        settings.read_specific(&mut values)?;
        settings.extra = tokens(&mut values, EXTRA)?;
        match tokens(&mut values, ADDITIONAL) {
            Ok(additional) => settings.additional = additional,
            Err(error) => settings.wrong_additional = Some(error),
        }
        settings.values = values;
        Ok(settings)
    }

    /// `added_tokens_decoder`: ids to tokens.
    fn read_decoder(
        &mut self,
        tokens: Map<String, Value>,
        by_text: &mut HashMap<String, Added>,
    ) -> Result<()> {
        for (id, value) in tokens {
            let token = id.parse().ok().zip(Added::deserialize(&value).ok());
            let (id, token) = token.ok_or_else(|| {
                error(&format!("{DECODER}.{id}"), &value, "an id with a token is expected")
            })?;
            by_text.insert(token.content.clone(), token.clone());
            self.added.insert(id, token);
        }
        Ok(())
    }

    /// The files of older versions, which count without an `added_tokens_decoder`.
    fn read_legacy(
        &mut self,
        values: &mut Map<String, Value>,
        files: SettingsFiles<'_>,
        by_text: &mut HashMap<String, Added>,
        notes: &mut Vec<Note>,
    ) -> Result<()> {
        // An object in the other file is no token yet when the added tokens are read.
        let mut special: Vec<String> = Vec::new();
        let content = |token: &Value| token.get("content")?.as_str().map(str::to_owned);
        for (key, value) in object(files.special, SPECIAL, notes)?.unwrap_or_default() {
            if ROLES.contains(&key.as_str()) {
                special.extend(content(&value));
            }
            let value = match value {
                Value::Object(mut token) if key != EXTRA => {
                    token.insert("special".into(), true.into());
                    token.insert("__type".into(), "AddedToken".into());
                    token.into()
                }
                Value::Array(more) if key == EXTRA => {
                    special.extend(more.iter().filter_map(content));
                    let all = values.get(EXTRA).and_then(Value::as_array).cloned();
                    let mut all = all.unwrap_or_default();
                    for mut token in more {
                        if let Value::Object(token) = &mut token
                            && !token.contains_key("special")
                        {
                            token.insert("special".into(), true.into());
                            token.insert("__type".into(), "AddedToken".into());
                        }
                        if !all.contains(&token) {
                            all.push(token);
                        }
                    }
                    all.into()
                }
                other => other,
            };
            values.insert(key, value);
        }
        if let Some(Value::Object(tokens)) = values.get(EXTRA).cloned() {
            values.shift_remove(EXTRA);
            let mut all = values.get(SPECIFIC).and_then(Value::as_object).cloned();
            all.get_or_insert_default().extend(tokens);
            values.insert(SPECIFIC.to_owned(), all.unwrap_or_default().into());
        }
        let named = ROLES.iter().filter_map(|role| values.get(*role));
        let extra = values.get(EXTRA).and_then(Value::as_array).into_iter().flatten();
        special.extend(named.chain(extra).filter_map(Value::as_str).map(str::to_owned));
        for (text, id) in object(files.added, ADDED, notes)?.unwrap_or_default() {
            let Some(id) = id.as_u64() else {
                return Err(error_in(ADDED, &text, &id, "an id is expected"));
            };
            let is_special = special.contains(&text);
            let token = Added::new(&text, is_special, Some(!is_special));
            by_text.insert(text, token.clone());
            self.added.insert(id, token);
        }
        for listed in files.listed.into_iter().flatten() {
            let token = Added::from(listed.token.clone());
            by_text.insert(token.content.clone(), token.clone());
            self.added.insert(listed.id.into(), token);
        }
        Ok(())
    }

    /// Special tokens with other names than the seven of [`ROLES`].
    fn read_specific(&mut self, values: &mut Map<String, Value>) -> Result<()> {
        let named = |key: &str, value: &Value| {
            key.ends_with("_token") && Token::parse(value).is_some() && !ROLES.contains(&key)
        };
        let keys: Vec<_> =
            values.iter().filter(|(k, v)| named(k, v)).map(|(k, _)| k.clone()).collect();
        let mut all: Vec<(String, Value)> =
            keys.into_iter().filter_map(|key| values.shift_remove_entry(&key)).collect();
        match values.shift_remove(SPECIFIC) {
            None | Some(Value::Null) => {}
            Some(Value::Object(tokens)) => all.extend(tokens),
            Some(other) => return Err(error(SPECIFIC, &other, "an object of tokens is expected")),
        }
        for (name, value) in all {
            let token =
                Token::parse(&value).ok_or_else(|| error(&name, &value, "a token is expected"))?;
            match self.specific.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = token,
                None => self.specific.push((name, token)),
            }
        }
        Ok(())
    }

    /// Gives a named token its default, unless a file has the key.
    pub(super) fn default_token(&mut self, role: &'static str, text: &str) {
        let token = || Some(text).filter(|text| !text.is_empty());
        self.named.entry(role).or_insert_with(|| token().map(|text| Token::Text(text.to_owned())));
    }

    /// Gives the padding token the default of `tokenizer.json`.
    pub(super) fn default_padding(&mut self, text: Option<String>) {
        if let Some(text) = text {
            self.named.entry("pad_token").or_insert(Some(Token::Text(text)));
        }
    }

    /// Replaces a named token that is only a text.
    pub(super) fn flags(&mut self, role: &'static str, token: impl FnOnce(&str) -> Added) {
        if let Some(Some(given)) = self.named.get_mut(role)
            && let Token::Text(text) = given
        {
            *given = Token::Added(token(text));
        }
    }

    /// A named token.
    pub(super) fn named(&self, role: &str) -> Option<&Token> {
        self.named.get(role).and_then(Option::as_ref)
    }

    /// Whether a file says that there is no token of a role.
    pub(super) fn is_null(&self, role: &str) -> bool {
        self.named.get(role).is_some_and(Option::is_none)
    }

    /// All named tokens with other names last, in the order in which they are added.
    pub(super) fn all_named(&self) -> impl Iterator<Item = &Token> {
        let roles = ROLES.iter().filter_map(|role| self.named(role));
        roles.chain(self.specific.iter().map(|(_, token)| token))
    }

    /// Fails if tokens that a file gives are needed and cannot be used.
    pub(super) fn check_additional(&mut self) -> Result<()> {
        let error = self.wrong_additional.take();
        error.filter(|_| self.extra.is_none() && self.additional.is_none()).map_or(Ok(()), Err)
    }

    /// Extra special tokens.
    pub(super) fn extra(&self) -> &[Token] {
        self.extra.as_ref().or(self.additional.as_ref()).map_or(&[], Vec::as_slice)
    }

    /// A truth value, or its default; null is an error.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.values.get(key) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(error(key, other, "true or false is expected")),
        }
    }

    /// A truth value whose null counts as false.
    pub(super) fn flag_or_null(&self, key: &str, default: bool) -> Result<bool> {
        match self.values.get(key) {
            Some(Value::Null) => Ok(false),
            _ => self.flag(key, default),
        }
    }

    /// A truth value, if there is one.
    pub(super) fn optional_flag(&self, key: &str) -> Result<Option<bool>> {
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(error(key, other, "true or false is expected")),
        }
    }

    /// Whether long texts are cut at their start.
    pub(super) fn cuts_start(&self) -> Result<bool> {
        match self.values.get("truncation_side") {
            None | Some(Value::Null) => Ok(false),
            Some(side) if side == "right" => Ok(false),
            Some(side) if side == "left" => Ok(true),
            Some(other) => Err(error("truncation_side", other, "left or right is expected")),
        }
    }

    /// A number, or its default.
    pub(super) fn number(&self, key: &str, default: usize) -> Result<usize> {
        match self.values.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .ok_or_else(|| error(key, value, "a whole number is expected")),
        }
    }

    /// A text, or its default; null stands for the default.
    pub(super) fn text_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str> {
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::String(value)) => Ok(value),
            Some(other) => Err(error(key, other, "a text is expected")),
        }
    }

    /// A text, or its default; none for null.
    pub(super) fn text_unless_null(&self, key: &str, default: &str) -> Result<Option<String>> {
        match self.values.get(key) {
            Some(Value::Null) => Ok(None),
            _ => self.text_or(key, default).map(|text| Some(text.to_owned())),
        }
    }

    /// Fails if a side is another than the one that is supported.
    pub(super) fn side(&self, key: &str, side: &str) -> Result<()> {
        match self.values.get(key) {
            None => Ok(()),
            Some(Value::String(value)) if value == side => Ok(()),
            Some(other) => Err(error(key, other, &format!("only {side} is supported"))),
        }
    }

    /// Gives special tokens with names of a class their defaults, and puts them first.
    pub(super) fn default_specific(&mut self, tokens: &[(&str, &str)]) {
        let default =
            |(name, text): &(&str, &str)| ((*name).to_owned(), Token::Text((*text).to_owned()));
        let mut all: Vec<_> = tokens.iter().map(default).collect();
        for (name, token) in std::mem::take(&mut self.specific) {
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = token,
                None => all.push((name, token)),
            }
        }
        self.specific = all;
    }

    /// Sets a value unless a file has the key.
    pub(super) fn default_value(&mut self, key: &str, value: Value) {
        self.values.entry(key).or_insert(value);
    }

    /// Sets a value.
    pub(super) fn set_value(&mut self, key: &str, value: Value) {
        self.values.insert(key.to_owned(), value);
    }

    /// Whether a file has the key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }
}

/// Takes the texts of named tokens with other names.
fn take_specific(values: &mut Map<String, Value>) -> Map<String, Value> {
    let named = |key: &str, value: &Value| {
        key.ends_with("_token") && value.is_string() && !ROLES.contains(&key)
    };
    let keys: Vec<_> = values.iter().filter(|(k, v)| named(k, v)).map(|(k, _)| k.clone()).collect();
    keys.into_iter().filter_map(|key| values.shift_remove_entry(&key)).collect()
}

/// A list of tokens; empty for null.
fn tokens(values: &mut Map<String, Value>, key: &str) -> Result<Option<Vec<Token>>> {
    match values.shift_remove(key) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Vec::new())),
        Some(Value::Array(list)) => {
            let parse =
                |value| Token::parse(value).ok_or_else(|| error(key, value, "tokens are expected"));
            list.iter().map(parse).collect::<Result<_>>().map(Some)
        }
        Some(other) => Err(error(key, &other, "a list of tokens is expected")),
    }
}

/// Whether Python takes a value for true.
fn filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
    }
}

/// The JSON object in a file, if the file exists.
pub(super) fn object(
    bytes: Option<&[u8]>,
    file: &str,
    notes: &mut Vec<Note>,
) -> Result<Option<Map<String, Value>>> {
    let Some(bytes) = bytes else { return Ok(None) };
    let parsed = serde_json::from_value(json::read(file, bytes, notes)?);
    parsed.map(Some).map_err(|source| Error::Json { file: file.to_owned(), source })
}

/// The error of a value in `tokenizer_config.json`.
pub(super) fn error(key: &str, value: &Value, reason: &str) -> Error {
    error_in(CONFIG, key, value, reason)
}

fn error_in(file: &str, key: &str, value: &Value, reason: &str) -> Error {
    let short: String = value.to_string().chars().take(80).collect();
    Error::Config {
        file: file.to_owned(),
        key: key.to_owned(),
        value: short,
        reason: reason.to_owned(),
    }
}
