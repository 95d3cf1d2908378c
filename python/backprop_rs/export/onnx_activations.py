"""The table of activations as ONNX nodes.

They only use operators that ONNX Runtime supports for both float32 and float64. It supports the
operators of whole activations, such as LeakyRelu, only for float32; they keep their settings in
float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import sqrt

from ..tables.activation import GELU_CUBE, GELU_ROOT, SELU_ALPHA, SELU_SCALE
from .onnx_graph import Value


def unary(op: str) -> Callable[[Value], Value]:
    """Return the function that adds a node with one input."""
    return lambda z: z.graph.node(op, z)


exp, log, tanh, sigmoid = unary("Exp"), unary("Log"), unary("Tanh"), unary("Sigmoid")


def where(condition: Value, yes: Value, no: Value) -> Value:
    """Return `yes` if the condition holds and `no` otherwise, elementwise."""
    return condition.graph.node("Where", condition, yes, no)


def elu(z: Value, alpha: float) -> Value:
    """Compute e^z - 1 as 2 t / (1 - t) with t = tanh(z / 2), which avoids cancellation."""
    t = tanh(0.5 * z.at_most(0))
    return where(z.positive(), z, (2 * alpha) * t / (1 - t))


def softplus(z: Value) -> Value:
    """Compute log(1 + e) as log(u) with u = 1 + e, corrected by the rounding error of u."""
    e = exp(-abs(z))
    u = 1 + e
    return z.at_least(0) + (log(u) - ((u - 1) - e) / u)


def mish(z: Value) -> Value:
    """Compute tanh(log(1 + e)) as n / (n + 2) with n = e (e + 2); it is 1 from z = 20 on."""
    e = exp(z.at_most(20))
    n = e * (e + 2)
    return z * (n / (n + 2))


# Coefficients for the tail of the normal distribution, highest power first, as in the Rust core.
CENTER, MAX_ARGUMENT = 5.0, 39.0
TAIL = (
    *(-2.7701481656827913e-10, 1.6294822123482363e-11, 4.305928346122364e-9),
    *(2.6641470506077205e-9, -3.132082028087379e-8, -2.4964749749793523e-8),
    *(1.9716412822314452e-7, 1.2687978435110762e-7, -1.3083296242531128e-6),
    *(-6.989850792867112e-8, 9.06032311426407e-6, -9.896216310883174e-6, -5.36077545074153e-5),
    *(1.8233416164045794e-4, 7.791634836196445e-6, -1.67607234514747e-3, 6.522000662944827e-3),
    *(-1.5170415402641402e-2, 2.4536963244022193e-2, -2.6401042966293736e-2),
    *(1.0002352385218209e-2, 3.1030368425963278e-2, -9.155228183400893e-2, 4.6151582985003775e-1),
)


def normal_cdf(z: Value) -> Value:
    """Compute the normal distribution by Erf; ONNX Runtime has none for float64: use a series."""
    if z.graph.dtype == "float32":
        return 0.5 * (1 + unary("Erf")(z * sqrt(0.5)))
    u = abs(z).at_most(MAX_ARGUMENT)
    t = (u - CENTER) / (u + CENTER)
    tail = reduce(lambda sum, coefficient: sum * t + coefficient, TAIL[1:], t * 0 + TAIL[0])
    below = exp(-0.5 * (u * u)) * tail / (1 + u)
    return where(z.positive(), 1 - below, below)


def gelu_tanh(z: Value) -> Value:
    """Compute GELU by its approximation with tanh."""
    inner = z.at_most(50).at_least(-50)  # tanh is 1 outside, and z^3 might overflow
    return 0.5 * z * (1 + tanh(GELU_ROOT * (inner + GELU_CUBE * (inner * inner * inner))))


def softmax(z: Value) -> Value:
    """Compute the softmax of each row."""
    return z.graph.node("Softmax", z, axis=-1)


def gaussian(z: Value) -> Value:
    """Compute e^(-z^2)."""
    inner = z.at_most(50).at_least(-50)  # it is 0 outside
    return exp(-(inner * inner))


# The name of each activation, and its function of z and its settings.
ACTIVATIONS: dict[str, Callable[..., Value]] = {
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": unary("Relu"),
    "leaky_relu": lambda z, slope: where(z.positive(), z, slope * z),
    "elu": elu,
    "selu": lambda z: SELU_SCALE * elu(z, SELU_ALPHA),
    "gelu": lambda z: z * normal_cdf(z),
    "gelu_tanh": gelu_tanh,
    "silu": lambda z: z * sigmoid(z),
    "mish": mish,
    "softplus": softplus,
    "softsign": lambda z: z / (1 + abs(z)),
    "hard_sigmoid": lambda z: (z / 6 + 0.5).at_least(0).at_most(1),
    "hard_tanh": lambda z: z.at_least(-1).at_most(1),
    "relu6": lambda z: z.at_least(0).at_most(6),
    "gaussian": gaussian,
    "sine": unary("Sin"),
    "exponential": exp,
    "softmax": softmax,
}
