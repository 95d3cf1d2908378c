"""Use goes downwards only: a module uses those of its own floor and of the floors below it.

All imports count, also those inside functions and those for type checkers alone; in Rust every path
that begins with `crate::` or `super::`, tests excepted. Within a floor there is no circle.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "python" / "backprop_rs"
CORE = PROJECT / "src"
PAGE = PROJECT / "docs" / "internals" / "layers.md"

# From top to bottom; of two entries that fit a module the longer one counts.
PYTHON = [
    ["__main__", "cli"],
    ["commands"],
    ["sklearn"],
    [""],  # the package itself, which gives its public names
    ["loading"],
    ["tabular"],
    ["web"],
    ["parallel", "model"],
    ["network"],
    ["distributed", "health", "film"],
    ["training"],
    ["plot"],
    ["explain", "export", "importing", "gradient_check", "initialization", "summary"],
    ["base_network"],
    ["data"],
    ["trace", "dense", "embedding", "slopes", "threads", "progress", "versions"],
    ["custom", "activations", "costs", "initializers", "optimizers", "schedules"],
    ["backends"],
    ["reference"],
    ["tables"],
    ["_internal"],
    ["exceptions"],
    ["history", "health_record"],
    ["_core", "_version", "_internal.html_table", "typing"],
]
RUST = [
    ["lib"],
    ["python"],
    ["step"],
    ["network"],
    ["tables", "csv"],
    ["machine"],
    ["error"],
]
# (from, to): why the arrow goes up. At most ten; docs/internals/layers.md lists them too.
UPWARD = {
    ("history", "plot.curves"): "`History.plot` imports Matplotlib when it is called, not before",
    ("health_record", "plot"): "`HealthRecord.plot` does the same",
    ("model", "sklearn._model"): "`Model.to_sklearn` imports scikit-learn when it is called",
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


def expanded(path: str) -> Iterator[str]:
    """Yield the paths of a `use` with braces.

    >>> list(expanded("crate::{a::B, c::{D, E as F}}"))
    ['crate::a::B', 'crate::c::D', 'crate::c::E']
    """
    before, brace, inner = path.partition("{")
    if not brace:
        yield path.partition(" as ")[0].strip().removesuffix("::self")
        return
    depth, part = 0, ""
    for letter in inner.rpartition("}")[0] + ",":
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if part.strip():
                yield from expanded(before.strip() + part.strip())
            part = ""
        else:
            part += letter


def rust_files() -> dict[str, str]:
    """Return the text of each module of the core without comments and tests, by its path."""
    files = {}
    for file in CORE.rglob("*.rs"):
        parts = file.relative_to(CORE).with_suffix("").parts
        if not any(part.endswith("tests") for part in parts):
            text = re.sub(r"//.*", "", file.read_text("utf-8"))
            tests = r"^#\[cfg\((?:test|all\(test.*?\))\)\]\s*mod \w+ \{.*?^\}"
            text = re.sub(tests, "", text, flags=re.S | re.M)
            files["::".join(parts[:-1] if parts[-1] == "mod" else parts)] = text
    return files


def absolute(path: str, module: str, files: dict[str, str]) -> str | None:
    """Return a path from the root of the crate, or None if it leads to another crate.

    >>> absolute("super::pool::Pool", "machine::kernel", {})
    'machine::pool::Pool'
    """
    inside = "" if module == "lib" else f"{module}::"
    first, _, rest = path.partition("::")
    if first == "crate":
        return rest
    if first == "super":
        return f"{module.rpartition('::')[0]}::{rest}".removeprefix("::")
    if first == "self":
        return inside + rest
    return inside + path if inside + first in files else None


@cache
def rust_arrows() -> Arrows:
    """Return who uses whom in the core; what a module exports again stands for its source."""
    files = rust_files()
    uses: dict[str, list[str]] = {}
    exports: dict[tuple[str, str], str] = {}
    for module, text in files.items():
        # An indented `super` may stand in a module within the file.
        statement = r"^(pub(?:\([^)]*\))? )?use ([^;]*);|^ +use (crate::[^;]*);"
        rest = re.sub(statement, "", text, flags=re.M)
        uses[module] = re.findall(r"\bcrate::(?:\w+::)*\w+", rest)
        for public, use, indented in re.findall(statement, text, flags=re.M):
            for path in expanded(re.sub(r"\s+", " ", use or indented)):
                target = absolute(path, module, files)
                if public and target:
                    exports[module, path.rpartition("::")[2]] = target
                else:
                    uses[module].append(path)
        for macro in re.findall(r"#\[macro_export\]\s*macro_rules! (\w+)", text):
            exports["lib", macro] = f"{module}::{macro}"

    def source(path: str) -> str:
        """Return the module in which a path from the root ends."""
        module, parts = "", path.split("::")
        while parts and f"{module}::{parts[0]}".removeprefix("::") in files:
            module = f"{module}::{parts.pop(0)}".removeprefix("::")
        module = module or "lib"
        again = exports.get((module, parts[0])) if parts else None
        return source("::".join([again, *parts[1:]])) if again else module

    targets = {(m, absolute(path, m, files)) for m, paths in uses.items() for path in paths}
    arrows = {(module, source(target)) for module, target in targets if target}
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


CASES = [
    pytest.param(python_arrows, PYTHON, ".", id="python"),
    pytest.param(rust_arrows, RUST, "::", id="rust"),
]


@pytest.mark.parametrize(("arrows", "floors", "separator"), CASES)
def test_arrows_go_downwards(arrows, floors, separator):
    up = [
        f"{a} -> {b}"
        for a, b in sorted(arrows() - set(UPWARD))
        if floor(a, floors, separator) > floor(b, floors, separator)
    ]
    assert not up, "these arrows go up:\n" + "\n".join(up)


@pytest.mark.parametrize(("arrows", "floors", "separator"), CASES)
def test_there_is_no_circle(arrows, floors, separator):
    assert circle(arrows() - set(UPWARD)) == []


@pytest.mark.parametrize(("title", "floors"), [("Python", PYTHON), ("Rust", RUST)])
def test_the_page_shows_the_floors(title, floors):
    section = PAGE.read_text("utf-8").partition(f"## {title}")[2]
    names = [", ".join(f"`{name}`" if name else "the package" for name in row) for row in floors]
    starts = [section.find(f"| {row} |") for row in names]
    assert -1 not in starts and starts == sorted(starts)


def test_the_page_shows_the_exceptions():
    page = PAGE.read_text("utf-8")
    assert all(f"| `{a}` → `{b}` |" in page for a, b in UPWARD)


def test_exceptions_are_few_and_needed():
    assert len(UPWARD) <= 10
    assert set(UPWARD) <= python_arrows() | rust_arrows()
