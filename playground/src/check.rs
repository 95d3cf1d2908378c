//! The gradients of back-propagation beside differences of the cost.
//!
//! For a parameter θ, with D(h) = (C(θ + h) - C(θ - h)) / 2h, the difference of fourth order is
//! (4 D(h) - D(2h)) / 3; |D(h) - D(2h)| bounds its error, unless a kink lies between.

use backprop_rs::{Error, Network, Samples};

/// The most parameters of a network that are compared; of a larger one, evenly many.
const MOST: usize = 2000;
/// h, relative to the size of a parameter: ε^(1/5).
const STEP: f64 = 7.4e-4;
/// Bound of the rounding errors of the cost and of the passes, relative to the terms.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The result of a check.
#[derive(Debug, Default)]
pub struct Check {
    pub compared: usize,
    pub agree: usize,
    /// Parameters at which the cost has a kink, or whose derivative is lost in rounding errors.
    pub undecided: usize,
    /// The largest relative difference among those that were decided, and its parameter: the layer
    /// from 1, and j and k from 1; k is 0 for a bias.
    pub largest: f64,
    pub layer: usize,
    pub j: usize,
    pub k: usize,
}

/// Compare the gradients of all layers.
pub fn check(net: &mut Network<f64>, samples: &Samples<f64>) -> Result<Check, Error> {
    let trace = net.gradient(samples)?;
    let mut result = Check::default();
    let total: usize = net.sizes().windows(2).map(|size| (size[0] + 1) * size[1]).sum();
    let stride = total.div_ceil(MOST).max(1);
    let mut number = 0;
    for l in 0..trace.weight_gradients.len() {
        let (w, b) = (net.weights()?.swap_remove(l), net.biases()?.swap_remove(l));
        for j in 0..b.len() {
            for k in 0..=w.ncols() {
                number += 1;
                if number % stride != 0 {
                    continue;
                }
                let is_bias = k == w.ncols();
                let (value, backward) = if is_bias {
                    (b[j], trace.bias_gradients[l][j])
                } else {
                    (w[[j, k]], trace.weight_gradients[l][[j, k]])
                };
                let mut cost_at = |value: f64| -> Result<f64, Error> {
                    if is_bias {
                        let mut changed = b.clone();
                        changed[j] = value;
                        net.set_biases(l, changed.view())?;
                    } else {
                        let mut changed = w.clone();
                        changed[[j, k]] = value;
                        net.set_weights(l, changed.view())?;
                    }
                    net.mean_cost(samples)
                };
                let h = STEP * value.abs().max(1.0);
                let mut slope = |h: f64| -> Result<f64, Error> {
                    Ok((cost_at(value + h)? - cost_at(value - h)?) / (2.0 * h))
                };
                let (near, far) = (slope(h)?, slope(2.0 * h)?);
                if is_bias {
                    net.set_biases(l, b.view())?
                } else {
                    net.set_weights(l, w.view())?
                }
                let difference = (4.0 * near - far) / 3.0;
                let size = backward.abs().max(difference.abs());
                let rounding = ROUNDING * (trace.cost.abs() / h + size);
                let allowed = 0.1 * (near - far).abs() + rounding + 1e-6 * size;
                let error = (backward - difference).abs();
                result.compared += 1;
                if (near - far).abs() > 0.05 * size || rounding > 0.01 * size {
                    result.undecided += usize::from(size > rounding);
                    result.agree += usize::from(size <= rounding);
                    continue;
                }
                result.agree += usize::from(error <= allowed);
                let relative = error / size;
                if relative > result.largest {
                    let k = if is_bias { 0 } else { k + 1 };
                    result = Check { largest: relative, layer: l + 1, j: j + 1, k, ..result };
                }
            }
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backprop_rs::{Activation, Cost, Targets};

    #[test]
    fn smooth_gradients_agree() {
        let cost = Cost::from_text("cross_entropy").unwrap();
        let activations = [Activation::Tanh, Activation::Sigmoid];
        let mut net = Network::<f64>::new(&[2, 4, 1], &activations, cost).unwrap();
        net.initialize("auto", 1).unwrap();
        let x = [0.3, -0.7, 1.2, 0.4, -0.9, 0.1];
        let y = Targets::Values(&[0.0, 1.0, 1.0]);
        let samples = Samples { x: &x, y, weights: None, n_in: 2 };
        let before = net.weights().unwrap();
        let result = check(&mut net, &samples).unwrap();
        assert_eq!((result.compared, result.agree, result.undecided), (17, 17, 0));
        assert!(result.largest < 1e-6);
        assert_eq!(net.weights().unwrap(), before);
    }
}
