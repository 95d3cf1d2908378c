"""The settings of one layer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from typing import TYPE_CHECKING, Any

from ._internal.checks import boolean, integer, shown, within

if TYPE_CHECKING:
    from ._internal.types import Function

# (smallest, largest) of each number; a finite largest is not accepted itself.
RANGES = {
    "dropout": (0.0, 1.0),
    "l1": (0.0, inf),
    "l2": (0.0, inf),
    "weight_decay": (0.0, inf),
    "max_norm": (0.0, inf),
}


DROPOUT_STEPS = 65_536
"""A rate is rounded to a multiple of 1/65536, because a mask uses 16 bits per neuron."""


def check_dropout(dropout: float) -> None:
    """Raise ValueError for a rate that rounds to 1: no neuron is left to scale up."""
    if round(dropout * DROPOUT_STEPS) >= DROPOUT_STEPS:
        raise ValueError(
            f"dropout must be < {1 - 0.5 / DROPOUT_STEPS:.8f}, because it is rounded to a multiple "
            f"of 1/{DROPOUT_STEPS}; got {shown(dropout)}"
        )


@dataclass(frozen=True)
class Dense:
    """A layer of `Network([n_0, Dense(...), ..., Dense(...)])`.

    Parameters
    ----------
    n_out : int
        The number of its neurons, at least 1.
    activation : name, object of `backprop_rs.activations` or `Activation`, optional
        By default the network's `activation`, for the last layer its `output`.
    dropout : float, default 0.0
        The fraction of its activations that training sets to 0, at least 0 and less than 1; the
        others are scaled up (inverted dropout; Srivastava et al. 2014). A sample's mask is a
        function of the seed, the epoch, the sample and the layer. Not for the last layer.
    l1, l2 : float, default 0.0
        The gradient of l1 sum |w| + l2 sum w^2 joins that of the cost in each update: l1 sign(w)
        + 2 l2 w. Biases have no penalties, and reported costs do not include penalties.
    weight_decay : float, default 0.0
        w := w - learning_rate weight_decay w before each update (Loshchilov & Hutter 2019).
    max_norm : float, default 0.0
        The largest norm of a neuron's incoming weights after an update; 0 means no limit.
    layer_norm : bool, default False
        The activation takes gain z_hat + shift instead of z, with z_hat = (z - mean) /
        sqrt(variance + 1e-5), mean and variance over the neurons of the layer, for each sample
        (Ba, Kiros & Hinton 2016, eq. 3). Gains (initially 1) and shifts (initially 0), one per
        neuron, are trained as the biases are, without penalties. For 2 neurons or more.
    parametric : bool, default False
        Each neuron has a learned alpha, initially 1: a = z + alpha (sigma(z) - z), the parametric
        activation of RealMLP (Holzmüller et al. 2024). Alphas are trained as the biases are,
        without penalties. Not for the last layer.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> bp.Network([4, bp.Dense(16, "relu", dropout=0.2), 3])
    Network(4-16-3, relu -> sigmoid, squared_error, float32, 131 parameters)
    """

    n_out: int
    activation: Function | None = None
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    max_norm: float = 0.0
    layer_norm: bool = False
    parametric: bool = False

    def __post_init__(self) -> None:
        integer("n_out", self.n_out, least=1)
        for name, (least, largest) in RANGES.items():
            object.__setattr__(self, name, within(name, getattr(self, name), least, largest))
        check_dropout(self.dropout)
        for name in ("layer_norm", "parametric"):
            object.__setattr__(self, name, boolean(name, getattr(self, name)))

    @property
    def options(self) -> dict[str, Any]:
        """The settings besides the activation."""
        return {name: getattr(self, name) for name in OPTIONS}


OPTIONS = [field.name for field in fields(Dense) if field.name not in ("n_out", "activation")]
