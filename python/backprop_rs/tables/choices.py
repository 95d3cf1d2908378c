"""Rows of the tables as users write them: text, a mapping, or an object such as `Adam(0.8)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._internal.checks import shown
from .._internal.custom_base import CustomActivation, CustomFunction

if TYPE_CHECKING:
    from .._internal.core import Backend
    from .._internal.types import Choice, Names


class Tables:
    """The tables of one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def row(self, kind: str, given: Choice) -> str:
        """How a row is written, such as "adam(beta1=0.8)"; the backend knows its table."""
        return self.backend.canonical(kind, as_text(kind, given, self.names))

    def function(self, kind: str, given: Choice | CustomFunction) -> Any:
        """A row of a table as it is written, or an activation or a cost of the user's own."""
        if isinstance(given, CustomFunction) and given.kind == kind:
            return given
        return self.row(kind, given)  # type: ignore[arg-type]

    def names(self, kind: str) -> list[str]:
        return [name for name, _ in self.backend.table(kind)]

    def activations(self, given: Names, hidden: int) -> list[Any]:
        """One row per hidden layer."""
        if isinstance(given, (str, Mapping, CustomActivation)):
            return [self.function("activation", given)] * hidden
        sentence = f"activation must be one name or one per hidden layer ({hidden}); got "
        if not isinstance(given, (list, tuple)):
            raise TypeError(sentence + shown(given))
        if len(given) != hidden:
            raise ValueError(f"{sentence}{len(given)} names")
        return [self.function("activation", one) for one in given]


def as_text(kind: str, given: Any, names: Callable[[str], list[str]]) -> str:
    """Text for the parser of the tables."""
    if isinstance(given, str):
        return str(given)
    if isinstance(given, Mapping) and isinstance(given.get("name"), str):
        settings = {key: value for key, value in given.items() if key != "name"}
        return f"{given['name']}({', '.join(f'{key}={value}' for key, value in settings.items())})"
    raise TypeError(f"{kind} must be one of {', '.join(names(kind))}; got {shown(given)}")
