//! Choices by name.

use clap::ValueEnum;
use stratoscope::crates::extractor::Format;
use stratoscope::explore::{Alignment, Reducer};
use stratoscope::{LongText, Metric, Pooling};

/// Declares the names of a library's enum as a choice on the command line.
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
        /// The cosine of the vectors as they are
        Cosine,
        /// After the layer's mean is subtracted
        Centred,
        /// After every dimension is standardised: no few large ones can carry it
        Standardised,
        /// The distance instead
        Euclidean,
    }
);
/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceName {
    /// The processor
    Cpu,
    /// The first NVIDIA GPU
    Cuda,
    /// The GPU of a Mac
    Metal,
    /// A GPU where this build and this machine have one, else the processor
    Auto,
}

/// The type of number that a model computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    /// 32 bits
    F32,
    /// 16 bits
    F16,
    /// 16 bits, with the range of 32
    Bf16,
}

choice!(
    FormatName of Format {
        /// Arrays by name
        Safetensors,
        /// The same for numpy
        Npz,
        /// A table: a row a token, a list a layer
        Parquet,
    }
);
choice!(
    ReducerName of Reducer {
        /// The directions of the greatest variance
        Pca,
        /// Near neighbours stay near
        Tsne,
        /// Random directions
        Random,
    }
);
choice!(
    AlignName of Alignment {
        /// One basis for all layers
        Joint,
        /// A map a layer, turned onto the one before
        Procrustes,
        /// A map a layer
        None,
    }
);
choice!(
    LongName of LongText {
        /// An error before anything is computed
        Refuse,
        /// Keep the beginning
        Cut,
        /// Read it in windows that overlap by half
        Window,
    }
);
choice!(
    PoolingName of Pooling {
        /// The first one
        First,
        /// The last one
        Last,
        /// Their mean
        Mean,
        /// The largest value of each dimension
        Max,
    }
);
