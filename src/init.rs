//! The table of initialisers: how the weights of a new layer are drawn. Biases start at zero.

use crate::activation::Activation;
use crate::error::Error;
use crate::random::{Purpose, Stream};
use crate::real::Real;

/// Writes the enum, its names and its look-up from one list of rows.
macro_rules! initialisers {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, |$n_in:pat_param, $n_out:pat_param| $limit:expr;)*) => {
        /// How the weights of a new layer are drawn: uniform in [-limit, limit).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Init {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Init {
            /// The names of the table, and `auto`.
            pub const NAMES: &'static [&'static str] = &["auto", $($name),*];

            /// The initialiser called `name`; `auto` picks by the layer's activation.
            pub fn from_name(name: &str, activation: Activation) -> Result<Self, Error> {
                match name {
                    "auto" => Ok(Self::auto(activation)),
                    $($name => Ok(Self::$variant),)*
                    _ => Err(Error::UnknownName {
                        kind: "init",
                        given: name.into(),
                        names: Self::NAMES,
                    }),
                }
            }

            fn limit(self, n_in: f64, n_out: f64) -> f64 {
                match self {
                    $(Self::$variant => { let ($n_in, $n_out) = (n_in, n_out); $limit })*
                }
            }
        }
    };
}

initialisers! {
    /// Every weight 0: all neurons of a layer stay alike, for lessons and tests.
    Zeros = "zeros", |_, _| 0.0;
    /// √(6 / (n_in + n_out)) (Glorot and Bengio, 2010, eq. 16).
    GlorotUniform = "glorot_uniform", |n_in, n_out| (6.0 / (n_in + n_out)).sqrt();
    /// √(6 / n_in), for relu (He et al., 2015, eq. 10).
    HeUniform = "he_uniform", |n_in, _| (6.0 / n_in).sqrt();
    /// √(3 / n_in) (LeCun et al., "Efficient BackProp", 1998, eq. 16).
    LecunUniform = "lecun_uniform", |n_in, _| (3.0 / n_in).sqrt();
}

impl Init {
    fn auto(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::HeUniform,
            _ => Self::GlorotUniform,
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
        for name in Init::NAMES {
            let init = Init::from_name(name, Activation::Relu).unwrap();
            let limit = init.limit(30.0, 20.0);
            let w: Vec<f64> = init.weights(30, 20, 3, 0);
            let largest = w.iter().fold(0.0_f64, |a, w| a.max(w.abs()));
            assert!(largest <= limit && largest >= 0.98 * limit, "{name}");
        }
    }

    #[test]
    fn auto_picks_by_activation() {
        let auto = |activation| Init::from_name("auto", activation).unwrap();
        assert_eq!(auto(Activation::Relu), Init::HeUniform);
        assert_eq!(auto(Activation::Sigmoid), Init::GlorotUniform);
    }
}
