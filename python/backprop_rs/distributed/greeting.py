"""Whether all ranks are about to train the same: what differs is named before anything is done."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _check
from ..exceptions import RanksDiffer

if TYPE_CHECKING:
    from ..network import Network


def greet(comm: Any, facts: dict[str, Any], error: Exception | None = None) -> None:
    """Compare what the ranks are about to do.

    Parameters
    ----------
    comm : mpi4py communicator
    facts : dict
        By the names that the user knows.
    error : Exception, optional
        What this rank has found wrong with its own arguments.

    Raises
    ------
    RanksDiffer
        On every rank, if one has an error or if two differ.
    """
    answers = comm.allgather((facts, None if error is None else f"{error}"))
    for rank, (_, wrong) in enumerate(answers):
        if wrong is not None:
            raise RanksDiffer(f"rank {rank}: {wrong}") from error
    first = answers[0][0]
    for name, value in first.items():
        for rank, (other, _) in enumerate(answers):
            if other.get(name) != value:
                raise RanksDiffer(
                    f"all ranks must train alike; {name} is {_check.shown(value)} on rank 0 and "
                    f"{_check.shown(other.get(name))} on rank {rank}"
                )


def facts_of(net: Network) -> dict[str, Any]:
    """What must be the same of a network."""
    from .. import __version__

    return {
        "the version of backprop_rs": __version__,
        "backend": net.backend,
        "sizes": net.sizes,
        "activation": [*net.activation, net.output],
        "cost": net.cost,
        "dtype": net.dtype,
        "the settings of the layers": net._options,
        "seed": net.seed,
        "epochs_trained": net.epochs_trained,
        "optimizer": net._optimizer,
        "the hash of the parameters": digest(net._core.state()),
    }


def digest(state: dict[str, Any]) -> str:
    """A short hash of all that a network and its optimiser hold."""
    hashed = blake2b(digest_size=8)
    for name in sorted(state):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(state[name]).tobytes())
    return hashed.hexdigest()
