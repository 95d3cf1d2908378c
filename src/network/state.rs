//! The state of a training besides its settings and its data: with it, training resumes exactly.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ndarray::{Array1, Array2};

use crate::error::Error;
use crate::machine::finite::first_non_finite;
use crate::machine::kernel::Buffer;
use crate::machine::memory;
use crate::machine::pool;
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::network::{Network, SpareBuffers, matrix};
use crate::network::parameters::{Gradient, Part};
use crate::tables::optimizer::Clock;

/// Parameters and moments, by names such as `weights.1` and `optimizer.mean.weights.1`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State<T> {
    /// Each `(n_out, n_in)`.
    pub matrices: BTreeMap<String, Array2<T>>,
    /// Each `(n_out,)`.
    pub vectors: BTreeMap<String, Array1<T>>,
    pub updates: u64,
    pub momentum_product: f64,
}

impl<T: Real> Network<T> {
    /// Return the state.
    pub fn state(&self) -> Result<State<T>, Error> {
        let clock = self.optimizer.clock;
        let (updates, momentum_product) = (clock.t, clock.momentum_product);
        let mut state = State {
            matrices: BTreeMap::new(),
            vectors: BTreeMap::new(),
            updates,
            momentum_product,
        };
        let mut copied = Ok(());
        self.each_buffer(|name, layer, w, vectors| {
            let l = layer + 1;
            let layer = &self.layers[layer];
            let mut copy = || -> Result<(), Error> {
                state.matrices.insert(format!("{name}weights.{l}"), rows(layer, w)?);
                for (part, n, vector) in present(layer, vectors) {
                    let vector = memory::copy(&vector.as_slice()[..n])?;
                    state.vectors.insert(format!("{name}{part}.{l}"), vector.into());
                }
                Ok(())
            };
            if copied.is_ok() {
                copied = copy();
            }
        });
        copied.map(|()| state)
    }

    /// Restore what [`Self::state`] returned for a network and an optimizer like these.
    pub fn set_state(&mut self, state: &State<T>) -> Result<(), Error> {
        let averaged = state.matrices.contains_key("averaged.weights.1");
        let averaged = averaged.then(|| Gradient::zeros(&self.layers)).transpose()?;
        let before = std::mem::replace(&mut self.averaged, averaged);
        let mut missing = None;
        self.each_buffer(|name, l, _, vectors| {
            let layer = &self.layers[l];
            let weights = format!("{name}weights.{}", l + 1);
            let matrix = state.matrices.get(&weights).map(Array2::dim);
            if matrix != Some((layer.n_out, layer.n_in)) {
                missing.get_or_insert(weights);
            }
            for (part, n, _) in present(layer, vectors) {
                let vector = format!("{name}{part}.{}", l + 1);
                if state.vectors.get(&vector).map(Array1::len) != Some(n) {
                    missing.get_or_insert(vector);
                }
            }
        });
        if let Some(name) = missing {
            self.averaged = before;
            return Err(Error::State { name });
        }
        self.each_buffer(|name, l, w, vectors| {
            let layer = &self.layers[l];
            // SAFETY (here and below): the network is borrowed mutably, and the buffers are
            // different.
            let values = unsafe { w.slice_mut_unchecked(0, w.len()) };
            for ((j, k), value) in
                state.matrices[&format!("{name}weights.{}", l + 1)].indexed_iter()
            {
                values[layer.w.at(k, j)] = *value;
            }
            for (part, n, vector) in present(layer, vectors) {
                let given = state.vectors[&format!("{name}{part}.{}", l + 1)].iter();
                let values = unsafe { vector.slice_mut_unchecked(0, n) }.iter_mut();
                values.zip(given).for_each(|(to, given)| *to = *given);
            }
        });
        self.layers.iter_mut().for_each(Layer::copy_all_back);
        self.optimizer.clock = Clock { t: state.updates, momentum_product: state.momentum_product };
        Ok(())
    }

    /// Copy the state in the layout of the core; None if `should_stop` returns true, which is asked
    /// now and then because the system may be slow to provide memory.
    pub fn snapshot(
        &self,
        should_stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Snapshot<T>>, Error> {
        let (averaged, clock) = (self.averaged.is_some(), self.optimizer.clock);
        let buffers = self.spare_buffers()?;
        let copied = Snapshot { buffers, averaged, clock, spare: self.spare.clone() };
        Ok(copy(&self.buffers(), &copied.buffers(), should_stop).then_some(copied))
    }

    /// Return the memory of the last dropped snapshot if it fits, and new memory otherwise.
    fn spare_buffers(&self) -> Result<Vec<Buffer<T>>, Error> {
        let spare = std::mem::take(&mut *self.spare.lock().unwrap());
        let buffers = self.buffers();
        if lengths(&buffers) == lengths(&spare.iter().collect::<Vec<_>>()) {
            return Ok(spare);
        }
        drop(spare); // before new memory is allocated
        buffers.iter().map(|from| Buffer::zeros(from.len())).collect()
    }

    /// Restore a snapshot of this network, with the optimizer of that time.
    pub fn restore(&mut self, to: &Snapshot<T>) -> Result<(), Error> {
        let before = self.averaged.is_some();
        let averaged = self.averaged.take_if(|_| !to.averaged);
        if to.averaged && !before {
            self.averaged = Some(Gradient::zeros(&self.layers)?);
        }
        if lengths(&self.buffers()) != lengths(&to.buffers()) {
            self.averaged = self.averaged.take_if(|_| before).or(averaged);
            return Err(Error::State { name: "snapshot".into() });
        }
        copy(&to.buffers(), &self.buffers(), &|| false);
        self.layers.iter_mut().for_each(Layer::copy_all_back);
        self.optimizer.clock = to.clock;
        Ok(())
    }

    fn buffers(&self) -> Vec<&Buffer<T>> {
        let mut buffers = Vec::new();
        self.each_buffer(|_, _, w, vectors| buffers.extend([w].into_iter().chain(vectors)));
        buffers
    }

    /// Call `see` for the parameters, the moments and the average, layer by layer: packed weights,
    /// then the vectors in the order of [`Part::VECTORS`].
    fn each_buffer<'a>(&'a self, mut see: impl FnMut(&str, usize, &'a Buffer<T>, Vectors<'a, T>)) {
        for (l, layer) in self.layers.iter().enumerate() {
            let moments = &self.optimizer.moments[l];
            see("", l, &layer.w.values, Part::VECTORS.map(|part| part.of(layer, moments).0));
            for (i, name) in self.optimizer.rule.memory().iter().enumerate() {
                let vectors = Part::VECTORS.map(|part| &part.of(layer, moments).1[i]);
                see(&format!("optimizer.{name}."), l, &moments.w[i], vectors);
            }
            if let Some(averaged) = &self.averaged {
                let vectors = Part::VECTORS.map(|part| part.of_gradient(averaged, l));
                see("averaged.", l, &averaged.w[l].values, vectors);
            }
        }
    }
}

/// The vectors of a layer, in the order of [`Part::VECTORS`].
type Vectors<'a, T> = [&'a Buffer<T>; Part::VECTORS.len()];

/// The state of one network in the layout of the core: quick to take and to restore.
pub struct Snapshot<T> {
    buffers: Vec<Buffer<T>>,
    averaged: bool,
    clock: Clock,
    spare: SpareBuffers<T>,
}

impl<T> Drop for Snapshot<T> {
    fn drop(&mut self) {
        if let Ok(mut spare) = self.spare.lock() {
            *spare = std::mem::take(&mut self.buffers);
        }
    }
}

impl<T: Real> Snapshot<T> {
    fn buffers(&self) -> Vec<&Buffer<T>> {
        self.buffers.iter().collect()
    }

    /// Return true if no number is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        self.buffers.iter().all(|buffer| first_non_finite(buffer.as_slice()).is_none())
    }
}

fn lengths<T: Real>(buffers: &[&Buffer<T>]) -> Vec<usize> {
    buffers.iter().map(|buffer| buffer.len()).collect()
}

/// Numbers that one thread copies faster than two threads synchronize.
const FEW_NUMBERS: usize = 100_000;

/// Numbers that are copied between two questions whether to stop.
const PIECE: usize = 1 << 20;

/// Copy buffers into others of the same lengths until `should_stop` returns true; return true if
/// all are copied.
fn copy<T: Real>(
    from: &[&Buffer<T>],
    to: &[&Buffer<T>],
    should_stop: &(dyn Fn() -> bool + Sync),
) -> bool {
    let stopped = AtomicBool::new(false);
    let numbers: usize = from.iter().map(|buffer| buffer.len()).sum();
    pool::run(if numbers > FEW_NUMBERS { pool::threads() } else { 1 }, |worker| {
        for (from, to) in from.iter().zip(to) {
            let share = worker.share(from.len());
            for piece in share.blocks(PIECE) {
                if worker.index == 0 && piece.start() > share.start() && should_stop() {
                    stopped.store(true, Relaxed);
                }
                if stopped.load(Relaxed) {
                    return;
                }
                let numbers = &from.as_slice()[piece.range()];
                // SAFETY: a piece of this worker's share of a buffer of the length of `from`.
                unsafe { to.slice_mut_unchecked(piece.start(), piece.len()) }
                    .copy_from_slice(numbers);
            }
        }
    });
    !stopped.into_inner()
}

/// Return the vectors that a layer has, with their names and their lengths without padding.
fn present<'a, T: Real>(
    layer: &'a Layer<T>,
    vectors: Vectors<'a, T>,
) -> impl Iterator<Item = (&'static str, usize, &'a Buffer<T>)> {
    let length = |part| match part {
        Part::Scales => layer.n_in,
        Part::Embeddings => layer.n_embedding_parameters(),
        _ => layer.n_out,
    };
    let named = Part::VECTORS.into_iter().zip(vectors).filter(|(_, vector)| !vector.is_empty());
    named.map(move |(part, vector)| (part.name(), length(part), vector))
}

/// Return an array in the layout of a layer's packed weights as `(n_out, n_in)`.
fn rows<T: Real>(layer: &Layer<T>, packed: &Buffer<T>) -> Result<Array2<T>, Error> {
    let (rows, values) = (0..layer.n_out, packed.as_slice());
    let numbers = rows.flat_map(|j| (0..layer.n_in).map(move |k| values[layer.w.at(k, j)]));
    let numbers = memory::collect(numbers, layer.n_out * layer.n_in)?;
    Ok(matrix(layer.n_out, layer.n_in, numbers))
}
