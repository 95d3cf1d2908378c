"""Compare training from disk with training from memory: speed and peak memory.

Makes a table of --gb gigabytes, 128 float32 features and a class, as .npy files and as a folder of
Parquet files, and trains one epoch from each. Every run is a separate process, with the files out
of the page cache before it: of 128-512-10, or of the networks that --hidden names. Training from
memory has as many rows as fit --memory-gb. The CPU column has the microseconds of all threads that
a sample costs: if all processors compute, its ratio is the limit. Anonymous memory
is that of the process itself; the pages of a memory map belong to the system.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np

FEATURES, CLASSES, BATCH = 128, 10, 512
GROUP, FILE = 65_536, 2**20  # rows of a row group, and of a Parquet file
KINDS = ("memory", "npy-rows", "npy-blocks", "parquet")
ROW = FEATURES * 4


def make(folder, rows):
    """Write the same rows as .npy files and as Parquet, unless they exist."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    done = folder / f"{rows}.done"
    if done.exists():
        return
    (folder / "parquet").mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.done"), *(folder / "parquet").glob("*.parquet")]:
        old.unlink()
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (rows, FEATURES))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.int64, (rows,))
    names = [f"x{k}" for k in range(FEATURES)]
    for number, start in enumerate(range(0, rows, FILE)):
        block = np.random.default_rng(number).normal(size=(min(FILE, rows - start), FEATURES))
        block = block.astype(np.float32)
        labels = block[:, :CLASSES].argmax(axis=1)
        X[start : start + len(block)], y[start : start + len(block)] = block, labels
        table = pa.table([*block.T.copy(), labels], names=[*names, "label"])
        path = folder / "parquet" / f"part-{number:05}.parquet"
        options = {"compression": "none", "use_dictionary": ["label"], "write_statistics": False}
        pq.write_table(table, path, row_group_size=GROUP, **options)
    X.flush()
    y.flush()
    done.touch()


def forget(folder):
    """Drop the files from the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Memory:
    """Sample the peak anonymous memory of this process, a hundred times per second."""

    def __init__(self):
        self.first, self.most, self.over = self.now(), 0, False
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    @staticmethod
    def now():
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith("RssAnon"))
        return int(line.split()[1]) * 1024

    def watch(self):
        while not self.over:
            self.most = max(self.most, self.now())
            sleep(0.01)


def worker(kind, folder, rows, threads, hidden):
    """Train one epoch and print samples per second, CPU seconds per sample and peak bytes."""
    import backprop_rs as bp

    bp.set_num_threads(threads)
    sizes = [FEATURES, *hidden, CLASSES]
    net = bp.Network(sizes, "relu", "softmax", "cross_entropy", seed=0)
    net.fit(np.zeros((BATCH, FEATURES), "f4"), np.zeros(BATCH, int), 1, BATCH, 0.01, progress=False)
    memory = Memory()
    if kind == "memory":
        data = (np.load(folder / "X.npy", mmap_mode="r")[:rows].copy(),
                np.load(folder / "y.npy", mmap_mode="r")[:rows].copy())  # fmt: skip
    elif kind == "parquet":
        data = (bp.data.source(folder / "parquet", target="label"),)
    else:
        shuffle = kind.removeprefix("npy-")
        data = (bp.data.source(folder / "X.npy", folder / "y.npy", shuffle=shuffle),)
    start, used = perf_counter(), process_time()
    net.fit(*data, epochs=1, batch_size=BATCH, learning_rate=0.01, progress=False)
    seconds, used = perf_counter() - start, process_time() - used
    memory.over = True
    samples = len(data[0])
    print(json.dumps({"rate": samples / seconds, "seconds": seconds, "cpu": used / samples,
                      "bytes": memory.most - memory.first}))  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gb", type=float, default=0.5)
    parser.add_argument("--memory-gb", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/backprop_rs_out_of_core"))
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--hidden", nargs="+", default=["512"], help="such as 512 2048,512")
    parser.add_argument("--repeats", type=int, default=1, help="of which the fastest counts")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        hidden = [int(size) for size in args.hidden[0].split(",")]
        return worker(args.worker, args.folder, args.rows, args.threads, hidden)
    rows = int(args.gb * 1e9 / ROW)
    make(args.folder, rows)
    print(f"{args.gb:g} GB, {rows:,} rows of {FEATURES} features; batch {BATCH}, "
          f"{args.threads} threads")  # fmt: skip
    for hidden in args.hidden:
        table(args, hidden, min(rows, int(args.memory_gb * 1e9 / ROW)))
    return None


def table(args, hidden, in_memory):
    """Run one network with each kind of data in turn."""
    print(f"\n| {FEATURES}-{hidden.replace(',', '-')}-{CLASSES} from | samples/s | of memory | "
          "seconds an epoch | µs of CPU a sample | MB added at the peak |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    best = {}
    for _ in range(args.repeats):
        for kind in args.kinds:
            forget(args.folder)
            command = [sys.executable, __file__, "--worker", kind, "--folder", args.folder]
            command += ["--rows", in_memory, "--threads", args.threads, "--hidden", hidden]
            run = subprocess.check_output([str(one) for one in command], text=True)
            result = json.loads(run)
            if kind not in best or result["rate"] > best[kind]["rate"]:
                best[kind] = result
    for kind, result in best.items():
        base = next(iter(best.values()))["rate"]
        print(f"| {kind} | {result['rate']:,.0f} | {result['rate'] / base:.0%} | "
              f"{result['seconds']:.1f} | {1e6 * result['cpu']:.2f} | "
              f"{result['bytes'] / 1e6:,.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
