"""Every cost with every output for extreme z and for y at its limits, against mpmath.

The exact cost and δ come from the formulas of the tables, evaluated with at least 60 digits from
the z that the core has rounded. NaN is always wrong; infinity is right only beyond the dtype.
"""

import functools
import itertools
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import _core
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp.clone()
mp.dps = 60
ZS = (
    -1e30,
    -800.0,
    -110.0,
    -40.0,
    -36.0,
    -17.0,
    -2.5,
    0.0,
    0.25,
    2.5,
    17.0,
    40.0,
    110.0,
    800.0,
    1e30,
)
PAIRS = [
    (cost.name, output)
    for cost in COSTS
    for output in cost.outputs
    # sin z of a large z depends on the rounding of z; use the range of the core.
    if output != "sine"
]


def exp(x: Any) -> Any:
    """Return e^x; 0 or infinity if mpmath would take too long."""
    return mp.mpf(0) if x < -1e6 else mp.inf if x > 1e6 else mp.exp(x)


def softplus(z: Any) -> Any:
    return z if z > 1e6 else mp.log1p(exp(z)) if z > -1e6 else mp.mpf(0)


def log_of_softplus(z: Any) -> Any:
    return z if z < -1e6 else mp.log(softplus(z))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + exp(-z)) if z > -1e6 else mp.mpf(0)


def tanh(x: Any) -> Any:
    return mp.sign(x) if abs(x) > 1e6 else mp.tanh(x)


def gelu_tanh(z: Any) -> tuple[Any, Any]:
    root, cube = mp.sqrt(2 / mp.pi), mp.mpf("0.044715")
    t = tanh(root * (z + cube * z**3))
    flat = 1 - t**2 if abs(z) < 1e3 else 0
    return z / 2 * (1 + t), (1 + t) / 2 + z / 2 * flat * root * (1 + 3 * cube * z**2)


def gelu(z: Any) -> tuple[Any, Any]:
    if abs(z) > 1e3:
        return (z, mp.mpf(1)) if z > 0 else (mp.mpf(0), mp.mpf(0))
    phi = mp.erfc(-z / mp.sqrt(2)) / 2
    return z * phi, phi + z * mp.exp(-(z**2) / 2) / mp.sqrt(2 * mp.pi)


def mish(z: Any) -> tuple[Any, Any]:
    t = tanh(softplus(z))
    return z * t, t + z * sigmoid(z) * (1 - t**2)


def linear(z: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """Return z between two limits."""
    return (
        (mp.mpf(low), mp.mpf(0))
        if z < low
        else (mp.mpf(high), mp.mpf(0))
        if z > high
        else (z, mp.mpf(1))
    )


def selu(z: Any) -> tuple[Any, Any]:
    scale, alpha = mp.mpf(1.0507009873554805), mp.mpf(1.6732632423543773)
    if z > 0:
        return scale * z, scale
    return scale * alpha * (exp(z) - 1), scale * alpha * exp(z)


def hard_sigmoid(z: Any) -> tuple[Any, Any]:
    if abs(z) >= 3:
        return mp.mpf(int(z > 0)), mp.mpf(0)
    return z / 6 + mp.mpf(1) / 2, mp.mpf(1) / 6


SLOPE = mp.mpf(0.01)
EXACT = {
    "identity": lambda z: (z, mp.mpf(1)),
    "sigmoid": lambda z: (sigmoid(z), sigmoid(z) * sigmoid(-z)),
    "tanh": lambda z: (tanh(z), 1 - tanh(z) ** 2 if abs(z) < 1e3 else mp.mpf(0)),
    "relu": lambda z: (max(z, 0), mp.mpf(int(z > 0))),
    "leaky_relu": lambda z: (z, mp.mpf(1)) if z > 0 else (SLOPE * z, SLOPE),
    "elu": lambda z: (z, mp.mpf(1)) if z > 0 else (exp(z) - 1, exp(z)),
    "selu": selu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": lambda z: (z * sigmoid(z), sigmoid(z) + z * sigmoid(z) * sigmoid(-z)),
    "mish": mish,
    "softplus": lambda z: (softplus(z), sigmoid(z)),
    "softsign": lambda z: (z / (1 + abs(z)), 1 / (1 + abs(z)) ** 2),
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": lambda z: linear(z, -1, 1),
    "relu6": lambda z: (mp.mpf(0), mp.mpf(0)) if z <= 0 else linear(z, 0, 6),
    "gaussian": lambda z: (exp(-(z**2)), -2 * z * exp(-(z**2))),
    "exponential": lambda z: (exp(z), exp(z)),
}  # fmt: skip


def term(cost: str, a: Any, y: Any, n: int) -> tuple[Any, Any]:
    """Return the part of C_i of one output, and dC/da."""
    e = a - y
    match cost:
        case "squared_error":
            return e**2, 2 * e
        case "mean_squared_error":
            return e**2 / n, 2 * e / n
        case "half_squared_error":
            return e**2 / 2, e
        case "absolute_error":
            return abs(e), mp.sign(e)
        case "huber":
            near = abs(e) <= 1
            return (e**2 / 2, e) if near else (abs(e) - mp.mpf(1) / 2, mp.sign(e))
        case "log_cosh":
            size = abs(e)
            return size + mp.log1p(exp(-2 * size)) - mp.log(2), tanh(e)
        case "quantile":
            return abs(e) / 2, mp.sign(e) / 2
        case "hinge":
            t = 2 * y - 1
            return max(mp.mpf(0), 1 - t * a), -t if t * a < 1 else mp.mpf(0)
    raise AssertionError(cost)


def times(left: Any, right: Any) -> Any:
    """Return a product in which 0 times infinity is 0."""
    return mp.mpf(0) if left == 0 or right == 0 else left * right


def of_one(cost: str, output: str, z: Any, y: Any, n: int) -> tuple[Any, Any]:
    """Return the cost and δ of an elementwise output."""
    if cost == "cross_entropy":
        return y * softplus(-z) + (1 - y) * softplus(z), sigmoid(z) - y
    if cost == "focal":  # gamma = 2
        yes, no, a, rest = softplus(-z), softplus(z), sigmoid(z), sigmoid(-z)
        value = y * rest**2 * yes + (1 - y) * a**2 * no
        slope = -y * rest**2 * (2 * a * yes + rest) + (1 - y) * a**2 * (2 * rest * no + a)
        return value, slope
    if cost == "poisson":
        if output == "exponential":
            return exp(z) - times(y, z), exp(z) - y
        ratio = sigmoid(z) / softplus(z) if z > -1e6 else mp.mpf(1)
        return softplus(z) - times(y, log_of_softplus(z)), sigmoid(z) - y * ratio
    a, prime = EXACT[output](z)
    value, slope = term(cost, a, y, n)
    return value, times(slope, prime)


def of_softmax(cost: str, z: list[Any], y: list[Any]) -> tuple[Any, list[Any]]:
    """Return the cost and δ of a row of softmax."""
    top = max(z)
    shifted = [exp(one - top) for one in z]
    whole = sum(shifted)
    a = [one / whole for one in shifted]
    minus_log = [mp.log(whole) - (one - top) for one in z]
    n = len(z)
    if cost == "cross_entropy":
        value = sum(times(t, one) for t, one in zip(y, minus_log, strict=True))
        return value, [one * sum(y) - t for one, t in zip(a, y, strict=True)]
    if cost == "focal":
        rest = [sum(one for j, one in enumerate(a) if j != i) for i in range(n)]
        value = sum(times(t, r**2 * one) for t, r, one in zip(y, rest, minus_log, strict=True))
        h = [
            -t * r * (2 * times(x, one) + r)
            for t, r, x, one in zip(y, rest, a, minus_log, strict=True)
        ]
        return value, [one - x * sum(h) for one, x in zip(h, a, strict=True)]
    terms = [term(cost, one, t, n) for one, t in zip(a, y, strict=True)]
    slopes = [slope for _, slope in terms]
    mean = sum(x * s for x, s in zip(a, slopes, strict=True))
    return sum(v for v, _ in terms), [x * (s - mean) for x, s in zip(a, slopes, strict=True)]


def targets(cost: str) -> tuple[float, ...]:
    low, high = _core.target_range(cost)
    edges = [0.0, 1.0, 0.5, -3.0, 1000.0]
    return tuple(edge for edge in edges if low <= edge <= high)


def of_backend(cost: str, output: str, dtype: str, backend: str, z: Any, y: Any) -> tuple[Any, Any]:
    """Return C_i (m,) and δ (m, n) of a backend for given z."""
    n = z.shape[1]
    net = bp.Network(
        [n, n], output=output, cost=cost, dtype=dtype, backend=backend, init=[np.eye(n)]
    )
    with np.errstate(all="ignore"):
        return net._core.costs(z, y), net._core.backward(z, y)[3][-1]


def check(value: float, exact: Any, dtype: str, scale: Any, case: str) -> None:
    """Compare within the rounding of the numbers that make up the value."""
    limits = np.finfo(dtype)
    assert not np.isnan(value), case
    if abs(exact) >= mp.mpf(float(limits.max)):
        assert np.isinf(value) and (value > 0) == (exact > 0), case
        return
    # 64 roundings; a number below the smallest normal ones may become 0.
    bound = 64 * float(limits.eps) * scale + 64 * mp.mpf(float(limits.tiny))
    assert abs(mp.mpf(float(value)) - exact) <= bound, f"{case}: {value}, not {mp.nstr(exact, 9)}"


@functools.cache
def exact_values(
    cost: str, output: str, z: tuple[float, ...], y: tuple[float, ...]
) -> tuple[Any, ...]:
    """Return C, δ and the scales of their roundings; the two backends and dtypes share them."""
    exact_z, exact_y = ([mp.mpf(one) for one in row] for row in (z, y))
    if output == "softmax":
        value, delta = of_softmax(cost, exact_z, exact_y)
    else:
        value, slope = of_one(cost, output, exact_z[0], exact_y[0], 1)
        delta = [slope]
    scales = [scale_of_delta(output, exact_z, exact_y, one) for one in delta]
    return value, scale_of(cost, output, exact_z, exact_y, value), delta, scales


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cost", "output"), PAIRS)
def test_costs_and_errors_far_out(cost: str, output: str, dtype: str, backend: str) -> None:
    if output == "softmax":
        rows = list(itertools.product((-1e30, -800.0, -17.0, 0.0, 110.0, 1e30), repeat=2))
        rows = [(*row, 0.0) for row in rows]
        y_rows = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.25, 0.375, 0.375), (0.0, 0.0, 0.0)]
        pairs = list(itertools.product(rows, y_rows))
    else:
        pairs = [((z,), (y,)) for z, y in itertools.product(ZS, targets(cost))]
    z, y = (np.array(part, dtype) for part in zip(*pairs, strict=True))
    costs, deltas = of_backend(cost, output, dtype, backend, z, y)
    for i in range(len(z)):
        numbers = (tuple(part[i].tolist()) for part in (z, y))
        value, scale, delta, scales = exact_values(cost, output, *numbers)
        case = f"{cost} of {output} in {dtype} at z = {z[i]}, y = {y[i]}"
        check(costs[i], value, dtype, scale, case)
        for j, one in enumerate(delta):
            check(deltas[i, j], one, dtype, scales[j], f"δ of {case}")


def scale_of(cost: str, output: str, z: list[Any], y: list[Any], value: Any) -> Any:
    """Return the largest number that is rounded on the way to a cost."""
    if output == "softmax":
        return max(abs(value), 1)
    if cost in ("cross_entropy", "focal"):
        return max(abs(value), mp.mpf(10) ** -60) if y[0] in (0, 1) else max(abs(value), 1)
    a = abs(z[0]) if cost == "poisson" else abs(EXACT[output](z[0])[0])
    near = max(a, abs(y[0]), 1)
    squared = near**2 if "squared" in cost else near
    return max(abs(value), (1 + y[0]) * near if cost == "poisson" else squared)


def scale_of_delta(output: str, z: list[Any], y: list[Any], delta: Any) -> Any:
    """Return the largest rounded number of δ: σ' is computed from a, so that 1 or y is rounded."""
    return max(abs(delta), *(abs(one) for one in y), 1)


def test_a_predicted_count_of_zero_costs_nothing(backend: str) -> None:
    """ln a of a softplus that has underflowed is z, and 0 times it is 0."""
    for dtype, z in (("float32", -110.0), ("float64", -800.0)):
        rows = np.array([[z]], dtype)
        costs, deltas = of_backend("poisson", "softplus", dtype, backend, rows, np.zeros_like(rows))
        assert costs[0] == 0 and deltas[0, 0] == 0
        costs, deltas = of_backend("poisson", "softplus", dtype, backend, rows, np.ones_like(rows))
        assert costs[0] == -z and deltas[0, 0] == -1


def test_every_output_has_an_exact_twin() -> None:
    assert {row.name for row in ACTIVATIONS} - {"softmax", "sine"} == set(EXACT)
