//! The names of the files of a model in several files: `model-00001-of-00003.gguf`.

/// The name of one of these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    stem: String,
    /// The number of the file, from 1.
    pub(crate) number: u64,
    /// The number of files.
    pub(crate) count: u64,
    ending: String,
}

/// More files than any model has.
const MAX_FILES: u64 = 10_000;

impl Name {
    /// The parts of a name; none for a name of another form.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (rest, ending) = name.rsplit_once('.')?;
        let (rest, count) = rest.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        let digits = |text: &str| {
            let plain = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| plain)
        };
        let (number, count) = (digits(number)?, digits(count)?);
        let fits = number >= 1 && number <= count && count <= MAX_FILES;
        let (stem, ending) = (stem.to_owned(), ending.to_owned());
        fits.then_some(Self { stem, number, count, ending })
    }

    /// The names of the other files, in order.
    pub(crate) fn others(&self) -> Vec<String> {
        let Self { stem, count, ending, .. } = self;
        let numbers = (1..=*count).filter(|number| *number != self.number);
        numbers.map(|number| format!("{stem}-{number:05}-of-{count:05}.{ending}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_other_files() {
        let name = Name::of("some-model-Q4_K_M-00002-of-00003.gguf").unwrap();
        assert_eq!((name.number, name.count), (2, 3));
        let others = ["1", "3"].map(|n| format!("some-model-Q4_K_M-0000{n}-of-00003.gguf"));
        assert_eq!(name.others(), others);
        for other in [
            "model.gguf",
            "model-1-of-3.gguf",
            "model-00004-of-00003.gguf",
            "model-00000-of-00003.gguf",
            "model-0000x-of-00003.gguf",
            "00001-of-00002.gguf",
            "m-00001-of-99999.gguf",
        ] {
            assert_eq!(Name::of(other), None, "{other}");
        }
    }
}
