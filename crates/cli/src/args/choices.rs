//! Arguments that are a choice between names.

use clap::ValueEnum;
use stratoscope::crates::extractor::Format;
use stratoscope::explore::{Alignment, Reducer};
use stratoscope::{FigureFormat, LongText, Metric, Pooling};

/// Makes an enum of the library a choice on the command line.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident of $of:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant),+ }

        impl From<$name> for $of {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => $of::$variant),+ }
            }
        }
    };
}

choice!(
    MetricName of Metric {
        /// The cosine of the vectors
        Cosine,
        /// The cosine after the mean of the layer is subtracted
        Centred,
        /// The cosine after every dimension is standardised: no few large dimensions dominate it
        Standardised,
        /// The Euclidean distance
        Euclidean,
    }
);

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceName {
    /// The CPU
    Cpu,
    /// The first NVIDIA GPU
    Cuda,
    /// The GPU of a Mac
    Metal,
    /// A GPU if this build and this machine have one, otherwise the CPU
    Auto,
}

/// The number type in which a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    /// 32 bits
    F32,
    /// 16 bits
    F16,
    /// 16 bits, with the range of 32-bit numbers
    Bf16,
}

/// What `extract` writes to a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// Named arrays
    Safetensors,
    /// Named arrays for NumPy
    Npz,
    /// A table with one row per token and one list per layer
    Parquet,
    /// vectors.tsv and metadata.tsv for the Embedding Projector, made in memory; of several layers,
    /// the rows of each follow one another
    Projector,
}

impl FormatName {
    /// The format of a states file; none for the Embedding Projector.
    pub(crate) fn of_states(self) -> Option<Format> {
        match self {
            Self::Safetensors => Some(Format::Safetensors),
            Self::Npz => Some(Format::Npz),
            Self::Parquet => Some(Format::Parquet),
            Self::Projector => None,
        }
    }
}
choice!(
    FigureFormatName of FigureFormat {
        /// A vector picture for browsers
        Svg,
        /// Pixels
        Png,
        /// A vector picture for documents, with its fonts
        Pdf,
        /// The numbers as Markdown tables
        Md,
    }
);
choice!(
    ReducerName of Reducer {
        /// The two directions of the greatest variance
        Pca,
        /// t-SNE: near neighbours stay near; distances have no meaning
        Tsne,
        /// Two random directions
        Random,
    }
);
choice!(
    AlignName of Alignment {
        /// One basis for all layers
        Joint,
        /// One map per layer, each aligned with the layer before
        Procrustes,
        /// One map per layer, not aligned
        None,
    }
);
choice!(
    LongName of LongText {
        /// An error, before anything is computed
        Refuse,
        /// Keep only the beginning, with a warning
        Cut,
        /// Read the text in windows that overlap by half, with a warning
        Window,
    }
);
choice!(
    PoolingName of Pooling {
        /// The first vector
        First,
        /// The last vector
        Last,
        /// The mean
        Mean,
        /// The maximum of each dimension
        Max,
        /// The sum, divided by the square root of the number of vectors
        MeanSqrtLen,
        /// The mean, in which later vectors count more (weights 1, 2, 3, …)
        WeightedMean,
    }
);
