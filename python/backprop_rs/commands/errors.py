"""Exit codes and error messages of the command line."""

from __future__ import annotations

import re

from .._internal.printable import printable
from ..exceptions import RankFailed
from .options import flags

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
    (r"missing='drop' or 'mean' to go on", "leave the row out, or train a model of the table"),
    (r"give ignore=\[(.+?)\] to leave it out", r"give --ignore \1 to leave it out"),
    (r"\bignore=\[(.+?)\] to leave it out", r"--ignore \1 to leave it out"),
    (r"leave the column out with ignore,", "leave the column out with --ignore,"),
    (r"leave it out with ignore,", "leave it out with --ignore,"),
    (r"name it as the target or in features, to use it", "give --target to use it as the target"),
    (r": leave these rows out$", "; give --missing-target drop to leave these rows out"),
    (r"classes=True if they are", "--classes yes if they are"),
    (r"classes=False needs", "--classes no needs"),
    (r"encoding must name its own", "--encoding must name its own"),
    (r"\b(header|index)=True\b", r"--\1 yes"),
    (r"\b(header|index)=False\b", r"--\1 no"),
    (r"\b(decimal|thousands|encoding|comment|dates|delimiter)=('[^']*')", r"--\1 \2"),
    (r"\bskip_rows=(\d+)", r"--skip-rows \1"),
    (r"\bor skip_rows if\b", "or --skip-rows if"),
    (r"missing_values=\[(.*?)\]", r"--missing-values \1"),
    (r"edges='gradient'", "--edges gradient"),
    (r"kinds=\{'(.+?)': '(\w+)'\}", r"--kind \1=\2"),
    (r"to missing_values if", "to --missing-values if"),
    (
        r"^features must name columns of the data \((.*)\); got (.*)$",
        r"DATA must have the features that MODEL was trained on; none of its columns (\1) is \2",
    ),
    (r"^data must\b", "DATA must"),
    (r"^names must be among the history's", "--columns must be among the history's"),
    (r"^kinds\['(.+?)'\] must be", r"--kind of '\1' must be"),
]
"""Patterns that name arguments of Python, and their replacements that name options."""

SUBJECT = re.compile(r"^(\w+)(?= (?:must|needs|goes)\b)")


def name_options(sentence: str) -> str:
    """Replace arguments of Python by options of the command line in a sentence.

    >>> name_options("column 'a' is bad; give ignore=['a'] to leave it out")
    "column 'a' is bad; give --ignore 'a' to leave it out"
    >>> name_options("batch_size must be an integer >= 1; got 0")
    '--batch-size must be an integer >= 1; got 0'
    """
    for pattern, replacement in OPTIONS:
        sentence = re.sub(pattern, replacement, sentence)
    known = flags()
    return SUBJECT.sub(lambda found: known.get(found[1], found[1]), sentence)


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
