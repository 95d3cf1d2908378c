//! The layout of panels, and their transposition.

use super::*;
use crate::machine::kernel::panels::panel_stride;
use crate::machine::kernel::{Isa, Kernel, Rows, Simd, transpose, with_width};

/// Count the lines that a tile of a product reads of sixteen neighboring panels, by sets of a
/// cache.
#[test]
fn panels_of_many_rows_do_not_meet_in_a_cache() {
    for rows in few(&(64..=2048).collect::<Vec<_>>()) {
        let stride = panel_stride(rows);
        assert!((rows..rows + 16).contains(&stride));
        let mut sets = [0; 64];
        for panel in 0..16 {
            (0..6).for_each(|line| sets[(panel * stride + line) % 64] += 1);
        }
        assert!(sets.iter().all(|lines| *lines <= 3), "{rows} rows: {sets:?}");
    }
}

/// Blocks of W, transposed one by one.
struct Turn<'a, T> {
    w: &'a Packed<T>,
    to: &'a Packed<T>,
}

impl<T: Real> Kernel for Turn<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for (p, q) in (0..self.w.panels()).flat_map(|p| (0..self.to.panels()).map(move |q| (p, q)))
        {
            with_width!(self.w.width(p), self.block::<S, _>(p, q));
        }
    }
}

impl<T: Real> Turn<'_, T> {
    fn block<S: Simd, const N: usize>(&self, p: usize, q: usize) {
        let (n_in, n_out) = (self.w.k, self.w.n);
        let (n_in, n_out) = (T::LINE.min(n_in - q * T::LINE), N.min(n_out - p * T::LINE));
        let block = self.w.values.slice(self.w.offset(p, q * T::LINE), n_in * N);
        // SAFETY: a single thread.
        unsafe { transpose::<T, S, N>(block, q, n_in, p, n_out, self.to) };
    }
}

fn transposes<T: Number>() {
    for (n_in, n_out) in few(&(1..=35).map(|i| (i, 1 + i * 11 % 37)).collect::<Vec<_>>()) {
        let values = matrix::<T>(n_in, n_out, 6);
        let (mut w, mut to) = (packed::<T>(n_in, n_out), packed::<T>(n_out, n_in));
        fill_packed(&mut w, &values);
        to.values.as_mut_slice().fill(T::ZERO);
        for isa in Isa::available() {
            isa.run(Turn { w: &w, to: &to });
            let mut expected = packed::<T>(n_out, n_in);
            let turned = (0..n_out).map(|o| values.iter().map(|row| row[o]).collect());
            fill_packed(&mut expected, &turned.collect::<Vec<_>>());
            assert!(bits(&to.values) == bits(&expected.values), "{n_in}x{n_out}");
            assert_guards(&to.values, "a transposed block");
            assert_guards(&w.values, "a block to transpose");
        }
    }
}

#[test]
fn transposed_weights_are_the_weights() {
    transposes::<f32>();
    transposes::<f64>();
}

#[test]
fn every_weight_has_a_place_of_its_own() {
    for n in few(&(1..=70).collect::<Vec<_>>()) {
        let w = Packed::<f32>::zeros(5, n).unwrap();
        let places = (0..5).flat_map(|k| (0..n).map(move |c| (k, c))).map(|(k, c)| w.at(k, c));
        let places: std::collections::BTreeSet<usize> = places.collect();
        assert_eq!(places.len(), 5 * n);
        assert!(*places.last().unwrap() < w.values.len());
        let padding = (0..w.panels()).map(|p| w.width(p)).sum::<usize>() - n;
        assert!(padding < f32::LINE / 2, "{padding} unused columns for {n}");
    }
}

#[test]
fn a_row_comes_back_as_it_went_in() {
    for n in [1, 7, 8, 15, 16, 17, 33] {
        let (rows, row) = (panels::<f64>(4, n), matrix::<f64>(1, n, 7).remove(0));
        let mut back = vec![0.0; n];
        // SAFETY (here and below): a single thread.
        unsafe { rows.put_row(2, &row) };
        rows.copy_row(2, &mut back);
        assert_eq!(back, row);
        unsafe { rows.put_one_hot(1, n - 1) };
        rows.copy_row(1, &mut back);
        assert_eq!(back.iter().position(|x| *x == 1.0), Some(n - 1));
        assert_eq!(back.iter().sum::<f64>(), 1.0);
        for (row, c) in [0, 3].into_iter().flat_map(|row| (0..n).map(move |c| (row, c))) {
            assert!(is_guard(rows.values.as_slice()[place(&rows, row, c)]));
        }
        assert_guards(&rows.values, "a row");
    }
}

#[test]
fn buffers_begin_at_a_cache_line() {
    for length in [1, 2, 15, 16, 17, 1000] {
        let buffer = Buffer::<f32>::zeros(length).unwrap();
        assert_eq!(buffer.as_slice().len(), length);
        assert!(cfg!(miri) || buffer.as_slice().as_ptr().addr().is_multiple_of(64));
    }
    assert!(Buffer::<f64>::zeros(0).unwrap().as_slice().is_empty());
}

#[test]
#[should_panic(expected = "row < self.rows")]
fn a_row_outside_the_array_is_refused() {
    // SAFETY: a single thread.
    unsafe { Rows::new(&mut [0.0_f32; 6], 3).row(2) };
}
