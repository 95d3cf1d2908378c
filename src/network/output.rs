//! The cost and δ of the output layer.

use crate::machine::kernel::{Buffer, Kernel, Panels, Simd};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::network::softmax_output::OutputRows;
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;

/// Computes C_i and δ of the output: the end of the forward pass and the start of the backward
/// pass.
///
/// Equations 3 and 7 of docs/derivation.md.
pub struct Output<'a, T> {
    pub cost: Cost,
    pub activation: Activation,
    pub z: &'a Panels<T>,
    pub a: &'a Panels<T>,
    pub y: &'a Panels<T>,
    pub delta: &'a Panels<T>,
    /// Scratch memory of one panel.
    pub terms: &'a Panels<T>,
    pub costs: &'a Buffer<T>,
    /// The weight of each sample, if they differ.
    pub weights: Option<&'a Buffer<T>>,
    /// Scratch memory of [`OutputRows`].
    pub scratch: &'a mut [T],
    pub rows: &'a Share,
}

impl<T: Real> Kernel for Output<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { weights, delta, costs, rows, .. } = self;
        if self.activation.is_elementwise() {
            self.elementwise::<S>();
        } else {
            let Self { cost, z, a, y, delta, costs, scratch, rows, .. } = self;
            OutputRows { cost, given: [z, a, y], delta, costs, scratch, rows }.run::<S>();
        }
        if let Some(weights) = weights {
            weigh(weights, delta, costs, rows);
        }
    }
}

impl<T: Real> Output<'_, T> {
    #[inline(always)]
    fn elementwise<S: Simd>(&self) {
        let rows = self.rows;
        // SAFETY (here and below): this worker's rows, each in a different buffer.
        let costs = unsafe { self.costs.slice_mut_unchecked(rows.start(), rows.len()) };
        costs.fill(T::ZERO);
        for p in 0..self.a.panels() {
            let (delta, terms) = unsafe { (self.delta.write(p, rows), self.terms.write(0, rows)) };
            let given = [self.z.read(p, rows), self.a.read(p, rows), self.y.read(p, rows)];
            self.cost.elementwise::<T, S>(self.activation, given, self.a.n, delta, terms);
            let used = T::LINE.min(self.a.n - p * T::LINE);
            for (cost, terms) in costs.iter_mut().zip(terms.chunks_exact(T::LINE)) {
                for term in &terms[..used] {
                    *cost += *term;
                }
            }
            if used < T::LINE {
                // The padding holds no neuron, so it has no error.
                for delta in delta.chunks_exact_mut(T::LINE) {
                    delta[used..].fill(T::ZERO);
                }
            }
        }
    }
}

/// Multiplies the samples by their weights after a custom cost.
pub struct Weigh<'a, T> {
    pub weights: &'a Buffer<T>,
    pub delta: &'a Panels<T>,
    pub costs: &'a Buffer<T>,
    pub rows: &'a Share,
}

impl<T: Real> Kernel for Weigh<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        weigh(self.weights, self.delta, self.costs, self.rows);
    }
}

/// Multiply the cost and the δ of each sample by its weight.
#[inline(always)]
fn weigh<T: Real>(weights: &Buffer<T>, delta: &Panels<T>, costs: &Buffer<T>, rows: &Share) {
    let weights = weights.slice(rows.start(), rows.len());
    // SAFETY (here and below): this worker's rows, each in a different buffer.
    let costs = unsafe { costs.slice_mut_unchecked(rows.start(), rows.len()) };
    costs.iter_mut().zip(weights).for_each(|(cost, weight)| *cost *= *weight);
    for p in 0..delta.panels() {
        let lines = unsafe { delta.write(p, rows) }.chunks_exact_mut(T::LINE);
        for (line, weight) in lines.zip(weights) {
            line.iter_mut().for_each(|delta| *delta *= *weight);
        }
    }
}
