//! Each rule against its paper's formulas, one parameter at a time.

#![allow(clippy::disallowed_methods)] // the reference values

use super::*;
use crate::machine::kernel::Portable;

const RATE: f64 = 0.1;

/// Gradients that keep their sign, change it, and vanish.
const GRADIENTS: [f64; 8] = [0.5, 0.25, -1.5, -0.75, 0.0, 2.0, 1e-3, -0.125];

fn rule(text: &str) -> Rule {
    Rule::from_text(text).unwrap()
}

/// Return w after each update by `GRADIENTS`, from w = 1 on, for two parameters: the second has the
/// opposite gradients, from w = -1 on.
fn path(rule: Rule) -> Vec<[f64; 2]> {
    let mut clock = Clock::default();
    let kept = rule.memory().len();
    let mut moments = [0, 1, 2].map(|i| vec![0.0; if i < kept { 2 } else { 0 }]);
    let mut w = [1.0, -1.0];
    let updates = GRADIENTS.iter().map(|&g| {
        clock.tick(rule);
        let mut grad = [g, -g];
        let update: Update<f64> = rule.at(&clock, RATE);
        update.prepare(&mut w, &mut grad, Some(&Penalty::default()));
        update.apply::<Portable>(&mut w, &grad, moments.each_mut().map(Vec::as_mut_slice));
        w
    });
    updates.collect()
}

/// Check that the rule computes `w := update(w, g, t)`, whatever the update keeps.
#[track_caller]
fn assert_path(text: &str, mut update: impl FnMut(f64, f64, i32) -> f64) {
    let mut w = 1.0;
    for (step, (&g, found)) in GRADIENTS.iter().zip(path(rule(text))).enumerate() {
        w = update(w, g, step as i32 + 1);
        // About ten roundings for each step.
        assert!((found[0] - w).abs() < 1e-14, "{text}: {} is not {w} in step {step}", found[0]);
        assert_eq!(found[0], -found[1], "{text} is odd");
    }
}

#[test]
fn gradient_descent_with_momentum() {
    assert_path("sgd", |w, g, _| w - RATE * g);
    let mut b = 0.0;
    assert_path("sgd(momentum=0.8)", |w, g, _| {
        b = 0.8 * b + g;
        w - RATE * b
    });
    let mut b = 0.0;
    assert_path("sgd(momentum=0.8, nesterov=1)", |w, g, _| {
        b = 0.8 * b + g;
        w - RATE * (g + 0.8 * b)
    });
    let mut v = 0.0;
    assert_path("sgd(momentum=0.8, velocity=1)", |w, g, _| {
        v = 0.8 * v - RATE * g;
        w + v
    });
    let mut v = 0.0;
    assert_path("sgd(momentum=0.8, nesterov=1, velocity=1)", |w, g, _| {
        v = 0.8 * v - RATE * g;
        w + 0.8 * v - RATE * g
    });
}

/// The mean and the square of the gradients, biased like Adam's.
struct Means {
    m: f64,
    v: f64,
}

impl Means {
    fn new() -> Self {
        Self { m: 0.0, v: 0.0 }
    }

    fn take(&mut self, g: f64) -> (f64, f64) {
        self.m = 0.7 * self.m + 0.3 * g;
        self.v = 0.9 * self.v + 0.1 * g * g;
        (self.m, self.v)
    }
}

/// Multiply `count` factors, one by one.
fn product_of(factor: f64, count: i32) -> f64 {
    (0..count).map(|_| factor).product()
}

#[test]
fn adam_and_its_variants() {
    let unbiased = |value: f64, beta: f64, t: i32| value / (1.0 - product_of(beta, t));
    let step =
        |(m, v): (f64, f64), t| RATE * unbiased(m, 0.7, t) / (unbiased(v, 0.9, t).sqrt() + 0.01);
    let mut means = Means::new();
    assert_path("adam(0.7, 0.9, 0.01)", |w, g, t| w - step(means.take(g), t));
    let mut means = Means::new();
    assert_path("adamw(0.7, 0.9, 0.01, 0.5)", |w, g, t| {
        w * (1.0 - RATE * 0.5) - step(means.take(g), t)
    });
    let (mut means, mut largest) = (Means::new(), 0.0_f64);
    assert_path("adam(0.7, 0.9, 0.01, amsgrad=1)", |w, g, t| {
        let (m, v) = means.take(g);
        largest = largest.max(v);
        w - step((m, largest), t)
    });
    let (mut means, mut largest) = (Means::new(), 0.0_f64);
    assert_path("adamw(0.7, 0.9, 0.01, 0.5, amsgrad=1)", |w, g, t| {
        let (m, v) = means.take(g);
        largest = largest.max(v);
        w * (1.0 - RATE * 0.5) - step((m, largest), t)
    });
    let mut means = Means::new();
    assert_path("adam(0.7, 0.9, 0.01, epsilon_hat=1)", |w, g, t| {
        let (m, v) = means.take(g);
        let rate = RATE * (1.0 - product_of(0.9, t)).sqrt() / (1.0 - product_of(0.7, t));
        w - rate * m / (v.sqrt() + 0.01)
    });
    let (mut means, mut product) = (Means::new(), 1.0);
    assert_path("nadam(0.7, 0.9, 0.01, 0.04)", |w, g, t| {
        let mu = |t: i32| 0.7 * (1.0 - 0.5 * 0.96_f64.powf(f64::from(t) * 0.04));
        let (m, v) = means.take(g);
        product *= mu(t);
        let mean =
            (1.0 - mu(t)) * g / (1.0 - product) + mu(t + 1) * m / (1.0 - product * mu(t + 1));
        w - RATE * mean / (unbiased(v, 0.9, t).sqrt() + 0.01)
    });
}

#[test]
fn rmsprop_with_and_without_momentum_and_mean() {
    let square = |v: f64, g: f64| 0.9 * v + 0.1 * g * g;
    let mut v = 0.0;
    assert_path("rmsprop(0.9, 0.01)", |w, g, _| {
        v = square(v, g);
        w - RATE * g / (v.sqrt() + 0.01)
    });
    let (mut v, mut b) = (0.0, 0.0);
    assert_path("rmsprop(0.9, 0.01, momentum=0.6)", |w, g, _| {
        v = square(v, g);
        b = 0.6 * b + g / (v.sqrt() + 0.01);
        w - RATE * b
    });
    for momentum in [0.0, 0.6] {
        let (mut v, mut b, mut mean) = (0.0, 0.0, 0.0);
        assert_path(&format!("rmsprop(0.9, 0.01, {momentum}, centered=1)"), |w, g, _| {
            v = square(v, g);
            mean = 0.9 * mean + 0.1 * g;
            b = momentum * b + g / ((v - mean * mean).sqrt() + 0.01);
            w - RATE * b
        });
    }
}

#[test]
fn adagrad_with_a_rate_that_decays() {
    for (initial, decay) in [(0.0, 0.0), (0.3, 0.5)] {
        let mut s = initial;
        assert_path(&format!("adagrad(0.01, {initial}, {decay})"), |w, g, t| {
            s += g * g;
            w - RATE / (1.0 + f64::from(t - 1) * decay) * g / (s.sqrt() + 0.01)
        });
    }
}

/// Steps reach both of their limits; if the gradient has changed its sign or vanished, the next
/// step is as long as the last.
#[test]
fn rprop_has_a_step_for_each_parameter() {
    for (least, most) in [(1e-6, 50.0), (0.08, 0.11)] {
        let (mut step, mut before) = (RATE, 0.0);
        assert_path(&format!("rprop(0.4, 1.3, {least}, {most})"), |w, g, _| {
            let same: f64 = before * g;
            let factor = if same > 0.0 {
                1.3
            } else if same < 0.0 {
                0.4
            } else {
                1.0
            };
            step = (step * factor).clamp(least, most);
            before = if same < 0.0 { 0.0 } else { g };
            if before == 0.0 { w } else { w - step * before.signum() }
        });
    }
}

#[test]
fn lion_follows_the_sign() {
    let mut m = 0.0;
    assert_path("lion(0.7, 0.9, 0.5)", |w, g, _| {
        let way: f64 = 0.7 * m + 0.3 * g;
        m = 0.9 * m + 0.1 * g;
        w * (1.0 - RATE * 0.5) - RATE * way.signum()
    });
    // A zero gradient gives no direction.
    let (mut w, mut mean) = ([1.0], [0.0]);
    let update: Update<f64> = rule("lion").at(&Clock { t: 1, ..Clock::default() }, RATE);
    update.apply::<Portable>(&mut w, &[0.0], [&mut mean, &mut [], &mut []]);
    assert_eq!((w, mean), ([1.0], [0.0]));
}

/// Rules with all layouts of moments; a line in registers equals a slice.
#[test]
fn a_line_has_the_bits_of_a_slice() {
    let amsgrad = ["adam(amsgrad=1)", "adamw(amsgrad=1)"];
    let rmsprop = ["rmsprop(momentum=0.5)", "rmsprop(centered=1)"];
    let more = ["sgd(0.9)"].into_iter().chain(amsgrad).chain(rmsprop);
    for text in Rule::NAMES.iter().copied().chain(more) {
        let rule = rule(text);
        let kept = rule.memory().len();
        let update: Update<f64> = rule.at(&Clock { t: 3, momentum_product: 0.5 }, RATE);
        let (w, g) = ([1.0, -2.0, 0.5, 3.0], [0.5, 0.25, -1.0, 0.0]);
        let fresh = || [0, 1, 2].map(|i| vec![0.25; if i < kept { 4 } else { 0 }]);
        let (mut of_slice, mut of_line, mut slice) = (fresh(), fresh(), w);
        update.apply::<Portable>(&mut slice, &g, of_slice.each_mut().map(Vec::as_mut_slice));
        let moments = of_line.each_mut().map(Vec::as_mut_slice);
        assert_eq!(update.of_line::<Portable, 4>(w, &g, moments), slice, "{text}");
        assert_eq!(of_line, of_slice, "{text}");
        assert!(slice != w, "{text}");
    }
}

/// Adam's first update is α g / (|g| + ε'), whatever the size of g.
#[test]
fn adams_first_update_has_the_length_of_the_learning_rate() {
    let rule = rule("adam");
    let mut clock = Clock::default();
    clock.tick(rule);
    for g in [1e-3_f64, -2.0, 500.0] {
        let (mut w, mut m, mut v) = ([1.0], [0.0], [0.0]);
        rule.at(&clock, 0.1).apply::<Portable>(&mut w, &[g], [&mut m, &mut v, &mut []]);
        assert!((w[0] - (1.0 - 0.1 * g.signum())).abs() < 1e-5);
    }
}

/// A power by squaring equals the product, here exactly.
#[test]
fn powers_are_products() {
    for exponent in 0..40_u32 {
        let (power, product) = (power_of(1.5, exponent.into()), product_of(1.5, exponent as i32));
        // 3^33 is the last that 53 bits hold; later, both round once for each factor at most.
        let roundings = if exponent <= 33 { 0.0 } else { f64::from(exponent) };
        assert!((power - product).abs() <= roundings * f64::EPSILON * product);
        assert_eq!(power_of(-0.5, exponent.into()), product_of(-0.5, exponent as i32));
    }
}

/// The gradient of the penalty is its slope, and the decay comes first.
#[test]
fn a_penalty_moves_weights_down_its_slope() {
    let penalty = Penalty { l1: 0.3, l2: 0.7, weight_decay: 0.2 };
    let clock = Clock { t: 1, ..Clock::default() };
    let mut update: Update<f64> = rule("sgd").at(&clock, 0.1);
    for scale in [1.0, 0.25] {
        update.scale = scale;
        let (mut w, mut g) = ([2.0, -1.0, 0.0], [0.5; 3]);
        update.prepare(&mut w, &mut g, Some(&penalty));
        let slopes = [0.3 + 1.4 * 2.0, -0.3 - 1.4, 0.0];
        for i in 0..3 {
            assert!((g[i] - (0.5 + scale * slopes[i])).abs() < 1e-15);
            assert!((w[i] - [2.0, -1.0, 0.0][i] * (1.0 - 0.1 * 0.2)).abs() < 1e-15);
        }
    }
    assert!((penalty.value(3.0, 5.0) - (0.9 + 3.5)).abs() < 1e-15);
    for part in
        [Penalty { l1: 0.3, ..Penalty::default() }, Penalty { l2: 0.7, ..Penalty::default() }]
    {
        let (mut w, mut g) = ([2.0], [0.5]);
        update.prepare(&mut w, &mut g, Some(&part));
        let (h, value) = (1e-6, |w: f64| part.value(w.abs(), w * w));
        let slope = (value(2.0 + h) - value(2.0 - h)) / (2.0 * h);
        assert!((g[0] - (0.5 + update.scale * slope)).abs() < 1e-9, "{part:?}");
        assert_eq!(w, [2.0]);
    }
}

/// Clipping applies to all parameters, penalties and decay to weights.
#[test]
fn gradients_are_clipped_before_the_penalty() {
    let clock = Clock { t: 1, ..Clock::default() };
    let mut update: Update<f64> = rule("adamw(weight_decay=0.5)").at(&clock, 0.1);
    assert!(!update.is_plain(), "it decays");
    update.clip = Some(0.75);
    let gradients = [-2.0, -0.5, 0.0, 0.5, 2.0];
    let clipped = [-0.75, -0.5, 0.0, 0.5, 0.75];
    let (mut w, mut g) = ([1.0; 5], gradients);
    update.prepare(&mut w, &mut g, None);
    assert_eq!((w, g), ([1.0; 5], clipped));
    update.prepare(&mut w, &mut g, Some(&Penalty { l1: 1.0, ..Penalty::default() }));
    assert_eq!((w, g), ([1.0 - 0.1 * 0.5; 5], clipped.map(|g| g + 1.0)));

    let mut plain: Update<f64> = rule("sgd").at(&clock, 0.1);
    assert!(plain.is_plain());
    plain.clip = Some(1.0);
    assert!(!plain.is_plain(), "it clips");
}

/// A rule uses exactly the moments that it names, and these are allocated.
#[test]
fn the_memory_of_a_rule_is_named() {
    let memory = |text: &str| rule(text).memory();
    assert!(memory("sgd").is_empty());
    assert_eq!(memory("sgd(0.9)"), ["momentum"]);
    for text in ["adam", "adamw", "nadam"] {
        assert_eq!(memory(text), ["mean", "square"]);
    }
    for text in ["adam(amsgrad=1)", "adamw(amsgrad=1)"] {
        assert_eq!(memory(text), ["mean", "square", "largest"]);
    }
    assert_eq!(memory("rmsprop"), ["square"]);
    assert_eq!(memory("rmsprop(momentum=0.5)"), ["square", "momentum"]);
    assert_eq!(memory("rmsprop(centered=1)"), ["square", "momentum", "mean"]);
    assert_eq!(memory("adagrad"), ["square"]);
    assert_eq!(memory("rprop"), ["gradient", "step"]);
    assert_eq!(memory("lion"), ["mean"]);
    for text in ["sgd", "lion", "adam", "adam(amsgrad=1)"] {
        let kept = memory(text).len();
        let optimizer = Optimizer::<f64>::new(
            rule(text),
            [[12, 3, 0, 4, 5, 3], [6, 2, 2, 0, 0, 0]].into_iter(),
        )
        .unwrap();
        assert_eq!(optimizer.moments.len(), 2);
        let lengths = [[12, 3, 0, 4, 5, 3], [6, 2, 2, 0, 0, 0]];
        for (moments, [w, b, norm, scale, embedding, alpha]) in
            optimizer.moments.iter().zip(lengths)
        {
            for i in 0..MOMENTS {
                let expected = |length| if i < kept { length } else { 0 };
                assert_eq!(moments.w[i].len(), expected(w), "{text}");
                assert_eq!(moments.b[i].len(), expected(b), "{text}");
                assert_eq!(moments.scale[i].len(), expected(scale), "{text}");
                assert_eq!(moments.embedding[i].len(), expected(embedding), "{text}");
                assert_eq!(moments.alpha[i].len(), expected(alpha), "{text}");
                moments.norm.iter().for_each(|part| assert_eq!(part[i].len(), expected(norm)));
            }
        }
    }
}

/// The moments of a vanished gradient decay to 0, and are never subnormal, because some processors
/// take a hundred times as long for such numbers.
#[test]
fn what_decays_ends_as_zero() {
    let rules = [
        "sgd(momentum=0.9)",
        "sgd(momentum=0.9, nesterov=1)",
        "adam(beta2=0.99)",
        "nadam(beta2=0.99)",
        "rmsprop",
        "rmsprop(momentum=0.9)",
        "rmsprop(momentum=0.9, centered=1)",
        "lion",
    ];
    for text in rules {
        let (rule, mut clock) = (rule(text), Clock::default());
        let kept = rule.memory().len();
        let mut moments = [0, 1, 2].map(|i| vec![0.0_f32; usize::from(i < kept)]);
        for step in 0..20_000 {
            clock.tick(rule);
            let update: Update<f32> = rule.at(&clock, RATE);
            let grad = [if step == 0 { 1.0 } else { 0.0 }];
            let room = moments.each_mut().map(Vec::as_mut_slice);
            update.apply::<Portable>(&mut [1.0], &grad, room);
            let mut all = moments.iter().flatten();
            assert!(all.all(|moment| !moment.is_subnormal()), "{text}: {moments:?} in step {step}");
        }
        assert!(moments.iter().flatten().all(|moment| *moment == 0.0), "{text}: {moments:?}");
    }
}
