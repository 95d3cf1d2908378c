"""Use goes downwards only: a module uses those of its own floor and of the floors below it.

All imports count, also those inside functions and those for type checkers alone. Within a floor
there is no circle.
"""

import ast
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "python" / "backprop_rs"

# From top to bottom; of two entries that fit a module the longer one counts.
PYTHON = [
    ["__main__", "cli"],
    ["commands"],
    ["sklearn"],
    [""],  # the package itself, which gives its public names
    ["parallel", "model"],
    ["network"],
    ["distributed", "health", "film"],
    ["training"],
    ["plot"],
    ["explain", "export", "importing", "gradient_check", "summary"],
    ["base_network"],
    ["data"],
    ["trace", "dense", "slopes", "threads", "progress", "versions"],
    ["custom", "activations", "costs", "initializers", "optimizers", "schedules"],
    ["backends"],
    ["reference"],
    ["tables"],
    ["_internal"],
    ["exceptions"],
    ["history", "health_record"],
    ["_core", "_version"],
]
# (from, to): why the arrow goes up. At most ten; docs/internals/layers.md lists them too.
UPWARD = {
    ("history", "plot.curves"): "`History.plot` imports Matplotlib when it is called, not before",
    ("health_record", "plot"): "`HealthRecord.plot` does the same",
}

Arrows = set[tuple[str, str]]


@cache
def python_arrows() -> Arrows:
    """Return who imports whom; a name of a package that is a module stands for the module."""
    files = {}
    for file in [*PACKAGE.rglob("*.py"), PACKAGE / "_core.pyi"]:
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    arrows = set()
    for name, file in files.items():
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package.split(".") if package else []
                base = base[: len(base) - node.level + 1]
                target = ".".join([*base, *filter(None, [node.module])])
                for alias in node.names:
                    inner = f"{target}.{alias.name}".strip(".")
                    arrows.add((name, inner if inner in files else target))
    return {(a, b) for a, b in arrows if a != b}


def floor(name: str, floors: list[list[str]], separator: str) -> int:
    """Return the number of the floor of a module, from the top."""
    fits = [
        (len(entry), number)
        for number, entries in enumerate(floors)
        for entry in entries
        if name == entry or (entry and name.startswith(entry + separator))
    ]
    assert fits, f"{name} stands on no floor"
    return max(fits)[1]


def circle(arrows: Arrows) -> list[str]:
    """Return the modules that lie on a circle, or between two circles."""
    left = set(arrows)
    while True:
        sources, targets = {a for a, _ in left}, {b for _, b in left}
        kept = {(a, b) for a, b in left if a in targets and b in sources}
        if kept == left:
            return sorted(sources)
        left = kept


def test_arrows_go_downwards():
    up = [
        f"{a} -> {b}"
        for a, b in sorted(python_arrows() - set(UPWARD))
        if floor(a, PYTHON, ".") > floor(b, PYTHON, ".")
    ]
    assert not up, "these arrows go up:\n" + "\n".join(up)


def test_there_is_no_circle():
    assert circle(python_arrows() - set(UPWARD)) == []


def test_the_page_shows_the_floors_and_the_exceptions():
    page = (PROJECT / "docs" / "internals" / "layers.md").read_text("utf-8")
    floors = [", ".join(f"`{name}`" for name in names) for names in PYTHON]
    rows = [*(f"| {names} |" for names in floors), *(f"| `{a}` → `{b}` |" for a, b in UPWARD)]
    starts = [page.find(row.replace("``", "the package")) for row in rows]
    assert -1 not in starts and starts == sorted(starts)


def test_exceptions_are_few_and_needed():
    assert len(UPWARD) <= 10
    assert set(UPWARD) <= python_arrows()
