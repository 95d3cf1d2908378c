//! Layer normalization: scales z of a layer to mean 0 and variance 1, sample by sample.
//!
//! The activation receives gain ẑ + shift with ẑ = (z - mean) / √(variance + ε), mean and variance
//! over the neurons of the layer (Ba, Kiros and Hinton, 2016, eq. 3). A sum over neurons is one
//! chain for each lane of the panels, then one chain over the lanes: the same bits on every
//! instruction set.

use std::ops::Range;

use crate::error::Error;
use crate::machine::kernel::{Buffer, Kernel, Panels, Simd, first, map_line, unroll, with_width};
use crate::machine::pool::Share;
use crate::machine::real::Real;

/// The term added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// Rows that are processed together: each sum has to wait for its additions, and all stay in
/// registers.
const GROUP: usize = 4;

/// A kernel that processes a worker's rows in groups.
///
/// It goes panel by panel, and within each row by row. It reads, changes and writes a line as a
/// whole: otherwise the compiler splits the lines of a group and combines the same lanes.
trait Groups<T: Real> {
    /// Process `G` rows from `row` on, in lines of `W` numbers.
    fn group<const W: usize, const G: usize>(&self, row: usize);

    #[inline(always)]
    fn all<S: Simd, const W: usize>(&self, rows: &Share) {
        let Range { mut start, end } = rows.range();
        while start + GROUP <= end {
            self.group::<W, GROUP>(start);
            start += GROUP;
        }
        for row in start..end {
            self.group::<W, 1>(row);
        }
    }
}

/// The values that layer normalization keeps from the forward pass for the backward pass, one row
/// for each sample.
pub struct NormCache<T> {
    /// z itself, if requested.
    pub z: Option<Panels<T>>,
    /// ẑ.
    hat: Panels<T>,
    /// 1 / √(variance + ε).
    scale: Buffer<T>,
    /// ∂C/∂gain and ∂C/∂shift of each sample.
    pub grads: [Panels<T>; 2],
}

impl<T: Real> NormCache<T> {
    /// Allocate `rows` rows of `n` neurons.
    pub fn zeros(rows: usize, n: usize, keep_z: bool) -> Result<Self, Error> {
        let panels = || Panels::zeros(rows, n);
        Ok(Self {
            z: keep_z.then(panels).transpose()?,
            hat: panels()?,
            scale: Buffer::zeros(rows)?,
            grads: [panels()?, panels()?],
        })
    }
}

/// Replaces z by gain ẑ + shift.
pub struct Normalize<'a, T> {
    pub gain: &'a Buffer<T>,
    pub shift: &'a Buffer<T>,
    pub cache: Option<&'a NormCache<T>>,
    pub values: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Kernel for Normalize<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        if let Some(z) = self.cache.and_then(|cache| cache.z.as_ref()) {
            for p in 0..z.panels() {
                // SAFETY: this worker's rows of panels other than `values`.
                let z = unsafe { z.write(p, self.rows) };
                z.copy_from_slice(self.values.read(p, self.rows));
            }
        }
        with_width!(T::LINE, self.all::<S, _>(self.rows));
    }
}

impl<T: Real> Groups<T> for Normalize<'_, T> {
    #[inline(always)]
    fn group<const W: usize, const G: usize>(&self, row: usize) {
        let Self { gain, shift, cache, values, rows } = self;
        let (gain, shift) = (gain.as_slice(), shift.as_slice());
        let count = T::ONE / T::from_f64(values.n as f64);
        // SAFETY: this worker's rows, and only one line is borrowed at a time.
        let line = |panels, p, g| unsafe { line::<T, W>(panels, p, rows, row + g) };
        let mut sums = [[T::ZERO; W]; G];
        for p in 0..values.panels() {
            unroll!(G, I => {
                let z = *line(values, p, I);
                for n in 0..W {
                    sums[I][n] += z[n];
                }
            });
        }
        let means = map_line(totals(&sums), |sum| sum * count);
        sums = [[T::ZERO; W]; G];
        for p in 0..values.panels() {
            unroll!(G, I => {
                let mut z = map_line(*line(values, p, I), |z| z - means[I]);
                zero_padding(&mut z, values.n - p * W);
                for n in 0..W {
                    sums[I][n] = z[n].mul_add(z[n], sums[I][n]);
                }
                *line(values, p, I) = z;
            });
        }
        let scale = |sum: T| T::ONE / (sum * count + T::from_f64(EPSILON)).sqrt();
        let scales = map_line(totals(&sums), scale);
        for p in 0..values.panels() {
            let (gain, shift) = (first::<T, W>(&gain[p * W..]), first::<T, W>(&shift[p * W..]));
            unroll!(G, I => {
                let mut z = map_line(*line(values, p, I), |z| z * scales[I]);
                if let Some(cache) = cache {
                    *line(&cache.hat, p, I) = z;
                }
                for n in 0..W {
                    z[n] = gain[n].mul_add(z[n], shift[n]);
                }
                *line(values, p, I) = z;
            });
        }
        if let Some(cache) = cache {
            // SAFETY: this worker's rows.
            unsafe { cache.scale.slice_mut_unchecked(row, G) }.copy_from_slice(&scales);
        }
    }
}

/// Replaces δ of the input of the activation by δ of z, and computes ∂C/∂gain and ∂C/∂shift.
///
/// With g = δ gain: (g - mean g - ẑ mean(g ẑ)) / √(variance + ε), means over the neurons.
pub struct Denormalize<'a, T> {
    pub gain: &'a Buffer<T>,
    pub cache: &'a NormCache<T>,
    pub delta: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Kernel for Denormalize<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        with_width!(T::LINE, self.all::<S, _>(self.rows));
    }
}

impl<T: Real> Groups<T> for Denormalize<'_, T> {
    #[inline(always)]
    fn group<const W: usize, const G: usize>(&self, row: usize) {
        let Self { gain, cache: NormCache { hat, scale, grads, .. }, delta, rows } = self;
        let count = T::ONE / T::from_f64(delta.n as f64);
        // SAFETY: this worker's rows, and only one line is borrowed at a time.
        let line = |panels, p, g| unsafe { line::<T, W>(panels, p, rows, row + g) };
        let gain = |p: usize| first::<T, W>(&gain.as_slice()[p * W..]);
        let (mut sums, mut alongs) = ([[T::ZERO; W]; G], [[T::ZERO; W]; G]);
        for p in 0..delta.panels() {
            let gain = gain(p);
            unroll!(G, I => {
                let (hat, delta) = (*line(hat, p, I), *line(delta, p, I));
                let mut of_gain = delta;
                for n in 0..W {
                    of_gain[n] *= hat[n];
                    let slope = delta[n] * gain[n];
                    sums[I][n] += slope;
                    alongs[I][n] = slope.mul_add(hat[n], alongs[I][n]);
                }
                *line(&grads[0], p, I) = of_gain;
                *line(&grads[1], p, I) = delta;
            });
        }
        let means = map_line(totals(&sums), |sum| sum * count);
        let alongs = map_line(totals(&alongs), |sum| sum * count);
        let scales = first::<T, G>(scale.slice(row, G));
        for p in 0..delta.panels() {
            let gain = gain(p);
            unroll!(G, I => {
                let (hat, mut slope) = (*line(hat, p, I), *line(delta, p, I));
                for n in 0..W {
                    let rest = slope[n] * gain[n] - means[I];
                    slope[n] = (-hat[n]).mul_add(alongs[I], rest) * scales[I];
                }
                // The padding holds no neuron, so it has no error.
                zero_padding(&mut slope, delta.n - p * W);
                *line(delta, p, I) = slope;
            });
        }
    }
}

/// Return the line of row `row` in panel `p`.
///
/// # Safety
///
/// See [`Panels::write`]; `row` is one of `rows`.
#[inline(always)]
#[allow(clippy::mut_from_ref)] // the cells allow it; the caller guarantees the rest
unsafe fn line<'a, T: Real, const W: usize>(
    panels: &'a Panels<T>,
    p: usize,
    rows: &Share,
    row: usize,
) -> &'a mut [T; W] {
    // SAFETY: the caller guarantees it.
    let lines = unsafe { panels.write(p, rows) }.as_chunks_mut().0;
    &mut lines[row - rows.start()]
}

/// Write zeros in the padding, after `used` neurons of a line.
#[inline(always)]
fn zero_padding<T: Real, const W: usize>(line: &mut [T; W], used: usize) {
    // Not on a slice: a call to fill it would keep all sums in memory.
    for (n, value) in line.iter_mut().enumerate() {
        *value = if n < used { *value } else { T::ZERO };
    }
}

/// Return the sum of all lanes, in their order, of each row of a group.
#[inline(always)]
fn totals<T: Real, const W: usize, const G: usize>(rows: &[[T; W]; G]) -> [T; G] {
    let mut sums = [T::ZERO; G];
    for n in 0..W {
        for (sum, lanes) in sums.iter_mut().zip(rows) {
            *sum += lanes[n];
        }
    }
    sums
}
