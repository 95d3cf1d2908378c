"""Settings for those who give none: found on small and large tables, see docs/defaults.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from .. import _check
from .._tables import Tables, as_text
from . import lbfgs

AUTO = "auto"
UPDATES = 6000  # enough for small tables
EPOCHS = (10, 300)
ENDLESS = 2**62  # epochs that nobody sees the end of
LARGEST_BATCH = 2**31  # of a stream, whose samples are not counted
RATES = {"sgd": 0.1, "adam": 0.003, "adamw": 0.003, "nadam": 0.003, "rmsprop": 0.001}
RATES |= {"adagrad": 0.01, "rprop": 0.01, "lion": 0.0003, "lbfgs": 1.0}


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
    epochs, batch_size, rate = (given[name] for name in ("epochs", "batch_size", "learning_rate"))
    optimizer, schedule = given["optimizer"], given["schedule"]
    if batch_size == AUTO:
        batch_size = min(max(8, 2 ** ((n // 40).bit_length())), 64)
    batch_size = min(_check.integer("batch_size", batch_size, least=1), n or LARGEST_BATCH)
    if epochs == AUTO:
        steps = ceil(n / batch_size)
        epochs = min(max(ceil(UPDATES / steps), EPOCHS[0]), EPOCHS[1])
    if optimizer == AUTO:
        optimizer = "adam" if rate == AUTO else "sgd"
    text = as_text("optimizer", optimizer, tables.names("optimizer"))
    optimizer = lbfgs.canonical(text) if is_lbfgs(text) else tables.row("optimizer", text)
    if schedule == AUTO:
        schedule = "cosine" if rate == AUTO else "constant"
    if rate == AUTO:
        rate = RATES[name_of(optimizer)]
    return Plan(
        epochs=min(_check.integer("epochs", epochs, least=0), ENDLESS),
        batch_size=batch_size,
        learning_rate=_check.nonnegative("learning_rate", rate),
        optimizer=optimizer,
        schedule=tables.row("schedule", schedule),
    )
