//! Gradients: ∂C/∂W = δᵀ a_prev / m, a line of inputs by one or two lines of outputs at a time.

use std::marker::PhantomData;
use std::ops::Range;

use crate::machine::kernel::isa::Simd;
use crate::machine::kernel::panels::Panels;
use crate::machine::kernel::tile::{
    LINE_MAX, PANELS_MAX, SHARD, TILE_LINES, evenly, first, unroll, with_rows,
};
use crate::machine::real::Real;

/// Rows of a shard that a block of a gradient sums at a time: their lines of a and of δ, 16 KiB,
/// stay in the first-level cache for all tiles of the block.
pub(super) const ROW_PART: usize = 128;

/// Levels of the tree over the shards of a chunk of rows: up to 2^5 shards.
const TREE_LEVELS: usize = 6;

/// A block of a gradient: input columns of panel `q` by output columns of one or two panels,
/// stored like the weights: `[panel][input][output]`.
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

/// The sums of a block, and those of its shards if there are several.
pub struct Sums<T> {
    pub total: Block<T>,
    pub(super) levels: Option<[Block<T>; TREE_LEVELS]>,
}

impl<T: Real> Sums<T> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { total: Block::zeros(), levels: None }
    }
}

/// Sums over a batch of the products of two columns: one of a, one of δ.
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
    /// Compute Σ over the rows of left column i times δ column o, times 1/m: a block of `n_in`
    /// columns from panel `q` by `N` columns from each of `P` panels from `p` on.
    #[inline(always)]
    pub fn block<S: Simd, const N: usize, const P: usize>(
        &self,
        q: usize,
        p: usize,
        n_in: usize,
        sums: &mut Sums<T>,
    ) {
        // The sums of a single shard are scaled before they leave the registers.
        let one_shard = self.rows <= SHARD;
        let scale = if one_shard { self.scale } else { T::ONE };
        let columns = Columns::<T, S, N, P> { outer: self, set: PhantomData, q, p, n_in, scale };
        tree(&columns, self.rows, sums, P * n_in * N);
        if !one_shard {
            self.average(&mut sums.total.0[..P * n_in * N]);
        }
    }

    /// Compute Σ over the rows of δ, times 1/m: the gradient of the `N` biases of each of `P`
    /// panels from `p` on, together because each sum waits for its additions.
    #[inline(always)]
    pub fn biases<const N: usize, const P: usize>(&self, p: usize, sums: &mut Sums<T>) {
        tree(&Column::<T, N, P> { outer: self, p }, self.rows, sums, P * N);
        self.average(&mut sums.total.0[..P * N]);
    }

    #[inline(always)]
    fn average(&self, sums: &mut [T]) {
        for sum in sums {
            *sum *= self.scale;
        }
    }
}

/// A term of [`tree`]: the sum over one shard of rows, in one ascending chain.
///
/// A trait rather than a closure: a closure would not be compiled for the current instruction set.
trait Shards<T> {
    fn sum(&self, rows: Range<usize>, sum: &mut Block<T>);
}

/// Columns of a layer's input times columns of its δ.
struct Columns<'a, T, S, const N: usize, const P: usize> {
    outer: &'a Outer<'a, T>,
    set: PhantomData<S>,
    q: usize,
    p: usize,
    n_in: usize,
    /// The factor of the sum of a shard.
    scale: T,
}

impl<T: Real, S: Simd, const N: usize, const P: usize> Shards<T> for Columns<'_, T, S, N, P> {
    #[inline(always)]
    fn sum(&self, rows: Range<usize>, sum: &mut Block<T>) {
        let &Self { outer, q, p, n_in, .. } = self;
        let mut start = rows.start;
        while start < rows.end {
            let end = (start + ROW_PART).min(rows.end);
            let scale = if end == rows.end { self.scale } else { T::ONE };
            let part = &Part { rows: start..end, resumes: start > rows.start, scale };
            start = end;
            if 4 * N == T::LINE {
                // SAFETY: panels q and p exist and hold `part`; a line of inputs has LINE numbers.
                unsafe {
                    match T::LINE {
                        16 => outer_narrow::<T, S, N, 16>(outer, q, p, part, sum),
                        _ => outer_narrow::<T, S, N, 8>(outer, q, p, part, sum),
                    }
                }
                continue;
            }
            for columns in evenly(0..n_in, S::ROWS) {
                let (input, stride) = (Input { q, i: columns.start }, n_in * N);
                let out = &mut sum.0[columns.start * N..];
                // SAFETY: panel q and P panels from p on exist and hold `part`.
                unsafe {
                    with_rows!(
                        columns.len(),
                        outer_tile::<T, _, N, P>(outer, &input, p, part, out, stride)
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

/// Rows that a tile of a gradient processes in one iteration.
const ROWS_AT_ONCE: usize = 2;

/// Part of the rows of a shard.
struct Part<T> {
    rows: Range<usize>,
    /// Add to the sums of the rows before, rather than to zero.
    resumes: bool,
    /// The factor of the sums after these rows.
    scale: T,
}

/// Columns of a layer's input: those of panel `q` from column `i` of it on.
struct Input {
    q: usize,
    i: usize,
}

/// Compute `sum_p[m][n] (+)= Σ_r left[r][i + m] δ_p[r][n]` over part of a shard, ascending, times
/// `scale`, for `P` panels of δ; their sums are `stride` apart in `out`.
#[inline(always)]
unsafe fn outer_tile<T: Real, S: Simd, const M: usize, const N: usize, const P: usize>(
    outer: &Outer<'_, T>,
    &Input { q, i }: &Input,
    p: usize,
    &Part { ref rows, resumes, scale }: &Part<T>,
    out: &mut [T],
    stride: usize,
) {
    let (left, length) = (outer.left.offset(q, rows.start), rows.len() * T::LINE);
    // SAFETY (here and below): the caller guarantees the panels and the rows, which nobody writes
    // now.
    let left = unsafe { outer.left.values.slice_unchecked(left, length) };
    let mut a = left[i..].as_ptr();
    let d_stride = outer.delta.stride * T::LINE;
    let (delta, length) = (outer.delta.offset(p, rows.start), (P - 1) * d_stride + length);
    let mut d = unsafe { outer.delta.values.slice_unchecked(delta, length) }.as_ptr();
    assert!(out.len() >= (P - 1) * stride + M * N);
    let out = out.as_mut_ptr();
    let mut sums = [[T::ZERO; N]; TILE_LINES];
    if resumes {
        // SAFETY (here and at the end): a line of `out`, which is asserted to have them all.
        unroll!(M * P, I => {
            sums[I] = unsafe { *out.add(I / M * stride + I % M * N).cast::<[T; N]>() };
        });
    }
    for _ in 0..rows.len() / ROWS_AT_ONCE {
        unroll!(ROWS_AT_ONCE, R => {
            unroll!(M * P, I => {
                // SAFETY (here and below): the panels have `rows.len()` lines from here, N lies
                // within a line, and the columns within their panels.
                let line = unsafe { &*d.add(I / M * d_stride + R * T::LINE).cast::<[T; N]>() };
                let a = unsafe { *a.add(R * T::LINE + I % M) };
                S::add_product(&mut sums[I], a, line);
            });
        });
        a = a.wrapping_add(ROWS_AT_ONCE * T::LINE);
        d = d.wrapping_add(ROWS_AT_ONCE * T::LINE);
    }
    for _ in 0..rows.len() % ROWS_AT_ONCE {
        unroll!(M * P, I => {
            let line = unsafe { &*d.add(I / M * d_stride).cast::<[T; N]>() };
            S::add_product(&mut sums[I], unsafe { *a.add(I % M) }, line);
        });
        (a, d) = (a.wrapping_add(T::LINE), d.wrapping_add(T::LINE));
    }
    unroll!(M * P, I => {
        for sum in &mut sums[I] {
            *sum *= scale;
        }
        unsafe { *out.add(I / M * stride + I % M * N).cast::<[T; N]>() = sums[I] };
    });
}

/// [`outer_tile`] for a quarter of a line of outputs: the `L` lanes are inputs.
#[inline(always)]
unsafe fn outer_narrow<T: Real, S: Simd, const N: usize, const L: usize>(
    outer: &Outer<'_, T>,
    q: usize,
    p: usize,
    &Part { ref rows, resumes, scale }: &Part<T>,
    out: &mut Block<T>,
) {
    let (left, delta) = (outer.left.offset(q, rows.start), outer.delta.offset(p, rows.start));
    // SAFETY: the caller guarantees the panels and the rows, which nobody writes now.
    let [left, delta] = unsafe {
        [(outer.left, left), (outer.delta, delta)]
            .map(|(panels, from)| panels.values.slice_unchecked(from, rows.len() * L))
    };
    let mut sums = [[T::ZERO; L]; TILE_LINES];
    if resumes {
        unroll!(N, O => { (0..L).for_each(|i| sums[O][i] = out.0[i * N + O]); });
    }
    for (a, d) in left.chunks_exact(L).zip(delta.chunks_exact(L)) {
        // SAFETY: a chunk has L numbers.
        let line = unsafe { &*a.as_ptr().cast::<[T; L]>() };
        unroll!(N, O => { S::add_product(&mut sums[O], d[O], line); });
    }
    unroll!(N, O => { (0..L).for_each(|i| out.0[i * N + O] = sums[O][i] * scale); });
}

/// Sum shards of rows as a pairwise tree: two sums of equally many shards are added as soon as
/// both exist, and the remaining ones are folded from the right at the end.
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
        // The last shard was added to the levels below its own; those above that hold a sum remain.
        for (bit, higher) in levels.iter().enumerate().skip(level) {
            if s >> bit & 1 == 1 {
                total.add(higher, length);
            }
        }
    }
}
