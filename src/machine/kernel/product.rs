//! Products: z = a_prev Wᵀ + b, and δ W.

use std::ops::Range;

use crate::machine::kernel::buffer::Buffer;
use crate::machine::kernel::isa::{Isa, Kernel, Simd};
use crate::machine::kernel::panels::{Packed, Panels};
use crate::machine::kernel::tile::{TILE_LINES, evenly, unroll, with_rows, with_width};
use crate::machine::pool::Share;
use crate::machine::real::Real;

/// The k that a product processes before it goes to the next panel: 128 lines of weights are 8 KiB,
/// a quarter of the smallest first-level cache in use, so they stay there for all rows.
pub(super) const K_BLOCK: usize = 128;

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
        let k = self.right.k;
        // As equal as whole lines allow: a short last block would mostly load and store sums.
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

    /// Compute all rows of panel `p`, or of several panels from `p` on; return the number of
    /// panels.
    #[inline(always)]
    unsafe fn panel<S: Simd, const N: usize>(&self, p: usize, ks: Range<usize>) -> usize {
        let rows = self.rows.range();
        let whole = |count: usize| {
            let end = p + count;
            let exist = end < self.right.panels() || end == self.right.n / T::LINE;
            N == T::LINE && exist && end <= self.panels.end
        };
        // One or two rows would leave most multiply-add units idle, so they take four panels at
        // once.
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

    /// Compute all tiles of `P` panels from `p` on; prefetch the next ones if they are `whole`.
    #[inline(always)]
    unsafe fn tiles<S: Simd, const N: usize, const P: usize>(
        &self,
        p: usize,
        rows: Range<usize>,
        ks: Range<usize>,
        whole: bool,
    ) {
        let tiles = rows.len().div_ceil(S::ROWS);
        let prefetches =
            whole && tiles >= PREFETCH_TILES && self.right.values.len() >= PREFETCH_WEIGHTS;
        let end = rows.end;
        for (t, tile_rows) in evenly(rows, S::ROWS).enumerate() {
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
            unsafe { with_rows!(tile_rows.len(), tile::<T, _, N, P>(self, p, row, ks)) };
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
