"""The calls that the compiled core and its NumPy twin both offer, for type checkers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .types import AnyArray, Array


class Snapshot(Protocol):
    """A copy of the state of one network."""

    def is_finite(self) -> bool:
        """Return True if no number is NaN or infinite."""


class CoreNetwork(Protocol):
    """The parameters of a network and the passes through them.

    Arguments are checked before: X is (m, n_0) and y is (m, n_L), both C-contiguous of the
    network's dtype, or y is (m,) class labels.
    """

    @property
    def sizes(self) -> list[int]:
        """The number of neurons of each layer, from the input to the output."""

    @property
    def activations(self) -> list[str]:
        """The activation of each layer after the input, as it is written."""

    @property
    def cost(self) -> str:
        """The cost, as it is written."""

    @property
    def dtype(self) -> str:
        """The type of the parameters."""

    def initialize(self, init: str, seed: int) -> None:
        """Draw all parameters."""

    def weights(self) -> list[Array]:
        """Return copies of the weights."""

    def biases(self) -> list[Array]:
        """Return copies of the biases."""

    def gains(self) -> list[Array | None]:
        """Return copies of the gains; None for layers without layer normalization."""

    def shifts(self) -> list[Array | None]:
        """Return copies of the shifts; None for layers without layer normalization."""

    def alphas(self) -> list[Array | None]:
        """Return copies of the alphas; None for layers that are not parametric."""

    def set_alphas(self, alphas: Sequence[Array | None]) -> None:
        """Replace the alphas."""

    def scales(self) -> Array | None:
        """Return a copy of the factors of the inputs, (n_0,); None if there are none."""

    def embeddings(self) -> Array | None:
        """Return a copy of the parameters of the embeddings; None if they learn nothing."""

    def set_embeddings(self, embeddings: Array) -> None:
        """Replace the parameters of the embeddings."""

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Replace the weights."""

    def set_biases(self, biases: Sequence[Array]) -> None:
        """Replace the biases."""

    def set_gains(self, gains: Sequence[Array | None]) -> None:
        """Replace the gains."""

    def set_shifts(self, shifts: Sequence[Array | None]) -> None:
        """Replace the shifts."""

    def set_scales(self, scales: Array) -> None:
        """Replace the factors of the inputs."""

    def embedded(self, X: Array) -> Array:
        """Return the inputs of the first layer before their factors."""

    def is_finite(self) -> bool:
        """Return True if no parameter is NaN or infinite."""

    def predict(self, X: Any, out: Any = None) -> Array | None:
        """Return the output activations, or None if an argument needs a check or a copy first."""

    def activations_of(self, X: Array) -> list[Array]:
        """Return the activations of all layers."""

    def backward(
        self, X: Array, y: AnyArray, sample_weight: Array | None = None
    ) -> tuple[
        float,
        list[Array],
        list[Array],
        list[Array],
        list[Array],
        list[Array],
        list[Array | None],
        list[Array | None],
        list[Array | None],
        tuple[Array | None, Array | None, Array | None, Array | None, Array | None],
    ]:
        """Return C, z, a, δ, dC/dw, dC/db, dC/dgain, dC/dshift, dC/dalpha, and values of inputs.

        They are the embedded inputs e, s e, dC/d(s e), dC/ds and the gradient of the embeddings.
        """

    def gradient(
        self, X: Array, y: AnyArray, sample_weight: Array | None = None
    ) -> tuple[
        float,
        list[Array],
        list[Array],
        list[Array | None],
        list[Array | None],
        list[Array | None],
        Array | None,
        Array | None,
    ]:
        """Return C, the gradients of the layers (as `backward`), and those of the inputs."""

    def costs(self, X: Array, y: AnyArray) -> NDArray[np.float64]:
        """Return the cost of each sample, (m,)."""

    def mean_cost(self, X: Array, y: AnyArray, sample_weight: Array | None = None) -> float:
        """Return the weighted mean of the costs."""

    def set_optimizer(self, rule: str) -> None:
        """Start with an optimizer whose memory is empty."""

    def step(
        self, X: Array, y: AnyArray, learning_rate: float, sample_weight: Array | None = None
    ) -> float:
        """Update all parameters once; return C before the update."""

    def train(
        self,
        X: Array,
        y: AnyArray,
        settings: Mapping[str, Any],
        position: tuple[int, int, float, float],
        sample_weight: Array | None = None,
    ) -> tuple[list[float], int, int, float, float, str | BaseException]:
        """Continue from (epoch, step, cost_sum, weight_sum).

        Return the costs of the epochs that ended, the new position and the reason of the return.
        """

    def sum_lengths(self) -> list[int]:
        """Return the length of the summed gradient of each layer."""

    def sum_gradient(
        self,
        X: Array,
        y: AnyArray,
        settings: Mapping[str, Any],
        position: tuple[int, int],
        steps: int,
        parts: Sequence[int],
        ready: Callable[[int, Array], object],
        sample_weight: Array | None = None,
    ) -> list[tuple[float, float]]:
        """Return the sums of costs and weights of each part; `ready` gets those of gradients."""

    def apply_gradient(
        self,
        gradient: Sequence[Array],
        sums: tuple[float, float, int],
        settings: Mapping[str, Any],
        position: tuple[int, int],
        steps: int,
    ) -> tuple[float, float] | None:
        """Update all parameters by a summed gradient; return the sums of costs and weights."""

    def state(self) -> dict[str, Any]:
        """Return copies of all that a training changes, by name."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take the state of a network with the same layers and optimizer."""

    def snapshot(self, interrupted: Callable[[], bool] | None = None) -> Any:
        """Return a `Snapshot` for `go_back`, or None if `interrupted` returns True."""

    def go_back(self, snapshot: Any) -> None:
        """Return to a snapshot of this network."""


class Backend(Protocol):
    """A module with a network and the tables: `_core` or `reference`."""

    @property
    def Network(self) -> Callable[..., CoreNetwork]:
        """The class of the networks."""

    def table(self, kind: str) -> list[tuple[str, list[tuple[str, float, str]]]]:
        """Return the entries of a table: names, with (setting, default, accepted numbers)."""

    def canonical(self, kind: str, text: str) -> str:
        """Return an entry as it is written."""

    def target_range(self, cost: str) -> tuple[float, float]:
        """Return the smallest and the largest target for which a cost is defined."""

    def observe(
        self, schedule: str, value: float, memory: tuple[float, float, int, int] | None = None
    ) -> tuple[float, float, int, int]:
        """Return the state of a reactive schedule after an epoch that ended with `value`."""

    def is_reactive(self, schedule: str) -> bool:
        """Return True if a schedule depends on the course of the training."""

    def schedule_factor(self, schedule: str, x: float, total: float) -> float:
        """Return the factor of the learning rate at epoch x of `total`."""

    def shuffled(self, n: int, seed: int, stream: tuple[int, int, int]) -> NDArray[np.uint32]:
        """Return 0..n-1 in the order of a stream."""
