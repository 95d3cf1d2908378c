"""Entries of the tables as users write them: texts, mappings, or objects such as `Adam(0.8)`."""

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
        """Take the tables of a backend."""
        self.backend = backend

    def entry(self, kind: str, choice: Choice) -> str:
        """Return an entry as it is written, such as "adam(beta1=0.8)"."""
        return self.backend.canonical(kind, as_text(kind, choice, self.names))

    def function(self, kind: str, choice: Choice | CustomFunction) -> Any:
        """Return an entry as it is written, or the custom activation or cost itself."""
        if isinstance(choice, CustomFunction) and choice.kind == kind:
            return choice
        return self.entry(kind, choice)  # type: ignore[arg-type]

    def names(self, kind: str) -> list[str]:
        """Return the names of a table."""
        return [name for name, _ in self.backend.table(kind)]

    def activations(self, choices: Names, hidden: int) -> list[Any]:
        """Return the activation of each hidden layer, from one for all or a list."""
        if isinstance(choices, (str, Mapping, CustomActivation)):
            return [self.function("activation", choices)] * hidden
        sentence = f"activation must be one name or one per hidden layer ({hidden}); got "
        if not isinstance(choices, (list, tuple)):
            raise TypeError(sentence + shown(choices))
        if len(choices) != hidden:
            raise ValueError(f"{sentence}{len(choices)} names")
        return [self.function("activation", choice) for choice in choices]


def as_text(kind: str, choice: Any, names: Callable[[str], list[str]]) -> str:
    """Return the text of a choice, for the parser of the tables."""
    if isinstance(choice, str):
        return str(choice)
    if isinstance(choice, Mapping) and isinstance(choice.get("name"), str):
        settings = [f"{key}={value}" for key, value in choice.items() if key != "name"]
        return f"{choice['name']}({', '.join(settings)})"
    raise TypeError(f"{kind} must be one of {', '.join(names(kind))}; got {shown(choice)}")
