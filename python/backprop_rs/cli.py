"""The command `backprop-rs`: its options and exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn

from ._internal.printable import printable
from .commands.errors import (
    BROKEN_PIPE,
    INTERRUPTED,
    USER_ERRORS,
    WRONG_ARGUMENT,
    name_options,
    sentence_of,
)

PROG = "backprop-rs"

# The module and function of each command; a module is imported only if its command is used.
COMMANDS = {
    "train": ("train", "run"),
    "predict": ("predict", "run"),
    "evaluate": ("evaluate", "run"),
    "plot": ("plot", "run"),
    "info": ("inspect", "info"),
    "export": ("inspect", "export"),
    "explain": ("inspect", "explain"),
    "check": ("inspect", "check"),
    "diagnose": ("inspect", "diagnose"),
}

EXIT_CODES = """\
exit codes:
  0    success
  1    check: a gradient is wrong
  2    an error of the arguments, the data or the machine, with one sentence on standard error
  130  Ctrl-C
  141  the reader of the output has closed the pipe
"""

TRAIN_EXAMPLES = """\
examples:
  backprop-rs train iris
  backprop-rs train houses.csv --target price --out houses.safetensors
  backprop-rs train fashion-mnist/ --hidden 256,64 --epochs 20
  backprop-rs train larger-than-memory.csv --stream
  backprop-rs train customers.csv --table --target left --out customers.safetensors
"""

# The keys of commands.plot.PICTURES, repeated here because importing that module is slow.
PLOT_KINDS = """\
kinds:
  network    neurons, weights and, with DATA, z, a, b and δ of a row
  chain      how the cost depends on one weight, through all paths; with DATA
  curves     the cost over the epochs
  weights    histograms of the weights or, with DATA, of their gradients
  images     the incoming weights of each neuron as images
  boundary   classes or values over two features; with DATA
  confusion  true classes against predicted ones; with DATA
"""


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
            args = _parser().parse_args(arguments)
            module, function = COMMANDS[args.command]
            getattr(import_module(f".commands.{module}", __package__), function)(args)
    finally:
        sys.stdout.flush()


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


class _Parser(ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message as one line, without the usage, and exit."""
        self.exit(WRONG_ARGUMENT, f"{self.prog}: {printable(message)}\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a message; unlike argparse, raise the error if that fails."""
        print(message, end="", file=file or sys.stderr, flush=True)


def _parser() -> ArgumentParser:
    """Return the parser of all commands."""
    from ._version import __version__

    parser = _Parser(
        PROG,
        description="Train dense networks and use them.",
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_train(commands)
    _add_predict(commands)
    _add_evaluate(commands)
    _add_info(commands)
    _add_export(commands)
    _add_explain(commands)
    _add_check(commands)
    _add_diagnose(commands)
    _add_plot(commands)
    return parser


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network on a data set",
        description="Train a network and print how good it is. No option is needed.",
        epilog=TRAIN_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="iris, digits, a CSV or Parquet file, an .npz file (X and y, or x_train, y_train, "
        "x_test and y_test), a folder of these, or of MNIST-format files; - reads CSV from "
        "standard input",
    )
    _add_data_options(parser.add_argument_group("data"))
    _add_csv_options(parser)
    _add_network_options(parser.add_argument_group("network"))
    _add_training_options(parser.add_argument_group("training"))


def _add_data_options(group: Any) -> None:
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="by name or, if no column is called that, by position from 0 (default: the last)",
    )
    group.add_argument(
        "--ignore",
        metavar="COLUMN",
        action="append",
        default=[],
        help="leave a column out; may be repeated",
    )
    group.add_argument(
        "--missing",
        choices=("error", "drop", "mean"),
        default="error",
        help="a missing cell is an error (default), drops its row, or gets the mean of its column",
    )
    group.add_argument(
        "--classes",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether the target is classes (default: yes for text or few whole numbers)",
    )
    group.add_argument(
        "--test-fraction",
        type=float,
        metavar="FRACTION",
        help="of samples for the test; 0 for no test (default: 0.2, or the test set of the data)",
    )
    group.add_argument(
        "--table",
        action="store_true",
        help="prepare raw columns (texts, dates, missing cells) as bp.Model does, and save the "
        "preparation with the network; --test-fraction of the rows are held out",
    )
    _add_stream(group)


def _add_network_options(group: Any) -> None:
    group.add_argument(
        "--hidden",
        type=_whole_numbers,
        metavar="SIZES",
        help='sizes of the hidden layers, such as 128,64, or "none" (default: 128)',
    )
    group.add_argument(
        "--activation",
        type=_names,
        default="relu",
        metavar="NAME",
        help="of the hidden layers, one for all or one each: identity,tanh (default: relu)",
    )
    group.add_argument(
        "--output", metavar="NAME", help="activation (default: softmax; identity for values)"
    )
    group.add_argument(
        "--cost", metavar="NAME", help="default: cross_entropy; squared_error for values"
    )
    group.add_argument("--dtype", default="float32", help="float32 (default) or float64")
    group.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_training_options(group: Any) -> None:
    group.add_argument("--epochs", type=int, help="default: 10, up to 200 for small data")
    group.add_argument("--batch-size", type=int, default=32, help="default: 32")
    group.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="for all epochs (default: 0.1, for values 0.01, for adam 0.001; a tenth of it in the "
        "last fifth of the epochs)",
    )
    group.add_argument("--optimizer", default="sgd", metavar="NAME", help="sgd (default) or adam")
    group.add_argument(
        "--metrics",
        type=_list_of_names,
        default=[],
        metavar="NAMES",
        help="to print with the cost, such as f1,roc_auc for classes or mae,r2 for values",
    )
    group.add_argument("--seed", type=int, default=0, help="default: 0")
    group.add_argument("--out", metavar="FILE", help="save the network here (safetensors)")
    group.add_argument(
        "--no-progress", dest="progress", action="store_false", help="show no progress bar"
    )
    group.add_argument(
        "--mpi",
        action="store_true",
        help="train with all ranks of MPI; only needed if another program than mpiexec starts them",
    )


def _add_predict(commands: Any) -> None:
    about = "write the predictions of a saved network as CSV"
    parser = commands.add_parser("predict", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="as for train, or - for standard input; a CSV file needs no target",
    )
    parser.add_argument("--out", metavar="FILE", help="default: standard output")
    _add_stream(parser)
    _add_csv_options(parser)
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_evaluate(commands: Any) -> None:
    about = "print the metrics of a saved network for labeled data"
    parser = commands.add_parser("evaluate", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument("data", metavar="DATA", help="as for train, with the target")
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a CSV file, by name or position (default: that of the training)",
    )
    parser.add_argument(
        "--metrics",
        type=_list_of_names,
        default=[],
        metavar="NAMES",
        help="such as f1,roc_auc for classes or mae,r2 for values",
    )
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    _add_csv_options(parser)
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_info(commands: Any) -> None:
    about = "print a summary of a saved network"
    parser = commands.add_parser("info", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument("--json", action="store_true", help="print all facts as JSON")


def _add_export(commands: Any) -> None:
    about = "write a saved network as ONNX, C99 or NumPy source, which run without this package"
    parser = commands.add_parser("export", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument("out", metavar="OUT", help="a file that ends in .onnx, .c or .py")
    parser.add_argument(
        "--raw",
        dest="preparation",
        action="store_false",
        help="expect scaled features, as the network itself does: leave out the scaling of MODEL",
    )


def _add_explain(commands: Any) -> None:
    about = "write out back-propagation with the numbers of a saved network and a row of data"
    parser = commands.add_parser("explain", help=about, description=about, allow_abbrev=False)
    _add_labeled(parser, rows=1)
    parser.add_argument("--html", metavar="FILE", help="write a page with sections that fold")
    parser.add_argument("--markdown", metavar="FILE", help="write Markdown with LaTeX")
    parser.add_argument(
        "--width", type=int, default=80, help="columns of text, 0 for no limit (default: 80)"
    )
    parser.add_argument("--digits", type=int, default=6, help="of each number (default: 6)")
    parser.add_argument(
        "--max-neurons", type=int, default=6, help="neurons shown per layer (default: 6)"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=0.1, metavar="RATE", help="default: 0.1"
    )
    parser.add_argument(
        "--weight",
        type=_whole_numbers,
        metavar="LAYER,J,K",
        help="only the chain rule of this weight, along every path",
    )


def _add_check(commands: Any) -> None:
    about = "compare the gradients of a saved network with differences of its cost"
    parser = commands.add_parser("check", help=about, description=about, allow_abbrev=False)
    _add_labeled(parser, rows=32)
    parser.add_argument(
        "--max-parameters", type=int, default=1000, help="parameters to compare (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of those drawn (default: 0)")


def _add_diagnose(commands: Any) -> None:
    about = "print the problems of a saved network or its data, and remedies"
    parser = commands.add_parser("diagnose", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument("data", metavar="DATA", help="as for train, with the target")
    parser.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="to check (default: the largest of the training)",
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a CSV file, by name or position (default: that of the training)",
    )
    _add_csv_options(parser)
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_plot(commands: Any) -> None:
    about = "draw a saved network and its predictions"
    parser = commands.add_parser(
        "plot",
        help=about,
        description=f"{about[0].upper()}{about[1:]}; needs Matplotlib (pip install matplotlib).",
        epilog=PLOT_KINDS,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    kinds = [line.split()[0] for line in PLOT_KINDS.splitlines()[1:]]
    parser.add_argument("kind", metavar="KIND", choices=kinds, help="a kind listed below")
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument("data", metavar="DATA", nargs="?", help="as for train, with the target")
    parser.add_argument("--out", metavar="FILE", required=True, help="such as .png, .svg or .pdf")
    parser.add_argument("--row", type=int, help="of network, chain (default: 0)")
    parser.add_argument(
        "--weight", metavar="LAYER,J,K", type=_whole_numbers, help="of chain: w_jk of a layer"
    )
    parser.add_argument("--edges", help="of network: weight (default), gradient")
    parser.add_argument("--columns", metavar="NAMES", type=_names, help="of curves (default: cost)")
    parser.add_argument("--layer", type=int, help="of images (default: 1)")
    parser.add_argument(
        "--shape", metavar="HEIGHT,WIDTH", type=_whole_numbers, help="of images (default: square)"
    )
    parser.add_argument(
        "--features",
        metavar="TWO",
        help="of boundary, by name or position (default: the two that matter most)",
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a CSV file, by name or position (default: that of the training)",
    )
    parser.add_argument("--dark", action="store_true", help="light on dark")
    parser.add_argument("--dpi", type=float, default=150, help="dots per inch (default: 150)")
    _add_csv_options(parser)
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_csv_options(parser: Any) -> None:
    """Add the options that say how a CSV file is written."""
    group = parser.add_argument_group("CSV files", "for what DATA do not tell")
    group.add_argument("--delimiter", metavar="SIGN", help="between cells; ' ' for white space")
    group.add_argument("--header", choices=("yes", "no"), help="whether the first row has names")
    group.add_argument("--encoding", metavar="NAME", help="such as latin-1 (default: UTF-8)")
    group.add_argument("--decimal", choices=(".", ","), help="the sign before decimals")
    group.add_argument("--thousands", metavar="SIGN", help="between groups of digits; '' for none")
    group.add_argument(
        "--missing-values",
        metavar="WORDS",
        type=_words,
        help="for missing cells, in place of NA, null, None, ...; '' for none but empty cells",
    )
    group.add_argument(
        "--kind",
        metavar="COLUMN=KIND",
        action="append",
        dest="kinds",
        help="number or category; may be repeated",
    )
    group.add_argument(
        "--index", choices=("yes", "no"), help="whether the first column names the rows"
    )
    group.add_argument("--comment", metavar="TEXT", help="the start of lines that are skipped")


def _words(text: str) -> list[str]:
    """Parse words such as "NA,-"."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _add_stream(parser: Any) -> None:
    parser.add_argument(
        "--stream",
        action="store_true",
        help="read a CSV file in blocks; it may be larger than the memory",
    )


def _add_labeled(parser: Any, rows: int) -> None:
    """Add the arguments for a saved network and rows of data with their targets."""
    parser.add_argument("model", metavar="MODEL", help="a file saved by train")
    parser.add_argument("data", metavar="DATA", help="as for train, with the target")
    parser.add_argument("--row", type=int, default=0, help="first row, from 0 (default: 0)")
    parser.add_argument("--rows", type=int, default=rows, help=f"number of rows (default: {rows})")
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a CSV file, by name or position (default: that of the training)",
    )
    _add_csv_options(parser)
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _whole_numbers(text: str) -> list[int]:
    """Parse whole numbers such as "128,64", or "none"."""
    if text == "none":
        return []
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(
            f"must be whole numbers with commas between, or none; got {text!r}"
        ) from None


def _list_of_names(text: str) -> list[str]:
    """Split names at commas."""
    return [part.strip() for part in text.split(",")]


def _names(text: str) -> str | list[str]:
    """Return one name, or a list if there are commas."""
    return text.split(",") if "," in text else text


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line."""
    print(f"{PROG}: warning: {printable(name_options(str(message)))}", file=sys.stderr)
