"""Entries of a table as Python objects: `LeakyReLU(0.1)` for "leaky_relu(slope=0.1)"."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from .. import tables
from . import lbfgs

# Class names that are not the capitalized words of the name.
SPELLINGS = {
    "adamw": "AdamW",
    "elu": "ELU",
    "gelu": "GELU",
    "gelu_tanh": "GELUTanh",
    "lbfgs": "LBFGS",
    "leaky_relu": "LeakyReLU",
    "nadam": "NAdam",
    "pytorch": "PyTorch",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "rmsprop": "RMSprop",
    "selu": "SELU",
    "sgd": "SGD",
    "silu": "SiLU",
}
# The public module of each table.
MODULES = {
    "activation": "activations",
    "cost": "costs",
    "init": "initializers",
    "optimizer": "optimizers",
    "schedule": "schedules",
}


class Entry(str):
    """An entry of a table as it is written, accepted wherever its name is.

    >>> from backprop_rs.activations import LeakyReLU
    >>> LeakyReLU(0.1)
    LeakyReLU(slope=0.1)
    >>> str(LeakyReLU(0.1))
    'leaky_relu(slope=0.1)'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        name, bracket, settings = str(self).partition("(")
        return f"{class_name(name)}({settings}" if bracket else f"{class_name(name)}()"

    def __str__(self) -> str:
        return str.__str__(self)


class Schedule(Entry):
    """A schedule or several; `a * b` is a product, and `a.then(b)` runs b after a.

    >>> from backprop_rs.schedules import Cosine, Exponential, Warmup
    >>> Warmup(5).then(Cosine() * Exponential(0.9))
    Warmup().then(Cosine() * Exponential(rate=0.9))
    >>> str(Warmup(3).then(Cosine()))
    'warmup(length=3) then cosine'
    """

    __slots__ = ()

    def __mul__(self, other: Any) -> Schedule:
        if not isinstance(other, str):
            return NotImplemented
        if " then " in self or " then " in other:
            raise ValueError(
                "a product of schedules must not hold schedules joined by `then`; "
                f"got {self!r} and {other!r}"
            )
        return Schedule(canonical("schedule", f"{self} * {other}"))

    def then(self, other: str) -> Schedule:
        """Return this schedule for its length, then the other, which counts from there."""
        return Schedule(canonical("schedule", f"{self} then {other}"))

    def __repr__(self) -> str:
        first, *others = [
            " * ".join(map(Entry.__repr__, map(Entry, part.split(" * "))))
            for part in self.split(" then ")
        ]
        first = f"({first})" if others and " * " in first else first
        return first + "".join(f".then({other})" for other in others)


def canonical(kind: str, text: str) -> str:
    """Return an entry as it is written, by the parser of its table."""
    if text.startswith(lbfgs.ROW.name):
        return lbfgs.canonical(text)
    return tables.canonical(kind, text)


def class_name(name: str) -> str:
    """Return the name of the class, such as LeakyReLU for leaky_relu."""
    return SPELLINGS.get(name) or "".join(word.capitalize() for word in name.split("_"))


@cache
def makers(kind: str) -> dict[str, Callable[..., Entry]]:
    """Return a function for each entry of a table, by the name of its class."""
    entries = [*tables.TABLES[kind], *([lbfgs.ROW] if kind == "optimizer" else [])]
    return {class_name(entry.name): maker(kind, entry) for entry in entries}


def maker(kind: str, entry: Any) -> Callable[..., Entry]:
    """Return the function that makes an entry from its settings, in order or by name."""
    parameters = [
        Parameter(setting.name, Parameter.POSITIONAL_OR_KEYWORD, default=setting.default)
        for setting in entry.settings
    ]
    signature = Signature(parameters)
    result = Schedule if kind == "schedule" else Entry

    def make(*args: float, **kwargs: float) -> Entry:
        try:
            values = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            accepted = ", ".join(map(str, parameters)) or "nothing"
            raise TypeError(f"{make.__name__} takes {accepted}: {error}") from None
        text = ", ".join(f"{key}={as_number(value)}" for key, value in values.items())
        return result(canonical(kind, f"{entry.name}({text})"))

    make.__name__ = make.__qualname__ = class_name(entry.name)
    make.__module__ = f"backprop_rs.{MODULES[kind]}"
    make.__signature__ = signature  # type: ignore[attr-defined]
    make.__doc__ = description(kind, entry)
    return make


def description(kind: str, entry: Any) -> str:
    """Return the docstring of a maker."""
    lines = [f'The {kind} "{entry.name}": {entry.formula}.', "", f"Source: {entry.source}."]
    if entry.settings:
        lines += ["", "Parameters", "----------"]
        lines += [f"{s.name} : {s.accepted.words}, default {s.default:g}" for s in entry.settings]
    return "\n".join(lines)


def as_number(value: Any) -> Any:
    """Return True and False as the 1 and 0 of a flag."""
    return int(value) if isinstance(value, bool) else value


def module_getattr(module: str, kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a module that offers one table."""

    def get(name: str) -> Any:
        entries = makers(kind)
        if name in entries:
            return entries[name]
        sentence = f"module {module!r} has no attribute {name!r}"
        if not name.startswith("_"):
            sentence += f"; it has {', '.join(entries)}"
            meant = {entry.lower(): entry for entry in entries}.get(name.replace("_", "").lower())
            sentence += f" (did you mean {meant}?)" if meant else ""
        raise AttributeError(sentence)

    return get, lambda: [*makers(kind)]
