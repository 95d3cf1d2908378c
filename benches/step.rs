//! Steps of training from Rust alone: the cases of `benches/cases.py`, in both number types.
//!
//! `cargo bench --bench step` times them (`-- 784` only those whose name has 784 in it);
//! `cargo bench --bench step -- --test` does each once, for a check that they run, and leaves out
//! the largest. Threads are those of `BACKPROP_RS_NUM_THREADS`.

use std::hint::black_box;
use std::time::Duration;

use backprop_rs::{Activation, Cost, Network, Real, Rule, Samples, Targets};
use criterion::{Criterion, Throughput};

/// Sizes, batch, and whether it is relu, softmax, cross-entropy and Adam.
type Case = (&'static [usize], usize, bool);

const CASES: &[Case] = &[
    (&[2, 3, 2], 1, false),
    (&[4, 16, 3], 10, false),
    (&[784, 30, 10], 10, false),
    (&[30, 100, 1], 200, false),
    (&[784, 128, 10], 32, false),
    (&[784, 128, 10], 128, false),
    (&[64; 11], 64, false),
    (&[784, 512, 256, 10], 128, false),
    (&[784, 1024, 1024, 10], 256, false),
    (&[4096, 4096, 4096], 1024, false),
    (&[100, 256, 256, 10], 128, true),
];

/// Operations of a step that a smoke test has the time for.
const SMOKE: u64 = 1 << 30;

fn name((sizes, batch, adam): Case) -> String {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    format!("{}@{batch}{}", sizes.join("-"), if adam { ":adam" } else { "" })
}

/// Forward, δ and gradient take 2 each; the first layer needs no δ of its input.
fn operations((sizes, batch, _): Case) -> u64 {
    let products: Vec<usize> = sizes.windows(2).map(|pair| pair[0] * pair[1]).collect();
    (batch * (6 * products.iter().sum::<usize>() - 2 * products[0])) as u64
}

fn network<T: Real>((sizes, _, adam): Case) -> Network<T> {
    let (hidden, output, cost) = match adam {
        true => {
            (Activation::Relu, Activation::Softmax, Cost::CrossEntropy { label_smoothing: 0.0 })
        }
        false => (Activation::Sigmoid, Activation::Sigmoid, Cost::SquaredError { scale: 1.0 }),
    };
    let mut activations = vec![hidden; sizes.len() - 1];
    *activations.last_mut().expect("a layer") = output;
    let mut net = Network::new(sizes, &activations, cost).expect("a sound case");
    net.initialize("auto", 0).expect("a known initializer");
    let rule = Rule::from_text(if adam { "adam" } else { "sgd" }).expect("a known rule");
    net.set_optimizer(rule).expect("memory");
    net
}

/// `n` numbers of [0, 1).
fn numbers<T: Real>(n: usize) -> Vec<T> {
    let number = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
    (1..=n).map(|i| T::from_f64(number(i) as f64 / (1u64 << 53) as f64)).collect()
}

fn bench<T: Real>(criterion: &mut Criterion, smoke: bool) {
    let mut group = criterion.benchmark_group(T::NAME);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.sample_size(10);
    for &case in CASES.iter().filter(|case| !smoke || operations(**case) < SMOKE) {
        let (sizes, batch, _) = case;
        let (n_in, n_out) = (sizes[0], sizes[sizes.len() - 1]);
        let mut net = network::<T>(case);
        let (x, y) = (numbers(batch * n_in), numbers(batch * n_out));
        let samples = Samples { x: &x, y: Targets::Values(&y), weights: None, n_in };
        group.throughput(Throughput::Elements(operations(case)));
        group.bench_function(name(case), |bencher| {
            bencher.iter(|| net.step(black_box(&samples), 1e-3));
        });
    }
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let mut criterion = Criterion::default().configure_from_args();
    bench::<f32>(&mut criterion, smoke);
    bench::<f64>(&mut criterion, smoke);
    criterion.final_summary();
}
