"""A network on numbers with error bounds, for the parity tests.

`Bounded` carries a float64 value and the rounding error of a backend's result in the network's own
precision and in any order of summation. The error is one standard deviation, because roundings are
mean-independent (Higham & Mary 2019, A New Approach to Probabilistic Rounding Error Analysis,
theorem 2.4: the error of a sum of k products is about sqrt(k) eps times the sum of their absolute
values). Errors of different operations add in quadrature, those of successive training steps
linearly. Worst-case bounds would hide faults: they grow sevenfold with each layer of 70 neurons.
"""

from dataclasses import dataclass, field

import numpy as np
from backprop_rs.tables.activation import activation
from backprop_rs.tables.cost import cost

ULPS = 4  # of one exp, tanh, log or division and the operations around it
DEVIATIONS = 6  # accepted; a false alarm in one of 10^9 numbers


@dataclass
class Bounded:
    """A float64 array and the standard deviation of a backend's result around it."""

    value: np.ndarray
    error: np.ndarray

    @property
    def T(self):
        return Bounded(self.value.T, self.error.T)

    def allowed(self):
        """Return the accepted error of a result; below `tiny`, float32 has lost digits."""
        return DEVIATIONS * self.error + np.finfo(np.float32).tiny


def exactly(array):
    value = np.asarray(array, float)
    return Bounded(value, np.zeros_like(value))


def rounded(value, *errors):
    """Return a value with several independent errors."""
    return Bounded(value, np.sqrt(sum(np.square(error) for error in errors)))


def product(left, right, eps):
    value = left.value * right.value
    return rounded(value, left.value * right.error, left.error * right.value, eps * value)


def matmul(left, right, eps):
    """Return left @ right, in any order of summation."""
    k = left.value.shape[1]
    size = np.abs(left.value) @ np.abs(right.value)
    spread = left.error**2 @ (right.value**2 + right.error**2) + left.value**2 @ right.error**2
    return rounded(left.value @ right.value, np.sqrt(spread), np.sqrt(k + 2) * eps * size)


def mean(rows, eps):
    """Return the mean over the first axis, in any order of summation."""
    m = len(rows.value)
    ones = exactly(np.ones((1, m)))
    total = matmul(ones, Bounded(*(part.reshape(m, -1) for part in vars(rows).values())), eps)
    value = rows.value.mean(axis=0)
    return Bounded(value, total.error.reshape(value.shape) / m)


# One layer.


def affine(a_prev, w, b, eps):
    """Return z = a_prev W^T + b; the sum may begin with b, and then all roundings affect b."""
    z = matmul(a_prev, w.T, eps)
    k = w.value.shape[1]
    return rounded(z.value + b.value, z.error, b.error, np.sqrt(k + 2) * eps * np.abs(b.value))


def spread(function, z):
    """Return the error of a function for a z within DEVIATIONS of its value, as one deviation.

    Try all signs up, all down and some mixed signs: a row of softmax depends on all of its z.
    """
    reach = DEVIATIONS * z.error
    random = np.random.default_rng(0)
    signs = [1, -1, *random.choice([-1, 1], (14, *z.value.shape))]
    value = function(z.value)
    moved = [np.abs(function(z.value + sign * reach) - value) for sign in signs]
    return np.max(moved, axis=0) / DEVIATIONS


def through(function, z, eps, size):
    """Return a function of z; its error comes from that of z and from roundings inside.

    A rounding inside counts as a rounding of z or of the result; `size` are the other summands.
    """
    blurred = rounded(z.value, z.error, ULPS * eps * z.value)
    value = function(z.value)
    return rounded(value, spread(function, blurred), ULPS * eps * (np.abs(value) + size))


def sigma(row, z, eps):
    width = 1 if row.elementwise else z.value.shape[1]
    size = 0 if row.name == "identity" else np.abs(z.value)
    a = row.sigma(z.value)
    if not row.elementwise:
        return through(row.sigma, z, eps, width * a)
    if row.name in ("identity", "relu"):
        return Bounded(a, z.error)
    return through(row.sigma, z, eps, size)


def sigma_prime(row, z, eps):
    if row.name == "identity":
        return exactly(np.ones_like(z.value))
    return through(lambda z: row.sigma_prime(z, row.sigma(z)), z, eps, 1)


# The cost.


def output_delta(cost, output, z, y, eps):
    """Return δ of the output; a, y, the slope and, for softmax, the sum over its row may cancel."""
    a = output.sigma(z.value)
    size = (np.abs(a) + np.abs(y) + 1) * (1 if output.elementwise else a.shape[1])
    slope = 1 if not output.elementwise else 1 + np.abs(output.sigma_prime(z.value, a))
    if output.name in cost.fused:
        slope = 1
    weight = max(cost.values.values(), default=1)
    return through(
        lambda z: cost.delta(output, z, output.sigma(z), y), z, eps, 4 * (1 + weight) * slope * size
    )


def sample_costs(cost, output, z, y, eps):
    """Return the cost of each sample, a sum over the outputs of terms with errors of their own."""
    a = output.sigma(z.value)
    size = (np.abs(a) + np.abs(y) + 1) * (1 + np.abs(z.value)) * (1 + np.abs(a) + np.abs(y))
    weight = max(cost.values.values(), default=1)
    size = ((1 + weight) * size).sum(axis=1)
    n = np.sqrt(a.shape[1])

    def value(z):
        return cost.of_samples(output, z, output.sigma(z), y)

    reach = np.sqrt(z.error**2 + (ULPS * eps * z.value) ** 2) * n
    moved = [np.abs(value(z.value + s * DEVIATIONS * reach) - value(z.value)) for s in (1, -1)]
    mixed = np.random.default_rng(1).choice([-1, 1], (14, *z.value.shape))
    moved += [np.abs(value(z.value + s * DEVIATIONS * reach) - value(z.value)) for s in mixed]
    return rounded(value(z.value), np.max(moved, axis=0) / DEVIATIONS, (n + ULPS) * eps * size)


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
            activations.append(sigma(activation(name), zs[-1], eps))
        output = (cost(self.cost), activation(self.activations[-1]), zs[-1], y, eps)
        deltas = [output_delta(*output)]
        for layer in reversed(range(1, len(self.w))):
            grad_a = matmul(deltas[0], self.w[layer], eps)
            slope = sigma_prime(activation(self.activations[layer - 1]), zs[layer - 1], eps)
            deltas.insert(0, product(grad_a, slope, eps))
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
        """Return dC/dw of one layer."""
        m = len(delta.value)
        total = matmul(delta.T, a_prev, self.eps)
        return rounded(total.value / m, total.error / m, self.eps * total.value / m)

    def step(self, X, y, learning_rate):
        """Do one step of gradient descent."""
        results = self.backward(X, y)
        for parameters, name in ((self.w, "weight_gradients"), (self.b, "bias_gradients")):
            for layer, gradient in enumerate(results[name]):
                parameters[layer] = self.descend(parameters[layer], gradient, learning_rate)

    def descend(self, theta, gradient, learning_rate):
        value = theta.value - learning_rate * gradient.value
        change = learning_rate * (gradient.error + 2 * self.eps * np.abs(gradient.value))
        return Bounded(value, theta.error + change + self.eps * np.abs(value))
