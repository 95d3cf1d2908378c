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
///
/// The conditions are constants of `T`, so that what they exclude is not compiled.
macro_rules! with_width {
    ($width:expr, $f:ident . $method:ident :: <$S:ident, _>($($argument:expr),*)) => {
        match $width {
            16 if const { T::LINE == 16 } => $f.$method::<$S, 16>($($argument),*),
            8 => $f.$method::<$S, 8>($($argument),*),
            2 if const { T::LINE == 8 } => $f.$method::<$S, 2>($($argument),*),
            _ => $f.$method::<$S, 4>($($argument),*),
        }
    };
}
pub(crate) use with_width;

/// Call `$f` with the constant N that equals `T::LINE`.
macro_rules! with_line {
    ($f:ident . $method:ident :: <$S:ident, _>($($argument:expr),*)) => {
        if const { T::LINE == 16 } {
            $f.$method::<$S, 16>($($argument),*)
        } else {
            $f.$method::<$S, 8>($($argument),*)
        }
    };
}
pub(crate) use with_line;

/// Call `$f` with the constant N that equals `$width`, the width of a panel narrower than a line.
macro_rules! with_narrow_width {
    ($width:expr, $f:ident . $method:ident :: <$S:ident, _>($($argument:expr),*)) => {
        match $width {
            8 if const { T::LINE == 16 } => $f.$method::<$S, 8>($($argument),*),
            2 if const { T::LINE == 8 } => $f.$method::<$S, 2>($($argument),*),
            _ => $f.$method::<$S, 4>($($argument),*),
        }
    };
}
pub(crate) use with_narrow_width;

/// Run `$body` for the constants `$i` = 0, 1, ... below `$count`, at most 16.
///
/// A loop would do if it were sure to be unrolled: only then do the sums stay in registers.
macro_rules! unroll {
    ($count:expr, $i:ident => $body:block) => {
        $crate::machine::kernel::unroll!(@ $count, $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    };
    (@ $count:expr, $i:ident, $body:block, $($constant:literal)*) => {
        $(if const { $count > $constant } {
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

/// Return `f` of each number. Unlike the `map` of an array, it is always compiled for the
/// instruction set of its caller.
#[inline(always)]
pub fn map_line<T: Real, const N: usize>(mut values: [T; N], f: impl Fn(T) -> T) -> [T; N] {
    for value in &mut values {
        *value = f(*value);
    }
    values
}

/// Return the first `N` numbers.
#[inline(always)]
pub fn first<T: Real, const N: usize>(values: &[T]) -> [T; N] {
    let mut line = [T::ZERO; N];
    line.copy_from_slice(&values[..N]);
    line
}
