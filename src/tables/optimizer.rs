//! The table of update rules, and the moments that a rule keeps for each parameter.

use crate::error::Error;
use crate::machine::kernel::{Buffer, Kernel, Simd};
use crate::machine::real::Real;
use crate::tables::registry::table;
use crate::tables::schedule::power;

table! {
    /// The rule by which the averaged gradient g changes a parameter θ.
    pub enum Rule: "optimizer" {
        /// θ := θ - α ∂C/∂θ, the derivation's gradient descent. With momentum μ: b := μ b + g and
        /// θ := θ - α b, with nesterov θ := θ - α (g + μ b) (Sutskever et al., 2013; PyTorch's
        /// SGD). With velocity=1 the moment holds -α b, so that a new α changes new steps only
        /// (Keras's SGD, scikit-learn's).
        Sgd = "sgd" { momentum: Share = 0.0, nesterov: Flag = 0.0, velocity: Flag = 0.0 };
        /// Adam (Kingma and Ba, 2015, Algorithm 1); amsgrad takes the largest v so far (Reddi et
        /// al., 2018), epsilon_hat=1 adds epsilon before the bias is corrected (section 2).
        Adam = "adam" {
            beta1: Fraction = 0.9, beta2: Fraction = 0.999, epsilon: Positive = 1e-8,
            amsgrad: Flag = 0.0, epsilon_hat: Flag = 0.0
        };
        /// Adam with w := w - α weight_decay w before each step, except for biases (Loshchilov and
        /// Hutter, 2019).
        AdamW = "adamw" {
            beta1: Fraction = 0.9, beta2: Fraction = 0.999, epsilon: Positive = 1e-8,
            weight_decay: NonNegative = 0.01, amsgrad: Flag = 0.0
        };
        /// Adam with Nesterov's momentum (Dozat, 2016; PyTorch's NAdam).
        NAdam = "nadam" {
            beta1: Fraction = 0.9, beta2: Fraction = 0.999, epsilon: Positive = 1e-8,
            momentum_decay: NonNegative = 0.004
        };
        /// v := alpha v + (1 - alpha) g², θ := θ - α g / (√v + epsilon) (Tieleman and Hinton,
        /// 2012); centered subtracts the square of the mean g from v (Graves, 2013; PyTorch's
        /// RMSprop).
        RmsProp = "rmsprop" {
            alpha: Fraction = 0.99, epsilon: Positive = 1e-8, momentum: Fraction = 0.0,
            centered: Flag = 0.0
        };
        /// s := s + g², θ := θ - α g / (√s + epsilon) (Duchi, Hazan and Singer, 2011).
        AdaGrad = "adagrad" {
            epsilon: Positive = 1e-10, initial: NonNegative = 0.0, rate_decay: NonNegative = 0.0
        };
        /// A separate step size for each parameter, starting at α: larger if g keeps its sign,
        /// smaller if it changes, and then the step is skipped (Riedmiller and Braun, 1993;
        /// PyTorch's Rprop).
        RProp = "rprop" {
            shorter: Inside = 0.5, longer: AtLeastOne = 1.2, least: NonNegative = 1e-6,
            most: Positive = 50.0
        };
        /// θ := θ - α sign(beta1 m + (1 - beta1) g), then m := beta2 m + (1 - beta2) g; decay as in
        /// `adamw` (Chen et al., 2023, Algorithm 2).
        Lion = "lion" {
            beta1: Fraction = 0.9, beta2: Fraction = 0.99, weight_decay: NonNegative = 0.0
        };
    }
}

/// The most moments that a rule keeps for each parameter.
pub const MOMENTS: usize = 3;

impl Rule {
    /// Gradient descent as in the derivation.
    pub const PLAIN: Self = Self::Sgd { momentum: 0.0, nesterov: 0.0, velocity: 0.0 };

    /// Return the names of the moments that the rule keeps for each parameter.
    pub fn memory(self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum: 0.0, .. } => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adam { amsgrad: 0.0, .. } | Self::AdamW { amsgrad: 0.0, .. } => {
                &["mean", "square"]
            }
            Self::Adam { .. } | Self::AdamW { .. } => &["mean", "square", "largest"],
            Self::NAdam { .. } => &["mean", "square"],
            Self::RmsProp { momentum: 0.0, centered: 0.0, .. } => &["square"],
            Self::RmsProp { centered: 0.0, .. } => &["square", "momentum"],
            Self::RmsProp { .. } => &["square", "momentum", "mean"],
            Self::AdaGrad { .. } => &["square"],
            Self::RProp { .. } => &["gradient", "step"],
            Self::Lion { .. } => &["mean"],
        }
    }

    /// Return the fraction of α by which the rule itself shrinks weights.
    fn weight_decay(self) -> f64 {
        match self {
            Self::AdamW { weight_decay, .. } | Self::Lion { weight_decay, .. } => weight_decay,
            _ => 0.0,
        }
    }

    /// Return the values of update number `clock.t`, computed once for all parameters.
    pub fn at<T: Real>(self, clock: &Clock, learning_rate: f64) -> Update<T> {
        self.of_group(clock, learning_rate, Factors::NONE)
    }

    /// Return the values of update number `clock.t` for the parameters of a group.
    pub fn of_group<T: Real>(self, clock: &Clock, rate: f64, factors: Factors) -> Update<T> {
        let number = T::from_f64;
        let (learning_rate, decay_rate) = (rate * factors.learning_rate, rate * factors.decay);
        let unbiased = |beta: f64| 1.0 / (1.0 - power_of(beta, clock.t));
        let kind = match self {
            Self::Sgd { momentum: 0.0, .. } => Kind::Sgd { learning_rate: number(learning_rate) },
            Self::Sgd { momentum, nesterov, velocity } => Kind::Momentum {
                momentum: number(momentum),
                nesterov: nesterov != 0.0,
                inner: number(if velocity == 0.0 { 1.0 } else { -learning_rate }),
                outer: number(if velocity == 0.0 { -learning_rate } else { 1.0 }),
            },
            Self::Adam { beta1, beta2, epsilon, amsgrad, epsilon_hat } => {
                let correction = if epsilon_hat == 0.0 { 1.0 } else { unbiased(beta2).sqrt() };
                Kind::Adam(Adam {
                    rate: number(-learning_rate * unbiased(beta1)),
                    learning_rate: number(learning_rate),
                    unbiased1: number(unbiased(beta1)),
                    ..Adam::new([beta1, beta2, epsilon * correction], unbiased(beta2), amsgrad)
                })
            }
            Self::AdamW { beta1, beta2, epsilon, amsgrad, .. } => Kind::Adam(Adam {
                rate: number(-learning_rate * unbiased(beta1)),
                learning_rate: number(learning_rate),
                unbiased1: number(unbiased(beta1)),
                ..Adam::new([beta1, beta2, epsilon], unbiased(beta2), amsgrad)
            }),
            Self::NAdam { beta1, beta2, epsilon, momentum_decay } => {
                let (now, next) = clock.momenta(beta1, momentum_decay);
                let product = clock.momentum_product;
                Kind::NAdam {
                    adam: Adam::new([beta1, beta2, epsilon], unbiased(beta2), 0.0),
                    of_gradient: number(-learning_rate * (1.0 - now) / (1.0 - product)),
                    of_mean: number(-learning_rate * next / (1.0 - product * next)),
                }
            }
            Self::RmsProp { alpha, epsilon, momentum, centered } => Kind::RmsProp {
                learning_rate: number(-learning_rate),
                alpha: number(alpha),
                rest: number(1.0 - alpha),
                epsilon: number(epsilon),
                momentum: number(momentum),
                centered: centered != 0.0,
            },
            Self::AdaGrad { epsilon, initial, rate_decay } => {
                let past = (clock.t - 1) as f64 * rate_decay;
                Kind::AdaGrad {
                    learning_rate: number(-learning_rate / (1.0 + past)),
                    epsilon: number(epsilon),
                    initial: number(initial),
                }
            }
            Self::RProp { shorter, longer, least, most } => Kind::RProp {
                first: number(learning_rate),
                factors: [number(shorter), number(longer)],
                range: [least, most].map(|step| number(step * factors.learning_rate)),
            },
            Self::Lion { beta1, beta2, .. } => Kind::Lion {
                learning_rate: number(-learning_rate),
                beta: [number(beta1), number(beta2)],
                rest: [number(1.0 - beta1), number(1.0 - beta2)],
            },
        };
        let decay = number(decay_rate * self.weight_decay());
        Update { kind, decay_rate: number(decay_rate), decay, clip: None, scale: T::ONE }
    }
}

/// Factors for a group of parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// The factor of the learning rate, including the step sizes of `rprop`.
    pub learning_rate: f64,
    /// The factor of the decay, which uses α without the factor above.
    pub decay: f64,
}

impl Factors {
    pub const NONE: Self = Self { learning_rate: 1.0, decay: 1.0 };
}

/// The number of an update, from 1, and the products that grow with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    pub t: u64,
    /// Π μ_i over the updates so far, of `nadam`.
    pub momentum_product: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { t: 0, momentum_product: 1.0 }
    }
}

impl Clock {
    /// Go to the next update.
    #[inline]
    pub fn tick(&mut self, rule: Rule) {
        self.t += 1;
        if let Rule::NAdam { beta1, momentum_decay, .. } = rule {
            self.momentum_product *= self.momenta(beta1, momentum_decay).0;
        }
    }

    /// Return μ of this update and of the next.
    fn momenta(&self, beta1: f64, decay: f64) -> (f64, f64) {
        let mu = |t: u64| beta1 * (1.0 - 0.5 * power(0.96, t as f64 * decay));
        (mu(self.t), mu(self.t + 1))
    }
}

/// Compute base^exponent by squaring: the platform's own power may differ between machines.
fn power_of(mut base: f64, mut exponent: u64) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

/// A rule with its numbers for one step.
#[derive(Debug, Clone, Copy)]
pub struct Update<T> {
    kind: Kind<T>,
    /// α times the factor of the decay.
    decay_rate: T,
    /// The factor by which the rule shrinks weights.
    decay: T,
    /// The largest element of a gradient.
    pub clip: Option<T>,
    /// The factor of the penalties.
    pub scale: T,
}

/// The penalties in the gradient of a layer's weights, and their decay.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Penalty {
    /// The factor of Σ |w|.
    pub l1: f64,
    /// The factor of Σ w².
    pub l2: f64,
    /// Decoupled: w := w - α weight_decay w before the step.
    pub weight_decay: f64,
}

impl Penalty {
    /// Return the value of the penalty for these Σ |w| and Σ w².
    pub fn value(&self, sum: f64, squares: f64) -> f64 {
        self.l1 * sum + self.l2 * squares
    }
}

#[derive(Debug, Clone, Copy)]
struct Adam<T> {
    learning_rate: T,
    rate: T,
    beta1: T,
    beta2: T,
    rest1: T,
    rest2: T,
    unbiased1: T,
    unbiased2: T,
    epsilon: T,
    amsgrad: bool,
}

impl<T: Real> Adam<T> {
    fn new([beta1, beta2, epsilon]: [f64; 3], unbiased2: f64, amsgrad: f64) -> Self {
        let number = T::from_f64;
        Self {
            learning_rate: T::ZERO,
            rate: T::ZERO,
            beta1: number(beta1),
            beta2: number(beta2),
            rest1: number(1.0 - beta1),
            rest2: number(1.0 - beta2),
            unbiased1: T::ONE,
            unbiased2: number(unbiased2),
            epsilon: number(epsilon),
            amsgrad: amsgrad != 0.0,
        }
    }

    /// Return the new mean, square and denominator.
    #[inline(always)]
    fn moments(&self, g: T, m: T, v: T) -> [T; 3] {
        let m = self.beta1.mul_add(m, self.rest1 * g).flush_subnormal();
        let v = self.beta2.mul_add(v, self.rest2 * g * g).flush_subnormal();
        [m, v, (v * self.unbiased2).sqrt() + self.epsilon]
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind<T> {
    Sgd { learning_rate: T },
    Momentum { momentum: T, nesterov: bool, inner: T, outer: T },
    Adam(Adam<T>),
    NAdam { adam: Adam<T>, of_gradient: T, of_mean: T },
    RmsProp { learning_rate: T, alpha: T, rest: T, epsilon: T, momentum: T, centered: bool },
    AdaGrad { learning_rate: T, epsilon: T, initial: T },
    RProp { first: T, factors: [T; 2], range: [T; 2] },
    Lion { learning_rate: T, beta: [T; 2], rest: [T; 2] },
}

impl<T: Real> Update<T> {
    /// Apply the operations before the rule: clipping for all parameters, penalties and decay for
    /// weights.
    #[inline(always)]
    pub fn prepare(&self, w: &mut [T], grad: &mut [T], penalty: Option<&Penalty>) {
        if let Some(clip) = self.clip {
            grad.iter_mut().for_each(|g| *g = g.at_most(clip).at_least(-clip));
        }
        let Some(penalty) = penalty else { return };
        if penalty.l1 != 0.0 || penalty.l2 != 0.0 {
            let l1 = self.scale * T::from_f64(penalty.l1);
            let l2 = self.scale * T::from_f64(2.0 * penalty.l2);
            for (g, &w) in grad.iter_mut().zip(w.iter()) {
                let up = if w > T::ZERO { l1 } else { T::ZERO };
                *g += l2.mul_add(w, if w < T::ZERO { -l1 } else { up });
            }
        }
        let decay = self.decay + self.decay_rate * T::from_f64(penalty.weight_decay);
        if decay != T::ZERO {
            w.iter_mut().for_each(|w| *w = (-decay).mul_add(*w, *w));
        }
    }

    /// Return true if only the options of layers need [`Self::prepare`].
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        self.clip.is_none() && self.decay == T::ZERO
    }

    /// Update the parameters `w` by their averaged gradient; all slices have the same length, and
    /// the moments that a rule does not keep are empty.
    #[inline(always)]
    pub fn apply<S: Simd>(&self, w: &mut [T], grad: &[T], mut moments: [&mut [T]; MOMENTS]) {
        if const { !S::TILES } || !self.in_place(w, grad, &mut moments) {
            S::run_cold(ColdUpdate { update: *self, w, grad, moments });
        }
    }

    /// Return one line of parameters after their update; the line stays in registers.
    #[inline(always)]
    pub fn of_line<S: Simd, const N: usize>(
        &self,
        w: [T; N],
        grad: &[T; N],
        mut moments: [&mut [T]; MOMENTS],
    ) -> [T; N] {
        let mut updated = w;
        if const { !S::TILES } || !self.in_place(&mut updated, grad, &mut moments) {
            let (mut cold, grad) = (w, *grad);
            S::run_cold(ColdUpdate { update: *self, w: &mut cold, grad: &grad, moments });
            updated = cold;
        }
        updated
    }

    /// [`Self::apply`] for hot rules, inlined into the caller; return true if this is one.
    #[inline(always)]
    fn in_place(
        &self,
        w: &mut [T],
        grad: &[T],
        [first, second, _]: &mut [&mut [T]; MOMENTS],
    ) -> bool {
        match self.kind {
            Kind::Sgd { learning_rate } => {
                for (w, g) in w.iter_mut().zip(grad) {
                    *w = (-learning_rate).mul_add(*g, *w);
                }
            }
            Kind::Momentum { momentum, nesterov, inner, outer } => {
                for ((w, &g), b) in w.iter_mut().zip(grad).zip(first.iter_mut()) {
                    let g = inner * g;
                    *b = momentum.mul_add(*b, g).flush_subnormal();
                    let step = if nesterov { momentum.mul_add(*b, g) } else { *b };
                    *w = outer.mul_add(step, *w);
                }
            }
            Kind::Adam(adam) if !adam.amsgrad => {
                for (((w, &g), m), v) in
                    w.iter_mut().zip(grad).zip(first.iter_mut()).zip(second.iter_mut())
                {
                    let root;
                    [*m, *v, root] = adam.moments(g, *m, *v);
                    let mean = *m * adam.unbiased1;
                    *w = (-adam.learning_rate).mul_add(mean / root, *w);
                }
            }
            _ => return false,
        }
        true
    }
}

/// An update by a cold rule.
struct ColdUpdate<'a, T> {
    update: Update<T>,
    w: &'a mut [T],
    grad: &'a [T],
    moments: [&'a mut [T]; MOMENTS],
}

impl<T: Real> Kernel for ColdUpdate<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { update, w, grad, mut moments } = self;
        if const { !S::TILES } && update.in_place(w, grad, &mut moments) {
            return;
        }
        let [first, second, third] = moments;
        match update.kind {
            Kind::Adam(adam) => {
                for ((((w, &g), m), v), largest) in
                    w.iter_mut().zip(grad).zip(first).zip(second).zip(third)
                {
                    [*m, *v, _] = adam.moments(g, *m, *v);
                    *largest = largest.at_least(*v);
                    let root = (*largest * adam.unbiased2).sqrt() + adam.epsilon;
                    *w = adam.rate.mul_add(*m / root, *w);
                }
            }
            Kind::NAdam { adam, of_gradient, of_mean } => {
                for (((w, &g), m), v) in w.iter_mut().zip(grad).zip(first).zip(second) {
                    let root;
                    [*m, *v, root] = adam.moments(g, *m, *v);
                    *w = of_gradient.mul_add(g / root, of_mean.mul_add(*m / root, *w));
                }
            }
            Kind::RmsProp { learning_rate, alpha, rest, epsilon, momentum, centered } => {
                let rule = RmsProp { learning_rate, alpha, rest, epsilon, momentum };
                rule.apply(w, grad, [first, second, third], centered);
            }
            Kind::AdaGrad { learning_rate, epsilon, initial } => {
                for ((w, &g), s) in w.iter_mut().zip(grad).zip(first) {
                    *s = g.mul_add(g, *s);
                    *w = learning_rate.mul_add(g / ((*s + initial).sqrt() + epsilon), *w);
                }
            }
            Kind::RProp { first: start, factors: [shorter, longer], range: [least, most] } => {
                for (((w, &g), before), step) in w.iter_mut().zip(grad).zip(first).zip(second) {
                    let same = g * *before;
                    let change = if same > T::ZERO { longer } else { T::ONE };
                    let change = if same < T::ZERO { shorter } else { change };
                    let last = if *step > T::ZERO { *step } else { start };
                    *step = (last * change).at_least(least).at_most(most);
                    let g = if same < T::ZERO { T::ZERO } else { g };
                    let up = if g > T::ZERO { *step } else { T::ZERO };
                    *w += if g < T::ZERO { *step } else { -up };
                    *before = g;
                }
            }
            Kind::Lion { learning_rate, beta, rest } => {
                for ((w, &g), m) in w.iter_mut().zip(grad).zip(first) {
                    let way = beta[0].mul_add(*m, rest[0] * g);
                    let up = if way > T::ZERO { learning_rate } else { T::ZERO };
                    *w += if way < T::ZERO { -learning_rate } else { up };
                    *m = beta[1].mul_add(*m, rest[1] * g).flush_subnormal();
                }
            }
            Kind::Sgd { .. } | Kind::Momentum { .. } => unreachable!("these are hot"),
        }
    }
}

struct RmsProp<T> {
    learning_rate: T,
    alpha: T,
    rest: T,
    epsilon: T,
    momentum: T,
}

impl<T: Real> RmsProp<T> {
    /// Without momentum the mean is not kept either, unless it is centered.
    #[inline(always)]
    fn apply(
        &self,
        w: &mut [T],
        grad: &[T],
        [square, momentum, mean]: [&mut [T]; MOMENTS],
        centered: bool,
    ) {
        if momentum.is_empty() {
            for ((w, &g), v) in w.iter_mut().zip(grad).zip(square) {
                *v = self.alpha.mul_add(*v, self.rest * g * g).flush_subnormal();
                *w = self.learning_rate.mul_add(g / (v.sqrt() + self.epsilon), *w);
            }
            return;
        }
        if !centered {
            for (((w, &g), v), b) in w.iter_mut().zip(grad).zip(square).zip(momentum) {
                *v = self.alpha.mul_add(*v, self.rest * g * g).flush_subnormal();
                let root = v.at_least(T::ZERO).sqrt() + self.epsilon;
                *b = self.momentum.mul_add(*b, g / root).flush_subnormal();
                *w = self.learning_rate.mul_add(*b, *w);
            }
            return;
        }
        for ((((w, &g), v), b), mean) in w.iter_mut().zip(grad).zip(square).zip(momentum).zip(mean)
        {
            *v = self.alpha.mul_add(*v, self.rest * g * g).flush_subnormal();
            *mean = self.alpha.mul_add(*mean, self.rest * g).flush_subnormal();
            let spread = (-*mean).mul_add(*mean, *v).at_least(T::ZERO);
            *b = self.momentum.mul_add(*b, g / (spread.sqrt() + self.epsilon)).flush_subnormal();
            *w = self.learning_rate.mul_add(*b, *w);
        }
    }
}

/// The moments of one layer, laid out like its parameters; empty if the rule keeps none.
pub struct Moments<T> {
    pub w: [Buffer<T>; MOMENTS],
    pub b: [Buffer<T>; MOMENTS],
    /// Those of gains and shifts.
    pub norm: [[Buffer<T>; MOMENTS]; 2],
    /// Those of the factors of the inputs.
    pub scale: [Buffer<T>; MOMENTS],
    /// Those of the parameters of their embeddings.
    pub embedding: [Buffer<T>; MOMENTS],
    /// Those of alphas.
    pub alpha: [Buffer<T>; MOMENTS],
}

/// A rule, its number of updates, and its moments.
pub struct Optimizer<T> {
    pub rule: Rule,
    pub clock: Clock,
    pub moments: Vec<Moments<T>>,
}

impl<T: Real> Optimizer<T> {
    /// Return zero moments for layers of these numbers of (packed weights, biases, gains, factors of
    /// the inputs, parameters of their embeddings, alphas).
    pub fn new(rule: Rule, lengths: impl Iterator<Item = [usize; 6]>) -> Result<Self, Error> {
        let count = rule.memory().len();
        let buffers = |length| -> Result<[Buffer<T>; MOMENTS], Error> {
            let mut buffers: [Buffer<T>; MOMENTS] = Default::default();
            for buffer in &mut buffers[..count] {
                *buffer = Buffer::zeros(length)?;
            }
            Ok(buffers)
        };
        let moments = lengths.map(|[w, b, norm, scale, embedding, alpha]| {
            let (w, b, scale) = (buffers(w)?, buffers(b)?, buffers(scale)?);
            let norm = [buffers(norm)?, buffers(norm)?];
            let (embedding, alpha) = (buffers(embedding)?, buffers(alpha)?);
            Ok(Moments { w, b, norm, scale, embedding, alpha })
        });
        let moments = moments.collect::<Result<_, Error>>()?;
        Ok(Self { rule, clock: Clock::default(), moments })
    }
}

#[cfg(test)]
mod tests;
