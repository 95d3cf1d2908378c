"""Checkpoints: a training that was killed continues to the same bits.

A checkpoint is taken between two steps. It is written after the next step, when that step has
shown that the cost is finite: a training that returns from a cost of NaN never has to go back to
before its last checkpoint.
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
from .state import Best, Position, TrainingState

if TYPE_CHECKING:
    from .._internal.core import CoreNetwork
    from ..base_network import BaseNetwork
    from .samples import TrainingData

CHECKPOINT = Kind(
    "backprop_rs checkpoint", versions=("1", "2"), means="a checkpoint of fit", finite=False
)
UNITS = {"s": 1, "min": 60, "h": 3600}
# Prefixes of the states of the core: now, and at the best epoch of early stopping.
NOW, BEST = "state", "best"

Content = tuple[dict[str, Any], dict[str, Any]]  # settings and arrays


class Checkpoints:
    """The checkpoints that a training writes, and the one that it resumes from.

    Parameters
    ----------
    net : BaseNetwork
    path : path or None
        The file to write; None writes nothing.
    every : int or str
        Epochs between two checkpoints, or a time such as "30s", "10min" or "2h".
    resume : path, bool or None
        The file to resume from; True is `path` if that file exists.
    writes : bool, default True
        False on ranks whose checkpoints rank 0 writes.

    Attributes
    ----------
    seed : int
        The seed of the training.
    first_epoch : int
        The epochs that were done when the training began.
    """

    def __init__(
        self, net: BaseNetwork, path: Any, every: Any, resume: Any, writes: bool = True
    ) -> None:
        self.path = None if path is None else os.fspath(path)
        self.epochs, self.seconds = interval(every)
        source = source_of(self.path, resume)
        self.resumed = None if source is None else Resumed(source)
        self.writes = writes
        self.seed = self.resumed.seed if self.resumed else net.seed
        self.first_epoch = self.resumed.first_epoch if self.resumed else net.epochs_trained
        self.identity: dict[str, Any] = {}
        self.taken: Content | None = None  # waits for the next step
        self.due_epoch, self.due_time = 0, inf

    def __bool__(self) -> bool:
        """Return True if there is anything to write or to resume from."""
        return self.path is not None or self.resumed is not None

    @property
    def each_epoch(self) -> bool:
        """True if the core must return after each epoch."""
        return self.path is not None and self.epochs is not None

    def identify(
        self,
        net: BaseNetwork,
        facts: Mapping[str, Any],
        samples: TrainingData,
        validation: TrainingData | None,
    ) -> None:
        """Keep what identifies this training; raise ValueError if it resumes another one."""
        self.identity = identity_of(net, facts, samples, validation)
        if self.resumed:
            compare(self.resumed.identity, self.identity)

    def plan_next(self, position: Position) -> None:
        """Set the epoch or the time of the next checkpoint."""
        if self.epochs is not None:
            self.due_epoch = position.epoch + self.epochs
        else:
            self.due_time = perf_counter() + self.seconds

    def budget(self, seconds: float) -> float:
        """Return how long the core may train: only a step or a few if a checkpoint waits."""
        return 0.0 if self.taken else seconds

    def is_due(self, position: Position) -> bool:
        """Return True if it is time for the next checkpoint."""
        if self.epochs is None:
            return perf_counter() >= self.due_time
        return position.step == 0 and position.epoch >= self.due_epoch

    def take(self, state: TrainingState, core: CoreNetwork) -> None:
        """Take a checkpoint, which `write_taken` writes after the next step."""
        self.taken = content_of(state, core, self.seed, self.first_epoch, self.identity)
        self.plan_next(state.position)

    def write_taken(self) -> Position | None:
        """Write the checkpoint that waits, if there is one, and return its position."""
        if not self.taken:
            return None
        position = self.write(self.taken)
        self.taken = None
        return position

    def finish(self, state: TrainingState, core: CoreNetwork) -> Position | None:
        """Write the last checkpoint, except after Ctrl-C or a cost that is not finite."""
        if self.path is None or state.history.stopped in ("interrupted", "nan"):
            return None
        return self.write(content_of(state, core, self.seed, self.first_epoch, self.identity))

    def write(self, content: Content) -> Position | None:
        """Write a checkpoint to its file, and return its position; None on other ranks."""
        assert self.path is not None
        if not self.writes:
            return None
        settings, arrays = content
        text = safetensors.as_json(settings, CHECKPOINT)
        safetensors.write(self.path, CHECKPOINT, text, arrays)
        position: Position = settings["at"]
        return position


def interval(every: Any) -> tuple[int | None, float]:
    """Return the epochs, or None and the seconds, between two checkpoints."""
    time = re.fullmatch(r"([\d.]+) ?(s|min|h)", every) if isinstance(every, str) else None
    try:
        if time:
            return None, float(time[1]) * UNITS[time[2]]
        return checks.integer("checkpoint_every", every, least=1), 0.0
    except (TypeError, ValueError):
        kind = ValueError if isinstance(every, (str, int)) else TypeError
        raise kind(
            "checkpoint_every must be an integer of epochs >= 1, or a time such as '30s', '10min' "
            f"or '2h'; got {checks.shown(every)}"
        ) from None


def source_of(path: str | None, resume: Any) -> str | None:
    """Return the file to resume from, if there is one."""
    if resume is None or resume is False:
        return None
    if resume is not True:
        return os.fspath(resume)  # type: ignore[no-any-return]
    if path is None:
        raise ValueError("resume must be a path if there is no checkpoint; got True")
    return path if os.path.exists(path) else None


# The identity of a training.


def identity_of(
    net: BaseNetwork,
    facts: Mapping[str, Any],
    samples: TrainingData,
    validation: TrainingData | None,
) -> dict[str, Any]:
    """Return all settings of the network and of the training, and digests of the data."""
    names = ("sizes", "activation", "output", "cost", "dtype", "backend")
    identity = {name: getattr(net, name) for name in names}
    identity["layers"] = [asdict(layer) for layer in net.layers]
    for layer in identity["layers"]:
        if not layer["parametric"]:  # checkpoints of earlier releases have no such entry
            del layer["parametric"]
    if net.input_scale:
        identity["input_scale"] = True
    if net.embedding:
        identity["embedding"] = [each.to_dict() for each in net.embedding]
    identity |= facts
    identity |= samples.identity()
    if validation is not None:
        identity |= {f"validation {name}": part for name, part in validation.identity().items()}
    return identity


def compare(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise ValueError that names each setting and data set that differs."""
    import json

    # JSON turns tuples into lists, and so on.
    now = json.loads(safetensors.as_json(now, CHECKPOINT))
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
    """Return a value as a text of at most 60 characters."""
    text = checks.shown(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# To and from a file.


def content_of(
    state: TrainingState, core: CoreNetwork, seed: int, first_epoch: int, identity: dict[str, Any]
) -> Content:
    """Return the settings and arrays of a checkpoint of a training between two steps."""
    best = state.best
    settings: dict[str, Any] = {
        "identity": identity,
        "seed": seed,
        "first": first_epoch,
        "at": state.position,
        "rate": float(state.rate),
        "rates": [float(rate) for rate in state.rates],
        "watched": state.plateau and list(state.plateau),
        "stopping": best and [best.score, best.epoch],
        "history": asdict(state.history),
    }
    arrays: dict[str, Any] = {}
    best_state = None if best is None else best.parameters
    for prefix, core_state in ((NOW, core.state()), (BEST, best_state)):
        for name, value in (core_state or {}).items():
            (arrays if hasattr(value, "dtype") else settings)[f"{prefix}.{name}"] = value
    settings["shapes"] = shapes_of(arrays)
    return settings, arrays


def shapes_of(arrays: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the shape of each array, so that the checksum covers them too."""
    return {name: list(array.shape) for name, array in arrays.items()}


class Resumed:
    """The content of a checkpoint; every value is present and of its type."""

    def __init__(self, path: str) -> None:
        settings, arrays = safetensors.read(path, CHECKPOINT)
        self.path = path
        try:
            if settings["shapes"] != shapes_of(arrays):
                raise ValueError("arrays of other shapes")
            self.identity = dict(settings["identity"])
            self.seed, self.first_epoch = int(settings["seed"]), int(settings["first"])
            self.core_state = state_of(NOW, settings | arrays)
            self.state = TrainingState(
                position=position_of(settings["at"], self.identity),
                rate=float(settings["rate"]),
                rates=[float(rate) for rate in settings["rates"]],
                plateau=settings["watched"] and tuple(settings["watched"]),
                history=history_of(settings["history"]),
                best=best_of(settings["stopping"], state_of(BEST, settings | arrays)),
            )
        except UNFIT as error:
            raise self.refused(error) from None

    def refused(self, error: Exception) -> ValueError:
        """Return the error for content that does not fit."""
        reason = f"has content that cannot be used: {error}"
        return safetensors.refused(self.path, CHECKPOINT, reason)

    def restore(self, core: CoreNetwork, has_best: bool) -> TrainingState:
        """Restore the core, and return the state of the training."""
        try:
            if has_best and self.state.best is None:
                raise ValueError("nothing of early stopping")
            core.set_state(self.core_state)
        except UNFIT as error:
            raise self.refused(error) from None
        return self.state


def position_of(content: list[Any], identity: Mapping[str, Any]) -> Position:
    """Return the position; files of version 1 do not hold the sum of the weights.

    Raises
    ------
    ValueError
        If the sum is required and cannot be known.
    """
    epoch, step, cost_sum, *weight_sum = content
    if not weight_sum and step:
        if identity.get("weights") is not None or "source" in identity:
            raise ValueError(
                "an epoch in progress without the sum of its weights, by an earlier release"
            )
        # Without weights the sum is the number of samples.
        weight_sum = [step * identity["batch_size"]]
    (weights,) = weight_sum or [0.0]
    return Position(int(epoch), int(step), float(cost_sum), float(weights))


def best_of(content: Any, parameters: dict[str, Any]) -> Best | None:
    """Return the best epoch of early stopping."""
    if content is None:
        return None
    score, epoch = content
    return Best(int(epoch), float(score), parameters or None)


def history_of(content: dict[str, Any]) -> History:
    """Return the history; raise TypeError if a column does not hold numbers."""
    history = History(**content)
    for name, empty in asdict(History()).items():
        value = getattr(history, name)
        columns = value.values() if isinstance(value, dict) else [value] * isinstance(value, list)
        fits = empty is None or type(value) is type(empty)
        if not (fits and all(map(are_numbers, columns))):
            raise TypeError(f"a history with {name} {brief(value)}")
    return history


def are_numbers(column: object) -> bool:
    """Return True for a list of numbers."""
    return isinstance(column, list) and all(isinstance(number, (int, float)) for number in column)


def state_of(prefix: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a core whose entries have the prefix."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): value for name, value in content.items() if name.startswith(start)
    }
