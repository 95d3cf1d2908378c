//! Gradients against trees of chains.

use super::*;
use crate::machine::kernel::outer::{Block, ROW_PART};
use crate::machine::kernel::{Isa, Kernel, Outer, PANELS_MAX, Simd, Sums, with_width};

/// Calls [`Outer`] for the blocks of one or two panels and for the biases of the first.
struct Blocks<'a, T> {
    outer: Outer<'a, T>,
    width: usize,
    q: usize,
    p: usize,
    panels: usize,
    n_in: usize,
    weights: &'a mut Sums<T>,
    biases: &'a mut Sums<T>,
}

impl<T: Real> Blocks<'_, T> {
    #[inline(always)]
    fn both<S: Simd, const N: usize>(self) {
        match self.panels {
            1 => self.outer.block::<S, N, 1>(self.q, self.p, self.n_in, self.weights),
            _ => self.outer.block::<S, N, 2>(self.q, self.p, self.n_in, self.weights),
        }
        self.outer.biases::<S, N, 1>(self.p, self.biases);
    }
}

impl<T: Real> Kernel for Blocks<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        with_width!(self.width, self.both::<S, _>());
    }
}

/// A batch of m rows of layer inputs and errors, and every block of its gradient.
struct Batch<T> {
    left: Vec<Vec<T>>,
    delta: Vec<Vec<T>>,
}

impl<T: Number> Batch<T> {
    fn new(m: usize, n_in: usize, n_out: usize) -> Self {
        Self { left: matrix(m, n_in, 4), delta: matrix(m, n_out, 5) }
    }

    fn weight(&self, m: usize, i: usize, o: usize) -> T {
        let pairs = |rows: Range<usize>| rows.map(|r| (self.left[r][i], self.delta[r][o]));
        batch_sum(m, |rows| chain(T::ZERO, pairs(rows)))
    }

    fn bias(&self, m: usize, o: usize) -> T {
        batch_sum(m, |rows| rows.fold(T::ZERO, |sum, r| sum + self.delta[r][o]))
    }

    /// Check all blocks for the first m rows, one by one and two by two.
    fn check(&self, isa: Isa, m: usize) {
        let (n_in, n_out) = (self.left[0].len(), self.delta[0].len());
        let shape = Packed::<T>::zeros(n_in, n_out).unwrap();
        let (mut left, mut delta) = (panels::<T>(m + 3, n_in), panels::<T>(m + 3, n_out));
        fill_panels(&mut left, 0, &self.left[..m]);
        let columns = (shape.panels() - 1) * T::LINE + shape.width(shape.panels() - 1);
        let padded = |row: &Vec<T>| {
            let zeros = std::iter::repeat_n(T::ZERO, columns - n_out);
            row.iter().copied().chain(zeros).collect::<Vec<T>>()
        };
        fill_panels(&mut delta, 0, &self.delta[..m].iter().map(padded).collect::<Vec<_>>());
        let scale = T::ONE / T::from_f64(m as f64);
        let outer = || Outer { left: &left, delta: &delta, rows: m, scale };
        for (q, p) in (0..left.panels()).flat_map(|q| (0..shape.panels()).map(move |p| (q, p))) {
            let what = format!("{} {} {m}: {n_in}x{n_out} at {q}, {p}", T::NAME, isa.name());
            let (width, n_in) = (shape.width(p), T::LINE.min(n_in - q * T::LINE));
            for panels in 1..=PANELS_MAX {
                if panels > 1 && (p + panels > shape.panels() || shape.width(p + 1) < T::LINE) {
                    continue;
                }
                let [mut weights, mut biases] = [(); 2].map(|()| {
                    let total = Block([T::GUARD_VALUE; PANELS_MAX * LINE_MAX * LINE_MAX]);
                    Sums { total, levels: None }
                });
                let (w, b) = (&mut weights, &mut biases);
                isa.run(Blocks {
                    outer: outer(),
                    width,
                    q,
                    p,
                    panels,
                    n_in,
                    weights: w,
                    biases: b,
                });
                self.check_block((&weights.total.0, n_in, width), (m, q, p, panels), scale, &what);
                self.check_biases(&biases.total.0, width, (m, p), scale, &what);
            }
        }
        assert_guards(&left.values, "the inputs of a gradient");
        assert_guards(&delta.values, "the errors of a gradient");
    }

    /// Check the gradient of the weights from panel q of the inputs to `panels` of the outputs from
    /// p on.
    fn check_block(
        &self,
        (sums, n_in, width): (&[T], usize, usize),
        (m, q, p, panels): (usize, usize, usize, usize),
        scale: T,
        what: &str,
    ) {
        let n_out = self.delta[0].len();
        for (panel, i, o) in places(panels, n_in, width) {
            let (input, output) = (q * T::LINE + i, (p + panel) * T::LINE + o);
            let value = sums[(panel * T::LINE + i) * width + o];
            let (same, expected) = if output < n_out {
                let expected = self.weight(m, input, output) * scale;
                (value.bits() == expected.bits(), expected)
            } else {
                (value == T::ZERO, T::ZERO)
            };
            assert!(same, "{what}: weight {input}, {output}: {value:?}, not {expected:?}");
        }
        // A block sums up to a whole line of inputs, including the padding.
        let written = panels * T::LINE;
        assert!(
            sums[written * width..].iter().all(|value| is_guard(*value)),
            "{what}: past {q}, {p}"
        );
    }

    /// Check the gradient of the biases of panel p.
    fn check_biases(&self, sums: &[T], width: usize, (m, p): (usize, usize), scale: T, what: &str) {
        let n_out = self.delta[0].len();
        for (o, value) in sums[..width].iter().enumerate() {
            let output = p * T::LINE + o;
            let expected = if output < n_out { self.bias(m, output) * scale } else { T::ZERO };
            assert_eq!(value.bits(), expected.bits(), "{what}: bias {output}");
        }
        assert!(sums[width..].iter().all(|value| is_guard(*value)), "{what}: past bias {p}");
    }
}

/// Yield all (panel, input, output) of some blocks.
fn places(panels: usize, n_in: usize, width: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let inputs = move |panel| (0..n_in).map(move |i| (panel, i));
    let pairs = (0..panels).flat_map(inputs);
    pairs.flat_map(move |(panel, i)| (0..width).map(move |o| (panel, i, o)))
}

/// Every width of a single panel, and two and three whole ones.
fn gradients_of_every_shape<T: Number>() {
    let whole = [2 * T::LINE, 3 * T::LINE + 1];
    for n_out in few(&(1..=T::LINE + T::LINE / 2 + 1).chain(whole).collect::<Vec<_>>()) {
        for n_in in few(&[1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 25]) {
            let batch = Batch::<T>::new(7, n_in, n_out);
            Isa::available().into_iter().for_each(|isa| batch.check(isa, 1 + n_in * n_out % 7));
        }
    }
}

#[test]
fn gradients_have_the_bits_of_one_chain_an_element() {
    gradients_of_every_shape::<f32>();
    gradients_of_every_shape::<f64>();
}

fn gradients_of_shards<T: Number>() {
    if cfg!(miri) {
        return Batch::<T>::new(SHARD + 1, 2, 3).check(Isa::Baseline, SHARD + 1);
    }
    let [narrow, wide] = [3, 2 * T::LINE].map(|n_out| Batch::<T>::new(9 * SHARD + 1, 7, n_out));
    let around = |shards: usize| [shards * SHARD - 1, shards * SHARD, shards * SHARD + 1];
    let parts = [ROW_PART - 1, ROW_PART, ROW_PART + 1];
    let ms: Vec<usize> = (1..=20).chain(parts).chain((1..=9).flat_map(around)).collect();
    for m in ms {
        Isa::available().into_iter().for_each(|isa| narrow.check(isa, m));
        if m % SHARD <= 1 || m <= ROW_PART + 1 {
            Isa::available().into_iter().for_each(|isa| wide.check(isa, m));
        }
    }
}

#[test]
fn a_batch_is_summed_as_a_tree_of_shards() {
    gradients_of_shards::<f32>();
    gradients_of_shards::<f64>();
}
