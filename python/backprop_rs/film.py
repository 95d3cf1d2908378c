"""Films: the parameters of a network at several times of a training."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._internal import checks
from .history import History

if TYPE_CHECKING:
    from ._internal.types import AnyArray, Array, Data
    from .base_network import BaseNetwork
    from .plot.movie import Movie
    from .training.monitors import Course
    from .training.state import Stop

UNITS = ("epoch", "step")
NEVER = (2**63 - 1, 0)  # a position that no training reaches


@dataclass(frozen=True)
class Frame:
    """The parameters after a number of epochs and of steps of the next epoch."""

    epoch: int
    step: int
    weights: list[Array]
    biases: list[Array]
    gains: list[Array | None]  # None for layers without layer normalization
    shifts: list[Array | None]
    alphas: list[Array | None]  # None for layers that are not parametric
    scales: Array | None  # None without factors of the inputs
    embeddings: Array | None  # None if the embedding learns nothing

    @classmethod
    def of(cls, net: BaseNetwork, at: Stop) -> Frame:
        """Return a copy of the current parameters."""
        of_inputs = (net.scales, net.embeddings)
        norms = (net.gains, net.shifts)
        return cls(*at, net.weights, net.biases, *norms, net.alphas, *of_inputs)

    def restore(self, net: BaseNetwork) -> None:
        """Set the parameters of a network to those of the frame."""
        net.weights, net.biases = self.weights, self.biases
        net.gains, net.shifts, net.alphas = self.gains, self.shifts, self.alphas
        net.scales, net.embeddings = self.scales, self.embeddings
        net.epochs_trained = self.epoch

    def arrays(self) -> list[Array]:
        """Return all parameters."""
        several = [*self.weights, *self.biases, *self.gains, *self.shifts, *self.alphas]
        several += [self.scales, self.embeddings]
        return [array for array in several if array is not None]


class Film:
    """The frames of a training, from before its first step to its end; see `Network.record`.

    Attributes
    ----------
    net : BaseNetwork
        The network in its current state.
    X, y : arrays
        The samples of the training.
    history : History
        The history of the training.
    frames : list of Frame

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> film = net.record([[0, 1], [1, 0]], [0, 1], epochs=10, every=5)
    >>> film
    Film(3 frames, epochs 0 to 10)
    >>> film.network(0).epochs_trained
    0
    """

    def __init__(self, net: BaseNetwork, X: Array, y: AnyArray, every: int, unit: str) -> None:
        self.net, self.X, self.y, self.every, self.unit = net, X, y, every, unit
        self.frames: list[Frame] = []
        self.history = History()

    # The interface of a monitor.

    def begin(self, net: BaseNetwork, course: Course) -> None:
        """Keep the parameters before the first step."""
        self.course, self.count = course, 0
        self.keep(net, course.start)

    def next_stop(self) -> Stop:
        """Return the next position: a multiple of `every` after the start, or the end."""
        epoch, step = self.course.start
        ahead = (self.count + 1) * self.every
        if self.unit == "epoch":
            place = (epoch + ahead, 0)
        else:
            place = divmod(epoch * self.course.steps + step + ahead, self.course.steps)
        end = (self.course.last, 0)
        return min(place, end) if self.place < end else NEVER

    def look(self, net: BaseNetwork, at: Stop) -> None:
        """Keep the parameters at a stop."""
        self.count += 1
        self.keep(net, at)

    def keep(self, net: BaseNetwork, at: Stop) -> None:
        """Add a frame."""
        self.place = at
        self.frames.append(Frame.of(net, at))

    def finish(self, history: History) -> None:
        """Add the final parameters as the last frame, also if the training ended early."""
        self.history = history
        last = Frame.of(self.net, (self.net.epochs_trained, 0))
        if not same(self.frames[-1], last):
            self.frames.append(last)

    # The interface for users.

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        first, last = self.frames[0].epoch, self.frames[-1].epoch
        return f"Film({len(self)} frames, epochs {first} to {last})"

    def _repr_html_(self) -> str | None:
        """Return the animation for Jupyter, or None without Matplotlib."""
        try:
            return self.animate()._repr_html_()
        except ImportError:
            return None

    def network(self, number: int) -> BaseNetwork:
        """Return a copy of the network with the parameters of a frame, counted from 0."""
        twin = deepcopy(self.net)
        self.frames[number].restore(twin)
        return twin

    def animate(self, kind: str = "auto", *, fps: int = 10, **options: Any) -> Movie:
        """Animate the decision boundary or the drawing of the network.

        Parameters
        ----------
        kind : "auto", "boundary" or "network", default "auto"
            Auto is a boundary (or surface) if there are two features, otherwise the network.
        fps : int, default 10
            Frames per second.
        options
            As for `plot.boundary` or `plot.network`. "network" also takes `row`, the number of
            the sample to show; the default is the mean of all. Its wide layers show the neurons
            that are most important on average over the frames.

        Returns
        -------
        Movie
            Jupyter displays it; `save` writes a .gif, .html or .mp4 file, `to_html` returns text.

        Raises
        ------
        ImportError
            If Matplotlib is missing (``pip install matplotlib``).
        """
        from .plot.movie import movie

        fps = checks.integer("fps", fps, least=1)
        return movie(self, kind, fps, options)


def same(frame: Frame, other: Frame) -> bool:
    """Return True if two frames have equal parameters."""
    return all((a == b).all() for a, b in zip(frame.arrays(), other.arrays(), strict=True))


def record(
    net: BaseNetwork,
    fit: Callable[..., History],
    X: Data,
    y: Data,
    every: int,
    unit: str,
    settings: Any,
) -> Film:
    """Train by `fit` with a film as callback; see `Network.record`."""
    every = checks.integer("every", every, least=1)
    checks.choice("unit", unit, UNITS)
    film = Film(net, *net._samples(X, y), every, unit)
    callbacks = settings.pop("callbacks", ())
    several = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    film.finish(fit(X, y, callbacks=[*several, film], **settings))
    return film
