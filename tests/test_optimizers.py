"""Optimizers and schedules against PyTorch's numbers from `oracles/optimizers.py`.

A network of one neuron with an identity output and the cost (a - y)² has ∂C/∂w_k = 2 (a - y) x_k;
the data of each step make this the gradient that PyTorch received.
"""

import json
from pathlib import Path

import numpy as np
import pytest

ORACLE = json.loads((Path(__file__).parent / "oracles/optimizers.json").read_text())
EPS = float(np.finfo(float).eps)


def weights_along(core, rule):
    """Return the weights after each update."""
    network = core.Network([4, 1], ["identity"], "squared_error", "float64")
    network.set_optimizer(rule)
    network.set_weights([np.array([ORACLE["start"]])])
    path = []
    for gradient in ORACLE["gradients"]:
        x = np.array([gradient]) / 2
        w, b = network.weights()[0], network.biases()[0]
        y = x @ w.T + b - 1  # so that a - y is 1
        network.step(x, y, ORACLE["rate"])
        path.append(network.weights()[0][0])
    return path


@pytest.mark.parametrize("rule", ORACLE["updates"])
def test_an_optimizer_equals_that_of_pytorch(core, rule):
    """Twelve updates have about ten roundings each; y, about ten in size, is rounded too."""
    expected = np.array(ORACLE["updates"][rule])
    np.testing.assert_allclose(weights_along(core, rule), expected, rtol=1e-12, atol=1e4 * EPS)


@pytest.mark.parametrize("schedule", ORACLE["factors"])
def test_a_schedule_equals_that_of_pytorch(core, schedule):
    factors = [core.schedule_factor(schedule, epoch, 12) for epoch in range(12)]
    np.testing.assert_allclose(factors, ORACLE["factors"][schedule], rtol=1e-12, atol=10 * EPS)


def test_reduce_on_plateau_equals_that_of_pytorch(core):
    text, memory, factors = "reduce_on_plateau(0.5, 2, 0.01, 1)", None, []
    for value in ORACLE["plateau"]["values"]:
        memory = core.observe(text, value, memory)
        factors.append(memory[0])
    assert factors == ORACLE["plateau"]["factors"]


def test_lion_moves_by_signs(core):
    """Compare with Chen et al. 2023, Algorithm 2."""
    w, m = np.array(ORACLE["start"]), np.zeros(4)
    for gradient, step in zip(ORACLE["gradients"], weights_along(core, "lion"), strict=True):
        w = w - ORACLE["rate"] * np.sign(0.9 * m + 0.1 * np.array(gradient))
        m = 0.99 * m + 0.01 * np.array(gradient)
        np.testing.assert_allclose(step, w, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("text", ["sgd(0.9, 1)", "sgd(0.9, 0)"])
def test_velocity_is_the_same_rule_at_a_constant_rate(core, text):
    velocity = text.replace(")", ", velocity=1)")
    np.testing.assert_allclose(
        weights_along(core, text), weights_along(core, velocity), rtol=1e-12, atol=1e-13
    )
