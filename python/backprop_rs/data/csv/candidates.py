"""Find the notations that fit the cells of a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from .notation import (
    DURATIONS,
    HALF_DAYS,
    ORDERS,
    TIMES,
    Cells,
    Notation,
    dates,
    is_number,
    number,
)
from .options import CsvOptions

SIGNS = "$€£¥₹₽₩₪₺฿%‰°"
CURRENCIES = (
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PHP PLN RON "
    "RUB SAR SEK SGD THB TRY TWD UAH USD ZAR A$ C$ HK$ NZ$ R$ US$ Kč kr lei Ft zł"
)
AFFIXES = frozenset([*SIGNS, *CURRENCIES.split()])
"""What may stand before or after all numbers of a column. Any other text needs a told kind."""

GROUP_SIGNS = (",", ".", " ", "\u00a0", "\u202f", "'", "\u2019")
BLANKS = " \u00a0\u202f"

OTHER = r"[^\d\s.,'\u2019+\-\u2212()]"
PREFIX = re.compile(rf"[-+\u2212(]*({OTHER}+)\s*[-+\u2212(]*[\d.,]")
SUFFIX = re.compile(rf"[\d.,]\s*({OTHER}+)[-)]?\Z")
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
MONTH = re.compile(rf"(?:\b|\d)(?:{MONTHS})", re.I)
HALF_DAY = re.compile(r"\d\s*[ap](m|\.m\.)(\s*(Z|UTC|GMT|[-+]\d.*))?", re.I)
ZONE = re.compile(r".*:.*(Z|UTC|GMT|[-+]\d\d(:?\d\d)?)", re.I)
YEAR = re.compile(r"\d{4}")
STYLES = {
    "parentheses": re.compile(r"[^()]*\(.*\d.*\)"),
    "trailing minus": re.compile(r".*\d-"),
    "minus sign": re.compile(r".*\u2212.*\d.*"),
    "exponent D": re.compile(r"[-+]?(\d+[.,]\d*|[.,]\d+)[dD][-+]?\d+"),
}
WORTH_A_TRY = re.compile(rf"\W*\d|{MONTH.pattern}|(mon|tue|wed|thu|fri|sat|sun)|inf", re.I)
"""The start of all cells that may be numbers or dates, except for those after a currency."""


@dataclass(frozen=True)
class Candidates:
    """The notations that fit most cells of a column equally well, the simplest first."""

    notations: tuple[Notation, ...]
    fitting: int
    total: int

    def is_decided(self, strict: bool) -> bool:
        """Return True if more than half of the cells fit; all of them if `strict`."""
        return bool(self.notations) and (
            self.fitting == self.total if strict else 2 * self.fitting > self.total
        )


def candidates(cells: Cells, options: CsvOptions, kind: str | None = None) -> Candidates:
    """Return the notations of numbers, dates and times that fit most of the cells.

    `kind` limits them to "number" or "datetime".
    """
    best: list[Notation] = []
    most = 0
    for notation in possible(cells, options, kind):
        fitting = cells.fitting(notation)
        if fitting < cells.total and must_fit_all(notation) and kind is None:
            continue
        if fitting > most:
            best, most = [notation], fitting
        elif fitting == most and fitting:
            best.append(notation)
    return Candidates(tuple(best), most, cells.total)


def must_fit_all(notation: Notation) -> bool:
    """Return True if a notation resembles codes: only if all cells fit it is evident."""
    return bool({"short", "exponent D"} & set(notation.options)) or notation == DURATIONS


def possible(cells: Cells, options: CsvOptions, kind: str | None) -> list[Notation]:
    """Return the notations that are worth a try, the simplest first."""
    signs = (".", ",") if options.decimal == "auto" else (options.decimal,)
    decimals = [sign for sign in signs if sign != options.thousands]
    some = list(cells.counts)
    if kind != "datetime" and "." in decimals and all(map(is_number, some)):
        return [number(), *_with_decimal_comma(some, decimals, options)]
    found: list[Notation] = []
    if kind != "datetime":
        found += _numbers(cells, decimals, options, is_told=kind == "number")
    if kind is None and not _is_worth_a_try(cells):
        return found
    if kind != "datetime":
        found += _times(some)
    return found + (_dates(some, options, kind) if kind != "number" else [])


def _is_worth_a_try(cells: Cells) -> bool:
    start = WORTH_A_TRY.match
    n = sum(count for cell, count in cells.counts.items() if start(cell))
    return 2 * n > cells.total


def _numbers(
    cells: Cells, decimals: Sequence[str], options: CsvOptions, is_told: bool
) -> list[Notation]:
    prefix = _affix(cells, PREFIX.match, is_told)
    suffix = "" if prefix else _affix(cells, SUFFIX.search, is_told)
    if not (prefix or suffix or is_told or _is_worth_a_try(cells)):
        return []
    characters = set().union(*cells.counts)
    thousands = [sign for sign in ("", *_group_signs(options)) if not sign or sign in characters]
    styles = [style for style, pattern in STYLES.items()
              if any(map(pattern.fullmatch, cells.counts))]  # fmt: skip
    return [
        number(decimal, group, prefix, suffix, style)
        for style, group, decimal in product(("", *styles), thousands, decimals)
        if decimal != group
    ]


def _times(cells: Sequence[str]) -> list[Notation]:
    found: list[Notation] = []
    if any(":" in cell for cell in cells):
        found += [TIMES, DURATIONS]
    if any(map(HALF_DAY.search, cells)):
        found.append(HALF_DAYS)
    return found


def _dates(cells: Sequence[str], options: CsvOptions, kind: str | None) -> list[Notation]:
    orders: tuple[str, ...] = ORDERS if options.dates == "auto" else (options.dates,)
    flags: list[str] = []
    if any(map(MONTH.search, cells)):
        flags.append("names")
    elif not any(set(cell) & set("-/.") for cell in cells):
        return [dates("ymd", "compact")] if kind == "datetime" else []
    if not any(map(YEAR.search, cells)):
        flags.append("short")
    if any(map(HALF_DAY.search, cells)):
        flags.append("half day")
    if flags[:2] == ["names", "short"] and options.dates == "auto":
        orders = ("dmy", "mdy")  # nobody writes 24-Jan-03 for the year 2024
    zones = ([], ["zone"]) if any(map(ZONE.fullmatch, cells)) else ([],)
    return [dates(order, *flags, *zone) for zone in zones for order in orders]


def _with_decimal_comma(
    cells: Sequence[str], decimals: Sequence[str], options: CsvOptions
) -> list[Notation]:
    """Return how plain numbers are read if the decimal sign of the file is a comma."""
    if "," not in decimals:
        return []
    if not any("." in cell for cell in cells):
        return [number(",")]
    grouped = re.compile(r"[-+]?\d{1,3}(\.\d{3})*")
    may_group = options.thousands in ("auto", ".") and all(map(grouped.fullmatch, cells))
    return [number(",", ".")] if may_group else []


def _group_signs(options: CsvOptions) -> tuple[str, ...]:
    if options.thousands == "auto":
        return GROUP_SIGNS
    if options.thousands == " ":
        return tuple(BLANKS)
    if options.thousands == "'":
        return ("'", "\u2019")
    return (options.thousands,) if options.thousands else ()


def _affix(cells: Cells, find: Callable[[str], re.Match[str] | None], is_told: bool) -> str:
    """Return the text before or after most numbers: a known one, or any if the kind is told."""
    counts: dict[str, int] = {}
    for cell, count in cells.counts.items():
        found = find(cell)
        if found and (is_told or found[1] in AFFIXES):
            counts[found[1]] = counts.get(found[1], 0) + count
    most = max(counts, key=counts.__getitem__, default="")
    return most if most and 2 * counts[most] > cells.total else ""
