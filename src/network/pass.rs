//! A pass over the rows of a workspace: phase A of a step, forward and backward.

use std::ops::Range;

use crate::error::Error;
use crate::machine::interrupt::is_interrupted;
use crate::machine::pool::{self, Share, Worker};
use crate::machine::real::Real;
use crate::network::custom::{Custom, CustomCost};
use crate::network::elementwise::Multiply;
use crate::network::embeddings::{EmbedGradient, EmbedInputs};
use crate::network::input::{InputGradient, ScaleInputs};
use crate::network::layer::{Outputs, Previous, Region};
use crate::network::network::{Network, ROW_BLOCK};
use crate::network::output::{Output, Weigh};
use crate::network::samples::{
    Gather, RngContext, RowIndices, Samples, Targets, add_noise, draw_masks,
};
use crate::network::workspace::{CHUNK, Workspace};

/// The parts of a pass that only training uses.
pub(crate) struct Training<'a> {
    pub rng: RngContext<'a>,
    pub noise: f64,
    /// Returns true if a worker should leave its rows.
    pub should_stop: &'a (dyn Fn(&Worker) -> bool + Sync),
}

impl<T: Real> Network<T> {
    /// Compute z and a of the rows of one share, layer after layer, until `stop` returns true.
    #[inline]
    pub(crate) fn forward_rows(
        &self,
        ws: &Workspace<T>,
        worker: &Worker,
        rows: &Share,
        rng: Option<(RngContext, RowIndices)>,
        stop: &impl Fn() -> bool,
    ) {
        self.forward_inputs(ws, worker, rows);
        for (l, layer) in self.layers.iter().enumerate() {
            if stop() {
                return;
            }
            // SAFETY: this worker's buffer; no other code of the layer uses it.
            let scratch = unsafe { ws.scratch(&self.layers, worker.index) };
            let (a, z) = (&ws.a[l + 1], ws.z[l].as_ref());
            let sigma = ws.parametric(l).map(|[sigma, _]| sigma);
            let outputs = Outputs { z, norm: ws.norm_cache(l), sigma, a };
            let region = Region { rows, panels: 0..layer.w.panels() };
            layer.forward(self.isa, ws.input(l), &outputs, region, stop);
            layer.activate_rows(self.isa, z, a, scratch, rows);
            if let (Some([mask, masked]), Some((rng, indices))) = (ws.masked(l + 1), rng) {
                draw_masks(mask, rows, indices, rng, l + 1, layer.options.dropout, scratch);
                let values = Some(&ws.a[l + 1]);
                self.isa.run(Multiply { by: mask, values, out: masked, rows });
            }
        }
    }

    /// Compute the inputs of the first layer from the samples in a workspace.
    #[inline]
    fn forward_inputs(&self, ws: &Workspace<T>, worker: &Worker, rows: &Share) {
        let Some(x) = &ws.raw else { return };
        let layer = &self.layers[0];
        if let Some(embeddings) = &layer.embeddings {
            // SAFETY: this worker's buffer; no other code of the stage uses it.
            let scratch = unsafe { ws.scratch(&self.layers, worker.index) };
            let (parameters, out) = (&layer.embedding_parameters, ws.embedded());
            self.isa.run(EmbedInputs { embeddings, parameters, x, out, scratch, rows });
        }
        if layer.has_scale() {
            let (scale, x, out) = (&layer.scale, ws.unscaled(), &ws.a[0]);
            self.isa.run(ScaleInputs { scale, x, out, rows });
        }
    }

    /// Compute ∂C/∂(s e), ∂C/∂s and the gradient of the embeddings of each sample from δ of the first
    /// layer.
    #[inline]
    fn backward_inputs(
        &self,
        ws: &Workspace<T>,
        worker: &Worker,
        rows: &Share,
        stop: &impl Fn() -> bool,
    ) {
        let Some(InputGradient { delta, scale, embedding }) = &ws.input else { return };
        let layer = &self.layers[0];
        let region = Region { rows, panels: 0..delta.panels() };
        layer.backward_product(self.isa, &ws.delta[0], delta, region, stop);
        if let Some(out) = scale {
            self.isa.run(Multiply { by: ws.unscaled(), values: Some(delta), out, rows });
        }
        if let (Some(out), Some(embeddings)) = (embedding, &layer.embeddings) {
            self.isa.run(EmbedGradient {
                embeddings,
                parameters: &layer.embedding_parameters,
                scale: layer.has_scale().then_some(&layer.scale),
                x: ws.samples(),
                delta,
                out,
                // SAFETY: this worker's buffer; no other code of the stage uses it.
                scratch: unsafe { ws.scratch(&self.layers, worker.index) },
                rows,
            });
        }
    }

    /// Compute C_i and δ of the output layer, then δ of each layer down to the first, until `stop`
    /// returns true.
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
        self.layers[last].denormalize(self.isa, ws.norm_cache(last), &ws.delta[last], rows);
        for l in (1..=last).rev() {
            if stop() {
                return;
            }
            let z_prev = ws.z[l - 1].as_ref().unwrap_or(&ws.a[l]);
            let previous = Previous {
                layer: &self.layers[l - 1],
                z: z_prev,
                a: &ws.a[l],
                mask: ws.masked(l).map(|[mask, _]| mask),
                parametric: ws.parametric(l - 1).map(|[sigma, grad]| [sigma, grad]),
                delta: &ws.delta[l - 1],
            };
            let region = Region { rows, panels: 0..previous.delta.panels() };
            self.layers[l].backward(self.isa, &ws.delta[l], &previous, region, stop);
            previous.layer.denormalize(self.isa, ws.norm_cache(l - 1), previous.delta, rows);
        }
        self.backward_inputs(ws, worker, rows, stop);
    }

    /// Compute C_i and δ of the output layer, by a cost of the table.
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
            // SAFETY: this worker's buffer; no other code uses it meanwhile.
            scratch: unsafe { ws.scratch(&self.layers, worker.index) },
            rows,
        });
        if let Some(custom) = &layer.custom {
            custom.slope(z, a, delta, rows);
        }
    }

    /// Compute C_i and δ of the output layer by a custom cost.
    fn custom_output(&self, cost: &Custom<dyn CustomCost<T>>, ws: &Workspace<T>, rows: &Share) {
        let last = self.layers.len() - 1;
        let layer = &self.layers[last];
        let (a, delta, costs) = (&ws.a[last + 1], &ws.delta[last], &ws.costs);
        let elementwise = layer.activation.is_elementwise();
        cost.output([a, &ws.y, delta], costs, !elementwise, rows);
        if elementwise {
            let region = Region { rows, panels: 0..a.panels() };
            layer.slope(self.isa, ws.output_z(), a, delta, region);
        }
        if let Some(weights) = &ws.weights {
            self.isa.run(Weigh { weights, delta, costs, rows });
        }
    }

    /// Run phase A, forward and backward, for this worker's share of `rows` rows; in training with
    /// noise and dropout.
    #[inline]
    pub(crate) fn rows(
        &self,
        ws: &Workspace<T>,
        samples: &Samples<T>,
        worker: &Worker,
        rows: usize,
        indices: RowIndices,
        training: Option<&Training>,
    ) {
        let should_stop = || training.is_some_and(|training| (training.should_stop)(worker));
        let stop = || self.large && should_stop(); // otherwise a block is fast
        let own = worker.share(rows);
        for block in own.blocks(ROW_BLOCK) {
            if should_stop() {
                return;
            }
            self.isa.run(Gather {
                samples,
                ws,
                inputs: ws.samples(),
                rows: &block,
                targets: &block,
                indices,
                end: own.range().end,
                failures: &self.failures,
            });
            let rng = training.map(|training| (training.rng, indices));
            if let Some(training) = training.filter(|training| training.noise > 0.0) {
                add_noise(ws, &block, indices, training.rng, training.noise);
            }
            self.forward_rows(ws, worker, &block, rng, &stop);
            if !matches!(samples.y, Targets::None) {
                self.backward_rows(ws, worker, &block, &stop);
            }
        }
    }

    /// Run a pass over the samples, chunk by chunk, and call `see` for each.
    pub(crate) fn chunks(
        &self,
        samples: &Samples<T>,
        keep_z: bool,
        mut see: impl FnMut(&Workspace<T>, Range<usize>),
    ) -> Result<(), Error> {
        self.check(samples)?;
        let m = samples.len();
        let threads = Self::threads_for(self.step_work(m.min(CHUNK)), m);
        let weighted = samples.weights.is_some();
        let ws = Workspace::training(&self.layers, m, threads, keep_z)?.weighted(weighted)?;
        for start in (0..m).step_by(CHUNK) {
            if start > 0 && is_interrupted() {
                return Ok(());
            }
            let chunk = start..(start + CHUNK).min(m);
            pool::run(threads, |worker| {
                self.rows(&ws, samples, &worker, chunk.len(), RowIndices::From(start), None);
            });
            if self.failures.any() {
                return Ok(());
            }
            see(&ws, chunk);
        }
        Ok(())
    }
}
