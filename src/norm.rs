//! Layer normalisation: z of a layer brought to mean 0 and variance 1, sample by sample.
//!
//! The activation sees gain ẑ + shift with ẑ = (z - mean) / √(variance + ε), mean and variance over
//! the neurons of the layer (Ba, Kiros and Hinton, 2016, eq. 3). A sum over neurons is one chain a
//! lane of the panels, then one chain over the lanes: the same bits on every instruction set.

use crate::kernel::{Buffer, Job, Panels, Set};
use crate::layer::Layer;
use crate::pool::Share;
use crate::real::Real;
use crate::with_width;

/// What is added to the variance, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// Rows whose sums over the lanes go side by side, as each of their additions waits for the last.
const GROUP: usize = 4;

/// What a layer with normalisation keeps of a forward pass for the pass back, one row a sample.
pub struct Normed<T> {
    /// z itself, where it is asked for.
    pub z: Option<Panels<T>>,
    /// ẑ.
    hat: Panels<T>,
    /// 1 / √(variance + ε).
    scale: Buffer<T>,
    /// ∂C/∂gain and ∂C/∂shift of each sample.
    pub grads: [Panels<T>; 2],
}

impl<T: Real> Normed<T> {
    /// Room for `rows` rows of `n` neurons.
    pub fn zeros(rows: usize, n: usize, keep_z: bool) -> Self {
        let panels = || Panels::zeros(rows, n);
        Self {
            z: keep_z.then(panels),
            hat: panels(),
            scale: Buffer::zeros(rows),
            grads: [panels(), panels()],
        }
    }
}

/// From z to gain ẑ + shift, in place.
pub struct Normalize<'a, T> {
    pub layer: &'a Layer<T>,
    pub kept: Option<&'a Normed<T>>,
    pub values: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Job for Normalize<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        with_width!(T::LINE, self.all::<S, _>());
    }
}

impl<T: Real> Normalize<'_, T> {
    #[inline(always)]
    fn all<S: Set, const W: usize>(self) {
        let Self { layer, kept, values, rows } = self;
        let count = T::ONE / T::from_f64(values.n as f64);
        if let Some(z) = kept.and_then(|kept| kept.z.as_ref()) {
            for p in 0..values.panels() {
                z.write(p, rows).copy_from_slice(values.read(p, rows));
            }
        }
        let [gain, shift] = layer.norm.each_ref().map(Buffer::as_slice);
        for group in rows.blocks(GROUP) {
            let mut sums = [[T::ZERO; W]; GROUP];
            for (row, kept) in group.blocks(1).zip(&mut sums) {
                let mut sum = [T::ZERO; W];
                for p in 0..values.panels() {
                    let z = line::<T, W>(values, p, &row);
                    for n in 0..W {
                        sum[n] += z[n];
                    }
                }
                *kept = sum;
            }
            let means = totals(&sums).map(|sum| sum * count);
            let mut sums = [[T::ZERO; W]; GROUP];
            for ((row, kept), mean) in group.blocks(1).zip(&mut sums).zip(means) {
                let mut sum = [T::ZERO; W];
                for p in 0..values.panels() {
                    let z = line::<T, W>(values, p, &row);
                    let used = W.min(values.n - p * W);
                    for n in 0..W {
                        z[n] = if n < used { z[n] - mean } else { T::ZERO };
                        sum[n] = z[n].mul_add(z[n], sum[n]);
                    }
                }
                *kept = sum;
            }
            for (row, sum) in group.blocks(1).zip(totals(&sums)) {
                let scale = T::ONE / (sum * count + T::from_f64(EPSILON)).sqrt();
                for p in 0..values.panels() {
                    let z = line::<T, W>(values, p, &row);
                    let (gain, shift) = (&gain[p * W..][..W], &shift[p * W..][..W]);
                    for value in z.iter_mut() {
                        *value *= scale;
                    }
                    if let Some(kept) = kept {
                        line::<T, W>(&kept.hat, p, &row).copy_from_slice(z);
                    }
                    for n in 0..W {
                        z[n] = gain[n].mul_add(z[n], shift[n]);
                    }
                }
                if let Some(kept) = kept {
                    kept.scale.part(row.start(), 1)[0] = scale;
                }
            }
        }
    }
}

/// From δ of what the activation sees to δ of z, in place, with ∂C/∂gain and ∂C/∂shift.
///
/// With g = δ gain: (g - mean g - ẑ mean(g ẑ)) / √(variance + ε), means over the neurons.
pub struct Denormalize<'a, T> {
    pub layer: &'a Layer<T>,
    pub kept: &'a Normed<T>,
    pub delta: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Job for Denormalize<'_, T> {
    #[inline(always)]
    fn run<S: Set>(self) {
        with_width!(T::LINE, self.all::<S, _>());
    }
}

impl<T: Real> Denormalize<'_, T> {
    #[inline(always)]
    fn all<S: Set, const W: usize>(self) {
        let Self { layer, kept: Normed { hat, scale, grads, .. }, delta, rows } = self;
        let count = T::ONE / T::from_f64(delta.n as f64);
        let gain = layer.norm[0].as_slice();
        for group in rows.blocks(GROUP) {
            let mut sums = [[T::ZERO; W]; GROUP];
            let mut sums_along = sums;
            for ((row, kept), kept_along) in group.blocks(1).zip(&mut sums).zip(&mut sums_along) {
                let (mut sum, mut along) = ([T::ZERO; W], [T::ZERO; W]);
                for p in 0..delta.panels() {
                    let delta = line::<T, W>(delta, p, &row);
                    let hat = line::<T, W>(hat, p, &row);
                    let [of_gain, of_shift] =
                        grads.each_ref().map(|grad| line::<T, W>(grad, p, &row));
                    let gain = &gain[p * W..][..W];
                    of_shift.copy_from_slice(delta);
                    for n in 0..W {
                        of_gain[n] = delta[n] * hat[n];
                        delta[n] *= gain[n];
                        sum[n] += delta[n];
                        along[n] = delta[n].mul_add(hat[n], along[n]);
                    }
                }
                (*kept, *kept_along) = (sum, along);
            }
            let [means, alongs] =
                [sums, sums_along].map(|sums| totals(&sums).map(|sum| sum * count));
            for ((row, mean), along) in group.blocks(1).zip(means).zip(alongs) {
                let scale = scale.part(row.start(), 1)[0];
                for p in 0..delta.panels() {
                    let used = W.min(delta.n - p * W);
                    let hat = line::<T, W>(hat, p, &row);
                    let delta = line::<T, W>(delta, p, &row);
                    for n in 0..W {
                        let rest = (-hat[n]).mul_add(along, delta[n] - mean) * scale;
                        // No neuron stands in the padding, so it has no error.
                        delta[n] = if n < used { rest } else { T::ZERO };
                    }
                }
            }
        }
    }
}

/// The line of one row in panel `p`, to be written by the worker that it was dealt to.
#[inline(always)]
fn line<'a, T: Real, const W: usize>(
    panels: &'a Panels<T>,
    p: usize,
    row: &Share,
) -> &'a mut [T; W] {
    panels.write(p, row).try_into().expect("a line is as wide as a panel")
}

/// The sum of all lanes, in their order, of each row of a group.
#[inline(always)]
fn totals<T: Real, const W: usize>(rows: &[[T; W]; GROUP]) -> [T; GROUP] {
    let mut sums = [T::ZERO; GROUP];
    for n in 0..W {
        for (sum, lanes) in sums.iter_mut().zip(rows) {
            *sum += lanes[n];
        }
    }
    sums
}
