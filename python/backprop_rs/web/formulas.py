"""The formulas of activations and costs for the page, from those of `explain`."""

from __future__ import annotations

from .._internal.expression import Expression
from ..explain.formulas import ACTIVATIONS, COSTS, EVERY
from ..explain.mathml import MathML


def formulas() -> dict[str, dict[str, dict[str, str] | str]]:
    """Return σ(z) and σ'(z) of each activation, and the term of one output of each cost, in MathML.

    >>> formulas()["activations"]["tanh"]["prime"]
    '<mn>1</mn><mo>−</mo><msup><mrow><mi>a</mi></mrow><mrow><mn>2</mn></mrow></msup>'
    """
    return {
        "activations": {
            name: {"sigma": written(entry.sigma), "prime": written(entry.sigma_prime)}
            for name, entry in ACTIVATIONS.items()
        },
        "costs": {
            cost if output == EVERY else f"{cost} {output}": f"<mo>∑</mo>{bracketed(entry.term)}"
            for cost, outputs in COSTS.items()
            for output, entry in outputs.items()
        },
    }


def written(formula: Expression) -> str:
    """Return a formula in MathML, without the element around it."""
    return MathML(6)(formula)


def bracketed(formula: Expression) -> str:
    """Return a formula in brackets: the term of a sum."""
    return f"<mrow><mo>(</mo>{written(formula)}<mo>)</mo></mrow>"
