"""Elementary functions of the core against mpmath, within the bounds in `src/machine/real.rs`.

A network of one neuron with weight 1 and bias 0 has z = x, so its output is σ(x). elu uses expm1
and gelu the normal distribution, with one more rounding.
"""

import numpy as np
import pytest
from backprop_rs._internal.random import SPLIT, uniform
from conftest import MISSING
from mpmath import erfc, exp, expm1, log1p, mp, mpf, sin, sqrt, tanh

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
if not MISSING:
    from backprop_rs import _core

N = 1500
# In units in the last place of the exact value, for the sine at least those of 2^-24.
BOUNDS = {"sigmoid": 2.5, "tanh": 2.5, "softplus": 2.0, "exponential": 1.0, "elu": 1.5}
BOUNDS |= {"gelu": 5.0, "sine": 1.5}
TRUTH = {
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "tanh": tanh,
    "softplus": lambda x: max(x, mpf(0)) + log1p(exp(-abs(x))),
    "exponential": exp,
    "elu": lambda x: x if x > 0 else expm1(x),
    "gelu": lambda x: x * erfc(-x / sqrt(mpf(2))) / 2,
    "sine": sin,
}


def inputs(dtype):
    """Return small, medium and large numbers of both signs, and the limits of the range."""
    u = 2 * uniform(0, SPLIT, 2, N) - 1
    edges = [0.0, np.finfo(dtype).tiny, 1e-8, 0.3465735, 0.3465736, 1.0, 20.0, 40.0, 88.0]
    spread = [u[::3], 20 * u[1::3], u[2::3] * np.exp2(30 * u[::3])]
    return np.concatenate([*spread, edges, np.negative(edges)]).astype(dtype)


def results(name, x):
    """Return the values of the compiled function, computed by a network."""
    core = _core.Network([1, 1], [name], "squared_error", x.dtype.name)
    core.set_weights([np.ones((1, 1), x.dtype)])
    return core.predict(x[:, None])[:, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRUTH)
def test_functions_are_within_their_bounds(name, dtype):
    x = inputs(dtype)
    smallest = float(np.finfo(dtype).tiny)
    largest = float(np.finfo(dtype).max)
    worst = 0.0
    with mp.workprec(200):
        for value, result in zip(x.tolist(), results(name, x).tolist(), strict=True):
            if name == "sine" and abs(value) > 1e5:  # only the range of a sine is guaranteed there
                assert abs(result) <= 1
                continue
            truth = TRUTH[name](mpf(value))
            if abs(truth) < smallest:  # a sigmoid may underflow to 0 there
                assert abs(result) <= 2 * smallest, value
                continue
            if abs(truth) > largest:
                assert result == np.inf, value
                continue
            size = max(abs(truth), mpf(2) ** -24) if name == "sine" else abs(truth)
            ulp = float(np.spacing(np.array(size, dtype)))
            worst = max(worst, abs(mpf(result) - truth) / ulp)
    assert worst <= BOUNDS[name]
