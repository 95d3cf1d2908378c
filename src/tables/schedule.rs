//! The table of learning-rate schedules: factors of α in the course of a training.
//!
//! x counts epochs from the start of a training, with fractions for the steps within an epoch;
//! `per_epoch=1` uses whole epochs only. A length of 0 means the rest of the training. Schedules
//! are multiplied by ` * ` and follow each other by ` then `, such as `warmup(5) then cosine`.

use std::fmt;

use crate::error::Error;
use crate::machine::real::Real;
use crate::tables::registry::table;

table! {
    /// One curve.
    pub enum Curve: "schedule" {
        /// 1.
        Constant = "constant";
        /// factor^⌊x / every⌋.
        Step = "step" { every: Positive = 10.0, factor: Positive = 0.1 };
        /// rate^x.
        Exponential = "exponential" { rate: Positive = 0.95, per_epoch: Flag = 0.0 };
        /// 1 / (1 + x)^power.
        InverseScaling = "inverse_scaling" { power: NonNegative = 0.5, per_epoch: Flag = 0.0 };
        /// end + (1 - end) (1 - x / length)^power.
        Polynomial = "polynomial" {
            power: Positive = 1.0, end: NonNegative = 0.0, length: NonNegative = 0.0,
            per_epoch: Flag = 0.0
        };
        /// end + (1 - end) (1 + cos(π x / length)) / 2 (Loshchilov and Hutter, 2017, eq. 5).
        Cosine = "cosine" {
            end: NonNegative = 0.0, length: NonNegative = 0.0, per_epoch: Flag = 0.0
        };
        /// `cosine` over `first` epochs, then over `multiplier` times as many, and so on (ibid.).
        CosineRestarts = "cosine_restarts" {
            first: Positive = 10.0, multiplier: AtLeastOne = 1.0, end: NonNegative = 0.0,
            per_epoch: Flag = 0.0
        };
        /// Linear from start to 1 (Goyal et al., 2017, section 2.2).
        Warmup = "warmup" {
            length: Positive = 5.0, start: NonNegative = 0.0, per_epoch: Flag = 0.0
        };
        /// From 1 / divide up to 1 by half a cosine over the fraction `rise` of the training, then
        /// down to 1 / (divide final_divide) (Smith and Topin, 2018; PyTorch's OneCycleLR).
        OneCycle = "one_cycle" {
            rise: Inside = 0.3, divide: Positive = 25.0, final_divide: Positive = 10_000.0,
            length: NonNegative = 0.0, per_epoch: Flag = 0.0
        };
        /// (1 - cos(2π log2(1 + (2^cycles - 1) x / length))) / 2: cycles from 0 to 1 and back, each
        /// twice as long as the one before (Holzmüller et al., 2024, section 3).
        Coslog4 = "coslog4" {
            cycles: Count = 4.0, length: NonNegative = 0.0, per_epoch: Flag = 0.0
        };
        /// 1 over the fraction `flat` of the training, then half a cosine down to 0 (ibid., with
        /// 0.5).
        FlatCos = "flat_cos" {
            flat: Fraction = 0.5, length: NonNegative = 0.0, per_epoch: Flag = 0.0
        };
        /// factor for each time that the watched value has not decreased by the fraction
        /// `threshold` in `patience` epochs; then it rests for `cooldown` epochs (PyTorch's
        /// ReduceLROnPlateau).
        ReduceOnPlateau = "reduce_on_plateau" {
            factor: Inside = 0.1, patience: Natural = 10.0, threshold: NonNegative = 1e-4,
            cooldown: Natural = 0.0, least: NonNegative = 0.0
        };
        /// A fifth for each time that the watched value has not decreased by `tol` in `patience`
        /// epochs (scikit-learn's learning_rate="adaptive").
        Adaptive = "adaptive" { tol: NonNegative = 1e-4, patience: Count = 2.0 };
    }
}

/// A position in a training, in epochs.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Epochs, including the finished fraction of this one.
    pub x: f64,
    /// The epochs that remain from the start of this curve.
    pub total: f64,
}

impl Curve {
    /// Return the factor at a position.
    fn factor(self, Progress { x, total }: Progress) -> f64 {
        match self {
            Self::Constant | Self::ReduceOnPlateau { .. } | Self::Adaptive { .. } => 1.0,
            Self::Step { every, factor } => power(factor, (x / every).floor()),
            Self::Exponential { rate, per_epoch } => power(rate, whole(x, per_epoch)),
            Self::InverseScaling { power: p, per_epoch } => power(1.0 + whole(x, per_epoch), -p),
            Self::Polynomial { power: p, end, length, per_epoch } => {
                let left = 1.0 - share(whole(x, per_epoch), length, total);
                end + (1.0 - end) * power(left, p)
            }
            Self::Cosine { end, length, per_epoch } => {
                half_cosine(1.0, end, share(whole(x, per_epoch), length, total))
            }
            Self::CosineRestarts { first, multiplier, end, per_epoch } => {
                half_cosine(1.0, end, share_of_cycle(whole(x, per_epoch) / first, multiplier))
            }
            Self::Warmup { length, start, per_epoch } => {
                start + (1.0 - start) * (whole(x, per_epoch) / length).min(1.0)
            }
            Self::OneCycle { rise, divide, final_divide, length, per_epoch } => {
                let done = share(whole(x, per_epoch), length, total);
                if done < rise {
                    half_cosine(1.0 / divide, 1.0, done / rise)
                } else {
                    half_cosine(1.0, 1.0 / (divide * final_divide), (done - rise) / (1.0 - rise))
                }
            }
            Self::Coslog4 { cycles, length, per_epoch } => {
                cycle_of_log(share(whole(x, per_epoch), length, total), cycles)
            }
            Self::FlatCos { flat, length, per_epoch } => {
                let done = share(whole(x, per_epoch), length, total);
                half_cosine(1.0, 0.0, ((done - flat) / (1.0 - flat)).max(0.0))
            }
        }
    }

    /// Return the epochs after which the next curve follows.
    fn length(self) -> f64 {
        match self {
            Self::Polynomial { length, .. }
            | Self::Cosine { length, .. }
            | Self::Warmup { length, .. }
            | Self::OneCycle { length, .. }
            | Self::Coslog4 { length, .. }
            | Self::FlatCos { length, .. } => length,
            _ => 0.0,
        }
    }

    /// Return true if the factor depends on the results of the training.
    fn is_reactive(self) -> bool {
        matches!(self, Self::ReduceOnPlateau { .. } | Self::Adaptive { .. })
    }
}

fn whole(x: f64, per_epoch: f64) -> f64 {
    if per_epoch == 0.0 { x } else { x.floor() }
}

/// Return the finished fraction of a length; 0 means the rest of the training.
fn share(x: f64, length: f64, total: f64) -> f64 {
    let length = if length > 0.0 { length } else { total };
    if length > 0.0 { (x / length).min(1.0) } else { 1.0 }
}

/// Return the finished fraction of the current cycle, `x` first cycles after the start, if each
/// cycle is `multiplier` times as long as the one before.
///
/// Cycle k starts after S_k = 1 + multiplier + ... + multiplier^(k-1) first cycles. S and the
/// powers of 1, 2, 4, ... cycles follow from S_2k = S_k (1 + multiplier^k); k is composed of them.
/// A position within some ulp of a start, such as 0.3 / 0.1, counts as the start.
fn share_of_cycle(x: f64, multiplier: f64) -> f64 {
    let x = x.min(f64::MAX);
    let reached = (x * (1.0 + 4.0 * f64::EPSILON)).min(f64::MAX);
    let mut doubled = vec![(1.0, multiplier)]; // S and multiplier^k of k = 1, 2, 4, ... cycles
    while let Some(&(sum, power)) = doubled.last().filter(|(sum, _)| *sum <= reached) {
        doubled.push((sum * (1.0 + power), power * power));
    }
    let (mut begin, mut length) = (0.0, 1.0);
    for (sum, power) in doubled.into_iter().rev() {
        if begin + length * sum <= reached {
            (begin, length) = (begin + length * sum, length * power);
        }
    }
    ((x - begin) / length).max(0.0)
}

/// Go from one value to another along half a cosine.
fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + Real::cos(std::f64::consts::PI * share))
}

/// Return (1 - cos(2π log2(1 + (2^cycles - 1) t))) / 2.
///
/// The logarithm is cycles + log2(t + (1 - t) / 2^cycles), so that no power overflows; whole cycles
/// do not count.
fn cycle_of_log(t: f64, cycles: f64) -> f64 {
    let part = t + (1.0 - t) * power(2.0, -cycles);
    let passed = if part > 0.0 { Real::ln(part) / std::f64::consts::LN_2 } else { 0.0 };
    half_cosine(0.0, 1.0, 2.0 * (passed - passed.floor()))
}

/// Compute base^exponent for a base that is not negative; the platform's own might differ.
pub fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 0.0 {
        1.0
    } else if base == 0.0 {
        0.0
    } else {
        Real::exp(exponent * Real::ln(base))
    }
}

/// Curves that follow each other, each a product of curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule(Vec<Vec<Curve>>);

impl Schedule {
    /// Parse a schedule.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let product = |text: &str| text.split(" * ").map(Curve::from_text).collect();
        let parts: Vec<Vec<Curve>> = text.split(" then ").map(product).collect::<Result<_, _>>()?;
        if parts.iter().flatten().filter(|curve| curve.is_reactive()).count() > 1 {
            return Err(Error::ReactiveCurves { given: text.into() });
        }
        let endless = |part: &&Vec<Curve>| part.iter().all(|curve| curve.length() == 0.0);
        match parts[..parts.len() - 1].iter().find(endless) {
            Some(part) => Err(Error::EndlessSchedule { given: part[0].to_string() }),
            None => Ok(Self(parts)),
        }
    }

    /// Return the schedule that is always 1.
    pub fn constant() -> Self {
        Self(vec![vec![Curve::Constant]])
    }

    /// Return true if the factor is always 1, except for a reactive curve.
    pub fn is_constant(&self) -> bool {
        self.0.iter().flatten().all(|curve| *curve == Curve::Constant || curve.is_reactive())
    }

    /// Return the factor at x of `total` epochs.
    pub fn factor(&self, x: f64, total: f64) -> f64 {
        let mut at = Progress { x, total };
        for part in &self.0[..self.0.len() - 1] {
            let length = part.iter().map(|curve| curve.length()).fold(0.0, f64::max);
            if at.x < length {
                return product(part, at);
            }
            at = Progress { x: at.x - length, total: at.total - length };
        }
        product(&self.0[self.0.len() - 1], at)
    }

    /// Return the reactive curve, if there is one.
    pub fn reactive(&self) -> Option<Curve> {
        self.0.iter().flatten().copied().find(|curve| curve.is_reactive())
    }
}

fn product(part: &[Curve], at: Progress) -> f64 {
    part.iter().fold(1.0, |product, curve| product * curve.factor(at))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product =
            |part: &Vec<Curve>| part.iter().map(Curve::to_string).collect::<Vec<_>>().join(" * ");
        f.write_str(&self.0.iter().map(product).collect::<Vec<_>>().join(" then "))
    }
}

/// The memory of a reactive curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReactiveState {
    /// The factor of α.
    pub factor: f64,
    pub best: f64,
    /// Epochs without progress, and remaining epochs of rest.
    pub stuck: u32,
    pub resting: u32,
}

impl Default for ReactiveState {
    fn default() -> Self {
        Self { factor: 1.0, best: f64::INFINITY, stuck: 0, resting: 0 }
    }
}

impl ReactiveState {
    /// Return the memory after an epoch that ended with `value`.
    pub fn after(mut self, curve: Curve, value: f64) -> Self {
        match curve {
            Curve::ReduceOnPlateau { factor, patience, threshold, cooldown, least } => {
                let progress = value < self.best * (1.0 - threshold);
                self.stuck = if progress { 0 } else { self.stuck + 1 };
                self.best = if progress { value } else { self.best };
                if self.resting > 0 {
                    (self.resting, self.stuck) = (self.resting - 1, 0);
                }
                if f64::from(self.stuck) > patience {
                    self.factor = (self.factor * factor).max(least);
                    (self.resting, self.stuck) = (cooldown as u32, 0);
                }
            }
            Curve::Adaptive { tol, patience } => {
                self.stuck = if value > self.best - tol { self.stuck + 1 } else { 0 };
                self.best = self.best.min(value);
                if f64::from(self.stuck) >= patience {
                    (self.factor, self.stuck) = (self.factor / 5.0, 0);
                }
            }
            _ => {}
        }
        self
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // the reference values
mod tests {
    use super::*;

    fn factors(text: &str, places: &[f64], total: f64) -> Vec<f64> {
        let schedule = Schedule::from_text(text).unwrap();
        places.iter().map(|x| schedule.factor(*x, total)).collect()
    }

    fn close(given: &[f64], wanted: &[f64]) {
        for (given, wanted) in given.iter().zip(wanted) {
            assert!((given - wanted).abs() <= 4.0 * f64::EPSILON, "{given} {wanted}");
        }
    }

    #[test]
    fn curves_pass_through_their_landmarks() {
        close(&factors("step(2, 0.5)", &[0.0, 1.9, 2.0, 5.0], 9.0), &[1.0, 1.0, 0.5, 0.25]);
        close(&factors("cosine(0.2)", &[0.0, 5.0, 10.0, 11.0], 10.0), &[1.0, 0.6, 0.2, 0.2]);
        close(&factors("warmup(4)", &[0.0, 1.0, 4.0, 9.0], 10.0), &[0.0, 0.25, 1.0, 1.0]);
        close(&factors("cosine_restarts(2, 2)", &[0.0, 1.0, 2.0, 4.0], 9.0), &[1.0, 0.5, 1.0, 0.5]);
        close(&factors("one_cycle(0.5)", &[0.0, 5.0, 10.0], 10.0), &[0.04, 1.0, 4e-6]);
        close(&factors("coslog4", &[0.0, 1.0, 3.0, 7.0, 15.0], 15.0), &[0.0; 5]);
        close(
            &factors("coslog4", &[2f64.sqrt() - 1.0, 23f64.sqrt()], 15.0),
            &[1.0, {
                let passed = (1.0 + 23f64.sqrt()).log2();
                0.5 - 0.5 * (2.0 * std::f64::consts::PI * passed).cos()
            }],
        );
        close(&factors("flat_cos", &[0.0, 5.0, 7.5, 10.0], 10.0), &[1.0, 1.0, 0.5, 0.0]);
        close(&factors("flat_cos(0)", &[2.5, 5.0], 10.0), &factors("cosine", &[2.5, 5.0], 10.0));
        close(&factors("exponential(0.5)", &[0.0, 0.5, 2.0], 9.0), &[1.0, 0.5f64.sqrt(), 0.25]);
        close(&factors("exponential(0.5, per_epoch=1)", &[0.5, 1.5], 9.0), &[1.0, 0.5]);
        close(&factors("warmup(2) then cosine", &[1.0, 2.0, 6.0], 10.0), &[0.5, 1.0, 0.5]);
        close(&factors("warmup(2) * exponential(0.5)", &[1.0, 2.0], 10.0), &[0.25, 0.25]);
    }

    #[test]
    fn restarts_come_when_they_are_due() {
        for (text, x) in
            [("0.1", 0.3), ("0.1", 0.7), ("3", 3e9), ("1e-300", 5.0), ("0.7, 1.5", 0.7)]
        {
            let factor = factors(&format!("cosine_restarts({text})"), &[x], 9.0)[0];
            assert_eq!(factor, 1.0, "{text} at {x}");
        }
        // Of cycles of 1, 2, 4, ... number 30 starts at 2^30 - 1.
        let length = f64::from(1 << 30);
        let places = [length - 1.0, 1.5 * length - 1.0];
        close(&factors("cosine_restarts(1, 2)", &places, 9.0), &[1.0, 0.5]);
        assert_eq!(share_of_cycle(f64::MAX, 1.0), 0.0);
        assert!((0.0..1.0).contains(&share_of_cycle(f64::INFINITY, 1.000_001)));
    }

    #[test]
    fn a_schedule_reads_as_it_is_written() {
        for text in ["constant", "warmup(length=3) then cosine(end=0.1)", "step * exponential"] {
            assert_eq!(Schedule::from_text(text).unwrap().to_string(), text);
        }
        let error = Schedule::from_text("cosine then constant").unwrap_err();
        assert_eq!(error.to_string(), "schedule 'cosine' needs a length before 'then'; got none");
    }
}
