//! Buffers sized once for a network and a number of rows; a step allocates nothing.

use crate::kernel::{Buffer, Packed, Panels, SHARD};
use crate::layer::Layer;
use crate::real::Real;
use crate::small;

/// The most rows that a step holds at once. A larger batch goes through in chunks of whole shards
/// whose gradients are added up in the same tree, so that its buffers stay small.
pub const CHUNK: usize = 4 * SHARD;

/// Every quantity of a pass through the network, one row a sample.
pub struct Workspace<T> {
    /// a of layer 0 to L: the samples themselves, then each layer's activations.
    pub a: Vec<Panels<T>>,
    /// z of layer 1 to L. Without `keep_z` a hidden layer has none: its room holds a in the end.
    pub z: Vec<Option<Panels<T>>>,
    /// δ of layer 1 to L; none in a workspace for the forward pass alone.
    pub delta: Vec<Panels<T>>,
    /// The targets of the samples.
    pub y: Panels<T>,
    /// The terms of each sample's cost.
    pub terms: Panels<T>,
    /// The cost of each sample.
    pub costs: Buffer<T>,
    /// Whether a step is one for [`crate::small`].
    pub small: bool,
    scratch: Buffer<T>,
    rows: usize,
    threads: usize,
}

impl<T: Real> Workspace<T> {
    /// Room for a forward pass of `rows` rows by up to `threads` workers.
    pub fn forward(layers: &[Layer<T>], rows: usize, threads: usize) -> Self {
        let n_in = layers[0].n_in;
        let outputs = layers.iter().map(|layer| Panels::zeros(rows, layer.n_out));
        Self {
            a: std::iter::once(Panels::zeros(rows, n_in)).chain(outputs).collect(),
            z: layers.iter().map(|_| None).collect(),
            delta: Vec::new(),
            y: Panels::zeros(0, 1),
            terms: Panels::zeros(0, 1),
            costs: Buffer::zeros(0),
            small: false,
            scratch: Buffer::zeros(threads * scratch_length(layers)),
            rows,
            threads,
        }
    }

    /// Room for a pass forward and back of up to [`CHUNK`] of `rows` rows.
    pub fn training(layers: &[Layer<T>], rows: usize, threads: usize, keep_z: bool) -> Self {
        let rows = rows.min(CHUNK);
        let n_out = layers[layers.len() - 1].n_out;
        let outputs = |layer: &Layer<T>| Panels::zeros(rows, layer.n_out);
        let last = layers.len() - 1;
        let kept = layers.iter().enumerate();
        Self {
            // The cost of the output layer is computed from its z, and so are some σ'.
            z: kept
                .map(|(l, layer)| {
                    let kept = keep_z || l == last || layer.activation.needs_z();
                    kept.then(|| outputs(layer))
                })
                .collect(),
            delta: layers.iter().map(outputs).collect(),
            y: Panels::zeros(rows, n_out),
            terms: Panels::zeros(rows, n_out),
            costs: Buffer::zeros(rows),
            small: threads == 1 && small::serves(layers, rows),
            ..Self::forward(layers, rows, threads)
        }
    }

    /// Worker `index`'s own room for five rows of a softmax layer.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub fn scratch(&self, layers: &[Layer<T>], index: usize) -> &mut [T] {
        let length = scratch_length(layers);
        self.scratch.part(index * length, length)
    }

    /// Whether it serves batches of `rows` rows and so many workers.
    pub fn fits(&self, rows: usize, threads: usize) -> bool {
        let room = rows.min(CHUNK);
        self.threads >= threads && self.rows >= room && self.rows <= 4 * room
    }

    /// How many rows there is room for.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many workers may share it.
    pub fn threads(&self) -> usize {
        self.threads
    }
}

/// Five rows of the output layer where its activation takes a row at a time, else nothing.
#[inline(always)]
fn scratch_length<T: Real>(layers: &[Layer<T>]) -> usize {
    let last = &layers[layers.len() - 1];
    if last.activation.is_elementwise() { 0 } else { 5 * last.n_out }
}

/// One gradient, laid out as the parameters are.
pub struct Gradient<T> {
    pub w: Vec<Packed<T>>,
    pub b: Vec<Buffer<T>>,
}

impl<T: Real> Gradient<T> {
    pub fn zeros(layers: &[Layer<T>]) -> Self {
        Self {
            w: layers.iter().map(|layer| Packed::zeros(layer.n_in, layer.n_out)).collect(),
            b: layers.iter().map(|layer| Buffer::zeros(layer.b.len())).collect(),
        }
    }
}

impl<T> Gradient<T> {
    /// All its numbers: the packed weights of each layer, then the biases.
    pub fn buffers(&self) -> impl Iterator<Item = &Buffer<T>> {
        self.w.iter().map(|w| &w.values).chain(&self.b)
    }
}

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

/// Input panels that stay in the second-level cache while the δ of a layer go past.
const GROUP: usize = 4;

impl Tiles {
    pub fn new<T: Real>(layers: &[Layer<T>]) -> Self {
        let mut tiles = Vec::new();
        let mut totals = Vec::new();
        let mut total = 0;
        for (layer, Layer { n_in, w, .. }) in layers.iter().enumerate() {
            let inputs = n_in.div_ceil(T::LINE);
            for group in (0..inputs).step_by(GROUP) {
                for p in 0..w.panels() {
                    for q in group..(group + GROUP).min(inputs) {
                        tiles.push(Tile { layer, q, p });
                        total += T::LINE.min(n_in - q * T::LINE) * w.width(p).max(T::LINE / 2);
                        totals.push(total);
                    }
                }
            }
        }
        Self { tiles, totals }
    }
}
