"""Rules for learning rates that are too large or too small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from .context import Context

MIN_EPOCHS = 4  # of a history to judge by
RISEN = 1.1  # the cost after one step, divided by the cost before
DIVERGED = 3.0  # the cost, divided by that of a network without weights
JUMPS = 0.3  # the mean change of the cost from epoch to epoch, divided by the cost
PROGRESS = 0.05  # of the cost, in a training or from its first half to its second
LONGER = (10.0, 1e2, 1e3, 1e4, 1e5, 1e6)  # factors of the rates to try
WORTH = 0.01  # the share of the cost that a longer step must save
TIMES = 50.0  # and how many times more than the step at the given rate

Signs = Iterator[tuple[None, str]]


def too_large(context: Context) -> Signs:
    """Yield signs of a learning rate that is too large, from the history or one step."""
    if context.history is not None and context.history.stopped == "nan":
        yield None, f"The training ended in a cost of NaN or infinity at{at_rate(context)}."
    elif context.history is not None and len(context.history) >= MIN_EPOCHS:
        yield from signs_of_costs(context, np.array(context.history.cost, float))
    elif context.rate:
        before, after = context.costs_at([context.rate])
        if not after <= RISEN * before:
            evidence = f"One step takes the cost from {before:.3g} to {after:.3g}"
            yield None, f"{evidence} at{at_rate(context)}."


def signs_of_costs(context: Context, costs: AnyArray) -> Signs:
    """Yield a sign if the costs of the epochs diverge, rise or jump."""
    half = len(costs) // 2
    begin, end = costs[:half].mean(), costs[half:].mean()
    jumps = float(np.abs(np.diff(costs[half:])).mean() / end) if end > 0 else 0.0
    idle, worst = context.idle_cost, costs[1:].max()
    if worst > DIVERGED * idle:
        evidence = f"The cost came to {worst:.3g}, that of a network without weights is {idle:.3g}"
    elif costs[half:].min() > costs[0]:
        evidence = f"The cost rose from {costs[0]:.3g} to {costs[-1]:.3g}"
    elif jumps > JUMPS and end > (1 - PROGRESS) * begin:
        evidence = f"The cost jumps by {jumps:.0%} from epoch to epoch, and does not fall"
    else:
        return
    yield None, f"{evidence} at{at_rate(context)}."


def too_small(context: Context) -> Signs:
    """Yield a sign if the cost hardly falls, and much longer steps would lower it."""
    history = context.history
    costs = history.cost if history is not None else []
    moved = len(costs) > 1 and abs(costs[0] - costs[-1]) > PROGRESS * costs[0]
    if not context.rate or moved or context.is_good or (history and history.stopped == "nan"):
        return
    now, step, *longer = context.costs_at(
        [context.rate, *(context.rate * times for times in LONGER)]
    )
    gains = [now - cost if np.isfinite(cost) else -np.inf for cost in longer]
    worth = [gain > WORTH * now and gain > TIMES * abs(now - step) for gain in gains]
    if any(worth):
        first = worth.index(True)
        yield (
            None,
            f"One step at{at_rate(context)} takes {(now - step) / now:.1e} of the cost, one "
            f"{LONGER[first]:g} times as long {gains[first] / now:.1e}.",
        )


def at_rate(context: Context) -> str:
    """Return the learning rate in words."""
    return f" learning_rate={context.rate:g}" if context.rate else " its learning rate"
