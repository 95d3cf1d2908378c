"""The parts of an explanation: sections of groups of lines, which all printers walk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .._internal.expression import Expression, Number


@dataclass(frozen=True)
class Line:
    """One equation: its left side, in symbols and with numbers, and the result."""

    name: Expression
    parts: tuple[Expression, ...]
    value: float

    def chain(self) -> list[Expression]:
        """Return all sides of the equation; sides equal to the result appear once."""
        result = Number(self.value)
        return [self.name, *(part for part in self.parts if part != result), result]


@dataclass(frozen=True)
class Group:
    """One quantity: its general equations, and its lines."""

    title: str
    equations: list[list[Expression]]
    lines: list[Line]
    number: int | None = None  # of the equation in docs/derivation.md
    notes: list[str] = field(default_factory=list)
    sign: str = "="  # after the name


@dataclass(frozen=True)
class Grid:
    """A table of texts; a formula in a cell is printed as one line."""

    headings: tuple[str, ...]
    rows: list[tuple[str | Expression, ...]]


@dataclass(frozen=True)
class Section:
    """A part of the derivation."""

    title: str
    groups: list[Group] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)

    def part(self, words: tuple[str, ...]) -> Section | None:
        """Return the part that has all words in its titles, or None."""
        # Words in this title count for all that is inside; the others must be in titles inside.
        left = tuple(word for word in words if word.lower() not in self.title.lower())
        if not left:
            return self
        groups = [
            group
            for group in self.groups
            if all(word.lower() in group.title.lower() for word in left)
        ]
        inner = [part for section in self.sections if (part := section.part(left)) is not None]
        return Section(self.title, groups, inner) if groups or inner else None

    def changed(self, change: Callable[[Expression], Expression]) -> Section:
        """Return the section with each of its formulas changed."""
        groups = [
            replace(
                group,
                equations=[list(map(change, chain)) for chain in group.equations],
                lines=[
                    Line(change(line.name), tuple(map(change, line.parts)), line.value)
                    for line in group.lines
                ],
            )
            for group in self.groups
        ]
        grids = [
            replace(
                grid,
                rows=[
                    tuple(cell if isinstance(cell, str) else change(cell) for cell in row)
                    for row in grid.rows
                ],
            )
            for grid in self.grids
        ]
        sections = [section.changed(change) for section in self.sections]
        return replace(self, groups=groups, sections=sections, grids=grids)

    def merged(self) -> Section:
        """Return one section if this one only holds another one."""
        if self.groups or self.grids or len(self.sections) != 1:
            return self
        inner = self.sections[0].merged()
        title, notes = f"{self.title} / {inner.title}", self.notes + inner.notes
        return replace(inner, title=title, notes=notes)

    def titles(self) -> list[str]:
        """Return the distinct titles of the groups and sections inside, in their order."""
        titles = [group.title for group in self.groups]
        for section in self.sections:
            titles += [section.title, *section.titles()]
        return list(dict.fromkeys(titles))
