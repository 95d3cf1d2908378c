//! One dense layer: its parameters, and its forward pass beside its backward pass.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{
    Buffer, Isa, Kernel, LINE_MAX, Outer, Packed, Panels, Portable, Product, Simd, Sums, first,
    transpose, with_width,
};
use crate::machine::memory;
use crate::machine::pool::{Share, Worker};
use crate::machine::real::Real;
use crate::network::custom::{Custom, CustomActivation};
use crate::network::layer_norm::{Denormalize, NormCache, Normalize};
use crate::network::samples::Prefetch;
use crate::network::softmax_output::{ActivateRows, OutputRows};
use crate::network::workspace::{Gradient, Tile, Workspace};
use crate::step::rollback::Rollback;
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::optimizer::{MOMENTS, Moments, Penalty, Update};

/// What a layer has beside its activation; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// The share of the layer's activations that training leaves out.
    pub dropout: f64,
    /// What is added to the gradient of the weights.
    pub penalty: Penalty,
    /// The largest norm of a neuron's incoming weights; 0 for none.
    pub max_norm: f64,
    /// Whether the activation sees normalised z.
    pub layer_norm: bool,
}

impl Options {
    /// Whether an update does nothing but what its rule says.
    pub fn is_plain(&self) -> bool {
        self.penalty == Penalty::default()
    }
}

/// The most floating-point operations between two questions whether to stop, times the bytes of a
/// number: some hundredths of a second, for which Ctrl-C waits. A panel of a large layer may take longer.
pub const PRODUCT_WORK: u64 = 20_000_000_000;

/// The parameters that a layer has.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Weights,
    Biases,
    Gains,
    Shifts,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::Weights, Self::Biases, Self::Gains, Self::Shifts];

    /// Those of a layer, and their moments.
    #[inline(always)]
    pub fn of<'a, T>(
        self,
        layer: &'a Layer<T>,
        moments: &'a Moments<T>,
    ) -> (&'a Buffer<T>, &'a [Buffer<T>; MOMENTS]) {
        match self {
            Self::Weights => (&layer.w.values, &moments.w),
            Self::Biases => (&layer.b, &moments.b),
            Self::Gains => (&layer.norm[0], &moments.norm[0]),
            Self::Shifts => (&layer.norm[1], &moments.norm[1]),
        }
    }

    /// Their gradient in layer `l` (from 0).
    #[inline(always)]
    pub fn of_gradient<T>(self, gradient: &Gradient<T>, l: usize) -> &Buffer<T> {
        match self {
            Self::Weights => &gradient.w[l].values,
            Self::Biases => &gradient.b[l],
            Self::Gains => &gradient.norm[l][0],
            Self::Shifts => &gradient.norm[l][1],
        }
    }
}

/// Weights `w`, biases `b` and the activation of n_out neurons that see n_in activations.
pub struct Layer<T> {
    pub n_in: usize,
    pub n_out: usize,
    /// Identity where the layer has its own.
    pub activation: Activation,
    pub custom: Option<Custom<dyn CustomActivation<T>>>,
    pub options: Options,
    /// Wᵀ in panels of output neurons: what the forward product reads and the gradient writes.
    pub w: Packed<T>,
    /// W in panels of input neurons, for δ W; the first layer has no layer before it.
    pub w_back: Option<Packed<T>>,
    /// Biases, padded to whole panels.
    pub b: Buffer<T>,
    /// Gains and shifts of layer normalisation, padded likewise; empty without it.
    pub norm: [Buffer<T>; 2],
}

impl<T: Real> Layer<T> {
    /// A layer whose parameters are zero.
    pub fn zeros(
        n_in: usize,
        n_out: usize,
        activation: Activation,
        first: bool,
    ) -> Result<Self, Error> {
        let w = Packed::zeros(n_in, n_out)?;
        let b = Buffer::zeros(w.panels() * T::LINE)?;
        let w_back = (!first).then(|| Packed::zeros(n_out, n_in)).transpose()?;
        let options = Options::default();
        let norm = Default::default();
        Ok(Self { n_in, n_out, activation, custom: None, options, w, w_back, b, norm })
    }

    /// Takes what it has beside its activation; gains begin at 1 and shifts at 0.
    pub fn set_options(&mut self, options: Options) -> Result<(), Error> {
        let length = if options.layer_norm { self.b.len() } else { 0 };
        self.norm = [Buffer::zeros(length)?, Buffer::zeros(length)?];
        self.options = options;
        self.reset_norm();
        Ok(())
    }

    /// Gains of 1 and shifts of 0.
    pub fn reset_norm(&mut self) {
        if self.has_norm() {
            let [gain, shift] = &mut self.norm;
            gain.as_mut_slice()[..self.n_out].fill(T::ONE);
            shift.as_mut_slice().fill(T::ZERO);
        }
    }

    /// Whether it has layer normalisation.
    pub fn has_norm(&self) -> bool {
        !self.norm[0].is_empty()
    }

    /// What its activation is called.
    pub fn activation_name(&self) -> String {
        let custom = self.custom.as_ref().map(|custom| custom.function.name().to_owned());
        custom.unwrap_or_else(|| self.activation.to_string())
    }

    /// Whether σ' is computed from z as well as a.
    pub fn needs_z(&self) -> bool {
        self.custom.is_some() || self.activation.needs_z()
    }

    /// The weights as the derivation writes them: `(n_out, n_in)`, row by row.
    pub fn weights(&self) -> Result<Vec<T>, Error> {
        rows_of(&self.w)
    }

    /// The `n_out` biases.
    pub fn biases(&self) -> &[T] {
        &self.b.as_slice()[..self.n_out]
    }

    /// Takes `(n_out, n_in)` weights, row by row.
    pub fn set_weights(&mut self, weights: &[T]) {
        for (j, row) in weights.chunks_exact(self.n_in).enumerate() {
            for (k, &w) in row.iter().enumerate() {
                let at = self.w.at(k, j);
                self.w.values.as_mut_slice()[at] = w;
                if let Some(back) = &mut self.w_back {
                    let at = back.at(j, k);
                    back.values.as_mut_slice()[at] = w;
                }
            }
        }
    }

    /// Takes `n_out` biases.
    pub fn set_biases(&mut self, biases: &[T]) {
        self.b.as_mut_slice()[..self.n_out].copy_from_slice(biases);
    }

    /// z = a_prev Wᵀ + b, then a = σ(z); `z` is kept apart where it is asked for, with layer
    /// normalisation what σ sees. A softmax is left to [`Self::activate_rows`].
    ///
    /// Equation 1 of docs/derivation.md.
    #[inline(always)]
    pub fn forward(
        &self,
        isa: Isa,
        a_prev: &Panels<T>,
        (z, normed): (Option<&Panels<T>>, Option<&NormCache<T>>),
        a: &Panels<T>,
        (rows, panels): (&Share, Range<usize>),
        stop: &impl Fn() -> bool,
    ) {
        let (out, bias, right) = (z.unwrap_or(a), Some(&self.b), &self.w);
        let product = Product { out, left: a_prev, right, bias, rows, panels: panels.clone() };
        product.in_pieces(isa, PRODUCT_WORK, stop);
        if self.has_norm() {
            isa.run(Normalize { layer: self, kept: normed, values: out, rows });
        }
        if let Some(custom) = &self.custom {
            custom.sigma(out, a, rows);
        } else if self.activation.is_elementwise()
            && (z.is_some() || self.activation != Activation::Identity)
        {
            isa.run(Activate { layer: self, z, a, rows, panels });
        }
    }

    /// a = σ(z) where σ takes a row at a time; `scratch` has room for a line of
    /// rows.
    #[inline(always)]
    pub fn activate_rows(
        &self,
        isa: Isa,
        z: Option<&Panels<T>>,
        a: &Panels<T>,
        scratch: &mut [T],
        rows: &Share,
    ) {
        if self.custom.is_none() && !self.activation.is_elementwise() {
            isa.run(ActivateRows { z: z.unwrap_or(a), a, scratch, rows });
        }
    }

    /// δ := δ ⊙ σ'(z, a), where σ acts on each neuron alone.
    #[inline(always)]
    pub fn slope(
        &self,
        isa: Isa,
        z: &Panels<T>,
        a: &Panels<T>,
        delta: &Panels<T>,
        (rows, panels): (&Share, Range<usize>),
    ) {
        if let Some(custom) = &self.custom {
            custom.slope(z, a, delta, rows);
        } else if self.activation != Activation::Identity {
            isa.run(Slope { activation: self.activation, z, a, delta, rows, panels });
        }
    }

    /// From δ of what σ sees to δ of z, under layer normalisation.
    #[inline(always)]
    pub fn denormalize(
        &self,
        isa: Isa,
        normed: Option<&NormCache<T>>,
        delta: &Panels<T>,
        rows: &Share,
    ) {
        if let Some(kept) = normed {
            isa.run(Denormalize { layer: self, kept, delta, rows });
        }
    }

    /// From δ of this layer to δ of the layer before: δ_prev = (δ W) ⊙ σ'(z_prev, a_prev).
    ///
    /// Equation 11 of docs/derivation.md; a mask of dropout stands between a_prev and W.
    #[inline(always)]
    pub fn backward(
        &self,
        isa: Isa,
        delta: &Panels<T>,
        (before, z_prev, a_prev): (&Self, &Panels<T>, &Panels<T>),
        (mask, delta_prev): (Option<&Panels<T>>, &Panels<T>),
        (rows, panels): (&Share, Range<usize>),
        stop: &impl Fn() -> bool,
    ) {
        let right = self.w_back.as_ref().expect("the first layer has no layer before it");
        let (out, bias) = (delta_prev, None);
        let product = Product { out, left: delta, right, bias, rows, panels: panels.clone() };
        product.in_pieces(isa, PRODUCT_WORK, stop);
        if let Some(mask) = mask {
            isa.run(Multiply { by: mask, values: None, out: delta_prev, rows });
        }
        before.slope(isa, z_prev, a_prev, delta_prev, (rows, panels));
    }
}

impl<T: Real> Layer<T> {
    /// Renews all of `w_back` after `w` has changed.
    pub fn copy_all_back(&mut self) {
        self.copy_back(&Worker::alone());
    }

    /// Shortens the incoming weights of each neuron whose norm is too large, one worker's share.
    pub fn limit_norms(&self, worker: &Worker) {
        let most = self.options.max_norm;
        if most == 0.0 {
            return;
        }
        for p in worker.share(self.w.panels()).range() {
            let width = self.w.width(p);
            let (from, length) = (self.w.offset(p, 0), self.n_in * width);
            // SAFETY: the panel is this worker's share; nobody reads weights before all are through.
            let values = unsafe { self.w.values.slice_mut_unchecked(from, length) };
            for j in 0..width {
                let weights = || values.iter().skip(j).step_by(width);
                let squares: f64 = weights().map(|w| w.to_f64() * w.to_f64()).sum();
                if squares > most * most {
                    let scale = T::from_f64(most / squares.sqrt());
                    values.iter_mut().skip(j).step_by(width).for_each(|w| *w *= scale);
                }
            }
        }
    }

    /// Renews one worker's share of `w_back` after all of `w` has changed.
    pub fn copy_back(&self, worker: &Worker) {
        let Some(back) = &self.w_back else { return };
        for q in worker.share(back.panels()).range() {
            (0..self.w.panels()).for_each(|p| self.copy_tile_back(q, p));
        }
    }

    /// Renews a block of `w_back` after that of `w` has changed.
    pub fn copy_tile_back(&self, q: usize, p: usize) {
        let n_in = T::LINE.min(self.n_in - q * T::LINE);
        with_width!(self.w.width(p), self.copy_block::<Portable, _>((q, n_in), p));
    }

    fn copy_block<S: Simd, const N: usize>(&self, (q, n_in): (usize, usize), p: usize) {
        let Some(back) = &self.w_back else { return };
        let n_out = N.min(self.n_out - p * T::LINE);
        let w = self.w.values.slice(self.w.offset(p, q * T::LINE), n_in * N);
        // SAFETY: block (q, p) of `w_back` goes with that of `w`, which is this worker's.
        unsafe { transpose::<T, S, N>(w, q, n_in, p, n_out, back) };
    }
}

/// `(k, n)` panels as n rows of k.
pub fn rows_of<T: Real>(packed: &Packed<T>) -> Result<Vec<T>, Error> {
    let values = packed.values.as_slice();
    let rows = 0..packed.n;
    let numbers = rows.flat_map(|j| (0..packed.k).map(move |k| values[packed.at(k, j)]));
    memory::collect(numbers, packed.k * packed.n)
}

/// a = σ(z) for the neurons of some panels.
struct Activate<'a, T> {
    layer: &'a Layer<T>,
    z: Option<&'a Panels<T>>,
    a: &'a Panels<T>,
    rows: &'a Share,
    panels: Range<usize>,
}

impl<T: Real> Kernel for Activate<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { layer, z, a, rows, panels } = self;
        for p in panels {
            // SAFETY: this worker's rows of one of its panels; z, if there is one, lies elsewhere.
            let out = unsafe { a.write(p, rows) };
            if let Some(z) = z {
                out.copy_from_slice(z.read(p, rows));
            }
            match layer.w.width(p) {
                2 => sigma_of_lines::<T, S, 2>(layer.activation, out),
                4 if T::LINE > 4 => sigma_of_lines::<T, S, 4>(layer.activation, out),
                8 if T::LINE > 8 => sigma_of_lines::<T, S, 8>(layer.activation, out),
                _ => layer.activation.sigma::<T, S>(out),
            }
        }
    }
}

/// σ of the first `N` numbers of each line, as many lines at a time as fill one.
#[inline(always)]
pub fn sigma_of_lines<T: Real, S: Simd, const N: usize>(activation: Activation, lines: &mut [T]) {
    if lines.len() == T::LINE {
        let line = activation.sigma_of_line::<T, S, N>(first(lines));
        lines[..N].copy_from_slice(&line);
        return;
    }
    for group in lines.chunks_mut(T::LINE / N * T::LINE) {
        let mut full = [T::ZERO; LINE_MAX];
        pack::<T, N>(group, &mut full);
        if T::LINE == LINE_MAX {
            unpack::<T, N>(&activation.sigma_of_line::<T, S, LINE_MAX>(full), group);
        } else {
            const HALF: usize = LINE_MAX / 2;
            unpack::<T, N>(&activation.sigma_of_line::<T, S, HALF>(first(&full)), group);
        }
    }
}

/// Brings the first `N` numbers of up to LINE / N lines together in one.
#[inline(always)]
pub fn pack<T: Real, const N: usize>(lines: &[T], full: &mut [T; LINE_MAX]) {
    for (line, to) in lines.chunks_exact(T::LINE).zip(full.chunks_exact_mut(N)) {
        to.copy_from_slice(&line[..N]);
    }
}

/// Puts the numbers of one line back to where [`pack`] took them from.
#[inline(always)]
fn unpack<T: Real, const N: usize>(full: &[T], lines: &mut [T]) {
    for (line, from) in lines.chunks_exact_mut(T::LINE).zip(full.chunks_exact(N)) {
        line[..N].copy_from_slice(from);
    }
}

/// One thing times another, element by element: activations or δ and a mask of dropout.
pub struct Multiply<'a, T> {
    pub by: &'a Panels<T>,
    /// Other panels than `out`; without them the values of `out` itself.
    pub values: Option<&'a Panels<T>>,
    pub out: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Kernel for Multiply<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for p in 0..self.out.panels() {
            let by = self.by.read(p, self.rows);
            // SAFETY: this worker's rows; what they are multiplied by lies elsewhere, and so do the
            // values where they are others.
            let out = unsafe { self.out.write(p, self.rows) }.iter_mut();
            match self.values {
                None => out.zip(by).for_each(|(v, by)| *v *= *by),
                Some(values) => {
                    let products = values.read(p, self.rows).iter().zip(by);
                    out.zip(products).for_each(|(out, (v, by))| *out = *v * *by);
                }
            }
        }
    }
}

/// δ ⊙ σ'(z, a) for the neurons of some panels of a hidden layer.
struct Slope<'a, T> {
    activation: Activation,
    z: &'a Panels<T>,
    a: &'a Panels<T>,
    delta: &'a Panels<T>,
    rows: &'a Share,
    panels: Range<usize>,
}

impl<T: Real> Kernel for Slope<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for p in self.panels {
            let (z, a) = (self.z.read(p, self.rows), self.a.read(p, self.rows));
            // SAFETY: this worker's rows of one of its panels; z and a lie elsewhere.
            let delta = unsafe { self.delta.write(p, self.rows) };
            self.activation.sigma_prime::<T, S>(z, a, delta);
        }
    }
}

/// The end of the forward pass and the beginning of the backward pass: C_i and δ of the output.
///
/// Equations 3 and 7 of docs/derivation.md.
pub struct Output<'a, T> {
    pub cost: Cost,
    pub activation: Activation,
    pub z: &'a Panels<T>,
    pub a: &'a Panels<T>,
    pub y: &'a Panels<T>,
    pub delta: &'a Panels<T>,
    /// Room for a panel.
    pub terms: &'a Panels<T>,
    pub costs: &'a Buffer<T>,
    /// The weight of each sample, where they differ.
    pub weights: Option<&'a Buffer<T>>,
    /// Room for [`OutputRows`].
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

/// Weighs the samples after a cost of the user's own.
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

/// Multiplies the cost and the δ of each sample by its weight.
#[inline(always)]
fn weigh<T: Real>(weights: &Buffer<T>, delta: &Panels<T>, costs: &Buffer<T>, rows: &Share) {
    let weights = weights.slice(rows.start(), rows.len());
    // SAFETY (here and below): this worker's rows, each in a buffer of their own.
    let costs = unsafe { costs.slice_mut_unchecked(rows.start(), rows.len()) };
    costs.iter_mut().zip(weights).for_each(|(cost, weight)| *cost *= *weight);
    for p in 0..delta.panels() {
        let lines = unsafe { delta.write(p, rows) }.chunks_exact_mut(T::LINE);
        for (line, weight) in lines.zip(weights) {
            line.iter_mut().for_each(|delta| *delta *= *weight);
        }
    }
}

impl<T: Real> Output<'_, T> {
    #[inline(always)]
    fn elementwise<S: Simd>(&self) {
        let rows = self.rows;
        // SAFETY (here and below): this worker's rows, each in a buffer of their own.
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
                // No neuron stands in the padding, so it has no error.
                for delta in delta.chunks_exact_mut(T::LINE) {
                    delta[used..].fill(T::ZERO);
                }
            }
        }
    }
}

/// What becomes of a block of the gradient.
#[derive(Clone, Copy)]
pub enum GradientSink<'a, T> {
    /// It updates the parameters at once, while it is at hand.
    Update { update: &'a Update<T>, moments: &'a [Moments<T>], rollback: Option<&'a Rollback<T>> },
    /// It is kept.
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
    /// Samples to ask for meanwhile.
    pub ahead: Option<Prefetch<'a, T>>,
}

impl<T: Real> Kernel for WeightGradient<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let mut grad = Sums::new();
        let (mut tiles, mut ahead) = (self.tiles, self.ahead.take());
        let of_a_tile = ahead.as_ref().map_or(0, |ahead| ahead.len().div_ceil(tiles.len().max(1)));
        while let [tile, ..] = tiles {
            let width = self.layers[tile.layer].w.width(tile.p);
            let done = with_width!(width, self.some_tiles::<S, _>(tiles, &mut grad));
            tiles = &tiles[done..];
            if let Some(ahead) = &mut ahead {
                ahead.ask::<S>(done * of_a_tile);
            }
        }
        for tiles in self.tiles.chunk_by(|tile, next| tile.layer == next.layer) {
            self.biases::<S>(tiles, &mut grad);
        }
    }
}

/// Panels whose biases are summed side by side: an addition takes about as many cycles.
const BIAS_PANELS: usize = 4;

impl<T: Real> WeightGradient<'_, T> {
    /// The first of `tiles`, or as many as are summed side by side; returns how many.
    #[inline(always)]
    fn some_tiles<S: Simd, const N: usize>(&self, tiles: &[Tile], grad: &mut Sums<T>) -> usize {
        if N == T::LINE
            && S::PANELS == 2
            && let [tile, next, ..] = tiles
            && (next.layer, next.q, next.p) == (tile.layer, tile.q, tile.p + 1)
            && self.layers[tile.layer].w.width(next.p) == N
        {
            self.blocks::<S, N, 2>(tile, grad);
            return 2;
        }
        self.blocks::<S, N, 1>(&tiles[0], grad);
        1
    }

    /// The gradient of the blocks of `P` tiles, which are neighbours, and what becomes of it.
    #[inline(always)]
    fn blocks<S: Simd, const N: usize, const P: usize>(
        &self,
        &Tile { layer, q, p }: &Tile,
        grad: &mut Sums<T>,
    ) {
        let n_in = T::LINE.min(self.layers[layer].n_in - q * T::LINE);
        (p..p + P).for_each(|p| self.prefetch::<S, N>(layer, (q, n_in), p));
        self.outer(layer).block::<S, N, P>(q, p, n_in, grad);
        for (i, grad) in grad.total.0[..P * n_in * N].chunks_exact_mut(n_in * N).enumerate() {
            self.apply_or_store::<S, N>(layer, (q, n_in), p + i, grad);
        }
    }

    /// Has a block of weights brought near, which its gradient will update.
    #[inline(always)]
    fn prefetch<S: Simd, const N: usize>(&self, layer: usize, (q, n_in): (usize, usize), p: usize) {
        let Layer { n_out, w, w_back, .. } = &self.layers[layer];
        let from = w.offset(p, q * T::LINE);
        // SAFETY (here and below): the block of a tile, which is this worker's.
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

    /// What becomes of the gradient of a block of weights.
    #[inline(always)]
    fn apply_or_store<S: Simd, const N: usize>(
        &self,
        layer: usize,
        (q, n_in): (usize, usize),
        p: usize,
        grad: &mut [T],
    ) {
        let Layer { n_out, w, w_back, options, .. } = &self.layers[layer];
        let from = w.offset(p, q * T::LINE);
        match &self.sink {
            GradientSink::Update { update, moments, rollback } => {
                if let Some(rollback) = rollback {
                    let place = (layer, Part::Weights);
                    rollback.keep(place, (&w.values, &moments[layer].w), (from, grad.len()));
                }
                // SAFETY (here and below): the block of a tile, which is this worker's; weights,
                // moments and the transposed weights are buffers of their own.
                let w = unsafe { w.values.slice_mut_unchecked(from, grad.len()) };
                let kept = unsafe { kept(&moments[layer].w, from, grad.len()) };
                if !(update.is_plain() && options.is_plain()) {
                    update.prepare(w, grad, Some(&options.penalty));
                }
                update.apply::<S>(w, grad, kept);
                if let Some(back) = w_back {
                    let n_out = N.min(n_out - p * T::LINE);
                    unsafe { transpose::<T, S, N>(w, q, n_in, p, n_out, back) };
                }
            }
            GradientSink::Store(gradient) => {
                let to = &gradient.w[layer].values;
                // SAFETY: the block of a tile, which is this worker's.
                unsafe { to.slice_mut_unchecked(from, grad.len()) }.copy_from_slice(grad);
            }
        }
    }

    /// The biases, gains and shifts of the tiles of a layer: each panel goes with its first tile.
    #[inline(always)]
    fn biases<S: Simd>(&self, tiles: &[Tile], grad: &mut Sums<T>) {
        let mut firsts = tiles.iter().filter(|tile| tile.q == 0);
        let Some(&Tile { layer, p: start, .. }) = firsts.next() else { return };
        let w = &self.layers[layer].w;
        let (mut p, end) = (start, start + 1 + firsts.count());
        while p < end {
            let whole = end.min(w.n / T::LINE).saturating_sub(p);
            p += with_width!(w.width(p), self.some_biases::<S, _>(layer, p, whole, grad));
        }
    }

    /// Those of panel p, or of as many as are summed side by side; returns how many panels.
    #[inline(always)]
    fn some_biases<S: Simd, const N: usize>(
        &self,
        layer: usize,
        p: usize,
        whole: usize,
        grad: &mut Sums<T>,
    ) -> usize {
        if N == T::LINE && whole >= BIAS_PANELS {
            self.vectors::<S, N, BIAS_PANELS>(layer, p, grad);
            return BIAS_PANELS;
        }
        self.vectors::<S, N, 1>(layer, p, grad);
        1
    }

    /// The biases of `P` panels from p on, and their gains and shifts.
    #[inline(always)]
    fn vectors<S: Simd, const N: usize, const P: usize>(
        &self,
        layer: usize,
        p: usize,
        grad: &mut Sums<T>,
    ) {
        let outer = self.outer(layer);
        outer.biases::<N, P>(p, grad);
        self.apply_or_store_vector::<S>(layer, Part::Biases, p, &mut grad.total.0[..P * N]);
        if let Some(normed) = self.ws.normed(layer) {
            for (part, delta) in [Part::Gains, Part::Shifts].into_iter().zip(&normed.grads) {
                Outer { delta, ..outer }.biases::<N, P>(p, grad);
                self.apply_or_store_vector::<S>(layer, part, p, &mut grad.total.0[..P * N]);
            }
        }
    }

    /// What becomes of the gradient of the biases from panel p on, or of their gains or shifts.
    #[inline(always)]
    fn apply_or_store_vector<S: Simd>(&self, layer: usize, part: Part, p: usize, grad: &mut [T]) {
        let (from, length) = (p * T::LINE, grad.len());
        match &self.sink {
            GradientSink::Update { update, moments, rollback } => {
                let (theta, moments) = part.of(&self.layers[layer], &moments[layer]);
                if let Some(rollback) = rollback {
                    rollback.keep((layer, part), (theta, moments), (from, length));
                }
                update.prepare(&mut [], grad, None);
                // SAFETY: they go with a tile that is this worker's; parameters and moments are
                // buffers of their own.
                let (theta, kept) = unsafe {
                    (theta.slice_mut_unchecked(from, length), kept(moments, from, length))
                };
                update.apply::<S>(theta, grad, kept);
            }
            GradientSink::Store(gradient) => {
                let to = part.of_gradient(gradient, layer);
                // SAFETY: they go with a tile that is this worker's.
                unsafe { to.slice_mut_unchecked(from, length) }.copy_from_slice(grad);
            }
        }
    }
}

/// The update of `N` parameters from `at` on by their summed gradient, times 1/m.
///
/// # Safety
///
/// There are so many, and moments if there are any; nobody else reads or writes them meanwhile.
#[inline(always)]
pub unsafe fn move_line<T: Real, S: Simd, const N: usize>(
    update: &Update<T>,
    parameters: &Buffer<T>,
    moments: &[Buffer<T>; MOMENTS],
    at: usize,
    grad: [T; N],
    scale: T,
    penalty: Option<&Penalty>,
) {
    let mut grad = grad.map(|sum| sum * scale);
    // SAFETY (here and below): the caller's.
    let to = unsafe { parameters.slice_mut_unchecked(at, N) };
    let mut line = first::<T, N>(to);
    if !update.is_plain() || penalty.is_some() {
        update.prepare(&mut line, &mut grad, penalty);
    }
    let line = update.of_line::<S, N>(line, &grad, unsafe { kept(moments, at, N) });
    to.copy_from_slice(&line);
}

/// The moments of `length` parameters from `from` on; empty where the rule keeps none.
///
/// # Safety
///
/// As for [`Buffer::slice_mut_unchecked`], of each that is not empty.
#[inline(always)]
#[allow(clippy::mut_from_ref)] // the cells allow it; the caller answers for the rest
unsafe fn kept<T: Real>(
    moments: &[Buffer<T>; MOMENTS],
    from: usize,
    length: usize,
) -> [&mut [T]; MOMENTS] {
    moments.each_ref().map(|moment| {
        if moment.is_empty() {
            return Default::default();
        }
        // SAFETY: the caller's.
        unsafe { moment.slice_mut_unchecked(from, length) }
    })
}

/// The update of whole buffers from a gradient that was kept, for one worker's share of each.
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
        // SAFETY: this worker's share of buffers that are as long as each other.
        let (w, grad, moments) = unsafe {
            let [w, grad] =
                [self.w, self.grad].map(|buffer| buffer.slice_mut_unchecked(from, length));
            (w, grad, kept(self.moments, from, length))
        };
        self.update.prepare(w, grad, self.penalty);
        self.update.apply::<S>(w, grad, moments);
    }
}
