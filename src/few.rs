//! A pass of few rows through large layers: the workers share a layer's panels instead of its rows.
//!
//! Were the rows shared, each worker would read all weights for a few rows. So each reads its own
//! part of them, for all rows, and all meet after each layer. Every element is the same chain.

use crate::network::Network;
use crate::pool::{Share, Worker};
use crate::real::Real;
use crate::samples::{Chosen, Gather, Samples};
use crate::workspace::Workspace;

/// Rows up to which it is worth while.
const MOST_ROWS: usize = 16;

/// Floating-point operations of a step from which it is worth while: those of some meetings.
const LEAST_WORK: usize = 700_000;

/// Whether these are few.
pub fn is_few(rows: usize) -> bool {
    rows < MOST_ROWS
}

impl<T: Real> Network<T> {
    /// Whether a step of so much work on so many rows is one for this room.
    pub(crate) fn shares_panels(&self, work: usize, rows: usize) -> bool {
        let plain = self
            .layers
            .iter()
            .all(|layer| layer.own.is_none() && !layer.has_norm() && layer.options.dropout == 0.0);
        is_few(rows) && work >= LEAST_WORK && plain && self.own_cost.is_none()
    }

    /// Phase A, forward and back.
    pub(crate) fn few_rows(
        &self,
        ws: &Workspace<T>,
        samples: &Samples<T>,
        worker: &Worker,
        rows: usize,
        chosen: Chosen,
    ) {
        let (all, own) = (Worker::alone().share(rows), worker.share(rows));
        self.isa.run(Gather { samples, ws, rows: &own, chosen, batch: rows });
        worker.wait();
        self.forward_panels(ws, worker, &all, &own);
        self.output(ws, worker, &own);
        worker.wait();
        self.backward_panels(ws, worker, &all);
    }

    /// z and a of each layer, a worker's panels of all rows.
    fn forward_panels(&self, ws: &Workspace<T>, worker: &Worker, all: &Share, own: &Share) {
        for (l, layer) in self.layers.iter().enumerate() {
            let (z, a) = (ws.z[l].as_ref(), &ws.a[l + 1]);
            let panels = worker.share(layer.w.panels()).range();
            layer.forward(self.isa, &ws.a[l], (z, None), a, (all, panels));
            worker.wait();
            let scratch = ws.scratch(&self.layers, worker.index);
            layer.activate_rows(self.isa, z, a, scratch, own);
        }
    }

    /// δ of each layer before the last, a worker's panels of all rows.
    fn backward_panels(&self, ws: &Workspace<T>, worker: &Worker, all: &Share) {
        for l in (1..self.layers.len()).rev() {
            let z_prev = ws.z[l - 1].as_ref().unwrap_or(&ws.a[l]);
            let before = (&self.layers[l - 1], z_prev, &ws.a[l]);
            let (delta, below) = (&ws.delta[l], &ws.delta[l - 1]);
            let panels = worker.share(below.panels()).range();
            self.layers[l].backward(self.isa, delta, before, None, below, (all, panels));
            if l > 1 {
                worker.wait();
            }
        }
    }
}
