//! The table of activations: a name, σ(z) and σ'(z, a) with a = σ(z), one row each.
//!
//! A new row here and one in `reference/activation.py` are all that a new activation needs.

use crate::real::Real;
use crate::table::table;

/// Writes the enum, its names, its look-up and its loops from one list of rows.
macro_rules! activations {
    (
        elementwise { $(
            $(#[doc = $doc:literal])*
            $variant:ident = $name:literal
            $({ $($setting:ident: $range:ident = $default:expr),+ })?,
            |$z:pat_param| $sigma:expr,
            |$zp:pat_param, $ap:pat_param| $prime:expr;
        )* }
        rowwise { $(#[doc = $row_doc:literal])* $row_variant:ident = $row_name:literal; }
    ) => {
        table! {
            /// σ, the function that makes a neuron's activation a of its weighted input z.
            pub enum Activation: "activation" {
                $(
                    $(#[doc = $doc])*
                    $variant = $name $({ $($setting: $range = $default),+ })?;
                )*
                $(#[doc = $row_doc])* $row_variant = $row_name;
            }
        }

        impl Activation {
            /// Puts σ(z) in the place of each z.
            ///
            /// Softmax needs a row at a time: see [`softmax`].
            #[inline(always)]
            pub fn sigma<T: Real>(self, z: &mut [T]) {
                match self {
                    $(Self::$variant $({ $($setting),+ })? => {
                        $($(let $setting = T::from_f64($setting);)+)?
                        for value in z {
                            let $z = *value;
                            let a = $sigma;
                            *value = a;
                        }
                    })*
                    Self::$row_variant => softmax(z),
                }
            }

            /// Multiplies each `delta` by σ'(z, a), the derivative ∂a/∂z.
            ///
            /// The derivative of softmax is a matrix: see [`softmax_prime`].
            #[inline(always)]
            pub fn sigma_prime<T: Real>(self, z: &[T], a: &[T], delta: &mut [T]) {
                match self {
                    $(Self::$variant $({ $($setting),+ })? => {
                        $($(let $setting = T::from_f64($setting);)+)?
                        for ((delta, z), a) in delta.iter_mut().zip(z).zip(a) {
                            let ($zp, $ap) = (*z, *a);
                            *delta *= $prime;
                        }
                    })*
                    Self::$row_variant => softmax_prime(a, delta),
                }
            }
        }
    };
}

activations! {
    elementwise {
        /// σ(z) = z, σ' = 1.
        Identity = "identity", |z| z, |_, _| T::ONE;
        /// σ(z) = 1 / (1 + e^-z), σ' = a (1 - a): the derivation's eq. actWRTZSigmoid.
        Sigmoid = "sigmoid", |z| z.sigmoid(), |_, a| a * (T::ONE - a);
        /// σ(z) = tanh z, σ' = 1 - a².
        Tanh = "tanh", |z| z.tanh(), |_, a| T::ONE - a * a;
        /// σ(z) = max(z, 0), σ' = 1 where z > 0, else 0 (also at 0).
        Relu = "relu", |z| z.at_least(T::ZERO), |_, a| if a > T::ZERO { T::ONE } else { T::ZERO };
    }
    rowwise {
        /// a_j = e^z_j / Σ_i e^z_i over the neurons of the output layer.
        Softmax = "softmax";
    }
}

impl Activation {
    /// Whether σ acts on each neuron alone.
    pub fn is_elementwise(self) -> bool {
        self != Self::Softmax
    }
}

/// The largest z of a row; NaN if any is.
#[inline(always)]
pub fn maximum<T: Real>(z: &[T]) -> T {
    let mut max = z[0];
    for &z in &z[1..] {
        // A comparison with NaN is false either way round, so it is kept once met.
        max = if max >= z { max } else { z };
    }
    max
}

/// Softmax of one row. The largest z is taken off first, so that nothing overflows.
#[inline(always)]
pub fn softmax<T: Real>(z: &mut [T]) {
    let max = maximum(z);
    for z in z.iter_mut() {
        *z = (*z - max).exp();
    }
    let mut sum = T::ZERO;
    for z in z.iter() {
        sum += *z;
    }
    for z in z.iter_mut() {
        *z = *z / sum;
    }
}

/// Turns ∂C/∂a of one row into δ_j = a_j (∂C/∂a_j - Σ_i ∂C/∂a_i a_i).
#[inline(always)]
pub fn softmax_prime<T: Real>(a: &[T], delta: &mut [T]) {
    let mut mean = T::ZERO;
    for (delta, a) in delta.iter().zip(a) {
        mean = delta.mul_add(*a, mean);
    }
    for (delta, a) in delta.iter_mut().zip(a) {
        *delta = *a * (*delta - mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// σ' against central differences, away from the kink of relu.
    #[test]
    fn the_derivative_of_each_elementwise_row_is_its_slope() {
        for row in Activation::ALL.iter().filter(|row| row.is_elementwise()) {
            for i in -40..40 {
                let (z, h) = (f64::from(i) * 0.1 + 0.05, 1e-6);
                let mut values = [z - h, z, z + h];
                row.sigma(&mut values);
                let mut slope = [1.0];
                row.sigma_prime(&[z], &values[1..2], &mut slope);
                let numeric = (values[2] - values[0]) / (2.0 * h);
                assert!((slope[0] - numeric).abs() < 1e-9, "{row:?} at {z}");
            }
        }
    }

    #[test]
    fn softmax_sums_to_one_even_where_exp_would_overflow() {
        let mut z = [1000.0_f64, 1001.0, 999.0];
        softmax(&mut z);
        assert!((z.iter().sum::<f64>() - 1.0).abs() < 4.0 * f64::EPSILON);
        assert!(z[1] > z[0] && z[0] > z[2]);
    }

    #[test]
    fn the_derivative_of_softmax_is_its_jacobian() {
        let (z, upstream, h) = ([0.3_f64, -1.0, 2.0], [0.7, -0.2, 1.5], 1e-6);
        let mut a = z;
        softmax(&mut a);
        let mut delta = upstream;
        softmax_prime(&a, &mut delta);
        for j in 0..3 {
            let side = |h: f64| {
                let mut z = z;
                z[j] += h;
                softmax(&mut z);
                z.iter().zip(upstream).map(|(a, g)| a * g).sum::<f64>()
            };
            assert!((delta[j] - (side(h) - side(-h)) / (2.0 * h)).abs() < 1e-9);
        }
    }
}
