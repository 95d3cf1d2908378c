//! The settings of a training, and the positions and results that it reports.

use std::time::Duration;

use crate::machine::real::Real;
use crate::network::samples::RngContext;
use crate::step::groups::{LayerFactors, Updates};
use crate::tables::optimizer::{Clock, Factors, Rule, Update};
use crate::tables::schedule::Schedule;

/// The settings of a training.
#[derive(Clone)]
pub struct Settings<'a> {
    pub batch_size: usize,
    pub learning_rate: f64,
    /// The factor of the learning rate, from epoch `schedule_from` on.
    pub schedule: Schedule,
    pub schedule_from: u64,
    /// The epochs of the whole training, for schedules that end with it.
    pub schedule_epochs: u64,
    /// The factors of the dropout, at most 1, and of the decay, from epoch `schedule_from` on.
    pub dropout_schedule: Schedule,
    pub decay_schedule: Schedule,
    /// The factors of the groups of parameters, layer by layer.
    pub factors: Option<&'a [LayerFactors]>,
    pub shuffle: bool,
    pub seed: u64,
    /// Orders of whole epochs that were drawn elsewhere, the first for epoch `orders_from`; with a
    /// window, the order of its epoch alone, which may omit samples.
    pub orders: Option<&'a [u32]>,
    pub orders_from: u64,
    /// The epoch to stop before, except for its first `stop_step` steps.
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
    /// True if a batch whose cost is not finite ends the training.
    pub check_finite: bool,
    /// True if penalties are divided by the number (or the weight) of the samples of a batch.
    pub penalty_per_sample: bool,
    /// The factor of the penalties of the weights before an update in the cost of its batch; 0
    /// excludes them.
    pub penalty_in_cost: f64,
    /// True if the cost of an epoch weights its batches by their rows, as scikit-learn does,
    /// instead of by the weights of their samples.
    pub batches_by_rows: bool,
    /// The part of an epoch that the samples are, if not the whole.
    pub window: Option<Window<'a>>,
    /// Asked now and then whether to stop the training.
    pub interrupted: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Settings<'_> {
    /// Return settings for one epoch of plain batches, in the order of the samples.
    pub fn new(batch_size: usize, learning_rate: f64) -> Self {
        Self {
            batch_size,
            learning_rate,
            schedule: Schedule::constant(),
            schedule_from: 0,
            schedule_epochs: 1,
            dropout_schedule: Schedule::constant(),
            decay_schedule: Schedule::constant(),
            factors: None,
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

    /// Return the first sample of a step.
    #[inline]
    pub(crate) fn first_row(&self, step: usize, size: usize) -> usize {
        (step - self.window.map_or(0, |window| window.first_step)) * size
    }

    /// Return the samples of an epoch; `n` are available.
    pub(crate) fn rows_of_epoch(&self, n: usize) -> usize {
        self.window.map_or(n, |window| window.rows)
    }

    /// Return the samples whose order is kept in memory; `n` are available.
    pub(crate) fn length_of_order(&self, n: usize) -> usize {
        match self.orders {
            Some(orders) if self.window.is_some() => orders.len(),
            None if !self.shuffle => 0,
            _ => n,
        }
    }

    /// Return true if a step consists of passes and one update for all parameters.
    pub(crate) fn is_plain(&self) -> bool {
        self.clip_norm.is_none()
            && self.average.is_none()
            && self.input_noise == 0.0
            && self.factors.is_none()
    }

    /// Return the random numbers of a step, and the factor of its dropout.
    pub(crate) fn rng(&self, at: &Position, steps: usize) -> RngContext<'_> {
        let names = self.window.and_then(|window| window.names);
        let dropout_factor = self.factor(&self.dropout_schedule, at, steps).min(1.0);
        RngContext { seed: self.seed, epoch: at.epoch, names, dropout_factor }
    }

    /// Return the learning rate at a position.
    #[inline]
    pub(crate) fn rate(&self, at: &Position, steps: usize) -> f64 {
        self.learning_rate * self.factor(&self.schedule, at, steps)
    }

    /// Return the factor of a schedule at a position.
    #[inline]
    fn factor(&self, schedule: &Schedule, at: &Position, steps: usize) -> f64 {
        if schedule.is_constant() {
            return 1.0;
        }
        let epochs = at.epoch.saturating_sub(self.schedule_from) as f64;
        let x = epochs + at.step as f64 / steps as f64;
        schedule.factor(x, self.schedule_epochs as f64)
    }

    /// Return the updates number `clock.t` of all groups, at a position; `reused` holds earlier
    /// ones.
    #[inline]
    pub(crate) fn updates<T: Real>(
        &self,
        rule: Rule,
        clock: &Clock,
        at: &Position,
        steps: usize,
        reused: Option<Updates<T>>,
    ) -> Updates<T> {
        let all = self.update(rule, clock, at, steps);
        let updates = Updates { all, groups: Vec::new() };
        let Some(factors) = self.factors else { return updates };
        let decay = self.factor(&self.decay_schedule, at, steps);
        let groups = reused.map_or_else(Vec::new, |reused| reused.groups);
        updates.with_groups(rule, clock, self.rate(at, steps), (factors, decay), groups)
    }

    /// Return the update number `clock.t` of this training, at a position.
    #[inline]
    pub(crate) fn update<T: Real>(
        &self,
        rule: Rule,
        clock: &Clock,
        at: &Position,
        steps: usize,
    ) -> Update<T> {
        let decay = self.factor(&self.decay_schedule, at, steps);
        let factors = Factors { decay, ..Factors::NONE };
        let mut update = rule.of_group(clock, self.rate(at, steps), factors);
        update.clip = self.clip_value.map(T::from_f64);
        update
    }
}

/// Samples that are consecutive batches of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The samples of the whole epoch; more than all so far if it is not known yet.
    pub rows: usize,
    /// The step of the epoch that starts with the first of these samples.
    pub first_step: usize,
    /// The number of each sample in all data: its noise and its dropout depend on it.
    pub names: Option<&'a [u64]>,
}

/// A position between two steps of a training.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Position {
    pub epoch: u64,
    /// Completed steps of this epoch.
    pub step: usize,
    /// Σ w_i C_i and Σ w_i over the samples so far in the epoch of the last step; the first step of
    /// an epoch resets them.
    pub cost_sum: f64,
    pub weight_sum: f64,
}

impl Position {
    /// Add the sums of the next step; the first of an epoch resets them.
    #[inline(always)]
    pub(crate) fn add(&mut self, step: Sum) {
        let (cost, weight) =
            if self.step == 0 { (0.0, 0.0) } else { (self.cost_sum, self.weight_sum) };
        (self.cost_sum, self.weight_sum) = (cost + step.cost, weight + step.weight);
    }

    /// Return the mean cost of the samples so far.
    pub(crate) fn cost(&self) -> f64 {
        if self.weight_sum == 0.0 { 0.0 } else { self.cost_sum / self.weight_sum }
    }
}

/// The reason why a training returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has reached its end.
    Done,
    /// The time is up.
    Time,
    /// The cost of the next batch is NaN or infinite; its update was not made.
    NonFinite,
    /// It was interrupted, or a custom function failed; the update of the next batch was not made.
    Interrupted,
}

/// The result of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The costs of the completed epochs: Σ w_i C_i / Σ w_i over their samples, each before the
    /// update of its batch; 0 if no sample has a weight.
    pub costs: Vec<f64>,
    pub end: Position,
    pub reason: Reason,
}

/// Sums over the samples of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sum {
    pub cost: f64,
    pub weight: f64,
}
