//! The blocks of all weights, in the order in which a gradient visits them.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::PANELS_MAX;
use crate::machine::memory;
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::layer::Layer;

/// One block of one layer's weights: input panel `q` by output panel `p`.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    pub layer: usize,
    pub q: usize,
    pub p: usize,
}

/// All blocks of all layers in the order in which a gradient visits them, with their running work.
pub struct Tiles {
    pub tiles: Vec<Tile>,
    pub totals: Vec<usize>,
}

/// Input panels that stay in the second-level cache for all δ of a layer: a chunk of lines each.
const GROUP: usize = 4;

/// Yield (q, p) panel by panel of outputs, for each all of `inputs`; panels that a gradient may
/// process together are adjacent.
fn side_by_side(inputs: Range<usize>, outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..outputs).step_by(PANELS_MAX).flat_map(move |p| {
        let neighbors = p..(p + PANELS_MAX).min(outputs);
        inputs.clone().flat_map(move |q| neighbors.clone().map(move |p| (q, p)))
    })
}

impl Tiles {
    pub fn new<T: Real>(layers: &[Layer<T>]) -> Result<Self, Error> {
        let blocks = layers.iter().map(|layer| layer.n_in.div_ceil(T::LINE) * layer.w.panels());
        let count = blocks.sum();
        let (mut tiles, mut totals) =
            (memory::with_capacity(count)?, memory::with_capacity(count)?);
        let mut total = 0;
        for (layer, Layer { n_in, w, .. }) in layers.iter().enumerate() {
            let inputs = n_in.div_ceil(T::LINE);
            for group in (0..inputs).step_by(GROUP) {
                let group = group..(group + GROUP).min(inputs);
                for (q, p) in side_by_side(group, w.panels()) {
                    tiles.push(Tile { layer, q, p });
                    total += T::LINE.min(n_in - q * T::LINE) * w.width(p).max(T::LINE / 2);
                    totals.push(total);
                }
            }
        }
        Ok(Self { tiles, totals })
    }

    /// Return the tiles of one layer.
    pub fn of_layer(&self, layer: usize) -> &[Tile] {
        let cut = |layer| self.tiles.partition_point(|tile| tile.layer < layer);
        &self.tiles[cut(layer)..cut(layer + 1)]
    }

    /// Return one worker's share of all tiles.
    pub fn share(&self, worker: &Worker) -> &[Tile] {
        &self.tiles[worker.weighted_share(&self.totals).range()]
    }
}
