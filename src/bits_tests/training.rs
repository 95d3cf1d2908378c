//! The bits of steps, gradients and predictions, for every way of computing them.
//!
//! The twin below computes one number after the other: each element of a product is one chain of
//! `mul_add` in ascending order, each sum over the batch a pairwise tree over shards of 256 rows.

use std::process::Command;
use std::sync::Mutex;

use super::{BEGINNING, mixed};
use crate::{
    Activation, Clock, Cost, Isa, Network, Penalty, Portable, Real, Rule, Samples, Settings,
    Targets, set_threads,
};
use ndarray::{Array1, Array2, ArrayView2};
use proptest::prelude::*;

const SHARD: usize = 256;
const THREADS: [usize; 5] = [1, 2, 3, 5, 8];

/// Only one test at a time uses the pool: a job that finds it busy would run on one thread.
static POOL: Mutex<()> = Mutex::new(());

fn with_threads<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    let _guard = POOL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    set_threads(threads);
    work()
}

/// `sum(shard)` for the shards of `rows` rows, the largest power of two of them first, then the rest.
fn tree<S: std::ops::Add<Output = S>>(
    rows: usize,
    sum: &impl Fn(std::ops::Range<usize>) -> S,
) -> S {
    fn fold<S: std::ops::Add<Output = S>>(
        shards: std::ops::Range<usize>,
        sum: &impl Fn(usize) -> S,
    ) -> S {
        if shards.len() == 1 {
            return sum(shards.start);
        }
        let half = shards.start + shards.len().next_power_of_two() / 2;
        fold(shards.start..half, sum) + fold(half..shards.end, sum)
    }
    fold(0..rows.div_ceil(SHARD), &|s| sum(s * SHARD..((s + 1) * SHARD).min(rows)))
}

/// A layer as lists of numbers, with the moments of its rule.
struct TwinLayer<T> {
    w: Vec<Vec<T>>,
    b: Vec<T>,
    w_moments: Vec<[Vec<T>; 3]>,
    b_moments: [Vec<T>; 3],
}

/// The results of one sample: z and a of each layer (a of the samples first), δ, and C_i.
struct Pass<T> {
    a: Vec<Vec<T>>,
    delta: Vec<Vec<T>>,
    cost: f64,
}

struct Twin<T> {
    layers: Vec<TwinLayer<T>>,
    activations: Vec<Activation>,
    cost: Cost,
    rule: Rule,
    clock: Clock,
}

impl<T: Real> Twin<T> {
    fn of(net: &Network<T>, rule: Rule) -> Self {
        let kept = rule.memory().len();
        let zeros = |n: usize| [0, 1, 2].map(|i| vec![T::ZERO; if i < kept { n } else { 0 }]);
        let layer = |(w, b): (Array2<T>, Array1<T>)| TwinLayer {
            w_moments: w.rows().into_iter().map(|row| zeros(row.len())).collect(),
            b_moments: zeros(b.len()),
            w: w.rows().into_iter().map(|row| row.to_vec()).collect(),
            b: b.to_vec(),
        };
        Self {
            layers: net
                .weights()
                .unwrap()
                .into_iter()
                .zip(net.biases().unwrap())
                .map(layer)
                .collect(),
            activations: net.activations(),
            cost: net.cost(),
            rule,
            clock: Clock::default(),
        }
    }

    fn pass(&self, x: &[T], y: &[T]) -> Pass<T> {
        let (mut zs, mut a) = (Vec::new(), vec![x.to_vec()]);
        for (layer, activation) in self.layers.iter().zip(&self.activations) {
            let below = a.last().unwrap();
            let neurons = layer.w.iter().zip(&layer.b);
            let z =
                neurons.map(|(w, b)| w.iter().zip(below).fold(*b, |z, (w, a)| a.mul_add(*w, z)));
            zs.push(z.collect::<Vec<T>>());
            let mut sigma = zs.last().unwrap().clone();
            activation.sigma::<T, Portable>(&mut sigma);
            a.push(sigma);
        }
        let last = self.layers.len() - 1;
        let (cost, output_delta) = self.output(&zs[last], &a[last + 1], y);
        let mut delta = vec![output_delta];
        for l in (1..=last).rev() {
            let above = &delta[0];
            let back = |k: usize| {
                let terms = above.iter().zip(&self.layers[l].w);
                terms.fold(T::ZERO, |sum, (delta, w)| delta.mul_add(w[k], sum))
            };
            let mut below: Vec<T> = (0..a[l].len()).map(back).collect();
            self.activations[l - 1].sigma_prime::<T, Portable>(&zs[l - 1], &a[l], &mut below);
            delta.insert(0, below);
        }
        Pass { a, delta, cost }
    }

    fn output(&self, z: &[T], a: &[T], y: &[T]) -> (f64, Vec<T>) {
        let activation = self.activations[self.layers.len() - 1];
        let (mut delta, mut terms) = (vec![T::ZERO; z.len()], vec![T::ZERO; z.len()]);
        let cost = if activation.is_elementwise() {
            self.cost.elementwise::<T, Portable>(
                activation,
                [z, a, y],
                z.len(),
                &mut delta,
                &mut terms,
            );
            terms.iter().fold(T::ZERO, |cost, term| cost + *term)
        } else {
            let given = [z, a, y].map(|row| row.as_chunks().0);
            let (delta, terms) = (delta.as_chunks_mut().0, terms.as_chunks_mut().0);
            self.cost.rowwise::<T, Portable, 1>(given, delta, terms)[0]
        };
        (cost.to_f64(), delta)
    }

    /// Compute ∂C/∂W and ∂C/∂b of layer l.
    fn gradient(&self, passes: &[Pass<T>], l: usize) -> (Vec<Vec<T>>, Vec<T>) {
        let (m, layer) = (passes.len(), &self.layers[l]);
        let scale = T::ONE / T::from_f64(m as f64);
        let weight = |j: usize, k: usize| {
            let chain = |rows: std::ops::Range<usize>| {
                let passes = passes[rows].iter();
                passes.fold(T::ZERO, |sum, pass| pass.a[l][k].mul_add(pass.delta[l][j], sum))
            };
            tree(m, &chain) * scale
        };
        let bias = |j: usize| {
            let chain = |rows: std::ops::Range<usize>| {
                passes[rows].iter().fold(T::ZERO, |sum, pass| sum + pass.delta[l][j])
            };
            tree(m, &chain) * scale
        };
        let row = |j: usize| (0..layer.w[j].len()).map(|k| weight(j, k)).collect();
        let neurons = 0..layer.b.len();
        (neurons.clone().map(row).collect(), neurons.map(bias).collect())
    }

    /// Make one update; return the sum of the costs before it.
    fn step(&mut self, x: &[Vec<T>], y: &[Vec<T>], learning_rate: f64) -> f64 {
        let passes: Vec<_> = x.iter().zip(y).map(|(x, y)| self.pass(x, y)).collect();
        self.clock.tick(self.rule);
        let update = self.rule.at::<T>(&self.clock, learning_rate);
        let gradients: Vec<_> = (0..self.layers.len()).map(|l| self.gradient(&passes, l)).collect();
        for (layer, (grad_w, grad_b)) in self.layers.iter_mut().zip(gradients) {
            for ((w, mut grad), moments) in layer.w.iter_mut().zip(grad_w).zip(&mut layer.w_moments)
            {
                update.prepare(w, &mut grad, Some(&Penalty::default()));
                update.apply::<Portable>(w, &grad, moments.each_mut().map(Vec::as_mut_slice));
            }
            let moments = layer.b_moments.each_mut().map(Vec::as_mut_slice);
            update.apply::<Portable>(&mut layer.b, &grad_b, moments);
        }
        tree(passes.len(), &|rows| passes[rows].iter().fold(0.0, |sum, pass| sum + pass.cost))
    }

    /// Train epochs in the order of the rows; return the cost of each.
    fn train(&mut self, data: &Data<T>, case: &Case) -> Vec<f64> {
        let batches = || data.x.chunks(case.batch).zip(data.y.chunks(case.batch));
        let epoch = |_| {
            let costs = batches().map(|(x, y)| self.step(x, y, case.learning_rate));
            costs.sum::<f64>() / data.x.len() as f64
        };
        (0..EPOCHS).map(epoch).collect()
    }

    fn parameters(&self) -> Vec<u64> {
        let layers = self.layers.iter();
        layers.flat_map(|layer| layer.w.iter().flatten().chain(&layer.b)).map(bits).collect()
    }
}

/// Return the bits of a number; all NaN are one.
fn bits<T: Real>(value: &T) -> u64 {
    let value = value.to_f64();
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

fn parameters<T: Real>(net: &Network<T>) -> Vec<u64> {
    let layers = net.weights().unwrap().into_iter().zip(net.biases().unwrap());
    layers.flat_map(|(w, b)| w.iter().chain(&b).map(bits).collect::<Vec<_>>()).collect()
}

const EPOCHS: u64 = 2;

#[derive(Debug, Clone)]
struct Case {
    sizes: Vec<usize>,
    activations: Vec<Activation>,
    cost: Cost,
    rule: &'static str,
    rows: usize,
    batch: usize,
    classes: bool,
    learning_rate: f64,
}

impl Case {
    fn network<T: Real>(&self) -> Network<T> {
        let mut net = Network::new(&self.sizes, &self.activations, self.cost).unwrap();
        net.initialize("glorot_uniform", 7).unwrap();
        for (l, n) in self.sizes[1..].iter().enumerate() {
            let biases = (0..*n).map(|j| T::from_f64(mixed(j as u64) - 0.5));
            net.set_biases(l, biases.collect::<Array1<T>>().view()).unwrap();
        }
        net.set_optimizer(self.rule()).unwrap();
        net
    }

    fn rule(&self) -> Rule {
        Rule::from_text(self.rule).unwrap()
    }

    fn settings(&self) -> Settings<'static> {
        Settings { stop_epoch: EPOCHS, ..Settings::new(self.batch, self.learning_rate) }
    }

    /// Train on one thread, two, ..., and by the twin.
    fn check<T: Real>(&self) {
        let data = Data::<T>::of(self);
        let mut twin = Twin::of(&self.network(), self.rule());
        let expected = twin.train(&data, self);
        for threads in THREADS {
            let mut net = self.network();
            let train = || net.train(&data.samples(), &self.settings(), BEGINNING).unwrap();
            let costs = with_threads(threads, train).costs;
            let same = parameters(&net) == twin.parameters();
            assert!(same, "{} parameters on {threads} threads: {self:?}", T::NAME);
            let of_bits = |costs: &[f64]| costs.iter().map(bits).collect::<Vec<_>>();
            let same = of_bits(&costs) == of_bits(&expected);
            assert!(same, "{} costs on {threads} threads: {self:?}", T::NAME);
        }
    }
}

/// Samples and targets, row by row and in one piece.
struct Data<T> {
    x: Vec<Vec<T>>,
    y: Vec<Vec<T>>,
    flat_x: Vec<T>,
    flat_y: Vec<T>,
    labels: Option<Vec<i64>>,
}

impl<T: Real> Data<T> {
    fn of(case: &Case) -> Self {
        let (n_in, n_out) = (case.sizes[0], *case.sizes.last().unwrap());
        let number = |i: usize| mixed(i as u64);
        let x =
            |r: usize| (0..n_in).map(|k| T::from_f64(2.0 * number(r * n_in + k) - 1.0)).collect();
        let label = |r: usize| (number(r << 20) * n_out as f64) as usize;
        let y = |r: usize| {
            let element = |j: usize| match case.classes {
                true => T::from_f64(f64::from(u8::from(label(r) == j))),
                false => T::from_f64(number((r << 32) + j)),
            };
            (0..n_out).map(element).collect()
        };
        let x: Vec<Vec<T>> = (0..case.rows).map(x).collect();
        let y: Vec<Vec<T>> = (0..case.rows).map(y).collect();
        let labels = case.classes.then(|| (0..case.rows).map(|r| label(r) as i64).collect());
        Self { flat_x: x.concat(), flat_y: y.concat(), x, y, labels }
    }

    fn samples(&self) -> Samples<'_, T> {
        self.first(self.x.len())
    }

    fn first(&self, m: usize) -> Samples<'_, T> {
        let (n_in, n_out) = (self.x[0].len(), self.y[0].len());
        let y = match &self.labels {
            Some(labels) => Targets::Classes(&labels[..m]),
            None => Targets::Values(&self.flat_y[..m * n_out]),
        };
        Samples { x: &self.flat_x[..m * n_in], y, weights: None, n_in }
    }

    fn rows(&self) -> ArrayView2<'_, T> {
        ArrayView2::from_shape((self.x.len(), self.x[0].len()), &self.flat_x).unwrap()
    }
}

/// The most multiplications of a step for the twin.
const WORK: usize = 2_000_000;

fn cases() -> impl Strategy<Value = Case> {
    let width = || prop_oneof![4 => 1..=20usize, 2 => 1..=70usize, 1 => 120..=140usize];
    let batch = prop_oneof![3 => 1..=40usize, 2 => 250..=260usize, 2 => 1020..=1030usize,
                            1 => 1..=2100usize];
    let hidden: Vec<_> = Activation::ALL.iter().filter(|a| a.is_elementwise()).copied().collect();
    let pairs = Cost::ALL.iter().flat_map(|c| Activation::ALL.iter().map(move |a| (*c, *a)));
    let pairs: Vec<_> = pairs.filter(|(cost, output)| cost.check_output(*output).is_ok()).collect();
    (
        prop::collection::vec((width(), prop::sample::select(hidden)), 1..=4),
        (width(), prop::sample::select(pairs)),
        (batch, 1..250usize, any::<bool>()),
        prop::sample::select(Rule::NAMES),
    )
        .prop_map(|(inner, (n_out, (cost, output)), (batch, percent, classes), rule)| {
            let n_out = if output.is_elementwise() { n_out } else { n_out.max(2) };
            let (mut sizes, mut activations): (Vec<_>, Vec<_>) = inner.into_iter().unzip();
            sizes.push(n_out);
            activations.remove(0);
            activations.push(output);
            let work: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
            let batch = batch.clamp(1, (WORK / work).max(3));
            let rows = (batch * percent / 100).max(1);
            Case { sizes, activations, cost, rule, rows, batch, classes, learning_rate: 0.01 }
        })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn training_in_single_precision_has_the_bits_of_the_twin(case in cases()) {
        case.check::<f32>();
    }

    #[test]
    fn training_in_double_precision_has_the_bits_of_the_twin(case in cases()) {
        case.check::<f64>();
    }
}

fn plain(sizes: &[usize], rows: usize, rule: &'static str) -> Case {
    Case {
        sizes: sizes.to_vec(),
        activations: vec![Activation::Sigmoid; sizes.len() - 1],
        cost: Cost::SquaredError { scale: 1.0 },
        rule,
        rows,
        batch: rows,
        classes: false,
        learning_rate: 0.3,
    }
}

#[test]
fn a_step_on_any_number_of_shards_has_the_bits_of_the_twin() {
    for rule in Rule::NAMES {
        for rows in [255, 256, 257, 511, 513, 1023, 1024, 1025, 1280, 1537, 2048, 2049, 3073] {
            plain(&[2, 3, 2], rows, rule).check::<f32>();
            plain(&[3, 18, 9], rows, rule).check::<f64>();
        }
    }
}

#[test]
fn workers_that_share_panels_have_the_bits_of_the_twin() {
    for rule in ["sgd", "adam"] {
        for rows in [3, 15, 40] {
            plain(&[300, 96, 10], rows, rule).check::<f32>();
            plain(&[100, 48, 64, 24], rows, rule).check::<f64>();
            plain(&[60, 64, 33], rows, rule).check::<f64>();
            let softmax = [Activation::Relu, Activation::Relu, Activation::Softmax].to_vec();
            let cost = Cost::CrossEntropy { label_smoothing: 0.1 };
            let plain = plain(&[160, 64, 32, 40], rows, rule);
            Case { activations: softmax, cost, classes: true, ..plain }.check::<f32>();
        }
        // Fewer rows than workers, which are shared by rows between panels.
        plain(&[500, 126, 2, 123, 30], 5, rule).check::<f64>();
        Case { batch: 10, ..plain(&[300, 126, 2, 123, 30], 15, rule) }.check::<f32>();
    }
}

#[test]
fn the_gradient_of_every_batch_up_to_2000_rows_is_the_tree() {
    let case = plain(&[2, 3], 2000, "sgd");
    let (data, net) = (Data::<f32>::of(&case), case.network::<f32>());
    let twin = Twin::of(&net, case.rule());
    let passes: Vec<_> = data.x.iter().zip(&data.y).map(|(x, y)| twin.pass(x, y)).collect();
    for m in 1..=2000 {
        let trace = with_threads(1 + m % 3, || net.backward(&data.first(m)).unwrap());
        let (grad_w, grad_b) = twin.gradient(&passes[..m], 0);
        let expected: Vec<u64> = grad_w.iter().flatten().chain(&grad_b).map(bits).collect();
        let given = trace.weight_gradients[0].iter().chain(&trace.bias_gradients[0]);
        assert_eq!(given.map(bits).collect::<Vec<_>>(), expected, "{m} rows");
        let cost = tree(m, &|rows| passes[rows].iter().fold(0.0, |sum, pass| sum + pass.cost));
        assert_eq!(trace.cost.to_bits(), (cost / m as f64).to_bits(), "cost of {m} rows");
        assert_eq!(net.mean_cost(&data.first(m)).unwrap().to_bits(), trace.cost.to_bits());
    }
}

#[test]
fn a_row_alone_is_the_row_in_any_batch() {
    fn check<T: Real>(sizes: &[usize], output: Activation) {
        let mut case = plain(sizes, 230, "sgd");
        *case.activations.last_mut().unwrap() = output;
        let (data, mut net) = (Data::<T>::of(&case), case.network::<T>());
        let x = data.rows();
        let alone =
            |i: usize, net: &mut Network<T>| net.predict(x.slice(ndarray::s![i..=i, ..])).unwrap();
        let rows: Vec<_> = (0..x.nrows()).map(|i| alone(i, &mut net)).collect();
        for threads in [1, 3] {
            for m in [2, 3, 7, 8, 95, 96, 97, 193, 230] {
                for start in [0, 1, 5, x.nrows() - m] {
                    let end = (start + m).min(x.nrows());
                    let batch = x.slice(ndarray::s![start..end, ..]);
                    let results = with_threads(threads, || net.predict(batch).unwrap());
                    for (result, row) in results.rows().into_iter().zip(&rows[start..end]) {
                        assert!(result.iter().map(bits).eq(row.iter().map(bits)), "{sizes:?} {m}");
                    }
                }
            }
            let passes = with_threads(threads, || net.activations_of(x).unwrap());
            for (result, row) in passes.last().unwrap().rows().into_iter().zip(&rows) {
                assert!(
                    result.iter().map(bits).eq(row.iter().map(bits)),
                    "activations of {sizes:?}"
                );
            }
        }
    }
    for output in Activation::ALL {
        check::<f32>(&[4, 16, 3], *output);
        check::<f32>(&[100, 130, 67], *output);
        check::<f64>(&[4, 16, 3], *output);
        check::<f64>(&[60, 70, 33], *output);
    }
}

#[test]
fn a_learning_rate_of_zero_changes_nothing() {
    for &rule in Rule::NAMES {
        // Its steps start at the learning rate, but none is shorter than `least`.
        let rule = if rule == "rprop" { "rprop(least=0)" } else { rule };
        for (sizes, batch) in [([4, 16, 3], 10), ([60, 70, 33], 64), ([5, 20, 9], 1100)] {
            let mut case = plain(&sizes, 1200, rule);
            (case.batch, case.learning_rate) = (batch, 0.0);
            let (data, mut net) = (Data::<f32>::of(&case), case.network::<f32>());
            let before = parameters(&net);
            net.train(&data.samples(), &case.settings(), BEGINNING).unwrap();
            assert!(parameters(&net) == before, "{sizes:?}");
        }
    }
}

#[test]
fn a_reused_workspace_equals_a_fresh_one() {
    for sizes in [[4, 16, 3], [50, 70, 33]] {
        let large = plain(&sizes, 1500, "sgd");
        let data = Data::<f32>::of(&large);
        let mut used = large.network::<f32>();
        for rows in [1500, 3, 1024, 257, 100, 256, 30, 7, 1] {
            let mut fresh = large.network::<f32>();
            for (l, (w, b)) in
                used.weights().unwrap().iter().zip(used.biases().unwrap()).enumerate()
            {
                fresh.set_weights(l, w.view()).unwrap();
                fresh.set_biases(l, b.view()).unwrap();
            }
            let samples = data.first(rows);
            let threads = 1 + rows % 3;
            let costs = [&mut used, &mut fresh]
                .map(|net| with_threads(threads, || net.step(&samples, 0.2).unwrap()).to_bits());
            assert_eq!(costs[0], costs[1], "cost of {rows} rows");
            assert!(parameters(&used) == parameters(&fresh), "{sizes:?}, {rows} rows");
            let x = data.rows();
            let x = x.slice(ndarray::s![..rows, ..]);
            assert_eq!(
                used.predict(x).unwrap(),
                fresh.predict(x).unwrap(),
                "{rows} rows predicted"
            );
        }
    }
}

/// Run all other tests of this module once for each instruction set.
#[test]
fn every_instruction_set_has_the_bits_of_the_twin() {
    if let Ok(wanted) = std::env::var("BACKPROP_RS_ISA") {
        assert_eq!(Isa::best().name(), wanted);
        return;
    }
    for isa in Isa::available() {
        let tests = std::env::current_exe().unwrap();
        let outcome = Command::new(tests)
            .arg("bits_tests::")
            .env("BACKPROP_RS_ISA", isa.name())
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&outcome.stdout);
        assert!(outcome.status.success(), "{}:\n{report}", isa.name());
    }
}
