"""Test vectors for exported source: inputs, the network's outputs and their error bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.layer_norm import normalized as unit_rows
from .embeddings import EMBEDDINGS
from .model import Layer, Model

if TYPE_CHECKING:
    from .._internal.types import Array

COUNT = 8
DEVIATIONS = 8  # standard deviations of independent rounding errors: see `bound`
ULPS = 4  # error of one call of libm and the operations around it


def vectors(model: Model) -> tuple[Array, Array, Array]:
    """Return X (8, n_0), the outputs (8, n_L), and a bound on the error of each output."""
    n = model.sizes[0]
    X = np.random.default_rng(0).uniform(-2, 2, (COUNT, n))
    if model.scaling is not None:
        X = X * model.scaling.scale + model.scaling.mean
    X = X.astype(model.dtype)
    return X, model.predict(X), bound(model, X)


def bound(model: Model, X: Array, input_error: Any = 0.0) -> Array:
    """Return a bound on the error of outputs with another summation order and another libm.

    `input_error` is a bound on the error of the inputs of the network. The error of a sum of k
    products is about sqrt(k) eps times the sum of their absolute values (Higham & Mary 2019,
    theorem 2.4). Errors of the inputs of a layer are propagated at their worst.
    """
    eps = float(np.finfo(model.dtype).eps)
    a = model.scaled(X).astype(float)
    error: Any = input_error + eps * np.abs(a) * (model.scaling is not None)  # scaling rounds once
    if model.float_only and model.scaling is not None:
        # The mean, the scale, the difference and the quotient are rounded, too.
        error = error + eps * (np.abs(model.scaling.mean) / model.scaling.scale + np.abs(a))
    a, error = embedded(model, a, error)
    for layer in model.layers:
        if layer.input_scale is not None:
            scale = layer.input_scale.astype(float)
            a, error = scale * a, np.abs(scale) * error + eps * np.abs(scale * a)
        w, b = layer.w.astype(float), layer.b.astype(float)
        size = np.abs(a) @ np.abs(w).T + np.abs(b)
        error = error @ np.abs(w).T + np.sqrt(w.shape[1] + 2) * eps * size
        z = a @ w.T + b
        if layer.gain is not None:
            z, error = normalized(layer, z, error + ULPS * eps * np.abs(z), eps)
        a = layer.sigma(z)
        if layer.alpha is not None:  # the difference, the product and the sum are rounded, too
            error = error + 2 * eps * (1 + np.abs(layer.alpha)) * np.abs(z)
        error = propagate(layer, z, a, error + ULPS * eps * np.abs(z)) + ULPS * eps * np.abs(a)
    if model.target_scaling is not None:
        values = np.abs(model.unscaled(a))
        error = error * model.target_scaling.scale + eps * values
        if model.float_only:
            error = error + eps * (2 * np.abs(model.target_scaling.mean) + 2 * values)
    tiny = float(np.finfo(model.dtype).tiny)
    allowed: Array = (DEVIATIONS * error + tiny).astype(model.dtype)
    return allowed


def embedded(model: Model, a: Array, error: Any) -> tuple[Array, Any]:
    """Return the embedded inputs, and a bound on their error."""
    if not model.parts:
        return a, error
    eps = float(np.finfo(model.dtype).eps)
    error = np.broadcast_to(error, a.shape)
    columns = [(part, a[:, part.column], error[:, part.column]) for part in model.embeddings]
    values = [part.forward(x) for part, x, _ in columns]
    errors = [EMBEDDINGS[part.name].bound(part, x, of_x, eps) for part, x, of_x in columns]
    return np.concatenate(values, axis=1), np.concatenate(errors, axis=1)


def normalized(layer: Layer, z: Array, error: Array, eps: float) -> tuple[Array, Array]:
    """Return the layer normalization of z and a bound on its error.

    z_hat changes with z, with the mean of the row and with its standard deviation.
    """
    assert layer.gain is not None and layer.shift is not None
    gain, shift = layer.gain.astype(float), layer.shift.astype(float)
    z_hat, deviation = unit_rows(z)
    of_deviation = np.abs(z_hat) * (np.abs(z_hat) * error).mean(axis=1, keepdims=True)
    of_z_hat = (error + error.mean(axis=1, keepdims=True) + of_deviation) / deviation
    of_z_hat += ULPS * eps * np.abs(z_hat)
    value = gain * z_hat + shift
    return value, np.abs(gain) * of_z_hat + eps * (np.abs(gain * z_hat) + np.abs(shift))


def propagate(layer: Layer, z: Array, a: Array, error: Array) -> Array:
    """Return a bound on the error of a = sigma(z) for a bound on the error of z."""
    if not layer.activation.elementwise:  # |da_j| <= a_j (|dz_j| + sum_i a_i |dz_i|)
        of_softmax: Array = a * (error + (a * error).sum(axis=1, keepdims=True))
        return of_softmax
    sigma = layer.sigma
    of_a: Array = np.maximum(np.abs(sigma(z + error) - a), np.abs(sigma(z - error) - a))
    return of_a
