//! Kernels for f32 on a CPU: functions over slices, vectorised for the machine at run time, parallel
//! over rows.
//!
//! Each equals an operation of [`crate::ops`] for any device; tests compare the two. The digits of a
//! row depend neither on the other rows nor on the number of threads.

mod aligned;
mod attention;
mod functions;
mod linear;
mod norm;
mod packed;
mod product;

pub(crate) use attention::{Attention, Distances, Rotation, attention, rotate};
pub(crate) use linear::{linear, mlp};
pub(crate) use norm::{NormWeights, norm, sum};
pub(crate) use packed::{PackedLinear, Rows};
pub use product::vector_lanes;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// A kernel with the widths of its input and output rows.
struct RowKernel<F> {
    name: &'static str,
    inputs: usize,
    outputs: usize,
    run: F,
}

/// Runs a kernel on `[tokens, inputs]`; the result is `[tokens, outputs]`.
pub(crate) fn apply(
    name: &'static str,
    x: &Tensor,
    inputs: usize,
    outputs: usize,
    run: impl Fn(&[f32]) -> Vec<f32>,
) -> Result<Tensor> {
    x.contiguous()?.apply_op1_no_bwd(&RowKernel { name, inputs, outputs, run })
}

/// Runs a kernel on two tensors `[tokens, d]`; the result has the same shape.
pub(crate) fn apply_pair(
    name: &'static str,
    x: &Tensor,
    y: &Tensor,
    d: usize,
    run: impl Fn(&[f32], &[f32]) -> Vec<f32>,
) -> Result<Tensor> {
    let op = RowKernel { name, inputs: d, outputs: d, run };
    x.contiguous()?.apply_op2_no_bwd(&y.contiguous()?, &op)
}

impl<F: Fn(&[f32]) -> Vec<f32>> CustomOp1 for RowKernel<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (values, tokens) = values(x, layout, self.inputs)?;
        Ok((CpuStorage::F32((self.run)(values)), (tokens, self.outputs).into()))
    }
}

impl<F: Fn(&[f32], &[f32]) -> Vec<f32>> CustomOp2 for RowKernel<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, tokens) = values(x, x_layout, self.inputs)?;
        let (y, others) = values(y, y_layout, self.inputs)?;
        if tokens != others {
            bail!("{}: {tokens} rows and {others}", self.name);
        }
        Ok((CpuStorage::F32((self.run)(x, y)), (tokens, self.outputs).into()))
    }
}

/// The values of a contiguous f32 tensor `[tokens, d]`, and its number of rows.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout, d: usize) -> Result<(&'a [f32], usize)> {
    let (tokens, width) = layout.shape().dims2()?;
    match layout.contiguous_offsets() {
        Some((start, end)) if width == d => Ok((&storage.as_slice::<f32>()?[start..end], tokens)),
        _ => bail!("a kernel for contiguous rows of {d} was given {layout:?}"),
    }
}

#[cfg(test)]
mod tests;
