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
    scaled_inputs : (m, n_0) array or None
        s a0, the inputs of the first layer, of a network with `input_scale`.
    input_deltas : (m, n_0) array or None
        dC/d(s a0) of each sample, not divided by m: delta^(1) w^(1), as in eq. 10.
    scale_gradients : (n_0,) array or None
        dC/ds, averaged over the batch: the mean of a0 dC/d(s a0).

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
    scaled_inputs: Array | None = None
    input_deltas: Array | None = None
    scale_gradients: Array | None = None

    @property
    def layer_inputs(self) -> list[Array]:
        """The inputs of the weights of each layer: a of the layer before, or s a0.

        >>> import backprop_rs as bp
        >>> trace = bp.Network([2, 3, 2], seed=0).backward([[1.0, 2.0]], [[0.0, 1.0]])
        >>> [a.shape for a in trace.layer_inputs]
        [(1, 2), (1, 3)]
        """
        first, *others = self.activations[:-1]
        return [first if self.scaled_inputs is None else self.scaled_inputs, *others]

    def __repr__(self) -> str:
        lines = [f"Trace(cost={self.cost:.6g}"]
        for name, value in vars(self).items():
            arrays = value if isinstance(value, list) else [value]
            if name != "cost" and any(array is not None for array in arrays):
                shapes = [None if array is None else array.shape for array in arrays]
                lines.append(f"  {name}: {', '.join(map(str, shapes))}")
        return "\n".join(lines) + ")"
