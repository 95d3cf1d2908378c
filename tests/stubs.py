"""Write what type checkers need to know of the tables: `python tests/stubs.py`.

The modules that list the entries of a table make their names at run time, so that they need stubs.
`typing.py` has the names of all entries.
"""

from collections.abc import Iterable
from inspect import signature
from pathlib import Path

import backprop_rs as bp
from backprop_rs import backends, tables
from backprop_rs._internal import checks
from backprop_rs.tables import entries, lbfgs
from backprop_rs.training.options import ON_NAN

MODULES = {module: kind for kind, module in entries.MODULES.items()}
WIDTH = 100
NAMES = {
    "ActivationName": "activation",
    "CostName": "cost",
    "InitializerName": "init",
    "OptimizerName": "optimizer",
    "ScheduleName": "schedule",
}
CHOICES = {
    "BackendName": (backends.BACKENDS, "The values of `backend`."),
    "DTypeName": (checks.DTYPES, "The values of `dtype`."),
    "OnNaN": (ON_NAN, "The values of `on_nan`."),
}
NAMES_FILE = Path(bp.__file__).parent / "typing.py"


def stub(kind: str) -> str:
    """Return the text of the stub of a table."""
    result = "Schedule" if kind == "schedule" else "Entry"
    lines = [f"# Written by tests/stubs.py from the table of {kind}s.", ""]
    lines += [f"from .tables.entries import {result}", ""]
    for name, maker in sorted(entries.makers(kind).items()):
        settings = [
            f"{one.name}: float = {one.default!r}" for one in signature(maker).parameters.values()
        ]
        line = f"def {name}({', '.join(settings)}) -> {result}: ..."
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += [f"def {name}(", *(f"    {one}," for one in settings), f") -> {result}: ..."]
    return "\n".join(lines) + "\n"


def literal(name: str, values: Iterable[str], text: str) -> list[str]:
    """Return the lines of a `Literal` with the text that documents it."""
    quoted = [f'"{value}"' for value in values]
    line = f"{name}: TypeAlias = Literal[{', '.join(quoted)}]"
    if len(line) > WIDTH:
        parts = [f"    {value}," for value in quoted]
        return [f"{name}: TypeAlias = Literal[", *parts, "]", f'"""{text}"""', ""]
    return [line, f'"""{text}"""', ""]


def names() -> str:
    """Return the text of `backprop_rs.typing`."""
    lines = [
        '"""Types for annotations: the names of the tables, of types and of backends.',
        "",
        "Written by tests/stubs.py. Parameters accept any text, because names may have settings,",
        'as in "leaky_relu(0.1)"; a text is checked when it is used.',
        "",
        ">>> from backprop_rs.typing import OptimizerName",
        '>>> optimizer: OptimizerName = "adam"',
        '"""',
        "",
        "from typing import Literal, TypeAlias",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in sorted([*NAMES, *CHOICES])),
        "]",
        "",
        "",
        "def __dir__() -> list[str]:",
        "    return __all__",
        "",
        "",
    ]
    for name, kind in NAMES.items():
        rows = [entry.name for entry in tables.TABLES[kind]]
        rows += [lbfgs.ROW.name] if kind == "optimizer" else []
        module = entries.MODULES[kind]
        lines += literal(name, rows, f"The names of `backprop_rs.{module}`.")
    for name, (values, text) in CHOICES.items():
        lines += literal(name, values, text)
    return "\n".join(lines).rstrip() + "\n"


def maker_names(module: str) -> list[str]:
    return list(entries.makers(MODULES[module]))


def path_of(module: str) -> Path:
    return Path(bp.__file__).parent / f"{module}.pyi"


if __name__ == "__main__":
    for module, kind in MODULES.items():
        path_of(module).write_text(stub(kind), "utf-8")
    NAMES_FILE.write_text(names(), "utf-8")
