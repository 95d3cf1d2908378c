"""σ, tanh and softplus of the core against mpmath, within the bounds that `src/real.rs` states.

A network of one neuron with weight 1 and bias 0 has z = x, so its output is σ(x), and the
cross-entropy of a sigmoid with target 0 is softplus(x) = ln(1 + e^x), which takes exp and ln.
"""

import numpy as np
import pytest
from backprop_rs.reference.random import SPLIT, uniform
from conftest import MISSING
from mpmath import exp, log1p, mp, mpf, tanh

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
if not MISSING:
    from backprop_rs import _core

N = 1500
# In units in the last place of the exact value.
BOUNDS = {"sigmoid": 2.5, "tanh": 2.5, "softplus": 2.0}
TRUTH = {
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "tanh": tanh,
    "softplus": lambda x: max(x, mpf(0)) + log1p(exp(-abs(x))),
}


def inputs(dtype):
    """Small, middling and large numbers of both signs, and the edges of the range."""
    u = 2 * uniform(0, SPLIT, 2, N) - 1
    edges = [0.0, np.finfo(dtype).tiny, 1e-8, 0.3465735, 0.3465736, 1.0, 20.0, 40.0, 88.0]
    spread = [u[::3], 20 * u[1::3], u[2::3] * np.exp2(30 * u[::3])]
    return np.concatenate([*spread, edges, np.negative(edges)]).astype(dtype)


def results(name, x):
    """Of the compiled function, by way of a network."""
    activation, cost = {
        "sigmoid": ("sigmoid", "squared_error"),
        "tanh": ("tanh", "squared_error"),
        "softplus": ("sigmoid", "cross_entropy"),
    }[name]
    core = _core.Network([1, 1], [activation], cost, x.dtype.name)
    core.set_weights([np.ones((1, 1), x.dtype)])
    if name == "softplus":
        return core.costs(x[:, None], np.zeros((len(x), 1), x.dtype))
    return core.predict(x[:, None])[:, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRUTH)
def test_functions_are_within_their_bounds(name, dtype):
    x = inputs(dtype)
    smallest = float(np.finfo(dtype).tiny)
    with mp.workprec(120):
        for value, result in zip(x.tolist(), results(name, x).tolist(), strict=True):
            truth = TRUTH[name](mpf(value))
            if abs(truth) < smallest:  # a sigmoid may become 0 there
                assert abs(result) <= 2 * smallest, value
                continue
            ulp = float(np.spacing(np.array(abs(truth), dtype)))
            assert abs(mpf(result) - truth) <= BOUNDS[name] * ulp, (value, result)
