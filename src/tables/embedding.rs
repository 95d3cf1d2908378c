//! The table of embeddings: functions from one input to several numbers for the first layer.

use crate::error::Error;
use crate::machine::memory;
use crate::machine::real::Real;

/// An embedding of one input; each row of the table is a variant.
#[derive(Debug, Clone, PartialEq)]
pub enum Embedding<T> {
    /// The input itself.
    Identity,
    /// One number for each bin: 0 below it, 1 above it, and (x - start) / width inside; the first is
    /// not cut below and the last not above (Gorishniy, Rubachev and Babenko, 2022, eq. 1).
    PiecewiseLinear { starts: Vec<T>, widths: Vec<T> },
}

impl<T: Real> Embedding<T> {
    pub const NAMES: &'static [&'static str] = &["identity", "piecewise_linear"];

    /// Return an embedding from its name and its numbers: the edges of the bins, in growing order.
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
        }
    }

    /// Compute the numbers that replace the input `x`.
    #[inline(always)]
    pub fn forward(&self, x: T, out: &mut [T]) {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(edges: &[f64], x: f64) -> Vec<f64> {
        let embedding = Embedding::from_numbers("piecewise_linear", edges).unwrap();
        let mut out = vec![9.0; embedding.n_out()];
        embedding.forward(x, &mut out);
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
    }
}
