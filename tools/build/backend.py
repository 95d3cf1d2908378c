"""The build backend of the package: maturin, after the core for web pages if its target is there.

PEP 517 finds the functions of maturin here; those that make a wheel build the page's core first.
"""

from typing import Any

import maturin
from maturin import (  # noqa: F401
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from page_core import build_page_core


def build_wheel(*arguments: Any, **options: Any) -> str:
    """Build the wheel."""
    build_page_core()
    return maturin.build_wheel(*arguments, **options)


def build_editable(*arguments: Any, **options: Any) -> str:
    """Build the wheel that refers to the sources."""
    build_page_core()
    return maturin.build_editable(*arguments, **options)
