"""Explanations: the derivation with the numbers of a network."""

from .explanation import Explanation, explain

__all__ = ["Explanation", "explain"]


def __dir__() -> list[str]:
    return __all__
