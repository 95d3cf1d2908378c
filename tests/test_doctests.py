"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import backprop_rs
import pytest

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

MODULES = sorted(
    ["backprop_rs"]
    + [
        module.name
        for module in pkgutil.walk_packages(backprop_rs.__path__, "backprop_rs.")
        if not module.name.endswith("__main__")  # importing it runs the command line
    ]
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    module = importlib.import_module(name)
    known = {} if hasattr(module, "Network") else {"Network": backprop_rs.Network}
    assert doctest.testmod(module, optionflags=FLAGS, extraglobs=known).failed == 0
