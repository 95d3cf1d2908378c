"""One sample of a batch with the symbols and numbers of its neurons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._internal.expression import Expression, Number, Symbol
from . import notation
from .formulas import ALPHA_OF_NEURON, LOG_SUM, SUM_OF_TARGETS
from .formulas import a as of_a
from .formulas import n as of_n
from .formulas import y as of_y
from .formulas import z as of_z
from .layer_norm_values import Floats, Normalized, doubled
from .notation import Index
from .quantities import Quantities
from .selection import Shown


@dataclass(frozen=True)
class Sample:
    """Sample i of a batch, and the neurons that are shown."""

    batch: Quantities
    shown: Shown
    i: int

    @property
    def last(self) -> int:
        """The number of the output layer."""
        return len(self.batch.net.sizes) - 1

    @property
    def smoothed(self) -> bool:
        """True if the targets are smoothed labels."""
        return self.batch.smoothing > 0

    def z(self, layer: int) -> Floats:
        """Return the weighted inputs of a layer."""
        return doubled(self.batch.trace.weighted_inputs[layer - 1][self.i])

    def norm(self, layer: int) -> Normalized | None:
        """Return the layer normalization of a layer, or None."""
        return self.batch.norms[layer - 1]

    def u(self, j: Index, layer: int) -> Symbol:
        """Return the symbol of an activation's input: z, or u with layer normalization."""
        return notation.z(j, layer) if self.norm(layer) is None else notation.u(j, layer)

    def seen(self, layer: int) -> Floats:
        """Return the inputs of the activations of a layer."""
        norm = self.norm(layer)
        return self.z(layer) if norm is None else norm.seen[self.i]

    def a(self, layer: int) -> Floats:
        """Return the activations of a layer; layer 0 is the input."""
        return doubled(self.batch.trace.activations[layer][self.i])

    def before(self, k: Index, layer: int) -> Symbol:
        """Return the symbol of an input of a layer: a of the layer before, or one of layer 1."""
        if layer > 1:
            return notation.a(k, layer - 1)
        return self.before_scale(k) if self.batch.scales is None else notation.scaled(k)

    def before_scale(self, k: Index) -> Symbol:
        """Return the symbol of an input of layer 1 without its factor."""
        return notation.e(k) if self.batch.net.embedding else notation.a(k, 0)

    def unscaled(self) -> Floats:
        """Return the inputs of layer 1 without their factors."""
        return doubled(self.batch.trace.unscaled_inputs[self.i])

    def inputs(self, layer: int) -> Floats:
        """Return the inputs of a layer; see `before`."""
        return doubled(self.batch.trace.layer_inputs[layer - 1][self.i])

    def theta(self) -> Floats:
        """Return what the embeddings learn."""
        theta = self.batch.embeddings
        return np.zeros(0) if theta is None else doubled(theta)

    def input_delta(self) -> Floats:
        """Return dC/d(input) of layer 1, with its factor if it has one."""
        deltas = self.batch.trace.input_deltas
        assert deltas is not None
        return doubled(deltas[self.i])

    def unscaled_delta(self) -> Floats:
        """Return dC/d(input) of layer 1 without its factor."""
        scales, delta = self.batch.scales, self.input_delta()
        return delta if scales is None else doubled(scales) * delta

    def delta(self, layer: int) -> Floats:
        """Return the error terms of a layer."""
        return doubled(self.batch.trace.deltas[layer - 1][self.i])

    def symbols(self, j: Index, layer: int) -> dict[Expression, Expression]:
        """Map the letters of the formulas to the symbols of a neuron."""
        return {
            of_z: self.u(j, layer),
            of_a: notation.a(j, layer),
            of_y: notation.y(j, self.smoothed),
            of_n: Number(self.batch.net.sizes[-1]),
            ALPHA_OF_NEURON: notation.r(j, layer),
        }

    def numbers(self, j: int, layer: int) -> dict[Expression, Expression]:
        """Map the letters of the formulas to the numbers of a neuron."""
        values: dict[Expression, Expression] = {
            of_z: Number(float(self.seen(layer)[j])),
            of_a: Number(float(self.a(layer)[j])),
            of_n: Number(self.batch.net.sizes[-1]),
        }
        alpha = self.batch.alphas[layer - 1]
        if alpha is not None:
            values[ALPHA_OF_NEURON] = Number(float(alpha[j]))
        if layer == self.last:
            z = self.seen(layer)
            values[of_y] = Number(float(self.batch.targets[self.i, j]))
            values[SUM_OF_TARGETS] = Number(float(self.batch.targets[self.i].sum()))
            values[LOG_SUM] = Number(float(np.logaddexp.reduce(z)))
        return values
