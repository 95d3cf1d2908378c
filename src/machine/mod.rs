//! The machine: instruction sets, threads, caches, random numbers and interrupts.

pub mod autotune;
pub mod clock;
pub mod finite;
pub mod fma;
pub mod interrupt;
pub mod kernel;
pub mod memory;
pub mod pool;
pub mod random;
pub mod real;
#[cfg(any(feature = "python", test))]
pub mod transpose;
