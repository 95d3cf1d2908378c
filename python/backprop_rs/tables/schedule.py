"""The table of schedules: the factor of the learning rate over the epochs.

x counts epochs, with fractions for the steps within one; a length of 0 stands for all that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, floor, inf, log2, pi
from sys import float_info
from typing import NamedTuple

from .._internal import error
from .registry import (
    AT_LEAST_ONE,
    COUNT,
    FLAG,
    FRACTION,
    INSIDE,
    NATURAL,
    NON_NEGATIVE,
    POSITIVE,
    Setting,
    parse,
    write,
)


def share(x: float, length: float, total: float) -> float:
    """Return the share of a length that is done."""
    length = length or total
    return min(x / length, 1) if length > 0 else 1.0


def half_cosine(start: float, end: float, done: float) -> float:
    """Return the point of a half cosine from start to end."""
    return end + (start - end) * (1 + cos(pi * done)) / 2


def constant(x: float, total: float, **settings: float) -> float:
    """Return 1."""
    return 1.0


def step(x: float, total: float, every: float, factor: float) -> float:
    """Return factor^floor(x / every)."""
    return float(factor ** floor(x / every))


def exponential(x: float, total: float, rate: float) -> float:
    """Return rate^x."""
    return float(rate**x)


def inverse_scaling(x: float, total: float, power: float) -> float:
    """Return (1 + x)^-power."""
    return float((1 + x) ** -power)


def polynomial(x: float, total: float, power: float, end: float, length: float) -> float:
    """Return end + (1 - end) (1 - x / length)^power."""
    return float(end + (1 - end) * (1 - share(x, length, total)) ** power)


def cosine(x: float, total: float, end: float, length: float) -> float:
    """Return end + (1 - end) (1 + cos(pi x / length)) / 2."""
    return half_cosine(1, end, share(x, length, total))


def cosine_restarts(x: float, total: float, first: float, multiplier: float, end: float) -> float:
    """Return the cosine of the current cycle."""
    return half_cosine(1, end, share_of_cycle(x / first, multiplier))


def share_of_cycle(x: float, multiplier: float) -> float:
    """Return the share of the current cycle that is done after x first cycles.

    Each cycle is `multiplier` times as long as the one before. Cycle k begins after S_k = 1 +
    multiplier + ... + multiplier^(k-1) first cycles. S and the powers of 1, 2, 4, ... cycles follow
    from S_2k = S_k (1 + multiplier^k), and k is composed of them. An x within a few ulp of a
    beginning, such as 0.3 / 0.1, counts as the beginning.
    """
    x = min(x, float_info.max)
    reached = min(x * (1 + 4 * float_info.epsilon), float_info.max)
    doubled = [(1.0, multiplier)]  # S and multiplier^k of k = 1, 2, 4, ... cycles
    while doubled[-1][0] <= reached:
        begin, length = doubled[-1]
        doubled.append((begin * (1 + length), length * length))
    start, length = 0.0, 1.0
    for begin, power in reversed(doubled):
        if start + length * begin <= reached:
            start, length = start + length * begin, length * power
    return max((x - start) / length, 0.0)


def warmup(x: float, total: float, length: float, start: float) -> float:
    """Return start + (1 - start) x / length, at most 1."""
    return start + (1 - start) * min(x / length, 1)


def one_cycle(
    x: float, total: float, rise: float, divide: float, final_divide: float, length: float
) -> float:
    """Return half a cosine up, then one down."""
    done = share(x, length, total)
    if done < rise:
        return half_cosine(1 / divide, 1, done / rise)
    return half_cosine(1, 1 / (divide * final_divide), (done - rise) / (1 - rise))


def coslog4(x: float, total: float, cycles: float, length: float) -> float:
    """Return (1 - cos(2 pi log2(1 + (2^cycles - 1) x / length))) / 2.

    The logarithm is cycles + log2(t + (1 - t) / 2^cycles), so that no power overflows; whole
    cycles do not count.
    """
    t = share(x, length, total)
    part = t + (1 - t) * 2.0**-cycles
    passed = log2(part) if part else 0.0
    return half_cosine(0, 1, 2 * (passed - floor(passed)))


def flat_cos(x: float, total: float, flat: float, length: float) -> float:
    """Return 1 over the share `flat`, then half a cosine down to 0."""
    return half_cosine(1, 0, max((share(x, length, total) - flat) / (1 - flat), 0))


class Memory(NamedTuple):
    """The state of a reactive curve: factor, best value, epochs stuck, epochs of cooldown."""

    factor: float = 1.0
    best: float = inf
    stuck: int = 0
    resting: int = 0


def on_plateau(
    memory: Memory,
    value: float,
    factor: float,
    patience: float,
    threshold: float,
    cooldown: float,
    least: float,
) -> Memory:
    """Return the state after an epoch: the factor shrinks after `patience` epochs stuck."""
    progress = value < memory.best * (1 - threshold)
    best = value if progress else memory.best
    stuck = 0 if progress or memory.resting else memory.stuck + 1
    resting = max(memory.resting - 1, 0)
    if stuck > patience:
        return Memory(max(memory.factor * factor, least), best, 0, int(cooldown))
    return Memory(memory.factor, best, stuck, resting)


def adapted(memory: Memory, value: float, tol: float, patience: float) -> Memory:
    """Return the state after an epoch, by scikit-learn's rule: a fifth after `patience` epochs."""
    stuck = memory.stuck + 1 if value > memory.best - tol else 0
    best = min(memory.best, value)
    if stuck >= patience:
        return Memory(memory.factor / 5, best, 0, 0)
    return Memory(memory.factor, best, stuck, 0)


class Curve(NamedTuple):
    """One entry of the table."""

    name: str
    factor: Callable[..., float]
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()
    observe: Callable[..., Memory] | None = None
    values: Mapping[str, float] = {}

    def at(self, x: float, total: float) -> float:
        """Return the factor at x of `total` epochs."""
        values = dict(self.values)
        if values.pop("per_epoch", 0):
            x = floor(x)
        return self.factor(x, total, **values)

    @property
    def length(self) -> float:
        """The number of epochs after which the next curve follows."""
        return self.values.get("length", 0.0)


END = Setting("end", 0.0, NON_NEGATIVE)
LENGTH = Setting("length", 0.0, NON_NEGATIVE)
PER_EPOCH = Setting("per_epoch", 0.0, FLAG)
SGDR = "Loshchilov & Hutter 2017, SGDR, eq. 5"

CURVES = (
    Curve("constant", constant, "1", "derivation, gradient descent"),
    Curve(
        "step",
        step,
        "factor^floor(x / every)",
        "PyTorch's StepLR",
        (Setting("every", 10.0, POSITIVE), Setting("factor", 0.1, POSITIVE)),
    ),
    Curve(
        "exponential",
        exponential,
        "rate^x",
        "PyTorch's ExponentialLR",
        (Setting("rate", 0.95, POSITIVE), PER_EPOCH),
    ),
    Curve(
        "inverse_scaling",
        inverse_scaling,
        "(1 + x)^-power",
        "Robbins & Monro 1951",
        (Setting("power", 0.5, NON_NEGATIVE), PER_EPOCH),
    ),
    Curve(
        "polynomial",
        polynomial,
        "end + (1 - end) (1 - x / length)^power",
        "PyTorch's PolynomialLR",
        (Setting("power", 1.0, POSITIVE), END, LENGTH, PER_EPOCH),
    ),
    Curve(
        "cosine",
        cosine,
        "end + (1 - end) (1 + cos(pi x / length)) / 2",
        SGDR,
        (END, LENGTH, PER_EPOCH),
    ),
    Curve(
        "cosine_restarts",
        cosine_restarts,
        "cosine again and again",
        SGDR,
        (
            Setting("first", 10.0, POSITIVE),
            Setting("multiplier", 1.0, AT_LEAST_ONE),
            END,
            PER_EPOCH,
        ),
    ),
    Curve(
        "warmup",
        warmup,
        "start + (1 - start) x / length",
        "Goyal et al. 2017, section 2.2",
        (Setting("length", 5.0, POSITIVE), Setting("start", 0.0, NON_NEGATIVE), PER_EPOCH),
    ),
    Curve(
        "one_cycle",
        one_cycle,
        "half a cosine up, and one down",
        "Smith & Topin 2018, Super-Convergence; PyTorch's OneCycleLR",
        (
            Setting("rise", 0.3, INSIDE),
            Setting("divide", 25.0, POSITIVE),
            Setting("final_divide", 10_000.0, POSITIVE),
            LENGTH,
            PER_EPOCH,
        ),
    ),
    Curve(
        "coslog4",
        coslog4,
        "(1 - cos(2 pi log2(1 + (2^cycles - 1) x / length))) / 2",
        "Holzmüller et al. 2024, Better by Default (RealMLP), section 3",
        (Setting("cycles", 4.0, COUNT), LENGTH, PER_EPOCH),
    ),
    Curve(
        "flat_cos",
        flat_cos,
        "1, then (1 + cos(pi (x / length - flat) / (1 - flat))) / 2",
        "Holzmüller et al. 2024, Better by Default (RealMLP), section 3",
        (Setting("flat", 0.5, FRACTION), LENGTH, PER_EPOCH),
    ),
    Curve(
        "reduce_on_plateau",
        constant,
        "factor for each plateau",
        "PyTorch's ReduceLROnPlateau",
        (
            Setting("factor", 0.1, INSIDE),
            Setting("patience", 10.0, NATURAL),
            Setting("threshold", 1e-4, NON_NEGATIVE),
            Setting("cooldown", 0.0, NATURAL),
            Setting("least", 0.0, NON_NEGATIVE),
        ),
        on_plateau,
    ),
    Curve(
        "adaptive",
        constant,
        "1/5 for each plateau",
        "scikit-learn's MLPClassifier",
        (Setting("tol", 1e-4, NON_NEGATIVE), Setting("patience", 2.0, COUNT)),
        adapted,
    ),
)


class Schedule(NamedTuple):
    """Curves that follow each other, each a product of curves."""

    parts: tuple[tuple[Curve, ...], ...]

    def factor(self, x: float, total: float) -> float:
        """Return the factor of the learning rate at x of `total` epochs."""
        for part in self.parts[:-1]:
            length = max(curve.length for curve in part)
            if x < length:
                return product(part, x, total)
            x, total = x - length, total - length
        return product(self.parts[-1], x, total)

    def reactive(self) -> Curve | None:
        """Return the curve that depends on the course of the training, if there is one."""
        return next((curve for part in self.parts for curve in part if curve.observe), None)

    def __str__(self) -> str:
        return " then ".join(
            " * ".join(write(curve, curve.values) for curve in part) for part in self.parts
        )


def product(part: tuple[Curve, ...], x: float, total: float) -> float:
    """Return the product of the factors of curves."""
    result = 1.0
    for curve in part:
        result *= curve.at(x, total)
    return result


def schedule(text: str) -> Schedule:
    """Return the schedule of a text.

    >>> schedule("warmup(2) then cosine").factor(6, 10)
    0.5
    """
    parts = tuple(tuple(map(curve_of, part.split(" * "))) for part in text.split(" then "))
    if sum(curve.observe is not None for part in parts for curve in part) > 1:
        raise error.reactive_curves(text)
    for part in parts[:-1]:
        if all(curve.length == 0 for curve in part):
            raise error.endless_schedule(write(part[0], part[0].values))
    return Schedule(parts)


def curve_of(text: str) -> Curve:
    """Return the curve of a text."""
    entry, values = parse("schedule", text, CURVES)
    return entry._replace(values=values)
