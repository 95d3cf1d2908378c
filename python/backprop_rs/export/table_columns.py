"""The raw columns of an exported model, and the codes of their levels in each preparation."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from ..data.scalers import Scaler

if TYPE_CHECKING:
    from ..data import Preprocessor
    from ..data.columns import Kind, Level


@dataclass(frozen=True)
class InputColumn:
    """A raw column: its kind, and the levels that at least one preparation knows.

    A cell of a category has a position: k of `levels`, n for a missing cell and n + 1 for an
    unknown level, where n is the number of levels. Levels are sorted, so that they can be searched
    by bisection: numbers by size, and texts by their bytes in UTF-8.
    """

    name: str
    kind: Kind
    levels: tuple[Level, ...] = ()
    is_text: bool = False

    @classmethod
    def of(cls, encoders: Sequence[Encoder]) -> InputColumn:
        """Return the column of the encoders of all preparations."""
        name, kind = encoders[0].name, encoders[0].kind
        if any(encoder.kind != kind for encoder in encoders):
            raise ValueError(f"networks must take the column {name!r} as one kind; got several")
        known = {
            level
            for encoder in encoders
            if isinstance(encoder, CategoryEncoder)
            for level in encoder.levels
        }
        if kind == "boolean":
            return cls(name, kind, (False, True))
        is_text = any(isinstance(level, str) for level in known)
        if not is_text:
            return cls(name, kind, tuple(sorted(known)))
        return cls(name, kind, tuple(sorted(known, key=as_bytes)), is_text=True)

    @property
    def texts(self) -> list[str]:
        """The levels as texts, or ValueError if two of them are the same text."""
        texts = [str(level) for level in self.levels]
        for text, following in itertools.pairwise(texts):
            if text == following:
                raise ValueError(
                    f"a file takes the cells of {self.name!r} as texts, and cannot tell the level "
                    f"{text} from {text!r}; give it one of them"
                )
        return texts

    def codes(self, encoder: CategoryEncoder) -> NDArray[np.float64]:
        """Return the features (n + 2, k) of each position."""
        return encoder.codes[self.rows(encoder)]

    def hot(self, encoder: CategoryEncoder) -> NDArray[np.int64]:
        """Return which feature is 1 at each position, and -1 for none, if `is_one_hot`."""
        rows, n = self.rows(encoder), len(encoder.levels)
        features = np.append(np.arange(n), [n if encoder.indicator else -1, -1])
        hot: NDArray[np.int64] = features[rows].astype(np.int64)
        return hot

    def rows(self, encoder: CategoryEncoder) -> NDArray[np.intp]:
        """Return the row of `encoder.codes` for each position; other levels are unknown there."""
        n = len(encoder.levels)
        known = {level: k for k, level in enumerate(encoder.levels)}
        rows = [known.get(level, n + 1) for level in self.levels]
        return np.array([*rows, n, n + 1], np.intp)


def as_bytes(level: Level) -> bytes:
    """Return a level as text in UTF-8."""
    return str(level).encode()


def is_one_hot(encoder: CategoryEncoder) -> bool:
    """Return True if each level has a feature of its own, which is 1 for it alone."""
    return encoder.label == "category" and len(encoder.levels) > 2


def number_of(encoder: Encoder) -> NumberEncoder | None:
    """Return the part of an encoder that scales a number, if it has one."""
    part = getattr(encoder, "number", encoder)
    return part if isinstance(part, NumberEncoder) else None


def edges_of(encoder: Encoder) -> NDArray[np.float64] | None:
    """Return the edges of the bins of a piecewise-linear encoding, if an encoder has them."""
    edges = getattr(encoder, "edges", None)
    return None if edges is None else np.array(edges, np.float64)


def scalers_of(encoder: Encoder) -> list[Scaler]:
    """Return the scalings of a column."""
    if isinstance(encoder, DateEncoder):
        return list(encoder.scalers)
    number = number_of(encoder)
    return [] if number is None or number.scaler is None else [number.scaler]


def input_columns(main: Preprocessor, preparations: Iterable[Preprocessor]) -> list[InputColumn]:
    """Return the columns of `main`, which must be all columns of the preparations."""
    encoders: dict[str, list[Any]] = {encoder.name: [encoder] for encoder in main.encoders}
    for preparation in preparations:
        if preparation is main:
            continue
        for encoder in preparation.encoders:
            if encoder.name not in encoders:
                raise ValueError(
                    f"networks must take columns of the model; one takes {encoder.name!r}"
                )
            encoders[encoder.name].append(encoder)
    return [InputColumn.of(each) for each in encoders.values()]
