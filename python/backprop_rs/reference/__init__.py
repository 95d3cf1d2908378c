"""The NumPy twin of the Rust core, written to be read beside the derivation.

Start with `layer` (one layer, forward and backward), then `network` (all layers), `cost`,
`activation`, `optimizer` and `train`. Rows are samples everywhere; `w` is (n_out, n_in).
"""

from collections.abc import Mapping, Sequence

from . import error
from .activation import ACTIVATIONS
from .cost import COSTS
from .cost import cost as cost_of
from .init import INITS
from .network import Network
from .optimizer import OPTIMIZERS
from .random import shuffled
from .schedule import CURVES, Memory
from .schedule import schedule as schedule_of
from .table import Tabled, parse, write

__all__ = [
    "Network",
    "canonical",
    "is_reactive",
    "observe",
    "schedule_factor",
    "shuffled",
    "table",
    "target_range",
]

TABLES: Mapping[str, Sequence[Tabled]] = {
    "activation": ACTIVATIONS,
    "cost": COSTS,
    "init": INITS,
    "optimizer": OPTIMIZERS,
    "schedule": CURVES,
}


def table(kind: str) -> list[tuple[str, list[tuple[str, float, str]]]]:
    """The rows of a table: names, with (setting, default, accepted numbers).

    >>> table("activation")[4]
    ('leaky_relu', [('slope', 0.01, 'a number >= 0')])
    """
    if kind not in TABLES:
        raise error.unknown_name("kind", kind, list(TABLES))
    return [
        (row.name, [(s.name, s.default, s.accepted.words) for s in row.settings])
        for row in TABLES[kind]
    ]


def canonical(kind: str, text: str) -> str:
    """A row as it is written: its name with the settings that differ from their defaults.

    >>> canonical("optimizer", "adam(0.9, epsilon=1e-4)")
    'adam(epsilon=0.0001)'
    """
    if kind not in TABLES:
        raise error.unknown_name("kind", kind, list(TABLES))
    if kind == "schedule":
        return str(schedule_of(text))
    return write(*parse(kind, text, TABLES[kind]))


def target_range(cost: str) -> tuple[float, float]:
    """The least and the largest target that a cost is defined for.

    >>> target_range("cross_entropy")
    (0.0, 1.0)
    """
    return cost_of(cost).targets


def observe(
    schedule: str, value: float, memory: tuple[float, float, int, int] | None = None
) -> tuple[float, float, int, int]:
    """What a reactive schedule remembers after an epoch that ended with `value`.

    Its factor, the best value, epochs without progress, and epochs still to rest.

    >>> observe("adaptive(patience=1)", 2.0, (1.0, 1.0, 0, 0))
    Memory(factor=0.2, best=1.0, stuck=0, resting=0)
    """
    curve = schedule_of(schedule).reactive()
    before = Memory(*memory) if memory else Memory()
    if curve is None or curve.observe is None:
        return before
    return curve.observe(before, value, **curve.values)


def is_reactive(schedule: str) -> bool:
    """Whether a schedule watches the training.

    >>> is_reactive("cosine")
    False
    """
    return schedule_of(schedule).reactive() is not None


def schedule_factor(schedule: str, x: float, total: float) -> float:
    """What a schedule multiplies the learning rate by at epoch x of `total`.

    >>> schedule_factor("exponential(0.5)", 2, 10)
    0.25
    """
    return schedule_of(schedule).factor(x, total)
