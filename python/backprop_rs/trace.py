"""All intermediate values of one back-propagation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    alpha_gradients : list of (n_l,) arrays or None
        dC/d(alpha), averaged over the batch, of layers with a parametric activation.
    embedded_inputs : (m, k) array or None
        The numbers e that replace a0, of a network with an `embedding`.
    scaled_inputs : (m, n_0) or (m, k) array or None
        s a0 or s e, the inputs of the first layer, of a network with `input_scale`.
    input_deltas : (m, n_0) or (m, k) array or None
        dC/d(s a0) of each sample, not divided by m: delta^(1) w^(1), as in eq. 10.
    scale_gradients : (n_0,) or (k,) array or None
        dC/ds, averaged over the batch: the mean of a0 dC/d(s a0), or of e dC/d(s e).
    embedding_gradients : (p,) array or None
        The gradient of what an embedding learns, averaged over the batch.

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
    alpha_gradients: list[Array | None]
    embedded_inputs: Array | None = None
    scaled_inputs: Array | None = None
    input_deltas: Array | None = None
    scale_gradients: Array | None = None
    embedding_gradients: Array | None = None

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Trace:
        """Return the trace of what `backward` of the core returns."""
        *layers, of_inputs = values
        return cls(*layers, *of_inputs)

    @property
    def unscaled_inputs(self) -> Array:
        """The inputs of layer 1 before their factors: the embedded inputs, or a0."""
        return self.activations[0] if self.embedded_inputs is None else self.embedded_inputs

    @property
    def layer_inputs(self) -> list[Array]:
        """The inputs of the weights of each layer: a of the layer before, or those of layer 1.

        >>> import backprop_rs as bp
        >>> trace = bp.Network([2, 3, 2], seed=0).backward([[1.0, 2.0]], [[0.0, 1.0]])
        >>> [a.shape for a in trace.layer_inputs]
        [(1, 2), (1, 3)]
        """
        scaled = self.scaled_inputs
        first = self.unscaled_inputs if scaled is None else scaled
        return [first, *self.activations[1:-1]]

    def __repr__(self) -> str:
        lines = [f"Trace(cost={self.cost:.6g}"]
        for name, value in vars(self).items():
            arrays = value if isinstance(value, list) else [value]
            if name != "cost" and any(array is not None for array in arrays):
                shapes = [None if array is None else array.shape for array in arrays]
                lines.append(f"  {name}: {', '.join(map(str, shapes))}")
        return "\n".join(lines) + ")"
