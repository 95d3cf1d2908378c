//! Every quantity of a pass forward and backward, by the names of the derivation.

use ndarray::{Array1, Array2};

use crate::error::Error;
use crate::machine::memory;
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::layer::rows_of;
use crate::network::network::{Network, matrix, vector, zeros};
use crate::network::pairwise::{GradientTree, tree_sum};
use crate::network::parameters::Gradient;
use crate::network::predict::{copy_panels, mean};
use crate::network::samples::Samples;
use crate::network::workspace::CHUNK;

/// Every quantity of one forward and backward pass, by the names of the derivation.
///
/// Lists of layers start with layer 1, except `activations`, which starts with the samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<T> {
    /// C, the average cost of the samples.
    pub cost: f64,
    /// z, `(m, n_l)`, before layer normalization.
    pub weighted_inputs: Vec<Array2<T>>,
    /// a, `(m, n_l)`.
    pub activations: Vec<Array2<T>>,
    /// δ, `(m, n_l)`, of each sample, not divided by m.
    pub deltas: Vec<Array2<T>>,
    /// ∂C/∂W, `(n_l, n_{l-1})`, averaged over the samples.
    pub weight_gradients: Vec<Array2<T>>,
    /// ∂C/∂b, `(n_l,)`, averaged over the samples.
    pub bias_gradients: Vec<Array1<T>>,
    /// ∂C/∂gain, `(n_l,)`, averaged over the samples, of layers with layer normalization.
    pub gain_gradients: Vec<Option<Array1<T>>>,
    /// ∂C/∂shift, averaged likewise.
    pub shift_gradients: Vec<Option<Array1<T>>>,
    /// ∂C/∂α, averaged likewise, of parametric layers.
    pub alpha_gradients: Vec<Option<Array1<T>>>,
    /// The embedded samples e, one row for each, if the network embeds its inputs.
    pub embedded_inputs: Option<Array2<T>>,
    /// s e, or s x without embeddings, if the network scales its inputs.
    pub scaled_inputs: Option<Array2<T>>,
    /// ∂C/∂(s e) of each sample, not divided by m.
    pub input_deltas: Option<Array2<T>>,
    /// ∂C/∂s, averaged over the samples.
    pub scale_gradients: Option<Array1<T>>,
    /// The gradient of the parameters of the embeddings, averaged over the samples.
    pub embedding_gradients: Option<Array1<T>>,
}

impl<T: Real> Network<T> {
    /// Compute C and the gradients alone; a, z and δ are empty.
    pub fn gradient(&self, samples: &Samples<T>) -> Result<Trace<T>, Error> {
        self.passes(samples, false)
    }

    /// Run a forward and a backward pass and return every quantity; nothing is updated.
    pub fn backward(&self, samples: &Samples<T>) -> Result<Trace<T>, Error> {
        self.passes(samples, true)
    }

    /// Run a forward and a backward pass; return z, a and δ only if `keep` is true.
    fn passes(&self, samples: &Samples<T>, keep: bool) -> Result<Trace<T>, Error> {
        let m = samples.len();
        let rows = if keep { m } else { 0 };
        let first = &self.layers[0];
        let (scaled, embedded) = (first.has_scale(), first.embeddings.is_some());
        let inputs = || zeros(rows, first.n_in);
        let mut trace = Trace {
            cost: 0.0,
            weighted_inputs: self.empty(rows, 1)?,
            activations: self.empty(rows, 0)?,
            deltas: self.empty(rows, 1)?,
            weight_gradients: Vec::new(),
            bias_gradients: Vec::new(),
            gain_gradients: Vec::new(),
            shift_gradients: Vec::new(),
            alpha_gradients: Vec::new(),
            embedded_inputs: embedded.then(inputs).transpose()?,
            scaled_inputs: scaled.then(inputs).transpose()?,
            input_deltas: first.learns_inputs().then(inputs).transpose()?,
            scale_gradients: None,
            embedding_gradients: None,
        };
        let mut costs = memory::with_capacity(m)?;
        let chunks = m.div_ceil(CHUNK);
        let sums = GradientTree::new(&self.layers, chunks)?;
        self.chunks(samples, keep, |ws, chunk| {
            if keep {
                let z = (0..self.layers.len()).map(|l| ws.weighted_input(l));
                copy_panels(z, &mut trace.weighted_inputs, chunk.clone());
                copy_panels(ws.activations(), &mut trace.activations, chunk.clone());
                copy_panels(&ws.delta, &mut trace.deltas, chunk.clone());
                let embedded = trace.embedded_inputs.as_mut_slice();
                copy_panels([ws.embedded()], embedded, chunk.clone());
                if let Some(input) = &ws.input {
                    copy_panels([&ws.a[0]], trace.scaled_inputs.as_mut_slice(), chunk.clone());
                    copy_panels([&input.delta], trace.input_deltas.as_mut_slice(), chunk.clone());
                }
            }
            costs.extend_from_slice(&ws.costs.as_slice()[..chunk.len()]);
            self.gradient_into(ws, chunk.len(), &sums, chunk.start / CHUNK, chunks);
        })?;
        let weight = samples.weights.map_or(m as f64, tree_sum);
        let scale = if weight == 0.0 { 0.0 } else { 1.0 / weight };
        trace.cost = mean(&costs, samples.weights);
        sums.scale(&Worker::alone(), T::from_f64(scale));
        let Gradient { w, b, norm, scale, embedding, alpha } = &sums.total;
        for (layer, ((w, b), norm)) in self.layers.iter().zip(w.iter().zip(b).zip(norm)) {
            trace.weight_gradients.push(matrix(layer.n_out, layer.n_in, rows_of(w)?));
            trace.bias_gradients.push(memory::copy(&b.as_slice()[..layer.n_out])?.into());
            trace.gain_gradients.push(vector(&norm[0], layer.n_out)?);
            trace.shift_gradients.push(vector(&norm[1], layer.n_out)?);
        }
        for (layer, alpha) in self.layers.iter().zip(alpha) {
            trace.alpha_gradients.push(vector(alpha, layer.n_out)?);
        }
        trace.scale_gradients = vector(&scale[0], first.n_in)?;
        trace.embedding_gradients = vector(&embedding[0], first.n_embedding_parameters())?;
        Ok(trace)
    }
}
