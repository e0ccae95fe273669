//! L-BFGS, which minimises a smooth function (Nocedal & Wright 2006, section 7.2).

use std::collections::VecDeque;

/// The function to minimise.
pub(crate) trait Objective {
    /// The value at a point; its gradient is written to `gradient`.
    fn evaluate(&mut self, at: &[f64], gradient: &mut [f64]) -> f64;

    /// Multiplies by an approximate inverse Hessian, which has to be positive definite.
    fn precondition(&self, vector: &mut [f64]);
}

/// The end of the search.
pub(crate) struct Minimum {
    /// The point.
    pub(crate) at: Vec<f64>,
    /// Whether the gradient is below the tolerance there.
    pub(crate) converged: bool,
}

/// The number of stored pairs of step and gradient change.
const MAX_MEMORY: usize = 10;
/// The search ends where no entry of the gradient is larger: the default `tol` of scikit-learn.
const TOLERANCE: f64 = 1e-4;
/// The largest number of steps.
const MAX_STEPS: usize = 1000;
/// The largest number of points along one direction.
const MAX_TRIES: usize = 20;
/// Values are sums over products in f32: differences below this share are rounding.
const ROUNDING: f64 = 1e-7;

/// A step, the change of the gradient along it, and 1 / their product.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

/// Minimises `objective` from a starting point.
pub(crate) fn minimise(objective: &mut impl Objective, mut at: Vec<f64>) -> Minimum {
    let mut gradient = vec![0.0; at.len()];
    let mut value = objective.evaluate(&at, &mut gradient);
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MAX_MEMORY);
    let mut scale = 1.0;
    let (mut next, mut next_gradient) = (at.clone(), gradient.clone());
    for _ in 0..MAX_STEPS {
        if small(&gradient) {
            break;
        }
        let mut direction = descent(objective, &gradient, &memory, scale);
        let mut slope = dot(&gradient, &direction);
        if slope >= 0.0 || !slope.is_finite() {
            // Rounding has spoilt the direction: take the gradient.
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        let mut length = 1.0;
        let found = (0..MAX_TRIES).find_map(|_| {
            for ((next, at), direction) in next.iter_mut().zip(&at).zip(&direction) {
                *next = at + length * direction;
            }
            let new = objective.evaluate(&next, &mut next_gradient);
            if new <= value + 1e-4 * length * slope + ROUNDING * value.abs() {
                return Some(new);
            }
            // The minimum of the parabola through the known values, within bounds.
            let lowest = -slope * length * length / (2.0 * (new - value - slope * length));
            let within = lowest.clamp(0.1 * length, 0.5 * length);
            length = if within.is_finite() { within } else { 0.1 * length };
            None
        });
        let Some(new) = found else {
            // The stored pairs may mislead; without stored pairs the search is at its end.
            if memory.is_empty() {
                break;
            }
            memory.clear();
            scale = 1.0;
            continue;
        };
        value = new;
        let step: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        if curvature > f64::EPSILON * dot(&change, &change) {
            let mut scaled = change.clone();
            objective.precondition(&mut scaled);
            scale = curvature / dot(&change, &scaled);
            if memory.len() == MAX_MEMORY {
                memory.pop_front();
            }
            memory.push_back(Pair { step, change, inverse: 1.0 / curvature });
        }
        std::mem::swap(&mut at, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
    }
    let converged = small(&gradient);
    Minimum { at, converged }
}

fn small(gradient: &[f64]) -> bool {
    gradient.iter().all(|g| g.abs() <= TOLERANCE)
}

/// The descent direction, by the two-loop recursion around the preconditioner.
fn descent(
    objective: &impl Objective,
    gradient: &[f64],
    memory: &VecDeque<Pair>,
    scale: f64,
) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let share = pair.inverse * dot(&pair.step, &direction);
        add(&mut direction, -share, &pair.change);
        shares.push(share);
    }
    objective.precondition(&mut direction);
    direction.iter_mut().for_each(|d| *d *= scale);
    for (pair, share) in memory.iter().zip(shares.iter().rev()) {
        let other = pair.inverse * dot(&pair.change, &direction);
        add(&mut direction, share - other, &pair.step);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(t, w)| *t += factor * w);
}
