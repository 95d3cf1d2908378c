"""Test vectors for exported source: inputs, the network's answers, and how far others may stray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..reference.norm import normalized as unit_rows
from .model import Layer, Model

if TYPE_CHECKING:
    from .._internal.types import Array

COUNT = 8
DEVIATIONS = 8  # of rounding errors that are independent: see `bound`
ULPS = 4  # of one function of the platform's library with what surrounds it


def vectors(model: Model) -> tuple[Array, Array, Array]:
    """X (8, n_0), the outputs (8, n_L), and the bound of each output's error."""
    n = model.sizes[0]
    X = np.random.default_rng(0).uniform(-2, 2, (COUNT, n))
    if model.scaling is not None:
        X = X * model.scaling.scale + model.scaling.mean
    X = X.astype(model.dtype)
    return X, model.predict(X), bound(model, X)


def bound(model: Model, X: Array) -> Array:
    """How far the outputs of another order of summation and other functions may be off.

    A sum of k products strays by sqrt(k) eps times the sum of their absolute values (Higham &
    Mary 2019, theorem 2.4); what comes in with a layer is carried through at its worst.
    """
    eps = float(np.finfo(model.dtype).eps)
    a = model.scaled(X).astype(float)
    error = eps * np.abs(a) * (model.scaling is not None)
    for layer in model.layers:
        w, b = layer.w.astype(float), layer.b.astype(float)
        size = np.abs(a) @ np.abs(w).T + np.abs(b)
        error = error @ np.abs(w).T + np.sqrt(w.shape[1] + 2) * eps * size
        z = a @ w.T + b
        if layer.gain is not None:
            z, error = normalized(layer, z, error + ULPS * eps * np.abs(z), eps)
        a = layer.row.sigma(z)
        error = through(layer, z, a, error + ULPS * eps * np.abs(z)) + ULPS * eps * np.abs(a)
    if model.target_scaling is not None:
        error = error * model.target_scaling.scale + eps * np.abs(model.unscaled(a))
    tiny = float(np.finfo(model.dtype).tiny)
    allowed: Array = (DEVIATIONS * error + tiny).astype(model.dtype)
    return allowed


def normalized(layer: Layer, z: Array, error: Array, eps: float) -> tuple[Array, Array]:
    """What layer normalisation makes of z and of its error: z_hat moves with z, with the mean of
    the row, and with its deviation."""
    assert layer.gain is not None and layer.shift is not None
    gain, shift = layer.gain.astype(float), layer.shift.astype(float)
    z_hat, deviation = unit_rows(z)
    along = np.abs(z_hat) * (np.abs(z_hat) * error).mean(axis=1, keepdims=True)
    moved = (error + error.mean(axis=1, keepdims=True) + along) / deviation
    moved += ULPS * eps * np.abs(z_hat)
    value = gain * z_hat + shift
    return value, np.abs(gain) * moved + eps * (np.abs(gain * z_hat) + np.abs(shift))


def through(layer: Layer, z: Array, a: Array, error: Array) -> Array:
    """What an error of z makes of a."""
    if not layer.row.elementwise:  # |da_j| <= a_j (|dz_j| + sum_i a_i |dz_i|)
        spread: Array = a * (error + (a * error).sum(axis=1, keepdims=True))
        return spread
    sigma = layer.row.sigma
    moved: Array = np.maximum(np.abs(sigma(z + error) - a), np.abs(sigma(z - error) - a))
    return moved
