"""The base classes of custom activations and costs, for the code below `backprop_rs.custom`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CustomFunction(ABC):
    """A function of arrays with its derivative, from the user."""

    kind: ClassVar[str]  # "activation" or "cost"
    name: str


class CustomActivation(CustomFunction):
    """An activation from the user; arrays are (m, n)."""

    kind: ClassVar[str] = "activation"

    @abstractmethod
    def value(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return sigma(z)."""

    @abstractmethod
    def slope(self, z: NDArray[Any], a: NDArray[Any]) -> NDArray[Any]:
        """Return da/dz."""


class CustomCost(CustomFunction):
    """A cost from the user; arrays are (m, n_L)."""

    kind: ClassVar[str] = "cost"

    @abstractmethod
    def of_samples(self, a: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Return the cost of each sample, (m,)."""

    @abstractmethod
    def slope(self, a: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Return dC_i/da."""
