//! Buffers sized once for a network and a number of rows; a step allocates nothing.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{Buffer, PANELS_MAX, Packed, Panels, SHARD};
use crate::machine::memory;
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::layer_norm::NormCache;
use crate::network::softmax_output;
use crate::step::fused_small;
use crate::step::rollback::Rollback;

/// The most rows that a step holds at once. A larger batch goes through in chunks of whole shards
/// whose gradients are added up in the same tree, so that its buffers stay small.
pub const CHUNK: usize = 4 * SHARD;

/// Every quantity of a pass through the network, one row a sample.
pub struct Workspace<T> {
    /// a of layer 0 to L: the samples themselves, then each layer's activations.
    pub a: Vec<Panels<T>>,
    /// Each worker's own copy of the samples, where panels are shared.
    copies: Vec<Panels<T>>,
    /// z of layer 1 to L, normalised where σ sees it so. Without `keep_z` a hidden layer has none: its room holds a in the end.
    pub z: Vec<Option<Panels<T>>>,
    /// Under dropout, of layer 1 to L: the mask, 0 or 1 / (1 - share), and a times the mask.
    dropped: Vec<Option<[Panels<T>; 2]>>,
    /// Of layer 1 to L what layer normalisation keeps for the pass back.
    normed: Vec<Option<NormCache<T>>>,
    /// δ of layer 1 to L; none in a workspace for the forward pass alone.
    pub delta: Vec<Panels<T>>,
    /// The targets of the samples.
    pub y: Panels<T>,
    /// The terms of each sample's cost, of a panel of neurons at a time.
    pub terms: Panels<T>,
    /// The cost of each sample.
    pub costs: Buffer<T>,
    /// The weight of each sample, where they differ.
    pub weights: Option<Buffer<T>>,
    /// Whether a step is one for [`crate::step::fused_small`].
    pub small: bool,
    /// Where updates take long.
    pub rollback: Option<Rollback<T>>,
    scratch: Buffer<T>,
    rows: usize,
    threads: usize,
}

impl<T: Real> Workspace<T> {
    /// Room for a forward pass of `rows` rows by up to `threads` workers.
    pub fn forward(layers: &[Layer<T>], rows: usize, threads: usize) -> Result<Self, Error> {
        let n_in = layers[0].n_in;
        let outputs = layers.iter().map(|layer| Panels::zeros(rows, layer.n_out));
        let a = std::iter::once(Panels::zeros(rows, n_in)).chain(outputs);
        Ok(Self {
            a: a.collect::<Result<_, _>>()?,
            copies: Vec::new(),
            z: layers.iter().map(|_| None).collect(),
            dropped: layers.iter().map(|_| None).collect(),
            normed: layers.iter().map(|_| None).collect(),
            delta: Vec::new(),
            y: Panels::zeros(0, 1)?,
            terms: Panels::zeros(0, 1)?,
            costs: Buffer::default(),
            weights: None,
            small: false,
            rollback: None,
            scratch: Buffer::zeros(threads * scratch_length(layers))?,
            rows,
            threads,
        })
    }

    /// Room for a pass forward and back of up to [`CHUNK`] of `rows` rows.
    pub fn training(
        layers: &[Layer<T>],
        rows: usize,
        threads: usize,
        keep_z: bool,
    ) -> Result<Self, Error> {
        let rows = rows.min(CHUNK);
        let n_out = layers[layers.len() - 1].n_out;
        let outputs = |layer: &Layer<T>| Panels::zeros(rows, layer.n_out);
        let last = layers.len() - 1;
        let kept = layers.iter().enumerate();
        Ok(Self {
            // The cost of the output layer is computed from its z, and so are some σ'.
            z: kept
                .map(|(l, layer)| {
                    let kept = keep_z || l == last || layer.needs_z();
                    kept.then(|| outputs(layer)).transpose()
                })
                .collect::<Result<_, _>>()?,
            normed: layers
                .iter()
                .map(|layer| {
                    let normed = || NormCache::zeros(rows, layer.n_out, keep_z);
                    layer.has_norm().then(normed).transpose()
                })
                .collect::<Result<_, _>>()?,
            delta: layers.iter().map(outputs).collect::<Result<_, _>>()?,
            y: Panels::zeros(rows, n_out)?,
            terms: Panels::zeros(rows, T::LINE.min(n_out))?,
            costs: Buffer::zeros(rows)?,
            small: threads == 1 && fused_small::serves(layers, rows),
            ..Self::forward(layers, rows, threads)?
        })
    }

    /// Room for weights of the samples, if they are `given`.
    pub fn weighted(mut self, given: bool) -> Result<Self, Error> {
        self.weights = given.then(|| Buffer::zeros(self.rows)).transpose()?;
        self.small &= !given;
        Ok(self)
    }

    /// Room for the masks of layers with dropout.
    pub fn with_masks(mut self, layers: &[Layer<T>]) -> Result<Self, Error> {
        for (room, layer) in self.dropped.iter_mut().zip(layers) {
            if layer.options.dropout > 0.0 {
                let panels = || Panels::zeros(self.rows, layer.n_out);
                *room = Some([panels()?, panels()?]);
            }
        }
        self.small &= self.dropped.iter().all(Option::is_none);
        Ok(self)
    }

    /// Makes room for a copy of the samples for each worker.
    pub fn make_copies(&mut self) -> Result<(), Error> {
        let n_in = self.a[0].n;
        while self.copies.len() < self.threads {
            self.copies.push(Panels::zeros(self.rows, n_in)?);
        }
        Ok(())
    }

    /// a of layer 0: a worker's copy, or what all share.
    #[inline(always)]
    pub fn inputs(&self, worker: &Worker, copied: bool) -> &Panels<T> {
        if copied { &self.copies[worker.index] } else { &self.a[0] }
    }

    /// The mask of layer `l` (from 1) and its masked activations, under dropout.
    #[inline(always)]
    pub fn masked(&self, l: usize) -> Option<&[Panels<T>; 2]> {
        self.dropped.get(l.wrapping_sub(1))?.as_ref()
    }

    /// What layer normalisation of layer `l` (from 0) keeps.
    #[inline(always)]
    pub fn normed(&self, l: usize) -> Option<&NormCache<T>> {
        self.normed[l].as_ref()
    }

    /// z of layer `l` (from 0) where all z were asked for.
    pub fn weighted_input(&self, l: usize) -> &Panels<T> {
        let before = self.normed(l).and_then(|normed| normed.z.as_ref());
        before.or(self.z[l].as_ref()).expect("z is kept")
    }

    /// z of the output layer, which a pass back begins from.
    #[inline(always)]
    pub fn output_z(&self) -> &Panels<T> {
        let z = self.z.last().and_then(Option::as_ref);
        z.expect("the output layer keeps its z")
    }

    /// What layer `l` (from 0) sees: the activations before it, under dropout only some.
    #[inline(always)]
    pub fn input(&self, l: usize) -> &Panels<T> {
        self.masked(l).map_or(&self.a[l], |[_, masked]| masked)
    }

    /// Worker `index`'s own room for some rows of a layer.
    ///
    /// # Safety
    ///
    /// The caller is that worker, one of as many as there is room for, and does not use another slice
    /// of its room at the same time.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the cells allow it; the caller answers for the rest
    pub unsafe fn scratch(&self, layers: &[Layer<T>], index: usize) -> &mut [T] {
        let length = scratch_length(layers);
        // SAFETY: the caller's.
        unsafe { self.scratch.slice_mut_unchecked(index * length, length) }
    }

    /// Whether it serves batches of `rows` rows and so many workers.
    pub fn fits(&self, rows: usize, threads: usize, weighted: bool) -> bool {
        let room = rows.min(CHUNK);
        self.weights.is_some() == weighted
            && self.threads >= threads
            && self.rows >= room
            && self.rows <= 4 * room
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

/// Room for [`rowwise`] where the output's activation takes a row at a time, and for a row of a
/// layer with dropout.
#[inline(always)]
fn scratch_length<T: Real>(layers: &[Layer<T>]) -> usize {
    let last = &layers[layers.len() - 1];
    let elementwise = last.activation.is_elementwise();
    let output = if elementwise { 0 } else { softmax_output::scratch_length::<T>(last.n_out) };
    let dropout = layers.iter().filter(|layer| layer.options.dropout > 0.0);
    dropout.map(|layer| layer.n_out).fold(output, usize::max)
}

/// One gradient, laid out as the parameters are.
pub struct Gradient<T> {
    pub w: Vec<Packed<T>>,
    pub b: Vec<Buffer<T>>,
    /// Of gains and shifts, empty for layers without.
    pub norm: Vec<[Buffer<T>; 2]>,
}

impl<T: Real> Gradient<T> {
    /// A copy of the parameters themselves.
    pub fn of_parameters(layers: &[Layer<T>]) -> Result<Self, Error> {
        let copy = Self::zeros(layers)?;
        for (mine, theirs) in copy.buffers().zip(parameters(layers)) {
            // SAFETY: `copy` was just made, and is as long as the parameters.
            unsafe { mine.slice_mut_unchecked(0, mine.len()) }.copy_from_slice(theirs.as_slice());
        }
        Ok(copy)
    }

    /// Takes a moving average on: this := decay this + (1 - decay) parameters, one worker's share.
    pub fn follow(&self, worker: &Worker, layers: &[Layer<T>], decay: T) {
        for (mine, theirs) in self.buffers().zip(parameters(layers)) {
            let share = worker.share(mine.len());
            let theirs = theirs.slice(share.start(), share.len());
            // SAFETY: this worker's share.
            let mine = unsafe { mine.slice_mut_unchecked(share.start(), share.len()) };
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = decay.mul_add(*mine - *theirs, *theirs);
            }
        }
    }

    pub fn zeros(layers: &[Layer<T>]) -> Result<Self, Error> {
        let w = layers.iter().map(|layer| Packed::zeros(layer.n_in, layer.n_out));
        let b = layers.iter().map(|layer| Buffer::zeros(layer.b.len()));
        let norm = layers.iter().map(|Layer { norm: [gain, shift], .. }| {
            Ok([Buffer::zeros(gain.len())?, Buffer::zeros(shift.len())?])
        });
        Ok(Self {
            w: w.collect::<Result<_, _>>()?,
            b: b.collect::<Result<_, _>>()?,
            norm: norm.collect::<Result<_, Error>>()?,
        })
    }
}

impl<T> Gradient<T> {
    /// All its numbers: the packed weights of each layer, then the biases, gains and shifts.
    pub fn buffers(&self) -> impl Iterator<Item = &Buffer<T>> {
        self.of_layers(0..self.w.len())
    }

    /// The numbers of some layers.
    pub fn of_layers(&self, layers: Range<usize>) -> impl Iterator<Item = &Buffer<T>> {
        let weights = self.w[layers.clone()].iter().map(|w| &w.values);
        weights.chain(&self.b[layers.clone()]).chain(self.norm[layers].iter().flatten())
    }
}

/// All parameters, in the order of [`Gradient::buffers`].
pub fn parameters<T>(layers: &[Layer<T>]) -> impl Iterator<Item = &Buffer<T>> {
    let weights = layers.iter().map(|layer| &layer.w.values);
    weights
        .chain(layers.iter().map(|layer| &layer.b))
        .chain(layers.iter().flat_map(|layer| &layer.norm))
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

/// Input panels that stay in the second-level cache while the δ of a layer go past: [`CHUNK`] lines each.
const GROUP: usize = 4;

/// Panel after panel of outputs, for each all of `inputs`; those that a gradient may take side by side
/// follow each other.
fn side_by_side(inputs: Range<usize>, outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..outputs).step_by(PANELS_MAX).flat_map(move |p| {
        let neighbours = p..(p + PANELS_MAX).min(outputs);
        inputs.clone().flat_map(move |q| neighbours.clone().map(move |p| (q, p)))
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

    /// The tiles of one layer.
    pub fn of_layer(&self, layer: usize) -> &[Tile] {
        let cut = |layer| self.tiles.partition_point(|tile| tile.layer < layer);
        &self.tiles[cut(layer)..cut(layer + 1)]
    }

    /// One worker's part of all of them.
    pub fn share(&self, worker: &Worker) -> &[Tile] {
        &self.tiles[worker.weighted_share(&self.totals).range()]
    }
}
