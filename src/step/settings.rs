//! The settings of a training, and the positions and results that it reports.

use std::time::Duration;

use crate::machine::real::Real;
use crate::network::samples::RngContext;
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

    /// The samples of an epoch, `n` of which are at hand.
    pub(crate) fn rows_of_epoch(&self, n: usize) -> usize {
        self.window.map_or(n, |window| window.rows)
    }

    /// The samples whose order has to be held, `n` of which are at hand.
    pub(crate) fn length_of_order(&self, n: usize) -> usize {
        match self.orders {
            Some(orders) if self.window.is_some() => orders.len(),
            None if !self.shuffle => 0,
            _ => n,
        }
    }

    /// Whether a step is nothing but passes and an update.
    pub(crate) fn is_plain(&self) -> bool {
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
    pub(crate) fn cost(&self) -> f64 {
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

/// Sums over the samples of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sum {
    pub cost: f64,
    pub weight: f64,
}
