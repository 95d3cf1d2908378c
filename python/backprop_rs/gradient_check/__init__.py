"""Comparison of back-propagation with finite differences of the cost."""

from .check import check
from .result import GradientCheck, LayerCheck

__all__ = ["GradientCheck", "LayerCheck", "check"]


def __dir__() -> list[str]:
    return __all__
