"""Report the installed versions, for bug reports."""

OPTIONAL_PACKAGES = (
    "narwhals",
    "pandas",
    "polars",
    "pyarrow",
    "scikit-learn",
    "matplotlib",
    "tqdm",
)


def show_versions() -> None:
    """Print the versions of Python, of this package and of the packages that it uses.

    Optional packages are listed if they are installed; none of them is imported.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> bp.show_versions()  # doctest: +ELLIPSIS
    Python        3...
    """
    rows = _rows()
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")


def _rows() -> dict[str, str]:
    import platform

    import numpy as np

    from ._version import __version__

    rows = {
        "Python": platform.python_version(),
        "platform": platform.platform(),
        "backprop_rs": __version__,
        "numpy": np.__version__,
    }
    return {**rows, **_core_rows(), **_optional_rows()}


def _core_rows() -> dict[str, str]:
    try:
        from . import _core
    except ImportError as error:
        return {"compiled core": f"not importable ({error})"}
    instruction_set = getattr(_core, "instruction_set", None)
    return {
        "compiled core": instruction_set() if instruction_set else "yes",
        "threads": str(_core.get_num_threads()),
    }


def _optional_rows() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    rows = {}
    for name in OPTIONAL_PACKAGES:
        try:
            rows[name] = version(name)
        except PackageNotFoundError:
            continue
    return rows
