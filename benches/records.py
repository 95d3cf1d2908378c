"""Write docs/records.md from benches/results/: python benches/records.py.

Each record has its command, its machine, its date and its figures. A test checks that the page is
that of the records.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

PROJECT = Path(__file__).parent.parent
RESULTS = PROJECT / "benches" / "results"
PAGE = PROJECT / "docs" / "records.md"

# The title of each record and the command that measured it.
RECORDS = {
    "peers": ("Steps of training", "peers.py --dtypes float32 --threads 2 --repeat 6"),
    "predict": (
        "Prediction",
        "predict.py --threads 2 --peers numpy jax onnxruntime ours 'ours out=' --repeat 4",
    ),
    "tables": (
        "Every activation and optimizer",
        "peers.py --tables --dtypes float32 --threads 2 --repeat 4",
    ),
    "growth": ("Growth with rows and parameters", "growth.py"),
    "sklearn_speed": ("Estimators of scikit-learn", "sklearn_speed.py --repeat 3"),
    "tabular": ("Tables", "tabular --threads 1"),
    "real_table": ("A real table from file to answer", "real_table.py"),
    "newcomer": ("From the installation to the first result", "newcomer.py"),
    "service": ("Requests to a web service", "service.py"),
}

HEADER = """# Records

This page is written by `python benches/records.py` from the files in `benches/results/`, which the
benchmarks write. [Benchmarks](benchmarks.md) explains the figures.
"""


def number(value: float | None) -> str:
    """Return a number with three digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [row(head), "|---" * len(head) + "|", *map(row, rows)]


def by_library(results: list[Any], keys: Sequence[str]) -> list[str]:
    """Return a table with a column for each library, in microseconds."""
    libraries = list(dict.fromkeys(name for one in results for name in one["microseconds"]))
    head = [*keys, *(f"{name}, µs" for name in libraries)]
    rows = [
        [*(str(one[key]) for key in keys), *(number(one["microseconds"].get(n)) for n in libraries)]
        for one in results
    ]
    return table(head, rows)


def peers(record: Any) -> list[str]:
    return by_library(record["results"], ["case", "dtype", "threads"])


def predict(record: Any) -> list[str]:
    return by_library(record["results"], ["case", "threads"])


def tables(record: Any) -> list[str]:
    return by_library(record["results"], ["table", "row", "case"])


def growth(record: Any) -> list[str]:
    head = ["network", "rows", "parameters", "ms an epoch", "MB of data", "MB added"]
    rows = [
        [
            "-".join(map(str, one["sizes"])),
            f"{one['rows']:,}",
            f"{one['parameters']:,}",
            number(one["seconds"] * 1e3),
            number(one["data_bytes"] / 1e6),
            number(one["added_bytes"] / 1e6),
        ]
        for one in [*record["rows"], *record["parameters"]]
    ]
    return table(head, rows)


def sklearn_speed(record: Any) -> list[str]:
    rows = [
        [one["case"], *(number(1e3 * seconds) for seconds in one["seconds"]), number(one["times"])]
        for one in record["results"]
    ]
    return table(["case", "scikit-learn, ms", "here, ms", "ratio"], rows)


def tabular(record: Any) -> list[str]:
    """Return the log-loss of each table of classes, and the nRMSE of each table of values."""
    methods = list(dict.fromkeys(one["method"] for one in record["results"]))
    scores: dict[str, dict[str, list[float]]] = {}
    for one in record["results"]:
        score = one.get("log_loss", one.get("nrmse"))
        scores.setdefault(one["table"], {}).setdefault(one["method"], []).append(score)
    rows = [
        [name, *(number(mean(of[m])) if m in of else "-" for m in methods)]
        for name, of in scores.items()
    ]
    return table(["table", *methods], rows)


def real_table(record: Any) -> list[str]:
    head = ["method", "version", "lines", "s", "AUC", "log-loss", "accuracy"]
    rows = [
        [name, one["version"], str(one["lines"]), number(one["seconds"])]
        + [number(one[score]) for score in ("auc", "log_loss", "accuracy")]
        for name, one in record["methods"].items()
    ]
    return table(head, rows)


def service(record: Any) -> list[str]:
    head = ["server", "processes", "clients", "requests/s", "p50, ms", "p99, ms"]
    rows = [
        [
            one["server"],
            str(one["processes"]),
            str(one["clients"]),
            number(one["rate"]),
            number(one["p50"]),
            number(one["p99"]),
        ]
        for one in record["results"]
    ]
    return table(head, rows)


def newcomer(record: Any) -> list[str]:
    rows = [
        [f"to {one['user']}", one["result"], number(one["seconds"]), number(total)]
        for one in record["results"]
        for total in [record["installed"] + one["seconds"]]
    ]
    return table(["user", "result", "s after the installation", "s from `pip install .`"], rows)


def section(name: str, record: Any) -> list[str]:
    """Return the command, the machine, the date and the figures of a record."""
    title, command = RECORDS[name]
    machine = record["machine"]
    instructions = ", ".join(machine["instructions"])
    facts = [
        f"{machine['processor']}, {machine['cores']} cores ({instructions}), {machine['system']}",
        f"Python {machine['python']}",
    ]
    versions = {name: one for name, one in record.get("versions", {}).items() if one}
    facts += [", ".join(f"{name} {version}" for name, version in versions.items())] * bool(versions)
    lines = [f"## {title}", "", "```sh", f"python benches/{command}", "```", ""]
    lines += [f"{machine['date']}. {'; '.join(facts)}. File: `benches/results/{name}.json`.", ""]
    return [*lines, *globals()[name](record), ""]


def page() -> str:
    """Return the text of the page."""
    lines = [HEADER]
    for name in RECORDS:
        file = RESULTS / f"{name}.json"
        if file.exists():
            lines += section(name, json.loads(file.read_text("utf-8")))
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
