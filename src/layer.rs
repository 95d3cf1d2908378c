//! One dense layer: its parameters, and its forward pass beside its backward pass.

use crate::activation::Activation;
use crate::cost::Cost;
use crate::kernel::{
    Block, Buffer, Isa, Job, LINE_MAX, Outer, Packed, Panels, Portable, Product, Set, first,
    transpose,
};
use crate::optimizer::{Moments, Update};
use crate::pool::{Share, Worker};
use crate::real::Real;
use crate::with_width;
use crate::workspace::Tile;

/// Weights `w`, biases `b` and the activation of n_out neurons that see n_in activations.
pub struct Layer<T> {
    pub n_in: usize,
    pub n_out: usize,
    pub activation: Activation,
    /// Wᵀ in panels of output neurons: what the forward product reads and the gradient writes.
    pub w: Packed<T>,
    /// W in panels of input neurons, for δ W; the first layer has no layer before it.
    pub w_back: Option<Packed<T>>,
    /// Biases, padded to whole panels.
    pub b: Buffer<T>,
}

impl<T: Real> Layer<T> {
    /// A layer whose parameters are zero.
    pub fn zeros(n_in: usize, n_out: usize, activation: Activation, first: bool) -> Self {
        let w = Packed::zeros(n_in, n_out);
        let b = Buffer::zeros(w.panels() * T::LINE);
        let w_back = (!first).then(|| Packed::zeros(n_out, n_in));
        Self { n_in, n_out, activation, w, w_back, b }
    }

    /// The weights as the derivation writes them: `(n_out, n_in)`, row by row.
    pub fn weights(&self) -> Vec<T> {
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

    /// z = a_prev Wᵀ + b, then a = σ(z); `z` is kept apart where it is asked for.
    /// `scratch` has room for a row of a softmax layer.
    ///
    /// The derivation's eq. zLastLayer.
    #[inline(always)]
    pub fn forward(
        &self,
        isa: Isa,
        a_prev: &Panels<T>,
        z: Option<&Panels<T>>,
        a: &Panels<T>,
        scratch: &mut [T],
        rows: &Share,
    ) {
        let (out, bias) = (z.unwrap_or(a), Some(&self.b));
        isa.run(Product { out, left: a_prev, right: &self.w, bias, rows });
        if z.is_some() || self.activation != Activation::Identity {
            isa.run(Activate { layer: self, z, a, scratch, rows });
        }
    }

    /// From δ of this layer to δ of the layer before: δ_prev = (δ W) ⊙ σ'(z_prev, a_prev).
    ///
    /// The derivation's eq. deltaHiddenLayer.
    #[inline(always)]
    pub fn backward(
        &self,
        isa: Isa,
        delta: &Panels<T>,
        before: (Activation, &Panels<T>, &Panels<T>),
        delta_prev: &Panels<T>,
        rows: &Share,
    ) {
        let right = self.w_back.as_ref().expect("the first layer has no layer before it");
        isa.run(Product { out: delta_prev, left: delta, right, bias: None, rows });
        let (activation, z_prev, a_prev) = before;
        if activation != Activation::Identity {
            isa.run(Slope { activation, z: z_prev, a: a_prev, delta: delta_prev, rows });
        }
    }
}

impl<T: Real> Layer<T> {
    /// Renews one worker's share of `w_back` after all of `w` has changed.
    pub fn copy_back(&self, worker: &Worker) {
        let Some(back) = &self.w_back else { return };
        for q in worker.share(back.panels()).range() {
            let n_in = T::LINE.min(self.n_in - q * T::LINE);
            for p in 0..self.w.panels() {
                with_width!(self.w.width(p), self.copy_block::<Portable, _>((q, n_in), p));
            }
        }
    }

    fn copy_block<S: Set, const N: usize>(&self, (q, n_in): (usize, usize), p: usize) {
        let Some(back) = &self.w_back else { return };
        let n_out = N.min(self.n_out - p * T::LINE);
        let w = self.w.values.part(self.w.offset(p, q * T::LINE), n_in * N);
        transpose::<T, N>(w, (q, n_in), (p, n_out), back);
    }
}

/// `(k, n)` panels as n rows of k.
pub fn rows_of<T: Real>(packed: &Packed<T>) -> Vec<T> {
    let values = packed.values.as_slice();
    let rows = 0..packed.n;
    rows.flat_map(|j| (0..packed.k).map(move |k| values[packed.at(k, j)])).collect()
}

/// a = σ(z) for all neurons of a layer.
struct Activate<'a, T> {
    layer: &'a Layer<T>,
    z: Option<&'a Panels<T>>,
    a: &'a Panels<T>,
    scratch: &'a mut [T],
    rows: &'a Share,
}

impl<T: Real> Job for Activate<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let Self { layer, z, a, scratch, rows } = self;
        for p in 0..a.panels() {
            let out = a.write(p, rows);
            if let Some(z) = z {
                out.copy_from_slice(z.read(p, rows));
            }
            if layer.activation.is_elementwise() {
                match layer.w.width(p) {
                    2 => sigma_of_lines::<T, 2>(layer.activation, out),
                    4 if T::LINE > 4 => sigma_of_lines::<T, 4>(layer.activation, out),
                    8 if T::LINE > 8 => sigma_of_lines::<T, 8>(layer.activation, out),
                    _ => layer.activation.sigma(out),
                }
            }
        }
        if !layer.activation.is_elementwise() {
            let row = &mut scratch[..a.n];
            for i in rows.blocks(1) {
                gather(a, &i, row);
                layer.activation.sigma(row);
                scatter(a, &i, row);
            }
        }
    }
}

/// σ of the first `N` numbers of each line, as many lines at a time as fill one.
#[inline(always)]
pub fn sigma_of_lines<T: Real, const N: usize>(activation: Activation, lines: &mut [T]) {
    if lines.len() == T::LINE {
        let mut line = [T::ZERO; N];
        line.copy_from_slice(&lines[..N]);
        activation.sigma(&mut line);
        lines[..N].copy_from_slice(&line);
        return;
    }
    for group in lines.chunks_mut(T::LINE / N * T::LINE) {
        let mut full = [T::ZERO; LINE_MAX];
        pack::<T, N>(group, &mut full);
        activation.sigma(&mut full[..T::LINE]);
        unpack::<T, N>(&full, group);
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
fn unpack<T: Real, const N: usize>(full: &[T; LINE_MAX], lines: &mut [T]) {
    for (line, from) in lines.chunks_exact_mut(T::LINE).zip(full.chunks_exact(N)) {
        line[..N].copy_from_slice(from);
    }
}

/// δ ⊙ σ'(z, a) for all neurons of a hidden layer.
struct Slope<'a, T> {
    activation: Activation,
    z: &'a Panels<T>,
    a: &'a Panels<T>,
    delta: &'a Panels<T>,
    rows: &'a Share,
}

impl<T: Real> Job for Slope<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        for p in 0..self.a.panels() {
            let (z, a) = (self.z.read(p, self.rows), self.a.read(p, self.rows));
            self.activation.sigma_prime(z, a, self.delta.write(p, self.rows));
        }
    }
}

/// The end of the forward pass and the beginning of the backward pass: C_i and δ of the output.
///
/// The derivation's eq. costZero and deltaDef.
pub struct Output<'a, T> {
    pub cost: Cost,
    pub activation: Activation,
    pub z: &'a Panels<T>,
    pub a: &'a Panels<T>,
    pub y: &'a Panels<T>,
    pub delta: &'a Panels<T>,
    pub terms: &'a Panels<T>,
    pub costs: &'a Buffer<T>,
    /// Five rows of the output layer, each in one piece.
    pub scratch: &'a mut [T],
    pub rows: &'a Share,
}

impl<T: Real> Job for Output<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        if self.activation.is_elementwise() {
            self.elementwise();
        } else {
            self.rowwise();
        }
    }
}

impl<T: Real> Output<'_, T> {
    #[inline(always)]
    fn elementwise(&self) {
        let rows = self.rows;
        let costs = self.costs.part(rows.start(), rows.len());
        costs.fill(T::ZERO);
        for p in 0..self.a.panels() {
            let (delta, terms) = (self.delta.write(p, rows), self.terms.write(p, rows));
            let given = [self.z.read(p, rows), self.a.read(p, rows), self.y.read(p, rows)];
            self.cost.elementwise(self.activation, given, self.a.n, delta, terms);
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

    #[inline(always)]
    fn rowwise(self) {
        let costs = self.costs.part(self.rows.start(), self.rows.len());
        let (z, rest) = self.scratch.split_at_mut(self.a.n);
        let (a, rest) = rest.split_at_mut(self.a.n);
        let (y, rest) = rest.split_at_mut(self.a.n);
        let (delta, terms) = rest.split_at_mut(self.a.n);
        for (cost, row) in costs.iter_mut().zip(self.rows.blocks(1)) {
            gather(self.z, &row, z);
            gather(self.a, &row, a);
            gather(self.y, &row, y);
            *cost = self.cost.rowwise([z, a, y], delta, terms);
            scatter(self.delta, &row, delta);
        }
    }
}

/// Copies one row out of its panels into one piece.
#[inline(always)]
fn gather<T: Real>(panels: &Panels<T>, row: &Share, to: &mut [T]) {
    for (p, to) in to.chunks_mut(T::LINE).enumerate() {
        to.copy_from_slice(&panels.read(p, row)[..to.len()]);
    }
}

/// Copies one row back into its panels.
#[inline(always)]
fn scatter<T: Real>(panels: &Panels<T>, row: &Share, from: &[T]) {
    for (p, from) in from.chunks(T::LINE).enumerate() {
        panels.write(p, row)[..from.len()].copy_from_slice(from);
    }
}

/// What becomes of a block of the gradient.
pub enum Fate<'a, T> {
    /// It updates the parameters at once, while it is at hand.
    Update(&'a Update<T>, &'a [Moments<T>]),
    /// It is kept.
    Store(&'a [Packed<T>], &'a [Buffer<T>]),
}

/// ∂C/∂W = δᵀ a_prev / m and ∂C/∂b = mean δ, for the tiles of one worker.
///
/// The derivation's eq. gradientZeroLayerWeights and gradientBiasLayerZero, averaged.
pub struct Descent<'a, T> {
    pub layers: &'a [Layer<T>],
    pub a: &'a [Panels<T>],
    pub delta: &'a [Panels<T>],
    pub rows: usize,
    pub scale: T,
    pub tiles: &'a [Tile],
    pub fate: Fate<'a, T>,
}

impl<T: Real> Job for Descent<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let mut grad = Block::zeros();
        for tile in self.tiles {
            let width = self.layers[tile.layer].w.width(tile.p);
            with_width!(width, self.tile::<S, _>(tile, &mut grad));
        }
    }
}

impl<T: Real> Descent<'_, T> {
    #[inline(always)]
    fn tile<S: Set, const N: usize>(&self, &Tile { layer, q, p }: &Tile, grad: &mut Block<T>) {
        let Layer { n_in, n_out, w, w_back, .. } = &self.layers[layer];
        let n_in = T::LINE.min(n_in - q * T::LINE);
        let n_out = N.min(n_out - p * T::LINE);
        let (left, delta) = (&self.a[layer], &self.delta[layer]);
        let outer = Outer { left, delta, rows: self.rows, scale: self.scale };
        let (from, length) = (w.offset(p, q * T::LINE), n_in * N);
        S::prefetch(w.values.part(from, length));
        outer.block::<S, N>(q, p, n_in, grad);
        match &self.fate {
            Fate::Update(update, moments) => {
                let w = w.values.part(from, length);
                let kept = kept(&moments[layer].w, from, length);
                update.apply(w, &grad.0[..length], kept);
                if let Some(back) = w_back {
                    transpose::<T, N>(w, (q, n_in), (p, n_out), back);
                }
            }
            Fate::Store(w, _) => {
                w[layer].values.part(from, length).copy_from_slice(&grad.0[..length]);
            }
        }
        self.bias::<N>(&outer, layer, (q, p), grad);
    }

    /// The biases of panel p, which go with the first panel of inputs.
    #[inline(always)]
    fn bias<const N: usize>(
        &self,
        outer: &Outer<'_, T>,
        layer: usize,
        (q, p): (usize, usize),
        grad: &mut Block<T>,
    ) {
        if q > 0 {
            return;
        }
        outer.bias::<N>(p, grad);
        let from = p * T::LINE;
        match &self.fate {
            Fate::Update(update, moments) => {
                let kept = kept(&moments[layer].b, from, N);
                update.apply(self.layers[layer].b.part(from, N), &grad.0[..N], kept);
            }
            Fate::Store(_, b) => b[layer].part(from, N).copy_from_slice(&grad.0[..N]),
        }
    }
}

/// The update of `N` parameters from `at` on by their summed gradient, times 1/m.
#[inline(always)]
pub fn move_line<T: Real, const N: usize>(
    update: &Update<T>,
    parameters: &Buffer<T>,
    moments: &[Buffer<T>; 2],
    at: usize,
    grad: [T; N],
    scale: T,
) {
    let grad = grad.map(|sum| sum * scale);
    let mut line = first::<T, N>(parameters.part(at, N));
    update.apply(&mut line, &grad, kept(moments, at, N));
    parameters.part(at, N).copy_from_slice(&line);
}

/// The moments of `length` parameters from `from` on; empty where the rule keeps none.
#[inline(always)]
fn kept<T: Real>(moments: &[Buffer<T>; 2], from: usize, length: usize) -> [&mut [T]; 2] {
    moments.each_ref().map(|moment| {
        if moment.is_empty() { Default::default() } else { moment.part(from, length) }
    })
}

/// The update of whole buffers from a gradient that was kept, for one worker's share of each.
pub struct Apply<'a, T> {
    pub update: &'a Update<T>,
    pub w: &'a Buffer<T>,
    pub grad: &'a Buffer<T>,
    pub moments: &'a [Buffer<T>; 2],
    pub share: Share,
}

impl<T: Real> Job for Apply<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        let (from, length) = (self.share.start(), self.share.len());
        let moments = kept(self.moments, from, length);
        self.update.apply(self.w.part(from, length), self.grad.part(from, length), moments);
    }
}
