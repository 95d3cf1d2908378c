"""From the arguments of `Network.fit` to a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from .._internal import checks, frames, memory
from ..data.labels import is_multilabel
from ..data.sources import Source
from ..health.callback import Health, HealthWatcher, health_of
from ..progress import progress_bar
from . import lbfgs, trainer
from .callbacks import Callbacks
from .checkpoint import Checkpoints, Resumed, identity_of
from .defaults import Plan, is_lbfgs, plan
from .early_stopping import Stopping, early_stopping
from .metrics import metrics_for
from .out_of_core import Streamed
from .out_of_core_fit import check_length, keep_scaling, streamed
from .sample_weights import as_mapping, weights_of
from .samples import Samples, hold_back

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from ..health import HealthRecord
    from ..history import History

POSITION = ("seed", "schedule_from")  # what a training that goes on takes from its checkpoint


def samples_of(
    net: BaseNetwork, X: Data, y: Data, sample_weight: Data | None = None, class_weight: Any = None
) -> Samples:
    """Checked samples."""
    samples = Samples(net, *net._samples(X, y))
    labels = None if class_weight is None else samples.labels
    classes = (labels, max(net.sizes[-1], 2))
    samples.weights = weights_of(sample_weight, class_weight, classes, len(samples), net.dtype)
    return samples


@dataclass(frozen=True)
class Ready:
    """A training whose arguments are checked: how to run it, and all that makes it what it is."""

    run: Callable[[], History]
    facts: dict[str, Any]
    held: Samples | Streamed | None = None
    resumed: Resumed | None = None


def fit(
    net: BaseNetwork,
    X: Data,
    y: Data | None,
    comm: Any = None,
    reduction: str = "exact",
    **given: Any,
) -> History:
    """What `Network.fit` does, with all of its arguments."""
    given["class_weight"] = as_mapping(given["class_weight"])
    new = keep_names(net, X)
    try:
        if comm is not None:
            from ..distributed import fit

            if fit.checked(comm).Get_size() > 1:
                return fit.fit(net, X, y, comm, reduction, given)
        training = ready(net, samples_for(net, X, y, given), given)
    except BaseException:
        if new:
            del net.metadata["feature_names"]
        raise
    return training.run()


def keep_names(net: BaseNetwork, X: Data) -> bool:
    """Keep the names of a frame's columns with the network, if it has none yet."""
    names = frames.names_of(X)
    if names is None or len(names) != net.sizes[0] or "feature_names" in net.metadata:
        return False
    net.metadata["feature_names"] = list(names)
    return True


def samples_for(
    net: BaseNetwork, X: Data, y: Data | None, given: dict[str, Any]
) -> Samples | Streamed:
    """What to learn from."""
    if isinstance(X, Source):
        return streamed(net, X, y, given)
    return samples_of(net, X, y, given["sample_weight"], given["class_weight"])


def ready(net: BaseNetwork, samples: Samples | Streamed, given: dict[str, Any]) -> Ready:
    """Check all other arguments."""
    checkpoints = Checkpoints(given["checkpoint"], given["checkpoint_every"], given["resume"])
    if isinstance(samples, Samples):
        net._several_labels |= is_multilabel(samples.y, net.output, net.cost)
    samples, held = divided(samples, given, checkpoints.seed(net), validation_of(net, given))
    if isinstance(samples, Streamed):
        check_length(samples.source, given)
    chosen = plan(net._tables, len(samples), given)
    memory.need_training(net.sizes, min(chosen.batch_size, len(samples)), net.dtype)
    if is_lbfgs(chosen.optimizer):
        return ready_for_lbfgs(net, samples, held, given, chosen)
    callbacks, metrics = callbacks_of(given), metrics_for(net, given["metrics"])
    job = trainer.Job(
        samples=samples,
        settings=settings_of(net, given, chosen, checkpoints),
        epochs=chosen.epochs,
        validation=held,
        metrics=metrics,
        stopping=None,
        callbacks=callbacks,
        checkpoints=checkpoints,
        on_nan=checks.choice("on_nan", given["on_nan"], trainer.ON_NAN),
        bar=progress_bar(given["progress"]),
    )
    known = check_scores(job)
    early = early_stopping(given["early_stopping"], held is not None)
    if early:
        check_monitor(early.monitor, known)
        higher = early.higher_is_better
        higher = metrics.higher_is_better(early.monitor) if higher is None else higher
        job.stopping = Stopping(early, higher, job.settings["schedule_from"])
    if isinstance(samples, Streamed):
        samples.batch_size = chosen.batch_size
        samples.last_epoch = job.settings["schedule_from"] + chosen.epochs
        keep_scaling(net, samples.source)
    facts = run_of(chosen, job)
    if checkpoints:
        checkpoints.identify(identity_of(net, facts, samples, held))

    def train() -> History:
        net._use_optimizer(chosen.optimizer)
        training = trainer.Loop(net, job)
        try:
            return training.run()
        finally:
            net._history = training.history
            net._history.health = record_of(callbacks)

    places = {name: job.settings[name] for name in POSITION} | {"checkpoint": bool(checkpoints)}
    run = partial(trainer.exclusively, net, train)
    return Ready(run, facts | places, held, checkpoints.resumed)


def ready_for_lbfgs(
    net: BaseNetwork,
    samples: Samples | Streamed,
    held: Samples | Streamed | None,
    given: dict[str, Any],
    chosen: Plan,
) -> Ready:
    """L-BFGS sees all samples at once, and takes its own steps."""
    if isinstance(samples, Streamed):
        raise ValueError("optimizer 'lbfgs' must have all samples in memory; got a source")
    refuse_mini_batches(given, held)
    on_nan = checks.choice("on_nan", given["on_nan"], trainer.ON_NAN)
    arguments = (net, samples, chosen.epochs, chosen.optimizer, on_nan)
    return Ready(lambda: trainer.exclusively(net, lambda: lbfgs.fit(*arguments)), {})


def divided(
    samples: Samples | Streamed, given: dict[str, Any], seed: int, held: Samples | Streamed | None
) -> tuple[Samples | Streamed, Samples | Streamed | None]:
    """The samples to learn from, and those of the validation."""
    fraction = checks.within("validation_fraction", given["validation_fraction"], 0.0, 1.0)
    if not fraction:
        return samples, held
    if held:
        raise ValueError("validation_fraction must be 0 beside validation_data; got both")
    if isinstance(samples, Streamed):
        raise ValueError(
            "validation_fraction must be 0 for a source; give validation_data, which may be one"
        )
    return hold_back(samples, fraction, seed)


def check_scores(job: trainer.Job) -> set[str]:
    """Refuse metrics that the targets do not suit; return the columns of scores there will be.

    What the targets of a source are shows when it is read.
    """
    known = {"cost", *job.metrics.names}
    for samples in (getattr(job.samples, "local", job.samples), job.validation):
        if isinstance(samples, Samples):
            job.metrics.check(samples.judged, samples.net.sizes[-1])
            if job.metrics.rows:
                checks.some_weight("sample_weight", samples.weights)
    if job.validation:
        known |= {f"val_{name}" for name in known}
        if isinstance(job.validation, Streamed) or job.validation.judged is not None:
            known.add("val_accuracy")
    return known


def check_monitor(monitor: str, known: set[str]) -> None:
    """Refuse to stop by a score that there will not be."""
    if monitor not in known:
        raise ValueError(
            f"early_stopping must monitor one of {', '.join(sorted(known))}; got {monitor!r}"
        )


def callbacks_of(given: dict[str, Any]) -> Callbacks:
    """The callbacks, with `Health` if it is asked for."""
    callbacks, health = given["callbacks"], health_of(given["health"])
    several = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    several += [] if health is None else [health]
    looks = sum(isinstance(one, Health) for one in several)
    if looks > 1:
        raise ValueError(f"health must be given once, there or in callbacks; got {looks} of them")
    return Callbacks(several)


def record_of(callbacks: Callbacks) -> HealthRecord | None:
    """Return the measures of `Health`, if it was asked for."""
    watchers = (one for one in callbacks.given if isinstance(one, HealthWatcher))
    return next((one.record for one in watchers), None)


def settings_of(
    net: BaseNetwork, given: dict[str, Any], chosen: Plan, checkpoints: Checkpoints
) -> dict[str, Any]:
    """What every call of the core gets."""
    return {
        "batch_size": chosen.batch_size,
        "learning_rate": chosen.learning_rate,
        "schedule": chosen.schedule,
        "schedule_from": checkpoints.first_epoch(net),
        "schedule_epochs": chosen.epochs,
        "shuffle": checks.flag("shuffle", given["shuffle"]),
        "seed": checkpoints.seed(net),
        "clip_value": checks.positive("clip_value", given["clip_value"]),
        "clip_norm": checks.positive("clip_norm", given["clip_norm"]),
        "average": checks.optional("average", given["average"], 0.0, 1.0),
        "input_noise": checks.within("input_noise", given["input_noise"], 0.0, inf),
        "check_finite": given["on_nan"] != "ignore",
    }


def run_of(chosen: Plan, job: trainer.Job) -> dict[str, Any]:
    """What else a training is, for its checkpoints."""
    plain = {name: value for name, value in job.settings.items() if name not in POSITION}
    more = {"epochs": chosen.epochs, "optimizer": chosen.optimizer, "on_nan": job.on_nan}
    watched = None if job.stopping is None else repr(job.stopping.settings)
    return plain | more | {"metrics": job.metrics.names, "early_stopping": watched}


def validation_of(net: BaseNetwork, given: dict[str, Any]) -> Samples | Streamed | None:
    data = given["validation_data"]
    if data is None:
        return None
    if isinstance(data, Source):
        return Streamed(net, data)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise TypeError(
            f"validation_data must be a pair (X, y) or a source; got {type(data).__name__}"
        )
    samples = samples_of(net, *data)
    checks.some_weight("the weights of validation_data", samples.weights)
    return samples


# What L-BFGS, which sees all samples at once and takes its own steps, has to go without.
WITHOUT = {
    **{"batch_size": "auto", "learning_rate": "auto", "schedule": "auto"},
    **{"clip_value": None, "clip_norm": None, "average": None, "input_noise": 0.0},
    **{"early_stopping": None, "callbacks": (), "metrics": (), "health": False},
    **{"checkpoint": None, "resume": None},
}


def refuse_mini_batches(given: dict[str, Any], held: Samples | Streamed | None) -> None:
    for name, value in WITHOUT.items():
        if given[name] != value:
            raise ValueError(f"optimizer 'lbfgs' must go without {name}; got {given[name]!r}")
    if held:
        raise ValueError("optimizer 'lbfgs' must go without validation data; got some")
