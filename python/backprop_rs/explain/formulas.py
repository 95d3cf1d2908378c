"""The formula of each activation and cost, to print and to evaluate.

The implementations are written for arrays and small rounding errors. A test compares the value of
every formula with the backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .. import custom
from .._internal.expression import (
    PI,
    Call,
    Cases,
    Condition,
    Constant,
    Expression,
    Number,
    Series,
    Symbol,
    absolute,
    exp,
    function,
    log,
    root,
)
from ..tables import activation as activations
from ..tables import cost as costs
from ..tables.activation import GELU_CUBE, SELU_ALPHA, SELU_SCALE
from ..tables.registry import E, parse

z, a, y = map(Symbol, "zay")  # of one neuron
slope, alpha = Symbol("s"), Symbol("α")
gamma, tau, threshold = Symbol("γ"), Symbol("τ"), Symbol("d")
n = Symbol("n", "L")  # outputs
LAMBDA = Constant("λ", SELU_SCALE)
ALPHA = Constant("α", SELU_ALPHA)
tanh, sin, cos, cosh, erf, sign, largest, least = map(
    function, ("tanh", "sin", "cos", "cosh", "erf", "sign", "max", "min")
)


def where(left: Expression, relation: str, right: float | Expression) -> Condition:
    """Return the condition that compares two formulas, or a formula and a number."""
    return Condition(left, relation, right if isinstance(right, Expression) else Number(right))


def either(case: Expression | float, condition: Condition, otherwise: Expression | float) -> Cases:
    """Return `case` if the condition holds, and `otherwise` if not."""
    first, last = (
        value if isinstance(value, Expression) else Number(value) for value in (case, otherwise)
    )
    return Cases(((first, condition),), last)


def inside(case: Expression | float, low: float, high: float) -> Cases:
    """Return `case` if low < z < high, otherwise 0."""
    first = case if isinstance(case, Expression) else Number(case)
    zero = Number(0)
    return Cases(((zero, where(z, "≤", low)), (first, where(z, "<", high))), zero)


class ActivationFormula(NamedTuple):
    """sigma(z), and sigma'(z) in terms of z and a."""

    sigma: Expression
    sigma_prime: Expression
    settings: Mapping[str, Symbol] = {}  # by their names in the table


ALPHA_OF_NEURON = Symbol("r")


def parametric(formula: ActivationFormula) -> ActivationFormula:
    """Return the formula of z + r (sigma(z) - z)."""
    slope = formula.sigma_prime.put({a: formula.sigma})
    return formula._replace(
        sigma=z + ALPHA_OF_NEURON * (formula.sigma - z),
        sigma_prime=1 + ALPHA_OF_NEURON * (slope - 1),
    )


POSITIVE = where(z, ">", 0)
GAUSS = (1 + erf(z / root(Number(2)))) / 2
INNER = root(2 / PI) * (z + GELU_CUBE * z**3)
SOFTPLUS = log(1 + exp(z))

ACTIVATIONS = {
    "identity": ActivationFormula(z, Number(1)),
    "sigmoid": ActivationFormula(1 / (1 + exp(-z)), a * (1 - a)),
    "tanh": ActivationFormula(tanh(z), 1 - a**2),
    "relu": ActivationFormula(largest(z, 0), either(1, POSITIVE, 0)),
    "leaky_relu": ActivationFormula(
        either(z, POSITIVE, slope * z), either(1, POSITIVE, slope), {"slope": slope}
    ),
    "elu": ActivationFormula(
        either(z, POSITIVE, alpha * (exp(z) - 1)), either(1, POSITIVE, a + alpha), {"alpha": alpha}
    ),
    "selu": ActivationFormula(
        either(LAMBDA * z, POSITIVE, LAMBDA * ALPHA * (exp(z) - 1)),
        either(LAMBDA, POSITIVE, a + LAMBDA * ALPHA),
    ),
    "gelu": ActivationFormula(z * GAUSS, GAUSS + z * (exp(-(z**2 / 2)) / root(2 * PI))),
    "gelu_tanh": ActivationFormula(
        z / 2 * (1 + tanh(INNER)),
        (1 + tanh(INNER)) / 2
        + z / 2 * (1 - tanh(INNER) ** 2) * root(2 / PI) * (1 + 3 * GELU_CUBE * z**2),
    ),
    "silu": ActivationFormula(z / (1 + exp(-z)), 1 / (1 + exp(-z)) + a * (1 - 1 / (1 + exp(-z)))),
    "mish": ActivationFormula(
        z * tanh(SOFTPLUS),
        tanh(SOFTPLUS) + z / (1 + exp(-z)) * (1 - tanh(SOFTPLUS) ** 2),
    ),
    "softplus": ActivationFormula(SOFTPLUS, 1 - exp(-a)),
    "softsign": ActivationFormula(z / (1 + absolute(z)), (1 - absolute(a)) ** 2),
    "hard_sigmoid": ActivationFormula(
        largest(0, least(1, z / 6 + Number(1) / 2)), inside(Number(1) / 6, -3, 3)
    ),
    "hard_tanh": ActivationFormula(largest(-1, least(1, z)), inside(1, -1, 1)),
    "relu6": ActivationFormula(largest(0, least(6, z)), inside(1, 0, 6)),
    "gaussian": ActivationFormula(exp(-(z**2)), -2 * z * a),
    "sine": ActivationFormula(sin(z), cos(z)),
    "exponential": ActivationFormula(exp(z), a),
}
"""The elementwise activations; for softmax, where each a depends on every z, see `forward`."""


class CostFormula(NamedTuple):
    """The part of C_i of one output, and dC/da, in terms of its a and y.

    `short` is delta if sigma' cancels; `by_z` is `term` in terms of z, for a that has been
    rounded to 0 or 1.
    """

    term: Expression
    slope: Expression
    short: Expression | None = None
    by_z: Expression | None = None
    settings: Mapping[str, Symbol] = {}
    is_custom: bool = False  # custom without a formula: it may not be a sum over the outputs

    def scaled(self, factor: float) -> CostFormula:
        """Return the formula times the scale of the cost."""
        if factor == 1:
            return self
        return self._replace(term=factor * self.term, slope=factor * self.slope)


EVERY = "every output"
OTHER, REST = 1 - y, 1 - a
SUM_OF_TARGETS = Symbol("Σy")
LOG_SUM = log(Series("i", "n−1", exp(Symbol("z", "i", "L"))))
NEAR = where(absolute(a - y), "≤", threshold)
SIDE = 2 * y - 1
FOCUS_YES, FOCUS_NO = REST**gamma, a**gamma
YES = gamma * REST ** (gamma - 1) * log(a) - FOCUS_YES / a
NO = FOCUS_NO / REST - gamma * a ** (gamma - 1) * log(REST)
HINGE = CostFormula(largest(0, 1 - SIDE * a), either(-SIDE, where(SIDE * a, "<", 1), 0))
MINUS_LOG_YES, MINUS_LOG_NO = log(1 + exp(-z)), log(1 + exp(z))

COSTS = {
    "squared_error": {EVERY: CostFormula((a - y) ** 2, 2 * (a - y))},
    "mean_squared_error": {EVERY: CostFormula((a - y) ** 2 / n, 2 * (a - y) / n)},
    "half_squared_error": {EVERY: CostFormula((a - y) ** 2 / 2, a - y)},
    "absolute_error": {EVERY: CostFormula(absolute(a - y), sign(a - y))},
    "huber": {
        EVERY: CostFormula(
            either((a - y) ** 2 / 2, NEAR, threshold * (absolute(a - y) - threshold / 2)),
            either(a - y, NEAR, threshold * sign(a - y)),
            settings={"delta": threshold},
        )
    },
    "log_cosh": {EVERY: CostFormula(log(cosh(a - y)), tanh(a - y))},
    "quantile": {
        EVERY: CostFormula(
            either(tau * (y - a), where(a, "<", y), (1 - tau) * (a - y)),
            Cases(((-tau, where(a, "<", y)), (Number(0), where(a, "=", y))), 1 - tau),
            settings={"tau": tau},
        )
    },
    "poisson": {
        EVERY: CostFormula(a - y * log(a), 1 - y / a),
        "exponential": CostFormula(a - y * log(a), 1 - y / a, a - y, a - y * z),
        "softplus": CostFormula(a - y * log(a), 1 - y / a, None, a - y * z),
    },
    "cross_entropy": {
        "sigmoid": CostFormula(
            -y * log(a) - OTHER * log(REST),
            -(y / a) + OTHER / REST,
            a - y,
            MINUS_LOG_NO - y * z,
        ),
        "softmax": CostFormula(-y * log(a), -(y / a), a * SUM_OF_TARGETS - y, y * (LOG_SUM - z)),
    },
    "focal": {
        "sigmoid": CostFormula(
            -y * FOCUS_YES * log(a) - OTHER * FOCUS_NO * log(REST),
            y * YES + OTHER * NO,
            None,
            y * exp(-gamma * MINUS_LOG_NO) * MINUS_LOG_YES
            + OTHER * exp(-gamma * MINUS_LOG_YES) * MINUS_LOG_NO,
            {"gamma": gamma},
        ),
        "softmax": CostFormula(-y * FOCUS_YES * log(a), y * YES, settings={"gamma": gamma}),
    },
    "hinge": {EVERY: HINGE, "exponential": HINGE},
}
"""Formulas by the name of the cost, then by that of the output activation."""


def activation_formula(text: str | custom.Activation) -> ActivationFormula:
    """Return the formula of an activation such as "elu(0.7)", with its settings as numbers.

    Of a custom activation it is the formula that it was given, or its name.

    >>> activation_formula("leaky_relu(0.25)").sigma.put({z: Number(-2.0)}).value()
    -0.5
    """
    if isinstance(text, custom.Activation):
        formula, derivative = text.formulas()
        return ActivationFormula(
            Call(text.name, (z,)) if formula is None else formula,
            Call(f"{text.name}′", (z,)) if derivative is None else derivative,
        )
    name, values = parsed("activation", text, activations.ACTIVATIONS)
    known = ACTIVATIONS.get(name)
    if known is None:
        return ActivationFormula(Call(name, (z,)), Call(f"{name}′", (z,)))
    settings = numbers(known.settings, values)
    sigma, prime = (part.put(settings).plain() for part in known[:2])
    return ActivationFormula(sigma, prime)


def cost_formula(text: str | custom.Cost, output: str) -> CostFormula:
    """Return the formula of a cost with an output activation.

    Of a custom cost it is the formula that it was given, or its name.

    >>> cost_formula("huber(2)", "identity").term.put({a: Number(4.0), y: Number(0.0)}).value()
    6.0
    """
    if isinstance(text, custom.Cost):
        formula, derivative = text.formulas()
        return CostFormula(
            Call(text.name, (a, y)) if formula is None else formula,
            Call(f"{text.name}′", (a, y)) if derivative is None else derivative,
            is_custom=formula is None,
        )
    name, values = parsed("cost", text, costs.COSTS)
    if name not in COSTS:
        return CostFormula(Call(name, (a, y)), Call(f"{name}′", (a, y)), is_custom=True)
    by_output = COSTS[name]
    known = by_output.get(output) or by_output[EVERY]
    settings = numbers(known.settings, values)

    def put(part: Expression | None) -> Expression | None:
        return None if part is None else part.put(settings).plain()

    term, slope = (part.put(settings).plain() for part in (known.term, known.slope))
    unscaled = CostFormula(term, slope, put(known.short), put(known.by_z))
    return unscaled.scaled(values.get("scale", 1.0))


def parsed(kind: str, text: str, table: Sequence[E]) -> tuple[str, dict[str, float]]:
    """Return the name and the settings of an entry; a custom name has no settings."""
    try:
        row, values = parse(kind, text, table)
    except ValueError:
        return text.partition("(")[0], {}
    return row.name, values


def numbers(
    settings: Mapping[str, Symbol], values: Mapping[str, float]
) -> dict[Expression, Expression]:
    """Map the symbol of each setting to its value."""
    return {symbol: Number(values[name]) for name, symbol in settings.items()}
