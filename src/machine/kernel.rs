//! The fused micro-kernels, and the memory that they work on.
//!
//! All matrices lie in **panels**: columns in groups as wide as a cache line, each group stored row
//! after row. A panel of weights is read in order by a product and written in order by a gradient;
//! a panel of activations feeds the next layer as it is, so nothing is packed between two layers.
//!
//! Every element of a product is one chain of fused multiply-adds in ascending k, whatever the
//! tile, the lane width or the blocking: a blocked k stores its sums and takes them up again. A sum
//! over the rows of a batch is a pairwise tree over shards of [`SHARD`] rows, each shard one
//! ascending chain. That is why the bits do not depend on threads or instruction sets.
//!
//! The kernels are plain Rust on small arrays, compiled once for each instruction set by
//! [`Isa::run`]. `unsafe` stands here because the workers of one step write disjoint parts of
//! shared buffers, which slices cannot express; the parts come from [`Share`], which deals every
//! row and every tile to one worker only.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::OnceLock;

use crate::machine::memory;
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::tables::error::Error;

/// Rows that are summed in one chain; a batch is a tree of such shards.
pub const SHARD: usize = 256;

/// How many k a product works through before it goes to the next panel: 128 lines of weights are
/// 8 KiB, a quarter of the smallest first-level cache in use, where they stay while all rows go past.
const K_BLOCK: usize = 128;

/// Rows of a shard that a block of a gradient sums at a time: their lines of a and of δ, 16 KiB,
/// stay in the first-level cache for all tiles of the block.
const ROW_PART: usize = 128;

/// The most numbers that a cache line holds, for arrays whose size cannot depend on the type.
pub const LINE_MAX: usize = 16;

/// The most panels of δ that a tile of a gradient goes through side by side.
pub const PANELS_MAX: usize = 2;

/// Levels of the tree over the shards of a chunk of rows: up to 2^5 shards.
const TREE_LEVELS: usize = 6;

// ---- Instruction sets

/// Work that [`Isa::run`] compiles for every instruction set.
pub trait Job {
    fn run<S: Set>(self);
}

/// What the code of a tile has to know of an instruction set.
pub trait Set {
    /// The rows of a tile: with a line each, and the line that they meet, they fit the registers.
    const ROWS: usize;
    /// The panels of a tile, where there are so many: each number of the left side is then met once
    /// for all of them.
    const PANELS: usize = 1;

    /// `sum[n] += a b[n]`, each rounded once.
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]);

    /// Four rows of four, `strides.0` apart, become four columns, `strides.1` apart.
    #[inline(always)]
    fn transpose<T: Real>(from: &[T], to: &mut [T], strides: (usize, usize)) {
        let row = |i: usize| first::<T, 4>(&from[i * strides.0..]);
        let rows = [row(0), row(1), row(2), row(3)];
        for i in 0..4 {
            let column = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
            to[i * strides.1..][..4].copy_from_slice(&column);
        }
    }

    /// Has the lines of `values` brought near, which will be written soon.
    #[inline(always)]
    fn prefetch<T: Real>(_values: &[T]) {}

    /// Has the lines of `values` brought as near as the second-level cache: they are used later on.
    #[inline(always)]
    fn prefetch_early<V>(_values: &[V]) {}

    /// Does `job` out of line, in code that all its callers share: for what is seldom met.
    fn apart<J: Job>(job: J);
}

/// Plain loops, for targets without a room of their own.
pub struct Portable;

impl Set for Portable {
    const ROWS: usize = 6;

    #[inline(always)]
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]) {
        for n in 0..N {
            sum[n] = a.mul_add(b[n], sum[n]);
        }
    }

    #[inline(always)]
    fn apart<J: Job>(job: J) {
        run_baseline(job);
    }
}

/// Fused multiply-adds on `$count` vectors of `$numbers` numbers each, in intrinsics: left to itself,
/// the compiler takes the lines of a gradient's tile apart and shuffles them together again (a quarter
/// slower on x86-64), and those of a product into single numbers on 64-bit ARM.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vectors {
    ($sum:ident, $a:ident, $b:ident, $number:ident, $numbers:literal x $count:expr;
     $load:ident, $splat:ident, $fma:ident, $store:ident) => {{
        // SAFETY: the arrays hold numbers of this type, as many as the vectors take; this
        // code is only reached through `Isa::run`, on a processor that has the instructions.
        unsafe {
            let (sum, b) = ($sum.as_mut_ptr().cast::<$number>(), $b.as_ptr().cast::<$number>());
            let a = $splat($a.to_f64() as $number);
            for i in 0..$count {
                let (sum, b) = (sum.add(i * $numbers), b.add(i * $numbers));
                $store(sum, $fma(a, $load(b), $load(sum)));
            }
        }
    }};
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::ops::Range;

    use super::{Job, Portable, Set};
    use crate::machine::real::Real;

    pub struct Avx2;

    impl Set for Avx2 {
        const ROWS: usize = 6;

        /// By shuffles: left to itself, the compiler moves number by number.
        #[inline(always)]
        fn transpose<T: Real>(from: &[T], to: &mut [T], (rows, columns): (usize, usize)) {
            assert!(from.len() >= 3 * rows + 4 && to.len() >= 3 * columns + 4);
            // SAFETY: four numbers are read from each of the four rows and written to each of the
            // four columns, all within the slices; T has the size that names it.
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
            // They need not start where a line does.
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
        fn apart<J: Job>(job: J) {
            // SAFETY: the code of this set runs through `Isa::run` alone, where it can.
            unsafe { avx2_apart(job) }
        }
    }

    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    fn avx2_apart<J: Job>(job: J) {
        job.run::<Avx2>();
    }

    pub struct Avx512;

    impl Set for Avx512 {
        const ROWS: usize = 8;
        const PANELS: usize = 2;

        #[inline(always)]
        fn transpose<T: Real>(from: &[T], to: &mut [T], strides: (usize, usize)) {
            Avx2::transpose(from, to, strides);
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
        fn apart<J: Job>(job: J) {
            // SAFETY: the code of this set runs through `Isa::run` alone, where it can.
            unsafe { avx512_apart(job) }
        }
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
    fn avx512_apart<J: Job>(job: J) {
        job.run::<Avx512>();
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::{Job, Portable, Set};
    use crate::machine::real::Real;

    pub struct Neon;

    impl Set for Neon {
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
        fn apart<J: Job>(job: J) {
            super::run_neon(job);
        }
    }

    /// `a b + c`, in the order of x86's intrinsics.
    #[inline(always)]
    fn fma_f32(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY (here and below): every 64-bit ARM that the standard library is made for has NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn fma_f64(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
        unsafe { vfmaq_f64(c, a, b) }
    }
}

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// What the target always has; without fused multiply-add it is slow, with the same bits.
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

#[inline(never)]
fn run_baseline<J: Job>(job: J) {
    job.run::<Portable>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<J: Job>(job: J) {
    job.run::<x86::Avx2>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn run_avx512<J: Job>(job: J) {
    job.run::<x86::Avx512>();
}

#[cfg(target_arch = "aarch64")]
#[inline(never)]
fn run_neon<J: Job>(job: J) {
    job.run::<arm::Neon>();
}

impl Isa {
    /// The sets that this machine can run, slowest first; an interpreter has none of a processor's.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut sets = vec![Self::Baseline];
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Self::Avx2);
                let wide = is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq");
                if wide {
                    sets.push(Self::Avx512);
                }
            }
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        sets.push(Self::Neon);
        sets
    }

    /// The fastest set of this machine, or the one that `BACKPROP_RS_ISA` names if it has it.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let sets = Self::available();
            let wanted = std::env::var("BACKPROP_RS_ISA").unwrap_or_default();
            let named = sets.iter().find(|isa| isa.name() == wanted);
            *named.unwrap_or(&sets[sets.len() - 1])
        })
    }

    /// Its name, as `BACKPROP_RS_ISA` gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
        }
    }

    /// Does `job` with this instruction set.
    #[inline(always)]
    pub fn run<J: Job>(self, job: J) {
        match self {
            Self::Baseline => run_baseline(job),
            // SAFETY: these variants are only made by `available`, which asked the processor.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { run_avx2(job) },
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { run_avx512(job) },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => run_neon(job),
        }
    }
}

// ---- Memory

/// Numbers that start at a cache line and that the workers of one step may write in parts.
pub struct Buffer<T> {
    cells: Vec<UnsafeCell<T>>,
    start: usize,
    length: usize,
}

// SAFETY: workers reach the cells through shares of rows or tiles that never overlap, and a
// barrier stands between the writes of one worker and the reads of another.
unsafe impl<T: Send> Sync for Buffer<T> {}

impl<T: Real> Buffer<T> {
    /// `length` zeros.
    pub fn zeros(length: usize) -> Result<Self, Error> {
        if length == 0 {
            return Ok(Self::default());
        }
        let numbers = memory::zeros::<T>(length.saturating_add(T::LINE))?;
        let mut numbers = ManuallyDrop::new(numbers);
        prefer_large_pages(&numbers);
        let (numbers, count, room) = (numbers.as_mut_ptr(), numbers.len(), numbers.capacity());
        // SAFETY: the parts of a vector that is not used any more; a cell is laid out as its number.
        let cells = unsafe { Vec::from_raw_parts(numbers.cast::<UnsafeCell<T>>(), count, room) };
        // A pointer that cannot be aligned (only in an interpreter) just starts where it is.
        let start = cells.as_ptr().align_offset(64).min(T::LINE);
        Ok(Self { cells, start, length })
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `start + length` cells were allocated; no step is running while they are read.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.length) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and the buffer is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), self.length) }
    }

    #[inline(always)]
    fn pointer(&self) -> *mut T {
        self.cells.as_ptr().wrapping_add(self.start).cast_mut().cast()
    }

    /// `length` numbers from `from` on, to read.
    ///
    /// Unlike a part of [`Self::as_slice`], it is no reference to what other workers may write.
    #[inline(always)]
    pub(crate) fn slice(&self, from: usize, length: usize) -> &[T] {
        assert!(from <= self.length && length <= self.length - from);
        // SAFETY: within the buffer; whoever writes answers for it that nobody reads meanwhile.
        unsafe { self.slice_unchecked(from, length) }
    }

    /// [`Self::slice`] where its place is known.
    ///
    /// # Safety
    ///
    /// `from + length` is at most the length of the buffer.
    #[inline(always)]
    pub(crate) unsafe fn slice_unchecked(&self, from: usize, length: usize) -> &[T] {
        debug_assert!(from + length <= self.length);
        // SAFETY: within the buffer, for which the caller answers.
        unsafe { std::slice::from_raw_parts(self.pointer().add(from), length) }
    }

    /// `length` numbers from `from` on, to be written by the one worker that they were dealt to.
    ///
    /// # Safety
    ///
    /// `from + length` is at most the length of the buffer, and while the slice is in use nobody
    /// else reads or writes these numbers, through another slice or on another thread.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the cells allow it; the caller answers for the rest
    pub(crate) unsafe fn slice_mut_unchecked(&self, from: usize, length: usize) -> &mut [T] {
        debug_assert!(from + length <= self.length);
        // SAFETY: within the buffer and this worker's alone, for which the caller answers.
        unsafe { std::slice::from_raw_parts_mut(self.pointer().add(from), length) }
    }
}

/// Asks for large pages, where the system has them, for numbers that fill some of them: each comes
/// at the price of one, and the addresses of more numbers are at hand.
#[cfg(all(target_os = "linux", not(miri)))]
fn prefer_large_pages<T>(numbers: &[T]) {
    const LEAST: usize = 4 << 20;
    const PAGE: usize = 4096;
    let (start, size) = (numbers.as_ptr().cast_mut().cast::<u8>(), size_of_val(numbers));
    if size >= LEAST {
        let skip = start.align_offset(PAGE);
        // SAFETY: an advice on pages within the numbers, which changes none of them.
        unsafe { libc::madvise(start.add(skip).cast(), size - skip, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn prefer_large_pages<T>(_numbers: &[T]) {}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self { cells: Vec::new(), start: 0, length: 0 }
    }
}

/// The right-hand side of a product: a `(k, n)` matrix in panels of its n columns, `[panel][k][width]`.
///
/// The last panel is as narrow as a quarter or half of a line where that holds its columns.
pub struct Packed<T> {
    pub values: Buffer<T>,
    pub k: usize,
    pub n: usize,
    tail: usize,
}

impl<T: Real> Packed<T> {
    pub fn zeros(k: usize, n: usize) -> Result<Self, Error> {
        let tail = match n % T::LINE {
            0 => T::LINE,
            rest if rest <= T::LINE / 4 => T::LINE / 4,
            rest if rest <= T::LINE / 2 => T::LINE / 2,
            _ => T::LINE,
        };
        let whole = n.div_ceil(T::LINE) - 1;
        let values = Buffer::zeros(k.saturating_mul(whole * T::LINE + tail))?;
        Ok(Self { values, k, n, tail })
    }

    #[inline(always)]
    pub fn panels(&self) -> usize {
        self.n.div_ceil(T::LINE)
    }

    /// How many columns panel `p` is wide, padding included.
    #[inline(always)]
    pub fn width(&self, p: usize) -> usize {
        if p + 1 == self.panels() { self.tail } else { T::LINE }
    }

    /// Where row `k` of panel `p` begins.
    #[inline(always)]
    pub fn offset(&self, p: usize, k: usize) -> usize {
        p * T::LINE * self.k + k * self.width(p)
    }

    /// The place of element `(k, column)`.
    #[inline(always)]
    pub fn at(&self, k: usize, column: usize) -> usize {
        self.offset(column / T::LINE, k) + column % T::LINE
    }
}

/// One row a sample, in panels of a line: `[panel][row][LINE]`. Columns past n stay zero.
pub struct Panels<T> {
    values: Buffer<T>,
    stride: usize,
    pub n: usize,
}

impl<T: Real> Panels<T> {
    /// Room for `rows` rows of `n` numbers.
    pub fn zeros(rows: usize, n: usize) -> Result<Self, Error> {
        let stride = panel_stride(rows);
        let values = Buffer::zeros(stride.saturating_mul(n.div_ceil(T::LINE) * T::LINE))?;
        Ok(Self { values, stride, n })
    }

    pub fn panels(&self) -> usize {
        self.n.div_ceil(T::LINE)
    }

    #[inline(always)]
    fn offset(&self, p: usize, row: usize) -> usize {
        (p * self.stride + row) * T::LINE
    }

    /// Rows `rows` of panel `p`, to read.
    #[inline(always)]
    pub fn read(&self, p: usize, rows: &Share) -> &[T] {
        self.values.slice(self.offset(p, rows.start()), rows.len() * T::LINE)
    }

    /// Rows `rows` of panel `p`, to be written by the worker that they were dealt to.
    ///
    /// # Safety
    ///
    /// The panels have these rows and this panel, and while the slice is in use nobody else reads or
    /// writes them, through another slice or on another thread.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the cells allow it; the caller answers for the rest
    pub unsafe fn write(&self, p: usize, rows: &Share) -> &mut [T] {
        // SAFETY: the caller's.
        unsafe {
            self.values.slice_mut_unchecked(self.offset(p, rows.start()), rows.len() * T::LINE)
        }
    }

    /// Copies one row out of the panels.
    #[inline(always)]
    pub fn copy_row(&self, row: usize, to: &mut [T]) {
        assert!(row < self.stride && to.len() <= self.n);
        for (p, columns) in to.chunks_mut(T::LINE).enumerate() {
            // SAFETY: the panels have this row and as many columns.
            let line = unsafe { self.values.slice_unchecked(self.offset(p, row), T::LINE) };
            if columns.len() == T::LINE {
                copy_line(line, columns);
            } else {
                copy_part(&line[..columns.len()], columns);
            }
        }
    }

    /// Puts one row into the panels.
    ///
    /// # Safety
    ///
    /// The row was dealt to the caller: nobody else reads or writes it meanwhile.
    #[inline(always)]
    pub unsafe fn put_row(&self, row: usize, from: &[T]) {
        assert!(row < self.stride && from.len() <= self.n);
        let lines = from.chunks_exact(T::LINE);
        let rest = lines.remainder();
        let whole = from.len() / T::LINE;
        for (p, line) in lines.enumerate() {
            // SAFETY (here and below): the panels have this row, which is the caller's, and as many
            // columns.
            copy_line(line, unsafe {
                self.values.slice_mut_unchecked(self.offset(p, row), T::LINE)
            });
        }
        if !rest.is_empty() {
            copy_part(rest, unsafe {
                self.values.slice_mut_unchecked(self.offset(whole, row), rest.len())
            });
        }
    }

    /// Puts a row that is 1 in one column and 0 in the others.
    ///
    /// # Safety
    ///
    /// As for [`Self::put_row`].
    #[inline(always)]
    pub unsafe fn put_one_hot(&self, row: usize, column: usize) {
        assert!(row < self.stride && column < self.n);
        for p in 0..self.panels() {
            // SAFETY (here and below): the panels have this row, which is the caller's, and the column.
            unsafe { self.values.slice_mut_unchecked(self.offset(p, row), T::LINE) }.fill(T::ZERO);
        }
        let at = self.offset(column / T::LINE, row) + column % T::LINE;
        unsafe { self.values.slice_mut_unchecked(at, 1)[0] = T::ONE };
    }
}

/// The lines from one panel of so many rows to the next.
///
/// A tile of a product reads a few lines of each of many panels, which should not fall onto the same
/// few sets of a cache (64, as a rule). Seven or nine lines past a multiple of sixteen keep those of
/// neighbours apart, which one line does not; few rows are not worth so many unused lines.
fn panel_stride(rows: usize) -> usize {
    match rows {
        0 => 0,
        1..64 => rows | 1,
        _ => (rows..).find(|stride| matches!(stride % 16, 7 | 9)).expect("two in sixteen are"),
    }
}

/// Copies a whole line; its constant length spares a call for every 64 bytes.
#[inline(always)]
fn copy_line<T: Real>(from: &[T], to: &mut [T]) {
    match T::LINE {
        16 => to[..16].copy_from_slice(&from[..16]),
        _ => to[..8].copy_from_slice(&from[..8]),
    }
}

/// Copies less than a line, in pieces of constant length for the same reason.
#[inline(always)]
fn copy_part<T: Real>(mut from: &[T], mut to: &mut [T]) {
    macro_rules! piece {
        ($length:literal) => {
            if from.len() >= $length {
                to[..$length].copy_from_slice(&from[..$length]);
                (from, to) = (&from[$length..], &mut to[$length..]);
            }
        };
    }
    piece!(8);
    piece!(4);
    piece!(2);
    if let ([from, ..], [to, ..]) = (from, to) {
        *to = *from;
    }
}

/// A caller's `(m, n)` array whose rows the workers fill, each its own share.
pub struct Rows<'a, T> {
    start: *mut T,
    n: usize,
    rows: usize,
    array: PhantomData<&'a mut [T]>,
}

// SAFETY: a row is written by the worker that it was dealt to alone.
unsafe impl<T: Send> Sync for Rows<'_, T> {}

impl<'a, T> Rows<'a, T> {
    pub fn new(array: &'a mut [T], n: usize) -> Self {
        Self { start: array.as_mut_ptr(), n, rows: array.len() / n, array: PhantomData }
    }

    /// Row `row`, to be written by the worker that it was dealt to.
    ///
    /// # Safety
    ///
    /// While the slice is in use nobody else has this row.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the array is borrowed mutably; the caller answers for its row
    pub unsafe fn row(&self, row: usize) -> &mut [T] {
        assert!(row < self.rows);
        // SAFETY: the row lies within the array, and the caller has it alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.n), self.n) }
    }
}

// ---- Products: z = a_prev Wᵀ + b, and δ W

/// `out = left · right (+ bias)` for the rows of one share and some panels.
pub struct Product<'a, T> {
    pub out: &'a Panels<T>,
    pub left: &'a Panels<T>,
    pub right: &'a Packed<T>,
    pub bias: Option<&'a Buffer<T>>,
    pub rows: &'a Share,
    /// The panels of `right`, and so of `out`.
    pub panels: Range<usize>,
}

/// Calls `$f` with the constant N that equals the panel width `$width`.
#[macro_export]
macro_rules! with_width {
    ($width:expr, $f:ident . $method:ident :: <$S:ident, _>($($argument:expr),*)) => {
        match $width {
            16 => $f.$method::<$S, 16>($($argument),*),
            8 => $f.$method::<$S, 8>($($argument),*),
            4 => $f.$method::<$S, 4>($($argument),*),
            _ => $f.$method::<$S, 2>($($argument),*),
        }
    };
}

/// Calls `$f::<T, M, …>` with the constant M that equals `$m`, at most 8 and at most S::ROWS.
macro_rules! with_rows {
    ($m:expr, $f:ident::<T, _, $N:tt, $P:tt>($($argument:expr),*)) => {
        match $m {
            1 => $f::<T, S, 1, $N, $P>($($argument),*),
            2 => $f::<T, S, 2, $N, $P>($($argument),*),
            3 => $f::<T, S, 3, $N, $P>($($argument),*),
            4 => $f::<T, S, 4, $N, $P>($($argument),*),
            5 => $f::<T, S, 5, $N, $P>($($argument),*),
            6 => $f::<T, S, 6, $N, $P>($($argument),*),
            7 if S::ROWS >= 7 => $f::<T, S, 7, $N, $P>($($argument),*),
            _ if S::ROWS >= 8 => $f::<T, S, 8, $N, $P>($($argument),*),
            _ => unreachable!("a tile is at most S::ROWS rows high"),
        }
    };
}

/// Does `$body` for the constants `$i` = 0, 1, ... below `$count`, at most 16.
///
/// A loop would do, were it sure to be unrolled: only then do the sums stay in registers.
#[macro_export]
macro_rules! unroll {
    ($count:expr, $i:ident => $body:block) => {
        $crate::unroll!(@ $count, $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    };
    (@ $count:expr, $i:ident, $body:block, $($constant:literal)*) => {
        $(if $count > $constant {
            const $i: usize = $constant;
            $body
        })*
    };
}

/// Cuts `range` into the fewest parts of at most `most`, as even as can be.
#[inline(always)]
fn evenly(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    // A division takes as long as a small tile, so the one part of a short range does without.
    let short = usize::from(!range.is_empty());
    let parts = if range.len() <= most { short } else { range.len().div_ceil(most) };
    let small = if parts <= 1 { range.len() } else { range.len() / parts };
    let large = range.len() - small * parts;
    let mut start = range.start;
    (0..parts).map(move |part| {
        let end = start + small + usize::from(part < large);
        let tile = start..end;
        start = end;
        tile
    })
}

impl<T: Real> Job for Product<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let k = self.right.k;
        // As even as whole lines allow: a short last block would mostly load and store sums.
        let block = if k <= K_BLOCK { k } else { k.div_ceil(k.div_ceil(K_BLOCK)) };
        let block = block.next_multiple_of(T::LINE);
        let mut from = 0;
        loop {
            let ks = from..(from + block).min(k);
            let mut p = self.panels.start;
            while p < self.panels.end {
                // SAFETY: panel p exists and has the width that its tiles are made for.
                p += unsafe { with_width!(self.right.width(p), self.panel::<S, _>(p, ks.clone())) };
            }
            from = ks.end;
            if from >= k {
                break;
            }
        }
    }
}

/// Weights that are so many come from far: the panels that are next are asked for during the tiles of
/// these, of which there must be some, each its part.
const FAR: usize = 1 << 17;
const FAR_TILES: usize = 8;

impl<T: Real> Product<'_, T> {
    /// Does it a few panels at a time, for at most so much `work` times the bytes of a number, unless it
    /// is to `stop` before some; what is left out then means nothing.
    #[inline(always)]
    pub fn in_pieces(self, isa: Isa, work: u64, stop: &impl Fn() -> bool) {
        let Range { mut start, end } = self.panels;
        let row = (2 * T::LINE * size_of::<T>()) as u64 * self.right.k as u64;
        let panel = row.saturating_mul(self.rows.len() as u64).max(1);
        let at_once = usize::try_from(work / panel).unwrap_or(usize::MAX).max(1);
        loop {
            let panels = start..end.min(start.saturating_add(at_once));
            start = panels.end;
            isa.run(Product { panels, ..self });
            if start >= end || stop() {
                return;
            }
        }
    }

    /// All rows of panel `p`, or of some panels from there; returns how many panels.
    #[inline(always)]
    unsafe fn panel<S: Set, const N: usize>(&self, p: usize, ks: Range<usize>) -> usize {
        let rows = self.rows.range();
        let whole = |count: usize| {
            let end = p + count;
            let exist = end < self.right.panels() || end == self.right.n / T::LINE;
            N == T::LINE && exist && end <= self.panels.end
        };
        // One or two rows leave most multiply-add units waiting: they take four panels at once.
        if (1..=2).contains(&rows.len()) && whole(4) {
            // SAFETY: four whole panels begin at p.
            unsafe {
                match rows.len() {
                    1 => tile::<T, S, 1, N, 4>(self, p, rows.start, ks),
                    _ => tile::<T, S, 2, N, 4>(self, p, rows.start, ks),
                }
            }
            return 4;
        }
        // SAFETY: the rows are this worker's, and so many panels begin at p, all N wide.
        unsafe {
            if S::PANELS == 2 && whole(2) {
                self.tiles::<S, N, 2>(p, rows, ks, whole(4));
                return 2;
            }
            self.tiles::<S, N, 1>(p, rows, ks, whole(2));
        }
        1
    }

    /// All tiles of `P` panels from `p` on; the next ones are asked for where they are `whole`.
    #[inline(always)]
    unsafe fn tiles<S: Set, const N: usize, const P: usize>(
        &self,
        p: usize,
        rows: Range<usize>,
        ks: Range<usize>,
        whole: bool,
    ) {
        let tiles = rows.len().div_ceil(S::ROWS);
        let ahead = whole && tiles >= FAR_TILES && self.right.values.len() >= FAR;
        let end = rows.end;
        for (t, tile_rows) in evenly(rows, S::ROWS).enumerate() {
            let (row, ks) = (tile_rows.start, ks.clone());
            if ahead {
                let part = ks.start + ks.len() * t / tiles..ks.start + ks.len() * (t + 1) / tiles;
                self.prefetch::<S>(p + P..p + 2 * P, part);
            }
            if p == self.panels.start {
                let next = tile_rows.end..(tile_rows.end + tile_rows.len()).min(end);
                self.prefetch_rows::<S>(next, ks.clone());
            }
            // SAFETY: the caller answers for the rows and the panels.
            unsafe { with_rows!(tile_rows.len(), tile::<T, _, N, P>(self, p, row, ks)) };
        }
    }

    /// Has columns `ks` of the next rows of the left side brought near: another core may have written
    /// them, and a tile asks for a few lines at a time.
    #[inline(always)]
    fn prefetch_rows<S: Set>(&self, rows: Range<usize>, ks: Range<usize>) {
        for q in ks.start / T::LINE..ks.end.div_ceil(T::LINE) {
            let from = self.left.offset(q, rows.start);
            // SAFETY: the left side has these rows and columns.
            S::prefetch(unsafe { self.left.values.slice_unchecked(from, rows.len() * T::LINE) });
        }
    }

    /// Has rows `ks` of some panels of weights brought near.
    #[inline(always)]
    fn prefetch<S: Set>(&self, panels: Range<usize>, ks: Range<usize>) {
        for p in panels {
            let width = self.right.width(p);
            let from = self.right.offset(p, ks.start);
            // SAFETY: the right side has these panels and rows.
            S::prefetch_early(unsafe { self.right.values.slice_unchecked(from, ks.len() * width) });
        }
    }
}

/// The most lines of sums that a tile has: they stay in registers.
const TILE_LINES: usize = 16;

/// `P` panels of `M` rows: start from bias, zero or the sums so far, add the terms of `ks`, store.
#[inline(always)]
unsafe fn tile<T: Real, S: Set, const M: usize, const N: usize, const P: usize>(
    job: &Product<'_, T>,
    p: usize,
    row: usize,
    ks: Range<usize>,
) {
    // A pointer and a stride of its own: a store could change those of `job`, for all that is known.
    // No slice, as rows of other workers lie between the panels.
    let stride = job.out.stride * T::LINE;
    debug_assert!(job.out.offset(p + P - 1, row + M) <= job.out.values.len());
    // SAFETY: `out` has M rows from here in each of P panels, for which the caller answers.
    let out = unsafe { job.out.values.pointer().add(job.out.offset(p, row)) };
    let mut sums = [[T::ZERO; N]; TILE_LINES];
    if ks.start > 0 {
        // SAFETY (here and below): a line of `out`, which has M of them in each of the P panels.
        unroll!(M * P, I => {
            sums[I] = unsafe { *out.add(I / M * stride + I % M * T::LINE).cast::<[T; N]>() };
        });
    } else if let Some(bias) = job.bias {
        // SAFETY: there is a bias, or padding, for every column of `out`.
        unroll!(M * P, I => {
            sums[I].copy_from_slice(unsafe { bias.slice_unchecked((p + I / M) * T::LINE, N) });
        });
    }
    debug_assert!(job.right.offset(p + P - 1, ks.end - 1) + N <= job.right.values.len());
    debug_assert!(job.left.offset((ks.end - 1) / T::LINE, row + M) <= job.left.values.len());
    // SAFETY: `left` holds rows row..row + M and columns up to ks.end, `right` rows up to ks.end
    // of each of the P panels: both are asserted above.
    unsafe {
        let left = job.left.values.pointer().add(row * T::LINE);
        let right = job.right.values.pointer().add(job.right.offset(p, ks.start));
        let strides = (job.left.stride * T::LINE, N * job.right.k);
        dot::<T, S, M, N, P>(&mut sums, left, right, strides, ks);
    }
    unroll!(M * P, I => {
        let line = out.wrapping_add(I / M * stride + I % M * T::LINE);
        unsafe { *line.cast::<[T; N]>() = sums[I] };
        unsafe { std::slice::from_raw_parts_mut(line.add(N), T::LINE - N) }.fill(T::ZERO);
    });
}

/// `sums[q M + m][n] += Σ_k left(m, k) right_q(k, n)` in ascending k.
#[inline(always)]
unsafe fn dot<T: Real, S: Set, const M: usize, const N: usize, const P: usize>(
    total: &mut [[T; N]; TILE_LINES],
    left: *const T,
    mut right: *const T,
    (left_stride, right_stride): (usize, usize),
    ks: Range<usize>,
) {
    let mut sums = *total;
    let mut k = ks.start;
    while k < ks.end {
        // SAFETY (here and below): k stays below ks.end, for which the caller answers.
        let mut column = unsafe { left.add(k / T::LINE * left_stride + k % T::LINE) };
        let width = T::LINE.min(ks.end - k);
        for _ in 0..width {
            unroll!(M * P, I => {
                let b = unsafe { &*right.add(I / M * right_stride).cast::<[T; N]>() };
                S::add_product(&mut sums[I], unsafe { *column.add(I % M * T::LINE) }, b);
            });
            column = column.wrapping_add(1);
            right = right.wrapping_add(N);
        }
        k += width;
    }
    *total = sums;
}

// ---- Gradients: ∂C/∂W = δᵀ a_prev / m, a line of inputs by one or two lines of outputs at a time

/// A block of a gradient: input columns of panel `q` by output columns of one or two panels,
/// stored as the weights are: `[panel][input][output]`.
#[repr(align(64))]
pub struct Block<T>(pub [T; PANELS_MAX * LINE_MAX * LINE_MAX]);

impl<T: Real> Block<T> {
    #[inline(always)]
    fn zeros() -> Self {
        Self([T::ZERO; PANELS_MAX * LINE_MAX * LINE_MAX])
    }

    #[inline(always)]
    fn add(&mut self, other: &Self, length: usize) {
        for (sum, other) in self.0[..length].iter_mut().zip(&other.0[..length]) {
            *sum += *other;
        }
    }
}

/// Room for the sums of a block, and for those of its shards where there are several.
pub struct Sums<T> {
    pub total: Block<T>,
    levels: Option<[Block<T>; TREE_LEVELS]>,
}

impl<T: Real> Sums<T> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { total: Block::zeros(), levels: None }
    }
}

/// The sums over a batch of products of two columns: one of a by one of δ.
pub struct Outer<'a, T> {
    /// a of the layer before, `(m, n_in)`.
    pub left: &'a Panels<T>,
    /// δ of the layer, `(m, n_out)`.
    pub delta: &'a Panels<T>,
    /// m, the rows of the batch (or of one chunk of it).
    pub rows: usize,
    /// 1 / m of the whole batch.
    pub scale: T,
}

impl<T: Real> Outer<'_, T> {
    /// Σ over the rows of left column i times δ column o, times 1/m: a block of `n_in` columns
    /// from panel `q` by `N` columns from each of `P` panels from `p` on.
    #[inline(always)]
    pub fn block<S: Set, const N: usize, const P: usize>(
        &self,
        q: usize,
        p: usize,
        n_in: usize,
        scaled: &mut Sums<T>,
    ) {
        // The sums of one shard are multiplied before they leave the registers.
        let whole = self.rows <= SHARD;
        let scale = if whole { self.scale } else { T::ONE };
        let columns = Columns::<T, S, N, P> { outer: self, set: PhantomData, q, p, n_in, scale };
        tree(&columns, self.rows, scaled, P * n_in * N);
        if !whole {
            self.average(&mut scaled.total.0[..P * n_in * N]);
        }
    }

    /// Σ over the rows of δ, times 1/m: the gradient of the `N` biases of each of `P` panels from
    /// `p` on, side by side as each sum waits for its additions.
    #[inline(always)]
    pub fn biases<const N: usize, const P: usize>(&self, p: usize, scaled: &mut Sums<T>) {
        tree(&Column::<T, N, P> { outer: self, p }, self.rows, scaled, P * N);
        self.average(&mut scaled.total.0[..P * N]);
    }

    #[inline(always)]
    fn average(&self, sums: &mut [T]) {
        for sum in sums {
            *sum *= self.scale;
        }
    }
}

/// The first `N` numbers.
#[inline(always)]
pub fn first<T: Real, const N: usize>(values: &[T]) -> [T; N] {
    let mut line = [T::ZERO; N];
    line.copy_from_slice(&values[..N]);
    line
}

/// What [`tree`] adds up: the sum over one shard of rows, in one ascending chain.
///
/// A trait and no closure, as a closure would not be compiled for the instruction set at hand.
trait Shards<T> {
    fn sum(&self, rows: Range<usize>, sum: &mut Block<T>);
}

/// Columns of a layer's input by columns of its δ.
struct Columns<'a, T, S, const N: usize, const P: usize> {
    outer: &'a Outer<'a, T>,
    set: PhantomData<S>,
    q: usize,
    p: usize,
    n_in: usize,
    /// What the sum of a shard is multiplied by.
    scale: T,
}

impl<T: Real, S: Set, const N: usize, const P: usize> Shards<T> for Columns<'_, T, S, N, P> {
    #[inline(always)]
    fn sum(&self, rows: Range<usize>, sum: &mut Block<T>) {
        let &Self { outer, q, p, n_in, .. } = self;
        let mut start = rows.start;
        while start < rows.end {
            let part = start..(start + ROW_PART).min(rows.end);
            let ends = if part.end == rows.end { self.scale } else { T::ONE };
            let of_part = (&part, start > rows.start, ends);
            start = part.end;
            if 4 * N == T::LINE {
                // SAFETY: panels q and p exist and hold `part`; a line of inputs has LINE numbers.
                unsafe {
                    match T::LINE {
                        16 => outer_narrow::<T, S, N, 16>(outer, (q, p), of_part, sum),
                        _ => outer_narrow::<T, S, N, 8>(outer, (q, p), of_part, sum),
                    }
                }
                continue;
            }
            for columns in evenly(0..n_in, S::ROWS) {
                let (i, to) = (columns.start, (&mut sum.0[columns.start * N..], n_in * N));
                // SAFETY: panel q and P panels from p on exist and hold `part`.
                unsafe {
                    with_rows!(
                        columns.len(),
                        outer_tile::<T, _, N, P>(outer, (q, i), p, of_part, to)
                    );
                }
            }
        }
    }
}

/// Columns of δ alone.
struct Column<'a, T, const N: usize, const P: usize> {
    outer: &'a Outer<'a, T>,
    p: usize,
}

impl<T: Real, const N: usize, const P: usize> Shards<T> for Column<'_, T, N, P> {
    #[inline(always)]
    fn sum(&self, rows: Range<usize>, sum: &mut Block<T>) {
        let delta = self.outer.delta;
        let stride = delta.stride * T::LINE;
        let length = (P - 1) * stride + rows.len() * T::LINE;
        let delta = delta.values.slice(delta.offset(self.p, rows.start), length);
        let mut totals = [[T::ZERO; N]; P];
        for row in 0..rows.len() {
            for i in 0..P {
                let line: [T; N] = first(&delta[i * stride + row * T::LINE..]);
                for n in 0..N {
                    totals[i][n] += line[n];
                }
            }
        }
        sum.0[..P * N].copy_from_slice(totals.as_flattened());
    }
}

/// Copies a block of weights, `n_in` by `n_out` and `N` wide, into their transposed panels.
///
/// # Safety
///
/// `to` has the block, and nobody else reads or writes it meanwhile.
#[inline(always)]
pub unsafe fn transpose<T: Real, S: Set, const N: usize>(
    w: &[T],
    (q, n_in): (usize, usize),
    (p, n_out): (usize, usize),
    to: &Packed<T>,
) {
    let width = to.width(q);
    let from = to.offset(q, p * T::LINE);
    // SAFETY: the caller's.
    let to = unsafe { to.values.slice_mut_unchecked(from, n_out * width) };
    let (fours_in, fours_out) = (n_in / 4 * 4, n_out / 4 * 4);
    for o in (0..fours_out).step_by(4) {
        for i in (0..fours_in).step_by(4) {
            S::transpose(&w[i * N + o..], &mut to[o * width + i..], (N, width));
        }
    }
    for o in 0..n_out {
        let done = if o < fours_out { fours_in } else { 0 };
        for i in done..n_in {
            to[o * width + i] = w[i * N + o];
        }
    }
}

/// Rows that a tile of a gradient goes through between two looks at how many are left.
const ROWS_AT_ONCE: usize = 2;

/// `sum_p[m][n] (+)= Σ_r left[r][i + m] δ_p[r][n]` over part of a shard, ascending, times `scale`
/// in the end, for `P` panels of δ; their sums stand `block` apart.
#[inline(always)]
unsafe fn outer_tile<T: Real, S: Set, const M: usize, const N: usize, const P: usize>(
    job: &Outer<'_, T>,
    (q, i): (usize, usize),
    p: usize,
    (rows, go_on, scale): (&Range<usize>, bool, T),
    (out, block): (&mut [T], usize),
) {
    let (left, length) = (job.left.offset(q, rows.start), rows.len() * T::LINE);
    // SAFETY (here and below): the caller answers for the panels and the rows, which nobody writes now.
    let left = unsafe { job.left.values.slice_unchecked(left, length) };
    let mut a = left[i..].as_ptr();
    let stride = job.delta.stride * T::LINE;
    let (delta, length) = (job.delta.offset(p, rows.start), (P - 1) * stride + length);
    let mut d = unsafe { job.delta.values.slice_unchecked(delta, length) }.as_ptr();
    assert!(out.len() >= (P - 1) * block + M * N);
    let out = out.as_mut_ptr();
    let mut sums = [[T::ZERO; N]; TILE_LINES];
    if go_on {
        // SAFETY (here and at the end): a line of `out`, which is asserted to have them all.
        unroll!(M * P, I => {
            sums[I] = unsafe { *out.add(I / M * block + I % M * N).cast::<[T; N]>() };
        });
    }
    for _ in 0..rows.len() / ROWS_AT_ONCE {
        unroll!(ROWS_AT_ONCE, R => {
            unroll!(M * P, I => {
                // SAFETY (here and below): the panels have `rows.len()` lines from here, N lies
                // within a line, and the columns within their panels.
                let line = unsafe { &*d.add(I / M * stride + R * T::LINE).cast::<[T; N]>() };
                let a = unsafe { *a.add(R * T::LINE + I % M) };
                S::add_product(&mut sums[I], a, line);
            });
        });
        a = a.wrapping_add(ROWS_AT_ONCE * T::LINE);
        d = d.wrapping_add(ROWS_AT_ONCE * T::LINE);
    }
    for _ in 0..rows.len() % ROWS_AT_ONCE {
        unroll!(M * P, I => {
            let line = unsafe { &*d.add(I / M * stride).cast::<[T; N]>() };
            S::add_product(&mut sums[I], unsafe { *a.add(I % M) }, line);
        });
        (a, d) = (a.wrapping_add(T::LINE), d.wrapping_add(T::LINE));
    }
    unroll!(M * P, I => {
        for sum in &mut sums[I] {
            *sum *= scale;
        }
        unsafe { *out.add(I / M * block + I % M * N).cast::<[T; N]>() = sums[I] };
    });
}

/// [`outer_tile`] for so few outputs that the `L` lanes had better be inputs: a quarter of a line.
#[inline(always)]
unsafe fn outer_narrow<T: Real, S: Set, const N: usize, const L: usize>(
    job: &Outer<'_, T>,
    (q, p): (usize, usize),
    (rows, go_on, scale): (&Range<usize>, bool, T),
    out: &mut Block<T>,
) {
    let (left, delta) = (job.left.offset(q, rows.start), job.delta.offset(p, rows.start));
    // SAFETY: the caller answers for the panels and the rows, which nobody writes now.
    let [left, delta] = unsafe {
        [(job.left, left), (job.delta, delta)]
            .map(|(panels, from)| panels.values.slice_unchecked(from, rows.len() * L))
    };
    let mut sums = [[T::ZERO; L]; TILE_LINES];
    if go_on {
        unroll!(N, O => { (0..L).for_each(|i| sums[O][i] = out.0[i * N + O]); });
    }
    for (a, d) in left.chunks_exact(L).zip(delta.chunks_exact(L)) {
        // SAFETY: a chunk has L numbers.
        let line = unsafe { &*a.as_ptr().cast::<[T; L]>() };
        unroll!(N, O => { S::add_product(&mut sums[O], d[O], line); });
    }
    unroll!(N, O => { (0..L).for_each(|i| out.0[i * N + O] = sums[O][i] * scale); });
}

/// Sums shards of rows as a pairwise tree: two sums of equally many shards are added as soon as
/// both are there, and what is left over at the end is folded from the right.
#[inline(always)]
fn tree<T: Real>(shards: &impl Shards<T>, rows: usize, sums: &mut Sums<T>, length: usize) {
    let Sums { total, levels } = sums;
    let count = rows.div_ceil(SHARD);
    for s in 0..count {
        shards.sum(s * SHARD..((s + 1) * SHARD).min(rows), total);
        if count == 1 {
            return;
        }
        let levels = levels.get_or_insert_with(|| std::array::from_fn(|_| Block::zeros()));
        let level = s.trailing_ones() as usize;
        for lower in &levels[..level] {
            total.add(lower, length);
        }
        if s + 1 < count {
            levels[level].0[..length].copy_from_slice(&total.0[..length]);
            continue;
        }
        // The last shard has met the levels below its own; those above that hold a sum remain.
        for (bit, higher) in levels.iter().enumerate().skip(level) {
            if s >> bit & 1 == 1 {
                total.add(higher, length);
            }
        }
    }
}

// ---- The peak

/// Chains of fused multiply-adds in registers alone, as many as a tile has rows: what the arithmetic
/// units can do at most.
struct Peak<'a, T> {
    number: PhantomData<T>,
    /// How many additions and multiplications they are.
    operations: &'a mut usize,
}

const PEAK_ROUNDS: usize = 200_000;

impl<T: Real> Job for Peak<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        match T::LINE {
            16 => chains::<T, S, 16>(),
            _ => chains::<T, S, 8>(),
        }
        *self.operations = 2 * PEAK_ROUNDS * S::ROWS * T::LINE;
    }
}

#[inline(always)]
fn chains<T: Real, S: Set, const N: usize>() {
    let factor = std::hint::black_box(T::from_f64(0.999));
    let (mut sums, one) = ([[T::ONE; N]; TILE_LINES], [T::ONE; N]);
    for _ in 0..PEAK_ROUNDS {
        unroll!(S::ROWS, I => { S::add_product(&mut sums[I], factor, &one); });
    }
    std::hint::black_box(sums);
}

/// The best of several measurements of fused multiply-adds on all threads at once, in GFLOP/s.
pub fn fma_rate<T: Real>(threads: usize) -> f64 {
    let measure = || {
        let slowest = std::sync::Mutex::new(f64::INFINITY);
        crate::machine::pool::run(threads, |worker| {
            let (number, mut operations) = (PhantomData::<T>, 0);
            worker.wait();
            let start = std::time::Instant::now();
            Isa::best().run(Peak { number, operations: &mut operations });
            let rate = operations as f64 / start.elapsed().as_secs_f64();
            let mut slowest = slowest.lock().unwrap();
            *slowest = slowest.min(rate);
        });
        slowest.into_inner().unwrap() * threads as f64 / 1e9
    };
    (0..10).map(|_| measure()).fold(0.0, f64::max)
}

#[cfg(all(test, not(mutants)))] // which change nothing here, and need not wait for them
mod tests;
