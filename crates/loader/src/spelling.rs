//! From the spelling of a token in a vocabulary to its text.

/// The text of a token. `Ġbank` and `▁bank` become ` bank`; `##s` stays as it is, as a sign that the
/// word continues. Bytes of an incomplete character become `<0xE4>`.
pub(crate) fn text_of(token: &str, byte_level: bool) -> String {
    if !byte_level {
        return token.replace('▁', " ");
    }
    // Added tokens are not spelled in bytes.
    let Some(bytes) = token.chars().map(byte).collect::<Option<Vec<u8>>>() else {
        return token.to_owned();
    };
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("<0x{byte:02X}>")));
    }
    text
}

/// The byte of a character of a byte-level vocabulary (Radford et al. 2019): printable bytes are
/// characters of the same code, the others follow in order from U+0100.
fn byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    let byte = match code {
        33..=126 | 161..=172 | 174..=255 => code,
        256..=288 => code - 256,
        289..=322 => code - 289 + 127,
        323 => 173,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let mut bytes: Vec<u8> = (0..=0x200).filter_map(char::from_u32).filter_map(byte).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn spaces_are_spaces_and_halves_of_characters_are_bytes() {
        assert_eq!(text_of("Ġbank", true), " bank");
        assert_eq!(text_of("Ċ", true), "\n");
        assert_eq!(text_of("cafÃ©", true), "café");
        assert_eq!(text_of("ä¸", true), "<0xE4><0xB8>");
        assert_eq!(text_of("a b", true), "a b");
        assert_eq!(text_of("▁bank", false), " bank");
        assert_eq!(text_of("##s", false), "##s");
        assert_eq!(text_of("", true), "");
    }
    #[test]
    fn a_tokenizer_tells_text_id_and_mask() {
        use crate::tokenizer::tests::tokenizer;
        let vocab = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nbank\n##s\n";
        let words = tokenizer("bert", &[("vocab.txt", vocab)]);
        assert_eq!((words.mask_id(), words.id("##s"), words.id("x")), (Some(4), Some(6), None));
        assert_eq!(words.text(6).as_deref(), Some("##s"));
        let vocab = br#"{"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"a":4,"\u0120":5,"\u0120a":6}"#;
        let merges = "#version: 0.2\nĠ a\n".as_bytes();
        let bytes = tokenizer("roberta", &[("vocab.json", vocab), ("merges.txt", merges)]);
        // The class adds its mask to a vocabulary without one.
        assert_eq!((bytes.mask_id(), bytes.text(6).as_deref()), (Some(7), Some(" a")));
        assert_eq!(bytes.text(0).as_deref(), Some("<s>"));
    }
}
