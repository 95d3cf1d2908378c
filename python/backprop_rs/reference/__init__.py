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
from .table import Tabled, parse, write

__all__ = ["Network", "canonical", "table", "target_range"]

TABLES: Mapping[str, Sequence[Tabled]] = {
    "activation": ACTIVATIONS,
    "cost": COSTS,
    "init": INITS,
    "optimizer": OPTIMIZERS,
}


def table(kind: str) -> list[tuple[str, list[tuple[str, float, str]]]]:
    """The rows of a table: names, with (setting, default, accepted numbers).

    >>> table("optimizer")[0]
    ('sgd', [])
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
    return write(*parse(kind, text, TABLES[kind]))


def target_range(cost: str) -> tuple[float, float]:
    """The least and the largest target that a cost is defined for.

    >>> target_range("cross_entropy")
    (0.0, 1.0)
    """
    return cost_of(cost).targets
