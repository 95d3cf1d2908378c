"""Compare the estimators for tables with the usual libraries: python benches/tabular --help.

It runs in an environment of its own, which `--install DIRECTORY` makes: the libraries, and the
packages that carry the tables without what they depend on. Then, with its Python:

    DIRECTORY/bin/python benches/tabular --seeds 0 1 2
    DIRECTORY/bin/python benches/tabular --markdown

Every method has its defaults and learns from the same rows. A result is kept in the JSON by table,
seed, method and version, and is not computed again.
"""

import argparse
import json
import subprocess
import sys
import time
import venv
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))  # for machine

LIBRARIES = ("numpy", "pandas", "scikit-learn", "catboost", "lightgbm", "xgboost", "backprop_rs")


def main():
    arguments = parse_arguments()
    if arguments.install:
        return install(arguments.install)
    from methods import METHODS
    from report import single, summary
    from tables import HOLDOUT, TASKS

    names = list(HOLDOUT if arguments.holdout else TASKS)
    tables = [n for n in names if not arguments.tables or n in arguments.tables]
    methods = [m for m in METHODS if not arguments.methods or m in arguments.methods]
    if not arguments.markdown:
        run(arguments, tables, methods)
    results = [
        r
        for r in read(arguments.json)["results"]
        if r["table"] in tables and r["seed"] in arguments.seeds
    ]
    print(*summary(results, methods, tables), sep="\n")
    if arguments.each:
        print("", *single(results, methods, tables), sep="\n")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--install", type=Path, metavar="DIRECTORY", help="make the environment there, and end")
    add("--tables", nargs="+", help="by default all")
    add("--holdout", action="store_true", help="the tables that settings were not chosen by")
    add("--methods", nargs="+", help="by default all")
    add("--seeds", nargs="+", type=int, default=[0])
    add("--threads", type=int, default=1)
    add("--markdown", action="store_true", help="print the table of the docs from the JSON")
    add("--each", action="store_true", help="print log-loss or nRMSE of each table, too")
    add("--again", action="store_true", help="compute results that are there, too")
    add("--json", type=Path, default=HERE.parent / "results" / "tabular.json")
    return parser.parse_args()


def install(directory):
    """Make the environment; the packages of tables come without their dependencies."""
    venv.create(directory, with_pip=True)
    pip = [directory / "bin" / "python", "-m", "pip", "install"]
    subprocess.run([*pip, *LIBRARIES], check=True)
    packages = (HERE / "packages.txt").read_text("utf-8").split()
    subprocess.run([*pip, "--no-deps", *packages], check=True)


def run(arguments, tables, methods):
    """Compute what the JSON lacks, and write it after each fit."""
    from methods import version_of
    from tables import load

    record = read(arguments.json)
    for seed in arguments.seeds:
        for table in tables:
            split = load(table, seed)
            for method in methods:
                key = {"table": table, "seed": seed, "method": method}
                key["version"] = version_of(method)
                known = [r for r in record["results"] if key.items() <= r.items()]
                if known and not arguments.again:
                    continue
                old = [r for r in record["results"] if not key.items() <= r.items()]
                record["results"] = [*old, key | measure(split, method, seed, arguments.threads)]
                write(arguments.json, record)
                print(record["results"][-1], flush=True)


def measure(split, method, seed, threads):
    """Return the scores and the seconds of a fit with its predictions."""
    from methods import METHODS
    from scores import scores

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cpu, wall = time.process_time(), time.perf_counter()
        outputs = METHODS[method][0](split, seed, threads)
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    found = scores(split, *outputs) | spent
    return {name: float(f"{value:.6g}") for name, value in found.items()}


def read(path):
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    return {"machine": {}, "results": []}


def write(path, record):
    """Write one result a line, so that a change of one is a change of one line."""
    import machine

    lines = ",\n".join(f"  {json.dumps(r)}" for r in record["results"])
    head = json.dumps(machine.describe())
    path.write_text(f'{{"machine": {head},\n "results": [\n{lines}\n ]}}\n', "utf-8")


if __name__ == "__main__":
    main()
