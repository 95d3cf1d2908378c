//! The table of activations: a name, σ(z) and σ'(z, a) with a = σ(z), one entry each.
//!
//! A new activation needs a new entry here and one in `tables/activation.py`.

use crate::machine::kernel::{Kernel, Simd};
use crate::machine::real::Real;
use crate::tables::registry::table;

/// Write the enum, its names, its lookup and its loops from one list of entries.
///
/// Hot entries are compiled into every kernel. The others would make all kernels large and slow to
/// compile, so they have code of their own, which all kernels call.
macro_rules! activations {
    (
        hot { $($hot:tt)* }
        cold { $($cold:tt)* }
        rowwise { $(#[doc = $row_doc:literal])* $row_variant:ident = $row_name:literal; }
    ) => {
        activations! { @table $($hot)* $($cold)* @
            $(#[doc = $row_doc])* $row_variant = $row_name;
        }

        impl Activation {
            activations! { @loops in_place, in_place_prime: $($hot)* }
            activations! { @loops out_of_line, out_of_line_prime: $($cold)* }
        }
    };
    (@table $(
        $(#[doc = $doc:literal])*
        $variant:ident = $name:literal $({ $($setting:ident: $range:ident = $default:expr),+ })?,
        |$z:pat_param| $sigma:expr,
        |$zp:pat_param, $ap:pat_param| $prime:expr;
    )* @ $($rowwise:tt)*) => {
        table! {
            /// σ: computes a neuron's activation a from its weighted input z.
            pub enum Activation: "activation" {
                $(
                    $(#[doc = $doc])*
                    $variant = $name $({ $($setting: $range = $default),+ })?;
                )*
                $($rowwise)*
            }
        }
    };
    (@loops $of:ident, $of_prime:ident: $(
        $(#[doc = $doc:literal])*
        $variant:ident = $name:literal $({ $($setting:ident: $range:ident = $default:expr),+ })?,
        |$z:pat_param| $sigma:expr,
        |$zp:pat_param, $ap:pat_param| $prime:expr;
    )*) => {
        /// Replace each z by σ(z), if it is one of these entries.
        #[inline(always)]
        fn $of<T: Real>(self, z: &mut [T]) -> bool {
            match self {
                $(Self::$variant $({ $($setting),+ })? => {
                    $($(let $setting: T = number($setting);)+)?
                    for value in z {
                        let $z = *value;
                        let a = $sigma;
                        *value = a;
                    }
                })*
                _ => return false,
            }
            true
        }

        /// Multiply each `delta` by σ'(z, a), if it is one of these entries.
        #[inline(always)]
        pub(crate) fn $of_prime<T: Real>(self, z: &[T], a: &[T], delta: &mut [T]) -> bool {
            match self {
                $(Self::$variant $({ $($setting),+ })? => {
                    $($(let $setting: T = number($setting);)+)?
                    for ((delta, z), a) in delta.iter_mut().zip(z).zip(a) {
                        let ($zp, $ap) = (*z, *a);
                        *delta *= $prime;
                    }
                })*
                _ => return false,
            }
            true
        }
    };
}

activations! {
    hot {
        /// σ(z) = z, σ' = 1.
        Identity = "identity", |z| z, |_, _| T::ONE;
        /// σ(z) = 1 / (1 + e^-z), σ' = a (1 - a): equation 5 of docs/derivation.md.
        Sigmoid = "sigmoid", |z| z.sigmoid(), |_, a| a * (T::ONE - a);
        /// σ(z) = tanh z, σ' = 1 - a².
        Tanh = "tanh", |z| z.tanh(), |_, a| T::ONE - a * a;
        /// σ(z) = max(z, 0), σ' = 1 if z > 0, otherwise 0 (also at 0).
        Relu = "relu", |z| z.at_least(T::ZERO), |_, a| if a > T::ZERO { T::ONE } else { T::ZERO };
    }
    cold {
        /// σ(z) = z if z > 0, otherwise slope z (Maas, Hannun and Ng, 2013).
        LeakyRelu = "leaky_relu" { slope: NonNegative = 0.01 },
            |z| if z > T::ZERO { z } else { slope * z },
            |_, a| if a > T::ZERO { T::ONE } else { slope };
        /// σ(z) = z if z > 0, otherwise alpha (e^z - 1) (Clevert, Unterthiner and Hochreiter,
        /// 2016).
        Elu = "elu" { alpha: NonNegative = 1.0 },
            |z| if z > T::ZERO { z } else { alpha * z.expm1() },
            |_, a| if a > T::ZERO { T::ONE } else { a + alpha };
        /// σ(z) = λ z if z > 0, otherwise λ α (e^z - 1), which keeps mean 0 and variance 1
        /// (Klambauer et al., 2017, eq. 2).
        Selu = "selu",
            |z| number::<T>(SELU_SCALE) * if z > T::ZERO { z } else {
                number::<T>(SELU_ALPHA) * z.expm1()
            },
            |_, a| if a > T::ZERO { number(SELU_SCALE) } else {
                a + number(SELU_SCALE * SELU_ALPHA)
            };
        /// σ(z) = z Φ(z) with the normal distribution Φ (Hendrycks and Gimpel, 2016).
        Gelu = "gelu",
            |z| z * z.normal_cdf(),
            |z, _| z.mul_add(bell(z), z.normal_cdf());
        /// σ(z) = z/2 (1 + tanh(√(2/π) (z + 0.044715 z³))), close to gelu (ibid., section 2).
        GeluTanh = "gelu_tanh",
            |z| half(z) * (T::ONE + gelu_inner(z).tanh()),
            |z, _| {
                // Beyond 50 the slope is 0 or 1, and the square of z might overflow.
                let z = z.at_most(number(50.0)).at_least(number(-50.0));
                let t = gelu_inner(z).tanh();
                let inner = (number::<T>(3.0 * GELU_CUBE) * z).mul_add(z, T::ONE);
                half(T::ONE + t) + half(z) * (T::ONE - t * t) * number(GELU_ROOT) * inner
            };
        /// σ(z) = z / (1 + e^-z) (Elfwing, Uchibe and Doya, 2018).
        Silu = "silu",
            |z| z * z.sigmoid(),
            |z, a| { let s = z.sigmoid(); a.mul_add(T::ONE - s, s) };
        /// σ(z) = z tanh(ln(1 + e^z)) (Misra, 2019).
        Mish = "mish",
            |z| z * tanh_softplus(z),
            |z, _| {
                let t = tanh_softplus(z);
                (z * z.sigmoid()).mul_add(T::ONE - t * t, t)
            };
        /// σ(z) = ln(1 + e^z), σ' = 1 - e^-a (Dugas et al., 2001).
        Softplus = "softplus", |z| z.softplus(), |_, a| -(-a).expm1();
        /// σ(z) = z / (1 + |z|), σ' = (1 - |a|)² (Bergstra et al., 2009).
        Softsign = "softsign",
            |z| softsign(z),
            |_, a| { let rest = T::ONE - a.abs(); rest * rest };
        /// σ(z) = z/6 + 1/2 between 0 and 1, σ' = 1/6 there and 0 at the ends (PyTorch's
        /// Hardsigmoid).
        HardSigmoid = "hard_sigmoid",
            |z| z.mul_add(number(1.0 / 6.0), number(0.5)).at_least(T::ZERO).at_most(T::ONE),
            |_, a| if a > T::ZERO && a < T::ONE { number(1.0 / 6.0) } else { T::ZERO };
        /// σ(z) = z between -1 and 1, σ' = 1 there and 0 at the ends (Collobert, 2004).
        HardTanh = "hard_tanh",
            |z| z.at_least(-T::ONE).at_most(T::ONE),
            |_, a| if a > -T::ONE && a < T::ONE { T::ONE } else { T::ZERO };
        /// σ(z) = z between 0 and 6, σ' = 1 there and 0 at the ends (Krizhevsky, 2010).
        Relu6 = "relu6",
            |z| z.at_least(T::ZERO).at_most(number(6.0)),
            |_, a| if a > T::ZERO && a < number(6.0) { T::ONE } else { T::ZERO };
        /// σ(z) = e^(-z²), σ' = -2 z a (Broomhead and Lowe, 1988).
        Gaussian = "gaussian", |z| (-(z * z)).exp(), |z, a| -(z + z) * a;
        /// σ(z) = sin z, σ' = cos z (Sitzmann et al., 2020).
        Sine = "sine", |z| z.sin(), |z, _| z.cos();
        /// σ(z) = e^z, σ' = a: the inverse of the logarithm that links a rate to z.
        Exponential = "exponential", |z| z.exp(), |_, a| a;
    }
    rowwise {
        /// a_j = e^z_j / Σ_i e^z_i over the neurons of the output layer.
        Softmax = "softmax";
    }
}

/// Klambauer et al., 2017, appendix 1, to the digits of `f64`.
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_3;
/// √(2/π).
const GELU_ROOT: f64 = 0.797_884_560_802_865_4;
const GELU_CUBE: f64 = 0.044_715;
/// 1/√(2π).
const BELL: f64 = 0.398_942_280_401_432_7;

#[inline(always)]
fn number<T: Real>(value: f64) -> T {
    T::from_f64(value)
}

#[inline(always)]
fn half<T: Real>(z: T) -> T {
    number::<T>(0.5) * z
}

/// Return the density of the normal distribution.
#[inline(always)]
fn bell<T: Real>(z: T) -> T {
    number::<T>(BELL) * (-half(z * z)).exp()
}

#[inline(always)]
fn gelu_inner<T: Real>(z: T) -> T {
    number::<T>(GELU_ROOT) * (number::<T>(GELU_CUBE) * z * z).mul_add(z, z)
}

/// tanh(ln(1 + e^z)) = (e² + 2e) / (e² + 2e + 2) with e = e^z; 1 from z = 20 on.
#[inline(always)]
fn tanh_softplus<T: Real>(z: T) -> T {
    let e = z.at_most(number(20.0)).exp();
    let n = e.mul_add(e, T::TWO * e);
    n / (n + T::TWO)
}

/// Compute z / (1 + |z|), which is ±1 for infinite z.
#[inline(always)]
fn softsign<T: Real>(z: T) -> T {
    let a = z / (T::ONE + z.abs());
    if z.abs() < T::INFINITY { a } else { z.at_least(-T::ONE).at_most(T::ONE) }
}

impl Activation {
    /// Replace each z by σ(z).
    ///
    /// Softmax acts on whole rows: see [`softmax`].
    #[inline(always)]
    pub fn sigma<T: Real, S: Simd>(self, z: &mut [T]) {
        if const { !S::TILES } || !self.in_place(z) {
            S::run_cold(Sigma { activation: self, z });
        }
    }

    /// Compute σ(z) of one line, which stays in registers.
    #[inline(always)]
    pub fn sigma_of_line<T: Real, S: Simd, const N: usize>(self, z: [T; N]) -> [T; N] {
        let mut a = z;
        if const { !S::TILES } || !self.in_place(&mut a) {
            let mut cold = z;
            S::run_cold(Sigma { activation: self, z: &mut cold });
            a = cold;
        }
        a
    }

    /// Multiply each `delta` by σ'(z, a), the derivative ∂a/∂z.
    ///
    /// The derivative of softmax is a matrix: see [`softmax_prime`].
    #[inline(always)]
    pub fn sigma_prime<T: Real, S: Simd>(self, z: &[T], a: &[T], delta: &mut [T]) {
        if const { !S::TILES } || !self.in_place_prime(z, a, delta) {
            S::run_cold(SigmaPrime { activation: self, z, a, delta });
        }
    }

    /// Compute δ σ'(z, a) of one line, which stays in registers.
    #[inline(always)]
    pub fn slope_of_line<T: Real, S: Simd, const N: usize>(
        self,
        [z, a]: [&[T; N]; 2],
        delta: [T; N],
    ) -> [T; N] {
        let mut product = delta;
        if const { !S::TILES } || !self.in_place_prime(z, a, &mut product) {
            let (z, a, mut cold) = (*z, *a, delta);
            S::run_cold(SigmaPrime { activation: self, z: &z, a: &a, delta: &mut cold });
            product = cold;
        }
        product
    }

    /// Return true if σ' is computed from z as well as a, so that a hidden layer has to keep z.
    pub fn needs_z(self) -> bool {
        matches!(
            self,
            Self::Gelu | Self::GeluTanh | Self::Silu | Self::Mish | Self::Gaussian | Self::Sine
        )
    }

    /// Return true if σ is elementwise.
    pub fn is_elementwise(self) -> bool {
        self != Self::Softmax
    }
}

/// [`Activation::sigma`] of the cold entries.
struct Sigma<'a, T> {
    activation: Activation,
    z: &'a mut [T],
}

impl<T: Real> Kernel for Sigma<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        if const { !S::TILES } && self.activation.in_place(self.z) {
            return;
        }
        if !self.activation.out_of_line(self.z) {
            softmax(self.z.as_chunks_mut::<1>().0);
        }
    }
}

/// [`Activation::sigma_prime`] of the cold entries.
struct SigmaPrime<'a, T> {
    activation: Activation,
    z: &'a [T],
    a: &'a [T],
    delta: &'a mut [T],
}

impl<T: Real> Kernel for SigmaPrime<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { activation, z, a, delta } = self;
        if const { !S::TILES } && activation.in_place_prime(z, a, delta) {
            return;
        }
        if !activation.out_of_line_prime(z, a, delta) {
            softmax_prime(a.as_chunks::<1>().0, delta.as_chunks_mut().0);
        }
    }
}

/// Return the largest z of each of `W` rows that are packed into lanes.
///
/// If some z is NaN, the result may be NaN or another z: e^(z - max) of the NaN itself is NaN
/// either way.
#[inline(always)]
pub fn maximum<T: Real, const W: usize>(z: &[[T; W]]) -> [T; W] {
    let mut max = z[0];
    for z in &z[1..] {
        for r in 0..W {
            max[r] = if max[r] >= z[r] { max[r] } else { z[r] };
        }
    }
    max
}

/// Compute the softmax of `W` rows. The largest z of each is subtracted first, so that nothing
/// overflows.
#[inline(always)]
pub fn softmax<T: Real, const W: usize>(z: &mut [[T; W]]) {
    let max = maximum(z);
    let mut sum = [T::ZERO; W];
    for z in z.iter_mut() {
        for r in 0..W {
            z[r] = (z[r] - max[r]).exp();
            sum[r] += z[r];
        }
    }
    for z in z {
        for r in 0..W {
            z[r] = z[r] / sum[r];
        }
    }
}

/// Turn ∂C/∂a of `W` rows into δ_j = a_j (∂C/∂a_j - Σ_i ∂C/∂a_i a_i).
#[inline(always)]
pub fn softmax_prime<T: Real, const W: usize>(a: &[[T; W]], delta: &mut [[T; W]]) {
    let mut mean = [T::ZERO; W];
    for (delta, a) in delta.iter().zip(a) {
        for r in 0..W {
            mean[r] = delta[r].mul_add(a[r], mean[r]);
        }
    }
    for (delta, a) in delta.iter_mut().zip(a) {
        for r in 0..W {
            delta[r] = a[r] * (delta[r] - mean[r]);
        }
    }
}

#[cfg(test)]
mod tests;
