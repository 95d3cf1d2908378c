//! A step in two halves, for batches whose rows are on several machines: the sums of a gradient
//! over some of the rows, and the update by the sums over all of them.
//!
//! The sum over a batch is the tree of [`crate::network::pairwise`]. Each machine computes whole
//! subtrees; adding them in the order of the tree gives the bits of a single machine.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::Buffer;
use crate::machine::pool::{self, Worker};
use crate::machine::real::Real;
use crate::network::network::Network;
use crate::network::pairwise::{GradientTree, Tree, tree_sum};
use crate::network::parameters::{Part, parameters};
use crate::network::pass::Training;
use crate::network::samples::{RngContext, RowIndices, Samples, Targets};
use crate::network::workspace::{CHUNK, Workspace};
use crate::step::gradient::{GradientSink, WeightGradient};
use crate::step::groups::Updates;
use crate::step::parameter_norms::ParameterNorms;
use crate::step::run::Run;
use crate::step::settings::{Position, Reason, Settings, Sum};

/// The sums of the gradients of the weights, biases, gains, shifts, factors of the inputs,
/// parameters of their embeddings and alphas of one layer, in the layout of the core.
pub type LayerSum<'a, T> = [&'a [T]; Part::ALL.len()];

impl<T: Real> Network<T> {
    /// Return the length of the summed gradient of each layer.
    pub fn sum_lengths(&self) -> Vec<usize> {
        let lengths = |layer| parameters(std::slice::from_ref(layer)).map(Buffer::len).sum();
        self.layers.iter().map(lengths).collect()
    }

    /// Return the sums of costs and weights of consecutive parts of the samples, which belong to
    /// the step at a position in an epoch of so many steps, and call
    /// `see(part, layer, sums)` for those of the gradient, the last layer of a part first.
    ///
    /// Earlier layers of the last part are computed after the call for the later ones.
    pub fn sum_gradient(
        &mut self,
        samples: &Samples<T>,
        settings: &Settings,
        (at, steps): (&Position, usize),
        parts: &[usize],
        mut see: impl FnMut(usize, usize, LayerSum<T>),
    ) -> Result<Vec<Sum>, Error> {
        self.check(samples)?;
        let rng = settings.rng(at, steps);
        let longest = parts.iter().copied().max().unwrap_or(0);
        let sums = self.shared_tree(longest.div_ceil(CHUNK))?;
        let threads = self.threads_of(longest.min(CHUNK));
        let ws = self.training_workspace(longest, threads, samples.weights.is_some())?;
        let mut start = 0;
        let mut part_sums = Vec::with_capacity(parts.len());
        for (number, &rows) in parts.iter().enumerate() {
            let chunks = rows.div_ceil(CHUNK);
            let (mut costs, mut weights) = (Tree::new(), Tree::new());
            for c in 0..chunks {
                let chunk = start + c * CHUNK..(start + (c + 1) * CHUNK).min(start + rows);
                let sum = self.chunk_sums(&ws, samples, settings, rng, &chunk);
                costs.push(sum.cost);
                weights.push(sum.weight);
                for l in (0..self.layers.len()).rev() {
                    self.layer_gradient(&ws, &sums, chunk.len(), l, c, chunks);
                    if c + 1 == chunks {
                        let mut total = sums.total.of_layers(l..l + 1).map(Buffer::as_slice);
                        let next = |_| total.next().expect("a buffer for each part");
                        see(number, l, std::array::from_fn(next));
                    }
                }
            }
            part_sums.push(Sum { cost: costs.total(), weight: weights.total() });
            start += rows;
        }
        self.training = Some(ws);
        self.shared = Some(sums);
        Ok(part_sums)
    }

    /// Update by the sums over all `rows` samples of a step, with `gradient` as from
    /// [`Self::sum_gradient`]. Return the sums, including penalties in the costs, or the reason why
    /// no update was made.
    pub fn apply_gradient(
        &mut self,
        gradient: &[&[T]],
        sum: Sum,
        rows: usize,
        settings: &Settings,
        at: Position,
        steps: usize,
    ) -> Result<Result<Sum, Reason>, Error> {
        let (norms, sums) = (ParameterNorms::new(&self.layers)?, self.shared_tree(1)?);
        let ws = Workspace::forward(&self.layers, 0, 1)?;
        for (l, numbers) in gradient.iter().enumerate() {
            let mut rest = *numbers;
            for buffer in sums.total.of_layers(l..l + 1) {
                let (own, others) = rest.split_at(buffer.len());
                // SAFETY: the whole buffer; nobody else uses it before the workers below start.
                unsafe { buffer.slice_mut_unchecked(0, buffer.len()) }.copy_from_slice(own);
                rest = others;
            }
        }
        self.prepare_average(settings)?;
        let rule = self.optimizer.rule;
        let mut clock = self.optimizer.clock;
        clock.tick(rule);
        let updates = settings.updates(rule, &clock, &at, steps, None);
        let none = Samples { x: &[], y: Targets::None, weights: None, n_in: self.n_in() };
        let run = Run::new(self, &none, settings, ws, norms, Some(sums));
        let outcome = std::sync::Mutex::new(Ok(sum));
        pool::run(Self::threads_for(self.update_work(), CHUNK), |worker| {
            let result = run.update_from_sums(&worker, &sum, rows, updates.clone());
            if worker.index == 0 {
                *outcome.lock().unwrap() = result;
            }
        });
        let Run { sums, .. } = run;
        self.shared = sums;
        let outcome = outcome.into_inner().unwrap();
        if outcome.is_ok() {
            self.optimizer.clock = clock;
        }
        Ok(outcome)
    }

    /// Run phase A for some samples.
    fn chunk_sums(
        &self,
        ws: &Workspace<T>,
        samples: &Samples<T>,
        settings: &Settings,
        rng: RngContext,
        chunk: &Range<usize>,
    ) -> Sum {
        let rows = chunk.len();
        let training = Training { rng, noise: settings.input_noise, should_stop: &|_| false };
        pool::run(self.threads_of(rows), |worker| {
            let indices = RowIndices::From(chunk.start);
            self.rows(ws, samples, &worker, rows, indices, Some(&training));
        });
        let weights = ws.weights.as_ref();
        Sum {
            cost: tree_sum(&ws.costs.as_slice()[..rows]),
            weight: weights.map_or(rows as f64, |weights| tree_sum(&weights.as_slice()[..rows])),
        }
    }

    /// Run phase B for one layer and add it to the sum of the earlier chunks.
    fn layer_gradient(
        &self,
        ws: &Workspace<T>,
        sums: &GradientTree<T>,
        rows: usize,
        l: usize,
        c: usize,
        chunks: usize,
    ) {
        let tiles = self.tiles.of_layer(l);
        pool::run(self.threads_of(rows), |worker| {
            let own = &tiles[worker.share(tiles.len()).range()];
            self.isa.run(WeightGradient {
                layers: &self.layers,
                ws,
                inputs: &ws.a[0],
                rows,
                scale: T::ONE,
                tiles: own,
                sink: GradientSink::Store(&sums.total),
                prefetch: None,
            });
            worker.wait();
            sums.merge(&worker, l..l + 1, c, chunks);
        });
    }

    fn threads_of(&self, rows: usize) -> usize {
        Self::threads_for(self.step_work(rows), rows)
    }

    /// Return the floating-point operations of an update: a few for each parameter.
    fn update_work(&self) -> usize {
        8 * self.sum_lengths().iter().sum::<usize>()
    }

    fn shared_tree(&mut self, chunks: usize) -> Result<GradientTree<T>, Error> {
        match self.shared.take() {
            Some(sums) if sums.fits(chunks) => Ok(sums),
            _ => GradientTree::new(&self.layers, chunks.max(1)),
        }
    }
}

impl<T: Real> Run<'_, T> {
    /// Update by the gradient in `sums`, which comes from elsewhere.
    fn update_from_sums(
        &self,
        worker: &Worker,
        sum: &Sum,
        rows: usize,
        mut updates: Updates<T>,
    ) -> Result<Sum, Reason> {
        if self.settings.penalty_in_cost > 0.0 {
            self.norms.sum_penalties(worker, &self.network.layers);
            worker.wait();
        }
        self.update(worker, sum, rows, &[], None, &mut updates)
    }
}
