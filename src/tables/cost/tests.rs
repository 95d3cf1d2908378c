//! Each cost against its formula, and its δ against the slope of the cost.

#![allow(clippy::disallowed_methods)] // the reference values

use super::*;
use crate::machine::kernel::Portable;

/// Compute C_i and δ of one sample through the table.
fn sample(cost: Cost, output: Activation, z: &[f64], y: &[f64]) -> (f64, Vec<f64>) {
    let (mut a, mut delta, mut terms) = (z.to_vec(), vec![0.0; z.len()], vec![0.0; z.len()]);
    output.sigma::<_, Portable>(&mut a);
    if output.is_elementwise() {
        cost.elementwise::<_, Portable>(output, [z, &a, y], z.len(), &mut delta, &mut terms);
        (terms.iter().sum(), delta)
    } else {
        let given = [z, &a, y].map(|row| row.as_chunks().0);
        let (delta_row, terms) = (delta.as_chunks_mut().0, terms.as_chunks_mut().0);
        let [total] = cost.rowwise::<_, Portable, 1>(given, delta_row, terms);
        (total, delta)
    }
}

/// Every entry with its defaults, and again with other settings.
fn costs() -> Vec<Cost> {
    let others = [
        "squared_error(0.5)",
        "cross_entropy(0.2)",
        "mean_squared_error(1.5)",
        "huber(0.4)",
        "huber(5)",
        "quantile(0.2)",
        "focal(0)",
        "focal(0.7)",
        "focal(5)",
    ];
    let others = others.map(|text| Cost::from_text(text).unwrap());
    Cost::ALL.iter().copied().chain(others).collect()
}

fn pairs() -> impl Iterator<Item = (Cost, Activation)> {
    let outputs = |cost: Cost| Activation::ALL.iter().map(move |output| (cost, *output));
    costs()
        .into_iter()
        .flat_map(outputs)
        .filter(|(cost, output)| cost.check_output(*output).is_ok())
}

// No output lies at a kink of a cost or of an activation.
const Z: [f64; 3] = [0.3, -1.2, 2.1];
const Y: [f64; 3] = [0.2, 0.7, 0.1];

#[test]
fn delta_is_the_slope_of_the_cost_for_every_pair_of_the_tables() {
    let h = 1e-6;
    for (cost, output) in pairs() {
        let delta = sample(cost, output, &Z, &Y).1;
        for j in 0..Z.len() {
            let moved = |h: f64| {
                let mut z = Z;
                z[j] += h;
                sample(cost, output, &z, &Y).0
            };
            let slope = (moved(h) - moved(-h)) / (2.0 * h);
            let allowed = 1e-8 * (1.0 + slope.abs());
            assert!((delta[j] - slope).abs() < allowed, "{cost:?} {output:?} {j}");
        }
    }
}

/// Compute the term of a neuron in C_i of a layer of n, from its a and y alone.
fn term(cost: Cost, softmax: bool, n: f64, a: f64, y: f64) -> f64 {
    let e = a - y;
    match cost {
        Cost::SquaredError { scale } => scale * e * e,
        Cost::MeanSquaredError { scale } => scale * e * e / n,
        Cost::HalfSquaredError => e * e / 2.0,
        Cost::CrossEntropy { label_smoothing: s } if softmax => -((1.0 - s) * y + s / n) * a.ln(),
        Cost::CrossEntropy { label_smoothing: s } => {
            let y = (1.0 - s) * y + s / 2.0;
            -(y * a.ln() + (1.0 - y) * (1.0 - a).ln())
        }
        Cost::AbsoluteError => e.abs(),
        Cost::Huber { delta } if e.abs() <= delta => e * e / 2.0,
        Cost::Huber { delta } => delta * (e.abs() - delta / 2.0),
        Cost::LogCosh => e.cosh().ln(),
        Cost::Quantile { tau } => {
            if a < y {
                tau * (y - a)
            } else {
                (1.0 - tau) * (a - y)
            }
        }
        Cost::Poisson => a - y * a.ln(),
        Cost::Focal { gamma } if softmax => -y * (1.0 - a).powf(gamma) * a.ln(),
        Cost::Focal { gamma } => {
            let no = (1.0 - y) * a.powf(gamma) * (1.0 - a).ln();
            -(y * (1.0 - a).powf(gamma) * a.ln() + no)
        }
        Cost::Hinge => (1.0 - (2.0 * y - 1.0) * a).max(0.0),
    }
}

#[test]
fn every_cost_is_its_formula() {
    for (cost, output) in pairs() {
        let mut a = Z;
        output.sigma::<_, Portable>(&mut a);
        let term = |(a, y): (&f64, &f64)| term(cost, !output.is_elementwise(), 3.0, *a, *y);
        let truth: f64 = a.iter().zip(&Y).map(term).sum();
        let (found, _) = sample(cost, output, &Z, &Y);
        // About ten roundings for each neuron, and 1 - a has lost up to four bits.
        let allowed = 1e-14 * (1.0 + truth.abs());
        assert!((found - truth).abs() < allowed, "{cost:?} {output:?}: {found}, not {truth}");
    }
}

/// At the kinks: a zero error has slope 0, and so has the edge of the margin.
#[test]
fn at_a_kink_the_slope_is_that_of_the_flat_side() {
    let delta = |cost: &str, a: f64, y: f64| {
        sample(Cost::from_text(cost).unwrap(), Activation::Identity, &[a], &[y])
    };
    for cost in ["absolute_error", "quantile(0.2)", "huber", "log_cosh", "squared_error"] {
        assert_eq!(delta(cost, 0.25, 0.25), (0.0, vec![0.0]), "{cost}");
    }
    for y in [0.0, 1.0] {
        assert_eq!(delta("hinge", 2.0 * y - 1.0, y), (0.0, vec![0.0]));
    }
    for far in [1.5, -1.5] {
        let (cost, slope) = delta("huber(0.5)", far, 0.0);
        assert_eq!((cost, slope), (0.5 * (1.5 - 0.25), vec![0.5 * f64::signum(far)]));
    }
}

#[test]
fn what_has_overflown_or_underflown_times_nothing_is_nothing() {
    let at = |cost, output, z: f64, y: f64| sample(cost, output, &[z], &[y]);
    let (poisson, hinge) = (Cost::Poisson, Cost::Hinge);
    assert_eq!(at(poisson, Activation::Softplus, -800.0, 0.0), (0.0, vec![0.0]));
    assert_eq!(at(poisson, Activation::Softplus, -800.0, 2.0), (1600.0, vec![-2.0]));
    assert_eq!(at(hinge, Activation::Exponential, 800.0, 1.0), (0.0, vec![0.0]));
    assert_eq!(at(hinge, Activation::Exponential, 800.0, 0.5).0, 1.0);
}

#[test]
fn a_line_in_registers_has_the_bits_of_a_slice() {
    let (z, y) = ([0.3, -1.2, 2.1, 0.7], [0.2, 0.7, 0.1, 0.9]);
    for (cost, output) in pairs().filter(|(_, output)| output.is_elementwise()) {
        let (mut a, mut delta, mut terms) = (z, [0.0; 4], [0.0; 4]);
        output.sigma::<_, Portable>(&mut a);
        // A line may hold padding after the n neurons of a layer.
        cost.elementwise::<_, Portable>(output, [&z, &a, &y], 3, &mut delta, &mut terms);
        let line = cost.of_line::<_, Portable, 4>(output, [&z, &a, &y], 3);
        assert_eq!(line, [delta, terms], "{cost:?} {output:?}");
    }
}

#[test]
fn rows_side_by_side_are_rows() {
    let rows = [([0.3, -1.2, 2.1], [0.0, 1.0, 0.0]), ([-0.5, -0.5, 1.0], [0.2, 0.3, 0.5])];
    let side_by_side = |which: [[f64; 3]; 2]| [0, 1, 2].map(|j| [which[0][j], which[1][j]]);
    for (cost, output) in pairs().filter(|(_, output)| !output.is_elementwise()) {
        let mut a = side_by_side(rows.map(|(z, _)| z));
        let (z, y) = (a, side_by_side(rows.map(|(_, y)| y)));
        activation::softmax(&mut a);
        let (mut delta, mut terms) = ([[0.0; 2]; 3], [[0.0; 2]; 3]);
        let given = [&z[..], &a, &y];
        let totals = cost.rowwise::<_, Portable, 2>(given, &mut delta, &mut terms);
        for (r, (z, y)) in rows.iter().enumerate() {
            let alone = sample(cost, output, z, y);
            let found = (totals[r], delta.iter().map(|line| line[r]).collect());
            assert_eq!(found, alone, "{cost:?}, row {r}");
        }
    }
}

const CROSS_ENTROPY: Cost = Cost::CrossEntropy { label_smoothing: 0.0 };

#[test]
fn a_saturated_output_keeps_its_cost() {
    // -ln σ(40) = ln(1 + e^-40), although σ(40) itself rounds to 1.
    let tiny = (-40.0_f64).exp();
    let (binary, _) = sample(CROSS_ENTROPY, Activation::Sigmoid, &[40.0], &[1.0]);
    let (categorical, _) = sample(CROSS_ENTROPY, Activation::Softmax, &[40.0, 0.0], &[1.0, 0.0]);
    for cost in [binary, categorical] {
        assert!((cost - tiny).abs() <= 4.0 * f64::EPSILON * tiny);
    }
    let (wrong, _) = sample(CROSS_ENTROPY, Activation::Sigmoid, &[1000.0], &[0.0]);
    assert_eq!(wrong, 1000.0);
    let (wrong, _) = sample(CROSS_ENTROPY, Activation::Sigmoid, &[-1000.0], &[1.0]);
    assert_eq!(wrong, 1000.0);
}

/// e^-800 is 0, with an infinite logarithm: the cost a - y z and its slope a - y, from z, stay
/// finite.
#[test]
fn a_rate_of_zero_keeps_its_cost() {
    let found = sample(Cost::Poisson, Activation::Exponential, &[-800.0], &[2.0]);
    assert_eq!(found, (1600.0, vec![-2.0]));
}

/// A certain and correct softmax has cost 0: 0^γ l is 0, and 0^0 is 1.
#[test]
fn a_sure_softmax_has_no_focal_cost() {
    for gamma in [0.0, 0.7, 2.0] {
        let cost = Cost::Focal { gamma };
        let (total, delta) = sample(cost, Activation::Softmax, &[1000.0, 0.0], &[1.0, 0.0]);
        assert_eq!((total, delta), (0.0, vec![0.0, 0.0]), "gamma {gamma}");
        let (total, delta) = sample(cost, Activation::Softmax, &[1000.0, 0.0], &[0.0, 1.0]);
        assert_eq!((total, delta), (1000.0, vec![1.0, -1.0]), "gamma {gamma}");
    }
}

/// Each of two largest z contributes e⁰ = 1.
#[test]
fn equal_outputs_share_the_probability() {
    for n in 2..5 {
        let z = vec![0.7; n];
        let mut y = vec![0.0; n];
        y[n - 1] = 1.0;
        let (cost, _) = sample(CROSS_ENTROPY, Activation::Softmax, &z, &y);
        assert!((cost - (n as f64).ln()).abs() < 4.0 * f64::EPSILON, "{n}");
    }
}

/// A NaN always stays, and does not affect other rows.
#[test]
fn nan_stays_in_its_row() {
    for j in 0..3 {
        let (mut z, y) = ([[0.3; 2], [1.2; 2], [0.7; 2]], [[0.0; 2], [1.0; 2], [0.0; 2]]);
        z[j][1] = f64::NAN;
        let mut a = z;
        activation::softmax(&mut a);
        let (mut delta, mut terms) = ([[0.0; 2]; 3], [[0.0; 2]; 3]);
        let given = [&z[..], &a, &y];
        let cost = CROSS_ENTROPY.rowwise::<_, Portable, 2>(given, &mut delta, &mut terms);
        let alone = sample(CROSS_ENTROPY, Activation::Softmax, &[0.3, 1.2, 0.7], &[0.0, 1.0, 0.0]);
        assert_eq!(cost[0], alone.0);
        assert!(cost[1].is_nan());
        for (line, alone) in delta.iter().zip(alone.1) {
            assert_eq!(line[0], alone);
            assert!(line[1].is_nan());
        }
    }
}

#[test]
fn each_cost_says_what_it_goes_with() {
    for &cost in Cost::ALL {
        let (outputs, targets): (&[&str], _) = match cost.name() {
            "cross_entropy" | "focal" => (&["sigmoid", "softmax"], (0.0, 1.0)),
            "poisson" => (&["exponential", "softplus"], (0.0, f64::INFINITY)),
            "hinge" => (Activation::NAMES, (0.0, 1.0)),
            _ => (Activation::NAMES, (f64::NEG_INFINITY, f64::INFINITY)),
        };
        assert_eq!(cost.targets(), targets, "{cost}");
        for output in Activation::ALL {
            let allowed = outputs.contains(&output.name());
            assert_eq!(cost.check_output(*output).is_ok(), allowed, "{cost} {output}");
        }
        // A custom function is in no table.
        let own = outputs == Activation::NAMES;
        assert_eq!(cost.check_output_name("my_own").is_ok(), own, "{cost}");
    }
}
