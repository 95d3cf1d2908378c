"""The command `backprop-rs`: run a command and return its exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib import import_module
from io import TextIOWrapper

from ._internal.printable import printable
from .commands.errors import (
    BROKEN_PIPE,
    INTERRUPTED,
    USER_ERRORS,
    WRONG_ARGUMENT,
    name_options,
    sentence_of,
)
from .commands.parser import COMMANDS, PROG, parser_of_commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; `arguments` default to those of the process."""
    if sys.stderr is None:  # closed; `print` would write to standard output instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        print(f"{PROG}: standard output is closed", file=sys.stderr)
        return WRONG_ARGUMENT
    if isinstance(sys.stdout, TextIOWrapper):  # escape names that it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _run(arguments)
    except KeyboardInterrupt:
        return _flush(INTERRUPTED)
    except BrokenPipeError:
        return _flush(BROKEN_PIPE)
    except USER_ERRORS as error:
        print(f"{PROG}: {sentence_of(error)}", file=sys.stderr)
        return _flush(WRONG_ARGUMENT)
    return 0


def _run(arguments: Sequence[str] | None) -> None:
    """Run the command and write all of its output."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            args = parser_of_commands().parse_args(arguments)
            command = COMMANDS[args.command]
            module = import_module(f".commands.{command.module}", __package__)
            with _threads(getattr(args, "threads", None)):
                getattr(module, command.function)(args)
    finally:
        sys.stdout.flush()


def _threads(n: int | None) -> AbstractContextManager[None]:
    """Return a context in which the core uses n threads, or as many as before."""
    if n is None:
        return nullcontext()
    from .threads import num_threads

    return num_threads(n)


def _flush(code: int) -> int:
    """Flush standard output after a failure, and return the exit code.

    If it cannot be written, redirect it: Python flushes again at exit and would print an error.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line."""
    print(f"{PROG}: warning: {printable(name_options(str(message)))}", file=sys.stderr)
