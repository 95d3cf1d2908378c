//! The whole step of a network so small that kernel calls would cost more than their work.
//!
//! If the output of every layer fits a line, a step is a few loops over lines of registers. Each
//! element is the same chain of fused multiply-adds as in [`crate::machine::kernel`], so the bits
//! are the same.

use std::ops::Range;

use crate::machine::kernel::{Kernel, LINE_MAX, SHARD, Simd, first, transpose, with_width};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::network::custom::Failures;
use crate::network::elementwise::sigma_of_lines;
use crate::network::layer::Layer;
use crate::network::pairwise::tree_sum;
use crate::network::samples::{RowIndices, Samples, batch_indices, target, visited};
use crate::network::softmax_output::{ActivateRows, OutputRows};
use crate::network::workspace::Workspace;
use crate::step::gradient::update_line;
use crate::step::parameter_norms::penalty_of;
use crate::step::settings::{Position, Settings, Sum};
use crate::tables::cost::Cost;
use crate::tables::optimizer::{Clock, Moments, Optimizer, Update};

/// The most layers and inputs for which this path is faster.
pub const MAX_LAYERS: usize = 8;
const MAX_INPUTS: usize = 64;

/// Return true if the fused path supports a step of `rows` rows: one shard, every layer in one
/// line.
pub fn supports<T: Real>(layers: &[Layer<T>], rows: usize) -> bool {
    rows <= SHARD
        && layers.len() <= MAX_LAYERS
        && layers[0].n_in <= MAX_INPUTS
        && layers.iter().all(|layer| {
            layer.n_out <= T::LINE && layer.is_basic() && layer.options.max_norm == 0.0
        })
}

/// Several steps of one epoch, one after the other.
pub struct FusedSteps<'a, T> {
    pub layers: &'a [Layer<T>],
    pub cost: Cost,
    pub samples: &'a Samples<'a, T>,
    pub order: &'a [u32],
    /// The rows of a full batch, and those of the last step of the epoch.
    pub batch: Share,
    pub rest: Share,
    pub ws: &'a Workspace<T>,
    pub optimizer: &'a Optimizer<T>,
    pub settings: &'a Settings<'a>,
    /// The steps of the whole epoch.
    pub steps: usize,
    pub clock: &'a mut Clock,
    /// Receives the error for an invalid label.
    pub failures: &'a Failures,
    /// The position of the first step; afterwards that of the next step, before `last` if the cost
    /// of a batch is not finite or a label is invalid.
    pub at: &'a mut Position,
    pub last: usize,
}

impl<T: Real> Kernel for FusedSteps<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { samples, settings, optimizer, at, steps, .. } = self;
        let size = self.batch.len();
        let scale = |rows: &Share| T::ONE / T::from_f64(rows.len() as f64);
        let scales = [scale(&self.batch), scale(&self.rest)];
        while at.step < self.last {
            let first = settings.first_row(at.step, size);
            let whole = first + size <= visited(self.order, samples.len());
            let (rows, scale) =
                if whole { (&self.batch, scales[0]) } else { (&self.rest, scales[1]) };
            let mut clock = *self.clock;
            clock.tick(optimizer.rule);
            let mut update = settings.update(optimizer.rule, &clock, at, steps);
            if settings.penalty_per_sample {
                update.scale = scale;
            }
            let step = FusedStep {
                layers: self.layers,
                cost: self.cost,
                samples,
                indices: batch_indices(self.order, &(first..first + rows.len())),
                rows,
                ws: self.ws,
                moments: &optimizer.moments,
                update: &update,
                scale,
                failures: self.failures,
            };
            step.forward_all::<S>();
            if self.failures.any() {
                return;
            }
            let mut cost = tree_sum(&self.ws.costs.as_slice()[..rows.len()]);
            if settings.penalty_in_cost > 0.0 {
                let times = rows.len() as f64 * update.scale.to_f64() * settings.penalty_in_cost;
                cost += times * penalty_of(self.layers);
            }
            if settings.check_finite && !cost.is_finite() {
                return;
            }
            step.back_all::<S>();
            at.add(Sum { cost, weight: rows.len() as f64 });
            *self.clock = clock;
            at.step += 1;
        }
    }
}

/// One step: forward, backward and update.
struct FusedStep<'a, T> {
    layers: &'a [Layer<T>],
    cost: Cost,
    samples: &'a Samples<'a, T>,
    indices: RowIndices<'a>,
    rows: &'a Share,
    ws: &'a Workspace<T>,
    moments: &'a [Moments<T>],
    update: &'a Update<T>,
    scale: T,
    failures: &'a Failures,
}

impl<T: Real> FusedStep<'_, T> {
    /// Compute the forward pass, the costs and δ of the output layer.
    #[inline(always)]
    fn forward_all<S: Simd>(&self) {
        let last = self.layers.len() - 1;
        for (l, layer) in self.layers.iter().enumerate() {
            with_width!(layer.w.width(0), self.forward::<S, _>(l));
        }
        with_width!(self.layers[last].w.width(0), self.output::<S, _>(last));
    }

    /// Compute δ of the layers before, then the updates.
    #[inline(always)]
    fn back_all<S: Simd>(&self) {
        for l in (1..self.layers.len()).rev() {
            with_width!(self.layers[l - 1].w.width(0), self.backward::<S, _>(l));
        }
        for (l, layer) in self.layers.iter().enumerate() {
            with_width!(layer.w.width(0), self.compute_gradient::<S, _>(l));
        }
    }
}

/// Compute z = b + Σ_k a_prev_k w_k of `M` samples.
#[inline(always)]
fn weighted_inputs<T: Real, S: Simd, const N: usize, const M: usize>(
    inputs: [&[T]; M],
    w: &[T],
    b: &[T],
) -> [[T; N]; M] {
    let mut z = [first::<T, N>(b); M];
    for (k, w) in w.chunks_exact(N).enumerate() {
        let w = first::<T, N>(w);
        for m in 0..M {
            S::add_product(&mut z[m], inputs[m][k], &w);
        }
    }
    z
}

/// Write the first `N` numbers of line `row`, if there are lines.
#[inline(always)]
fn put_line<T: Real, const N: usize>(lines: &mut [T], row: usize, line: &[T; N]) {
    if !lines.is_empty() {
        lines[row * T::LINE..][..N].copy_from_slice(line);
    }
}

/// The inputs of a layer, row by row.
struct Inputs<'a, T> {
    samples: &'a Samples<'a, T>,
    indices: RowIndices<'a>,
    n_in: usize,
    /// a of the layer before; None for the samples themselves.
    lines: Option<&'a [T]>,
}

impl<'a, T: Real> Inputs<'a, T> {
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [T] {
        match self.lines {
            None => self.samples.row(self.indices.sample(row)),
            Some(lines) => &lines[row * T::LINE..][..self.n_in],
        }
    }
}

impl<T: Real> FusedStep<'_, T> {
    /// Return the inputs of layer l: the samples, or a of the layer before.
    #[inline(always)]
    fn inputs(&self, l: usize) -> Inputs<'_, T> {
        let lines = if l > 0 { Some(self.ws.a[l].read(0, self.rows)) } else { None };
        Inputs { samples: self.samples, indices: self.indices, n_in: self.layers[l].n_in, lines }
    }

    /// Return the targets of row `row`; an invalid label is recorded, which ends the steps.
    #[inline(always)]
    fn target<const N: usize>(&self, row: usize, n_out: usize) -> [T; N] {
        let target = target(self.samples.y, self.indices.sample(row), n_out);
        target.unwrap_or_else(|error| {
            self.failures.record(error);
            [T::ZERO; N]
        })
    }

    /// Compute z = b + Σ_k a_prev_k w_k and a = σ(z).
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(&self, l: usize) {
        let Layer { n_in, w, b, activation, .. } = &self.layers[l];
        let inputs = self.inputs(l);
        let mut unused = [];
        // SAFETY: all weights and biases of a layer whose outputs fit `N` lanes; z and a are
        // different panels, and the only worker of a small network owns all rows.
        let (w, b, z_rows, a_rows) = unsafe {
            (
                w.values.slice_unchecked(0, n_in * N),
                b.slice_unchecked(0, N),
                if let Some(z) = &self.ws.z[l] { z.write(0, self.rows) } else { &mut unused },
                self.ws.a[l + 1].write(0, self.rows),
            )
        };
        if self.rows.len() == 1 && activation.is_elementwise() {
            // A single sample stays in registers from z to a.
            let [z] = weighted_inputs::<T, S, N, 1>([inputs.row(0)], w, b);
            let a = activation.sigma_of_line::<T, S, N>(z);
            put_line(z_rows, 0, &z);
            return put_line(a_rows, 0, &a);
        }
        // Four samples at a time if possible: their chains run in parallel.
        let mut row = 0;
        while row + 4 <= self.rows.len() {
            let four =
                [inputs.row(row), inputs.row(row + 1), inputs.row(row + 2), inputs.row(row + 3)];
            let z = weighted_inputs::<T, S, N, 4>(four, w, b);
            for (m, z) in z.iter().enumerate() {
                put_line(a_rows, row + m, z);
                put_line(z_rows, row + m, z);
            }
            row += 4;
        }
        for row in row..self.rows.len() {
            let [z] = weighted_inputs::<T, S, N, 1>([inputs.row(row)], w, b);
            put_line(a_rows, row, &z);
            put_line(z_rows, row, &z);
        }
        if activation.is_elementwise() {
            sigma_of_lines::<T, S, N>(*activation, a_rows);
        } else {
            // SAFETY: the only worker owns it; `a_rows` is no longer used.
            let (a, scratch) = (&self.ws.a[l + 1], unsafe { self.ws.scratch(self.layers, 0) });
            S::run_cold(ActivateRows { z: a, a, scratch, rows: self.rows });
        }
    }

    /// Compute C_i and δ of the output layer.
    #[inline(always)]
    fn output<S: Simd, const N: usize>(&self, last: usize) {
        let activation = &self.layers[last].activation;
        if !activation.is_elementwise() {
            return self.output_rows::<S, N>(last);
        }
        // SAFETY: the only worker of a small network owns all rows.
        let costs = unsafe { self.ws.costs.slice_mut_unchecked(0, self.rows.len()) };
        // As many samples at a time as fill a line; a single one avoids the detour through memory.
        let several = if costs.len() == 1 { 1 } else { T::LINE / N };
        for first in (0..costs.len()).step_by(several) {
            let rows = first..(first + several).min(costs.len());
            if const { N == T::LINE } || several == 1 {
                self.finish::<S, N, N>(rows, costs);
            } else {
                self.finish::<S, N, LINE_MAX>(rows, costs);
            }
        }
    }

    /// [`Self::output`] after a softmax.
    #[inline(always)]
    fn output_rows<S: Simd, const N: usize>(&self, last: usize) {
        let (ws, n_out) = (self.ws, self.layers[last].n_out);
        // SAFETY (here and below): the only worker of a small network owns all rows and buffers.
        let lines = unsafe { ws.y.write(0, self.rows) };
        for row in 0..self.rows.len() {
            let y = self.target::<N>(row, n_out);
            put_line(lines, row, &y);
        }
        let (given, delta) = ([ws.output_z(), &ws.a[last + 1], &ws.y], &ws.delta[last]);
        let scratch = unsafe { ws.scratch(self.layers, 0) };
        let (cost, costs, rows) = (self.cost, &ws.costs, self.rows);
        S::run_cold(OutputRows { cost, given, delta, costs, scratch, rows });
    }

    /// Compute C_i and δ of samples that are packed into `W` lanes.
    #[inline(always)]
    fn finish<S: Simd, const N: usize, const W: usize>(&self, rows: Range<usize>, costs: &mut [T]) {
        let last = self.layers.len() - 1;
        let Layer { n_out, activation, .. } = &self.layers[last];
        let z = self.ws.z[last].as_ref().expect("the output layer keeps its z").read(0, self.rows);
        let a = self.ws.a[last + 1].read(0, self.rows);
        // SAFETY: the only worker of a small network owns all rows; z and a are other buffers.
        let delta = unsafe { self.ws.delta[last].write(0, self.rows) };
        let mut given = [[T::ZERO; W]; 3];
        for (i, row) in rows.clone().enumerate() {
            given[0][i * N..][..N].copy_from_slice(&z[row * T::LINE..][..N]);
            given[1][i * N..][..N].copy_from_slice(&a[row * T::LINE..][..N]);
            let y = self.target::<N>(row, *n_out);
            given[2][i * N..][..N].copy_from_slice(&y);
        }
        let given = [&given[0], &given[1], &given[2]];
        let [errors, terms] = self.cost.of_line::<T, S, W>(*activation, given, *n_out);
        for (i, row) in rows.enumerate() {
            let mut line = [T::ZERO; N];
            let mut cost = T::ZERO;
            for n in 0..N {
                // The padding holds no neuron, so it has no error and no cost.
                line[n] = if n < *n_out { errors[i * N + n] } else { T::ZERO };
                cost = if n < *n_out { cost + terms[i * N + n] } else { cost };
            }
            delta[row * T::LINE..][..N].copy_from_slice(&line);
            costs[row] = cost;
        }
    }

    /// Compute δ of layer l - 1, `N` wide: Σ_j δ_j w_j, times σ'.
    #[inline(always)]
    fn backward<S: Simd, const N: usize>(&self, l: usize) {
        let Layer { n_out, w_back, .. } = &self.layers[l];
        let back = w_back.as_ref().expect("not the first layer").values.slice(0, n_out * N);
        let activation = self.layers[l - 1].activation;
        let (a, delta) = (self.ws.a[l].read(0, self.rows), self.ws.delta[l].read(0, self.rows));
        let z = if let Some(z) = &self.ws.z[l - 1] { z.read(0, self.rows) } else { a };
        // SAFETY: the only worker of a small network owns all rows; the values read are in other
        // buffers.
        let before = unsafe { self.ws.delta[l - 1].write(0, self.rows) };
        for (row, before) in before.chunks_exact_mut(T::LINE).enumerate() {
            let line = row * T::LINE;
            let mut sum = [T::ZERO; N];
            for (j, &delta) in delta[line..][..*n_out].iter().enumerate() {
                S::add_product(&mut sum, delta, &first(&back[j * N..]));
            }
            if const { N < T::LINE } {
                // Immediately: reading a whole line would wait until these few numbers are in
                // memory.
                let (z, a) = (first::<T, N>(&z[line..]), first::<T, N>(&a[line..]));
                sum = activation.slope_of_line::<T, S, N>([&z, &a], sum);
            }
            before[..N].copy_from_slice(&sum);
        }
        if const { N == T::LINE } {
            activation.sigma_prime::<T, S>(z, a, before);
        }
    }

    /// Update layer l by its averaged gradient: Σ_i δ_i a_prev_i and Σ_i δ_i, times 1/m.
    #[inline(always)]
    fn compute_gradient<S: Simd, const N: usize>(&self, l: usize) {
        let Layer { n_in, n_out, w, w_back, b, options, .. } = &self.layers[l];
        let (n_in, n_out) = (*n_in, *n_out);
        let plain = options.is_plain() && self.update.is_plain();
        let penalty = if plain { None } else { Some(&options.penalty) };
        let scale = self.scale;
        let Moments { w: w_moments, b: b_moments, .. } = &self.moments[l];
        let mut k = 0;
        // SAFETY (here and below): rows of weights, and the biases, of a layer whose outputs fit
        // `N` lanes; the only worker of a small network owns them. Four inputs at a time if
        // possible: their chains run in parallel.
        while k + 4 <= n_in {
            let grads = self.gradients::<S, N, 4>(l, k);
            for (i, grad) in grads.iter().enumerate() {
                let (grad, at) = (*grad, (k + i) * N);
                unsafe {
                    update_line::<T, S, N>(
                        self.update,
                        &w.values,
                        w_moments,
                        at,
                        grad,
                        scale,
                        penalty,
                    );
                }
            }
            k += 4;
        }
        for k in k..n_in {
            let [grad] = self.gradients::<S, N, 1>(l, k);
            let (w, at) = (&w.values, k * N);
            unsafe {
                update_line::<T, S, N>(self.update, w, w_moments, at, grad, scale, penalty);
            }
        }
        let mut grad = [T::ZERO; N];
        for delta in self.ws.delta[l].read(0, self.rows).chunks_exact(T::LINE) {
            for n in 0..N {
                grad[n] += delta[n];
            }
        }
        unsafe { update_line::<T, S, N>(self.update, b, b_moments, 0, grad, scale, None) };
        if let Some(back) = w_back {
            let w = w.values.slice(0, n_in * N);
            unsafe { transpose::<T, S, N>(w, 0, n_in, 0, n_out, back) };
        }
    }

    /// Compute Σ_i δ_i a_prev_i for `M` inputs from number k on.
    #[inline(always)]
    fn gradients<S: Simd, const N: usize, const M: usize>(
        &self,
        l: usize,
        k: usize,
    ) -> [[T; N]; M] {
        let (inputs, delta) = (self.inputs(l), self.ws.delta[l].read(0, self.rows));
        let mut grads = [[T::ZERO; N]; M];
        for (row, delta) in delta.chunks_exact(T::LINE).enumerate() {
            let (a, delta) = (&inputs.row(row)[k..][..M], first::<T, N>(delta));
            for m in 0..M {
                S::add_product(&mut grads[m], a[m], &delta);
            }
        }
        grads
    }
}
