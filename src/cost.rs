//! The table of costs: what one sample costs, and δ of the output layer.
//!
//! C_i is the cost of one sample, a sum over its outputs; nothing is halved and nothing divided by
//! the number of outputs but where a row says so. What goes with a sigmoid, a softmax or an
//! exponential is computed from z, where a saturated output loses nothing.

use crate::activation::{self, Activation};
use crate::error::Error;
use crate::real::Real;
use crate::table::table;

table! {
    /// C_i, the cost of one sample; e = a - y.
    pub enum Cost: "cost" {
        /// C_i = scale Σ_j e_j², the derivation's eq. costZero; ∂C/∂a_j = 2 scale e_j.
        SquaredError = "squared_error" { scale: Positive = 1.0 };
        /// C_i = -Σ_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)] with sigmoid, -Σ_j y_j ln a_j with
        /// softmax (Bishop, "Pattern Recognition and Machine Learning", 2006, eq. 4.90 and 4.108).
        /// Label smoothing s puts (1 - s) y + s/2 in the place of y, or (1 - s) y + s/n with
        /// softmax (Szegedy et al., 2016, section 7).
        CrossEntropy = "cross_entropy" { label_smoothing: Fraction = 0.0 };
        /// C_i = scale/n Σ_j e_j²; ∂C/∂a_j = 2 scale e_j / n.
        MeanSquaredError = "mean_squared_error" { scale: Positive = 1.0 };
        /// C_i = Σ_j |e_j|; ∂C/∂a_j = ±1, 0 where e_j = 0.
        AbsoluteError = "absolute_error";
        /// C_i = Σ_j e_j²/2 where |e_j| ≤ delta, else delta (|e_j| - delta/2) (Huber, 1964).
        Huber = "huber" { delta: Positive = 1.0 };
        /// C_i = Σ_j ln cosh e_j; ∂C/∂a_j = tanh e_j (Green, 1990).
        LogCosh = "log_cosh";
        /// C_i = Σ_j tau (y_j - a_j) where a_j < y_j, else (1 - tau) (a_j - y_j) (Koenker and
        /// Bassett, 1978); ∂C/∂a_j = 0 where they are equal.
        Quantile = "quantile" { tau: Inside = 0.5 };
        /// C_i = Σ_j (a_j - y_j ln a_j), a Poisson likelihood but for ln y! (McCullagh and Nelder,
        /// "Generalized Linear Models", 1989, chapter 6).
        Poisson = "poisson";
        /// C_i = -Σ_j [y_j (1 - a_j)^gamma ln a_j + (1 - y_j) a_j^gamma ln(1 - a_j)] with sigmoid,
        /// -Σ_j y_j (1 - a_j)^gamma ln a_j with softmax (Lin et al., 2017, eq. 4).
        Focal = "focal" { gamma: NonNegative = 2.0 };
        /// C_i = Σ_j max(0, 1 - t_j a_j) with t_j = 2 y_j - 1 (Rosasco et al., 2004).
        Hinge = "hinge";
    }
}

/// The term of each neuron and its ∂C/∂a, from a and y.
macro_rules! each {
    ($neurons:expr, |$a:ident, $y:ident| $body:expr) => {
        for ((($a, $y), delta), term) in $neurons {
            let ($a, $y) = (*$a, *$y);
            (*term, *delta) = $body;
        }
    };
}

impl Cost {
    /// The output activations that this cost goes with; none for all.
    fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::CrossEntropy { .. } | Self::Focal { .. } => &["sigmoid", "softmax"],
            Self::Poisson => &["exponential", "softplus"],
            _ => &[],
        }
    }

    /// The least and the largest target that this cost is defined for.
    pub fn targets(self) -> (f64, f64) {
        match self {
            Self::CrossEntropy { .. } | Self::Focal { .. } | Self::Hinge => (0.0, 1.0),
            Self::Poisson => (0.0, f64::INFINITY),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Refuses an output activation that this cost is not defined for.
    pub fn check_output(self, output: Activation) -> Result<(), Error> {
        self.check_output_name(output.name())
    }

    /// [`Self::check_output`] for one that may be in no table.
    pub(crate) fn check_output_name(self, output: &str) -> Result<(), Error> {
        let accepted = self.outputs();
        if accepted.is_empty() || accepted.contains(&output) {
            return Ok(());
        }
        Err(Error::CostOutput { cost: self.name(), accepted, output: output.into() })
    }

    /// Whether δ comes from z and y at once, without ∂C/∂a and σ'.
    #[inline(always)]
    fn is_fused(self, output: Activation) -> bool {
        match self {
            Self::CrossEntropy { .. } | Self::Focal { .. } => true,
            Self::Poisson => output == Activation::Exponential,
            _ => false,
        }
    }

    /// An elementwise output: the term of each neuron in C_i, and its δ = ∂C/∂a σ'(z, a), for
    /// layers of `n` neurons.
    #[inline(always)]
    pub fn elementwise<T: Real>(
        self,
        output: Activation,
        [z, a, y]: [&[T]; 3],
        n: usize,
        delta: &mut [T],
        terms: &mut [T],
    ) {
        if self.is_fused(output) {
            return self.fused([z, a, y], delta, terms);
        }
        self.plain([a, y], n, delta, terms);
        output.sigma_prime(z, a, delta);
    }

    /// The term of each neuron and its ∂C/∂a.
    #[inline(always)]
    fn plain<T: Real>(self, [a, y]: [&[T]; 2], n: usize, delta: &mut [T], terms: &mut [T]) {
        let neurons = a.iter().zip(y).zip(delta.iter_mut()).zip(terms);
        let number = T::from_f64;
        match self {
            Self::SquaredError { scale } => squares(neurons, number(scale)),
            Self::MeanSquaredError { scale } => squares(neurons, number(scale / n as f64)),
            Self::AbsoluteError => each!(neurons, |a, y| {
                let error = a - y;
                (error.abs(), sign(error))
            }),
            Self::Huber { delta: limit } => {
                let (limit, half) = (number(limit), number(0.5));
                each!(neurons, |a, y| {
                    let error = a - y;
                    let near = error.at_most(limit).at_least(-limit);
                    // Within the limit near is the error, and beyond it ±limit.
                    (near.abs() * (error.abs() - half * near.abs()), near)
                })
            }
            Self::LogCosh => {
                let ln_2 = number(std::f64::consts::LN_2);
                each!(neurons, |a, y| {
                    let error = a - y;
                    let size = error.abs();
                    (size + ((-(size + size)).exp().ln_1p() - ln_2), error.tanh())
                })
            }
            Self::Quantile { tau } => {
                let (over, under) = (number(1.0 - tau), number(tau));
                each!(neurons, |a, y| {
                    let error = a - y;
                    let weight = if error < T::ZERO { under } else { over };
                    (weight * error.abs(), weight * sign(error))
                })
            }
            Self::Hinge => each!(neurons, |a, y| {
                let t = y + y - T::ONE;
                let margin = T::ONE - t * a;
                (margin.at_least(T::ZERO), if margin > T::ZERO { -t } else { T::ZERO })
            }),
            Self::Poisson => each!(neurons, |a, y| (a - y * a.ln(), T::ONE - y / a)),
            Self::CrossEntropy { .. } | Self::Focal { .. } => unreachable!("these are fused"),
        }
    }

    /// The term of each neuron and its δ, from z where that keeps digits.
    #[inline(always)]
    fn fused<T: Real>(self, [z, a, y]: [&[T]; 3], delta: &mut [T], terms: &mut [T]) {
        let neurons = z.iter().zip(a).zip(y).zip(delta.iter_mut()).zip(terms);
        let number = T::from_f64;
        match self {
            Self::CrossEntropy { label_smoothing } => {
                let (kept, spread) = (number(1.0 - label_smoothing), number(label_smoothing / 2.0));
                for ((((&z, &a), &y), delta), term) in neurons {
                    let y = kept.mul_add(y, spread);
                    // ln(1 + e^z) - y z, with the large parts taken off each other first.
                    *term = (z.at_least(T::ZERO) - y * z) + (-z.abs()).exp().ln_1p();
                    *delta = a - y;
                }
            }
            Self::Poisson => {
                for ((((&z, &a), &y), delta), term) in neurons {
                    *term = a - y * z;
                    *delta = a - y;
                }
            }
            Self::Focal { gamma } => {
                let gamma = number(gamma);
                for ((((&z, &a), &y), delta), term) in neurons {
                    // -ln a and -ln(1 - a), whose slopes are a - 1 and a.
                    let (yes, no) = ((-z).softplus(), z.softplus());
                    let (of_yes, of_no) = ((-(gamma * no)).exp(), (-(gamma * yes)).exp());
                    let (rest, not) = (T::ONE - a, T::ONE - y);
                    *term = y * of_yes * yes + not * of_no * no;
                    let yes = -(of_yes * (gamma * a * yes + rest));
                    let no = of_no * (gamma * rest * no + a);
                    *delta = y * yes + not * no;
                }
            }
            _ => unreachable!("the others go by way of a"),
        }
    }

    /// A softmax output, a sample at a time: C_i, with δ written. `terms` has room for a row.
    #[inline(always)]
    pub fn rowwise<T: Real>(self, [z, a, y]: [&[T]; 3], delta: &mut [T], terms: &mut [T]) -> T {
        match self {
            Self::CrossEntropy { label_smoothing } => {
                let (kept, spread) = (
                    T::from_f64(1.0 - label_smoothing),
                    T::from_f64(label_smoothing / z.len() as f64),
                );
                let (max, log_sum) = log_sum_exp(z);
                let (mut cost, mut y_sum) = (T::ZERO, T::ZERO);
                for (&z, &y) in z.iter().zip(y) {
                    let y = kept.mul_add(y, spread);
                    cost = y.mul_add(log_sum - (z - max), cost);
                    y_sum += y;
                }
                for ((&a, &y), delta) in a.iter().zip(y).zip(delta.iter_mut()) {
                    *delta = a.mul_add(y_sum, -kept.mul_add(y, spread));
                }
                cost
            }
            Self::Focal { gamma } => focal_row(T::from_f64(gamma), [z, a, y], delta),
            _ => {
                self.plain([a, y], z.len(), delta, terms);
                activation::softmax_prime(a, delta);
                let mut cost = T::ZERO;
                for term in terms.iter() {
                    cost += *term;
                }
                cost
            }
        }
    }
}

/// scale e², and its slope 2 scale e.
#[inline(always)]
fn squares<'a, T: Real>(
    neurons: impl Iterator<Item = (((&'a T, &'a T), &'a mut T), &'a mut T)>,
    scale: T,
) {
    let twice = T::TWO * scale;
    each!(neurons, |a, y| {
        let error = a - y;
        (scale * (error * error), twice * error)
    });
}

#[inline(always)]
fn sign<T: Real>(x: T) -> T {
    let up = if x > T::ZERO { T::ONE } else { T::ZERO };
    if x < T::ZERO { -T::ONE } else { up }
}

/// Focal cost of a softmax row. With l = -ln a and u = 1 - a = 1 - e^-l, ∂C/∂a_j a_j is
/// h_j = -y_j u^γ (γ a l/u + 1), and δ_j = h_j - a_j Σ_i h_i.
#[inline(always)]
fn focal_row<T: Real>(gamma: T, [z, a, y]: [&[T]; 3], delta: &mut [T]) -> T {
    let (max, log_sum) = log_sum_exp(z);
    let (mut cost, mut sum) = (T::ZERO, T::ZERO);
    for (((&z, &a), &y), delta) in z.iter().zip(a).zip(y).zip(delta.iter_mut()) {
        let l = log_sum - (z - max);
        let u = -(-l).expm1();
        let power = if gamma > T::ZERO { (gamma * u.ln()).exp() } else { T::ONE };
        let ratio = if u > T::ZERO { l / u } else { T::ONE };
        cost = (y * power).mul_add(l, cost);
        *delta = -(y * power * (gamma * a * ratio + T::ONE));
        sum += *delta;
    }
    for (&a, delta) in a.iter().zip(delta.iter_mut()) {
        *delta = (-a).mul_add(sum, *delta);
    }
    cost
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
            cost.elementwise(output, [z, &a, y], z.len(), &mut delta, &mut terms);
            (terms.iter().sum(), delta)
        } else {
            (cost.rowwise([z, &a, y], &mut delta, &mut terms), delta)
        }
    }

    #[test]
    fn delta_is_the_slope_of_the_cost_for_every_pair_of_the_tables() {
        // None of the outputs lies at a kink of a cost or of an activation.
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
                    assert!(
                        (delta[j] - slope).abs() < 1e-8 * (1.0 + slope.abs()),
                        "{cost:?} {output:?} {j}"
                    );
                }
            }
        }
    }

    const CROSS_ENTROPY: Cost = Cost::CrossEntropy { label_smoothing: 0.0 };

    #[test]
    fn a_saturated_output_keeps_its_cost() {
        // -ln σ(40) = ln(1 + e^-40), where σ(40) itself rounds to 1.
        let tiny = (-40.0_f64).exp();
        let (binary, _) = sample(CROSS_ENTROPY, Activation::Sigmoid, &[40.0], &[1.0]);
        let (categorical, _) =
            sample(CROSS_ENTROPY, Activation::Softmax, &[40.0, 0.0], &[1.0, 0.0]);
        for cost in [binary, categorical] {
            assert!((cost - tiny).abs() <= 4.0 * f64::EPSILON * tiny);
        }
        let (wrong, _) = sample(CROSS_ENTROPY, Activation::Sigmoid, &[1000.0], &[0.0]);
        assert_eq!(wrong, 1000.0);
    }
}
