"""What `Network.explain` returns."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._internal.checks import integer
from .._internal.writing import replace_text
from .backward import backward
from .document import Section
from .forward import forward
from .paths import Parameter
from .paths import section as paths
from .quantities import Quantities, quantities
from .sample import Sample
from .selection import Shown, choose
from .update import averages, update

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Path
    from ..network import Network


@dataclass(frozen=True, eq=False)
class Document:
    """Sections of equations in all their forms; `print` gives the text in 80 columns."""

    section: Section
    arrays: dict[str, Any]
    digits: int

    def text(self, width: int | None = 80) -> str:
        """Plain text; without a width, each equation is one line.

        Parameters
        ----------
        width : int or None, default 80
            Columns, at least 60.
        """
        from .text import Page

        if width is not None:
            integer("width", width, least=60)
        return "\n".join(Page(width, self.digits).section(self.section)).strip("\n")

    def to_markdown(self) -> str:
        """Markdown with the equations in LaTeX."""
        from .markdown import markdown

        return markdown(self.section, self.digits)

    def to_html(self) -> str:
        """A page that needs nothing beside it, no script and no network; each section folds."""
        from .html import page

        return page(self.section, self.digits)

    def part(self, *titles: str) -> Document:
        """Only the quantities whose titles, with those of their sections, contain these words.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> net = bp.Network([1, 1], output="identity", init=[[[2.0]]])
        >>> print(net.explain([3.0], [5.0]).part("layer 1", "slope of the cost"))
        Backward / Layer 1: output
        ==========================
        <BLANKLINE>
        Slope of the cost  (eq. 4)
            ∂C₀/∂aⱼ⁽¹⁾ = 2 (aⱼ⁽¹⁾ − yⱼ)
        <BLANKLINE>
          ∂C₀/∂a₀⁽¹⁾ = 2 (a₀⁽¹⁾ − y₀) = 2 (6 − 5) = 2
        """
        found = self.section.part(titles)
        if found is None:
            known = ", ".join(self.section.titles())
            raise ValueError(f"titles must be among {known}; got {', '.join(titles)}")
        if len(found.sections) == 1:
            found = found.sections[0]  # the title of the whole is known
        return Document(found.merged(), self.to_dict(), self.digits)

    def to_dict(self) -> dict[str, Any]:
        """The arrays behind the lines, complete."""
        return dict(self.arrays)

    def save(self, path: Path) -> None:
        """Write it to a file, in the form that its name ends with: .html, .md or .txt."""
        forms = {".html": self.to_html, ".md": self.to_markdown, ".txt": self.text}
        place = pathlib.Path(path)
        if place.suffix not in forms:
            raise ValueError(f"path must end in {', '.join(forms)}; got {str(path)!r}")
        replace_text(path, forms[place.suffix]())

    def _repr_html_(self) -> str:
        from .html import html

        return html(self.section, self.digits)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.section.title}>"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Document):
    """The derivation with the numbers of a network and some samples, from `Network.explain`."""

    quantities: Quantities
    shown: Shown

    def weight(self, layer: int, j: int, k: int, *, most: int = 16) -> Document:
        """The chain rule of dC/dw_jk of a layer, along every path from the weight to the cost.

        Through layer normalization each z of a layer acts on all of its neurons, and there is a
        path through each.

        Parameters
        ----------
        layer : int
            From 1, the first hidden layer, to L.
        j, k : int
            The neuron in the layer, and the one before it, from 0.
        most : int, default 16
            The paths that are shown, the largest; the others are counted and added up.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> net = bp.Network([1, 1, 1], "identity", "identity", init=[[[2.0]], [[3.0]]])
        >>> print(net.explain([1.0], [5.0]).weight(1, 0, 0))
        The chain rule of one weight: layer 1, j = 0, k = 0
        ...
        Their sum
        <BLANKLINE>
          ∂C₀/∂w₀₀⁽¹⁾ = P₀ = 6
        ...
        """
        sizes = self.quantities.net.sizes
        layer, j = self._place(layer, j)
        k = integer("k", k, least=0, most=sizes[layer - 1] - 1)
        return self._chain(Parameter(layer, j, k), most)

    def bias(self, layer: int, j: int, *, most: int = 16) -> Document:
        """The chain rule of dC/db_j of a layer, as for `weight`."""
        return self._chain(Parameter(*self._place(layer, j), None), most)

    def _place(self, layer: int, j: int) -> tuple[int, int]:
        sizes = self.quantities.net.sizes
        layer = integer("layer", layer, least=1, most=len(sizes) - 1)
        return layer, integer("j", j, least=0, most=sizes[layer] - 1)

    def _chain(self, parameter: Parameter, most: int) -> Document:
        most = integer("most", most, least=1)
        return Document(*paths(self.quantities, self.shown, parameter, most), self.digits)

    def to_dict(self) -> dict[str, Any]:
        """All arrays of the derivation, complete: rows are samples, one array a layer.

        `x`, `y`, `weights`, `biases`, `weighted_inputs`, `activations` (the input first),
        `cost_terms`, `sample_costs`, `cost`, `activation_gradients` (dC/da),
        `activation_slopes` (sigma', of softmax the Jacobian), `deltas`,
        `sample_weight_gradients`, `sample_bias_gradients`, `weight_gradients`, `bias_gradients`,
        `learning_rate`, `new_weights`, `new_biases`, `new_cost`. With layer normalization also
        `means`, `deviations`, `normalized`, `seen` (what the activation sees), `seen_gradients`,
        `gains`, `shifts`, their gradients and new values, None for layers without it.
        """
        return self.quantities.to_dict()


def explain(
    net: Network,
    X: Array,
    y: AnyArray,
    learning_rate: float,
    most: int,
    most_samples: int,
    digits: int,
) -> Explanation:
    """Compute, choose what is shown, and write it down."""
    of = quantities(net, X, y, learning_rate)
    shown = choose(of, most, most_samples)
    return Explanation(whole(of, shown), {}, digits, of, shown)


def whole(of: Quantities, shown: Shown) -> Section:
    """All steps of the derivation in their order."""
    samples = [Sample(of, shown, i) for i in shown.samples]
    notes = introduction(of, shown)
    if of.m == 1:
        parts = [forward(samples[0]), backward(samples[0])]
    else:
        parts = [
            Section(f"Sample {one.i}", sections=[forward(one), backward(one)]) for one in samples
        ]
        parts.append(averages(of, shown))
    title = f"Back-propagation through {of.net!r}"
    return Section(title, sections=[*parts, update(of, shown)], notes=notes)


def introduction(of: Quantities, shown: Shown) -> list[str]:
    notes = ["Equation numbers (eq.) are those of docs/derivation.md."]
    left = of.m - len(shown.samples)
    if left:
        notes.append(
            f"{left:,} of {of.m:,} samples have no pages of their own; the averages include them."
        )
    if any(one["dropout"] for one in of.net._options):
        notes.append("Dropout is off, as in predict: no activation is left out.")
    if any(map(shown.rest, range(len(of.net.sizes)))):
        notes.append(
            "Of wide layers the neurons with the largest |δ| are shown, of wide inputs the "
            "largest; in sums, the other terms are counted and added up. to_dict() has all."
        )
    return notes
