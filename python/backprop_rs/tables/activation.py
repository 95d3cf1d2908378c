"""The table of activations: each sigma next to its derivative."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import erfc, pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from .._internal.types import Array
from .registry import NON_NEGATIVE, Setting, parse


def identity(z: Array) -> Array:
    """Return z."""
    return z.copy()


def identity_prime(z: Array, a: Array) -> Array:
    """Return 1."""
    return np.ones_like(z)


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)) (eq. 2)."""
    e = np.exp(-np.abs(z))  # never overflows, and keeps every digit if a is near 0
    a: Array = np.where(z >= 0, 1, e) / (1 + e)
    return a


def sigmoid_prime(z: Array, a: Array) -> Array:
    """Return a (1 - a) (eq. 5)."""
    return a * (1 - a)


def tanh(z: Array) -> Array:
    """Return tanh(z)."""
    return np.tanh(z)


def tanh_prime(z: Array, a: Array) -> Array:
    """Return 1 - a^2."""
    return 1 - a * a


def relu(z: Array) -> Array:
    """Return max(z, 0)."""
    return np.maximum(z, 0)


def relu_prime(z: Array, a: Array) -> Array:
    """Return 1 if z > 0, otherwise 0."""
    return (z > 0).astype(z.dtype)


def leaky_relu(z: Array, slope: float) -> Array:
    """Return z if z > 0, otherwise slope z."""
    return np.where(z > 0, z, slope * z).astype(z.dtype, copy=False)


def leaky_relu_prime(z: Array, a: Array, slope: float) -> Array:
    """Return 1 if z > 0, otherwise the slope."""
    return np.where(z > 0, 1, slope).astype(z.dtype)


def elu(z: Array, alpha: float) -> Array:
    """Return z if z > 0, otherwise alpha (exp(z) - 1)."""
    a: Array = np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
    return a.astype(z.dtype, copy=False)


def elu_prime(z: Array, a: Array, alpha: float) -> Array:
    """Return 1 if z > 0, otherwise alpha exp(z) = a + alpha."""
    return np.where(z > 0, 1, a + alpha).astype(z.dtype)


SELU_SCALE = 1.0507009873554805  # Klambauer et al. 2017, appendix 1, to the digits of float64
SELU_ALPHA = 1.6732632423543773


def selu(z: Array) -> Array:
    """Return lambda elu(z, alpha) with the constants of the source."""
    return SELU_SCALE * elu(z, SELU_ALPHA)


def selu_prime(z: Array, a: Array) -> Array:
    """Return lambda if z > 0, otherwise lambda alpha exp(z)."""
    return np.where(z > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA).astype(z.dtype)


def normal_cdf(z: Array) -> Array:
    """Return Phi(z), the standard normal distribution function."""
    phi: Array = np.vectorize(lambda z: erfc(-z / sqrt(2)) / 2, otypes=[np.float64])(z)
    return phi.astype(z.dtype)


def normal_density(z: Array) -> Array:
    """Return the standard normal density at z."""
    phi: Array = np.exp(-np.square(np.clip(z, -50, 50)) / 2) / sqrt(2 * pi)
    return phi


def gelu(z: Array) -> Array:
    """Return z Phi(z)."""
    return z * normal_cdf(z)


def gelu_prime(z: Array, a: Array) -> Array:
    """Return Phi(z) + z Phi'(z)."""
    return normal_cdf(z) + z * normal_density(z)


GELU_ROOT, GELU_CUBE = sqrt(2 / pi), 0.044715


def gelu_inner(z: Array) -> Array:
    """Return the tanh in `gelu_tanh`."""
    z = np.clip(z, -50, 50)  # beyond, tanh is 1, and z^3 might overflow
    t: Array = np.tanh(GELU_ROOT * (z + GELU_CUBE * z * z * z))
    return t


def gelu_tanh(z: Array) -> Array:
    """Return the approximation of gelu by tanh."""
    return z / 2 * (1 + gelu_inner(z))


def gelu_tanh_prime(z: Array, a: Array) -> Array:
    """Return the derivative of the approximation."""
    t, z = gelu_inner(z), np.clip(z, -50, 50)
    return (1 + t) / 2 + z / 2 * (1 - t * t) * GELU_ROOT * (1 + 3 * GELU_CUBE * z * z)


def silu(z: Array) -> Array:
    """Return z sigmoid(z)."""
    return z * sigmoid(z)


def silu_prime(z: Array, a: Array) -> Array:
    """Return s + a (1 - s) with s = sigmoid(z)."""
    s = sigmoid(z)
    return s + a * (1 - s)


def softplus(z: Array) -> Array:
    """Return log(1 + exp(z))."""
    a: Array = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    return a


def softplus_prime(z: Array, a: Array) -> Array:
    """Return sigmoid(z) = 1 - exp(-a)."""
    slope: Array = -np.expm1(-a)
    return slope


def mish(z: Array) -> Array:
    """Return z tanh(softplus(z))."""
    return z * np.tanh(softplus(z))


def mish_prime(z: Array, a: Array) -> Array:
    """Return t + z sigmoid(z) (1 - t^2) with t = tanh(softplus(z))."""
    t = np.tanh(softplus(z))
    slope: Array = t + z * sigmoid(z) * (1 - t * t)
    return slope


def softsign(z: Array) -> Array:
    """Return z / (1 + |z|)."""
    a: Array = z / (1 + np.abs(z))
    return a


def softsign_prime(z: Array, a: Array) -> Array:
    """Return 1 / (1 + |z|)^2 = (1 - |a|)^2."""
    slope: Array = np.square(1 - np.abs(a))
    return slope


def hard_sigmoid(z: Array) -> Array:
    """Return z / 6 + 1/2 within 0 and 1."""
    return np.clip(z / 6 + 0.5, 0, 1).astype(z.dtype)


def hard_sigmoid_prime(z: Array, a: Array) -> Array:
    """Return 1/6 within the limits, otherwise 0."""
    return np.where((a > 0) & (a < 1), 1 / 6, 0).astype(z.dtype)


def hard_tanh(z: Array) -> Array:
    """Return z within -1 and 1."""
    a: Array = np.clip(z, -1, 1)
    return a


def hard_tanh_prime(z: Array, a: Array) -> Array:
    """Return 1 within the limits, otherwise 0."""
    return (np.abs(a) < 1).astype(z.dtype)


def relu6(z: Array) -> Array:
    """Return z within 0 and 6."""
    a: Array = np.clip(z, 0, 6)
    return a


def relu6_prime(z: Array, a: Array) -> Array:
    """Return 1 within the limits, otherwise 0."""
    return ((a > 0) & (a < 6)).astype(z.dtype)


def gaussian(z: Array) -> Array:
    """Return exp(-z^2)."""
    a: Array = np.exp(-np.square(np.clip(z, -50, 50)))  # beyond, it is 0
    return a


def gaussian_prime(z: Array, a: Array) -> Array:
    """Return -2 z a."""
    return -2 * z * a


def sine(z: Array) -> Array:
    """Return sin(z)."""
    return np.sin(z)


def sine_prime(z: Array, a: Array) -> Array:
    """Return cos(z)."""
    return np.cos(z)


def exponential(z: Array) -> Array:
    """Return exp(z)."""
    with np.errstate(over="ignore"):  # infinity is what the core gives, too
        return np.exp(z)


def exponential_prime(z: Array, a: Array) -> Array:
    """Return a."""
    return a


def softmax(z: Array) -> Array:
    """Return exp(z) / sum(exp(z)) of each row."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))  # the shift cancels, and stops overflow
    a: Array = e / e.sum(axis=-1, keepdims=True)
    return a


def softmax_prime(z: Array, a: Array) -> Array:
    """Return da_i/dz_j = a_i (1[i=j] - a_j) of each row, (m, n_L, n_L)."""
    return a[..., :, None] * (np.eye(a.shape[-1], dtype=a.dtype) - a[..., None, :])


class Activation(NamedTuple):
    """One entry of the table; `sigma_prime` takes z and a and uses the cheaper one."""

    name: str
    sigma: Callable[..., Array]
    sigma_prime: Callable[..., Array]
    formula: str
    source: str
    elementwise: bool = True
    settings: tuple[Setting, ...] = ()
    kinks: tuple[float, ...] = ()  # the z at which sigma has no derivative

    def delta(self, z: Array, a: Array, grad_a: Array) -> Array:
        """Return the error term dC/dz = dC/da ⊙ sigma'(z), all (m, n_l) (eq. 7)."""
        slope = self.sigma_prime(z, a)
        if self.elementwise:
            return grad_a * slope
        delta: Array = np.einsum("mi,mij->mj", grad_a, slope)
        return delta

    def having(self, values: Mapping[str, float]) -> Activation:
        """Return this entry with its settings."""
        if not values:
            return self
        sigma, prime = (partial(f, **values) for f in (self.sigma, self.sigma_prime))
        return self._replace(sigma=sigma, sigma_prime=prime)


def activation(text: Any) -> Activation:
    """Return the activation of a text, or a custom one with `value` and `slope`.

    >>> activation("leaky_relu(0.5)").sigma(np.array([-2.0, 2.0]))
    array([-1.,  2.])
    """
    if not isinstance(text, str):
        return Activation(text.name, text.value, text.slope, "", "")
    entry, values = parse("activation", text, ACTIVATIONS)
    return entry.having(values)


LOGISTIC = "derivation, eq. 5"
HYPERBOLIC = "LeCun et al. 1998, Efficient BackProp, section 4.4"
RECTIFIED = "Nair & Hinton 2010, Rectified Linear Units"
LEAKY = "Maas, Hannun & Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models"
ELU = "Clevert, Unterthiner & Hochreiter 2016, Exponential Linear Units, eq. 2"
SELU = "Klambauer et al. 2017, Self-Normalizing Neural Networks, eq. 2"
GELU = "Hendrycks & Gimpel 2016, Gaussian Error Linear Units, section 2"
SILU = "Elfwing, Uchibe & Doya 2018, Sigmoid-Weighted Linear Units"
MISH = "Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function"
SOFTPLUS = "Dugas et al. 2001, Incorporating Second-Order Functional Knowledge"
SOFTSIGN = "Bergstra et al. 2009, Quadratic Polynomials Learn Better Image Features"
HARD = "Collobert 2004, Large Scale Machine Learning"
SIX = "Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10"
RADIAL = "Broomhead & Lowe 1988, Multivariable Functional Interpolation"
PERIODIC = "Sitzmann et al. 2020, Implicit Neural Representations, eq. 4"
EXPONENTIAL = "Bridle 1990, Probabilistic Interpretation of Feedforward Outputs"
LINK = "McCullagh & Nelder 1989, Generalized Linear Models, section 2.2.4"

SLOPE = (Setting("slope", 0.01, NON_NEGATIVE),)
ALPHA = (Setting("alpha", 1.0, NON_NEGATIVE),)

ACTIVATIONS = (
    Activation("identity", identity, identity_prime, "z", "derivation, eq. 1"),
    Activation("sigmoid", sigmoid, sigmoid_prime, "1 / (1 + exp(-z))", LOGISTIC),
    Activation("tanh", tanh, tanh_prime, "tanh(z)", HYPERBOLIC),
    Activation("relu", relu, relu_prime, "max(z, 0)", RECTIFIED, kinks=(0,)),
    Activation(
        "leaky_relu",
        leaky_relu,
        leaky_relu_prime,
        "z if z > 0, otherwise slope z",
        LEAKY,
        settings=SLOPE,
        kinks=(0,),
    ),
    Activation(
        "elu",
        elu,
        elu_prime,
        "z if z > 0, otherwise alpha (exp(z) - 1)",
        ELU,
        settings=ALPHA,
        kinks=(0,),
    ),
    Activation("selu", selu, selu_prime, "lambda elu(z, alpha)", SELU, kinks=(0,)),
    Activation("gelu", gelu, gelu_prime, "z (1 + erf(z / sqrt(2))) / 2", GELU),
    Activation(
        "gelu_tanh",
        gelu_tanh,
        gelu_tanh_prime,
        "z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2",
        GELU,
    ),
    Activation("silu", silu, silu_prime, "z / (1 + exp(-z))", SILU),
    Activation("mish", mish, mish_prime, "z tanh(log(1 + exp(z)))", MISH),
    Activation("softplus", softplus, softplus_prime, "log(1 + exp(z))", SOFTPLUS),
    Activation("softsign", softsign, softsign_prime, "z / (1 + |z|)", SOFTSIGN),
    Activation(
        "hard_sigmoid",
        hard_sigmoid,
        hard_sigmoid_prime,
        "min(max(z / 6 + 1/2, 0), 1)",
        HARD,
        kinks=(-3, 3),
    ),
    Activation("hard_tanh", hard_tanh, hard_tanh_prime, "min(max(z, -1), 1)", HARD, kinks=(-1, 1)),
    Activation("relu6", relu6, relu6_prime, "min(max(z, 0), 6)", SIX, kinks=(0, 6)),
    Activation("gaussian", gaussian, gaussian_prime, "exp(-z^2)", RADIAL),
    Activation("sine", sine, sine_prime, "sin(z)", PERIODIC),
    Activation("exponential", exponential, exponential_prime, "exp(z)", LINK),
    Activation("softmax", softmax, softmax_prime, "exp(z) / sum(exp(z))", EXPONENTIAL, False),
)
