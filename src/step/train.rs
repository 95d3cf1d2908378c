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

use crate::error::Error;
use crate::machine::autotune::TRIED_WORK;
use crate::machine::interrupt::given_up;
use crate::machine::kernel::Panels;
use crate::machine::pool::{self, Worker};
use crate::machine::real::Real;
use crate::network::layer::{Apply, GradientSink, WeightGradient};
use crate::network::network::{Network, ROW_BLOCK};
use crate::network::pairwise::{GradientTree, Tree, tree_sum};
use crate::network::samples::{
    Gather, Order, Prefetch, RngContext, RowIndices, Samples, Targets, add_noise, batch_indices,
    visited,
};
use crate::network::workspace::{CHUNK, Gradient, Tile, Workspace};
use crate::step::fused_small::{self, FusedSteps};
use crate::step::parameter_norms::ParameterNorms;
use crate::step::partition::{self, WorkPlan};
use crate::step::rollback::{LONG_UPDATE, Rollback};
use crate::tables::optimizer::{Clock, Rule, Update};
use crate::tables::schedule::Schedule;

/// How to train.
#[derive(Clone)]
pub struct Settings<'a> {
    pub batch_size: usize,
    pub learning_rate: f64,
    /// What the learning rate is multiplied by, from epoch `schedule_from` on.
    pub schedule: Schedule,
    pub schedule_from: u64,
    /// The epochs of the whole training, for schedules that end with it.
    pub schedule_epochs: u64,
    pub shuffle: bool,
    pub seed: u64,
    /// Orders of whole epochs that were drawn elsewhere, the first for epoch `orders_from`; with a
    /// window that of its epoch alone, which may leave samples out.
    pub orders: Option<&'a [u32]>,
    pub orders_from: u64,
    /// The epoch to stop before, but for its first `stop_step` steps.
    pub stop_epoch: u64,
    pub stop_step: usize,
    /// Stop after the step during which this much time has passed.
    pub budget: Duration,
    /// The largest element, and the largest norm, of an averaged gradient.
    pub clip_value: Option<f64>,
    pub clip_norm: Option<f64>,
    /// The decay of a moving average of the parameters.
    pub average: Option<f64>,
    /// The standard deviation of noise on the inputs.
    pub input_noise: f64,
    /// Whether a batch whose cost is not finite ends the training.
    pub check_finite: bool,
    /// Whether penalties are divided by the number (or the weight) of the samples of a batch.
    pub penalty_per_sample: bool,
    /// How often the cost of a batch takes in the penalties of the weights before its update; 0
    /// for not at all.
    pub penalty_in_cost: f64,
    /// Whether the cost of an epoch weighs its batches by their rows, as scikit-learn does, instead
    /// of by the weights of their samples.
    pub batches_by_rows: bool,
    /// Where the samples are a part of an epoch: which part.
    pub window: Option<Window<'a>>,
    /// Asked now and then whether to give the training up.
    pub interrupted: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Settings<'_> {
    /// Plain batches of a size, one epoch, as the samples come.
    pub fn new(batch_size: usize, learning_rate: f64) -> Self {
        Self {
            batch_size,
            learning_rate,
            schedule: Schedule::constant(),
            schedule_from: 0,
            schedule_epochs: 1,
            shuffle: false,
            seed: 0,
            orders: None,
            orders_from: 0,
            stop_epoch: 1,
            stop_step: 0,
            budget: Duration::MAX,
            clip_value: None,
            clip_norm: None,
            average: None,
            input_noise: 0.0,
            check_finite: false,
            penalty_per_sample: false,
            penalty_in_cost: 0.0,
            batches_by_rows: false,
            window: None,
            interrupted: None,
        }
    }

    /// Where the samples of a step begin.
    #[inline]
    pub(crate) fn first_row(&self, step: usize, size: usize) -> usize {
        (step - self.window.map_or(0, |window| window.first_step)) * size
    }
}

/// Samples that are some batches of an epoch, in its order.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The samples of the whole epoch; more than all so far, where that is not known yet.
    pub rows: usize,
    /// The step of the epoch that begins with the first of these samples.
    pub first_step: usize,
    /// The number of each sample in all data, on which its noise and its dropout depend.
    pub names: Option<&'a [u64]>,
}

/// A place between two steps of a training.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Position {
    pub epoch: u64,
    /// Steps of this epoch that are done.
    pub step: usize,
    /// Σ w_i C_i and Σ w_i over the samples that the epoch of the last step has met; the first step
    /// of an epoch begins them again.
    pub cost_sum: f64,
    pub weight_sum: f64,
}

impl Position {
    /// Takes the sums of the next step in; the first of an epoch begins them.
    #[inline(always)]
    pub(crate) fn add(&mut self, step: Sum) {
        let (cost, weight) =
            if self.step == 0 { (0.0, 0.0) } else { (self.cost_sum, self.weight_sum) };
        (self.cost_sum, self.weight_sum) = (cost + step.cost, weight + step.weight);
    }

    /// The mean cost of the samples so far.
    fn cost(&self) -> f64 {
        if self.weight_sum == 0.0 { 0.0 } else { self.cost_sum / self.weight_sum }
    }
}

/// Why a training came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is where it was to stop.
    Done,
    /// The time is spent.
    Time,
    /// The cost of the next batch is NaN or infinite; its update was not made.
    NonFinite,
    /// It was given up, or a function of the user's own failed; the update of the next batch was
    /// not made.
    Interrupted,
}

/// What a training has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The costs of the epochs that ended: Σ w_i C_i / Σ w_i over their samples, each met before its
    /// batch's update; 0 if no sample has a weight.
    pub costs: Vec<f64>,
    pub end: Position,
    pub reason: Reason,
}

impl<T: Real> Network<T> {
    /// One update on all samples as one batch; returns C before it.
    pub fn step(&mut self, samples: &Samples<T>, learning_rate: f64) -> Result<f64, Error> {
        let interrupted = Some(&given_up as &(dyn Fn() -> bool + Sync));
        let settings = Settings { interrupted, ..Settings::new(samples.len(), learning_rate) };
        let outcome = self.train(samples, &settings, Position::default())?;
        Ok(outcome.costs.first().copied().unwrap_or(f64::NAN))
    }

    /// Trains from `start` on.
    pub fn train(
        &mut self,
        samples: &Samples<T>,
        settings: &Settings,
        start: Position,
    ) -> Result<Outcome, Error> {
        self.check(samples)?;
        let batch = settings.batch_size.min(settings.rows_of_epoch(samples.len()));
        let work = self.step_work(batch);
        let all = pool::threads();
        let by_panels = settings.input_noise == 0.0 && self.shares_panels(work, batch, all);
        let tried = TRIED_WORK.contains(&work) && (by_panels || !partition::is_few(batch));
        let shared = by_panels || tried && !fused_small::serves(&self.layers, batch);
        let threads = if shared { all } else { Self::threads_for(work, batch) };
        if threads == 1 || !tried {
            let (outcome, _) = self.train_on(threads, samples, settings, start, by_panels)?;
            return Ok(outcome);
        }
        let (mut costs, mut end, begun) = (Vec::new(), start, Instant::now());
        let steps = settings.rows_of_epoch(samples.len()).div_ceil(batch);
        loop {
            let (all, piece) = self.tuner.next((batch, threads));
            let left = settings.budget.saturating_sub(begun.elapsed());
            let (budget, from) = (piece.min(left), end);
            let settings = Settings { budget, ..settings.clone() };
            let count = if all { threads } else { 1 };
            let trained = self.train_on(count, samples, &settings, from, by_panels && all);
            let (part, spent) = match trained {
                // What has been made is kept; the next call meets the error at its beginning.
                Err(_) if end != start => return Ok(Outcome { costs, end, reason: Reason::Time }),
                other => other?,
            };
            let epochs = (part.end.epoch - from.epoch) as usize;
            self.tuner.note(epochs * steps + part.end.step - from.step, spent);
            costs.extend(part.costs);
            end = part.end;
            if part.reason != Reason::Time || budget == left {
                return Ok(Outcome { costs, end, reason: part.reason });
            }
        }
    }

    /// [`Self::train`] on so many threads, and how long its steps took.
    fn train_on(
        &mut self,
        threads: usize,
        samples: &Samples<T>,
        settings: &Settings,
        start: Position,
        by_panels: bool,
    ) -> Result<(Outcome, Duration), Error> {
        let batch = settings.batch_size.min(settings.rows_of_epoch(samples.len()));
        let weighted = samples.weights.is_some();
        let mut ws = match self.training.take() {
            Some(ws) if ws.fits(batch, threads, weighted) => ws,
            _ => Workspace::training(&self.layers, batch, threads, false)?
                .weighted(weighted)?
                .with_masks(&self.layers)?,
        };
        let stored = batch > CHUNK || settings.clip_norm.is_some();
        let undone = settings.interrupted.is_some() && !stored;
        let work = (self.forward_work() as u64).saturating_mul(batch as u64);
        ws.rollback = if undone && work > LONG_UPDATE {
            let rollback = ws
                .rollback
                .take()
                .map_or_else(|| Rollback::new(&self.layers, &self.optimizer.moments), Ok);
            Some(rollback?)
        } else {
            None
        };
        let tree = || GradientTree::new(&self.layers, batch.div_ceil(CHUNK));
        let sums = stored.then(tree).transpose()?;
        let by_panels = by_panels && threads > 1;
        if by_panels {
            ws.make_copies()?;
        }
        let parts = ParameterNorms::new(&self.layers)?;
        self.order.reserve(settings.length_of_order(samples.len()))?;
        self.begin_average(settings)?;
        let order = std::mem::take(&mut self.order);
        let mut run = Run::new(self, samples, settings, ws, (parts, sums));
        run.by_panels = by_panels;
        run.order = RwLock::new(order);
        run.check_mask = self.check_mask(batch, settings.budget);
        let outcome = Mutex::new(None);
        pool::run(threads, |worker| {
            let result = run.epochs(&worker, start);
            if worker.index == 0 {
                *outcome.lock().unwrap() = Some(result);
            }
        });
        let spent = run.started.elapsed().saturating_sub(run.drawing.into_inner().unwrap());
        let (outcome, clock) = outcome.into_inner().unwrap().expect("worker 0 has come to an end");
        let Run { ws, order, .. } = run;
        self.training = Some(ws);
        if outcome.end.step > 0 {
            self.order = order.into_inner().unwrap(); // an epoch that goes on needs it again
        }
        self.optimizer.clock = clock;
        Ok((outcome, spent))
    }

    /// Makes room for the average of the parameters, or drops that of an earlier training, which does
    /// not follow the parameters any more.
    pub(crate) fn begin_average(&mut self, settings: &Settings) -> Result<(), Error> {
        if settings.average.is_none() {
            self.averaged = None;
        } else if self.averaged.is_none() {
            self.averaged = Some(Gradient::of_parameters(&self.layers)?);
        }
        Ok(())
    }

    /// How often to look at the clock: after every step where a step is long or no time is given.
    fn check_mask(&self, batch: usize, budget: Duration) -> usize {
        if budget.is_zero() {
            return 0;
        }
        (CHECK_WORK / self.step_work(batch).max(1)).clamp(1, 256).next_power_of_two() - 1
    }

    /// Floating-point operations of a step: forward and gradient, and δ W but in the first layer.
    pub(crate) fn step_work(&self, batch: usize) -> usize {
        let first = self.layers[0].n_in.saturating_mul(2 * self.layers[0].n_out);
        batch.saturating_mul(self.forward_work().saturating_mul(3) - first)
    }

    /// Runs a pass over the samples chunk after chunk and shows each to `see`.
    pub(crate) fn chunks(
        &self,
        samples: &Samples<T>,
        keep_z: bool,
        mut see: impl FnMut(&Workspace<T>, Range<usize>),
    ) -> Result<(), Error> {
        self.check(samples)?;
        let m = samples.len();
        let threads = Self::threads_for(self.step_work(m.min(CHUNK)), m);
        let weighted = samples.weights.is_some();
        let ws = Workspace::training(&self.layers, m, threads, keep_z)?.weighted(weighted)?;
        for start in (0..m).step_by(CHUNK) {
            if start > 0 && given_up() {
                return Ok(());
            }
            let chunk = start..(start + CHUNK).min(m);
            pool::run(threads, |worker| {
                self.rows(&ws, samples, &worker, chunk.len(), RowIndices::From(start), None);
            });
            if self.failures.any() {
                return Ok(());
            }
            see(&ws, chunk);
        }
        Ok(())
    }

    /// Phase A: this worker's share of `rows` rows, forward and back; in training with noise and
    /// dropout.
    #[inline]
    pub(crate) fn rows(
        &self,
        ws: &Workspace<T>,
        samples: &Samples<T>,
        worker: &Worker,
        rows: usize,
        indices: RowIndices,
        training: Option<&Training>,
    ) {
        let give_up = || training.is_some_and(|training| (training.give_up)(worker));
        let stop = || self.large && give_up(); // else a block takes no time
        let own = worker.share(rows);
        for block in own.blocks(ROW_BLOCK) {
            if give_up() {
                return;
            }
            self.isa.run(Gather {
                samples,
                ws,
                inputs: &ws.a[0],
                rows: &block,
                targets: &block,
                indices,
                end: own.range().end,
                failures: &self.failures,
            });
            let rng = training.map(|training| (training.rng, indices));
            if let Some(training) = training.filter(|training| training.noise > 0.0) {
                add_noise(ws, &block, indices, training.rng, training.noise);
            }
            self.forward_rows(ws, worker, &block, rng, &stop);
            if !matches!(samples.y, Targets::None) {
                self.backward_rows(ws, worker, &block, &stop);
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
            let tiles = self.tiles.share(&worker);
            let sink = GradientSink::Store(&sums.total);
            self.compute_gradient(ws, &ws.a[0], (rows, T::ONE), (tiles, None), sink);
            worker.wait();
            sums.merge(&worker, 0..self.layers.len(), c, chunks);
        });
    }

    #[inline]
    pub(crate) fn compute_gradient(
        &self,
        ws: &Workspace<T>,
        inputs: &Panels<T>,
        (rows, scale): (usize, T),
        (tiles, ahead): (&[Tile], Option<Prefetch<T>>),
        sink: GradientSink<T>,
    ) {
        let layers = &self.layers;
        self.isa.run(WeightGradient { layers, ws, inputs, rows, scale, tiles, sink, ahead });
    }

    /// Updates every parameter by a gradient that was kept, one worker's share of them.
    fn apply(&self, worker: &Worker, update: &Update<T>, gradient: &Gradient<T>) {
        for (l, layer) in self.layers.iter().enumerate() {
            let moments = &self.optimizer.moments[l];
            let (w, grad) = (&layer.w.values, &gradient.w[l].values);
            let share = worker.share(w.len());
            let penalty = Some(&layer.options.penalty);
            self.isa.run(Apply { update, w, grad, moments: &moments.w, penalty, share });
            let norm = layer.norm.iter().zip(&gradient.norm[l]).zip(&moments.norm);
            let biases = std::iter::once(((&layer.b, &gradient.b[l]), &moments.b));
            for ((w, grad), moments) in biases.chain(norm) {
                let share = worker.share(w.len());
                self.isa.run(Apply { update, w, grad, moments, penalty: None, share });
            }
        }
        worker.wait();
        for layer in &self.layers {
            layer.copy_back(worker);
        }
    }
}

/// Operations between two looks at the clock: some tens of microseconds.
const CHECK_WORK: usize = 500_000;

/// Operations between two questions whether to give a gradient up: some milliseconds.
const PIECE_WORK: usize = 200_000_000;

/// Time between two questions whether to give a training up.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// What a pass has in training alone.
pub(crate) struct Training<'a> {
    pub rng: RngContext<'a>,
    pub noise: f64,
    /// Whether a worker is to leave its rows.
    pub give_up: &'a (dyn Fn(&Worker) -> bool + Sync),
}

impl Settings<'_> {
    /// The samples of an epoch, `n` of which are at hand.
    fn rows_of_epoch(&self, n: usize) -> usize {
        self.window.map_or(n, |window| window.rows)
    }

    /// The samples whose order has to be held, `n` of which are at hand.
    fn length_of_order(&self, n: usize) -> usize {
        match self.orders {
            Some(orders) if self.window.is_some() => orders.len(),
            None if !self.shuffle => 0,
            _ => n,
        }
    }

    /// Whether a step is nothing but passes and an update.
    fn is_plain(&self) -> bool {
        self.clip_norm.is_none() && self.average.is_none() && self.input_noise == 0.0
    }

    /// What the random numbers of an epoch come from.
    pub(crate) fn rng(&self, epoch: u64) -> RngContext<'_> {
        let names = self.window.and_then(|window| window.names);
        RngContext { seed: self.seed, epoch, names }
    }

    /// The learning rate at a place.
    #[inline]
    pub(crate) fn rate(&self, at: &Position, steps: usize) -> f64 {
        if self.schedule.is_constant() {
            return self.learning_rate;
        }
        let epochs = at.epoch.saturating_sub(self.schedule_from) as f64;
        let x = epochs + at.step as f64 / steps as f64;
        self.learning_rate * self.schedule.factor(x, self.schedule_epochs as f64)
    }

    /// What updates number `clock.t` of this training uses, at a place.
    #[inline]
    pub(crate) fn update<T: Real>(
        &self,
        rule: Rule,
        clock: &Clock,
        at: &Position,
        steps: usize,
    ) -> Update<T> {
        let mut update = rule.at(clock, self.rate(at, steps));
        update.clip = self.clip_value.map(T::from_f64);
        update
    }
}

/// One call of `train`, as all of its workers see it.
pub(crate) struct Run<'a, T> {
    pub network: &'a Network<T>,
    samples: &'a Samples<'a, T>,
    pub settings: &'a Settings<'a>,
    ws: Workspace<T>,
    /// Whether the steps are those of [`crate::step::fused_small`].
    small: bool,
    /// Whether workers share panels: see [`crate::step::partition`].
    by_panels: bool,
    pub parts: ParameterNorms,
    /// Where gradients are kept that cannot be used as they come.
    pub sums: Option<GradientTree<T>>,
    order: RwLock<Order>,
    stop: AtomicBool,
    given_up: AtomicBool,
    started: Instant,
    /// How long orders took to draw, which one thread does whatever their number.
    drawing: Mutex<Duration>,
    /// The clock is looked at where the number of a step changes in a bit above these.
    check_mask: usize,
}

impl<'a, T: Real> Run<'a, T> {
    pub fn new(
        network: &'a Network<T>,
        samples: &'a Samples<'a, T>,
        settings: &'a Settings<'a>,
        ws: Workspace<T>,
        (parts, sums): (ParameterNorms, Option<GradientTree<T>>),
    ) -> Self {
        Self {
            network,
            samples,
            settings,
            small: ws.small && settings.is_plain() && network.custom_cost.is_none(),
            by_panels: false,
            parts,
            ws,
            sums,
            order: RwLock::new(Order::default()),
            stop: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            started: Instant::now(),
            drawing: Mutex::default(),
            check_mask: 0,
        }
    }
}

impl<T: Real> Run<'_, T> {
    /// What each worker does; all come to the same outcome.
    fn epochs(&self, worker: &Worker, start: Position) -> (Outcome, Clock) {
        let (_, size, steps) = self.epoch();
        let at_hand = self.settings.window.map_or(steps, |window| {
            (window.first_step + self.samples_of_window().div_ceil(size)).min(steps)
        });
        let plan = self.network.plan(worker, size, self.by_panels);
        let (mut costs, mut at) = (Vec::new(), start);
        let mut clock = self.network.optimizer.clock;
        let mut reason = Reason::Done;
        loop {
            let last = match at.epoch.cmp(&self.settings.stop_epoch) {
                std::cmp::Ordering::Less => steps,
                std::cmp::Ordering::Equal => self.settings.stop_step.min(steps),
                std::cmp::Ordering::Greater => 0,
            };
            let last = last.min(at_hand);
            if at.step >= last {
                break;
            }
            if self.stop.load(Relaxed) {
                reason = Reason::Time;
                break;
            }
            self.shuffle(worker, at.epoch);
            let order = self.order.read().unwrap();
            let shuffled = self.settings.shuffle || self.settings.orders.is_some();
            if shuffled && order.rows.is_empty() {
                reason = Reason::Interrupted; // what was given is no order
                break;
            }
            let order = if shuffled { &order.rows[..] } else { &[] };
            let done = if self.small {
                self.small_steps(worker, order, last, &mut clock, &mut at)
            } else {
                self.steps(worker, order, (&plan, last), &mut clock, &mut at)
            };
            if at.step >= steps {
                costs.push(at.cost());
                at = Position { epoch: at.epoch + 1, step: 0, ..at };
            }
            if let Err(early) = done {
                reason = early;
                break;
            }
            if self.settings.window.is_some() {
                break;
            }
        }
        (Outcome { costs, end: at, reason }, clock)
    }

    /// The samples, the size of a batch and the steps of an epoch.
    #[inline]
    fn epoch(&self) -> (usize, usize, usize) {
        let n = self.settings.rows_of_epoch(self.samples.len());
        let size = self.settings.batch_size.min(n);
        (n, size, n.div_ceil(size))
    }

    /// Those that are at hand, or that an order has chosen among them.
    fn samples_of_window(&self) -> usize {
        visited(self.settings.orders.unwrap_or_default(), self.samples.len())
    }

    /// Worker 0 draws the order of an epoch while the others wait.
    fn shuffle(&self, worker: &Worker, epoch: u64) {
        let (settings, n) = (self.settings, self.samples.len());
        if !settings.shuffle && settings.orders.is_none() {
            return;
        }
        if worker.index == 0 {
            let (mut order, since) = (self.order.write().unwrap(), Instant::now());
            let taken = match settings.orders {
                Some(orders) if settings.window.is_some() => order.take(Some(orders), n),
                Some(orders) => order.take(order_of(orders, n, epoch, settings.orders_from), n),
                None => {
                    order.draw(n, settings.seed, epoch);
                    Ok(())
                }
            };
            taken.unwrap_or_else(|error| self.network.failures.record(error));
            *self.drawing.lock().unwrap() += since.elapsed();
        }
        worker.wait();
    }

    /// The steps of an epoch up to number `last`, or until something else ends them.
    fn steps(
        &self,
        worker: &Worker,
        order: &[u32],
        (plan, last): (&WorkPlan, usize),
        clock: &mut Clock,
        at: &mut Position,
    ) -> Result<(), Reason> {
        let (_, size, steps) = self.epoch();
        let rule = self.network.optimizer.rule;
        while at.step < last {
            let first = self.settings.first_row(at.step, size);
            let batch = first..first.saturating_add(size).min(visited(order, self.samples.len()));
            let mut next = *clock;
            next.tick(rule);
            let update = self.settings.update(rule, &next, at, steps);
            at.add(self.step(worker, order, batch, plan, (update, at.epoch))?);
            *clock = next;
            self.look_at_the_clock(worker, at, at.step + 1, steps);
            worker.wait();
            at.step += 1;
            if self.stop.load(Relaxed) {
                return if at.step < last { Err(Reason::Time) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// The steps of a small network, as [`Self::steps`].
    fn small_steps(
        &self,
        worker: &Worker,
        order: &[u32],
        last: usize,
        clock: &mut Clock,
        at: &mut Position,
    ) -> Result<(), Reason> {
        let ((n, size, steps), network) = (self.epoch(), self.network);
        while at.step < last {
            let next = last.min((at.step | self.check_mask) + 1);
            let before = *at;
            network.isa.run(FusedSteps {
                layers: &network.layers,
                cost: network.cost,
                samples: self.samples,
                order,
                batch: worker.share(size),
                rest: worker.share(n - (steps - 1) * size),
                ws: &self.ws,
                optimizer: &network.optimizer,
                settings: self.settings,
                steps,
                clock,
                at,
                last: next,
                failures: &network.failures,
            });
            if network.failures.any() {
                return Err(Reason::Interrupted);
            }
            if at.step < next {
                return Err(Reason::NonFinite);
            }
            self.look_at_the_clock(worker, &before, next, steps);
            if self.stop.load(Relaxed) {
                return if at.step < last { Err(Reason::Time) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// One step; the sums over its samples, or why it was not made.
    #[inline]
    fn step(
        &self,
        worker: &Worker,
        order: &[u32],
        batch: Range<usize>,
        plan: &WorkPlan,
        (update, epoch): (Update<T>, u64),
    ) -> Result<Sum, Reason> {
        if self.settings.penalty_in_cost > 0.0 {
            self.parts.sum_penalties(worker, &self.network.layers);
        }
        let sum = match &self.sums {
            Some(sums) => self.gather_gradient(worker, order, (&batch, epoch), plan, sums)?,
            None => self.chunk(worker, order, &batch, (epoch, plan))?,
        };
        let ahead = self.ahead(worker, order, &batch);
        self.update(worker, &sum, batch.len(), (&plan.tiles, Some(ahead)), update)
    }

    /// What a worker will gather first of the batch after this one.
    #[inline]
    fn ahead<'b>(
        &'b self,
        worker: &Worker,
        order: &'b [u32],
        batch: &Range<usize>,
    ) -> Prefetch<'b, T> {
        let (next, n_out) = (batch.end..batch.end + batch.len(), self.ws.y.n);
        let rows = if self.by_panels { 0..next.len() } else { worker.share(next.len()).range() };
        Prefetch::new(self.samples, batch_indices(order, &next), rows, n_out)
    }

    /// The update of a step of `rows` samples from their sums; these with penalties in the costs, if
    /// it was made.
    #[inline]
    pub fn update(
        &self,
        worker: &Worker,
        sum: &Sum,
        rows: usize,
        tiles: (&[Tile], Option<Prefetch<T>>),
        mut update: Update<T>,
    ) -> Result<Sum, Reason> {
        let Sum { mut cost, mut weight } = *sum;
        let scale = if sum.weight == 0.0 { 0.0 } else { 1.0 / sum.weight };
        if self.settings.penalty_per_sample {
            update.scale = T::from_f64(scale);
        }
        if self.settings.penalty_in_cost > 0.0 {
            let times = weight * update.scale.to_f64() * self.settings.penalty_in_cost;
            cost += times * self.parts.penalty(&self.network.layers);
        }
        if self.settings.check_finite && !cost.is_finite() {
            return Err(Reason::NonFinite);
        }
        if self.settings.batches_by_rows && weight != rows as f64 {
            (cost, weight) = (cost * scale * rows as f64, rows as f64);
        }
        let scale = T::from_f64(scale);
        match &self.sums {
            Some(sums) => self.use_gradient(worker, &update, sums, scale),
            None => self.update_at_once(worker, &update, (rows, scale), tiles)?,
        }
        self.finish(worker);
        Ok(Sum { cost, weight })
    }

    /// The update of each tile as its gradient comes; where that takes long it may be given up.
    #[inline]
    fn update_at_once(
        &self,
        worker: &Worker,
        update: &Update<T>,
        (rows, scale): (usize, T),
        (tiles, ahead): (&[Tile], Option<Prefetch<T>>),
    ) -> Result<(), Reason> {
        let (network, rollback) = (self.network, self.ws.rollback.as_ref());
        let moments = &network.optimizer.moments[..];
        let sink = GradientSink::Update { update, moments, rollback };
        let Some(rollback) = rollback else {
            network.compute_gradient(
                &self.ws,
                self.inputs(worker),
                (rows, scale),
                (tiles, ahead),
                sink,
            );
            return Ok(());
        };
        let done = self.compute_gradient_in_pieces(worker, rows, scale, tiles, sink);
        worker.wait();
        if self.given_up.load(Relaxed) {
            rollback.restore(&network.layers, moments, &tiles[..done]);
            return Err(Reason::Interrupted);
        }
        Ok(())
    }

    /// Phase B a piece at a time, until it is given up; how many tiles are done.
    #[inline]
    fn compute_gradient_in_pieces(
        &self,
        worker: &Worker,
        rows: usize,
        scale: T,
        tiles: &[Tile],
        sink: GradientSink<T>,
    ) -> usize {
        let piece = (PIECE_WORK / (2 * T::LINE * T::LINE * rows)).max(1);
        let (inputs, mut done) = (self.inputs(worker), 0);
        while done < tiles.len() && !(done > 0 && self.give_up(worker)) {
            let end = (done + piece).min(tiles.len());
            let tiles = (&tiles[done..end], None);
            self.network.compute_gradient(&self.ws, inputs, (rows, scale), tiles, sink);
            done = end;
        }
        done
    }

    /// a of layer 0, as a worker sees it.
    #[inline(always)]
    fn inputs(&self, worker: &Worker) -> &Panels<T> {
        self.ws.inputs(worker, self.by_panels)
    }

    /// Phase A and a barrier; the sums of costs and weights.
    #[inline]
    fn chunk(
        &self,
        worker: &Worker,
        order: &[u32],
        chunk: &Range<usize>,
        (epoch, plan): (u64, &WorkPlan),
    ) -> Result<Sum, Reason> {
        let rows = chunk.len();
        let training = Training {
            rng: self.settings.rng(epoch),
            noise: self.settings.input_noise,
            give_up: &|worker| self.give_up(worker),
        };
        let indices = batch_indices(order, chunk);
        if self.by_panels {
            self.give_up(worker); // all see it after the last of their meetings
            self.network.panel_rows(&self.ws, self.samples, (worker, plan), rows, indices);
        } else {
            self.network.rows(&self.ws, self.samples, worker, rows, indices, Some(&training));
        }
        worker.wait();
        if self.given_up.load(Relaxed) || self.network.failures.any() {
            return Err(Reason::Interrupted);
        }
        let cost = tree_sum(&self.ws.costs.as_slice()[..rows]);
        let weights = self.ws.weights.as_ref();
        let weight = weights.map_or(rows as f64, |weights| tree_sum(&weights.as_slice()[..rows]));
        Ok(Sum { cost, weight })
    }

    /// Worker 0 asks now and then whether to give up; the others see what it has heard.
    fn give_up(&self, worker: &Worker) -> bool {
        let Some(interrupted) = self.settings.interrupted else { return false };
        if worker.index == 0
            && self.parts.is_time(self.started.elapsed(), ASK_EVERY)
            && interrupted()
        {
            self.given_up.store(true, Relaxed);
        }
        self.given_up.load(Relaxed)
    }

    /// Worker 0 decides for all, between two barriers, whether the time is spent.
    ///
    /// It looks where the steps from `before` to number `next` of its epoch, counted over all
    /// epochs of `steps`, go past a multiple: an epoch may have less steps than that.
    #[inline]
    fn look_at_the_clock(&self, worker: &Worker, before: &Position, next: usize, steps: usize) {
        let earlier = (before.epoch as usize).wrapping_mul(steps);
        let passed = earlier.wrapping_add(before.step) ^ earlier.wrapping_add(next);
        if worker.index == 0
            && passed > self.check_mask
            && self.started.elapsed() >= self.settings.budget
        {
            self.stop.store(true, Relaxed);
        }
    }
}

/// The order of an epoch among those of whole epochs of `n` samples, the first for epoch `from`.
fn order_of(orders: &[u32], n: usize, epoch: u64, from: u64) -> Option<&[u32]> {
    let first = usize::try_from(epoch.checked_sub(from)?).ok()?.checked_mul(n)?;
    orders.get(first..first.checked_add(n)?)
}

/// Sums over the samples of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sum {
    pub cost: f64,
    pub weight: f64,
}

impl<T: Real> Run<'_, T> {
    /// The gradient of a batch, chunk after chunk, as a sum in `sums`.
    fn gather_gradient(
        &self,
        worker: &Worker,
        order: &[u32],
        (batch, epoch): (&Range<usize>, u64),
        plan: &WorkPlan,
        sums: &GradientTree<T>,
    ) -> Result<Sum, Reason> {
        let chunks = batch.len().div_ceil(CHUNK);
        let (mut costs, mut weights) = (Tree::new(), Tree::new());
        for c in 0..chunks {
            let start = batch.start + c * CHUNK;
            let chunk = start..(start + CHUNK).min(batch.end);
            let sum = self.chunk(worker, order, &chunk, (epoch, plan))?;
            costs.push(sum.cost);
            weights.push(sum.weight);
            let sink = GradientSink::Store(&sums.total);
            self.compute_gradient_in_pieces(worker, chunk.len(), T::ONE, &plan.tiles, sink);
            worker.wait();
            if self.given_up.load(Relaxed) {
                return Err(Reason::Interrupted);
            }
            sums.merge(worker, 0..self.network.layers.len(), c, chunks);
            worker.wait();
        }
        Ok(Sum { cost: costs.total(), weight: weights.total() })
    }

    /// Averages, clips and applies the gradient in `sums`.
    fn use_gradient(&self, worker: &Worker, update: &Update<T>, sums: &GradientTree<T>, scale: T) {
        sums.scale(worker, scale);
        worker.wait();
        if let Some(most) = self.settings.clip_norm {
            self.parts.sum_squares(worker, sums.total.buffers());
            worker.wait();
            let norm = self.parts.norm();
            if norm > most {
                sums.scale(worker, T::from_f64(most / norm));
            }
            worker.wait();
        }
        self.network.apply(worker, update, &sums.total);
    }

    /// What comes after an update: limits of norms, and the average of the parameters.
    fn finish(&self, worker: &Worker) {
        let layers = &self.network.layers;
        let limited = layers.iter().any(|layer| layer.options.max_norm > 0.0);
        if !limited && self.settings.average.is_none() {
            return;
        }
        worker.wait();
        if limited {
            layers.iter().for_each(|layer| layer.limit_norms(worker));
            worker.wait();
            layers.iter().for_each(|layer| layer.copy_back(worker));
        }
        if let (Some(decay), Some(averaged)) = (self.settings.average, &self.network.averaged) {
            averaged.follow(worker, layers, T::from_f64(decay));
        }
    }
}

#[cfg(all(test, not(mutants)))] // which need not wait for these either
mod tests;
