"""Settings for those who give none: found on small and large tables, see docs/guide/training.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from .._internal import checks
from .._internal.error import key
from ..tables import lbfgs
from ..tables.choices import Tables, as_text

AUTO = "auto"
BATCHES, MANY = (32, 64), 10_000  # for few samples, and for so many
UPDATES = 1000  # enough for small tables, more overfit them
EPOCHS = (10, 1000)
ITERATIONS = 200  # of L-BFGS
ENDLESS = 2**62  # epochs that nobody sees the end of
LARGEST_BATCH = 2**31  # of a stream, whose samples are not counted
RATES = {"sgd": 0.05, "adam": 0.003, "adamw": 0.003, "nadam": 0.003, "rmsprop": 0.003}
RATES |= {"adagrad": 0.03, "rprop": 0.01, "lion": 0.001, "lbfgs": 1.0}


def is_lbfgs(text: str) -> bool:
    """Whether it is SciPy's, which sees all samples at once."""
    return name_of(text) == lbfgs.ROW.name


def name_of(text: str) -> str:
    return text.partition("(")[0].strip()


@dataclass(frozen=True)
class Plan:
    """What "auto" stands for, and what was given, checked."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    schedule: str


def plan(tables: Tables, n: int, given: Mapping[str, Any]) -> Plan:
    """The plan for n samples.

    A learning rate given without an optimizer means the derivation's gradient descent.
    """
    rate, plain = given["learning_rate"], given["learning_rate"] != AUTO
    optimizer = rule(tables, either(given["optimizer"], "sgd" if plain else "adam"))
    batch_size = checks.integer("batch_size", either(given["batch_size"], batch_for(n)), least=1)
    batch_size = min(batch_size, n or LARGEST_BATCH)
    epochs = either(given["epochs"], epochs_for(n, batch_size, optimizer))
    return Plan(
        epochs=min(checks.integer("epochs", epochs, least=0), ENDLESS),
        batch_size=batch_size,
        learning_rate=checks.nonnegative("learning_rate", either(rate, RATES[name_of(optimizer)])),
        optimizer=optimizer,
        schedule=tables.row(
            "schedule", either(given["schedule"], "constant" if plain else "cosine")
        ),
    )


def either(given: Any, auto: Any) -> Any:
    """What was given, or what auto stands for."""
    return auto if isinstance(given, str) and given == AUTO else given


def rule(tables: Tables, given: Any) -> str:
    """The optimizer as it is written."""
    text = as_text("optimizer", given, tables.names)
    if is_lbfgs(text):
        return lbfgs.canonical(text)
    name = name_of(text)
    if key(name) in ("lbfgs", "lbfgsb", "bfgs"):  # which no table of a backend has
        names = [*tables.names("optimizer"), lbfgs.ROW.name]
        raise ValueError(
            f"optimizer must be one of {', '.join(names)}; got '{name}' (did you mean 'lbfgs'?)"
        )
    return tables.row("optimizer", text)


def batch_for(n: int) -> int:
    return BATCHES[n >= MANY]


def epochs_for(n: int, batch_size: int, optimizer: str) -> int:
    if is_lbfgs(optimizer):
        return ITERATIONS
    least, most = EPOCHS
    return min(max(ceil(UPDATES / max(ceil(n / batch_size), 1)), least), most)
