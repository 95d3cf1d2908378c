//! The data of the playground: toy sets, arrays and tables, and their division for the test.

use std::f64::consts::{PI, TAU};

use backprop_rs::{Purpose, Real, Stream, shuffle};

use crate::text::{Sentence, Settings};

/// Samples with their targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    pub n_in: usize,
    /// `(n, n_in)`, row by row.
    pub x: Vec<f64>,
    /// A class from 0, or `targets` numbers for each sample.
    pub y: Vec<f64>,
    /// The number of classes; 0 if the targets are numbers.
    pub classes: usize,
    pub targets: usize,
}

impl Dataset {
    pub fn len(&self) -> usize {
        self.x.len() / self.n_in.max(1)
    }

    /// Return the dataset of these rows.
    pub fn rows(&self, rows: &[u32]) -> Self {
        let pick = |from: &[f64], width: usize| {
            rows.iter().flat_map(|&i| from[i as usize * width..][..width].to_vec()).collect()
        };
        Self { x: pick(&self.x, self.n_in), y: pick(&self.y, self.targets), ..*self }
    }

    /// Divide the samples in a random order that the seed determines: for training, for the test.
    pub fn divided(&self, share: f64, seed: u64) -> (Self, Self) {
        let n = self.len();
        let mut order = vec![0; n];
        shuffle(&mut order, seed, [u64::MAX, 0, 0]); // no epoch has this number
        let held_out = ((share * n as f64).round() as usize).min(n.saturating_sub(1));
        let (test, training) = order.split_at_mut(held_out);
        training.sort_unstable(); // so that it reads like the file
        test.sort_unstable();
        (self.rows(training), self.rows(test))
    }
}

/// Draw a toy set: two inputs, two classes, or a number.
pub fn toy(settings: &Settings) -> Result<Dataset, Sentence> {
    let n = (settings.at_least("samples", 500.0, 4.0)? as usize).min(100_000);
    let noise = settings.at_least("noise", 0.0, 0.0)?;
    let mut stream = Stream::new(settings.number("seed", 0)?, Purpose::Noise, u64::MAX);
    let kind = settings.text("set");
    let (mut x, mut y) = (Vec::with_capacity(2 * n), Vec::with_capacity(n));
    for i in 0..n {
        let class = (i % 2) as f64;
        let sign = 2.0 * class - 1.0;
        let [u, v] = [stream.uniform(), stream.uniform()];
        let [e, f] = stream.normals();
        let (point, target) = match kind {
            "circles" => {
                let radius = if class == 1.0 { 0.5 * u.sqrt() } else { 0.7 + 0.3 * u };
                (polar(radius, TAU * v), class)
            }
            "xor" => {
                let [a, b] = [u, v].map(|u| (0.05 + 0.9 * u) * 2.0 - 1.0);
                let gap = |c: f64| c + 0.06f64.copysign(c);
                ([gap(a), gap(b)], f64::from(u8::from(a * b > 0.0)))
            }
            "spirals" => {
                let turn = (i / 2) as f64 / (n / 2).max(1) as f64;
                (polar(0.05 + 0.95 * turn, 1.75 * TAU * turn + class * PI), class)
            }
            "gaussians" => ([0.45 * sign + 0.18 * e, 0.45 * sign + 0.18 * f], class),
            "plane" => {
                let [a, b] = [2.0 * u - 1.0, 2.0 * v - 1.0];
                ([a, b], 0.6 * a - 0.4 * b)
            }
            "waves" => {
                let [a, b] = [2.0 * u - 1.0, 2.0 * v - 1.0];
                ([a, b], Real::sin(PI * a) * Real::cos(PI * b))
            }
            _ => return Err(format!("the data set '{kind}' does not exist")),
        };
        let numbers = matches!(kind, "plane" | "waves");
        let shift = if kind == "gaussians" { 1.0 } else { 0.35 };
        let of_points = if numbers { 0.0 } else { noise * shift };
        x.extend([point[0] + of_points * e, point[1] + of_points * f]);
        y.push(if numbers { target + noise * 0.35 * e } else { target });
    }
    let classes = if matches!(kind, "plane" | "waves") { 0 } else { 2 };
    Ok(Dataset { n_in: 2, x, y, classes, targets: 1 })
}

fn polar(radius: f64, angle: f64) -> [f64; 2] {
    [radius * Real::cos(angle), radius * Real::sin(angle)]
}

/// Return arrays as a dataset: `n_in` inputs and then the targets of each sample.
pub fn arrays(settings: &Settings, numbers: &[f64]) -> Result<Dataset, Sentence> {
    let n_in: usize = settings.number("inputs", 0)?;
    let targets: usize = settings.number("targets", 1)?;
    let classes = settings.number("classes", 0)?;
    let width = n_in + targets;
    if n_in == 0 || targets == 0 || numbers.is_empty() || !numbers.len().is_multiple_of(width) {
        return Err(format!("the data must be rows of {width} numbers; got {}", numbers.len()));
    }
    if !numbers.iter().all(|number| number.is_finite()) {
        return Err("the data must be finite numbers".into());
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for row in numbers.chunks(width) {
        x.extend_from_slice(&row[..n_in]);
        y.extend_from_slice(&row[n_in..]);
    }
    if classes > 0 && y.iter().any(|&label| !(0.0..classes as f64).contains(&label)) {
        return Err(format!("the classes must be 0 to {}", classes - 1));
    }
    Ok(Dataset { n_in, x, y, classes, targets })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &str) -> Dataset {
        toy(&Settings::parse(&format!("set\t{set}\nsamples\t40\nseed\t3\nnoise\t0.1"))).unwrap()
    }

    #[test]
    fn toy_sets_depend_on_the_seed_alone_and_have_both_classes() {
        for set in ["circles", "xor", "spirals", "gaussians", "plane", "waves"] {
            let data = of(set);
            assert_eq!((data.len(), data.n_in), (40, 2));
            assert_eq!(data, of(set));
            if data.classes == 2 {
                assert!(data.y.contains(&0.0) && data.y.contains(&1.0), "{set}");
            }
        }
        assert!(toy(&Settings::parse("set\tmoons")).is_err());
    }

    #[test]
    fn a_division_loses_no_sample() {
        let data = of("xor");
        let (training, test) = data.divided(0.25, 1);
        assert_eq!((training.len(), test.len()), (30, 10));
        let mut all: Vec<u64> =
            training.x.iter().chain(&test.x).map(|value| value.to_bits()).collect();
        let mut before: Vec<u64> = data.x.iter().map(|value| value.to_bits()).collect();
        all.sort_unstable();
        before.sort_unstable();
        assert_eq!(all, before);
        assert_eq!(data.divided(1.0, 1).0.len(), 1);
    }

    #[test]
    fn arrays_are_rows() {
        let settings = Settings::parse("inputs\t2\ntargets\t1\nclasses\t2");
        let data = arrays(&settings, &[1.0, 2.0, 0.0, 3.0, 4.0, 1.0]).unwrap();
        assert_eq!((data.x, data.y), (vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 1.0]));
        assert!(arrays(&settings, &[1.0, 2.0, 5.0]).is_err());
        assert!(arrays(&settings, &[1.0, 2.0]).is_err());
    }
}
