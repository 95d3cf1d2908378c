//! The errors of the elementary functions, in units in the last place (ulp).
//!
//! `cargo bench --bench ulp -- --all` meets all 2³² `f32` (some minutes), without `--all` every
//! 4,099th; the truth is the platform's `f64` function, whose own error is 2⁻²⁹ of an ulp here.
//! With `--double N` it prints N samples a function in `f64` for `tools/ulp.py` to judge.

#![allow(clippy::disallowed_methods)] // the truth that ours are held to

use backprop_rs::Real;

/// A function of the trait, its truth, and the least result that its bound holds for.
struct Function {
    name: &'static str,
    single: fn(&mut [f32]),
    double: fn(f64) -> f64,
    truth: fn(f64) -> f64,
    domain: fn(f64) -> bool,
    least: f64,
}

macro_rules! function {
    ($name:ident, $truth:expr, $domain:expr, $least:expr) => {{
        /// A slice at a time, for the compiler to use vectors.
        #[inline(always)]
        fn plain(values: &mut [f32]) {
            values.iter_mut().for_each(|x| *x = Real::$name(*x));
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn fused(values: &mut [f32]) {
            plain(values);
        }
        fn single(values: &mut [f32]) {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the processor has just been asked.
                return unsafe { fused(values) };
            }
            plain(values);
        }
        Function {
            name: stringify!($name),
            single,
            double: |x| Real::$name(x),
            truth: $truth,
            domain: $domain,
            least: $least,
        }
    }};
}

fn functions() -> [Function; 6] {
    let everywhere = |x: f64| !x.is_nan();
    let normal = f64::from(f32::MIN_POSITIVE);
    [
        function!(exp, f64::exp, everywhere, 0.0),
        function!(ln, f64::ln, |x| x >= 0.0, 0.0),
        function!(ln_1p, f64::ln_1p, |x| x >= 0.0, 0.0),
        function!(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), everywhere, normal),
        function!(tanh, f64::tanh, everywhere, 0.0),
        function!(softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), everywhere, 0.0),
    ]
}

/// The distance between a result and the truth in ulps of the truth.
fn error(result: f32, truth: f64) -> f64 {
    if result == truth as f32 && (result.is_infinite() || truth == 0.0) {
        return 0.0;
    }
    let exponent = (truth.abs().to_bits() >> 52) as i32 - 1023;
    let ulp = f64::from_bits(((exponent.clamp(-126, 127) - 23 + 1023) as u64) << 52);
    (f64::from(result) - truth).abs() / ulp
}

/// The worst error of all `f32` whose bits are multiples of `step`.
fn judge(function: &Function, step: usize) {
    const BLOCK: usize = 4096;
    let (mut worst, mut at, mut below) = (0.0, 0.0, 0.0_f64);
    let mut bits = (0..=u32::MAX).step_by(step).peekable();
    let (mut xs, mut results) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    while bits.peek().is_some() {
        xs.clear();
        xs.extend(bits.by_ref().take(BLOCK).map(f32::from_bits));
        results.clone_from(&xs);
        (function.single)(&mut results);
        for (&x, &result) in
            xs.iter().zip(&results).filter(|(x, _)| (function.domain)((**x).into()))
        {
            let truth = (function.truth)(x.into());
            if truth.abs() < function.least {
                below = below.max(f64::from(result));
                continue;
            }
            let error = error(result, truth);
            if error > worst || error.is_nan() {
                (worst, at) = (error, x);
            }
        }
    }
    print!("{:9} {worst:.4} ulp at most, at {at:e}", function.name);
    if function.least > 0.0 {
        print!("; at most {below:e} where the truth is less than {:e}", function.least);
    }
    println!();
}

/// Prints samples as bits: small and large ones, and all exponents.
fn print_samples(function: &Function, n: u64) {
    for i in 0..n {
        let z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        let unit = (z >> 11) as f64 / (1u64 << 53) as f64;
        let x = match i % 4 {
            0 => f64::from_bits(z),
            1 => 2.0 * unit - 1.0,
            2 => 1.0 + (unit - 0.5) / 4.0,
            _ => 1500.0 * unit - 750.0,
        };
        if (function.domain)(x) {
            println!(
                "{} {:016x} {:016x}",
                function.name,
                x.to_bits(),
                (function.double)(x).to_bits()
            );
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--double"), Some(n)) => {
            let n = n.parse().expect("--double takes a number");
            functions().iter().for_each(|function| print_samples(function, n));
        }
        (Some("--all"), None) => functions().iter().for_each(|function| judge(function, 1)),
        (None, None) => functions().iter().for_each(|function| judge(function, 4099)),
        _ => panic!("the options are --all and --double N"),
    }
}
