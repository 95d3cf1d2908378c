"""ARFF files of Weka and OpenML, https://waikato.github.io/weka-wiki/formats_and_processing/arff/.

SciPy's reader takes neither attributes of strings nor letters beyond ASCII, so that this package
reads the format itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ..._internal.printable import printable
from ..as_table import category, column_of
from ..columns import Column, Table
from ..io import Path, title
from ..table_options import check_unique
from .cells import column_of_numbers
from .contents import text_of

TOKEN = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,]*?))\s*(,|$)""", re.S)
ATTRIBUTE = re.compile(
    r"""@attribute\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\S+))\s*(.*)$""", re.I
)
POSITION = re.compile(r"\s*(\d+)\s+")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
NUMBERS = ("numeric", "real", "integer")
JAVA = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
"""The parts of a date in the notation of Java's SimpleDateFormat, and in Python's."""
EXAMPLE = datetime(2024, 12, 31, 23, 59, 59)
ISO = "yyyy-MM-dd'T'HH:mm:ss"


@dataclass(frozen=True)
class Attribute:
    """A column: its name, its type ("number", "text", "date" or "nominal") and its levels."""

    name: str
    kind: str
    levels: tuple[str, ...] = ()
    dates: str = ""


def read_arff(path: Path) -> Table:
    """Read an ARFF file."""
    shown = printable(path)
    attributes: list[Attribute] = []
    rows: list[list[str | None]] = []
    lines: list[int] = []
    in_data = False
    for number, line in enumerate(text_of(path).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        where = f"{shown}, line {number}"
        if in_data:
            rows.append(cells_of(text, attributes, where))
            lines.append(number)
        elif text.lower().startswith("@attribute"):
            attributes.append(attribute_of(text, where))
        elif text.lower().startswith("@data"):
            in_data = True
        elif not text.lower().startswith("@relation"):
            raise ValueError(f"{where}: the line must begin with @; got {text!r:.60}")
    if not attributes or not rows:
        raise ValueError(f"{shown} must have attributes and rows below @data")
    names = [attribute.name for attribute in attributes]
    check_unique(names, shown)

    def place(row: int, name: str) -> str:
        return f"{shown}, line {lines[row]}, column {names.index(name) + 1} ({name!r})"

    columns = [
        column_of_attribute(attribute, [row[k] for row in rows], place)
        for k, attribute in enumerate(attributes)
    ]
    return Table(columns, title(path), place)


def attribute_of(text: str, where: str) -> Attribute:
    """Return the attribute that a line declares."""
    match = ATTRIBUTE.match(text)
    if match is None:
        raise ValueError(f"{where}: an attribute must have a name and a type; got {text!r:.60}")
    name = next(unescaped(part) for part in match.groups()[:3] if part is not None)
    kind = match[4].strip()
    if kind.startswith("{"):
        if not kind.endswith("}"):
            raise ValueError(f"{where}: the values of an attribute must end with }}")
        levels = [cell for cell, _ in tokens(kind[1:-1], where)]
        return Attribute(name, "nominal", tuple(levels))
    word, _, rest = kind.partition(" ")
    if word.lower() in NUMBERS:
        return Attribute(name, "number")
    if word.lower() == "string":
        return Attribute(name, "text")
    if word.lower() == "date":
        return Attribute(name, "date", (), python_format(rest.strip().strip("\"'") or ISO, where))
    raise ValueError(
        f"{where}: the type of {name!r} must be numeric, string, date or {{values}}; "
        f"got {kind!r:.60}"
    )


def tokens(text: str, where: str) -> Iterator[tuple[str, bool]]:
    """Yield the cells of a line, and whether they are quoted."""
    position = 0
    while True:
        match = TOKEN.match(text, position)
        yield value_of(match, text[position:], where)
        assert match is not None
        position = match.end()
        if match[4] != ",":
            return


def value_of(match: re.Match[str] | None, text: str, where: str) -> tuple[str, bool]:
    """Return the cell that `TOKEN` has matched, and whether it is quoted."""
    if match is None or (match[3] or "").startswith(("'", '"')):
        raise ValueError(f"{where}: a quotation mark is not closed in {text!r:.60}")
    quoted = next((part for part in match.groups()[:2] if part is not None), None)
    return (match[3], False) if quoted is None else (unescaped(quoted), True)


def unescaped(text: str) -> str:
    r"""Return a text without its backslashes.

    >>> unescaped(r"it\'s")
    "it's"
    """
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text)


def cells_of(text: str, attributes: Sequence[Attribute], where: str) -> list[str | None]:
    """Return the cells of a row; None is missing."""
    if text.startswith("{"):
        return sparse_cells(text, attributes, where)
    cells = [None if cell == "?" and not quoted else cell for cell, quoted in tokens(text, where)]
    if len(cells) != len(attributes):
        raise ValueError(
            f"{where}: a row must have as many cells as there are attributes "
            f"({len(attributes)}); got {len(cells)}"
        )
    return cells


def sparse_cells(text: str, attributes: Sequence[Attribute], where: str) -> list[str | None]:
    """Return the cells of a row such as {1 2.5, 3 red}: the others are 0 or the first level."""
    cells: list[str | None] = [
        attribute.levels[0] if attribute.levels else "0" for attribute in attributes
    ]
    if not text.endswith("}"):
        raise ValueError(f"{where}: a sparse row must end with }}")
    inside = text[1:-1].strip()
    position = 0
    while position < len(inside):
        start = POSITION.match(inside, position)
        if start is None or int(start[1]) >= len(attributes):
            raise ValueError(
                f"{where}: a cell of a sparse row must be a position in 0..{len(attributes) - 1} "
                f"and a value; got {inside[position:]!r:.60}"
            )
        cell = TOKEN.match(inside, start.end())
        value, quoted = value_of(cell, inside, where)
        cells[int(start[1])] = None if value == "?" and not quoted else value
        assert cell is not None
        position = cell.end()
    return cells


def column_of_attribute(attribute: Attribute, cells: list[str | None], place: Any) -> Column:
    """Return the column of an attribute."""
    name = attribute.name
    if attribute.kind == "text":
        return category(name, cells)
    if attribute.kind == "nominal":
        known = {level: k for k, level in enumerate(attribute.levels)}
        for row, cell in enumerate(cells):
            if cell is not None and cell not in known:
                raise ValueError(
                    f"{place(row, name)}: {cell!r:.60} is not one of the values "
                    f"{', '.join(attribute.levels[:20])}"
                )
        return category(name, cells)
    if attribute.kind == "date":
        return column_of(
            name, [date_of(cell, row, attribute, place) for row, cell in enumerate(cells)]
        )
    values = np.array([number_of(cell, row, name, place) for row, cell in enumerate(cells)])
    return column_of_numbers(name, values)


def number_of(cell: str | None, row: int, name: str, place: Any) -> float:
    """Return the number of a cell; NaN is missing."""
    try:
        return float("nan") if cell is None else float(cell)
    except ValueError:
        raise ValueError(f"{place(row, name)}: {cell!r:.60} is not a number") from None


def date_of(cell: str | None, row: int, attribute: Attribute, place: Any) -> datetime | None:
    """Return the date of a cell."""
    if cell is None:
        return None
    try:
        return datetime.strptime(cell, attribute.dates)
    except ValueError:
        raise ValueError(
            f"{place(row, attribute.name)}: {cell!r:.60} is not a date like "
            f"{EXAMPLE.strftime(attribute.dates)}"
        ) from None


def python_format(java: str, where: str) -> str:
    """Return a format of Java's SimpleDateFormat in Python's notation.

    >>> python_format("yyyy-MM-dd'T'HH:mm:ss", "")
    '%Y-%m-%dT%H:%M:%S'
    """
    parts = re.findall(r"'([^']*)'|([A-Za-z])(\2*)|([^A-Za-z']+)", java)
    text = ""
    for quoted, letter, more, other in parts:
        word = letter + more
        if letter and word not in JAVA:
            raise ValueError(
                f"{where}: a date may have the parts {', '.join(JAVA)}; got {word!r} in {java!r}"
            )
        text += JAVA[word] if letter else (quoted or other).replace("%", "%%")
    return text
