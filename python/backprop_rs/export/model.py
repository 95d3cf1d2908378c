"""What is exported: the layers, and how data come to them and answers leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.checks import finite, shown
from ..data import Scaling
from ..data.preparation import Preparation
from ..reference.activation import ACTIVATIONS, Activation, activation
from ..reference.table import parse

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network

# What a layer may have beside its activation: what matters in training alone, and its norm.
KNOWN = ("dropout", "l1", "l2", "weight_decay", "max_norm", "layer_norm")
PROBABILITIES = ("softmax", "sigmoid")  # the outputs whose activations are probabilities


@dataclass(frozen=True)
class Layer:
    """a = sigma(a_prev w^T + b), with the row of sigma and its settings.

    With gain and shift, sigma takes what layer normalisation makes of its argument.
    """

    w: Array
    b: Array
    gain: Array | None
    shift: Array | None
    name: str
    settings: dict[str, float]

    @property
    def parameters(self) -> dict[str, Array]:
        """All that there are, by the letters of the targets."""
        named = {"w": self.w, "b": self.b, "gain": self.gain, "shift": self.shift}
        return {name: array for name, array in named.items() if array is not None}

    @property
    def row(self) -> Activation:
        """The row of the table of activations."""
        (row,) = (row for row in ACTIVATIONS if row.name == self.name)
        return row.having(self.settings)


@dataclass(frozen=True)
class Model:
    """A network with its preparation; `predict` is what every target has to give."""

    title: str
    dtype: str
    layers: list[Layer]
    classes: list[str] | list[int]  # empty where the outputs are values
    feature_names: tuple[str, ...]
    scaling: Scaling | None
    target_scaling: Scaling | None
    net: Network

    @property
    def sizes(self) -> list[int]:
        return [self.layers[0].w.shape[1], *(len(layer.b) for layer in self.layers)]

    @property
    def outputs(self) -> str:
        """What the outputs are called."""
        if not self.classes:
            return "predictions"
        return "probabilities" if self.layers[-1].name in PROBABILITIES else "scores"

    def scaled(self, X: AnyArray) -> Array:
        """Features (m, n_0) as the network takes them: scaled in float64, then rounded."""
        if self.scaling is not None:
            X = (X.astype(float) - self.scaling.mean) / self.scaling.scale
        return X.astype(self.dtype)

    def unscaled(self, a: Array) -> Array:
        """Outputs (m, n_L) in the units of the target."""
        if self.target_scaling is None:
            return a
        values = a.astype(float) * self.target_scaling.scale + self.target_scaling.mean
        return values.astype(self.dtype)

    def predict(self, X: AnyArray) -> Array:
        """(m, n_0) -> (m, n_L), by the network itself."""
        return self.unscaled(self.net.predict(self.scaled(X)))


def model_of(net: Network, classes: Sequence[str | int] | None, preparation: bool) -> Model:
    """What there is to export, or one sentence on why it cannot be."""
    prepared = Preparation()
    if preparation:
        prepared = Preparation.from_metadata(net.metadata, net.sizes)
    names = classes_of(net, classes)
    return Model(
        title=repr(net),
        dtype=net.dtype,
        layers=layers_of(net),
        classes=names,
        feature_names=prepared.feature_names,
        scaling=prepared.scaling,
        target_scaling=None if names else prepared.target_scaling,
        net=net,
    )


def layers_of(net: Network) -> list[Layer]:
    layers = []
    texts = [*net.activation, net.output]
    arrays = (net.weights, net.biases, net.gains, net.shifts)
    rows = zip(*arrays, texts, net._options, strict=True)
    for number, (w, b, gain, shift, text, options) in enumerate(rows, 1):
        for option, value in options.items():
            if value and option not in KNOWN:
                raise ValueError(f"export must have plain layers; layer {number} has {option}")
        try:
            activation(text)
        except (TypeError, ValueError):
            raise ValueError(
                f"export must have activations of the table; layer {number} has {text!r}, "
                "one of your own"
            ) from None
        row, settings = parse("activation", text, ACTIVATIONS)
        layer = Layer(w, b, gain, shift, row.name, settings)
        parts = {"weights": w, "biases": b, "gains": gain, "shifts": shift}
        for name, array in parts.items():
            if array is not None:
                finite(f"{name} of layer {number}", array, net.dtype)
        layers.append(layer)
    return layers


def classes_of(net: Network, given: Sequence[str | int] | None) -> list[str] | list[int]:
    """The names of the classes, as text or as whole numbers; none where the outputs are values."""
    n = 2 if net.sizes[-1] == 1 and net.output != "softmax" else net.sizes[-1]
    where, names = "classes", given
    if names is None:
        where, names = 'metadata["class_names"]', net.metadata.get("class_names")
    if names is None:
        return list(range(n)) if net.output == "softmax" else []
    names = plain(names)
    whole = all(type(name) is int for name in names)
    if not whole and not all(isinstance(name, str) for name in names):
        raise TypeError(f"{where} must be names or whole numbers; got {shown(names)}")
    if len(names) == 0:
        return []
    if len(names) != n or len(set(names)) != n:
        raise ValueError(f"{where} must be {n} different names; got {shown(names)}")
    if net.sizes[-1] == 1 and n == 2 and net.output != "sigmoid":
        raise ValueError(f"{where} must go with output 'sigmoid' or several; got {net.output!r}")
    return names


def plain(names: Any) -> list[Any]:
    """A list, without NumPy's types."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"classes must be a list of names; got {shown(names)}")
    return [name.item() if isinstance(name, np.generic) else name for name in names]
