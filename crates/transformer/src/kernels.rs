//! Kernels for a CPU: functions over slices, vectorised for the machine at run time, parallel over rows.
//!
//! Values are f32. For a model in f16 or bf16 they are numbers of that type: each kernel rounds the values
//! that PyTorch in that type would store ([`Rounding`]), and sums in f32.
//!
//! Each kernel equals an operation of [`crate::ops`] for any device; tests compare the two. The digits of
//! a row depend neither on the other rows nor on the number of threads.

mod aligned;
mod amx;
mod attention;
mod bf16;
mod buffers;
mod convolution;
mod distances;
mod experts;
mod functions;
mod linear;
mod norm;
mod packed;
mod parts;
mod product;
mod rotation;
mod rounding;
mod transposed;

pub(crate) use attention::{Attention, Relative, attention, mix, patterns};
pub(crate) use buffers::{Release, reuse};
pub(crate) use convolution::{
    ChannelNorm, ConvolutionNorm, TimeConvolution, convolve, convolve_groups,
};
pub(crate) use distances::{DistanceVectors, Distances, HeadVectors, OffsetRows};
pub(crate) use experts::{Expert, experts, times_sigmoid};
pub(crate) use linear::{Finish, linear, mlp};
pub(crate) use norm::{NormWeights, norm, round, sum};
pub(crate) use packed::{PackedLinear, Values};
pub(crate) use product::vectors;
pub(crate) use rotation::{Rotation, rotate};
pub(crate) use rounding::Rounding;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// A kernel with the shapes of its inputs and of its output.
struct Kernel<F, const N: usize> {
    name: &'static str,
    inputs: [(usize, usize); N],
    output: (usize, usize),
    run: F,
}

/// Runs a kernel on rows of `inputs` values, `[tokens, inputs]`; the result is `[tokens, outputs]`.
pub(crate) fn apply(
    name: &'static str,
    x: &Tensor,
    inputs: usize,
    outputs: usize,
    run: impl Fn(&[f32]) -> Vec<f32>,
) -> Result<Tensor> {
    let tokens = x.dim(0)?;
    apply_to(name, x, (tokens, inputs), (tokens, outputs), run)
}

/// Runs a kernel on a matrix of the shape `input`; the result is a matrix of the shape `output`.
pub(crate) fn apply_to(
    name: &'static str,
    x: &Tensor,
    input: (usize, usize),
    output: (usize, usize),
    run: impl Fn(&[f32]) -> Vec<f32>,
) -> Result<Tensor> {
    x.contiguous()?.apply_op1_no_bwd(&Kernel { name, inputs: [input], output, run })
}

/// Runs a kernel on two matrices of the shapes `inputs`; the result is a matrix of the shape `output`.
pub(crate) fn apply_pair(
    name: &'static str,
    [x, y]: [&Tensor; 2],
    inputs: [(usize, usize); 2],
    output: (usize, usize),
    run: impl Fn(&[f32], &[f32]) -> Vec<f32>,
) -> Result<Tensor> {
    x.contiguous()?.apply_op2_no_bwd(&y.contiguous()?, &Kernel { name, inputs, output, run })
}

impl<F: Fn(&[f32]) -> Vec<f32>> CustomOp1 for Kernel<F, 1> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = (self.run)(values(self.name, x, layout, self.inputs[0])?);
        Ok((CpuStorage::F32(out), self.output.into()))
    }
}

impl<F: Fn(&[f32], &[f32]) -> Vec<f32>> CustomOp2 for Kernel<F, 2> {
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
        let x = values(self.name, x, x_layout, self.inputs[0])?;
        let y = values(self.name, y, y_layout, self.inputs[1])?;
        Ok((CpuStorage::F32((self.run)(x, y)), self.output.into()))
    }
}

/// The values of a contiguous f32 matrix of this shape.
fn values<'a>(
    name: &str,
    storage: &'a CpuStorage,
    layout: &Layout,
    shape: (usize, usize),
) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) if layout.shape().dims2()? == shape => {
            Ok(&storage.as_slice::<f32>()?[start..end])
        }
        _ => bail!("{name}: the kernel for contiguous {shape:?} was given {layout:?}"),
    }
}

/// Whether this machine has tiles for bf16 (AMX).
#[cfg(test)]
pub(crate) fn has_tiles() -> bool {
    amx::available()
}

#[cfg(test)]
mod tests;
