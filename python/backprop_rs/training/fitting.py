"""From the arguments of `Network.fit` to a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from .. import _check
from ..data.sources import Source
from ..health.watch import health_of
from ..network.computes import class_labels
from ..progress import progress_bar
from . import lbfgs, loop
from .auto import LBFGS, Plan, plan
from .callbacks import Callbacks
from .checkpoint import Checkpoints, identity_of
from .from_source import check_length, keep_scaling, streamed
from .metrics import Metrics
from .stopping import EarlyStopping
from .stopping import early_stopping as stopping_of
from .streams import Streamed
from .validation import Samples, hold_back
from .weights import weights_of

if TYPE_CHECKING:
    from .._types import Data
    from ..history import History
    from ..network import Network

POSITION = ("seed", "schedule_from")  # what a training that goes on takes from its checkpoint


def samples_of(
    net: Network, X: Data, y: Data, sample_weight: Data | None = None, class_weight: Any = None
) -> Samples:
    """Checked samples."""
    X, y = net._samples(X, y)
    labels = class_labels(y, net.output, net.cost)
    weights = weights_of(sample_weight, class_weight, labels, len(X), net.dtype)
    return Samples(net, X, y, labels, weights)


@dataclass(frozen=True)
class Ready:
    """A training whose arguments are checked: how to run it, and all that makes it what it is."""

    run: Callable[[], History]
    facts: dict[str, Any]


def fit(
    net: Network, X: Data, y: Data | None, comm: Any = None, reduction: str = "exact", **given: Any
) -> History:
    """What `Network.fit` does, with all of its arguments."""
    if comm is not None:
        from ..distributed import start

        if start.checked(comm).Get_size() > 1:
            return start.fit(net, X, y, comm, reduction, given)
    return ready(net, samples_for(net, X, y, given), given).run()


def samples_for(net: Network, X: Data, y: Data | None, given: dict[str, Any]) -> Samples | Streamed:
    """What to learn from."""
    if isinstance(X, Source):
        return streamed(net, X, y, given)
    return samples_of(net, X, y, given["sample_weight"], given["class_weight"])


def ready(net: Network, samples: Samples | Streamed, given: dict[str, Any]) -> Ready:
    """Check all other arguments."""
    fraction = _check.within("validation_fraction", given["validation_fraction"], 0.0, 1.0)
    held = validation_of(net, given["validation_data"])
    checkpoints = Checkpoints(given["checkpoint"], given["checkpoint_every"], given["resume"])
    if fraction:
        if held:
            raise ValueError("validation_fraction must be 0 beside validation_data; got both")
        if isinstance(samples, Streamed):
            raise ValueError(
                "validation_fraction must be 0 for a source; give validation_data, which may be one"
            )
        samples, held = hold_back(samples, fraction, checkpoints.seed(net))
    if isinstance(samples, Streamed):
        check_length(samples.source, given)
    chosen = plan(net._tables, len(samples), given)
    settings = settings_of(net, given, chosen, checkpoints)
    stopping = stopping_of(given["early_stopping"], held is not None)
    callbacks, metrics = Callbacks(given["callbacks"]), Metrics(given["metrics"])
    health = health_of(given["health"])
    if health and chosen.optimizer == LBFGS:
        raise ValueError("optimizer 'lbfgs' must go without health, which watches steps; got some")
    if health:
        callbacks.given = [*callbacks.given, health]
    if given["on_nan"] not in loop.ON_NAN:
        raise ValueError(f"on_nan must be one of {', '.join(loop.ON_NAN)}; got {given['on_nan']!r}")
    if isinstance(samples, Streamed):
        samples.batch_size = chosen.batch_size
        samples.last_epoch = settings["schedule_from"] + chosen.epochs
        keep_scaling(net, samples.source)
    if chosen.optimizer == LBFGS:
        if isinstance(samples, Streamed):
            raise ValueError("optimizer 'lbfgs' must have all samples in memory; got a source")
        refuse_mini_batches(given, held, stopping, callbacks, metrics, checkpoints)
        whole = samples
        return Ready(
            lambda: loop.exclusively(net, lambda: lbfgs.fit(net, whole, chosen.epochs)), {}
        )
    bar = progress_bar(given["progress"])
    run = run_of(chosen, settings, given, metrics, stopping)
    if checkpoints:
        checkpoints.identify(identity_of(net, run, samples, held))

    def train() -> History:
        net._use_optimizer(chosen.optimizer)
        training = loop.Loop(
            *(net, samples, settings, chosen.epochs, held, metrics, stopping, callbacks),
            *(given["on_nan"], bar, checkpoints),
        )
        try:
            return training.run()
        finally:
            net._history = training.history
            net._history.health = health.record if health else None

    places = {name: settings[name] for name in POSITION} | {"checkpoint": bool(checkpoints)}
    return Ready(lambda: loop.exclusively(net, train), run | places)


def settings_of(
    net: Network, given: dict[str, Any], chosen: Plan, checkpoints: Checkpoints
) -> dict[str, Any]:
    """What every call of the core gets."""
    return {
        "batch_size": chosen.batch_size,
        "learning_rate": chosen.learning_rate,
        "schedule": chosen.schedule,
        "schedule_from": checkpoints.first_epoch(net),
        "schedule_epochs": chosen.epochs,
        "shuffle": bool(given["shuffle"]),
        "seed": checkpoints.seed(net),
        "clip_value": _check.optional("clip_value", given["clip_value"], 0.0, inf),
        "clip_norm": _check.optional("clip_norm", given["clip_norm"], 0.0, inf),
        "average": _check.optional("average", given["average"], 0.0, 1.0),
        "input_noise": _check.within("input_noise", given["input_noise"], 0.0, inf),
        "check_finite": given["on_nan"] != "ignore",
    }


def run_of(
    chosen: Plan,
    settings: dict[str, Any],
    given: dict[str, Any],
    metrics: Metrics,
    stopping: EarlyStopping | None,
) -> dict[str, Any]:
    """What else a training is, for its checkpoints."""
    plain = {name: value for name, value in settings.items() if name not in POSITION}
    more = {"epochs": chosen.epochs, "optimizer": chosen.optimizer, "on_nan": given["on_nan"]}
    watched = None if stopping is None else repr(stopping)
    return plain | more | {"metrics": metrics.names, "early_stopping": watched}


def validation_of(net: Network, data: Any) -> Samples | Streamed | None:
    if data is None:
        return None
    if isinstance(data, Source):
        return Streamed(net, data)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise TypeError(
            f"validation_data must be a pair (X, y) or a source; got {type(data).__name__}"
        )
    return samples_of(net, *data)


def refuse_mini_batches(given: dict[str, Any], *others: Any) -> None:
    """L-BFGS sees all samples at once, and takes its own steps."""
    plain = {"clip_value": None, "clip_norm": None, "average": None, "input_noise": 0.0}
    for name, value in plain.items():
        if given[name] != value:
            raise ValueError(f"optimizer 'lbfgs' must go without {name}; got {given[name]!r}")
    held, stopping, callbacks, metrics, checkpoints = others
    names = ("validation data", "early_stopping", "callbacks", "metrics", "checkpoint or resume")
    given_ones = (held, stopping, callbacks, metrics.rows, checkpoints)
    for name, other in zip(names, given_ones, strict=True):
        if other:
            raise ValueError(f"optimizer 'lbfgs' must go without {name}; got some")
