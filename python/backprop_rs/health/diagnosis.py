"""Findings about a network or its training, with advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .._internal import checks
from .context import Context
from .rules import RULES

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from ..history import History

WIDTH = 80


@dataclass(frozen=True)
class Finding:
    """One problem.

    Attributes
    ----------
    rule : str
        The name of the entry of `RULES`, such as "vanishing_delta".
    layer : int or None
        The layer that has the problem, from 1 to L.
    evidence : str
        A sentence with the numbers that show it.
    advice : str
        A sentence with possible remedies.
    """

    rule: str
    layer: int | None
    evidence: str
    advice: str

    @property
    def title(self) -> str:
        """The name of the illness, with its layer."""
        words = self.rule.replace("_", " ").replace("delta", "δ")
        return words if self.layer is None else f"{words} (layer {self.layer})"


class Diagnosis(Sequence[Finding]):
    """The findings of `Network.diagnose`, causes first; empty if nothing is wrong.

    Attributes
    ----------
    rows : int
        The number of samples of the forward and backward pass.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([1, 4, 1], "relu", output="identity", seed=0)
    >>> diagnosis = net.diagnose([[1000.0], [2000.0], [4000.0]], [1.0, 2.0, 3.0])
    >>> [finding.rule for finding in diagnosis]
    ['unscaled_inputs']
    >>> print(diagnosis)
    1 finding in 3 rows
    <BLANKLINE>
    1. unscaled inputs: Feature 0 is 2.65e+03 in the root mean square.
       Try: Scale every feature to mean 0 and standard deviation 1:
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
    def rules(self) -> list[str]:
        """The distinct rules of the findings."""
        return list(dict.fromkeys(finding.rule for finding in self))

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the findings as dicts of JSON types."""
        return [asdict(finding) for finding in self]

    @property
    def title(self) -> str:
        """The number of findings and of the probed rows."""
        n = len(self)
        count = f"{n} finding{'' if n == 1 else 's'}" if n else "Nothing wrong was found"
        return f"{count} in {self.rows:,} row{'' if self.rows == 1 else 's'}"

    def __repr__(self) -> str:
        from textwrap import wrap

        lines = [self.title]
        for number, finding in enumerate(self, 1):
            head = f"{number}. "
            shown = wrap(f"{finding.title}: {finding.evidence}", WIDTH - len(head))
            shown += wrap(f"Try: {finding.advice}", WIDTH - len(head))
            margins = [head, *[" " * len(head)] * (len(shown) - 1)]
            pairs = zip(margins, shown, strict=True)
            lines += ["", *(margin + line for margin, line in pairs)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        items = "".join(
            f"<li><b>{escape(finding.title)}</b>: {escape(finding.evidence)}<br>"
            f"<i>Try:</i> {escape(finding.advice)}</li>"
            for finding in self
        )
        return f"<p>{escape(self.title)}</p>" + (f"<ol>{items}</ol>" if items else "")


def diagnose(
    net: BaseNetwork, X: Data, y: Data, history: History | None, learning_rate: float | None
) -> Diagnosis:
    """Check every rule; see `Network.diagnose`."""
    rate = learning_rate
    if rate is not None:
        rate = checks.nonnegative("learning_rate", rate)
    elif history is not None and history.learning_rate:
        rate = max(history.learning_rate)
    context = Context(net, *net._samples(X, y), history, rate)
    findings: list[Finding] = []
    for rule in RULES:
        signs = list(rule.signs(context))
        findings += [Finding(rule.name, layer, evidence, rule.advice) for layer, evidence in signs]
        if signs and rule.name == "nonfinite":
            break  # the other rules need finite numbers
    return Diagnosis(findings, len(context.probe[0]))
