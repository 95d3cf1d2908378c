"""Compare what the ranks are about to train, and copy the state of rank 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import _version
from .._internal import checks
from ..exceptions import RanksDiffer

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from ..training.checkpoint import Resumed
    from ..training.samples import TrainingData
    from .agreement import Agreement

AS_RANK_0 = "what rank 0 has"  # for facts in which a rank follows rank 0
NOT_GIVEN = "not given"
# The facts in which a network without a seed follows rank 0.
ADOPTED = ("seed", "epochs_trained", "optimizer", "the hash of the parameters")

T = TypeVar("T")


def compare(agreement: Agreement, point: str, prepare: Callable[[], tuple[T, dict[str, Any]]]) -> T:
    """Prepare something on all ranks, and compare facts about it.

    Parameters
    ----------
    agreement : Agreement
    point : str
        The point of the training.
    prepare : function
        Returns what this rank has prepared, and the facts by the names that users know. All ranks
        hear of the exception that it raises.

    Returns
    -------
    object
        What this rank has prepared.

    Raises
    ------
    RanksDiffer
        On every rank, if two of them differ.
    """
    prepared: list[T] = []

    def facts_of_rank() -> dict[str, Any]:
        result, facts = prepare()
        prepared.append(result)
        return facts

    answers = agreement.all(point, facts_of_rank)
    for name, value in answers[0].items():
        for rank, other in enumerate(answers):
            if other.get(name) not in (value, AS_RANK_0):
                raise RanksDiffer(
                    f"all ranks must train alike; {name} is {checks.shown(value)} on rank 0 and "
                    f"{checks.shown(other.get(name))} on rank {rank}"
                )
    return prepared[0]


def facts_of(net: BaseNetwork) -> dict[str, Any]:
    """Return what must be equal of a network."""
    return {
        "the version of backprop_rs": _version.__version__,
        "backend": net.backend,
        "sizes": net.sizes,
        "activation": [*net.activation, net.output],
        "cost": net.cost,
        "dtype": net.dtype,
        "the settings of the layers": net._options,
        "input_scale": net.input_scale,
        "embedding": [each.to_dict() for each in net.embedding],
        "seed": net.seed,
        "epochs_trained": net.epochs_trained,
        "optimizer": net._optimizer,
        "the hash of the parameters": digest(net._core.state()),
    }


def data_facts(local: TrainingData) -> dict[str, Any]:
    """Return what must be equal of the data."""
    samples = local.in_memory
    if samples is None:
        return {"X": "a source", "the source": local.identity()["source"]}
    y = samples.y
    return {
        "X": "an array",
        "the number of features": samples.X.shape[1],
        "feature_names": samples.net.metadata.get("feature_names"),
        "the kind of y": f"{y.dtype} of shape (m, {', '.join(map(str, y.shape[1:]))})",
        "sample_weight": "given" if samples.weights is not None else NOT_GIVEN,
    }


def weight_facts(class_weight: Any) -> Any:
    """Return the weights of classes, without the types of their numbers."""
    if isinstance(class_weight, Mapping):
        return sorted(
            (str(label), float(weight) if isinstance(weight, Real) else str(weight))
            for label, weight in class_weight.items()
        )
    return class_weight if class_weight is None else str(class_weight)


def validation_facts(validation: TrainingData | None) -> Any:
    """Return the validation data in short, which are equal on all ranks."""
    if validation is None:
        return NOT_GIVEN
    samples = validation.in_memory
    if samples is None:
        return validation.identity()["source"]
    arrays = {"X": samples.X, "y": samples.y, "weights": samples.weights}
    return digest({name: array for name, array in arrays.items() if array is not None})


def resumed_facts(resumed: Resumed | None) -> Any:
    """Return what a training resumes from: some ranks may lack the file, or have another one."""
    if resumed is None:
        return "none"
    epoch, step = resumed.state.position.stop
    best = resumed.state.best
    states = [resumed.core_state, {} if best is None else best.parameters or {}]
    hashes = [
        digest({name: np.asarray(value) for name, value in state.items()}) for state in states
    ]
    return f"of epoch {epoch}, step {step}, with the hash {', '.join(hashes)}"


def digest(state: dict[str, Any]) -> str:
    """Return a short hash of the state of a network and its optimizer."""
    hashed = blake2b(digest_size=8)
    for name in sorted(state):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(state[name]).tobytes())
    return hashed.hexdigest()


# Networks without a seed.


class Adoption:
    """Copies seed, parameters and optimizer of rank 0 to networks that were given no seed.

    Parameters
    ----------
    agreement : Agreement
    net : BaseNetwork
    adopts : bool
        True if the network of this rank follows rank 0.
    """

    NAMES = ("seed", "epochs_trained", "_steps")

    def __init__(self, agreement: Agreement, net: BaseNetwork, adopts: bool) -> None:
        self.agreement, self.net, self.adopts = agreement, net, adopts
        self.before = {name: getattr(net, name) for name in self.NAMES}
        answers = agreement.all("seeds", lambda: (adopts, self.before, net._optimizer))
        self.wanted = any(wants for wants, _, _ in answers)
        _, numbers, self.optimizer = answers[0]
        if adopts:
            vars(net).update(numbers)

    def undo(self) -> None:
        """Restore the network, because the training does not begin."""
        vars(self.net).update(self.before)

    def complete(self) -> None:
        """Copy the arrays, if a rank needs them."""
        if not self.wanted:
            return
        agreement, core = self.agreement, self.net._core
        state: dict[str, Any] = {}

        def describe() -> dict[str, Any]:
            if agreement.rank > 0:
                return {}
            for name, value in core.state().items():
                state[name] = np.ascontiguousarray(value) if hasattr(value, "shape") else value
            return {name: description(value) for name, value in state.items()}

        def allocate() -> None:
            if agreement.rank > 0:
                state.update({name: allocated(value) for name, value in described.items()})

        described = agreement.all("the state of rank 0", describe)[0]
        # All ranks must have the memory before one sends: a broadcast cannot fail on one rank.
        agreement.all("room for the state", allocate)
        for name in described:
            if isinstance(state[name], np.ndarray):
                agreement.comm.Bcast(state[name], root=0)
        agreement.all("the state", lambda: self.put(state))

    def put(self, state: dict[str, Any]) -> None:
        """Give the network the state of rank 0."""
        net = self.net
        if self.adopts:
            net._refuse_in_training("parameters")
            net._core.set_optimizer(self.optimizer or "sgd")
            net._core.set_state(state)
            net._optimizer = self.optimizer
        net._seed_is_drawn = False  # from now on all ranks have the same


def description(value: Any) -> Any:
    """Return shape and dtype of an array; any other value as it is."""
    return (value.shape, str(value.dtype)) if isinstance(value, np.ndarray) else value


def allocated(described: Any) -> Any:
    """Return an empty array of a shape and dtype; any other value as it is."""
    return np.empty(*described) if isinstance(described, tuple) else described
