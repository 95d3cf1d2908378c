"""Exit codes and error messages of the command line."""

from __future__ import annotations

import re

from .._internal.printable import printable
from ..exceptions import RankFailed

DIFFERENT = 1
"""The exit code of `check` if a gradient is wrong."""

WRONG_ARGUMENT = 2
INTERRUPTED = 130  # 128 + SIGINT, the convention of shells
BROKEN_PIPE = 141  # 128 + SIGPIPE

USER_ERRORS = (
    ValueError,
    TypeError,
    ImportError,
    OSError,
    MemoryError,
    ArithmeticError,
    RankFailed,
)
"""Errors that arguments, data or the machine can cause; any other exception is a defect."""

OPTIONS = [
    (r"missing='drop' or 'mean' to go on", "--missing drop or --missing mean to go on"),
    (r"missing='drop' \(a target has no mean\)", "--missing drop (a target has no mean)"),
    (r"missing='drop' must leave a row", "--missing drop must leave a row"),
    (r"give ignore=\[(.+?)\] to leave it out", r"give --ignore \1 to leave it out"),
    (r"leave the column out with ignore,", "leave the column out with --ignore,"),
    (r"leave it out with ignore,", "leave it out with --ignore,"),
    (r"name it as the target or in features, to use it", "give --target to use it as the target"),
    (r"classes=True if they are", "--classes yes if they are"),
    (r"classes=False needs", "--classes no needs"),
    (r"^(target|ignore) must be", r"--\1 must be"),
    (r"^test_fraction must be", "--test-fraction must be"),
    (r"encoding must name its own", "--encoding must name its own"),
    (r"\b(header|index)=True\b", r"--\1 yes"),
    (r"\b(header|index)=False\b", r"--\1 no"),
    (r"\b(decimal|thousands|encoding|comment|dates|delimiter)=('[^']*')", r"--\1 \2"),
    (r"kinds=\{'(.+?)': '(\w+)'\}", r"--kind \1=\2"),
    (r"to missing_values if", "to --missing-values if"),
    (
        r"^features must name columns of the data \((.*)\); got (.*)$",
        r"DATA must have the features that MODEL was trained on; none of its columns (\1) is \2",
    ),
]
"""Patterns that name arguments of Python, and their replacements that name options."""


def name_options(sentence: str) -> str:
    """Replace arguments of Python by options of the command line in a sentence.

    >>> name_options("column 'a' is bad; give ignore=['a'] to leave it out")
    "column 'a' is bad; give --ignore 'a' to leave it out"
    """
    for pattern, replacement in OPTIONS:
        sentence = re.sub(pattern, replacement, sentence)
    return sentence


def sentence_of(error: BaseException) -> str:
    """Return the message of an error as one printable line.

    >>> sentence_of(FileNotFoundError(2, "No such file or directory", "iris.csv"))
    'iris.csv: No such file or directory'
    """
    if isinstance(error, OSError) and error.strerror is not None:
        place = "standard output" if error.filename is None else error.filename
        return f"{printable(place)}: {error.strerror}"
    if isinstance(error, MemoryError) and not str(error):
        return "there is not enough memory"
    return printable(name_options(" ".join(str(error).split())))
