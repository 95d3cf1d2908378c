//! Aligned memory that several workers write in disjoint parts.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;

use crate::error::Error;
use crate::machine::memory;
use crate::machine::real::Real;

/// Numbers that start at a cache line; the workers of one step may write disjoint parts of them.
pub struct Buffer<T> {
    pub(super) cells: Vec<UnsafeCell<T>>,
    pub(super) start: usize,
    pub(super) length: usize,
}

// SAFETY: workers reach the cells through shares of rows or tiles that never overlap, and a
// barrier separates the writes of one worker from the reads of another.
unsafe impl<T: Send> Sync for Buffer<T> {}

impl<T: Real> Buffer<T> {
    /// Allocate `length` zeros.
    pub fn zeros(length: usize) -> Result<Self, Error> {
        if length == 0 {
            return Ok(Self::default());
        }
        let numbers = memory::zeros::<T>(length.saturating_add(T::LINE))?;
        let mut numbers = ManuallyDrop::new(numbers);
        prefer_large_pages(&numbers);
        let (numbers, count, capacity) = (numbers.as_mut_ptr(), numbers.len(), numbers.capacity());
        // SAFETY: the parts of a vector that is no longer used; a cell has the layout of its
        // number.
        let cells =
            unsafe { Vec::from_raw_parts(numbers.cast::<UnsafeCell<T>>(), count, capacity) };
        // Only in an interpreter can a pointer not be aligned: it then starts where it is.
        let start = cells.as_ptr().align_offset(64).min(T::LINE);
        Ok(Self { cells, start, length })
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Return all numbers, to read.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `start + length` cells were allocated; no step runs while they are read.
        unsafe { std::slice::from_raw_parts(self.pointer(), self.length) }
    }

    /// Return all numbers, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and the buffer is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), self.length) }
    }

    #[inline(always)]
    pub(super) fn pointer(&self) -> *mut T {
        self.cells.as_ptr().wrapping_add(self.start).cast_mut().cast()
    }

    /// Return `length` numbers from `from` on, to read.
    ///
    /// Unlike a part of [`Self::as_slice`], it does not refer to numbers that other workers may
    /// write.
    #[inline(always)]
    pub(crate) fn slice(&self, from: usize, length: usize) -> &[T] {
        assert!(from <= self.length && length <= self.length - from);
        // SAFETY: within the buffer; the writers guarantee that nobody reads meanwhile.
        unsafe { self.slice_unchecked(from, length) }
    }

    /// [`Self::slice`] without the check of its bounds.
    ///
    /// # Safety
    ///
    /// `from + length` is at most the length of the buffer.
    #[inline(always)]
    pub(crate) unsafe fn slice_unchecked(&self, from: usize, length: usize) -> &[T] {
        debug_assert!(from + length <= self.length);
        // SAFETY: within the buffer, as the caller guarantees.
        unsafe { std::slice::from_raw_parts(self.pointer().add(from), length) }
    }

    /// Return `length` numbers from `from` on, to be written by the one worker that owns them.
    ///
    /// # Safety
    ///
    /// `from + length` is at most the length of the buffer, and while the slice is in use nobody
    /// else reads or writes these numbers, through another slice or on another thread.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the cells allow it; the caller guarantees the rest
    pub(crate) unsafe fn slice_mut_unchecked(&self, from: usize, length: usize) -> &mut [T] {
        debug_assert!(from + length <= self.length);
        // SAFETY: within the buffer and this worker's alone, as the caller guarantees.
        unsafe { std::slice::from_raw_parts_mut(self.pointer().add(from), length) }
    }
}

/// Ask the system for large pages for numbers that fill some of them: one page fault and one entry
/// of the address cache then serve many numbers.
#[cfg(all(target_os = "linux", not(miri)))]
fn prefer_large_pages<T>(numbers: &[T]) {
    const MIN_SIZE: usize = 4 << 20;
    const PAGE: usize = 4096;
    let (start, size) = (numbers.as_ptr().cast_mut().cast::<u8>(), size_of_val(numbers));
    if size >= MIN_SIZE {
        let skip = start.align_offset(PAGE);
        // SAFETY: advice on pages within the numbers, which changes none of them.
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
