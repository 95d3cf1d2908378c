//! The kernels against slow obvious twins, bit for bit, on every instruction set of the machine.
//!
//! Every buffer lies between guards, and whatever a kernel has no business with holds the same
//! guard: a NaN of its own, so that a read of it spoils a result and a write over it shows.

use super::*;
use crate::machine::pool::Worker;
use crate::machine::random::{Purpose, Stream};

// ---- What of the kernels the tests rely on

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

/// A buffer of guard values between guards.
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

/// The place of an element of panels.
fn place<T: Real>(panels: &Panels<T>, row: usize, column: usize) -> usize {
    panels.offset(column / T::LINE, row) + column % T::LINE
}

/// `length` rows from `start` on, `length` at most `start` or `start` 0.
fn share(start: usize, length: usize) -> Share {
    let mut worker = Worker::alone();
    worker.index = usize::from(start > 0);
    worker.room(start.max(length)).first(length)
}

// ---- Data and twins

/// Rows of numbers in [-1, 1) of many sizes; every 13th is a zero, of either sign.
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
    let numbers = panels.values.as_mut_slice(); // once, for Miri's sake
    for (r, row) in values.iter().enumerate() {
        for (c, &value) in row.iter().enumerate() {
            numbers[(c / line * stride + first_row + r) * line + c % line] = value;
        }
    }
}

/// Fills packed panels with a `(k, n)` matrix; the padding columns are zero.
fn fill_packed<T: Number>(packed: &mut Packed<T>, values: &[Vec<T>]) {
    let places = |k| (0..packed.n).map(move |c| (k, c));
    let places: Vec<usize> = (0..packed.k).flat_map(places).map(|(k, c)| packed.at(k, c)).collect();
    let numbers = packed.values.as_mut_slice(); // once, for Miri's sake
    numbers.fill(T::ZERO);
    for (at, &value) in places.into_iter().zip(values.iter().flatten()) {
        numbers[at] = value;
    }
}

/// One chain of `mul_add` in ascending order, from `start`.
fn chain<T: Real>(start: T, pairs: impl Iterator<Item = (T, T)>) -> T {
    pairs.fold(start, |sum, (a, b)| a.mul_add(b, sum))
}

/// The canonical tree over `count` shards: the largest power of two of them, then the rest.
fn tree_of<T: Real>(shards: Range<usize>, sum: &impl Fn(usize) -> T) -> T {
    if shards.len() == 1 {
        return sum(shards.start);
    }
    let half = shards.start + shards.len().next_power_of_two() / 2;
    tree_of(shards.start..half, sum) + tree_of(half..shards.end, sum)
}

/// The canonical sum over m rows of the terms that `shard` adds up for a range of them.
fn batch_sum<T: Real>(m: usize, shard: impl Fn(Range<usize>) -> T) -> T {
    tree_of(0..m.div_ceil(SHARD), &|s| shard(s * SHARD..((s + 1) * SHARD).min(m)))
}

// ---- Products

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

    /// Multiplies the first `rows` rows, which lie from row `start` on, and looks at everything.
    fn check(&self, isa: Isa, start: usize, rows: usize) {
        let (k, n) = (self.right.len(), self.right[0].len());
        let room = start + rows + 9;
        let (mut left, out) = (panels::<T>(room, k), panels::<T>(room, n));
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

fn bits<T: Number>(buffer: &Buffer<T>) -> Vec<u64> {
    buffer.as_slice().iter().map(|value| value.bits()).collect()
}

/// An interpreter takes a few sizes only.
fn few<T: Clone>(sizes: &[T]) -> Vec<T> {
    let step = if cfg!(miri) { (sizes.len() / 3).max(7) } else { 1 };
    sizes.iter().step_by(step).cloned().collect()
}

/// Every remainder of the tile height, and the one or two rows that take four panels at once.
fn heights() -> Vec<usize> {
    few(&(1..=20).collect::<Vec<_>>())
}

/// Every remainder of a line, and four panels with and without a neighbour.
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

/// So many that the next panels are asked for ahead.
#[test]
fn many_weights_are_weights() {
    if cfg!(miri) {
        return;
    }
    for n in [2 * 512, 2 * 512 + 3] {
        let product = Multiplication::<f64>::new(8 * FAR_TILES, 129, n, true);
        assert!(129 * n >= FAR);
        Isa::available().into_iter().for_each(|isa| product.check(isa, 0, 8 * FAR_TILES));
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
            left.values.as_mut_slice().fill(1.0); // what is multiplied shows, unlike guards, which are NaN
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

// ---- Gradients

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
    fn both<S: Set, const N: usize>(self) {
        match self.panels {
            1 => self.outer.block::<S, N, 1>(self.q, self.p, self.n_in, self.weights),
            _ => self.outer.block::<S, N, 2>(self.q, self.p, self.n_in, self.weights),
        }
        self.outer.biases::<N, 1>(self.p, self.biases);
    }
}

impl<T: Real> Job for Blocks<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
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

    /// All blocks for the first m rows, one by one and two by two.
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

    /// The gradient of the weights from panel q of the inputs to `panels` of the outputs from p on.
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
            let value = sums[(panel * n_in + i) * width + o];
            let (same, expected) = if output < n_out {
                let expected = self.weight(m, input, output) * scale;
                (value.bits() == expected.bits(), expected)
            } else {
                (value == T::ZERO, T::ZERO)
            };
            assert!(same, "{what}: weight {input}, {output}: {value:?}, not {expected:?}");
        }
        // A narrow block sums whole lines of inputs, those of the padding too.
        let room = if 4 * width == T::LINE { T::LINE } else { panels * n_in };
        assert!(sums[room * width..].iter().all(|value| is_guard(*value)), "{what}: past {q}, {p}");
    }

    /// The gradient of the biases of panel p.
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

/// All (panel, input, output) of some blocks.
fn places(panels: usize, n_in: usize, width: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let inputs = move |panel| (0..n_in).map(move |i| (panel, i));
    let pairs = (0..panels).flat_map(inputs);
    pairs.flat_map(move |(panel, i)| (0..width).map(move |o| (panel, i, o)))
}

/// Every width of a panel alone, and two and three whole ones.
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

// ---- The memory

/// The lines that a tile of a product reads of sixteen neighbouring panels, by sets of a cache.
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

impl<T: Real> Job for Turn<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        for (p, q) in (0..self.w.panels()).flat_map(|p| (0..self.to.panels()).map(move |q| (p, q)))
        {
            with_width!(self.w.width(p), self.block::<S, _>(p, q));
        }
    }
}

impl<T: Real> Turn<'_, T> {
    fn block<S: Set, const N: usize>(&self, p: usize, q: usize) {
        let (n_in, n_out) = (self.w.k, self.w.n);
        let (n_in, n_out) = (T::LINE.min(n_in - q * T::LINE), N.min(n_out - p * T::LINE));
        let block = self.w.values.slice(self.w.offset(p, q * T::LINE), n_in * N);
        // SAFETY: one thread alone.
        unsafe { transpose::<T, S, N>(block, (q, n_in), (p, n_out), self.to) };
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
        let (room, row) = (panels::<f64>(4, n), matrix::<f64>(1, n, 7).remove(0));
        let mut back = vec![0.0; n];
        // SAFETY (here and below): one thread alone.
        unsafe { room.put_row(2, &row) };
        room.copy_row(2, &mut back);
        assert_eq!(back, row);
        unsafe { room.put_one_hot(1, n - 1) };
        room.copy_row(1, &mut back);
        assert_eq!(back.iter().position(|x| *x == 1.0), Some(n - 1));
        assert_eq!(back.iter().sum::<f64>(), 1.0);
        for (row, c) in [0, 3].into_iter().flat_map(|row| (0..n).map(move |c| (row, c))) {
            assert!(is_guard(room.values.as_slice()[place(&room, row, c)]));
        }
        assert_guards(&room.values, "a row");
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
fn rows_are_cut_evenly() {
    let lengths = if cfg!(miri) { 9 } else { 60 };
    for (length, most) in (0..lengths).flat_map(|length| (1..9).map(move |most| (length, most))) {
        let parts: Vec<_> = evenly(5..5 + length, most).collect();
        let lengths = || parts.iter().map(|part| part.len());
        assert_eq!(parts.len(), length.div_ceil(most));
        assert!(lengths().max() <= lengths().min().map(|least| least + 1));
        let rows: Vec<usize> = parts.iter().cloned().flatten().collect();
        assert_eq!(rows, (5..5 + length).collect::<Vec<_>>());
    }
}

#[test]
#[should_panic(expected = "row < self.rows")]
fn a_row_outside_the_array_is_refused() {
    // SAFETY: one thread alone.
    unsafe { Rows::new(&mut [0.0_f32; 6], 3).row(2) };
}
