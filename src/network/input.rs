//! The stage before the first layer: embeddings of the inputs, and a learned factor for each.
//!
//! The first layer receives s ⊙ e instead of x, where e are the embedded inputs, or x without
//! embeddings. With δ of the first layer, ∂C/∂(s e) = δ W, and ∂C/∂s is the mean over the samples of
//! e ⊙ ∂C/∂(s e).

use crate::error::Error;
use crate::machine::kernel::{Buffer, Kernel, Panels, Simd};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::network::embeddings::Embeddings;
use crate::network::layer::Layer;

/// What a backward pass computes in front of the first layer, one row for each sample.
pub struct InputGradient<T> {
    /// ∂C/∂(s e).
    pub delta: Panels<T>,
    /// ∂C/∂s of each sample, if there are factors.
    pub scale: Option<Panels<T>>,
    /// The gradient of the parameters of the embeddings for each sample, if there are any.
    pub embedding: Option<Panels<T>>,
}

impl<T: Real> InputGradient<T> {
    /// Allocate `rows` rows for a first layer.
    pub fn zeros(rows: usize, layer: &Layer<T>) -> Result<Self, Error> {
        let inputs = || Panels::zeros(rows, layer.n_in);
        let parameters = layer.n_embedding_parameters();
        let of_embedding = || Panels::zeros(rows, parameters);
        Ok(Self {
            delta: inputs()?,
            scale: layer.has_scale().then(inputs).transpose()?,
            embedding: (parameters > 0).then(of_embedding).transpose()?,
        })
    }
}

/// Computes s ⊙ x.
pub struct ScaleInputs<'a, T> {
    pub scale: &'a Buffer<T>,
    pub x: &'a Panels<T>,
    pub out: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Kernel for ScaleInputs<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for p in 0..self.out.panels() {
            let scale = self.scale.slice(p * T::LINE, T::LINE);
            // SAFETY: this worker's rows; x is another buffer.
            let out = unsafe { self.out.write(p, self.rows) }.chunks_exact_mut(T::LINE);
            for (out, x) in out.zip(self.x.read(p, self.rows).chunks_exact(T::LINE)) {
                for n in 0..T::LINE {
                    out[n] = scale[n] * x[n];
                }
            }
        }
    }
}

impl<T: Real> Layer<T> {
    /// Allocate or drop the factors of the inputs, and the weights in panels of inputs that their
    /// gradient needs, of a first layer.
    pub fn set_input_scale(&mut self, on: bool) -> Result<(), Error> {
        let length = if on { self.n_in.div_ceil(T::LINE) * T::LINE } else { 0 };
        self.scale = Buffer::zeros(length)?;
        self.reset_scale();
        self.allocate_back(self.learns_inputs())?;
        self.copy_all_back();
        Ok(())
    }

    /// Set the embeddings of a first layer, with parameters of zero.
    pub fn set_embeddings(&mut self, embeddings: Embeddings<T>) -> Result<(), Error> {
        let length = embeddings.n_parameters().div_ceil(T::LINE) * T::LINE;
        self.embedding_parameters = Buffer::zeros(length)?;
        self.embeddings = Some(embeddings);
        self.allocate_back(self.learns_inputs())?;
        self.copy_all_back();
        Ok(())
    }

    /// Draw the parameters of the embeddings.
    pub fn initialize_embeddings(&mut self, seed: u64) {
        if let Some(embeddings) = &self.embeddings {
            embeddings.initialize(self.embedding_parameters.as_mut_slice(), seed);
        }
    }

    /// Set the factors of the inputs to 1.
    pub fn reset_scale(&mut self) {
        if self.has_scale() {
            let n_in = self.n_in;
            self.scale.as_mut_slice()[..n_in].fill(T::ONE);
        }
    }
}
