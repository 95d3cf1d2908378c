"""Training on many ranks: the cost of the exchange, the efficiency, and a model for more ranks.

Starts mpiexec with itself on 1 to --ranks ranks. Measures the latency and the time of a byte of a
message, the exchange of a step against the size of the network, and samples a second of fit at
batches of 128 to 8,192. Then the model of docs/guide/distributed.md gives the efficiency on 8 to
1,024 ranks, with the measured message costs or those given by --latency (seconds) and --bandwidth
(bytes a second), and draws it with --picture docs/distributed.svg.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from math import log2
from pathlib import Path
from time import perf_counter

import numpy as np

SIZES = [784, 512, 512, 10]
BATCHES = (128, 256, 512, 1024, 2048, 4096, 8192)
PARAMETERS = (10_000, 100_000, 1_000_000, 10_000_000)
RANKS = (8, 16, 32, 64, 128, 256, 512, 1024)
WIDTH = 4  # bytes of float32
SECONDS = 1.0  # of each measurement


def least(function, repeat):
    """Return the least seconds of a call."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


# On every rank.


def messages(comm):
    """Return the seconds of an empty message and of one of 8 MB, between ranks 0 and 1."""
    results = {}
    for length in (1, 2_000_000):
        buffer = np.zeros(length, np.float32)

        def there_and_back(buffer=buffer):
            if comm.rank == 0:
                comm.Send(buffer, 1)
                comm.Recv(buffer, 1)
            elif comm.rank == 1:
                comm.Recv(buffer, 0)
                comm.Send(buffer, 0)

        comm.Barrier()
        results[length * WIDTH] = least(there_and_back, 200 if length == 1 else 20) / 2
    return results


def exchanges(comm, reduction):
    """Return the seconds of an exchange for each number of parameters, with one subtree a rank."""
    from backprop_rs.distributed.exchange import Exchange
    from backprop_rs.distributed.sharding import partition

    results = {}
    for n in PARAMETERS:
        exchange = Exchange(comm, [n], "float32", reduction)
        batch, sums = partition(256 * comm.size, comm.size, reduction), np.ones((1, n), np.float32)

        def once(exchange=exchange, batch=batch, sums=sums):
            exchange.begin(batch)
            exchange.ready(0, sums)
            exchange.scalars([(1.0, 256.0)], 0.0)
            exchange.finish()

        once()
        comm.Barrier()
        results[n] = least(once, max(5, 2_000_000 // n))
        exchange.close()
    return results


def rates(comm, reduction):
    """Return the samples per second of fit for each batch."""
    import backprop_rs as bp

    bp.set_num_threads(1)
    rng, results = np.random.default_rng(comm.rank), {}
    rows = 16_384 // comm.size
    X, y = rng.normal(size=(rows, SIZES[0])).astype(np.float32), np.arange(rows) % SIZES[-1]
    for batch in BATCHES:
        net = bp.Network(SIZES, "relu", "softmax", "cross_entropy", seed=0)
        settings = {"batch_size": batch, "learning_rate": 0.01, "progress": False}
        history = net.fit(X, y, 2, comm=comm, reduction=reduction, **settings)
        epochs = comm.bcast(max(int(SECONDS / history.seconds[-1]), 1), 0)
        comm.Barrier()
        start = perf_counter()
        net.fit(X, y, epochs, comm=comm, reduction=reduction, **settings)
        results[batch] = epochs * rows * comm.size / (perf_counter() - start)
    return results


def update_seconds():
    """Return the seconds of an update per parameter."""
    import backprop_rs as bp

    bp.set_num_threads(1)
    net = bp.Network(SIZES, "relu", "softmax", "cross_entropy", seed=0)
    core = net._core
    core.set_optimizer("sgd")
    sums = [np.zeros(length, np.float32) for length in core.sum_lengths()]
    settings = {"batch_size": 1, "learning_rate": 0.01, "stop_epoch": 1, "budget": 0.0}
    apply = (sums, (1.0, 1.0, 1), settings, (0, 0), 1)
    return least(lambda: core.apply_gradient(*apply), 50) / net.n_parameters


def worker():
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    results = {"ranks": comm.size, "update": update_seconds()}
    if comm.size > 1:
        results["messages"] = messages(comm)
    for reduction in ("exact", "fast"):
        if comm.size > 1:
            results[f"exchange {reduction}"] = exchanges(comm, reduction)
        results[f"rate {reduction}"] = rates(comm, reduction)
    if comm.rank == 0:
        print(json.dumps(results), flush=True)


# The model.


def exchange_model(ranks, parameters, latency, per_byte, reduction="exact"):
    """Return the modeled seconds of an exchange with one subtree a rank."""
    share = (ranks - 1) / ranks
    if reduction == "fast":
        return 2 * log2(ranks) * latency + 2 * share * parameters * WIDTH * per_byte
    moved = 2 * share * parameters * WIDTH * per_byte
    return 2 * (ranks - 1) * latency + moved + log2(ranks) * latency


def efficiency(ranks, batch, row, parameters, update, message, reduction="exact"):
    """Return the share of the speed of R machines that is left, for the whole batch."""
    busy = min(ranks, max(batch // 256, 1)) if reduction == "exact" else ranks
    alone = batch * row + parameters * update
    together = batch / busy * row + parameters * update
    together += exchange_model(ranks, parameters, *message, reduction)
    return alone / (ranks * together)


def show(records, message, picture):
    one = records[0]
    parameters = sum((a + 1) * b for a, b in pairwise(SIZES))
    update, largest = one["update"], BATCHES[-1]
    row = 1 / one["rate exact"][str(largest)] - parameters * update / largest
    print(f"\nlatency {message[0] * 1e6:.2f} us, {1e-9 / message[1]:.2f} GB/s, ", end="")
    print(f"{row * 1e6:.2f} us a row, {update * 1e9:.3f} ns an update of a parameter\n")
    names = [f"{record['ranks']} ranks" for record in records]
    for reduction in ("exact", "fast"):
        print(f"| parameters ({reduction}) | {' | '.join(names[1:])} | model |")
        print("|" + "---|" * (len(records) + 1))
        for n in PARAMETERS:
            cells = [f"{r[f'exchange {reduction}'][str(n)] * 1e3:.3f} ms" for r in records[1:]]
            model = exchange_model(records[-1]["ranks"], n, *message, reduction)
            print(f"| {n:,} | {' | '.join(cells)} | {model * 1e3:.3f} ms |")
        print(f"\n| batch ({reduction}) | {' | '.join(names)} |")
        print("|" + "---|" * (len(records) + 1))
        for batch in BATCHES:
            base = one["rate exact"][str(batch)]
            of = [r[f"rate {reduction}"][str(batch)] / base / r["ranks"] for r in records]
            print(f"| {batch:,} | {' | '.join(f'{share:.0%}' for share in of)} |")
        print()
    print("| ranks | exchange | efficiency at 256 rows a rank | batch for 80 % |")
    print("|---|---|---|---|")
    for ranks in RANKS:
        rest = (row, parameters, update, message)
        cost = exchange_model(ranks, parameters, *message)
        batch = 256 * ranks
        at = efficiency(ranks, batch, *rest)
        while efficiency(ranks, batch, *rest) < 0.8 and batch < 2**40:
            batch *= 2
        print(f"| {ranks:,} | {cost * 1e3:.2f} ms | {at:.0%} | {batch:,} |")
    if picture:
        draw(picture, row, parameters, update, message)


def draw(path, row, parameters, update, message):
    from picture import GRID, STYLE, plt

    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(7.5, 4.4))
        colors = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7")
        for rows, color in zip((256, 1024, 4096, 16_384, 65_536), colors, strict=True):
            shares = [
                100 * efficiency(ranks, rows * ranks, row, parameters, update, message)
                for ranks in RANKS
            ]
            axis.plot(RANKS, shares, color=color, marker="o", label=f"{rows:,} rows a rank")
        axis.set_xscale("log", base=2)
        axis.set_xticks(RANKS, [f"{ranks:,}" for ranks in RANKS])
        axis.set(ylim=(0, 105), xlabel="ranks", ylabel="efficiency, %")
        axis.set_title("-".join(map(str, SIZES)) + ", exact, by the model", loc="left")
        axis.grid(color=GRID, linewidth=0.8)
        axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--latency", type=float, help="seconds of a message, for the model")
    parser.add_argument("--bandwidth", type=float, help="bytes a second, for the model")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker()
    beside = Path(sys.executable).parent / "mpiexec"
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    options = ["--oversubscribe", "--allow-run-as-root"]
    records = []
    for ranks in range(1, args.ranks + 1):
        command = [mpiexec, *options, "-n", str(ranks), sys.executable, __file__, "--worker"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        records.append(json.loads(subprocess.check_output(command, text=True, env=environment)))
        print(f"{ranks} of {args.ranks} measured", file=sys.stderr, flush=True)
    sent = {int(size): seconds for size, seconds in records[1]["messages"].items()}
    small, large = min(sent), max(sent)
    latency = sent[small] if args.latency is None else args.latency
    per_byte = (sent[large] - sent[small]) / (large - small)
    if args.bandwidth is not None:
        per_byte = 1 / args.bandwidth
    show(records, (latency, per_byte), args.picture)
    return None


if __name__ == "__main__":
    main()
