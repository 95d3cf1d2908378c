"""Names and constants of exported C99 source."""

from __future__ import annotations

import re

import numpy as np

# Comments, strings and lists of numbers.
SKIPPED = r'/\*.*?\*/|"(?:\\.|[^"\\])*"|\{\n[-+\d.,ef\s]+\}'
MACRO = re.compile(r"^#define (\w+)", re.MULTILINE)
TYPE = re.compile(r"^typedef [^\n]*\b(\w+);", re.MULTILINE)
STATIC = re.compile(r"^static [^;={(\[]*?(\w+)[(\[]", re.MULTILINE)
CONSTANT = re.compile(r"\bR\((-?\d[\d.]*(?:e[-+]?\d+)?)\)")


def scoped(text: str, name: str) -> str:
    r"""Return source whose macros, types, functions and tables begin with the name of the file.

    So several files, and headers with macros such as `F` and `B1`, fit in one program.

    >>> print(scoped("#define R(x) x\nstatic int w[1] = {R(1)}; /* w */", "net"))
    #define NET_R(x) x
    static int net_w[1] = {NET_R(1)}; /* w */
    """
    plain = re.sub(SKIPPED, "", text, flags=re.DOTALL)
    prefixes = {own: f"{name.upper()}_" for own in MACRO.findall(plain)}
    for pattern in (TYPE, STATIC):
        prefixes |= dict.fromkeys(pattern.findall(plain), f"{name}_")
    prefixes = {own: prefix for own, prefix in prefixes.items() if not own.startswith(prefix)}
    names = "|".join(sorted(map(re.escape, prefixes), key=len, reverse=True))
    # Fields of structs keep their names.
    token = rf"{SKIPPED}|(?<!->)(?<!\.)\b(?P<own>{names})\b"

    def renamed(match: re.Match[str]) -> str:
        own = match["own"]
        return match[0] if own is None else prefixes[own] + own

    return re.sub(token, renamed, text, flags=re.DOTALL) if names else text


def with_constants(text: str, dtype: str) -> str:
    """Return source with a literal of a type in place of each `R(number)`.

    >>> with_constants("x > R(0.1) ? R(0) : R(x)", "float32")
    'x > 0.1f ? 0.0f : R(x)'
    """
    return CONSTANT.sub(lambda match: constant(float(match[1]), dtype), text)


def constant(value: float, dtype: str) -> str:
    """Return a literal of float or double that reads back as the same number."""
    if dtype == "float64":
        return repr(float(value))
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    if not np.isfinite(rounded):
        raise ValueError(f"float_only needs numbers within the range of float; got {value!r}")
    return f"{rounded!s}f"
