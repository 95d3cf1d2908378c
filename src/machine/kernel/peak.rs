//! The peak rate of the arithmetic units, for benchmarks.

use std::marker::PhantomData;

use crate::machine::clock::Instant;
use crate::machine::kernel::isa::{Isa, Kernel, Simd};
use crate::machine::kernel::tile::{TILE_LINES, unroll};
use crate::machine::pool;
use crate::machine::real::Real;

/// Chains of fused multiply-adds in registers, as many as a tile has rows: the most that the
/// arithmetic units can do.
struct Peak<'a, T> {
    number: PhantomData<T>,
    /// The number of additions and multiplications.
    operations: &'a mut usize,
}

const PEAK_ROUNDS: usize = 200_000;

impl<T: Real> Kernel for Peak<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        if const { T::LINE == 16 } {
            chains::<T, S, 16>();
        } else {
            chains::<T, S, 8>();
        }
        *self.operations = 2 * PEAK_ROUNDS * S::ROWS * T::LINE;
    }
}

#[inline(always)]
fn chains<T: Real, S: Simd, const N: usize>() {
    let factor = std::hint::black_box(T::from_f64(0.999));
    let (mut sums, one) = ([[T::ONE; N]; TILE_LINES], [T::ONE; N]);
    for _ in 0..PEAK_ROUNDS {
        unroll!(S::ROWS, I => { S::add_product(&mut sums[I], factor, &one); });
    }
    std::hint::black_box(sums);
}

/// Return the best of several measurements of fused multiply-adds on all threads, in GFLOP/s.
pub fn fma_rate<T: Real>(threads: usize) -> f64 {
    let measure = || {
        let slowest = std::sync::Mutex::new(f64::INFINITY);
        pool::run(threads, |worker| {
            let (number, mut operations) = (PhantomData::<T>, 0);
            worker.wait();
            let start = Instant::now();
            Isa::best().run(Peak { number, operations: &mut operations });
            let rate = operations as f64 / start.elapsed().as_secs_f64();
            let mut slowest = slowest.lock().unwrap();
            *slowest = slowest.min(rate);
        });
        slowest.into_inner().unwrap() * threads as f64 / 1e9
    };
    (0..10).map(|_| measure()).fold(0.0, f64::max)
}
