//! A network: validated construction, parameters and options.

use std::sync::{Arc, Mutex};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::error::{Error, check_shape};
use crate::machine::autotune::ThreadTuner;
use crate::machine::finite::first_non_finite;
use crate::machine::kernel::{Buffer, Isa};
use crate::machine::memory;
use crate::machine::pool;
use crate::machine::real::Real;
use crate::network::custom::{Custom, CustomActivation, CustomCost, Failure, Failures};
use crate::network::embeddings::Embeddings;
use crate::network::layer::{Layer, Options, PRODUCT_WORK};
use crate::network::pairwise::GradientTree;
use crate::network::parameters::{Gradient, SavedParameters};
use crate::network::samples::{Order, Samples};
use crate::network::tiles::Tiles;
use crate::network::workspace::Workspace;
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::init::{Init, Shape};
use crate::tables::optimizer::{Optimizer, Rule};

/// Rows that pass through all layers together, so that their activations stay in the cache.
pub const ROW_BLOCK: usize = 192;

/// Floating-point operations below which work is not shared: two threads need about as long to
/// synchronize twice.
const SHARED_WORK: usize = 1_000_000;

/// Rows per worker below which only large work is shared: each worker would read all weights for a
/// few rows.
const SHARED_ROWS: usize = 8;
const LARGE_WORK: usize = 100_000_000;

/// Memory for the next snapshot of a network: to get some megabytes from the system may take as
/// long as a step.
pub(crate) type SpareBuffers<T> = Arc<Mutex<Vec<Buffer<T>>>>;

/// Dense layers, a cost, and the rule that trains them.
pub struct Network<T> {
    pub(crate) layers: Vec<Layer<T>>,
    /// The cost of the table; unused if there is a custom cost.
    pub(crate) cost: Cost,
    pub(crate) custom_cost: Option<Custom<dyn CustomCost<T>>>,
    pub(crate) failures: Arc<Failures>,
    pub(crate) isa: Isa,
    pub(crate) optimizer: Optimizer<T>,
    pub(crate) tiles: Tiles,
    /// True if a layer is so large that Ctrl-C should not wait for the rest of it.
    pub(crate) large: bool,
    /// A moving average of the parameters, if the last training computed one.
    pub(crate) averaged: Option<Gradient<T>>,
    /// The buffers of the last forward pass and of the last training, kept for the next.
    pub(crate) forward: Mutex<Option<Workspace<T>>>,
    pub(crate) training: Option<Workspace<T>>,
    pub(crate) tuner: ThreadTuner,
    pub(crate) order: Order,
    /// Memory for the next copy of the state.
    pub(crate) spare: SpareBuffers<T>,
    /// Memory for the parameters that a long update replaces.
    pub(crate) saved: Option<SavedParameters<T>>,
    /// The sums of gradients that come from several machines.
    pub(crate) shared: Option<GradientTree<T>>,
}

impl<T: Real> Network<T> {
    /// Return a network of `sizes[0]` inputs and one layer for each further size, with all
    /// parameters 0.
    ///
    /// `activations` has one entry for each layer, the output's last.
    pub fn new(sizes: &[usize], activations: &[Activation], cost: Cost) -> Result<Self, Error> {
        if sizes.len() < 2 || sizes.contains(&0) {
            return Err(Error::Sizes { given: sizes.to_vec() });
        }
        if activations.len() != sizes.len() - 1 {
            let (expected, given) = (sizes.len() - 1, activations.len());
            return Err(Error::ActivationCount { expected, given });
        }
        check_activations(sizes, activations)?;
        cost.check_output(activations[activations.len() - 1])?;
        let layers: Vec<Layer<T>> = sizes
            .windows(2)
            .zip(activations)
            .enumerate()
            .map(|(l, (size, activation))| Layer::zeros(size[0], size[1], *activation, l == 0))
            .collect::<Result<_, _>>()?;
        let tiles = Tiles::new(&layers)?;
        let bytes = (2 * ROW_BLOCK * size_of::<T>()) as u64;
        let large = layers.iter().any(|layer| {
            let weights = layer.n_in.saturating_mul(layer.n_out) as u64;
            weights.saturating_mul(bytes) > PRODUCT_WORK
        });
        let optimizer = Optimizer::new(Rule::PLAIN, lengths(&layers))?;
        Ok(Self {
            layers,
            cost,
            custom_cost: None,
            failures: Arc::default(),
            isa: Isa::best(),
            optimizer,
            tiles,
            large,
            averaged: None,
            forward: Mutex::default(),
            training: None,
            tuner: ThreadTuner::default(),
            order: Order::default(),
            spare: SpareBuffers::default(),
            saved: None,
            shared: None,
        })
    }

    /// Set the options of each layer; the moments of the optimizer start again at zero.
    pub fn set_options(&mut self, options: &[Options]) -> Result<(), Error> {
        let count = self.layers.len();
        for (l, (layer, options)) in self.layers.iter_mut().zip(options).enumerate() {
            if options.layer_norm && layer.n_out == 1 {
                return Err(Error::NormOfOne { layer: l + 1 });
            }
            if options.parametric && l + 1 == count {
                return Err(Error::ParametricOutput);
            }
            layer.set_options(*options)?;
        }
        self.drop_buffers();
        self.set_optimizer(self.optimizer.rule)
    }

    /// Turn the learned factors of the inputs on or off; they start at 1, and the moments of the
    /// optimizer at zero.
    pub fn set_input_scale(&mut self, on: bool) -> Result<(), Error> {
        self.layers[0].set_input_scale(on)?;
        self.drop_buffers();
        self.set_optimizer(self.optimizer.rule)
    }

    /// Embed the inputs: the first layer takes what the embeddings give.
    pub fn set_embeddings(&mut self, embeddings: Embeddings<T>) -> Result<(), Error> {
        let layer = &mut self.layers[0];
        check_shape("the embedded inputs", &[layer.n_in], &[embeddings.n_out()])?;
        layer.set_embeddings(embeddings)?;
        self.drop_buffers();
        self.set_optimizer(self.optimizer.rule)
    }

    /// Drop all that was allocated for other parameters.
    pub(crate) fn drop_buffers(&mut self) {
        self.forward = Mutex::default();
        (self.training, self.averaged, self.shared) = (None, None, None);
    }

    /// Set a custom activation for layer `l` (from 0).
    pub fn use_activation(
        &mut self,
        l: usize,
        function: Box<dyn CustomActivation<T>>,
    ) -> Result<(), Error> {
        if l + 1 == self.layers.len() && self.custom_cost.is_none() {
            self.cost.check_output_name(function.name())?;
        }
        let failures = self.failures.clone();
        self.layers[l].activation = Activation::Identity;
        self.layers[l].custom = Some(Custom { function, failures });
        self.training = None;
        Ok(())
    }

    /// Use a custom cost from now on.
    pub fn use_cost(&mut self, function: Box<dyn CustomCost<T>>) {
        self.custom_cost = Some(Custom { function, failures: self.failures.clone() });
        self.training = None;
    }

    /// Return the failure of a custom function or an invalid label, once. The result of the call in
    /// which it happened is undefined, and no update was made from it.
    pub fn take_failure(&self) -> Option<Failure> {
        if self.failures.any() { self.failures.take() } else { None }
    }

    /// Return the numbers of neurons, inputs first (before their embeddings).
    pub fn sizes(&self) -> Vec<usize> {
        let outputs = self.layers.iter().map(|layer| layer.n_out);
        std::iter::once(self.n_in()).chain(outputs).collect()
    }

    /// Check the lengths of samples.
    pub(crate) fn check(&self, samples: &Samples<T>) -> Result<(), Error> {
        samples.check(self.n_in(), self.n_out())
    }

    /// Return the activations of the table, output last; identity for a custom activation.
    pub fn activations(&self) -> Vec<Activation> {
        self.layers.iter().map(|layer| layer.activation).collect()
    }

    /// Return the activations as text, output last.
    pub fn activation_names(&self) -> Vec<String> {
        self.layers.iter().map(Layer::activation_name).collect()
    }

    /// Return the cost of the table; meaningless if the network has a custom cost.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Return the cost as text.
    pub fn cost_name(&self) -> String {
        let custom = self.custom_cost.as_ref().map(|custom| custom.function.name().to_owned());
        custom.unwrap_or_else(|| self.cost.to_string())
    }

    /// Return n_0, the number of inputs before their embeddings.
    pub fn n_in(&self) -> usize {
        self.layers[0].n_features()
    }

    /// Return n_L, the number of outputs.
    pub fn n_out(&self) -> usize {
        self.layers[self.layers.len() - 1].n_out
    }

    /// Draw new parameters by the initializer `init`.
    pub fn initialize(&mut self, init: &str, seed: u64) -> Result<(), Error> {
        let init = Init::from_text(init)?;
        self.averaged = None;
        let activations: Vec<Activation> = self.layers.iter().map(|l| l.activation).collect();
        let hidden = activations.len().saturating_sub(2);
        let parameters = |(l, layer): (usize, &Layer<T>)| {
            let activation = activations[if init.follows_hidden() { l.min(hidden) } else { l }];
            let shape = Shape { n_in: layer.n_in, n_out: layer.n_out, activation };
            init.parameters(shape, seed, l)
        };
        let parameters = self.layers.iter().enumerate().map(parameters);
        let parameters = parameters.collect::<Result<Vec<_>, _>>()?;
        for (layer, (w, b)) in self.layers.iter_mut().zip(parameters) {
            layer.set_weights(&w);
            layer.set_biases(&b);
            layer.reset_norm();
            layer.reset_scale();
            layer.reset_alpha();
        }
        self.layers[0].initialize_embeddings(seed);
        Ok(())
    }

    /// Return W of each layer, `(n_out, n_in)`.
    pub fn weights(&self) -> Result<Vec<Array2<T>>, Error> {
        let shaped = |layer: &Layer<T>| Ok(matrix(layer.n_out, layer.n_in, layer.weights()?));
        self.layers.iter().map(shaped).collect()
    }

    /// Return b of each layer, `(n_out,)`.
    pub fn biases(&self) -> Result<Vec<Array1<T>>, Error> {
        let copied = |layer: &Layer<T>| Ok(memory::copy(layer.biases())?.into());
        self.layers.iter().map(copied).collect()
    }

    /// Return true if no parameter is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        self.layers.iter().all(|layer| {
            let of_inputs = [&layer.scale, &layer.embedding_parameters];
            let vectors = of_inputs.into_iter().chain([&layer.b, &layer.alpha]).chain(&layer.norm);
            let mut buffers = vectors.chain(std::iter::once(&layer.w.values));
            buffers.all(|buffer| buffer.is_empty() || first_non_finite(buffer.as_slice()).is_none())
        })
    }

    /// Return the gains of each layer with layer normalization, `(n_out,)`.
    pub fn gains(&self) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.norm_vectors(0)
    }

    /// Return the shifts of each layer with layer normalization, `(n_out,)`.
    pub fn shifts(&self) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.norm_vectors(1)
    }

    /// Return the factors of the inputs, `(n_0,)`, if the network has them.
    pub fn scales(&self) -> Result<Option<Array1<T>>, Error> {
        let layer = &self.layers[0];
        vector(&layer.scale, layer.n_in)
    }

    /// Replace the factors of the inputs.
    pub fn set_scales(&mut self, scales: ArrayView1<T>) -> Result<(), Error> {
        self.averaged = None;
        let Layer { scale, n_in, .. } = &mut self.layers[0];
        set_vector(scale, *n_in, "scales", scales)
    }

    /// Return the parameters of the embeddings, if they have any.
    pub fn embedding_parameters(&self) -> Result<Option<Array1<T>>, Error> {
        let layer = &self.layers[0];
        vector(&layer.embedding_parameters, layer.n_embedding_parameters())
    }

    /// Replace the parameters of the embeddings.
    pub fn set_embedding_parameters(&mut self, given: ArrayView1<T>) -> Result<(), Error> {
        self.averaged = None;
        let layer = &mut self.layers[0];
        let n = layer.n_embedding_parameters();
        set_vector(&mut layer.embedding_parameters, n, "embeddings", given)
    }

    fn norm_vectors(&self, part: usize) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.layers.iter().map(|layer| vector(&layer.norm[part], layer.n_out)).collect()
    }

    /// Return α of each parametric layer, `(n_out,)`.
    pub fn alphas(&self) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.layers.iter().map(|layer| vector(&layer.alpha, layer.n_out)).collect()
    }

    /// Replace α of layer `l` (from 0).
    pub fn set_alphas(&mut self, l: usize, alphas: ArrayView1<T>) -> Result<(), Error> {
        self.averaged = None;
        let Layer { alpha, n_out, .. } = &mut self.layers[l];
        set_vector(alpha, *n_out, "alphas", alphas)
    }

    /// Replace the gains of layer `l` (from 0).
    pub fn set_gains(&mut self, l: usize, gains: ArrayView1<T>) -> Result<(), Error> {
        self.set_norm_vector(l, 0, "gains", gains)
    }

    /// Replace the shifts of layer `l` (from 0).
    pub fn set_shifts(&mut self, l: usize, shifts: ArrayView1<T>) -> Result<(), Error> {
        self.set_norm_vector(l, 1, "shifts", shifts)
    }

    fn set_norm_vector(
        &mut self,
        l: usize,
        part: usize,
        what: &'static str,
        given: ArrayView1<T>,
    ) -> Result<(), Error> {
        self.averaged = None;
        let Layer { norm, n_out, .. } = &mut self.layers[l];
        set_vector(&mut norm[part], *n_out, what, given)
    }

    /// Replace W of layer `l` (from 0). Like the other setters, it drops the average of the
    /// parameters, which no longer belongs to them.
    pub fn set_weights(&mut self, l: usize, w: ArrayView2<T>) -> Result<(), Error> {
        self.averaged = None;
        let layer = &mut self.layers[l];
        check_shape("weights", &[layer.n_out, layer.n_in], w.shape())?;
        layer.set_weights(w.as_standard_layout().as_slice().expect("standard layout"));
        Ok(())
    }

    /// Replace b of layer `l` (from 0).
    pub fn set_biases(&mut self, l: usize, b: ArrayView1<T>) -> Result<(), Error> {
        self.averaged = None;
        let Layer { b: to, n_out, .. } = &mut self.layers[l];
        set_vector(to, *n_out, "biases", b)
    }

    /// Train by `rule` from now on; its moments start at zero.
    pub fn set_optimizer(&mut self, rule: Rule) -> Result<(), Error> {
        self.optimizer = Optimizer::new(rule, lengths(&self.layers))?;
        self.saved = None; // it fits the moments of the previous rule
        Ok(())
    }

    /// Return the floating-point operations of a forward pass of one sample.
    pub(crate) fn forward_work(&self) -> usize {
        let work = self.layers.iter().map(|layer| layer.n_in.saturating_mul(2 * layer.n_out));
        work.fold(0, usize::saturating_add)
    }

    /// Return the floating-point operations of a step: forward, gradient, and δ W except in a first
    /// layer whose inputs learn nothing.
    pub(crate) fn step_work(&self, batch: usize) -> usize {
        let Layer { n_in, n_out, .. } = self.layers[0];
        let first = if self.layers[0].learns_inputs() { 0 } else { n_in.saturating_mul(2 * n_out) };
        batch.saturating_mul(self.forward_work().saturating_mul(3) - first)
    }

    /// Return the number of threads worth using for this many operations and rows.
    pub(crate) fn threads_for(work: usize, rows: usize) -> usize {
        if work < SHARED_WORK || (rows < 2 * SHARED_ROWS && work < LARGE_WORK) {
            return 1;
        }
        pool::threads()
    }

    /// Return arrays of m rows for the layers from number `first` on.
    pub(crate) fn empty(&self, m: usize, first: usize) -> Result<Vec<Array2<T>>, Error> {
        let sizes = self.sizes();
        sizes[first..].iter().map(|n| zeros(m, *n)).collect()
    }
}

/// Check that softmax is used only at the output, and there for several neurons.
fn check_activations(sizes: &[usize], activations: &[Activation]) -> Result<(), Error> {
    let (output, hidden) = activations.split_last().expect("at least one layer");
    if let Some(l) = hidden.iter().position(|activation| !activation.is_elementwise()) {
        return Err(Error::SoftmaxHidden { layer: l + 1 });
    }
    if !output.is_elementwise() && sizes[sizes.len() - 1] == 1 {
        return Err(Error::SoftmaxOfOne);
    }
    Ok(())
}

/// Return the lengths of the packed weights, the biases, the gains, the factors of the inputs, the
/// parameters of their embeddings and the alphas, of each layer.
fn lengths<T: Real>(layers: &[Layer<T>]) -> impl Iterator<Item = [usize; 6]> {
    layers.iter().map(|Layer { w, b, norm, scale, embedding_parameters, alpha, .. }| {
        let embedding = embedding_parameters.len();
        [w.values.len(), b.len(), norm[0].len(), scale.len(), embedding, alpha.len()]
    })
}

/// Replace the first `n` values of a padded vector; an empty buffer has none.
fn set_vector<T: Real>(
    to: &mut Buffer<T>,
    n: usize,
    what: &'static str,
    given: ArrayView1<T>,
) -> Result<(), Error> {
    let n = if to.is_empty() { 0 } else { n };
    check_shape(what, &[n], given.shape())?;
    to.as_mut_slice()[..n].iter_mut().zip(given).for_each(|(to, from)| *to = *from);
    Ok(())
}

/// Return the first `n` values of a padded vector, or None if the buffer is empty.
pub(crate) fn vector<T: Real>(of: &Buffer<T>, n: usize) -> Result<Option<Array1<T>>, Error> {
    if of.is_empty() {
        return Ok(None);
    }
    Ok(Some(memory::copy(&of.as_slice()[..n])?.into()))
}

/// Return a matrix of zeros, or an error if there is no memory for it.
pub(crate) fn zeros<T: Real>(rows: usize, columns: usize) -> Result<Array2<T>, Error> {
    Ok(matrix(rows, columns, memory::zeros(rows.saturating_mul(columns))?))
}

pub(crate) fn matrix<T>(rows: usize, columns: usize, values: Vec<T>) -> Array2<T> {
    Array2::from_shape_vec((rows, columns), values).expect("rows times columns values")
}
