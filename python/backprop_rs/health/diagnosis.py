"""What is wrong with a network or its training, in words, and what to try."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .._internal import checks
from .context import Case
from .rules import ILLNESSES

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..history import History
    from ..network import Network

WIDTH = 80


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    illness : str
        A name of the table, such as "vanishing_delta".
    layer : int or None
        The layer that it shows in, from 1 to L.
    seen : str
        What was seen, with its numbers.
    advice : str
        What to try.
    """

    illness: str
    layer: int | None
    seen: str
    advice: str

    @property
    def title(self) -> str:
        words = self.illness.replace("_", " ").replace("delta", "δ")
        return words if self.layer is None else f"{words} (layer {self.layer})"


class Diagnosis(Sequence[Finding]):
    """The findings of `Network.diagnose`, causes first; empty where nothing is wrong.

    Attributes
    ----------
    rows : int
        How many samples went forward and back.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([1, 4, 1], "relu", output="identity", seed=0)
    >>> found = net.diagnose([[1000.0], [2000.0], [4000.0]], [1.0, 2.0, 3.0])
    >>> [finding.illness for finding in found]
    ['unscaled_inputs']
    >>> print(found)
    1 finding in 3 rows
    <BLANKLINE>
    1. unscaled inputs: Feature 0 is 2.65e+03 in the root mean square.
       Try: Bring every feature to mean 0 and standard deviation 1:
       bp.data.standardize.
    """

    def __init__(self, findings: Sequence[Finding], rows: int) -> None:
        self.findings, self.rows = tuple(findings), rows

    def __getitem__(self, index: Any) -> Any:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def illnesses(self) -> list[str]:
        """The names of what was found, each once."""
        return list(dict.fromkeys(finding.illness for finding in self))

    def to_dict(self) -> list[dict[str, Any]]:
        """The findings as JSON can hold them."""
        return [asdict(finding) for finding in self]

    @property
    def title(self) -> str:
        n = len(self)
        count = f"{n} finding{'' if n == 1 else 's'}" if n else "Nothing wrong was found"
        return f"{count} in {self.rows:,} row{'' if self.rows == 1 else 's'}"

    def __repr__(self) -> str:
        from textwrap import wrap

        lines = [self.title]
        for number, finding in enumerate(self, 1):
            head = f"{number}. "
            shown = wrap(f"{finding.title}: {finding.seen}", WIDTH - len(head))
            shown += wrap(f"Try: {finding.advice}", WIDTH - len(head))
            margins = [head, *[" " * len(head)] * (len(shown) - 1)]
            pairs = zip(margins, shown, strict=True)
            lines += ["", *(margin + line for margin, line in pairs)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        items = "".join(
            f"<li><b>{escape(one.title)}</b>: {escape(one.seen)}<br>"
            f"<i>Try:</i> {escape(one.advice)}</li>"
            for one in self
        )
        return f"<p>{escape(self.title)}</p>" + (f"<ol>{items}</ol>" if items else "")


def diagnose(
    net: Network, X: Data, y: Data, history: History | None, learning_rate: float | None
) -> Diagnosis:
    """What `Network.diagnose` does."""
    rate = learning_rate
    if rate is not None:
        rate = checks.nonnegative("learning_rate", rate)
    elif history is not None and history.learning_rate:
        rate = max(history.learning_rate)
    case = Case(net, *net._samples(X, y), history, rate)
    findings: list[Finding] = []
    for row in ILLNESSES:
        found = [Finding(row.name, layer, seen, row.advice) for layer, seen in row.signs(case)]
        findings += found
        if found and row.name == "nonfinite":
            break  # all that follows would be of numbers that are none
    return Diagnosis(findings, len(case.probe[0]))
