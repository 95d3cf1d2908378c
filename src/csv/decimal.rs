//! Numbers of at most 19 digits times a power of ten, rounded once.
//!
//! The product with a power of ten of 128 bits decides the rounding, as shown by Daniel Lemire,
//! "Number Parsing at a Gigabyte per Second", Software: Practice and Experience 51 (2021), and by
//! Noble Mushtak and Daniel Lemire, "Fast Number Parsing Without Fallback" (2023).

/// The exponents of the table of powers.
const SMALLEST: i64 = -55;
const LARGEST: i64 = 55;
const SIZE: usize = (LARGEST - SMALLEST + 1) as usize;

/// The first 128 bits of 5^q for each q: below 0 rounded up, otherwise rounded down.
const POWERS: [(u64, u64); SIZE] = powers();

/// Powers of ten that are float64 numbers.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Return 5^n as the first 128 bits; exact for n below 56.
const fn power_of_five(n: u32) -> u128 {
    let power = 5_u128.pow(n);
    power << power.leading_zeros()
}

/// Return the first 128 bits of 1 / 5^n, rounded up.
const fn reciprocal_of_five(n: u32) -> u128 {
    let power = 5_u128.pow(n);
    let divisor = power << power.leading_zeros();
    // The quotient 2^255 / divisor bit by bit, where 2^127 <= divisor < 2^128. It has 128 bits
    // unless the divisor is a power of two, which is 1 alone here.
    let (mut quotient, mut rest) = (0_u128, 1_u128 << 127);
    let mut k = 0;
    while k < 128 {
        let carry = rest >> 127;
        rest <<= 1;
        quotient <<= 1;
        if carry == 1 || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1;
        }
        k += 1;
    }
    quotient + 1
}

const fn powers() -> [(u64, u64); SIZE] {
    let mut table = [(0, 0); SIZE];
    let mut k = 0;
    while k < SIZE {
        let q = SMALLEST + k as i64;
        let bits = if q < 0 { reciprocal_of_five(-q as u32) } else { power_of_five(q as u32) };
        table[k] = ((bits >> 64) as u64, bits as u64);
        k += 1;
    }
    table
}

/// Return mantissa · 10^exponent, rounded to the nearest float64, or None if it takes longer.
#[inline(always)]
pub fn rounded(mantissa: u64, exponent: i64) -> Option<f64> {
    let power = exponent.unsigned_abs() as usize;
    if mantissa <= 1 << 53 && power < EXACT.len() {
        // Both are float64 numbers, so that one operation rounds once.
        let mantissa = mantissa as f64;
        return Some(if exponent < 0 { mantissa / EXACT[power] } else { mantissa * EXACT[power] });
    }
    if mantissa == 0 || !(SMALLEST..=LARGEST).contains(&exponent) {
        return None;
    }
    Some(by_product(mantissa, exponent))
}

/// The same, for a mantissa above 0 and an exponent of the table.
#[inline(always)]
fn by_product(mantissa: u64, exponent: i64) -> f64 {
    let (high_power, low_power) = POWERS[(exponent - SMALLEST) as usize];
    let shift = mantissa.leading_zeros();
    let mantissa = mantissa << shift;
    let product = u128::from(mantissa) * u128::from(high_power);
    let (mut high, mut low) = ((product >> 64) as u64, product as u64);
    // 55 bits decide unless those that follow are all 1, so that the rest may carry into them.
    if high & 0x1ff == 0x1ff {
        let rest = (u128::from(mantissa) * u128::from(low_power)) >> 64;
        let carry;
        (low, carry) = low.overflowing_add(rest as u64);
        high += u64::from(carry);
    }
    let upper = high >> 63;
    let cut = upper + 9; // of 64 bits, 54 stay: 53 and one that decides the rounding
    let mut bits = high >> cut;
    let mut two_to = ((217_706 * exponent) >> 16) + 63 + upper as i64 - i64::from(shift) + 1023;
    // A tie is possible only if 5^q fits into the bits that are cut off.
    if low <= 1 && (-4..=23).contains(&exponent) && bits & 3 == 1 && bits << cut == high {
        bits -= 1; // to even
    }
    bits = (bits + (bits & 1)) >> 1;
    if bits == 1 << 53 {
        bits >>= 1;
        two_to += 1;
    }
    f64::from_bits((two_to as u64) << 52 | (bits & !(1 << 52)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_equal_the_numbers_of_the_standard_library() {
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 32) << 32 | state >> 40
        };
        for _ in 0..100_000 {
            let mantissa = (random() >> (random() % 64)).max(1);
            for exponent in [random() as i64 % 56, -1 - (random() as i64 & 0xff) % 55] {
                let exponent = exponent.clamp(SMALLEST, LARGEST);
                let exact: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
                let value = by_product(mantissa, exponent);
                assert_eq!(value.to_bits(), exact.to_bits(), "{mantissa}e{exponent}");
            }
        }
    }

    #[test]
    fn ties_and_their_neighbors() {
        for exponent in SMALLEST..=LARGEST {
            for k in 0..2000 {
                // Halfway between two float64 numbers, if the power of ten divides it.
                let half = (1_u64 << 54) + 2 * k + 1;
                for mantissa in [half - 1, half, half + 1, 5 * k + 1, u64::MAX - k] {
                    let exact: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
                    let value = by_product(mantissa, exponent);
                    assert_eq!(value.to_bits(), exact.to_bits(), "{mantissa}e{exponent}");
                }
            }
        }
    }
}
