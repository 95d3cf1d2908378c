"""Animations of a film: GIF, HTML or MP4."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from .._internal.writing import replace_text, writing
from ..explain.notation import NOTATIONS
from . import areas, player, regions
from .compositor import Compositor
from .drawing import Names, Values, drawing_of, number_width
from .moving_drawing import MovingDrawing
from .network import names_of, values_of
from .style import Paper, new_axes, plain_number, reach, require

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .._internal.types import AnyArray, Path
    from ..base_network import BaseNetwork
    from .records import Recording

KINDS = ("boundary", "network")
SUFFIXES = (".gif", ".html", ".mp4")
DPI = 90
MAX_EDGES = 30  # of a layer that has room for labels
MAX_SHOWN = 50  # frames in a notebook
PNG_LEVEL = 3  # of zlib: nearly as small as 9, in a fraction of the time
MAX_ERROR = 200  # letters of an error of ffmpeg


class Movie:
    """An animation, from `Film.animate`.

    Attributes
    ----------
    ax : Axes
        The Axes that shows each frame.
    frames : int
        The number of frames.
    fps : int
        Frames per second.
    """

    def __init__(
        self, ax: Axes, draw: Callable[[int], list[Artist]], frames: int, fps: int
    ) -> None:
        self.ax, self.draw, self.frames, self.fps = ax, draw, frames, fps

    @property
    def figure(self) -> Figure:
        """The figure that shows each frame."""
        figure: Any = self.ax.figure
        return figure

    def __repr__(self) -> str:
        return f"Movie({self.frames} frames, {self.fps} per second)"

    def save(self, path: Path, dpi: float = DPI) -> None:
        """Write a .gif, .html or .mp4 file; an error leaves an existing file as it was.

        An .mp4 needs the program ffmpeg.

        Parameters
        ----------
        path : str or path
        dpi : float, default 90
            Dots per inch.
        """
        suffix = os.path.splitext(os.fspath(path))[1].lower()
        if suffix not in SUFFIXES:
            accepted = ", ".join(SUFFIXES[:-1])
            raise ValueError(
                f"path must end in {accepted} or {SUFFIXES[-1]}; got {os.fspath(path)!r}"
            )
        if suffix == ".html":
            part = self.part("player", range(self.frames), dpi)
            replace_text(path, player.page(part, self.title))
        elif suffix == ".mp4":
            content = video(self.pixels(dpi=dpi), self.fps)
            with writing(path, devices=True) as file:
                file.write(content)
        else:
            first, *others = self.pictures(dpi=dpi)
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
        return player.part(pictures, self.fps, width, self.title, name, Paper(self.ax).is_dark)

    def pictures(self, numbers: Sequence[int] | None = None, dpi: float = DPI) -> Iterator[Any]:
        """Yield some of the frames, by default all, as images of Pillow."""
        from PIL import Image

        for pixels in self.pixels(numbers, dpi):
            yield Image.fromarray(pixels)

    def pixels(self, numbers: Sequence[int] | None = None, dpi: float = DPI) -> Iterator[AnyArray]:
        """Yield some of the frames, by default all, as (height, width, 3) arrays.

        All frames have the layout of the first one.
        """
        with Compositor(self.ax, dpi) as compositor:
            for number in range(self.frames) if numbers is None else numbers:
                yield compositor.frame(self.draw(number))

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


def video(frames: Iterator[AnyArray], fps: int) -> bytes:
    """Return an MP4 file of frames (height, width, 3)."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise FileNotFoundError(
            "an .mp4 file needs the program ffmpeg, which is not installed; .gif and .html do not"
        )
    every = list(frames)
    height, width, _ = every[0].shape
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "film.mp4")
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps)]
        even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # as the format needs it
        coded = ["-vf", even, "-pix_fmt", "yuv420p", "-movflags", "+faststart", target]
        command = [program, "-loglevel", "error", *raw, "-i", "-", *coded]
        content = b"".join(frame.tobytes() for frame in every)
        run = subprocess.run(command, input=content, capture_output=True, check=False)
        if run.returncode:
            words = run.stderr.decode("utf-8", "replace").strip()[-MAX_ERROR:]
            raise OSError(f"ffmpeg could not write the film: {words}")
        with open(target, "rb") as file:
            return file.read()


class Twin:
    """One copy of the network of a film, which takes the parameters of each frame."""

    def __init__(self, film: Recording) -> None:
        self.film, self.net = film, film.network(0)

    def at(self, number: int) -> BaseNetwork:
        """Return the network at a frame, until the next call."""
        self.film.frames[number].restore(self.net)
        return self.net

    def caption(self, number: int) -> str:
        """Return the epoch and step of a frame, and C of all samples."""
        frame = self.film.frames[number]
        step = f", step {frame.step}" if self.film.unit == "step" else ""
        cost = self.at(number)._core.mean_cost(self.film.X, self.film.y)
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
    scaling: Any = None,
    target_scaling: Any = None,
    target_name: str = "output",
) -> Movie:
    """Return the boundary or the surface at each frame; a surface keeps its colors."""
    twin, last = Twin(film), len(film) - 1
    pair = regions.most_important(twin.at(last), film.X) if features is None else features

    def view(number: int) -> areas.View:
        view = regions.view_of(twin.at(number), film.X, film.y, pair, at, points)
        return view.in_units(pair, scaling, target_scaling)

    every = regions.names_of(names, film.net.sizes[0], pair)
    first = view(0)
    ends = np.array([one.limits() for one in (first, view(last))])
    limits = (float(ends[:, 0].min()), float(ends[:, 1].max()))
    ax = new_axes(ax, (5.6, 4.8))
    shown = [every[i] for i in pair]
    area = areas.area_of(ax, first, shown, class_names, max_samples, limits, moving=True)
    area.update(first)
    regions.write_caption(ax, regions.fixed_values(first, every, pair, at is None))
    if area.colors is not None:
        regions.add_bar(ax, area.colors, target_name)
    ax.set_title("", color=area.paper.ink, fontsize=11)

    def draw(number: int) -> list[Artist]:
        changed = area.update(view(number))
        ax.title.set_text(twin.caption(number))
        return [*changed, ax.title]

    draw(0)
    return Movie(ax, draw, len(film), fps)


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
    feature_names: Any = (),
    class_names: Any = (),
) -> Movie:
    """Return the drawing of the network at each frame, with the same colors for the same values.

    Wide layers show the neurons that are most important on average over the frames.
    """
    checks.choice("notation", notation, NOTATIONS)
    chosen = slice(None) if row is None else slice(row, row + 1)
    X, y = film.X[chosen], film.y[chosen]
    if len(X) == 0:
        raise ValueError(f"row must be from 0 to {len(film.X) - 1}; got {row}")
    twin = Twin(film)
    values = [values_of(twin.at(i), X, y, edges) for i in range(len(film))]
    names = names_over_time(film, values, feature_names, class_names)
    room = widest(values)
    first = drawing_of(film.net, values[0], labels, max_neurons, notation, ax, names, room)
    options = (first.labels, max_neurons, notation, ax, names, first.number_width)
    drawing = MovingDrawing(film.net, values[0], *options)
    drawing.edge_reach = max(reach(w) for frame in values for w in frame.edges)
    drawing.reach = max(reach(a) for frame in values for a in frame.activations or [])
    drawing.delta_reach = max(reach(delta) for frame in values for delta in frame.deltas or [])
    drawing.draw(new_axes(ax, drawing.size))

    def draw(number: int) -> list[Artist]:
        changed = drawing.update(values[number])
        drawing.title(twin.caption(number))
        return changed

    draw(0)
    return Movie(drawing.ax, draw, len(film), fps)


def widest(values: Sequence[Values]) -> float:
    """Return the width of the widest number of an edge, relative to the size of the text."""
    numbers = {
        float(w) for frame in values for layer in frame.edges for w in layer.flat[:MAX_EDGES]
    }
    return max(number_width(plain_number(number)) for number in numbers)


def names_over_time(
    film: Recording, values: Sequence[Values], inputs: Sequence[str], outputs: Sequence[str]
) -> Names:
    """Return the names of a drawing, and the mean importance of each neuron over the frames."""
    frames = [names_of(film.net, frame, inputs, outputs) for frame in values]
    every = [frame.importance for frame in frames if frame.importance is not None]
    means = [np.mean(layer, axis=0) for layer in zip(*every, strict=True)]
    return Names(frames[0].inputs, frames[0].outputs, means, frames[0].rule)
