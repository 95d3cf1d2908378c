"""The result of `Network.explain`."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._internal.checks import integer
from .._internal.writing import replace_text
from .backward import backward
from .document import Section
from .forward import forward
from .notation import counted_from_output
from .paths import Parameter, chain_rule
from .quantities import Quantities, quantities
from .sample import Sample
from .selection import RULE, Shown, choose
from .update import averages, update

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Path
    from ..base_network import BaseNetwork


@dataclass(frozen=True, eq=False)
class Document:
    """Sections of equations as text, Markdown and HTML; `print` gives text in 80 columns."""

    section: Section
    arrays: dict[str, Any]
    digits: int

    def text(self, width: int | None = 80) -> str:
        """Return plain text.

        Parameters
        ----------
        width : int or None, default 80
            The number of columns, at least 60. With None each equation is one line.
        """
        from .text import Page

        if width is not None:
            integer("width", width, least=60)
        return "\n".join(Page(width, self.digits).section(self.section)).strip("\n")

    def to_markdown(self) -> str:
        """Return Markdown with the equations in LaTeX."""
        from .markdown import markdown

        return markdown(self.section, self.digits)

    def to_html(self) -> str:
        """Return a page with folding sections that loads no other files.

        The page of a whole explanation has a picture of the network: a slider goes forward,
        backward and through the update; a weight that is touched lights up its paths to the cost
        and opens its formulas.
        """
        from .html import page

        return page(self.section, self.digits, self.picture())

    def picture(self) -> str:
        """Return the picture for a page: none, except of a whole explanation."""
        return ""

    def part(self, *titles: str) -> Document:
        """Return the quantities that have all these words in their titles.

        The titles of the sections around a quantity count too. Case does not matter.

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
        section = self.section.part(titles)
        if section is None:
            known = ", ".join(self.section.titles())
            raise ValueError(f"titles must be among {known}; got {', '.join(titles)}")
        if len(section.sections) == 1:
            section = section.sections[0]  # drop the title of the whole document
        return Document(section.merged(), self.to_dict(), self.digits)

    def to_dict(self) -> dict[str, Any]:
        """Return the complete arrays behind the lines."""
        return dict(self.arrays)

    def save(self, path: Path) -> None:
        """Write a file; its name must end in .html, .md or .txt."""
        forms = {".html": self.to_html, ".md": self.to_markdown, ".txt": self.text}
        suffix = pathlib.Path(path).suffix
        if suffix not in forms:
            raise ValueError(f"path must end in {', '.join(forms)}; got {str(path)!r}")
        replace_text(path, forms[suffix]())

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
    notation: str
    output_names: tuple[str, ...] = ()  # of a model; a network may have them in its metadata

    def picture(self) -> str:
        """Return the picture of the network for a page, as HTML with a script."""
        from .picture import Picture

        settings = (self.notation, self.digits, self.output_names)
        return Picture(self.quantities, self.shown, *settings).html()

    def counted(self, section: Section) -> Section:
        """Return another section with layers counted as in this explanation."""
        return counted(section, self.quantities, self.notation)

    def weight(self, layer: int, j: int, k: int, *, max_paths: int = 16) -> Document:
        """Return the chain rule of dC/dw_jk, along every path from the weight to the cost.

        With layer normalization each z acts on all neurons of its layer, and there is a path
        through each of them.

        Parameters
        ----------
        layer : int
            From 1, the first hidden layer, to L.
        j, k : int
            The neuron in the layer and the neuron in the layer before, counted from 0.
        max_paths : int, default 16
            The number of paths that are shown, the largest ones. The others are counted and
            added up.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> net = bp.Network([1, 1, 1], "identity", "identity", init=[[[2.0]], [[3.0]]])
        >>> print(net.explain([1.0], [5.0]).weight(1, 0, 0))
        The chain rule of one weight: layer 1, j = 0, k = 0
        ...
        Their sum
        <BLANKLINE>
          ∂C₀/∂w₀,₀⁽¹⁾ = P₀ = 6
        ...
        """
        sizes = self.quantities.net._widths
        layer, j = self._place(layer, j)
        k = integer("k", k, least=0, most=sizes[layer - 1] - 1)
        return self._chain(Parameter(layer, j, k), max_paths)

    def bias(self, layer: int, j: int, *, max_paths: int = 16) -> Document:
        """Return the chain rule of dC/db_j of a layer; see `weight`."""
        return self._chain(Parameter(*self._place(layer, j), None), max_paths)

    def _place(self, layer: int, j: int) -> tuple[int, int]:
        sizes = self.quantities.net.sizes
        layer = integer("layer", layer, least=1, most=len(sizes) - 1)
        return layer, integer("j", j, least=0, most=sizes[layer] - 1)

    def _chain(self, parameter: Parameter, max_paths: int) -> Document:
        max_paths = integer("max_paths", max_paths, least=1)
        section, arrays = chain_rule(self.quantities, self.shown, parameter, max_paths)
        return Document(counted(section, self.quantities, self.notation), arrays, self.digits)

    def to_dict(self) -> dict[str, Any]:
        """Return all arrays of the derivation: rows are samples, lists have an array per layer.

        `x`, `y`, `weights`, `biases`, `weighted_inputs`, `activations` (the input first),
        `cost_terms`, `sample_costs`, `cost`, `activation_gradients` (dC/da),
        `activation_slopes` (sigma', of softmax the Jacobian), `deltas`,
        `sample_weight_gradients`, `sample_bias_gradients`, `weight_gradients`, `bias_gradients`,
        `learning_rate`, `new_weights`, `new_biases`, `new_cost`. With layer normalization also
        `means`, `deviations`, `normalized`, `seen` (the inputs u of the activation),
        `seen_gradients`, `gains`, `shifts`, their gradients and new values; None for layers
        without layer normalization. With `input_scale` also `scales`, `scaled_inputs`,
        `input_deltas` (dC/d(scaled input)), `scale_gradients` and `new_scales`; with an
        `embedding` also `embedded_inputs`; with `parametric` also `alphas`. With an optimizer
        that keeps moments also `moments` and `new_moments`, by names such as "mean.weights.1".
        """
        return self.quantities.to_dict()


def explain(
    net: BaseNetwork,
    X: Array,
    y: AnyArray,
    learning_rate: float,
    max_neurons: int,
    max_samples: int,
    digits: int,
    notation: str,
    optimizer: str = "sgd",
) -> Explanation:
    """Compute all quantities, select those to show, and write them out."""
    batch = quantities(net, X, y, learning_rate, optimizer)
    shown = choose(batch, max_neurons, max_samples)
    section = counted(whole(batch, shown), batch, notation)
    return Explanation(section, {}, digits, batch, shown, notation)


def counted(section: Section, batch: Quantities, notation: str) -> Section:
    """Return a section with layers counted as `notation` says."""
    if notation == "number":
        return section
    last = len(batch.net.sizes) - 1
    return section.changed(lambda formula: counted_from_output(formula, last))


def whole(batch: Quantities, shown: Shown) -> Section:
    """Return all steps of the derivation in their order."""
    samples = [Sample(batch, shown, i) for i in shown.samples]
    notes = introduction(batch, shown)
    if batch.m == 1:
        parts = [forward(samples[0]), backward(samples[0])]
    else:
        parts = [
            Section(f"Sample {sample.i}", sections=[forward(sample), backward(sample)])
            for sample in samples
        ]
        parts.append(averages(batch, shown))
    title = f"Back-propagation through {batch.net!r}"
    return Section(title, sections=[*parts, update(batch, shown)], notes=notes)


def introduction(batch: Quantities, shown: Shown) -> list[str]:
    """Return the notes above an explanation: equation numbers, and what is left out."""
    notes = ["Equation numbers (eq.) are those of docs/derivation.md."]
    left = batch.m - len(shown.samples)
    if left:
        notes.append(f"{left:,} of {batch.m:,} samples are not shown; the averages include them.")
    if any(options["dropout"] for options in batch.net._options):
        notes.append("Dropout is off, as in predict: no activation is left out.")
    if any(map(shown.rest, range(len(batch.net.sizes)))):
        notes.append(
            f"{RULE} Sums count the other terms and add them up. to_dict() has all values."
        )
    return notes
