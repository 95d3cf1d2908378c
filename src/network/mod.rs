//! The network, and its forward and backward passes.

pub mod custom;
pub mod elementwise;
pub mod embeddings;
pub mod input;
pub mod layer;
pub mod layer_norm;
// Named like its type and its twin `reference/network.py`.
#[allow(clippy::module_inception)]
pub mod network;
pub mod output;
pub mod pairwise;
pub mod parameters;
pub mod pass;
pub mod predict;
pub mod samples;
pub mod softmax_output;
pub mod state;
pub mod tiles;
pub mod workspace;
