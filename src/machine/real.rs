//! The two number types, and their elementary functions in fused multiply-adds.
//!
//! No function branches on a value, so every function vectorizes, and none calls the platform's
//! mathematics library, so every machine gives the same bits. NaN in gives NaN out. The errors
//! named below are the largest over all 2³² inputs of `f32`, in units in the last place (ulp), as
//! `cargo bench --bench ulp -- --all` prints them; `tools/ulp.py` samples `f64` against a
//! multi-precision oracle.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use crate::machine::fma;

/// `f32` or `f64`.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + MulAssign
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    const TWO: Self;
    const INFINITY: Self;
    /// The smallest normal number.
    const MIN_POSITIVE: Self;
    /// The numbers that fill a cache line of 64 bytes: the width of a panel.
    const LINE: usize;
    /// The name NumPy gives the type.
    const NAME: &'static str;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// `mul_add` for the portable kernels: without a call where the target has no instruction.
    fn inline_mul_add(self, a: Self, b: Self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn is_finite(self) -> bool;

    /// e^x, within 0.99 ulp.
    fn exp(self) -> Self;
    /// ln x, within 0.83 ulp.
    fn ln(self) -> Self;
    /// Compute σ(x) = 1 / (1 + e^-x), within 2.49 ulp; results below the smallest normal number may
    /// become 0.
    fn sigmoid(self) -> Self;
    /// tanh x, within 2.42 ulp.
    fn tanh(self) -> Self;
    /// e^x - 1 for x ≤ 0, within 1.24 ulp; 0 for a larger x.
    fn expm1(self) -> Self;
    /// sin x, within 1.5 ulp of the larger of |sin x| and 2^-24 (`f32`) for |x| ≤ 10⁵. Beyond, it
    /// loses digits as x does, and stays between -1 and 1.
    fn sin(self) -> Self;
    /// cos x, with the bounds of [`Self::sin`].
    fn cos(self) -> Self;
    /// Φ(x), the probability that a standard normal number is less than x, within 4 ulp; results
    /// below the smallest normal number may become 0.
    fn normal_cdf(self) -> Self;

    /// Return the larger of the two; if `self` is NaN, NaN.
    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        if self < low { low } else { self }
    }

    /// Return the smaller of the two; if `self` is NaN, NaN.
    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        if self > high { high } else { self }
    }

    /// Return `self`, or 0 if it is below the smallest normal number; NaN stays.
    ///
    /// A value that only decays would stay subnormal forever, and some processors take a hundred
    /// times as long for arithmetic on such numbers.
    #[inline(always)]
    fn flush_subnormal(self) -> Self {
        if self.abs() < Self::MIN_POSITIVE { Self::ZERO } else { self }
    }

    /// ln(1 + u) for u ≥ 0, within 1.24 ulp: the rounding of 1 + u is corrected to first order.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        let one_plus = Self::ONE + self;
        let lost = self - (one_plus - Self::ONE);
        let correction = lost / one_plus;
        one_plus.ln() + if correction.is_finite() { correction } else { Self::ZERO }
    }

    /// ln(1 + e^x), which is max(x, 0) + ln(1 + e^-|x|).
    #[inline(always)]
    fn softplus(self) -> Self {
        self.at_least(Self::ZERO) + (-self.abs()).exp().ln_1p()
    }
}

/// The fused multiply-add of a type. It is not named `mul_add`, because the standard library's would
/// hide it.
trait Fused: Sized {
    /// Compute `self * a + b`, rounded once.
    fn fused(self, a: Self, b: Self) -> Self;

    /// Compute the same without a call, for the portable kernels.
    #[inline(always)]
    fn inline_fused(self, a: Self, b: Self) -> Self {
        self.fused(a, b)
    }
}

impl Fused for f32 {
    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        // WebAssembly never has the instruction. Elsewhere this function is compiled for every
        // instruction set, and the platform's is right for each.
        if cfg!(target_family = "wasm") { fma::single(self, a, b) } else { self.mul_add(a, b) }
    }

    #[inline(always)]
    fn inline_fused(self, a: Self, b: Self) -> Self {
        let is_x86 = cfg!(any(target_arch = "x86", target_arch = "x86_64"));
        if is_x86 && cfg!(not(target_feature = "fma")) {
            return fma::single(self, a, b);
        }
        self.fused(a, b)
    }
}

impl Fused for f64 {
    #[inline(always)]
    fn fused(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }
}

/// Writes one `impl Real`: the same formulas, each type with its own constants.
macro_rules! real {
    (
        mod $module:ident, $T:ident, $name:literal, $Bits:ident, $Int:ident, line: $line:literal,
        mantissa: $mantissa:literal, bias: $bias:literal, sqrt_half: $sqrt_half:literal,
        ln2: ($ln2_high:literal, $ln2_low:literal),
        exp_range: ($exp_low:literal, $exp_high:literal),
        sigmoid_range: ($sigmoid_low:literal, $sigmoid_high:literal),
        tanh_range: $tanh_high:literal,
        expm1: [$expm1_highest:literal $(, $expm1:literal)*],
        ln: [$ln_highest:literal $(, $ln:literal)*],
        half_pi: ($pi_high:expr, $pi_middle:literal, $pi_low:literal),
        sin: [$sin_highest:literal $(, $sin:literal)*],
        cos: [$cos_highest:literal $(, $cos:literal)*],
        tail: ($center:literal, $furthest:literal, [$tail_highest:literal $(, $tail:literal)*]),
    ) => {
        mod $module {
            use super::{Fused, Real};

            /// (n, expm1(r)) with x = n ln 2 + r and |r| ≤ ln 2 / 2: expm1(r) = r + r² q(r).
            #[inline(always)]
            fn reduced_expm1(x: $T) -> ($Int, $T) {
                // Adding 1.5·2^mantissa rounds to an integer and leaves it in the low bits.
                const MAGIC: $T = (3u64 << ($mantissa - 1)) as $T;
                let t = x.fused(std::f64::consts::LOG2_E as $T, MAGIC);
                let n = t - MAGIC;
                let r = (-n).fused($ln2_low, (-n).fused($ln2_high, x));
                let q: $T = $expm1_highest;
                $(let q = q.fused(r, $expm1);)*
                let n = (t.to_bits() as $Int).wrapping_sub(MAGIC.to_bits() as $Int);
                (n, (r * r).fused(q, r))
            }

            /// 2^n by its exponent bits; ∞ for bias + 1 and 0 for -bias.
            #[inline(always)]
            fn power_of_two(n: $Int) -> $T {
                $T::from_bits((n.wrapping_add($bias) as $Bits) << $mantissa)
            }

            /// (quarter turns modulo 4, sin r, cos r) with x = quarters π/2 + r and |r| ≤ π/4.
            #[inline(always)]
            fn turned(x: $T) -> ($Bits, $T, $T) {
                const MAGIC: $T = (3u64 << ($mantissa - 1)) as $T;
                let t = x.fused(std::f64::consts::FRAC_2_PI as $T, MAGIC);
                let n = -(t - MAGIC);
                let r = n.fused($pi_low, n.fused($pi_middle, n.fused($pi_high, x)));
                let r = r.at_least(-0.8).at_most(0.8); // if x is too large to have a remainder
                let square = r * r;
                let s: $T = $sin_highest;
                $(let s = s.fused(square, $sin);)*
                let c: $T = $cos_highest;
                $(let c = c.fused(square, $cos);)*
                let cos = (c * square).fused(square, (-0.5 as $T).fused(square, 1.0));
                (t.to_bits() & 3, (s * square).fused(r, r), cos)
            }

            impl Real for $T {
                const ZERO: Self = 0.0;
                const ONE: Self = 1.0;
                const TWO: Self = 2.0;
                const INFINITY: Self = $T::INFINITY;
                const MIN_POSITIVE: Self = $T::MIN_POSITIVE;
                const LINE: usize = $line;
                const NAME: &'static str = $name;

                #[inline(always)]
                fn from_f64(value: f64) -> Self {
                    value as $T
                }
                #[inline(always)]
                fn to_f64(self) -> f64 {
                    f64::from(self)
                }
                #[inline(always)]
                fn mul_add(self, a: Self, b: Self) -> Self {
                    self.fused(a, b)
                }
                #[inline(always)]
                fn inline_mul_add(self, a: Self, b: Self) -> Self {
                    self.inline_fused(a, b)
                }
                #[inline(always)]
                fn sqrt(self) -> Self {
                    $T::sqrt(self)
                }
                #[inline(always)]
                fn abs(self) -> Self {
                    $T::abs(self)
                }
                #[inline(always)]
                fn is_finite(self) -> bool {
                    self.abs() < $T::INFINITY
                }

                #[inline(always)]
                fn exp(self) -> Self {
                    let (n, p) = reduced_expm1(self.at_least($exp_low).at_most($exp_high));
                    // In two factors, because 2^n itself may lie outside the type's range.
                    let half = n >> 1;
                    (1.0 + p) * power_of_two(half) * power_of_two(n - half)
                }

                #[inline(always)]
                fn sigmoid(self) -> Self {
                    let t = (-self).at_least($sigmoid_low).at_most($sigmoid_high);
                    let (n, p) = reduced_expm1(t);
                    1.0 / (1.0 + (1.0 + p) * power_of_two(n))
                }

                #[inline(always)]
                fn tanh(self) -> Self {
                    // With e = expm1(2|x|), tanh |x| = e / (e + 2): nothing cancels.
                    let (n, p) = reduced_expm1((2.0 * self.abs()).at_most($tanh_high));
                    let scale = power_of_two(n);
                    let e = p.fused(scale, scale - 1.0);
                    (e / (e + 2.0)).copysign(self)
                }

                #[inline(always)]
                fn expm1(self) -> Self {
                    let (n, p) = reduced_expm1(self.at_least($sigmoid_low).at_most(0.0));
                    let scale = power_of_two(n);
                    p.fused(scale, scale - 1.0)
                }

                #[inline(always)]
                fn sin(self) -> Self {
                    let (quarters, sin, cos) = turned(self);
                    let value = if quarters & 1 == 0 { sin } else { cos };
                    if quarters & 2 == 0 { value } else { -value }
                }

                #[inline(always)]
                fn cos(self) -> Self {
                    let (quarters, sin, cos) = turned(self);
                    let value = if quarters & 1 == 0 { cos } else { sin };
                    if (quarters + 1) & 2 == 0 { value } else { -value }
                }

                #[inline(always)]
                fn normal_cdf(self) -> Self {
                    // Φ(-u) = e^(-u²/2) tail(t) / (1 + u) with t = (u - center) / (u + center).
                    let u = self.abs().at_most($furthest);
                    let t = (u - $center) / (u + $center);
                    let tail: $T = $tail_highest;
                    $(let tail = tail.fused(t, $tail);)*
                    let square = u * u;
                    let lost = u.fused(u, -square);
                    let bell = Real::exp(-0.5 * square); // not the exp of the platform
                    let bell = bell.fused(-0.5 * lost, bell);
                    let below = bell * tail / (1.0 + u);
                    if self < 0.0 { below } else { 1.0 - below }
                }

                #[inline(always)]
                fn ln(self) -> Self {
                    // x = 2^k m with m in [√½, √2). With f = m - 1 and s = f / (2 + f),
                    // ln m = f - f²/2 + s (f²/2 + R(s²)).
                    const SUBNORMAL: $T = (1u64 << ($mantissa + 1)) as $T;
                    let tiny = self < $T::MIN_POSITIVE;
                    let x = if tiny { self * SUBNORMAL } else { self };
                    let bits = x.to_bits().wrapping_sub($sqrt_half);
                    let k = (bits as $Int) >> $mantissa;
                    let k = (k - if tiny { $mantissa + 1 } else { 0 }) as $T;
                    let m = (bits & ((1 << $mantissa) - 1)).wrapping_add($sqrt_half);
                    let f = $T::from_bits(m) - 1.0;
                    let s = f / (2.0 + f);
                    let z = s * s;
                    let r: $T = $ln_highest;
                    $(let r = r.fused(z, $ln);)*
                    let half_square = 0.5 * f * f;
                    let low = s.fused(r.fused(z, half_square), k * $ln2_low);
                    let y = k.fused($ln2_high, f - (half_square - low));
                    let y = if self < $T::INFINITY { y } else { self };
                    let y = if self == 0.0 { -$T::INFINITY } else { y };
                    if self < 0.0 { $T::NAN } else { y }
                }
            }
        }
    };
}

// The coefficients of q are a weighted fit of (expm1(r) - r) / r², rounded one by one: they leave
// relative errors of expm1 of 2^-31.1 and 2^-61.5. Those of sin, cos and the normal tail are
// Chebyshev fits (`tools/coefficients.py` prints them all). Those of R are the ones of Sun's
// fdlibm.
real! {
    mod single, f32, "float32", u32, i32, line: 16,
    mantissa: 23, bias: 127, sqrt_half: 0x3f35_04f3,
    ln2: (0.693_359_375, -2.121_944_4e-4),
    exp_range: (-104.0, 89.0),
    sigmoid_range: (-87.0, 89.0),
    tanh_range: 20.0,
    expm1: [
        1.975_087_7e-4, 1.393_268_2e-3, 8.333_558e-3, 4.166_649e-2, 1.666_666_6e-1, 0.5
    ],
    ln: [0.242_790_79, 0.284_987_87, 0.400_009_72, 0.666_666_6],
    half_pi: (1.570_796_4, -4.371_139e-8, -1.715_124_5e-15),
    sin: [-1.958_283_1e-4, 8.332_725e-3, -1.666_666_4e-1],
    cos: [2.454_287_1e-5, -1.388_827_9e-3, 4.166_666_4e-2],
    tail: (4.0, 15.0, [
        -7.437_455e-5, -6.673_718_6e-5, 6.908_448_4e-4, -2.999_187_6e-4, -5.002_141e-3,
        1.793_945e-2, -3.219_781_4e-2, 2.860_003_3e-2, 1.399_963_6e-2, -9.670_347e-2, 4.720_532e-1
    ]),
}
real! {
    mod double, f64, "float64", u64, i64, line: 8,
    mantissa: 52, bias: 1023, sqrt_half: 0x3fe6_a09e_667f_3bcd,
    ln2: (6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10),
    exp_range: (-746.0, 710.0),
    sigmoid_range: (-708.0, 710.0),
    tanh_range: 40.0,
    expm1: [
        2.0893225344627584e-9, 2.5109186201264048e-8, 2.7557340364655527e-7,
        2.7557243775857745e-6, 2.480158725269553e-5, 1.9841269886570684e-4,
        1.3888888888916057e-3, 8.333333333321443e-3, 4.166666666666662e-2,
        1.6666666666666677e-1, 0.5
    ],
    ln: [
        1.479819860511658591e-1, 1.531383769920937332e-1, 1.818357216161805012e-1,
        2.222219843214978396e-1, 2.857142874366239149e-1, 3.999999999940941908e-1,
        6.666666666666735130e-1
    ],
    half_pi: (std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.497384905065873e-33),
    sin: [
        1.5915309183057952e-10, -2.5051092308431318e-8, 2.7557315910939e-6,
        -1.9841269836385435e-4, 8.3333333333307e-3, -1.6666666666666666e-1
    ],
    cos: [
        -1.1380868171449771e-11, 2.0876121534608454e-9, -2.7557317151858866e-7,
        2.480158729853226e-5, -1.3888888888887241e-3, 4.1666666666666664e-2
    ],
    tail: (5.0, 39.0, [
        -2.7701481656827913e-10, 1.6294822123482363e-11, 4.305928346122364e-9,
        2.6641470506077205e-9, -3.132082028087379e-8, -2.4964749749793523e-8,
        1.9716412822314452e-7, 1.2687978435110762e-7, -1.3083296242531128e-6,
        -6.989850792867112e-8, 9.06032311426407e-6, -9.896216310883174e-6, -5.36077545074153e-5,
        1.8233416164045794e-4, 7.791634836196445e-6, -1.67607234514747e-3, 6.522000662944827e-3,
        -1.5170415402641402e-2, 2.4536963244022193e-2, -2.6401042966293736e-2,
        1.0002352385218209e-2, 3.1030368425963278e-2, -9.155228183400893e-2, 4.6151582985003775e-1
    ]),
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // the reference values
mod tests {
    use super::*;

    /// Return the distance between a result and the truth, in ulps of a type with this many
    /// mantissa bits and this least exponent.
    fn ulps(result: f64, truth: f64, mantissa: i32, least: i32) -> f64 {
        let exponent = ((truth.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        // In two steps, because the least ulp of `f64` is subnormal.
        let power = |n: i32| f64::from_bits(((n + 1023) as u64) << 52);
        let ulp = power(exponent.max(least)) / power(mantissa);
        (result - truth).abs() / ulp
    }

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn softplus(x: f64) -> f64 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }

    /// Return every 4,099th `f32` (a prime step, so that all exponents and signs occur).
    #[test]
    fn single_precision_functions_are_within_their_bounds() {
        for x in (0..=u32::MAX).step_by(4099).map(f32::from_bits).filter(|x| !x.is_nan()) {
            let exact = f64::from(x);
            let close = |what, got: f32, want: f64, bound| {
                let beyond = got.is_infinite() && got == want as f32;
                let error = ulps(got.into(), want, 23, -126);
                assert!(beyond || error <= bound, "{what}({x:e}) = {got:e}, not {want:e}: {error}");
            };
            close("exp", Real::exp(x), exact.exp(), 1.0);
            close("tanh", Real::tanh(x), exact.tanh(), 2.5);
            close("softplus", Real::softplus(x), softplus(exact), 2.0);
            if x > 0.0 {
                close("ln", Real::ln(x), exact.ln(), 0.9);
                close("ln_1p", Real::ln_1p(x), exact.ln_1p(), 1.3);
            }
            if sigmoid(exact) >= f32::MIN_POSITIVE.into() {
                close("sigmoid", Real::sigmoid(x), sigmoid(exact), 2.5);
            } else {
                assert!((0.0..f32::MIN_POSITIVE).contains(&Real::sigmoid(x)), "sigmoid({x:e})");
            }
        }
    }

    /// Check against the platform's functions, which have errors of their own: 1 ulp, and 2 for
    /// several of them.
    #[test]
    fn double_precision_functions_agree_with_the_platform() {
        for i in -200_000..200_000 {
            let x = f64::from(i) * 3.7e-4;
            let close = |what, got: f64, want: f64, bound| {
                let error = ulps(got, want, 52, -1022);
                assert!(error <= bound, "{what}({x}) = {got}, not {want}: {error}");
            };
            close("exp", Real::exp(x), x.exp(), 1.0 + 1.0);
            close("sigmoid", Real::sigmoid(x), sigmoid(x), 2.5 + 2.0);
            close("tanh", Real::tanh(x), x.tanh(), 2.5 + 1.0);
            close("softplus", Real::softplus(x), softplus(x), 2.0 + 2.0);
            if x > 0.0 {
                close("ln", Real::ln(x), x.ln(), 0.9 + 1.0);
                close("ln_1p", Real::ln_1p(x), x.ln_1p(), 1.3 + 1.0);
            }
        }
    }

    #[test]
    fn infinities_and_nan_pass_as_ieee_says() {
        fn check<T: Real>() {
            let (inf, nan) = (T::INFINITY, T::ZERO / T::ZERO);
            assert_eq!(inf.exp(), inf);
            assert_eq!((-inf).exp(), T::ZERO);
            assert_eq!(inf.sigmoid(), T::ONE);
            assert_eq!((-inf).sigmoid(), T::ZERO);
            assert_eq!(inf.tanh(), T::ONE);
            assert_eq!((-inf).tanh(), -T::ONE);
            assert_eq!(inf.ln(), inf);
            assert_eq!(T::ZERO.ln(), -inf);
            assert_eq!(inf.ln_1p(), inf);
            assert_eq!(inf.softplus(), inf);
            assert_eq!((-inf).softplus(), T::ZERO);
            for x in [nan.exp(), nan.sigmoid(), nan.tanh(), nan.ln(), nan.ln_1p(), (-T::ONE).ln()] {
                assert!(x.partial_cmp(&x).is_none(), "{x:?} is not NaN");
            }
        }
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn only_what_is_no_normal_number_becomes_zero() {
        let least = f32::MIN_POSITIVE;
        for kept in [0.0, least, -least, 1.0, f32::MAX, f32::NEG_INFINITY] {
            assert_eq!(kept.flush_subnormal(), kept);
        }
        for lost in [least.next_down(), -least.next_down(), f32::from_bits(1)] {
            assert_eq!(lost.flush_subnormal(), 0.0);
        }
        assert!(f32::NAN.flush_subnormal().is_nan());
    }

    #[test]
    fn fixed_points_are_exact() {
        fn check<T: Real>() {
            assert_eq!(T::ZERO.exp(), T::ONE);
            assert_eq!(T::ZERO.sigmoid(), T::ONE / T::TWO);
            assert_eq!(T::ZERO.tanh(), T::ZERO);
            assert_eq!(T::ONE.ln(), T::ZERO);
            assert_eq!(T::ZERO.ln_1p(), T::ZERO);
        }
        check::<f32>();
        check::<f64>();
    }
}
