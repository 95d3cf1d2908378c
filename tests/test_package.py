"""The package as a whole: its public names, imports and version."""

import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import backprop_rs as bp
import pytest
import stubs

PROJECT = Path(__file__).parent.parent
CARGO = PROJECT / "Cargo.toml"
LIGHT = ("argparse", "csv", "gzip", "hashlib", "html", "json", "narwhals", "tempfile", "tqdm")


@pytest.mark.parametrize("name", bp.__all__)
def test_public_names_exist(name):
    assert getattr(bp, name) is not None
    assert name in dir(bp)


def test_other_names_do_not():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = bp.nothing


def test_version():
    assert f'version = "{bp.__version__}"' in re.findall(r"^version.*", CARGO.read_text(), re.M)


def test_version_of_the_installed_package():
    try:
        installed = version("backprop-rs")
    except PackageNotFoundError:
        pytest.skip("backprop-rs is run from its sources")
    assert installed == bp.__version__


def test_import_is_light():
    """Only NumPy and its own imports may cost time."""
    program = (
        "import sys, numpy; before = {*sys.modules}; import backprop_rs; "
        f"print(sorted({{*{LIGHT}}} & (sys.modules.keys() - before)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert run.stdout == "[]\n"


def test_the_twin_imports_only_numpy():
    """The standard library is allowed too."""
    package = Path(bp.__file__).parent
    pattern = r"^(?:from|import) ([a-z_]+)"
    paths = [*package.glob("reference/*.py"), *package.glob("tables/*.py")]
    names = {name for path in paths for name in re.findall(pattern, path.read_text("utf-8"), re.M)}
    assert names - sys.stdlib_module_names == {"numpy"}


def test_twins_have_the_name_of_the_file_in_the_core():
    """CONTRIBUTING.md lists the files of the core with their twins."""
    page = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    twins = dict(re.findall(r"^\| `(src/\S+)` \|.*\| `(\S+)` \|$", page, re.M))
    package = PROJECT / "python" / "backprop_rs"
    for core, twin in twins.items():
        assert (PROJECT / core).exists() and (package / twin).exists()
        assert Path(core).stem == Path(twin).stem
    files = {f"reference/{path.name}" for path in package.glob("reference/*.py")}
    assert files - {"reference/__init__.py", "reference/backend.py"} <= set(twins.values())
    tables = ("activation", "cost", "init", "optimizer", "registry", "schedule")
    assert {f"tables/{name}.py" for name in tables} <= set(twins.values())


def test_literals_are_the_names_of_the_tables():
    """`python tests/stubs.py` writes the module again."""
    assert stubs.NAMES_FILE.read_text("utf-8") == stubs.names()


MODULES = [
    module
    for module in pkgutil.walk_packages(bp.__path__, "backprop_rs.")
    if not any(part.startswith("_") for part in module.name.split(".")[1:])
]


@pytest.mark.parametrize("name", ["backprop_rs", *(module.name for module in MODULES)])
def test_dir_of_a_module_lists_its_public_names(name):
    """Packages and the modules of the package's public names say which of theirs are public."""
    module = import_module(name)
    if name.removeprefix("backprop_rs.") in stubs.MODULES:
        assert sorted(dir(module)) == sorted(stubs.maker_names(name.rpartition(".")[2]))
    elif hasattr(module, "__path__") or name.removeprefix("backprop_rs.") in bp.__all__:
        assert sorted(dir(module)) == sorted(module.__all__)
    elif hasattr(module, "__all__"):
        assert set(dir(module)) >= set(module.__all__)
    for public in getattr(module, "__all__", []):
        assert getattr(module, public) is not None
        assert not public.startswith("_") or public == "__version__"


@pytest.mark.parametrize("module", stubs.MODULES)
def test_stubs_list_all_entries_of_the_registries(module):
    """`python tests/stubs.py` writes the stubs again."""
    assert stubs.path_of(module).read_text("utf-8") == stubs.stub(stubs.MODULES[module])
