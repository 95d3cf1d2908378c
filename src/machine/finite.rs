//! Find the first NaN or infinity.

use crate::machine::kernel::{Isa, Kernel, LINE_MAX, Simd, first};
use crate::machine::real::Real;

/// Numbers that are checked without a branch.
const CHUNK: usize = 1024;

/// Return the index of the first NaN or infinity.
pub fn first_non_finite<T: Real>(values: &[T]) -> Option<usize> {
    let isa = Isa::best();
    let is_bad = |chunk: &[T]| {
        let mut bad = false;
        isa.run(HasNonFinite { chunk, bad: &mut bad });
        bad
    };
    let chunk = values.chunks(CHUNK).position(is_bad)? * CHUNK;
    let within = values[chunk..].iter().position(|value| !value.is_finite());
    within.map(|i| chunk + i)
}

/// A check for NaN or infinity: 0 times either is NaN, and 0 times any other number is 0.
struct HasNonFinite<'a, T> {
    chunk: &'a [T],
    bad: &'a mut bool,
}

impl<T: Real> Kernel for HasNonFinite<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut sums = [T::ZERO; LINE_MAX];
        let lines = self.chunk.chunks_exact(LINE_MAX);
        let rest = lines.remainder();
        for line in lines {
            let line: [T; LINE_MAX] = first(line);
            (0..LINE_MAX).for_each(|n| sums[n] += line[n] * T::ZERO);
        }
        *self.bad = sums.iter().chain(rest).any(|value| !value.is_finite());
    }
}

/// [`first_non_finite`] on all threads, if there are enough numbers.
#[cfg(any(feature = "python", test))]
pub fn first_non_finite_of_many<T: Real>(values: &[T]) -> Option<usize> {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use crate::machine::pool;

    const PIECE: usize = 1 << 17;
    let threads = pool::threads().min(values.len() / PIECE);
    let first = AtomicUsize::new(usize::MAX);
    pool::for_each(threads, values.chunks(PIECE).enumerate(), |(piece, values)| {
        if first.load(Relaxed) < piece * PIECE {
            return; // found before this piece
        }
        if let Some(at) = first_non_finite(values) {
            first.fetch_min(piece * PIECE + at, Relaxed);
        }
    });
    Some(first.into_inner()).filter(|&at| at < usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found_wherever_it_stands<T: Real>() {
        let largest = T::from_f64(f64::from(f32::MAX));
        for length in [1, 7, LINE_MAX, CHUNK - 1, CHUNK, 2 * CHUNK + 5] {
            let mut values: Vec<T> =
                (0..length).map(|i| if i % 2 == 0 { largest } else { -largest }).collect();
            assert_eq!(first_non_finite(&values), None);
            for i in (0..length).filter(|i| i % CHUNK < 40 || i % CHUNK > CHUNK - 20) {
                for bad in [T::INFINITY, -T::INFINITY, T::INFINITY * T::ZERO] {
                    let good = std::mem::replace(&mut values[i], bad);
                    assert_eq!(first_non_finite(&values), Some(i));
                    values[i] = good;
                }
            }
        }
    }

    #[test]
    fn nan_and_infinity_are_found_wherever_they_stand() {
        is_found_wherever_it_stands::<f32>();
        is_found_wherever_it_stands::<f64>();
    }

    #[test]
    fn all_threads_find_the_first_that_is_not_finite() {
        let mut values = vec![1.0_f32; 1_000_000];
        assert_eq!(first_non_finite_of_many(&values), None);
        for i in [999_999, 700_000, 131_072, 131_071, 0] {
            values[i] = f32::NAN;
            assert_eq!(first_non_finite_of_many(&values), Some(i));
        }
    }
}
