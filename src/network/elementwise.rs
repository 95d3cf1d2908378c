//! Kernels that act on each number alone: σ, σ' and masks.

use std::ops::Range;

use crate::machine::kernel::{Buffer, Kernel, LINE_MAX, Packed, Panels, Simd, first};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::tables::activation::Activation;

/// Computes a = σ(z) for the neurons of some panels.
pub struct Activate<'a, T> {
    pub activation: Activation,
    /// The weights of the layer: their panels give the widths.
    pub w: &'a Packed<T>,
    pub z: Option<&'a Panels<T>>,
    pub a: &'a Panels<T>,
    pub rows: &'a Share,
    pub panels: Range<usize>,
}

impl<T: Real> Kernel for Activate<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { activation, w, z, a, rows, panels } = self;
        for p in panels {
            // SAFETY: this worker's rows of one of its panels; z, if there is one, is another
            // buffer.
            let out = unsafe { a.write(p, rows) };
            if let Some(z) = z {
                out.copy_from_slice(z.read(p, rows));
            }
            match w.width(p) {
                2 if const { T::LINE == 8 } => sigma_of_lines::<T, S, 2>(activation, out),
                4 => sigma_of_lines::<T, S, 4>(activation, out),
                8 if const { T::LINE == 16 } => sigma_of_lines::<T, S, 8>(activation, out),
                _ => activation.sigma::<T, S>(out),
            }
        }
    }
}

/// Compute σ of the first `N` numbers of each line, as many lines at a time as fill one.
#[inline(always)]
pub fn sigma_of_lines<T: Real, S: Simd, const N: usize>(activation: Activation, lines: &mut [T]) {
    if lines.len() == T::LINE {
        let line = activation.sigma_of_line::<T, S, N>(first(lines));
        lines[..N].copy_from_slice(&line);
        return;
    }
    for group in lines.chunks_mut(T::LINE / N * T::LINE) {
        let mut full = [T::ZERO; LINE_MAX];
        pack::<T, N>(group, &mut full);
        if const { T::LINE == LINE_MAX } {
            unpack::<T, N>(&activation.sigma_of_line::<T, S, LINE_MAX>(full), group);
        } else {
            const HALF: usize = LINE_MAX / 2;
            unpack::<T, N>(&activation.sigma_of_line::<T, S, HALF>(first(&full)), group);
        }
    }
}

/// Pack the first `N` numbers of up to LINE / N lines into one line.
#[inline(always)]
pub fn pack<T: Real, const N: usize>(lines: &[T], full: &mut [T; LINE_MAX]) {
    for (line, to) in lines.chunks_exact(T::LINE).zip(full.chunks_exact_mut(N)) {
        to.copy_from_slice(&line[..N]);
    }
}

/// Unpack the numbers of one line to the places from which [`pack`] took them.
#[inline(always)]
fn unpack<T: Real, const N: usize>(full: &[T], lines: &mut [T]) {
    for (line, from) in lines.chunks_exact_mut(T::LINE).zip(full.chunks_exact(N)) {
        line[..N].copy_from_slice(from);
    }
}

/// Multiplies elementwise: activations or δ by a dropout mask.
pub struct Multiply<'a, T> {
    pub by: &'a Panels<T>,
    /// The values to multiply; None for those of `out` itself.
    pub values: Option<&'a Panels<T>>,
    pub out: &'a Panels<T>,
    pub rows: &'a Share,
}

impl<T: Real> Kernel for Multiply<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for p in 0..self.out.panels() {
            let by = self.by.read(p, self.rows);
            // SAFETY: this worker's rows; the factors, and the values if given, are in other
            // buffers.
            let out = unsafe { self.out.write(p, self.rows) }.iter_mut();
            match self.values {
                None => out.zip(by).for_each(|(v, by)| *v *= *by),
                Some(values) => {
                    let products = values.read(p, self.rows).iter().zip(by);
                    out.zip(products).for_each(|(out, (v, by))| *out = *v * *by);
                }
            }
        }
    }
}

/// Computes a = z + α (σ(z) - z) for the neurons of some panels.
pub struct Mix<'a, T> {
    pub alpha: &'a Buffer<T>,
    pub z: &'a Panels<T>,
    /// σ(z); None if it is in `a`.
    pub sigma: Option<&'a Panels<T>>,
    pub a: &'a Panels<T>,
    pub rows: &'a Share,
    pub panels: Range<usize>,
}

impl<T: Real> Kernel for Mix<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { alpha, z, sigma, a, rows, panels } = self;
        for p in panels {
            let alpha = alpha_of(alpha, p);
            // SAFETY: this worker's rows of one of its panels; the others are other buffers.
            let out = unsafe { a.write(p, rows) };
            if let Some(sigma) = sigma {
                out.copy_from_slice(sigma.read(p, rows));
            }
            let lines = out.chunks_exact_mut(T::LINE).zip(z.read(p, rows).chunks_exact(T::LINE));
            for (out, z) in lines {
                for n in 0..T::LINE {
                    out[n] = alpha[n].mul_add(out[n] - z[n], z[n]);
                }
            }
        }
    }
}

/// Copies some panels.
pub struct Copy<'a, T> {
    pub from: &'a Panels<T>,
    pub to: &'a Panels<T>,
    pub rows: &'a Share,
    pub panels: Range<usize>,
}

impl<T: Real> Kernel for Copy<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for p in self.panels {
            // SAFETY: this worker's rows of one of its panels; `from` is another buffer.
            unsafe { self.to.write(p, self.rows) }.copy_from_slice(self.from.read(p, self.rows));
        }
    }
}

/// Computes δ of z and the gradient of α of a = z + α (σ(z) - z), for the neurons of some panels.
pub struct Unmix<'a, T> {
    pub alpha: &'a Buffer<T>,
    pub z: &'a Panels<T>,
    pub sigma: &'a Panels<T>,
    /// ∂C/∂a ⊙ σ'(z), which becomes δ.
    pub delta: &'a Panels<T>,
    /// ∂C/∂a, which becomes ∂C/∂α of each sample.
    pub grad: &'a Panels<T>,
    pub rows: &'a Share,
    pub panels: Range<usize>,
}

impl<T: Real> Kernel for Unmix<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { alpha, z, sigma, delta, grad, rows, panels } = self;
        for p in panels {
            let alpha = alpha_of(alpha, p);
            // SAFETY (here and below): this worker's rows of one of its panels of other buffers.
            let delta = unsafe { delta.write(p, rows) }.chunks_exact_mut(T::LINE);
            let grad = unsafe { grad.write(p, rows) }.chunks_exact_mut(T::LINE);
            let values = z.read(p, rows).chunks_exact(T::LINE);
            let values = values.zip(sigma.read(p, rows).chunks_exact(T::LINE));
            for ((delta, grad), (z, sigma)) in delta.zip(grad).zip(values) {
                for n in 0..T::LINE {
                    delta[n] = alpha[n].mul_add(delta[n] - grad[n], grad[n]);
                    grad[n] *= sigma[n] - z[n];
                }
            }
        }
    }
}

/// Return the line of α of panel `p`, whose buffer may be shorter.
#[inline(always)]
fn alpha_of<T: Real>(alpha: &Buffer<T>, p: usize) -> [T; LINE_MAX] {
    let mut line = [T::ZERO; LINE_MAX];
    let part = &alpha.as_slice()[p * T::LINE..];
    let length = part.len().min(T::LINE);
    line[..length].copy_from_slice(&part[..length]);
    line
}

/// Computes δ ⊙ σ'(z, a) for the neurons of some panels of a hidden layer.
pub struct Slope<'a, T> {
    pub activation: Activation,
    pub z: &'a Panels<T>,
    pub a: &'a Panels<T>,
    pub delta: &'a Panels<T>,
    pub rows: &'a Share,
    pub panels: Range<usize>,
}

impl<T: Real> Kernel for Slope<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        for p in self.panels {
            let (z, a) = (self.z.read(p, self.rows), self.a.read(p, self.rows));
            // SAFETY: this worker's rows of one of its panels; z and a are other buffers.
            let delta = unsafe { self.delta.write(p, self.rows) };
            self.activation.sigma_prime::<T, S>(z, a, delta);
        }
    }
}
