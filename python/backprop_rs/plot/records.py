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
    def epoch(self) -> list[int]: ...
    @property
    def best_epoch(self) -> int | None: ...
    def columns(self) -> dict[str, list[Any]]: ...


class LayerMeasures(Protocol):
    """Measures of each layer over the epochs, as `HealthRecord` has them."""

    @property
    def epochs(self) -> list[int]: ...
    def values(self, name: str) -> AnyArray: ...
    def label(self, name: str) -> str: ...


class RateSearch(Protocol):
    """Learning rates with their costs, as `LearningRates` has them."""

    @property
    def rates(self) -> Sequence[float]: ...
    @property
    def costs(self) -> Sequence[float]: ...
    @property
    def smooth(self) -> Sequence[float]: ...
    @property
    def suggestion(self) -> float: ...


class Moment(Protocol):
    """The time of a frame."""

    @property
    def epoch(self) -> int: ...
    @property
    def step(self) -> int: ...


class Recording(Protocol):
    """The frames of a training with its samples, as `Film` has them."""

    @property
    def net(self) -> BaseNetwork: ...
    @property
    def X(self) -> Array: ...
    @property
    def y(self) -> AnyArray: ...
    @property
    def unit(self) -> str: ...
    @property
    def frames(self) -> Sequence[Moment]: ...
    def network(self, number: int) -> BaseNetwork: ...
    def __len__(self) -> int: ...
