//! AVX2 and AVX-512.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::machine::kernel::isa::{Kernel, Portable, Simd};
use crate::machine::real::Real;

pub struct Avx2;

impl Simd for Avx2 {
    const ROWS: usize = 6;

    /// By shuffles: the compiler would move number by number.
    #[inline(always)]
    fn transpose<T: Real>(from: &[T], to: &mut [T], rows: usize, columns: usize) {
        assert!(from.len() >= 3 * rows + 4 && to.len() >= 3 * columns + 4);
        // SAFETY: four numbers are read from each of the four rows and written to each of the
        // four columns, all within the slices; the size of T identifies its type.
        unsafe {
            if size_of::<T>() == 4 {
                let (from, to) = (from.as_ptr().cast::<f32>(), to.as_mut_ptr().cast::<f32>());
                let (mut a, mut b) = (_mm_loadu_ps(from), _mm_loadu_ps(from.add(rows)));
                let mut c = _mm_loadu_ps(from.add(2 * rows));
                let mut d = _mm_loadu_ps(from.add(3 * rows));
                _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
                _mm_storeu_ps(to, a);
                _mm_storeu_ps(to.add(columns), b);
                _mm_storeu_ps(to.add(2 * columns), c);
                _mm_storeu_ps(to.add(3 * columns), d);
            } else {
                let (from, to) = (from.as_ptr().cast::<f64>(), to.as_mut_ptr().cast::<f64>());
                let (a, b) = (_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(rows)));
                let c = _mm256_loadu_pd(from.add(2 * rows));
                let d = _mm256_loadu_pd(from.add(3 * rows));
                let (ab, cd) = (_mm256_unpacklo_pd(a, b), _mm256_unpacklo_pd(c, d));
                _mm256_storeu_pd(to, _mm256_permute2f128_pd::<0x20>(ab, cd));
                _mm256_storeu_pd(to.add(2 * columns), _mm256_permute2f128_pd::<0x31>(ab, cd));
                let (ab, cd) = (_mm256_unpackhi_pd(a, b), _mm256_unpackhi_pd(c, d));
                _mm256_storeu_pd(to.add(columns), _mm256_permute2f128_pd::<0x20>(ab, cd));
                _mm256_storeu_pd(to.add(3 * columns), _mm256_permute2f128_pd::<0x31>(ab, cd));
            }
        }
    }

    #[inline(always)]
    fn prefetch<T: Real>(values: &[T]) {
        for line in (0..values.len()).step_by(T::LINE) {
            // SAFETY: a hint, which reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(line).cast()) };
        }
    }

    #[inline(always)]
    fn prefetch_early<V>(values: &[V]) {
        // `values` need not start at a cache line.
        let Range { start, end } = values.as_ptr_range();
        let before = start.addr() % 64;
        for line in (0..end.addr() - start.addr() + before).step_by(64) {
            let place = start.cast::<i8>().wrapping_sub(before).wrapping_add(line);
            // SAFETY: a hint, which reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(place) };
        }
    }

    #[inline(always)]
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]) {
        match (size_of::<T>(), N) {
            (4, 16) => vectors!(sum, a, b, f32, 8 x 2;
                _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps),
            (4, 8) => vectors!(sum, a, b, f32, 8 x 1;
                _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps),
            (4, 4) => vectors!(sum, a, b, f32, 4 x 1;
                _mm_loadu_ps, _mm_set1_ps, _mm_fmadd_ps, _mm_storeu_ps),
            (8, 8) => vectors!(sum, a, b, f64, 4 x 2;
                _mm256_loadu_pd, _mm256_set1_pd, _mm256_fmadd_pd, _mm256_storeu_pd),
            (8, 4) => vectors!(sum, a, b, f64, 4 x 1;
                _mm256_loadu_pd, _mm256_set1_pd, _mm256_fmadd_pd, _mm256_storeu_pd),
            (8, 2) => vectors!(sum, a, b, f64, 2 x 1;
                _mm_loadu_pd, _mm_set1_pd, _mm_fmadd_pd, _mm_storeu_pd),
            _ => Portable::add_product(sum, a, b),
        }
    }

    #[inline(always)]
    fn run_cold<K: Kernel>(kernel: K) {
        // SAFETY: only `Isa::run` reaches the code of this set, on a processor that has it.
        unsafe { kernel.run_avx2() }
    }
}

pub struct Avx512;

impl Simd for Avx512 {
    const ROWS: usize = 8;
    const PANELS: usize = 2;

    #[inline(always)]
    fn transpose<T: Real>(from: &[T], to: &mut [T], rows: usize, columns: usize) {
        Avx2::transpose(from, to, rows, columns);
    }

    #[inline(always)]
    fn prefetch<T: Real>(values: &[T]) {
        Avx2::prefetch(values);
    }

    #[inline(always)]
    fn prefetch_early<V>(values: &[V]) {
        Avx2::prefetch_early(values);
    }

    #[inline(always)]
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]) {
        match (size_of::<T>(), N) {
            (4, 16) => vectors!(sum, a, b, f32, 16 x 1;
                _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps),
            (8, 8) => vectors!(sum, a, b, f64, 8 x 1;
                _mm512_loadu_pd, _mm512_set1_pd, _mm512_fmadd_pd, _mm512_storeu_pd),
            _ => Avx2::add_product(sum, a, b),
        }
    }

    #[inline(always)]
    fn run_cold<K: Kernel>(kernel: K) {
        // SAFETY: only `Isa::run` reaches the code of this set, on a processor that has it.
        unsafe { kernel.run_avx512() }
    }

    #[inline(always)]
    fn run_narrow<K: Kernel>(kernel: K) {
        // SAFETY: as above; `Isa::available` offers this set only with AVX2 and FMA.
        unsafe { kernel.run_avx2() }
    }
}
