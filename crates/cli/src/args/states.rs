//! `--from` and what belongs to it: states in place of a model.

use clap::Args as Group;
use std::path::PathBuf;
use stratoscope::Axes;

/// States that were computed before, in place of a model.
#[derive(Debug, Clone, Group)]
#[group(id = "states")]
pub(crate) struct StatesArgs {
    /// Read the states from a file in place of a model: a states file or a folder of extract, or a
    /// .safetensors or .npz file of another program (vLLM, nnsight, transformers) with
    /// hidden_states, or a folder of such files in the order of their names.
    #[arg(
        long,
        value_name = "STATES",
        conflicts_with_all = ["model", "device", "dtype", "memory", "revision", "allow_pickle"]
    )]
    pub(crate) from: Option<PathBuf>,
    /// The order of the axes of hidden_states in a file of another program, such as
    /// layers,tokens,d, tokens,layers,d or layers,batch,tokens,d [default: the only order that fits
    /// the other arrays].
    #[arg(long, value_name = "ORDER", requires = "from")]
    pub(crate) axes: Option<Axes>,
    /// The numbers of the layers in the file, such as 1-4,8, if it does not have them; 0 is the
    /// embedding [default: 0, 1, …].
    #[arg(long, value_name = "LIST", requires = "from", value_parser = layer_numbers)]
    pub(crate) from_layers: Option<LayerNumbers>,
    /// The name of the model of the states, if the file does not have it.
    #[arg(long, value_name = "NAME", requires = "from")]
    pub(crate) from_model: Option<String>,
    /// The tokenizer.json of the model, or the folder that has it: for a file with token ids and
    /// without tokens or offsets.
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// Whether the model of the states is causal [default: what the states show].
    #[arg(long, value_name = "true|false", requires = "from", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) causal: Option<bool>,
}

/// The numbers of layers, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerNumbers(pub(crate) Vec<usize>);

/// Parses numbers and ranges.
fn layer_numbers(text: &str) -> Result<LayerNumbers, String> {
    let wrong = || "ascending layers such as 0,4,8-12 are expected".to_owned();
    let mut all: Vec<usize> = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u16>().map(usize::from).map_err(|_| wrong());
        let (first, last) = (number(first)?, number(last)?);
        if all.last().is_some_and(|before| *before >= first) || first > last {
            return Err(wrong());
        }
        all.extend(first..=last);
    }
    Ok(LayerNumbers(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_layers() {
        assert_eq!(layer_numbers("0,4,8-10").unwrap().0, [0, 4, 8, 9, 10]);
        for wrong in ["", "-1", "3,3", "4-2", "a", "1,0", "2-"] {
            assert!(layer_numbers(wrong).is_err(), "{wrong}");
        }
    }
}
