"""Escape text from files before a terminal shows it."""

from __future__ import annotations

import os
from unicodedata import category

ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # categories of Unicode
JOINERS = "\u200c\u200d"  # part of the spelling of some languages, and of emoji


def printable(text: object) -> str:
    r"""Return a text whose invisible characters are escaped.

    These are control characters (also those of terminals and ends of lines), marks that change the
    direction of writing, and others; they are written as Python escapes.

    Parameters
    ----------
    text : str, path or anything that `str` takes

    Examples
    --------
    >>> print(printable("yes\n\x1b[2J\u202eno"))
    yes\n\x1b[2J\u202eno
    """
    plain = os.fsdecode(text) if isinstance(text, os.PathLike) else str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(map(character, plain))


def character(letter: str) -> str:
    """Return a character, escaped if it is invisible."""
    if category(letter) in ESCAPED and letter not in JOINERS:
        return letter.encode("unicode_escape").decode()
    return letter


def lines(text: object) -> str:
    """Return a text of several lines, each as `printable` gives it."""
    return "\n".join(map(printable, str(text).split("\n")))


def say(text: object = "", flush: bool = False) -> None:
    """Print lines to standard output."""
    print(lines(text), flush=flush)
