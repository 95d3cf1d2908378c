"""The common part of the tables: entries with a name and settings, and their text.

The text of an entry is `relu`, `leaky_relu(0.1)` or `leaky_relu(slope=0.1)`. Settings are numbers,
in their order or by name; those left out have their defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple, Protocol, TypeVar

from .._internal import error


class Range(NamedTuple):
    """The finite numbers that a setting accepts."""

    words: str
    contains: Callable[[float], bool]


ANY = Range("a finite number", lambda value: True)
POSITIVE = Range("a number > 0", lambda value: value > 0)
NON_NEGATIVE = Range("a number >= 0", lambda value: value >= 0)
FRACTION = Range("a number >= 0 and < 1", lambda value: 0 <= value < 1)
INSIDE = Range("a number > 0 and < 1", lambda value: 0 < value < 1)
SHARE = Range("a number >= 0 and <= 1", lambda value: 0 <= value <= 1)
AT_LEAST_ONE = Range("a number >= 1", lambda value: value >= 1)
COUNT = Range("an integer >= 1", lambda value: value >= 1 and value == int(value))
NATURAL = Range("an integer >= 0", lambda value: value >= 0 and value == int(value))
FLAG = Range("0 or 1", lambda value: value in (0, 1))


class Setting(NamedTuple):
    """One setting of an entry."""

    name: str
    default: float
    accepted: Range


class Entry(Protocol):
    """The members that the entries of all tables have."""

    @property
    def name(self) -> str:
        """The name in texts."""

    @property
    def settings(self) -> Sequence[Setting]:
        """The settings, in the order of texts."""


E = TypeVar("E", bound=Entry)


def names_of(table: Iterable[Entry]) -> list[str]:
    """Return the names of a table, in its order."""
    return [entry.name for entry in table]


def parse(kind: str, text: object, table: Sequence[E]) -> tuple[E, dict[str, float]]:
    """Return the entry of a text, and all its settings; `kind` is the word for it in errors.

    >>> from .optimizer import OPTIMIZERS
    >>> parse("optimizer", "adam(0.8)", OPTIMIZERS)[1]
    {'beta1': 0.8, 'beta2': 0.999, 'epsilon': 1e-08, 'amsgrad': 0.0, 'epsilon_hat': 0.0}
    """
    if not isinstance(text, str):
        raise error.unknown_name(kind, text, names_of(table))
    name, bracket, rest = text.partition("(")
    name, rest = name.strip(), rest.rstrip()
    if bracket and not rest.endswith(")"):
        raise error.malformed(kind, text)
    entry = next((entry for entry in table if entry.name == name), None)
    if entry is None:
        raise error.unknown_name(kind, name, names_of(table))
    names = [setting.name for setting in entry.settings]
    values = {setting.name: setting.default for setting in entry.settings}
    arguments = [part.strip() for part in rest.removesuffix(")").split(",")]
    for i, argument in enumerate(filter(None, arguments)):
        key, by_name, value = argument.partition("=")
        place = key.strip() if by_name else names[i] if i < len(names) else key
        if place not in names:
            raise error.unknown_setting(kind, entry.name, names, place)
        try:
            values[place] = float(plain(value if by_name else argument))
        except ValueError:
            raise error.malformed(kind, text) from None
        check(kind, entry, place, values[place])
    return entry, values


def plain(text: str) -> str:
    """Return the text of a number, or raise ValueError if only Python reads it."""
    if "_" in text or not text.isascii():
        raise ValueError
    return text


def check(kind: str, entry: Entry, name: str, value: float) -> None:
    """Raise ValueError if a setting does not accept a number."""
    (accepted,) = (setting.accepted for setting in entry.settings if setting.name == name)
    if not (isfinite(value) and accepted.contains(value)):
        given = "NaN" if value != value else number(value)
        raise error.setting_value(name, kind, entry.name, accepted.words, given)


def write(entry: Entry, values: Mapping[str, float]) -> str:
    """Return the text of an entry: its name, and the settings that are not the defaults."""
    given = [
        f"{setting.name}={number(values[setting.name])}"
        for setting in entry.settings
        if values[setting.name] != setting.default
    ]
    return f"{entry.name}({', '.join(given)})" if given else entry.name


def number(value: float) -> str:
    """Return the shortest digits that read back as the same number.

    >>> number(0.1), number(2.0), number(1e-8)
    ('0.1', '2', '1e-8')
    """
    digits, e, exponent = repr(float(value)).partition("e")
    digits = digits.removesuffix(".0")
    return f"{digits}e{int(exponent)}" if e else digits
