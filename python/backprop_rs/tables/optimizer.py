"""The table of optimisers: hyper-parameters, memory, and one `update`."""

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
    """theta := theta - alpha dC/dtheta."""
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
    """Kingma & Ba 2015, Algorithm 1: gradient descent over running means of g and g^2."""
    m, v = running_means(g, memory, beta1, beta2)
    unbias_m = 1 - beta1**t  # both means start from zero
    unbias_v = 1 - beta2**t
    if amsgrad:
        v = np.maximum(memory["largest"], v, out=memory["largest"])
    if epsilon_hat:
        epsilon = epsilon / np.sqrt(unbias_v)
    theta -= alpha * (m / unbias_m) / (np.sqrt(v / unbias_v) + epsilon)


def running_means(g: Array, memory: Memory, beta1: float, beta2: float) -> tuple[Array, Array]:
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
    m = memory["mean"]
    theta -= alpha * np.sign(beta1 * m + (1 - beta1) * g)
    m[...] = beta2 * m + (1 - beta2) * g


class Row(NamedTuple):
    """One row of the table; `memory(settings)` names what is kept for each parameter."""

    name: str
    rule: Callable[..., None]
    memory: Callable[[Mapping[str, float]], tuple[str, ...]]
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()


BETAS = (Setting("beta1", 0.9, FRACTION), Setting("beta2", 0.999, FRACTION))
EPSILON = Setting("epsilon", 1e-8, POSITIVE)
AMSGRAD = Setting("amsgrad", 0.0, FLAG)


def of_adam(settings: Mapping[str, float]) -> tuple[str, ...]:
    return ("mean", "square", *(["largest"] if settings["amsgrad"] else []))


def of_rmsprop(settings: Mapping[str, float]) -> tuple[str, ...]:
    if settings["centered"]:
        return ("square", "momentum", "mean")
    return ("square", "momentum") if settings["momentum"] else ("square",)


OPTIMIZERS = (
    Row(
        *("sgd", sgd, lambda s: ("momentum",) if s["momentum"] else ()),
        *("w - learning_rate g", "derivation, gradient descent; Sutskever et al. 2013"),
        (
            Setting("momentum", 0.0, SHARE),
            Setting("nesterov", 0.0, FLAG),
            Setting("velocity", 0.0, FLAG),
        ),
    ),
    Row(
        *("adam", adam, of_adam, "w - learning_rate m / (sqrt(v) + epsilon)"),
        "Kingma & Ba 2015, Adam, Algorithm 1; Reddi et al. 2018",
        (*BETAS, EPSILON, AMSGRAD, Setting("epsilon_hat", 0.0, FLAG)),
    ),
    Row(
        *("adamw", adamw, of_adam, "adam after w - learning_rate weight_decay w"),
        "Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, Algorithm 2",
        (*BETAS, EPSILON, Setting("weight_decay", 0.01, NON_NEGATIVE), AMSGRAD),
    ),
    Row(
        *("nadam", nadam, lambda s: ("mean", "square")),
        *("adam with Nesterov's momentum", "Dozat 2016; PyTorch's NAdam"),
        (*BETAS, EPSILON, Setting("momentum_decay", 0.004, NON_NEGATIVE)),
    ),
    Row(
        *("rmsprop", rmsprop, of_rmsprop, "w - learning_rate g / (sqrt(v) + epsilon)"),
        "Tieleman & Hinton 2012; Graves 2013; PyTorch's RMSprop",
        (
            Setting("alpha", 0.99, FRACTION),
            EPSILON,
            Setting("momentum", 0.0, FRACTION),
            Setting("centered", 0.0, FLAG),
        ),
    ),
    Row(
        *("adagrad", adagrad, lambda s: ("square",)),
        *("w - learning_rate g / (sqrt(sum g^2) + epsilon)", "Duchi, Hazan & Singer 2011"),
        (
            Setting("epsilon", 1e-10, POSITIVE),
            Setting("initial", 0.0, NON_NEGATIVE),
            Setting("rate_decay", 0.0, NON_NEGATIVE),
        ),
    ),
    Row(
        *("rprop", rprop, lambda s: ("gradient", "step")),
        *("w - step sign(g), a step for each w", "Riedmiller & Braun 1993; PyTorch's Rprop"),
        (
            Setting("shorter", 0.5, INSIDE),
            Setting("longer", 1.2, AT_LEAST_ONE),
            Setting("least", 1e-6, NON_NEGATIVE),
            Setting("most", 50.0, POSITIVE),
        ),
    ),
    Row(
        *("lion", lion, lambda s: ("mean",)),
        *("w - learning_rate sign(beta1 m + (1 - beta1) g)", "Chen et al. 2023, Algorithm 2"),
        (
            Setting("beta1", 0.9, FRACTION),
            Setting("beta2", 0.99, FRACTION),
            Setting("weight_decay", 0.0, NON_NEGATIVE),
        ),
    ),
)


class Optimizer:
    """A rule with its settings and its memory."""

    def __init__(self, row: Row, settings: Mapping[str, float]) -> None:
        self.row, self.settings = row, settings
        self.updates = 0
        self.memory: dict[str, dict[str, Array]] = {}  # by the name of the parameter

    @property
    def weight_decay(self) -> float:
        """By what share of the learning rate the rule itself shrinks weights."""
        return self.settings.get("weight_decay", 0.0)

    def tick(self) -> None:
        """On to the next update."""
        self.updates += 1

    def kept(self, name: str, theta: Array) -> dict[str, Array]:
        """The memory for a parameter, zero at first."""
        if name not in self.memory:
            names = self.row.memory(self.settings)
            self.memory[name] = {kept: np.zeros_like(theta) for kept in names}
        return self.memory[name]

    def update(self, name: str, theta: Array, g: Array, learning_rate: float) -> None:
        """Change the parameter `name` in place, along its gradient of the same shape."""
        memory = self.kept(name, theta)
        self.row.rule(theta, g, memory, self.updates, learning_rate, *self.settings.values())


def optimizer(text: str) -> Optimizer:
    """The optimiser that `text` writes, with its memory empty.

    >>> optimizer("adam(beta1=0.8)").settings["beta1"]
    0.8
    """
    return Optimizer(*parse("optimizer", text, OPTIMIZERS))
