"""The exceptions of this package; each is also one of Python's own.

Every exception can be pickled and copied with its attributes, so that a pool of processes can pass
it on.
"""

from __future__ import annotations

import builtins
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .history import History

__all__ = [
    "MaskedValues",
    "MissingCell",
    "NonFiniteCost",
    "NotNumbers",
    "RankFailed",
    "RanksDiffer",
]


def __dir__() -> list[str]:
    return __all__


class MaskedValues(ValueError):
    """Data hold masked values, and NumPy would read the numbers below the mask.

    Examples
    --------
    >>> import backprop_rs as bp, numpy as np
    >>> net = bp.Network([2, 1], seed=0)
    >>> try:
    ...     net.predict(np.ma.array([[1.0, 2.0]], mask=[[False, True]]))
    ... except bp.MaskedValues as error:
    ...     print(error)
    X must hold no masked values; got one at (0, 1) (counted from 0)
    """


class MissingCell(ValueError):
    """A cell of a table is missing, and the option `missing` does not allow that.

    Parameters
    ----------
    place : str
        The file or frame, row and column.
    of_target : bool
    accepted : str
        The values of `missing` that would continue.
    word : str, default ""
        The cell, if it is a word that stands for a missing one.

    Attributes
    ----------
    place, of_target, accepted, word

    Examples
    --------
    >>> raise MissingCell("houses.csv, line 3, column 'price'", True, "'drop'")
    Traceback (most recent call last):
    backprop_rs.exceptions.MissingCell: houses.csv, line 3, column 'price': the cell is missing; \
give missing='drop' to go on
    """

    def __init__(self, place: str, of_target: bool, accepted: str, word: str = "") -> None:
        what = f" (it is {word!r}, one of missing_values)" if word else ""
        super().__init__(f"{place}: the cell is missing{what}; give missing={accepted} to go on")
        self.place, self.of_target, self.accepted = place, of_target, accepted
        self.word = word

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place, self.of_target, self.accepted, self.word), self.__dict__


class NonFiniteCost(ValueError, FloatingPointError):
    """The cost of a batch was NaN or infinite, and `fit` has `on_nan="raise"`.

    The network has the parameters before the update that caused it.

    Parameters
    ----------
    sentence : str
    history : History
        The record of the epochs before it.

    Attributes
    ----------
    history : History

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([1, 1], output="identity", seed=0)
    >>> try:
    ...     net.fit([[1e30]], [0.0], epochs=3, learning_rate=0.1, progress=False)
    ... except bp.NonFiniteCost as error:
    ...     print(error.history.stopped, len(error.history))
    nan 0
    """

    def __init__(self, sentence: str, history: History) -> None:
        super().__init__(sentence)
        self.history = history

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.history), self.__dict__


class NotNumbers(TypeError):
    """A column of a frame holds no numbers, or an array is sparse."""


class RanksDiffer(ValueError):
    """The ranks of a distributed training have different settings.

    Every rank raises it before the first step, with the same sentence.
    """


class RankFailed(RuntimeError):
    """Another rank of a distributed training has failed, which ends the training on all ranks.

    The failed rank raises its own exception, all others this one. It is also an instance of the
    nearest built-in exception: if a rank raises a ValueError, `except ValueError` works on all
    ranks.

    Parameters
    ----------
    rank : int
    kind : str
        The name of the exception's type.
    sentence : str
        The text of the exception.

    Attributes
    ----------
    rank, kind, sentence

    Examples
    --------
    >>> raise RankFailed(1, "OSError", "the disk is full")
    Traceback (most recent call last):
    backprop_rs.exceptions.RankFailed: rank 1: OSError: the disk is full
    """

    def __init__(self, rank: int, kind: str, sentence: str) -> None:
        super().__init__(rank, kind, sentence)
        self.rank, self.kind, self.sentence = rank, kind, sentence

    def __str__(self) -> str:
        # The sentences about wrong arguments need no name of a type.
        name = "" if self.kind in ("ValueError", "TypeError") else self.kind
        return ": ".join(filter(None, (f"rank {self.rank}", name, self.sentence)))

    def __reduce__(self) -> tuple[Any, ...]:
        base = type(self).__bases__[-1].__name__
        return rank_failed, (self.rank, self.kind, self.sentence, base), self.__dict__


def rank_failed(rank: int, kind: str, sentence: str, base: str) -> RankFailed:
    """Return a `RankFailed` that is also an instance of the built-in exception `base`.

    >>> isinstance(rank_failed(1, "KeyError", "'x'", "KeyError"), KeyError)
    True
    """
    return _also(base)(rank, kind, sentence)


def nearest_builtin(kind: type[BaseException]) -> str:
    """Return the name of the built-in exception that a type is or is derived from.

    >>> nearest_builtin(NonFiniteCost)
    'ValueError'
    """
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")


@lru_cache(maxsize=64)
def _also(base: str) -> type[RankFailed]:
    kind = getattr(builtins, base)
    if not issubclass(kind, Exception) or issubclass(RankFailed, kind):
        return RankFailed  # SystemExit, for example, would end the other ranks silently
    names = {"__module__": RankFailed.__module__, "__doc__": RankFailed.__doc__}
    try:
        return type("RankFailed", (RankFailed, kind), names)
    except TypeError:  # its instances have another layout in C
        return RankFailed
