"""The training loop: it calls the core for short times, and acts between steps and epochs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .._internal import checks, interrupts
from ..exceptions import NonFiniteCost
from ..health_record import HealthRecord
from ..history import History
from ..threads import renew_share
from .callbacks import MOMENTS, OF_EPOCHS, Callbacks, Epoch, Event, Step
from .checkpoint import Checkpoints
from .early_stopping import Stopping
from .log import INFO, TrainingLog
from .metrics import Metrics
from .monitors import Course, Monitors
from .options import TrainingSettings
from .rollback import Snapshots
from .samples import Outcome, TrainingData
from .state import Best, Position, TrainingState, exclusive

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from ..progress import Bar

SLICE = 0.05  # seconds in the core between two updates of the progress bar


@dataclass(eq=False)
class Trainer:
    """A training whose options are checked; `run` trains the network.

    Attributes
    ----------
    net : BaseNetwork
    samples : TrainingData
    settings : TrainingSettings
    validation : TrainingData, optional
    metrics : Metrics
    stopping : Stopping, optional
    callbacks : Callbacks
    checkpoints : Checkpoints
    bar : Bar
    state : TrainingState
        All that changes, except what is in the core.
    """

    net: BaseNetwork
    samples: TrainingData
    settings: TrainingSettings
    validation: TrainingData | None
    metrics: Metrics
    stopping: Stopping | None
    callbacks: Callbacks
    checkpoints: Checkpoints
    bar: Bar

    def __post_init__(self) -> None:
        net, settings = self.net, self.settings
        self.core, self.backend = net._core, net._tables.backend
        self.first = self.checkpoints.first_epoch
        self.last = self.first + settings.epochs
        self.core_settings = settings.for_core() | {
            "seed": self.checkpoints.seed,
            "schedule_from": self.first,
        }
        # At least 1: the number of samples of a stream may be known at its end only.
        self.steps = max(-(-len(self.samples) // settings.batch_size), 1)
        self.reacts = self.backend.is_reactive(settings.schedule)
        best = Best(self.first) if self.stopping else None
        self.state = TrainingState(Position(self.first, 0), settings.learning_rate, best=best)
        self.snapshots = Snapshots(self.core, self.steps)
        self.monitors = Monitors(self.callbacks.monitors)
        self.interrupts = interrupts.current()
        self.moments: set[str] = set()  # for which some rank has callbacks
        self.each_epoch = bool(
            self.validation is not None
            or self.metrics
            or self.stopping
            or self.reacts
            or self.checkpoints.each_epoch
        )
        self.each_step = False
        self.shown: Position | None = None
        self.done_before = 0.0  # epochs of the training that this one resumes
        self.log = TrainingLog(net, is_on=self.samples.is_first)
        self.started = self.epoch_started = perf_counter()

    def facts(self) -> dict[str, Any]:
        """Return what must be equal to resume the training, except the network and the data."""
        stopping = None if self.stopping is None else repr(self.stopping.settings)
        return self.settings.for_core() | {
            "epochs": self.settings.epochs,
            "optimizer": self.settings.optimizer,
            "on_nan": self.settings.on_nan,
            "metrics": self.metrics.names,
            "early_stopping": stopping,
        }

    def run(self) -> History:
        """Train the network, and return the history."""
        with exclusive(self.net):
            self.net._use_optimizer(self.settings.optimizer)
            self.started = self.epoch_started = perf_counter()
            try:
                self.train()
            except BaseException as error:
                self.log.fail(error)
                raise
            finally:
                self.net._history = self.state.history
                self.net._history.health = health_of(self.monitors)
        self.log.end(self.state.history)
        return self.state.history

    def train(self) -> None:
        """Train to the end, or until something ends the training early."""
        with self.interrupts:
            self.begin()
            history = self.state.history
            try:
                self.tell("on_fit_begin", self.net)
                while self.state.position.epoch < self.last and not history.stopped:
                    self.run_slice()
                self.check_final_parameters()
                self.tell_written(self.checkpoints.finish(self.state, self.core))
            except KeyboardInterrupt as error:
                self.samples.tell(error)
                history.stopped = "interrupted"
            finally:
                history.fill()
                with self.interrupts.raise_while_waiting():
                    self.samples.close()
                self.show(last=True)
                self.bar.close()
            if self.interrupts.pressed():
                history.stopped = "interrupted"
            history.stopped = history.stopped or "epochs"
            self.restore_best()
        for function in self.callbacks.at("on_fit_end"):
            function(self.net)

    def begin(self) -> None:
        """Prepare samples, callbacks and monitors, and restore the checkpoint to resume."""
        # All ranks must meet at the same moments, even if only one of them has callbacks.
        here = {moment for moment in MOMENTS if self.callbacks.at(moment)}
        ranks = self.samples.together("the beginning", lambda: (here, self.each_epoch))
        self.moments = {moment for moments, _ in ranks for moment in moments}
        self.each_step = "on_step_end" in self.moments
        self.each_epoch = any(each for _, each in ranks) or not self.moments.isdisjoint(OF_EPOCHS)
        self.samples.begin_training(
            self.settings.batch_size, self.last, self.interrupts.raise_while_waiting
        )
        resumed = self.checkpoints.resumed
        if resumed:
            self.state = resumed.restore(self.core, has_best=self.stopping is not None)
            self.net.seed, self.net.epochs_trained = resumed.seed, self.state.position.epoch
        self.log.begin(self.facts_to_log(), self.state.history)
        if resumed:
            epoch, step = self.state.position.stop
            text = f"resumes from {resumed.path} after epoch {epoch}, step {step}"
            self.log.write(INFO, "resume", text, path=resumed.path, epoch=epoch, step=step)
        self.checkpoints.plan_next(self.state.position)
        self.done_before = self.done()
        patience = self.stopping.settings.patience if self.stopping else None
        course = Course(
            samples=self.samples,
            batch_size=self.settings.batch_size,
            start=self.state.position.stop,
            last=self.last,
            may_end_early=bool(patience),
            least=1 + (patience or 0),
        )
        self.monitors.begin(self.net, course)

    def facts_to_log(self) -> dict[str, Any]:
        """Return the settings of the training for its first message."""
        if not self.log.writes(INFO):
            return {}
        settings = self.settings
        facts: dict[str, Any] = {"samples": len(self.samples) or "unknown"}
        if self.validation is not None:
            facts["validation samples"] = len(self.validation)
        facts |= {
            "epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "optimizer": settings.optimizer,
            "learning_rate": settings.learning_rate,
            "schedule": settings.schedule,
        }
        others = ("clip_value", "clip_norm", "average", "input_noise")
        facts |= {name: value for name in others if (value := getattr(settings, name))}
        if self.stopping is not None:
            facts["early_stopping"] = self.stopping.settings.monitor
            facts["patience"] = self.stopping.settings.patience
        if self.checkpoints.path is not None:
            facts["checkpoint"] = self.checkpoints.path
        return facts

    # Callbacks.

    def tell(self, moment: str, event: Any) -> None:
        """Call the callbacks on all ranks; each of them may end the training."""
        if moment in self.moments and any(
            self.samples.together(moment, lambda: self.call(moment, event))
        ):
            self.state.history.stopped = "callback"

    def call(self, moment: str, event: Any) -> bool:
        """Call the callbacks of this process; return True if one of them ends the training."""
        with self.interrupts.raise_in_user_code():
            for function in self.callbacks.at(moment):
                function(event)
        return isinstance(event, Event) and event.stopped

    # Slices of time in the core.

    def run_slice(self) -> None:
        """Train for a short time, or up to the next stop, and act on the result."""
        state, samples = self.state, self.samples
        # If other ranks wait for this one, Ctrl-C ends the training only between two steps.
        cut_short = self.interrupts.asked if samples.alone else None
        if self.settings.on_nan != "ignore":
            while not self.snapshots.take(state.position, samples.agree, cut_short):
                self.interrupts.obey()
        if state.position.step == 0:
            self.tell("on_epoch_begin", self.net)
        stop_epoch, stop_step = self.next_stop()
        before = state.position
        outcome = self.train_in_core(
            before,
            learning_rate=state.present_rate,
            stop_epoch=stop_epoch,
            stop_step=stop_step,
            # A callback after each step, or a checkpoint that waits, needs a single step.
            budget=0.0 if self.each_step else self.checkpoints.budget(SLICE),
            interrupted=cut_short or self.interrupts.pressed,
        )
        costs, state.position, reason = outcome
        self.net.epochs_trained = state.position.epoch
        if costs:
            self.note(costs)
        # Handlers that have cut a step short must not cut the same step short again.
        self.interrupts.patient = state.position == before
        if isinstance(reason, BaseException):
            raise reason
        if reason == "nonfinite":
            self.return_from_nan()
        elif (reason == "interrupted" and not samples.alone) or any(
            samples.together("an interrupt", self.handle_signals)
        ):
            state.history.stopped = "interrupted"
        elif state.position != before:
            self.act_between_steps(before, epoch_ended=bool(costs))
        self.log.progress(state.history, self.last, self.speed)
        if not state.history.stopped:
            self.save_checkpoint()
        self.show()

    def next_stop(self) -> tuple[int, int]:
        """Return the next stop of all ranks: of a monitor, or the end of an epoch or of all."""
        position = self.state.position
        end = position.epoch + 1 if self.each_epoch else self.last
        stops = self.samples.together(
            "the next stop", lambda: self.monitors.stop(position.stop, end)
        )
        return min(stops)

    def train_in_core(self, position: Position, **settings: Any) -> Outcome:
        """Train in the core from a position on."""
        renew_share()
        return self.samples.train(self.core, self.core_settings | settings, position)

    def handle_signals(self) -> bool:
        """Call the handlers of the user; return True if Ctrl-C has been pressed."""
        self.interrupts.deliver()
        return self.interrupts.pressed()

    def save_checkpoint(self) -> None:
        """Write the checkpoint that waits, and take the next one if it is due."""
        checkpoints = self.checkpoints
        if checkpoints.path is None:
            return
        self.tell_written(checkpoints.write_taken())
        # The ranks take it together: their clocks differ.
        if self.samples.agree(checkpoints.is_due(self.state.position)):
            checkpoints.take(self.state, self.core)

    def tell_written(self, position: Position | None) -> None:
        """Log that a checkpoint of a position was written."""
        if position is not None and self.log.writes(INFO):
            path, (epoch, step) = self.checkpoints.path, position.stop
            text = f"checkpoint after epoch {epoch}, step {step} written to {path}"
            self.log.write(INFO, "checkpoint", text, path=path, epoch=epoch, step=step)

    def act_between_steps(self, before: Position, epoch_ended: bool) -> None:
        """Let monitors look, and do what follows a step and an epoch."""
        self.monitors.look(self.net, self.state.position.stop)
        if self.each_step:
            self.tell("on_step_end", self.step_since(before))
        if epoch_ended and self.each_epoch:
            self.end_epoch()

    def step_since(self, before: Position) -> Step:
        """Return the event of the step that has led from `before` to the present position."""
        now = self.state.position
        cost, weight = now.cost_sum, now.weight_sum
        if before.step:
            cost, weight = cost - before.cost_sum, weight - before.weight_sum
        mean = cost / weight if weight else 0.0
        return Step(self.net, before.epoch + 1, before.step + 1, mean)

    def note(self, costs: list[float]) -> None:
        """Add the epochs that have just ended together to the history."""
        state, schedule = self.state, self.settings.schedule
        now, rate, epoch = perf_counter(), state.present_rate, state.position.epoch
        factor, total = self.backend.schedule_factor, float(self.settings.epochs)
        numbers = range(epoch - len(costs) - self.first, epoch - self.first)
        rates = [rate * factor(schedule, float(number), total) for number in numbers]
        state.history.extend(epoch, costs, now - self.epoch_started, rates)
        state.rates += [rate] * len(costs)
        self.epoch_started = now

    def end_epoch(self) -> None:
        """Compute the scores, adapt the schedule, stop early if it is time, call the callbacks."""
        state = self.state
        scores = {"cost": state.history.cost[-1]}
        with self.interrupts.raise_in_user_code():
            scores |= self.samples.metric_scores(self.metrics)
            if self.validation is not None:
                validation = self.validation.score(self.metrics)
                scores |= {f"val_{name}": value for name, value in validation.items()}
        # Functions of the user may return other numbers on other ranks.
        scores = self.samples.agree(scores)
        state.history.add(scores)
        if self.reacts:
            watched = scores.get("val_cost", scores["cost"])
            state.plateau = self.backend.observe(self.settings.schedule, watched, state.plateau)
        if self.stopping and state.best:
            epoch = state.position.epoch
            if self.stopping.should_stop(state.best, scores, epoch, self.core, self.first):
                state.history.stopped = "early_stopping"
                monitor, best = self.stopping.settings.monitor, state.best.epoch
                text = f"early stopping: {monitor} has not improved since epoch {best}"
                self.log.write(INFO, "early_stopping", text, epoch=epoch, best_epoch=best)
        if "on_epoch_end" in self.moments:
            event = Epoch(self.net, state.history, state.rate)
            self.tell("on_epoch_end", event)
            # The first rank that has changed the rate decides.
            rates = self.samples.together("the learning rate", lambda: checked_rate(event))
            state.rate = next((rate for rate in rates if rate != state.rate), state.rate)

    # A cost that is not finite.

    def check_final_parameters(self) -> None:
        """Check the parameters: no later batch shows what the last update has done."""
        checked = self.settings.on_nan != "ignore" and self.state.history.stopped != "nan"
        if checked and not self.core.is_finite():
            self.return_from_nan()

    def return_from_nan(self) -> None:
        """Restore the parameters before the update that made them NaN, and raise if asked to."""
        state = self.state
        epoch, step = state.position.stop
        if self.samples.can_go_back:
            repeat = partial(self.repeat, rates=[*state.rates, state.present_rate])
            last_good = epoch * self.steps + step - 1
            self.net.epochs_trained = self.snapshots.go_back_to(last_good, repeat)
        else:
            self.net.epochs_trained = self.snapshots.go_back_to_snapshot()
        state.history.cut(self.net.epochs_trained - self.first)
        state.history.stopped = "nan"
        if self.settings.on_nan == "raise":
            raise NonFiniteCost(self.explain_nan(epoch, step), state.history)

    def repeat(self, start: Position, end: Position, rates: list[float]) -> Position:
        """Repeat the training between two positions of an epoch; `rates` are of all epochs."""
        outcome = self.train_in_core(
            start,
            learning_rate=rates[start.epoch - self.first],
            stop_epoch=end.epoch,
            stop_step=end.step,
            budget=inf,
        )
        if isinstance(outcome.reason, BaseException):
            raise outcome.reason
        return outcome.position

    def explain_nan(self, epoch: int, step: int) -> str:
        """Return the sentence about a cost that is not finite."""
        if (epoch, step) == (self.first, 0):
            return (
                f"the cost is not finite in epoch {epoch + 1}, step 1, before any update; most "
                f"likely X, y or the parameters hold numbers that are too large for "
                f"{self.net.dtype}, so scale them"
            )
        where = f"in epoch {epoch + 1}, step {step + 1}"
        if epoch == self.last:
            where = f"after epoch {epoch}, step {self.steps}"
        return (
            f"the cost is no longer finite {where}; most likely learning_rate is too large, "
            f"which is {self.state.present_rate:g}"
        )

    def restore_best(self) -> None:
        """Restore the parameters of the best epoch, if early stopping has kept them."""
        best = self.state.best
        if best is not None and best.parameters is not None:
            self.core.set_state(best.parameters)
            self.state.history.best_epoch = best.epoch

    # Progress.

    def done(self) -> float:
        """Return how many epochs of the training are done, with the part of the present one."""
        epoch, step = self.state.position.stop
        return float(epoch - self.first + min(step / self.steps, 1.0))

    def show(self, last: bool = False) -> None:
        """Show progress, cost, scores and speed if an update of the bar is due."""
        state = self.state
        if state.position == self.shown or not (last or self.bar.wants()):
            return
        self.shown = state.position
        scores = [f"{name} {value:.4g}" for name, value in state.history.last().items()]
        parts = [f"epoch {state.position.epoch}/{self.last}", *scores, *self.speed()]
        self.bar.show(self.done() / max(self.last - self.first, 1), ", ".join(parts))

    def speed(self) -> list[str]:
        """Return samples per second and the time left, as measured since `run` was called."""
        done = self.done() - self.done_before
        if not done:
            return []
        elapsed = max(perf_counter() - self.started, 1e-9)
        left = int(elapsed * (self.last - self.first - self.done()) / done)
        speed = done * len(self.samples) / elapsed
        return [f"{speed:,.0f} samples/s", f"{left // 60}:{left % 60:02d} left"]


def checked_rate(event: Epoch) -> float:
    """Return the learning rate that a callback may have set."""
    return checks.nonnegative("learning_rate", event.learning_rate)


def health_of(monitors: Monitors) -> HealthRecord | None:
    """Return the record of the monitor that measures the health of the layers."""
    records = (getattr(monitor, "record", None) for monitor in monitors.monitors)
    return next((record for record in records if isinstance(record, HealthRecord)), None)
