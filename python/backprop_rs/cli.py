"""The command `backprop-rs`: its options, and how it ends."""

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
from .commands.spelling import on_command_line
from .exceptions import RankFailed

PROG = "backprop-rs"
WRONG_ARGUMENT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE
# What the arguments, the data or the machine can cause; anything else is a defect.
USER = (
    *(ValueError, TypeError, ImportError, OSError, MemoryError, ArithmeticError),
    RankFailed,
)

EXIT_CODES = """\
exit codes:
  0    done
  2    an argument, the data or the machine does not allow it; one sentence says why
  130  Ctrl-C
  141  whoever read the output has gone
"""

TRAIN_EXAMPLES = """\
examples:
  backprop-rs train iris
  backprop-rs train houses.csv --target price --out houses.safetensors
  backprop-rs train fashion-mnist/ --hidden 256,64 --epochs 20
  backprop-rs train larger-than-memory.csv --stream
"""

# What commands.plot draws, which is imported only when it is asked to.
PLOT_KINDS = """\
kinds:
  network    neurons, weights and, with DATA, z, a, b and δ of a row
  chain      how the cost depends on one weight, through all paths; with DATA
  curves     the cost over the epochs
  weights    histograms of the weights or, with DATA, of their gradients
  images     the incoming weights of each neuron as images
  boundary   classes or values over two features; with DATA
  confusion  which classes are taken for which; with DATA
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, by default with the arguments of this process, and return its exit code."""
    if sys.stderr is None:  # closed; `print` would take standard output in its place
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        print(f"{PROG}: standard output is closed", file=sys.stderr)
        return WRONG_ARGUMENT
    if isinstance(sys.stdout, TextIOWrapper):  # a name that it cannot encode is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _run(arguments)
    except KeyboardInterrupt:
        return _ended(INTERRUPTED)
    except BrokenPipeError:  # whoever read has gone
        return _ended(BROKEN_PIPE)
    except USER as error:
        print(f"{PROG}: {_sentence(error)}", file=sys.stderr)
        return _ended(WRONG_ARGUMENT)
    return 0


def _run(arguments: Sequence[str] | None) -> None:
    """Run the command until all that it says is written."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            args = _parser().parse_args(arguments)
            import_module(f".commands.{args.command}", __package__).run(args)
    finally:
        sys.stdout.flush()


def _ended(code: int) -> int:
    """Return a code after a failure, with nothing left that Python would fail to write at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line, without the usage."""
        self.exit(WRONG_ARGUMENT, f"{self.prog}: {printable(message)}\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write it; argparse itself is silent about a failure."""
        print(message, end="", file=file or sys.stderr, flush=True)


def _parser() -> ArgumentParser:
    from . import __version__

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
        "x_test and y_test), a folder of such, or of MNIST-format files; - reads CSV from "
        "standard input",
    )
    _add_data_options(parser.add_argument_group("data"))
    _add_network_options(parser.add_argument_group("network"))
    _add_training_options(parser.add_argument_group("training"))


def _add_data_options(group: Any) -> None:
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="by name or, if no column is called that, by position from 0 (default: the last)",
    )
    group.add_argument(
        "--ignore", metavar="COLUMN", action="append", default=[], help="may be repeated"
    )
    group.add_argument(
        "--missing",
        choices=("error", "drop", "mean"),
        default="error",
        help="what to do about a missing cell: drop its row, or take its column's mean",
    )
    group.add_argument(
        "--classes",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether the target is classes (default: if it is text, or few whole numbers)",
    )
    group.add_argument(
        "--test-fraction",
        type=float,
        metavar="FRACTION",
        help="kept for the test; 0 for no test (default: 0.2, or the test set of the data)",
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
        help="for all epochs (default: 0.1, for values 0.01, for adam 0.001; and a tenth of it "
        "in the last fifth of the epochs)",
    )
    group.add_argument("--optimizer", default="sgd", metavar="NAME", help="sgd (default) or adam")
    group.add_argument(
        "--metrics",
        type=_listed,
        default=[],
        metavar="NAMES",
        help="to print next to the cost, such as f1,roc_auc for classes or mae,r2 for values",
    )
    group.add_argument("--seed", type=int, default=0, help="default: 0")
    group.add_argument("--out", metavar="FILE", help="save the network to it (safetensors)")
    group.add_argument(
        "--no-progress", dest="progress", action="store_false", help="show no progress bar"
    )
    group.add_argument(
        "--mpi",
        action="store_true",
        help="train with all ranks of MPI; needed only where another than mpiexec starts them",
    )


def _add_predict(commands: Any) -> None:
    about = "write the predictions of a saved network as CSV"
    parser = commands.add_parser("predict", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file that train has saved")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="as for train, or - for standard input; a CSV file may be without the target",
    )
    parser.add_argument("--out", metavar="FILE", help="default: standard output")
    _add_stream(parser)
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_info(commands: Any) -> None:
    about = "print what a saved network is"
    parser = commands.add_parser("info", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file that train has saved")


def _add_export(commands: Any) -> None:
    about = "write a saved network as ONNX, C99 or NumPy source, which run without this package"
    parser = commands.add_parser("export", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file that train has saved")
    parser.add_argument("out", metavar="OUT", help="a file that ends in .onnx, .c or .py")
    parser.add_argument(
        "--raw",
        dest="preparation",
        action="store_false",
        help="take features as the network does, without the scaling that MODEL keeps",
    )


def _add_explain(commands: Any) -> None:
    about = "write back-propagation out, with the numbers of a saved network and a row of data"
    parser = commands.add_parser("explain", help=about, description=about, allow_abbrev=False)
    _add_labelled(parser, rows=1)
    parser.add_argument("--html", metavar="FILE", help="write a page to it, that folds")
    parser.add_argument("--markdown", metavar="FILE", help="write Markdown with LaTeX to it")
    parser.add_argument("--width", type=int, default=80, help="columns, 0 for any (default: 80)")
    parser.add_argument("--digits", type=int, default=6, help="of each number (default: 6)")
    parser.add_argument("--most", type=int, default=6, help="neurons of a layer (default: 6)")
    parser.add_argument(
        "--learning-rate", type=float, default=0.1, metavar="RATE", help="default: 0.1"
    )
    parser.add_argument(
        "--weight",
        type=_whole_numbers,
        metavar="LAYER,J,K",
        help="the chain rule of this weight alone, along every path",
    )


def _add_check(commands: Any) -> None:
    about = "compare the gradients of a saved network with differences of its cost"
    parser = commands.add_parser("check", help=about, description=about, allow_abbrev=False)
    _add_labelled(parser, rows=32)
    parser.add_argument("--most", type=int, default=1000, help="parameters (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of those drawn (default: 0)")


def _add_diagnose(commands: Any) -> None:
    about = "say what is wrong with a saved network or its data, and what to try"
    parser = commands.add_parser("diagnose", help=about, description=about, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="a file that train has saved")
    parser.add_argument("data", metavar="DATA", help="as for train, with the target")
    parser.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="to judge (default: the largest of the training)",
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a CSV file, by name or position (default: that of the training)",
    )
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_plot(commands: Any) -> None:
    about = "draw a saved network, and what it says of data"
    parser = commands.add_parser(
        "plot",
        help=about,
        description=f"{about[0].upper()}{about[1:]}; needs Matplotlib (pip install matplotlib).",
        epilog=PLOT_KINDS,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    kinds = [line.split()[0] for line in PLOT_KINDS.splitlines()[1:]]
    parser.add_argument("kind", metavar="KIND", choices=kinds, help="one of those below")
    parser.add_argument("model", metavar="MODEL", help="a file that train has saved")
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
    parser.add_argument("--dpi", type=float, default=150, help="dots an inch (default: 150)")
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _add_stream(parser: Any) -> None:
    parser.add_argument(
        "--stream",
        action="store_true",
        help="read a CSV file as it is needed: it may be larger than the memory",
    )


def _add_labelled(parser: Any, rows: int) -> None:
    """A saved network, and rows of data with their targets."""
    parser.add_argument("model", metavar="MODEL", help="a file that train has saved")
    parser.add_argument("data", metavar="DATA", help="as for train, with the target")
    parser.add_argument("--row", type=int, default=0, help="the first, from 0 (default: 0)")
    parser.add_argument("--rows", type=int, default=rows, help=f"default: {rows}")
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a CSV file, by name or position (default: that of the training)",
    )
    parser.add_argument("--backend", default="auto", help="auto (default), rust or numpy")


def _whole_numbers(text: str) -> list[int]:
    if text == "none":
        return []
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(
            f"must be whole numbers with commas between, or none; got {text!r}"
        ) from None


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _names(text: str) -> str | list[str]:
    return text.split(",") if "," in text else text


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        place = "standard output" if error.filename is None else error.filename
        return f"{printable(place)}: {error.strerror}"
    if isinstance(error, MemoryError) and not str(error):
        return "there is not enough memory"
    return printable(on_command_line(" ".join(str(error).split())))


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    print(f"{PROG}: warning: {printable(on_command_line(str(message)))}", file=sys.stderr)
