"""The table of activations in C99.

`real` is float or double; R(x) is a constant of that type, and F(f) the function f of libm for that
type. NaN stays NaN.
"""

from ..tables.activation import GELU_CUBE, GELU_ROOT, SELU_ALPHA, SELU_SCALE

# The name of each activation, and the body of its `static real sigma(real z, settings)`.
ACTIVATIONS = {
    "identity": "return z;",
    "sigmoid": "return 1 / (1 + F(exp)(-z));",
    "tanh": "return F(tanh)(z);",
    "relu": "return z < 0 ? 0 : z;",
    "leaky_relu": "return z > 0 ? z : slope * z;",
    "elu": "return z > 0 ? z : alpha * F(expm1)(z);",
    "selu": f"return R({SELU_SCALE!r}) * (z > 0 ? z : R({SELU_ALPHA!r}) * F(expm1)(z));",
    "gelu": "return z * (F(erfc)(-z * R(0.7071067811865476)) / 2);",
    "gelu_tanh": f"return z / 2 * (1 + F(tanh)(R({GELU_ROOT!r}) * (z + R({GELU_CUBE!r}) * z * z * z)));",  # noqa: E501
    "silu": "return z / (1 + F(exp)(-z));",
    "mish": "real e = F(exp)(z < 20 ? z : 20), n = e * (e + 2);\n    return z * (n / (n + 2));",
    "softplus": "return (z > 0 ? z : 0) + F(log1p)(F(exp)(-F(fabs)(z)));",
    "softsign": "return z / (1 + F(fabs)(z));",
    "hard_sigmoid": "real a = z / 6 + R(0.5);\n    return a < 0 ? 0 : a > 1 ? 1 : a;",
    "hard_tanh": "return z < -1 ? -1 : z > 1 ? 1 : z;",
    "relu6": "return z < 0 ? 0 : z > 6 ? 6 : z;",
    "gaussian": "return F(exp)(-z * z);",
    "sine": "return F(sin)(z);",
    "exponential": "return F(exp)(z);",
    "softmax": """\
real largest = z[0], sum = 0;
    for (int j = 1; j < n; j++)
        if (z[j] > largest)
            largest = z[j];
    for (int j = 0; j < n; j++)
        sum += z[j] = F(exp)(z[j] - largest);
    for (int j = 0; j < n; j++)
        z[j] /= sum;""",
}
