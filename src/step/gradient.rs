//! Phase B of a step: the gradient of the weights, tile by tile, and the update that follows.

use crate::machine::kernel::{
    Buffer, Kernel, Outer, Panels, Simd, Sums, first, map_line, transpose, with_line,
    with_narrow_width, with_width,
};
use crate::machine::pool::{self, Share, Worker};
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::network::network::Network;
use crate::network::pairwise::GradientTree;
use crate::network::parameters::{Gradient, Part};
use crate::network::samples::Prefetch;
use crate::network::tiles::Tile;
use crate::network::workspace::Workspace;
use crate::step::groups::Updates;
use crate::step::rollback::Rollback;
use crate::tables::optimizer::{MOMENTS, Moments, Penalty, Update};

/// The destination of a block of the gradient.
#[derive(Clone, Copy)]
pub enum GradientSink<'a, T> {
    /// Update the parameters immediately, while the block is in the cache.
    Update { updates: &'a Updates<T>, moments: &'a [Moments<T>], rollback: Option<&'a Rollback<T>> },
    /// Store it.
    Store(&'a Gradient<T>),
}

/// ∂C/∂W = δᵀ a_prev / m and ∂C/∂b = mean δ, for the tiles of one worker.
///
/// Equation 13 of docs/derivation.md.
pub struct WeightGradient<'a, T> {
    pub layers: &'a [Layer<T>],
    pub ws: &'a Workspace<T>,
    /// a of layer 0.
    pub inputs: &'a Panels<T>,
    pub rows: usize,
    pub scale: T,
    pub tiles: &'a [Tile],
    pub sink: GradientSink<'a, T>,
    /// Samples to prefetch meanwhile.
    pub prefetch: Option<Prefetch<'a, T>>,
}

impl<T: Real> Kernel for WeightGradient<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let mut grad = Sums::new();
        let (mut tiles, mut prefetch) = (self.tiles, self.prefetch.take());
        let numbers = prefetch.as_ref().map_or(0, Prefetch::len);
        let per_tile = numbers.div_ceil(tiles.len().max(1));
        while let [tile, ..] = tiles {
            let done = if tile.p < self.layers[tile.layer].w.whole_panels() {
                with_line!(self.next_tiles::<S, _>(tiles, &mut grad))
            } else {
                S::run_narrow(NarrowTile { gradient: &self, tile, grad: &mut grad });
                1
            };
            tiles = &tiles[done..];
            if let Some(prefetch) = &mut prefetch {
                prefetch.request::<S>(done * per_tile);
            }
        }
        for tiles in self.tiles.chunk_by(|tile, next| tile.layer == next.layer) {
            self.biases::<S>(tiles, &mut grad);
            self.inputs::<S>(tiles, &mut grad);
        }
    }
}

/// A tile whose panel of outputs is narrower than a line.
struct NarrowTile<'a, 'g, T> {
    gradient: &'a WeightGradient<'g, T>,
    tile: &'a Tile,
    grad: &'a mut Sums<T>,
}

impl<T: Real> Kernel for NarrowTile<'_, '_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { gradient, tile, grad } = self;
        let width = gradient.layers[tile.layer].w.width(tile.p);
        with_narrow_width!(width, gradient.narrow_block::<S, _>(tile, grad));
    }
}

/// Panels whose biases are summed together: an addition has a latency of about as many cycles.
const BIAS_PANELS: usize = 4;

impl<T: Real> WeightGradient<'_, T> {
    /// Compute the first of `tiles`, or several that are summed together; return their number.
    #[inline(always)]
    fn next_tiles<S: Simd, const N: usize>(&self, tiles: &[Tile], grad: &mut Sums<T>) -> usize {
        if const { S::PANELS == 2 }
            && let [tile, next, ..] = tiles
            && (next.layer, next.q, next.p) == (tile.layer, tile.q, tile.p + 1)
            && next.p < self.layers[tile.layer].w.whole_panels()
        {
            self.blocks::<S, N, 2>(tile, grad);
            return 2;
        }
        self.blocks::<S, N, 1>(&tiles[0], grad);
        1
    }

    #[inline(always)]
    fn narrow_block<S: Simd, const N: usize>(&self, tile: &Tile, grad: &mut Sums<T>) {
        self.blocks::<S, N, 1>(tile, grad);
    }

    /// Compute the gradient of the blocks of `P` neighboring tiles, and apply or store it.
    #[inline(always)]
    fn blocks<S: Simd, const N: usize, const P: usize>(
        &self,
        &Tile { layer, q, p }: &Tile,
        grad: &mut Sums<T>,
    ) {
        let n_in = T::LINE.min(self.layers[layer].n_in - q * T::LINE);
        (p..p + P).for_each(|p| self.prefetch::<S, N>(layer, q, n_in, p));
        self.outer(layer).block::<S, N, P>(q, p, n_in, grad);
        let blocks = grad.total.0[..P * T::LINE * N].chunks_exact_mut(T::LINE * N);
        for (i, grad) in blocks.enumerate() {
            self.apply_or_store::<S, N>(layer, q, n_in, p + i, &mut grad[..n_in * N]);
        }
    }

    /// Prefetch a block of weights, which its gradient will update.
    #[inline(always)]
    fn prefetch<S: Simd, const N: usize>(&self, layer: usize, q: usize, n_in: usize, p: usize) {
        let Layer { n_out, w, w_back, .. } = &self.layers[layer];
        let from = w.offset(p, q * T::LINE);
        // SAFETY (here and below): the block of a tile that this worker owns.
        S::prefetch(unsafe { w.values.slice_unchecked(from, n_in * N) });
        if let Some(back) = w_back {
            let (from, n_out) = (back.offset(q, p * T::LINE), N.min(n_out - p * T::LINE));
            S::prefetch(unsafe { back.values.slice_unchecked(from, n_out * back.width(q)) });
        }
        if let GradientSink::Update { rollback: Some(rollback), .. } = &self.sink {
            rollback.prefetch::<S>(layer, from, n_in * N);
        }
    }

    #[inline(always)]
    fn outer(&self, layer: usize) -> Outer<'_, T> {
        let left = if layer == 0 { self.inputs } else { self.ws.input(layer) };
        let delta = &self.ws.delta[layer];
        Outer { left, delta, rows: self.rows, scale: self.scale }
    }

    /// Apply or store the gradient of a block of weights.
    #[inline(always)]
    fn apply_or_store<S: Simd, const N: usize>(
        &self,
        layer: usize,
        q: usize,
        n_in: usize,
        p: usize,
        grad: &mut [T],
    ) {
        let Layer { n_out, w, w_back, options, .. } = &self.layers[layer];
        let from = w.offset(p, q * T::LINE);
        match &self.sink {
            GradientSink::Update { updates, moments, rollback } => {
                let update = updates.of(Part::Weights, layer);
                if let Some(rollback) = rollback {
                    rollback.keep(
                        layer,
                        Part::Weights,
                        &w.values,
                        &moments[layer].w,
                        from,
                        grad.len(),
                    );
                }
                // SAFETY (here and below): the block of a tile that this worker owns; weights,
                // moments and the transposed weights are different buffers.
                let w = unsafe { w.values.slice_mut_unchecked(from, grad.len()) };
                let moments = unsafe { moments_at(&moments[layer].w, from, grad.len()) };
                if !(update.is_plain() && options.is_plain()) {
                    update.prepare(w, grad, Some(&options.penalty));
                }
                update.apply::<S>(w, grad, moments);
                if let Some(back) = w_back {
                    let n_out = N.min(n_out - p * T::LINE);
                    unsafe { transpose::<T, S, N>(w, q, n_in, p, n_out, back) };
                }
            }
            GradientSink::Store(gradient) => {
                let to = &gradient.w[layer].values;
                // SAFETY: the block of a tile that this worker owns.
                unsafe { to.slice_mut_unchecked(from, grad.len()) }.copy_from_slice(grad);
            }
        }
    }

    /// Compute the biases, gains and shifts of the tiles of a layer: each panel belongs to its
    /// first tile.
    #[inline(always)]
    fn biases<S: Simd>(&self, tiles: &[Tile], grad: &mut Sums<T>) {
        let mut firsts = tiles.iter().filter(|tile| tile.q == 0);
        let Some(&Tile { layer, p: start, .. }) = firsts.next() else { return };
        let w = &self.layers[layer].w;
        let (mut p, end) = (start, start + 1 + firsts.count());
        while p < end {
            let whole = end.min(w.n / T::LINE).saturating_sub(p);
            p += with_width!(w.width(p), self.next_biases::<S, _>(layer, p, whole, grad));
        }
    }

    /// Compute those of panel p, or of several panels that are summed together; return their
    /// number.
    #[inline(always)]
    fn next_biases<S: Simd, const N: usize>(
        &self,
        layer: usize,
        p: usize,
        whole: usize,
        grad: &mut Sums<T>,
    ) -> usize {
        if const { N == T::LINE } && whole >= BIAS_PANELS {
            self.vectors::<S, N, BIAS_PANELS>(layer, p, grad);
            return BIAS_PANELS;
        }
        self.vectors::<S, N, 1>(layer, p, grad);
        1
    }

    /// Compute the biases of `P` panels from p on, and their gains and shifts.
    #[inline(always)]
    fn vectors<S: Simd, const N: usize, const P: usize>(
        &self,
        layer: usize,
        p: usize,
        grad: &mut Sums<T>,
    ) {
        let outer = self.outer(layer);
        outer.biases::<S, N, P>(p, grad);
        self.apply_or_store_vector::<S>(layer, Part::Biases, p, &mut grad.total.0[..P * N]);
        if let Some(norm_cache) = self.ws.norm_cache(layer) {
            for (part, delta) in [Part::Gains, Part::Shifts].into_iter().zip(&norm_cache.grads) {
                Outer { delta, ..outer }.biases::<S, N, P>(p, grad);
                self.apply_or_store_vector::<S>(layer, part, p, &mut grad.total.0[..P * N]);
            }
        }
        if let Some([_, delta]) = self.ws.parametric(layer) {
            Outer { delta, ..outer }.biases::<S, N, P>(p, grad);
            self.apply_or_store_vector::<S>(layer, Part::Alphas, p, &mut grad.total.0[..P * N]);
        }
    }

    /// Compute the factors of the inputs of the tiles of a layer, and the parameters of their
    /// embeddings: each line of inputs belongs to its first tile.
    #[inline(always)]
    fn inputs<S: Simd>(&self, tiles: &[Tile], grad: &mut Sums<T>) {
        let Some(input) = self.ws.input.as_ref().filter(|_| tiles[0].layer == 0) else { return };
        for tile in tiles.iter().filter(|tile| tile.p == 0) {
            if let Some(delta) = &input.scale {
                with_line!(self.next_line::<S, _>(Part::Scales, delta, tile.q, grad));
            }
            if let Some(delta) = &input.embedding {
                for line in self.layers[0].embedding_lines(tile.q) {
                    with_line!(self.next_line::<S, _>(Part::Embeddings, delta, line, grad));
                }
            }
        }
    }

    /// Compute a line of parameters of the inputs.
    #[inline(always)]
    fn next_line<S: Simd, const N: usize>(
        &self,
        part: Part,
        delta: &Panels<T>,
        line: usize,
        grad: &mut Sums<T>,
    ) {
        Outer { delta, ..self.outer(0) }.biases::<S, N, 1>(line, grad);
        self.apply_or_store_vector::<S>(0, part, line, &mut grad.total.0[..N]);
    }

    /// Apply or store the gradient of the biases from panel p on, or of another vector.
    #[inline(always)]
    fn apply_or_store_vector<S: Simd>(&self, layer: usize, part: Part, p: usize, grad: &mut [T]) {
        let (from, length) = (p * T::LINE, grad.len());
        match &self.sink {
            GradientSink::Update { updates, moments, rollback } => {
                let update = updates.of(part, layer);
                let penalty = updates.penalty(part, &self.layers[layer].options);
                let (theta, moments) = part.of(&self.layers[layer], &moments[layer]);
                if let Some(rollback) = rollback {
                    rollback.keep(layer, part, theta, moments, from, length);
                }
                // SAFETY: they belong to a tile that this worker owns; parameters and moments are
                // different buffers.
                let (theta, moments) = unsafe {
                    (theta.slice_mut_unchecked(from, length), moments_at(moments, from, length))
                };
                update.prepare(theta, grad, penalty.as_ref());
                update.apply::<S>(theta, grad, moments);
            }
            GradientSink::Store(gradient) => {
                let to = part.of_gradient(gradient, layer);
                // SAFETY: they belong to a tile that this worker owns.
                unsafe { to.slice_mut_unchecked(from, length) }.copy_from_slice(grad);
            }
        }
    }
}

/// Update `N` parameters from `at` on by their summed gradient, times 1/m.
///
/// # Safety
///
/// The parameters exist, and their moments if there are any; nobody else reads or writes them
/// meanwhile.
#[inline(always)]
pub unsafe fn update_line<T: Real, S: Simd, const N: usize>(
    update: &Update<T>,
    parameters: &Buffer<T>,
    moments: &[Buffer<T>; MOMENTS],
    at: usize,
    grad: [T; N],
    scale: T,
    penalty: Option<&Penalty>,
) {
    let mut grad = map_line(grad, |sum| sum * scale);
    // SAFETY (here and below): the caller guarantees it.
    let to = unsafe { parameters.slice_mut_unchecked(at, N) };
    let mut line = first::<T, N>(to);
    if !update.is_plain() || penalty.is_some() {
        update.prepare(&mut line, &mut grad, penalty);
    }
    let line = update.of_line::<S, N>(line, &grad, unsafe { moments_at(moments, at, N) });
    to.copy_from_slice(&line);
}

/// Return the moments of `length` parameters from `from` on; empty if the rule keeps none.
///
/// # Safety
///
/// See [`Buffer::slice_mut_unchecked`], for each that is not empty.
#[inline(always)]
#[allow(clippy::mut_from_ref)] // the cells allow it; the caller guarantees the rest
unsafe fn moments_at<'a, T: Real>(
    moments: &'a [Buffer<T>; MOMENTS],
    from: usize,
    length: usize,
) -> [&'a mut [T]; MOMENTS] {
    let part = |moment: &'a Buffer<T>| -> &'a mut [T] {
        if moment.is_empty() {
            return Default::default();
        }
        // SAFETY: the caller guarantees it.
        unsafe { moment.slice_mut_unchecked(from, length) }
    };
    let [first, second, third] = moments;
    [part(first), part(second), part(third)]
}

/// The update of whole buffers from a stored gradient, for one worker's share of each.
pub struct Apply<'a, T> {
    pub update: &'a Update<T>,
    pub w: &'a Buffer<T>,
    pub grad: &'a Buffer<T>,
    pub moments: &'a [Buffer<T>; MOMENTS],
    pub penalty: Option<&'a Penalty>,
    pub share: Share,
}

impl<T: Real> Kernel for Apply<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (from, length) = (self.share.start(), self.share.len());
        // SAFETY: this worker's share of buffers of equal length.
        let (w, grad, moments) = unsafe {
            let w = self.w.slice_mut_unchecked(from, length);
            let grad = self.grad.slice_mut_unchecked(from, length);
            (w, grad, moments_at(self.moments, from, length))
        };
        self.update.prepare(w, grad, self.penalty);
        self.update.apply::<S>(w, grad, moments);
    }
}

impl<T: Real> Network<T> {
    /// Compute phase B for chunk number `c` and add its gradient to `sums`: a sum, not yet an
    /// average.
    pub(crate) fn gradient_into(
        &self,
        ws: &Workspace<T>,
        rows: usize,
        sums: &GradientTree<T>,
        c: usize,
        chunks: usize,
    ) {
        pool::run(Self::threads_for(self.step_work(rows), rows), |worker| {
            let tiles = self.tiles.share(&worker);
            self.isa.run(WeightGradient {
                layers: &self.layers,
                ws,
                inputs: &ws.a[0],
                rows,
                scale: T::ONE,
                tiles,
                sink: GradientSink::Store(&sums.total),
                prefetch: None,
            });
            worker.wait();
            sums.merge(&worker, 0..self.layers.len(), c, chunks);
        });
    }

    /// Update every parameter by a stored gradient, one worker's share of them.
    pub(crate) fn apply(&self, worker: &Worker, updates: &Updates<T>, gradient: &Gradient<T>) {
        for (l, layer) in self.layers.iter().enumerate() {
            for part in Part::ALL {
                let (w, moments) = part.of(layer, &self.optimizer.moments[l]);
                if w.is_empty() {
                    continue; // the layer has none
                }
                let (update, grad) = (updates.of(part, l), part.of_gradient(gradient, l));
                let penalty = updates.penalty(part, &layer.options);
                let (penalty, share) = (penalty.as_ref(), worker.share(w.len()));
                self.isa.run(Apply { update, w, grad, moments, penalty, share });
            }
        }
        worker.wait();
        for layer in &self.layers {
            layer.copy_back(worker);
        }
    }
}
