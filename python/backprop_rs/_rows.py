"""Rows of a table as Python objects: `LeakyReLU(0.1)` for "leaky_relu(slope=0.1)"."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from . import _backend

# Where the letters of a name are not those of its words.
SPELLINGS = {
    **{name: name.upper() for name in ("elu", "selu", "gelu", "sgd")},
    **{"relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "LeakyReLU", "silu": "SiLU"},
    **{"gelu_tanh": "GELUTanh", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adamw": "AdamW"},
    **{"nadam": "NAdam", "rprop": "Rprop", "reduce_on_plateau": "ReduceOnPlateau"},
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


def class_name(name: str) -> str:
    """leaky_relu -> LeakyReLU."""
    return SPELLINGS.get(name) or "".join(word.capitalize() for word in name.split("_"))


@cache
def makers(kind: str) -> dict[str, Callable[..., Row]]:
    """A function for each row of a table, by the name of its class."""
    table = _backend.choose("auto")[1].table(kind)
    return {class_name(name): maker(kind, name, settings) for name, settings in table}


def maker(kind: str, name: str, settings: list[tuple[str, float, str]]) -> Callable[..., Row]:
    parameters = [
        Parameter(key, Parameter.POSITIONAL_OR_KEYWORD, default=default)
        for key, default, _ in settings
    ]
    signature = Signature(parameters)

    def make(*args: float, **kwargs: float) -> Row:
        values = signature.bind(*args, **kwargs).arguments
        text = ", ".join(f"{key}={as_number(value)}" for key, value in values.items())
        return Row(_backend.choose("auto")[1].canonical(kind, f"{name}({text})"))

    make.__name__ = make.__qualname__ = class_name(name)
    make.__signature__ = signature  # type: ignore[attr-defined]
    lines = [f"{key} : {accepted}, default {default:g}" for key, default, accepted in settings]
    make.__doc__ = "\n".join([f'The {kind} "{name}".', "", *lines]).strip()
    return make


def as_number(value: Any) -> Any:
    """True and False as the 1 and 0 of a flag."""
    return int(value) if isinstance(value, bool) else value


def module_getattr(module: str, kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module that offers one table."""

    def get(name: str) -> Any:
        found = makers(kind).get(name)
        if found is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return found

    return get, lambda: list(makers(kind))
