"""What all ranks compare before they train together, and what they take from rank 0."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from ..exceptions import RanksDiffer
from ..training.samples import Samples

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from ..training.checkpoint import Resumed
    from ..training.out_of_core import Streamed
    from .agreement import Agreement

AS_RANK_0 = "what rank 0 has"  # a fact of a rank that has no choice of its own
NOT_GIVEN = "not given"


def compare(agreement: Agreement, point: str, facts: Callable[[], dict[str, Any]]) -> None:
    """Compare what the ranks are about to do.

    Parameters
    ----------
    agreement : Agreement
    point : str
    facts : function that returns a dict
        By the names that the user knows. What it raises, it has found wrong on this rank.

    Raises
    ------
    RanksDiffer
        On every rank, if two differ.
    """
    answers = agreement.all(point, facts)
    first = answers[0]
    for name, value in first.items():
        for rank, other in enumerate(answers):
            if other.get(name) not in (value, AS_RANK_0):
                raise RanksDiffer(
                    f"all ranks must train alike; {name} is {checks.shown(value)} on rank 0 and "
                    f"{checks.shown(other.get(name))} on rank {rank}"
                )


def facts_of(net: BaseNetwork) -> dict[str, Any]:
    """What must be the same of a network."""
    from .._version import __version__

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


ADOPTED = ("seed", "epochs_trained", "optimizer", "the hash of the parameters")


def data_facts(local: Samples | Streamed) -> dict[str, Any]:
    """What must be the same of the data."""
    if not isinstance(local, Samples):
        return {"X": "a source", "the source": local.source.shares()}
    return {
        "X": "an array",
        "the number of features": local.X.shape[1],
        "feature_names": local.net.metadata.get("feature_names"),
        "the kind of y": f"{local.y.dtype} of shape (m, {', '.join(map(str, local.y.shape[1:]))})",
        "sample_weight": "given" if local.weights is not None else NOT_GIVEN,
    }


def validation_facts(held: Samples | Streamed | None) -> Any:
    """The validation data in short: all ranks have the same."""
    if held is None:
        return NOT_GIVEN
    if not isinstance(held, Samples):
        return held.source.shares()
    arrays = {"X": held.X, "y": held.y, "weights": held.weights}
    return digest({name: one for name, one in arrays.items() if one is not None})


def resumed_facts(resumed: Resumed | None) -> Any:
    """Where a checkpoint has left a training: a file may be there for some ranks alone."""
    if resumed is None:
        return "none"
    epoch, step = resumed.at[:2]
    arrays = [{name: np.asarray(one) for name, one in state.items()} for state in resumed.states]
    return f"of epoch {epoch}, step {step}, with the hash {', '.join(map(digest, arrays))}"


def digest(state: dict[str, Any]) -> str:
    """A short hash of all that a network and its optimiser hold."""
    hashed = blake2b(digest_size=8)
    for name in sorted(state):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(state[name]).tobytes())
    return hashed.hexdigest()


# What a network without a seed takes from rank 0.


class Adoption:
    """Networks that were given no seed take seed, parameters and optimizer from rank 0.

    Parameters
    ----------
    agreement : Agreement
    net : BaseNetwork
    adopts : bool
        Whether that of this rank does.
    """

    NAMES = ("seed", "epochs_trained", "_steps")

    def __init__(self, agreement: Agreement, net: BaseNetwork, adopts: bool) -> None:
        self.agreement, self.net, self.adopts = agreement, net, adopts
        self.before = {name: getattr(net, name) for name in self.NAMES}
        answers = agreement.all("seeds", lambda: (adopts, self.before, net._optimizer))
        self.wanted = any(wants for wants, *_ in answers)
        _, numbers, self.optimizer = answers[0]
        if adopts:
            vars(net).update(numbers)

    def undo(self) -> None:
        """The training does not begin: leave the network as it was."""
        vars(self.net).update(self.before)

    def complete(self) -> None:
        """Take the arrays."""
        if not self.wanted:
            return
        agreement, core, state = self.agreement, self.net._core, dict[str, Any]()

        def describe() -> dict[str, Any]:
            if agreement.rank > 0:
                return {}
            for name, value in core.state().items():
                state[name] = np.ascontiguousarray(value) if hasattr(value, "shape") else value
            return {name: like(value) for name, value in state.items()}

        def make_room() -> None:
            if agreement.rank > 0:
                state.update({name: empty(value) for name, value in described.items()})

        described = agreement.all("the state of rank 0", describe)[0]
        agreement.all("room for the state", make_room)
        for name in described:
            if isinstance(state[name], np.ndarray):
                agreement.comm.Bcast(state[name], root=0)
        agreement.all("the state", lambda: self.put(state))

    def put(self, state: dict[str, Any]) -> None:
        net = self.net
        if self.adopts:
            net._refuse_in_training("parameters")
            net._core.set_optimizer(self.optimizer or "sgd")
            net._core.set_state(state)
            net._optimizer = self.optimizer
        net._seed_is_drawn = False  # from now on it is that of all ranks


def like(value: Any) -> Any:
    return (value.shape, str(value.dtype)) if isinstance(value, np.ndarray) else value


def empty(described: Any) -> Any:
    return np.empty(*described) if isinstance(described, tuple) else described
