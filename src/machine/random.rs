//! Counter-based random streams: a number is a function of (seed, purpose, stream, index) alone, so
//! threads, batches and interruptions cannot change it.
//!
//! The generator is Philox4x64-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", 2011), laid out as `numpy.random.Philox(key=[seed, purpose],
//! counter=[0, stream, 0, 0])`, which is the oracle of the tests and the twin in
//! `_internal/random.py`.

use crate::machine::real::Real;

/// The purpose of a stream; streams of different purposes are disjoint.
///
/// Numbers 3 and 6 are taken as well, by `_internal/random.py`. Dropout and noise have a stream for
/// each (sample, epoch, layer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    Init = 1,
    Shuffle = 2,
    Dropout = 4,
    Noise = 5,
    Embed = 7,
}

/// The numbers of one stream, in order.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u64; 2],
    stream: [u64; 3],
    block: u64,
    buffer: [u64; 4],
    used: usize,
}

impl Stream {
    /// Return the stream numbered `stream` for `purpose`, at its start.
    pub fn new(seed: u64, purpose: Purpose, stream: u64) -> Self {
        Self::of(seed, purpose, [stream, 0, 0])
    }

    /// Return the stream of three numbers.
    #[inline]
    pub fn of(seed: u64, purpose: Purpose, stream: [u64; 3]) -> Self {
        let key = [seed, purpose as u64];
        Self { key, stream, block: 0, buffer: [0; 4], used: 4 }
    }

    /// Return the next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        if self.used == 4 {
            // NumPy increments the counter before it draws: its first block is number 1.
            self.block += 1;
            let [a, b, c] = self.stream;
            self.buffer = philox([self.block, a, b, c], self.key);
            self.used = 0;
        }
        self.used += 1;
        self.buffer[self.used - 1]
    }

    /// Return the next number of [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.bits() >> 11) as f64 * STEP
    }

    /// Return the next two numbers of the normal distribution (Box and Muller, 1958).
    pub fn normals(&mut self) -> [f64; 2] {
        // 1 - u lies in (0, 1], so its logarithm is finite.
        let radius = (-2.0 * Real::ln(1.0 - self.uniform())).sqrt();
        let angle = std::f64::consts::TAU * self.uniform();
        [radius * Real::cos(angle), radius * Real::sin(angle)]
    }

    /// Return the next integer of [0, bound): the high half of a 128-bit product.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }
}

/// Apply ten rounds of Philox4x64 to one counter.
fn philox(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
    const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
    for _ in 0..10 {
        let product = |lane: usize, i: usize| {
            let wide = u128::from(MULTIPLIERS[lane]) * u128::from(counter[i]);
            ((wide >> 64) as u64, wide as u64)
        };
        let (high0, low0) = product(0, 0);
        let (high1, low1) = product(1, 2);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// Fill a dropout mask: 0 for the fraction `dropout` of the neurons, in units of 1/65536, otherwise
/// the factor that preserves the mean.
#[inline]
pub fn mask<T: Real>(mask: &mut [T], dropout: f64, mut stream: Stream) {
    let threshold = (dropout * 65536.0).round() as u64;
    let scale = T::from_f64(65536.0 / (65536 - threshold) as f64);
    for four in mask.chunks_mut(4) {
        let bits = stream.bits();
        for (i, mask) in four.iter_mut().enumerate() {
            let drawn = bits >> (16 * i) & 0xffff;
            *mask = if drawn < threshold { T::ZERO } else { scale };
        }
    }
}

/// Permute the rows 0..n (Fisher and Yates, from the last row down).
///
/// The stream of an epoch is [epoch, 0, 0]; data that are read in blocks use further streams.
pub fn shuffle(order: &mut [u32], seed: u64, stream: [u64; 3]) {
    let mut stream = Stream::of(seed, Purpose::Shuffle, stream);
    for (i, row) in order.iter_mut().enumerate() {
        *row = i as u32;
    }
    for i in (1..order.len()).rev() {
        let j = stream.below(i as u64 + 1) as usize;
        order.swap(i, j);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `np.random.Philox(key=[7, 2], counter=[0, 3, 0, 0]).random_raw(6)`.
    #[test]
    fn the_stream_is_numpys_philox() {
        let mut stream = Stream::new(7, Purpose::Shuffle, 3);
        let drawn: Vec<u64> = (0..6).map(|_| stream.bits()).collect();
        assert_eq!(drawn, ORACLE);
    }
    const ORACLE: [u64; 6] = [
        0xffd0e7e4dc9562a3,
        0xca9633e9d1de4694,
        0x2ee403ee5f79d0e8,
        0x306165441289b1a0,
        0x95df3c3d9f1814e8,
        0x7a1fec01fe3c925,
    ];

    #[test]
    fn a_shuffle_is_a_permutation_that_depends_on_seed_and_epoch_alone() {
        let drawn = |seed, epoch| {
            let mut order = [9; 100];
            shuffle(&mut order, seed, [epoch, 0, 0]);
            order
        };
        let mut sorted = drawn(1, 0);
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, row)| i as u32 == *row));
        assert_eq!(drawn(1, 0), drawn(1, 0));
        assert_ne!(drawn(1, 0), drawn(1, 1));
        assert_ne!(drawn(1, 0), drawn(2, 0));
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval_evenly() {
        let mut stream = Stream::new(5, Purpose::Init, 0);
        let n = 10_000;
        let drawn: Vec<f64> = (0..n).map(|_| stream.uniform()).collect();
        assert!(drawn.iter().all(|u| (0.0..1.0).contains(u)));
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        // Six standard errors of the mean of n uniform numbers.
        assert!((mean - 0.5).abs() < 6.0 / (12.0 * f64::from(n)).sqrt());
    }
}
