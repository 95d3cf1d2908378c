//! The table of initialisers: how the weights of a new layer are drawn. Biases start at zero.

use crate::activation::Activation;
use crate::random::{Purpose, Stream};
use crate::real::Real;
use crate::table::table;

table! {
    /// How the weights of a new layer are drawn: uniform in [-limit, limit).
    pub enum Init: "init" {
        /// `he_uniform` for relu, which stops half of its inputs, otherwise `glorot_uniform`.
        Auto = "auto";
        /// Every weight 0: all neurons of a layer stay alike, for lessons and tests.
        Zeros = "zeros";
        /// √(6 / (n_in + n_out)) (Glorot and Bengio, 2010, eq. 16).
        GlorotUniform = "glorot_uniform";
        /// √(6 / n_in), for relu (He et al., 2015, eq. 10).
        HeUniform = "he_uniform";
        /// √(3 / n_in) (LeCun et al., "Efficient BackProp", 1998, eq. 16).
        LecunUniform = "lecun_uniform";
    }
}

impl Init {
    /// The row that `auto` stands for before this activation.
    pub fn before(self, activation: Activation) -> Self {
        match (self, activation) {
            (Self::Auto, Activation::Relu) => Self::HeUniform,
            (Self::Auto, _) => Self::GlorotUniform,
            _ => self,
        }
    }

    fn limit(self, n_in: f64, n_out: f64) -> f64 {
        match self {
            Self::Zeros => 0.0,
            Self::Auto | Self::GlorotUniform => (6.0 / (n_in + n_out)).sqrt(),
            Self::HeUniform => (6.0 / n_in).sqrt(),
            Self::LecunUniform => (3.0 / n_in).sqrt(),
        }
    }

    /// The `(n_out, n_in)` weights of layer number `layer` (from 0), row by row.
    pub fn weights<T: Real>(self, n_in: usize, n_out: usize, seed: u64, layer: usize) -> Vec<T> {
        let limit = self.limit(n_in as f64, n_out as f64);
        let mut stream = Stream::new(seed, Purpose::Init, layer as u64);
        let mut draw = || T::from_f64(limit * (2.0 * stream.uniform() - 1.0));
        (0..n_in * n_out).map(|_| draw()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_lie_within_the_limit_and_fill_it() {
        for init in Init::ALL {
            let init = init.before(Activation::Relu);
            let limit = init.limit(30.0, 20.0);
            let w: Vec<f64> = init.weights(30, 20, 3, 0);
            let largest = w.iter().fold(0.0_f64, |a, w| a.max(w.abs()));
            assert!(largest <= limit && largest >= 0.98 * limit, "{init}");
        }
    }

    #[test]
    fn auto_picks_by_activation() {
        assert_eq!(Init::Auto.before(Activation::Relu), Init::HeUniform);
        assert_eq!(Init::Auto.before(Activation::Sigmoid), Init::GlorotUniform);
    }
}
