"""Test vectors for exported source: inputs, the network's answers, and how far others may stray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .model import Layer, Model

if TYPE_CHECKING:
    from .._types import Array

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
        a = layer.row.sigma(z)
        error = through(layer, z, a, error + ULPS * eps * np.abs(z)) + ULPS * eps * np.abs(a)
    if model.target_scaling is not None:
        error = error * model.target_scaling.scale + eps * np.abs(model.unscaled(a))
    tiny = float(np.finfo(model.dtype).tiny)
    allowed: Array = (DEVIATIONS * error + tiny).astype(model.dtype)
    return allowed


def through(layer: Layer, z: Array, a: Array, error: Array) -> Array:
    """What an error of z makes of a."""
    if not layer.row.elementwise:  # |da_j| <= a_j (|dz_j| + sum_i a_i |dz_i|)
        spread: Array = a * (error + (a * error).sum(axis=1, keepdims=True))
        return spread
    sigma = layer.row.sigma
    moved: Array = np.maximum(np.abs(sigma(z + error) - a), np.abs(sigma(z - error) - a))
    return moved
