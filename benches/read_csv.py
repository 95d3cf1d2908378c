"""Compare `read_csv` with pandas and polars, on numbers and on mixed tables.

Each reader runs in a separate process, which has its own peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

READERS = ("backprop_rs", "pandas", "polars")
WORDS = np.array(["red", "green", "blue", "dark blue", "black"])


def write_numbers(path: Path, n_bytes: int) -> None:
    """Write ten columns of floats with all their digits."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join(f"x{k}" for k in range(10)) + "\n")
        while file.tell() < n_bytes:
            rows = rng.normal(size=(10_000, 10)).tolist()
            file.writelines(",".join(map(repr, row)) + "\n" for row in rows)


def write_mixed(path: Path, n_bytes: int) -> None:
    """Write integers, decimals, words, quoted texts and dates."""
    rng = np.random.default_rng(0)
    row = 0
    with path.open("w") as file:
        file.write("id,price,color,day,visits,note,label\n")
        while file.tell() < n_bytes:
            prices, visits = rng.normal(100, 20, 10_000), rng.integers(0, 10_000, 10_000)
            colors = WORDS[rng.integers(0, 5, 10_000)]
            for price, color, visit in zip(prices, colors, visits, strict=True):
                day = f"2024-{row % 12 + 1:02}-{row % 28 + 1:02}"
                label = "yes" if visit % 3 else "no"
                file.write(f'{row},{price:.2f},{color},{day},{visit},"{color}, {label}",{label}\n')
                row += 1


TABLES: dict[str, Callable[[Path, int], None]] = {"numbers": write_numbers, "mixed": write_mixed}


def reader_of(name: str) -> Callable[[str], Any]:
    """Return the function that reads a file."""
    if name == "backprop_rs":
        import backprop_rs as bp

        return bp.data.read_csv
    if name == "pandas":
        import pandas as pd

        return pd.read_csv
    import polars as pl

    return pl.read_csv


def measure(name: str, path: str, repeats: int) -> None:
    """Print the best time in seconds and the peak of the memory in MB that reading adds."""
    read = reader_of(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        table = read(path)
        times.append(time.perf_counter() - start)
        del table
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": min(times), "peak": peak / 1024}))


def main() -> None:
    """Write the files, and print a table of times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=20, help="size of each file; default: 20")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reader", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reader:
        measure(*args.reader, args.repeats)
        return
    print("| table | reader | seconds | MB/s | MB at the peak |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for table, write in TABLES.items():
            path = Path(folder, f"{table}.csv")
            write(path, args.mb * 10**6)
            size = path.stat().st_size / 1e6
            for name in READERS:
                command = [sys.executable, __file__, "--reader", name, str(path)]
                command += ["--repeats", str(args.repeats)]
                result = json.loads(subprocess.check_output(command))
                seconds, peak = result["seconds"], result["peak"]
                print(f"| {table} | {name} | {seconds:.3f} | {size / seconds:.0f} | {peak:.0f} |")
            path.unlink()


if __name__ == "__main__":
    main()
