//! Matrices in panels: columns in groups as wide as a cache line.

use std::marker::PhantomData;

use crate::error::Error;
use crate::machine::kernel::buffer::Buffer;
use crate::machine::kernel::isa::Simd;
use crate::machine::pool::Share;
use crate::machine::real::Real;

/// The right-hand side of a product: a `(k, n)` matrix in panels of its n columns,
/// `[panel][k][width]`.
///
/// The last panel is a quarter or half of a line wide if that holds its columns.
pub struct Packed<T> {
    pub values: Buffer<T>,
    pub k: usize,
    pub n: usize,
    tail: usize,
}

impl<T: Real> Packed<T> {
    /// Allocate a matrix of zeros.
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

    /// Return the number of panels.
    #[inline(always)]
    pub fn panels(&self) -> usize {
        self.n.div_ceil(T::LINE)
    }

    /// The number of panels that are a line wide: all, or all but the last.
    #[inline(always)]
    pub fn whole_panels(&self) -> usize {
        self.panels() - usize::from(self.tail < T::LINE)
    }

    /// Return the width of panel `p` in columns, including padding.
    #[inline(always)]
    pub fn width(&self, p: usize) -> usize {
        if p + 1 == self.panels() { self.tail } else { T::LINE }
    }

    /// Return the start of row `k` of panel `p`.
    #[inline(always)]
    pub fn offset(&self, p: usize, k: usize) -> usize {
        p * T::LINE * self.k + k * self.width(p)
    }

    /// Return the index of element `(k, column)`.
    #[inline(always)]
    pub fn at(&self, k: usize, column: usize) -> usize {
        self.offset(column / T::LINE, k) + column % T::LINE
    }
}

/// One row for each sample, in panels of a line: `[panel][row][LINE]`. Columns past n stay zero.
pub struct Panels<T> {
    pub(super) values: Buffer<T>,
    /// The lines from one panel to the next.
    pub(super) stride: usize,
    pub n: usize,
}

impl<T: Real> Panels<T> {
    /// Allocate `rows` rows of `n` zeros.
    pub fn zeros(rows: usize, n: usize) -> Result<Self, Error> {
        let stride = panel_stride(rows);
        let values = Buffer::zeros(stride.saturating_mul(n.div_ceil(T::LINE) * T::LINE))?;
        Ok(Self { values, stride, n })
    }

    /// Return the number of panels.
    pub fn panels(&self) -> usize {
        self.n.div_ceil(T::LINE)
    }

    /// Return the start of row `row` of panel `p`.
    #[inline(always)]
    pub(super) fn offset(&self, p: usize, row: usize) -> usize {
        (p * self.stride + row) * T::LINE
    }

    /// Return rows `rows` of panel `p`, to read.
    #[inline(always)]
    pub fn read(&self, p: usize, rows: &Share) -> &[T] {
        self.values.slice(self.offset(p, rows.start()), rows.len() * T::LINE)
    }

    /// Return rows `rows` of panel `p`, to be written by the worker that owns them.
    ///
    /// # Safety
    ///
    /// The panels have these rows and this panel, and while the slice is in use nobody else reads
    /// or writes them, through another slice or on another thread.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the cells allow it; the caller guarantees the rest
    pub unsafe fn write(&self, p: usize, rows: &Share) -> &mut [T] {
        // SAFETY: the caller guarantees it.
        unsafe {
            self.values.slice_mut_unchecked(self.offset(p, rows.start()), rows.len() * T::LINE)
        }
    }

    /// Copy one row out of the panels.
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

    /// Write one row into the panels.
    ///
    /// # Safety
    ///
    /// The caller owns the row: nobody else reads or writes it meanwhile.
    #[inline(always)]
    pub unsafe fn put_row(&self, row: usize, from: &[T]) {
        assert!(row < self.stride && from.len() <= self.n);
        let lines = from.chunks_exact(T::LINE);
        let rest = lines.remainder();
        let whole = from.len() / T::LINE;
        for (p, line) in lines.enumerate() {
            // SAFETY (here and below): the panels have this row, which the caller owns, and as many
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

    /// Write a row that is 1 in one column and 0 in the others.
    ///
    /// # Safety
    ///
    /// See [`Self::put_row`].
    #[inline(always)]
    pub unsafe fn put_one_hot(&self, row: usize, column: usize) {
        assert!(row < self.stride && column < self.n);
        for p in 0..self.panels() {
            // SAFETY (here and below): the panels have this row, which the caller owns, and the
            // column.
            unsafe { self.values.slice_mut_unchecked(self.offset(p, row), T::LINE) }.fill(T::ZERO);
        }
        let at = self.offset(column / T::LINE, row) + column % T::LINE;
        unsafe { self.values.slice_mut_unchecked(at, 1)[0] = T::ONE };
    }
}

/// Return the lines from one panel of `rows` rows to the next.
///
/// A tile of a product reads a few lines of each of many panels, which should not map to the same
/// few sets of a cache (usually 64). Strides of seven or nine lines past a multiple of sixteen
/// separate neighboring panels; one line past it does not. For few rows the unused lines would cost
/// too much.
pub(super) fn panel_stride(rows: usize) -> usize {
    match rows {
        0 => 0,
        1..64 => rows | 1,
        _ => (rows..).find(|stride| matches!(stride % 16, 7 | 9)).expect("two in sixteen are"),
    }
}

/// Copy a whole line; its constant length avoids a call for every 64 bytes.
#[inline(always)]
fn copy_line<T: Real>(from: &[T], to: &mut [T]) {
    if const { T::LINE == 16 } {
        to[..16].copy_from_slice(&from[..16]);
    } else {
        to[..8].copy_from_slice(&from[..8]);
    }
}

/// Copy less than a line, in pieces of constant length for the same reason.
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

// SAFETY: only the worker that owns a row writes it.
unsafe impl<T: Send> Sync for Rows<'_, T> {}

impl<'a, T> Rows<'a, T> {
    /// Take an array of rows of `n` numbers.
    pub fn new(array: &'a mut [T], n: usize) -> Self {
        Self { start: array.as_mut_ptr(), n, rows: array.len() / n, array: PhantomData }
    }

    /// Return row `row`, to be written by the worker that owns it.
    ///
    /// # Safety
    ///
    /// While the slice is in use nobody else has this row.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the array is borrowed mutably; the caller owns the row
    pub unsafe fn row(&self, row: usize) -> &mut [T] {
        assert!(row < self.rows);
        // SAFETY: the row lies within the array, and the caller has it alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.n), self.n) }
    }
}

/// Copy the block (q, p) of weights, `n_in` by `n_out` and `N` wide, into their transposed panels.
///
/// # Safety
///
/// `to` has the block, and nobody else reads or writes it meanwhile.
#[inline(always)]
pub unsafe fn transpose<T: Real, S: Simd, const N: usize>(
    w: &[T],
    q: usize,
    n_in: usize,
    p: usize,
    n_out: usize,
    to: &Packed<T>,
) {
    let width = to.width(q);
    let from = to.offset(q, p * T::LINE);
    // SAFETY: the caller guarantees it.
    let to = unsafe { to.values.slice_mut_unchecked(from, n_out * width) };
    let (fours_in, fours_out) = (n_in / 4 * 4, n_out / 4 * 4);
    for o in (0..fours_out).step_by(4) {
        for i in (0..fours_in).step_by(4) {
            S::transpose(&w[i * N + o..], &mut to[o * width + i..], N, width);
        }
    }
    for o in 0..n_out {
        let done = if o < fours_out { fours_in } else { 0 };
        for i in done..n_in {
            to[o * width + i] = w[i * N + o];
        }
    }
}
