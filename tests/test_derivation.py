"""The derivation's 2-3-2 network: one step computed by hand, with sums over single neurons.

The oracle below uses no arrays. It evaluates the equations of the derivation on scalars: exactly,
with fractions, if the activation is rational, and to 50 digits if it is sigmoid.
"""

from decimal import Decimal, getcontext
from fractions import Fraction

import backprop_rs as bp
import numpy as np
import pytest

getcontext().prec = 50

# Powers of two: float64 represents each of these numbers exactly.
X = [["1/2", "-1/4"], ["3/4", "1"]]
Y = [["0", "1"], ["1/2", "-1/4"]]
W = [
    [["1/2", "-1/4"], ["-3/4", "1/8"], ["1/4", "5/8"]],
    [["1/4", "-1/2", "3/4"], ["1/8", "1", "-5/8"]],
]
B = [["1/8", "-1/4", "1/2"], ["-1/8", "1/4"]]
ALPHA = "1/2"


def identity(z):
    return z


def relu(z):
    return max(z, 0 * z)


def sigmoid(z):
    return 1 / (1 + (-z).exp())


SIGMA = {
    "identity": (Fraction, identity, lambda z, a: 1),
    "relu": (Fraction, relu, lambda z, a: 1 if z > 0 else 0),
    "sigmoid": (lambda text: decimal(Fraction(text)), sigmoid, lambda z, a: a * (1 - a)),
}


def decimal(fraction):
    return Decimal(fraction.numerator) / fraction.denominator


def convert(tree, number):
    """Return the same nested lists with every text converted to a number."""
    if isinstance(tree, list):
        return [convert(branch, number) for branch in tree]
    return number(tree)


def one_sample(x, y, w, b, sigma, sigma_prime):
    """Return C_0 and its derivatives for one sample; [0] is the hidden layer, [1] the output."""
    a0 = x
    z1 = [sum(w[0][k][i] * a0[i] for i in range(2)) + b[0][k] for k in range(3)]
    a1 = [sigma(z) for z in z1]
    z2 = [sum(w[1][j][k] * a1[k] for k in range(3)) + b[1][j] for j in range(2)]
    a2 = [sigma(z) for z in z2]

    cost = sum((a2[j] - y[j]) ** 2 for j in range(2))
    delta2 = [2 * (a2[j] - y[j]) * sigma_prime(z2[j], a2[j]) for j in range(2)]
    delta1 = [
        sum(delta2[j] * w[1][j][k] for j in range(2)) * sigma_prime(z1[k], a1[k]) for k in range(3)
    ]
    return {
        "cost": cost,
        "weighted_inputs": [z1, z2],
        "activations": [a0, a1, a2],
        "deltas": [delta1, delta2],
        "weight_gradients": [
            [[delta1[k] * a0[i] for i in range(2)] for k in range(3)],
            [[delta2[j] * a1[k] for k in range(3)] for j in range(2)],
        ],
        "bias_gradients": [delta1, delta2],
    }


def combine(trees, rule):
    """Apply a rule to the numbers at the same position of each tree."""
    if isinstance(trees[0], list):
        return [combine(branches, rule) for branches in zip(*trees, strict=True)]
    return rule(*trees)


def by_hand(activation, rows):
    """Return the quantities of the derivation for a batch, and the parameters after a step."""
    number, sigma, sigma_prime = SIGMA[activation]
    w, b, alpha = convert(W, number), convert(B, number), number(ALPHA)
    samples = [
        one_sample(convert(X[i], number), convert(Y[i], number), w, b, sigma, sigma_prime)
        for i in rows
    ]

    def mean(*values):
        return sum(values) / len(values)

    def descend(theta, gradient):
        return theta - alpha * gradient

    expected = {"cost": mean(*(sample["cost"] for sample in samples))}
    for name in ("weighted_inputs", "activations", "deltas"):  # per sample: rows of a batch
        layers = zip(*(sample[name] for sample in samples), strict=True)
        expected[name] = [list(layer) for layer in layers]
    for name in ("weight_gradients", "bias_gradients"):  # averaged over the batch
        expected[name] = combine([sample[name] for sample in samples], mean)
    expected["weights"] = combine([w, expected["weight_gradients"]], descend)
    expected["biases"] = combine([b, expected["bias_gradients"]], descend)
    return expected


def network(activation, backend):
    def exact(text):
        return float(Fraction(text))

    net = bp.Network([2, 3, 2], activation, activation, dtype="float64", backend=backend)
    net.weights, net.biases = convert(W, exact), convert(B, exact)
    return net, np.array(convert(X, exact)), np.array(convert(Y, exact))


def worked_out(activation, backend, rows):
    """Return the same quantities as `by_hand`, from the network."""
    net, x, y = network(activation, backend)
    trace = net.backward(x[rows], y[rows])
    before = net.step(x[rows], y[rows], learning_rate=float(Fraction(ALPHA)))
    assert before == trace.cost
    return {**vars(trace), "weights": net.weights, "biases": net.biases}


QUANTITIES = (
    *("weighted_inputs", "activations", "cost", "deltas"),
    *("weight_gradients", "bias_gradients", "weights", "biases"),
)
BATCHES = ([0], [1], [0, 1])


def pairs(computed, expected):
    """Yield each computed number, as a fraction without rounding, with the expected one."""
    if isinstance(expected, list):
        assert len(computed) == len(expected)
        for left, right in zip(computed, expected, strict=True):
            yield from pairs(left, right)
    else:
        yield Fraction(float(computed)), Fraction(expected)


@pytest.mark.parametrize("rows", BATCHES, ids=str)
@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_step_equals_the_fractions(activation, rows, backend):
    """Dyadic numbers of few digits are exact in float64, so that the results are equal."""
    expected = by_hand(activation, rows)
    computed = worked_out(activation, backend, rows)
    for name in QUANTITIES:
        for left, right in pairs(computed[name], expected[name]):
            assert left == right, name


@pytest.mark.parametrize("rows", BATCHES, ids=str)
def test_step_equals_fifty_digits(rows, backend):
    """Every quantity is below 2 and has at most ten roundings of 2^-53, about 1.1e-16."""
    expected = by_hand("sigmoid", rows)
    computed = worked_out("sigmoid", backend, rows)
    for name in QUANTITIES:
        for left, right in pairs(computed[name], expected[name]):
            assert abs(left - right) <= Fraction(1, 10**15), name


def test_the_hand_worked_numbers():
    """Check the oracle against numbers computed on paper for the first sample."""
    expected = by_hand("relu", [0])
    assert expected["weighted_inputs"][0] == [convert(["7/16", "-21/32", "15/32"], Fraction)]
    assert expected["activations"][1] == [convert(["7/16", "0", "15/32"], Fraction)]
    assert expected["weighted_inputs"][1] == [convert(["43/128", "3/256"], Fraction)]
    assert expected["cost"] == Fraction(43, 128) ** 2 + Fraction(253, 256) ** 2
    assert expected["deltas"][1] == [convert(["43/64", "-253/128"], Fraction)]
    assert expected["bias_gradients"][1] == convert(["43/64", "-253/128"], Fraction)
