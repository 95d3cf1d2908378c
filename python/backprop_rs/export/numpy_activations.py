"""The table of activations in Python with NumPy as `np`.

`np.where` computes both branches, so neither may overflow: the user would see a warning.
"""

from ..tables.activation import GELU_CUBE, GELU_ROOT, SELU_ALPHA, SELU_SCALE

ELU = "np.where(z > 0, z, {alpha} * np.expm1(np.minimum(z, 0)))"

# The name of each activation, and the body of its `def sigma(z, settings)`.
ACTIVATIONS = {
    "identity": "return z",
    "sigmoid": "e = np.exp(-np.abs(z))  # never overflows\nreturn np.where(z >= 0, 1, e) / (1 + e)",
    "tanh": "return np.tanh(z)",
    "relu": "return np.maximum(z, 0)",
    "leaky_relu": "return np.where(z > 0, z, slope * z)",
    "elu": "return " + ELU.format(alpha="alpha"),
    "selu": f"return {SELU_SCALE!r} * {ELU.format(alpha=SELU_ALPHA)}",
    "gelu": "return z * (np.vectorize(math.erfc, otypes=[float])(-z / 2**0.5) / 2)",
    "gelu_tanh": f"""\
inner = np.clip(z, -50, 50)  # tanh is 1 outside
return z / 2 * (1 + np.tanh({GELU_ROOT!r} * (inner + {GELU_CUBE!r} * inner**3)))""",
    "silu": "e = np.exp(-np.abs(z))\nreturn z * np.where(z >= 0, 1, e) / (1 + e)",
    "mish": "e = np.exp(np.minimum(z, 20))\nn = e * (e + 2)\nreturn z * (n / (n + 2))",
    "softplus": "return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))",
    "softsign": "return z / (1 + np.abs(z))",
    "hard_sigmoid": "return np.clip(z / 6 + 0.5, 0, 1)",
    "hard_tanh": "return np.clip(z, -1, 1)",
    "relu6": "return np.clip(z, 0, 6)",
    "gaussian": "return np.exp(-(np.clip(z, -50, 50) ** 2))",
    "sine": "return np.sin(z)",
    "exponential": "return np.exp(z)",
    "softmax": """\
e = np.exp(z - z.max(axis=-1, keepdims=True))  # the shift cancels and prevents overflow
return e / e.sum(axis=-1, keepdims=True)""",
}
