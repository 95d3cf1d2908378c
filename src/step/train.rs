//! Training: choice of threads and buffers for a run of epochs.
//!
//! A step on a batch of m rows:
//!
//! - phase A, by rows: each worker takes its rows through all layers, forward and backward;
//! - a barrier;
//! - phase B, by tiles of weights: each worker sums its tiles of ∂C/∂W over the whole batch and
//!   updates those weights immediately;
//! - a barrier.
//!
//! The division among workers does not influence any number.

use std::sync::{Mutex, RwLock};
use std::time::Duration;

use crate::error::Error;
use crate::machine::autotune::TIMED_WORK;
use crate::machine::clock::Instant;
use crate::machine::interrupt::is_interrupted;
use crate::machine::pool;
use crate::machine::real::Real;
use crate::network::network::Network;
use crate::network::pairwise::GradientTree;
use crate::network::parameters::{Gradient, SavedParameters};
use crate::network::samples::Samples;
use crate::network::workspace::{CHUNK, Workspace};
use crate::step::fused_small;
use crate::step::parameter_norms::ParameterNorms;
use crate::step::partition;
use crate::step::rollback::{LONG_UPDATE, Rollback};
use crate::step::run::Run;
use crate::step::settings::{Outcome, Position, Reason, Settings};

impl<T: Real> Network<T> {
    /// Make one update on all samples as one batch; return C before it.
    pub fn step(&mut self, samples: &Samples<T>, learning_rate: f64) -> Result<f64, Error> {
        let interrupted = Some(&is_interrupted as &(dyn Fn() -> bool + Sync));
        let settings = Settings { interrupted, ..Settings::new(samples.len(), learning_rate) };
        let outcome = self.train(samples, &settings, Position::default())?;
        Ok(outcome.costs.first().copied().unwrap_or(f64::NAN))
    }

    /// Train from `start` on.
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
        let timed = TIMED_WORK.contains(&work) && (by_panels || !partition::is_few(batch));
        let shared = by_panels || timed && !fused_small::supports(&self.layers, batch);
        let threads = if shared { all } else { Self::threads_for(work, batch) };
        if threads == 1 || !timed {
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
                // The finished part is kept; the next call raises the error at its start.
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

    /// [`Self::train`] on this many threads; also return the time of its steps.
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
        let mut ws = self.training_workspace(batch, threads, weighted)?;
        let stored = batch > CHUNK || settings.clip_norm.is_some();
        let undone = settings.interrupted.is_some() && !stored;
        let work = (self.forward_work() as u64).saturating_mul(batch as u64);
        let saved = self.saved.take();
        let rollback = if undone && work > LONG_UPDATE {
            let new = || SavedParameters::new(&self.layers, &self.optimizer.moments);
            Some(Rollback { saved: saved.map_or_else(new, Ok)? })
        } else {
            None
        };
        let tree = || GradientTree::new(&self.layers, batch.div_ceil(CHUNK));
        let sums = stored.then(tree).transpose()?;
        let by_panels = by_panels && threads > 1;
        if by_panels {
            ws.make_copies()?;
        }
        let norms = ParameterNorms::new(&self.layers)?;
        self.order.reserve(settings.length_of_order(samples.len()))?;
        self.prepare_average(settings)?;
        let order = std::mem::take(&mut self.order);
        let mut run = Run::new(self, samples, settings, ws, norms, sums);
        run.fused = threads == 1
            && !weighted
            && settings.is_plain()
            && self.custom_cost.is_none()
            && self.layers.iter().all(|layer| layer.options.dropout == 0.0)
            && fused_small::supports(&self.layers, batch);
        run.rollback = rollback;
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
        let Run { ws, order, rollback, .. } = run;
        self.training = Some(ws);
        self.saved = rollback.map(|rollback| rollback.saved);
        if outcome.end.step > 0 {
            self.order = order.into_inner().unwrap(); // an unfinished epoch needs it again
        }
        self.optimizer.clock = clock;
        Ok((outcome, spent))
    }

    /// Return the buffers of the last training if they fit, and new ones otherwise.
    pub(crate) fn training_workspace(
        &mut self,
        rows: usize,
        threads: usize,
        weighted: bool,
    ) -> Result<Workspace<T>, Error> {
        match self.training.take() {
            Some(ws) if ws.fits(rows, threads, weighted) => Ok(ws),
            _ => Workspace::training(&self.layers, rows, threads, false)?
                .weighted(weighted)?
                .with_masks(&self.layers),
        }
    }

    /// Allocate the average of the parameters, or drop that of an earlier training, which no longer
    /// follows the parameters.
    pub(crate) fn prepare_average(&mut self, settings: &Settings) -> Result<(), Error> {
        if settings.average.is_none() {
            self.averaged = None;
        } else if self.averaged.is_none() {
            self.averaged = Some(Gradient::of_parameters(&self.layers)?);
        }
        Ok(())
    }

    /// Return the mask that decides when to read the clock: after every step if steps are long or
    /// there is no time.
    fn check_mask(&self, batch: usize, budget: Duration) -> usize {
        if budget.is_zero() {
            return 0;
        }
        (CHECK_WORK / self.step_work(batch).max(1)).clamp(1, 256).next_power_of_two() - 1
    }
}

/// Operations between two reads of the clock: some tens of microseconds.
const CHECK_WORK: usize = 500_000;

#[cfg(all(test, not(mutants)))] // mutants need not wait for these either
mod tests;
