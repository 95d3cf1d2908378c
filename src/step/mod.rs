//! How a step of training runs.

pub mod data_parallel;
pub mod fused_single;
pub mod fused_small;
pub mod gradient;
pub mod parameter_norms;
pub mod partition;
pub mod rollback;
pub mod run;
pub mod settings;
pub mod trace;
pub mod train;

#[cfg(all(test, not(mutants)))] // they are about memory, and need not wait for mutants
mod tests;
