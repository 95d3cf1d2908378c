"""The playground: a web page with the core inside."""

from .interface import Playground, playground

__all__ = ["Playground", "playground"]


def __dir__() -> list[str]:
    return __all__
