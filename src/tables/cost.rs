//! The table of costs: the cost of a sample, and δ of the output layer.
//!
//! C_i is the cost of one sample, a sum over its outputs. It is not halved and not divided by the
//! number of outputs unless an entry says so. Costs of a sigmoid, a softmax or an exponential are
//! computed from z, which loses no digits for a saturated output.

use crate::error::Error;
use crate::machine::kernel::{Kernel, Simd, map_line};
use crate::machine::real::Real;
use crate::tables::activation::{self, Activation};
use crate::tables::registry::table;

table! {
    /// C_i, the cost of one sample; e = a - y.
    pub enum Cost: "cost" {
        /// C_i = scale Σ_j e_j², equation 3 of docs/derivation.md; ∂C/∂a_j = 2 scale e_j.
        SquaredError = "squared_error" { scale: Positive = 1.0 };
        /// C_i = -Σ_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)] with sigmoid, -Σ_j y_j ln a_j with
        /// softmax (Bishop, "Pattern Recognition and Machine Learning", 2006, eq. 4.90 and 4.108).
        /// Label smoothing s replaces y by (1 - s) y + s/2, or by (1 - s) y + s/n with softmax
        /// (Szegedy et al., 2016, section 7).
        CrossEntropy = "cross_entropy" { label_smoothing: Fraction = 0.0 };
        /// C_i = scale/n Σ_j e_j²; ∂C/∂a_j = 2 scale e_j / n.
        MeanSquaredError = "mean_squared_error" { scale: Positive = 1.0 };
        /// C_i = 1/2 Σ_j e_j², so that ∂C/∂a_j = e_j (Bishop, 2006, eq. 5.11; Nielsen, 2015, eq.
        /// 6).
        HalfSquaredError = "half_squared_error";
        /// C_i = Σ_j |e_j|; ∂C/∂a_j = ±1, 0 if e_j = 0.
        AbsoluteError = "absolute_error";
        /// C_i = Σ_j e_j²/2 if |e_j| ≤ delta, otherwise delta (|e_j| - delta/2) (Huber, 1964).
        Huber = "huber" { delta: Positive = 1.0 };
        /// C_i = Σ_j ln cosh e_j; ∂C/∂a_j = tanh e_j (Green, 1990).
        LogCosh = "log_cosh";
        /// C_i = Σ_j tau (y_j - a_j) if a_j < y_j, otherwise (1 - tau) (a_j - y_j) (Koenker and
        /// Bassett, 1978); ∂C/∂a_j = 0 if they are equal.
        Quantile = "quantile" { tau: Inside = 0.5 };
        /// C_i = Σ_j (a_j - y_j ln a_j), a Poisson likelihood without ln y! (McCullagh and Nelder,
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
    /// Return the output activations that this cost supports; empty for all.
    fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::CrossEntropy { .. } | Self::Focal { .. } => &["sigmoid", "softmax"],
            Self::Poisson => &["exponential", "softplus"],
            _ => &[],
        }
    }

    /// Return the least and the largest target that this cost supports.
    pub fn targets(self) -> (f64, f64) {
        match self {
            Self::CrossEntropy { .. } | Self::Focal { .. } | Self::Hinge => (0.0, 1.0),
            Self::Poisson => (0.0, f64::INFINITY),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Return an error for an output activation that this cost does not support.
    pub fn check_output(self, output: Activation) -> Result<(), Error> {
        self.check_output_name(output.name())
    }

    /// [`Self::check_output`] by name, for custom activations too.
    pub(crate) fn check_output_name(self, output: &str) -> Result<(), Error> {
        let accepted = self.outputs();
        if accepted.is_empty() || accepted.contains(&output) {
            return Ok(());
        }
        Err(Error::CostOutput { cost: self.name(), accepted, output: output.into() })
    }

    /// Return true if δ is computed directly from z and y, without ∂C/∂a and σ', in a cold pair.
    #[inline(always)]
    fn is_fused(self, output: Activation) -> bool {
        match self {
            Self::Focal { .. } => true,
            Self::Poisson | Self::Hinge => output == Activation::Exponential,
            _ => false,
        }
    }

    /// Compute an elementwise output of `n` neurons: the term of each neuron in C_i, and its δ =
    /// ∂C/∂a σ'(z, a).
    #[inline(always)]
    pub fn elementwise<T: Real, S: Simd>(
        self,
        output: Activation,
        inputs: [&[T]; 3],
        n: usize,
        delta: &mut [T],
        terms: &mut [T],
    ) {
        if const { !S::TILES } || !self.in_place(output, inputs, n, [delta, terms]) {
            S::run_cold(Elementwise { cost: self, output, inputs, n, results: [delta, terms] });
        }
    }

    /// Compute δ and the terms of neurons that fill a line, which stays in registers.
    #[inline(always)]
    pub fn of_line<T: Real, S: Simd, const N: usize>(
        self,
        output: Activation,
        inputs: [&[T; N]; 3],
        n: usize,
    ) -> [[T; N]; 2] {
        let mut results = [[T::ZERO; N]; 2];
        let [delta, terms] = &mut results;
        let [z, a, y] = inputs;
        let lines = [&z[..], &a[..], &y[..]];
        if const { !S::TILES } || !self.in_place(output, lines, n, [delta, terms]) {
            let (z, a, y, mut cold) = (*z, *a, *y, [[T::ZERO; N]; 2]);
            let [delta, terms] = &mut cold;
            let inputs = [&z[..], &a[..], &y[..]];
            S::run_cold(Elementwise { cost: self, output, inputs, n, results: [delta, terms] });
            results = cold;
        }
        results
    }

    /// [`Self::elementwise`] for hot pairs, inlined into the caller; return true if this is one.
    #[inline(always)]
    fn in_place<T: Real>(
        self,
        output: Activation,
        [z, a, y]: [&[T]; 3],
        n: usize,
        [delta, terms]: [&mut [T]; 2],
    ) -> bool {
        let neurons = a.iter().zip(y).zip(delta.iter_mut()).zip(terms.iter_mut());
        match (self, self.scale_of_squares(n)) {
            (_, Some(scale)) => {
                squares(neurons, T::from_f64(scale));
                output.in_place_prime(z, a, delta)
            }
            (Self::CrossEntropy { label_smoothing }, _) => {
                binary_cross_entropy(label_smoothing, [z, a, y], delta, terms);
                true
            }
            _ => false,
        }
    }

    /// Return the factor of the squared errors, if the cost is their sum or mean.
    #[inline(always)]
    fn scale_of_squares(self, n: usize) -> Option<f64> {
        match self {
            Self::SquaredError { scale } => Some(scale),
            Self::MeanSquaredError { scale } => Some(scale / n as f64),
            Self::HalfSquaredError => Some(0.5),
            _ => None,
        }
    }

    /// Return the term of each neuron and its ∂C/∂a.
    #[inline(always)]
    fn plain<T: Real>(self, [a, y]: [&[T]; 2], n: usize, [delta, terms]: [&mut [T]; 2]) {
        let neurons = a.iter().zip(y).zip(delta.iter_mut()).zip(terms);
        let number = T::from_f64;
        if let Some(scale) = self.scale_of_squares(n) {
            return squares(neurons, number(scale));
        }
        match self {
            Self::AbsoluteError => each!(neurons, |a, y| {
                let error = a - y;
                (error.abs(), sign(error))
            }),
            Self::Huber { delta: limit } => {
                let (limit, half) = (number(limit), number(0.5));
                each!(neurons, |a, y| {
                    let error = a - y;
                    let near = error.at_most(limit).at_least(-limit);
                    // Within the limit the slope is the error, beyond it ±limit.
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
            _ => unreachable!("the others are hot or fused"),
        }
    }

    /// Return the term of each neuron and its δ, from z if that keeps digits.
    #[inline(always)]
    fn fused<T: Real>(self, [z, a, y]: [&[T]; 3], delta: &mut [T], terms: &mut [T]) {
        let number = T::from_f64;
        let neurons = z.iter().zip(a).zip(y).zip(delta.iter_mut()).zip(terms.iter_mut());
        match self {
            Self::Poisson => {
                for ((((&z, &a), &y), delta), term) in neurons {
                    *term = a - y * z;
                    *delta = a - y;
                }
            }
            Self::Hinge => {
                // t a and σ' = a are infinite if e^z overflows; times 0 they count as 0.
                for ((((_, &a), &y), delta), term) in neurons {
                    let t = y + y - T::ONE;
                    let product = if t == T::ZERO { T::ZERO } else { t * a };
                    *term = (T::ONE - product).at_least(T::ZERO);
                    *delta = if product < T::ONE { -product } else { T::ZERO };
                }
            }
            Self::Focal { gamma } => {
                let gamma = number(gamma);
                for ((((&z, &a), &y), delta), term) in neurons {
                    // -ln a and -ln(1 - a), with slopes a - 1 and a.
                    let (yes, no) = ((-z).softplus(), z.softplus());
                    let (of_yes, of_no) = ((-(gamma * no)).exp(), (-(gamma * yes)).exp());
                    let (rest, not) = (T::ONE - a, T::ONE - y);
                    *term = y * of_yes * yes + not * of_no * no;
                    let yes = -(of_yes * (gamma * a * yes + rest));
                    let no = of_no * (gamma * rest * no + a);
                    *delta = y * yes + not * no;
                }
            }
            _ => unreachable!("the others are hot or computed from a"),
        }
    }

    /// Compute a softmax output of `W` samples in lanes: C_i and δ; `terms` is scratch memory.
    #[inline(always)]
    pub fn rowwise<T: Real, S: Simd, const W: usize>(
        self,
        inputs: [&[[T; W]]; 3],
        delta: &mut [[T; W]],
        terms: &mut [[T; W]],
    ) -> [T; W] {
        if let Self::CrossEntropy { label_smoothing } = self {
            return cross_entropy(label_smoothing, inputs, delta);
        }
        let mut total = [T::ZERO; W];
        S::run_cold(Rowwise { cost: self, inputs, results: [delta, terms], total: &mut total });
        total
    }
}

/// [`Cost::elementwise`] of the cold pairs.
struct Elementwise<'a, T> {
    cost: Cost,
    output: Activation,
    inputs: [&'a [T]; 3],
    n: usize,
    results: [&'a mut [T]; 2],
}

impl<T: Real> Kernel for Elementwise<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { cost, output, inputs: [z, a, y], n, results: [delta, terms] } = self;
        if const { !S::TILES } && cost.in_place(output, [z, a, y], n, [delta, terms]) {
            return;
        }
        if cost.is_fused(output) {
            return cost.fused([z, a, y], delta, terms);
        }
        cost.plain([a, y], n, [delta, terms]);
        output.sigma_prime::<T, S>(z, a, delta);
        if (cost, output) == (Cost::Poisson, Activation::Softplus) {
            poisson_near_underflow([z, a, y], delta, terms);
        }
    }
}

/// [`Cost::rowwise`] of the cold costs with a softmax.
struct Rowwise<'a, T, const W: usize> {
    cost: Cost,
    inputs: [&'a [[T; W]]; 3],
    results: [&'a mut [[T; W]]; 2],
    total: &'a mut [T; W],
}

impl<T: Real, const W: usize> Kernel for Rowwise<'_, T, W> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { cost, inputs: [z, a, y], results: [delta, terms], total } = self;
        if let Cost::Focal { gamma } = cost {
            *total = focal(T::from_f64(gamma), [z, a, y], delta);
            return;
        }
        let outputs = [delta.as_flattened_mut(), terms.as_flattened_mut()];
        cost.plain([a.as_flattened(), y.as_flattened()], z.len(), outputs);
        activation::softmax_prime(a, delta);
        for term in terms.iter() {
            for r in 0..W {
                total[r] += term[r];
            }
        }
    }
}

/// Compute the cross-entropy of softmax rows, and its δ.
#[inline(always)]
fn cross_entropy<T: Real, const W: usize>(
    label_smoothing: f64,
    [z, a, y]: [&[[T; W]]; 3],
    delta: &mut [[T; W]],
) -> [T; W] {
    let number = T::from_f64;
    let (weight, spread) =
        (number(1.0 - label_smoothing), number(label_smoothing / z.len() as f64));
    let (max, log_sum) = log_sum_exp(z);
    let (mut cost, mut y_sum) = ([T::ZERO; W], [T::ZERO; W]);
    for (z, y) in z.iter().zip(y) {
        for r in 0..W {
            let y = weight.mul_add(y[r], spread);
            cost[r] = y.mul_add(log_sum[r] - (z[r] - max[r]), cost[r]);
            y_sum[r] += y;
        }
    }
    for ((a, y), delta) in a.iter().zip(y).zip(delta) {
        for r in 0..W {
            delta[r] = a[r].mul_add(y_sum[r], -weight.mul_add(y[r], spread));
        }
    }
    cost
}

/// Compute the cross-entropy of independent outputs, and its δ, from z.
#[inline(always)]
fn binary_cross_entropy<T: Real>(
    label_smoothing: f64,
    [z, a, y]: [&[T]; 3],
    delta: &mut [T],
    terms: &mut [T],
) {
    let number = T::from_f64;
    let (weight, spread) = (number(1.0 - label_smoothing), number(label_smoothing / 2.0));
    for ((((&z, &a), &y), delta), term) in z.iter().zip(a).zip(y).zip(delta).zip(terms) {
        let y = weight.mul_add(y, spread);
        // ln(1 + e^z) - y z, with the large parts subtracted first.
        *term = (z.at_least(T::ZERO) - y * z) + (-z.abs()).exp().ln_1p();
        *delta = a - y;
    }
}

/// Compute the Poisson cost of a softplus near underflow: there ln a is z, and σ' is a.
#[inline(always)]
fn poisson_near_underflow<T: Real>([z, a, y]: [&[T]; 3], delta: &mut [T], terms: &mut [T]) {
    let low = T::from_f64(-37.0); // below, ln(1 + e^z) is e^z in both precisions
    for ((((&z, &a), &y), delta), term) in z.iter().zip(a).zip(y).zip(delta).zip(terms) {
        if z < low {
            (*term, *delta) = (a - y * z, a - y);
        }
    }
}

/// Return scale e² and its slope 2 scale e.
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

/// Compute the focal cost of softmax rows. With l = -ln a and u = 1 - a = 1 - e^-l, ∂C/∂a_j a_j is
/// h_j = -y_j u^γ (γ a l/u + 1), and δ_j = h_j - a_j Σ_i h_i.
#[inline(always)]
fn focal<T: Real, const W: usize>(
    gamma: T,
    [z, a, y]: [&[[T; W]]; 3],
    delta: &mut [[T; W]],
) -> [T; W] {
    let (max, log_sum) = log_sum_exp(z);
    let (mut cost, mut sum) = ([T::ZERO; W], [T::ZERO; W]);
    for (((z, a), y), delta) in z.iter().zip(a).zip(y).zip(delta.iter_mut()) {
        for r in 0..W {
            let l = log_sum[r] - (z[r] - max[r]);
            let u = -(-l).expm1();
            let power = if gamma > T::ZERO { (gamma * u.ln()).exp() } else { T::ONE };
            let ratio = if u > T::ZERO { l / u } else { T::ONE };
            cost[r] = (y[r] * power).mul_add(l, cost[r]);
            delta[r] = -(y[r] * power * (gamma * a[r] * ratio + T::ONE));
            sum[r] += delta[r];
        }
    }
    for (a, delta) in a.iter().zip(delta) {
        for r in 0..W {
            delta[r] = (-a[r]).mul_add(sum[r], delta[r]);
        }
    }
    cost
}

/// Return (m, ln Σ_i e^(z_i - m)) of each row, with m the largest z; its term e⁰ = 1 is left to
/// `ln_1p`.
#[inline(always)]
fn log_sum_exp<T: Real, const W: usize>(z: &[[T; W]]) -> ([T; W], [T; W]) {
    let max = activation::maximum(z);
    let (mut rest, mut met) = ([T::ZERO; W], [false; W]);
    for z in z {
        for r in 0..W {
            let largest = z[r] == max[r] && !met[r];
            met[r] |= largest;
            let term = (z[r] - max[r]).exp();
            rest[r] += if largest { T::ZERO } else { term };
        }
    }
    (max, map_line(rest, T::ln_1p))
}

#[cfg(test)]
mod tests;
