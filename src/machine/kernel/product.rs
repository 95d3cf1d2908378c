//! Products: z = a_prev Wᵀ + b, and δ W.

use std::ops::Range;

use crate::machine::kernel::buffer::Buffer;
use crate::machine::kernel::isa::{Isa, Kernel, Simd};
use crate::machine::kernel::panels::{Packed, Panels};
use crate::machine::kernel::tile::{
    LINE_MAX, TILE_LINES, evenly, unroll, with_line, with_narrow_width,
};
use crate::machine::pool::Share;
use crate::machine::real::Real;

/// The k that a product processes before it goes to the next panel: 128 lines of weights are 8 KiB,
/// a quarter of the smallest first-level cache in use, so they stay there for all rows.
pub(super) const K_BLOCK: usize = 128;

/// Call `$f::<T, S, M, …>` with the constant M that equals `$m`, at most [`tile_rows`].
macro_rules! with_rows {
    ($m:expr, $f:ident::<$T:ident, $S:ident, _, $N:ident, $P:ident>($($argument:expr),*)) => {
        match $m {
            1 => $f::<$T, $S, 1, $N, $P>($($argument),*),
            2 => $f::<$T, $S, 2, $N, $P>($($argument),*),
            3 => $f::<$T, $S, 3, $N, $P>($($argument),*),
            4 => $f::<$T, $S, 4, $N, $P>($($argument),*),
            5 => $f::<$T, $S, 5, $N, $P>($($argument),*),
            6 => $f::<$T, $S, 6, $N, $P>($($argument),*),
            7 if const { tile_rows::<$T, $S, $N>() >= 7 } => {
                $f::<$T, $S, 7, $N, $P>($($argument),*)
            }
            8 if const { tile_rows::<$T, $S, $N>() >= 8 } => {
                $f::<$T, $S, 8, $N, $P>($($argument),*)
            }
            _ => unreachable!("a tile is at most `tile_rows` rows high"),
        }
    };
}

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

impl<T: Real> Kernel for Product<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        if const { !S::TILES } {
            return self.in_plain_loops();
        }
        let Range { start, end } = self.panels;
        let whole = self.right.whole_panels();
        if start < whole {
            let product = Product { panels: start..end.min(whole), ..self };
            with_line!(product.blocks::<S, _>());
        }
        if end > whole {
            S::run_narrow(NarrowProduct(Product { panels: whole..end, ..self }));
        }
    }
}

/// A product whose only panel is narrower than a line.
struct NarrowProduct<'a, T>(Product<'a, T>);

impl<T: Real> Kernel for NarrowProduct<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(product) = self;
        with_narrow_width!(product.right.width(product.panels.start), product.blocks::<S, _>());
    }
}

/// From this number of weights on, the weights do not stay in a cache: each tile prefetches a part
/// of the next panels, if there are enough tiles.
pub(super) const PREFETCH_WEIGHTS: usize = 1 << 17;
pub(super) const PREFETCH_TILES: usize = 8;

impl<T: Real> Product<'_, T> {
    /// Compute a few panels at a time and ask `stop` after each piece; a piece takes at most `work`
    /// operations times the bytes of a number. If stopped, the remaining panels are undefined.
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

    /// Compute the panels row by row, for sets without [`Simd::TILES`]: the same chains, so the same
    /// bits.
    #[inline(always)]
    fn in_plain_loops(self) {
        let Product { out, left, right, bias, rows, panels } = self;
        for p in panels {
            let width = right.width(p);
            for row in rows.range() {
                let mut sums = [T::ZERO; LINE_MAX];
                if let Some(bias) = bias {
                    sums[..width].copy_from_slice(bias.slice(p * T::LINE, width));
                }
                for k in 0..right.k {
                    let a = left.values.slice(left.offset(k / T::LINE, row) + k % T::LINE, 1)[0];
                    let weights = right.values.slice(right.offset(p, k), width);
                    for (sum, w) in sums.iter_mut().zip(weights) {
                        *sum = a.mul_add(*w, *sum);
                    }
                }
                // SAFETY: a row of this worker's in one of its panels.
                let line = unsafe { out.values.slice_mut_unchecked(out.offset(p, row), T::LINE) };
                line.copy_from_slice(&sums[..T::LINE]);
            }
        }
    }

    /// Compute the panels, which are `N` wide, one block of k after the other.
    #[inline(always)]
    fn blocks<S: Simd, const N: usize>(self) {
        let k = self.right.k;
        // As equal as whole lines allow: a short last block would mostly load and store sums.
        let block = if k <= K_BLOCK { k } else { k.div_ceil(k.div_ceil(K_BLOCK)) };
        let block = block.next_multiple_of(T::LINE);
        let mut from = 0;
        loop {
            let ks = from..(from + block).min(k);
            let mut p = self.panels.start;
            while p < self.panels.end {
                // SAFETY: panel p exists and is N wide.
                p += unsafe { self.panel::<S, N>(p, ks.clone()) };
            }
            from = ks.end;
            if from >= k {
                break;
            }
        }
    }

    /// Compute all rows of panel `p`, or of several panels from `p` on; return the number of
    /// panels.
    #[inline(always)]
    unsafe fn panel<S: Simd, const N: usize>(&self, p: usize, ks: Range<usize>) -> usize {
        let rows = self.rows.range();
        let whole = |count: usize| N == T::LINE && p + count <= self.panels.end;
        // One or two rows would leave most multiply-add units idle, so they take four panels at
        // once.
        if const { N == T::LINE } && (1..=2).contains(&rows.len()) && whole(4) {
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
            if const { N == T::LINE && S::PANELS == 2 } && whole(2) {
                self.tiles::<S, N, 2>(p, rows, ks, whole(4));
                return 2;
            }
            self.tiles::<S, N, 1>(p, rows, ks, whole(2));
        }
        1
    }

    /// Compute all tiles of `P` panels from `p` on; prefetch the next ones if they are `whole`.
    #[inline(always)]
    unsafe fn tiles<S: Simd, const N: usize, const P: usize>(
        &self,
        p: usize,
        rows: Range<usize>,
        ks: Range<usize>,
        whole: bool,
    ) {
        let max_rows = const { tile_rows::<T, S, N>() };
        let tiles = rows.len().div_ceil(max_rows);
        let prefetches =
            whole && tiles >= PREFETCH_TILES && self.right.values.len() >= PREFETCH_WEIGHTS;
        let end = rows.end;
        for (t, tile_rows) in evenly(rows, max_rows).enumerate() {
            let (row, ks) = (tile_rows.start, ks.clone());
            if prefetches {
                let part = ks.start + ks.len() * t / tiles..ks.start + ks.len() * (t + 1) / tiles;
                self.prefetch::<S>(p + P..p + 2 * P, part);
            }
            if p == self.panels.start {
                let next = tile_rows.end..(tile_rows.end + tile_rows.len()).min(end);
                self.prefetch_rows::<S>(next, ks.clone());
            }
            // SAFETY: the caller guarantees the rows and the panels.
            unsafe { with_rows!(tile_rows.len(), tile::<T, S, _, N, P>(self, p, row, ks)) };
        }
    }

    /// Prefetch columns `ks` of the next rows of the left side: another core may have written them,
    /// and a tile reads only a few lines at a time.
    #[inline(always)]
    fn prefetch_rows<S: Simd>(&self, rows: Range<usize>, ks: Range<usize>) {
        for q in ks.start / T::LINE..ks.end.div_ceil(T::LINE) {
            let from = self.left.offset(q, rows.start);
            // SAFETY: the left side has these rows and columns.
            S::prefetch(unsafe { self.left.values.slice_unchecked(from, rows.len() * T::LINE) });
        }
    }

    /// Prefetch rows `ks` of some panels of weights.
    #[inline(always)]
    fn prefetch<S: Simd>(&self, panels: Range<usize>, ks: Range<usize>) {
        for p in panels {
            let width = self.right.width(p);
            let from = self.right.offset(p, ks.start);
            // SAFETY: the right side has these panels and rows.
            S::prefetch_early(unsafe { self.right.values.slice_unchecked(from, ks.len() * width) });
        }
    }
}

/// The rows of a tile. Tiles of narrow panels have a vector for each row, and so many rows that no
/// multiply-add waits for the one before.
const fn tile_rows<T: Real, S: Simd, const N: usize>() -> usize {
    if N == T::LINE { S::ROWS } else { 8 }
}

/// Compute `P` panels of `M` rows: start from the bias, zero or the previous sums, add the terms of
/// `ks`, and store.
#[inline(always)]
unsafe fn tile<T: Real, S: Simd, const M: usize, const N: usize, const P: usize>(
    product: &Product<'_, T>,
    p: usize,
    row: usize,
    ks: Range<usize>,
) {
    // A local pointer and stride: for all that the compiler knows, a store could change those of
    // `product`. Not a slice, because rows of other workers lie between the panels.
    let stride = product.out.stride * T::LINE;
    debug_assert!(product.out.offset(p + P - 1, row + M) <= product.out.values.len());
    // SAFETY: `out` has M rows from here in each of P panels, as the caller guarantees.
    let out = unsafe { product.out.values.pointer().add(product.out.offset(p, row)) };
    let mut sums = [[T::ZERO; N]; TILE_LINES];
    if ks.start > 0 {
        // SAFETY (here and below): a line of `out`, which has M of them in each of the P panels.
        unroll!(M * P, I => {
            sums[I] = unsafe { *out.add(I / M * stride + I % M * T::LINE).cast::<[T; N]>() };
        });
    } else if let Some(bias) = product.bias {
        // SAFETY: there is a bias, or padding, for every column of `out`.
        unroll!(M * P, I => {
            sums[I].copy_from_slice(unsafe { bias.slice_unchecked((p + I / M) * T::LINE, N) });
        });
    }
    debug_assert!(product.right.offset(p + P - 1, ks.end - 1) + N <= product.right.values.len());
    debug_assert!(
        product.left.offset((ks.end - 1) / T::LINE, row + M) <= product.left.values.len()
    );
    // SAFETY: `left` holds rows row..row + M and columns up to ks.end, `right` rows up to ks.end
    // of each of the P panels: both are asserted above.
    unsafe {
        let left = product.left.values.pointer().add(row * T::LINE);
        let right = product.right.values.pointer().add(product.right.offset(p, ks.start));
        let (left_stride, right_stride) = (product.left.stride * T::LINE, N * product.right.k);
        dot::<T, S, M, N, P>(&mut sums, left, left_stride, right, right_stride, ks);
    }
    unroll!(M * P, I => {
        let line = out.wrapping_add(I / M * stride + I % M * T::LINE);
        unsafe { *line.cast::<[T; N]>() = sums[I] };
        unsafe { std::slice::from_raw_parts_mut(line.add(N), T::LINE - N) }.fill(T::ZERO);
    });
}

/// Compute `sums[q M + m][n] += Σ_k left(m, k) right_q(k, n)` in ascending k.
#[inline(always)]
unsafe fn dot<T: Real, S: Simd, const M: usize, const N: usize, const P: usize>(
    sums: &mut [[T; N]; TILE_LINES],
    left: *const T,
    left_stride: usize,
    mut right: *const T,
    right_stride: usize,
    ks: Range<usize>,
) {
    let mut local = *sums; // in registers
    let mut k = ks.start;
    while k < ks.end {
        // SAFETY (here and below): k stays below ks.end, as the caller guarantees.
        let mut column = unsafe { left.add(k / T::LINE * left_stride + k % T::LINE) };
        let width = T::LINE.min(ks.end - k);
        for _ in 0..width {
            unroll!(M * P, I => {
                let b = unsafe { &*right.add(I / M * right_stride).cast::<[T; N]>() };
                S::add_product(&mut local[I], unsafe { *column.add(I % M * T::LINE) }, b);
            });
            column = column.wrapping_add(1);
            right = right.wrapping_add(N);
        }
        k += width;
    }
    *sums = local;
}
