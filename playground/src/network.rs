//! The network of the page with its data, for one type of numbers.

use backprop_rs::{
    Activation, Cost, Network, Options, Outcome, Penalty, Portable, Position, ReactiveState, Real,
    Reason, Rule, Samples, Schedule, State, Targets, Trace, shuffle,
};
use ndarray::{Array1, Array2, ArrayView2};
use std::time::Duration;

use crate::check::{Check, check};
use crate::clock::seconds;
use crate::data::Dataset;
use crate::text::{Sentence, Settings};

/// Samples for the health of the layers.
const PROBED: usize = 256;
/// A neuron is saturated if its mean slope is below this share of the steepest, as in
/// `backprop_rs.health`.
const FLAT: f64 = 0.05;

/// What the page can ask of a network. All numbers are `f64`, which holds each `f32` exactly.
pub trait Page {
    fn set_data(&mut self, training: &Dataset, test: &Dataset) -> Result<(), Sentence>;
    fn set_plan(&mut self, settings: &Settings) -> Result<(), Sentence>;
    fn parameters(&self) -> Result<Vec<f64>, Sentence>;
    fn set_parameters(&mut self, numbers: &[f64]) -> Result<(), Sentence>;
    fn state(&self) -> Result<Vec<f64>, Sentence>;
    fn set_state(&mut self, numbers: &[f64]) -> Result<(), Sentence>;
    fn train(&mut self, steps: u64, budget: Duration) -> Result<Vec<f64>, Sentence>;
    fn evaluate(&self, settings: &Settings) -> Result<Vec<f64>, Sentence>;
    fn grid(&self, settings: &Settings) -> Result<Vec<f64>, Sentence>;
    fn trace(&self, settings: &Settings) -> Result<Vec<f64>, Sentence>;
    fn nudge(&mut self, settings: &Settings) -> Result<Vec<f64>, Sentence>;
    fn health(&self) -> Result<Vec<f64>, Sentence>;
    fn check(&self, settings: &Settings) -> Result<Vec<f64>, Sentence>;
}

/// Rows of samples in the numbers of a network.
struct Rows<T> {
    x: Vec<T>,
    y: Labels<T>,
    n_in: usize,
}

enum Labels<T> {
    Values(Vec<T>),
    Classes(Vec<i64>),
}

impl<T: Real> Rows<T> {
    fn new(data: &Dataset, n_out: usize) -> Result<Self, Sentence> {
        let one = data.classes > 0 && n_out == 1;
        if data.classes > n_out.max(2) || one && data.classes > 2 {
            let (classes, outputs) = (data.classes, n_out);
            return Err(format!(
                "{classes} classes need as many outputs; the network has {outputs}"
            ));
        }
        if data.classes == 0 && data.targets != n_out {
            let targets = data.targets;
            return Err(format!("the targets need {targets} outputs; the network has {n_out}"));
        }
        let y = if data.classes == 0 || one {
            Labels::Values(data.y.iter().map(|&y| T::from_f64(y)).collect())
        } else {
            Labels::Classes(data.y.iter().map(|&y| y as i64).collect())
        };
        Ok(Self { x: data.x.iter().map(|&x| T::from_f64(x)).collect(), y, n_in: data.n_in })
    }

    fn len(&self) -> usize {
        self.x.len() / self.n_in.max(1)
    }

    fn samples(&self) -> Samples<'_, T> {
        let y = match &self.y {
            Labels::Values(values) => Targets::Values(values),
            Labels::Classes(classes) => Targets::Classes(classes),
        };
        Samples { x: &self.x, y, weights: None, n_in: self.n_in }
    }

    fn pick(&self, rows: &[u32], n_out: usize) -> Self {
        let part = |from: &[T], width: usize| -> Vec<T> {
            rows.iter().flat_map(|&i| from[i as usize * width..][..width].to_vec()).collect()
        };
        let y = match &self.y {
            Labels::Values(values) => Labels::Values(part(values, n_out)),
            Labels::Classes(all) => {
                Labels::Classes(rows.iter().map(|&i| all[i as usize]).collect())
            }
        };
        Self { x: part(&self.x, self.n_in), y, n_in: self.n_in }
    }

    fn in_doubles(&self) -> Rows<f64> {
        let doubles = |from: &[T]| from.iter().map(|value| value.to_f64()).collect();
        let y = match &self.y {
            Labels::Values(values) => Labels::Values(doubles(values)),
            Labels::Classes(classes) => Labels::Classes(classes.clone()),
        };
        Rows { x: doubles(&self.x), y, n_in: self.n_in }
    }
}

/// How the network is trained from here on.
struct Plan {
    batch_size: usize,
    learning_rate: f64,
    schedule: Schedule,
    /// The first epoch of this plan, and its length, which bounds it if the schedule needs one.
    first: u64,
    epochs: u64,
    shuffle: bool,
    seed: u64,
    input_noise: f64,
    clip_norm: Option<f64>,
    plateau: ReactiveState,
}

pub struct Playground<T> {
    network: Network<T>,
    /// The texts that the network was built from, for a twin in `f64`.
    description: String,
    training: Rows<T>,
    test: Rows<T>,
    classes: usize,
    plan: Plan,
    rule: String,
    position: Position,
}

/// Build a network from settings.
pub fn build<T: Real>(settings: &Settings) -> Result<Network<T>, Sentence> {
    let parse = |text: &str| text.parse::<usize>().map_err(|_| format!("'{text}' is no size"));
    let sizes: Vec<usize> =
        settings.list("sizes").into_iter().map(parse).collect::<Result<_, _>>()?;
    let mut activations = settings.list("activation");
    let hidden = sizes.len().saturating_sub(2);
    if activations.len() == 1 && hidden != 1 {
        activations = vec![activations[0]; hidden];
    }
    activations.push(settings.text("output"));
    let activations: Vec<Activation> = activations
        .into_iter()
        .map(|text| Activation::from_text(text).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    let cost = Cost::from_text(settings.text("cost")).map_err(|error| error.to_string())?;
    let mut network = Network::new(&sizes, &activations, cost).map_err(|e| e.to_string())?;
    let options = (1..sizes.len()).map(|l| options(settings, l, l + 1 == sizes.len()));
    let options: Vec<Options> = options.collect::<Result<_, _>>()?;
    network.set_options(&options).map_err(|error| error.to_string())?;
    let init = settings.text("init");
    let seed = settings.number("seed", 0)?;
    network
        .initialize(if init.is_empty() { "auto" } else { init }, seed)
        .map_err(|e| e.to_string())?;
    Ok(network)
}

/// Return the options of layer `l` (from 1): one value for all, or one for each layer. Dropout and
/// layer normalization are those of the hidden layers, unless there is a value for each.
fn options(settings: &Settings, l: usize, is_output: bool) -> Result<Options, Sentence> {
    let of = |name: &str, on_output: bool| -> Result<f64, Sentence> {
        let values = settings.list(name);
        let text = match values.len() {
            0 => "0",
            1 if is_output && !on_output => "0",
            1 => values[0],
            _ => values.get(l - 1).copied().unwrap_or("0"),
        };
        let value: f64 =
            text.parse().map_err(|_| format!("{name} must be a number; got '{text}'"))?;
        let accepted = value.is_finite() && value >= 0.0 && (name != "dropout" || value < 1.0);
        if accepted { Ok(value) } else { Err(format!("{name} must be a number >= 0; got {value}")) }
    };
    let penalty = Penalty {
        l1: of("l1", true)?,
        l2: of("l2", true)?,
        weight_decay: of("weight_decay", true)?,
    };
    Ok(Options {
        dropout: of("dropout", false)?,
        penalty,
        max_norm: of("max_norm", true)?,
        layer_norm: of("layer_norm", false)? != 0.0,
        ..Options::default()
    })
}

impl<T: Real> Playground<T> {
    pub fn new(text: &str) -> Result<Self, Sentence> {
        let settings = Settings::parse(text);
        let network = build(&settings)?;
        let empty = || Rows { x: vec![], y: Labels::Values(vec![]), n_in: network.n_in() };
        let (training, test) = (empty(), empty());
        let plan = Plan {
            batch_size: 10,
            learning_rate: 0.1,
            schedule: Schedule::constant(),
            first: 0,
            epochs: 1,
            shuffle: true,
            seed: 0,
            input_noise: 0.0,
            clip_norm: None,
            plateau: ReactiveState::default(),
        };
        let position =
            Position { epoch: settings.number("epochs_trained", 0)?, ..Position::default() };
        let (description, rule) = (text.into(), String::new());
        Ok(Self { network, description, training, test, classes: 0, plan, rule, position })
    }

    /// Return the samples that the next step uses.
    fn next_batch(&self) -> Rows<T> {
        let n = self.training.len();
        let size = self.plan.batch_size.min(n).max(1);
        let mut order: Vec<u32> = (0..n as u32).collect();
        if self.plan.shuffle {
            shuffle(&mut order, self.plan.seed, [self.position.epoch, 0, 0]);
        }
        let first = (self.position.step * size).min(n);
        self.training.pick(&order[first..(first + size).min(n)], self.network.n_out())
    }

    /// Return the samples that the settings name: one sample, the next batch, or a part of the
    /// data.
    fn scope(&self, settings: &Settings) -> Result<Rows<T>, Sentence> {
        let part = if settings.text("part") == "test" { &self.test } else { &self.training };
        match settings.text("scope") {
            "batch" => Ok(self.next_batch()),
            "all" => {
                let rows: Vec<u32> = (0..part.len() as u32).collect();
                Ok(part.pick(&rows, self.network.n_out()))
            }
            _ => {
                let row: usize = settings.number("row", 0)?;
                if row >= part.len() {
                    return Err(format!("row must be below {}; got {row}", part.len()));
                }
                Ok(part.pick(&[row as u32], self.network.n_out()))
            }
        }
    }

    /// Run the backward pass of some samples.
    fn backward(&self, rows: &Rows<T>) -> Result<Trace<T>, Sentence> {
        let trace = self.network.backward(&rows.samples()).map_err(|error| error.to_string())?;
        match self.network.take_failure() {
            None => Ok(trace),
            Some(failure) => Err(failure.to_string()),
        }
    }

    /// Return σ'(z) of a layer (from 0); NaN if the neurons depend on each other.
    fn slopes(&self, l: usize, z: &[T], a: &[T]) -> Vec<T> {
        let activation = self.network.activations()[l];
        let has_norm = self.network.gains().is_ok_and(|gains| gains[l].is_some());
        let mut slopes = vec![T::ONE; z.len()];
        if !activation.is_elementwise() || has_norm {
            slopes.fill(T::from_f64(f64::NAN));
        } else {
            activation.sigma_prime::<T, Portable>(z, a, &mut slopes);
        }
        slopes
    }

    /// Return the largest |σ'(z)| for |z| ≤ 3.
    fn steepest(&self, l: usize) -> f64 {
        let z: Vec<T> = (0..=600).map(|i| T::from_f64(f64::from(i - 300) / 100.0)).collect();
        let mut a = z.clone();
        let activation = self.network.activations()[l];
        if activation.is_elementwise() {
            activation.sigma::<T, Portable>(&mut a);
        }
        let slopes = self.slopes(l, &z, &a);
        slopes.iter().map(|slope| slope.to_f64().abs()).fold(0.0, f64::max)
    }

    /// Train once, within one call of the core.
    fn train_once(&mut self, steps: u64, budget: f64) -> Result<Outcome, Sentence> {
        let plan = &self.plan;
        let n = self.training.len();
        let size = plan.batch_size.min(n).max(1);
        let per_epoch = n.div_ceil(size) as u64;
        let total = self.position.step as u64 + steps;
        let (mut stop_epoch, mut stop_step) =
            (self.position.epoch + total / per_epoch, (total % per_epoch) as usize);
        if self.is_bounded() && stop_epoch >= plan.first + plan.epochs {
            (stop_epoch, stop_step) = (plan.first + plan.epochs, 0);
        }
        let settings = backprop_rs::Settings {
            schedule: plan.schedule.clone(),
            schedule_from: plan.first,
            schedule_epochs: plan.epochs,
            shuffle: plan.shuffle,
            seed: plan.seed,
            stop_epoch,
            stop_step,
            budget: Duration::try_from_secs_f64(budget).unwrap_or(Duration::MAX),
            clip_norm: plan.clip_norm,
            input_noise: plan.input_noise,
            check_finite: true,
            ..backprop_rs::Settings::new(size, plan.learning_rate * plan.plateau.factor)
        };
        let samples = self.training.samples();
        self.network.train(&samples, &settings, self.position).map_err(|error| error.to_string())
    }

    /// Return true if the plan ends with its schedule.
    fn is_bounded(&self) -> bool {
        !self.plan.schedule.is_constant()
    }

    fn predicted(&self, output: &[T]) -> (f64, f64) {
        let first = output[0].to_f64();
        if self.classes == 0 {
            return (first, first);
        }
        if output.len() == 1 {
            return (f64::from(u8::from(first >= 0.5)), first);
        }
        let mut best = 0;
        for (k, value) in output.iter().enumerate() {
            if *value > output[best] {
                best = k;
            }
        }
        (best as f64, output[best].to_f64())
    }
}

impl<T: Real> Page for Playground<T> {
    fn set_data(&mut self, training: &Dataset, test: &Dataset) -> Result<(), Sentence> {
        if training.n_in != self.network.n_in() {
            let (given, expected) = (training.n_in, self.network.n_in());
            return Err(format!("the data have {given} inputs, and the network {expected}"));
        }
        let n_out = self.network.n_out();
        let rows = Rows::new(training, n_out)?;
        (self.training, self.test) = (rows, Rows::new(test, n_out)?);
        self.classes = training.classes;
        Ok(())
    }

    fn set_plan(&mut self, settings: &Settings) -> Result<(), Sentence> {
        let rule = settings.text("optimizer");
        let parsed = Rule::from_text(rule).map_err(|error| error.to_string())?;
        let schedule = match settings.text("schedule") {
            "" => Schedule::constant(),
            text => Schedule::from_text(text).map_err(|error| error.to_string())?,
        };
        let clip_norm = settings.at_least("clip_norm", 0.0, 0.0)?;
        let plan = Plan {
            batch_size: settings.at_least("batch_size", 10.0, 1.0)? as usize,
            learning_rate: settings.at_least("learning_rate", 0.1, 0.0)?,
            schedule,
            first: settings.number("first_epoch", self.position.epoch)?,
            epochs: settings.at_least("epochs", 100.0, 1.0)? as u64,
            shuffle: settings.flag("shuffle"),
            seed: settings.number("seed", 0)?,
            input_noise: settings.at_least("input_noise", 0.0, 0.0)?,
            clip_norm: (clip_norm > 0.0).then_some(clip_norm),
            plateau: ReactiveState::default(),
        };
        if rule != self.rule {
            self.network.set_optimizer(parsed).map_err(|error| error.to_string())?;
            self.rule = rule.into();
        }
        self.plan = plan;
        // Like a new call of `fit`, which starts an epoch.
        self.position = Position { epoch: self.position.epoch, ..Position::default() };
        Ok(())
    }

    fn parameters(&self) -> Result<Vec<f64>, Sentence> {
        let net = &self.network;
        let failed = |error: backprop_rs::Error| error.to_string();
        let (w, b) = (net.weights().map_err(failed)?, net.biases().map_err(failed)?);
        let (gains, shifts) = (net.gains().map_err(failed)?, net.shifts().map_err(failed)?);
        let mut numbers = Vec::new();
        for l in 0..w.len() {
            numbers.extend(w[l].iter().chain(&b[l]).map(|value| value.to_f64()));
            for vector in [&gains[l], &shifts[l]].into_iter().flatten() {
                numbers.extend(vector.iter().map(|value| value.to_f64()));
            }
        }
        Ok(numbers)
    }

    fn set_parameters(&mut self, numbers: &[f64]) -> Result<(), Sentence> {
        let failed = |error: backprop_rs::Error| error.to_string();
        let sizes = self.network.sizes();
        let gains = self.network.gains().map_err(failed)?;
        let mut rest = numbers;
        let mut next = |n: usize| -> Result<Vec<T>, Sentence> {
            let (part, after) = rest.split_at_checked(n).ok_or("there are too few parameters")?;
            rest = after;
            Ok(part.iter().map(|&value| T::from_f64(value)).collect())
        };
        for l in 0..gains.len() {
            let (n_in, n_out) = (sizes[l], sizes[l + 1]);
            let w = next(n_in * n_out)?;
            let w = ArrayView2::from_shape((n_out, n_in), &w).expect("as many numbers");
            self.network.set_weights(l, w).map_err(failed)?;
            self.network.set_biases(l, Array1::from(next(n_out)?).view()).map_err(failed)?;
            if gains[l].is_some() {
                self.network.set_gains(l, Array1::from(next(n_out)?).view()).map_err(failed)?;
                self.network.set_shifts(l, Array1::from(next(n_out)?).view()).map_err(failed)?;
            }
        }
        self.rule.clear(); // the next plan starts its moments again, as an assignment in Python does
        if rest.is_empty() { Ok(()) } else { Err("there are too many parameters".into()) }
    }

    /// Return parameters, moments, position and the memory of the schedule.
    fn state(&self) -> Result<Vec<f64>, Sentence> {
        let state = self.network.state().map_err(|error| error.to_string())?;
        let Position { epoch, step, cost_sum, weight_sum } = self.position;
        let plateau = self.plan.plateau;
        let mut numbers = vec![epoch as f64, step as f64, cost_sum, weight_sum];
        numbers.extend([
            plateau.factor,
            plateau.best,
            plateau.stuck.into(),
            plateau.resting.into(),
        ]);
        numbers.extend([state.updates as f64, state.momentum_product]);
        numbers.extend(state.matrices.values().flatten().map(|value| value.to_f64()));
        numbers.extend(state.vectors.values().flatten().map(|value| value.to_f64()));
        Ok(numbers)
    }

    fn set_state(&mut self, numbers: &[f64]) -> Result<(), Sentence> {
        let mut state: State<T> = self.network.state().map_err(|error| error.to_string())?;
        let (head, rest) = numbers.split_at_checked(10).ok_or("the state is too short")?;
        let matrices = state.matrices.values_mut().flatten();
        let all: Vec<&mut T> = matrices.chain(state.vectors.values_mut().flatten()).collect();
        if all.len() != rest.len() {
            return Err("the state belongs to another network".into());
        }
        all.into_iter().zip(rest).for_each(|(to, &from)| *to = T::from_f64(from));
        (state.updates, state.momentum_product) = (head[8] as u64, head[9]);
        self.network.set_state(&state).map_err(|error| error.to_string())?;
        let (epoch, step) = (head[0] as u64, head[1] as usize);
        self.position = Position { epoch, step, cost_sum: head[2], weight_sum: head[3] };
        let (stuck, resting) = (head[6] as u32, head[7] as u32);
        self.plan.plateau = ReactiveState { factor: head[4], best: head[5], stuck, resting };
        Ok(())
    }

    /// Train for some steps or some time; return the position, the mean cost of the epoch so far,
    /// the reason of the end, and the costs of the completed epochs.
    fn train(&mut self, steps: u64, budget: Duration) -> Result<Vec<f64>, Sentence> {
        if self.training.len() == 0 {
            return Err("there are no samples to train with".into());
        }
        let (begun, mut left, mut costs) = (seconds(), steps, Vec::new());
        let reactive = self.plan.schedule.reactive();
        let per_epoch = self.training.len().div_ceil(self.plan.batch_size.min(self.training.len()));
        let mut reason;
        loop {
            let within = (per_epoch - self.position.step) as u64;
            let chunk = if reactive.is_some() { left.min(within) } else { left };
            let before = self.position;
            let time_left = budget.as_secs_f64() - (seconds() - begun);
            let outcome = self.train_once(chunk, time_left.max(0.0))?;
            if let Some(failure) = self.network.take_failure() {
                return Err(failure.to_string());
            }
            self.position = outcome.end;
            if let (Some(curve), Some(&cost)) = (reactive, outcome.costs.last()) {
                self.plan.plateau = self.plan.plateau.after(curve, cost);
            }
            costs.extend(outcome.costs);
            let (from, to) = (before, self.position);
            let epochs = (to.epoch - from.epoch) as usize;
            left -= ((epochs * per_epoch + to.step - from.step) as u64).min(left);
            reason = outcome.reason;
            let ended =
                self.is_bounded() && self.position.epoch >= self.plan.first + self.plan.epochs;
            if ended
                || left == 0
                || reason != Reason::Done
                || seconds() - begun >= budget.as_secs_f64()
            {
                break;
            }
        }
        let Position { epoch, step, cost_sum, weight_sum } = self.position;
        let code = match reason {
            Reason::Done => 0.0,
            Reason::Time => 1.0,
            Reason::NonFinite => 2.0,
            Reason::Interrupted => 3.0,
        };
        let ended = self.is_bounded() && epoch >= self.plan.first + self.plan.epochs;
        let code = if ended && code < 2.0 { 4.0 } else { code };
        let mut numbers = vec![epoch as f64, step as f64, cost_sum / weight_sum, code];
        numbers.extend(costs);
        Ok(numbers)
    }

    /// Return cost and score of a part of the data, the number of classes with the confusion
    /// matrix (rows are true classes), and for each sample the prediction and the output behind it.
    fn evaluate(&self, settings: &Settings) -> Result<Vec<f64>, Sentence> {
        let part = if settings.text("part") == "test" { &self.test } else { &self.training };
        let n_out = self.network.n_out();
        let k = self.classes;
        let mut numbers = vec![f64::NAN, f64::NAN, k as f64];
        numbers.resize(3 + k * k, 0.0);
        if part.len() == 0 {
            return Ok(numbers);
        }
        let samples = part.samples();
        numbers[0] = self.network.mean_cost(&samples).map_err(|error| error.to_string())?;
        let mut outputs = vec![T::ZERO; part.len() * n_out];
        self.network.predict_into(&part.x, &mut outputs).map_err(|error| error.to_string())?;
        let (mut predicted, mut values) = (Vec::new(), Vec::new());
        for output in outputs.chunks(n_out) {
            let (prediction, value) = self.predicted(output);
            predicted.push(prediction);
            values.push(value);
        }
        if k > 0 {
            let mut right = 0;
            for (i, &prediction) in predicted.iter().enumerate() {
                let label = match &part.y {
                    Labels::Values(y) => y[i].to_f64(),
                    Labels::Classes(y) => y[i] as f64,
                };
                numbers[3 + label as usize * k + prediction as usize] += 1.0;
                right += usize::from(label == prediction);
            }
            numbers[1] = right as f64 / predicted.len() as f64;
        } else if let Labels::Values(y) = &part.y {
            // R² of the first target, over all samples.
            let y: Vec<f64> = y.iter().step_by(n_out).map(|y| y.to_f64()).collect();
            let mean = y.iter().sum::<f64>() / y.len() as f64;
            let total: f64 = y.iter().map(|y| (y - mean) * (y - mean)).sum();
            let left: f64 = y.iter().zip(&predicted).map(|(y, p)| (y - p) * (y - p)).sum();
            numbers[1] = 1.0 - left / total;
        }
        numbers.extend(predicted);
        numbers.extend(values);
        Ok(numbers)
    }

    /// Return what the neurons compute over two inputs: the ranges of both, and then the values of
    /// each neuron on a grid of n x n, from the top left; or those of the prediction alone, two
    /// numbers a point. The other inputs are those of a sample, or their means.
    fn grid(&self, settings: &Settings) -> Result<Vec<f64>, Sentence> {
        let n = (settings.at_least("n", 20.0, 2.0)? as usize).min(200);
        let n_in = self.network.n_in();
        let axis = |name| -> Result<usize, Sentence> {
            Ok(settings.number::<usize>(name, 0)?.min(n_in - 1))
        };
        let (first, second) = (axis("first")?, axis("second")?);
        let m = self.training.len().max(1) as f64;
        let mut base = vec![0.0; n_in];
        let mut ranges = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for part in [&self.training, &self.test] {
            for row in part.x.chunks(n_in) {
                for (range, at) in ranges.iter_mut().zip([first, second]) {
                    *range = [range[0].min(row[at].to_f64()), range[1].max(row[at].to_f64())];
                }
            }
        }
        for row in self.training.x.chunks(n_in) {
            base.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.to_f64() / m);
        }
        if let Ok(row) = settings.text("row").parse::<usize>()
            && let Some(sample) = self.training.x.chunks(n_in).nth(row)
        {
            base = sample.iter().map(|x| x.to_f64()).collect();
        }
        for [low, high] in &mut ranges {
            if *low > *high {
                (*low, *high) = (-1.0, 1.0);
            }
            let margin = (0.06 * (*high - *low)).max(0.05);
            (*low, *high) = (*low - margin, *high + margin);
        }
        let at = |[low, high]: [f64; 2], i: usize| low + (high - low) * (i as f64 + 0.5) / n as f64;
        let mut x = Vec::with_capacity(n * n * n_in);
        for i in 0..n {
            for j in 0..n {
                let start = x.len();
                x.extend(base.iter().map(|&value| T::from_f64(value)));
                x[start + first] = T::from_f64(at(ranges[0], j));
                if n_in > 1 && second != first {
                    x[start + second] = T::from_f64(at(ranges[1], n - 1 - i));
                }
            }
        }
        let mut numbers: Vec<f64> = ranges.into_iter().flatten().collect();
        if settings.text("what") == "prediction" {
            let n_out = self.network.n_out();
            let mut outputs = vec![T::ZERO; n * n * n_out];
            self.network.predict_into(&x, &mut outputs).map_err(|error| error.to_string())?;
            for output in outputs.chunks(n_out) {
                let (prediction, value) = self.predicted(output);
                numbers.extend([prediction, value]);
            }
            return Ok(numbers);
        }
        let x = Array2::from_shape_vec((n * n, n_in), x).expect("as many numbers");
        let layers = self.network.activations_of(x.view()).map_err(|error| error.to_string())?;
        for layer in &layers[1..] {
            for neuron in layer.columns() {
                numbers.extend(neuron.iter().map(|value| value.to_f64()));
            }
        }
        Ok(numbers)
    }

    /// Return C and m, a of the inputs, z, a, δ and σ' of each layer, and then the gradients of
    /// each layer, weights first.
    fn trace(&self, settings: &Settings) -> Result<Vec<f64>, Sentence> {
        let rows = self.scope(settings)?;
        let trace = self.backward(&rows)?;
        let mut numbers = vec![trace.cost, rows.len() as f64];
        let mut add = |values: &[T]| numbers.extend(values.iter().map(|value| value.to_f64()));
        let flat =
            |array: &Array2<T>| array.as_standard_layout().iter().copied().collect::<Vec<T>>();
        add(&flat(&trace.activations[0]));
        for l in 0..trace.deltas.len() {
            let (z, a) = (flat(&trace.weighted_inputs[l]), flat(&trace.activations[l + 1]));
            add(&z);
            add(&a);
            add(&flat(&trace.deltas[l]));
            add(&self.slopes(l, &z, &a));
        }
        for l in 0..trace.deltas.len() {
            add(&flat(&trace.weight_gradients[l]));
            add(&trace.bias_gradients[l].to_vec());
        }
        match &rows.y {
            Labels::Values(values) => add(values),
            Labels::Classes(classes) => {
                let n_out = self.network.n_out();
                let one =
                    |class: i64| (0..n_out).map(move |k| f64::from(u8::from(k as i64 == class)));
                numbers.extend(classes.iter().flat_map(|&class| one(class)));
            }
        }
        Ok(numbers)
    }

    /// Return C before and after a change of one parameter, what its derivative promises, the
    /// derivative and the parameter; the parameter is restored.
    fn nudge(&mut self, settings: &Settings) -> Result<Vec<f64>, Sentence> {
        let rows = self.scope(settings)?;
        let layer: usize = settings.number("layer", 1)?;
        let (j, k): (usize, usize) = (settings.number("j", 0)?, settings.number("k", 0)?);
        let by: f64 = settings.number("by", 0.0)?;
        let sizes = self.network.sizes();
        if layer == 0 || layer >= sizes.len() || j >= sizes[layer] || k >= sizes[layer - 1] {
            return Err("there is no such parameter".into());
        }
        let of_weights = settings.text("what") != "bias";
        let trace = self.backward(&rows)?;
        let failed = |error: backprop_rs::Error| error.to_string();
        let (w, b) =
            (&self.network.weights().map_err(failed)?, &self.network.biases().map_err(failed)?);
        let (mut changed_w, mut changed_b) = (w[layer - 1].clone(), b[layer - 1].clone());
        let (value, slope) = if of_weights {
            (&mut changed_w[[j, k]], trace.weight_gradients[layer - 1][[j, k]])
        } else {
            (&mut changed_b[j], trace.bias_gradients[layer - 1][j])
        };
        let before = *value;
        *value = T::from_f64(before.to_f64() + by);
        let moved = value.to_f64() - before.to_f64();
        self.network.set_weights(layer - 1, changed_w.view()).map_err(failed)?;
        self.network.set_biases(layer - 1, changed_b.view()).map_err(failed)?;
        let after = self.network.mean_cost(&rows.samples()).map_err(failed);
        self.network.set_weights(layer - 1, w[layer - 1].view()).map_err(failed)?;
        self.network.set_biases(layer - 1, b[layer - 1].view()).map_err(failed)?;
        let slope = slope.to_f64();
        Ok(vec![trace.cost, after?, trace.cost + slope * moved, slope, before.to_f64()])
    }

    /// Return for each layer the mean |δ|, the norm of the gradient, and the shares of saturated
    /// and of dead neurons, over the first samples.
    fn health(&self) -> Result<Vec<f64>, Sentence> {
        let rows: Vec<u32> = (0..self.training.len().min(PROBED) as u32).collect();
        let probe = self.training.pick(&rows, self.network.n_out());
        let trace = self.backward(&probe)?;
        let m = probe.len().max(1);
        let mut numbers = Vec::new();
        for l in 0..trace.deltas.len() {
            let deltas = &trace.deltas[l];
            let mean = deltas.iter().map(|d| d.to_f64().abs()).sum::<f64>() / deltas.len() as f64;
            let grads = trace.weight_gradients[l].iter().chain(&trace.bias_gradients[l]);
            let norm = grads.map(|g| g.to_f64() * g.to_f64()).sum::<f64>().sqrt();
            let flat = |array: &Array2<T>| array.iter().copied().collect::<Vec<T>>();
            let z = flat(&trace.weighted_inputs[l]);
            let slopes = self.slopes(l, &z, &flat(&trace.activations[l + 1]));
            let n = deltas.ncols();
            let limit = FLAT * self.steepest(l);
            let (mut saturated, mut dead) = (0, 0);
            for j in 0..n {
                let own = || slopes.iter().skip(j).step_by(n).map(|slope| slope.to_f64().abs());
                let is_dead = own().all(|slope| slope == 0.0);
                let is_flat = own().sum::<f64>() / (m as f64) < limit;
                dead += usize::from(is_dead);
                saturated += usize::from(is_flat && !is_dead);
            }
            let share = |count: usize| {
                if slopes.first().is_some_and(|slope| slope.to_f64().is_nan()) {
                    return f64::NAN;
                }
                count as f64 / n as f64
            };
            numbers.extend([mean, norm, share(saturated), share(dead)]);
        }
        Ok(numbers)
    }

    fn check(&self, settings: &Settings) -> Result<Vec<f64>, Sentence> {
        let mut twin: Network<f64> = build(&Settings::parse(&self.description))?;
        let mut state: State<f64> = twin.state().map_err(|error| error.to_string())?;
        let own = self.network.state().map_err(|error| error.to_string())?;
        for (name, array) in &mut state.matrices {
            array.zip_mut_with(&own.matrices[name], |to, from| *to = from.to_f64());
        }
        for (name, array) in &mut state.vectors {
            array.zip_mut_with(&own.vectors[name], |to, from| *to = from.to_f64());
        }
        twin.set_state(&state).map_err(|error| error.to_string())?;
        let rows = self.scope(settings)?.in_doubles();
        let Check { compared, agree, undecided, largest, layer, j, k } =
            check(&mut twin, &rows.samples()).map_err(|error| error.to_string())?;
        let place = [layer, j, k].map(|number| number as f64);
        let mut numbers = vec![compared as f64, agree as f64, undecided as f64, largest];
        numbers.extend(place);
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::toy;

    fn playground(more: &str) -> Playground<f32> {
        let text =
            format!("sizes\t2;4;1\nactivation\ttanh\noutput\tsigmoid\ncost\tcross_entropy{more}");
        let mut page = Playground::new(&text).unwrap();
        let all = toy(&Settings::parse("set\txor\nsamples\t50\nseed\t2")).unwrap();
        let (training, test) = all.divided(0.2, 1);
        page.set_data(&training, &test).unwrap();
        page.set_plan(&Settings::parse("batch_size\t8\noptimizer\tadam\nshuffle\t1\nseed\t3"))
            .unwrap();
        page
    }

    #[test]
    fn a_state_goes_on_to_the_same_bits() {
        let mut page = playground("\ndropout\t0.25\nlayer_norm\t1");
        let start = page.train(7, Duration::MAX).unwrap();
        assert_eq!(start[..2], [1.0, 2.0]); // 40 samples are 5 steps of an epoch
        assert_eq!(start.len(), 5); // and one cost
        let state = page.state().unwrap();
        page.train(9, Duration::MAX).unwrap();
        let end = page.state().unwrap();
        page.set_state(&state).unwrap();
        assert_eq!(page.state().unwrap(), state);
        for _ in 0..9 {
            page.train(1, Duration::MAX).unwrap();
        }
        assert_eq!(page.state().unwrap(), end);
        assert!(page.set_state(&state[1..]).is_err());
    }

    #[test]
    fn parameters_are_taken_as_they_are_given() {
        let mut page = playground("\nlayer_norm\t1");
        let numbers: Vec<f64> = (0..25).map(f64::from).collect(); // 8 + 4 + 2 * 4, 4 + 1
        page.set_parameters(&numbers).unwrap();
        assert_eq!(page.parameters().unwrap(), numbers);
        assert!(page.set_parameters(&numbers[1..]).is_err());
        assert!(page.set_parameters(&[&numbers[..], &[1.0]].concat()).is_err());
    }

    #[test]
    fn a_nudge_changes_nothing_and_moves_the_cost_as_the_derivative_says() {
        let mut page = playground("");
        let before = page.state().unwrap();
        let settings = "layer\t1\nj\t2\nk\t1\nby\t0.001\nscope\tall";
        let [old, new, promised, slope, _] = page.nudge(&Settings::parse(settings)).unwrap()[..]
        else {
            panic!("five numbers")
        };
        assert_eq!(page.state().unwrap(), before);
        // The second derivative, times the square of the change, and the rounding of the costs.
        assert!((new - promised).abs() < 1e-6 + 4.0 * f64::from(f32::EPSILON));
        assert!((promised - old - 0.001 * slope).abs() < 1e-9);
        assert!(page.nudge(&Settings::parse("layer\t3")).is_err());
    }

    #[test]
    fn answers_have_their_lengths() {
        let page = playground("");
        let of = Settings::parse;
        assert_eq!(page.grid(&of("n\t5\nsecond\t1")).unwrap().len(), 4 + 5 * 25);
        assert_eq!(page.grid(&of("n\t5\nwhat\tprediction")).unwrap().len(), 4 + 2 * 25);
        // C and m; of a sample 2 inputs, four numbers of 5 neurons, 17 gradients, its target.
        assert_eq!(page.trace(&of("row\t1")).unwrap().len(), 2 + 2 + 4 * 5 + 17 + 1);
        assert_eq!(page.trace(&of("scope\tbatch")).unwrap()[1], 8.0);
        assert_eq!(page.health().unwrap().len(), 2 * 4);
        let test = page.evaluate(&of("part\ttest")).unwrap();
        assert_eq!((test.len(), test[3..7].iter().sum::<f64>()), (3 + 4 + 2 * 10, 10.0));
        let [compared, agree, undecided, ..] = page.check(&of("scope\tall")).unwrap()[..] else {
            panic!("seven numbers")
        };
        assert_eq!((compared, agree, undecided), (17.0, 17.0, 0.0));
        assert!(page.trace(&of("row\t40")).is_err());
    }

    #[test]
    fn a_schedule_bounds_the_training_and_a_reactive_one_lowers_the_rate() {
        let mut page = playground("");
        page.set_plan(&Settings::parse(
            "batch_size\t8\noptimizer\tsgd\nschedule\tcosine\nepochs\t2",
        ))
        .unwrap();
        let end = page.train(1000, Duration::MAX).unwrap();
        assert_eq!((end[0], end[3]), (2.0, 4.0));
        let plateau = "optimizer\tsgd\nlearning_rate\t0\nschedule\treduce_on_plateau(patience=1)";
        page.set_plan(&Settings::parse(plateau)).unwrap();
        page.train(40, Duration::MAX).unwrap();
        assert!(page.plan.plateau.factor < 1.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = |text: &str| Playground::<f64>::new(text).err().unwrap();
        assert!(error("sizes\t2;x").contains("'x' is no size"));
        assert!(error("sizes\t2;1\noutput\tsoftplux\ncost\tsquared_error").contains("softplus"));
        let dropout =
            "sizes\t2;3;1\nactivation\ttanh\noutput\ttanh\ncost\tsquared_error\ndropout\t1";
        assert!(error(dropout).contains("dropout must be"));
        let mut page = playground("");
        let three = Dataset { n_in: 2, x: vec![0.0; 4], y: vec![0.0, 2.0], classes: 3, targets: 1 };
        assert!(page.set_data(&three, &three).unwrap_err().contains("3 classes"));
        let wide = Dataset { n_in: 3, x: vec![0.0; 3], y: vec![0.0], classes: 2, targets: 1 };
        assert!(page.set_data(&wide, &wide).unwrap_err().contains("3 inputs"));
    }
}
