//! Sums over all parameters, shared by several workers and added in a fixed order.

use crate::error::Error;
use crate::machine::kernel::Buffer;
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::parameters::parameters;

/// Numbers of a buffer that are summed together.
const PART: usize = 4096;

/// Parallel chains of additions: a single one waits for each of its sums.
const LANES: usize = 16;

/// The sums of parts of all parameters, each written by one worker.
pub struct ParameterNorms {
    sums: Buffer<f64>,
    squares: Buffer<f64>,
}

impl ParameterNorms {
    /// Allocate the sums for the parameters of these layers.
    pub fn new<T: Real>(layers: &[Layer<T>]) -> Result<Self, Error> {
        let n = parameters(layers).map(|part| part.len().div_ceil(PART)).sum();
        let (sums, squares) = (Buffer::zeros(n)?, Buffer::zeros(n)?);
        Ok(Self { sums, squares })
    }

    /// Compute Σ x² of each part of some buffers.
    pub fn sum_squares<'a, T: Real>(
        &self,
        worker: &Worker,
        buffers: impl Iterator<Item = &'a Buffer<T>>,
    ) {
        self.each(worker, buffers, |part, at| {
            put(&self.squares, at, squares(part));
        });
    }

    /// Return the root of the total of [`Self::sum_squares`].
    pub fn norm(&self) -> f64 {
        self.squares.as_slice().iter().sum::<f64>().sqrt()
    }

    /// Compute Σ |w| and Σ w² of each part of the weights.
    pub fn sum_penalties<T: Real>(&self, worker: &Worker, layers: &[Layer<T>]) {
        self.each(worker, layers.iter().map(|layer| &layer.w.values), |part, at| {
            put(&self.squares, at, squares(part));
            put(&self.sums, at, sizes(part));
        });
    }

    /// Return the penalty of all layers, from the sums of [`Self::sum_penalties`].
    pub fn penalty<T: Real>(&self, layers: &[Layer<T>]) -> f64 {
        let (mut at, mut penalty) = (0, 0.0);
        for layer in layers {
            let parts = at..at + layer.w.values.len().div_ceil(PART);
            let sum = |of: &Buffer<f64>| of.as_slice()[parts.clone()].iter().sum::<f64>();
            penalty += layer.options.penalty.value(sum(&self.sums), sum(&self.squares));
            at = parts.end;
        }
        penalty
    }

    /// Call `f` for this worker's share of the parts, with their numbers.
    fn each<'a, T: Real>(
        &self,
        worker: &Worker,
        buffers: impl Iterator<Item = &'a Buffer<T>>,
        f: impl Fn(&[T], usize),
    ) {
        let mut at = 0;
        for buffer in buffers {
            let share = worker.share(buffer.len().div_ceil(PART)).range();
            for (i, part) in buffer.as_slice().chunks(PART).enumerate() {
                if share.contains(&i) {
                    f(part, at + i);
                }
            }
            at += buffer.len().div_ceil(PART);
        }
    }
}

/// Store the sum of a part that this worker owns.
fn put(sums: &Buffer<f64>, at: usize, sum: f64) {
    assert!(at < sums.len());
    // SAFETY: the index is checked, and one worker owns each part; a barrier precedes the reads.
    unsafe { sums.slice_mut_unchecked(at, 1)[0] = sum };
}

/// Return the penalty of all layers, on one worker: the same sums in the same order.
pub fn penalty_of<T: Real>(layers: &[Layer<T>]) -> f64 {
    let of_layer = |layer: &Layer<T>| {
        let sum = |f: fn(&[T]) -> f64| layer.w.values.as_slice().chunks(PART).map(f).sum::<f64>();
        layer.options.penalty.value(sum(sizes), sum(squares))
    };
    let mut penalty = 0.0;
    layers.iter().for_each(|layer| penalty += of_layer(layer));
    penalty
}

/// Compute Σ |x|.
fn sizes<T: Real>(part: &[T]) -> f64 {
    sum_of(part, f64::abs)
}

/// Compute Σ x².
fn squares<T: Real>(part: &[T]) -> f64 {
    sum_of(part, |x| x * x)
}

/// Return the sum of a function of all numbers: one chain for each lane, then over the lanes.
#[inline(always)]
fn sum_of<T: Real>(part: &[T], term: impl Fn(f64) -> f64) -> f64 {
    let mut chains = [0.0; LANES];
    let mut lanes = part.chunks_exact(LANES);
    for lane in &mut lanes {
        for (chain, x) in chains.iter_mut().zip(lane) {
            *chain += term(x.to_f64());
        }
    }
    for (chain, x) in chains.iter_mut().zip(lanes.remainder()) {
        *chain += term(x.to_f64());
    }
    chains.iter().sum()
}
