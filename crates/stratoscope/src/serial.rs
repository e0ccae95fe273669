//! Serialization of options of other crates: JSON has the names of the command line.

use serde::{Serialize, Serializer};
use stratoscope_extractor::{LayerSelection, LongText};
use stratoscope_geometry::Metric;
use stratoscope_loader::Pooling;

pub(crate) fn metric<S: Serializer>(metric: &Metric, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(metric.name())
}

pub(crate) fn pooling<S: Serializer>(pooling: &Pooling, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(pooling.name())
}

pub(crate) fn some_pooling<S: Serializer>(
    pooling: &Option<Pooling>,
    to: S,
) -> Result<S::Ok, S::Error> {
    pooling.map(Pooling::name).serialize(to)
}

pub(crate) fn long<S: Serializer>(long: &LongText, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(long.name())
}

pub(crate) fn layers<S: Serializer>(layers: &LayerSelection, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match layers {
        LayerSelection::All => "all",
        LayerSelection::Some(text) => text,
    })
}
