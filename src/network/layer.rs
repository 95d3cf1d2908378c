//! One dense layer: its parameters, its forward pass and its backward pass.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{
    Buffer, Isa, Packed, Panels, Portable, Product, Simd, transpose, with_width,
};
use crate::machine::memory;
use crate::machine::pool::{Share, Worker};
use crate::machine::real::Real;
use crate::network::custom::{Custom, CustomActivation};
use crate::network::elementwise::{Activate, Copy, Mix, Multiply, Slope, Unmix};
use crate::network::embeddings::Embeddings;
use crate::network::layer_norm::{Denormalize, NormCache, Normalize};
use crate::network::softmax_output::ActivateRows;
use crate::tables::activation::Activation;
use crate::tables::optimizer::Penalty;

/// The options of a layer besides its activation; all off by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// The fraction of the layer's activations that training drops.
    pub dropout: f64,
    /// The penalty that is added to the gradient of the weights.
    pub penalty: Penalty,
    /// The largest norm of a neuron's incoming weights; 0 for no limit.
    pub max_norm: f64,
    /// True if the activation receives normalized z.
    pub layer_norm: bool,
    /// True if each neuron learns how much of its activation it takes.
    pub parametric: bool,
}

impl Options {
    /// Return true if an update follows its rule alone.
    pub fn is_plain(&self) -> bool {
        self.penalty == Penalty::default()
    }
}

/// The most floating-point operations between two questions whether to stop, times the bytes of a
/// number: Ctrl-C waits for some hundredths of a second. A panel of a large layer may take longer.
pub const PRODUCT_WORK: u64 = 20_000_000_000;

/// The rows and the panels of a layer that a worker computes.
pub struct Region<'a> {
    pub rows: &'a Share,
    pub panels: Range<usize>,
}

/// The results of a forward pass of one layer.
pub struct Outputs<'a, T> {
    /// z, if it is stored separately from a.
    pub z: Option<&'a Panels<T>>,
    pub norm: Option<&'a NormCache<T>>,
    /// σ(z) of a parametric layer, if it is stored separately from a.
    pub sigma: Option<&'a Panels<T>>,
    pub a: &'a Panels<T>,
}

/// The layer before, in a backward pass.
pub struct Previous<'a, T> {
    pub layer: &'a Layer<T>,
    pub z: &'a Panels<T>,
    pub a: &'a Panels<T>,
    /// The dropout mask of its activations.
    pub mask: Option<&'a Panels<T>>,
    /// Its σ(z), and the destination of the gradient of its alphas, if it is parametric.
    pub parametric: Option<[&'a Panels<T>; 2]>,
    /// Receives its δ.
    pub delta: &'a Panels<T>,
}

/// Weights `w`, biases `b` and the activation of n_out neurons with n_in inputs.
pub struct Layer<T> {
    pub n_in: usize,
    pub n_out: usize,
    /// Identity if the activation is custom.
    pub activation: Activation,
    pub custom: Option<Custom<dyn CustomActivation<T>>>,
    pub options: Options,
    /// Wᵀ in panels of output neurons: the forward product reads it, the gradient writes it.
    pub w: Packed<T>,
    /// W in panels of input neurons, for δ W; None for a first layer whose inputs learn nothing.
    pub w_back: Option<Packed<T>>,
    /// Biases, padded to whole panels.
    pub b: Buffer<T>,
    /// Gains and shifts of layer normalization, padded likewise; empty without it.
    pub norm: [Buffer<T>; 2],
    /// Learned factors of the inputs of a first layer, padded to whole lines; empty without them.
    pub scale: Buffer<T>,
    /// The embeddings of the inputs of a first layer, before their factors.
    pub embeddings: Option<Embeddings<T>>,
    /// What the embeddings learn, padded to whole lines; empty if that is nothing.
    pub embedding_parameters: Buffer<T>,
    /// α of a parametric activation z + α (σ(z) - z), padded as the biases; empty without it.
    pub alpha: Buffer<T>,
}

impl<T: Real> Layer<T> {
    /// Return a layer whose parameters are zero.
    pub fn zeros(
        n_in: usize,
        n_out: usize,
        activation: Activation,
        first: bool,
    ) -> Result<Self, Error> {
        let w = Packed::zeros(n_in, n_out)?;
        let b = Buffer::zeros(w.panels() * T::LINE)?;
        let options = Options::default();
        let (norm, scale, embedding_parameters, alpha) = Default::default();
        let mut layer = Self {
            n_in,
            n_out,
            activation,
            custom: None,
            options,
            w,
            w_back: None,
            b,
            norm,
            scale,
            embeddings: None,
            embedding_parameters,
            alpha,
        };
        layer.allocate_back(!first)?;
        Ok(layer)
    }

    /// Allocate or drop the weights in panels of inputs.
    pub fn allocate_back(&mut self, on: bool) -> Result<(), Error> {
        self.w_back = on.then(|| Packed::zeros(self.n_out, self.n_in)).transpose()?;
        Ok(())
    }

    /// Set the options; gains and alphas start at 1 and shifts at 0.
    pub fn set_options(&mut self, options: Options) -> Result<(), Error> {
        let length = if options.layer_norm { self.b.len() } else { 0 };
        self.norm = [Buffer::zeros(length)?, Buffer::zeros(length)?];
        self.alpha = Buffer::zeros(if options.parametric { self.b.len() } else { 0 })?;
        self.options = options;
        self.reset_norm();
        self.reset_alpha();
        Ok(())
    }

    /// Set the alphas to 1.
    pub fn reset_alpha(&mut self) {
        if self.has_alpha() {
            self.alpha.as_mut_slice()[..self.n_out].fill(T::ONE);
        }
    }

    /// Return true if the activation is parametric.
    pub fn has_alpha(&self) -> bool {
        !self.alpha.is_empty()
    }

    /// Set the gains to 1 and the shifts to 0.
    pub fn reset_norm(&mut self) {
        if self.has_norm() {
            let [gain, shift] = &mut self.norm;
            gain.as_mut_slice()[..self.n_out].fill(T::ONE);
            shift.as_mut_slice().fill(T::ZERO);
        }
    }

    /// Return true if the inputs of the layer have learned factors.
    pub fn has_scale(&self) -> bool {
        !self.scale.is_empty()
    }

    /// Return the number of inputs before their embeddings, if the layer has any.
    pub fn n_features(&self) -> usize {
        self.embeddings.as_ref().map_or(self.n_in, Embeddings::n_in)
    }

    /// Return the number of learned parameters of the embeddings.
    pub fn n_embedding_parameters(&self) -> usize {
        self.embeddings.as_ref().map_or(0, Embeddings::n_parameters)
    }

    /// Return the lines of the parameters of the embeddings that belong to line `q` of the inputs.
    pub fn embedding_lines(&self, q: usize) -> Range<usize> {
        let (lines, inputs) =
            (self.embedding_parameters.len() / T::LINE, self.n_in.div_ceil(T::LINE));
        q * lines / inputs..(q + 1) * lines / inputs
    }

    /// Return true if the factors of the inputs or their embeddings are learned.
    pub fn learns_inputs(&self) -> bool {
        self.has_scale() || !self.embedding_parameters.is_empty()
    }

    /// Return true if the layer does not take the samples as they are.
    pub fn changes_inputs(&self) -> bool {
        self.has_scale() || self.embeddings.is_some()
    }

    /// Return true if the layer is its weights, its biases and an activation of the table.
    pub fn is_basic(&self) -> bool {
        self.custom.is_none() && !self.has_norm() && !self.has_alpha() && !self.changes_inputs()
    }

    /// Return true if the layer has layer normalization.
    pub fn has_norm(&self) -> bool {
        !self.norm[0].is_empty()
    }

    /// Return the name of the activation.
    pub fn activation_name(&self) -> String {
        let custom = self.custom.as_ref().map(|custom| custom.function.name().to_owned());
        custom.unwrap_or_else(|| self.activation.to_string())
    }

    /// Return true if σ' is computed from z as well as a.
    pub fn needs_z(&self) -> bool {
        self.custom.is_some() || self.activation.needs_z() || self.has_alpha()
    }

    /// Return the weights as in the derivation: `(n_out, n_in)`, row by row.
    pub fn weights(&self) -> Result<Vec<T>, Error> {
        rows_of(&self.w)
    }

    /// Return the `n_out` biases.
    pub fn biases(&self) -> &[T] {
        &self.b.as_slice()[..self.n_out]
    }

    /// Set the `(n_out, n_in)` weights, row by row.
    pub fn set_weights(&mut self, weights: &[T]) {
        for (j, row) in weights.chunks_exact(self.n_in).enumerate() {
            for (k, &w) in row.iter().enumerate() {
                let at = self.w.at(k, j);
                self.w.values.as_mut_slice()[at] = w;
                if let Some(back) = &mut self.w_back {
                    let at = back.at(j, k);
                    back.values.as_mut_slice()[at] = w;
                }
            }
        }
    }

    /// Set the `n_out` biases.
    pub fn set_biases(&mut self, biases: &[T]) {
        self.b.as_mut_slice()[..self.n_out].copy_from_slice(biases);
    }

    /// Compute z = a_prev Wᵀ + b, then a = σ(z). `z` is stored separately if given; with layer
    /// normalization it is the input of σ. [`Self::activate_rows`] computes a softmax.
    ///
    /// Equation 1 of docs/derivation.md.
    #[inline(always)]
    pub fn forward(
        &self,
        isa: Isa,
        a_prev: &Panels<T>,
        &Outputs { z, norm, sigma, a }: &Outputs<T>,
        region: Region,
        stop: &impl Fn() -> bool,
    ) {
        let Region { rows, panels } = region;
        let (out, bias, right) = (z.unwrap_or(a), Some(&self.b), &self.w);
        let product = Product { out, left: a_prev, right, bias, rows, panels: panels.clone() };
        product.in_pieces(isa, PRODUCT_WORK, stop);
        if self.has_norm() {
            let [gain, shift] = &self.norm;
            isa.run(Normalize { gain, shift, cache: norm, values: out, rows });
        }
        let activated = sigma.unwrap_or(a);
        if let Some(custom) = &self.custom {
            custom.sigma(out, activated, rows);
        } else if self.activation.is_elementwise()
            && (z.is_some() || self.activation != Activation::Identity)
        {
            let (activation, panels) = (self.activation, panels.clone());
            isa.run(Activate { activation, w: &self.w, z, a: activated, rows, panels });
        }
        if self.has_alpha() {
            isa.run(Mix { alpha: &self.alpha, z: out, sigma, a, rows, panels });
        }
    }

    /// Compute a = σ(z) if σ acts on whole rows; `scratch` holds a line of rows.
    #[inline(always)]
    pub fn activate_rows(
        &self,
        isa: Isa,
        z: Option<&Panels<T>>,
        a: &Panels<T>,
        scratch: &mut [T],
        rows: &Share,
    ) {
        if self.custom.is_none() && !self.activation.is_elementwise() {
            isa.run(ActivateRows { z: z.unwrap_or(a), a, scratch, rows });
        }
    }

    /// Compute δ := δ ⊙ σ'(z, a) if σ is elementwise.
    #[inline(always)]
    pub fn slope(
        &self,
        isa: Isa,
        z: &Panels<T>,
        a: &Panels<T>,
        delta: &Panels<T>,
        Region { rows, panels }: Region,
    ) {
        if let Some(custom) = &self.custom {
            custom.slope(z, a, delta, rows);
        } else if self.activation != Activation::Identity {
            isa.run(Slope { activation: self.activation, z, a, delta, rows, panels });
        }
    }

    /// Turn δ of the input of σ into δ of z, for layer normalization.
    #[inline(always)]
    pub fn denormalize(
        &self,
        isa: Isa,
        cache: Option<&NormCache<T>>,
        delta: &Panels<T>,
        rows: &Share,
    ) {
        if let Some(cache) = cache {
            isa.run(Denormalize { gain: &self.norm[0], cache, delta, rows });
        }
    }

    /// Compute δ of the layer before from δ of this layer: δ_prev = (δ W) ⊙ σ'(z_prev, a_prev).
    ///
    /// Equation 11 of docs/derivation.md; a dropout mask lies between a_prev and W.
    #[inline(always)]
    pub fn backward(
        &self,
        isa: Isa,
        delta: &Panels<T>,
        previous: &Previous<T>,
        region: Region,
        stop: &impl Fn() -> bool,
    ) {
        let Region { rows, panels } = region;
        let out = previous.delta;
        self.backward_product(isa, delta, out, Region { rows, panels: panels.clone() }, stop);
        if let Some(mask) = previous.mask {
            isa.run(Multiply { by: mask, values: None, out, rows });
        }
        let Some([sigma, grad]) = previous.parametric else {
            previous.layer.slope(isa, previous.z, previous.a, out, Region { rows, panels });
            return;
        };
        let (alpha, z) = (&previous.layer.alpha, previous.z);
        isa.run(Copy { from: out, to: grad, rows, panels: panels.clone() });
        previous.layer.slope(isa, z, sigma, out, Region { rows, panels: panels.clone() });
        isa.run(Unmix { alpha, z, sigma, delta: out, grad, rows, panels });
    }

    /// Compute δ W, the derivative of the cost by the inputs of the layer.
    #[inline(always)]
    pub fn backward_product(
        &self,
        isa: Isa,
        delta: &Panels<T>,
        out: &Panels<T>,
        Region { rows, panels }: Region,
        stop: &impl Fn() -> bool,
    ) {
        let right = self.w_back.as_ref().expect("the inputs of the layer have a derivative");
        let product = Product { out, left: delta, right, bias: None, rows, panels };
        product.in_pieces(isa, PRODUCT_WORK, stop);
    }
}

impl<T: Real> Layer<T> {
    /// Update all of `w_back` after `w` has changed.
    pub fn copy_all_back(&mut self) {
        self.copy_back(&Worker::alone());
    }

    /// Scale down the incoming weights of each neuron whose norm is too large, one worker's share.
    pub fn limit_norms(&self, worker: &Worker) {
        let max_norm = self.options.max_norm;
        if max_norm == 0.0 {
            return;
        }
        for p in worker.share(self.w.panels()).range() {
            let width = self.w.width(p);
            let (from, length) = (self.w.offset(p, 0), self.n_in * width);
            // SAFETY: the panel is this worker's share; nobody reads weights before all are done.
            let values = unsafe { self.w.values.slice_mut_unchecked(from, length) };
            for j in 0..width {
                let weights = || values.iter().skip(j).step_by(width);
                let squares: f64 = weights().map(|w| w.to_f64() * w.to_f64()).sum();
                if squares > max_norm * max_norm {
                    let scale = T::from_f64(max_norm / squares.sqrt());
                    values.iter_mut().skip(j).step_by(width).for_each(|w| *w *= scale);
                }
            }
        }
    }

    /// Update one worker's share of `w_back` after all of `w` has changed.
    pub fn copy_back(&self, worker: &Worker) {
        let Some(back) = &self.w_back else { return };
        for q in worker.share(back.panels()).range() {
            (0..self.w.panels()).for_each(|p| self.copy_tile_back(q, p));
        }
    }

    /// Update a block of `w_back` after that of `w` has changed.
    pub fn copy_tile_back(&self, q: usize, p: usize) {
        let n_in = T::LINE.min(self.n_in - q * T::LINE);
        with_width!(self.w.width(p), self.copy_block::<Portable, _>(q, n_in, p));
    }

    fn copy_block<S: Simd, const N: usize>(&self, q: usize, n_in: usize, p: usize) {
        let Some(back) = &self.w_back else { return };
        let n_out = N.min(self.n_out - p * T::LINE);
        let w = self.w.values.slice(self.w.offset(p, q * T::LINE), n_in * N);
        // SAFETY: block (q, p) of `w_back` belongs to that of `w`, which this worker owns.
        unsafe { transpose::<T, S, N>(w, q, n_in, p, n_out, back) };
    }
}

/// Return `(k, n)` panels as n rows of k.
pub fn rows_of<T: Real>(packed: &Packed<T>) -> Result<Vec<T>, Error> {
    let values = packed.values.as_slice();
    let rows = 0..packed.n;
    let numbers = rows.flat_map(|j| (0..packed.k).map(move |k| values[packed.at(k, j)]));
    memory::collect(numbers, packed.k * packed.n)
}
