//! A network: validated construction, parameters, and passes forward and back over arrays.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::error::{Error, check_shape};
use crate::machine::autotune::ThreadTuner;
use crate::machine::finite::first_non_finite;
use crate::machine::interrupt::given_up;
use crate::machine::kernel::{Buffer, Isa, Rows};
use crate::machine::memory;
use crate::machine::pool::{self, Share, Worker};
use crate::machine::real::Real;
use crate::network::custom::{Custom, CustomActivation, CustomCost, Failure, Failures};
use crate::network::layer::{Layer, Multiply, Options, Output, PRODUCT_WORK, Weigh, rows_of};
use crate::network::pairwise::{GradientTree, tree_sum};
use crate::network::samples::{
    Gather, Order, RngContext, RowIndices, Samples, Targets, draw_masks,
};
use crate::network::state::SpareBuffers;
use crate::network::workspace::{CHUNK, Gradient, Tiles, Workspace};
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::init::{Init, Shape};
use crate::tables::optimizer::{Optimizer, Rule};

/// Rows that go through all layers together, so that their activations stay in the cache.
pub const ROW_BLOCK: usize = 192;

/// Floating-point operations under which a piece of work is not worth sharing: it takes about as
/// long as two threads need to meet twice.
const SHARED_WORK: usize = 1_000_000;

/// Rows a worker under which sharing them is only worth while for much work: each worker would read
/// all weights for a few rows.
const SHARED_ROWS: usize = 8;
const MUCH_WORK: usize = 100_000_000;

/// Dense layers, a cost, and the rule that trains them.
pub struct Network<T> {
    pub(crate) layers: Vec<Layer<T>>,
    /// What is trained for, unless the network has its own.
    pub(crate) cost: Cost,
    pub(crate) custom_cost: Option<Custom<dyn CustomCost<T>>>,
    pub(crate) failures: Arc<Failures>,
    pub(crate) isa: Isa,
    pub(crate) optimizer: Optimizer<T>,
    pub(crate) tiles: Tiles,
    /// Whether a layer is so large that Ctrl-C should not wait for the rest of it.
    pub(crate) large: bool,
    /// A moving average of the parameters, once a training has asked for one.
    pub(crate) averaged: Option<Gradient<T>>,
    /// The buffers of the last forward pass and of the last training, kept for the next.
    forward: Mutex<Option<Workspace<T>>>,
    pub(crate) training: Option<Workspace<T>>,
    pub(crate) tuner: ThreadTuner,
    pub(crate) order: Order,
    /// Memory for the next copy of the state.
    pub(crate) spare: SpareBuffers<T>,
    /// Where gradients are added up that come from several machines.
    pub(crate) shared: Option<GradientTree<T>>,
}

/// Every quantity of one pass forward and back, in the words of the derivation.
///
/// Lists of layers begin with layer 1, but for `activations`, whose first is the samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<T> {
    /// C, the average cost of the samples.
    pub cost: f64,
    /// z, `(m, n_l)`, before layer normalisation.
    pub weighted_inputs: Vec<Array2<T>>,
    /// a, `(m, n_l)`.
    pub activations: Vec<Array2<T>>,
    /// δ, `(m, n_l)`, of each sample, not divided by m.
    pub deltas: Vec<Array2<T>>,
    /// ∂C/∂W, `(n_l, n_{l-1})`, averaged over the samples.
    pub weight_gradients: Vec<Array2<T>>,
    /// ∂C/∂b, `(n_l,)`, averaged over the samples.
    pub bias_gradients: Vec<Array1<T>>,
    /// ∂C/∂gain, `(n_l,)`, averaged over the samples, of layers with layer normalisation.
    pub gain_gradients: Vec<Option<Array1<T>>>,
    /// ∂C/∂shift, likewise.
    pub shift_gradients: Vec<Option<Array1<T>>>,
}

impl<T: Real> Network<T> {
    /// A network of `sizes[0]` inputs and then one layer for each further size, all parameters 0.
    ///
    /// `activations` has one entry a layer, the last of them the output's.
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
            shared: None,
        })
    }

    /// Gives each layer what it has beside its activation; what the optimiser remembers is lost.
    pub fn set_options(&mut self, options: &[Options]) -> Result<(), Error> {
        for (l, (layer, options)) in self.layers.iter_mut().zip(options).enumerate() {
            if options.layer_norm && layer.n_out == 1 {
                return Err(Error::NormOfOne { layer: l + 1 });
            }
            layer.set_options(*options)?;
        }
        self.forward = Mutex::default();
        (self.training, self.averaged) = (None, None);
        self.set_optimizer(self.optimizer.rule)
    }

    /// Gives layer `l` (from 0) an activation that is in no table.
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

    /// Trains for a cost that is in no table from now on.
    pub fn use_cost(&mut self, function: Box<dyn CustomCost<T>>) {
        self.custom_cost = Some(Custom { function, failures: self.failures.clone() });
        self.training = None;
    }

    /// What a function of the user's own has failed with, or a label that was none, once; what the
    /// call that met it returned means nothing then, and no update was made from it.
    pub fn take_failure(&self) -> Option<Failure> {
        if self.failures.any() { self.failures.take() } else { None }
    }

    /// The numbers of neurons, inputs first.
    pub fn sizes(&self) -> Vec<usize> {
        let outputs = self.layers.iter().map(|layer| layer.n_out);
        std::iter::once(self.layers[0].n_in).chain(outputs).collect()
    }

    /// Checks the lengths of samples.
    pub(crate) fn check(&self, samples: &Samples<T>) -> Result<(), Error> {
        samples.check(self.n_in(), self.n_out())
    }

    /// The activations of the table, output last; identity where a layer has its own.
    pub fn activations(&self) -> Vec<Activation> {
        self.layers.iter().map(|layer| layer.activation).collect()
    }

    /// The activations as they are written, output last.
    pub fn activation_names(&self) -> Vec<String> {
        self.layers.iter().map(Layer::activation_name).collect()
    }

    /// The cost of the table; of no meaning where the network has its own.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// The cost as it is written.
    pub fn cost_name(&self) -> String {
        let custom = self.custom_cost.as_ref().map(|custom| custom.function.name().to_owned());
        custom.unwrap_or_else(|| self.cost.to_string())
    }

    /// n_0, the number of inputs.
    pub fn n_in(&self) -> usize {
        self.layers[0].n_in
    }

    /// n_L, the number of outputs.
    pub fn n_out(&self) -> usize {
        self.layers[self.layers.len() - 1].n_out
    }

    /// Draws new parameters by the initialiser called `init`.
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
        }
        Ok(())
    }

    /// W of each layer, `(n_out, n_in)`.
    pub fn weights(&self) -> Result<Vec<Array2<T>>, Error> {
        let shaped = |layer: &Layer<T>| Ok(matrix(layer.n_out, layer.n_in, layer.weights()?));
        self.layers.iter().map(shaped).collect()
    }

    /// b of each layer, `(n_out,)`.
    pub fn biases(&self) -> Result<Vec<Array1<T>>, Error> {
        let copied = |layer: &Layer<T>| Ok(memory::copy(layer.biases())?.into());
        self.layers.iter().map(copied).collect()
    }

    /// Whether no parameter is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        self.layers.iter().all(|layer| {
            let vectors = std::iter::once(&layer.b).chain(&layer.norm);
            let mut buffers = vectors.chain(std::iter::once(&layer.w.values));
            buffers.all(|buffer| buffer.is_empty() || first_non_finite(buffer.as_slice()).is_none())
        })
    }

    /// The gains of each layer with layer normalisation, `(n_out,)`.
    pub fn gains(&self) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.norm_vectors(0)
    }

    /// The shifts of each layer with layer normalisation, `(n_out,)`.
    pub fn shifts(&self) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.norm_vectors(1)
    }

    fn norm_vectors(&self, part: usize) -> Result<Vec<Option<Array1<T>>>, Error> {
        self.layers.iter().map(|layer| vector(layer, &layer.norm[part])).collect()
    }

    /// Replaces the gains of layer `l` (from 0).
    pub fn set_gains(&mut self, l: usize, gains: ArrayView1<T>) -> Result<(), Error> {
        self.set_norm_vector(l, (0, "gains"), gains)
    }

    /// Replaces the shifts of layer `l` (from 0).
    pub fn set_shifts(&mut self, l: usize, shifts: ArrayView1<T>) -> Result<(), Error> {
        self.set_norm_vector(l, (1, "shifts"), shifts)
    }

    fn set_norm_vector(
        &mut self,
        l: usize,
        (part, what): (usize, &'static str),
        given: ArrayView1<T>,
    ) -> Result<(), Error> {
        self.averaged = None;
        let layer = &mut self.layers[l];
        let n = if layer.has_norm() { layer.n_out } else { 0 };
        check_shape(what, &[n], given.shape())?;
        let to = &mut layer.norm[part].as_mut_slice()[..n];
        to.iter_mut().zip(given).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    /// Replaces W of layer `l` (from 0); the average of the parameters, which no longer belongs to
    /// them, is dropped, as by the other setters.
    pub fn set_weights(&mut self, l: usize, w: ArrayView2<T>) -> Result<(), Error> {
        self.averaged = None;
        let layer = &mut self.layers[l];
        check_shape("weights", &[layer.n_out, layer.n_in], w.shape())?;
        layer.set_weights(w.as_standard_layout().as_slice().expect("standard layout"));
        Ok(())
    }

    /// Replaces b of layer `l` (from 0).
    pub fn set_biases(&mut self, l: usize, b: ArrayView1<T>) -> Result<(), Error> {
        self.averaged = None;
        let layer = &mut self.layers[l];
        check_shape("biases", &[layer.n_out], b.shape())?;
        layer.b.as_mut_slice().iter_mut().zip(b).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    /// Trains by `rule` from now on; its memory starts anew.
    pub fn set_optimizer(&mut self, rule: Rule) -> Result<(), Error> {
        self.optimizer = Optimizer::new(rule, lengths(&self.layers))?;
        if let Some(ws) = &mut self.training {
            ws.rollback = None; // it has room for the memory of then
        }
        Ok(())
    }

    /// Floating-point operations of a forward pass of one sample.
    pub(crate) fn forward_work(&self) -> usize {
        let work = self.layers.iter().map(|layer| layer.n_in.saturating_mul(2 * layer.n_out));
        work.fold(0, usize::saturating_add)
    }

    /// The threads worth using for work of so many operations on so many rows.
    pub(crate) fn threads_for(work: usize, rows: usize) -> usize {
        if work < SHARED_WORK || (rows < 2 * SHARED_ROWS && work < MUCH_WORK) {
            return 1;
        }
        pool::threads()
    }

    /// The activations of the output layer for the rows of `x`, written to `out`, `(m, n_L)`.
    ///
    /// Both are row by row; a row's result does not depend on the rows beside it. Returns whether
    /// all of `x` is finite; if not, `out` may hold anything.
    ///
    /// # Panics
    ///
    /// If `x` is not whole rows, or `out` not as many.
    pub fn predict_into(&self, x: &[T], out: &mut [T]) -> Result<bool, Error> {
        let (n_in, n_out) = (self.n_in(), self.n_out());
        let m = x.len() / n_in;
        assert!(x.len() == m * n_in && out.len() == m * n_out, "x and out must have as many rows");
        let threads = Self::threads_for(m.saturating_mul(self.forward_work()), m);
        let block = m.div_ceil(threads).clamp(1, ROW_BLOCK);
        let room = block * threads;
        let kept = || self.forward.lock().unwrap_or_else(PoisonError::into_inner);
        let ws = kept().take();
        let ws = match ws {
            Some(ws) if ws.rows() >= room && ws.threads() >= threads => ws,
            _ => Workspace::forward(&self.layers, room, threads)?,
        };
        let (all, out) =
            (Samples { x, y: Targets::None, weights: None, n_in }, Rows::new(out, n_out));
        let (finite, stopped) = (AtomicBool::new(true), AtomicBool::new(false));
        // The thread that has called is asked; the others see what it has heard.
        let stop = || {
            if given_up() {
                stopped.store(true, Relaxed);
            }
            stopped.load(Relaxed)
        };
        pool::run(threads, |worker| {
            let (room, share) = (worker.room(block), worker.share(m));
            for samples in share.blocks(block) {
                if samples.start() > share.start() && stop() {
                    break;
                }
                let rows = room.first(samples.len());
                let within = samples.start() * n_in..samples.range().end * n_in;
                if first_non_finite(&x[within]).is_some() {
                    finite.store(false, Relaxed);
                    break;
                }
                let indices = RowIndices::From(samples.start().wrapping_sub(rows.start()));
                self.isa.run(Gather {
                    samples: &all,
                    ws: &ws,
                    inputs: &ws.a[0],
                    rows: &rows,
                    targets: &rows,
                    indices,
                    end: rows.range().end,
                    failures: &self.failures,
                });
                self.forward_rows(&ws, &worker, &rows, None, &|| self.large && stop());
                if self.failures.any() {
                    break;
                }
                for (row, sample) in rows.range().zip(samples.range()) {
                    // SAFETY: the sample is of this worker's share.
                    ws.a[self.layers.len()].copy_row(row, unsafe { out.row(sample) });
                }
            }
        });
        *kept() = Some(ws);
        Ok(finite.into_inner())
    }

    /// [`Self::predict_into`] for array views.
    pub fn predict(&self, x: ArrayView2<T>) -> Result<Array2<T>, Error> {
        let mut out = zeros(x.nrows(), self.n_out())?;
        let x = x.as_standard_layout();
        self.predict_into(slice(&x.view()), out.as_slice_mut().expect("standard layout"))?;
        Ok(out)
    }

    /// Layer after layer, z and a of the rows of one share, unless it is to `stop` before one.
    #[inline]
    pub(crate) fn forward_rows(
        &self,
        ws: &Workspace<T>,
        worker: &Worker,
        rows: &Share,
        rng: Option<(RngContext, RowIndices)>,
        stop: &impl Fn() -> bool,
    ) {
        for (l, layer) in self.layers.iter().enumerate() {
            if stop() {
                return;
            }
            // SAFETY: this worker's own, and used by nothing else of a layer.
            let scratch = unsafe { ws.scratch(&self.layers, worker.index) };
            let (a, z) = (&ws.a[l + 1], ws.z[l].as_ref());
            let all = (rows, 0..layer.w.panels());
            layer.forward(self.isa, ws.input(l), (z, ws.normed(l)), a, all, stop);
            layer.activate_rows(self.isa, z, a, scratch, rows);
            if let (Some([mask, masked]), Some((rng, indices))) = (ws.masked(l + 1), rng) {
                let dropout = (l + 1, layer.options.dropout);
                draw_masks(mask, rows, indices, rng, dropout, scratch);
                let values = Some(&ws.a[l + 1]);
                self.isa.run(Multiply { by: mask, values, out: masked, rows });
            }
        }
    }

    /// C_i and δ of the output layer, then δ of each layer down to the first, unless it is to
    /// `stop` before one.
    #[inline]
    pub(crate) fn backward_rows(
        &self,
        ws: &Workspace<T>,
        worker: &Worker,
        rows: &Share,
        stop: &impl Fn() -> bool,
    ) {
        let last = self.layers.len() - 1;
        match &self.custom_cost {
            None => self.output(ws, worker, rows),
            Some(custom) => self.custom_output(custom, ws, rows),
        }
        self.layers[last].denormalize(self.isa, ws.normed(last), &ws.delta[last], rows);
        for l in (1..=last).rev() {
            if stop() {
                return;
            }
            let z_prev = ws.z[l - 1].as_ref().unwrap_or(&ws.a[l]);
            let before = (&self.layers[l - 1], z_prev, &ws.a[l]);
            let mask = ws.masked(l).map(|[mask, _]| mask);
            let (delta, below) = (&ws.delta[l], &ws.delta[l - 1]);
            let all = (rows, 0..below.panels());
            self.layers[l].backward(self.isa, delta, before, (mask, below), all, stop);
            self.layers[l - 1].denormalize(self.isa, ws.normed(l - 1), below, rows);
        }
    }

    /// C_i and δ of the output layer, by a cost of the table.
    #[inline(always)]
    pub(crate) fn output(&self, ws: &Workspace<T>, worker: &Worker, rows: &Share) {
        let last = self.layers.len() - 1;
        let layer = &self.layers[last];
        let (z, a) = (ws.output_z(), &ws.a[last + 1]);
        let delta = &ws.delta[last];
        self.isa.run(Output {
            cost: self.cost,
            activation: layer.activation,
            z,
            a,
            y: &ws.y,
            delta,
            terms: &ws.terms,
            costs: &ws.costs,
            weights: ws.weights.as_ref(),
            // SAFETY: this worker's own, and used by nothing else meanwhile.
            scratch: unsafe { ws.scratch(&self.layers, worker.index) },
            rows,
        });
        if let Some(custom) = &layer.custom {
            custom.slope(z, a, delta, rows);
        }
    }

    /// C_i and δ of the output layer, by a cost of the user's own.
    fn custom_output(&self, cost: &Custom<dyn CustomCost<T>>, ws: &Workspace<T>, rows: &Share) {
        let last = self.layers.len() - 1;
        let layer = &self.layers[last];
        let (a, delta, costs) = (&ws.a[last + 1], &ws.delta[last], &ws.costs);
        let elementwise = layer.activation.is_elementwise();
        cost.output([a, &ws.y, delta], costs, !elementwise, rows);
        if elementwise {
            layer.slope(self.isa, ws.output_z(), a, delta, (rows, 0..a.panels()));
        }
        if let Some(weights) = &ws.weights {
            self.isa.run(Weigh { weights, delta, costs, rows });
        }
    }

    /// [a_0, ..., a_L] for the rows of `x`.
    pub fn activations_of(&self, x: ArrayView2<T>) -> Result<Vec<Array2<T>>, Error> {
        let x = x.as_standard_layout();
        let x = x.view();
        let samples = Samples { x: slice(&x), y: Targets::None, weights: None, n_in: self.n_in() };
        let mut activations = self.empty(samples.len(), 0)?;
        self.chunks(&samples, false, |ws, chunk| {
            copy_panels(&ws.a, &mut activations, chunk);
        })?;
        Ok(activations)
    }

    /// C_i of each sample, times its weight.
    pub fn costs(&self, samples: &Samples<T>) -> Result<Vec<T>, Error> {
        let mut costs = memory::with_capacity(samples.len())?;
        self.chunks(samples, false, |ws, chunk| {
            costs.extend_from_slice(&ws.costs.as_slice()[..chunk.len()]);
        })?;
        Ok(costs)
    }

    /// C, the average cost of the samples.
    pub fn mean_cost(&self, samples: &Samples<T>) -> Result<f64, Error> {
        Ok(mean(&self.costs(samples)?, samples.weights))
    }

    /// C and the gradients alone; a, z and δ are empty.
    pub fn gradient(&self, samples: &Samples<T>) -> Result<Trace<T>, Error> {
        self.passes(samples, false)
    }

    /// A pass forward and back, every quantity kept; nothing is updated.
    pub fn backward(&self, samples: &Samples<T>) -> Result<Trace<T>, Error> {
        self.passes(samples, true)
    }

    /// A pass forward and back; z, a and δ are kept if they are wanted.
    fn passes(&self, samples: &Samples<T>, keep: bool) -> Result<Trace<T>, Error> {
        let m = samples.len();
        let kept = if keep { m } else { 0 };
        let mut trace = Trace {
            cost: 0.0,
            weighted_inputs: self.empty(kept, 1)?,
            activations: self.empty(kept, 0)?,
            deltas: self.empty(kept, 1)?,
            weight_gradients: Vec::new(),
            bias_gradients: Vec::new(),
            gain_gradients: Vec::new(),
            shift_gradients: Vec::new(),
        };
        let mut costs = memory::with_capacity(m)?;
        let chunks = m.div_ceil(CHUNK);
        let sums = GradientTree::new(&self.layers, chunks)?;
        self.chunks(samples, keep, |ws, chunk| {
            if keep {
                let z = (0..self.layers.len()).map(|l| ws.weighted_input(l));
                copy_panels(z, &mut trace.weighted_inputs, chunk.clone());
                copy_panels(&ws.a, &mut trace.activations, chunk.clone());
                copy_panels(&ws.delta, &mut trace.deltas, chunk.clone());
            }
            costs.extend_from_slice(&ws.costs.as_slice()[..chunk.len()]);
            self.gradient_into(ws, chunk.len(), &sums, (chunk.start / CHUNK, chunks));
        })?;
        let weight = samples.weights.map_or(m as f64, tree_sum);
        let scale = if weight == 0.0 { 0.0 } else { 1.0 / weight };
        trace.cost = mean(&costs, samples.weights);
        sums.scale(&Worker::alone(), T::from_f64(scale));
        let Gradient { w, b, norm } = &sums.total;
        for (layer, ((w, b), norm)) in self.layers.iter().zip(w.iter().zip(b).zip(norm)) {
            trace.weight_gradients.push(matrix(layer.n_out, layer.n_in, rows_of(w)?));
            trace.bias_gradients.push(memory::copy(&b.as_slice()[..layer.n_out])?.into());
            trace.gain_gradients.push(vector(layer, &norm[0])?);
            trace.shift_gradients.push(vector(layer, &norm[1])?);
        }
        Ok(trace)
    }

    /// Arrays of m rows for the layers from number `first` on.
    fn empty(&self, m: usize, first: usize) -> Result<Vec<Array2<T>>, Error> {
        let sizes = self.sizes();
        sizes[first..].iter().map(|n| zeros(m, *n)).collect()
    }
}

/// Σ costs / Σ weights: the costs are weighted already.
fn mean<T: Real>(costs: &[T], weights: Option<&[T]>) -> f64 {
    let weight = weights.map_or(costs.len() as f64, tree_sum);
    if weight == 0.0 { 0.0 } else { tree_sum(costs) / weight }
}

/// Softmax only at the output, and only where there is something to share out.
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

/// How many numbers the packed weights, the biases and the gains of each layer take.
fn lengths<T: Real>(layers: &[Layer<T>]) -> impl Iterator<Item = [usize; 3]> {
    layers.iter().map(|layer| [layer.w.values.len(), layer.b.len(), layer.norm[0].len()])
}

/// The numbers of a layer's neurons; None where it has none.
fn vector<T: Real>(layer: &Layer<T>, of: &Buffer<T>) -> Result<Option<Array1<T>>, Error> {
    if of.is_empty() {
        return Ok(None);
    }
    Ok(Some(memory::copy(&of.as_slice()[..layer.n_out])?.into()))
}

/// A matrix of zeros, or an error if there is no memory for it.
pub(crate) fn zeros<T: Real>(rows: usize, columns: usize) -> Result<Array2<T>, Error> {
    Ok(matrix(rows, columns, memory::zeros(rows.saturating_mul(columns))?))
}

pub(crate) fn matrix<T>(rows: usize, columns: usize, values: Vec<T>) -> Array2<T> {
    Array2::from_shape_vec((rows, columns), values).expect("rows times columns values")
}

fn slice<'a, T>(array: &'a ArrayView2<T>) -> &'a [T] {
    array.as_slice().expect("standard layout")
}

/// Copies the first rows of each layer's panels into rows `chunk` of its array.
fn copy_panels<'a, T: Real>(
    panels: impl IntoIterator<Item = &'a crate::machine::kernel::Panels<T>>,
    arrays: &mut [Array2<T>],
    chunk: std::ops::Range<usize>,
) {
    for (panels, array) in panels.into_iter().zip(arrays) {
        for (row, i) in chunk.clone().enumerate() {
            panels.copy_row(row, array.row_mut(i).into_slice().expect("standard layout"));
        }
    }
}
