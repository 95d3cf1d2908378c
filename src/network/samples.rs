//! Samples with their targets and weights, their order in an epoch, and their copy into a
//! workspace.

use std::ops::Range;

use crate::error::{Error, check_shape};
use crate::machine::kernel::{Kernel, Panels, Simd};
use crate::machine::memory;
use crate::machine::pool::Share;
use crate::machine::random::{self, Purpose, Stream};
use crate::machine::real::Real;
use crate::network::custom::Failures;
use crate::network::workspace::Workspace;

/// The desired outputs of the samples.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a, T> {
    /// No targets: for a forward pass.
    None,
    /// `(m, n_L)` numbers, row by row.
    Values(&'a [T]),
    /// `(m,)` classes: each stands for a row that is 1 in that column and 0 elsewhere.
    Classes(&'a [i64]),
}

/// Samples, `(m, n_0)` row by row, and their targets.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a, T> {
    pub x: &'a [T],
    pub y: Targets<'a, T>,
    /// The weight of each sample in the average over a batch; equal weights if None.
    pub weights: Option<&'a [T]>,
    pub n_in: usize,
}

impl<T: Real> Samples<'_, T> {
    /// Return m.
    pub fn len(&self) -> usize {
        self.x.len() / self.n_in
    }

    /// Return true if there are no samples.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// Check the lengths for a network of `n_in` inputs and `n_out` outputs.
    ///
    /// Later passes rely on this check: they copy a row of samples into a row of a workspace.
    pub(crate) fn check(&self, n_in: usize, n_out: usize) -> Result<(), Error> {
        let m = self.x.len() / n_in;
        check_shape("X", &[m * n_in], &[self.x.len()])?;
        check_shape("a row of X", &[n_in], &[self.n_in])?;
        match self.y {
            Targets::None => {}
            Targets::Values(y) => check_shape("y", &[m * n_out], &[y.len()])?,
            Targets::Classes(y) => check_shape("y", &[m], &[y.len()])?,
        }
        self.weights.map_or(Ok(()), |weights| check_shape("sample_weight", &[m], &[weights.len()]))
    }

    /// Return sample `i`.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[T] {
        &self.x[i * self.n_in..][..self.n_in]
    }

    /// Prefetch the `n_out` targets of sample `i`.
    #[inline(always)]
    fn prefetch_targets<S: Simd>(&self, i: usize, n_out: usize) {
        match self.y {
            Targets::None => {}
            Targets::Values(y) => S::prefetch_early(&y[i * n_out..][..n_out]),
            Targets::Classes(y) => S::prefetch_early(&y[i..=i]),
        }
    }
}

/// Copies samples into rows of a workspace.
pub(crate) struct Gather<'a, T> {
    pub samples: &'a Samples<'a, T>,
    pub ws: &'a Workspace<T>,
    /// The destination of the samples.
    pub inputs: &'a Panels<T>,
    pub rows: &'a Share,
    /// Those of `rows` for which targets and weights are copied too.
    pub targets: &'a Share,
    pub indices: RowIndices<'a>,
    /// The end of the rows that are copied next.
    pub end: usize,
    /// Receives the error for an invalid label.
    pub failures: &'a Failures,
}

/// Bytes of samples that are prefetched, and the least number of rows: shuffled rows are anywhere
/// in memory.
const PREFETCH_BYTES: usize = 128 * 1024;
const PREFETCH_ROWS: usize = 8;

/// Return the number of rows of `n_in` numbers that are prefetched.
fn rows_to_prefetch<T>(n_in: usize) -> usize {
    (PREFETCH_BYTES / (n_in * size_of::<T>())).max(PREFETCH_ROWS)
}

/// Samples that are prefetched step by step: the first of the next batch, while this one updates
/// the weights. All at once would saturate the memory.
pub(crate) struct Prefetch<'a, T> {
    samples: &'a Samples<'a, T>,
    indices: RowIndices<'a>,
    rows: Range<usize>,
    /// The numbers of the first row that are prefetched so far.
    column: usize,
    n_out: usize,
}

impl<'a, T: Real> Prefetch<'a, T> {
    /// Return the prefetch of the first of some rows of a batch.
    pub fn new(
        samples: &'a Samples<'a, T>,
        indices: RowIndices<'a>,
        Range { start, end }: Range<usize>,
        n_out: usize,
    ) -> Self {
        let end = end.min(start + rows_to_prefetch::<T>(samples.n_in));
        Self { samples, indices, rows: start..end, column: 0, n_out }
    }

    /// Return how many numbers of samples remain.
    pub fn len(&self) -> usize {
        self.rows.len() * self.samples.n_in
    }

    /// Prefetch the next `numbers` of the samples, and the targets of completed ones.
    #[inline(always)]
    pub fn request<S: Simd>(&mut self, mut numbers: usize) {
        while numbers > 0 && !self.rows.is_empty() {
            let sample = self.indices.get(self.rows.start).filter(|&i| i < self.samples.len());
            let Some(i) = sample else { return };
            let row = &self.samples.row(i)[self.column..];
            let part = &row[..numbers.min(row.len())];
            S::prefetch_early(part);
            (numbers, self.column) = (numbers - part.len(), self.column + part.len());
            if part.len() == row.len() {
                self.samples.prefetch_targets::<S>(i, self.n_out);
                (self.rows.start, self.column) = (self.rows.start + 1, 0);
            }
        }
    }
}

impl<T: Real> Kernel for Gather<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { samples, ws, inputs, rows, targets, indices, end, failures } = self;
        let next = end.min(rows.start() + rows_to_prefetch::<T>(samples.n_in))..end;
        let mut prefetch = Prefetch { samples, indices, rows: next, column: 0, n_out: ws.y.n };
        for row in rows.range() {
            prefetch.request::<S>(samples.n_in);
            let i = indices.sample(row);
            // SAFETY (here and below): a row that this worker owns.
            unsafe { inputs.put_row(row, samples.row(i)) };
            if !targets.range().contains(&row) {
                continue;
            }
            if let (Some(weights), Some(to)) = (samples.weights, &ws.weights) {
                unsafe { to.slice_mut_unchecked(row, 1)[0] = weights[i] };
            }
            match samples.y {
                Targets::None => {}
                Targets::Values(y) => unsafe {
                    ws.y.put_row(row, &y[i * ws.y.n..][..ws.y.n]);
                },
                Targets::Classes(y) => match class_of(y, i, ws.y.n) {
                    Ok(class) => unsafe { ws.y.put_one_hot(row, class) },
                    Err(error) => failures.record(error),
                },
            }
        }
    }
}

/// Return the class of sample `i`, below `n_out`.
///
/// Labels are checked before a call, but other threads may write to their memory meanwhile.
#[inline(always)]
pub(crate) fn class_of(labels: &[i64], i: usize, n_out: usize) -> Result<usize, Error> {
    // SAFETY: a reference. Read once, so that the checked value is the one that is used.
    let given = unsafe { std::ptr::read_volatile(&labels[i]) };
    let class = given as usize;
    if class < n_out { Ok(class) } else { Err(Error::Label { classes: n_out, given }) }
}

/// The samples in the rows of a batch.
#[derive(Clone, Copy)]
pub(crate) enum RowIndices<'a> {
    /// The first of these; the next batches follow.
    Order(&'a [u32]),
    /// Consecutive samples, offset by this from the rows (negative offsets wrap around).
    From(usize),
}

impl RowIndices<'_> {
    #[inline(always)]
    pub fn sample(self, row: usize) -> usize {
        match self {
            Self::Order(order) => order[row] as usize,
            Self::From(first) => first.wrapping_add(row),
        }
    }

    /// Return the sample of a row, or None past the last.
    #[inline(always)]
    fn get(self, row: usize) -> Option<usize> {
        match self {
            Self::Order(order) => order.get(row).map(|&i| i as usize),
            Self::From(first) => Some(first.wrapping_add(row)),
        }
    }
}

/// The random numbers of a step: those of a sample depend on the epoch and the sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RngContext<'a> {
    pub seed: u64,
    pub epoch: u64,
    /// The number of each sample in all data, if these samples are a part of them.
    pub names: Option<&'a [u64]>,
    /// The factor of the dropout of all layers.
    pub dropout_factor: f64,
}

impl RngContext<'_> {
    /// Return the stream of a sample, for layer `l` or, with 0, for the inputs.
    #[inline(always)]
    fn stream(self, purpose: Purpose, sample: usize, l: usize) -> Stream {
        let name = self.names.map_or(sample as u64, |names| names[sample]);
        Stream::of(self.seed, purpose, [name, self.epoch, l as u64])
    }
}

/// Add noise of a standard deviation to samples in a workspace.
pub(crate) fn add_noise<T: Real>(
    ws: &Workspace<T>,
    rows: &Share,
    indices: RowIndices,
    rng: RngContext,
    deviation: f64,
) {
    let inputs = ws.samples();
    for (at, row) in rows.range().zip(rows.blocks(1)) {
        let mut stream = rng.stream(Purpose::Noise, indices.sample(at), 0);
        let mut drawn = [0.0; 2];
        for k in 0..inputs.n {
            if k % 2 == 0 {
                drawn = stream.normals();
            }
            // SAFETY: a row that this worker owns.
            let x = &mut unsafe { inputs.write(k / T::LINE, &row) }[k % T::LINE];
            *x += T::from_f64(deviation * drawn[k % 2]);
        }
    }
}

/// Draw the dropout masks of layer `l` (from 1) for some rows.
pub(crate) fn draw_masks<T: Real>(
    mask: &Panels<T>,
    rows: &Share,
    indices: RowIndices,
    rng: RngContext,
    l: usize,
    dropout: f64,
    scratch: &mut [T],
) {
    let (scratch, dropout) = (&mut scratch[..mask.n], dropout * rng.dropout_factor);
    for (at, row) in rows.range().zip(rows.blocks(1)) {
        random::mask(scratch, dropout, rng.stream(Purpose::Dropout, indices.sample(at), l));
        for (p, part) in scratch.chunks(T::LINE).enumerate() {
            // SAFETY: a row that this worker owns.
            unsafe { mask.write(p, &row)[..part.len()].copy_from_slice(part) };
        }
    }
}

/// The order in which an epoch visits its samples.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub rows: Vec<u32>,
    drawn: Option<(u64, u64)>,
}

impl Order {
    /// Reserve the memory for an order of `n` samples.
    pub fn reserve(&mut self, n: usize) -> Result<(), Error> {
        let more = n.saturating_sub(self.rows.len());
        memory::reserve(&mut self.rows, more)
    }

    /// Draw the order of an epoch, unless it is already drawn.
    pub fn draw(&mut self, n: usize, seed: u64, epoch: u64) {
        if self.drawn != Some((seed, epoch)) || self.rows.len() != n {
            self.rows.resize(n, 0);
            random::shuffle(&mut self.rows, seed, [epoch, 0, 0]);
            self.drawn = Some((seed, epoch));
        }
    }

    /// Take an order of `n` samples that was drawn elsewhere; it becomes empty if it contains other
    /// indices.
    ///
    /// The copy is checked, because nobody else can write to it.
    pub fn take(&mut self, rows: Option<&[u32]>, n: usize) -> Result<(), Error> {
        self.rows.clear();
        self.rows.extend_from_slice(rows.unwrap_or_default());
        self.drawn = None;
        if rows.is_some() && self.rows.iter().all(|&row| (row as usize) < n) {
            return Ok(());
        }
        self.rows.clear();
        Err(Error::Orders { rows: n })
    }
}

/// Return the length of an order of `n` samples; an empty one means all.
#[inline]
pub(crate) fn visited(order: &[u32], n: usize) -> usize {
    if order.is_empty() { n } else { order.len() }
}

/// Return the samples of a batch: a part of the order, or consecutive samples if it is empty.
#[inline]
pub(crate) fn batch_indices<'a>(order: &'a [u32], batch: &Range<usize>) -> RowIndices<'a> {
    if order.is_empty() {
        RowIndices::From(batch.start)
    } else {
        RowIndices::Order(&order[batch.start..])
    }
}

/// Return the targets of a sample, 0 in the padding.
#[inline(always)]
pub(crate) fn target<T: Real, const N: usize>(
    y: Targets<T>,
    sample: usize,
    n_out: usize,
) -> Result<[T; N], Error> {
    let mut line = [T::ZERO; N];
    match y {
        Targets::None => {}
        Targets::Values(values) => {
            let values = &values[sample * n_out..][..n_out];
            for (n, y) in line.iter_mut().enumerate() {
                // A condition for each number: the compiler would call a function to copy so few.
                *y = if n < n_out { values[n] } else { T::ZERO };
            }
        }
        Targets::Classes(classes) => {
            let class = class_of(classes, sample, n_out)?;
            // Not `line[class]`: a place that is not constant would keep the line in memory.
            for (n, y) in line.iter_mut().enumerate() {
                *y = if n == class { T::ONE } else { T::ZERO };
            }
        }
    }
    Ok(line)
}
