"""`Health`: the callback that measures each layer while the network trains."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from math import ceil, inf
from time import perf_counter
from typing import TYPE_CHECKING

from .._internal import checks
from ..health_record import HealthRecord
from ..trace import Trace
from .measures import layers_of, probe_rows, steepest, update_ratios

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Data
    from ..base_network import BaseNetwork
    from ..training.monitors import Course
    from ..training.state import Stop

MIN_MEASUREMENTS = 30  # in a training of at least as many steps
SHARE = 0.03  # of the training time that additional measurements may take
STOPPING = 3e-5  # seconds to stop the core and to resume it
NEVER = 2**62  # an epoch that no training reaches
NOWHERE = (NEVER, 0)
AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Health:
    """Measure every layer after an epoch; pass it as `fit(..., health=True)` or as a callback.

    At the end of an epoch a fixed set of samples goes forward and backward. This gives the mean
    |δ|, the norm of the gradient, and the shares of saturated and dead neurons. The ratio of
    update to weight is that of the last full batch of the epoch, with the optimizer and learning
    rate of the training. The trained parameters are the same to the bit with and without it.

    The object holds settings only, and several trainings may share it. The measures are in the
    `health` of each `History`.

    Parameters
    ----------
    X, y : array-like, as for `fit`; optional
        The samples to measure. The default is at most `rows` of the training samples, chosen by
        the seed.
    every : int or "auto", default "auto"
        The number of epochs between two measurements. "auto" measures at least 30 times, spread
        evenly over the training and after the first epoch; several times in each epoch if there
        are fewer than 30, and after each step if there are fewer than 30 steps. With early
        stopping there are 30 measurements by the first epoch that may be the last. It measures
        more often as long as all measurements take less than 3 % of the time. The clock decides
        which epochs are added, but does not change the measures of an epoch.
    rows : int, default 256
        The largest number of samples.

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

    def new_monitor(self) -> HealthMonitor:
        """Return a monitor for one training."""
        return HealthMonitor(self)


class HealthMonitor:
    """Measures one training with the settings of a `Health`, and keeps a `record`."""

    def __init__(self, settings: Health) -> None:
        self.settings, self.every = settings, settings.every
        self.record = HealthRecord()
        self.target: Stop = NOWHERE  # the next position to measure

    # The interface of a monitor.

    def begin(self, net: BaseNetwork, course: Course) -> None:
        """Choose the samples and the first position to measure."""
        self.probe = self.rows_of(net, course)
        self.record.rows = len(self.probe[0])
        for activation in net._activations:
            steepest(activation)  # cached here, so that its time does not count as a measurement
        self.course, self.spent, self.quickest = course, 0.0, inf
        self.stride = 1  # steps between measurements of an epoch of unknown length
        self.unknown: list[int] = []  # the steps of its measurements
        self.before: list[Array] | None = None
        self.ratios: list[float] | None = None
        self.latest: tuple[Stop, list[float]] = (course.start, [])
        self.started = perf_counter()
        epoch, step = course.start
        first = self.within(course.start)
        if first is None:
            first = (epoch + (1 if step <= self.last_full else 2), 0)
        self.aim(net, first, course.start)

    def rows_of(self, net: BaseNetwork, course: Course) -> tuple[Array, AnyArray]:
        """Return the samples of the user, of the training, or the first of a source."""
        X, y, rows = self.settings.X, self.settings.y, self.settings.rows
        if X is not None:
            return net._samples(X, y)
        samples = course.samples.in_memory
        if samples is not None:
            part = samples.rows(probe_rows(len(samples), rows, net.seed))
            return part.X, part.y
        if not course.samples.can_go_back:
            raise ValueError(
                "health needs a Health(X, y) if samples can be read only once; got no X and y"
            )
        return course.samples.head(rows)

    @property
    def last_full(self) -> int:
        """The number of the last full batch of an epoch, from 0; 0 if it is not known yet."""
        return max(len(self.course.samples) // self.course.batch_size, 1) - 1

    def next_stop(self) -> Stop:
        """Return the next stop: before the batch of the update, after it, or the measurement."""
        if self.before is None:
            return self.batch()
        return self.target if self.ratios is not None else self.after()

    def batch(self) -> Stop:
        """Return the position before the batch whose update is measured."""
        epoch, step = self.target
        return (epoch, step - 1) if step else (epoch - 1, self.last_full)

    def after(self) -> Stop:
        """Return the position after that batch."""
        (epoch, step), steps = self.batch(), self.course.steps
        return (epoch, step + 1) if step + 1 < steps or not steps else (epoch + 1, 0)

    def look(self, net: BaseNetwork, at: Stop) -> None:
        """Do the part of a measurement that belongs to this stop.

        A measurement has three stops: before a full batch (keep the weights), after it (compute
        the ratios of its update), and its position, at the end of the epoch or at once (measure
        all layers).
        """
        start = perf_counter()
        if self.target[1] and at[0] > self.target[0]:
            self.end_epoch(net, at)
        elif self.before is None:
            if at != self.batch() and not self.move_to(at):
                return
            self.before, self.cost = net.weights, 0.0
        elif self.ratios is None and at != self.after():
            self.before = None  # more than one step: the ratio of a single update is unknown
            return
        elif self.ratios is None:
            self.note_ratios(self.before, net)
        ended = at == self.target and self.ratios is not None
        if ended:
            self.measure(net)
        took = perf_counter() - start + STOPPING
        self.spent, self.cost = self.spent + took, self.cost + took
        if ended:
            self.quickest = min(self.quickest, self.cost)
            self.aim(net, self.next_target(at), at)

    def note_ratios(self, before: list[Array], net: BaseNetwork) -> None:
        """Keep the ratios of the update that has led to a position."""
        self.ratios = update_ratios(before, net.weights)
        self.latest = (self.after(), self.ratios)

    def end_epoch(self, net: BaseNetwork, at: Stop) -> None:
        """Measure at the end of an epoch that is shorter than the position that was aimed at."""
        if self.before is not None and self.course.steps == self.target[1]:
            self.note_ratios(self.before, net)
        self.target = at
        if self.unknown and self.unknown[-1] == self.course.steps:
            self.record.drop_last()  # the measurement after the last step was this one
            self.unknown.pop()
        self.before, self.ratios = [], self.latest[1]

    def move_to(self, at: Stop) -> bool:
        """Aim at a later position, if the batch at a stop can be measured."""
        if self.target[1]:
            self.target = (at[0], at[1] + 1) if at[1] < self.last_full else (at[0] + 1, 0)
        else:
            self.target = (at[0] + 1, 0)
        return at == self.batch()

    def measure(self, net: BaseNetwork) -> None:
        """Measure all layers with one forward and backward pass."""
        assert self.ratios is not None
        trace = Trace.of(net._core.backward(*self.probe, None))
        self.record.add(self.place(), layers_of(net, trace), self.ratios)
        self.before = self.ratios = None

    def place(self) -> float:
        """Return the position in epochs, and correct those of an epoch of unknown length."""
        (epoch, step), steps = self.target, self.course.steps
        if step and not steps:
            self.unknown.append(step)
            return epoch + step / (step + self.stride)  # until the end of the epoch is known
        if self.unknown and steps:
            first = len(self.record) - len(self.unknown)
            self.record.epochs[first:] = [epoch - 1 + step / steps for step in self.unknown]
        self.unknown = []
        return epoch + step / steps if step else epoch

    def aim(self, net: BaseNetwork, target: Stop, at: Stop) -> None:
        """Set the next position to measure; its batch may come next."""
        self.target = target
        if self.batch() < at == self.after() == self.latest[0]:
            # The last batch is smaller: the ratios are those of the full one before.
            self.before, self.ratios = [], self.latest[1]
        if self.next_stop() == at:
            self.look(net, at)

    def next_target(self, at: Stop) -> Stop:
        """Return the next position to measure, after a measurement."""
        within = self.within(at)
        return (self.next_epoch(at[0]), 0) if within is None else within

    def within(self, at: Stop) -> Stop | None:
        """Return the next position, if each epoch is measured and this one more than once."""
        start, last = self.course.start[0], self.course.last
        if self.settings.every != AUTO or at[0] >= last:
            return None
        epochs = last - start
        if self.course.may_end_early:
            epochs = min(epochs, self.course.least)
        done, count = at[0] - start, ceil(MIN_MEASUREMENTS / max(epochs, 1))
        if done >= epochs or count == 1:
            return None
        epoch, step, steps = *at, self.course.steps
        if steps:
            places = (-(-steps * i // count) for i in range(1, count + 1))
            later = next(place for place in places if place > step)
            return (epoch, later) if later < steps else (epoch + 1, 0)
        if len(self.unknown) >= 2 * MIN_MEASUREMENTS:
            self.stride *= 2
            self.record.drop_every_other(len(self.unknown))
            self.unknown = self.unknown[1::2]
        return epoch, step + self.stride

    def next_epoch(self, now: int) -> int:
        """Return the next epoch to measure at its end."""
        if self.every != AUTO:
            return now + int(self.every) - now % int(self.every)
        start, last = self.course.start[0], self.course.last
        done, epochs = now - start, max(last - start, 1)
        if done >= epochs:
            return NEVER
        if self.course.may_end_early and done < MIN_MEASUREMENTS:
            return now + 1
        # The next of the evenly spread epochs, or an earlier one if the time allows it.
        even = -(-epochs * (done * MIN_MEASUREMENTS // epochs + 1) // MIN_MEASUREMENTS)
        pace = max((perf_counter() - self.started - self.spent) / max(done, 1), 1e-9)
        due = (
            (self.spent + self.quickest) / SHARE / pace
        )  # epochs after which one more measurement takes SHARE
        return start + min(even, max(done + 1, ceil(due)) if due < epochs else even)


def health_of(option: object, callbacks: object) -> Health | None:
    """Return the settings of `fit(health=option)`; `callbacks` must not have a `Health` too."""
    several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    count = sum(isinstance(callback, Health) for callback in several)
    health: Health | None = None
    if isinstance(option, Health):
        health = option
    elif option is True:
        health = Health()
    elif option is not None and option is not False:
        if not isinstance(option, int):
            raise TypeError(f"health must be True, a number of epochs or a Health; got {option!r}")
        health = Health(every=option)
    count += health is not None
    if count > 1:
        raise ValueError(f"health must be given once, there or in callbacks; got {count} of them")
    return health
