//! Functions at hook points that see and replace values: patching and ablation.

use crate::error::Result;
use crate::values::array;
use candle_core::Tensor;
use ndarray::{Array2, ArrayView2};
use std::fmt;
use stratoscope_transformer::{HookPoint, Hooks, Recorder, Result as Forward};

/// A function at a hook point: it receives the value, and may return a replacement.
type Function<'a> = Box<dyn FnMut(ArrayView2<'_, f32>) -> Option<Array2<f32>> + 'a>;

/// Functions at hook points, for [`run_with_hooks`](crate::run_with_hooks).
///
/// ```
/// use stratoscope_extractor::Interventions;
///
/// # fn main() -> Result<(), stratoscope_extractor::Error> {
/// // Block 3 without its attention; the largest value after block 5.
/// let mut largest = 0f32;
/// let interventions = Interventions::new()
///     .at("blocks.3.hook_attn_out", |value| Some(value.map(|_| 0.0)))?
///     .at("blocks.5.hook_resid_post", |value| {
///         largest = value.iter().copied().fold(0.0, f32::max);
///         None
///     })?;
/// # drop(interventions);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Interventions<'a> {
    functions: Vec<(HookPoint, Function<'a>)>,
}

impl fmt::Debug for Interventions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.functions.iter().map(|(point, _)| point)).finish()
    }
}

impl<'a> Interventions<'a> {
    /// No functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function at a hook point, by the name of the point. The function receives the value as
    /// f32, `[tokens, d_model]` for the residual stream (other shapes: [`HookPoint`]), and returns a
    /// replacement of the same shape, or `None` to leave the value as it is. Several functions at one
    /// point run in the order in which they were added.
    ///
    /// # Errors
    /// A name that is not a hook point.
    pub fn at(
        mut self,
        name: &str,
        function: impl FnMut(ArrayView2<'_, f32>) -> Option<Array2<f32>> + 'a,
    ) -> Result<Self> {
        self.functions.push((name.parse()?, Box::new(function)));
        Ok(self)
    }

    /// Hooks that run the functions, then record.
    pub(crate) fn before(&mut self, recorder: Recorder) -> Intervening<'_, 'a> {
        Intervening { interventions: self, recorder }
    }
}

/// Functions and a recorder that sees their results.
pub(crate) struct Intervening<'i, 'a> {
    interventions: &'i mut Interventions<'a>,
    pub(crate) recorder: Recorder,
}

impl Hooks for Intervening<'_, '_> {
    fn points(&self) -> Vec<HookPoint> {
        let mut points = self.recorder.points();
        points.extend(self.interventions.functions.iter().map(|(point, _)| *point));
        points
    }

    fn at(&mut self, point: HookPoint, mut value: Tensor) -> Forward<Tensor> {
        let functions = self.interventions.functions.iter_mut();
        for (_, function) in functions.filter(|(at, _)| *at == point) {
            let array = array(&value)?;
            if let Some(replacement) = function(array.view()) {
                let shape = replacement.dim();
                let values: Vec<f32> = replacement.into_iter().collect();
                let tensor = Tensor::from_vec(values, shape, value.device())?;
                value = tensor.to_dtype(value.dtype())?;
            }
        }
        if self.recorder.points().contains(&point) {
            value = self.recorder.at(point, value)?;
        }
        Ok(value)
    }
}
