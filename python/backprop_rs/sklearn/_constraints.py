"""What each constructor parameter accepts, in scikit-learn's own terms and with its sentences."""

from __future__ import annotations

from functools import cache, lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .._internal import backends
from .._internal.registry import Tables
from ..importing.estimator import RENAMED

STOCHASTIC = ("sgd", "adam")
OWN = ("activation", "cost")  # of which users may write their own


@cache
def tables() -> Tables:
    """The tables of the backend that there is; both backends have the same."""
    return Tables(backends.choose("auto")[1])


def row(kind: str, given: Any) -> Any:
    """A row as `Network` takes it, under scikit-learn's names too, or a function of the user's."""
    if isinstance(given, str):
        return named(kind, given)
    return tables().function(kind, given)


def name_of(chosen: Any) -> str:
    """The name of a row, or of a function of the user's, without its settings."""
    return chosen.partition("(")[0] if isinstance(chosen, str) else str(chosen.name)


@lru_cache(500)
def named(kind: str, text: str) -> Any:
    """A row by its text."""
    return tables().row(kind, RENAMED.get(text, text))


class Row(StrOptions):  # type: ignore[misc]  # scikit-learn has no types
    """A row of one of our tables: a name with settings or without, or an object that stands for it.

    `also` are names that have a meaning of their own here.
    """

    def __init__(self, kind: str, also: tuple[str, ...] = ()) -> None:
        self.kind, self.also = kind, also
        super().__init__({*tables().names(kind), *also})

    def is_satisfied_by(self, val: Any) -> bool:
        if isinstance(val, str) and val in self.also:
            return True
        try:
            row(self.kind, val)
        except (TypeError, ValueError):
            return False
        return True

    def __str__(self) -> str:
        names = ", ".join(repr(name) for name in sorted(self.options))
        own = f", or a backprop_rs.{self.kind.capitalize()}" if self.kind in OWN else ""
        return f"a str among {{{names}}}, with settings or without{own}"


class Each(Options):  # type: ignore[misc]
    """A list with one entry a layer, each of which satisfies a constraint."""

    def __init__(self, one: Any) -> None:
        self.one, self.hidden = one, False

    def is_satisfied_by(self, val: Any) -> bool:
        return isinstance(val, (list, tuple)) and all(map(self.one.is_satisfied_by, val))

    def __str__(self) -> str:
        return "a list of such, one a layer"


def from_zero(below: float | None = None) -> list[Any]:
    """A number from 0 on, or one a layer."""
    one = Interval(Real, 0, below, closed="left")
    return [one, Each(one)]


POSITIVE = Interval(Real, 0, None, closed="neither")

# As scikit-learn has them, but for the rows of our tables.
SAME: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [Row("activation", tuple(RENAMED)), Each(Row("activation", tuple(RENAMED)))],
    "solver": [Row("optimizer", ("lbfgs",))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [POSITIVE],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [POSITIVE],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
}

# What comes after scikit-learn's.
MORE: dict[str, list[Any]] = {
    "output_activation": [None, Row("activation", tuple(RENAMED))],
    "cost": [None, Row("cost")],
    "init": [None, Row("init")],
    "dropout": from_zero(1),
    "l1": from_zero(),
    "weight_decay": from_zero(),
    "max_norm": from_zero(),
    "schedule": [None, Row("schedule")],
    "clip_value": [None, POSITIVE],
    "clip_norm": [None, POSITIVE],
    "input_noise": [Interval(Real, 0, None, closed="left")],
    "callbacks": [None, callable, list, tuple],
    "progress": ["boolean"],
    "n_jobs": [None, Interval(Integral, 1, None, closed="left"), Options(Integral, {-1})],
    "backend": [StrOptions(set(backends.BACKENDS))],
    "sklearn_compat": ["boolean"],
}
CONSTRAINTS = {**SAME, **MORE}
