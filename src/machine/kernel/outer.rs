//! Gradients: ∂C/∂W = δᵀ a_prev / m, a line of inputs by one or two lines of outputs at a time.

use std::marker::PhantomData;
use std::ops::Range;

use crate::machine::kernel::isa::{Kernel, Simd};
use crate::machine::kernel::panels::Panels;
use crate::machine::kernel::tile::{LINE_MAX, PANELS_MAX, SHARD, TILE_LINES, first, unroll};
use crate::machine::real::Real;

/// Rows of a shard that a block of a gradient sums at a time: their lines of a and of δ, 16 KiB,
/// stay in the first-level cache for all tiles of the block.
pub(super) const ROW_PART: usize = 128;

/// Levels of the tree over the shards of a chunk of rows: up to 2^5 shards.
const TREE_LEVELS: usize = 6;

/// A block of a gradient: input columns of panel `q` by output columns of one or two panels,
/// stored like the weights: `[panel][input][output]`, each panel with room for a line of inputs.
#[repr(align(64))]
pub struct Block<T>(pub [T; PANELS_MAX * LINE_MAX * LINE_MAX]);

impl<T: Real> Block<T> {
    #[inline(always)]
    const fn zeros() -> Self {
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
        let scale = if self.rows <= SHARD { self.scale } else { T::ONE };
        let columns = Columns::<T, S, N, P> { outer: self, set: PhantomData, q, p, n_in, scale };
        self.tree::<S>(&columns, sums, P * T::LINE * N);
    }

    /// Compute Σ over the rows of δ, times 1/m: the gradient of the `N` biases of each of `P`
    /// panels from `p` on, together because each sum waits for its additions.
    #[inline(always)]
    pub fn biases<S: Simd, const N: usize, const P: usize>(&self, p: usize, sums: &mut Sums<T>) {
        self.tree::<S>(&Column::<T, N, P> { outer: self, p }, sums, P * N);
        if self.rows <= SHARD {
            average(&mut sums.total.0[..P * N], self.scale);
        }
    }

    /// Sum shards of rows as a pairwise tree, and scale the sum of several shards.
    #[inline(always)]
    fn tree<S: Simd>(&self, shards: &impl Shards<T>, sums: &mut Sums<T>, length: usize) {
        let count = self.rows.div_ceil(SHARD);
        for shard in 0..count {
            let rows = shard * SHARD..((shard + 1) * SHARD).min(self.rows);
            shards.sum(rows, &mut sums.total);
            if count > 1 {
                S::run_cold(Merge { sums, shard, count, length, scale: self.scale });
            }
        }
    }
}

/// Multiply sums by 1/m.
#[inline(always)]
fn average<T: Real>(sums: &mut [T], scale: T) {
    for sum in sums {
        *sum *= scale;
    }
}

/// A term of [`Outer::tree`]: the sum over one shard of rows, in one ascending chain.
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
            if const { !S::TILES } {
                self.in_plain_loops(part, sum);
                continue;
            }
            if const { 4 * N == T::LINE } {
                // SAFETY: panels q and p exist and hold `part`; a line of inputs has LINE numbers.
                unsafe {
                    if const { T::LINE == 16 } {
                        outer_narrow::<T, S, N, 16>(outer, q, p, part, sum);
                    } else {
                        outer_narrow::<T, S, N, 8>(outer, q, p, part, sum);
                    }
                }
                continue;
            }
            let mut i = 0;
            while i < n_in {
                let (input, out) = (Input { q, i }, &mut sum.0[i * N..]);
                // SAFETY: panel q and P panels from p on exist and hold `part`; a tile, which may
                // have more inputs than are left, ends within the line.
                i += unsafe { tile_of_inputs::<T, S, N, P>(n_in - i, outer, &input, p, part, out) };
            }
        }
    }
}

impl<T: Real, S: Simd, const N: usize, const P: usize> Columns<'_, T, S, N, P> {
    /// Sum part of a shard row by row, for sets without [`Simd::TILES`]: the same chains, so the
    /// same bits.
    #[inline(always)]
    fn in_plain_loops(&self, part: &Part<T>, sum: &mut Block<T>) {
        let &Self { outer: Outer { left, delta, .. }, q, p, n_in, .. } = self;
        for panel in 0..P {
            let sums = &mut sum.0[panel * T::LINE * N..][..n_in * N];
            if !part.resumes {
                sums.fill(T::ZERO);
            }
            for row in part.rows.clone() {
                let a = left.values.slice(left.offset(q, row), n_in);
                let delta = delta.values.slice(delta.offset(p + panel, row), N);
                for (sums, a) in sums.chunks_exact_mut(N).zip(a) {
                    for (sum, delta) in sums.iter_mut().zip(delta) {
                        *sum = a.mul_add(*delta, *sum);
                    }
                }
            }
            average(sums, part.scale);
        }
    }
}

/// The inputs of the largest tile of a gradient. Tiles of narrow panels have a vector for each.
const fn tile_inputs<T: Real, S: Simd, const N: usize>() -> usize {
    if N < T::LINE || S::ROWS >= 8 {
        8
    } else if T::LINE == 16 {
        6
    } else {
        4
    }
}

/// Compute a tile for up to `rest` inputs, or for one more, whose sums are not used; return the
/// number of its inputs.
///
/// Three sizes suffice, because only the last panel of inputs is not a whole line.
#[inline(always)]
unsafe fn tile_of_inputs<T: Real, S: Simd, const N: usize, const P: usize>(
    rest: usize,
    outer: &Outer<'_, T>,
    input: &Input,
    p: usize,
    part: &Part<T>,
    out: &mut [T],
) -> usize {
    let largest = const { tile_inputs::<T, S, N>() };
    // SAFETY: the caller's.
    unsafe {
        if const { tile_inputs::<T, S, N>() == 8 } && rest + 1 >= largest {
            outer_tile::<T, S, 8, N, P>(outer, input, p, part, out);
            8
        } else if const { tile_inputs::<T, S, N>() == 6 } && rest + 1 >= largest {
            outer_tile::<T, S, 6, N, P>(outer, input, p, part, out);
            6
        } else if rest > 2 {
            outer_tile::<T, S, 4, N, P>(outer, input, p, part, out);
            4
        } else {
            outer_tile::<T, S, 2, N, P>(outer, input, p, part, out);
            2
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
/// `scale`, for `P` panels of δ; in `out` their sums are a line of inputs apart.
#[inline(always)]
unsafe fn outer_tile<T: Real, S: Simd, const M: usize, const N: usize, const P: usize>(
    outer: &Outer<'_, T>,
    &Input { q, i }: &Input,
    p: usize,
    &Part { ref rows, resumes, scale }: &Part<T>,
    out: &mut [T],
) {
    let stride = T::LINE * N;
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
    let (left, delta) = unsafe {
        (
            outer.left.values.slice_unchecked(left, rows.len() * L),
            outer.delta.values.slice_unchecked(delta, rows.len() * L),
        )
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

/// Add the sums of a shard to a pairwise tree: two sums of equally many shards are added as soon as
/// both exist, and the remaining ones are folded from the right at the end.
struct Merge<'a, T> {
    sums: &'a mut Sums<T>,
    shard: usize,
    count: usize,
    length: usize,
    /// The factor of the sum of all shards.
    scale: T,
}

impl<T: Real> Kernel for Merge<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { sums: Sums { total, levels }, shard, count, length, scale } = self;
        let levels = levels.get_or_insert_with(|| [const { Block::zeros() }; TREE_LEVELS]);
        let level = shard.trailing_ones() as usize;
        for lower in &levels[..level] {
            total.add(lower, length);
        }
        if shard + 1 < count {
            levels[level].0[..length].copy_from_slice(&total.0[..length]);
            return;
        }
        // The last shard was added to the levels below its own; those above that hold a sum remain.
        for (bit, higher) in levels.iter().enumerate().skip(level) {
            if shard >> bit & 1 == 1 {
                total.add(higher, length);
            }
        }
        average(&mut total.0[..length], scale);
    }
}
