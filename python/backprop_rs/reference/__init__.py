"""The NumPy twin of the Rust core, written to be read with the derivation.

Start with `layer` (one layer, forward and backward), then `network` (all layers), the tables in
`backprop_rs.tables` (`cost`, `activation`, `optimizer`) and `train`. `backend` combines them
into a module with the interface of the compiled core. Rows are samples everywhere; `w` is
(n_out, n_in).
"""

from .backend import (
    Network,
    canonical,
    is_reactive,
    observe,
    schedule_factor,
    shuffled,
    table,
    target_range,
)

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
