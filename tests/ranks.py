"""What `test_distributed.py` runs on every rank: `python ranks.py TASK`."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import backprop_rs as bp
import numpy as np

N, FEATURES = 3000, 12
RNG = np.random.default_rng(88)
X = RNG.normal(size=(N, FEATURES)).astype(np.float32)
Y = X[:, :3].argmax(axis=1)
WEIGHTS = RNG.uniform(size=N).astype(np.float32)
PLAIN: dict[str, Any] = {"epochs": 2, "batch_size": 1300, "learning_rate": 0.1, "progress": False}


def network(**options: Any) -> bp.Network:
    sizes = options.pop("sizes", [FEATURES, 9, 3])
    seed = options.pop("seed", 3)
    return bp.Network(sizes, "tanh", "softmax", "cross_entropy", seed=seed, **options)


def rows_of(comm: Any) -> slice:
    """This rank's rows: parts of unequal lengths."""
    if comm is None:
        return slice(None)
    cuts = [int(N * (k / comm.Get_size()) ** 1.3) for k in range(comm.Get_size() + 1)]
    return slice(cuts[comm.Get_rank()], cuts[comm.Get_rank() + 1])


def outcome(net: bp.Network, history: bp.History) -> Any:
    from backprop_rs.distributed.greeting import digest

    return [digest(net._core.state()), history.scores(), history.stopped, history.best_epoch]


def train(comm: Any, weighted: bool = False, options: Any = None, **settings: Any) -> Any:
    mine, net = rows_of(comm), network(**options or {})
    more = {"sample_weight": WEIGHTS[mine]} if weighted else {}
    return outcome(net, net.fit(X[mine], Y[mine], comm=comm, **PLAIN | more | settings))


def from_source(comm: Any) -> Any:
    """Every rank has all rows, and reads its own."""
    net = network()
    source = bp.data.source(X, Y, chunk_bytes=FEATURES * 4 * 1300)
    return outcome(net, net.fit(source, comm=comm, **PLAIN))


def trainings(comm: Any) -> dict[str, Any]:
    """Trainings whose bits must not depend on the number of ranks."""
    held = (X[:500], Y[:500])
    return {
        "plain": train(comm),
        "one shard, the other ranks idle": train(comm, batch_size=200, epochs=1),
        "a batch of all": train(comm, batch_size=10_000),
        "many chunks": train(comm, batch_size=2600),
        "in order": train(comm, shuffle=False),
        "adam, clipped": train(comm, optimizer="adam", clip_norm=0.5, clip_value=0.01),
        "a schedule": train(comm, schedule="cosine", average=0.9),
        "weights": train(comm, weighted=True, class_weight="balanced"),
        "noise and dropout": train(comm, options={"dropout": 0.2}, input_noise=0.1),
        "penalties": train(comm, options={"l2": 0.01, "max_norm": 1.0}),
        "double": train(comm, options={"dtype": "float64"}),
        "scores": train(comm, metrics=["accuracy"], validation_data=held, early_stopping=1),
        "a source": from_source(comm),
    }


def fast(comm: Any) -> list[float]:
    net, mine = network(), rows_of(comm)
    net.fit(X[mine], Y[mine], comm=comm, reduction="fast", **PLAIN | {"batch_size": 1000})
    flat: list[float] = np.concatenate([w.ravel() for w in net.weights]).tolist()
    return flat


def differences(comm: Any) -> dict[str, str]:
    """What is said where rank 1 does something else."""
    one = comm.Get_rank() == 1
    bad = X.copy()
    bad[0, 0] = np.nan
    other = network()
    if one:
        other.biases = [b + 1 for b in other.biases]
    found = {}

    def attempt(name: str, net: bp.Network, x: Any = X, **settings: Any) -> None:
        try:
            net.fit(x, Y, comm=comm, **PLAIN | settings)
        except ValueError as error:
            found[name] = str(error)

    attempt("learning_rate", network(), learning_rate=0.2 if one else 0.1)
    attempt("seed", network(seed=4 if one else 3))
    sizes = [FEATURES - one, 9, 3]
    attempt("sizes", network(sizes=[FEATURES, 8 if one else 9, 3]))
    from backprop_rs.distributed import start

    facts = start.facts_of
    start.facts_of = lambda net: {}  # the sizes would be named before
    attempt("features", network(sizes=sizes), X[:, : FEATURES - one])
    start.facts_of = facts
    attempt("parameters", other)
    version, bp.__version__ = bp.__version__, "0.0.0" if one else bp.__version__
    attempt("version", network())
    bp.__version__ = version
    attempt("nan", network(), bad if one else X)
    return found


def failure(comm: Any) -> None:
    def fail(epoch: Any) -> None:
        if comm.Get_rank() == 1 and epoch.number == 2:
            raise OSError("the disk of rank 1 is gone")

    train(comm, epochs=5, callbacks=fail)


def killed(comm: Any, path: str) -> None:
    def kill(epoch: Any) -> None:
        if comm.Get_rank() == 1 and epoch.number == 4:
            os.kill(os.getpid(), signal.SIGKILL)

    train(comm, epochs=6, callbacks=kill, checkpoint=path, checkpoint_every=1)


def resumed(comm: Any, path: str) -> Any:
    return train(comm, epochs=6, checkpoint=path, checkpoint_every=1, resume=True)


def main(task: str, *arguments: str) -> None:
    from mpi4py import MPI

    result = globals()[task](MPI.COMM_WORLD, *arguments)
    if MPI.COMM_WORLD.Get_rank() == 0:
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
