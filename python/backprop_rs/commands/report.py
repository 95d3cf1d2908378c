"""The result of a training: scores of each part of the data, beside those of a constant."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

from .._internal.printable import printable, say
from ..data.table_options import listed
from ..data.target_encoder import TargetEncoder
from ..training.metrics import METRICS
from .fit_options import DIVERGED

Scores = Mapping[str, float]
CONSTANT = "constant"


@dataclass(frozen=True)
class Result:
    """What `train` prints.

    Attributes
    ----------
    model : Model or Network
        To be saved.
    lines : list of str
        The description of the training.
    facts : dict
        The same for JSON.
    scores : dict from part to scores
        Of "train", and of "validation" and "test" if there are such rows.
    constant : dict
        The scores of a constant prediction for the last part.
    guess : str
        That prediction in words.
    costs : list of float
        The last cost of each training.
    seconds : float
    saved_with : str
        What the file keeps with the network.
    """

    model: Any
    lines: list[str]
    facts: dict[str, Any]
    scores: dict[str, dict[str, float]]
    constant: dict[str, float]
    guess: str
    costs: list[float]
    seconds: float
    saved_with: str = "with its scaling and names"
    names: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError if the training diverged."""
        if not all(map(isfinite, self.costs)):
            raise ValueError(DIVERGED)

    @property
    def last_part(self) -> str:
        """The part of the data that tells how good the model is."""
        return list(self.scores)[-1]

    @property
    def not_better(self) -> list[str]:
        """The metrics in which the model is no better than the constant prediction."""
        return worse(self.scores[self.last_part], self.constant)

    def text(self) -> str:
        """Return what is printed, apart from where the model is saved."""
        rows = {**self.scores, CONSTANT: self.constant}
        lines = [*self.lines, "", *score_table(rows), ""]
        lines.append(f"constant: predicts {self.guess}, for the rows of {self.last_part}")
        if self.not_better:
            lines.append(
                "note: the model is no better than this constant prediction in "
                f"{', '.join(self.not_better)}"
            )
        return "\n".join([*lines, f"trained in {self.seconds:.2f} s"])

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        return self.facts | {
            "scores": {part: finite(scores) for part, scores in self.scores.items()},
            "constant": finite(self.constant),
            "constant_prediction": self.guess,
            "not_better_than_constant": self.not_better,
            "seconds": self.seconds,
        }


def announce(args: Namespace, lines: Sequence[str]) -> None:
    """Print lines before the training, unless the result is to be JSON."""
    if not args.json:
        say("\n".join(lines), flush=True)


def score_table(rows: Mapping[str, Scores]) -> list[str]:
    """Return lines with a row for each part; a score that it lacks is empty.

    >>> score_table({"train": {"accuracy": 0.5}, "test": {}})
    ['            accuracy', 'train         0.5000', 'test']
    """
    names = dict.fromkeys(name for row in rows.values() for name in row)
    widths = {name: max(10, len(name) + 2) for name in names}
    margin = max(map(len, rows))
    lines = [" " * margin + "".join(f"{name:>{width}}" for name, width in widths.items())]
    for part, row in rows.items():
        cells = (
            f"{row[name]:{width}.4f}" if name in row else " " * width
            for name, width in widths.items()
        )
        lines.append((f"{part:<{margin}}" + "".join(cells)).rstrip())
    return lines


def worse(scores: Scores, constant: Scores) -> list[str]:
    """Return the metrics in which scores are no better than those of a constant.

    >>> worse({"accuracy": 0.9, "rmse": 2.0}, {"accuracy": 0.9, "rmse": 3.0})
    ['accuracy']
    """
    found = []
    for name, value in constant.items():
        higher = METRICS[name].higher_is_better if name in METRICS else None
        if higher is None or name not in scores or isnan(value) or isnan(scores[name]):
            continue
        if (scores[name] <= value) if higher else (scores[name] >= value):
            found.append(name)
    return found


def finite(scores: Scores) -> dict[str, float | None]:
    """Return scores for JSON, which has no NaN."""
    return {name: value if isfinite(value) else None for name, value in scores.items()}


def quietly(compute: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return scores without the warnings about metrics that a constant does not have."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return compute()


def describe_target(target: TargetEncoder) -> str:
    """Return the kind of a target with its columns and classes."""
    text = f"{target.kind} of {listed(target.names)}"
    if target.kind == "classes":
        text += f": {listed([str(level) for level in target.classes])}"
    return printable(text)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def sizes_of(name: str, counts: Mapping[str, int]) -> str:
    """Return the name of the data and the number of rows of each part.

    >>> sizes_of("iris", {"train": 120, "test": 30})
    'iris, 120 rows to train, 30 to test'
    """
    words = {"train": "to train", "validation": "to validate", "test": "to test"}
    first, *others = counts
    texts = [f"{counted(counts[first], 'row')} {words[first]}"]
    texts += [f"{counts[part]:,} {words[part]}" for part in others]
    return ", ".join([printable(name), *texts])
