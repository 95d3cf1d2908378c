//! Products against one chain for each element.

use super::*;
use crate::machine::kernel::product::{K_BLOCK, PREFETCH_TILES, PREFETCH_WEIGHTS};
use crate::machine::kernel::tile::evenly;
use crate::machine::kernel::{Isa, Product};

struct Multiplication<T> {
    left: Vec<Vec<T>>,
    right: Vec<Vec<T>>,
    bias: Option<Vec<T>>,
    expected: Vec<Vec<T>>,
}

impl<T: Number> Multiplication<T> {
    fn new(rows: usize, k: usize, n: usize, with_bias: bool) -> Self {
        let (left, right) = (matrix::<T>(rows, k, 1), matrix::<T>(k, n, 2));
        let bias = with_bias.then(|| matrix(1, n, 3).remove(0));
        let element = |row: &Vec<T>, c: usize| {
            let start = bias.as_ref().map_or(T::ZERO, |bias| bias[c]);
            chain(start, row.iter().zip(&right).map(|(&a, right)| (a, right[c])))
        };
        let expected = left.iter().map(|row| (0..n).map(|c| element(row, c)).collect()).collect();
        Self { left, right, bias, expected }
    }

    /// Multiply the first `rows` rows, which are at row `start`, and check all buffers.
    fn check(&self, isa: Isa, start: usize, rows: usize) {
        let (k, n) = (self.right.len(), self.right[0].len());
        let all_rows = start + rows + 9;
        let (mut left, out) = (panels::<T>(all_rows, k), panels::<T>(all_rows, n));
        fill_panels(&mut left, start, &self.left[..rows]);
        let mut right = packed(k, n);
        fill_packed(&mut right, &self.right);
        let bias = self.bias.as_ref().map(|values| {
            let mut bias = guarded::<T>(right.panels() * T::LINE);
            bias.as_mut_slice().fill(T::ZERO);
            bias.as_mut_slice()[..n].copy_from_slice(values);
            bias
        });
        let rows_of = share(start, rows);
        let (before_left, before_right) = (bits(&left.values), bits(&right.values));
        isa.run(Product {
            out: &out,
            left: &left,
            right: &right,
            bias: bias.as_ref(),
            rows: &rows_of,
            panels: 0..right.panels(),
        });
        let what = format!("{} {} {rows}x{k}x{n} from {start}", T::NAME, isa.name());
        let (written, numbers) = (start..start + rows, out.values.as_slice());
        for row in 0..out.stride {
            for c in 0..out.panels() * T::LINE {
                let value = numbers[place(&out, row, c)];
                if !written.contains(&row) {
                    assert!(is_guard(value), "{what}: row {row} of another worker changed");
                } else if c < n {
                    let expected = self.expected[row - start][c];
                    assert_eq!(value.bits(), expected.bits(), "{what}: element {row}, {c}");
                } else {
                    assert_eq!(value.bits(), T::ZERO.bits(), "{what}: padding {row}, {c}");
                }
            }
        }
        assert_guards(&out.values, &what);
        assert_guards(&left.values, &what);
        assert_guards(&right.values, &what);
        bias.iter().for_each(|bias| assert_guards(bias, &what));
        assert!(before_left == bits(&left.values), "{what}: the left side changed");
        assert!(before_right == bits(&right.values), "{what}: the right side changed");
    }
}

/// Return every remainder of the tile height, and the one or two rows that take four panels at
/// once.
fn heights() -> Vec<usize> {
    few(&(1..=20).collect::<Vec<_>>())
}

/// Return every remainder of a line, and four panels with and without a neighbor.
fn widths<T: Real>() -> Vec<usize> {
    let four = 4 * T::LINE;
    let wide = [four - 1, four, four + 1, four + T::LINE, four + T::LINE + 1, 2 * four + 3];
    few(&(1..=2 * T::LINE + 1).chain(wide).collect::<Vec<_>>())
}

fn products_of_every_height_and_width<T: Number>() {
    for n in widths::<T>() {
        let k = if cfg!(miri) { 3 } else { 1 + n * 5 % (2 * T::LINE + 3) };
        let product = Multiplication::<T>::new(20, k, n, n % 2 == 0);
        for rows in heights() {
            for isa in Isa::available() {
                product.check(isa, (rows + n) % 2 * 20, rows);
            }
        }
    }
}

#[test]
fn products_have_the_bits_of_one_chain_an_element() {
    products_of_every_height_and_width::<f32>();
    products_of_every_height_and_width::<f64>();
}

fn products_around_the_blocks_of_k<T: Number>() {
    let blocks = [K_BLOCK, 2 * K_BLOCK, 3 * K_BLOCK];
    let around = blocks.iter().flat_map(|k| [k - 1, *k, k + 1, k + T::LINE / 2]);
    if cfg!(miri) {
        return Multiplication::<T>::new(2, K_BLOCK + 1, 3, true).check(Isa::Baseline, 9, 2);
    }
    for k in few(&around.collect::<Vec<_>>()) {
        for n in few(&[T::LINE + 3, 1, T::LINE - 1, 4 * T::LINE + 1]) {
            for bias in few(&[true, false]) {
                let product = Multiplication::<T>::new(9, k, n, bias);
                for rows in few(&[5, 1, 2, 9]) {
                    Isa::available().into_iter().for_each(|isa| product.check(isa, 9, rows));
                }
            }
        }
    }
}

#[test]
fn a_blocked_k_is_the_same_chain() {
    products_around_the_blocks_of_k::<f32>();
    products_around_the_blocks_of_k::<f64>();
}

#[test]
fn many_rows_are_rows() {
    if cfg!(miri) {
        return;
    }
    let product = Multiplication::<f32>::new(193, 7, 19, true);
    for rows in few(&[97, 95, 96, 191, 192, 193]) {
        Isa::available().into_iter().for_each(|isa| product.check(isa, rows, rows));
    }
}

/// So many that the next panels are prefetched.
#[test]
fn many_weights_are_weights() {
    if cfg!(miri) {
        return;
    }
    for n in [2 * 512, 2 * 512 + 3] {
        let product = Multiplication::<f64>::new(8 * PREFETCH_TILES, 129, n, true);
        assert!(129 * n >= PREFETCH_WEIGHTS);
        Isa::available().into_iter().for_each(|isa| product.check(isa, 0, 8 * PREFETCH_TILES));
    }
}

#[test]
fn a_product_in_pieces_is_the_product_until_it_is_to_stop() {
    let (rows, k, n) =
        if cfg!(miri) { (2, 3, 5 * LINE_MAX + 3) } else { (9, 40, 5 * LINE_MAX + 3) };
    let (mut left, mut right) = (panels::<f32>(rows, k), packed(k, n));
    fill_panels(&mut left, 0, &matrix(rows, k, 1));
    fill_packed(&mut right, &matrix(k, n, 2));
    let panel = (2 * LINE_MAX * size_of::<f32>() * k * rows) as u64;
    let works = [0, panel, 2 * panel, u64::MAX];
    for (isa, work) in Isa::available().into_iter().flat_map(|isa| works.map(|work| (isa, work))) {
        for stop_after in few(&(1..=7_usize).collect::<Vec<_>>()) {
            let [whole, pieces] = [(); 2].map(|()| panels::<f32>(rows, n));
            let (all, asked) = (share(0, rows), std::cell::Cell::new(0));
            let product = |out, panels| Product {
                out,
                left: &left,
                right: &right,
                bias: None,
                rows: &all,
                panels,
            };
            let at_once = usize::try_from(work / panel).unwrap().max(1);
            isa.run(product(&whole, 0..right.panels().min(stop_after.saturating_mul(at_once))));
            product(&pieces, 0..right.panels()).in_pieces(isa, work, &|| {
                asked.set(asked.get() + 1);
                asked.get() == stop_after
            });
            assert!(bits(&pieces.values) == bits(&whole.values), "{work} {stop_after}");
            assert_eq!(asked.get(), stop_after.min((right.panels() - 1) / at_once));
        }
    }
}

#[test]
fn a_share_of_no_rows_changes_nothing() {
    for n in [5, 2 * LINE_MAX, 4 * LINE_MAX + 5] {
        let product = Multiplication::<f32>::new(1, 3, n, true);
        for isa in Isa::available() {
            product.check(isa, 4, 0);
            let (mut left, out, mut right) = (panels::<f32>(4, 3), panels(4, n), packed(3, n));
            left.values.as_mut_slice().fill(1.0); // products of these are visible, unlike those of guards, which are NaN
            fill_packed(&mut right, &product.right);
            let (rows, panels) = (&share(1, 0), 0..right.panels());
            isa.run(Product { out: &out, left: &left, right: &right, bias: None, rows, panels });
            assert!(out.values.as_slice().iter().all(|value| is_guard(*value)), "{n} columns");
        }
    }
}

#[test]
fn nan_and_infinity_stay_in_their_own_row() {
    for isa in Isa::available() {
        let (rows, k, n) = (7, 20, 18);
        let (mut left, out) = (panels::<f32>(rows, k), panels::<f32>(rows, n));
        let mut values = matrix::<f32>(rows, k, 1);
        (values[2][3], values[4][0]) = (f32::NAN, f32::INFINITY);
        fill_panels(&mut left, 0, &values);
        let mut right = packed(k, n);
        fill_packed(&mut right, &vec![vec![0.5; n]; k]);
        let all = share(0, rows);
        let panels = 0..right.panels();
        isa.run(Product { out: &out, left: &left, right: &right, bias: None, rows: &all, panels });
        for row in 0..rows {
            let value = out.values.as_slice()[place(&out, row, n - 1)];
            match row {
                2 => assert!(value.is_nan()),
                4 => assert_eq!(value, f32::INFINITY),
                _ => assert!(value.is_finite()),
            }
        }
    }
}

#[test]
fn rows_are_cut_evenly() {
    let lengths = if cfg!(miri) { 9 } else { 60 };
    for (length, max) in (0..lengths).flat_map(|length| (1..9).map(move |max| (length, max))) {
        let parts: Vec<_> = evenly(5..5 + length, max).collect();
        let lengths = || parts.iter().map(|part| part.len());
        assert_eq!(parts.len(), length.div_ceil(max));
        assert!(lengths().max() <= lengths().min().map(|least| least + 1));
        let rows: Vec<usize> = parts.iter().cloned().flatten().collect();
        assert_eq!(rows, (5..5 + length).collect::<Vec<_>>());
    }
}
