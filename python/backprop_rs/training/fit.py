"""Prepare a training from the arguments of `Network.fit`, and run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks, frames, memory
from ..data.arrays import warn_of_rounding
from ..data.labels import is_multilabel
from ..data.sources import Source
from ..progress import progress_bar
from ..tables.embedding import n_parameters
from .callbacks import Callbacks
from .checkpoint import Checkpoints
from .early_stopping import EarlyStopping, Stopping, early_stopping
from .lbfgs import LbfgsTrainer
from .metrics import Metrics, metrics_for
from .options import AUTO, FitOptions, checked_settings, is_lbfgs
from .out_of_core import Streamed
from .samples import Samples, hold_back, is_balanced, samples_of
from .trainer import Trainer

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from ..history import History
    from .samples import TrainingData


def fit(net: BaseNetwork, X: Data, y: Data | None, options: FitOptions) -> History:
    """Train a network in this process; see `Network.fit`."""
    with frame_names(net, X):
        trainer = prepare(net, training_data(net, X, y, options), options)
    return trainer.run()


@contextmanager
def frame_names(net: BaseNetwork, X: Data) -> Iterator[None]:
    """Give the network the column names of a frame; take them back if the block raises."""
    names = frames.names_of(X) or ()
    is_new = len(names) == net.sizes[0] and "feature_names" not in net.metadata
    if is_new:
        net.metadata["feature_names"] = list(names)
    try:
        yield
    except BaseException:
        if is_new:
            del net.metadata["feature_names"]
        raise


def training_data(
    net: BaseNetwork, X: Data, y: Data | None, options: FitOptions
) -> Samples | Streamed:
    """Return the samples to learn from."""
    if isinstance(X, Source):
        return samples_of_source(net, X, y, options)
    samples = samples_of(net, X, y, options.sample_weight, options.class_weight)
    given = (
        "sample_weight" if options.class_weight is None else "the weights of samples and classes"
    )
    checks.some_weight(given, samples.weights)
    if isinstance(X, np.ndarray) and net.dtype == "float32":
        warn_of_rounding(X, net._feature_names())
    return samples


def prepare(
    net: BaseNetwork, samples: Samples | Streamed, options: FitOptions
) -> Trainer | LbfgsTrainer:
    """Check all options, and return the training, ready to run.

    Only the metadata and `_several_labels` of the network are changed.
    """
    checkpoints = Checkpoints(
        net,
        options.checkpoint,
        options.checkpoint_every,
        options.resume,
        writes=samples.is_first,
    )
    if isinstance(samples, Samples):
        net._several_labels |= is_multilabel(samples.y, net.output, net.cost)
    validation = validation_of(net, options)
    samples, validation = split(samples, validation, options, checkpoints.seed)
    if isinstance(samples, Streamed):
        check_length(samples.source, options)
    settings = checked_settings(options, net._tables, net._widths, len(samples))
    batch_size = min(settings.batch_size, len(samples))
    memory.need_training(net._widths, batch_size, net.dtype, n_parameters(net._parts))
    if is_lbfgs(settings.optimizer):
        if not isinstance(samples, Samples):
            raise ValueError("optimizer 'lbfgs' must have all samples in memory; got a source")
        check_lbfgs(options, validation)
        return LbfgsTrainer(
            net, samples, settings.epochs, text=settings.optimizer, on_nan=settings.on_nan
        )
    callbacks = callbacks_of(options)
    metrics = metrics_for(net, options.metrics)
    bar = progress_bar(options.progress)
    columns = score_columns(samples, validation, metrics)
    stopping = early_stopping(options.early_stopping, validation is not None)
    trainer = Trainer(
        net=net,
        samples=samples,
        settings=settings,
        validation=validation,
        metrics=metrics,
        stopping=None if stopping is None else stopping_of(stopping, columns, metrics),
        callbacks=callbacks,
        checkpoints=checkpoints,
        bar=bar,
    )
    if isinstance(samples, Streamed):
        keep_scaling(net, samples.source)
    if checkpoints:
        checkpoints.identify(net, trainer.facts(), samples, validation)
    return trainer


def callbacks_of(options: FitOptions) -> Callbacks:
    """Return the callbacks, with the monitor that measures the health of the layers."""
    callbacks = options.callbacks
    several = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    if options.health is not None:
        several.append(options.health)
    return Callbacks(several)


def score_columns(
    samples: TrainingData, validation: TrainingData | None, metrics: Metrics
) -> set[str]:
    """Raise ValueError if a metric does not suit the targets; return the columns of scores.

    The targets of a source are checked when it is read.
    """
    for data in (samples, validation):
        arrays = None if data is None else data.in_memory
        if arrays is not None:
            metrics.check(arrays.judged, arrays.net.sizes[-1])
            if metrics:
                checks.some_weight("sample_weight", arrays.weights)
    columns = {"cost", *metrics.names}
    if validation is not None:
        columns |= {f"val_{name}" for name in columns}
        if validation.in_memory is None or validation.in_memory.judged is not None:
            columns.add("val_accuracy")
    return columns


def stopping_of(settings: EarlyStopping, columns: set[str], metrics: Metrics) -> Stopping:
    """Return early stopping by one of the columns of scores, with the direction of the score."""
    if settings.monitor not in columns:
        raise ValueError(
            f"early_stopping must monitor one of {', '.join(sorted(columns))}; "
            f"got {settings.monitor!r}"
        )
    higher_is_better = settings.higher_is_better
    if higher_is_better is None:
        higher_is_better = metrics.higher_is_better(settings.monitor)
    return Stopping(settings, higher_is_better)


# The validation data.


def validation_of(net: BaseNetwork, options: FitOptions) -> Samples | Streamed | None:
    """Return `validation_data` as samples."""
    data = options.validation_data
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


def split(
    samples: Samples | Streamed,
    validation: Samples | Streamed | None,
    options: FitOptions,
    seed: int,
) -> tuple[Samples | Streamed, Samples | Streamed | None]:
    """Return the training samples and the validation samples."""
    fraction = checks.within("validation_fraction", options.validation_fraction, 0.0, 1.0)
    if not fraction:
        return samples, validation
    if validation is not None:
        raise ValueError("give validation_fraction or validation_data, not both")
    if isinstance(samples, Streamed):
        raise ValueError(
            "validation_fraction must be 0 for a source; give validation_data, which may be one"
        )
    return hold_back(samples, fraction, seed)


# L-BFGS takes all samples at once and chooses its own steps.

UNSUPPORTED = (
    "batch_size",
    "learning_rate",
    "schedule",
    "lr_factors",
    "decay_factors",
    "dropout_schedule",
    "decay_schedule",
    "clip_value",
    "clip_norm",
    "average",
    "input_noise",
    "early_stopping",
    "callbacks",
    "metrics",
    "health",
    "checkpoint",
    "resume",
)


def check_lbfgs(options: FitOptions, validation: TrainingData | None) -> None:
    """Raise ValueError for an option that L-BFGS does not support."""
    for name in UNSUPPORTED:
        value = getattr(options, name)
        if value != getattr(FitOptions, name):
            raise ValueError(f"optimizer 'lbfgs' does not support {name}; got {value!r}")
    if validation is not None:
        raise ValueError("optimizer 'lbfgs' does not support validation data")


# Sources.


def samples_of_source(net: BaseNetwork, source: Source, y: Any, options: FitOptions) -> Streamed:
    """Return the samples of a source, which holds its targets and weights."""
    for name, value in (("y", y), ("sample_weight", options.sample_weight)):
        if value is not None:
            raise ValueError(f"{name} must be part of a source; got it in addition to {source!r}")
    if is_balanced(options.class_weight):
        raise ValueError("class_weight must be a mapping for a source; got 'balanced'")
    return Streamed(net, source, class_weight=options.class_weight)


def check_length(source: Source, options: FitOptions) -> None:
    """Count the samples of a source that can be read again; refuse options that need the number.

    A source that can be read only once and whose length is unknown allows one epoch, with options
    that do not depend on the number of samples.
    """
    if source.repeatable:
        source.count()
        return
    if options.epochs != 1:
        raise ValueError(
            f"epochs must be 1 for a source that can be read only once; got {options.epochs!r}"
        )
    if source.length is None:
        names = []
        if options.batch_size == AUTO:
            names.append("batch_size")
        if options.learning_rate == AUTO:
            names.append("learning_rate")
        if options.schedule not in (AUTO, "constant"):
            names.append("schedule")
        for name in ("dropout_schedule", "decay_schedule"):
            if getattr(options, name) not in (None, "constant"):
                names.append(name)
        if names:
            raise ValueError(
                f"{names[0]} depends on the number of samples, which is not known of "
                f"{source.name}: give source(..., length=...), or a {names[0]} that does not"
            )


def keep_scaling(net: BaseNetwork, source: Source) -> None:
    """Keep the scaling and the names of a source in the metadata of the network."""
    for name, scaling in (("scaling", source.scaling), ("target_scaling", source.target_scaling)):
        if scaling is not None:
            net.metadata[name] = scaling.to_dict()
    if source.feature_names:
        net.metadata.setdefault("feature_names", list(source.feature_names))
    if source.class_names:
        net.metadata.setdefault("class_names", list(source.class_names))
