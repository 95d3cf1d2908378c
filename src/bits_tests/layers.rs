//! A layer's passes and updates against the derivation's equations, through the public interface.
//!
//! Unit tests check σ, C and the update rules of the tables; these tests take them from the tables,
//! one number at a time, and combine them as the derivation does.

use crate::{
    Activation, Cost, CustomActivation, CustomCost, Failure, Network, Options, Penalty, Portable,
    Real, Rule, Samples, Settings, Targets, Trace,
};
use ndarray::{Array1, Array2, ArrayView2};

use super::{BEGINNING, mixed};

/// Widths with a quarter, a half or more of a line in the last panel, in both number types.
const SIZES: [&[usize]; 4] = [&[3, 1, 2], &[2, 4, 3, 7], &[9, 18, 11, 4], &[20, 33, 24, 5, 30]];

/// One row, fewer rows than the narrowest lines hold together, and more.
const ROWS: [usize; 4] = [1, 2, 5, 19];

fn numbers<T: Real>(shape: (usize, usize), seed: u64) -> Array2<T> {
    let mut index = seed << 32;
    Array2::from_shape_simple_fn(shape, || {
        index += 1;
        T::from_f64(mixed(index))
    })
}

fn activation(text: &str) -> Activation {
    Activation::from_text(text).unwrap()
}

fn squared_error() -> Cost {
    Cost::from_text("squared_error").unwrap()
}

fn network<T: Real>(sizes: &[usize], hidden: &str, output: &str, cost: Cost) -> Network<T> {
    let mut activations = vec![activation(hidden); sizes.len() - 1];
    *activations.last_mut().unwrap() = activation(output);
    let mut net = Network::new(sizes, &activations, cost).unwrap();
    net.initialize("glorot_uniform", 5).unwrap();
    for (l, n) in sizes[1..].iter().enumerate() {
        let biases = numbers::<T>((1, *n), 90 + l as u64).row(0).mapv(|b| b - T::from_f64(0.5));
        net.set_biases(l, biases.view()).unwrap();
    }
    net
}

/// Samples with targets of (0, 1), and weights for them.
struct Data<T> {
    x: Array2<T>,
    y: Array2<T>,
    weights: Vec<T>,
}

impl<T: Real> Data<T> {
    fn new(sizes: &[usize], m: usize) -> Self {
        let weights = numbers::<T>((1, m), 3).iter().map(|w| *w + T::ONE).collect();
        let n_out = sizes[sizes.len() - 1];
        Self { x: numbers((m, sizes[0]), 1), y: numbers((m, n_out), 2), weights }
    }

    fn samples(&self, weighted: bool) -> Samples<'_, T> {
        let weights = weighted.then_some(&self.weights[..]);
        let y = Targets::Values(self.y.as_slice().unwrap());
        Samples { x: self.x.as_slice().unwrap(), y, weights, n_in: self.x.ncols() }
    }

    /// Return 1, or the weight of sample i.
    fn weight(&self, i: usize, weighted: bool) -> f64 {
        if weighted { self.weights[i].to_f64() } else { 1.0 }
    }
}

/// Check equality up to the roundings of sums of some tens of numbers of the size of 1.
#[track_caller]
fn close<T: Real>(given: &Array2<T>, expected: &Array2<f64>, what: &str) {
    assert_eq!(given.dim(), expected.dim(), "{what}");
    let allowed = if T::NAME == "float32" { 2e-5 } else { 4e-14 };
    for (at, value) in given.indexed_iter() {
        let (value, expected) = (value.to_f64(), expected[at]);
        let near = (value - expected).abs() <= allowed * (1.0 + expected.abs());
        assert!(near, "{what} at {at:?}: {value}, not {expected}");
    }
}

fn double<T: Real>(array: &Array2<T>) -> Array2<f64> {
    array.mapv(Real::to_f64)
}

fn column<T: Real>(vector: &Array1<T>) -> Array2<T> {
    vector.clone().insert_axis(ndarray::Axis(0))
}

/// Compute σ(z) of rows, by the table.
fn sigma<T: Real>(row: Activation, z: &Array2<T>) -> Array2<T> {
    let mut a = z.clone();
    a.rows_mut().into_iter().for_each(|mut a| row.sigma::<T, Portable>(a.as_slice_mut().unwrap()));
    a
}

/// Compute C_i of each row and δ of the output, by the tables.
fn output<T: Real>(
    cost: Cost,
    row: Activation,
    [z, a, y]: [&Array2<T>; 3],
) -> (Vec<f64>, Array2<T>) {
    let (n, mut delta) = (z.ncols(), z.clone());
    let costs = (0..z.nrows()).map(|i| {
        let [z, a, y] = [z, a, y].map(|all| all.row(i).to_vec());
        let (mut slope, mut terms) = (vec![T::ZERO; n], vec![T::ZERO; n]);
        let cost = if row.is_elementwise() {
            let given = [&z[..], &a, &y];
            cost.elementwise::<T, Portable>(row, given, n, &mut slope, &mut terms);
            terms.iter().map(|term| term.to_f64()).sum()
        } else {
            let given = [&z, &a, &y].map(|row| row.as_chunks().0);
            let found = (slope.as_chunks_mut().0, terms.as_chunks_mut().0);
            cost.rowwise::<T, Portable, 1>(given, found.0, found.1)[0].to_f64()
        };
        delta.row_mut(i).assign(&Array1::from(slope));
        cost
    });
    (costs.collect(), delta)
}

/// Compute δ ⊙ σ'(z, a), by the table.
fn slope<T: Real>(row: Activation, [z, a]: [&Array2<T>; 2], delta: &Array2<f64>) -> Array2<f64> {
    let mut product = delta.mapv(T::from_f64);
    let [z, a] = [z, a].map(|all| all.as_slice().unwrap());
    row.sigma_prime::<T, Portable>(z, a, product.as_slice_mut().unwrap());
    double(&product)
}

/// Check the four equations of the derivation for every number of a pass.
fn assert_equations<T: Real>(net: &mut Network<T>, data: &Data<T>, weighted: bool) {
    let rows = net.activations();
    let trace = net.backward(&data.samples(weighted)).unwrap();
    let (m, last) = (data.x.nrows(), rows.len() - 1);
    let (w, b): (Vec<_>, Vec<_>) = (net.weights().unwrap(), net.biases().unwrap());
    let z = |l: usize| double(&trace.activations[l]).dot(&double(&w[l]).t());
    for l in 0..=last {
        let what = format!("layer {} of {:?}, {m} rows", l + 1, net.sizes());
        close(&trace.weighted_inputs[l], &(z(l) + double(&column(&b[l]))), &format!("z of {what}"));
        let a = sigma(rows[l], &trace.weighted_inputs[l]);
        close(&trace.activations[l + 1], &double(&a), &format!("a of {what}"));
    }
    assert_eq!(net.predict(data.x.view()).unwrap(), trace.activations[last + 1]);
    assert_eq!(net.activations_of(data.x.view()).unwrap(), trace.activations);

    let given = [&trace.weighted_inputs[last], &trace.activations[last + 1], &data.y];
    let (costs, mut delta) = output(net.cost(), rows[last], given);
    let total: f64 = (0..m).map(|i| data.weight(i, weighted)).sum();
    let weigh = |(i, cost): (usize, &f64)| cost * data.weight(i, weighted);
    let cost = costs.iter().enumerate().map(weigh).sum::<f64>() / total;
    let one = |cost| Array2::from_elem((1, 1), cost);
    close(&one(trace.cost).mapv(T::from_f64), &one(cost), "C");
    for (i, mut delta) in delta.rows_mut().into_iter().enumerate() {
        delta.mapv_inplace(|delta| delta * T::from_f64(data.weight(i, weighted)));
    }
    close(&trace.deltas[last], &double(&delta), "δ of the output");
    for l in 0..last {
        let below = double(&trace.deltas[l + 1]).dot(&double(&w[l + 1]));
        let given = [&trace.weighted_inputs[l], &trace.activations[l + 1]];
        close(&trace.deltas[l], &slope(rows[l], given, &below), "δ of a hidden layer");
    }
    for l in 0..=last {
        let (delta, a) = (double(&trace.deltas[l]), double(&trace.activations[l]));
        close(&trace.weight_gradients[l], &(delta.t().dot(&a) / total), "∂C/∂W");
        let bias = delta.sum_axis(ndarray::Axis(0)) / total;
        close(&column(&trace.bias_gradients[l]), &column(&bias), "∂C/∂b");
    }
}

fn every_pass<T: Real>() {
    let ends = [("tanh", "sigmoid", "squared_error"), ("gelu", "identity", "huber")];
    let ends = ends.into_iter().chain([("identity", "softmax", "cross_entropy")]);
    for (hidden, output, cost) in ends.chain([("relu", "softmax", "squared_error")]) {
        for sizes in SIZES {
            for m in ROWS {
                let cost = Cost::from_text(cost).unwrap();
                let data = Data::<T>::new(sizes, m);
                let mut net = network(sizes, hidden, output, cost);
                assert_equations(&mut net, &data, m == 5);
            }
        }
    }
}

#[test]
fn every_number_of_a_pass_is_the_derivations_in_double_precision() {
    every_pass::<f64>();
}

#[test]
fn every_number_of_a_pass_is_the_derivations_in_single_precision() {
    every_pass::<f32>();
}

/// Parameters are read as they were set, and z = a Wᵀ + b uses them, even if others were set
/// before.
#[test]
fn parameters_that_are_set_are_those_of_the_next_pass() {
    for sizes in SIZES {
        let mut net = network::<f64>(sizes, "tanh", "identity", squared_error());
        let data = Data::<f64>::new(sizes, 5);
        for seed in [40, 60] {
            let shapes = sizes.windows(2).map(|pair| (pair[1], pair[0])).zip(seed..);
            let w: Vec<_> = shapes.map(|(shape, seed)| numbers::<f64>(shape, seed)).collect();
            let b: Vec<_> = w.iter().map(|w| w.column(0).mapv(|w| 1.0 - 3.0 * w)).collect();
            for (l, (w, b)) in w.iter().zip(&b).enumerate() {
                net.set_weights(l, w.view()).unwrap();
                net.set_biases(l, b.view()).unwrap();
            }
            assert_eq!((net.weights().unwrap(), net.biases().unwrap()), (w.clone(), b.clone()));
            let trace = net.backward(&data.samples(false)).unwrap();
            for (l, (w, b)) in w.iter().zip(&b).enumerate() {
                let z = trace.activations[l].dot(&w.t()) + b;
                close(&trace.weighted_inputs[l], &z, "z by the parameters that were set");
            }
        }
    }
}

/// Compute a rule's update of the parameters of one layer, number by number.
struct Twin {
    parts: Vec<(Array1<f64>, [Vec<f64>; 3])>,
}

impl Twin {
    fn of(parts: Vec<Array1<f64>>, kept: usize) -> Self {
        let memory = |n| [0, 1, 2].map(|i| vec![0.0; if i < kept { n } else { 0 }]);
        Self { parts: parts.into_iter().map(|part| (part.clone(), memory(part.len()))).collect() }
    }
}

/// Return W, b, gains and shifts of each layer, flattened.
fn parameters(net: &Network<f64>) -> Vec<Vec<Array1<f64>>> {
    let norm = |part: Option<Array1<f64>>| part.unwrap_or_else(|| Array1::zeros(0));
    let layers = net
        .weights()
        .unwrap()
        .into_iter()
        .zip(net.biases().unwrap())
        .zip(net.gains().unwrap())
        .zip(net.shifts().unwrap());
    let flat = |w: Array2<f64>| w.flatten().to_owned();
    layers.map(|(((w, b), gain), shift)| vec![flat(w), b, norm(gain), norm(shift)]).collect()
}

/// Return their gradients likewise.
fn gradients(trace: &Trace<f64>) -> Vec<Vec<Array1<f64>>> {
    let norm = |part: &Option<Array1<f64>>| part.clone().unwrap_or_else(|| Array1::zeros(0));
    let of = |l: usize| {
        let w = trace.weight_gradients[l].flatten().to_owned();
        let [gain, shift] =
            [&trace.gain_gradients, &trace.shift_gradients].map(|all| norm(&all[l]));
        vec![w, trace.bias_gradients[l].clone(), gain, shift]
    };
    (0..trace.deltas.len()).map(of).collect()
}

/// Two steps make two updates of every parameter by its gradient, for every path of a step; later
/// passes use the new weights, in both directions.
fn assert_updates(net: &mut Network<f64>, penalties: &[Penalty], m: usize, settings: &Settings) {
    let sizes = net.sizes();
    let rule = Rule::from_text("adamw(weight_decay=0.1)").unwrap();
    let data = Data::<f64>::new(&sizes, m);
    let twin_of = |parts| Twin::of(parts, rule.memory().len());
    let mut twins: Vec<Twin> = parameters(net).into_iter().map(twin_of).collect();
    net.set_optimizer(rule).unwrap();
    let mut clock = crate::Clock::default();
    for _ in 0..2 {
        let gradients = gradients(&net.backward(&data.samples(false)).unwrap());
        net.train(&data.samples(false), settings, BEGINNING).unwrap();
        clock.tick(rule);
        let update = rule.at::<f64>(&clock, settings.learning_rate);
        for ((twin, gradients), penalty) in twins.iter_mut().zip(gradients).zip(penalties) {
            for (i, ((part, memory), mut gradient)) in
                twin.parts.iter_mut().zip(gradients).enumerate()
            {
                let (w, g) = (part.as_slice_mut().unwrap(), gradient.as_slice_mut().unwrap());
                update.prepare(w, g, (i == 0).then_some(penalty));
                update.apply::<Portable>(w, g, memory.each_mut().map(Vec::as_mut_slice));
            }
        }
        for (l, (found, twin)) in parameters(net).iter().zip(&twins).enumerate() {
            for (found, (expected, _)) in found.iter().zip(&twin.parts) {
                let what = format!("layer {} of {sizes:?} after {m} rows", l + 1);
                close(&column(found), &column(expected), &what);
            }
        }
    }
}

fn settings(m: usize) -> Settings<'static> {
    Settings::new(m, 0.05)
}

#[test]
fn a_step_updates_every_parameter_by_its_gradient() {
    // One row, a step of a small network, immediate updates of tiles, and chunks with stored
    // gradients.
    for (sizes, m) in [(&[3, 4, 2][..], 1), (&[3, 4, 2], 7), (&[9, 18, 11, 4], 6), (&[3, 9], 1100)]
    {
        let penalty = Penalty { l1: 0.01, l2: 0.02, weight_decay: 0.03 };
        for penalty in [Penalty::default(), penalty] {
            let mut net = network::<f64>(sizes, "tanh", "identity", squared_error());
            let penalties = vec![penalty; sizes.len() - 1];
            let options = Options { penalty, ..Options::default() };
            net.set_options(&vec![options; sizes.len() - 1]).unwrap();
            assert_updates(&mut net, &penalties, m, &settings(m));
            assert_equations(&mut net, &Data::new(sizes, 3), false);
        }
    }
}

/// A rule without decay or clipping, so that the penalty is the only preparation.
#[test]
fn a_penalty_counts_with_a_plain_rule() {
    for sizes in [&[3, 4, 2][..], &[9, 18, 11, 4]] {
        let penalty = Penalty { l2: 0.02, ..Penalty::default() };
        let mut net = network::<f64>(sizes, "tanh", "identity", squared_error());
        net.set_options(&vec![Options { penalty, ..Options::default() }; sizes.len() - 1]).unwrap();
        let data = Data::<f64>::new(sizes, 6);
        let (w, trace) = (net.weights().unwrap(), net.backward(&data.samples(false)).unwrap());
        net.step(&data.samples(false), 0.1).unwrap();
        for ((w, g), found) in w.iter().zip(&trace.weight_gradients).zip(net.weights().unwrap()) {
            close(&found, &(w - &((g + &(w * 0.04)) * 0.1)), "W");
        }
    }
}

#[test]
fn gains_and_shifts_are_updated_as_biases_are() {
    for m in [6, 1100] {
        let sizes = [4, 11, 18, 3];
        let mut net = network::<f64>(&sizes, "tanh", "identity", squared_error());
        let normed = Options { layer_norm: true, ..Options::default() };
        net.set_options(&[normed, normed, Options::default()]).unwrap();
        assert_updates(&mut net, &[Penalty::default(); 3], m, &settings(m));
    }
}

/// A gradient that is stored for its norm, which is not too large.
#[test]
fn a_gradient_that_is_kept_is_the_same() {
    let mut net = network::<f64>(&[9, 18, 4], "tanh", "identity", squared_error());
    let penalty = Penalty { l1: 0.01, ..Penalty::default() };
    net.set_options(&[Options { penalty, ..Options::default() }; 2]).unwrap();
    let settings = Settings { clip_norm: Some(1e9), ..settings(6) };
    assert_updates(&mut net, &[penalty; 2], 6, &settings);
    assert_equations(&mut net, &Data::new(&[9, 18, 4], 3), false);
}

/// Check a step of plain gradient descent by `clipped` numbers of the gradient; the settings may
/// need its norm.
fn assert_clipped(settings: impl Fn(f64) -> Settings<'static>, clipped: impl Fn(f64) -> f64) {
    for sizes in [&[3, 4, 3][..], &[9, 18, 11]] {
        let mut net = network::<f64>(sizes, "tanh", "sigmoid", squared_error());
        let data = Data::<f64>::new(sizes, 6);
        let before = parameters(&net).concat();
        let gradients = gradients(&net.backward(&data.samples(false)).unwrap()).concat();
        let norm = gradients.iter().map(|g| g.dot(g)).sum::<f64>().sqrt();
        let settings = settings(norm);
        net.train(&data.samples(false), &settings, BEGINNING).unwrap();
        let after = parameters(&net).concat();
        for ((old, g), new) in before.iter().zip(&gradients).zip(&after) {
            let expected = old - g.mapv(&clipped) * settings.learning_rate;
            close(&column(new), &column(&expected), "a parameter");
            assert!(g.is_empty() || g.iter().any(|g| clipped(*g) != *g), "nothing is clipped");
        }
    }
}

/// Padding, as after 3 or 11 outputs, does not count in the norm.
#[test]
fn a_gradient_that_is_too_long_is_shortened() {
    let settings = |norm| Settings { clip_norm: Some(norm / 2.0), ..settings(6) };
    assert_clipped(settings, |g| g / 2.0);
}

#[test]
fn each_number_of_a_gradient_is_limited() {
    let limit = 1e-3;
    let settings = |_| Settings { clip_value: Some(limit), ..settings(6) };
    assert_clipped(settings, |g| g.clamp(-limit, limit));
}

#[test]
fn weights_that_come_back_are_those_of_both_directions() {
    let sizes = [9, 18, 11, 4];
    let mut net = network::<f64>(&sizes, "tanh", "identity", squared_error());
    let (data, state) = (Data::<f64>::new(&sizes, 5), net.state().unwrap());
    let snapshot = net.snapshot(&|| false).unwrap().expect("it is not given up");
    let before = net.backward(&data.samples(false)).unwrap();
    for _ in 0..2 {
        net.step(&data.samples(false), 0.5).unwrap();
        assert!(net.backward(&data.samples(false)).unwrap() != before);
        net.set_state(&state).unwrap();
        assert_eq!(net.backward(&data.samples(false)).unwrap(), before);
        net.step(&data.samples(false), 0.5).unwrap();
        net.restore(&snapshot).unwrap();
        assert_eq!(net.backward(&data.samples(false)).unwrap(), before);
    }
}

/// Rows of W with too large a norm are scaled down to it, the others stay.
#[test]
fn norms_of_incoming_weights_are_limited() {
    for sizes in [&[3, 4, 2][..], &[9, 18, 11, 4]] {
        let layers = sizes.len() - 1;
        let mut free = network::<f64>(sizes, "tanh", "identity", squared_error());
        let norm = |w: &ndarray::ArrayView1<f64>| w.dot(w).sqrt();
        let w = free.weights().unwrap();
        let mut norms: Vec<f64> = w[0].rows().into_iter().map(|row| norm(&row)).collect();
        norms.sort_by(f64::total_cmp);
        let most = norms[norms.len() / 2 - 1] * 1.001; // half of the first layer's are longer
        let mut limited = network::<f64>(sizes, "tanh", "identity", squared_error());
        let mut options = vec![Options::default(); layers];
        options[0].max_norm = most;
        limited.set_options(&options).unwrap();
        let data = Data::<f64>::new(sizes, 5);
        for net in [&mut free, &mut limited] {
            net.step(&data.samples(false), 1e-3).unwrap();
        }
        let (w, found) = (free.weights().unwrap(), limited.weights().unwrap());
        let mut shortened = 0;
        for (free, found) in w[0].rows().into_iter().zip(found[0].rows()) {
            let long = norm(&free) > most;
            shortened += usize::from(long);
            let expected = if long { &free * (most / norm(&free)) } else { free.to_owned() };
            close(&column(&found.to_owned()), &column(&expected), "W under a limit");
        }
        assert!(0 < shortened && shortened < w[0].nrows());
        assert_eq!(w[1..], found[1..]);
        assert_equations(&mut limited, &data, false);
    }
}

/// A single sample, so that a step shows which activations its masks have kept.
#[test]
fn dropped_neurons_learn_nothing_and_the_others_are_scaled() {
    let (sizes, share, rate) = ([3, 21, 21, 1], 0.5, 1.0);
    let mut net = network::<f64>(&sizes, "identity", "identity", squared_error());
    let dropout = Options { dropout: share, ..Options::default() };
    net.set_options(&[dropout, dropout, Options::default()]).unwrap();
    let data = Data::<f64>::new(&sizes, 1);
    let (w, b) = (net.weights().unwrap(), net.biases().unwrap());
    net.step(&data.samples(false), rate).unwrap();
    // -α ∂C/∂W and -α ∂C/∂b = -α δ: the first divided by the second is the input of the layer.
    let [seen, delta]: [Vec<_>; 2] = {
        let moved = net.weights().unwrap().into_iter().zip(&w).map(|(new, old)| new - old);
        let deltas: Vec<_> =
            net.biases().unwrap().iter().zip(&b).map(|(new, old)| new - old).collect();
        let seen = moved.zip(&deltas).map(|(moved, delta)| {
            let j = delta.iter().position(|delta| *delta != 0.0).unwrap();
            moved.row(j).to_owned() / delta[j]
        });
        [seen.collect(), deltas]
    };
    let mut masks = Vec::new();
    for l in 0..2 {
        let z = w[l].dot(&seen[l]) + &b[l];
        let mask = Array1::from_shape_fn(z.len(), |j| f64::from(u8::from(seen[l + 1][j] != 0.0)));
        let kept = mask.sum();
        assert!(0.0 < kept && kept < 21.0, "some stay and some do not");
        masks.push(mask / (1.0 - share));
        close(&column(&seen[l + 1]), &column(&(&z * &masks[l])), "a times its mask");
        let below = delta[l + 1].dot(&w[l + 1]) * &masks[l];
        close(&column(&delta[l]), &column(&below), "δ times its mask");
    }
    assert_ne!(masks[0], masks[1]);
}

#[test]
fn gains_begin_at_one_and_shifts_at_zero() {
    let mut net = network::<f64>(&[3, 11, 2], "tanh", "identity", squared_error());
    assert_eq!((net.gains().unwrap(), net.shifts().unwrap()), (vec![None, None], vec![None, None]));
    let normed = Options { layer_norm: true, ..Options::default() };
    net.set_options(&[normed, Options::default()]).unwrap();
    let (ones, zeros) = (Array1::<f64>::ones(11), Array1::<f64>::zeros(11));
    for _ in 0..2 {
        assert_eq!(net.gains().unwrap(), [Some(ones.clone()), None]);
        assert_eq!(net.shifts().unwrap(), [Some(zeros.clone()), None]);
        net.set_gains(0, zeros.view()).unwrap();
        net.set_shifts(0, ones.view()).unwrap();
        net.initialize("glorot_uniform", 1).unwrap();
    }
    assert!(net.set_gains(1, Array1::ones(2).view()).is_err());
}

/// Every gradient is the slope of C, also through gains and shifts.
#[test]
fn gradients_with_layer_normalization_are_slopes() {
    let sizes = [3, 11, 4, 3];
    let cost = Cost::from_text("cross_entropy").unwrap();
    let mut net = network::<f64>(&sizes, "tanh", "softmax", cost);
    let normed = Options { layer_norm: true, ..Options::default() };
    net.set_options(&[normed; 3]).unwrap();
    let data = Data::<f64>::new(&sizes, 5);
    let trace = net.backward(&data.samples(true)).unwrap();
    let (h, layers) = (1e-6, sizes.len() - 1);
    for l in 0..layers {
        let mut slope = |set: &dyn Fn(&mut Network<f64>, f64)| {
            let costs = [h, -h].map(|h| {
                set(&mut net, h);
                net.mean_cost(&data.samples(true)).unwrap()
            });
            set(&mut net, 0.0);
            (costs[0] - costs[1]) / (2.0 * h)
        };
        let check =
            |slope: f64, found: f64| assert!((slope - found).abs() < 1e-8, "{slope} {found}");
        for j in 0..sizes[l + 1] {
            let moved = |vector: Array1<f64>, h: f64| {
                let mut vector = vector;
                vector[j] += h;
                vector
            };
            check(
                slope(&|net, h| {
                    let ones = Array1::ones(sizes[l + 1]);
                    net.set_gains(l, moved(ones, h).view()).unwrap();
                }),
                trace.gain_gradients[l].as_ref().unwrap()[j],
            );
            check(
                slope(&|net, h| {
                    let zeros = Array1::zeros(sizes[l + 1]);
                    net.set_shifts(l, moved(zeros, h).view()).unwrap();
                }),
                trace.shift_gradients[l].as_ref().unwrap()[j],
            );
        }
    }
}

/// σ(z) = z + z², with a name.
struct Square;

impl CustomActivation<f64> for Square {
    fn name(&self) -> &str {
        "square"
    }

    fn sigma(&self, z: ArrayView2<f64>) -> Result<Array2<f64>, Failure> {
        Ok(z.mapv(|z| z + z * z))
    }

    fn sigma_prime(&self, z: ArrayView2<f64>, _: ArrayView2<f64>) -> Result<Array2<f64>, Failure> {
        Ok(z.mapv(|z| 1.0 + 2.0 * z))
    }
}

/// C_i = Σ_j (a_j - y_j)², like the table's.
struct SquaredError;

impl CustomCost<f64> for SquaredError {
    fn name(&self) -> &str {
        "mine"
    }

    fn costs(&self, a: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<Array1<f64>, Failure> {
        Ok((&a - &y).mapv(|e| e * e).sum_axis(ndarray::Axis(1)))
    }

    fn slope(&self, a: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<Array2<f64>, Failure> {
        Ok((&a - &y) * 2.0)
    }
}

#[test]
fn a_custom_activation_replaces_that_of_the_table() {
    for own in [0, 1, 2] {
        let sizes = [3, 11, 4, 3];
        let mut net = network::<f64>(&sizes, "tanh", "identity", squared_error());
        net.use_activation(own, Box::new(Square)).unwrap();
        let names: Vec<_> = (0..3)
            .map(|l| if l == own { "square" } else { ["tanh", "tanh", "identity"][l] })
            .collect();
        assert_eq!(net.activation_names(), names);
        let data = Data::<f64>::new(&sizes, 5);
        let trace = net.backward(&data.samples(false)).unwrap();
        assert_eq!(net.predict(data.x.view()).unwrap(), trace.activations[3]);
        let z = &trace.weighted_inputs[own];
        assert_eq!(trace.activations[own + 1], z.mapv(|z| z + z * z));
        let w = net.weights().unwrap();
        let above = match own {
            2 => (&trace.activations[3] - &data.y) * 2.0,
            _ => trace.deltas[own + 1].dot(&w[own + 1]),
        };
        close(&trace.deltas[own], &(above * z.mapv(|z| 1.0 + 2.0 * z)), "δ");
        let expected: Vec<_> =
            w.iter().zip(&trace.weight_gradients).map(|(w, g)| w - &(g * 0.1)).collect();
        net.step(&data.samples(false), 0.1).unwrap();
        net.weights()
            .unwrap()
            .iter()
            .zip(expected)
            .for_each(|(w, expected)| close(w, &expected, "W"));
    }
}

#[test]
fn a_custom_cost_is_weighted_like_that_of_the_table() {
    let sizes = [3, 11, 4];
    for output in ["sigmoid", "softmax"] {
        let mut net = network::<f64>(&sizes, "tanh", output, squared_error());
        let data = Data::<f64>::new(&sizes, 5);
        for weighted in [false, true] {
            let table = network::<f64>(&sizes, "tanh", output, squared_error())
                .backward(&data.samples(weighted))
                .unwrap();
            net.use_cost(Box::new(SquaredError));
            let own = net.backward(&data.samples(weighted)).unwrap();
            assert!((own.cost - table.cost).abs() < 1e-14);
            for (own, table) in own.weight_gradients.iter().zip(&table.weight_gradients) {
                close(own, table, "∂C/∂W");
            }
        }
    }
}
