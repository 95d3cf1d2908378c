"""One dense layer: its parameters, and its forward pass next to its backward pass."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from .._internal.types import Array
from ..tables.activation import Activation
from .embeddings import Embeddings
from .layer_norm import Norm

# The parts that a layer may learn; gains and shifts belong to layer normalization, scales are the
# factors of the inputs of the first layer, embeddings what those of its inputs learn, and
# alphas belong to parametric activations.
PARTS = ("weights", "biases", "gains", "shifts", "scales", "embeddings", "alphas")
# dC/d(each part) of each layer.
Gradients: TypeAlias = dict[str, list[Array | None]]


class Options(NamedTuple):
    """The settings of a layer besides its activation; none by default."""

    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    max_norm: float = 0.0
    layer_norm: bool = False
    parametric: bool = False


class Layer:
    """a = sigma(a_prev W^T + b), one row per sample; sigma(norm(...)) with layer normalization."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: Activation,
        dtype: DTypeLike,
        options: Options | None = None,
        scaled: bool = False,
        embeddings: Embeddings | None = None,
    ) -> None:
        """Allocate parameters of zero, gains of one, and factors of one if inputs are scaled."""
        self.options = options or Options()
        self.w: Array = np.zeros((n_out, n_in), dtype)
        self.b: Array = np.zeros(n_out, dtype)
        self.norm = Norm(n_out, dtype) if self.options.layer_norm else None
        self.alphas: Array | None = np.ones(n_out, dtype) if self.options.parametric else None
        self.scales: Array | None = np.ones(n_in, dtype) if scaled else None
        self.embeddings = embeddings
        self.activation = activation

    def parameters(self) -> dict[str, Array]:
        """Return what the layer learns, by the names of `PARTS`."""
        parts = {"weights": self.w, "biases": self.b}
        if self.norm is not None:
            parts |= {"gains": self.norm.gain, "shifts": self.norm.shift}
        if self.scales is not None:
            parts["scales"] = self.scales
        if self.embeddings is not None and self.embeddings.theta.size:
            parts["embeddings"] = self.embeddings.theta
        if self.alphas is not None:
            parts["alphas"] = self.alphas
        return parts

    @property
    def learns_inputs(self) -> bool:
        """True if the factors of the inputs or their embeddings are learned."""
        return self.scales is not None or "embeddings" in self.parameters()

    def embedded(self, x: Array) -> Array:
        """Return the inputs (m, n_in) that replace the samples x, or the samples."""
        return x if self.embeddings is None else self.embeddings.forward(x)

    def scaled(self, x: Array) -> Array:
        """Return the inputs (m, n_in) times their learned factors, if there are any."""
        return x if self.scales is None else self.scales * x

    def forward(self, a_prev: Array) -> tuple[Array, Array]:
        """Return z and a (m, n_out) for a_prev (m, n_in)."""
        z = a_prev @ self.w.T + self.b  # eq. 1
        a = self.activation.sigma(self.seen(z))  # eq. 2
        if self.alphas is not None:
            seen = self.seen(z)
            a = seen + self.alphas * (a - seen)
        return z, a

    def activation_delta(self, z: Array, a: Array, grad_a: Array) -> tuple[Array, Array | None]:
        """Return dC/d(input of the activation), and dC/dalpha of each sample.

        z is the input of the activation, a the activation of the layer; all are (m, n_out).
        """
        if self.alphas is None:
            return self.activation.delta(z, a, grad_a), None
        sigma = self.activation.sigma(z)
        through = self.activation.delta(z, sigma, grad_a)
        return grad_a + self.alphas * (through - grad_a), grad_a * (sigma - z)

    def seen(self, z: Array) -> Array:
        """Return the input of the activation for z, both (m, n_out)."""
        return z if self.norm is None else self.norm.forward(z)

    def backward(self, delta: Array, a_prev: Array, m: float) -> tuple[Array, Array]:
        """Return dC/dw (n_out, n_in) and dC/db (n_out,) for delta (m, n_out)."""
        grad_w = delta.T @ a_prev / m  # eq. 13
        grad_b = delta.sum(axis=0) / m  # eq. 13
        return grad_w, grad_b

    def grad_a_prev(self, delta: Array) -> Array:
        """Return dC/da of the layer before (m, n_in) for delta (m, n_out) (eq. 10)."""
        return delta @ self.w

    def delta(self, z: Array, delta: Array, m: float) -> tuple[Array, Array | None, Array | None]:
        """Return dC/dz (m, n_out), dC/dgain and dC/dshift for dC/d(input of the activation)."""
        return (delta, None, None) if self.norm is None else self.norm.backward(z, delta, m)

    # Penalties and limits, on weights alone.

    def penalty(self) -> float:
        """Return the penalties on the weights, which join the cost."""
        size, squares = np.abs(self.w).sum(dtype=float), np.square(self.w).sum(dtype=float)
        return float(self.options.l1 * size + self.options.l2 * squares)

    def penalty_slope(self) -> Array:
        """Return the derivative of the penalties, (n_out, n_in)."""
        slope: Array = self.options.l1 * np.sign(self.w) + 2 * self.options.l2 * self.w
        return slope

    def limit_norms(self) -> None:
        """Shorten the incoming weights of each neuron whose norm is too large."""
        max_norm = self.options.max_norm
        if max_norm:
            norms = np.sqrt(np.square(self.w).sum(axis=1, keepdims=True, dtype=float))
            self.w *= np.where(norms > max_norm, max_norm / np.maximum(norms, max_norm), 1)
