"""Accepted values of the constructor parameters, checked with scikit-learn's error messages."""

from __future__ import annotations

from functools import cache, lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .. import backends
from ..importing.estimator import RENAMED
from ..tables.choices import Tables

STOCHASTIC = ("sgd", "adam")
CUSTOM = ("activation", "cost")  # kinds that may be defined by users


@cache
def tables() -> Tables:
    """Return the registries of the default backend; those of the other are the same."""
    return Tables(backends.choose("auto")[1])


def entry(kind: str, choice: Any) -> Any:
    """Return a choice in the form of `Network`: a canonical name, or a custom function.

    Names of scikit-learn are accepted too.
    """
    if isinstance(choice, str):
        return canonical(kind, choice)
    return tables().function(kind, choice)


def name_of(entry: Any) -> str:
    """Return the name of an entry or of a custom function, without its settings."""
    return entry.partition("(")[0] if isinstance(entry, str) else str(entry.name)


@lru_cache(500)
def canonical(kind: str, text: str) -> Any:
    """Return the canonical name of an entry."""
    return tables().entry(kind, RENAMED.get(text, text))


class EntryOptions(StrOptions):  # type: ignore[misc]  # scikit-learn has no types
    """An entry of a registry: a name with or without settings, or an object.

    `extra` are further names.
    """

    def __init__(self, kind: str, extra: tuple[str, ...] = ()) -> None:
        self.kind, self.extra = kind, extra
        super().__init__({*tables().names(kind), *extra})

    def is_satisfied_by(self, val: Any) -> bool:
        """Return True if a value satisfies the constraint."""
        if isinstance(val, str) and val in self.extra:
            return True
        try:
            entry(self.kind, val)
        except (TypeError, ValueError):
            return False
        return True

    def __str__(self) -> str:
        """Return the accepted values for error messages."""
        names = ", ".join(repr(name) for name in sorted(self.options))
        custom = f", or a backprop_rs.{self.kind.capitalize()}" if self.kind in CUSTOM else ""
        return f"a str among {{{names}}}, with settings or without{custom}"


class PerLayer(Options):  # type: ignore[misc]
    """A list whose elements, one per layer, satisfy a constraint."""

    def __init__(self, constraint: Any) -> None:
        self.constraint, self.hidden = constraint, False

    def is_satisfied_by(self, val: Any) -> bool:
        """Return True if a value satisfies the constraint."""
        return isinstance(val, (list, tuple)) and all(map(self.constraint.is_satisfied_by, val))

    def __str__(self) -> str:
        """Return the accepted values for error messages."""
        return "a list of them, one per layer"


def from_zero(below: float | None = None) -> list[Any]:
    """Return the constraints of a number >= 0, or one per layer."""
    number = Interval(Real, 0, below, closed="left")
    return [number, PerLayer(number)]


POSITIVE = Interval(Real, 0, None, closed="neither")

ACTIVATION = EntryOptions("activation", tuple(RENAMED))

# Parameters of scikit-learn; those that name entries accept all of our registries.
SAME: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [ACTIVATION, PerLayer(ACTIVATION)],
    "solver": [EntryOptions("optimizer", ("lbfgs",))],
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

# Further parameters.
MORE: dict[str, list[Any]] = {
    "output_activation": [None, ACTIVATION],
    "cost": [None, EntryOptions("cost")],
    "init": [None, EntryOptions("init")],
    "dropout": from_zero(1),
    "l1": from_zero(),
    "weight_decay": from_zero(),
    "max_norm": from_zero(),
    "schedule": [None, EntryOptions("schedule")],
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
