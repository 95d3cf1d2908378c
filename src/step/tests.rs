//! Steps of networks so small that Miri runs each in seconds: `make miri`.
//!
//! Miri checks how references are used, which no result shows: a reference to data that other code
//! writes, through the panels of a layer or of another worker.

use crate::machine::pool;
use crate::machine::real::Real;
use crate::network::layer::Options;
use crate::network::network::Network;
use crate::network::parameters::Gradient;
use crate::network::samples::{RowIndices, Samples, Targets};
use crate::network::workspace::Workspace;
use crate::step::gradient::{GradientSink, WeightGradient};
use crate::step::settings::{Position, Settings};
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::optimizer::{Penalty, Rule};

const ROWS: usize = 5;

/// A network of hidden tanh layers, and samples with targets of every kind.
struct Case<T> {
    net: Network<T>,
    x: Vec<T>,
    y: Vec<T>,
    classes: Vec<i64>,
}

fn case<T: Real>(sizes: &[usize], output: Activation, options: Options) -> Case<T> {
    let [n_in, .., n_out] = *sizes else { unreachable!("two sizes at least") };
    let mut activations = vec![Activation::Tanh; sizes.len() - 1];
    activations[sizes.len() - 2] = output;
    let elementwise = output.is_elementwise();
    let cost = if elementwise { "squared_error" } else { "cross_entropy" };
    let mut net = Network::new(sizes, &activations, Cost::from_text(cost).unwrap()).unwrap();
    let mut all = vec![options; sizes.len() - 1];
    all[sizes.len() - 2] = Options { penalty: options.penalty, ..Options::default() };
    net.set_options(&all).unwrap();
    net.initialize("auto", 1).unwrap();
    let number = |i: usize| T::from_f64((i * 37 % 101) as f64 / 101.0 - 0.5);
    let classes = (0..ROWS).map(|i| (i % n_out) as i64).collect();
    Case {
        net,
        x: (0..ROWS * n_in).map(number).collect(),
        y: (0..ROWS * n_out).map(number).collect(),
        classes,
    }
}

impl<T: Real> Case<T> {
    /// Train one epoch in batches of a size; the cost must not be NaN.
    fn train(&mut self, batch_size: usize, change: impl Fn(&mut Settings), weighted: bool) {
        let Self { net, x, y, classes } = self;
        let n_in = net.n_in();
        let softmax = !net.activations().last().unwrap().is_elementwise();
        let y = if softmax { Targets::Classes(classes) } else { Targets::Values(y) };
        let weights = [T::ONE; ROWS];
        let weights = weighted.then_some(&weights[..]);
        let mut settings = Settings::new(batch_size, 0.1);
        settings.shuffle = true;
        change(&mut settings);
        let samples = Samples { x, y, weights, n_in };
        let outcome = net.train(&samples, &settings, Position::default()).unwrap();
        assert!(outcome.costs[0].is_finite());
    }

    fn samples(&self) -> Samples<'_, T> {
        let Self { net, x, y, .. } = self;
        Samples { x, y: Targets::Values(y), weights: None, n_in: net.n_in() }
    }
}

fn plain<T: Real>(sizes: &[usize]) -> Case<T> {
    case(sizes, Activation::Sigmoid, Options::default())
}

#[test]
fn steps_in_registers() {
    plain::<f32>(&[2, 3, 3, 1]).train(1, |_| (), false);
    plain::<f64>(&[2, 3, 3, 1]).train(1, |_| (), false);
}

#[test]
fn steps_of_small_networks() {
    plain::<f32>(&[2, 3, 3, 1]).train(ROWS, |_| (), false);
    plain::<f64>(&[2, 3, 3, 1]).train(2, |_| (), false);
    case::<f32>(&[3, 5, 3], Activation::Softmax, Options::default()).train(ROWS, |_| (), false);
    let mut adam = plain::<f32>(&[2, 3, 3, 1]);
    adam.net.set_optimizer(Rule::from_text("adam").unwrap()).unwrap();
    adam.train(ROWS, |_| (), false);
}

#[test]
fn steps_of_panels() {
    plain::<f32>(&[2, 20, 20, 1]).train(ROWS, |_| (), false);
    plain::<f64>(&[2, 20, 20, 1]).train(3, |_| (), true);
    case::<f32>(&[3, 20, 3], Activation::Softmax, Options::default()).train(ROWS, |_| (), true);
}

#[test]
fn steps_with_all_that_a_layer_may_have() {
    let penalty = Penalty { l1: 0.1, l2: 0.1, weight_decay: 0.1 };
    let norm = Options { penalty, layer_norm: true, ..Options::default() };
    let mut norm_cache = case::<f32>(&[2, 20, 18, 1], Activation::Sigmoid, norm);
    norm_cache.net.set_optimizer(Rule::from_text("adam").unwrap()).unwrap();
    norm_cache.train(ROWS, |settings| settings.penalty_in_cost = 1.0, false);
    let dropout = Options { dropout: 0.5, max_norm: 0.5, ..Options::default() };
    let noise = |settings: &mut Settings| {
        settings.input_noise = 0.1;
        settings.average = Some(0.9);
        settings.clip_norm = Some(0.1);
    };
    case::<f32>(&[2, 20, 1], Activation::Sigmoid, dropout).train(ROWS, noise, false);
}

#[test]
fn passes_that_keep_everything() {
    let mut case = plain::<f32>(&[2, 20, 1]);
    let (gradient, trace) =
        (case.net.gradient(&case.samples()).unwrap(), case.net.backward(&case.samples()).unwrap());
    assert_eq!(gradient.weight_gradients, trace.weight_gradients);
    let mut out = [0.0; ROWS];
    assert!(case.net.predict_into(&case.x, &mut out).unwrap());
    assert_eq!(trace.activations[2].as_slice().unwrap(), out);
    let snapshot = case.net.snapshot(&|| false).unwrap().unwrap();
    case.train(ROWS, |_| (), false);
    case.net.restore(&snapshot).unwrap();
    let mut back = [0.0; ROWS];
    assert!(case.net.predict_into(&case.x, &mut back).unwrap());
    assert_eq!(out, back);
}

/// Return the bits of the gradient of one step that several workers share, by rows or by panels.
fn shared(net: &Network<f32>, samples: &Samples<f32>, workers: usize, by_panels: bool) -> Vec<u32> {
    let mut ws = Workspace::training(&net.layers, ROWS, workers, false).unwrap();
    ws.make_copies().unwrap();
    let gradient = Gradient::zeros(&net.layers).unwrap();
    pool::run(workers, |worker| {
        let plan = net.plan(&worker, ROWS, by_panels);
        let inputs = if by_panels {
            net.panel_rows(&ws, samples, &worker, &plan, ROWS, RowIndices::From(0));
            ws.inputs(&worker, true)
        } else {
            net.rows(&ws, samples, &worker, ROWS, RowIndices::From(0), None);
            ws.inputs(&worker, false)
        };
        worker.wait();
        net.isa.run(WeightGradient {
            layers: &net.layers,
            ws: &ws,
            inputs,
            rows: ROWS,
            scale: 0.2,
            tiles: &plan.tiles,
            sink: GradientSink::Store(&gradient),
            prefetch: None,
        });
    });
    let numbers = gradient.buffers().flat_map(|buffer| buffer.as_slice());
    numbers.map(|number| number.to_bits()).collect()
}

#[test]
fn workers_that_share_a_step() {
    let case = plain::<f32>(&[3, 36, 20, 2]);
    let alone = shared(&case.net, &case.samples(), 1, false);
    assert_eq!(shared(&case.net, &case.samples(), 2, false), alone);
    assert_eq!(shared(&case.net, &case.samples(), 2, true), alone);
}
