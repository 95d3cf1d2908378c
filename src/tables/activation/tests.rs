//! Each activation against its formula, and its σ' against the slope of σ.

#![allow(clippy::disallowed_methods)] // the reference values

use super::*;
use crate::machine::kernel::Portable;

/// Every elementwise entry with its defaults, and again with other settings.
fn elementwise() -> Vec<Activation> {
    let rows = Activation::ALL.iter().copied().filter(|row| *row != Activation::Softmax);
    let others = ["leaky_relu(0.3)", "leaky_relu(0)", "elu(1.7)", "elu(0)"];
    rows.chain(others.map(|text| Activation::from_text(text).unwrap())).collect()
}

/// Φ(z) by its series (Marsaglia, 2004), within 1e-15 for these z.
fn normal_cdf(z: f64) -> f64 {
    let (mut term, mut sum) = (z, z);
    for k in 1..200 {
        term *= z * z / f64::from(2 * k + 1);
        sum += term;
    }
    0.5 + sum * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn truth(row: Activation, z: f64) -> f64 {
    let positive = z > 0.0;
    match row {
        Activation::Identity => z,
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Activation::Tanh => z.tanh(),
        Activation::Relu => z.max(0.0),
        Activation::LeakyRelu { slope } => z * if positive { 1.0 } else { slope },
        Activation::Elu { .. } if positive => z,
        Activation::Elu { alpha } => alpha * (z.exp() - 1.0),
        Activation::Selu => {
            let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_3);
            scale * if positive { z } else { alpha * (z.exp() - 1.0) }
        }
        Activation::Gelu => z * normal_cdf(z),
        Activation::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            z / 2.0 * (1.0 + (root * (z + 0.044715 * z * z * z)).tanh())
        }
        Activation::Silu => z / (1.0 + (-z).exp()),
        Activation::Mish => z * (1.0 + z.exp()).ln().tanh(),
        Activation::Softplus => (1.0 + z.exp()).ln(),
        Activation::Softsign => z / (1.0 + z.abs()),
        Activation::HardSigmoid => (z / 6.0 + 0.5).clamp(0.0, 1.0),
        Activation::HardTanh => z.clamp(-1.0, 1.0),
        Activation::Relu6 => z.clamp(0.0, 6.0),
        Activation::Gaussian => (-z * z).exp(),
        Activation::Sine => z.sin(),
        Activation::Exponential => z.exp(),
        Activation::Softmax => unreachable!("its rows are not numbers alone"),
    }
}

fn sigma<const N: usize>(row: Activation, mut z: [f64; N]) -> [f64; N] {
    row.sigma::<_, Portable>(&mut z);
    z
}

/// σ'(z, a).
fn slope(row: Activation, z: f64, a: f64) -> f64 {
    let mut delta = [1.0];
    row.sigma_prime::<_, Portable>(&[z], &[a], &mut delta);
    delta[0]
}

/// Away from the kinks; beyond both ends of saturating functions.
fn places() -> impl Iterator<Item = f64> {
    (-75..75).map(|i| f64::from(i) * 0.1 + 0.05)
}

#[test]
fn each_elementwise_row_is_its_formula() {
    for row in elementwise() {
        for z in places() {
            let ([a], truth) = (sigma(row, [z]), truth(row, z));
            // The formula loses the last digits of 1 + e^z, of e^z - 1 and of small Φ(z).
            assert!(
                (a - truth).abs() < 1e-15 * (2.0 + z.abs() + truth.abs()),
                "{row:?} at {z}: {a}, {truth}"
            );
        }
    }
}

/// Check σ' against central differences.
#[test]
fn the_derivative_of_each_elementwise_row_is_its_slope() {
    let h = 1e-6;
    for row in elementwise() {
        for z in places() {
            let [below, a, above] = sigma(row, [z - h, z, z + h]);
            let numeric = (above - below) / (2.0 * h);
            let allowed = 1e-9 * (1.0 + numeric.abs());
            assert!((slope(row, z, a) - numeric).abs() < allowed, "{row:?} at {z}");
        }
    }
}

/// δ σ' is a product, for any number of values.
#[test]
fn sigma_prime_multiplies_delta() {
    for row in elementwise() {
        let z = [0.3, -0.7, 1.1];
        let a = sigma(row, z);
        let mut delta = [2.0, -0.5, 0.0];
        row.sigma_prime::<_, Portable>(&z, &a, &mut delta);
        let expected = [2.0 * slope(row, z[0], a[0]), -0.5 * slope(row, z[1], a[1]), 0.0];
        assert_eq!(delta, expected, "{row:?}");
    }
}

/// An entry that needs a alone must not read z.
#[test]
fn a_row_needs_z_or_has_its_slope_from_a_alone() {
    for row in elementwise() {
        let [a] = sigma(row, [0.3]);
        let ignores_z = slope(row, f64::NAN, a) == slope(row, 0.3, a);
        assert_eq!(row.needs_z(), !ignores_z, "{row:?}");
    }
    assert!(!Activation::Softmax.needs_z());
}

#[test]
fn a_row_is_elementwise_where_each_number_is_alone() {
    for row in Activation::ALL {
        let alone = sigma(*row, [0.3, -0.7])[0] == sigma(*row, [0.3, 0.9])[0];
        assert_eq!(row.is_elementwise(), alone, "{row:?}");
    }
}

#[test]
fn a_line_in_registers_has_the_bits_of_a_slice() {
    let (z, delta) = ([0.3, -0.7, 1.1, 2.0], [2.0, -0.5, 0.3, 1.0]);
    for &row in Activation::ALL {
        let a = sigma(row, z);
        assert_eq!(row.sigma_of_line::<_, Portable, 4>(z), a, "{row:?}");
        let mut product = delta;
        row.sigma_prime::<_, Portable>(&z, &a, &mut product);
        let line = row.slope_of_line::<_, Portable, 4>([&z, &a], delta);
        assert_eq!(line, product, "{row:?}");
    }
}

/// The limits of bounded functions, and of their slopes.
#[test]
fn infinity_has_the_limits_of_the_functions() {
    let limits = [
        ("sigmoid", 0.0, 1.0),
        ("tanh", -1.0, 1.0),
        ("softsign", -1.0, 1.0),
        ("hard_sigmoid", 0.0, 1.0),
        ("hard_tanh", -1.0, 1.0),
        ("gaussian", 0.0, 0.0),
    ];
    for (text, low, high) in limits {
        let row = Activation::from_text(text).unwrap();
        let ends = sigma(row, [f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(ends, [low, high], "{text}");
    }
    for text in ["gelu", "gelu_tanh", "silu", "mish"] {
        let row = Activation::from_text(text).unwrap();
        let ([low, high], far) = (sigma(row, [-1e30, 1e30]), 1e30);
        assert_eq!([low, high], [0.0, far], "{text}");
        assert_eq!([slope(row, -far, low), slope(row, far, high)], [0.0, 1.0], "{text}");
    }
}

#[test]
fn nan_stays() {
    for row in elementwise() {
        assert!(sigma(row, [f64::NAN])[0].is_nan(), "{row:?}");
    }
}

#[test]
fn softmax_sums_to_one_even_where_exp_would_overflow() {
    let mut z = [1000.0_f64, 1001.0, 999.0];
    softmax(z.as_chunks_mut::<1>().0);
    assert!((z.iter().sum::<f64>() - 1.0).abs() < 4.0 * f64::EPSILON);
    assert!(z[1] > z[0] && z[0] > z[2]);
}

#[test]
fn softmax_is_its_formula_in_each_of_the_rows_side_by_side() {
    let rows = [[0.3_f64, -1.0, 2.0], [1.5, 1.5, -0.5]];
    let mut lines = [0, 1, 2].map(|j| [rows[0][j], rows[1][j]]);
    assert_eq!(maximum(&lines), [2.0, 1.5]);
    softmax(&mut lines);
    for (r, z) in rows.iter().enumerate() {
        let sum: f64 = z.iter().map(|z| z.exp()).sum();
        for j in 0..3 {
            assert!((lines[j][r] - z[j].exp() / sum).abs() < 4.0 * f64::EPSILON);
        }
    }
}

#[test]
fn the_derivative_of_softmax_is_its_jacobian() {
    let (z, upstream, h) = ([0.3_f64, -1.0, 2.0], [0.7, -0.2, 1.5], 1e-6);
    let mut a = z;
    softmax(a.as_chunks_mut::<1>().0);
    let mut delta = upstream;
    softmax_prime(a.as_chunks::<1>().0, delta.as_chunks_mut().0);
    for j in 0..3 {
        let side = |h: f64| {
            let mut z = z;
            z[j] += h;
            softmax(z.as_chunks_mut::<1>().0);
            z.iter().zip(upstream).map(|(a, g)| a * g).sum::<f64>()
        };
        assert!((delta[j] - (side(h) - side(-h)) / (2.0 * h)).abs() < 1e-9);
    }
}
