"""Rows of a table as Python objects: `LeakyReLU(0.1)` for "leaky_relu(slope=0.1)"."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from .. import tables
from . import lbfgs

# Where the letters of a name are not those of its words.
SPELLINGS = {
    **{name: name.upper() for name in ("elu", "selu", "gelu", "sgd")},
    **{"relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "LeakyReLU", "silu": "SiLU"},
    **{"gelu_tanh": "GELUTanh", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adamw": "AdamW"},
    **{"nadam": "NAdam", "rprop": "Rprop", "pytorch": "PyTorch", "lbfgs": "LBFGS"},
}
# The public module of each table.
MODULES = {
    "activation": "activations",
    "cost": "costs",
    "init": "initializers",
    "optimizer": "optimizers",
    "schedule": "schedules",
}


class Row(str):
    """A row of a table as it is written; wherever a name is accepted, so is this.

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


class Schedule(Row):
    """A schedule, or several: `a * b` is their product, and after `a.then(b)` b follows a.

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
                "a product of schedules must be of curves that do not follow each other; "
                f"got {self!r} and {other!r}"
            )
        return Schedule(canonical("schedule", f"{self} * {other}"))

    def then(self, other: str) -> Schedule:
        """This schedule for its length, then the other, which counts from there."""
        return Schedule(canonical("schedule", f"{self} then {other}"))

    def __repr__(self) -> str:
        first, *others = [
            " * ".join(map(Row.__repr__, map(Row, part.split(" * "))))
            for part in self.split(" then ")
        ]
        first = f"({first})" if others and " * " in first else first
        return first + "".join(f".then({other})" for other in others)


def canonical(kind: str, text: str) -> str:
    """A row as it is written, by the parser of its table."""
    if text.startswith(lbfgs.ROW.name):
        return lbfgs.canonical(text)
    return tables.canonical(kind, text)


def class_name(name: str) -> str:
    """leaky_relu -> LeakyReLU."""
    return SPELLINGS.get(name) or "".join(word.capitalize() for word in name.split("_"))


@cache
def makers(kind: str) -> dict[str, Callable[..., Row]]:
    """A function for each row of a table, by the name of its class."""
    rows = [*tables.TABLES[kind], *([lbfgs.ROW] if kind == "optimizer" else [])]
    return {class_name(row.name): maker(kind, row) for row in rows}


def maker(kind: str, row: Any) -> Callable[..., Row]:
    """What makes a row from its settings, in order or by name."""
    parameters = [
        Parameter(setting.name, Parameter.POSITIONAL_OR_KEYWORD, default=setting.default)
        for setting in row.settings
    ]
    signature = Signature(parameters)
    result = Schedule if kind == "schedule" else Row

    def make(*args: float, **kwargs: float) -> Row:
        try:
            values = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            accepted = ", ".join(map(str, parameters)) or "nothing"
            raise TypeError(f"{make.__name__} takes {accepted}: {error}") from None
        text = ", ".join(f"{key}={as_number(value)}" for key, value in values.items())
        return result(canonical(kind, f"{row.name}({text})"))

    make.__name__ = make.__qualname__ = class_name(row.name)
    make.__module__ = f"backprop_rs.{MODULES[kind]}"
    make.__signature__ = signature  # type: ignore[attr-defined]
    make.__doc__ = description(kind, row)
    return make


def description(kind: str, row: Any) -> str:
    """The docstring of a maker."""
    lines = [f'The {kind} "{row.name}": {row.formula}.', "", f"Source: {row.source}."]
    if row.settings:
        lines += ["", "Parameters", "----------"]
        lines += [f"{s.name} : {s.accepted.words}, default {s.default:g}" for s in row.settings]
    return "\n".join(lines)


def as_number(value: Any) -> Any:
    """True and False as the 1 and 0 of a flag."""
    return int(value) if isinstance(value, bool) else value


def module_getattr(module: str, kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module that offers one table."""

    def get(name: str) -> Any:
        rows = makers(kind)
        if name in rows:
            return rows[name]
        sentence = f"module {module!r} has no attribute {name!r}"
        if not name.startswith("_"):
            folded = {one.lower(): one for one in rows}
            near = folded.get(name.replace("_", "").lower())
            sentence += f"; it has {', '.join(rows)}" + (f" (did you mean {near}?)" if near else "")
        raise AttributeError(sentence)

    return get, lambda: [*makers(kind)]
