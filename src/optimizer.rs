//! The table of update rules, and the memory that a rule keeps for each parameter.

use crate::kernel::Buffer;
use crate::real::Real;
use crate::table::table;

table! {
    /// How the averaged gradient changes a parameter.
    pub enum Rule: "optimizer" {
        /// θ := θ - α ∂C/∂θ, the derivation's gradient descent.
        Sgd = "sgd";
        /// Adam (Kingma and Ba, 2015, Algorithm 1).
        Adam = "adam" { beta1: Fraction = 0.9, beta2: Fraction = 0.999, epsilon: Positive = 1e-8 };
    }
}

impl Rule {
    /// How many numbers the rule remembers for each parameter.
    pub fn n_moments(self) -> usize {
        match self {
            Self::Sgd => 0,
            Self::Adam { .. } => 2,
        }
    }

    /// What update number `t` (from 1) needs, computed once for all parameters.
    pub fn at<T: Real>(self, t: u64, learning_rate: f64) -> Update<T> {
        let number = T::from_f64;
        match self {
            Self::Sgd => Update::Sgd { learning_rate: number(learning_rate) },
            Self::Adam { beta1, beta2, epsilon } => {
                let unbiased = |beta: f64| 1.0 / (1.0 - power(beta, t));
                Update::Adam {
                    learning_rate: number(learning_rate),
                    beta1: number(beta1),
                    beta2: number(beta2),
                    rest1: number(1.0 - beta1),
                    rest2: number(1.0 - beta2),
                    unbiased1: number(unbiased(beta1)),
                    unbiased2: number(unbiased(beta2)),
                    epsilon: number(epsilon),
                }
            }
        }
    }
}

/// base^exponent by squaring: the platform's own power may differ from machine to machine.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

/// A rule with its numbers for one step.
#[derive(Debug, Clone, Copy)]
pub enum Update<T> {
    Sgd {
        learning_rate: T,
    },
    Adam {
        learning_rate: T,
        beta1: T,
        beta2: T,
        rest1: T,
        rest2: T,
        unbiased1: T,
        unbiased2: T,
        epsilon: T,
    },
}

impl<T: Real> Update<T> {
    /// Updates the parameters `w` by their averaged gradient; all slices are equally long,
    /// the moments of a rule without memory are empty.
    #[inline(always)]
    pub fn apply(&self, w: &mut [T], grad: &[T], moments: [&mut [T]; 2]) {
        match *self {
            Self::Sgd { learning_rate } => {
                for (w, g) in w.iter_mut().zip(grad) {
                    *w = (-learning_rate).mul_add(*g, *w);
                }
            }
            Self::Adam {
                learning_rate,
                beta1,
                beta2,
                rest1,
                rest2,
                unbiased1,
                unbiased2,
                epsilon,
            } => {
                let [first, second] = moments;
                let parameters = w.iter_mut().zip(grad).zip(first).zip(second);
                for (((w, &g), m), v) in parameters {
                    *m = beta1.mul_add(*m, rest1 * g);
                    *v = beta2.mul_add(*v, rest2 * g * g);
                    let (m, v) = (*m * unbiased1, *v * unbiased2);
                    *w = (-learning_rate).mul_add(m / (v.sqrt() + epsilon), *w);
                }
            }
        }
    }
}

/// The moments of one layer, laid out as its parameters are; empty where the rule keeps none.
pub struct Moments<T> {
    pub w: [Buffer<T>; 2],
    pub b: [Buffer<T>; 2],
}

/// A rule, how often it has been applied, and its memory.
pub struct Optimizer<T> {
    pub rule: Rule,
    pub steps: u64,
    pub moments: Vec<Moments<T>>,
}

impl<T: Real> Optimizer<T> {
    /// A fresh memory for layers of these numbers of (packed weights, biases).
    pub fn new(rule: Rule, lengths: impl Iterator<Item = (usize, usize)>) -> Self {
        let buffers = |length| {
            std::array::from_fn(|i| Buffer::zeros(if i < rule.n_moments() { length } else { 0 }))
        };
        let moments = lengths.map(|(w, b)| Moments { w: buffers(w), b: buffers(b) });
        Self { rule, steps: 0, moments: moments.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adam's first update is α g / (|g| + ε'), whatever the size of g.
    #[test]
    fn adams_first_update_has_the_length_of_the_learning_rate() {
        let rule = Rule::from_text("adam").unwrap();
        for g in [1e-3_f64, -2.0, 500.0] {
            let (mut w, mut m, mut v) = ([1.0], [0.0], [0.0]);
            rule.at(1, 0.1).apply(&mut w, &[g], [&mut m, &mut v]);
            assert!((w[0] - (1.0 - 0.1 * g.signum())).abs() < 1e-5);
        }
    }
}
