//! The instruction sets, and the dispatch of kernels to them.

use std::sync::OnceLock;

use crate::machine::kernel::tile::first;
use crate::machine::real::Real;

/// A kernel: work that [`Isa::run`] compiles for every instruction set.
///
/// The functions for one set each belong to the trait because the compiler then places the code of
/// each kernel beside its module, and compiles several modules at the same time.
pub trait Kernel: Sized {
    /// Run the kernel. Always inlined, so that it uses the instruction set of its caller.
    fn run<S: Simd>(self);

    /// Run the kernel with the instructions that the target always has.
    #[inline(never)]
    fn run_baseline(self) {
        self.run::<Portable>();
    }

    /// Run the kernel with AVX2 and FMA.
    ///
    /// # Safety
    ///
    /// The processor must have these instructions.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_avx2(self) {
        self.run::<x86::Avx2>();
    }

    /// Run the kernel with AVX-512.
    ///
    /// # Safety
    ///
    /// The processor must have these instructions.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
    unsafe fn run_avx512(self) {
        self.run::<x86::Avx512>();
    }

    /// Run the kernel with NEON.
    #[cfg(target_arch = "aarch64")]
    #[inline(never)]
    fn run_neon(self) {
        self.run::<arm::Neon>();
    }
}

/// The operations and tile sizes of one instruction set.
pub trait Simd {
    /// The rows of a tile: one line of sums for each row, and the line to multiply by, fit the
    /// registers.
    const ROWS: usize;
    /// The panels of a tile, if there are that many: each number of the left side is then loaded
    /// once for all of them.
    const PANELS: usize = 1;
    /// Whether a tile for each shape pays. It does not if a fused multiply-add is a function call,
    /// because a call clears all registers.
    const TILES: bool = true;

    /// Compute `sum[n] += a b[n]`, each rounded once.
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]);

    /// Transpose a 4 x 4 block: its rows are `row_stride` apart, its columns become `column_stride`
    /// apart.
    #[inline(always)]
    fn transpose<T: Real>(from: &[T], to: &mut [T], row_stride: usize, column_stride: usize) {
        let row = |i: usize| first::<T, 4>(&from[i * row_stride..]);
        let rows = [row(0), row(1), row(2), row(3)];
        for i in 0..4 {
            let column = [rows[0][i], rows[1][i], rows[2][i], rows[3][i]];
            to[i * column_stride..][..4].copy_from_slice(&column);
        }
    }

    /// Prefetch `values` for writing.
    #[inline(always)]
    fn prefetch<T: Real>(_values: &[T]) {}

    /// Prefetch `values` into the second-level cache, for later use.
    #[inline(always)]
    fn prefetch_early<V>(_values: &[V]) {}

    /// Run `kernel` in a shared, non-inlined function; use for cold paths.
    fn run_cold<K: Kernel>(kernel: K);

    /// Run a `kernel` for panels narrower than a line in a shared, non-inlined function, with the
    /// instruction set whose vectors they fill.
    #[inline(always)]
    fn run_narrow<K: Kernel>(kernel: K) {
        Self::run_cold(kernel);
    }
}

/// Portable fallback for targets without a dedicated implementation.
pub struct Portable;

impl Simd for Portable {
    const ROWS: usize = 6;
    // An interpreter has the baseline alone, and must check the tiles.
    const TILES: bool = cfg!(any(
        miri,
        target_feature = "fma",
        not(any(target_arch = "x86", target_arch = "x86_64", target_family = "wasm"))
    ));

    #[inline(always)]
    fn add_product<T: Real, const N: usize>(sum: &mut [T; N], a: T, b: &[T; N]) {
        for n in 0..N {
            sum[n] = a.inline_mul_add(b[n], sum[n]);
        }
    }

    #[inline(always)]
    fn run_cold<K: Kernel>(kernel: K) {
        kernel.run_baseline();
    }
}

/// Fused multiply-adds on `$count` vectors of `$numbers` numbers each, in intrinsics. Without them,
/// the compiler splits the lines of a gradient's tile and shuffles them together again (a quarter
/// slower on x86-64), and splits those of a product into single numbers on 64-bit ARM.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vectors {
    ($sum:ident, $a:ident, $b:ident, $number:ident, $numbers:literal x $count:expr;
     $load:ident, $splat:ident, $fma:ident, $store:ident) => {{
        // SAFETY: the arrays hold numbers of this type, as many as the vectors take. Only
        // `Isa::run` reaches this code, on a processor that has the instructions.
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

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(target_arch = "x86_64")]
mod x86;

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// The instructions that the target always has. Without fused multiply-add it is slow; the bits
    /// are the same.
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Return the sets that this machine can run, slowest first; an interpreter has the baseline
    /// alone.
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

    /// Return the fastest set of this machine, or the one that `BACKPROP_RS_ISA` names if
    /// available.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let sets = Self::available();
            let wanted = std::env::var("BACKPROP_RS_ISA").unwrap_or_default();
            let named = sets.iter().find(|isa| isa.name() == wanted);
            *named.unwrap_or(&sets[sets.len() - 1])
        })
    }

    /// Return the name, as in `BACKPROP_RS_ISA`.
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

    /// Run `kernel` with this instruction set.
    #[inline(always)]
    pub fn run<K: Kernel>(self, kernel: K) {
        match self {
            Self::Baseline => kernel.run_baseline(),
            // SAFETY: only `available` makes these variants, after it has asked the processor.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { kernel.run_avx2() },
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { kernel.run_avx512() },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => kernel.run_neon(),
        }
    }

    /// Run `kernel`, which works on a few lines at a time, with this instruction set, but with
    /// AVX2 instead of AVX-512: AVX2 is as fast or faster for so little work.
    #[inline(always)]
    pub fn run_narrow<K: Kernel>(self, kernel: K) {
        match self {
            Self::Baseline => kernel.run_baseline(),
            // SAFETY: as above; `available` offers AVX-512 only with AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Avx512 => unsafe { kernel.run_avx2() },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => kernel.run_neon(),
        }
    }
}
