//! The kernels against slow obvious twins, bit for bit, on every instruction set of the machine.
//!
//! Every buffer lies between guards, and everything that a kernel must not touch holds the same
//! guard: a special NaN, so that a read of it spoils a result and a write over it shows.

mod gradients;
mod panels;
mod products;

use std::cell::UnsafeCell;
use std::ops::Range;

use crate::machine::kernel::{Buffer, LINE_MAX, Packed, Panels, SHARD};
use crate::machine::pool::{Share, Worker};
use crate::machine::random::{Purpose, Stream};
use crate::machine::real::Real;

/// Numbers on each side of a buffer: four lines of either type.
const GUARD: usize = 4 * LINE_MAX;

trait Number: Real {
    const GUARD_VALUE: Self;
    fn bits(self) -> u64;
}

impl Number for f32 {
    const GUARD_VALUE: Self = f32::from_bits(0x7fc5_a5a5);
    fn bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Number for f64 {
    const GUARD_VALUE: Self = f64::from_bits(0x7ff8_a5a5_a5a5_a5a5);
    fn bits(self) -> u64 {
        self.to_bits()
    }
}

fn is_guard<T: Number>(value: T) -> bool {
    value.bits() == T::GUARD_VALUE.bits()
}

/// Return a buffer of guard values between guards.
fn guarded<T: Number>(length: usize) -> Buffer<T> {
    let padded = length + 2 * GUARD + T::LINE;
    let cells: Vec<_> = (0..padded).map(|_| UnsafeCell::new(T::GUARD_VALUE)).collect();
    let start = GUARD + cells.as_ptr().align_offset(64).min(T::LINE);
    Buffer { cells, start, length }
}

fn assert_guards<T: Number>(buffer: &Buffer<T>, what: &str) {
    let (start, end) = (buffer.start, buffer.start + buffer.length);
    for (i, cell) in buffer.cells.iter().enumerate() {
        // SAFETY: no kernel is running.
        let value = unsafe { *cell.get() };
        assert!((start..end).contains(&i) || is_guard(value), "{what}: the guard at {i} changed");
    }
}

fn panels<T: Number>(rows: usize, n: usize) -> Panels<T> {
    let mut panels = Panels::zeros(rows, n).unwrap();
    panels.values = guarded(panels.values.len());
    panels
}

fn packed<T: Number>(k: usize, n: usize) -> Packed<T> {
    let mut packed = Packed::zeros(k, n).unwrap();
    packed.values = guarded(packed.values.len());
    packed
}

/// Return the index of an element of panels.
fn place<T: Real>(panels: &Panels<T>, row: usize, column: usize) -> usize {
    panels.offset(column / T::LINE, row) + column % T::LINE
}

/// Return `length` rows from `start` on, `length` at most `start` or `start` 0.
fn share(start: usize, length: usize) -> Share {
    let mut worker = Worker::alone();
    worker.index = usize::from(start > 0);
    worker.slot(start.max(length)).first(length)
}

/// Return rows of numbers in [-1, 1) of many sizes; every 13th is a zero, of either sign.
fn matrix<T: Real>(rows: usize, columns: usize, seed: u64) -> Vec<Vec<T>> {
    let mut stream = Stream::new(seed, Purpose::Init, 0);
    let mut number = || {
        let raw = stream.bits();
        let sign = if raw & 1 == 1 { T::ONE } else { -T::ONE };
        let size =
            if raw.is_multiple_of(13) { 0.0 } else { (raw >> 11) as f64 / (1u64 << 53) as f64 };
        sign * T::from_f64(size / (1 << (raw >> 8 & 7)) as f64)
    };
    (0..rows).map(|_| (0..columns).map(|_| number()).collect()).collect()
}

fn fill_panels<T: Number>(panels: &mut Panels<T>, first_row: usize, values: &[Vec<T>]) {
    let (stride, line) = (panels.stride, T::LINE);
    let numbers = panels.values.as_mut_slice(); // borrowed once, for Miri
    for (r, row) in values.iter().enumerate() {
        for (c, &value) in row.iter().enumerate() {
            numbers[(c / line * stride + first_row + r) * line + c % line] = value;
        }
    }
}

/// Fill packed panels with a `(k, n)` matrix; the padding columns are zero.
fn fill_packed<T: Number>(packed: &mut Packed<T>, values: &[Vec<T>]) {
    let places = |k| (0..packed.n).map(move |c| (k, c));
    let places: Vec<usize> = (0..packed.k).flat_map(places).map(|(k, c)| packed.at(k, c)).collect();
    let numbers = packed.values.as_mut_slice(); // borrowed once, for Miri
    numbers.fill(T::ZERO);
    for (at, &value) in places.into_iter().zip(values.iter().flatten()) {
        numbers[at] = value;
    }
}

/// Compute one chain of `mul_add` in ascending order, from `start`.
fn chain<T: Real>(start: T, pairs: impl Iterator<Item = (T, T)>) -> T {
    pairs.fold(start, |sum, (a, b)| a.mul_add(b, sum))
}

/// Sum `count` shards by the canonical tree: the largest power of two of them, then the rest.
fn tree_of<T: Real>(shards: Range<usize>, sum: &impl Fn(usize) -> T) -> T {
    if shards.len() == 1 {
        return sum(shards.start);
    }
    let half = shards.start + shards.len().next_power_of_two() / 2;
    tree_of(shards.start..half, sum) + tree_of(half..shards.end, sum)
}

/// Sum over m rows the terms that `shard` adds up for a range of them.
fn batch_sum<T: Real>(m: usize, shard: impl Fn(Range<usize>) -> T) -> T {
    tree_of(0..m.div_ceil(SHARD), &|s| shard(s * SHARD..((s + 1) * SHARD).min(m)))
}

fn bits<T: Number>(buffer: &Buffer<T>) -> Vec<u64> {
    buffer.as_slice().iter().map(|value| value.bits()).collect()
}

/// Return a few sizes in an interpreter, and all otherwise.
fn few<T: Clone>(sizes: &[T]) -> Vec<T> {
    let step = if cfg!(miri) { (sizes.len() / 3).max(7) } else { 1 };
    sizes.iter().step_by(step).cloned().collect()
}
