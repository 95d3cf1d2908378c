"""The layers of a network and its preparation, checked for export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.checks import finite, shown
from ..data import Scaling
from ..data.preparation import Preparation
from ..tables.activation import ACTIVATIONS, Activation, activation
from ..tables.embedding import Parts, places
from ..tables.registry import parse
from .embeddings import Part

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork

TYPES_OF_CLASSES: tuple[tuple[type, ...], ...] = ((str,), (bool,), (int, float))

# Options of layers that exports support: those that only matter in training, and normalization.
SUPPORTED = ("dropout", "l1", "l2", "weight_decay", "max_norm", "layer_norm", "parametric")
Classes = list[str] | list[int] | list[bool] | list[float]
MAX_FLOAT_ROUNDING = 1e-2
"""Rounding of a feature to float, in its deviations, that `float_only` accepts."""

FLOAT_MAX = float(np.finfo(np.float32).max)
PROBABILITIES = ("softmax", "sigmoid")  # the outputs whose activations are probabilities


@dataclass(frozen=True)
class Layer:
    """One layer: a = sigma(a_prev w^T + b), with the name of sigma and its settings.

    If there are gain and shift, the argument of sigma is normalized first. If there are factors of
    the inputs, a_prev is multiplied by them first. With alpha, a = z + alpha (sigma(z) - z).
    """

    w: Array
    b: Array
    gain: Array | None
    shift: Array | None
    name: str
    settings: dict[str, float]
    input_scale: Array | None = None
    alpha: Array | None = None

    @property
    def parameters(self) -> dict[str, Array]:
        """The arrays of the layer, by the names that the exported files use."""
        named = {"w": self.w, "b": self.b, "gain": self.gain, "shift": self.shift}
        named |= {"input_scale": self.input_scale, "alpha": self.alpha}
        return {name: array for name, array in named.items() if array is not None}

    def sigma(self, z: Array) -> Array:
        """Return the activations of the layer for z, or for normalized z."""
        a: Array = self.activation.sigma(z)
        return a if self.alpha is None else z + self.alpha.astype(z.dtype) * (a - z)

    @property
    def activation(self) -> Activation:
        """The activation with its settings."""
        (entry,) = (entry for entry in ACTIVATIONS if entry.name == self.name)
        return entry.having(self.settings)


@dataclass(frozen=True)
class Model:
    """A network with its preparation; every exported file must give what `predict` gives."""

    title: str
    dtype: str
    layers: list[Layer]
    classes: Classes  # empty if the outputs are values
    feature_names: tuple[str, ...]
    scaling: Scaling | None
    target_scaling: Scaling | None
    net: BaseNetwork
    float_only: bool = False  # of C files: no arithmetic in double
    parts: Parts = ()  # the embeddings of the inputs; none if the inputs stay as they are

    @property
    def embeddings(self) -> list[Part]:
        """The embeddings of the inputs, each with its learned parameters."""
        theta = self.net.embeddings
        learned = np.zeros(0, self.dtype) if theta is None else theta
        return [
            Part(place.column, place.row.name, place.numbers, learned[place.parameters])
            for place in places(self.parts)
        ]

    @property
    def widths(self) -> list[int]:
        """The number of inputs of the first layer, and of neurons of each layer."""
        return self.net._widths

    @property
    def sizes(self) -> list[int]:
        """The number of inputs, and of neurons of each layer."""
        return self.net.sizes

    @property
    def threshold(self) -> float:
        """The activation from which one output stands for the second class."""
        return self.net._threshold()

    @property
    def outputs(self) -> str:
        """The name of the outputs."""
        if not self.classes:
            return "predictions"
        return "probabilities" if self.layers[-1].name in PROBABILITIES else "scores"

    def scaled(self, X: AnyArray) -> Array:
        """Return features (m, n_0) scaled in float64 and rounded to the dtype of the network."""
        if self.scaling is not None:
            X = (X.astype(float) - self.scaling.mean) / self.scaling.scale
        return X.astype(self.dtype)

    def unscaled(self, a: Array) -> Array:
        """Return outputs (m, n_L) in the units of the target."""
        if self.target_scaling is None:
            return a
        values = a.astype(float) * self.target_scaling.scale + self.target_scaling.mean
        return values.astype(self.dtype)

    def predict(self, X: AnyArray) -> Array:
        """Return the outputs (m, n_L) of features (m, n_0), computed by the network itself."""
        return self.unscaled(self.net.predict(self.scaled(X)))


def model_of(
    net: BaseNetwork,
    classes: Sequence[Any] | None,
    preparation: bool,
    float_only: bool = False,
) -> Model:
    """Return the network with its preparation, or raise an error if it cannot be exported."""
    if float_only and net.dtype != "float32":
        raise ValueError(f"float_only goes with a network of float32; got {net.dtype}")
    prepared = Preparation()
    if preparation:
        prepared = Preparation.from_metadata(net.metadata, net.sizes)
    names = classes_of(net, classes)
    if float_only and prepared.scaling is not None:
        features = prepared.feature_names or [f"x{k}" for k in range(net.sizes[0])]
        scaling = prepared.scaling
        for name, mean, scale in zip(features, scaling.mean, scaling.scale, strict=True):
            check_float(name, mean, scale)
    return Model(
        title=repr(net),
        dtype=net.dtype,
        layers=layers_of(net),
        classes=names,
        feature_names=prepared.feature_names,
        scaling=prepared.scaling,
        target_scaling=None if names else prepared.target_scaling,
        net=net,
        float_only=float_only,
        parts=net._parts,
    )


def check_float(name: str, center: float, width: float) -> None:
    """Raise ValueError if float would round the values of a feature by much of their deviation."""
    if (
        not abs(center) * 2.0**-24 <= MAX_FLOAT_ROUNDING * width
        or max(abs(center), width) > FLOAT_MAX
    ):
        raise ValueError(
            f"float_only needs features that float tells apart; {name!r} has values near "
            f"{center:.6g} that differ by about {width:.3g}"
        )


def layers_of(net: BaseNetwork) -> list[Layer]:
    """Return the layers, or raise ValueError for one that exported files do not support."""
    layers = []
    texts = [*net.activation, net.output]
    columns = zip(net.weights, net.biases, net.gains, net.shifts, texts, net._options, strict=True)
    for number, (w, b, gain, shift, text, options) in enumerate(columns, 1):
        for option, value in options.items():
            if value and option not in SUPPORTED:
                raise ValueError(f"export does not support {option}; got it for layer {number}")
        try:
            activation(text)
        except (TypeError, ValueError):
            raise ValueError(
                f"export does not support custom activations; layer {number} has {text!r}"
            ) from None
        entry, settings = parse("activation", text, ACTIVATIONS)
        scales = net.scales if number == 1 else None
        alpha = net.alphas[number - 1]
        layer = Layer(w, b, gain, shift, entry.name, settings, scales, alpha)
        arrays = {"weights": w, "biases": b, "gains": gain, "shifts": shift, "scales": scales}
        arrays |= {"embeddings": net.embeddings if number == 1 else None, "alphas": alpha}
        for name, array in arrays.items():
            if array is not None:
                finite(f"{name} of layer {number}", array, net.dtype)
        layers.append(layer)
    return layers


def classes_of(net: BaseNetwork, classes: Sequence[Any] | None) -> Classes:
    """Return the classes, all of one type; none if the outputs are values."""
    n = 2 if net.sizes[-1] == 1 and net.output != "softmax" else net.sizes[-1]
    source, names = "classes", classes
    if names is None:
        source, names = 'metadata["class_names"]', net.metadata.get("class_names")
    if names is None:
        return list(range(n)) if net.output == "softmax" else []
    names = plain_list(names)
    if not any(all(type(name) in types for name in names) for types in TYPES_OF_CLASSES):
        raise TypeError(
            f"{source} must all be texts, all numbers or all booleans; got {shown(names)}"
        )
    if any(type(name) is int and not -(2**63) <= name < 2**63 for name in names):
        raise ValueError(f"{source} must be integers of 64 bits; got {shown(names)}")
    if any(type(name) is float and not isfinite(name) for name in names):
        raise ValueError(f"{source} must be finite; got {shown(names)}")
    if len(names) == 0:
        return []
    if len(names) != n or len(set(names)) != n:
        raise ValueError(f"{source} must be {n} different names; got {shown(names)}")
    is_judged = net.output == "sigmoid" or net.cost.startswith("hinge") or classes is None
    if net.sizes[-1] == 1 and n == 2 and not is_judged:
        raise ValueError(f"{source} must go with output 'sigmoid' or several; got {net.output!r}")
    return names


def plain_list(names: Any) -> list[Any]:
    """Return names as a list without NumPy's types."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"classes must be a list of names; got {shown(names)}")
    return [name.item() if isinstance(name, np.generic) else name for name in names]
