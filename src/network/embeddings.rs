//! The embeddings of the inputs: each input becomes one or more numbers for the first layer.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{Kernel, Panels, Simd};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::tables::embedding::Embedding;

/// One embedding, the input that it takes, and the numbers that it gives.
struct Part<T> {
    input: usize,
    outputs: Range<usize>,
    embedding: Embedding<T>,
}

/// The embeddings of the inputs of a network, in the order of their results.
pub struct Embeddings<T> {
    n_in: usize,
    n_out: usize,
    parts: Vec<Part<T>>,
}

impl<T: Real> Embeddings<T> {
    /// Return embeddings of `n_in` inputs; each is an input, a name of the table and its numbers.
    pub fn new(n_in: usize, given: &[(usize, String, Vec<f64>)]) -> Result<Self, Error> {
        let (mut parts, mut n_out) = (Vec::new(), 0);
        for (input, name, numbers) in given {
            if *input >= n_in {
                return Err(Error::Embedded { input: *input, n_in });
            }
            let embedding = Embedding::from_numbers(name, numbers)?;
            let outputs = n_out..n_out + embedding.n_out();
            n_out = outputs.end;
            parts.push(Part { input: *input, outputs, embedding });
        }
        Ok(Self { n_in, n_out, parts })
    }

    /// Return the number of inputs.
    pub fn n_in(&self) -> usize {
        self.n_in
    }

    /// Return how many numbers replace the inputs.
    pub fn n_out(&self) -> usize {
        self.n_out
    }

    /// Compute the numbers that replace the inputs `x` of one sample.
    #[inline(always)]
    fn forward(&self, x: &[T], out: &mut [T]) {
        for Part { input, outputs, embedding } in &self.parts {
            embedding.forward(x[*input], &mut out[outputs.clone()]);
        }
    }

    /// Return the numbers of scratch memory of [`EmbedInputs`].
    pub fn scratch_length(&self) -> usize {
        self.n_in + self.n_out
    }
}

/// Computes the embeddings of the samples of some rows.
pub struct EmbedInputs<'a, T> {
    pub embeddings: &'a Embeddings<T>,
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
            self.embeddings.forward(x, out);
            // SAFETY: a row that this worker owns.
            unsafe { self.out.put_row(row, out) };
        }
    }
}
