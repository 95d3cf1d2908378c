"""The table of activations: each sigma beside its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .table import Setting

Array = NDArray[np.floating[Any]]


def identity(z: Array) -> Array:
    return z.copy()


def identity_prime(z: Array, a: Array) -> Array:
    return np.ones_like(z)


def sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))  # never overflows, and keeps every digit where a is near 0
    a: Array = np.where(z >= 0, 1, e) / (1 + e)
    return a


def sigmoid_prime(z: Array, a: Array) -> Array:
    return a * (1 - a)


def tanh(z: Array) -> Array:
    return np.tanh(z)


def tanh_prime(z: Array, a: Array) -> Array:
    return 1 - a * a


def relu(z: Array) -> Array:
    return np.maximum(z, 0)


def relu_prime(z: Array, a: Array) -> Array:
    return (z > 0).astype(z.dtype)


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))  # the shift cancels, and stops overflow
    a: Array = e / e.sum(axis=-1, keepdims=True)
    return a


def softmax_prime(z: Array, a: Array) -> Array:
    """Every output depends on every z: da_i/dz_j = a_i (1[i=j] - a_j), (m, n_L, n_L)."""
    return a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])


class Activation(NamedTuple):
    """One row of the table; `sigma_prime` receives z and a, and uses the cheaper."""

    name: str
    sigma: Callable[[Array], Array]
    sigma_prime: Callable[[Array, Array], Array]
    formula: str
    source: str
    elementwise: bool = True
    settings: tuple[Setting, ...] = ()

    def delta(self, z: Array, a: Array, grad_a: Array) -> Array:
        """The error term dC/dz = dC/da ⊙ sigma'(z), all (m, n_l) (eq. deltaDef)."""
        slope = self.sigma_prime(z, a)
        if self.elementwise:
            return grad_a * slope
        delta: Array = np.einsum("mi,mij->mj", grad_a, slope)
        return delta


LOGISTIC = "derivation, eq. actWRTZSigmoid"
HYPERBOLIC = "LeCun et al. 1998, Efficient BackProp, section 4.4"
RECTIFIED = "Nair & Hinton 2010, Rectified Linear Units"
EXPONENTIAL = "Bridle 1990, Probabilistic Interpretation of Feedforward Outputs"

ACTIVATIONS = (
    Activation("identity", identity, identity_prime, "z", "derivation, eq. zLastLayer"),
    Activation("sigmoid", sigmoid, sigmoid_prime, "1 / (1 + exp(-z))", LOGISTIC),
    Activation("tanh", tanh, tanh_prime, "tanh(z)", HYPERBOLIC),
    Activation("relu", relu, relu_prime, "max(z, 0)", RECTIFIED),
    Activation("softmax", softmax, softmax_prime, "exp(z) / sum(exp(z))", EXPONENTIAL, False),
)
