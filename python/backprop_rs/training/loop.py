"""The loop over the core: slices of time, and what happens between epochs."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from ..history import History
from .callbacks import Callbacks, Epoch
from .checkpoint import Checkpoints
from .metrics import Metrics
from .stopping import EarlyStopping
from .streams import Streamed
from .validation import Samples
from .watching import Course, Watchers, watchers_of

if TYPE_CHECKING:
    from ..network import Network
    from ..progress import Bar

SLICE = 0.05  # seconds of training between two looks at Ctrl-C and the progress bar
COPYING = 0.02  # the most of the time that goes into such copies
SNAPSHOT = 1.0  # seconds between two copies of the state, to go back to from a cost of NaN
ON_NAN = ("raise", "stop", "ignore")


class NonFiniteCost(ValueError, FloatingPointError):
    """The cost of a batch was NaN or infinite; `history` has the epochs before it."""

    def __init__(self, sentence: str, history: History) -> None:
        super().__init__(sentence)
        self.history = history


class Loop:
    """One call of `fit`.

    Parameters
    ----------
    net : Network
    samples : Samples or Streamed
        To learn from.
    settings : dict
        What every call of the core gets.
    epochs : int
    validation : Samples, optional
    """

    def __init__(
        self,
        net: Network,
        samples: Samples | Streamed,
        settings: dict[str, Any],
        epochs: int,
        validation: Samples | Streamed | None,
        metrics: Metrics,
        stopping: EarlyStopping | None,
        callbacks: Callbacks,
        on_nan: str,
        bar: Bar,
        checkpoints: Checkpoints,
    ) -> None:
        self.net, self.core, self.samples, self.settings = net, net._core, samples, settings
        self.validation, self.metrics, self.stopping = validation, metrics, stopping
        self.callbacks, self.on_nan, self.bar = callbacks, on_nan, bar
        self.checkpoints = checkpoints
        self.first = settings["schedule_from"]
        self.last = self.first + epochs
        # At least 1: how many samples a stream has may show in its end only.
        self.steps = max(-(-len(samples) // settings["batch_size"]), 1)
        self.rate: float = settings["learning_rate"]
        reactive = net._tables.backend.is_reactive(settings["schedule"])
        self.watched: Any = None
        self.reactive = reactive
        self.each_epoch = (
            bool(validation or metrics.rows or stopping or reactive)
            or callbacks.each_epoch
            or checkpoints.each_epoch
        )
        self.watchers = Watchers(watchers_of(callbacks.given))
        self.at: tuple[int, int, float] = (self.first, 0, 0.0)
        self.shown: tuple[int, int, float] | None = None
        self.history = History()
        self.kept: list[tuple[tuple[int, int, float], Any]] = []
        self.copy_due = 0.0
        self.rates: list[float] = []
        self.started = self.epoch_started = perf_counter()

    def run(self) -> History:
        """Train; the record of it, also where something has ended it early."""
        if self.stopping:
            self.stopping.begin()
        self.checkpoints.begin(self)
        self.callbacks.call("on_fit_begin", self.net)
        batch_size, at = self.settings["batch_size"], self.at[:2]
        self.watchers.begin(self.net, Course(self.samples, batch_size, at, self.last))
        try:
            while self.at[0] < self.last and not self.history.stopped:
                self.slice()
            self.checkpoints.finish(self)
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
        finally:
            self.samples.close()
            self.show(last=True)
            self.bar.close()
        self.history.stopped = self.history.stopped or "epochs"
        self.restore_best()
        self.callbacks.call("on_fit_end", self.net)
        return self.history

    def slice(self) -> None:
        """Some time in the core, up to the end of an epoch where there is something to do then."""
        self.keep_a_copy()
        settings = self.settings | {
            "learning_rate": self.present_rate(),
            "budget": self.checkpoints.budget(SLICE),
        }
        stop = self.at[0] + 1 if self.each_epoch else self.last
        settings |= self.samples.agree(self.watchers.stop(self.at[:2], stop))
        costs, epoch, step, cost_sum, reason = self.samples.train(self.core, settings, self.at)
        self.at = (epoch, step, cost_sum)
        self.net.epochs_trained = epoch
        if costs:
            self.note(epoch, costs)
        if reason == "nonfinite":
            self.give_up(epoch, step)
        elif reason == "interrupted":
            self.history.stopped = "interrupted"
        else:
            self.watchers.look(self.net, (epoch, step))
            if costs and self.each_epoch:
                self.end_epoch()
        if not self.history.stopped:
            self.checkpoints.after_slice(self)
        self.show()

    def present_rate(self) -> float:
        """The learning rate before its schedule, as callbacks and plateaus have left it."""
        return self.rate * (self.watched[0] if self.watched else 1.0)

    def note(self, epoch: int, costs: list[float]) -> None:
        """Add the epochs that ended together, the last of them `epoch`, to the history."""
        now, rate = perf_counter(), self.present_rate()
        schedule, total = self.settings["schedule"], self.settings["schedule_epochs"]
        numbers = range(epoch - len(costs) - self.first, epoch - self.first)
        factor = self.net._tables.backend.schedule_factor
        rates = [rate * factor(schedule, float(number), float(total)) for number in numbers]
        self.history.extend(epoch, costs, now - self.epoch_started, rates)
        self.rates += [rate] * len(costs)
        self.epoch_started = now

    def end_epoch(self) -> None:
        """Validation, metrics, schedule, stopping and callbacks."""
        scores = {"cost": self.history.cost[-1], **self.samples.metric_scores(self.metrics)}
        if self.validation:
            scores |= self.validate(self.validation)
        self.history.add(scores)
        if self.reactive:
            value = scores.get("val_cost", scores["cost"])
            backend = self.net._tables.backend
            self.watched = backend.observe(self.settings["schedule"], value, self.watched)
        if self.stopping and self.stopping.is_over(scores, self.at[0], self.core):
            self.history.stopped = "early_stopping"
        if self.callbacks:
            event = Epoch(self.net, self.history, self.rate)
            self.callbacks.call("on_epoch_end", event)
            event.learning_rate = _check.nonnegative("learning_rate", event.learning_rate)
            self.rate, stopped = self.samples.agree((event.learning_rate, event.stopped))
            if stopped:
                self.history.stopped = "callback"

    def validate(self, held: Samples | Streamed) -> dict[str, float]:
        """The scores of the validation data, each called val_."""
        scores = held.score() | held.metric_scores(self.metrics)
        return {f"val_{name}": value for name, value in scores.items()}

    # A cost that is not finite.

    def keep_a_copy(self) -> None:
        """Keep the last two states of whole seconds; of more seconds where a copy takes long."""
        now = perf_counter()
        if self.settings["check_finite"] and self.samples.agree(now >= self.copy_due):
            self.kept = [*self.kept[-1:], (self.at, self.core.state())]
            took = perf_counter() - now
            self.copy_due = now + max(SNAPSHOT, took / COPYING)

    def give_up(self, epoch: int, step: int) -> None:
        """Go back to before the update that spoilt the parameters, and say so."""
        self.go_back_to(epoch * self.steps + step - 1)
        self.history.stopped = "nan"
        if self.on_nan == "raise":
            raise NonFiniteCost(
                f"the cost is no longer finite in epoch {epoch + 1}, step {step + 1}; most likely "
                f"learning_rate is too large, which is {self.rate:g}",
                self.history,
            )

    def go_back_to(self, step: int) -> None:
        """Train again from the last copy before, up to this step of all: it repeats itself."""
        if not self.samples.can_go_back:
            self.go_back_to_a_copy()
            return
        earlier = [copy for copy in self.kept if copy[0][0] * self.steps + copy[0][1] <= step]
        at, state = earlier[-1] if earlier else self.kept[0]
        self.core.set_state(state)
        last, rest = divmod(max(step, self.first * self.steps), self.steps)
        rates = [*self.rates, self.present_rate()]
        for epoch in range(at[0], last + 1):
            end = (last, rest) if epoch == last else (epoch + 1, 0)
            stop = dict(zip(("stop_epoch", "stop_step"), end, strict=True))
            run = self.settings | stop | {"budget": inf}
            run["learning_rate"] = rates[epoch - self.first]
            _, *place, cost_sum, _ = self.samples.train(self.core, run, at)
            at = (place[0], place[1], cost_sum)
        self.net.epochs_trained = last

    def go_back_to_a_copy(self) -> None:
        """The last copy without NaN, where the samples between cannot be had again."""
        for at, state in reversed(self.kept):
            arrays = [value for value in state.values() if isinstance(value, np.ndarray)]
            if all(np.isfinite(array).all() for array in arrays):
                self.core.set_state(state)
                self.net.epochs_trained = at[0]
                return

    def restore_best(self) -> None:
        if self.stopping and self.stopping.state is not None:
            self.core.set_state(self.stopping.state)
            self.history.best_epoch = self.stopping.best_epoch

    def show(self, last: bool = False) -> None:
        """Progress, cost and scores, samples a second and time left."""
        if self.at == self.shown or not (last or self.bar.wants()):
            return
        self.shown = self.at
        epoch, step, _ = self.at
        done = (epoch - self.first + min(step / self.steps, 1.0)) / max(self.last - self.first, 1)
        elapsed = perf_counter() - self.started
        rate = done * (self.last - self.first) * len(self.samples) / max(elapsed, 1e-9)
        left = elapsed * (1 - done) / max(done, 1e-9)
        scores = [f"{name} {value:.4g}" for name, value in self.history.last().items()]
        speed = f"{rate:,.0f} samples/s, {int(left) // 60}:{int(left) % 60:02d} left"
        self.bar.show(done, ", ".join([f"epoch {epoch}/{self.last}", *scores, speed]))


def exclusively(net: Network, train: Callable[[], History]) -> History:
    """Train unless the network is being trained already, here or in another thread."""
    if not net._busy.acquire(blocking=False):
        raise RuntimeError(
            "fit must not be called on a network that is being trained, in a callback or in "
            "another thread"
        )
    try:
        return train()
    finally:
        net._busy.release()
