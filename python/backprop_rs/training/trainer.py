"""The loop over the core: slices of time, and what happens between epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .._internal import checks, interrupts
from ..exceptions import NonFiniteCost
from ..history import History
from .callbacks import MOMENTS, OF_EPOCHS, Callbacks, Epoch, Event, Step
from .checkpoint import Checkpoints
from .early_stopping import Stopping
from .metrics import Metrics
from .monitors import Course, Watchers, watchers_of
from .out_of_core import Streamed
from .rollback import Copies, Place
from .samples import Samples

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from ..progress import Bar

SLICE = 0.05  # seconds of training between two looks at Ctrl-C and the progress bar
ON_NAN = ("raise", "stop", "ignore")


@dataclass
class Job:
    """What a training has to do, all of it checked.

    `settings` are those that every call of the core gets.
    """

    samples: Samples | Streamed
    settings: dict[str, Any]
    epochs: int
    validation: Samples | Streamed | None
    metrics: Metrics
    stopping: Stopping | None
    callbacks: Callbacks
    checkpoints: Checkpoints
    on_nan: str
    bar: Bar


class Loop:
    """One call of `fit`."""

    def __init__(self, net: BaseNetwork, job: Job) -> None:
        self.net, self.core, self.job = net, net._core, job
        self.backend = net._tables.backend
        self.samples, self.settings, self.stopping, self.checkpoints = (
            *(job.samples, job.settings, job.stopping, job.checkpoints),
        )
        self.first = job.settings["schedule_from"]
        self.last = self.first + job.epochs
        # At least 1: how many samples a stream has may show in its end only.
        self.steps = max(-(-len(job.samples) // job.settings["batch_size"]), 1)
        self.rate: float = job.settings["learning_rate"]
        self.rates: list[float] = []  # of each epoch, before the schedule
        self.reactive = self.backend.is_reactive(job.settings["schedule"])
        self.watched: Any = None
        self.at: Place = (self.first, 0, 0.0, 0.0)
        self.shown: Place | None = None
        self.done_before = 0.0  # epochs, by a training that this one goes on with
        self.history = History()
        self.copies = Copies(self.core, self.steps)
        self.interrupts = interrupts.current()
        self.moments: set[str] = set()  # at which there is someone to call, here or elsewhere
        self.each_step = False
        self.watchers = Watchers(watchers_of(job.callbacks.given))
        others = (job.validation, job.metrics.rows, job.stopping, self.reactive)
        self.each_epoch = any(map(bool, others)) or job.checkpoints.each_epoch
        self.started = self.epoch_started = perf_counter()

    def run(self) -> History:
        """Train; the record of it, also where something has ended it early."""
        with self.interrupts:
            self.begin()
            try:
                self.tell("on_fit_begin", self.net)
                while self.at[0] < self.last and not self.history.stopped:
                    self.slice()
                self.look_at_the_end()
                self.checkpoints.finish(self)
            except KeyboardInterrupt as error:
                self.samples.tell(error)
                self.history.stopped = "interrupted"
            finally:
                self.history.fill()
                with self.interrupts.raise_while_waiting():
                    self.samples.close()
                self.show(last=True)
                self.job.bar.close()
            if self.interrupts.pressed():
                self.history.stopped = "interrupted"
            self.history.stopped = self.history.stopped or "epochs"
            self.restore_best()
        for function in self.job.callbacks.at("on_fit_end"):
            function(self.net)
        return self.history

    def begin(self) -> None:
        here = {moment for moment in MOMENTS if self.job.callbacks.at(moment)}
        several = self.samples.together("the beginning", lambda: (here, self.each_epoch))
        self.moments = {moment for moments, _ in several for moment in moments}
        self.each_step = "on_step_end" in self.moments
        self.each_epoch = any(each for _, each in several) or not self.moments.isdisjoint(OF_EPOCHS)
        self.checkpoints.begin(self)
        self.done_before = self.done()
        course = Course(
            samples=self.samples,
            batch_size=self.settings["batch_size"],
            start=self.at[:2],
            last=self.last,
            may_end_early=self.stopping is not None,
        )
        self.watchers.begin(self.net, course)

    def tell(self, moment: str, event: Any) -> None:
        """Call the callbacks; one of them, on any rank, may end the training."""
        if moment in self.moments and any(
            self.samples.together(moment, lambda: self.call(moment, event))
        ):
            self.history.stopped = "callback"

    def call(self, moment: str, event: Any) -> bool:
        """Call the callbacks of this process; return True if one of them ends the training."""
        with self.interrupts.raise_in_user_code():
            for function in self.job.callbacks.at(moment):
                function(event)
        return isinstance(event, Event) and event.stopped

    def slice(self) -> None:
        """Some time in the core, up to the end of an epoch where there is something to do then."""
        if self.settings["check_finite"]:
            # Where others wait for this training, Ctrl-C ends it between two steps alone.
            interrupted = self.interrupts.asked if self.samples.alone else None
            while not self.copies.keep(self.at, self.samples.agree, interrupted):
                self.interrupts.obey()
        if self.at[1] == 0:
            self.tell("on_epoch_begin", self.net)
        stop = self.at[0] + 1 if self.each_epoch else self.last
        stops = self.samples.together(
            "the next stop", lambda: self.watchers.stop(self.at[:2], stop)
        )
        settings = min(stops, key=lambda one: (one["stop_epoch"], one["stop_step"])) | {
            "learning_rate": self.present_rate(),
            "budget": 0.0 if self.each_step else self.checkpoints.budget(SLICE),
            # Where others wait for this training, Ctrl-C alone ends it.
            "interrupted": self.interrupts.asked if self.samples.alone else self.interrupts.pressed,
        }
        before = self.at
        costs, self.at, reason = self.train(self.at, settings)
        self.net.epochs_trained = self.at[0]
        if costs:
            self.note(self.at[0], costs)
        self.interrupts.patient = self.at == before
        if isinstance(reason, BaseException):
            raise reason
        if reason == "nonfinite":
            self.give_up(self.at)
        elif (reason == "interrupted" and not self.samples.alone) or any(
            self.samples.together("an interrupt", self.signals)
        ):
            self.history.stopped = "interrupted"
        elif self.at != before:
            self.between(before, costs)
        if not self.history.stopped:
            self.checkpoints.after_slice(self)
        self.show()

    def signals(self) -> bool:
        """Call the handlers of the user; return True if Ctrl-C has been pressed."""
        self.interrupts.deliver()
        return self.interrupts.pressed()

    def between(self, before: Place, costs: list[float]) -> None:
        """What comes after a step and after an epoch."""
        self.watchers.look(self.net, self.at[:2])
        if self.each_step:
            self.tell("on_step_end", self.step_after(before))
        if costs and self.each_epoch:
            self.end_epoch()

    def train(
        self, at: Place, more: dict[str, Any]
    ) -> tuple[list[float], Place, str | BaseException]:
        """Go on from a place in the core."""
        if isinstance(self.samples, Streamed) and self.samples.alone:
            self.samples.waiting = self.interrupts.raise_while_waiting
        outcome = self.samples.train(self.core, self.settings | more, at)
        costs, epoch, step, cost_sum, weight_sum, reason = outcome
        return costs, (epoch, step, cost_sum, weight_sum), reason

    def step_after(self, before: Place) -> Step:
        """The step that has led here from a place."""
        epoch, step, *sums = before
        cost_before, weight_before = sums if step else (0.0, 0.0)
        cost, weight = self.at[2] - cost_before, self.at[3] - weight_before
        return Step(self.net, epoch + 1, step + 1, cost / weight if weight else 0.0)

    def present_rate(self) -> float:
        """The learning rate before its schedule, as callbacks and plateaus have left it."""
        return self.rate * (self.watched[0] if self.watched else 1.0)

    def note(self, epoch: int, costs: list[float]) -> None:
        """Add the epochs that ended together, the last of them `epoch`, to the history."""
        now, rate = perf_counter(), self.present_rate()
        schedule = self.settings["schedule"]
        total = float(self.settings["schedule_epochs"])
        numbers = range(epoch - len(costs) - self.first, epoch - self.first)
        factor = self.backend.schedule_factor
        rates = [rate * factor(schedule, float(number), total) for number in numbers]
        self.history.extend(epoch, costs, now - self.epoch_started, rates)
        self.rates += [rate] * len(costs)
        self.epoch_started = now

    def end_epoch(self) -> None:
        """Validation, metrics, schedule, stopping and callbacks."""
        scores = {"cost": self.history.cost[-1]}
        with self.interrupts.raise_in_user_code():
            scores |= self.samples.metric_scores(self.job.metrics)
            if self.job.validation:
                scores |= self.validate(self.job.validation)
        # Functions of the user's own may give other numbers on other ranks.
        scores = self.samples.agree(scores)
        self.history.add(scores)
        if self.reactive:
            value = scores.get("val_cost", scores["cost"])
            schedule = self.settings["schedule"]
            self.watched = self.backend.observe(schedule, value, self.watched)
        if self.stopping and self.stopping.is_over(scores, self.at[0], self.core):
            self.history.stopped = "early_stopping"
        if "on_epoch_end" in self.moments:
            event = Epoch(self.net, self.history, self.rate)
            self.tell("on_epoch_end", event)
            rates = self.samples.together("the learning rate", lambda: checked_rate(event))
            self.rate = next((rate for rate in rates if rate != self.rate), self.rate)

    def validate(self, held: Samples | Streamed) -> dict[str, float]:
        """The scores of the validation data, each called val_."""
        scores = held.score(self.job.metrics)
        return {f"val_{name}": value for name, value in scores.items()}

    # A cost that is not finite.

    def look_at_the_end(self) -> None:
        """No later batch shows what the last update has done."""
        wanted = self.settings["check_finite"] and self.history.stopped != "nan"
        if wanted and not self.core.is_finite():
            self.give_up(self.at)

    def give_up(self, at: Place) -> None:
        """Go back to before the update that spoilt the parameters, and say so."""
        epoch, step = at[:2]
        again = partial(self.again, rates=[*self.rates, self.present_rate()])
        self.net.epochs_trained = (
            self.copies.go_back_to(epoch * self.steps + step - 1, again)
            if self.samples.can_go_back
            else self.copies.go_back_to_a_copy()
        )
        self.history.cut(self.net.epochs_trained - self.first)
        self.history.stopped = "nan"
        if self.job.on_nan == "raise":
            raise NonFiniteCost(self.what_went_wrong(epoch, step), self.history)

    def again(self, at: Place, to: Place, rates: list[float]) -> Place:
        """Repeat the training from one place to another of the same epoch, or to its end."""
        stop = {"stop_epoch": to[0], "stop_step": to[1], "budget": inf}
        _, end, reason = self.train(at, {"learning_rate": rates[at[0] - self.first]} | stop)
        if isinstance(reason, BaseException):
            raise reason
        return end

    def what_went_wrong(self, epoch: int, step: int) -> str:
        if (epoch, step) == (self.first, 0):
            return (
                f"the cost is not finite in epoch {epoch + 1}, step 1, before any update; most "
                f"likely X, y or the parameters hold numbers that are too large for "
                f"{self.net.dtype}, so scale them"
            )
        where = f"in epoch {epoch + 1}, step {step + 1}"
        if epoch == self.last:
            where = f"after epoch {epoch}, step {self.steps}"
        rate = self.present_rate()
        return (
            f"the cost is no longer finite {where}; most likely learning_rate is too large, "
            f"which is {rate:g}"
        )

    def restore_best(self) -> None:
        if self.stopping and self.stopping.state is not None:
            self.core.set_state(self.stopping.state)
            self.history.best_epoch = self.stopping.best_epoch

    def done(self) -> float:
        """How many epochs of the training are done, with a part of the present one."""
        epoch, step = self.at[:2]
        return float(epoch - self.first + min(step / self.steps, 1.0))

    def show(self, last: bool = False) -> None:
        """Progress, cost and scores, and the pace."""
        if self.at == self.shown or not (last or self.job.bar.wants()):
            return
        self.shown = self.at
        scores = [f"{name} {value:.4g}" for name, value in self.history.last().items()]
        text = ", ".join([f"epoch {self.at[0]}/{self.last}", *scores, *self.pace()])
        self.job.bar.show(self.done() / max(self.last - self.first, 1), text)

    def pace(self) -> list[str]:
        """Samples a second and time left, from what was done since this call of `fit` began."""
        here = self.done() - self.done_before
        if not here:
            return []
        elapsed = max(perf_counter() - self.started, 1e-9)
        left = int(elapsed * (self.last - self.first - self.done()) / here)
        speed = here * len(self.samples) / elapsed
        return [f"{speed:,.0f} samples/s", f"{left // 60}:{left % 60:02d} left"]


def checked_rate(event: Epoch) -> float:
    return checks.nonnegative("learning_rate", event.learning_rate)


def exclusively(net: BaseNetwork, train: Callable[[], History]) -> History:
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
