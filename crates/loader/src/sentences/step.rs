//! The modules after the pooling: linear layers and norms, in f64.

use candle_core::cpu::erf::erf_f64;

/// A module of sentence-transformers after the pooling.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// A linear layer.
    Dense(Dense),
    /// A layer norm, with ε 1e-5.
    LayerNorm {
        /// `[width]`.
        weight: Vec<f32>,
        /// `[width]`.
        bias: Vec<f32>,
    },
    /// Division by the length of the vector (at least 1e-12).
    Normalize,
}

/// `y = f(W x + b)`, plus the residual if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[outputs, inputs]`.
    pub(super) weight: Vec<f32>,
    /// `[outputs]`.
    pub(super) bias: Option<Vec<f32>>,
    pub(super) activation: Activation,
    pub(super) residual: Residual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Residual {
    None,
    Input,
    /// `[outputs, inputs]`.
    Projected(Vec<f32>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Activation {
    Identity,
    Tanh,
    Relu,
    Gelu,
    Sigmoid,
    Silu,
}

/// The names of PyTorch's classes.
const ACTIVATIONS: [(&str, Activation); 6] = [
    ("Identity", Activation::Identity),
    ("Tanh", Activation::Tanh),
    ("ReLU", Activation::Relu),
    ("GELU", Activation::Gelu),
    ("Sigmoid", Activation::Sigmoid),
    ("SiLU", Activation::Silu),
];

impl Activation {
    /// The activation of PyTorch's class.
    pub(super) fn named(class: &str) -> Option<Self> {
        ACTIVATIONS.iter().find(|(name, _)| *name == class).map(|(_, activation)| *activation)
    }

    /// The names of all classes.
    pub(super) fn names() -> String {
        ACTIVATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn of(self, x: f64) -> f64 {
        match self {
            Self::Identity => x,
            Self::Tanh => x.tanh(),
            Self::Relu => x.max(0.0),
            Self::Gelu => x * 0.5 * (1.0 + erf_f64(x / std::f64::consts::SQRT_2)),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Silu => x / (1.0 + (-x).exp()),
        }
    }
}

impl Step {
    /// The name of the module, and the sizes of a linear layer.
    pub fn name(&self) -> String {
        match self {
            Self::Dense(dense) => format!("Dense {} → {}", dense.inputs, dense.outputs),
            Self::LayerNorm { .. } => "LayerNorm".to_owned(),
            Self::Normalize => "Normalize".to_owned(),
        }
    }

    /// The vector after this step. Sums are in f64.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        match self {
            Self::Dense(dense) => dense.apply(vector),
            Self::LayerNorm { weight, bias } => {
                let n = vector.len() as f64;
                let mean = vector.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
                let square = vector.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
                let scale = 1.0 / (square + 1e-5).sqrt();
                let parts = vector.iter().zip(weight).zip(bias);
                parts
                    .map(|((v, w), b)| {
                        ((f64::from(*v) - mean) * scale * f64::from(*w) + f64::from(*b)) as f32
                    })
                    .collect()
            }
            Self::Normalize => {
                let length = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
                vector.iter().map(|v| (f64::from(*v) / length.max(1e-12)) as f32).collect()
            }
        }
    }
}

impl Dense {
    fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let row = |matrix: &[f32], out: usize| -> f64 {
            let row = &matrix[out * self.inputs..][..self.inputs];
            row.iter().zip(vector).map(|(w, v)| f64::from(*w) * f64::from(*v)).sum()
        };
        (0..self.outputs)
            .map(|out| {
                let bias = self.bias.as_ref().map_or(0.0, |bias| f64::from(bias[out]));
                let residual = match &self.residual {
                    Residual::None => 0.0,
                    Residual::Input => f64::from(vector[out]),
                    Residual::Projected(matrix) => row(matrix, out),
                };
                (self.activation.of(row(&self.weight, out) + bias) + residual) as f32
            })
            .collect()
    }
}
