//! Buffers sized once for a network and a number of rows; a step allocates nothing.

use crate::error::Error;
use crate::machine::kernel::{Buffer, Panels, SHARD};
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::embeddings::Embeddings;
use crate::network::input::InputGradient;
use crate::network::layer::Layer;
use crate::network::layer_norm::NormCache;
use crate::network::softmax_output;

/// The most rows that a step holds at once. A larger batch is processed in chunks of whole shards
/// whose gradients are added in the same tree, so that its buffers stay small.
pub const CHUNK: usize = 4 * SHARD;

/// Every quantity of a pass through the network, one row for each sample.
pub struct Workspace<T> {
    /// a of layer 0 to L: the samples, after [`crate::network::input`] if the network has that
    /// stage, then each layer's activations.
    pub a: Vec<Panels<T>>,
    /// The samples before the stage of the inputs, if the network has one.
    pub raw: Option<Panels<T>>,
    /// The embedded samples before their factors, if the network has both.
    embedded: Option<Panels<T>>,
    /// What a backward pass computes for the stage of the inputs.
    pub input: Option<InputGradient<T>>,
    /// Each worker's copy of the samples, if panels are shared.
    copies: Vec<Panels<T>>,
    /// z of layer 1 to L, after layer normalization if any. Without `keep_z` a hidden layer has
    /// none: a overwrites it.
    pub z: Vec<Option<Panels<T>>>,
    /// With dropout, of layer 1 to L: the mask, 0 or 1 / (1 - dropout), and a times the mask.
    dropped: Vec<Option<[Panels<T>; 2]>>,
    /// What layer normalization of layer 1 to L keeps for the backward pass.
    norm_cache: Vec<Option<NormCache<T>>>,
    /// σ(z) of parametric layers, and the gradient of their alphas for each sample; none in a
    /// workspace for forward passes.
    parametric: Vec<Option<[Panels<T>; 2]>>,
    /// δ of layer 1 to L; empty in a workspace for forward passes.
    pub delta: Vec<Panels<T>>,
    /// The targets of the samples.
    pub y: Panels<T>,
    /// The terms of each sample's cost, for one panel of neurons at a time.
    pub terms: Panels<T>,
    /// The cost of each sample.
    pub costs: Buffer<T>,
    /// The weight of each sample, if they differ.
    pub weights: Option<Buffer<T>>,
    scratch: Buffer<T>,
    rows: usize,
    threads: usize,
}

impl<T: Real> Workspace<T> {
    /// Allocate buffers for a forward pass of `rows` rows by up to `threads` workers.
    pub fn forward(layers: &[Layer<T>], rows: usize, threads: usize) -> Result<Self, Error> {
        let (first, n_in) = (&layers[0], layers[0].n_in);
        let outputs = layers.iter().map(|layer| Panels::zeros(rows, layer.n_out));
        let a = std::iter::once(Panels::zeros(rows, n_in)).chain(outputs);
        Ok(Self {
            a: a.collect::<Result<_, _>>()?,
            raw: first
                .changes_inputs()
                .then(|| Panels::zeros(rows, first.n_features()))
                .transpose()?,
            embedded: (first.has_scale() && first.embeddings.is_some())
                .then(|| Panels::zeros(rows, n_in))
                .transpose()?,
            input: None,
            copies: Vec::new(),
            z: layers
                .iter()
                .map(|layer| {
                    layer.has_alpha().then(|| Panels::zeros(rows, layer.n_out)).transpose()
                })
                .collect::<Result<_, _>>()?,
            parametric: layers.iter().map(|_| None).collect(),
            dropped: layers.iter().map(|_| None).collect(),
            norm_cache: layers.iter().map(|_| None).collect(),
            delta: Vec::new(),
            y: Panels::zeros(0, 1)?,
            terms: Panels::zeros(0, 1)?,
            costs: Buffer::default(),
            weights: None,
            scratch: Buffer::zeros(threads * scratch_length(layers))?,
            rows,
            threads,
        })
    }

    /// Allocate buffers for a forward and a backward pass of up to [`CHUNK`] of `rows` rows.
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
        Ok(Self {
            // The cost of the output layer is computed from its z, and so are some σ'.
            z: layers
                .iter()
                .enumerate()
                .map(|(l, layer)| {
                    let kept = keep_z || l == last || layer.needs_z();
                    kept.then(|| outputs(layer)).transpose()
                })
                .collect::<Result<_, _>>()?,
            norm_cache: layers
                .iter()
                .map(|layer| {
                    let norm_cache = || NormCache::zeros(rows, layer.n_out, keep_z);
                    layer.has_norm().then(norm_cache).transpose()
                })
                .collect::<Result<_, _>>()?,
            parametric: layers
                .iter()
                .map(|layer| {
                    let panels = || Ok([outputs(layer)?, outputs(layer)?]);
                    layer.has_alpha().then(panels).transpose()
                })
                .collect::<Result<_, Error>>()?,
            delta: layers.iter().map(outputs).collect::<Result<_, _>>()?,
            input: layers[0]
                .learns_inputs()
                .then(|| InputGradient::zeros(rows, &layers[0]))
                .transpose()?,
            y: Panels::zeros(rows, n_out)?,
            terms: Panels::zeros(rows, T::LINE.min(n_out))?,
            costs: Buffer::zeros(rows)?,
            ..Self::forward(layers, rows, threads)?
        })
    }

    /// Allocate the weights of the samples if they are `given`.
    pub fn weighted(mut self, given: bool) -> Result<Self, Error> {
        self.weights = given.then(|| Buffer::zeros(self.rows)).transpose()?;
        Ok(self)
    }

    /// Allocate the masks of layers with dropout.
    pub fn with_masks(mut self, layers: &[Layer<T>]) -> Result<Self, Error> {
        for (masks, layer) in self.dropped.iter_mut().zip(layers) {
            if layer.options.dropout > 0.0 {
                let panels = || Panels::zeros(self.rows, layer.n_out);
                *masks = Some([panels()?, panels()?]);
            }
        }
        Ok(self)
    }

    /// Allocate a copy of the samples for each worker.
    pub fn make_copies(&mut self) -> Result<(), Error> {
        let n_in = self.a[0].n;
        while self.copies.len() < self.threads {
            self.copies.push(Panels::zeros(self.rows, n_in)?);
        }
        Ok(())
    }

    /// Return the samples: those before the stage of the inputs, or a of layer 0.
    #[inline(always)]
    pub fn samples(&self) -> &Panels<T> {
        self.raw.as_ref().unwrap_or(&self.a[0])
    }

    /// Return the embedded samples of a network with embeddings.
    #[inline(always)]
    pub fn embedded(&self) -> &Panels<T> {
        self.embedded.as_ref().unwrap_or(&self.a[0])
    }

    /// Return the inputs of the learned factors of a network that has them: the embedded samples, or
    /// the samples.
    #[inline(always)]
    pub fn unscaled(&self) -> &Panels<T> {
        self.embedded.as_ref().unwrap_or(self.samples())
    }

    /// Return the samples, and a of layer 1 to L.
    pub fn activations(&self) -> impl Iterator<Item = &Panels<T>> {
        std::iter::once(self.samples()).chain(&self.a[1..])
    }

    /// Return a of layer 0: a worker's copy, or the shared one.
    #[inline(always)]
    pub fn inputs(&self, worker: &Worker, copied: bool) -> &Panels<T> {
        if copied { &self.copies[worker.index] } else { &self.a[0] }
    }

    /// Return the mask of layer `l` (from 1) and its masked activations, under dropout.
    #[inline(always)]
    pub fn masked(&self, l: usize) -> Option<&[Panels<T>; 2]> {
        self.dropped.get(l.wrapping_sub(1))?.as_ref()
    }

    /// Return what layer normalization of layer `l` (from 0) keeps.
    #[inline(always)]
    pub fn norm_cache(&self, l: usize) -> Option<&NormCache<T>> {
        self.norm_cache[l].as_ref()
    }

    /// Return σ(z) of layer `l` (from 0) and the gradient of its alphas, if it is parametric and the
    /// workspace is for training.
    #[inline(always)]
    pub fn parametric(&self, l: usize) -> Option<&[Panels<T>; 2]> {
        self.parametric[l].as_ref()
    }

    /// Return z of layer `l` (from 0) of a workspace that keeps all z.
    pub fn weighted_input(&self, l: usize) -> &Panels<T> {
        let before = self.norm_cache(l).and_then(|norm_cache| norm_cache.z.as_ref());
        before.or(self.z[l].as_ref()).expect("z is kept")
    }

    /// Return z of the output layer, from which a backward pass starts.
    #[inline(always)]
    pub fn output_z(&self) -> &Panels<T> {
        let z = self.z.last().and_then(Option::as_ref);
        z.expect("the output layer keeps its z")
    }

    /// Return the input of layer `l` (from 0): the activations before it, masked by dropout.
    #[inline(always)]
    pub fn input(&self, l: usize) -> &Panels<T> {
        self.masked(l).map_or(&self.a[l], |[_, masked]| masked)
    }

    /// Return the scratch memory of worker `index`, for some rows of a layer.
    ///
    /// # Safety
    ///
    /// The caller is that worker, `index` is below the number of threads of the workspace, and no
    /// other slice of this memory is in use.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // the cells allow it; the caller guarantees the rest
    pub unsafe fn scratch(&self, layers: &[Layer<T>], index: usize) -> &mut [T] {
        let length = scratch_length(layers);
        // SAFETY: the caller guarantees it.
        unsafe { self.scratch.slice_mut_unchecked(index * length, length) }
    }

    /// Return true if the workspace fits batches of `rows` rows and this many workers.
    pub fn fits(&self, rows: usize, threads: usize, weighted: bool) -> bool {
        let rows = rows.min(CHUNK);
        self.weights.is_some() == weighted
            && self.threads >= threads
            && self.rows >= rows
            && self.rows <= 4 * rows
    }

    /// Return the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Return the largest number of workers.
    pub fn threads(&self) -> usize {
        self.threads
    }
}

/// Return the numbers of scratch memory of one worker: for [`softmax_output`] if the output's
/// activation acts on whole rows, for a row of a layer with dropout, and for embeddings.
#[inline(always)]
fn scratch_length<T: Real>(layers: &[Layer<T>]) -> usize {
    let last = &layers[layers.len() - 1];
    let elementwise = last.activation.is_elementwise();
    let output = if elementwise { 0 } else { softmax_output::scratch_length::<T>(last.n_out) };
    let dropout = layers.iter().filter(|layer| layer.options.dropout > 0.0);
    let embeddings = layers[0].embeddings.as_ref().map_or(0, Embeddings::scratch_length);
    dropout.map(|layer| layer.n_out).fold(output.max(embeddings), usize::max)
}
