"""Whether a learning rate is too large or too small: by its history, and by steps of a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from .context import Case

FEWEST = 4  # epochs that say something
RISEN = 1.1  # a cost after one step, against what it was
THROWN = 3.0  # a cost against that of a network without weights
JUMPS = 0.3  # from epoch to epoch, of the cost itself
PROGRESS = 0.05  # of the cost, in a training or from one half of it to the other
LONGER = (10.0, 1e2, 1e3, 1e4, 1e5, 1e6)  # how many times as long the steps are that are tried
WORTH = 0.01  # of the cost, that a longer step has to take off
TIMES = 50.0  # as much as the step does

Signs = Iterator[tuple[None, str]]


def too_large(case: Case) -> Signs:
    if case.history is not None and case.history.stopped == "nan":
        yield None, f"The training ended in a cost of NaN or infinity at{at_rate(case)}."
    elif case.history is not None and len(case.history) >= FEWEST:
        yield from thrown(case, np.array(case.history.cost, float))
    elif case.rate:
        before, after = case.costs_at([case.rate])
        if not after <= RISEN * before:
            seen = f"One step takes the cost from {before:.3g} to {after:.3g}"
            yield None, f"{seen} at{at_rate(case)}."


def thrown(case: Case, costs: AnyArray) -> Signs:
    """What the costs of the epochs say."""
    half = len(costs) // 2
    begin, end = costs[:half].mean(), costs[half:].mean()
    jumps = float(np.abs(np.diff(costs[half:])).mean() / end) if end > 0 else 0.0
    idle, worst = case.idle_cost, costs[1:].max()
    if worst > THROWN * idle:
        seen = f"The cost came to {worst:.3g}, that of a network without weights is {idle:.3g}"
    elif costs[half:].min() > costs[0]:
        seen = f"The cost rose from {costs[0]:.3g} to {costs[-1]:.3g}"
    elif jumps > JUMPS and end > (1 - PROGRESS) * begin:
        seen = f"The cost jumps by {jumps:.0%} from epoch to epoch, and does not fall"
    else:
        return
    yield None, f"{seen} at{at_rate(case)}."


def too_small(case: Case) -> Signs:
    """Where little is learned, and steps that are much longer would lower the cost."""
    history = case.history
    costs = history.cost if history is not None else []
    moved = len(costs) > 1 and abs(costs[0] - costs[-1]) > PROGRESS * costs[0]
    if not case.rate or moved or case.is_good or (history and history.stopped == "nan"):
        return
    now, step, *longer = case.costs_at([case.rate, *(case.rate * times for times in LONGER)])
    gains = [now - cost if np.isfinite(cost) else -np.inf for cost in longer]
    worth = [gain > WORTH * now and gain > TIMES * abs(now - step) for gain in gains]
    if any(worth):
        first = worth.index(True)
        yield (
            None,
            f"One step at{at_rate(case)} takes {(now - step) / now:.1e} of the cost, one "
            f"{LONGER[first]:g} times as long {gains[first] / now:.1e}.",
        )


def at_rate(case: Case) -> str:
    return f" learning_rate={case.rate:g}" if case.rate else " its learning rate"
