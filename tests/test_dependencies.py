"""Each dependency has its reason in docs/internals/dependencies.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "internals" / "dependencies.md").read_text()


def python_packages():
    """Those of the run time and of all extras."""
    text = (ROOT / "pyproject.toml").read_text()
    tables = re.findall(r"^(?:\w+|dependencies) = \[(.*?)\]$", text, re.M | re.S)
    names = re.findall(r'"([A-Za-z][\w-]*)\s*>=', "\n".join(tables))
    assert {"numpy", "pytest", "maturin", "jax"} <= set(names)
    return sorted(set(names))


def crates():
    text = (ROOT / "Cargo.toml").read_text()
    tables = re.findall(r"^\[(?:dev-)?dependencies\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)
    names = re.findall(r"^([\w-]+) = ", "\n".join(tables), re.M)
    assert {"ndarray", "criterion"} <= set(names)
    return sorted(set(names))


@pytest.mark.parametrize("name", [*python_packages(), *crates()])
def test_the_docs_say_why(name):
    missing = f"docs/internals/dependencies.md must say why {name}"
    assert re.search(rf"\b{re.escape(name)}\b", DOCS), missing
