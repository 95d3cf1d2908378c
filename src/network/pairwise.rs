//! Sums over samples as fixed pairwise trees over shards, of gradients and of costs.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{Buffer, SHARD};
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::parameters::Gradient;

/// The gradients of the chunks of a batch, summed as a tree that continues the tree of a tile.
pub(crate) struct GradientTree<T> {
    /// The gradient of the last chunk, and at the end that of the batch.
    pub total: Gradient<T>,
    levels: Vec<Gradient<T>>,
}

impl<T: Real> GradientTree<T> {
    pub fn new(layers: &[Layer<T>], chunks: usize) -> Result<Self, Error> {
        let levels = chunks.next_power_of_two().trailing_zeros();
        let levels = (0..levels).map(|_| Gradient::zeros(layers)).collect::<Result<_, _>>()?;
        Ok(Self { total: Gradient::zeros(layers)?, levels })
    }

    /// Return true if there are enough levels for this many chunks.
    pub fn fits(&self, chunks: usize) -> bool {
        self.levels.len() >= chunks.next_power_of_two().trailing_zeros() as usize
    }

    /// Add the gradient of chunk `c`, which is in `total`, to those before it, for some layers.
    pub fn merge(&self, worker: &Worker, layers: Range<usize>, c: usize, chunks: usize) {
        let each = |other: &Gradient<T>, f: fn(&mut T, &mut T)| {
            let total = self.total.of_layers(layers.clone());
            each_part(worker, total.zip(other.of_layers(layers.clone())), f);
        };
        let level = c.trailing_ones() as usize;
        for lower in &self.levels[..level] {
            each(lower, |total, lower| *total += *lower);
        }
        if c + 1 < chunks {
            each(&self.levels[level], |total, kept| *kept = *total);
            return;
        }
        let above = self.levels.iter().enumerate().skip(level);
        for (_, higher) in above.filter(|(bit, _)| c >> bit & 1 == 1) {
            each(higher, |total, higher| *total += *higher);
        }
    }

    /// Multiply the sum by 1/m.
    pub fn scale(&self, worker: &Worker, scale: T) {
        for total in self.total.buffers() {
            let share = worker.share(total.len());
            // SAFETY: this worker's share.
            let total = unsafe { total.slice_mut_unchecked(share.start(), share.len()) };
            total.iter_mut().for_each(|total| *total *= scale);
        }
    }
}

/// Call `f` for each number of this worker's share of pairs of buffers.
fn each_part<'a, T: Real>(
    worker: &Worker,
    pairs: impl Iterator<Item = (&'a Buffer<T>, &'a Buffer<T>)>,
    f: fn(&mut T, &mut T),
) {
    for (total, other) in pairs {
        let share = worker.share(total.len());
        // SAFETY: this worker's share of two buffers of equal length.
        let [total, other] = unsafe {
            [total, other].map(|buffer| buffer.slice_mut_unchecked(share.start(), share.len()))
        };
        total.iter_mut().zip(other).for_each(|(total, other)| f(total, other));
    }
}

/// Sums of 2^i equal parts, added pairwise as soon as there are two of a size.
pub(crate) struct Tree {
    levels: [f64; 48],
    count: usize,
}

impl Tree {
    pub fn new() -> Self {
        Self { levels: [0.0; 48], count: 0 }
    }

    pub fn push(&mut self, mut sum: f64) {
        let level = self.count.trailing_ones() as usize;
        for lower in &self.levels[..level] {
            sum += lower;
        }
        self.levels[level] = sum;
        self.count += 1;
    }

    pub fn total(&self) -> f64 {
        let bits = (0..self.levels.len()).filter(|bit| self.count >> bit & 1 == 1);
        bits.map(|bit| self.levels[bit]).reduce(|sum, higher| sum + higher).unwrap_or(0.0)
    }
}

/// Return the sum of all costs: a pairwise tree over shards, as for the gradients.
pub(crate) fn tree_sum<T: Real>(costs: &[T]) -> f64 {
    let shard = |costs: &[T]| costs.iter().fold(0.0, |sum, cost| sum + cost.to_f64());
    if costs.len() <= SHARD {
        return shard(costs);
    }
    let mut tree = Tree::new();
    costs.chunks(SHARD).for_each(|costs| tree.push(shard(costs)));
    tree.total()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::workspace::CHUNK;

    #[test]
    fn a_tree_of_chunks_is_the_tree_of_their_shards() {
        let costs: Vec<f64> = (0..5000).map(|i| 1.0 / f64::from(i + 3)).collect();
        for m in [1, 255, 256, 257, 1024, 1025, 2047, 2048, 3000, 4096, 4097, 5000] {
            let mut chunks = Tree::new();
            costs[..m].chunks(CHUNK).for_each(|chunk| chunks.push(tree_sum(chunk)));
            assert_eq!(chunks.total().to_bits(), tree_sum(&costs[..m]).to_bits(), "{m} rows");
        }
    }
}
