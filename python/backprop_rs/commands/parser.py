"""The parser of the command line: the commands with their arguments and groups of options."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .._internal.printable import printable
from .errors import WRONG_ARGUMENT
from .options import (
    JSON,
    MACHINE,
    MEMBER,
    METRICS,
    OF_CHECK,
    OF_COLUMNS,
    OF_EVALUATION,
    OF_EXPLANATION,
    OF_NETWORK,
    OF_PICTURE,
    OF_PRESET,
    OF_READER,
    OF_ROWS,
    OF_TRAINING,
    RATE_TO_CHECK,
    STREAM,
    TARGET,
    Option,
    add_retired,
)

PROG = "backprop-rs"

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
  backprop-rs train customers.csv --target left --ignore id,name --early-stopping \\
      --validation-fraction 0.2 --metrics roc_auc --out customers.safetensors
  backprop-rs train larger-than-memory.csv --stream
  backprop-rs train fashion-mnist/ --hidden 256,64 --epochs 20
"""

USE_EXAMPLES = """\
examples:
  backprop-rs {name} customers.safetensors customers.csv{more}
  cat customers.csv | backprop-rs {name} customers.safetensors -{more}
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

MODEL = ("model", {"metavar": "MODEL", "help": "a file saved by train"})
DATA = (
    "data",
    {"metavar": "DATA", "help": "as for train, with the target; - for standard input"},
)
CSV = "files of tables"
CSV_WORDS = "for what DATA do not tell (default: as in the training)"


@dataclass(frozen=True)
class Command:
    """One command: its module and function, and what it takes.

    Attributes
    ----------
    module, function : str
        The module is imported only if the command is used.
    about : str
    arguments : sequence of (name, arguments of `add_argument`)
    options : sequence of Option
    groups : mapping from title to options
    epilog : str
    """

    module: str
    function: str
    about: str
    arguments: Sequence[tuple[str, dict[str, Any]]]
    options: Sequence[Option] = ()
    groups: dict[str, Sequence[Option]] = field(default_factory=dict)
    epilog: str = ""


TRAIN_DATA = {
    "metavar": "DATA",
    "help": "iris, digits, a table (CSV, Parquet, Feather, Excel, ARFF, LIBSVM, JSON, ...), an "
    ".npz file (X and y, or x_train, y_train, x_test and y_test), a folder of CSV, Parquet or "
    "NumPy files, or of MNIST-format files; - reads a table from standard input",
}
PREDICT_DATA = {
    "metavar": "DATA",
    "help": "as for train, or - for standard input; a table needs no target",
}

COMMANDS = {
    "train": Command(
        "train",
        "run",
        "train a model on a data set",
        [("data", TRAIN_DATA)],
        groups={
            "columns": OF_COLUMNS,
            CSV: OF_READER,
            "evaluation": OF_EVALUATION,
            "several networks": OF_PRESET,
            "network": OF_NETWORK,
            "training": (*OF_TRAINING, *MACHINE),
        },
        epilog=TRAIN_EXAMPLES,
    ),
    "predict": Command(
        "predict",
        "run",
        "write the predictions of a saved model as CSV or JSON",
        [MODEL, ("data", PREDICT_DATA)],
        (
            Option("--out", "default: standard output", more={"metavar": "FILE"}),
            STREAM,
            JSON,
            *MACHINE,
        ),
        {CSV: OF_READER},
        USE_EXAMPLES.format(name="predict", more=" > predictions.csv"),
    ),
    "evaluate": Command(
        "evaluate",
        "run",
        "print the metrics of a saved model for labeled data",
        [MODEL, DATA],
        (METRICS, TARGET, STREAM, JSON, *MACHINE),
        {CSV: OF_READER},
        USE_EXAMPLES.format(name="evaluate", more=" --metrics f1,roc_auc"),
    ),
    "info": Command(
        "inspect",
        "info",
        "print a summary of a saved model",
        [MODEL],
        (JSON,),
        epilog="example:\n  backprop-rs info customers.safetensors\n",
    ),
    "export": Command(
        "inspect",
        "export",
        "write a saved model as ONNX, C99 or NumPy source, which run without this package",
        [MODEL, ("out", {"metavar": "OUT", "help": "a file that ends in .onnx, .c or .py"})],
        (
            Option(
                "--raw",
                "expect scaled features, as the network itself does: leave out the scaling of "
                "MODEL",
                name="preparation",
                more={"action": "store_false", "default": True},
            ),
        ),
        epilog="example:\n  backprop-rs export customers.safetensors customers.onnx\n",
    ),
    "explain": Command(
        "explain",
        "run",
        "write out back-propagation with the numbers of a saved model and a row of data",
        [MODEL, DATA],
        (*OF_ROWS, TARGET, *OF_EXPLANATION, *MACHINE),
        {CSV: OF_READER},
        USE_EXAMPLES.format(name="explain", more=" --row 3"),
    ),
    "check": Command(
        "inspect",
        "check",
        "compare the gradients of a saved model with differences of its cost",
        [MODEL, DATA],
        (*OF_ROWS, TARGET, *OF_CHECK, *MACHINE),
        {CSV: OF_READER},
        USE_EXAMPLES.format(name="check", more=""),
    ),
    "diagnose": Command(
        "inspect",
        "diagnose",
        "print the problems of a saved model or its data, and remedies",
        [MODEL, DATA],
        (RATE_TO_CHECK, TARGET, MEMBER, JSON, *MACHINE),
        {CSV: OF_READER},
        USE_EXAMPLES.format(name="diagnose", more=""),
    ),
    "plot": Command(
        "plot",
        "run",
        "draw a saved model and its predictions",
        [
            (
                "kind",
                {
                    "metavar": "KIND",
                    "choices": [line.split()[0] for line in PLOT_KINDS.splitlines()[1:]],
                    "help": "a kind listed below",
                },
            ),
            MODEL,
            ("data", {**DATA[1], "nargs": "?"}),
        ],
        (*OF_PICTURE, TARGET, *MACHINE),
        {CSV: OF_READER},
        PLOT_KINDS + "\nexample:\n  backprop-rs plot boundary iris.safetensors iris --out b.png\n",
    ),
    "playground": Command(
        "playground",
        "run",
        "open a web page on which a network is trained step by step and explained",
        [("data", {"metavar": "DATA", "nargs": "?", "help": "as for train (default: toy sets)"})],
        (
            Option("--model", "a file saved by train, to start with", more={"metavar": "MODEL"}),
            Option(
                "--out", "write the page here, and do not open it", more={"metavar": "PAGE.html"}
            ),
            TARGET,
            *MACHINE,
        ),
        {CSV: OF_READER},
        "example:\n  backprop-rs playground houses.csv --target price --out houses.html\n",
    ),
}


class Parser(ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message as one line, without the usage, and exit."""
        self.exit(WRONG_ARGUMENT, f"{self.prog}: {printable(message)}{self._hint(message)}\n")

    def _hint(self, message: str) -> str:
        """Return the nearest command for one that does not exist."""
        from re import search

        wrong = search(r"COMMAND: invalid choice: '(\w+)'", message)
        if wrong is None:
            return ""
        from .._internal.error import edit_distance

        nearest = min(COMMANDS, key=lambda name: edit_distance(wrong[1], name))
        is_close = edit_distance(wrong[1], nearest) <= 2
        return f"; did you mean {nearest!r}?" if is_close else ""

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a message; unlike argparse, raise the error if that fails."""
        print(message, end="", file=file or sys.stderr, flush=True)


def parser_of_commands() -> Parser:
    """Return the parser of all commands."""
    from .._version import __version__

    parser = Parser(
        PROG,
        description="Train dense networks and use them.",
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        add_command(commands, name, command)
    return parser


def add_command(commands: Any, name: str, command: Command) -> None:
    """Add the parser of one command."""
    about = f"{command.about[0].upper()}{command.about[1:]}"
    if name == "train":
        about += " and print how good it is. No option is needed"
    if name == "plot":
        about += "; needs Matplotlib (pip install matplotlib)"
    parser = commands.add_parser(
        name,
        help=command.about,
        description=f"{about}.",
        epilog=command.epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for argument, more in command.arguments:
        parser.add_argument(argument, **more)
    for option in command.options:
        option.add_to(parser)
    for title, options in command.groups.items():
        group = parser.add_argument_group(title, CSV_WORDS if title == CSV else None)
        for option in options:
            option.add_to(group)
    add_retired(parser)
