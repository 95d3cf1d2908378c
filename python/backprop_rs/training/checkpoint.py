"""Checkpoints: a training that was killed goes on to the same bits.

A checkpoint is taken between two steps. It is written after the next step, once that step's cost
is known to be finite: a training that goes back from a cost of NaN never has to go back beyond it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .._internal import checks, safetensors
from .._internal.safetensors import UNFIT, Kind
from ..history import History

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from .out_of_core import Streamed
    from .rollback import Place
    from .samples import Samples
    from .trainer import Loop

CHECKPOINT = Kind(
    "backprop_rs checkpoint", versions=("1", "2"), means="a checkpoint of fit", finite=False
)
UNITS = {"s": 1, "min": 60, "h": 3600}
STATES = ("state", "best")  # of the network: now, and at the best epoch of early stopping

Content = tuple[dict[str, Any], dict[str, Any]]  # settings and arrays


class Checkpoints:
    """When a training writes its checkpoints, and what it goes on from.

    Parameters
    ----------
    path : where to write them; None for nowhere
    every : int of epochs, or text such as "30s", "10min" or "2h"
    resume : path of what to go on from; True for `path` where there is a file; None for nothing
    """

    def __init__(self, path: Any, every: Any, resume: Any) -> None:
        self.path = None if path is None else os.fspath(path)
        self.epochs, self.seconds = interval(every)
        source = source_of(self.path, resume)
        self.resumed = None if source is None else Resumed(source)
        self.identity: dict[str, Any] = {}
        self.taken: Content | None = None
        self.due_epoch, self.due_time = 0, inf

    def __bool__(self) -> bool:
        """Whether there is anything to write, or to go on from."""
        return self.path is not None or self.resumed is not None

    @property
    def each_epoch(self) -> bool:
        """Whether it matters where an epoch ends."""
        return self.path is not None and self.epochs is not None

    def seed(self, net: BaseNetwork) -> int:
        """That of the training to go on with."""
        return self.resumed.seed if self.resumed else net.seed

    def first_epoch(self, net: BaseNetwork) -> int:
        """Where the training has begun."""
        return self.resumed.first if self.resumed else net.epochs_trained

    def identify(self, identity: dict[str, Any]) -> None:
        """Say what makes this training what it is; refuse to go on with another one."""
        self.identity = identity
        if self.resumed:
            compare(self.resumed.identity, identity)

    def begin(self, loop: Loop) -> None:
        """Take a training to where the checkpoint has left it."""
        if self.resumed:
            self.resumed.restore(loop)
        self.plan_next(loop)

    def plan_next(self, loop: Loop) -> None:
        if self.epochs is not None:
            self.due_epoch = loop.at[0] + self.epochs
        else:
            self.due_time = perf_counter() + self.seconds

    def budget(self, seconds: float) -> float:
        """How long the core may go on: for a step or a few where a checkpoint waits for them."""
        return 0.0 if self.taken else seconds

    def after_slice(self, loop: Loop) -> None:
        """Write what waits, and take what is due."""
        if self.path is None:
            return
        if self.taken:
            self.write(loop, self.taken)
            self.taken = None
        if loop.samples.agree(self.is_due(loop)):
            self.taken = snapshot(loop, self.identity)
            self.plan_next(loop)

    def is_due(self, loop: Loop) -> bool:
        if self.epochs is None:
            return perf_counter() >= self.due_time
        return loop.at[1] == 0 and loop.at[0] >= self.due_epoch

    def finish(self, loop: Loop) -> None:
        """Write the last one, unless the training was interrupted or spoilt."""
        if self.path is not None and loop.history.stopped not in ("interrupted", "nan"):
            self.write(loop, snapshot(loop, self.identity))

    def write(self, loop: Loop, content: Content) -> None:
        assert self.path is not None
        if not loop.samples.is_first:
            return  # of many ranks with the same parameters, one writes them
        settings, arrays = content
        safetensors.write(self.path, CHECKPOINT, safetensors.as_json(settings, CHECKPOINT), arrays)


def interval(given: Any) -> tuple[int | None, float]:
    """Epochs, or seconds."""
    found = re.fullmatch(r"([\d.]+) ?(s|min|h)", given) if isinstance(given, str) else None
    try:
        if found:
            return None, float(found[1]) * UNITS[found[2]]
        return checks.integer("checkpoint_every", given, least=1), 0.0
    except (TypeError, ValueError):
        raise type_or_value_error(given) from None


def type_or_value_error(given: Any) -> Exception:
    kind = ValueError if isinstance(given, (str, int)) else TypeError
    return kind(
        "checkpoint_every must be an integer of epochs >= 1, or a time such as '30s', '10min' or "
        f"'2h'; got {checks.shown(given)}"
    )


def source_of(path: str | None, resume: Any) -> str | None:
    """The file to go on from."""
    if resume is None or resume is False:
        return None
    if resume is not True:
        return os.fspath(resume)  # type: ignore[no-any-return]
    if path is None:
        raise ValueError("resume must be a path where there is no checkpoint; got True")
    return path if os.path.exists(path) else None


# What makes a training what it is.


def identity_of(
    net: BaseNetwork,
    given: Mapping[str, Any],
    samples: Samples | Streamed,
    held: Samples | Streamed | None,
) -> dict[str, Any]:
    """All settings of the network and of the training, and digests of the data."""
    names = ("sizes", "activation", "output", "cost", "dtype", "backend")
    identity = {name: getattr(net, name) for name in names}
    identity["layers"] = [asdict(layer) for layer in net.layers]
    identity |= given
    for prefix, part in (("", samples), ("validation ", held)):
        for name, value in ({} if part is None else part.identity()).items():
            identity[prefix + name] = value
    return identity


def compare(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse another data set or setting."""
    import json

    now = json.loads(safetensors.as_json(now, CHECKPOINT))  # tuples become lists, and so on
    others = [
        f"{name} ({brief(before.get(name))} there, {brief(now.get(name))} here)"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]
    if others:
        raise ValueError(
            "resume must name a checkpoint of the same training; it differs in " + ", ".join(others)
        )


def brief(value: Any) -> str:
    text = checks.shown(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# To and from a file.


def snapshot(loop: Loop, identity: dict[str, Any]) -> Content:
    """A training between two steps, ready to be written."""
    stopping = loop.stopping
    settings: dict[str, Any] = {
        "identity": identity,
        "seed": loop.settings["seed"],
        "first": loop.first,
        "at": loop.at,
        "rate": float(loop.rate),
        "rates": [float(rate) for rate in loop.rates],
        "watched": loop.watched and list(loop.watched),
        "stopping": stopping and [stopping.best, stopping.best_epoch],
        "history": asdict(loop.history),
    }
    arrays: dict[str, Any] = {}
    states = (loop.core.state(), stopping.state if stopping else None)
    for kind, state in zip(STATES, states, strict=True):
        for name, value in (state or {}).items():
            (arrays if hasattr(value, "dtype") else settings)[f"{kind}.{name}"] = value
    settings["shapes"] = shapes_of(arrays)
    return settings, arrays


def shapes_of(arrays: Mapping[str, Any]) -> dict[str, list[int]]:
    """What the checksum covers beside the numbers."""
    return {name: list(array.shape) for name, array in arrays.items()}


class Resumed:
    """The content of a checkpoint; every value is there and of its type."""

    def __init__(self, path: str) -> None:
        settings, arrays = safetensors.read(path, CHECKPOINT)
        self.path = path
        try:
            if settings["shapes"] != shapes_of(arrays):
                raise ValueError("arrays of other shapes")
            self.identity = dict(settings["identity"])
            self.seed, self.first = int(settings["seed"]), int(settings["first"])
            self.at = place_of(settings["at"], self.identity)
            self.rate = float(settings["rate"])
            self.rates = [float(rate) for rate in settings["rates"]]
            self.watched = settings["watched"] and tuple(settings["watched"])
            self.stopping = settings["stopping"]
            self.history = history_of(settings["history"])
            self.states = [state_of(kind, settings | arrays) for kind in STATES]
        except UNFIT as error:
            raise self.refused(error) from None

    def refused(self, error: Exception) -> ValueError:
        reason = f"has content that cannot be used: {error}"
        return safetensors.refused(self.path, CHECKPOINT, reason)

    def restore(self, loop: Loop) -> None:
        """Take a training to where this has left it."""
        try:
            self.put(loop)
        except UNFIT as error:
            raise self.refused(error) from None

    def put(self, loop: Loop) -> None:
        now, best = self.states
        loop.core.set_state(now)
        loop.at, loop.rate, loop.rates = self.at, self.rate, self.rates
        loop.watched, loop.history = self.watched, self.history
        if loop.stopping:
            loop.stopping.best, loop.stopping.best_epoch = self.stopping
            loop.stopping.state = best or None
        loop.net.seed, loop.net.epochs_trained = self.seed, self.at[0]


def place_of(content: list[Any], identity: Mapping[str, Any]) -> Place:
    """Where a training was; files of version 1 do not hold the weights of an epoch's samples.

    Raises
    ------
    ValueError
        If the weights are needed and not known.
    """
    epoch, step, cost_sum, *weight_sum = content
    if not weight_sum and step:
        if identity.get("weights") is not None or "source" in identity:
            raise ValueError(
                "an epoch in progress without the sum of its weights, by an earlier release"
            )
        weight_sum = [step * identity["batch_size"]]
    return int(epoch), int(step), float(cost_sum), float(*(weight_sum or [0.0]))


def history_of(content: dict[str, Any]) -> History:
    """Curves of numbers, as `snapshot` has kept them."""
    history = History(**content)
    for name, empty in asdict(History()).items():
        value = getattr(history, name)
        columns = value.values() if isinstance(value, dict) else [value] * isinstance(value, list)
        fits = empty is None or type(value) is type(empty)
        if not (fits and all(map(are_numbers, columns))):
            raise TypeError(f"a history with {name} {brief(value)}")
    return history


def are_numbers(column: object) -> bool:
    return isinstance(column, list) and all(isinstance(one, (int, float)) for one in column)


def state_of(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """One of `STATES`, as the core gave it."""
    mine = {name: value for name, value in content.items() if name.startswith(f"{kind}.")}
    return {name.removeprefix(f"{kind}."): value for name, value in mine.items()}
