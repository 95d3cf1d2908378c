//! The table of initializers: the distributions of the parameters of a new layer.
//!
//! Unless an entry names biases, they start at zero.

use crate::error::Error;
use crate::machine::interrupt::is_interrupted;
use crate::machine::memory;
use crate::machine::random::{Purpose, Stream};
use crate::machine::real::Real;
use crate::tables::activation::Activation;
use crate::tables::registry::table;

table! {
    /// The distribution of the parameters of a new layer.
    pub enum Init: "init" {
        /// `he_uniform` for relu and similar activations, which stop about half of their inputs,
        /// `lecun_normal` for selu, otherwise `glorot_uniform`.
        Auto = "auto";
        /// Every weight 0: all neurons of a layer stay equal, for lessons and tests.
        Zeros = "zeros";
        /// Every weight the same.
        Constant = "constant" { value: Any = 0.0 };
        /// Uniform in [-limit, limit).
        Uniform = "uniform" { limit: Positive = 0.05 };
        /// Normal around 0.
        Normal = "normal" { std: Positive = 0.05 };
        /// Normal, truncated at two standard deviations.
        TruncatedNormal = "truncated_normal" { std: Positive = 0.05 };
        /// Uniform, limit √(6 / (n_in + n_out)) (Glorot and Bengio, 2010, eq. 16).
        GlorotUniform = "glorot_uniform";
        /// Normal, standard deviation √(2 / (n_in + n_out)) (ibid., eq. 12).
        GlorotNormal = "glorot_normal";
        /// Uniform, limit √(6 / n_in), for relu (He et al., 2015, eq. 10).
        HeUniform = "he_uniform";
        /// Normal, standard deviation √(2 / n_in) (ibid.).
        HeNormal = "he_normal";
        /// Uniform, limit √(3 / n_in) (LeCun et al., "Efficient BackProp", 1998, eq. 16).
        LecunUniform = "lecun_uniform";
        /// Normal, standard deviation √(1 / n_in) (ibid.).
        LecunNormal = "lecun_normal";
        /// gain times a matrix with orthonormal rows, or columns if there are fewer (Saxe,
        /// McClelland and Ganguli, 2014).
        Orthogonal = "orthogonal" { gain: Positive = 1.0 };
        /// Uniform, limit √(6 / (n_in + n_out)), or √(2 / (n_in + n_out)) for sigmoid, biases too;
        /// the output layer follows the hidden layer before it (MLPClassifier, MLPRegressor).
        ScikitLearn = "scikit_learn";
        /// Uniform, limit √(1 / n_in), biases too (nn.Linear).
        Pytorch = "pytorch";
    }
}

/// Numbers that are drawn, or products that are summed, between two checks for Ctrl-C.
const CHECK_EVERY: usize = 1 << 20;

/// The distribution of the weights of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Distribution {
    Constant(f64),
    Uniform(f64),
    Normal(f64),
    Truncated(f64),
    Orthogonal(f64),
}

/// The properties of a layer that initializers use.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub n_in: usize,
    pub n_out: usize,
    pub activation: Activation,
}

impl Init {
    fn distribution(self, shape: Shape) -> Distribution {
        let (n_in, n_out) = (shape.n_in as f64, shape.n_out as f64);
        match self {
            Self::Auto => Self::before(shape.activation).distribution(shape),
            Self::Zeros => Distribution::Constant(0.0),
            Self::Constant { value } => Distribution::Constant(value),
            Self::Uniform { limit } => Distribution::Uniform(limit),
            Self::Normal { std } => Distribution::Normal(std),
            Self::TruncatedNormal { std } => Distribution::Truncated(std),
            Self::GlorotUniform => Distribution::Uniform((6.0 / (n_in + n_out)).sqrt()),
            Self::GlorotNormal => Distribution::Normal((2.0 / (n_in + n_out)).sqrt()),
            Self::HeUniform => Distribution::Uniform((6.0 / n_in).sqrt()),
            Self::HeNormal => Distribution::Normal((2.0 / n_in).sqrt()),
            Self::LecunUniform => Distribution::Uniform((3.0 / n_in).sqrt()),
            Self::LecunNormal => Distribution::Normal((1.0 / n_in).sqrt()),
            Self::Orthogonal { gain } => Distribution::Orthogonal(gain),
            Self::ScikitLearn if shape.activation == Activation::Sigmoid => {
                Distribution::Uniform((2.0 / (n_in + n_out)).sqrt())
            }
            Self::ScikitLearn => Distribution::Uniform((6.0 / (n_in + n_out)).sqrt()),
            Self::Pytorch => Distribution::Uniform((1.0 / n_in).sqrt()),
        }
    }

    /// Return the entry that `auto` selects for this activation.
    fn before(activation: Activation) -> Self {
        match activation {
            Activation::Relu
            | Activation::LeakyRelu { .. }
            | Activation::Elu { .. }
            | Activation::Gelu
            | Activation::GeluTanh
            | Activation::Silu
            | Activation::Mish
            | Activation::Softplus
            | Activation::Relu6 => Self::HeUniform,
            Activation::Selu => Self::LecunNormal,
            _ => Self::GlorotUniform,
        }
    }

    /// Return true if the output layer is drawn like the hidden layer before it.
    pub fn follows_hidden(self) -> bool {
        self == Self::ScikitLearn
    }

    /// Return the `(n_out, n_in)` weights of layer number `layer` (from 0), row by row, and its
    /// biases.
    pub fn parameters<T: Real>(
        self,
        shape: Shape,
        seed: u64,
        layer: usize,
    ) -> Result<(Vec<T>, Vec<T>), Error> {
        let distribution = self.distribution(shape);
        let mut stream = Stream::new(seed, Purpose::Init, layer as u64);
        let weights = distribution.draw(shape, &mut stream)?;
        let biases = match (self, distribution) {
            (Self::ScikitLearn | Self::Pytorch, Distribution::Uniform(limit)) => {
                let drawn = std::iter::repeat_with(|| uniform(limit, &mut stream));
                memory::collect(drawn, shape.n_out)?
            }
            _ => memory::zeros(shape.n_out)?,
        };
        let of_type = |values: Vec<f64>| {
            memory::collect(values.iter().map(|&x| T::from_f64(x)), values.len())
        };
        Ok((of_type(weights)?, of_type(biases)?))
    }
}

impl Distribution {
    fn draw(
        self,
        Shape { n_in, n_out, .. }: Shape,
        stream: &mut Stream,
    ) -> Result<Vec<f64>, Error> {
        let n = n_in * n_out;
        match self {
            Self::Constant(value) => memory::collect(std::iter::repeat(value), n),
            Self::Uniform(limit) => drawn(std::iter::repeat_with(|| uniform(limit, stream)), n),
            Self::Normal(std) => drawn(normals(stream).map(|x| std * x), n),
            Self::Truncated(std) => {
                let near = normals(stream).filter(|x| x.abs() <= 2.0);
                drawn(near.map(|x| std * x), n)
            }
            Self::Orthogonal(gain) => {
                let (few, many) = (n_in.min(n_out), n_in.max(n_out));
                let mut vectors = drawn(normals(stream), n)?;
                orthonormalize(&mut vectors, many);
                vectors.iter_mut().for_each(|x| *x *= gain);
                if n_out <= n_in {
                    return Ok(vectors);
                }
                memory::collect((0..n).map(|i| vectors[i % few * many + i / few]), n)
            }
        }
    }
}

/// Draw `n` numbers; after Ctrl-C the others are 0.
fn drawn(mut draws: impl Iterator<Item = f64>, n: usize) -> Result<Vec<f64>, Error> {
    let mut drawn = memory::collect(std::iter::repeat(0.0), n)?;
    for part in drawn.chunks_mut(CHECK_EVERY) {
        if is_interrupted() {
            break;
        }
        part.iter_mut().zip(&mut draws).for_each(|(x, draw)| *x = draw);
    }
    Ok(drawn)
}

pub fn uniform(limit: f64, stream: &mut Stream) -> f64 {
    limit * (2.0 * stream.uniform() - 1.0)
}

pub fn normals(stream: &mut Stream) -> impl Iterator<Item = f64> {
    std::iter::repeat_with(|| stream.normals()).flatten()
}

/// Orthonormalize rows of length `n` by the modified Gram-Schmidt method; unfinished after Ctrl-C.
fn orthonormalize(rows: &mut [f64], n: usize) {
    let mut rest = rows;
    while !rest.is_empty() {
        let (row, others) = rest.split_at_mut(n);
        let norm = dot(row, row).sqrt();
        row.iter_mut().for_each(|x| *x /= norm);
        for some in others.chunks_mut(n * (CHECK_EVERY / n).max(1)) {
            if is_interrupted() {
                return;
            }
            for other in some.chunks_mut(n) {
                let along = dot(row, other);
                other.iter_mut().zip(&*row).for_each(|(x, y)| *x -= along * y);
            }
        }
        rest = others;
    }
}

/// Compute Σ x y in eight chains, so that it vectorizes.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (heads, tails) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest: f64 = heads.remainder().iter().zip(tails.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in heads.zip(tails) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { n_in: 60, n_out: 40, activation: Activation::Relu };

    fn drawn(init: Init) -> Vec<f64> {
        init.parameters(SHAPE, 3, 0).unwrap().0
    }

    #[test]
    fn weights_have_the_spread_of_their_distribution() {
        for init in Init::ALL {
            let w = drawn(*init);
            let n = w.len() as f64;
            let std = (w.iter().map(|w| w * w).sum::<f64>() / n).sqrt();
            let largest = w.iter().fold(0.0_f64, |a, w| a.max(w.abs()));
            let expected = match init.distribution(SHAPE) {
                Distribution::Constant(value) => value.abs(),
                Distribution::Uniform(limit) => limit / 3f64.sqrt(),
                Distribution::Normal(std) => std,
                // The variance of a normal number within two standard deviations is 0.774.
                Distribution::Truncated(std) => 0.8796 * std,
                Distribution::Orthogonal(gain) => gain / 60f64.sqrt(),
            };
            assert!((std - expected).abs() <= 0.06 * expected, "{init} {std} {expected}");
            match init.distribution(SHAPE) {
                Distribution::Uniform(limit) => {
                    assert!(largest <= limit && largest >= 0.98 * limit)
                }
                Distribution::Truncated(std) => {
                    assert!(largest <= 2.0 * std && largest >= 1.9 * std)
                }
                _ => {}
            }
        }
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        for (n_in, n_out) in [(9, 5), (5, 9), (6, 6), (1, 1)] {
            let shape = Shape { n_in, n_out, activation: Activation::Tanh };
            let w: Vec<f64> = Init::Orthogonal { gain: 2.0 }.parameters(shape, 0, 1).unwrap().0;
            let at = |j: usize, k: usize| w[j * n_in + k];
            for i in 0..n_in.min(n_out) {
                for j in 0..n_in.min(n_out) {
                    let product: f64 = if n_out <= n_in {
                        (0..n_in).map(|k| at(i, k) * at(j, k)).sum()
                    } else {
                        (0..n_out).map(|k| at(k, i) * at(k, j)).sum()
                    };
                    let expected = if i == j { 4.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-13, "{product} {expected}");
                }
            }
        }
    }

    #[test]
    fn auto_picks_by_activation() {
        assert_eq!(Init::before(Activation::Relu), Init::HeUniform);
        assert_eq!(Init::before(Activation::Selu), Init::LecunNormal);
        assert_eq!(Init::before(Activation::Sigmoid), Init::GlorotUniform);
    }

    #[test]
    fn only_scikit_learn_and_pytorch_draw_biases() {
        for init in Init::ALL {
            let biases: Vec<f64> = init.parameters(SHAPE, 3, 0).unwrap().1;
            let drawn = matches!(init, Init::ScikitLearn | Init::Pytorch);
            assert_eq!(biases.iter().any(|b| *b != 0.0), drawn, "{init}");
        }
    }
}
