//! The messages of `sentencepiece_model.proto` that a tokenizer needs.

use prost::DecodeError;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// A piece of a vocabulary.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) score: f32,
    /// Its kind: normal, unknown, control, user-defined, unused or byte, from 1.
    pub(super) kind: i32,
}

/// `TrainerSpec`.
pub(super) struct TrainerSpec {
    /// 1 for a Unigram model.
    pub(super) model_type: i32,
    pub(super) byte_fallback: bool,
    pub(super) unk_id: i32,
    pub(super) bos_id: i32,
    pub(super) eos_id: i32,
    pub(super) unk_piece: String,
    pub(super) bos_piece: String,
    pub(super) eos_piece: String,
}

/// `NormalizerSpec`.
pub(super) struct NormalizerSpec {
    /// The table of characters; empty if there is none.
    pub(super) characters: Vec<u8>,
    pub(super) add_dummy_prefix: bool,
    pub(super) remove_extra_whitespaces: bool,
    pub(super) escape_whitespaces: bool,
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
    Other,
}

impl Value<'_> {
    fn number(&self) -> Result<i32, String> {
        match self {
            // Negative numbers have 64 bits.
            Self::Number(number) => Ok(*number as i32),
            _ => Err("a number is expected".to_owned()),
        }
    }

    fn flag(&self) -> Result<bool, String> {
        self.number().map(|number| number != 0)
    }

    fn bytes(&self) -> Result<&[u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("a message or a text is expected".to_owned()),
        }
    }

    fn text(&self) -> Result<String, String> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|error| error.to_string())?;
        Ok(text.to_owned())
    }
}

/// Passes the fields of a message to `take`, in order.
fn fields(
    mut message: &[u8],
    mut take: impl FnMut(u32, Value<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let wrong = |error: DecodeError| error.to_string();
    let cut = || "it is cut".to_owned();
    while !message.is_empty() {
        let (tag, kind) = decode_key(&mut message).map_err(wrong)?;
        let value = match kind {
            WireType::Varint => Value::Number(decode_varint(&mut message).map_err(wrong)?),
            WireType::ThirtyTwoBit => Value::Float(message.try_get_f32_le().map_err(|_| cut())?),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).map_err(wrong)?;
                let length = usize::try_from(length).map_err(|_| cut())?;
                let (bytes, rest) = message.split_at_checked(length).ok_or_else(cut)?;
                message = rest;
                Value::Bytes(bytes)
            }
            other => {
                skip_field(other, tag, &mut message, DecodeContext::default()).map_err(wrong)?;
                Value::Other
            }
        };
        take(tag, value)?;
    }
    Ok(())
}

/// Reads a model: its pieces, and how it was trained and normalizes.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<Piece>, TrainerSpec, NormalizerSpec), String> {
    let mut pieces = Vec::new();
    let mut trainer = TrainerSpec {
        model_type: 1,
        byte_fallback: false,
        unk_id: 0,
        bos_id: 1,
        eos_id: 2,
        unk_piece: "<unk>".to_owned(),
        bos_piece: "<s>".to_owned(),
        eos_piece: "</s>".to_owned(),
    };
    let mut normalizer = NormalizerSpec {
        characters: Vec::new(),
        add_dummy_prefix: true,
        remove_extra_whitespaces: true,
        escape_whitespaces: true,
    };
    fields(bytes, |tag, value| {
        match tag {
            1 => pieces.push(piece(value.bytes()?)?),
            2 => fields(value.bytes()?, |tag, value| {
                match tag {
                    3 => trainer.model_type = value.number()?,
                    35 => trainer.byte_fallback = value.flag()?,
                    40 => trainer.unk_id = value.number()?,
                    41 => trainer.bos_id = value.number()?,
                    42 => trainer.eos_id = value.number()?,
                    45 => trainer.unk_piece = value.text()?,
                    46 => trainer.bos_piece = value.text()?,
                    47 => trainer.eos_piece = value.text()?,
                    _ => {}
                }
                Ok(())
            })?,
            3 => fields(value.bytes()?, |tag, value| {
                match tag {
                    2 => normalizer.characters = value.bytes()?.to_vec(),
                    3 => normalizer.add_dummy_prefix = value.flag()?,
                    4 => normalizer.remove_extra_whitespaces = value.flag()?,
                    5 => normalizer.escape_whitespaces = value.flag()?,
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((pieces, trainer, normalizer))
}

fn piece(message: &[u8]) -> Result<Piece, String> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: 1 };
    fields(message, |tag, value| {
        match (tag, value) {
            (1, value) => piece.text = value.text()?,
            (2, Value::Float(score)) if !score.is_nan() => piece.score = score,
            (2, _) => return Err("a score is expected".to_owned()),
            (3, value) => piece.kind = value.number()?,
            _ => {}
        }
        Ok(())
    })?;
    match piece.text.is_empty() {
        // SentencePiece refuses such pieces too.
        true => Err("a piece is empty".to_owned()),
        false => Ok(piece),
    }
}
