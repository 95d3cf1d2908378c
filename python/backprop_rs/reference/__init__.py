"""The NumPy twin of the Rust core, written to be read with the derivation.

Start with `layer` (one layer, forward and backward), then `network` (all layers), the tables in
`backprop_rs.tables` (`cost`, `activation`, `optimizer`) and `train`. `backend` adds the
training to the layers, and this package has the names of the compiled core. Rows are samples
everywhere; `w` is (n_out, n_in).
"""

from .._internal.random import shuffled
from ..tables import canonical, is_reactive, observe, schedule_factor, table, target_range
from .backend import Network

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


def __dir__() -> list[str]:
    return __all__
