//! The fused multiply-add of `f32` in operations of `f64`, for targets without an instruction.
//!
//! The product of two `f32` has at most 48 bits, so that it is exact in `f64`. The sum is rounded to
//! odd: of the two `f64` around an exact sum that is none itself, the one whose last bit is 1. To
//! round this to `f32` then gives the `f32` next to the exact sum, because `f64` has more than two
//! bits more than `f32` (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved
//! algorithms using rounding to odd", 2008, theorem 3). There is no branch, so that it vectorizes.

/// Compute `a * b + c`, rounded once.
#[inline(always)]
pub fn single(a: f32, b: f32, c: f32) -> f32 {
    let product = f64::from(a) * f64::from(b);
    let c = f64::from(c);
    let sum = product + c;
    // The error of the sum, exactly (Knuth, "The art of computer programming", 4.2.2, theorem B):
    // nothing overflows or underflows, because all numbers are 0 or between 2^-298 and 2^257.
    let part = sum - product;
    let error = (product - (sum - part)) + (c - part);
    // False for the NaN that an infinite or undefined sum leaves here.
    let is_inexact = error.abs() > 0.0;
    let bits = sum.to_bits();
    // Truncated towards zero: one less if the sum was rounded away from it.
    let was_away = (error.to_bits() ^ bits) >> 63 & u64::from(is_inexact);
    f64::from_bits((bits - was_away) | u64::from(is_inexact)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::random::{Purpose, Stream};

    fn check(a: f32, b: f32, c: f32) {
        let (got, expected) = (single(a, b, c), f32::mul_add(a, b, c));
        let equal = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
        assert!(equal, "{a:e} * {b:e} + {c:e}: {got:e}, not {expected:e}");
    }

    /// Return numbers around each boundary of the format, of both signs.
    fn edges() -> Vec<f32> {
        let mut patterns = vec![0_u32];
        for exponent in [0, 1, 2, 23, 24, 25, 63, 64, 102, 103, 104, 125, 126, 127, 128, 129] {
            for end in [exponent, 254 - exponent] {
                for fraction in [0, 1, 2, 0x2a_aaaa, 0x3f_ffff, 0x40_0000, 0x7f_fffe, 0x7f_ffff] {
                    patterns.push(end << 23 | fraction);
                }
            }
        }
        patterns.extend([0x7f80_0000, 0x7fc0_0000]); // infinity and NaN
        patterns.sort_unstable();
        patterns.dedup();
        let both = patterns.iter().flat_map(|&bits| [bits, bits | 1 << 31]);
        both.map(f32::from_bits).collect()
    }

    /// Check all pairs of factors at the edges, each with sums at the edges and with sums that
    /// leave almost nothing or lie halfway between two numbers.
    #[test]
    fn edges_are_rounded_as_by_the_platform() {
        let edges = edges();
        for (i, &a) in edges.iter().enumerate() {
            for &b in &edges[i..] {
                let product = a * b;
                for near in [product, product.next_up(), product.next_down()] {
                    check(a, b, -near);
                    // Half a unit in the last place, and the neighbors of that.
                    let unit = (near.next_up() - near) / 2.0;
                    for half in [unit, unit.next_up(), unit.next_down()] {
                        check(a, b, half);
                        check(a, b, -half);
                        check(near, 1.0, half);
                        check(near, -1.0, half);
                    }
                }
                for &c in edges.iter().skip((i * 7) % 5).step_by(5) {
                    check(a, b, c);
                }
            }
        }
    }

    #[test]
    fn every_sum_of_edges_is_rounded_as_by_the_platform() {
        let edges = edges();
        for &a in &edges {
            for &c in &edges {
                for b in [1.0, -1.0, 1.0 + f32::EPSILON, 0.5, 3.0, f32::MIN_POSITIVE] {
                    check(a, b, c);
                }
            }
        }
    }

    #[test]
    fn random_numbers_are_rounded_as_by_the_platform() {
        let mut stream = Stream::new(0, Purpose::Init, 0);
        for _ in 0..500_000 {
            let [first, second] = [stream.bits(), stream.bits()];
            let (a, b) = (f32::from_bits(first as u32), f32::from_bits((first >> 32) as u32));
            check(a, b, f32::from_bits(second as u32));
            // A sum of about the size of the product, down to 2^-50 of it.
            let part = f32::from_bits((second as u32 & 0x807f_ffff) | 0x3f80_0000);
            let power = f64::from_bits((1023 - (second >> 32) % 51) << 52);
            check(a, b, (f64::from(a * b) * f64::from(part) * power) as f32);
        }
    }
}
