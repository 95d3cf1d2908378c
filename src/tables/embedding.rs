//! The table of embeddings: functions from one input to several numbers for the first layer.

use crate::error::Error;
use crate::machine::kernel::LINE_MAX;
use crate::machine::memory;
use crate::machine::random::Stream;
use crate::machine::real::Real;
use crate::tables::init::{normals, uniform};

/// An embedding of one input; each row of the table is a variant.
#[derive(Debug, Clone, PartialEq)]
pub enum Embedding<T> {
    /// The input itself.
    Identity,
    /// One number for each bin: 0 below it, 1 above it, and (x - start) / width inside; the first is
    /// not cut below and the last not above (Gorishniy, Rubachev and Babenko, 2022, eq. 1).
    PiecewiseLinear { starts: Vec<T>, widths: Vec<T> },
    /// W₂ cos(2π w₁ x + b₁) + b₂, all learned: w₁ and b₁ have `frequencies` numbers, b₂ has
    /// `outputs`. w₁ starts normal with this deviation (Holzmüller et al., 2024, PBLD).
    Periodic { frequencies: usize, outputs: usize, deviation: f64 },
}

impl<T: Real> Embedding<T> {
    pub const NAMES: &'static [&'static str] = &["identity", "piecewise_linear", "periodic"];

    /// Return an embedding from its name and its numbers: the edges of the bins, in growing order; or
    /// the frequencies, the outputs and the deviation.
    pub fn from_numbers(name: &str, numbers: &[f64]) -> Result<Self, Error> {
        match name {
            "identity" => Ok(Self::Identity),
            "piecewise_linear" => {
                let edges: Vec<T> = numbers.iter().map(|&edge| T::from_f64(edge)).collect();
                let bins = edges.len().saturating_sub(1);
                let widths = edges.windows(2).map(|pair| pair[1] - pair[0]);
                let widths: Vec<T> = memory::collect(widths, bins)?;
                if bins == 0 || !widths.iter().all(|&width| width > T::ZERO && width.is_finite()) {
                    return Err(Error::Edges);
                }
                Ok(Self::PiecewiseLinear { starts: memory::copy(&edges[..bins])?, widths })
            }
            "periodic" => match *numbers {
                [frequencies, outputs, deviation] if frequencies >= 1.0 && outputs >= 1.0 => {
                    let (frequencies, outputs) = (frequencies as usize, outputs as usize);
                    Ok(Self::Periodic { frequencies, outputs, deviation })
                }
                _ => Err(Error::Frequencies),
            },
            _ => {
                let given = name.to_owned();
                Err(Error::UnknownName { kind: "embedding", given, names: Self::NAMES })
            }
        }
    }

    /// Return how many numbers replace the input.
    pub fn n_out(&self) -> usize {
        match self {
            Self::Identity => 1,
            Self::PiecewiseLinear { starts, .. } => starts.len(),
            Self::Periodic { outputs, .. } => *outputs,
        }
    }

    /// Return how many numbers it learns: w₁, b₁, W₂ row by row, and b₂, if it is periodic.
    pub fn n_parameters(&self) -> usize {
        match *self {
            Self::Identity | Self::PiecewiseLinear { .. } => 0,
            Self::Periodic { frequencies, outputs, .. } => {
                frequencies.saturating_mul(outputs.saturating_add(2)).saturating_add(outputs)
            }
        }
    }

    /// Draw its parameters: w₁ normal, b₁ uniform from -π to π, W₂ and b₂ uniform within
    /// 1 / √frequencies.
    pub fn initialize(&self, parameters: &mut [T], stream: &mut Stream) {
        let Self::Periodic { frequencies, deviation, .. } = *self else { return };
        let (w1, others) = parameters.split_at_mut(frequencies);
        let (b1, linear) = others.split_at_mut(frequencies);
        w1.iter_mut().zip(normals(stream)).for_each(|(w, x)| *w = T::from_f64(deviation * x));
        let limits = [std::f64::consts::PI, 1.0 / (frequencies as f64).sqrt()];
        for (part, limit) in [b1, linear].into_iter().zip(limits) {
            part.iter_mut().for_each(|value| *value = T::from_f64(uniform(limit, stream)));
        }
    }

    /// Compute the numbers that replace the input `x`.
    #[inline(always)]
    pub fn forward(&self, x: T, parameters: &[T], out: &mut [T]) {
        match self {
            Self::Identity => out[0] = x,
            Self::PiecewiseLinear { starts, widths } => {
                for ((out, &start), &width) in out.iter_mut().zip(starts).zip(widths) {
                    *out = ((x - start) / width).at_least(T::ZERO).at_most(T::ONE);
                }
                let last = starts.len() - 1;
                let ends = [0, last].map(|i| (x - starts[i]) / widths[i]);
                if last == 0 {
                    out[0] = ends[0];
                } else {
                    out[0] = ends[0].at_most(T::ONE);
                    out[last] = ends[1].at_least(T::ZERO);
                }
            }
            &Self::Periodic { frequencies, outputs, .. } => {
                let Periodic { w1, b1, w2, b2 } = Periodic::of(parameters, frequencies, outputs);
                out.copy_from_slice(b2);
                for from in (0..frequencies).step_by(LINE_MAX) {
                    let to = frequencies.min(from + LINE_MAX);
                    let waves = waves(x, &w1[from..to], &b1[from..to], T::cos);
                    for (out, w2) in out.iter_mut().zip(w2.chunks_exact(frequencies)) {
                        for (&w, &wave) in w2[from..to].iter().zip(&waves) {
                            *out = w.mul_add(wave, *out);
                        }
                    }
                }
            }
        }
    }

    /// Compute the gradient of its parameters for one sample, from the derivatives `delta` of the
    /// cost by its numbers.
    #[inline(always)]
    pub fn backward(&self, x: T, parameters: &[T], delta: &[T], gradient: &mut [T]) {
        let Self::Periodic { frequencies, outputs, .. } = *self else { return };
        let Periodic { w1, b1, w2, .. } = Periodic::of(parameters, frequencies, outputs);
        let (of_w1, others) = gradient.split_at_mut(frequencies);
        let (of_b1, others) = others.split_at_mut(frequencies);
        let (of_w2, of_b2) = others.split_at_mut(outputs * frequencies);
        of_b2.copy_from_slice(delta);
        let turns = T::from_f64(std::f64::consts::TAU) * x;
        for from in (0..frequencies).step_by(LINE_MAX) {
            let to = frequencies.min(from + LINE_MAX);
            let cosines = waves(x, &w1[from..to], &b1[from..to], T::cos);
            let sines = waves(x, &w1[from..to], &b1[from..to], T::sin);
            let mut sums = [T::ZERO; LINE_MAX];
            for (e, &delta) in delta.iter().enumerate() {
                let row = e * frequencies;
                for (i, &w) in w2[row + from..row + to].iter().enumerate() {
                    sums[i] = w.mul_add(delta, sums[i]);
                    of_w2[row + from + i] = delta * cosines[i];
                }
            }
            for i in 0..to - from {
                let of_phase = -(sines[i] * sums[i]);
                of_b1[from + i] = of_phase;
                of_w1[from + i] = turns * of_phase;
            }
        }
    }
}

/// The parameters of a periodic embedding.
struct Periodic<'a, T> {
    w1: &'a [T],
    b1: &'a [T],
    /// A row for each output.
    w2: &'a [T],
    b2: &'a [T],
}

impl<'a, T> Periodic<'a, T> {
    #[inline(always)]
    fn of(parameters: &'a [T], frequencies: usize, outputs: usize) -> Self {
        let (w1, others) = parameters.split_at(frequencies);
        let (b1, others) = others.split_at(frequencies);
        let (w2, b2) = others.split_at(outputs * frequencies);
        Self { w1, b1, w2, b2 }
    }
}

/// Return a function of the phases 2π w x + b of up to a line of frequencies.
#[inline(always)]
fn waves<T: Real>(x: T, w: &[T], b: &[T], of: impl Fn(T) -> T) -> [T; LINE_MAX] {
    let turns = T::from_f64(std::f64::consts::TAU) * x;
    let mut waves = [T::ZERO; LINE_MAX];
    for ((wave, &w), &b) in waves.iter_mut().zip(w).zip(b) {
        *wave = of(w.mul_add(turns, b));
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(edges: &[f64], x: f64) -> Vec<f64> {
        let embedding = Embedding::from_numbers("piecewise_linear", edges).unwrap();
        let mut out = vec![9.0; embedding.n_out()];
        embedding.forward(x, &[], &mut out);
        out
    }

    #[test]
    fn a_bin_is_0_below_1_above_and_linear_inside() {
        let edges = [0.0, 1.0, 3.0, 7.0];
        assert_eq!(embedded(&edges, 0.25), [0.25, 0.0, 0.0]);
        assert_eq!(embedded(&edges, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(embedded(&edges, 2.5), [1.0, 0.75, 0.0]);
        assert_eq!(embedded(&edges, 5.0), [1.0, 1.0, 0.5]);
    }

    #[test]
    fn the_ends_are_not_cut_outwards() {
        let edges = [0.0, 1.0, 3.0, 7.0];
        assert_eq!(embedded(&edges, -2.0), [-2.0, 0.0, 0.0]);
        assert_eq!(embedded(&edges, 11.0), [1.0, 1.0, 2.0]);
        assert_eq!(embedded(&[1.0, 3.0], -3.0), [-2.0]);
        assert_eq!(embedded(&[1.0, 3.0], 9.0), [4.0]);
    }

    #[test]
    fn edges_that_do_not_grow_are_refused() {
        for edges in [&[][..], &[1.0], &[1.0, 1.0], &[2.0, 1.0], &[0.0, f64::INFINITY]] {
            let made = Embedding::<f64>::from_numbers("piecewise_linear", edges);
            assert_eq!(made, Err(Error::Edges));
        }
        // They differ in float64 alone.
        let close = [1.0, 1.0 + 1e-12];
        assert!(Embedding::<f64>::from_numbers("piecewise_linear", &close).is_ok());
        assert!(Embedding::<f32>::from_numbers("piecewise_linear", &close).is_err());
        assert!(Embedding::<f32>::from_numbers("fourier", &[]).is_err());
        assert!(Embedding::<f32>::from_numbers("periodic", &[0.0, 3.0, 0.1]).is_err());
    }

    /// 21 frequencies are more than a line.
    #[test]
    fn the_gradient_of_waves_is_the_slope_of_their_sum() {
        let embedding = Embedding::<f64>::from_numbers("periodic", &[21.0, 3.0, 0.1]).unwrap();
        let mut theta = vec![0.0; embedding.n_parameters()];
        embedding
            .initialize(&mut theta, &mut Stream::new(3, crate::machine::random::Purpose::Embed, 0));
        let (x, delta) = (0.7, [0.3, -1.2, 0.5]);
        let sum = |theta: &[f64]| {
            let mut out = [0.0; 3];
            embedding.forward(x, theta, &mut out);
            out.iter().zip(delta).map(|(out, delta)| out * delta).sum::<f64>()
        };
        let mut gradient = vec![9.0; theta.len()];
        embedding.backward(x, &theta, &delta, &mut gradient);
        for i in 0..theta.len() {
            let mut change = |h: f64| {
                theta[i] += h;
                let value = sum(&theta);
                theta[i] -= h;
                value
            };
            let slope = (change(1e-5) - change(-1e-5)) / 2e-5;
            assert!((gradient[i] - slope).abs() < 1e-8, "{i}: {} and {slope}", gradient[i]);
        }
    }
}
