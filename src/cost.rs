//! The table of costs: what one sample costs, and δ of the output layer.
//!
//! C_i is the cost of one sample; nothing is halved and nothing divided by the number of outputs.
//! The cross-entropies are computed from z, where a saturated output loses nothing.

use crate::activation::{self, Activation};
use crate::error::Error;
use crate::real::Real;
use crate::table::table;

table! {
    /// C_i, the cost of one sample.
    pub enum Cost: "cost" {
        /// C_i = Σ_j (a_j - y_j)², the derivation's eq. costZero; ∂C/∂a_j = 2 (a_j - y_j).
        SquaredError = "squared_error";
        /// C_i = -Σ_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)] with sigmoid, -Σ_j y_j ln a_j with
        /// softmax (Bishop, "Pattern Recognition and Machine Learning", 2006, eq. 4.90 and 4.108).
        CrossEntropy = "cross_entropy";
    }
}

impl Cost {
    /// Refuses an output activation that this cost is not defined for.
    pub fn check_output(self, output: Activation) -> Result<(), Error> {
        let accepted: &[&str] = match self {
            Self::SquaredError => return Ok(()),
            Self::CrossEntropy => &["sigmoid", "softmax"],
        };
        if accepted.contains(&output.name()) {
            return Ok(());
        }
        Err(Error::CostOutput { cost: self.name(), accepted, output: output.name() })
    }

    /// An elementwise output: the term of each neuron in C_i, and its δ = ∂C/∂a σ'(z, a).
    #[inline(always)]
    pub fn elementwise<T: Real>(
        self,
        output: Activation,
        [z, a, y]: [&[T]; 3],
        delta: &mut [T],
        terms: &mut [T],
    ) {
        let neurons = z.iter().zip(a).zip(y).zip(delta.iter_mut()).zip(terms);
        match self {
            Self::SquaredError => {
                for ((((_, &a), &y), delta), term) in neurons {
                    let error = a - y;
                    *term = error * error;
                    *delta = T::TWO * error;
                }
                output.sigma_prime(z, a, delta);
            }
            Self::CrossEntropy => {
                for ((((&z, &a), &y), delta), term) in neurons {
                    // ln(1 + e^z) - y z, with the large parts taken off each other first.
                    *term = (z.at_least(T::ZERO) - y * z) + (-z.abs()).exp().ln_1p();
                    *delta = a - y;
                }
            }
        }
    }

    /// A softmax output, a sample at a time: C_i, with δ written.
    #[inline(always)]
    pub fn rowwise<T: Real>(self, [z, a, y]: [&[T]; 3], delta: &mut [T]) -> T {
        let mut cost = T::ZERO;
        match self {
            Self::SquaredError => {
                for ((&a, &y), delta) in a.iter().zip(y).zip(delta.iter_mut()) {
                    let error = a - y;
                    cost = error.mul_add(error, cost);
                    *delta = T::TWO * error;
                }
                activation::softmax_prime(a, delta);
            }
            Self::CrossEntropy => {
                let (max, log_sum) = log_sum_exp(z);
                let mut y_sum = T::ZERO;
                for (&z, &y) in z.iter().zip(y) {
                    cost = y.mul_add(log_sum - (z - max), cost);
                    y_sum += y;
                }
                for ((&a, &y), delta) in a.iter().zip(y).zip(delta.iter_mut()) {
                    *delta = a.mul_add(y_sum, -y);
                }
            }
        }
        cost
    }
}

/// (m, ln Σ_i e^(z_i - m)) with m the largest z, whose own e⁰ = 1 is left to `ln_1p`.
#[inline(always)]
fn log_sum_exp<T: Real>(z: &[T]) -> (T, T) {
    let max = activation::maximum(z);
    let (mut rest, mut met) = (T::ZERO, false);
    for &z in z {
        if z == max && !met {
            met = true;
        } else {
            rest += (z - max).exp();
        }
    }
    (max, rest.ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C_i and δ of one sample, by way of the table.
    fn sample(cost: Cost, output: Activation, z: &[f64], y: &[f64]) -> (f64, Vec<f64>) {
        let (mut a, mut delta, mut terms) = (z.to_vec(), vec![0.0; z.len()], vec![0.0; z.len()]);
        output.sigma(&mut a);
        if output.is_elementwise() {
            cost.elementwise(output, [z, &a, y], &mut delta, &mut terms);
            (terms.iter().sum(), delta)
        } else {
            (cost.rowwise([z, &a, y], &mut delta), delta)
        }
    }

    #[test]
    fn delta_is_the_slope_of_the_cost_for_every_pair_of_the_tables() {
        let (z, y, h) = ([0.3, -1.2, 2.1], [0.2, 0.7, 0.1], 1e-6);
        for &cost in Cost::ALL {
            for &output in Activation::ALL.iter().filter(|a| cost.check_output(**a).is_ok()) {
                let delta = sample(cost, output, &z, &y).1;
                for j in 0..z.len() {
                    let moved = |h: f64| {
                        let mut z = z;
                        z[j] += h;
                        sample(cost, output, &z, &y).0
                    };
                    let slope = (moved(h) - moved(-h)) / (2.0 * h);
                    assert!((delta[j] - slope).abs() < 1e-8, "{cost:?} {output:?} {j}");
                }
            }
        }
    }

    #[test]
    fn a_saturated_output_keeps_its_cost() {
        // -ln σ(40) = ln(1 + e^-40), where σ(40) itself rounds to 1.
        let tiny = (-40.0_f64).exp();
        let (binary, _) = sample(Cost::CrossEntropy, Activation::Sigmoid, &[40.0], &[1.0]);
        let (categorical, _) =
            sample(Cost::CrossEntropy, Activation::Softmax, &[40.0, 0.0], &[1.0, 0.0]);
        for cost in [binary, categorical] {
            assert!((cost - tiny).abs() <= 4.0 * f64::EPSILON * tiny);
        }
        let (wrong, _) = sample(Cost::CrossEntropy, Activation::Sigmoid, &[1000.0], &[0.0]);
        assert_eq!(wrong, 1000.0);
    }
}
