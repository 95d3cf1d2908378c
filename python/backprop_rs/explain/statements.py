"""What an explanation consists of: sections of groups of lines, which every renderer walks."""

from __future__ import annotations

from dataclasses import dataclass, field

from .expression import Expression, Number


@dataclass(frozen=True)
class Line:
    """One equation: what it is for, in symbols and with numbers, and the result."""

    name: Expression
    parts: tuple[Expression, ...]
    value: float

    def chain(self) -> list[Expression]:
        """All that stands between signs of equality; none says the same as the next."""
        result = Number(self.value)
        return [self.name, *(part for part in self.parts if part != result), result]


@dataclass(frozen=True)
class Group:
    """One quantity: its equation in general, and its lines."""

    title: str
    equations: list[list[Expression]]
    lines: list[Line]
    label: str = ""  # of the equation in the derivation
    notes: list[str] = field(default_factory=list)
    sign: str = "="  # after the name


@dataclass(frozen=True)
class Section:
    """A part of the derivation."""

    title: str
    groups: list[Group] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
