"""Frames of a figure: what does not change is drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray


class Overlay:
    """Pixels over an opaque picture."""

    def __init__(self, pixels: AnyArray) -> None:
        flat = pixels.reshape(-1, 4)
        self.where = np.flatnonzero(flat[:, 3])
        touched = flat[self.where].astype(np.uint16)
        alpha = touched[:, 3:]
        self.color = touched[:, :3] * alpha + 127
        self.rest = 255 - alpha

    def put_on(self, picture: AnyArray) -> None:
        """Change a picture (height, width, 4) in place."""
        flat = picture.reshape(-1, 4)
        below = flat[self.where, :3]
        flat[self.where, :3] = (self.color + below * self.rest) // 255


class Compositor:
    """Draws the frames of a figure, of which only some artists of one Axes change.

    The others are drawn once: as the ground, and as overlays between those that change. A context
    manager, which gives the figure back as it was.
    """

    def __init__(self, ax: Axes, dpi: float) -> None:
        self.ax, self.dpi = ax, dpi
        self.overlays: dict[tuple[int, ...], Overlay] = {}
        self.ground: AnyArray | None = None

    def __enter__(self) -> Compositor:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figure: Any = self.ax.figure
        self.before = figure.canvas, figure.dpi, figure.get_layout_engine()
        self.canvas: Any = FigureCanvasAgg(figure)
        figure.dpi = self.dpi
        apart = [text for text in self.ax.texts if not text.get_in_layout()]
        for text in apart:
            text.set_visible(False)  # what the layout does not need is drawn once, later
        self.canvas.draw()
        for text in apart:
            text.set_visible(True)
        figure.set_layout_engine("none")
        self.renderer: Any = self.canvas.get_renderer()
        self.buffer = np.asarray(self.renderer.buffer_rgba())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        canvas, dpi, engine = self.before
        figure: Any = self.ax.figure
        figure.set_layout_engine(engine)
        figure.set_canvas(canvas)
        figure.dpi = dpi

    def frame(self, moving: Sequence[Artist]) -> AnyArray:
        """Return the pixels (height, width, 3) after a change of the moving artists."""
        if self.ground is None:
            self.ground = self.draw_ground()
        self.buffer[:] = self.ground
        changes = set(map(id, moving))
        for is_moving, run in groupby(self.artists(), key=lambda artist: id(artist) in changes):
            artists = list(run)
            if is_moving:
                for artist in artists:
                    artist.draw(self.renderer)
            else:
                self.overlay(artists).put_on(self.buffer)
        return self.buffer[..., :3].copy()

    def artists(self) -> list[Artist]:
        """Return what the Axes draws, from the bottom to the top."""
        ax: Any = self.ax
        hidden = [] if ax.axison else [*ax.spines.values(), ax.xaxis, ax.yaxis]
        left_out = {id(artist) for artist in [ax.patch, *hidden]}
        every = [one for one in ax.get_children() if id(one) not in left_out and one.get_visible()]
        return sorted(every, key=lambda artist: float(artist.get_zorder()))

    def draw_ground(self) -> AnyArray:
        """Return the background and all other Axes."""
        self.renderer.clear()
        figure: Any = self.ax.figure
        others = [one for one in figure.get_children() if one not in (figure.patch, self.ax)]
        figure.patch.draw(self.renderer)
        for artist in sorted(others, key=lambda artist: float(artist.get_zorder())):
            artist.draw(self.renderer)
        if self.ax.axison:
            self.ax.patch.draw(self.renderer)
        return self.buffer.copy()

    def overlay(self, artists: list[Artist]) -> Overlay:
        """Return the picture of artists that never change."""
        key = tuple(map(id, artists))
        if key not in self.overlays:
            kept = self.buffer.copy()
            self.renderer.clear()
            for artist in artists:
                artist.draw(self.renderer)
            self.overlays[key] = Overlay(self.buffer.copy())
            self.buffer[:] = kept
        return self.overlays[key]
