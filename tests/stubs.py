"""Write the stubs of the modules that list the entries of a table: `python tests/stubs.py`.

These modules make their names from the tables, which no type checker can see.
"""

from inspect import signature
from pathlib import Path

import backprop_rs as bp
from backprop_rs.tables import entries

MODULES = {module: kind for kind, module in entries.MODULES.items()}
WIDTH = 100


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


def path_of(module: str) -> Path:
    return Path(bp.__file__).parent / f"{module}.pyi"


if __name__ == "__main__":
    for module, kind in MODULES.items():
        path_of(module).write_text(stub(kind), "utf-8")
