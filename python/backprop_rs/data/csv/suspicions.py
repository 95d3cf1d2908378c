"""Texts that may be meant as numbers or dates, and what to say about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from .candidates import MONTHS, candidates, possible
from .notation import Cells, fits, is_number
from .options import CsvOptions

SIGNS_FOR_MISSING = frozenset({"-", "--", "---", ".", "..", "*", "\u2013", "\u2014"})
"""Texts that people write for a missing cell."""

NUMBER = r"[-+\u2212]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?"
RAISED = "[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]"
MONTH = rf"({MONTHS})[a-z]*"
FEW_TEXTS = 10_000

SEVERAL = re.compile(rf"{NUMBER}([ \t]+{NUMBER})+")

LOOKS = {
    re.compile(r"\d{1,3}:[0-5]\d"): (
        "durations, either in hours and minutes or in minutes and seconds"
    ),
    re.compile(r"\d+:[-+]?[\d.eE]*\.\d{3,}[\d.eE+-]*|\d+:[-+]?\d+([eE][-+]?\d+)?"): (
        "pairs of a position and a number, as in LIBSVM files"
    ),
    re.compile(r"[-+]?\d{1,2}(,\d{2})+,\d{3}(\.\d+)?"): "numbers with groups of two digits",
    SEVERAL: "several numbers apart by white space",
    re.compile(rf"{NUMBER}([,;|] *{NUMBER})+"): "several numbers in one cell",
    re.compile(rf"\d{{4}}-\d{{2}}|({MONTH}[-/., ]*(\d{{2}}|\d{{4}}))", re.I): "months of years",
    re.compile(
        r"\d{4}[-/ ]?[QW]\d{1,2}|[QW]\d{1,2}[-/ ]*\d{4}", re.I
    ): "quarters or weeks of years",
    re.compile(r"\d+/\d+|\d+ \d+/\d+"): "fractions or pairs of numbers",
    re.compile(rf"[(\[{{] *{NUMBER}([,; ] *{NUMBER})* *[)\]}}]"): "lists of numbers",
    re.compile(rf"{NUMBER} ?(\u00b1|\+/-) ?{NUMBER}"): "numbers with their uncertainty",
    re.compile(rf"{NUMBER}[-+]{NUMBER}[ij]"): "complex numbers",
    re.compile(
        rf"{NUMBER} ?[*x\u00d7\u00b7] ?10(\^?[-+]?\d+|{RAISED}+)"
    ): "numbers times powers of ten",
    re.compile(rf"{NUMBER} ?(\[\d+\]|\(\d+\))"): "numbers with a mark of a note",
    re.compile(r"\d+ ?[\u00b0\u00ba'\u2032\u2019] ?\d+.*"): (
        "numbers with fractions of sixty or twelve, as of angles, times or feet"
    ),
    re.compile(r"[-+]?0[xX][\da-fA-F]+"): "hexadecimal numbers",
    re.compile(r"[-+]?\d{1,3}(_\d{3})+"): "numbers with '_' between digits",
    re.compile(rf"[\"'`\u2018\u2019]{NUMBER}[\"'`\u2018\u2019]?|=\"?{NUMBER}\"?"): (
        "numbers that a spreadsheet marked as texts"
    ),
    re.compile(rf"{NUMBER} ?[kKmMbB]"): "numbers with abbreviated powers of ten",
    re.compile(r"P(\d+[YMWD])*(T(\d+(\.\d+)?[HMS])+)?|(\d+ ?[dhms] ?)+|(\d+ ?(h|min|s) ?)+"): (
        "durations"
    ),
    re.compile(r"[-+]?1\.#?(INF|IND|QNAN)\d*", re.I): "infinite numbers",
}
"""Texts that are numbers or dates in a notation that is not read."""

DATE = re.compile(
    rf"(\d{{4}}([-/.])\d{{1,2}}\2\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\3(\d{{4}}|\d{{2}})|"
    rf"([a-z]{{3,9}}[., ]+)?\d{{1,2}}(st|nd|rd|th)?[-/., ]*{MONTH}[-/., ]*\d{{2,4}}|"
    rf"([a-z]{{3,9}}[., ]+)?{MONTH}[-/., ]*\d{{1,2}}(st|nd|rd|th)?[-/., ]+\d{{2,4}}|"
    rf"\d{{4}}[-/., ]*{MONTH}[-/., ]*\d{{1,2}})(([T ,]+| +)\d.*)?",
    re.I,
)
"""The shape of a date, which need not exist."""

WITH_UNIT = re.compile(rf"({NUMBER})(\s*)([^\d\s.,;:/+\-\u2212()][^\d\s]*)?")
WITH_SIGN = re.compile(rf"([^\w\s.,;:/+\-\u2212()'\"=]{{1,2}})?\s*({NUMBER})")
RANGE = re.compile(
    r"(?P<low>\d+) ?(-|\u2013|\u2014|to|\.\.) ?(?P<high>\d+)|([<>\u2264\u2265]=?) ?\d+|\d+ ?\+",
    re.I,
)
NO_DATE = "do not exist, lie outside 1678 to 2261 or have a time or zone that is not read"


@dataclass(frozen=True)
class Suspicion:
    """A text that may be meant otherwise, and a description of all texts of its column.

    Attributes
    ----------
    cell, what : str
    option : str
        An option that reads the cells as meant: "number" for this kind, a delimiter, or "".
    """

    cell: str
    what: str
    option: str = ""


def suspicion(texts: Sequence[str], options: CsvOptions, is_mixed: bool) -> Suspicion | None:
    """Return what texts may be meant as, if all of them may be.

    `is_mixed` tells that the column is known to be classes, which may hold any texts.

    >>> suspicion(["12 kg", "9 kg"], CsvOptions(), False)
    Suspicion(cell='12 kg', what="numbers with 'kg'", option='number')
    >>> suspicion(["7A", "8B"], CsvOptions(), False)
    """
    if not texts or not any(map(str.isdigit, texts[0])):
        return None
    for pattern, what in LOOKS.items():
        if all(map(pattern.fullmatch, texts)):
            return Suspicion(texts[0], what, "delimiter" if pattern is SEVERAL else "")
    if all(map(DATE.fullmatch, texts)):
        return _bad_date(texts, options)
    if is_mixed:
        return None
    return _affixed(texts) or _several(texts, options) or _other_digits(texts)


def _bad_date(texts: Sequence[str], options: CsvOptions) -> Suspicion:
    found = candidates(Cells.of(texts), options, "datetime").notations
    fitting = fits(found[0], texts) if found else [False]
    cell = texts[fitting.index(False) if False in fitting else 0]
    if True not in fitting:
        return Suspicion(cell, f"dates, but {NO_DATE}")
    good = texts[fitting.index(True)]
    return Suspicion(
        cell, f"dates, but differ from {good!r}, which is in the order {found[0].options[0]}, or "
        f"{NO_DATE}"
    )  # fmt: skip


def _affixed(texts: Sequence[str]) -> Suspicion | None:
    """Find numbers that all have the same text after or before them, or some have it."""
    for pattern, affix, digits in ((WITH_UNIT, 3, 1), (WITH_SIGN, 1, 2)):
        found = [pattern.fullmatch(text) for text in texts]
        parts = [match for match in found if match]
        affixes = {match[affix] for match in parts} - {None}
        distinct = {match[digits] for match in parts}
        if len(parts) < len(texts) or len(distinct) < 2 or not affixes:
            continue
        if len(affixes) == 1:
            cell = next(match[0] for match in parts if match[affix])
            return Suspicion(cell, f"numbers with {affixes.pop()!r}", "number")
        # Several units are written with blanks; without these, such texts are codes.
        if affix == 3 and all(match[3] is None or match[2] for match in parts):
            some = ", ".join(map(repr, sorted(affixes)[:3]))
            return Suspicion(texts[0], f"numbers with several units ({some})")
    return None


def _several(texts: Sequence[str], options: CsvOptions) -> Suspicion | None:
    """Find texts that are numbers or dates in more than one notation."""
    some = Cells.of(texts)
    unread = list(texts)
    for notation in possible(some, options, None):
        read = fits(notation, unread)
        unread = [text for text, is_read in zip(unread, read, strict=True) if not is_read]
        if not unread:
            break
    found = candidates(some, options).notations
    if unread or len(texts) < 2 or not found:
        return None
    fitting = fits(found[0], texts)
    if all(fitting):
        return None
    odd, good = texts[fitting.index(False)], texts[fitting.index(True)]
    return Suspicion(odd, f"numbers or dates, but in another notation than {good!r}")


def _other_digits(texts: Sequence[str]) -> Suspicion | None:
    if all(not text.isascii() and text.isdigit() for text in texts):
        return Suspicion(texts[0], "numbers in digits of another script")
    return None


def lone_sign(texts: Sequence[str]) -> str | None:
    """Return a text such as "-" if all others are numbers."""
    words = [text for text in islice(texts, FEW_TEXTS) if not is_number(text)]
    is_sign = len(words) == 1 and words[0] in SIGNS_FOR_MISSING and len(texts) > 1
    return words[0] if is_sign else None


def is_range(text: str) -> bool:
    """Return True if a text gives the limits of numbers.

    >>> [is_range(text) for text in ("10-20", "10 to 20", "<5", "65+", "20-10", "3")]
    [True, True, True, True, False, False]
    """
    match = RANGE.fullmatch(text)
    return match is not None and (match["low"] is None or int(match["low"]) < int(match["high"]))


def remarks(counts: Mapping[str, int]) -> list[str]:
    """Return what may surprise about categories.

    >>> remarks({"red": 2, "Red ": 1, "-": 3, "7": 1})
    ["'-' (3 cells) is a category", "1 cell is a number, such as '7', among texts", \
"'red' and 'Red ' differ only in case or blanks"]
    """
    found = []
    signs = [text for text in counts if text in SIGNS_FOR_MISSING]
    found += [f"{sign!r} ({cells(counts[sign])}) is a category" for sign in signs]
    numbers = [text for text in counts if is_number(text)]
    if numbers and len(numbers) < len(counts):
        n = sum(counts[text] for text in numbers)
        are = "is a number" if n == 1 else "are numbers"
        found.append(f"{cells(n)} {are}, such as {numbers[0]!r}, among texts")
    if len(counts) > 1 and all(map(is_range, counts)):
        found.append(f"ranges such as {next(iter(counts))!r} are categories without an order")
    by_form: dict[str, str] = {}
    for text in counts:
        first = by_form.setdefault(" ".join(text.split()).casefold(), text)
        if first != text:
            found.append(f"{first!r} and {text!r} differ only in case or blanks")
            break
    return found


def cells(n: int) -> str:
    """Return a number of cells.

    >>> cells(1), cells(2000)
    ('1 cell', '2,000 cells')
    """
    return f"{n:,} cell" + "s" * (n != 1)
