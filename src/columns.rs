//! Columns of a table, put into rows.

/// Rows that are filled together: what they touch stays in the cache.
const ROWS: usize = 64;

/// Columns that are filled together: a line of the cache, of numbers of four bytes.
const COLUMNS: usize = 16;

/// Puts columns of m numbers into rows: `rows` is (m, n), row by row.
pub fn into_rows<T: Copy + Default>(columns: &[&[T]], rows: &mut [T]) {
    let n = columns.len().max(1);
    for (block, rows) in rows.chunks_mut(ROWS * n).enumerate() {
        let first = block * ROWS;
        for (group, columns) in columns.chunks(COLUMNS).enumerate() {
            let at = group * COLUMNS;
            match <&[&[T]; COLUMNS]>::try_from(columns) {
                Ok(columns) => put_lines(columns, first, &mut rows[at..], n),
                Err(_) => {
                    for (i, row) in rows.chunks_mut(n).enumerate() {
                        for (value, column) in row[at..].iter_mut().zip(columns) {
                            *value = column[first + i];
                        }
                    }
                }
            }
        }
    }
}

/// A line of each row: `rows` begins with the first of them, and they lie `n` apart.
fn put_lines<T: Copy + Default>(columns: &[&[T]; COLUMNS], first: usize, rows: &mut [T], n: usize) {
    let count = rows.len().div_ceil(n);
    let columns = columns.map(|column| &column[first..first + count]);
    for i in 0..count {
        let mut line = [T::default(); COLUMNS];
        for k in 0..COLUMNS {
            line[k] = columns[k][i];
        }
        rows[i * n..][..COLUMNS].copy_from_slice(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_where_its_row_and_column_meet() {
        for n in [0, 1, 5, 16, 17, 48, 50] {
            for m in [1, 63, 64, 65, 200] {
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
