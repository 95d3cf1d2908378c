//! Dense neural networks on the CPU, trained by back-propagation as in the derivation.
//!
//! | mathematics | meaning | name here |
//! |---|---|---|
//! | n_l | neurons of layer l | `n_out`, `n_in` |
//! | w^(l), (n_l x n_{l-1}) | weights | `w` |
//! | b^(l) | biases | `b` |
//! | z = a_prev Wᵀ + b | weighted input, one row for each sample | `z` |
//! | a = σ(z) | activation | `a` |
//! | C_i = Σ_j (a_j - y_j)² | cost of one sample | `cost` |
//! | C = (1/m) Σ_i C_i | cost of a batch of m samples | `cost` |
//! | δ^(L) = ∂C/∂a ⊙ σ'(z) | error term of the output layer, per sample | `delta` |
//! | δ^(l-1) = (δ^(l) W^(l)) ⊙ σ'(z^(l-1)) | error term of a hidden layer | `delta` |
//! | ∂C/∂W = δᵀ a_prev / m, ∂C/∂b = mean of δ | averaged gradient | `grad` |
//! | α | learning rate | `learning_rate` |
//!
//! Rows are samples everywhere.
//!
//! ```
//! use backprop_rs::{Activation, Cost, Network, Samples, Targets};
//! use ndarray::array;
//!
//! // The derivation's network learns one sample.
//! let mut net = Network::<f64>::new(&[2, 3, 2], &[Activation::Sigmoid; 2], Cost::from_text("squared_error")?)?;
//! net.initialize("auto", 0)?;
//! let samples = Samples { x: &[0.5, -0.2], y: Targets::Values(&[0.1, 0.9]), weights: None, n_in: 2 };
//! let before = net.step(&samples, 0.5)?;
//! assert!(net.mean_cost(&samples)? < before);
//! assert_eq!(net.predict(array![[0.5, -0.2]].view())?.shape(), [1, 2]);
//! # Ok::<(), backprop_rs::Error>(())
//! ```

#[cfg(test)]
mod bits_tests;
#[cfg(any(feature = "python", feature = "csv", test))]
// Only the Python module uses all of it.
#[cfg_attr(not(feature = "python"), allow(dead_code, unused_imports))]
pub mod csv;
mod error;
mod machine;
mod network;
#[cfg(feature = "python")]
mod python;
mod step;
mod tables;

pub use error::Error;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use machine::clock::set_clock;
pub use machine::interrupt::with_interrupt_check;
pub use machine::kernel::{Isa, Portable, fma_rate};
pub use machine::pool::{limit_threads, set_threads, threads};
pub use machine::random::{Purpose, Stream, shuffle};
pub use machine::real::Real;
pub use network::custom::{CustomActivation, CustomCost, Failure};
pub use network::embeddings::Embeddings;
pub use network::layer::Options;
pub use network::network::Network;
pub use network::samples::{Samples, Targets};
pub use network::state::{Snapshot, State};
pub use step::data_parallel::LayerSum;
pub use step::groups::LayerFactors;
pub use step::settings::{Outcome, Position, Reason, Settings, Sum, Window};
pub use step::trace::Trace;
pub use tables::activation::Activation;
pub use tables::cost::Cost;
pub use tables::init::Init;
pub use tables::optimizer::{Clock, Factors, Penalty, Rule};
pub use tables::schedule::{Curve, ReactiveState, Schedule};
