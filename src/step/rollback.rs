//! Saves the values that a long update replaces, so that Ctrl-C need not wait for its end.
//!
//! A step is made completely or not at all, and an update of large layers takes a second. Each tile
//! saves the values that it replaces, which costs little compared with its gradient; an update that
//! is interrupted restores them.

use crate::machine::kernel::{Buffer, Simd};
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::parameters::{Part, SavedParameters};
use crate::network::tiles::Tile;
use crate::tables::optimizer::{MOMENTS, Moments};

/// Floating-point operations from which an update is long: about a tenth of a second.
pub const LONG_UPDATE: u64 = 10_000_000_000;

/// The values that the update of a step replaces.
pub struct Rollback<T> {
    pub saved: SavedParameters<T>,
}

impl<T: Real> Rollback<T> {
    /// Prefetch the memory for `length` parameters from `from` on.
    #[inline(always)]
    pub fn prefetch<S: Simd>(&self, layer: usize, from: usize, length: usize) {
        let buffer = &self.saved.buffer(layer, Part::Weights).parameters;
        S::prefetch(buffer.slice(from, length));
    }

    /// Save `length` parameters from `from` on, which an update is about to replace.
    #[inline(always)]
    pub fn keep(
        &self,
        layer: usize,
        part: Part,
        parameters: &Buffer<T>,
        moments: &[Buffer<T>; MOMENTS],
        from: usize,
        length: usize,
    ) {
        for (saved, original) in self.saved.buffer(layer, part).pairs(parameters, moments) {
            // SAFETY: the memory for parameters of a tile that this worker owns.
            unsafe { saved.slice_mut_unchecked(from, length) }
                .copy_from_slice(original.slice(from, length));
        }
    }

    /// Restore what the update of some tiles has replaced.
    pub fn restore(&self, layers: &[Layer<T>], moments: &[Moments<T>], tiles: &[Tile]) {
        for &Tile { layer: l, q, p } in tiles {
            let layer = &layers[l];
            let restore = |part: Part, from: usize, length: usize| {
                let (parameters, moments) = part.of(layer, &moments[l]);
                if parameters.is_empty() {
                    return; // the layer has none
                }
                for (saved, original) in self.saved.buffer(l, part).pairs(parameters, moments) {
                    // SAFETY: parameters of a tile that this worker owns.
                    unsafe { original.slice_mut_unchecked(from, length) }
                        .copy_from_slice(saved.slice(from, length));
                }
            };
            let (n_in, width) = (T::LINE.min(layer.n_in - q * T::LINE), layer.w.width(p));
            restore(Part::Weights, layer.w.offset(p, q * T::LINE), n_in * width);
            layer.copy_tile_back(q, p);
            if q == 0 {
                for part in [Part::Biases, Part::Gains, Part::Shifts, Part::Alphas] {
                    restore(part, p * T::LINE, width);
                }
            }
            if p == 0 {
                restore(Part::Scales, q * T::LINE, T::LINE);
                for line in layer.embedding_lines(q) {
                    restore(Part::Embeddings, line * T::LINE, T::LINE);
                }
            }
        }
    }
}

#[cfg(all(test, not(mutants)))] // mutants need not wait for these either
mod tests {
    use super::*;
    use crate::network::embeddings::Embeddings;
    use crate::network::layer::Options;
    use crate::step::gradient::{GradientSink, WeightGradient};
    use crate::step::settings::Settings;
    use crate::{Activation, Cost, Network, Samples, Targets};

    /// Return the bits of all that an update replaces.
    fn bits(net: &Network<f64>) -> Vec<u64> {
        let mut bits = Vec::new();
        for (layer, moments) in net.layers.iter().zip(&net.optimizer.moments) {
            let back = layer.w_back.iter().map(|back| &back.values);
            let all = Part::ALL.map(|part| part.of(layer, moments)).into_iter();
            let buffers = all.flat_map(|(theta, moments)| std::iter::once(theta).chain(moments));
            for buffer in buffers.chain(back).filter(|buffer| !buffer.is_empty()) {
                bits.extend(buffer.as_slice().iter().map(|value| value.to_bits()));
            }
        }
        bits
    }

    /// Return a network with layer normalization, embeddings and factors of its inputs and Adam's
    /// memory, after one step on these rows.
    fn trained(rows: usize) -> Network<f64> {
        let cost = Cost::from_text("squared_error").unwrap();
        let mut net = Network::new(&[22, 21, 10], &[Activation::Tanh; 2], cost).unwrap();
        let first = Options { layer_norm: true, parametric: true, ..Options::default() };
        net.set_options(&[first, Options::default()]).unwrap();
        let part = |k| (k, if k < 3 { "periodic" } else { "identity" }.to_owned());
        let numbers = |k| if k < 3 { vec![9.0, 2.0, 0.1] } else { Vec::new() };
        let parts: Vec<_> = (0..19).map(|k| (part(k).0, part(k).1, numbers(k))).collect();
        net.set_embeddings(Embeddings::new(19, &parts).unwrap()).unwrap();
        net.set_input_scale(true).unwrap();
        net.initialize("auto", 3).unwrap();
        net.set_optimizer(crate::Rule::from_text("adam").unwrap()).unwrap();
        let x: Vec<f64> = (0..rows * 19).map(|i| (i * 37 % 101) as f64 / 101.0 - 0.5).collect();
        let y: Vec<f64> = (0..rows * 10).map(|i| (i * 53 % 97) as f64 / 97.0).collect();
        let samples = Samples { x: &x, y: Targets::Values(&y), weights: None, n_in: 19 };
        net.train(&samples, &Settings::new(rows, 0.1), Default::default()).unwrap();
        net
    }

    #[test]
    fn an_update_that_is_restored_after_any_tile_changes_nothing() {
        let mut net = trained(30);
        let before = bits(&net);
        let ws = net.training.take().expect("a training keeps its buffers");
        let (layers, moments) = (&net.layers, &net.optimizer.moments[..]);
        let rollback = Rollback { saved: SavedParameters::new(layers, moments).unwrap() };
        let updates = Settings::new(30, 0.1).updates(
            net.optimizer.rule,
            &crate::Clock { t: 2, ..Default::default() },
            &Default::default(),
            1,
            None,
        );
        let all = net.tiles.tiles.len();
        for done in [0..1, 0..all / 2, all / 2..all, 0..all] {
            let done = &net.tiles.tiles[done];
            net.isa.run(WeightGradient {
                layers,
                ws: &ws,
                inputs: &ws.a[0],
                rows: 30,
                scale: 1.0 / 30.0,
                tiles: done,
                sink: GradientSink::Update {
                    updates: &updates,
                    moments,
                    rollback: Some(&rollback),
                },
                prefetch: None,
            });
            assert_ne!(bits(&net), before);
            rollback.restore(layers, moments, done);
            assert_eq!(bits(&net), before);
        }
    }
}
