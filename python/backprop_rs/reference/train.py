"""The epoch loop: mini-batches in a shuffled order, in slices of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._internal import error
from .._internal.random import NOISE, mask, normal, shuffled_order
from .._internal.types import Array
from ..tables.groups import Factors
from ..tables.schedule import schedule as schedule_of
from .layer import Gradients
from .network import Layers

EMPTY: NDArray[Any] = np.empty(0, np.uint32)
Position = tuple[int, int, float, float]  # epoch, step, sum w_i C_i and sum w_i


@dataclass
class Settings:
    """The settings of a training."""

    batch_size: int
    learning_rate: float
    stop_epoch: int
    budget: float  # seconds; at least one step is done
    schedule: str | None = None
    schedule_from: int = 0
    schedule_epochs: int = 0
    # factors of the dropout, at most 1, and of the decay
    dropout_schedule: str | None = None
    decay_schedule: str | None = None
    # (factor of the learning rate, factor of the decay) of each group, layer by layer
    factors: Factors | None = None
    shuffle: bool = False
    seed: int = 0
    # (epochs, n): orders of whole epochs from `orders_from` on, or of the samples in a window
    orders: NDArray[Any] | None = None
    orders_from: int = 0
    stop_step: int = 0  # the number of steps of `stop_epoch` to do
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None
    input_noise: float = 0.0
    check_finite: bool = False
    penalty_per_sample: bool = False
    penalty_in_cost: float = 0.0  # the factor of the penalties in the reported cost
    batches_by_rows: bool = False  # weigh batches by rows in the cost of an epoch
    window: tuple[int, int] | None = None  # samples of the epoch, and the first step of X
    names: NDArray[Any] | None = None  # the number of each sample in the whole data
    interrupted: Callable[[], bool] | None = None  # True ends the training

    def named(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the numbers of samples by which noise and dropout are drawn."""
        return rows if self.names is None else self.names[rows]

    def order(self, n: int, epoch: int) -> NDArray[Any]:
        """Return the rows in the order of an epoch."""
        if self.orders is not None:
            at = epoch - self.orders_from
            order: NDArray[Any] = self.orders[at].copy() if 0 <= at < len(self.orders) else EMPTY
            if len(order) == 0 or order.max() >= n:
                raise error.wrong_orders(n)
            return order
        return shuffled_order(n, self.seed, epoch) if self.shuffle else np.arange(n)

    def at(self, epoch: int, step: int, steps: int) -> StepSettings:
        """Return the settings of a step."""
        x = epoch - self.schedule_from + step / steps
        rate, dropout, decay = (
            schedule_of(text or "constant").factor(x, self.schedule_epochs)
            for text in (self.schedule, self.dropout_schedule, self.decay_schedule)
        )
        return StepSettings(self.learning_rate * rate, min(dropout, 1.0), decay)


class StepSettings(NamedTuple):
    """The learning rate of a step, and the factors of its dropout and its decay."""

    learning_rate: float
    dropout: float = 1.0
    decay: float = 1.0


def train(
    network: Layers,
    X: Array,  # (n, n_0)
    y: NDArray[Any],  # (n, n_L), or class labels (n,)
    settings: Mapping[str, Any],
    position: Position,
    sample_weight: Array | None = None,  # (n,)
) -> tuple[list[float], int, int, float, float, str | BaseException]:
    """Train from (epoch, step, cost_sum, weight_sum) to `stop_epoch`, or for the budget of time.

    Return the costs of the epochs that ended in this call, the new position, and the reason of the
    return: done, time, nonfinite, interrupted (by `interrupted` of the settings), or the exception
    of a signal handler or of a custom function. The cost of an epoch is sum w_i C_i / sum w_i over
    its samples, each taken just before the update of its own batch; 0 if no sample has a weight.
    The sums are those of the epoch of the last step.
    """
    run = Settings(**settings)
    epoch, step, *sums = position
    n, first_step = run.window or (len(X), 0)
    steps = -(-n // run.batch_size)
    chosen = len(X) if run.orders is None else run.orders.shape[1]
    at_hand = min(first_step + -(-chosen // run.batch_size), steps)
    costs: list[float] = []
    deadline = perf_counter() + run.budget
    begin_average(network, run)
    try:
        while (epoch, step) < (run.stop_epoch, run.stop_step):
            order = run.order(len(X), epoch)
            last = min(run.stop_step if epoch == run.stop_epoch else steps, at_hand)
            while step < last:
                if run.interrupted and run.interrupted():
                    return costs, epoch, step, sums[0], sums[1], "interrupted"
                first = (step - first_step) * run.batch_size
                rows = order[first : first + run.batch_size]
                weights = None if sample_weight is None else sample_weight[rows]
                now = run.at(epoch, step, steps)
                added = one_step(network, run, (X[rows], y[rows], weights), (rows, epoch), now)
                if added is None:
                    return costs, epoch, step, sums[0], sums[1], "nonfinite"
                sums = [sums[0] + added[0], sums[1] + added[1]] if step else list(added)
                step += 1
                if step < last and perf_counter() >= deadline:
                    return costs, epoch, step, sums[0], sums[1], "time"
            if step < steps:
                break
            costs.append(sums[0] / sums[1] if sums[1] else 0.0)
            epoch, step = epoch + 1, 0
            if run.window:
                break
            if perf_counter() >= deadline and (epoch, step) < (run.stop_epoch, run.stop_step):
                return costs, epoch, step, sums[0], sums[1], "time"
    except BaseException as error:  # the steps before it are done
        return costs, epoch, step, sums[0], sums[1], error
    return costs, epoch, step, sums[0], sums[1], "done"


def one_step(
    network: Layers,
    run: Settings,
    batch: tuple[Array, NDArray[Any], Array | None],
    drawn: tuple[NDArray[Any], int],
    now: StepSettings,
) -> tuple[float, float] | None:
    """Update once; return what it adds to the sums of costs and weights of its epoch.

    Return None, and change nothing, if its cost is not finite.
    """
    cost, gradients = gradient(network, run, batch, drawn, now)
    weights, m = batch[2], len(batch[0])
    total = m if weights is None else float(weights.sum())
    reported = update(network, run, cost, total, gradients, now)
    return None if reported is None else shares(run, reported, total, m)


def shares(run: Settings, cost: float, total: float, m: int) -> tuple[float, float]:
    """Return what a batch of m samples, of the weight `total`, adds to the sums of its epoch."""
    counted = m if run.batches_by_rows else total
    return counted * cost, float(counted)


def begin_average(network: Layers, run: Settings) -> None:
    """Start the moving average of the parameters, or drop that of an earlier training.

    A training without `average` drops it because its steps would be missing in it.
    """
    if run.average is None:
        network._averaged = None
    elif network._averaged is None:
        network._averaged = {name: theta.copy() for name, theta in network.parameters().items()}


def gradient(
    network: Layers,
    run: Settings,
    batch: tuple[Array, NDArray[Any], Array | None],
    drawn: tuple[NDArray[Any], int],
    now: StepSettings,
) -> tuple[float, Gradients]:
    """Return C and the gradients of all parts under noise and dropout."""
    X, y, weights = batch
    rows, epoch = run.named(drawn[0]), drawn[1]
    if run.input_noise:
        X = X + run.input_noise * noise(run.seed, rows, epoch, X)
    masks = [
        masks_of(run.seed, rows, epoch, l, layer.b, now.dropout * layer.options.dropout)
        for l, layer in enumerate(network._layers, 1)  # noqa: E741 (l as in the derivation)
    ]
    cost, *_, gradients, _ = network.passes(X, y, weights, masks)
    return cost, gradients


def update(
    network: Layers,
    run: Settings,
    cost: float,
    total: float,
    gradients: Gradients,
    now: StepSettings,
) -> float | None:
    """Apply penalties, clipping and one update; return the cost, or None if it is not finite."""
    scale = (1 / total if total else 0.0) if run.penalty_per_sample else 1.0
    if run.penalty_in_cost:
        cost += run.penalty_in_cost * scale * sum(layer.penalty() for layer in network._layers)
    if run.check_finite and not np.isfinite(cost):
        return None
    clip(run, [g for part in gradients.values() for g in part if g is not None])
    network.descend(gradients, now.learning_rate, scale, now.decay, run.factors)
    if run.average is not None:
        follow(network, run.average)
    return cost


def noise(seed: int, rows: NDArray[Any], epoch: int, X: Array) -> Array:
    """Return normal noise for each sample, (m, n_0)."""
    drawn = [normal(seed, NOISE, (int(row), epoch, 0), X.shape[1]) for row in rows]
    return np.array(drawn, X.dtype)


def masks_of(
    seed: int,
    rows: NDArray[Any],
    epoch: int,
    l: int,  # noqa: E741 (l as in the derivation)
    b: Array,
    dropout: float,
) -> Array | None:
    """Return the mask of layer l for each sample, (m, n_l)."""
    if not dropout:
        return None
    drawn = [mask(seed, int(row), epoch, l, len(b), dropout) for row in rows]
    return np.array(drawn, b.dtype)


def clip(run: Settings, gradients: list[Array]) -> None:
    """Shorten the gradient, then limit its elements."""
    if run.clip_norm is not None:
        norm = np.sqrt(sum(float(np.square(g, dtype=float).sum()) for g in gradients))
        if norm > run.clip_norm:
            for g in gradients:
                g *= run.clip_norm / norm
    if run.clip_value is not None:
        for g in gradients:
            np.clip(g, -run.clip_value, run.clip_value, out=g)


def follow(network: Layers, decay: float) -> None:
    """Update the moving average of the parameters."""
    assert network._averaged is not None
    for name, theta in network.parameters().items():
        average = network._averaged[name]
        average += (1 - decay) * (theta - average)
