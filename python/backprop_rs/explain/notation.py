"""The symbols of the derivation with their indices: numbers, or j and k in general."""

from __future__ import annotations

from dataclasses import replace

from .._internal.expression import Call, Derivative, Expression, Symbol

Index = int | str

NOTATIONS = ("number", "from_output")
"""The ways to count layers: 0, 1, 2, ... from the input, or ..., L-1, L from the output."""


def below(*indices: Index) -> str:
    """Join indices: letters as in the derivation, numbers with a comma between them.

    >>> below("j", "k"), below(1, 0)
    ('jk', '1,0')
    """
    texts = list(map(str, indices))
    return ("" if all(map(str.isalpha, texts)) else ",").join(texts)


def counted_from_output(formula: Expression, last: int) -> Expression:
    """Return a formula with layer `last` as L, the one before as L-1, and so on.

    >>> counted_from_output(a(0, 1) * b(0, 2), 2) == a(0, "L−1") * b(0, "L")
    True
    """
    if isinstance(formula, Symbol) and formula.above.isdigit():
        back = last - int(formula.above)
        return replace(formula, above=f"L−{back}" if back else "L")
    return formula.rebuilt(lambda part: counted_from_output(part, last))


def z(j: Index, layer: Index) -> Symbol:
    """Return the symbol of a weighted input."""
    return Symbol("z", below(j), str(layer))


def a(j: Index, layer: Index) -> Symbol:
    """Return the symbol of an activation; layer 0 is the input."""
    return Symbol("a", below(j), str(layer))


def scaled(k: Index) -> Symbol:
    """Return the symbol of an input times its learned factor."""
    return Symbol("ã", below(k), "0")


def e(k: Index) -> Symbol:
    """Return the symbol of an embedded input."""
    return Symbol("e", below(k))


def r(j: Index, layer: Index) -> Symbol:
    """Return the symbol of the alpha of a parametric activation."""
    return Symbol("r", below(j), str(layer))


def theta(p: Index) -> Symbol:
    """Return the symbol of a number that an embedding learns."""
    return Symbol("θ", below(p))


def s(k: Index) -> Symbol:
    """Return the symbol of the learned factor of an input."""
    return Symbol("s", below(k))


def b(j: Index, layer: Index) -> Symbol:
    """Return the symbol of a bias."""
    return Symbol("b", below(j), str(layer))


def w(j: Index, k: Index, layer: Index) -> Symbol:
    """Return the symbol of the weight from neuron k of the layer before to neuron j."""
    return Symbol("w", below(j, k), str(layer))


def delta(j: Index, layer: Index) -> Symbol:
    """Return the symbol of an error term, dC/dz."""
    return Symbol("δ", below(j), str(layer))


def u(j: Index, layer: Index) -> Symbol:
    """Return the symbol of the input of an activation behind layer normalization."""
    return Symbol("u", below(j), str(layer))


def hat(j: Index, layer: Index) -> Symbol:
    """Return the symbol of a normalized weighted input."""
    return Symbol("ẑ", below(j), str(layer))


def g(j: Index, layer: Index) -> Symbol:
    """Return the symbol of a gain."""
    return Symbol("g", below(j), str(layer))


def h(j: Index, layer: Index) -> Symbol:
    """Return the symbol of a shift."""
    return Symbol("h", below(j), str(layer))


def y(j: Index, smoothed: bool = False) -> Symbol:
    """Return the symbol of a target, or of a smoothed one."""
    return Symbol("ỹ" if smoothed else "y", below(j))


def cost(sample: Index | None = None) -> Symbol:
    """Return the symbol of C_i of a sample, or of C of the batch."""
    return Symbol("C", "" if sample is None else below(sample))


def sigma(part: Expression) -> Expression:
    """Return the activation function of a formula."""
    return Call("σ", (part,))


def by(cost: Expression, parameter: Expression) -> Derivative:
    """Return the derivative of `cost`, or of any other symbol, by a parameter."""
    return Derivative(cost, parameter)


ALPHA = Symbol("α")
