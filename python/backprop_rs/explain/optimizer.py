"""The step of an optimizer: its moments, and the change of a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.expression import Call, Expression, Fraction, Number, Power, Symbol
from ..tables.optimizer import Optimizer, optimizer
from .layer_norm_values import Floats, doubled
from .notation import ALPHA

if TYPE_CHECKING:
    from ..base_network import BaseNetwork

RULES = ("sgd", "adam", "adamw")
"""The optimizers whose steps are written out."""

LETTERS = {"momentum": "p", "mean": "m", "square": "v", "largest": "ṽ"}
TITLES = {
    "momentum": "Momentum",
    "mean": "Mean of the gradient",
    "square": "Mean of the squared gradient",
    "largest": "Largest mean of the squared gradient",
}
BETA1, BETA2, EPSILON, MU, T = map(Symbol, ("β₁", "β₂", "ε", "μ", "t"))


@dataclass(frozen=True, eq=False)
class Moments:
    """An optimizer with the numbers that it keeps for each parameter, before and after a step.

    Attributes
    ----------
    choice : Optimizer
        The rule and its settings.
    t : int
        The number of the step, from 1.
    before, after : mapping of str to array
        By the name in `state` of a network, such as "optimizer.mean.weights.1".
    """

    choice: Optimizer
    t: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def kept(self) -> tuple[str, ...]:
        """The names of the moments in the order of their computation."""
        return self.choice.rule.memory(self.choice.settings)

    def of(self, kept: str, plural: str, layer: int, after: bool) -> Floats:
        """Return a moment of the parameters of a kind of a layer."""
        state = self.after if after else self.before
        return doubled(state[f"optimizer.{kept}.{plural}.{layer}"])

    def setting(self, name: str) -> float:
        """Return one of the settings, 0 if the rule does not have it."""
        return self.choice.settings.get(name, 0.0)

    # Formulas, with symbols or with numbers.

    def values(self, rate: float) -> dict[Expression, Expression]:
        """Return the numbers of the settings."""
        named = {BETA1: "beta1", BETA2: "beta2", EPSILON: "epsilon", MU: "momentum"}
        numbers: dict[Expression, Expression] = {
            symbol: Number(self.setting(name)) for symbol, name in named.items()
        }
        return numbers | {ALPHA: Number(rate), T: Number(self.t)}

    def new_moment(
        self, kept: str, before: Expression, slope: Expression, square: Expression
    ) -> Expression:
        """Return the formula of a moment; `square` is the new mean of the squared gradient."""
        if kept == "momentum":
            return MU * before - ALPHA * slope if self.setting("velocity") else MU * before + slope
        if kept == "mean":
            return BETA1 * before + (1 - BETA1) * slope
        if kept == "square":
            return BETA2 * before + (1 - BETA2) * Power(slope, Number(2))
        return Call("max", (before, square))

    def step(self, slope: Expression, moments: Mapping[str, Expression]) -> Expression:
        """Return what the rule subtracts from a parameter, from the new moments."""
        if "mean" in moments:
            unbiased_m = Fraction(moments["mean"], 1 - Power(BETA1, T))
            square = moments.get("largest", moments["square"])
            unbiased_v = Fraction(square, 1 - Power(BETA2, T))
            epsilon: Expression = EPSILON
            if self.setting("epsilon_hat"):
                epsilon = Fraction(EPSILON, Call("sqrt", (1 - Power(BETA2, T),)))
            return ALPHA * Fraction(unbiased_m, Call("sqrt", (unbiased_v,)) + epsilon)
        if "momentum" not in moments:
            return ALPHA * slope
        ahead = moments["momentum"]
        if self.setting("velocity"):
            return -(MU * ahead - ALPHA * slope if self.setting("nesterov") else ahead)
        return ALPHA * (slope + MU * ahead if self.setting("nesterov") else ahead)

    def sentences(self, rate: float) -> list[str]:
        """Return the settings in words."""
        named = {"momentum": "μ", "beta1": "β₁", "beta2": "β₂", "epsilon": "ε"}
        parts = [f"α = {rate:g}"]
        for name, symbol in named.items():
            if self.setting(name) or (name in ("beta1", "beta2") and "mean" in self.kept):
                parts.append(f"{symbol} = {self.setting(name):g}")
        if not self.kept:
            return [f"Gradient descent with the learning rate {parts[0]}."]
        fresh = "its moments start at 0" if self.t == 1 else "its moments are those of the network"
        words = f"{self.choice.rule.name} with {', '.join(parts)}. This is step {self.t}: {fresh}."
        return [words[0].upper() + words[1:]]


def take_step(net: BaseNetwork, X: Any, y: Any, rate: float, choice: str) -> Moments:
    """Change a network by one step of an optimizer, and return its moments before and after.

    If the network has trained with this optimizer, the step goes on from its moments.
    """
    rule = optimizer(choice)
    if rule.rule.name not in RULES:
        raise ValueError(f"optimizer must be one of {', '.join(RULES)}; got {choice!r}")
    if not rule.rule.memory(rule.settings) and not rule.weight_decay:
        net.step(X, y, rate)
        return Moments(rule, 1, {}, {})
    net._use_optimizer(choice)
    before = moments_of(net)
    net._one_step(X, y, rate, None)
    after = moments_of(net)
    return Moments(rule, int(after["updates"]), before, after)


def moments_of(net: BaseNetwork) -> dict[str, Any]:
    """Return copies of what the optimizer keeps."""
    state = net._core.state()
    arrays = {name: np.array(value) for name, value in state.items() if name[:9] == "optimizer"}
    return arrays | {"updates": state["updates"]}
