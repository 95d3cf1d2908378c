//! The embeddings of the inputs: each input becomes one or more numbers for the first layer.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{Buffer, Kernel, Panels, Simd};
use crate::machine::pool::Share;
use crate::machine::random::{Purpose, Stream};
use crate::machine::real::Real;
use crate::tables::embedding::Embedding;

/// One embedding, the input that it takes, and the numbers that it gives.
struct Part<T> {
    input: usize,
    outputs: Range<usize>,
    /// The place of its parameters among those of all.
    parameters: Range<usize>,
    embedding: Embedding<T>,
}

/// The embeddings of the inputs of a network, in the order of their results.
pub struct Embeddings<T> {
    n_in: usize,
    n_out: usize,
    n_parameters: usize,
    parts: Vec<Part<T>>,
}

impl<T: Real> Embeddings<T> {
    /// Return embeddings of `n_in` inputs; each is an input, a name of the table and its numbers.
    pub fn new(n_in: usize, given: &[(usize, String, Vec<f64>)]) -> Result<Self, Error> {
        let (mut parts, mut n_out, mut n_parameters) = (Vec::new(), 0, 0);
        for (input, name, numbers) in given {
            if *input >= n_in {
                return Err(Error::Embedded { input: *input, n_in });
            }
            let embedding = Embedding::from_numbers(name, numbers)?;
            let outputs = n_out..n_out + embedding.n_out();
            let parameters = n_parameters..n_parameters + embedding.n_parameters();
            (n_out, n_parameters) = (outputs.end, parameters.end);
            parts.push(Part { input: *input, outputs, parameters, embedding });
        }
        Ok(Self { n_in, n_out, n_parameters, parts })
    }

    /// Return the number of inputs.
    pub fn n_in(&self) -> usize {
        self.n_in
    }

    /// Return how many numbers replace the inputs.
    pub fn n_out(&self) -> usize {
        self.n_out
    }

    /// Return the number of learned parameters.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// Draw the parameters, each part from a stream of its own.
    pub fn initialize(&self, parameters: &mut [T], seed: u64) {
        for (number, part) in self.parts.iter().enumerate() {
            let mut stream = Stream::new(seed, Purpose::Embed, number as u64);
            part.embedding.initialize(&mut parameters[part.parameters.clone()], &mut stream);
        }
    }

    /// Compute the numbers that replace the inputs `x` of one sample.
    #[inline(always)]
    fn forward(&self, x: &[T], theta: &[T], out: &mut [T]) {
        for Part { input, outputs, parameters, embedding } in &self.parts {
            let theta = &theta[parameters.clone()];
            embedding.forward(x[*input], theta, &mut out[outputs.clone()]);
        }
    }

    /// Compute the gradient of the parameters for one sample, from the derivatives of the cost by
    /// the numbers that replace its inputs.
    #[inline(always)]
    fn backward(&self, x: &[T], theta: &[T], delta: &[T], gradient: &mut [T]) {
        for Part { input, outputs, parameters, embedding } in &self.parts {
            let (theta, gradient) = (&theta[parameters.clone()], &mut gradient[parameters.clone()]);
            embedding.backward(x[*input], theta, &delta[outputs.clone()], gradient);
        }
    }

    /// Return the numbers of scratch memory of [`EmbedInputs`] and [`EmbedGradient`].
    pub fn scratch_length(&self) -> usize {
        self.n_in + self.n_out + self.n_parameters
    }
}

/// Computes the embeddings of the samples of some rows.
pub struct EmbedInputs<'a, T> {
    pub embeddings: &'a Embeddings<T>,
    pub parameters: &'a Buffer<T>,
    pub x: &'a Panels<T>,
    pub out: &'a Panels<T>,
    pub scratch: &'a mut [T],
    pub rows: &'a Share,
}

impl<T: Real> Kernel for EmbedInputs<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Embeddings { n_in, n_out, .. } = *self.embeddings;
        let (x, out) = self.scratch[..n_in + n_out].split_at_mut(n_in);
        for row in self.rows.range() {
            self.x.copy_row(row, x);
            self.embeddings.forward(x, self.parameters.as_slice(), out);
            // SAFETY: a row that this worker owns.
            unsafe { self.out.put_row(row, out) };
        }
    }
}

/// Computes the gradient of the parameters of embeddings for the samples of some rows.
pub struct EmbedGradient<'a, T> {
    pub embeddings: &'a Embeddings<T>,
    pub parameters: &'a Buffer<T>,
    /// The factors of the embedded inputs, if there are any.
    pub scale: Option<&'a Buffer<T>>,
    pub x: &'a Panels<T>,
    /// The derivatives of the cost by the inputs of the first layer.
    pub delta: &'a Panels<T>,
    pub out: &'a Panels<T>,
    pub scratch: &'a mut [T],
    pub rows: &'a Share,
}

impl<T: Real> Kernel for EmbedGradient<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Embeddings { n_in, n_out, n_parameters, .. } = *self.embeddings;
        let (x, others) = self.scratch.split_at_mut(n_in);
        let (delta, others) = others.split_at_mut(n_out);
        let gradient = &mut others[..n_parameters];
        for row in self.rows.range() {
            self.x.copy_row(row, x);
            self.delta.copy_row(row, delta);
            if let Some(scale) = self.scale {
                delta.iter_mut().zip(scale.as_slice()).for_each(|(delta, s)| *delta *= *s);
            }
            self.embeddings.backward(x, self.parameters.as_slice(), delta, gradient);
            // SAFETY: a row that this worker owns.
            unsafe { self.out.put_row(row, gradient) };
        }
    }
}
