//! The epoch loop: orders, batches, the two phases of a step, and how threads share them.
//!
//! A step on a batch of m rows:
//!
//! - phase A, by rows: each worker takes its rows through all layers forward and back;
//! - a barrier;
//! - phase B, by tiles of weights: each worker sums its tiles of ∂C/∂W over the whole batch and
//!   updates those weights at once;
//! - a barrier.
//!
//! Which worker does what has no influence on any number.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::kernel::{Job, SHARD, Set};
use crate::layer::{Apply, Descent, Fate, Layer};
use crate::network::{Network, ROW_BLOCK};
use crate::optimizer::Update;
use crate::pool::{self, Share, Worker};
use crate::random;
use crate::real::Real;
use crate::small::SmallSteps;
use crate::workspace::{CHUNK, Gradient, Workspace};

/// The desired outputs of the samples.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a, T> {
    /// None: for a forward pass.
    None,
    /// `(m, n_L)` numbers, row by row.
    Values(&'a [T]),
    /// `(m,)` classes, which stand for rows that are 1 in that column and 0 elsewhere.
    Classes(&'a [i64]),
}

/// Samples, `(m, n_0)` row by row, and their targets.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a, T> {
    pub x: &'a [T],
    pub y: Targets<'a, T>,
    pub n_in: usize,
}

impl<T: Real> Samples<'_, T> {
    /// m.
    pub fn len(&self) -> usize {
        self.x.len() / self.n_in
    }

    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// The sample `i`.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[T] {
        &self.x[i * self.n_in..][..self.n_in]
    }
}

/// Puts samples into rows of a workspace.
pub(crate) struct Gather<'a, T> {
    pub samples: &'a Samples<'a, T>,
    pub ws: &'a Workspace<T>,
    pub rows: &'a Share,
    pub chosen: Chosen<'a>,
    /// The rows of the whole batch, of which `rows` are some.
    pub batch: usize,
}

/// Bytes of samples that are asked for ahead of their use, and the least number of rows: shuffled
/// rows lie anywhere in memory.
const AHEAD_BYTES: usize = 128 * 1024;
const AHEAD_ROWS: usize = 8;

impl<T: Real> Job for Gather<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let Self { samples, ws, rows, chosen, batch } = self;
        let row_bytes = samples.n_in * size_of::<T>();
        let ahead = (AHEAD_BYTES / row_bytes).max(AHEAD_ROWS).min(rows.len());
        for row in rows.range() {
            let next = row + ahead;
            // After the last of these rows come the same rows of the next batch.
            let next = if next < rows.range().end { next } else { next - rows.len() + batch };
            if let Some(i) = chosen.get(next).filter(|&i| i < samples.len()) {
                S::prefetch(samples.row(i));
            }
            let i = chosen.sample(row);
            ws.a[0].put_row(row, samples.row(i));
            match samples.y {
                Targets::None => {}
                Targets::Values(y) => ws.y.put_row(row, &y[i * ws.y.n..][..ws.y.n]),
                Targets::Classes(y) => ws.y.put_one_hot(row, y[i] as usize),
            }
        }
    }
}

/// Which samples stand in the rows of a batch.
#[derive(Clone, Copy)]
pub(crate) enum Chosen<'a> {
    /// The first of these; the batches that follow stand behind them.
    Order(&'a [u32]),
    /// As many as there are rows, this far on (or back, by wrapping round).
    From(usize),
}

impl Chosen<'_> {
    #[inline(always)]
    pub fn sample(self, row: usize) -> usize {
        match self {
            Self::Order(order) => order[row] as usize,
            Self::From(first) => first.wrapping_add(row),
        }
    }

    /// The sample of a row that may lie beyond the last.
    #[inline(always)]
    fn get(self, row: usize) -> Option<usize> {
        match self {
            Self::Order(order) => order.get(row).map(|&i| i as usize),
            Self::From(first) => Some(first.wrapping_add(row)),
        }
    }
}

/// How to train.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub batch_size: usize,
    pub learning_rate: f64,
    pub shuffle: bool,
    pub seed: u64,
    /// The epoch to stop before.
    pub stop_epoch: u64,
    /// Stop after the step during which this much time has passed.
    pub budget: Duration,
}

/// A place between two steps of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    pub epoch: u64,
    /// Steps of this epoch that are done.
    pub step: usize,
    /// Σ of the costs of the samples that this epoch has met.
    pub cost_sum: f64,
}

/// The order in which an epoch visits its samples.
#[derive(Debug, Default)]
pub(crate) struct Order {
    rows: Vec<u32>,
    drawn: Option<(u64, u64)>,
}

impl Order {
    /// Draws the order of an epoch, unless it is there already.
    fn draw(&mut self, n: usize, seed: u64, epoch: u64) {
        if self.drawn != Some((seed, epoch)) || self.rows.len() != n {
            self.rows.resize(n, 0);
            random::shuffle(&mut self.rows, seed, epoch);
            self.drawn = Some((seed, epoch));
        }
    }
}

impl<T: Real> Network<T> {
    /// One update on all samples as one batch; returns C before it.
    pub fn step(&mut self, samples: &Samples<T>, learning_rate: f64) -> f64 {
        let m = samples.len();
        let settings = Settings {
            batch_size: m,
            learning_rate,
            shuffle: false,
            seed: 0,
            stop_epoch: 1,
            budget: Duration::MAX,
        };
        let start = Position { epoch: 0, step: 0, cost_sum: 0.0 };
        self.train(samples, &settings, start).0[0]
    }

    /// Trains from `start` on; returns the costs of the epochs that it ended, and where it stopped.
    ///
    /// The cost of an epoch is the average over its samples, each met before its batch's update.
    pub fn train(
        &mut self,
        samples: &Samples<T>,
        settings: &Settings,
        start: Position,
    ) -> (Vec<f64>, Position) {
        let n = samples.len();
        let batch = settings.batch_size.min(n);
        let order = std::mem::take(&mut self.order);
        let threads = Self::threads_for(self.step_work(batch), batch);
        let ws = match self.training.take() {
            Some(ws) if ws.fits(batch, threads) => ws,
            _ => Workspace::training(&self.layers, batch, threads, false),
        };
        let run = Run {
            network: self,
            samples,
            settings,
            ws,
            sums: (batch > CHUNK).then(|| GradientTree::new(&self.layers, batch.div_ceil(CHUNK))),
            order: RwLock::new(order),
            stop: AtomicBool::new(false),
            started: Instant::now(),
            check_mask: self.check_mask(batch, settings.budget),
        };
        let outcome = Mutex::new((Vec::new(), start));
        pool::run(threads, |worker| {
            let result = run.epochs(&worker, start);
            if worker.index == 0 {
                *outcome.lock().unwrap() = result;
            }
        });
        let (costs, end) = outcome.into_inner().unwrap();
        let Run { ws, order, .. } = run;
        self.training = Some(ws);
        if end.step > 0 {
            self.order = order.into_inner().unwrap(); // an epoch that goes on needs it again
        }
        let per_epoch = n.div_ceil(batch) as u64;
        let done = |at: Position| at.epoch * per_epoch + at.step as u64;
        self.optimizer.steps += done(end) - done(start);
        (costs, end)
    }

    /// How often to look at the clock: after every step where a step is long or no time is given.
    fn check_mask(&self, batch: usize, budget: Duration) -> usize {
        if budget.is_zero() {
            return 0;
        }
        (CHECK_WORK / self.step_work(batch).max(1)).clamp(1, 256).next_power_of_two() - 1
    }

    /// Floating-point operations of a step: forward and gradient, and δ W but in the first layer.
    fn step_work(&self, batch: usize) -> usize {
        let first = self.layers[0].n_in.saturating_mul(2 * self.layers[0].n_out);
        batch.saturating_mul(self.forward_work().saturating_mul(3) - first)
    }

    /// Runs a pass over the samples chunk after chunk and shows each to `see`.
    pub(crate) fn chunks(
        &self,
        samples: &Samples<T>,
        keep_z: bool,
        mut see: impl FnMut(&Workspace<T>, Range<usize>),
    ) {
        let m = samples.len();
        let threads = Self::threads_for(self.step_work(m.min(CHUNK)), m);
        let ws = Workspace::training(&self.layers, m, threads, keep_z);
        for start in (0..m).step_by(CHUNK) {
            let chunk = start..(start + CHUNK).min(m);
            pool::run(threads, |worker| {
                self.rows(&ws, samples, &worker, chunk.len(), Chosen::From(start));
            });
            see(&ws, chunk);
        }
    }

    /// Phase A: this worker's share of `rows` rows, forward and back.
    #[inline]
    fn rows(
        &self,
        ws: &Workspace<T>,
        samples: &Samples<T>,
        worker: &Worker,
        rows: usize,
        chosen: Chosen,
    ) {
        for block in worker.share(rows).blocks(ROW_BLOCK) {
            self.isa.run(Gather { samples, ws, rows: &block, chosen, batch: rows });
            self.forward_rows(ws, worker, &block);
            if !matches!(samples.y, Targets::None) {
                self.backward_rows(ws, worker, &block);
            }
        }
    }

    /// Phase B for chunk number `c`, its gradient added to `sums`: a sum, not yet an average.
    pub(crate) fn gradient_into(
        &self,
        ws: &Workspace<T>,
        rows: usize,
        sums: &GradientTree<T>,
        (c, chunks): (usize, usize),
    ) {
        pool::run(Self::threads_for(self.step_work(rows), rows), |worker| {
            let tiles = worker.weighted_share(&self.tiles.totals).range();
            let fate = Fate::Store(&sums.total.w, &sums.total.b);
            self.descend(ws, rows, T::ONE, tiles, fate);
            worker.wait();
            sums.merge(&worker, c, chunks);
        });
    }

    #[inline]
    fn descend(
        &self,
        ws: &Workspace<T>,
        rows: usize,
        scale: T,
        tiles: Range<usize>,
        fate: Fate<T>,
    ) {
        self.isa.run(Descent {
            layers: &self.layers,
            a: &ws.a,
            delta: &ws.delta,
            rows,
            scale,
            tiles: &self.tiles.tiles[tiles],
            fate,
        });
    }

    /// Updates every parameter by a gradient that was kept, one worker's share of them.
    fn apply(&self, worker: &Worker, update: &Update<T>, gradient: &Gradient<T>) {
        for (l, layer) in self.layers.iter().enumerate() {
            let moments = &self.optimizer.moments[l];
            let (w, grad) = (&layer.w.values, &gradient.w[l].values);
            let share = worker.share(w.len());
            self.isa.run(Apply { update, w, grad, moments: &moments.w, share });
            let (b, grad) = (&layer.b, &gradient.b[l]);
            let share = worker.share(b.len());
            self.isa.run(Apply { update, w: b, grad, moments: &moments.b, share });
        }
        worker.wait();
        for layer in &self.layers {
            layer.copy_back(worker);
        }
    }
}

/// Operations between two looks at the clock: some tens of microseconds.
const CHECK_WORK: usize = 500_000;

/// One call of `train`, as all of its workers see it.
struct Run<'a, T> {
    network: &'a Network<T>,
    samples: &'a Samples<'a, T>,
    settings: &'a Settings,
    ws: Workspace<T>,
    /// Where the gradients of the chunks of a large batch are added up.
    sums: Option<GradientTree<T>>,
    order: RwLock<Order>,
    stop: AtomicBool,
    started: Instant,
    /// The clock is looked at where the number of a step has none of these bits.
    check_mask: usize,
}

impl<T: Real> Run<'_, T> {
    /// What each worker does; the costs are those that worker 0 has seen.
    fn epochs(&self, worker: &Worker, start: Position) -> (Vec<f64>, Position) {
        let n = self.samples.len();
        let tiles = worker.weighted_share(&self.network.tiles.totals).range();
        let mut costs = Vec::new();
        let mut at = start;
        let mut t = self.network.optimizer.steps;
        while at.epoch < self.settings.stop_epoch && !self.stop.load(Relaxed) {
            self.shuffle(worker, at.epoch);
            let order = self.order.read().unwrap();
            let order = if self.settings.shuffle { &order.rows[..] } else { &[] };
            let size = self.settings.batch_size.min(n);
            if self.ws.small {
                t = self.small_steps(worker, order, t, &mut at);
            } else {
                t = self.steps(worker, order, &tiles, t, &mut at);
            }
            if at.step * size >= n {
                costs.push(at.cost_sum / n as f64);
                at = Position { epoch: at.epoch + 1, step: 0, cost_sum: 0.0 };
            }
        }
        (costs, at)
    }

    /// Worker 0 draws the order of an epoch while the others wait.
    fn shuffle(&self, worker: &Worker, epoch: u64) {
        if !self.settings.shuffle {
            return;
        }
        if worker.index == 0 {
            self.order.write().unwrap().draw(self.samples.len(), self.settings.seed, epoch);
        }
        worker.wait();
    }

    /// One step; worker 0 gets the sum of the costs of its samples.
    #[inline]
    fn step(
        &self,
        worker: &Worker,
        order: &[u32],
        batch: Range<usize>,
        tiles: &Range<usize>,
        update: &Update<T>,
    ) -> f64 {
        if let Some(sums) = &self.sums {
            return self.large_step(worker, order, batch, tiles, update, sums);
        }
        self.chunk(worker, order, &batch, |ws| {
            let scale = T::ONE / T::from_f64(batch.len() as f64);
            let fate = Fate::Update(update, &self.network.optimizer.moments);
            self.network.descend(ws, batch.len(), scale, tiles.clone(), fate);
        })
    }

    /// The steps of an epoch until it ends or the time is spent; returns the number of updates.
    fn steps(
        &self,
        worker: &Worker,
        order: &[u32],
        tiles: &Range<usize>,
        mut t: u64,
        at: &mut Position,
    ) -> u64 {
        let n = self.samples.len();
        let size = self.settings.batch_size.min(n);
        for first in (at.step * size..n).step_by(size) {
            let batch = first..first.saturating_add(size).min(n);
            t += 1;
            let update = self.network.optimizer.rule.at(t, self.settings.learning_rate);
            at.cost_sum += self.step(worker, order, batch, tiles, &update);
            self.look_at_the_clock(worker, at.step);
            worker.wait();
            at.step += 1;
            if self.stop.load(Relaxed) {
                break;
            }
        }
        t
    }

    /// The steps of a small network until the epoch ends or the time is spent; returns the number
    /// of updates.
    fn small_steps(&self, worker: &Worker, order: &[u32], mut t: u64, at: &mut Position) -> u64 {
        let (n, network) = (self.samples.len(), self.network);
        let size = self.settings.batch_size.min(n);
        let steps = n.div_ceil(size);
        while at.step < steps && !self.stop.load(Relaxed) {
            let next = steps.min((at.step | self.check_mask) + 1);
            network.isa.run(SmallSteps {
                layers: &network.layers,
                cost: network.cost,
                samples: self.samples,
                order,
                batch: worker.share(size),
                rest: worker.share(n - (steps - 1) * size),
                ws: &self.ws,
                optimizer: &network.optimizer,
                learning_rate: self.settings.learning_rate,
                updates: t,
                steps: at.step..next,
                cost_sum: &mut at.cost_sum,
            });
            t += (next - at.step) as u64;
            at.step = next;
            self.look_at_the_clock(worker, next);
        }
        t
    }

    /// Phase A, a barrier, and what follows it; the sum of the costs of the chunk for worker 0.
    #[inline]
    fn chunk(
        &self,
        worker: &Worker,
        order: &[u32],
        chunk: &Range<usize>,
        phase_b: impl FnOnce(&Workspace<T>),
    ) -> f64 {
        let (ws, rows) = (&self.ws, chunk.len());
        self.network.rows(ws, self.samples, worker, rows, chosen(order, chunk));
        worker.wait();
        phase_b(ws);
        if worker.index == 0 { tree_sum(&ws.costs.as_slice()[..rows]) } else { 0.0 }
    }
}

impl<T: Real> Run<'_, T> {
    /// A step on more rows than the workspace holds: chunk after chunk, their gradients added up.
    fn large_step(
        &self,
        worker: &Worker,
        order: &[u32],
        batch: Range<usize>,
        tiles: &Range<usize>,
        update: &Update<T>,
        sums: &GradientTree<T>,
    ) -> f64 {
        let chunks = batch.len().div_ceil(CHUNK);
        let mut costs = Tree::new();
        for c in 0..chunks {
            let start = batch.start + c * CHUNK;
            let chunk = start..(start + CHUNK).min(batch.end);
            costs.push(self.chunk(worker, order, &chunk, |ws| {
                let fate = Fate::Store(&sums.total.w, &sums.total.b);
                self.network.descend(ws, chunk.len(), T::ONE, tiles.clone(), fate);
            }));
            worker.wait();
            sums.merge(worker, c, chunks);
            worker.wait();
        }
        sums.scale(worker, T::ONE / T::from_f64(batch.len() as f64));
        worker.wait();
        self.network.apply(worker, update, &sums.total);
        costs.total()
    }

    /// Worker 0 decides for all, between two barriers, whether the time is spent.
    #[inline]
    fn look_at_the_clock(&self, worker: &Worker, step: usize) {
        if worker.index == 0
            && step & self.check_mask == 0
            && self.started.elapsed() >= self.settings.budget
        {
            self.stop.store(true, Relaxed);
        }
    }
}

/// The samples of a batch: a part of the order, or of the samples as they come where it is empty.
#[inline]
pub(crate) fn chosen<'a>(order: &'a [u32], batch: &Range<usize>) -> Chosen<'a> {
    if order.is_empty() { Chosen::From(batch.start) } else { Chosen::Order(&order[batch.start..]) }
}

/// The gradients of the chunks of a batch, added up as a tree that goes on where a tile's ends.
pub(crate) struct GradientTree<T> {
    /// The gradient of the last chunk, and in the end that of the batch.
    pub total: Gradient<T>,
    levels: Vec<Gradient<T>>,
}

impl<T: Real> GradientTree<T> {
    pub fn new(layers: &[Layer<T>], chunks: usize) -> Self {
        let levels = chunks.next_power_of_two().trailing_zeros();
        let levels = (0..levels).map(|_| Gradient::zeros(layers)).collect();
        Self { total: Gradient::zeros(layers), levels }
    }

    /// Adds the gradient of chunk `c`, which stands in `total`, to those before it.
    pub fn merge(&self, worker: &Worker, c: usize, chunks: usize) {
        let level = c.trailing_ones() as usize;
        for lower in &self.levels[..level] {
            self.each_part(worker, lower, |total, lower| *total += *lower);
        }
        if c + 1 < chunks {
            self.each_part(worker, &self.levels[level], |total, kept| *kept = *total);
            return;
        }
        let above = self.levels.iter().enumerate().skip(level);
        for (_, higher) in above.filter(|(bit, _)| c >> bit & 1 == 1) {
            self.each_part(worker, higher, |total, higher| *total += *higher);
        }
    }

    /// Multiplies the sum by 1/m.
    pub fn scale(&self, worker: &Worker, scale: T) {
        for total in self.total.buffers() {
            let share = worker.share(total.len());
            total.part(share.start(), share.len()).iter_mut().for_each(|total| *total *= scale);
        }
    }

    /// Does `f` to each number of this worker's share of `total` and of `other`.
    fn each_part(&self, worker: &Worker, other: &Gradient<T>, f: impl Fn(&mut T, &mut T)) {
        for (total, other) in self.total.buffers().zip(other.buffers()) {
            let share = worker.share(total.len());
            let total = total.part(share.start(), share.len());
            let other = other.part(share.start(), share.len());
            total.iter_mut().zip(other).for_each(|(total, other)| f(total, other));
        }
    }
}

/// Sums of 2^i equal parts, added pairwise as soon as two of a size are there.
struct Tree {
    levels: [f64; 48],
    count: usize,
}

impl Tree {
    fn new() -> Self {
        Self { levels: [0.0; 48], count: 0 }
    }

    fn push(&mut self, mut sum: f64) {
        let level = self.count.trailing_ones() as usize;
        for lower in &self.levels[..level] {
            sum += lower;
        }
        self.levels[level] = sum;
        self.count += 1;
    }

    fn total(&self) -> f64 {
        let bits = (0..self.levels.len()).filter(|bit| self.count >> bit & 1 == 1);
        bits.map(|bit| self.levels[bit]).reduce(|sum, higher| sum + higher).unwrap_or(0.0)
    }
}

/// The sum of all costs: a pairwise tree over shards, as for the gradients.
pub(crate) fn tree_sum<T: Real>(costs: &[T]) -> f64 {
    let shard = |costs: &[T]| costs.iter().fold(0.0, |sum, cost| sum + cost.to_f64());
    if costs.len() <= SHARD {
        return shard(costs);
    }
    let mut tree = Tree::new();
    costs.chunks(SHARD).for_each(|costs| tree.push(shard(costs)));
    tree.total()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_chunks_is_the_tree_of_their_shards() {
        let costs: Vec<f64> = (0..5000).map(|i| 1.0 / f64::from(i + 3)).collect();
        for m in [1, 255, 256, 257, 1024, 1025, 2047, 2048, 3000, 4096, 4097, 5000] {
            let mut chunks = Tree::new();
            costs[..m].chunks(CHUNK).for_each(|chunk| chunks.push(tree_sum(chunk)));
            assert_eq!(chunks.total().to_bits(), tree_sum(&costs[..m]).to_bits(), "{m} rows");
        }
    }
}
