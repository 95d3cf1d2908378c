"""Train the members of an ensemble, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.interrupts import SHARED, Interrupts
from ..data import Preprocessor, Table
from ..history import History
from ..model import outputs_of
from ..network import Network
from ..parallel import PATIENCE
from ..progress import progress_bar
from ..threads import Team
from ..training.callbacks import Epoch
from ..training.early_stopping import EarlyStopping
from ..training.metrics import METRICS, Metric
from .preparation import Known, features_of_training, fit_preparation
from .presets import WITH_SCALES, Preset

DTYPE = "float32"
PROBED = 8
"""The number of batches that measure the time of an epoch."""

SHARE = 0.9
"""The share of a time limit that is planned: the rest is for what varies."""


@dataclass(frozen=True)
class Rows:
    """Rows with their encoded target and weights."""

    table: Table
    y: NDArray[Any]
    weights: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, chosen: Any) -> Rows:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[chosen]
        return Rows(self.table.take(chosen), self.y[chosen], weights)


@dataclass
class Member:
    """A member: which rows it holds out, and after the training its network and predictions.

    Attributes
    ----------
    encoding : str
    seed : int
    held : (n,) array of bool, optional
        The rows that it holds out; None if validation rows are given.
    """

    encoding: str
    seed: int
    held: NDArray[np.bool_] | None
    preprocessor: Preprocessor | None = None
    network: Network | None = None
    history: History | None = None
    predictions: NDArray[Any] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Work:
    """The data and settings that all members share.

    Attributes
    ----------
    rows : Rows
    validation : Rows, optional
        Given by the user; without it members validate by the rows that they hold out.
    known : Known
    preset : Preset
    metric : Metric, optional
        The metric that chooses the epoch; by default the cost.
    early_stopping : bool
    """

    rows: Rows
    validation: Rows | None
    known: Known
    preset: Preset
    metric: Metric | None
    early_stopping: bool


def train_members(
    work: Work,
    members: Sequence[Member],
    threads: int,
    time_limit: float | None,
    progress: bool | None,
) -> None:
    """Train all members; each has the same bits as on its own.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C.
    """
    workers = min(threads, len(members))
    team = Team(threads, len(members))
    end = None if time_limit is None else monotonic() + time_limit
    bar = progress_bar(progress)
    done = [0.0] * len(members)

    def run(k: int) -> None:
        token = SHARED.set(interrupts)
        limit = None
        if end is not None:
            rounds = -(-(len(members) - k) // workers)
            limit = (end - monotonic()) / rounds

        def report(share: float) -> None:
            done[k] = share

        try:
            if not interrupts.asked():
                with team.member():
                    train_member(work, members[k], limit, report)
        finally:
            SHARED.reset(token)

    with Interrupts() as interrupts, ThreadPoolExecutor(workers) as pool:
        trainings = [pool.submit(run, k) for k in range(len(members))]
        try:
            while wait(trainings, timeout=PATIENCE).not_done:
                interrupts.deliver()
                if bar.wants():
                    finished = sum(share >= 1 for share in done)
                    bar.show(sum(done) / len(done), f"{finished} of {len(members)} networks")
                if any(each.done() and each.exception() for each in trainings):
                    interrupts.requested = True
            if not interrupts.requested:
                bar.show(1.0, f"{len(done)} of {len(done)} networks")
        except BaseException:
            interrupts.requested = True
            raise
        finally:
            bar.close()
    for training in trainings:
        training.result()
    if any(member.network is None for member in members):
        raise KeyboardInterrupt


def train_member(
    work: Work, member: Member, time_limit: float | None, report: Callable[[float], None]
) -> None:
    """Prepare the rows of a member, train its network, and predict the rows that it holds out."""
    start = monotonic()
    preset, target = work.preset, work.known.target
    if member.held is None:
        train, valid = work.rows, work.validation
    else:
        train = work.rows.take(np.flatnonzero(~member.held))
        valid = work.rows.take(np.flatnonzero(member.held))
    assert valid is not None
    preprocessor, codes = fit_preparation(
        train.table, train.y, train.weights, work.known, preset, member.encoding, member.seed
    )
    X = features_of_training(preprocessor, train.table, codes, DTYPE)
    X_valid = preprocessor.transform_counting(valid.table, DTYPE, {})
    output, cost = outputs_of(target.kind)
    network = Network(
        [X.shape[1], *preset.hidden, target.n_outputs],
        preset.activation,
        output,
        cost,
        init="lecun_normal",
        dtype=DTYPE,
        seed=member.seed,
        dropout=preset.dropout,
        input_scale=member.encoding in WITH_SCALES,
    )
    network.metadata["feature_names"] = list(preprocessor.feature_names)
    if preset.data_driven:
        network.initialize(
            X, weights="std", biases="he+5", seed=member.seed, max_rows=preset.initial_rows
        )
    options = options_of(work, len(X), valid)
    if member.encoding in WITH_SCALES:
        options["lr_factors"]["scales"] = preset.scale_rate
    if time_limit is not None:
        left = SHARE * time_limit - (monotonic() - start)
        seconds = seconds_of_epoch(network, X, train, options)
        options["epochs"] = max(min(options["epochs"], int(left / seconds)), 1)
    n_epochs = options["epochs"]

    def after(epoch: Epoch) -> None:
        report(min(epoch.number / n_epochs, 0.99))
        if time_limit is not None and monotonic() - start > time_limit:
            epoch.stop()

    member.history = network.fit(
        X,
        train.y,
        validation_data=(X_valid, valid.y),
        sample_weight=train.weights,
        callbacks=after,
        **options,
    )
    if member.history.stopped == "interrupted":
        return
    member.predictions = network.predict(X_valid)
    member.preprocessor, member.network = preprocessor, network
    report(1.0)


def options_of(work: Work, n_rows: int, valid: Rows) -> dict[str, Any]:
    """Return the arguments of `Network.fit`, without the data."""
    preset = work.preset
    metric = work.metric
    if metric is None and valid.weights is not None:
        metric = METRICS["rmse" if work.known.target.kind == "values" else "log_loss"]
    metrics: tuple[Metric, ...] = ()
    monitor, higher = "val_cost", None
    if metric is not None:
        metrics = (weighted(metric, valid.weights),)
        monitor, higher = "val_selection", metric.higher_is_better
    stopping = EarlyStopping(
        monitor,
        patience=preset.patience if work.early_stopping else None,
        patience_factor=preset.patience_factor,
        higher_is_better=higher,
        ties="last",
    )
    return {
        "epochs": preset.n_epochs(n_rows),
        "batch_size": preset.batch_size(n_rows),
        "learning_rate": preset.learning_rate,
        "optimizer": {
            "name": "adamw",
            "beta2": preset.beta2,
            "weight_decay": preset.weight_decay,
        },
        "schedule": preset.schedule,
        "dropout_schedule": "flat_cos",
        "decay_schedule": "flat_cos",
        "lr_factors": {"weights": "ntp", "biases": preset.bias_rate},
        "metrics": metrics,
        "early_stopping": stopping,
        "progress": False,
    }


def weighted(metric: Metric, weights: NDArray[Any] | None) -> Metric:
    """Return a metric of the validation rows with their weights, called "selection"."""

    def selection(y: Any, p: Any) -> float:
        n = p.shape[1] if p.ndim == 2 else 2
        # The rows of the training are judged too, without weights.
        usual = None if weights is None or len(weights) != len(y) else weights
        if metric.needs in ("labels", "auto"):
            n = max(n, int(max(y.max(), p.max())) + 1)
        return metric.value(y, p, usual, n)

    return Metric("selection", selection, metric.needs, metric.higher_is_better)


def seconds_of_epoch(
    network: Network, X: NDArray[Any], train: Rows, options: dict[str, Any]
) -> float:
    """Return about how long an epoch takes, from a few batches of a copy of the network."""
    from copy import deepcopy

    size = options["batch_size"]
    few = slice(0, PROBED * size)
    steps = -(-len(X) // size)
    start = monotonic()
    kept = ("batch_size", "learning_rate", "optimizer", "lr_factors", "progress")
    deepcopy(network).fit(X[few], train.y[few], epochs=1, **{name: options[name] for name in kept})
    taken = monotonic() - start
    return float(max(taken * steps / min(steps, PROBED), 1e-6) * 1.25)  # and the validation
