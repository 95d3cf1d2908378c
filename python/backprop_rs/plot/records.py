"""The members that pictures need of the records of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork


class TrainingCurves(Protocol):
    """Columns over the epochs, as `History` has them."""

    @property
    def epoch(self) -> list[int]:
        """The number of each epoch, from 1."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose parameters were restored, or None."""

    def columns(self) -> dict[str, list[Any]]:
        """Return all columns by name."""


class LayerMeasures(Protocol):
    """Measures of each layer over the epochs, as `HealthRecord` has them."""

    @property
    def epochs(self) -> list[float]:
        """The positions of the measurements, in epochs."""

    def values(self, name: str) -> AnyArray:
        """Return a measure as (epochs, layers)."""

    def label(self, name: str) -> str:
        """Return the symbol of a measure."""


class RateSearch(Protocol):
    """Learning rates with their costs, as `LearningRates` has them."""

    @property
    def rates(self) -> Sequence[float]:
        """The learning rates that were tried."""

    @property
    def costs(self) -> Sequence[float]:
        """The cost at each rate."""

    @property
    def smooth(self) -> Sequence[float]:
        """The smoothed costs."""

    @property
    def suggestion(self) -> float:
        """The suggested rate."""


class Moment(Protocol):
    """The time of a frame."""

    @property
    def epoch(self) -> int:
        """The epoch."""

    @property
    def step(self) -> int:
        """The step within the epoch."""

    def restore(self, net: BaseNetwork) -> None:
        """Set the parameters of a network to those of this time."""


class Recording(Protocol):
    """The frames of a training with its samples, as `Film` has them."""

    @property
    def net(self) -> BaseNetwork:
        """The network at the end."""

    @property
    def X(self) -> Array:
        """The recorded inputs."""

    @property
    def y(self) -> AnyArray:
        """The recorded targets."""

    @property
    def unit(self) -> str:
        """The unit of time, "epoch" or "step"."""

    @property
    def frames(self) -> Sequence[Moment]:
        """The recorded moments."""

    def network(self, number: int) -> BaseNetwork:
        """Return the network of a frame."""

    def __len__(self) -> int: ...
