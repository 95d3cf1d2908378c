"""Animations of a film: GIF or HTML."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from .._internal.writing import replace_text, writing
from ..explain.notation import NOTATIONS
from . import player, regions
from .drawing import Drawing, drawing_of
from .network import values_of
from .style import Paper, new_axes, reach, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .._internal.types import Path
    from .records import Recording

KINDS = ("boundary", "network")
SUFFIXES = (".gif", ".html")
DPI = 90
MAX_SHOWN = 50  # frames in a notebook
PNG_LEVEL = 3  # of zlib: nearly as small as 9, in a fraction of the time


class Movie:
    """An animation, from `Film.animate`.

    Attributes
    ----------
    figure : Figure
        The figure that shows each frame.
    frames : int
        The number of frames.
    fps : int
        Frames per second.
    """

    def __init__(self, figure: Figure, draw: Callable[[int], None], frames: int, fps: int) -> None:
        self.figure, self.draw, self.frames, self.fps = figure, draw, frames, fps

    def __repr__(self) -> str:
        return f"Movie({self.frames} frames, {self.fps} per second)"

    def save(self, path: Path, dpi: float = DPI) -> None:
        """Write a .gif (needs Pillow) or .html file; an error leaves an existing file as it was.

        Parameters
        ----------
        path : str or path
        dpi : float, default 90
            Dots per inch.
        """
        suffix = os.path.splitext(os.fspath(path))[1].lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"path must end in {' or '.join(SUFFIXES)}; got {os.fspath(path)!r}")
        if suffix == ".html":
            part = self.part("player", range(self.frames), dpi)
            replace_text(path, player.page(part, self.title))
            return
        first, *others = (picture.convert("RGB") for picture in self.pictures(dpi=dpi))
        with writing(path, devices=True) as file:
            pause = int(1000 / self.fps)
            first.save(file, "GIF", save_all=True, append_images=others, duration=pause, loop=0)

    def to_html(self) -> str:
        """Return HTML that holds the pictures and buttons to play them, and loads nothing else."""
        return self.part(f"player-{os.urandom(6).hex()}", range(self.frames))

    def part(self, name: str, numbers: Sequence[int], dpi: float = DPI) -> str:
        """Return HTML that plays some of the frames, under an id."""
        pictures = []
        for picture in self.pictures(numbers, dpi):
            file = BytesIO()
            picture.save(file, "PNG", compress_level=PNG_LEVEL)
            pictures.append(file.getvalue())
        width = int(self.figure.get_figwidth() * dpi)
        return player.part(pictures, self.fps, width, self.title, name)

    def pictures(self, numbers: Sequence[int] | None = None, dpi: float = DPI) -> Iterator[Any]:
        """Yield some of the frames, by default all, as images of Pillow.

        All frames have the layout of the first one.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        figure, before = self.figure, (self.figure.canvas, self.figure.dpi)
        engine = figure.get_layout_engine()
        canvas: Any = FigureCanvasAgg(figure)
        try:
            figure.dpi = dpi
            for number in range(self.frames) if numbers is None else numbers:
                self.draw(number)
                canvas.draw()
                yield Image.fromarray(np.array(canvas.buffer_rgba()))
                figure.set_layout_engine("none")
        finally:
            figure.set_layout_engine(engine)
            figure.set_canvas(before[0])
            figure.dpi = before[1]

    @property
    def title(self) -> str:
        """The title of the page."""
        return f"A film of {self.frames} frames"

    def _repr_html_(self) -> str:
        """Return HTML with at most 50 frames, evenly spaced, so that a notebook stays small."""
        numbers = np.linspace(0, self.frames - 1, min(self.frames, MAX_SHOWN)).round().astype(int)
        return self.part(f"player-{os.urandom(6).hex()}", numbers.tolist())

    def animation(self) -> Any:
        """Return a new Matplotlib FuncAnimation."""
        from matplotlib.animation import FuncAnimation

        return FuncAnimation(
            self.figure,
            self.draw,
            range(self.frames),
            init_func=lambda: None,  # otherwise the first frame is drawn twice
            interval=1000 / self.fps,
        )


def movie(film: Recording, kind: str, fps: int, options: dict[str, Any]) -> Movie:
    """Return the animation of a film; see `Film.animate`."""
    require()
    if kind == "auto":
        kind = "boundary" if film.net.sizes[0] == 2 or "features" in options else "network"
    if kind not in KINDS:
        raise ValueError(f"kind must be auto or one of {', '.join(KINDS)}; got {kind!r}")
    make = boundaries if kind == "boundary" else drawings
    return make(film, fps, **options)


def wipe(ax: Axes) -> None:
    """Remove the content of an Axes, except its axes and ticks, which are slow to make."""
    legend = ax.get_legend()
    for artist in [*ax.images, *ax.collections, *ax.lines, *ax.patches, *ax.texts, legend]:
        if artist is not None:
            artist.remove()
    ax.set_prop_cycle(None)


def caption(film: Recording, number: int) -> str:
    """Return the epoch and step of a frame, and C of all samples."""
    frame = film.frames[number]
    step = f", step {frame.step}" if film.unit == "step" else ""
    cost = film.network(number)._core.mean_cost(film.X, film.y)
    return f"epoch {frame.epoch}{step}   C = {cost:.4f}"


def boundaries(
    film: Recording,
    fps: int,
    *,
    ax: Any = None,
    features: tuple[int, int] | None = None,
    at: Any = None,
    names: Any = (),
    class_names: Any = (),
    points: int = 120,
    max_samples: int = 1000,
) -> Movie:
    """Return the boundary or the surface at each frame; a surface keeps its colors."""
    last = film.network(len(film) - 1)
    pair = regions.most_important(last, film.X) if features is None else features

    def view(number: int) -> regions.View:
        return regions.view_of(film.network(number), film.X, film.y, pair, at, points)

    every = regions.names_of(names, film.net.sizes[0], pair)
    ends = np.array([view(number).limits() for number in (0, len(film) - 1)])
    limits = (float(ends[:, 0].min()), float(ends[:, 1].max()))
    ax = new_axes(ax, (5.6, 4.8))

    def draw(number: int) -> None:
        wipe(ax)
        current = view(number)
        shown = [every[i] for i in pair]
        colors = regions.draw(ax, current, shown, class_names, max_samples, limits)
        regions.write_caption(ax, regions.fixed_values(current, every, pair, at is None))
        if colors is not None and len(ax.figure.axes) == 1:
            regions.add_bar(ax, colors)
        ax.set_title(caption(film, number), color=Paper(ax).ink, fontsize=11)

    draw(0)
    return Movie(ax.figure, draw, len(film), fps)


def drawings(
    film: Recording,
    fps: int,
    *,
    ax: Any = None,
    row: int | None = None,
    edges: str = "weight",
    labels: bool | None = None,
    max_neurons: int = 8,
    notation: str = "number",
) -> Movie:
    """Return the drawing of the network at each frame, with the same colors for the same values."""
    checks.choice("notation", notation, NOTATIONS)
    chosen = slice(None) if row is None else slice(row, row + 1)
    X, y = film.X[chosen], film.y[chosen]
    if len(X) == 0:
        raise ValueError(f"row must be from 0 to {len(film.X) - 1}; got {row}")
    values = [values_of(film.network(i), X, y, edges) for i in range(len(film))]
    first = drawing_of(film.net, values[0], labels, max_neurons, notation, ax)
    edge_reach = max(reach(w) for frame in values for w in frame.edges)
    activation_reach = max(reach(a) for frame in values for a in frame.activations or [])
    ax = new_axes(ax, first.size)

    def drawing_at(number: int) -> Drawing:
        drawing = Drawing(film.net, values[number], first.labels, max_neurons, notation)
        drawing.edge_reach, drawing.reach = edge_reach, activation_reach
        drawing.scale = first.scale
        return drawing

    def draw(number: int) -> None:
        wipe(ax)
        drawing = drawing_at(number)
        drawing.draw(ax, colors=not ax.child_axes)
        drawing.title(caption(film, number))

    draw(0)
    return Movie(ax.figure, draw, len(film), fps)
