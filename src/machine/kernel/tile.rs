//! Sizes of tiles, and the macros and loops that products and gradients share.

use std::ops::Range;

use crate::machine::real::Real;

/// Rows that are summed in one chain; the sum of a batch is a tree of such shards.
pub const SHARD: usize = 256;

/// The most numbers that a cache line holds, for arrays whose size cannot depend on the type.
pub const LINE_MAX: usize = 16;

/// The most panels of δ that a tile of a gradient processes together.
pub const PANELS_MAX: usize = 2;

/// The most lines of sums that a tile has: they stay in registers.
pub const TILE_LINES: usize = 16;

/// Call `$f` with the constant N that equals the panel width `$width`.
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
pub(crate) use with_width;

/// Call `$f::<T, M, …>` with the constant M that equals `$m`, at most 8 and at most S::ROWS.
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
pub(crate) use with_rows;

/// Run `$body` for the constants `$i` = 0, 1, ... below `$count`, at most 16.
///
/// A loop would do if it were sure to be unrolled: only then do the sums stay in registers.
macro_rules! unroll {
    ($count:expr, $i:ident => $body:block) => {
        $crate::machine::kernel::unroll!(@ $count, $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    };
    (@ $count:expr, $i:ident, $body:block, $($constant:literal)*) => {
        $(if $count > $constant {
            const $i: usize = $constant;
            $body
        })*
    };
}
pub(crate) use unroll;

/// Cut `range` into the fewest parts of at most `max_length`, as equal as possible.
#[inline(always)]
pub fn evenly(range: Range<usize>, max_length: usize) -> impl Iterator<Item = Range<usize>> {
    // A division takes as long as a small tile, so a short range of one part avoids it.
    let short = usize::from(!range.is_empty());
    let parts = if range.len() <= max_length { short } else { range.len().div_ceil(max_length) };
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

/// Return the first `N` numbers.
#[inline(always)]
pub fn first<T: Real, const N: usize>(values: &[T]) -> [T; N] {
    let mut line = [T::ZERO; N];
    line.copy_from_slice(&values[..N]);
    line
}
