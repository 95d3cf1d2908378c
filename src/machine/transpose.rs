//! Transposes the columns of a table into rows.

use crate::machine::pool;

/// Rows that a thread fills before it takes more.
const ROWS: usize = 1024;

/// Rows and columns that are transposed together: a cache line of numbers of four bytes.
const TILE: usize = 16;

/// Write columns of m numbers into rows: `rows` is (m, n), row by row. All threads take part.
pub fn into_rows<T: Copy + Default + Send + Sync>(columns: &[&[T]], rows: &mut [T]) {
    let n = columns.len().max(1);
    let threads = pool::threads().min(rows.len().div_ceil(ROWS * n));
    pool::for_each(threads, rows.chunks_mut(ROWS * n).enumerate(), |(block, rows)| {
        for (group, columns) in columns.chunks(TILE).enumerate() {
            put(columns, block * ROWS, &mut rows[group * TILE..], n);
        }
    });
}

/// Write some columns from row `first` on: `rows` starts with the first of their cells, and they
/// are `n` apart.
fn put<T: Copy + Default>(columns: &[&[T]], first: usize, rows: &mut [T], n: usize) {
    let whole = <&[&[T]; TILE]>::try_from(columns).ok();
    for (strip, rows) in rows.chunks_mut(TILE * n).enumerate() {
        let (start, count) = (first + strip * TILE, rows.len().div_ceil(n));
        match whole {
            Some(columns) if count == TILE => put_tile(columns, start, rows, n),
            _ => {
                for (i, row) in rows.chunks_mut(n).enumerate() {
                    for (value, column) in row.iter_mut().zip(columns) {
                        *value = column[start + i];
                    }
                }
            }
        }
    }
}

/// Copy a whole tile: columns are often a multiple of a page apart, and would otherwise evict each
/// other from the cache before the rest of their lines is used.
#[inline]
fn put_tile<T: Copy + Default>(columns: &[&[T]; TILE], start: usize, rows: &mut [T], n: usize) {
    let mut tile = [[T::default(); TILE]; TILE];
    for (line, column) in tile.iter_mut().zip(columns) {
        line.copy_from_slice(&column[start..start + TILE]);
    }
    for (i, row) in rows.chunks_mut(n).enumerate().take(TILE) {
        let line: [T; TILE] = std::array::from_fn(|k| tile[k][i]);
        row[..TILE].copy_from_slice(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_at_its_row_and_column() {
        for n in [0, 1, 5, 16, 17, 48, 50] {
            for m in [1, 15, 16, 17, 1024, 2100] {
                let values: Vec<Vec<f32>> =
                    (0..n).map(|k| (0..m).map(|i| (i * n + k) as f32).collect()).collect();
                let columns: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
                let mut rows = vec![0.0; m * n];
                into_rows(&columns, &mut rows);
                assert!(rows.iter().enumerate().all(|(at, &value)| value == at as f32));
            }
        }
    }
}
