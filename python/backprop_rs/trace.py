"""All intermediate values of one back-propagation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._internal.types import Array


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One forward and backward pass over a batch of m samples, from `Network.backward`.

    Index l - 1 of a list is layer l of the derivation. The exception is `activations`, where
    index l is layer l because `activations[0]` is the input. For the equations see
    docs/derivation.md.

    Attributes
    ----------
    cost : float
        C, the mean of the costs of the samples (eq. 12).
    weighted_inputs : list of (m, n_l) arrays
        z (eq. 1); with layer normalization, the values before it.
    activations : list of (m, n_l) arrays
        a, from the input a0 to the output aL.
    deltas : list of (m, n_l) arrays
        The error term dC/dz of each sample, not divided by m (eqs. 7 and 11).
    weight_gradients : list of (n_l, n_{l-1}) arrays
        dC/dw, averaged over the batch (eq. 13).
    bias_gradients : list of (n_l,) arrays
        dC/db, averaged over the batch (eq. 13).
    gain_gradients, shift_gradients : list of (n_l,) arrays or None
        dC/d(gain) and dC/d(shift), averaged over the batch, of layers with layer normalization.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> trace = bp.Network([2, 3, 2], seed=0).backward([[1.0, 2.0]], [[0.0, 1.0]])
    >>> trace.weight_gradients[0].shape
    (3, 2)
    """

    cost: float
    weighted_inputs: list[Array]
    activations: list[Array]
    deltas: list[Array]
    weight_gradients: list[Array]
    bias_gradients: list[Array]
    gain_gradients: list[Array | None]
    shift_gradients: list[Array | None]

    def __repr__(self) -> str:
        lines = [f"Trace(cost={self.cost:.6g}"]
        for name, value in vars(self).items():
            if name != "cost" and any(array is not None for array in value):
                shapes = [None if array is None else array.shape for array in value]
                lines.append(f"  {name}: {', '.join(map(str, shapes))}")
        return "\n".join(lines) + ")"
