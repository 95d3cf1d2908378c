//! The derivation's own step: gradient descent on one sample, in registers from z to the update.
//!
//! If all layers are equally narrow, the state of a step is one line per layer. Each element is the
//! same chain of fused multiply-adds as in [`crate::machine::kernel`], so the bits are the same.

use crate::machine::kernel::{Kernel, Simd, first, with_width};
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::samples::target;
use crate::step::fused_small::{FusedSteps, MAX_LAYERS};
use crate::step::settings::Sum;
use crate::tables::cost::Cost;
use crate::tables::optimizer::Rule;

impl<T: Real> FusedSteps<'_, T> {
    /// Return the width of all layers if this path supports the steps, and None otherwise.
    #[inline(always)]
    pub fn single_width(&self) -> Option<usize> {
        let width = self.layers[0].w.width(0);
        let narrow = |layer: &Layer<T>| {
            let w_back = layer.w_back.as_ref();
            layer.w.width(0) == width
                && w_back.is_none_or(|back| back.width(0) == width)
                && layer.activation.is_elementwise()
                && layer.options.is_plain()
        };
        let plain = self.optimizer.rule == Rule::PLAIN && self.settings.clip_value.is_none();
        (self.batch.len() == 1 && plain && self.layers.iter().all(narrow)).then_some(width)
    }

    /// Run steps on one sample each.
    #[inline(always)]
    fn run_singles<S: Simd, const N: usize>(self) {
        let Self {
            layers, cost, samples, order, settings, clock, at, last, steps, failures, ..
        } = self;
        let network = NarrowNetwork { layers, cost };
        let constant = settings.schedule.is_constant();
        let mut rate = T::from_f64(-settings.learning_rate);
        while at.step < last {
            let row = settings.first_row(at.step, 1);
            let sample = order.get(row).map_or(row, |&sample| sample as usize);
            if !constant {
                rate = T::from_f64(-settings.rate(at, steps));
            }
            let y = match target(samples.y, sample, layers[layers.len() - 1].n_out) {
                Ok(y) => y,
                Err(error) => return failures.record(error),
            };
            let x = samples.row(sample);
            let pass = network.forward::<S, N>(x, &y);
            let cost = pass.cost.to_f64();
            if settings.check_finite && !cost.is_finite() {
                return;
            }
            network.back::<S, N>(x, pass, rate);
            at.add(Sum { cost, weight: 1.0 });
            clock.t += 1;
            at.step += 1;
        }
    }
}

/// Several steps of one epoch on one sample each, for layers that are all equally wide.
pub struct SingleSteps<'a, T> {
    pub steps: FusedSteps<'a, T>,
    pub width: usize,
}

impl<T: Real> Kernel for SingleSteps<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { steps, width } = self;
        if const { !S::TILES } {
            S::run_cold(steps);
        } else {
            with_width!(width, steps.run_singles::<S, _>());
        }
    }
}

/// Layers of at most a line each.
struct NarrowNetwork<'a, T> {
    layers: &'a [Layer<T>],
    cost: Cost,
}

/// z and a of each layer, then δ of the output layer and the cost.
struct Pass<T, const N: usize> {
    z: [[T; N]; MAX_LAYERS],
    a: [[T; N]; MAX_LAYERS],
    delta: [T; N],
    cost: T,
}

/// Return the first `n` numbers of a line, followed by zeros.
#[inline(always)]
fn zero_after<T: Real, const N: usize>(line: [T; N], n: usize) -> [T; N] {
    let mut result = line;
    for (i, value) in result.iter_mut().enumerate() {
        *value = if i < n { *value } else { T::ZERO };
    }
    result
}

/// Compute `parameters := parameters - α (factor · line)`; `rate` is -α.
#[inline(always)]
fn compute_gradient<T: Real, S: Simd, const N: usize>(
    parameters: &mut [T; N],
    factor: T,
    line: &[T; N],
    rate: T,
) {
    let mut grad = [T::ZERO; N];
    S::add_product(&mut grad, factor, line);
    S::add_product(parameters, rate, &grad);
}

impl<T: Real> NarrowNetwork<'_, T> {
    /// Compute z = b + Σ_k a_prev_k w_k and a = σ(z) of each layer, C and δ of the last.
    #[inline(always)]
    fn forward<S: Simd, const N: usize>(&self, x: &[T], y: &[T; N]) -> Pass<T, N> {
        let mut pass = Pass {
            z: [[T::ZERO; N]; MAX_LAYERS],
            a: [[T::ZERO; N]; MAX_LAYERS],
            delta: [T::ZERO; N],
            cost: T::ZERO,
        };
        let mut before = [T::ZERO; N];
        for (l, layer) in self.layers.iter().enumerate() {
            // SAFETY: all weights and biases of a layer whose outputs fit `N` lanes.
            let (w, b) = unsafe {
                let w = layer.w.values.slice_unchecked(0, layer.n_in * N);
                (w.as_chunks::<N>().0, layer.b.slice_unchecked(0, N))
            };
            let mut z = first::<T, N>(b);
            let inputs = if l == 0 { x } else { &before };
            for (w, input) in w.iter().zip(inputs) {
                S::add_product(&mut z, *input, w);
            }
            let a = layer.activation.sigma_of_line::<T, S, N>(z);
            before = zero_after(a, layer.n_out);
            (pass.z[l], pass.a[l]) = (z, before);
        }
        let last = self.layers.len() - 1;
        let Layer { n_out, activation, .. } = &self.layers[last];
        let given = [&pass.z[last], &before, y];
        let [delta, terms] = self.cost.of_line::<T, S, N>(*activation, given, *n_out);
        for term in zero_after(terms, *n_out) {
            pass.cost += term;
        }
        pass.delta = zero_after(delta, *n_out);
        pass
    }

    /// Compute δ and the update of each layer, from the last to the first.
    #[inline(always)]
    fn back<S: Simd, const N: usize>(&self, x: &[T], pass: Pass<T, N>, rate: T) {
        let mut delta = pass.delta;
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let mut before = [T::ZERO; N];
            let inputs = if l == 0 { x } else { &pass.a[l - 1] };
            if let Some(back) = &layer.w_back {
                // SAFETY (here and below): all of a layer, each in its own buffer; the only worker
                // of a small network owns them.
                let back = unsafe { back.values.slice_mut_unchecked(0, layer.n_out * N) };
                let (back, _) = back.as_chunks_mut::<N>();
                for (w, delta) in back.iter_mut().zip(&delta) {
                    S::add_product(&mut before, *delta, w);
                    compute_gradient::<T, S, N>(w, *delta, &pass.a[l - 1], rate);
                }
                let activation = self.layers[l - 1].activation;
                let given = [&pass.z[l - 1], &pass.a[l - 1]];
                before = activation.slope_of_line::<T, S, N>(given, before);
            }
            let w = unsafe { layer.w.values.slice_mut_unchecked(0, layer.n_in * N) };
            let (w, _) = w.as_chunks_mut::<N>();
            for (w, input) in w.iter_mut().zip(inputs) {
                compute_gradient::<T, S, N>(w, *input, &delta, rate);
            }
            let (b, _) = unsafe { layer.b.slice_mut_unchecked(0, N) }.as_chunks_mut::<N>();
            compute_gradient::<T, S, N>(&mut b[0], T::ONE, &delta, rate);
            delta = before;
        }
    }
}
