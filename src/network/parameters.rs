//! The parameters of all layers by their kinds, and arrays of numbers that are laid out like them.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{Buffer, Packed};
use crate::machine::pool::Worker;
use crate::machine::real::Real;
use crate::network::layer::Layer;
use crate::tables::optimizer::{MOMENTS, Moments};

/// A kind of parameters of a layer.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Weights,
    Biases,
    Gains,
    Shifts,
    /// The factors of the inputs of the first layer.
    Scales,
    /// What the embeddings of the inputs of the first layer learn.
    Embeddings,
    /// α of parametric activations.
    Alphas,
}

impl Part {
    pub const ALL: [Self; 7] = [
        Self::Weights,
        Self::Biases,
        Self::Gains,
        Self::Shifts,
        Self::Scales,
        Self::Embeddings,
        Self::Alphas,
    ];

    /// All parts but the weights: vectors.
    pub const VECTORS: [Self; Self::ALL.len() - 1] =
        [Self::Biases, Self::Gains, Self::Shifts, Self::Scales, Self::Embeddings, Self::Alphas];

    /// Return the name of these parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Biases => "biases",
            Self::Gains => "gains",
            Self::Shifts => "shifts",
            Self::Scales => "scales",
            Self::Embeddings => "embeddings",
            Self::Alphas => "alphas",
        }
    }

    /// Return the parameters of this kind of a layer, and their moments.
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
            Self::Scales => (&layer.scale, &moments.scale),
            Self::Embeddings => (&layer.embedding_parameters, &moments.embedding),
            Self::Alphas => (&layer.alpha, &moments.alpha),
        }
    }

    /// Return the gradient of this kind in layer `l` (from 0).
    #[inline(always)]
    pub fn of_gradient<T>(self, gradient: &Gradient<T>, l: usize) -> &Buffer<T> {
        match self {
            Self::Weights => &gradient.w[l].values,
            Self::Biases => &gradient.b[l],
            Self::Gains => &gradient.norm[l][0],
            Self::Shifts => &gradient.norm[l][1],
            Self::Scales => &gradient.scale[l],
            Self::Embeddings => &gradient.embedding[l],
            Self::Alphas => &gradient.alpha[l],
        }
    }
}

/// One gradient, laid out like the parameters.
pub struct Gradient<T> {
    pub w: Vec<Packed<T>>,
    pub b: Vec<Buffer<T>>,
    /// Those of gains and shifts; empty without layer normalization.
    pub norm: Vec<[Buffer<T>; 2]>,
    /// Those of the factors of the inputs; empty without them.
    pub scale: Vec<Buffer<T>>,
    /// Those of the parameters of embeddings; empty without any.
    pub embedding: Vec<Buffer<T>>,
    /// Those of alphas; empty without a parametric activation.
    pub alpha: Vec<Buffer<T>>,
}

impl<T: Real> Gradient<T> {
    /// Return a copy of the parameters.
    pub fn of_parameters(layers: &[Layer<T>]) -> Result<Self, Error> {
        let gradient = Self::zeros(layers)?;
        for (copy, original) in gradient.buffers().zip(parameters(layers)) {
            // SAFETY: `gradient` was just created, with the lengths of the parameters.
            unsafe { copy.slice_mut_unchecked(0, copy.len()) }.copy_from_slice(original.as_slice());
        }
        Ok(gradient)
    }

    /// Update a moving average: self := decay self + (1 - decay) parameters, one worker's share.
    pub fn update_average(&self, worker: &Worker, layers: &[Layer<T>], decay: T) {
        for (average, parameters) in self.buffers().zip(parameters(layers)) {
            let share = worker.share(average.len());
            let parameters = parameters.slice(share.start(), share.len());
            // SAFETY: this worker's share.
            let average = unsafe { average.slice_mut_unchecked(share.start(), share.len()) };
            for (average, parameters) in average.iter_mut().zip(parameters) {
                *average = decay.mul_add(*average - *parameters, *parameters);
            }
        }
    }

    pub fn zeros(layers: &[Layer<T>]) -> Result<Self, Error> {
        let w = layers.iter().map(|layer| Packed::zeros(layer.n_in, layer.n_out));
        let b = layers.iter().map(|layer| Buffer::zeros(layer.b.len()));
        let norm = layers.iter().map(|Layer { norm: [gain, shift], .. }| {
            Ok([Buffer::zeros(gain.len())?, Buffer::zeros(shift.len())?])
        });
        let scale = layers.iter().map(|layer| Buffer::zeros(layer.scale.len()));
        let alpha = layers.iter().map(|layer| Buffer::zeros(layer.alpha.len()));
        let embedding = layers.iter().map(|layer| Buffer::zeros(layer.embedding_parameters.len()));
        Ok(Self {
            w: w.collect::<Result<_, _>>()?,
            b: b.collect::<Result<_, _>>()?,
            norm: norm.collect::<Result<_, Error>>()?,
            scale: scale.collect::<Result<_, _>>()?,
            embedding: embedding.collect::<Result<_, _>>()?,
            alpha: alpha.collect::<Result<_, _>>()?,
        })
    }
}

impl<T> Gradient<T> {
    /// Return all buffers: the packed weights of each layer, then the biases, gains and shifts, then
    /// the factors of the inputs, the parameters of their embeddings, and the alphas.
    pub fn buffers(&self) -> impl Iterator<Item = &Buffer<T>> {
        self.of_layers(0..self.w.len())
    }

    /// Return the buffers of some layers.
    pub fn of_layers(&self, layers: Range<usize>) -> impl Iterator<Item = &Buffer<T>> {
        let weights = self.w[layers.clone()].iter().map(|w| &w.values);
        weights
            .chain(&self.b[layers.clone()])
            .chain(self.norm[layers.clone()].iter().flatten())
            .chain(&self.scale[layers.clone()])
            .chain(&self.embedding[layers.clone()])
            .chain(&self.alpha[layers])
    }
}

/// Return all parameters, in the order of [`Gradient::buffers`].
pub fn parameters<T>(layers: &[Layer<T>]) -> impl Iterator<Item = &Buffer<T>> {
    let weights = layers.iter().map(|layer| &layer.w.values);
    weights
        .chain(layers.iter().map(|layer| &layer.b))
        .chain(layers.iter().flat_map(|layer| &layer.norm))
        .chain(layers.iter().map(|layer| &layer.scale))
        .chain(layers.iter().map(|layer| &layer.embedding_parameters))
        .chain(layers.iter().map(|layer| &layer.alpha))
}

/// Copies of the parameters of all layers and of their moments, kept from one training to the next.
pub struct SavedParameters<T> {
    layers: Vec<[SavedBuffer<T>; Part::ALL.len()]>,
}

impl<T: Real> SavedParameters<T> {
    /// Allocate copies for the parameters of these layers.
    pub fn new(layers: &[Layer<T>], moments: &[Moments<T>]) -> Result<Self, Error> {
        let buffers = |(layer, moments): (&Layer<T>, &Moments<T>)| {
            let [weights, biases, gains, shifts, scales, embeddings, alphas] =
                Part::ALL.map(|part| {
                    let (parameters, moments) = part.of(layer, moments);
                    SavedBuffer::new(parameters, moments)
                });
            Ok([weights?, biases?, gains?, shifts?, scales?, embeddings?, alphas?])
        };
        let layers = layers.iter().zip(moments).map(buffers).collect::<Result<_, Error>>()?;
        Ok(Self { layers })
    }

    /// Return the copy of some parameters of layer `l` (from 0).
    #[inline(always)]
    pub fn buffer(&self, l: usize, part: Part) -> &SavedBuffer<T> {
        &self.layers[l][part as usize]
    }
}

/// A copy of one buffer of parameters and of its moments.
pub struct SavedBuffer<T> {
    pub parameters: Buffer<T>,
    moments: [Buffer<T>; MOMENTS],
}

impl<T: Real> SavedBuffer<T> {
    fn new(parameters: &Buffer<T>, moments: &[Buffer<T>; MOMENTS]) -> Result<Self, Error> {
        let mut saved: [Buffer<T>; MOMENTS] = Default::default();
        for (saved, like) in saved.iter_mut().zip(moments) {
            *saved = Buffer::zeros(like.len())?;
        }
        Ok(Self { parameters: Buffer::zeros(parameters.len())?, moments: saved })
    }

    /// Return pairs of each copy and the buffer of the layer or the optimizer.
    #[inline(always)]
    pub fn pairs<'a>(
        &'a self,
        parameters: &'a Buffer<T>,
        moments: &'a [Buffer<T>; MOMENTS],
    ) -> impl Iterator<Item = (&'a Buffer<T>, &'a Buffer<T>)> {
        let moments = self.moments.iter().zip(moments);
        let saved = moments.filter(|(copy, _)| !copy.is_empty());
        std::iter::once((&self.parameters, parameters)).chain(saved)
    }
}
