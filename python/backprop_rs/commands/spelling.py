"""Sentences of the package in the spelling of the command line: its options, not Python's."""

from __future__ import annotations

import re

RULES = [
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
    (r", or encoding must name its own;", ";"),
    (
        r"^features must name columns of the data \((.*)\); got (.*)$",
        r"DATA must have the features that MODEL was trained on; none of its columns (\1) is \2",
    ),
]


def on_command_line(sentence: str) -> str:
    """Return a sentence with the options of the command line in the place of arguments.

    >>> on_command_line("column 'a' is bad; give ignore=['a'] to leave it out")
    "column 'a' is bad; give --ignore 'a' to leave it out"
    """
    for pattern, words in RULES:
        sentence = re.sub(pattern, words, sentence)
    return sentence
