"""The tables: activations, costs, initializers, optimizers and schedules.

Each entry has a name, settings, a formula and a source. `activation` and `cost` hold the functions
next to their derivatives, to be read with the derivation. The functions below answer for all
tables by name; the compiled core has the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._internal import error
from .activation import ACTIVATIONS
from .cost import COSTS
from .cost import cost as cost_of
from .init import INITS
from .optimizer import OPTIMIZERS
from .registry import Entry, parse, write
from .schedule import CURVES, Memory
from .schedule import schedule as schedule_of

__all__ = [
    "TABLES",
    "canonical",
    "is_reactive",
    "observe",
    "schedule_factor",
    "table",
    "target_range",
]


def __dir__() -> list[str]:
    return __all__


TABLES: Mapping[str, Sequence[Entry]] = {
    "activation": ACTIVATIONS,
    "cost": COSTS,
    "init": INITS,
    "optimizer": OPTIMIZERS,
    "schedule": CURVES,
}


def table(kind: str) -> list[tuple[str, list[tuple[str, float, str]]]]:
    """Return the entries of a table: names, with (setting, default, accepted numbers).

    >>> table("activation")[4]
    ('leaky_relu', [('slope', 0.01, 'a number >= 0')])
    """
    return [
        (entry.name, [(s.name, s.default, s.accepted.words) for s in entry.settings])
        for entry in entries_of(kind)
    ]


def canonical(kind: str, text: str) -> str:
    """Return an entry as it is written: its name with the settings that are not the defaults.

    >>> canonical("optimizer", "adam(0.9, epsilon=1e-4)")
    'adam(epsilon=0.0001)'
    """
    entries = entries_of(kind)
    if kind == "schedule":
        return str(schedule_of(text))
    return write(*parse(kind, text, entries))


def entries_of(kind: str) -> Sequence[Entry]:
    """Return a table, or raise ValueError if there is none of this kind."""
    if kind not in TABLES:
        raise error.unknown_name("kind", kind, list(TABLES))
    return TABLES[kind]


def target_range(cost: str) -> tuple[float, float]:
    """Return the smallest and the largest target for which a cost is defined.

    >>> target_range("cross_entropy")
    (0.0, 1.0)
    """
    return cost_of(cost).targets


def observe(
    schedule: str, value: float, memory: tuple[float, float, int, int] | None = None
) -> tuple[float, float, int, int]:
    """Return the state of a reactive schedule after an epoch that ended with `value`.

    The state is its factor, the best value, the epochs without progress, and the epochs of
    cooldown that are left.

    >>> observe("adaptive(patience=1)", 2.0, (1.0, 1.0, 0, 0))
    Memory(factor=0.2, best=1.0, stuck=0, resting=0)
    """
    curve = schedule_of(schedule).reactive()
    before = Memory(*memory) if memory else Memory()
    if curve is None or curve.observe is None:
        return before
    return curve.observe(before, value, **curve.values)


def is_reactive(schedule: str) -> bool:
    """Return True if a schedule depends on the course of the training.

    >>> is_reactive("cosine")
    False
    """
    return schedule_of(schedule).reactive() is not None


def schedule_factor(schedule: str, x: float, total: float) -> float:
    """Return the factor of the learning rate at epoch x of `total`.

    >>> schedule_factor("exponential(0.5)", 2, 10)
    0.25
    """
    return schedule_of(schedule).factor(x, total)
