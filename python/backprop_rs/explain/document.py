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
    number: int | None = None  # of the equation in docs/derivation.md
    notes: list[str] = field(default_factory=list)
    sign: str = "="  # after the name


@dataclass(frozen=True)
class Section:
    """A part of the derivation."""

    title: str
    groups: list[Group] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def part(self, words: tuple[str, ...]) -> Section | None:
        """What of it has all words in its title and those above it; None if nothing has."""
        left = tuple(word for word in words if word.lower() not in self.title.lower())
        if not left:
            return self
        groups = [one for one in self.groups if all(w.lower() in one.title.lower() for w in left)]
        inner = [part for one in self.sections if (part := one.part(left)) is not None]
        return Section(self.title, groups, inner) if groups or inner else None

    def merged(self) -> Section:
        """A section that only holds another one, as one."""
        if self.groups or len(self.sections) != 1:
            return self
        inner = self.sections[0].merged()
        notes = self.notes + inner.notes
        return Section(f"{self.title} / {inner.title}", inner.groups, inner.sections, notes)

    def titles(self) -> list[str]:
        """Of the groups and sections inside, each once, in their order."""
        found = [group.title for group in self.groups]
        for section in self.sections:
            found += [section.title, *section.titles()]
        return list(dict.fromkeys(found))
