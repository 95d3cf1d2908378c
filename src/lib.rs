//! Dense neural networks on the CPU, trained by back-propagation as the derivation writes it.
//!
//! | maths | meaning | name here |
//! |---|---|---|
//! | n_l | neurons of layer l | `n_out`, `n_in` |
//! | w^(l), (n_l x n_{l-1}) | weights | `w` |
//! | b^(l) | biases | `b` |
//! | z = a_prev Wᵀ + b | weighted input, one row a sample | `z` |
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

mod activation;
#[cfg(any(feature = "python", test))]
mod columns;
mod cost;
mod error;
mod exchange;
mod finite;
mod init;
mod interrupt;
mod kernel;
mod layer;
mod memory;
mod network;
mod norm;
mod optimizer;
mod own;
mod pace;
mod parts;
mod pool;
#[cfg(feature = "python")]
mod python;
mod random;
mod real;
mod rowwise;
mod samples;
mod schedule;
mod sharing;
mod single;
mod small;
mod state;
#[cfg(all(test, not(mutants)))] // they are about memory, and need not wait for mutants
mod steps;
mod sums;
mod table;
mod train;
mod undo;
mod workspace;

pub use activation::Activation;
pub use cost::Cost;
pub use error::Error;
pub use exchange::LayerSum;
pub use init::Init;
pub use interrupt::asking;
pub use kernel::{Isa, Portable, fma_rate};
pub use layer::Options;
pub use network::{Network, Trace};
pub use optimizer::{Clock, Penalty, Rule};
pub use own::{Failure, OwnActivation, OwnCost};
pub use pool::{set_alone, set_threads, threads};
pub use real::Real;
pub use samples::{Samples, Targets};
pub use schedule::{Curve, Schedule, Watched};
pub use state::{Snapshot, State};
pub use train::{Outcome, Position, Reason, Settings, Sum, Window};
