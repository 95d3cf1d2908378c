//! Divides a step among workers: usually by its rows, sometimes by the panels of its layers.
//!
//! By rows, every worker reads all weights, and the others read what it has written of the samples,
//! of a and of δ: moving a line from one core to another costs as much as some hundred operations.
//! By panels, a worker has its own part of the weights, which no other reads, and its own copy of
//! the samples; only a is exchanged, with a barrier after each such layer. Every element is the
//! same chain.

use std::ops::Range;

use crate::machine::kernel::Panels;
use crate::machine::pool::{Share, Worker};
use crate::machine::real::Real;
use crate::network::layer::{Layer, Outputs, Previous, Region};
use crate::network::network::Network;
use crate::network::samples::{Gather, RowIndices, Samples};
use crate::network::tiles::Tile;
use crate::network::workspace::{CHUNK, Workspace};

/// Rows below which panels are shared even if unevenly: each worker would read all weights for a
/// few rows.
const FEW_ROWS: usize = 16;

/// The most bytes of samples that each worker copies, in total and for each neuron of the first
/// layer: a copy costs time and cache, which the products must outweigh.
const COPIED_BYTES: usize = 2 << 20;
const COPIED_BYTES_PER_NEURON: usize = 4096;

/// Floating-point operations of a step that is shared by panels: more than its barriers cost, and
/// less than Ctrl-C may wait for, because no worker can stop before the last barrier.
const SHARED_WORK: Range<u64> = 700_000..10_000_000_000;

/// The largest share of a worker relative to an even one: nine eighths.
const MAX_IMBALANCE: (usize, usize) = (9, 8);

/// Return true if there are few rows.
pub fn is_few(rows: usize) -> bool {
    rows < FEW_ROWS
}

/// One worker's part of a step.
pub(crate) struct WorkPlan {
    /// Its panels of each layer; None for a layer whose rows are shared.
    panels: Vec<Option<Range<usize>>>,
    /// Its tiles of all weights.
    pub tiles: Vec<Tile>,
}

/// All rows of a batch, and those of one worker.
struct Rows<'a> {
    all: &'a Share,
    own: &'a Share,
}

impl WorkPlan {
    /// Return true if the panels of layer `l` (from 0) are shared.
    fn by_panels(&self, l: usize) -> bool {
        self.panels.get(l).is_some_and(Option::is_some)
    }

    /// Return its part of layer `l`, which has `panels` panels: its panels of all rows, or all
    /// panels of its own rows.
    fn part<'a>(&self, l: usize, panels: usize, rows: &Rows<'a>) -> Region<'a> {
        match &self.panels[l] {
            Some(panels) => Region { rows: rows.all, panels: panels.clone() },
            None => Region { rows: rows.own, panels: 0..panels },
        }
    }
}

impl<T: Real> Network<T> {
    /// Return true if a step of this much work on this many rows is shared by panels.
    pub(crate) fn shares_panels(&self, work: usize, rows: usize, threads: usize) -> bool {
        let plain =
            self.layers.iter().all(|layer| layer.is_basic() && layer.options.dropout == 0.0);
        let fits = !self.large && rows <= CHUNK && self.saves_traffic(rows);
        plain
            && (fits || is_few(rows))
            && threads > 1
            && SHARED_WORK.contains(&(work as u64))
            && self.custom_cost.is_none()
            && self.layer_by_panels(0, rows, threads)
    }

    /// Return true if sharing the panels of the first layer moves less data between cores,
    /// including the copies.
    ///
    /// Its weights, the samples and half of its δ then stay in place; half of the next layer's δ is
    /// exchanged instead.
    fn saves_traffic(&self, rows: usize) -> bool {
        let Layer { n_in, n_out, .. } = self.layers[0];
        let next = self.layers.get(1).map_or(n_out, |layer| layer.n_out);
        let copied = rows * n_in * size_of::<T>();
        copied <= COPIED_BYTES.min(n_out * COPIED_BYTES_PER_NEURON)
            && n_in * n_out + rows * (n_in + n_out / 2) > rows * next / 2
    }

    /// Return true if the panels of layer `l` (from 0) should be shared: there are enough, and the
    /// weights are larger than a.
    fn layer_by_panels(&self, l: usize, rows: usize, threads: usize) -> bool {
        let Layer { n_in, w, .. } = &self.layers[l];
        if w.panels() < 2 || l > 0 && *n_in < rows {
            return false;
        }
        let (max, even) = MAX_IMBALANCE;
        let totals = panel_totals(&self.layers[l]);
        let total = |end: usize| if end == 0 { 0 } else { totals[end - 1] };
        let work = |index| {
            let own = Worker::numbered(index, threads).weighted_share(&totals).range();
            total(own.end) - total(own.start)
        };
        is_few(rows) || (0..threads).all(|i| work(i) * even * threads <= total(w.panels()) * max)
    }

    /// Return a worker's part of steps on this many rows.
    pub(crate) fn plan(&self, worker: &Worker, rows: usize, by_panels: bool) -> WorkPlan {
        if !by_panels {
            return WorkPlan { panels: Vec::new(), tiles: self.tiles.share(worker).to_vec() };
        }
        let mut plan = WorkPlan { panels: Vec::new(), tiles: Vec::new() };
        for (l, layer) in self.layers.iter().enumerate() {
            let panels = self
                .layer_by_panels(l, rows, worker.count)
                .then(|| worker.weighted_share(&panel_totals(layer)).range());
            let all = self.tiles.of_layer(l);
            let inputs = l.checked_sub(1).and_then(|before| plan.panels[before].as_ref());
            match (&panels, inputs) {
                (Some(panels), _) => {
                    plan.tiles.extend(all.iter().filter(|tile| panels.contains(&tile.p)));
                }
                // The inputs are already here; δ of fewer outputs has to be fetched.
                (None, Some(inputs)) if layer.n_out < layer.n_in => {
                    plan.tiles.extend(all.iter().filter(|tile| inputs.contains(&tile.q)));
                }
                _ => plan.tiles.extend(&all[worker.share(all.len()).range()]),
            }
            plan.panels.push(panels);
        }
        plan
    }

    /// Run phase A, forward and backward, if panels are shared.
    pub(crate) fn panel_rows(
        &self,
        ws: &Workspace<T>,
        samples: &Samples<T>,
        worker: &Worker,
        plan: &WorkPlan,
        rows: usize,
        indices: RowIndices,
    ) {
        let (all, own) = (Worker::alone().share(rows), worker.share(rows));
        let inputs = ws.inputs(worker, true);
        let (rows, targets) = (&all, &own);
        let (end, failures) = (all.len(), &*self.failures);
        self.isa.run(Gather { samples, ws, inputs, rows, targets, indices, end, failures });
        let rows = Rows { all: &all, own: &own };
        self.forward_panels(ws, worker, plan, inputs, &rows);
        self.output(ws, worker, &own);
        self.backward_panels(ws, worker, plan, &rows);
    }

    /// Compute a worker's part of z and a of each layer.
    fn forward_panels(
        &self,
        ws: &Workspace<T>,
        worker: &Worker,
        plan: &WorkPlan,
        inputs: &Panels<T>,
        rows: &Rows,
    ) {
        for (l, layer) in self.layers.iter().enumerate() {
            let (z, a) = (ws.z[l].as_ref(), &ws.a[l + 1]);
            let part = plan.part(l, layer.w.panels(), rows);
            let before = if l == 0 { inputs } else { &ws.a[l] };
            layer.forward(
                self.isa,
                before,
                &Outputs { z, norm: None, sigma: None, a },
                part,
                &|| false,
            );
            if plan.by_panels(l) || plan.by_panels(l + 1) {
                worker.wait();
            }
            // SAFETY: this worker's buffer; no other code of the layer uses it.
            let scratch = unsafe { ws.scratch(&self.layers, worker.index) };
            layer.activate_rows(self.isa, z, a, scratch, rows.own);
        }
    }

    /// Compute a worker's part of δ of each layer before the last.
    fn backward_panels(&self, ws: &Workspace<T>, worker: &Worker, plan: &WorkPlan, rows: &Rows) {
        let last = self.layers.len() - 1;
        for l in (1..=last).rev() {
            let z_prev = ws.z[l - 1].as_ref().unwrap_or(&ws.a[l]);
            let previous = Previous {
                layer: &self.layers[l - 1],
                z: z_prev,
                a: &ws.a[l],
                mask: None,
                parametric: None,
                delta: &ws.delta[l - 1],
            };
            let part = plan.part(l - 1, previous.delta.panels(), rows);
            // δ of the output is always computed by rows.
            if plan.by_panels(l - 1) || l < last && plan.by_panels(l) {
                worker.wait();
            }
            self.layers[l].backward(self.isa, &ws.delta[l], &previous, part, &|| false);
        }
    }
}

/// Return the running total of the work in the panels of a layer.
fn panel_totals<T: Real>(layer: &Layer<T>) -> Vec<usize> {
    let widths = (0..layer.w.panels()).map(|p| layer.w.width(p).max(T::LINE / 2));
    widths
        .scan(0, |total, width| {
            *total += width;
            Some(*total)
        })
        .collect()
}

#[cfg(all(test, not(mutants)))] // mutants need not wait for these either
mod tests {
    use super::*;
    use crate::{Activation, Cost};

    /// Networks whose layers are shared in all ways, with the layers whose panels three workers
    /// share.
    const CASES: [(&[usize], usize, &[usize]); 5] = [
        (&[300, 96, 10], 40, &[0]),
        (&[300, 96, 96, 10], 40, &[0, 1]),
        (&[300, 96, 48, 200], 80, &[0, 1]), // the last has more outputs than inputs and too many rows
        (&[300, 48, 48], 15, &[0, 1]),
        (&[300, 40, 5], 15, &[0]),
    ];

    fn network(sizes: &[usize]) -> Network<f32> {
        let activations = vec![Activation::Sigmoid; sizes.len() - 1];
        Network::new(sizes, &activations, Cost::from_text("squared_error").unwrap()).unwrap()
    }

    #[test]
    fn every_block_and_every_panel_goes_to_one_worker() {
        for (sizes, rows, shared) in CASES {
            let net = network(sizes);
            for threads in [1, 2, 3, 5] {
                for by_panels in [false, true] {
                    let workers = (0..threads).map(|index| Worker::numbered(index, threads));
                    let plans: Vec<_> =
                        workers.map(|worker| net.plan(&worker, rows, by_panels)).collect();
                    let place = |tile: &Tile| (tile.layer, tile.p, tile.q);
                    let mut assigned: Vec<_> =
                        plans.iter().flat_map(|own| own.tiles.iter().map(place)).collect();
                    let mut all: Vec<_> = net.tiles.tiles.iter().map(place).collect();
                    assigned.sort();
                    all.sort();
                    assert_eq!(assigned, all, "{sizes:?} on {threads} threads");
                }
                for l in (0..sizes.len() - 1).filter(|_| threads == 3) {
                    let own = (0..3).map(|i| net.plan(&Worker::numbered(i, 3), rows, true));
                    let own: Vec<_> = own.filter_map(|own| own.panels[l].clone()).collect();
                    let panels: Vec<usize> = own.into_iter().flatten().collect();
                    let expected = if shared.contains(&l) { net.layers[l].w.panels() } else { 0 };
                    assert_eq!(panels, (0..expected).collect::<Vec<_>>(), "layer {l} of {sizes:?}");
                }
            }
        }
    }

    #[test]
    fn panels_are_shared_where_that_spares_traffic() {
        let shared = |sizes: &[usize], rows, threads| {
            let net = network(sizes);
            net.shares_panels(net.step_work(rows), rows, threads)
        };
        assert!(shared(&[784, 128, 10], 128, 2));
        assert!(!shared(&[784, 128, 10], 128, 1), "alone");
        assert!(!shared(&[784, 128, 10], 200, 2), "copies of 4.9 kB a neuron");
        assert!(!shared(&[784, 16, 10], 128, 2), "one panel");
        assert!(!shared(&[784, 48, 10], 32, 2), "three panels for two");
        assert!(shared(&[784, 48, 10], 15, 2), "but not for a few rows");
        assert!(!shared(&[13, 64, 129], 200, 2), "δ of 129 outputs for weights of 13 inputs");
        assert!(!shared(&[20, 32, 5], 20, 2), "little work");
        assert!(!shared(&[1500, 4000, 1000], 256, 2), "too much to wait for");
    }
}
