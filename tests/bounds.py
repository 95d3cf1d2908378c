"""A network on numbers with error bounds, the yardstick of the parity tests.

`Bounded` carries a value in float64 and how far rounding, in the network's own precision and
in any order of summation, makes a backend's result stray from it: one standard deviation, as
roundings are mean-independent (Higham & Mary 2019, A New Approach to Probabilistic Rounding
Error Analysis, theorem 2.4: a sum of k products strays by sqrt(k) eps times the sum of their
absolute values). Errors of different operations add in quadrature, those of successive steps
of training linearly. Worst-case bounds would be blind: they grow sevenfold with each layer of
70 neurons.
"""

from dataclasses import dataclass, field

import numpy as np
from backprop_rs.reference.activation import ACTIVATIONS
from backprop_rs.reference.cost import COSTS

ULPS = 4  # of one exp, tanh, log or division with what surrounds it
DEVIATIONS = 6  # allowed: a false alarm in one of 10^9 numbers

SIGMA = {row.name: row for row in ACTIVATIONS}
COST = {row.name: row for row in COSTS}


@dataclass
class Bounded:
    """A float64 array and the standard deviation of a backend's result around it."""

    value: np.ndarray
    error: np.ndarray

    @property
    def T(self):
        return Bounded(self.value.T, self.error.T)

    def allowed(self):
        """How far a result may be off; below `tiny`, float32 has lost digits."""
        return DEVIATIONS * self.error + np.finfo(np.float32).tiny


def exactly(array):
    value = np.asarray(array, float)
    return Bounded(value, np.zeros_like(value))


def rounded(value, *errors):
    """A value with several independent errors."""
    return Bounded(value, np.sqrt(sum(np.square(error) for error in errors)))


def product(left, right, eps):
    value = left.value * right.value
    return rounded(value, left.value * right.error, left.error * right.value, eps * value)


def matmul(left, right, eps):
    """left @ right, in any order of summation."""
    k = left.value.shape[1]
    size = np.abs(left.value) @ np.abs(right.value)
    spread = left.error**2 @ (right.value**2 + right.error**2) + left.value**2 @ right.error**2
    return rounded(left.value @ right.value, np.sqrt(spread), np.sqrt(k + 2) * eps * size)


def mean(rows, eps):
    """Over the first axis, in any order."""
    m = len(rows.value)
    ones = exactly(np.ones((1, m)))
    total = matmul(ones, Bounded(*(part.reshape(m, -1) for part in vars(rows).values())), eps)
    value = rows.value.mean(axis=0)
    return Bounded(value, total.error.reshape(value.shape) / m)


# One layer.


def affine(a_prev, w, b, eps):
    """z = a_prev W^T + b; the sum may begin with b, which then meets every rounding."""
    z = matmul(a_prev, w.T, eps)
    k = w.value.shape[1]
    return rounded(z.value + b.value, z.error, b.error, np.sqrt(k + 2) * eps * np.abs(b.value))


def sigma(name, z, eps):
    """The activation: an error of z counts with the slope there."""
    a = SIGMA[name].sigma(z.value)
    if name == "softmax":
        away = z.value.max(axis=1, keepdims=True) - z.value
        common = np.sqrt(np.square(a * z.error).sum(axis=1, keepdims=True))
        return rounded(a, a * z.error, a * common, a * eps * (away + a.shape[1] + 2 * ULPS))
    if name in ("identity", "relu"):
        return Bounded(a, z.error)
    slope = SIGMA[name].sigma_prime(z.value, a) + DEVIATIONS * z.error  # |sigma''| < 1
    return rounded(a, slope * z.error, ULPS * eps * a)


def sigma_prime(name, z, a, eps):
    value = SIGMA[name].sigma_prime(z.value, a.value)
    if name == "identity":
        return exactly(value)
    if name == "relu":  # where the sign of z is open, so is the slope
        return Bounded(value, (np.abs(z.value) < DEVIATIONS * z.error).astype(float))
    return rounded(value, 2 * a.error, 2 * eps)  # a (1 - a) or 1 - a^2, all at most 1


def through(name, z, a, grad_a, eps):
    """dC/dz from dC/da."""
    if name != "softmax":
        return product(grad_a, sigma_prime(name, z, a, eps), eps)
    terms = product(grad_a, a, eps)
    common = terms.value.sum(axis=1, keepdims=True)
    error = np.sqrt(np.square(terms.error).sum(axis=1, keepdims=True))
    size = a.value.shape[1] * eps * np.abs(terms.value).sum(axis=1, keepdims=True)
    return product(a, rounded(grad_a.value - common, grad_a.error, error, size), eps)


# The cost.


def output_delta(cost, output, z, a, y, eps):
    if cost == "squared_error":
        difference = rounded(2 * (a.value - y), 2 * a.error, 2 * eps * (a.value - y))
        return through(output, z, a, difference, eps)
    total = y.sum(axis=1, keepdims=True) if output == "softmax" else 1.0
    size = (a.value * total + y) * (y.shape[1] + 1)
    return rounded(a.value * total - y, a.error * total, eps * size)


def sample_costs(cost, output, z, a, y, eps):
    """The cost of each sample: a sum over the outputs of terms that may each have an error."""
    value = COST[cost].pairs[output].cost(z.value, a.value, y)
    if cost == "squared_error":
        slope, size, error = 2 * np.abs(a.value - y), np.square(a.value - y), a.error
        size = size + np.abs(a.value - y)
    elif output == "sigmoid":
        slope, size, error = np.abs(a.value - y), np.abs(z.value) * (1 + y) + 1, z.error
    else:
        total = y.sum(axis=1, keepdims=True)
        widest = np.abs(z.value).max(axis=1, keepdims=True)
        slope, size, error = y + a.value * total, y * (2 * widest + ULPS), z.error
    steps = (np.sqrt(y.shape[1]) + ULPS) * eps
    return Bounded(value, ((slope + error) * error + steps * size).sum(axis=1))


# The network.


@dataclass
class Model:
    """Back-propagation on bounded values."""

    w: list
    b: list
    activations: list
    cost: str
    eps: float
    results: dict = field(default_factory=dict)

    def backward(self, X, y):
        """Fill `results`, by the names of `Trace`."""
        eps, zs, activations = self.eps, [], [exactly(X)]
        for w, b, name in zip(self.w, self.b, self.activations, strict=True):
            zs.append(affine(activations[-1], w, b, eps))
            activations.append(sigma(name, zs[-1], eps))
        output = (self.cost, self.activations[-1], zs[-1], activations[-1], y, eps)
        deltas = [output_delta(*output)]
        for layer in reversed(range(1, len(self.w))):
            grad_a = matmul(deltas[0], self.w[layer], eps)
            name = self.activations[layer - 1]
            deltas.insert(0, through(name, zs[layer - 1], activations[layer], grad_a, eps))
        self.results = {
            "cost": mean(sample_costs(*output), eps),
            "weighted_inputs": zs,
            "activations": activations,
            "deltas": deltas,
            "weight_gradients": [
                self.averaged(delta, a) for delta, a in zip(deltas, activations[:-1], strict=True)
            ],
            "bias_gradients": [mean(delta, eps) for delta in deltas],
        }
        return self.results

    def averaged(self, delta, a_prev):
        """dC/dw of one layer."""
        m = len(delta.value)
        total = matmul(delta.T, a_prev, self.eps)
        return rounded(total.value / m, total.error / m, self.eps * total.value / m)

    def step(self, X, y, learning_rate):
        """One step of gradient descent."""
        results = self.backward(X, y)
        for parameters, name in ((self.w, "weight_gradients"), (self.b, "bias_gradients")):
            for layer, gradient in enumerate(results[name]):
                parameters[layer] = self.descend(parameters[layer], gradient, learning_rate)

    def descend(self, theta, gradient, learning_rate):
        value = theta.value - learning_rate * gradient.value
        change = learning_rate * (gradient.error + 2 * self.eps * np.abs(gradient.value))
        return Bounded(value, theta.error + change + self.eps * np.abs(value))
