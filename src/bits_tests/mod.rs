//! Tests of the whole crate through its public interface.

mod layers;
#[cfg(not(mutants))] // mutants need not wait for whole trainings
mod training;

use crate::Position;

const BEGINNING: Position = Position { epoch: 0, step: 0, cost_sum: 0.0, weight_sum: 0.0 };

/// Return a number of [0, 1) from an index (Steele and others' SplitMix64).
fn mixed(index: u64) -> f64 {
    let z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
