"""Inputs and slopes of the activations of a backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._internal.layer_norm import normalized

if TYPE_CHECKING:
    from ._internal.types import Array
    from .trace import Trace


def activation_inputs(
    trace: Trace, gains: Sequence[Array | None], shifts: Sequence[Array | None]
) -> list[Array]:
    """Return the inputs of each layer's activation: z, or u with layer normalization."""
    layers = zip(trace.weighted_inputs, gains, shifts, strict=True)
    return [
        z if gain is None or shift is None else gain * normalized(z)[0] + shift
        for z, gain, shift in layers
    ]


def exact_slopes(activation: Any, z: Array, a: Array, alpha: Array | None = None) -> Array | None:
    """Return da/dz, (m, n_l), of an activation, or None for softmax, which is not elementwise.

    `alpha` (n_l,) is that of a parametric activation.
    """
    from .tables.activation import activation as activation_of

    entry = activation_of(activation)
    if not entry.elementwise:
        return None
    if alpha is None:
        return entry.sigma_prime(z, a)
    return 1 + alpha * (entry.sigma_prime(z, entry.sigma(z)) - 1)
