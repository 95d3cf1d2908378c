"""The table of optimizers: settings, memory, and one `update` for each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from .._internal.types import Array
from .registry import (
    AT_LEAST_ONE,
    FLAG,
    FRACTION,
    INSIDE,
    NON_NEGATIVE,
    POSITIVE,
    SHARE,
    Setting,
    parse,
)

Memory = Mapping[str, Array]

# Each rule changes theta and its memory in place; t counts updates from 1.


def sgd(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    momentum: float,
    nesterov: float,
    velocity: float,
) -> None:
    """Update theta := theta - alpha dC/dtheta (eq. 14), with momentum (Sutskever et al. 2013)."""
    if not momentum:
        theta -= alpha * g
        return
    b = memory["momentum"]
    inner, outer = (-alpha, 1) if velocity else (1, -alpha)
    b[...] = momentum * b + inner * g
    theta += outer * (momentum * b + inner * g if nesterov else b)


def adam(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    amsgrad: float,
    epsilon_hat: float = 0.0,
) -> None:
    """Update by the running means of g and g^2 (Kingma & Ba 2015, Algorithm 1)."""
    m, v = running_means(g, memory, beta1, beta2)
    unbias_m = 1 - beta1**t  # both means start from zero
    unbias_v = 1 - beta2**t
    if amsgrad:
        v = np.maximum(memory["largest"], v, out=memory["largest"])
    if epsilon_hat:
        epsilon = epsilon / np.sqrt(unbias_v)
    theta -= alpha * (m / unbias_m) / (np.sqrt(v / unbias_v) + epsilon)


def running_means(g: Array, memory: Memory, beta1: float, beta2: float) -> tuple[Array, Array]:
    """Update and return the running means of g and g^2."""
    m, v = memory["mean"], memory["square"]
    m[...] = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g * g
    return m, v


def adamw(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    amsgrad: float,
) -> None:
    """Update as `adam`; the weight decay comes before."""
    adam(theta, g, memory, t, alpha, beta1, beta2, epsilon, amsgrad)


def nadam(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    momentum_decay: float,
) -> None:
    """Update as `adam` with Nesterov's momentum."""
    m, v = running_means(g, memory, beta1, beta2)
    mu = beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 2) * momentum_decay))
    product = mu[:-1].prod()
    root = np.sqrt(v / (1 - beta2**t)) + epsilon
    theta -= alpha * (1 - mu[-2]) / (1 - product) * g / root
    theta -= alpha * mu[-1] / (1 - product * mu[-1]) * m / root


def rmsprop(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    rate: float,
    alpha: float,
    epsilon: float,
    momentum: float,
    centered: float,
) -> None:
    """Divide the step by the root of the running mean of g^2."""
    v = memory["square"]
    v[...] = alpha * v + (1 - alpha) * g * g
    spread = v
    if centered:
        mean = memory["mean"]
        mean[...] = alpha * mean + (1 - alpha) * g
        spread = np.maximum(v - mean * mean, 0)
    step = g / (np.sqrt(spread) + epsilon)
    if "momentum" in memory:
        step = memory["momentum"][...] = momentum * memory["momentum"] + step
    theta -= rate * step


def adagrad(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    epsilon: float,
    initial: float,
    rate_decay: float,
) -> None:
    """Divide the step by the root of the sum of g^2."""
    s = memory["square"]
    s += g * g
    theta -= alpha / (1 + (t - 1) * rate_decay) * g / (np.sqrt(s + initial) + epsilon)


def rprop(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    shorter: float,
    longer: float,
    least: float,
    most: float,
) -> None:
    """Step by the sign of g alone; the length of the step grows while the sign stays."""
    before, step = memory["gradient"], memory["step"]
    same = g * before
    factor = np.where(same > 0, longer, np.where(same < 0, shorter, 1))
    step[...] = np.clip(np.where(step > 0, step, alpha) * factor, least, most)
    g = np.where(same < 0, 0, g)
    theta -= np.sign(g) * step
    before[...] = g


def lion(
    theta: Array,
    g: Array,
    memory: Memory,
    t: int,
    alpha: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
) -> None:
    """Step by the sign of a mean of g."""
    m = memory["mean"]
    theta -= alpha * np.sign(beta1 * m + (1 - beta1) * g)
    m[...] = beta2 * m + (1 - beta2) * g


class Rule(NamedTuple):
    """One entry of the table; `memory(settings)` names the arrays kept for each parameter."""

    name: str
    update: Callable[..., None]
    memory: Callable[[Mapping[str, float]], tuple[str, ...]]
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()
    step_sizes: tuple[str, ...] = ()  # settings that a factor of the learning rate multiplies too


BETAS = (Setting("beta1", 0.9, FRACTION), Setting("beta2", 0.999, FRACTION))
EPSILON = Setting("epsilon", 1e-8, POSITIVE)
AMSGRAD = Setting("amsgrad", 0.0, FLAG)


def of_adam(settings: Mapping[str, float]) -> tuple[str, ...]:
    """Return the names of the arrays that adam keeps."""
    return ("mean", "square", *(["largest"] if settings["amsgrad"] else []))


def of_rmsprop(settings: Mapping[str, float]) -> tuple[str, ...]:
    """Return the names of the arrays that rmsprop keeps."""
    if settings["centered"]:
        return ("square", "momentum", "mean")
    return ("square", "momentum") if settings["momentum"] else ("square",)


OPTIMIZERS = (
    Rule(
        "sgd",
        sgd,
        lambda s: ("momentum",) if s["momentum"] else (),
        "w - learning_rate g",
        "derivation, gradient descent; Sutskever et al. 2013",
        (
            Setting("momentum", 0.0, SHARE),
            Setting("nesterov", 0.0, FLAG),
            Setting("velocity", 0.0, FLAG),
        ),
    ),
    Rule(
        "adam",
        adam,
        of_adam,
        "w - learning_rate m / (sqrt(v) + epsilon)",
        "Kingma & Ba 2015, Adam, Algorithm 1; Reddi et al. 2018",
        (*BETAS, EPSILON, AMSGRAD, Setting("epsilon_hat", 0.0, FLAG)),
    ),
    Rule(
        "adamw",
        adamw,
        of_adam,
        "adam after w - learning_rate weight_decay w",
        "Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, Algorithm 2",
        (*BETAS, EPSILON, Setting("weight_decay", 0.01, NON_NEGATIVE), AMSGRAD),
    ),
    Rule(
        "nadam",
        nadam,
        lambda s: ("mean", "square"),
        "adam with Nesterov's momentum",
        "Dozat 2016; PyTorch's NAdam",
        (*BETAS, EPSILON, Setting("momentum_decay", 0.004, NON_NEGATIVE)),
    ),
    Rule(
        "rmsprop",
        rmsprop,
        of_rmsprop,
        "w - learning_rate g / (sqrt(v) + epsilon)",
        "Tieleman & Hinton 2012; Graves 2013; PyTorch's RMSprop",
        (
            Setting("alpha", 0.99, FRACTION),
            EPSILON,
            Setting("momentum", 0.0, FRACTION),
            Setting("centered", 0.0, FLAG),
        ),
    ),
    Rule(
        "adagrad",
        adagrad,
        lambda s: ("square",),
        "w - learning_rate g / (sqrt(sum g^2) + epsilon)",
        "Duchi, Hazan & Singer 2011",
        (
            Setting("epsilon", 1e-10, POSITIVE),
            Setting("initial", 0.0, NON_NEGATIVE),
            Setting("rate_decay", 0.0, NON_NEGATIVE),
        ),
    ),
    Rule(
        "rprop",
        rprop,
        lambda s: ("gradient", "step"),
        "w - step sign(g), with a step for each w",
        "Riedmiller & Braun 1993; PyTorch's Rprop",
        (
            Setting("shorter", 0.5, INSIDE),
            Setting("longer", 1.2, AT_LEAST_ONE),
            Setting("least", 1e-6, NON_NEGATIVE),
            Setting("most", 50.0, POSITIVE),
        ),
        step_sizes=("least", "most"),
    ),
    Rule(
        "lion",
        lion,
        lambda s: ("mean",),
        "w - learning_rate sign(beta1 m + (1 - beta1) g)",
        "Chen et al. 2023, Algorithm 2",
        (
            Setting("beta1", 0.9, FRACTION),
            Setting("beta2", 0.99, FRACTION),
            Setting("weight_decay", 0.0, NON_NEGATIVE),
        ),
    ),
)


class Optimizer:
    """A rule with its settings and its memory."""

    def __init__(self, rule: Rule, settings: Mapping[str, float]) -> None:
        self.rule, self.settings = rule, dict(settings)
        self.updates = 0
        self.memory: dict[str, dict[str, Array]] = {}  # by the name of the parameter

    @property
    def weight_decay(self) -> float:
        """The factor of the learning rate by which the rule itself shrinks weights."""
        return self.settings.get("weight_decay", 0.0)

    def tick(self) -> None:
        """Count the next update."""
        self.updates += 1

    def kept(self, name: str, theta: Array) -> dict[str, Array]:
        """Return the arrays kept for a parameter, zero at first."""
        if name not in self.memory:
            names = self.rule.memory(self.settings)
            self.memory[name] = {kept: np.zeros_like(theta) for kept in names}
        return self.memory[name]

    def update(
        self, name: str, theta: Array, g: Array, learning_rate: float, factor: float = 1.0
    ) -> None:
        """Change the parameter `name` in place, along its gradient of the same shape.

        `factor` multiplies the learning rate, and with it every step size of the rule.
        """
        memory = self.kept(name, theta)
        scaled = {kept: self.settings[kept] * factor for kept in self.rule.step_sizes}
        settings = (self.settings | scaled).values()
        self.rule.update(theta, g, memory, self.updates, learning_rate * factor, *settings)


def optimizer(text: str) -> Optimizer:
    """Return the optimizer of a text, with its memory empty.

    >>> optimizer("adam(beta1=0.8)").settings["beta1"]
    0.8
    """
    return Optimizer(*parse("optimizer", text, OPTIMIZERS))
