"""The typed columns of a CSV file: decide the kind of each, read it, and name what disagrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..._internal.printable import printable
from ..columns import NO_TIME
from .candidates import Candidates, candidates
from .file_layout import Layout
from .notation import (
    SKIPPED,
    TEXT,
    Cells,
    Notation,
    dates,
    fits,
    is_number,
    number,
)
from .options import TRUTH, CsvOptions
from .parsing import find_row, parse, parser_of
from .suspicions import FEW_TEXTS, cells, lone_sign, remarks, suspicion

if TYPE_CHECKING:
    from ..._core import CsvParser

MAX_PASSES = 12
COMPACT = dates("ymd", "compact")
VERBS = ("holds", "has", "may")

Check = Callable[["CsvParser"], None]


@dataclass(frozen=True)
class Request:
    """The columns to read, by position.

    Attributes
    ----------
    used : tuple of int
    kinds : mapping from column to kind
        Kinds that are told.
    strict : frozenset of int
        Columns that are numbers only if all their cells are.
    kept : mapping from column to words
        Words that are not missing in a column.
    has_dates : bool
        False to refuse columns of dates.
    inherited : frozenset of int
        Columns whose kind is that of another file: their cells are checked as if it was not told.
    """

    used: tuple[int, ...]
    kinds: Mapping[int, str] = field(default_factory=dict)
    strict: frozenset[int] = frozenset()
    kept: Mapping[int, Sequence[str]] = field(default_factory=dict)
    has_dates: bool = True
    inherited: frozenset[int] = frozenset()

    def is_told(self, k: int) -> bool:
        """Return True if the caller gave the kind of a column."""
        return k in self.kinds and k not in self.inherited


@dataclass(frozen=True, eq=False)
class RawColumn:
    """The cells of a column as the core reads them.

    Attributes
    ----------
    notation : Notation
    values : array
        float64 with NaN, int64 with NaT, or int32 codes with -1 for missing cells.
    texts : tuple of str
        The distinct texts, in the order of their first cells.
    are_integers : bool
    """

    notation: Notation
    values: NDArray[Any]
    texts: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    are_integers: bool = False


@dataclass(frozen=True, eq=False)
class Parsed:
    """The result of one pass over a file.

    Attributes
    ----------
    parser : CsvParser
    arrays : list of array or None
        The cells, if they are kept.
    fitting : mapping from column to int
        How many cells of a column of numbers or dates are read.
    rows : int
    """

    parser: CsvParser
    arrays: Sequence[NDArray[Any] | None]
    fitting: Mapping[int, int]
    rows: int

    def values(self, k: int) -> NDArray[Any]:
        """Return the values of a column."""
        values = self.arrays[k]
        assert values is not None
        return values


def n_fitting(values: NDArray[Any]) -> int:
    """Return how many cells are not missing."""
    if values.dtype == np.float64:
        return len(values) - int(np.isnan(values).sum())
    return int((values != NO_TIME).sum()) if values.dtype == np.int64 else len(values)


def columns_of(layout: Layout, request_of: Callable[[Layout], Request]) -> Columns:
    """Return the columns of a file, which are read; the request may depend on their number."""
    columns = Columns(layout, request_of(layout))
    try:
        columns.read()
    except ValueError:
        n = len(layout.names)
        _, reason, n_cells = columns.bad_record or (0, "", 0)
        if reason != "cells" or not n < n_cells <= n + layout.n_empty:
            raise
        return columns_of(layout.with_empty_columns(), request_of)
    return columns


class Columns:
    """Decides the notation of the columns of a file and reads them."""

    def __init__(self, layout: Layout, request: Request) -> None:
        self.layout, self.request = layout, request
        self.sample = {k: self._present(k, layout.sample_of(k)) for k in request.used}
        self.are_texts: set[int] = set()
        self.notes = list(layout.notes)
        self.raw: dict[int, RawColumn] = {}
        self.rows = 0
        self.bad_record: tuple[int, str, int] | None = None

    def read(self) -> None:
        """Read the columns into `raw`, by position.

        Raises
        ------
        ValueError
            If a cell does not fit its column, or may be read in several ways.
        """
        parsed, notations = self._decide(keep=True)
        self.raw = self._columns(parsed, notations)

    def scan(self, check: Check | None = None) -> tuple[dict[int, Notation], dict[int, list[str]]]:
        """Return the notation of each column, and the distinct texts, without keeping the cells.

        `check` is called with the parser after each buffer.
        """
        columns = self.scan_columns(check)
        notations = {k: column.notation for k, column in columns.items()}
        texts = {k: list(column.texts) for k, column in columns.items() if column.notation == TEXT}
        return notations, texts

    def scan_columns(self, check: Check | None = None) -> dict[int, RawColumn]:
        """Return the columns as `scan` does, by position, without their cells."""
        return self._columns(*self._decide(keep=False, check=check))

    def _decide(self, keep: bool, check: Check | None = None) -> tuple[Parsed, dict[int, Notation]]:
        for n_left in reversed(range(MAX_PASSES)):
            notations, alternatives = self.choose()
            parsed = self._parse(notations, keep, check)
            if not self._learns(parsed, notations, may_try_again=n_left > 0):
                break
        if not self.request.has_dates:
            self._refuse_dates(notations)
        self._check_alternatives(notations, alternatives)
        odd = self.oddities(parsed.parser, notations)
        if odd:
            raise min(odd, key=lambda fault: fault[:2])[2]
        if not parsed.rows:
            raise ValueError(f"{printable(self.layout.path)} must have at least one row; got none")
        self.rows = parsed.rows
        return parsed, notations

    def choose(self) -> tuple[dict[int, Notation], list[dict[int, Notation]]]:
        """Return the notation of each column, and other notations that may fit as well."""
        chosen: dict[int, Notation] = {}
        numbers: dict[int, Candidates] = {}
        for k in self.request.used:
            kind = self.request.kinds.get(k)
            if k in self.are_texts or kind in ("category", "text", "boolean"):
                chosen[k] = TEXT
                continue
            fitting = candidates(self.sample[k], self.layout.options, kind)
            if fitting.is_decided(k in self.request.strict) or kind in ("number", "datetime"):
                numbers[k] = fitting
            else:  # `missing` decides about a column without cells
                is_empty = not self.sample[k].total
                chosen[k] = plain_number(self.layout.options) if is_empty else TEXT
        several, alternatives = of_one_decimal(numbers, self.layout.options)
        for k, notation in several.items():
            if notation.kind == "date" and self.request.has_dates:
                others = (some for some in numbers[k].notations if some != notation)
                alternatives += [{k: other} for other in others]
        return chosen | several, alternatives

    def _present(self, k: int, cells: Sequence[str]) -> Cells:
        kept = {word.lower() for word in self.request.kept.get(k, ())}
        words = {"", *(word.lower() for word in self.layout.options.missing_values)} - kept
        return Cells.of(cell for cell in cells if cell.lower() not in words)

    def parser(self, notations: Mapping[int, Notation]) -> CsvParser:
        """Return a parser of these columns."""
        every = [notations.get(k, SKIPPED) for k in range(len(self.layout.names))]
        return parser_of(self.layout, every, self.request.kept)

    def _parse(
        self, notations: Mapping[int, Notation], keep: bool, check: Check | None = None
    ) -> Parsed:
        parser = self.parser(notations)
        fitting = dict.fromkeys(notations, 0)
        rows = 0
        arrays: list[NDArray[Any] | None] = []
        try:
            for is_last in parse(self.layout, parser):
                if keep and not is_last:
                    continue
                rows += parser.rows
                arrays = parser.take()
                for k in fitting:
                    values = arrays[k]
                    fitting[k] += 0 if values is None else n_fitting(values)
                if check is not None:
                    check(parser)
        finally:
            self.bad_record = parser.bad_record
        return Parsed(parser, arrays if keep else [], fitting, rows)

    def _learns(
        self, parsed: Parsed, notations: Mapping[int, Notation], may_try_again: bool
    ) -> bool:
        """Return True if cells below the first rows suggest other notations."""
        faults: list[tuple[int, int, str]] = []
        changed = False
        for k, notation in notations.items():
            if notation.kind == "text":
                changed |= self._learns_from_texts(k, parsed.parser)
                continue
            misfit = parsed.parser.misfits(k)
            if misfit is None:
                continue
            line, cell, count = misfit
            if self._learns_from_misfit(k, cell, count, parsed.fitting[k]):
                changed = True
            else:
                faults.append((line, k, cell))
        if faults and not (changed and may_try_again):
            raise self.misfit(*min(faults), notations)
        return changed

    def _learns_from_misfit(self, k: int, cell: str, count: int, n_fitting: int) -> bool:
        kind = self.request.kinds.get(k)
        if cell not in self.sample[k].counts:
            self.sample[k] = Cells({**self.sample[k].counts, cell: 1})
            others = candidates(self.sample[k], self.layout.options, kind)
            if others.fitting == others.total:
                return True
        if kind is None and (k in self.request.strict or count >= n_fitting):
            self.are_texts.add(k)
            return True
        return False

    def _learns_from_texts(self, k: int, parser: CsvParser) -> bool:
        """Return True if a column that was read as texts turns out to be numbers or dates."""
        if self.request.kinds.get(k) is not None or k in self.are_texts:
            return False
        texts, counts, _ = parser.texts(k)
        cells = Cells(dict(zip(texts, counts, strict=True)))
        if not candidates(cells, self.layout.options).is_decided(k in self.request.strict):
            return False
        self.sample[k] = cells
        return True

    def misfit(
        self,
        line: int,
        k: int,
        cell: str,
        notations: Mapping[int, Notation],
    ) -> ValueError:
        """Return the error for a cell that is not in the notation of its column."""
        notation, name = notations[k], self.layout.names[k]
        is_requested = self.request.kinds.get(k) in ("number", "datetime")
        advice = [f"add {cell!r} to missing_values if it stands for a missing cell"]
        if not is_requested:
            advice.append(f"give kinds={{{name!r}: 'category'}} if the column is texts")
        if "," in cell and notation.options[:2] == (".", ""):
            advice.insert(0, "give decimal=',' or thousands=',' if the comma means that")
        affixes = [sign for sign in notation.options[2:4] if sign]
        if notation.kind == "number" and affixes and is_number(cell):
            advice[0] = f"write {affixes[0]!r} in all cells or in none"
        if cell.lower() in TRUTH and not is_requested:
            advice[0] = f"give kinds={{{name!r}: 'boolean'}} if the cells are true or false"
        described = notation.describe()
        read = "" if described == "numbers" else f", as the column holds {described}"
        choices = ", or ".join(["; ".join(advice[:-1]), advice[-1]] if advice[1:] else advice)
        return ValueError(
            f"{self.describe(line, k)}: {cell!r} is not {notation.what}{read}; {choices}"
        )

    def oddities(
        self, parser: CsvParser, notations: Mapping[int, Notation]
    ) -> list[tuple[int, int, ValueError]]:
        """Return the line, column and error of the first numbers that lose zeros or digits."""
        faults: list[tuple[int, int, ValueError]] = []

        def add(k: int, found: tuple[int, str, int] | None, what: str) -> None:
            if found is not None:
                line, cell, _ = found
                place = self.describe(line, k)
                faults.append((line, k, ValueError(f"{place}: {cell!r} {what}")))

        for k, notation in notations.items():
            if notation.kind != "number":
                continue
            name = self.layout.names[k]
            code, rounded, overflow, *_ = parser.oddities(k)
            add(k, overflow, "is beyond the largest float64 number, 1.8e+308; add it to "
                "missing_values if it stands for a missing cell")  # fmt: skip
            if not self.request.is_told(k):
                advice = f"; give kinds={{{name!r}: 'category'}} if the cells are codes, or "
                advice += f"kinds={{{name!r}: 'number'}}"
                add(k, code, "begins with a sign or zero that a number loses" + advice)
                add(k, rounded, f"has digits that a float64 number loses{advice} to round it")
        return faults

    def _refuse_dates(self, notations: Mapping[int, Notation]) -> None:
        for k, notation in notations.items():
            if notation.kind == "date":
                name, cell = self.layout.names[k], next(iter(self.sample[k].counts))
                raise ValueError(
                    f"{self.describe(self._line_of(k, cell), k)}: the column holds dates such as "
                    f"{cell!r}, which bp.Model uses; give ignore=[{name!r}] to leave it out, or "
                    f"kinds={{{name!r}: 'category'}} if they are categories"
                )

    def describe(self, line: int, k: int) -> str:
        """Return the position of a cell; lines count from 0 here, and from 1 in the text."""
        name = self.layout.names[k]
        return f"{printable(self.layout.path)}, line {line + 1}, column {k + 1} ({name!r})"

    def place(self, row: int, k: int) -> str:
        """Return the position of a cell from its row, counted from 0."""
        return self.cell(row, k)[0]

    def word(self, row: int, k: int) -> str:
        """Return the text of a cell from its row, counted from 0."""
        return self.cell(row, k)[1]

    def cell(self, row: int, k: int) -> tuple[str, str]:
        """Return the position and the text of a cell from its row, counted from 0."""
        line, cells = find_row(self.layout, row)
        return self.describe(line - 1, k), cells[k]

    def _check_alternatives(
        self, notations: Mapping[int, Notation], alternatives: Sequence[Mapping[int, Notation]]
    ) -> None:
        """Raise ValueError if all cells of some columns can be read in a second way."""
        ambiguous: list[tuple[int, str, Notation]] = []
        for alternative in alternatives:
            parser = self._parse(alternative, keep=False).parser
            if any(parser.misfits(k) for k in alternative):
                continue
            for k, other in alternative.items():
                # Numbers without a mark, such as "10 %", have one value in all notations.
                some = [c for c in self.sample[k].counts
                        if other.kind == "date" or set(c) & set(".,")]  # fmt: skip
                both = zip(some, fits(notations[k], some), fits(other, some), strict=True)
                cell = next((cell for cell, reads, also in both if reads and also), None)
                if cell is not None:
                    ambiguous.append((k, cell, other))
        if not ambiguous:
            return
        k, cell, other = ambiguous[0]
        advice = "decimal=',' or thousands=','" if "," in cell else "decimal='.' or decimal=','"
        ways = "two"
        if other.kind == "date":
            orders = [notations[k].options[0], *(o.options[0] for j, _, o in ambiguous if j == k)]
            *first, last = [f"dates={order!r}" for order in orders]
            advice = f"{', '.join(first)} or {last}"
            ways = "three" if first[1:] else "two"
        raise ValueError(
            f"{self.describe(self._line_of(k, cell), k)}: {cell!r} can be read in {ways} ways, "
            f"and no other cell decides between them; give {advice}"
        )

    def _line_of(self, k: int, cell: str) -> int:
        """Return the first line with a cell in the first rows, counted from 0."""
        row = next((i for i, row in enumerate(self.layout.sample) if row[k : k + 1] == [cell]), 0)
        empty = sum(not any(cells) for cells in self.layout.sample[:row])
        return find_row(self.layout, row - empty)[0] - 1

    def _columns(self, parsed: Parsed, notations: Mapping[int, Notation]) -> dict[int, RawColumn]:
        columns: dict[int, RawColumn] = {}
        for k in self.request.used:
            texts, counts, lines = parsed.parser.texts(k)
            if notations[k].kind == "text" and not self.request.is_told(k):
                self.check_texts(k, texts, lines)
            columns[k] = RawColumn(
                notations[k],
                parsed.values(k) if parsed.arrays else np.zeros(0),
                tuple(texts),
                tuple(counts),
                parsed.parser.are_integers(k),
            )
            self._note(k, columns[k], parsed)
        if parsed.parser.empty_rows:
            n = parsed.parser.empty_rows
            rows = "1 row without any cell is" if n == 1 else f"{n:,} rows without any cell are"
            self.notes.append(f"{rows} left out")
        return columns

    def _note(self, k: int, column: RawColumn, parsed: Parsed) -> None:
        """Add the decisions about a column that are not evident to the notes."""
        found: list[str] = []
        if not self._is_evident(column.notation, column):
            found.append(f"holds {column.notation.describe()}")
        words, n_cells, _ = parsed.parser.missing(k)
        if words:
            listed = ", ".join(
                f"{word!r} ({cells(n)})" for word, n in zip(words, n_cells, strict=True)
            )
            found.append(f"has the missing words {listed}")
        if column.notation.kind == "text" and len(column.texts) <= FEW_TEXTS:
            found += remarks(dict(zip(column.texts, column.counts, strict=True)))
        elif column.notation.kind != "text" and not parsed.fitting[k] and not words:
            found.append("has no cell")
        *_, infinite, exponent = parsed.parser.oddities(k)
        if infinite is not None:
            found.append(f"has infinite numbers such as {infinite[1]!r} ({cells(infinite[2])})")
        if exponent is not None and not any(column.notation.options[1:]):
            found.append(f"has exponents in {cells(exponent[2])} such as {exponent[1]!r}")
        if parsed.arrays and self._looks_compact(k, column):
            found.append(f"may hold dates such as {next(iter(self.sample[k].counts))!r}, which "
                         f"kinds={{{self.layout.names[k]!r}: 'datetime'}} reads")  # fmt: skip
        name = self.layout.names[k]
        self.notes += [f"column {name!r} {what}" if what.split()[0] in VERBS
                       else f"column {name!r}: {what}" for what in found]  # fmt: skip

    def _looks_compact(self, k: int, column: RawColumn) -> bool:
        """Return True if all numbers are dates such as 20240131."""
        some = list(self.sample[k].counts)
        if self.request.is_told(k) or column.notation.kind != "number" or len(some) < 2:
            return False
        if not (column.are_integers and all(fits(COMPACT, some))):
            return False
        values = column.values[~np.isnan(column.values)].astype(np.int64)
        months, days = values // 100 % 100, values % 100
        return bool(
            (values >= 19_000_101).all() and (values < 21_000_000).all()
            and ((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all()
        )  # fmt: skip

    def _is_evident(self, notation: Notation, column: RawColumn) -> bool:
        if notation.kind != "number":
            return notation.kind == "text"
        decimal, *signs = notation.options
        return not any(signs) and (decimal == "." or column.are_integers)

    def check_texts(self, k: int, texts: Sequence[str], lines: Sequence[int]) -> None:
        """Raise ValueError if texts are numbers or dates in a notation that is not read."""
        name = self.layout.names[k]
        found = suspicion(texts, self.layout.options, k in self.request.strict)
        if found:
            others = {
                "number": f"kinds={{{name!r}: 'number'}} to read the numbers",
                "delimiter": "delimiter=' ' if they are columns",
            }
            other = others.get(found.option, f"ignore=[{name!r}] to leave it out")
            raise ValueError(
                f"{self.describe(lines[list(texts).index(found.cell)], k)}: the column holds texts "
                f"such as {found.cell!r}, which look like {found.what}; give "
                f"kinds={{{name!r}: 'category'}} if they are categories, or {other}"
            )
        sign = None if k in self.request.strict else lone_sign(texts)
        if sign is not None:
            line = lines[list(texts).index(sign)]
            raise ValueError(
                f"{self.describe(line, k)}: {sign!r} stands among numbers; add it to "
                f"missing_values if it stands for a missing cell, or give "
                f"kinds={{{name!r}: 'category'}}"
            )


def plain_number(options: CsvOptions) -> Notation:
    """Return the notation of numbers without other signs."""
    return number("." if options.decimal == "auto" else options.decimal)


def of_one_decimal(
    numbers: Mapping[int, Candidates], options: CsvOptions
) -> tuple[dict[int, Notation], list[dict[int, Notation]]]:
    """Return the notations with the decimal sign that all columns allow.

    The second result is the notations with the other sign, if all columns allow both and the
    choice makes a difference.
    """
    by_sign: list[dict[int, Notation]] = []
    for decimal in (".", ","):
        by_column = {k: first_with(decimal, some) for k, some in numbers.items()}
        known = {k: notation for k, notation in by_column.items() if notation is not None}
        if len(known) == len(by_column):
            by_sign.append(known)
    if not by_sign:  # each column for itself
        first = {k: next(iter(some.notations), plain_number(options))
                 for k, some in numbers.items()}  # fmt: skip
        others = {k: first_with(",", some) for k, some in numbers.items()}
        return first, [
            {k: other}
            for k, other in others.items()
            if other is not None and first[k] not in (other, number())
        ]
    chosen = by_sign[0]
    if len(by_sign) == 1 or all(n == number() for n in chosen.values() if n.kind == "number"):
        return dict(chosen), []
    differing = {k: n for k, n in by_sign[1].items() if n != chosen[k]}
    return dict(chosen), [differing] if differing else []


def first_with(decimal: str, some: Candidates) -> Notation | None:
    """Return the simplest notation that is not a number or has this decimal sign."""
    for notation in some.notations:
        if notation.kind != "number" or notation.options[0] == decimal:
            return notation
    return None
