"""The table of activations as ONNX nodes.

They are made of operators that ONNX Runtime has for both float32 and float64. Those of the whole
activations, such as LeakyRelu, are for float32 alone there, and keep their settings in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import sqrt

from ..reference.activation import GELU_CUBE, GELU_ROOT, SELU_ALPHA, SELU_SCALE
from .onnx_graph import Value


def unary(op: str) -> Callable[[Value], Value]:
    return lambda z: z.graph.node(op, z)


exp, log, tanh, sigmoid = unary("Exp"), unary("Log"), unary("Tanh"), unary("Sigmoid")


def where(condition: Value, yes: Value, no: Value) -> Value:
    return condition.graph.node("Where", condition, yes, no)


def elu(z: Value, alpha: float) -> Value:
    """e^z - 1 = 2 t / (1 - t) with t = tanh(z / 2), in which nothing cancels."""
    t = tanh(0.5 * z.at_most(0))
    return where(z.positive(), z, (2 * alpha) * t / (1 - t))


def softplus(z: Value) -> Value:
    """log(1 + e) is log(u) with u = 1 + e, and what u has lost of e."""
    e = exp(-abs(z))
    u = 1 + e
    return z.at_least(0) + (log(u) - ((u - 1) - e) / u)


def mish(z: Value) -> Value:
    """tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2); 1 from z = 20 on."""
    e = exp(z.at_most(20))
    n = e * (e + 2)
    return z * (n / (n + 2))


# Of the tail of the normal distribution in `src/real.rs`, the highest power first.
CENTRE, FURTHEST = 5.0, 39.0
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
    """By Erf; ONNX Runtime has none for float64, where it is the series of the core."""
    if z.graph.dtype == "float32":
        return 0.5 * (1 + unary("Erf")(z * sqrt(0.5)))
    u = abs(z).at_most(FURTHEST)
    t = (u - CENTRE) / (u + CENTRE)
    tail = reduce(lambda sum, coefficient: sum * t + coefficient, TAIL[1:], t * 0 + TAIL[0])
    below = exp(-0.5 * (u * u)) * tail / (1 + u)
    return where(z.positive(), 1 - below, below)


def gelu_tanh(z: Value) -> Value:
    inner = z.at_most(50).at_least(-50)  # beyond, tanh is 1, and z^3 might overflow
    return 0.5 * z * (1 + tanh(GELU_ROOT * (inner + GELU_CUBE * (inner * inner * inner))))


def softmax(z: Value) -> Value:
    return z.graph.node("Softmax", z, axis=-1)


def gaussian(z: Value) -> Value:
    inner = z.at_most(50).at_least(-50)  # beyond, it is 0
    return exp(-(inner * inner))


# sigma of z and the settings of its row, by the names of the table of activations.
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
