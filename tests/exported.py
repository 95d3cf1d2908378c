"""Networks to export, and bounds for the outputs of their exports by bounds.py."""

from dataclasses import dataclass

import backprop_rs as bp
import numpy as np
from backprop_rs.tables.activation import ACTIVATIONS, activation
from backprop_rs.tables.embedding import Waves, places
from bounds import affine, exactly, product, rounded, sigma, through

DTYPES = ("float32", "float64")
NAMES = [row.name for row in ACTIVATIONS]
# Each activation of the table, and two with other settings than the defaults.
WRITTEN = [*NAMES, "leaky_relu(0.3)", "elu(0.7)"]
ELEMENTWISE = [text for text in WRITTEN if text != "softmax"]
# Networks of `Case.of`: with each activation, as one neuron with extreme inputs, and special ones.
CASES = [
    *WRITTEN,
    *(f"neuron {text}" for text in ELEMENTWISE),
    "layer norm",
    "input scale",
    "piecewise linear",
    "waves",
    "parametric",
    "steep softmax",
    "scaled",
]
FEATURE_NAMES = ["a */ b", "\\ü'", '??/ """']  # that could end a comment or a string
SCALING = {"mean": [1.0, -20.0, 3e3], "scale": [0.5, 2.0, 1e3]}
TARGET = {"mean": [100.0, -5.0, 0.0, 7.0], "scale": [30.0, 2.0, 1.0, 1e-3]}


def network(text="tanh", dtype="float32", sizes=(3, 7, 4), output="identity"):
    """Return a network whose hidden layer has an activation; softmax is that of the output."""
    hidden, output = ("tanh", text) if text == "softmax" else (text, output)
    hidden = [hidden] * (len(sizes) - 2)
    cost = "cross_entropy" if output in ("softmax", "sigmoid") else "squared_error"
    net = bp.Network(list(sizes), hidden, output, cost, dtype=dtype, seed=3)
    random = np.random.default_rng(0)
    net.biases = [random.normal(size=b.shape) for b in net.biases]
    return net


def samples(dtype, m=50, n=3):
    """Return X (m, n)."""
    return np.random.default_rng(1).normal(0, 1.5, (m, n)).astype(dtype)


@dataclass
class Exact:
    """The outputs in float64, and bounds for the errors of an export in the network's dtype."""

    value: np.ndarray
    allowed: np.ndarray

    def check(self, result, dtype):
        """Assert that outputs are within their bounds."""
        assert result.dtype == dtype and result.shape == self.value.shape
        assert (np.abs(result - self.value) <= self.allowed).all()


def exact(net, X, scaling=None, target=None):
    """Return the outputs that an export must give for X."""
    eps = float(np.finfo(net.dtype).eps)
    a = exactly(X)
    if scaling is not None:
        scaled = (a.value - scaling["mean"]) / scaling["scale"]
        a = rounded(scaled, eps * scaled)
    if net.embedding:
        a = embedded(net, a, eps)
    if net.scales is not None:
        a = product(exactly(net.scales), a, eps)
    texts, norms = [*net.activation, net.output], zip(net.gains, net.shifts, strict=True)
    layers = zip(net.weights, net.biases, norms, net.alphas, texts, strict=True)
    for w, b, norm, alpha, text in layers:
        z = affine(a, exactly(w), exactly(b), eps)
        z = z if norm[0] is None else normalized(z, *norm, eps)
        a = sigma(activation(text), z, eps)
        if alpha is not None:
            a = mixed(alpha, z, a, eps)
    if target is not None:
        scale, mean = np.array(target["scale"]), np.array(target["mean"])
        value = a.value * scale + mean
        a = rounded(value, a.error * scale, eps * value)
    return Exact(a.value, a.allowed())


def mixed(alpha, z, a, eps):
    """Return z + alpha (a - z) of bounded values; three roundings."""
    value = z.value + alpha * (a.value - z.value)
    size = (1 + np.abs(alpha)) * (np.abs(z.value) + np.abs(a.value))
    return rounded(value, (1 + np.abs(alpha)) * z.error, alpha * a.error, 2 * eps * size)


def normalized(z, gain, shift, eps):
    """Return the layer normalization of bounded values."""

    def norm(z):
        centered = z - z.mean(axis=1, keepdims=True)
        return gain * centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5) + shift

    return through(norm, z, eps, np.abs(gain) * np.sqrt(len(gain)) + np.abs(shift))


def with_norm(dtype):
    """Return a network with layer normalization in two of its three layers."""
    layers = [bp.Dense(7, "relu", layer_norm=True), 5, bp.Dense(4, layer_norm=True)]
    net = bp.Network([3, *layers], "tanh", "softmax", "cross_entropy", dtype=dtype, seed=3)
    random = np.random.default_rng(0)
    for name in ("gains", "shifts"):
        drawn = [
            array if array is None else random.normal(size=array.shape)
            for array in getattr(net, name)
        ]
        setattr(net, name, drawn)
    return net


def embedded(net, a, eps):
    """Return the embedded inputs of bounded values: each has a slope of at most 1 / width."""
    value = net.embed(a.value)
    for row in np.ndindex(value.shape):
        assert np.isfinite(value[row])
    columns, slopes = [], []
    for place in places(net._parts):
        columns += [place.column] * place.row.n_out(place.numbers)
        if place.row.name == "periodic":
            waves = Waves.of(np.abs(net.embeddings[place.parameters]), place.numbers)
            # A phase is rounded four times, each term twice, and their sum.
            phase = waves.phases + np.pi / 2 + 2 * np.pi * 4 * waves.frequencies
            slopes += (waves.weights @ (4 * phase + 4)).tolist()
        elif place.row.name == "identity":
            slopes.append(1.0)
        else:
            slopes += (1 / np.diff(place.numbers)).tolist()
    size = np.abs(value) + np.array(slopes) * np.maximum(1, np.abs(a.value[:, columns]))
    return rounded(value, np.array(slopes) * a.error[:, columns], 4 * eps * size)


def with_edges(dtype):
    """Return a network with piecewise-linear encodings, and learned factors of them."""
    embedding = bp.PiecewiseLinear({0: [-1.5, -0.5, 0.25, 1.0], 2: [0.0, 0.5]}, append=True)
    more = {"dtype": dtype, "seed": 3, "input_scale": True}
    net = bp.Network([3, 7, 4], "tanh", "identity", embedding=embedding, **more)
    net.scales = np.linspace(-1, 2, 7)
    return net


def with_alphas(dtype):
    """Return a network with parametric activations, once behind layer normalization."""
    second = bp.Dense(5, "mish", layer_norm=True, parametric=True)
    layers = [bp.Dense(7, "selu", parametric=True), second]
    net = bp.Network([3, *layers, 4], "tanh", "identity", dtype=dtype, seed=3)
    net.alphas = [np.linspace(-0.5, 1.5, 7), np.linspace(0.2, 2, 5), None]
    return net


def with_waves(dtype):
    """Return a network with learned waves of two sizes, and bins between them."""
    several = [bp.PBLD([0], outputs=2), bp.PiecewiseLinear({1: [0, 1, 2]})]
    several.append(bp.PBLD([2], frequencies=5, append=False))
    more = {"dtype": dtype, "seed": 3, "input_scale": True, "embedding": several}
    net = bp.Network([3, 7, 4], "tanh", "identity", **more)
    net.scales = np.linspace(-1, 2, 8)
    return net


def with_scales(dtype):
    """Return a network with learned factors of its inputs."""
    net = bp.Network([3, 7, 4], "tanh", "identity", dtype=dtype, seed=3, input_scale=True)
    net.scales = [0.3, -1.7, 2.4]
    return net


def edges(row, dtype):
    """Return z of all sizes, as X of a network of one neuron, and sigma(z) with its bound."""
    sizes = [0, 1e-30, 1e-8, 1e-3, 0.5, 1, 3, 6, 9, 20, 50, 88, 300, 1e4, 1e30]
    if row.name in ("sine", "exponential"):  # without correct digits, or infinite
        sizes = [size for size in sizes if size < 1e4]
    z = np.array([*sizes, *np.negative(sizes)], dtype)
    bounded = sigma(row, exactly(z[:, None]), float(np.finfo(dtype).eps))
    fits = np.abs(bounded.value[:, 0]) < np.finfo(dtype).max
    return z[fits, None], Exact(bounded.value[fits], bounded.allowed()[fits])


def neuron(name, dtype):
    """Return a network of one neuron with z = x."""
    return bp.Network([1, 1], output=name, dtype=dtype, init=[[[1.0]]])


def steep(dtype):
    """Return a network whose softmax has z that are too large for exp."""
    net = network("softmax", dtype)
    net.weights = [w * scale for w, scale in zip(net.weights, (1, 3000), strict=True)]
    assert max(net.backward(samples(dtype), [0] * 50).weighted_inputs[-1].ravel()) > 1000
    return net


def scaled(dtype):
    """Return a network with scalings of its features and targets, and samples in their units."""
    net = network("tanh", dtype)
    net.metadata |= {"scaling": SCALING, "target_scaling": TARGET, "feature_names": FEATURE_NAMES}
    X = (samples(dtype) * SCALING["scale"] + SCALING["mean"]).astype(dtype)
    return net, X


@dataclass
class Case:
    """A network to export, features, and the outputs that the export must give for them."""

    net: bp.Network
    X: np.ndarray
    expected: Exact

    @classmethod
    def of(cls, name, dtype):
        """Return the case with a name in `CASES`."""
        if name.startswith("neuron "):
            text = name.removeprefix("neuron ")
            return cls(neuron(text, dtype), *edges(activation(text), dtype))
        if name == "scaled":
            net, X = scaled(dtype)
            return cls(net, X, exact(net, X, SCALING, TARGET))
        special = {
            "layer norm": with_norm,
            "input scale": with_scales,
            "piecewise linear": with_edges,
            "waves": with_waves,
            "parametric": with_alphas,
            "steep softmax": steep,
        }
        net = special[name](dtype) if name in special else network(name, dtype)
        return cls(net, samples(dtype), exact(net, samples(dtype)))
