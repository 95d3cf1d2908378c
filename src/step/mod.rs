//! The steps of a training.

pub mod data_parallel;
pub mod fused_single;
pub mod fused_small;
pub mod gradient;
pub mod groups;
pub mod parameter_norms;
pub mod partition;
pub mod rollback;
pub mod run;
pub mod settings;
pub mod trace;
pub mod train;

#[cfg(all(test, not(mutants)))] // these check memory; mutants need not wait for them
mod tests;
