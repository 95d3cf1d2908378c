"""Text of a file as a terminal may show it."""

from __future__ import annotations

import os
from unicodedata import category

ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # of Unicode: what moves, hides or reorders
JOINERS = "\u200c\u200d"  # part of the spelling of some languages, and of emoji


def printable(text: object) -> str:
    """Return a text in which nothing but letters, signs and blanks is left as it is.

    Control characters (with those of terminals and ends of lines), marks that change the
    direction of writing and other invisible characters are escaped as Python writes them.

    Parameters
    ----------
    text : str, path or anything that `str` takes

    Examples
    --------
    >>> print(printable("yes\\n\\x1b[2J\\u202eno"))
    yes\\n\\x1b[2J\\u202eno
    """
    plain = os.fsdecode(text) if isinstance(text, os.PathLike) else str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(map(character, plain))


def character(one: str) -> str:
    if category(one) in ESCAPED and one not in JOINERS:
        return one.encode("unicode_escape").decode()
    return one


def lines(text: object) -> str:
    """Return a text of several lines, each as `printable` gives it."""
    return "\n".join(map(printable, str(text).split("\n")))


def say(text: object = "", flush: bool = False) -> None:
    """Print lines to standard output."""
    print(lines(text), flush=flush)
