//! The output layer if its activation acts on whole rows, such as softmax.
//!
//! As many rows as fit a line are processed together, `[number][row]`: the sum over a single row
//! would have to wait for each addition. Each row is the same chain either way.

use crate::machine::kernel::{Buffer, Kernel, Panels, Simd, with_width};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::tables::activation::softmax;
use crate::tables::cost::Cost;

/// Return the numbers of scratch memory that these kernels need for rows of `n` outputs.
pub const fn scratch_length<T: Real>(n: usize) -> usize {
    5 * n * T::LINE
}

/// Computes a = softmax(z).
pub struct ActivateRows<'a, T> {
    pub z: &'a Panels<T>,
    pub a: &'a Panels<T>,
    pub scratch: &'a mut [T],
    pub rows: &'a Share,
}

impl<T: Real> Kernel for ActivateRows<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        with_width!(T::LINE, self.all::<S, _>());
    }
}

impl<T: Real> ActivateRows<'_, T> {
    #[inline(always)]
    fn all<S: Simd, const W: usize>(self) {
        let lines = &mut self.scratch.as_chunks_mut::<W>().0[..self.a.n];
        for rows in self.rows.blocks(W) {
            gather(self.z, &rows, lines);
            softmax(lines);
            scatter(self.a, &rows, lines);
        }
    }
}

/// Computes C_i and δ of a softmax output.
pub struct OutputRows<'a, T> {
    pub cost: Cost,
    /// z, a and y.
    pub given: [&'a Panels<T>; 3],
    pub delta: &'a Panels<T>,
    pub costs: &'a Buffer<T>,
    pub scratch: &'a mut [T],
    pub rows: &'a Share,
}

impl<T: Real> Kernel for OutputRows<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        with_width!(T::LINE, self.all::<S, _>());
    }
}

impl<T: Real> OutputRows<'_, T> {
    #[inline(always)]
    fn all<S: Simd, const W: usize>(self) {
        let n = self.delta.n;
        let (z, rest) = self.scratch.as_chunks_mut::<W>().0.split_at_mut(n);
        let (a, rest) = rest.split_at_mut(n);
        let (y, rest) = rest.split_at_mut(n);
        let (delta, terms) = rest.split_at_mut(n);
        for rows in self.rows.blocks(W) {
            for (panels, lines) in self.given.into_iter().zip([&mut *z, &mut *a, &mut *y]) {
                gather(panels, &rows, lines);
            }
            let costs = self.cost.rowwise::<T, S, W>([z, a, y], delta, &mut terms[..n]);
            scatter(self.delta, &rows, delta);
            // SAFETY: this worker's rows.
            unsafe { self.costs.slice_mut_unchecked(rows.start(), rows.len()) }
                .copy_from_slice(&costs[..rows.len()]);
        }
    }
}

/// Copy number j of row r of the panels to `lines[j][r]`; lanes past the last row stay unchanged.
#[inline(always)]
fn gather<T: Real, const W: usize>(panels: &Panels<T>, rows: &Share, lines: &mut [[T; W]]) {
    for (p, lines) in lines.chunks_mut(W).enumerate() {
        for (r, row) in panels.read(p, rows).as_chunks::<W>().0.iter().enumerate() {
            for (line, value) in lines.iter_mut().zip(row) {
                line[r] = *value;
            }
        }
    }
}

/// Copy `lines[j][r]` back to number j of row r of the panels.
#[inline(always)]
fn scatter<T: Real, const W: usize>(panels: &Panels<T>, rows: &Share, lines: &[[T; W]]) {
    for (p, lines) in lines.chunks(W).enumerate() {
        // SAFETY: this worker's rows; the values read from them are copies in `lines`.
        let written = unsafe { panels.write(p, rows) };
        for (r, row) in written.as_chunks_mut::<W>().0.iter_mut().enumerate() {
            for (line, value) in lines.iter().zip(row) {
                *value = line[r];
            }
        }
    }
}
