"""The tasks that `test_distributed.py` runs on every rank: `python ranks.py TASK`."""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from typing import Any

import backprop_rs as bp
import numpy as np
from backprop_rs import _version
from networks import classifier

N, FEATURES = 3000, 12
RNG = np.random.default_rng(88)
X = RNG.normal(size=(N, FEATURES)).astype(np.float32)
Y = X[:, :3].argmax(axis=1)
WEIGHTS = RNG.uniform(size=N).astype(np.float32)
VALUES = np.where(np.arange(N) < N // 2, 1.0, 0.25)[:, None]
LABELS = np.eye(3)[Y]
LABELS[-100:, 0] = LABELS[-100:, 1] = 1
PLAIN: dict[str, Any] = {"epochs": 2, "batch_size": 1300, "learning_rate": 0.1, "progress": False}


network = partial(classifier, sizes=[FEATURES, 9, 3], seed=3)


def rows_of(comm: Any) -> slice:
    """Return this rank's rows: parts of unequal lengths."""
    if comm is None:
        return slice(None)
    cuts = [int(N * (k / comm.Get_size()) ** 1.3) for k in range(comm.Get_size() + 1)]
    return slice(cuts[comm.Get_rank()], cuts[comm.Get_rank() + 1])


def outcome(net: bp.Network, history: bp.History) -> Any:
    from backprop_rs.distributed.handshake import digest

    return [digest(net._core.state()), history.scores(), history.stopped, history.best_epoch]


def train(comm: Any, weighted: bool = False, options: Any = None, **settings: Any) -> Any:
    mine, net = rows_of(comm), network(**options or {})
    more = {"sample_weight": WEIGHTS[mine]} if weighted else {}
    return outcome(net, net.fit(X[mine], Y[mine], comm=comm, **PLAIN | more | settings))


def from_source(comm: Any) -> Any:
    """Train from a source: every rank has all rows, and reads its own."""
    net = network()
    source = bp.data.source(X, Y, chunk_bytes=FEATURES * 4 * 1300)
    return outcome(net, net.fit(source, comm=comm, **PLAIN))


def trainings(comm: Any) -> dict[str, Any]:
    """Run trainings whose bits must not depend on the number of ranks."""
    validation = (X[:500], Y[:500])
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
        "factors and their schedules": train(
            comm,
            optimizer="adamw",
            options={"dropout": 0.2, "layer_norm": True},
            lr_factors={"weights": "ntp", "biases": 0.1},
            decay_factors={"gains": 1.0},
            dropout_schedule="cosine",
            decay_schedule="flat_cos",
        ),
        "penalties": train(comm, options={"l2": 0.01, "max_norm": 1.0}),
        "double": train(comm, options={"dtype": "float64"}),
        "scores": train(comm, metrics=["accuracy"], validation_data=validation, early_stopping=1),
        "a source": from_source(comm),
    }


def fast(comm: Any) -> list[float]:
    net, mine = network(), rows_of(comm)
    net.fit(X[mine], Y[mine], comm=comm, reduction="fast", **PLAIN | {"batch_size": 1000})
    flat: list[float] = np.concatenate([w.ravel() for w in net.weights]).tolist()
    return flat


def differences(comm: Any) -> dict[str, str]:
    """Return the errors if rank 1 does something else."""
    one = comm.Get_rank() == 1
    bad = X.copy()
    bad[0, 0] = np.nan
    other = network()
    if one:
        other.biases = [b + 1 for b in other.biases]
    results = {}

    def attempt(name: str, net: bp.Network, x: Any = X, **settings: Any) -> None:
        try:
            net.fit(x, Y, comm=comm, **PLAIN | settings)
        except ValueError as error:
            results[name] = str(error)

    attempt("learning_rate", network(), learning_rate=0.2 if one else 0.1)
    attempt("seed", network(seed=4 if one else 3))
    sizes = [FEATURES - one, 9, 3]
    attempt("sizes", network(sizes=[FEATURES, 8 if one else 9, 3]))
    from backprop_rs.distributed import fit

    facts = fit.facts_of
    fit.facts_of = lambda net: {}  # otherwise the error would name the sizes
    attempt("features", network(sizes=sizes), X[:, : FEATURES - one])
    fit.facts_of = facts
    attempt("parameters", other)
    version, _version.__version__ = bp.__version__, "0.0.0" if one else bp.__version__
    attempt("version", network())
    _version.__version__ = version
    attempt("nan", network(), bad if one else X)
    return results


def endings(comm: Any) -> Any:
    """Return what each rank raises if one rank stops or fails."""
    rank, last = comm.Get_rank(), comm.Get_size() - 1
    validation = (X[:100], Y[:100])
    results: dict[str, Any] = {}

    def attempt(name: str, **settings: Any) -> None:
        own = settings.pop("own", {})
        if rank == last:
            settings |= own
        net, mine = settings.pop("net", None) or network(), settings.pop("rows", rows_of(comm))
        x, y = settings.pop("data", (X[mine], Y[mine]))
        try:
            history = net.fit(x, y, comm=comm, **PLAIN | {"epochs": 4} | settings)
            results[name] = {
                "stopped": history.stopped,
                "epochs": len(history),
                "epochs_trained": net.epochs_trained,
                "scores": history.scores(),
                "parameters": digest_of(net),
            }
        except BaseException as error:
            kinds = [one.__name__ for one in type(error).__mro__ if one.__module__ == "builtins"]
            results[name] = {
                "raised": type(error).__name__,
                "builtins": kinds,
                "says": str(error),
            }
        comm.Barrier()  # all ranks get here, and their calls still match

    class At:
        """Do something on the last rank only."""

        def __init__(self, moment: str, do: Any, always: bool = True) -> None:
            if always or rank == last:
                setattr(self, moment, lambda event: do(event) if rank == last else None)

    def stop(event: Any) -> None:
        event.stop()

    def fail(_: Any) -> None:
        raise OSError("the disk is gone")

    def interrupt(_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def leave(_: Any) -> None:
        sys.exit(3)

    def faster(epoch: Any) -> None:
        epoch.learning_rate = 0.2

    for moment in ("on_step_end", "on_epoch_end"):
        attempt(f"stop in {moment}", callbacks=At(moment, stop))
        attempt(f"stop in {moment}, there alone", own={"callbacks": At(moment, stop)})
    for moment in ("on_fit_begin", "on_epoch_begin", "on_step_end", "on_epoch_end", "on_fit_end"):
        attempt(f"failure in {moment}", callbacks=At(moment, fail))
    attempt("failure, there alone", own={"callbacks": At("on_epoch_end", fail)})
    attempt("interrupt in a callback", callbacks=At("on_epoch_end", interrupt))
    attempt("exit in a callback", callbacks=At("on_epoch_end", leave))
    attempt("a bad rate", callbacks=At("on_epoch_end", lambda e: setattr(e, "learning_rate", -1)))
    attempt("another rate", own={"callbacks": faster})
    attempt("everywhere", callbacks=fail)

    def metric(y: Any, p: Any) -> float:
        if rank == last:
            raise ZeroDivisionError("no such score")
        return 0.0

    def own_score(y: Any, p: Any) -> float:
        return float(rank)

    attempt("a metric", metrics=[metric])
    stopping = bp.EarlyStopping("own_score", patience=1, higher_is_better=False)
    attempt("scores that differ", metrics=[own_score], early_stopping=stopping)
    attempt("early stopping", early_stopping=1, learning_rate=0.0)
    attempt("validation there alone", own={"validation_data": validation})
    fewer = (X[:99], Y[:99])
    attempt("other validation", validation_data=validation, own={"validation_data": fewer})
    attempt("balanced there alone", own={"class_weight": "balanced"})
    attempt("other class weights", class_weight={0: 2}, own={"class_weight": {0: 3}})
    attempt("reduction", own={"reduction": "quick"})
    attempt("sample weights", own={"sample_weight": WEIGHTS[rows_of(comm)]})
    attempt("no rows", own={"rows": slice(0, 0)})
    attempt("a source there alone", own={"data": (bp.data.source(X, Y), None)})
    attempt("nan", net=diverging(), learning_rate=1e30)
    attempt("nan, stopped", net=diverging(), learning_rate=1e30, on_nan="stop")
    attempt("health", health=1)
    attempt("health there alone", own={"health": 1})
    attempt("interrupt in a step", net=own_activation(last, rank, "interrupt"))
    attempt("failure in a step", net=own_activation(last, rank, "fail"))
    attempt("failure in an update", net=failing_update(rank == last))
    attempt("failure of a source", data=(failing_source(rank == last), None), batch_size=400)
    attempt("all is well", callbacks=lambda _: None)

    # Targets whose kind only shows in all rows together.
    thirds = np.array_split(np.arange(N), comm.Get_size())[rank]
    of_values = {"data": (X[thirds], VALUES[thirds])}
    attempt("values", net=sigmoid(), metrics=("mae",), **of_values)
    attempt("accuracy of values", net=sigmoid(), metrics="accuracy", **of_values)
    attempt("balanced values", net=sigmoid(), class_weight="balanced", **of_values)
    attempt("weighted values", net=sigmoid(), class_weight={0: 2.0}, **of_values)
    return comm.gather(results)


def metrics_of_values(comm: Any) -> Any:
    """Score targets that are all 0 and 1 on the first ranks, but not on the last."""
    every = np.arange(N)
    mine = every if comm is None else np.array_split(every, comm.Get_size())[comm.Get_rank()]
    settings = PLAIN | {"metrics": ("mae", "r2"), "comm": comm}
    results = [outcome(net := sigmoid(), net.fit(X[mine], VALUES[mine], **settings))]
    # Rows of one label each on the first rank, of none and two on the last, or of values there.
    for targets in (LABELS, np.where(LABELS.sum(axis=1, keepdims=True) == 2, 0.5, LABELS)):
        net = bp.Network([FEATURES, 4, 3], "tanh", "sigmoid", "cross_entropy", seed=3)
        history = net.fit(X[mine], targets[mine], **settings | {"validation_data": (X, LABELS)})
        results.append([*outcome(net, history), net._several_labels])
    return results


def digest_of(net: bp.Network) -> str:
    from backprop_rs.distributed.handshake import digest

    return digest(net._core.state())


def diverging() -> bp.Network:
    return bp.Network([FEATURES, 9, 3], "relu", "identity", "squared_error", seed=3)


def sigmoid() -> bp.Network:
    return bp.Network([FEATURES, 4, 1], "tanh", "sigmoid", "squared_error", seed=3)


def own_activation(last: int, rank: int, what: str) -> bp.Network:
    """Return a network with an activation that does something in the 7th call on the last rank."""
    calls = [0]

    def function(z: Any) -> Any:
        calls[0] += 1
        if rank == last and calls[0] == 7:
            if what == "fail":
                raise ArithmeticError("an activation of one's own")
            os.kill(os.getpid(), signal.SIGINT)
        return np.tanh(z)

    own = bp.Activation("own", function, lambda z, a: 1 - a * a)
    return bp.Network([FEATURES, 9, 3], own, "softmax", "cross_entropy", seed=3)


def failing_update(fails: bool) -> bp.Network:
    """Return a network whose second update fails."""
    net = network()

    class Core:
        updates = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(core, name)

        def apply_gradient(self, *arguments: Any) -> Any:
            self.updates += 1
            if fails and self.updates == 2:
                raise MemoryError("no room for an update")
            return core.apply_gradient(*arguments)

    core, net._core = net._core, Core()
    return net


def failing_source(fails: bool) -> Any:
    source = bp.data.source(X, Y, chunk_bytes=FEATURES * 4 * 400)
    reads = [0]

    def change(block: Any) -> Any:
        reads[0] += 1
        if fails and reads[0] == 3:
            raise OSError("the file cannot be read")
        return block

    source.change = change
    return source


def frame_names(comm: Any) -> Any:
    """Return the column names of a network after a refused and after a failed training."""
    import pandas as pd

    def fail(_: Any) -> None:
        raise OSError("the disk is gone")

    mine = rows_of(comm)
    frame = pd.DataFrame(X[mine], columns=[f"x{i}" for i in range(FEATURES)])
    names = []
    for settings in ({"learning_rate": 0.1 + comm.Get_rank()}, {"callbacks": fail}):
        net = network()
        try:
            net.fit(frame, Y[mine], comm=comm, **PLAIN | settings)
        except (ValueError, OSError):
            names.append(net.metadata.get("feature_names"))
    return comm.gather(names)


def deaf(comm: Any) -> None:
    """Let a rank fail while the others do not hear of it."""
    from backprop_rs.distributed import agreement

    agreement.PATIENCE = 1.0

    def fail(_: Any) -> None:
        if comm.Get_rank() == 1:
            raise OSError("the disk of rank 1 is gone")
        comm.Barrier()

    train(comm, epochs=5, callbacks=fail)


def terminated(comm: Any) -> Any:
    """Handle SIGTERM during a training by an exit."""

    def leave(*_: Any) -> None:
        sys.exit("terminated")

    signal.signal(signal.SIGTERM, leave)

    def kill(epoch: Any) -> None:
        if comm.Get_rank() == 1 and epoch.number == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        train(comm, epochs=50, callbacks=kill)
    except BaseException as error:
        return comm.gather(f"{type(error).__name__}: {error}")


def unseeded(comm: Any) -> Any:
    """Train networks without a seed; all ranks end with the same parameters, also a second time."""
    rank, results = comm.Get_rank(), {}
    for name, options in (("plain", {}), ("dropout", {"dropout": 0.2})):
        net = network(seed=None, **options)
        if rank == 0:
            X0, Y0 = X[:256], Y[:256]
            net.fit(X0, Y0, epochs=1, optimizer="adam", learning_rate=0.01, progress=False)
        first = comm.bcast(net if rank == 0 else None)
        settings = {"optimizer": "adam", "average": 0.9}
        mine, both = rows_of(comm), []
        for one in (net, net):
            history = one.fit(X[mine], Y[mine], comm=comm, **PLAIN | settings)
            both.append([digest_of(one), history.cost, one.seed, one.epochs_trained])
        alone = []
        for _ in range(2):
            history = first.fit(X, Y, **PLAIN | settings)
            alone.append([digest_of(first), history.cost, first.seed, first.epochs_trained])
        results[name] = [both, alone]
    refused = network(seed=None)
    before = [refused.seed, digest_of(refused)]
    try:
        refused.fit(X, Y, comm=comm, **PLAIN | {"learning_rate": 0.1 + rank})
    except ValueError as error:
        results["refused"] = [str(error), before == [refused.seed, digest_of(refused)]]
    seeds = network(seed=None if rank == 0 else 4)
    try:
        seeds.fit(X, Y, comm=comm, **PLAIN)
    except ValueError as error:
        results["a seed elsewhere"] = str(error)
    later = network(seed=5 if rank == 0 else None)
    later.fit(X, Y, comm=comm, **PLAIN)
    results["a seed on rank 0"] = [later.seed, digest_of(later)]
    return comm.gather(results)


def checkpoints(comm: Any, folder: str) -> Any:
    """Write a checkpoint that fails, and resume from one that only rank 0 has."""
    results = {}

    def attempt(name: str, **settings: Any) -> None:
        try:
            results[name] = train(comm, **settings)[2]
        except (OSError, ValueError) as error:
            results[name] = f"{type(error).__name__}: {error}"

    attempt("no folder", checkpoint=f"{folder}/missing/run", checkpoint_every=1)
    path = f"{folder}/{'run' if comm.Get_rank() == 0 else 'other'}"
    attempt("written", checkpoint=path)
    attempt("resumed", checkpoint=path, resume=True)
    return comm.gather(results)


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
