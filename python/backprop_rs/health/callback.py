"""`Health`: the callback that looks at each layer as the network trains."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from math import ceil, inf
from time import perf_counter
from typing import TYPE_CHECKING

from .._internal import checks
from ..trace import Trace
from ..training.samples import Samples
from .measures import layers_of, probe_rows, steepest, update_ratios
from .record import HealthRecord

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Data
    from ..network import Network
    from ..training.monitors import Course, Place

LOOKS = 30  # at least, in a training of so many epochs
SHARE = 0.03  # of the time of the training, up to which there are more looks
STOPPING = 3e-5  # seconds that it takes to leave the core and to go back, with what is around it
NEVER = 2**63 - 1  # an epoch that no training reaches
AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Health:
    """Looks at every layer after an epoch, for `fit(..., health=True)` or among its callbacks.

    At the end of an epoch some rows, always the same, go forward and back: mean |δ|, the norm of
    the gradient, the shares of saturated and of dead neurons. The ratio of update to weight is
    that of the last whole batch of the epoch, with the optimizer and the learning rate that are
    at work. Nothing is changed: the trained bits are the same with and without it.

    These are settings alone, which several trainings may share; what was seen is the `health` of
    the History of each.

    Parameters
    ----------
    X, y : array-like, as for `fit`; optional
        The rows to look at; by default at most `rows` of the training samples, by the seed.
    every : int or "auto", default "auto"
        Look every so many epochs. Auto looks after the first epoch, at 30 epochs that are spread
        evenly over the training (after each epoch if there are no more than 30, and after each of
        the first 30 if early stopping may end it), and more often as long as all looks take less
        than 3 % of the time. Which epochs are added depends on the clock; the measures of an
        epoch do not.
    rows : int, default 256

    Examples
    --------
    >>> import backprop_rs as bp
    >>> data = bp.load_iris()
    >>> net = bp.Network([4, 8, 3], "tanh", output="softmax", cost="cross_entropy", seed=0)
    >>> history = net.fit(data.X, data.y, epochs=4, health=bp.Health(every=2))
    >>> history.health.epochs
    [1, 2, 4]
    """

    X: Data | None = None
    y: Data | None = None
    _: KW_ONLY
    every: int | str = AUTO
    rows: int = 256

    def __post_init__(self) -> None:
        if (self.X is None) != (self.y is None):
            raise ValueError("X and y must be given together; got one of them")
        if self.every != AUTO:
            checks.integer("every", self.every, least=1)
        checks.integer("rows", self.rows, least=1)

    def watcher(self) -> HealthWatcher:
        """Return a watcher for one training."""
        return HealthWatcher(self)


class HealthWatcher:
    """Measures one training as `Health` says, and keeps the measures in `record`."""

    def __init__(self, settings: Health) -> None:
        self.given, self.rows, self.every = (settings.X, settings.y), settings.rows, settings.every
        self.record = HealthRecord()

    # What the training asks of a watcher.

    def begin(self, net: Network, course: Course) -> None:
        """Choose the rows."""
        self.probe = self.rows_of(net, course)
        self.record.rows = len(self.probe[0])
        for one in net._activations:
            steepest(one)  # imports the tables, which is not to count as the time of a look
        self.course, self.spent, self.quickest = course, 0.0, inf
        self.whole = max(len(course.samples) // course.batch_size, 1) - 1  # the last whole batch
        self.before: list[Array] | None = None
        self.ratios: list[float] | None = None
        self.started = perf_counter()
        epoch, step = course.start
        self.aim(net, epoch + (1 if step <= self.whole else 2), course.start)

    def rows_of(self, net: Network, course: Course) -> tuple[Array, AnyArray]:
        """The user's rows, some of the samples, or the first of a source."""
        X, y = self.given
        if X is not None:
            return net._samples(X, y)
        samples = getattr(course.samples, "local", None) or course.samples
        if isinstance(samples, Samples):
            part = samples.rows(probe_rows(len(samples), self.rows, net.seed))
            return part.X, part.y
        if not samples.can_go_back:
            raise ValueError(
                "health must be a Health(X, y) with rows of its own where samples can be read "
                "only once; got none"
            )
        block = next(samples.source.blocks(self.rows))
        return net._samples(block.X, block.y)

    def next_stop(self) -> Place:
        """Before the epoch's last whole batch, after it, and at the end of the epoch."""
        if self.before is None:
            return (self.epoch - 1, self.whole)
        return (self.epoch, 0) if self.ratios is not None else self.after()

    def after(self) -> Place:
        """Where the last whole batch is done."""
        step, steps = self.whole + 1, self.course.steps
        return (self.epoch - 1, step) if step < steps or not steps else (self.epoch, 0)

    def look(self, net: Network, at: Place) -> None:
        start = perf_counter()
        if self.before is None:
            if at[1] != self.whole:
                return
            self.before, self.epoch, self.cost = net.weights, at[0] + 1, 0.0
        elif self.ratios is None and at != self.after():
            self.before = None  # other steps were done too
            return
        elif self.ratios is None:
            self.ratios = update_ratios(self.before, net.weights)
        ended = at == (self.epoch, 0) and self.ratios is not None
        if ended:
            self.measure(net)
        took = perf_counter() - start + STOPPING
        self.spent, self.cost = self.spent + took, self.cost + took
        if ended:
            self.quickest = min(self.quickest, self.cost)
            self.aim(net, self.next_epoch(at[0]), at)

    def measure(self, net: Network) -> None:
        """Forward and back with the rows."""
        assert self.ratios is not None
        trace = Trace(*net._core.backward(*self.probe, None))
        self.record.add(self.epoch, layers_of(net, trace), self.ratios)
        self.before = self.ratios = None

    def aim(self, net: Network, epoch: int, at: Place) -> None:
        """Look at this epoch; its last whole batch may be the next to come."""
        self.epoch = epoch
        if self.next_stop() == at:
            self.look(net, at)

    def next_epoch(self, now: int) -> int:
        """The epoch to look at next: that of `every`, or the next even one or one in between."""
        if self.every != AUTO:
            return now + int(self.every) - now % int(self.every)
        start, last = self.course.start[0], self.course.last
        done, epochs = now - start, max(last - start, 1)
        if done >= epochs:
            return NEVER
        if self.course.may_end_early and done < LOOKS:
            return now + 1
        even = -(-epochs * (done * LOOKS // epochs + 1) // LOOKS)
        pace = max((perf_counter() - self.started - self.spent) / done, 1e-9)
        due = (self.spent + self.quickest) / SHARE / pace  # epochs that leave time for another
        return start + min(even, max(done + 1, ceil(due)) if due < epochs else even)


def health_of(given: object) -> Health | None:
    """What `fit(health=...)` means."""
    if given is None or given is False:
        return None
    if isinstance(given, Health):
        return given
    if given is True:
        return Health()
    if isinstance(given, int):
        return Health(every=given)
    raise TypeError(f"health must be True, a number of epochs or a Health; got {given!r}")
