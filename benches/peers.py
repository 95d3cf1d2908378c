"""Compare training speed with NumPy, scikit-learn, JAX and PyTorch: peers.py --help.

Every library runs in a separate process, pinned to the same cores with the same number of
threads; for each case they are timed in turn, several rounds, and the best round of each counts.
An epoch draws its shuffled order, trains on every batch and keeps the cost. Data, compilation and
warm-up are outside the timing.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import machine
import picture
import tables
from cases import PEAK_SHARE, Case, Problem, select
from trainers import TRAINERS
from workers import Worker

HERE = Path(__file__).parent
# The columns of the table of the docs.
NAMES = {
    "numpy": "NumPy",
    "sklearn": "scikit-learn",
    "jax": "JAX",
    "torch": "PyTorch",
    "ours": "backprop_rs",
}
SLOW = 500_000  # microseconds a step; beyond it three rounds are enough
ROUNDS_IF_SLOW = 3


def time_case(workers, case, repeat):
    """Return the microseconds per step of each library that can run the case."""
    ready = [peer for peer, worker in workers.items() if worker.ask("prepare", case.name)]
    best = {}
    for turn in range(repeat):
        if turn >= ROUNDS_IF_SLOW and max(best.values(), default=0) > SLOW:
            break
        for peer in ready:
            time = workers[peer].ask("measure")
            if time is not None:
                best[peer] = min(time, best.get(peer, time))
    return best


def time_setting(arguments, cases, dtype, threads):
    """Return the results of all cases with one dtype and number of threads."""
    workers = {p: Worker("train", p, dtype, threads, arguments.order) for p in arguments.peers}
    arguments.versions |= {peer: worker.ask("version") for peer, worker in workers.items()}
    peak = workers["ours"].ask("peak") if "ours" in workers else None
    print_head(dtype, threads, peak, arguments.peers)
    results = []
    for case in cases:
        times = time_case(workers, case, arguments.repeat)
        results.append(result(case, dtype, threads, peak, times))
        print_row(results[-1], arguments.peers)
    for worker in workers.values():
        worker.close()
    return results


def result(case, dtype, threads, peak, times):
    """Return the record of a case: the times and derived figures."""
    peers = [time for peer, time in times.items() if peer != "ours"]
    mine = times.get("ours", min(peers, default=None))
    rate = case.flop / mine / 1e3 if mine else None
    return {
        "case": case.name,
        "dtype": dtype,
        "threads": threads,
        "microseconds": times,
        "gflops": rate,
        "share_of_peak": rate / peak if rate and peak else None,
        "least_share": PEAK_SHARE.get(case.name) if dtype == "float32" else None,
        "ratio": min(peers) / times["ours"] if peers and "ours" in times else None,
        "least_ratio": case.target(dtype),
    }


def print_head(dtype, threads, peak, peers):
    top = f"peak {peak:.1f} GFLOP/s" if peak else "peak not measured"
    print(f"\n{dtype}, {threads} thread{'s' * (threads > 1)}, {top}; microseconds a step")
    columns = "".join(f"{peer:>13}" for peer in peers)
    print(f"{'case':24}{columns}{'GFLOP/s':>10}{'of peak':>9}{'ratio':>8}{'at least':>10}")


def print_row(row, peers):
    def cell(value, width, form):
        return f"{format(value, form) if value is not None else '-':>{width}}"

    times = "".join(cell(row["microseconds"].get(peer), 13, ",.3f") for peer in peers)
    short = (row["ratio"] or 0) < row["least_ratio"] and row["ratio"] is not None
    low = (row["share_of_peak"] or 1) < (row["least_share"] or 0)
    print(
        f"{row['case']:24}{times}{cell(row['gflops'], 10, '.1f')}"
        f"{cell(row['share_of_peak'], 9, '.0%')}{cell(row['ratio'], 8, '.2f')}"
        f"{row['least_ratio']:>10.2f}{' missed' * (short or low)}",
        flush=True,
    )


def verify(peers, dtype):
    """Compare the weights of all libraries after three batches in file order."""
    import numpy as np

    for name in ("4-16-3@10", "30-100-1@200", "64x11@64", "100-256-256-10@128:adam"):
        case, trained = Case.parse(name), {}
        for peer in peers:
            problem = Problem.of(case, dtype, steps=3)
            trainer = TRAINERS[peer](case, problem, "file", 1)
            if not hasattr(trainer, "weights"):
                continue  # scikit-learn has another output layer and its own initial weights
            trainer.run(3)
            weights = [np.array(w) for w in trainer.weights()]
            trained.setdefault(peer, weights)
        first = trained["numpy"]
        for peer, weights in trained.items():
            gap = max(abs(w - v).max() for w, v in zip(weights, first, strict=True))
            print(f"{name:24}{peer:>8}  largest difference from numpy {gap:.1e}")


def parse_arguments():
    present = [p for p, kind in TRAINERS.items() if importlib.util.find_spec(kind.module)]
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--cases", nargs="+", default=["main"], help="main, odd, all, or sizes@batch[:adam]")
    add("--dtypes", nargs="+", default=["float32", "float64"], choices=["float32", "float64"])
    add("--threads", nargs="+", type=int, default=[1, 2])
    add("--peers", nargs="+", default=present, choices=list(TRAINERS))
    add("--repeat", type=int, default=7, help="rounds, of which the best counts")
    add("--order", default="shuffled", choices=["shuffled", "file"], help="of the rows")
    what = "time rows of the tables instead: all, or those named (activation, gelu, ...)"
    add("--tables", nargs="*", metavar="ROW", help=what)
    add("--markdown", action="store_true", help="print the table of the docs from the JSON")
    add("--json", type=Path, help="default: benches/results/peers.json or tables.json")
    add("--no-plot", dest="plot", action="store_false")
    add("--plot-only", action="store_true", help="draw again from the JSON")
    add("--verify", action="store_true", help="compare the trained weights instead of the times")
    arguments = parser.parse_args()
    kind = "peers" if arguments.tables is None else "tables"
    arguments.json = arguments.json or HERE / "results" / f"{kind}.json"
    arguments.versions = {}
    arguments.repeat *= not arguments.verify
    return arguments


def keep(arguments, results):
    """Write the record of a run."""
    record = {
        "machine": machine.describe(),
        "versions": arguments.versions,
        "order": arguments.order,
        "repeat": arguments.repeat,
        "results": results,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def significant(number):
    """Return a time with three digits, or all of its digits before the point."""
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:#.3g}".rstrip(".")


def print_markdown(record):
    """Print the training table of docs/benchmarks.md, one for each dtype and number of threads."""
    settings = dict.fromkeys((row["dtype"], row["threads"]) for row in record["results"])
    for dtype, threads in settings:
        rows = [r for r in record["results"] if (r["dtype"], r["threads"]) == (dtype, threads)]
        peers = [peer for peer in NAMES if any(peer in row["microseconds"] for row in rows)]
        names = " | ".join(NAMES[peer] for peer in peers)
        print(f"\n{dtype}, {threads} thread{'s' * (threads > 1)}\n")
        print(f"| network, batch | {names} | speed-up over the fastest | GFLOP/s | of peak |")
        print("|---" * (len(peers) + 4) + "|")
        for row in rows:
            print(f"| {' | '.join(markdown_cells(row, peers))} |")


def markdown_cells(row, peers):
    """Return the cells of a row of the training table."""
    network, batch = row["case"].split("@")
    batch, _, optimizer = batch.partition(":")
    times = [row["microseconds"].get(peer) for peer in peers]
    return [
        f"{network}{' (Adam)' * bool(optimizer)}, {batch}",
        *["-" if time is None else significant(time) for time in times],
        "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
        "-" if row["gflops"] is None else f"{row['gflops']:.0f}",
        "-" if row["share_of_peak"] is None else f"{100 * row['share_of_peak']:.0f} %",
    ]


def main_of_tables(arguments):
    if arguments.markdown:
        return tables.print_markdown(json.loads(arguments.json.read_text("utf-8")))
    results = tables.time_tables(arguments)
    if not arguments.verify:
        keep(arguments, results)


def main():
    arguments = parse_arguments()
    if arguments.tables is not None:
        return main_of_tables(arguments)
    if arguments.verify:
        return verify(arguments.peers, arguments.dtypes[0])
    if arguments.markdown:
        return print_markdown(json.loads(arguments.json.read_text("utf-8")))
    if not arguments.plot_only:
        cases = select(arguments.cases)
        settings = [(d, t) for d in arguments.dtypes for t in arguments.threads]
        keep(arguments, [row for s in settings for row in time_setting(arguments, cases, *s)])
    if arguments.plot:
        record = json.loads(arguments.json.read_text("utf-8"))
        picture.speed(record, HERE.parent / "docs" / "speed.svg")


if __name__ == "__main__":
    main()
