"""Regions of classes, or a surface of values, as artists that can change to other outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import MARKS, Paper, legend, tidy

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray
    from ..data.scaling import Scaling

LEVELS = 15  # the ends of the colors of a surface


@dataclass
class View:
    """The network's outputs on a grid, and the samples."""

    extent: tuple[float, float, float, float]
    outputs: AnyArray  # (points, points, n_L), rows are the second feature
    spots: AnyArray  # (m, 2)
    labels: AnyArray | None  # (m,)
    predicted: AnyArray  # (m,), the class of the background at each sample
    values: AnyArray | None  # (m,), unless the targets are classes
    threshold: float
    classes: int  # their number; 0 for values
    base: AnyArray  # (n_0,), the values of the other features

    def limits(self) -> tuple[float, float]:
        """Return the smallest and the largest value of a surface and its samples."""
        known = self.outputs[..., 0].ravel()
        if self.values is not None:
            known = np.concatenate([known, self.values])
        low, high = float(known.min()), float(known.max())
        return low, high if high > low else low + 1

    def in_units(
        self, features: tuple[int, int], scaling: Scaling | None, target_scaling: Scaling | None
    ) -> View:
        """Return the view in the units before a scaling of the features and of the values."""
        view = self
        if scaling is not None:
            if scaling.mean.shape != self.base.shape:
                raise ValueError(
                    f"scaling must have {len(self.base)} features; got {len(scaling.mean)}"
                )
            pair = list(features)
            (low, high), (bottom, top) = (
                scaling.mean[i] + scaling.scale[i] * np.array(ends)
                for i, ends in zip(pair, (self.extent[:2], self.extent[2:]), strict=True)
            )
            spots = scaling.mean[pair] + scaling.scale[pair] * self.spots
            extent = (float(low), float(high), float(bottom), float(top))
            view = replace(view, extent=extent, spots=spots, base=scaling.invert(self.base))
        if target_scaling is not None and not self.classes:
            outputs = target_scaling.invert(self.outputs.reshape(-1, self.outputs.shape[-1]))
            view = replace(view, outputs=outputs.reshape(self.outputs.shape))
            if self.values is not None:
                values = target_scaling.mean[0] + target_scaling.scale[0] * self.values
                view = replace(view, values=values)
        return view


class Area:
    """The outputs over two features with the samples, on one Axes.

    Attributes
    ----------
    colors : the filled contours of a surface, or None
    """

    def __init__(self, ax: Axes, view: View, max_samples: int) -> None:
        self.ax, self.paper, self.colors = ax, Paper(ax), None
        last = len(view.spots) - 1
        self.rows = np.unique(np.linspace(0, last, max_samples).round().astype(int))
        self.spots = view.spots[self.rows]

    def update(self, view: View) -> list[Artist]:
        """Show other outputs for the same samples; return the artists that have changed."""
        raise NotImplementedError

    def axes_of(self, view: View, outputs: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Return the positions of the columns and of the rows of a grid."""
        across = np.linspace(*view.extent[:2], outputs.shape[1])
        return across, np.linspace(*view.extent[2:], outputs.shape[0])


class Regions(Area):
    """Each class in its color, mixed with the background if the network is not sure."""

    def __init__(
        self, ax: Axes, view: View, class_names: Sequence[str], max_samples: int, moving: bool
    ) -> None:
        from matplotlib.collections import LineCollection

        super().__init__(ax, view, max_samples)
        look: Any = {"origin": "lower", "extent": view.extent, "aspect": "auto"}
        ground = np.zeros((*view.outputs.shape[:2], 3))
        self.image = ax.imshow(ground, interpolation="bilinear", **look)
        lines: Any = {"colors": [self.paper.ink], "linewidths": 1.2, "zorder": 2}
        self.lines = LineCollection([], **lines)
        ax.add_collection(self.lines, autolim=False)
        self.rings: Any = None
        self.draw_samples(view, class_names, moving)

    def update(self, view: View) -> list[Artist]:
        """Show other outputs for the same samples; return the artists that have changed."""
        self.image.set_data(self.colored(view))
        self.lines.set_segments(self.borders(view))
        changed: list[Artist] = [self.image, self.lines]
        if self.rings is not None:
            self.rings.set_offsets(self.spots[self.wrong(view)])
            changed.append(self.rings)
        return changed

    def colored(self, view: View) -> AnyArray:
        """Return the colors of the grid, from 0 to 1."""
        from matplotlib.colors import to_rgb

        shares = shares_of(view)
        colors = np.array([to_rgb(color) for color in palette(self.paper, view.classes)])
        ordered = np.sort(shares, axis=-1)
        lead = np.clip(ordered[..., -1] - ordered[..., -2], 0, 1)[..., None]
        strength = 0.12 + 0.38 * lead
        winner = colors[shares.argmax(axis=-1)]
        colored: AnyArray = strength * winner + (1 - strength) * self.paper.ground
        return colored

    def borders(self, view: View) -> list[AnyArray]:
        """Return a line for each class against all others; with two classes both are the same."""
        from contourpy import contour_generator

        shares = shares_of(view)
        lines: list[AnyArray] = []
        for label in range(view.classes - (view.classes == 2)):
            others = np.delete(shares, label, axis=-1).max(axis=-1)
            gap = shares[..., label] - others
            if gap.min() < 0 < gap.max():
                generator: Any = contour_generator(*self.axes_of(view, gap), gap)
                lines += generator.lines(0.0)
        return lines

    def wrong(self, view: View) -> AnyArray:
        """Return True for each drawn sample whose background is that of another class."""
        assert view.labels is not None
        differs: AnyArray = view.labels[self.rows] != view.predicted[self.rows]
        return differs

    def draw_samples(self, view: View, class_names: Sequence[str], moving: bool) -> None:
        """Draw samples with a mark and color per class, and rings if the background differs.

        In a film there may be rings later, so the legend names them from the start.
        """
        ax, paper, spots = self.ax, self.paper, self.spots
        size = 22 if len(spots) <= 300 else 10
        if view.labels is None:
            ax.scatter(*spots.T, s=size, color=paper.ink, alpha=0.5, linewidths=0)
            return
        labels, colors = view.labels[self.rows], palette(paper, view.classes)
        for label in np.unique(labels):
            name = class_names[label] if len(class_names) > label else f"class {label}"
            look = {"color": [colors[label]], "marker": MARKS[label % len(MARKS)], "s": size}
            edge = {"edgecolors": paper.ground, "lw": 0.6}
            ax.scatter(*spots[labels == label].T, label=name, **look, **edge)
        wrong = spots[self.wrong(view)]
        if moving or len(wrong):
            look = {"facecolors": "none", "edgecolors": paper.ink, "s": 4 * size, "linewidths": 1.2}
            self.rings = ax.scatter(*wrong.T, label="wrong", zorder=2.1, **look)
        if view.classes <= len(paper.palette):
            legend(ax, paper, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))


class Surface(Area):
    """Filled contours of the first output, and the samples in the same colors.

    `limits` of several surfaces give them the same colors; a surface may exceed them.
    """

    def __init__(
        self, ax: Axes, view: View, max_samples: int, limits: tuple[float, float] | None
    ) -> None:
        super().__init__(ax, view, max_samples)
        self.limits = limits or view.limits()
        self.extend = "both" if limits else "neither"
        self.contours: list[Any] = []
        self.samples: Any = None

    def update(self, view: View) -> list[Artist]:
        """Show other outputs for the same samples; return the artists that have changed."""
        for contours in self.contours:
            contours.remove()
        surface = view.outputs[..., 0]
        across, up = self.axes_of(view, surface)
        low, high = self.limits
        levels = np.linspace(low, high, LEVELS)
        look: Any = {"cmap": "cividis", "vmin": low, "vmax": high, "extend": self.extend}
        self.colors = self.ax.contourf(across, up, surface, levels, zorder=0.5, **look)
        self.contours = [self.colors]
        if surface.min() < levels[-2] and surface.max() > levels[1]:
            lines: Any = {"colors": ["#FFFFFF"], "linewidths": 0.5, "alpha": 0.6}
            lines |= {"linestyles": "solid", "zorder": 0.6}
            self.contours.append(self.ax.contour(across, up, surface, levels[1:-1:2], **lines))
        if self.samples is None:
            self.draw_samples(view)
        return list(self.contours)

    def draw_samples(self, view: View) -> None:
        """Draw the samples; without targets they are white."""
        self.samples = self.ax.scatter(*self.spots.T, s=14, color="#FFFFFF", zorder=2)
        self.samples.set(edgecolors="#111111", linewidths=0.5)
        if view.values is not None:
            assert self.colors is not None
            fills = self.colors.cmap(self.colors.norm(view.values[self.rows]))
            edges = list(map(self.paper.text_on, fills))
            self.samples.set(sizes=[26], facecolors=fills, edgecolors=edges, linewidths=0.8)


def area_of(
    ax: Axes,
    view: View,
    names: Sequence[str],
    class_names: Sequence[str],
    max_samples: int,
    limits: tuple[float, float] | None = None,
    *,
    moving: bool = False,
) -> Area:
    """Return the regions or the surface of an Axes with its labels; `update` shows outputs."""
    area: Area
    if view.classes:
        area = Regions(ax, view, class_names, max_samples, moving)
    else:
        area = Surface(ax, view, max_samples, limits)
    tidy(ax, area.paper, xlabel=names[0], ylabel=names[1])
    ax.grid(False)
    ax.set(xlim=view.extent[:2], ylim=view.extent[2:])
    return area


def shares_of(view: View) -> AnyArray:
    """Return one output per class; a single output stands for the classes 0 and 1."""
    if view.outputs.shape[-1] > 1:
        return view.outputs
    output = view.outputs[..., 0]
    shares: AnyArray = np.stack([2 * view.threshold - output, output], axis=-1)
    return shares


def palette(paper: Paper, classes: int) -> list[Any]:
    """Return one color per class; many classes have shades in a visible order."""
    if classes <= len(paper.palette):
        return list(paper.palette[:classes])
    return paper.shades(classes)
