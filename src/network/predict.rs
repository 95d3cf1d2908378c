//! Forward passes over arrays: predictions, activations and costs.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ndarray::{Array2, ArrayView2};

use crate::error::Error;
use crate::machine::finite::first_non_finite;
use crate::machine::interrupt::is_interrupted;
use crate::machine::kernel::{Panels, Rows};
use crate::machine::memory;
use crate::machine::pool;
use crate::machine::real::Real;
use crate::network::network::{Network, ROW_BLOCK, zeros};
use crate::network::pairwise::tree_sum;
use crate::network::samples::{Gather, RowIndices, Samples, Targets};
use crate::network::workspace::Workspace;

impl<T: Real> Network<T> {
    /// Write the activations of the output layer for the rows of `x` to `out`, `(m, n_L)`.
    ///
    /// Both are row by row; the result of a row does not depend on other rows. Returns true if all
    /// of `x` is finite; otherwise `out` is undefined.
    ///
    /// # Panics
    ///
    /// If `x` does not consist of whole rows, or `out` has another number of rows.
    pub fn predict_into(&self, x: &[T], out: &mut [T]) -> Result<bool, Error> {
        let (n_in, n_out) = (self.n_in(), self.n_out());
        let m = x.len() / n_in;
        assert!(x.len() == m * n_in && out.len() == m * n_out, "x and out must have as many rows");
        let threads = Self::threads_for(m.saturating_mul(self.forward_work()), m);
        let block = m.div_ceil(threads).clamp(1, ROW_BLOCK);
        let rows_at_once = block * threads;
        let buffers = || self.forward.lock().unwrap_or_else(PoisonError::into_inner);
        let ws = buffers().take();
        let ws = match ws {
            Some(ws) if ws.rows() >= rows_at_once && ws.threads() >= threads => ws,
            _ => Workspace::forward(&self.layers, rows_at_once, threads)?,
        };
        let (all, out) =
            (Samples { x, y: Targets::None, weights: None, n_in }, Rows::new(out, n_out));
        let (finite, stopped) = (AtomicBool::new(true), AtomicBool::new(false));
        // Only the calling thread is asked; the others read its answer.
        let stop = || {
            if is_interrupted() {
                stopped.store(true, Relaxed);
            }
            stopped.load(Relaxed)
        };
        pool::run(threads, |worker| {
            let (slot, share) = (worker.slot(block), worker.share(m));
            for samples in share.blocks(block) {
                if samples.start() > share.start() && stop() {
                    break;
                }
                let rows = slot.first(samples.len());
                let within = samples.start() * n_in..samples.range().end * n_in;
                if first_non_finite(&x[within]).is_some() {
                    finite.store(false, Relaxed);
                    break;
                }
                let indices = RowIndices::From(samples.start().wrapping_sub(rows.start()));
                self.isa.run(Gather {
                    samples: &all,
                    ws: &ws,
                    inputs: ws.samples(),
                    rows: &rows,
                    targets: &rows,
                    indices,
                    end: rows.range().end,
                    failures: &self.failures,
                });
                self.forward_rows(&ws, &worker, &rows, None, &|| self.large && stop());
                if self.failures.any() {
                    break;
                }
                for (row, sample) in rows.range().zip(samples.range()) {
                    // SAFETY: the sample belongs to this worker's share.
                    ws.a[self.layers.len()].copy_row(row, unsafe { out.row(sample) });
                }
            }
        });
        *buffers() = Some(ws);
        Ok(finite.into_inner())
    }

    /// [`Self::predict_into`] for array views.
    pub fn predict(&self, x: ArrayView2<T>) -> Result<Array2<T>, Error> {
        let mut out = zeros(x.nrows(), self.n_out())?;
        let x = x.as_standard_layout();
        self.predict_into(slice(&x.view()), out.as_slice_mut().expect("standard layout"))?;
        Ok(out)
    }

    /// Return [a_0, ..., a_L] for the rows of `x`.
    pub fn activations_of(&self, x: ArrayView2<T>) -> Result<Vec<Array2<T>>, Error> {
        let x = x.as_standard_layout();
        let x = x.view();
        let samples = Samples { x: slice(&x), y: Targets::None, weights: None, n_in: self.n_in() };
        let mut activations = self.empty(samples.len(), 0)?;
        self.chunks(&samples, false, |ws, chunk| {
            copy_panels(ws.activations(), &mut activations, chunk);
        })?;
        Ok(activations)
    }

    /// Return the inputs of the first layer before their factors for the rows of `x`: their
    /// embeddings, or `x`.
    pub fn embedded(&self, x: ArrayView2<T>) -> Result<Array2<T>, Error> {
        let x = x.as_standard_layout();
        let x = x.view();
        let samples = Samples { x: slice(&x), y: Targets::None, weights: None, n_in: self.n_in() };
        let mut embedded = zeros(samples.len(), self.layers[0].n_in)?;
        self.chunks(&samples, false, |ws, chunk| {
            let inputs =
                if self.layers[0].embeddings.is_some() { ws.embedded() } else { ws.samples() };
            copy_panels([inputs], std::slice::from_mut(&mut embedded), chunk);
        })?;
        Ok(embedded)
    }

    /// Return C_i of each sample, times its weight.
    pub fn costs(&self, samples: &Samples<T>) -> Result<Vec<T>, Error> {
        let mut costs = memory::with_capacity(samples.len())?;
        self.chunks(samples, false, |ws, chunk| {
            costs.extend_from_slice(&ws.costs.as_slice()[..chunk.len()]);
        })?;
        Ok(costs)
    }

    /// Return C, the average cost of the samples.
    pub fn mean_cost(&self, samples: &Samples<T>) -> Result<f64, Error> {
        Ok(mean(&self.costs(samples)?, samples.weights))
    }
}

/// Return Σ costs / Σ weights; the costs include their weights.
pub(crate) fn mean<T: Real>(costs: &[T], weights: Option<&[T]>) -> f64 {
    let weight = weights.map_or(costs.len() as f64, tree_sum);
    if weight == 0.0 { 0.0 } else { tree_sum(costs) / weight }
}

fn slice<'a, T>(array: &'a ArrayView2<T>) -> &'a [T] {
    array.as_slice().expect("standard layout")
}

/// Copy the first rows of each layer's panels into rows `chunk` of its array.
pub(crate) fn copy_panels<'a, T: Real>(
    panels: impl IntoIterator<Item = &'a Panels<T>>,
    arrays: &mut [Array2<T>],
    chunk: std::ops::Range<usize>,
) {
    for (panels, array) in panels.into_iter().zip(arrays) {
        for (row, i) in chunk.clone().enumerate() {
            panels.copy_row(row, array.row_mut(i).into_slice().expect("standard layout"));
        }
    }
}
