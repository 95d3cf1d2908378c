//! One call of `train`: the epochs and steps of its workers.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use crate::machine::clock::Instant;
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::network::Network;
use crate::network::pairwise::{GradientTree, Tree, tree_sum};
use crate::network::pass::Training;
use crate::network::samples::{Order, Prefetch, RngContext, Samples, batch_indices, visited};
use crate::network::tiles::Tile;
use crate::network::workspace::{CHUNK, Workspace};
use crate::step::fused_single::SingleSteps;
use crate::step::fused_small::FusedSteps;
use crate::step::gradient::{GradientSink, WeightGradient};
use crate::step::groups::Updates;
use crate::step::parameter_norms::ParameterNorms;
use crate::step::partition::WorkPlan;
use crate::step::rollback::Rollback;
use crate::step::settings::{Outcome, Position, Reason, Settings, Sum};
use crate::tables::optimizer::Clock;

/// Operations between two questions whether to stop a gradient: some milliseconds.
const PIECE_WORK: usize = 200_000_000;

/// Time between two questions whether to stop a training.
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(10);

/// One call of `train`, shared by all of its workers.
pub(crate) struct Run<'a, T> {
    pub network: &'a Network<T>,
    samples: &'a Samples<'a, T>,
    pub settings: &'a Settings<'a>,
    pub ws: Workspace<T>,
    /// True if the steps are those of [`crate::step::fused_small`].
    pub fused: bool,
    /// The values that a long update replaces.
    pub rollback: Option<Rollback<T>>,
    /// True if workers share panels: see [`crate::step::partition`].
    pub by_panels: bool,
    pub norms: ParameterNorms,
    /// The sum of the gradients, if they cannot be applied immediately.
    pub sums: Option<GradientTree<T>>,
    pub order: RwLock<Order>,
    stop: AtomicBool,
    /// True if phase A was interrupted: all workers read it after the barrier that ends the phase.
    pub pass_interrupted: AtomicBool,
    /// The same for phase B. One flag for both would be wrong: worker 0 may set it in phase B while
    /// another worker has not yet read the answer of phase A, and would leave the others waiting.
    pub update_interrupted: AtomicBool,
    pub started: Instant,
    /// Milliseconds from the start to the last question whether to stop.
    asked: AtomicU64,
    /// The time for drawing orders, which one thread does for all.
    pub drawing: Mutex<Duration>,
    /// The clock is read if the number of a step changes in a bit above these.
    pub check_mask: usize,
}

impl<'a, T: Real> Run<'a, T> {
    pub fn new(
        network: &'a Network<T>,
        samples: &'a Samples<'a, T>,
        settings: &'a Settings<'a>,
        ws: Workspace<T>,
        norms: ParameterNorms,
        sums: Option<GradientTree<T>>,
    ) -> Self {
        Self {
            network,
            samples,
            settings,
            fused: false,
            rollback: None,
            by_panels: false,
            norms,
            ws,
            sums,
            order: RwLock::new(Order::default()),
            stop: AtomicBool::new(false),
            pass_interrupted: AtomicBool::new(false),
            update_interrupted: AtomicBool::new(false),
            started: Instant::now(),
            asked: AtomicU64::new(0),
            drawing: Mutex::default(),
            check_mask: 0,
        }
    }
}

impl<T: Real> Run<'_, T> {
    /// Run all epochs of one worker; all workers return the same outcome.
    pub fn epochs(&self, worker: &Worker, start: Position) -> (Outcome, Clock) {
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
                Ordering::Less => steps,
                Ordering::Equal => self.settings.stop_step.min(steps),
                Ordering::Greater => 0,
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
                reason = Reason::Interrupted; // the given order is invalid
                break;
            }
            let order = if shuffled { &order.rows[..] } else { &[] };
            let done = if self.fused {
                self.fused_steps(worker, order, last, &mut clock, &mut at)
            } else {
                self.steps(worker, order, &plan, last, &mut clock, &mut at)
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

    /// Return the number of samples, the size of a batch and the steps of an epoch.
    #[inline]
    fn epoch(&self) -> (usize, usize, usize) {
        let n = self.settings.rows_of_epoch(self.samples.len());
        let size = self.settings.batch_size.min(n);
        (n, size, n.div_ceil(size))
    }

    /// Return the number of samples of the window, or of those that an order has chosen.
    fn samples_of_window(&self) -> usize {
        visited(self.settings.orders.unwrap_or_default(), self.samples.len())
    }

    /// Draw the order of an epoch on worker 0 while the others wait.
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

    /// Run the steps of an epoch up to number `last`, or until something else ends them.
    fn steps(
        &self,
        worker: &Worker,
        order: &[u32],
        plan: &WorkPlan,
        last: usize,
        clock: &mut Clock,
        at: &mut Position,
    ) -> Result<(), Reason> {
        let (_, size, steps) = self.epoch();
        let rule = self.network.optimizer.rule;
        let mut reused = None;
        while at.step < last {
            let first = self.settings.first_row(at.step, size);
            let batch = first..first.saturating_add(size).min(visited(order, self.samples.len()));
            let mut next = *clock;
            next.tick(rule);
            let mut updates = self.settings.updates(rule, &next, at, steps, reused);
            let rng = self.settings.rng(at, steps);
            at.add(self.step(worker, order, batch, plan, &mut updates, rng)?);
            reused = Some(updates);
            *clock = next;
            self.check_budget(worker, at, at.step + 1, steps);
            worker.wait();
            at.step += 1;
            if self.stop.load(Relaxed) {
                return if at.step < last { Err(Reason::Time) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// Run the fused steps of a small network, like [`Self::steps`].
    fn fused_steps(
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
            let fused = FusedSteps {
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
            };
            match fused.single_width() {
                Some(width) => network.isa.run_narrow(SingleSteps { steps: fused, width }),
                None => network.isa.run_narrow(fused),
            }
            if network.failures.any() {
                return Err(Reason::Interrupted);
            }
            if at.step < next {
                return Err(Reason::NonFinite);
            }
            self.check_budget(worker, &before, next, steps);
            if self.stop.load(Relaxed) {
                return if at.step < last { Err(Reason::Time) } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// Run one step; return the sums over its samples, or the reason why it was not made.
    #[inline]
    fn step(
        &self,
        worker: &Worker,
        order: &[u32],
        batch: Range<usize>,
        plan: &WorkPlan,
        updates: &mut Updates<T>,
        rng: RngContext,
    ) -> Result<Sum, Reason> {
        if self.settings.penalty_in_cost > 0.0 {
            self.norms.sum_penalties(worker, &self.network.layers);
        }
        let sum = match &self.sums {
            Some(sums) => self.batch_gradient(worker, order, &batch, rng, plan, sums)?,
            None => self.chunk(worker, order, &batch, rng, plan)?,
        };
        let prefetch = self.prefetch(worker, order, &batch);
        self.update(worker, &sum, batch.len(), &plan.tiles, Some(prefetch), updates)
    }

    /// Return the samples that a worker will gather first for the next batch.
    #[inline]
    fn prefetch<'b>(
        &'b self,
        worker: &Worker,
        order: &'b [u32],
        batch: &Range<usize>,
    ) -> Prefetch<'b, T> {
        let (next, n_out) = (batch.end..batch.end + batch.len(), self.ws.y.n);
        let rows = if self.by_panels { 0..next.len() } else { worker.share(next.len()).range() };
        Prefetch::new(self.samples, batch_indices(order, &next), rows, n_out)
    }

    /// Update by the sums of a step of `rows` samples; return the sums, including penalties in the
    /// costs, if the update was made.
    #[inline]
    pub fn update(
        &self,
        worker: &Worker,
        sum: &Sum,
        rows: usize,
        tiles: &[Tile],
        prefetch: Option<Prefetch<T>>,
        updates: &mut Updates<T>,
    ) -> Result<Sum, Reason> {
        let Sum { mut cost, mut weight } = *sum;
        let scale = if sum.weight == 0.0 { 0.0 } else { 1.0 / sum.weight };
        if self.settings.penalty_per_sample {
            updates.set_scale(T::from_f64(scale));
        }
        if self.settings.penalty_in_cost > 0.0 {
            let times = weight * updates.all.scale.to_f64() * self.settings.penalty_in_cost;
            cost += times * self.norms.penalty(&self.network.layers);
        }
        if self.settings.check_finite && !cost.is_finite() {
            return Err(Reason::NonFinite);
        }
        if self.settings.batches_by_rows && weight != rows as f64 {
            (cost, weight) = (cost * scale * rows as f64, rows as f64);
        }
        let scale = T::from_f64(scale);
        match &self.sums {
            Some(sums) => self.apply_summed_gradient(worker, updates, sums, scale),
            None => self.update_at_once(worker, updates, rows, scale, tiles, prefetch)?,
        }
        self.finish(worker);
        Ok(Sum { cost, weight })
    }

    /// Update each tile as soon as its gradient is computed; a long update can be interrupted.
    #[inline]
    fn update_at_once(
        &self,
        worker: &Worker,
        updates: &Updates<T>,
        rows: usize,
        scale: T,
        tiles: &[Tile],
        prefetch: Option<Prefetch<T>>,
    ) -> Result<(), Reason> {
        let (network, rollback) = (self.network, self.rollback.as_ref());
        let moments = &network.optimizer.moments[..];
        let sink = GradientSink::Update { updates, moments, rollback };
        let Some(rollback) = rollback else {
            self.compute_gradient(worker, rows, scale, tiles, sink, prefetch);
            return Ok(());
        };
        let done = self.compute_gradient_in_pieces(worker, rows, scale, tiles, sink);
        worker.wait();
        if self.update_interrupted.load(Relaxed) {
            rollback.restore(&network.layers, moments, &tiles[..done]);
            return Err(Reason::Interrupted);
        }
        Ok(())
    }

    /// Run phase B piece by piece until interrupted; return the number of finished tiles.
    #[inline]
    pub fn compute_gradient_in_pieces(
        &self,
        worker: &Worker,
        rows: usize,
        scale: T,
        tiles: &[Tile],
        sink: GradientSink<T>,
    ) -> usize {
        let piece = (PIECE_WORK / (2 * T::LINE * T::LINE * rows)).max(1);
        let mut done = 0;
        while done < tiles.len()
            && !(done > 0 && self.should_stop(worker, &self.update_interrupted))
        {
            let end = (done + piece).min(tiles.len());
            self.compute_gradient(worker, rows, scale, &tiles[done..end], sink, None);
            done = end;
        }
        done
    }

    /// Run phase B for some tiles.
    #[inline]
    fn compute_gradient(
        &self,
        worker: &Worker,
        rows: usize,
        scale: T,
        tiles: &[Tile],
        sink: GradientSink<T>,
        prefetch: Option<Prefetch<T>>,
    ) {
        self.network.isa.run(WeightGradient {
            layers: &self.network.layers,
            ws: &self.ws,
            inputs: self.ws.inputs(worker, self.by_panels),
            rows,
            scale,
            tiles,
            sink,
            prefetch,
        });
    }

    /// Run phase A and a barrier; return the sums of costs and weights.
    #[inline]
    fn chunk(
        &self,
        worker: &Worker,
        order: &[u32],
        chunk: &Range<usize>,
        rng: RngContext,
        plan: &WorkPlan,
    ) -> Result<Sum, Reason> {
        let rows = chunk.len();
        let training = Training {
            rng,
            noise: self.settings.input_noise,
            should_stop: &|worker| self.should_stop(worker, &self.pass_interrupted),
        };
        let indices = batch_indices(order, chunk);
        if self.by_panels {
            self.should_stop(worker, &self.pass_interrupted); // all read the answer after their last barrier
            self.network.panel_rows(&self.ws, self.samples, worker, plan, rows, indices);
        } else {
            self.network.rows(&self.ws, self.samples, worker, rows, indices, Some(&training));
        }
        worker.wait();
        if self.pass_interrupted.load(Relaxed) || self.network.failures.any() {
            return Err(Reason::Interrupted);
        }
        let cost = tree_sum(&self.ws.costs.as_slice()[..rows]);
        let weights = self.ws.weights.as_ref();
        let weight = weights.map_or(rows as f64, |weights| tree_sum(&weights.as_slice()[..rows]));
        Ok(Sum { cost, weight })
    }

    /// Ask now and then whether to stop, on worker 0; the others read its answer in `flag`.
    fn should_stop(&self, worker: &Worker, flag: &AtomicBool) -> bool {
        let Some(interrupted) = self.settings.interrupted else { return false };
        if worker.index == 0 && self.is_time_to_ask() && interrupted() {
            flag.store(true, Relaxed);
        }
        flag.load(Relaxed)
    }

    /// Return true if [`ASK_EVERY`] has passed since the last question, and record the time.
    fn is_time_to_ask(&self) -> bool {
        let (now, every) =
            (self.started.elapsed().as_millis() as u64, ASK_EVERY.as_millis() as u64);
        let due = now >= self.asked.load(Relaxed) + every;
        if due {
            self.asked.store(now, Relaxed);
        }
        due
    }

    /// Decide on worker 0, between two barriers, whether the time is up.
    ///
    /// It reads the clock if the steps from `before` to number `next` of its epoch, counted over
    /// all epochs of `steps`, pass a multiple: an epoch may have fewer steps than that.
    #[inline]
    fn check_budget(&self, worker: &Worker, before: &Position, next: usize, steps: usize) {
        let earlier = (before.epoch as usize).wrapping_mul(steps);
        let passed = earlier.wrapping_add(before.step) ^ earlier.wrapping_add(next);
        if worker.index == 0
            && passed > self.check_mask
            && self.started.elapsed() >= self.settings.budget
        {
            self.stop.store(true, Relaxed);
        }
    }

    /// Compute the gradient of a batch, chunk by chunk, as a sum in `sums`.
    fn batch_gradient(
        &self,
        worker: &Worker,
        order: &[u32],
        batch: &Range<usize>,
        rng: RngContext,
        plan: &WorkPlan,
        sums: &GradientTree<T>,
    ) -> Result<Sum, Reason> {
        let chunks = batch.len().div_ceil(CHUNK);
        let (mut costs, mut weights) = (Tree::new(), Tree::new());
        for c in 0..chunks {
            let start = batch.start + c * CHUNK;
            let chunk = start..(start + CHUNK).min(batch.end);
            let sum = self.chunk(worker, order, &chunk, rng, plan)?;
            costs.push(sum.cost);
            weights.push(sum.weight);
            let sink = GradientSink::Store(&sums.total);
            self.compute_gradient_in_pieces(worker, chunk.len(), T::ONE, &plan.tiles, sink);
            worker.wait();
            if self.update_interrupted.load(Relaxed) {
                return Err(Reason::Interrupted);
            }
            sums.merge(worker, 0..self.network.layers.len(), c, chunks);
            worker.wait();
        }
        Ok(Sum { cost: costs.total(), weight: weights.total() })
    }

    /// Average, clip and apply the gradient in `sums`.
    fn apply_summed_gradient(
        &self,
        worker: &Worker,
        updates: &Updates<T>,
        sums: &GradientTree<T>,
        scale: T,
    ) {
        sums.scale(worker, scale);
        worker.wait();
        if let Some(max_norm) = self.settings.clip_norm {
            self.norms.sum_squares(worker, sums.total.buffers());
            worker.wait();
            let norm = self.norms.norm();
            if norm > max_norm {
                sums.scale(worker, T::from_f64(max_norm / norm));
            }
            worker.wait();
        }
        self.network.apply(worker, updates, &sums.total);
    }

    /// Finish an update: limit norms, and update the average of the parameters.
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
            averaged.update_average(worker, layers, T::from_f64(decay));
        }
    }
}

/// Return the order of one epoch from those of whole epochs of `n` samples, the first for epoch
/// `from`.
fn order_of(orders: &[u32], n: usize, epoch: u64, from: u64) -> Option<&[u32]> {
    let first = usize::try_from(epoch.checked_sub(from)?).ok()?.checked_mul(n)?;
    orders.get(first..first.checked_add(n)?)
}
