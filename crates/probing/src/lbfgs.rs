//! Minimises a smooth function: L-BFGS (Nocedal & Wright 2006, section 7.2).

use std::collections::VecDeque;

/// What is minimised.
pub(crate) trait Objective {
    /// The value at a point, and its gradient.
    fn evaluate(&mut self, at: &[f64], gradient: &mut [f64]) -> f64;

    /// Multiplies by a guess of the inverse Hessian, which has to be positive definite.
    fn precondition(&self, vector: &mut [f64]);
}

/// Where the search ended.
pub(crate) struct Minimum {
    /// The point.
    pub(crate) at: Vec<f64>,
    /// Whether the gradient is as small there as was asked for.
    pub(crate) converged: bool,
}

/// Pairs of step and change that the curvature is read off.
const MEMORY: usize = 10;
/// The largest entry of the gradient at which the search ends: scikit-learn's default `tol`.
const TOLERANCE: f64 = 1e-4;
/// More steps than this are not taken.
const STEPS: usize = 1000;
/// More points than this are not tried along one direction.
const TRIES: usize = 20;
/// Values are sums over products in f32: differences below this share of them mean nothing.
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
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    let mut scale = 1.0;
    let (mut next, mut next_gradient) = (at.clone(), gradient.clone());
    for _ in 0..STEPS {
        if small(&gradient) {
            break;
        }
        let mut direction = descent(objective, &gradient, &memory, scale);
        let mut slope = dot(&gradient, &direction);
        if slope >= 0.0 || !slope.is_finite() {
            // Rounding has the last word: straight down.
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        let mut length = 1.0;
        let found = (0..TRIES).find_map(|_| {
            for ((next, at), direction) in next.iter_mut().zip(&at).zip(&direction) {
                *next = at + length * direction;
            }
            let new = objective.evaluate(&next, &mut next_gradient);
            if new <= value + 1e-4 * length * slope + ROUNDING * value.abs() {
                return Some(new);
            }
            // The lowest point of the parabola through what is known, within reason.
            let lowest = -slope * length * length / (2.0 * (new - value - slope * length));
            let within = lowest.clamp(0.1 * length, 0.5 * length);
            length = if within.is_finite() { within } else { 0.1 * length };
            None
        });
        let Some(new) = found else {
            // What is remembered may mislead; with nothing remembered this is as far as it goes.
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
            if memory.len() == MEMORY {
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

/// The direction to go: two loops over what is remembered, around the preconditioner.
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
