"""The `stacklevel` of warnings."""

import sys


def level_of_caller() -> int:
    """Return the `stacklevel` at which a warning points at the first line outside this package."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level
