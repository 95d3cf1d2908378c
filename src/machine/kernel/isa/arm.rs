//! NEON.

use std::arch::aarch64::*;

use crate::machine::kernel::isa::{Kernel, Portable, Simd};
use crate::machine::real::Real;

pub struct Neon;

impl Simd for Neon {
    const ROWS: usize = 6;

    #[inline(always)]
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]) {
        match size_of::<T>() {
            4 if N.is_multiple_of(4) => vectors!(sum, a, b, f32, 4 x N / 4;
                vld1q_f32, vdupq_n_f32, fma_f32, vst1q_f32),
            8 if N.is_multiple_of(2) => vectors!(sum, a, b, f64, 2 x N / 2;
                vld1q_f64, vdupq_n_f64, fma_f64, vst1q_f64),
            _ => Portable::add_product(sum, a, b),
        }
    }

    #[inline(always)]
    fn run_cold<K: Kernel>(kernel: K) {
        kernel.run_neon();
    }
}

/// Compute `a b + c`, in the order of x86's intrinsics.
#[inline(always)]
fn fma_f32(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
    // SAFETY (here and below): every 64-bit ARM that the standard library supports has NEON.
    unsafe { vfmaq_f32(c, a, b) }
}

#[inline(always)]
fn fma_f64(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
    unsafe { vfmaq_f64(c, a, b) }
}
