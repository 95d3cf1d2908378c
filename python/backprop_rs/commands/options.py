"""The options of the command line: each is one row, which several commands may share."""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import Any, NamedTuple

READER, COLUMNS, PREPROCESSOR = "reader", "columns", "preprocessor"
MODEL, FIT, COMMAND = "model", "fit", "command"


class Option(NamedTuple):
    """One option.

    Attributes
    ----------
    flag : str
    help : str
    of : str
        What takes it: the reader of a file, the choice of columns, the `Preprocessor`, the `Model`
        or `Network`, `fit`, or the command alone.
    name : str
        The name of that argument in Python; by default the flag with underscores.
    more : mapping
        Other arguments of `add_argument`. An option that is not given is None.
    """

    flag: str
    help: str
    of: str = COMMAND
    name: str = ""
    more: dict[str, Any] = {}  # noqa: RUF012

    @property
    def argument(self) -> str:
        """The name of the argument in Python."""
        return self.name or self.flag.lstrip("-").replace("-", "_")

    def add_to(self, parser: Any) -> None:
        """Add the option to a parser or a group of it."""
        more = {"default": None} | self.more
        parser.add_argument(self.flag, dest=self.argument, help=self.help, **more)


def words(text: str) -> list[str]:
    """Split words at commas, such as "NA,-".

    >>> words("NA, -"), words("")
    (['NA', '-'], [])
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def name_or_names(text: str) -> str | list[str]:
    """Return one name, or a list if there are commas outside of parentheses.

    >>> name_or_names("relu"), name_or_names("tanh,relu"), name_or_names("elu(alpha=1)")
    ('relu', ['tanh', 'relu'], 'elu(alpha=1)')
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return text if len(parts) == 1 else parts


def whole_numbers(text: str) -> list[int]:
    """Parse whole numbers such as "128,64", or "none"."""
    if text == "none":
        return []
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(
            f"must be whole numbers with commas between, or none; got {text!r}"
        ) from None


def count(text: str) -> int:
    """Parse a whole number that is at least 1."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number >= 1; got {text!r}")
    return int(text)


def number_or_text(text: str) -> int | str:
    """Parse a whole number, such as epochs between checkpoints, or keep a text, such as "10min".

    >>> number_or_text("5"), number_or_text("10min")
    (5, '10min')
    """
    return int(text) if text.isascii() and text.isdecimal() else text


def yes_or_no(text: str) -> bool:
    """Parse "yes" or "no"."""
    if text not in ("yes", "no"):
        raise ArgumentTypeError(f"must be yes or no; got {text!r}")
    return text == "yes"


def auto_yes_or_no(text: str) -> bool | str:
    """Parse "auto", "yes" or "no"."""
    return text if text == "auto" else yes_or_no(text)


NUMBER: dict[str, Any] = {"type": float, "metavar": "NUMBER"}
FRACTION: dict[str, Any] = {"type": float, "metavar": "FRACTION"}
INTEGER: dict[str, Any] = {"type": int, "metavar": "N"}
NAME: dict[str, Any] = {"metavar": "NAME"}
FILE: dict[str, Any] = {"metavar": "FILE"}
YES_NO: dict[str, Any] = {"type": yes_or_no, "metavar": "yes|no"}
WORDS: dict[str, Any] = {"type": words, "action": "extend", "metavar": "NAMES"}
REPEATED: dict[str, Any] = {"action": "append"}
FLAG: dict[str, Any] = {"action": "store_true", "default": False}

OF_READER = (
    Option("--delimiter", "between cells; ' ' for white space", READER, more={"metavar": "SIGN"}),
    Option("--header", "whether the first row has names", READER, more=YES_NO),
    Option("--encoding", "such as latin-1 (default: UTF-8)", READER, more=NAME),
    Option("--decimal", "the sign before decimals", READER, more={"choices": (".", ",")}),
    Option("--thousands", "between groups of digits; '' for none", READER,
           more={"metavar": "SIGN"}),
    Option("--missing-values", "for missing cells, in place of NA, null, None, ...; '' for none "
           "but empty cells; may be repeated", READER,
           more={"type": words, "action": "extend", "metavar": "WORDS"}),
    Option("--dates", "the order of day, month and year in dates", READER,
           more={"choices": ("ymd", "dmy", "mdy")}),
    Option("--kind", "number, boolean, category or datetime; may be repeated", READER, "kinds",
           REPEATED | {"metavar": "COLUMN=KIND"}),
    Option("--index", "whether the first column names the rows", READER, more=YES_NO),
    Option("--sheet", "of a workbook: its name, or its position from 0 (default: the only one)",
           READER, more={"type": number_or_text, "metavar": "NAME"}),
    Option("--comment", "the start of lines that are skipped", READER, more={"metavar": "TEXT"}),
    Option("--skip-rows", "lines above the table", READER, more=INTEGER),
)  # fmt: skip

STREAM = Option("--stream", "read a table in parts; it may be larger than the memory", more=FLAG)
JSON = Option("--json", "print the results as JSON", more=FLAG)
BACKEND = Option("--backend", "auto (default), rust or numpy", MODEL, more=NAME)
THREADS = Option(
    "--threads", "for the computation (default: all processors)",
    more={"type": count, "metavar": "N"},
)  # fmt: skip
MACHINE = (BACKEND, THREADS)
TARGET = Option(
    "--target", "for a network without a target's name: by name or position (default: the last)",
    COLUMNS, more={"metavar": "COLUMN"},
)  # fmt: skip
METRICS = Option(
    "--metrics", "such as f1,roc_auc for classes or mae,r2 for values; may be repeated", FIT,
    more=WORDS,
)  # fmt: skip

OF_COLUMNS = (
    Option("--target", "by name or, if no column is called that, by position from 0; several with "
           "commas between (default: the last)", COLUMNS, more={"metavar": "COLUMN"}),
    Option("--ignore", "leave columns out; several with commas between; may be repeated", COLUMNS,
           more=REPEATED | {"metavar": "COLUMN"}),
    Option("--sample-weight", "the column with the weight of each row", COLUMNS,
           more={"metavar": "COLUMN"}),
    Option("--classes", "whether the target is classes (default: yes for text or few whole "
           "numbers)", COLUMNS, more={"type": auto_yes_or_no, "metavar": "auto|yes|no"}),
    Option("--missing-target", "rows without a target are an error (default), or left out",
           COLUMNS, more={"choices": ("error", "drop")}),
    Option("--scaling", "of numbers: robust (default), standard, quantile or none", PREPROCESSOR,
           more=NAME),
    Option("--target-scaling", "of values: standard (default) or none", PREPROCESSOR, more=NAME),
    Option("--date-parts", "of dates: year, month, day, weekday, hour, seconds (default: those "
           "that vary)", PREPROCESSOR, more=WORDS),
)  # fmt: skip

OF_EVALUATION = (
    Option("--test-fraction", "of rows for the test, 0 for no test (default: 0.2, or the test set "
           "of the data)", more=FRACTION),
    Option("--validation-fraction", "of the other rows, to evaluate after each epoch (default: 0)",
           more=FRACTION),
    Option("--validation", "rows to evaluate after each epoch", more={"metavar": "DATA"}),
    METRICS,
    STREAM,
)  # fmt: skip

OF_NETWORK = (
    Option("--hidden", 'sizes of the hidden layers, such as 128,64, or "none" (default: 128)',
           MODEL, more={"type": whole_numbers, "metavar": "SIZES"}),
    Option("--members", "networks whose outputs are averaged (default: 1)", MODEL, more=INTEGER),
    Option("--activation", "of the hidden layers, one for all or one each: identity,tanh "
           "(default: relu)", MODEL, more={"type": name_or_names, "metavar": "NAME"}),
    Option("--output", "activation (default: softmax; identity for values)", MODEL, more=NAME),
    Option("--cost", "default: cross_entropy; squared_error for values", MODEL, more=NAME),
    Option("--init", "of the weights, such as he_normal (default: by activation)", MODEL,
           more=NAME),
    Option("--dropout", "share of hidden activations that are left out (default: 0)", MODEL,
           more=NUMBER),
    Option("--layer-norm", "normalize each hidden layer", MODEL,
           more={"action": "store_const", "const": True}),
    Option("--l1", "penalty of |w| (default: 0)", MODEL, more=NUMBER),
    Option("--l2", "penalty of the squared weights (default: 0)", MODEL, more=NUMBER),
    Option("--weight-decay", "decoupled decay of the weights (default: 0)", MODEL, more=NUMBER),
    Option("--max-norm", "the largest norm of the weights of a neuron (default: no limit)", MODEL,
           more=NUMBER),
    Option("--dtype", "float32 (default) or float64", MODEL, more=NAME),
    Option("--seed", "of weights, orders and held-out rows (default: 0)", MODEL,
           more=INTEGER | {"default": 0}),
)  # fmt: skip

OF_PRESET = (
    Option("--preset", "train several networks on folds of a table, as TabularClassifier and "
           "TabularRegressor do: fast, default or best", more=NAME),
    Option("--time-limit", "seconds for --preset", more=NUMBER),
)  # fmt: skip

OF_TRAINING = (
    Option("--epochs", "default: as many as give about 1,000 updates, from 10 to 1,000", FIT,
           more=INTEGER),
    Option("--batch-size", "default: 32, or 64 from 10,000 rows on", FIT, more=INTEGER),
    Option("--optimizer", "such as adam (default), sgd, adamw, lbfgs or 'sgd(momentum=0.9)'", FIT,
           more=NAME),
    Option("--learning-rate", "default: that of the optimizer; 0.003 for adam", FIT,
           more={"type": float, "metavar": "RATE"}),
    Option("--schedule", "of the learning rate, such as 'warmup(5) then cosine' (default: cosine; "
           "constant with --learning-rate)", FIT, more=NAME),
    Option("--early-stopping", "stop if there is no improvement for --patience epochs, and return "
           "to the best", more=FLAG),
    Option("--patience", "of early stopping, which this option switches on (default: 10)",
           more={"type": count, "metavar": "EPOCHS"}),
    Option("--class-weight", "balanced, or weights such as yes=3,no=1", FIT,
           more={"metavar": "WEIGHTS"}),
    Option("--average", "use the moving average of the parameters with this decay", FIT,
           more=NUMBER),
    Option("--clip-norm", "the largest norm of the gradient", FIT, more=NUMBER),
    Option("--clip-value", "the largest element of the gradient", FIT, more=NUMBER),
    Option("--input-noise", "standard deviation of noise on the features", FIT, more=NUMBER),
    Option("--checkpoint", "write the state of the training to this file", FIT, more=FILE),
    Option("--checkpoint-every", "epochs, or a time such as 10min (default: 60s)", FIT,
           more={"type": number_or_text, "metavar": "TIME"}),
    Option("--resume", "continue from the checkpoint if there is one", more=FLAG),
    Option("--out", "save the model here (safetensors)", more=FILE),
    Option("--no-progress", "show no progress bar", name="progress",
           more={"action": "store_false", "default": None}),
    Option("--mpi", "train with all ranks of MPI; only needed if another program than mpiexec "
           "starts them", more=FLAG),
    JSON,
)  # fmt: skip

OF_TRAIN = (
    *OF_READER,
    *OF_COLUMNS,
    *OF_EVALUATION,
    *OF_PRESET,
    *OF_NETWORK,
    *OF_TRAINING,
    *MACHINE,
)

OF_ROWS = (
    Option("--row", "first row, from 0 (default: 0)", more={"type": int, "default": 0}),
    Option("--rows", "number of rows (default: 1; check: 32)", more={"type": int}),
)


def member_or_all(text: str) -> int | str:
    """Parse the number of a network, or "all"."""
    if text != "all" and not (text.isascii() and text.isdecimal()):
        raise ArgumentTypeError(f"must be the number of a network from 0, or all; got {text!r}")
    return text if text == "all" else int(text)


MEMBER = Option("--member", "of a model of several networks: its number from 0 (default: 0)",
                more={"type": int, "metavar": "K"})  # fmt: skip

OF_EXPLANATION = (
    Option("--member", "of a model of several networks: its number from 0 (default: 0), or all",
           more={"type": member_or_all, "metavar": "K"}),
    Option("--html", "write a page with sections that fold", more=FILE),
    Option("--markdown", "write Markdown with LaTeX", more=FILE),
    Option("--width", "columns of text, 0 for no limit (default: 80)",
           more={"type": int, "default": 80}),
    Option("--digits", "of each number (default: 6)", more={"type": int, "default": 6}),
    Option("--max-neurons", "neurons shown per layer (default: 6)",
           more={"type": int, "default": 6}),
    Option("--learning-rate", "default: 0.1",
           more={"type": float, "metavar": "RATE", "default": 0.1}),
    Option("--weight", "only the chain rule of this weight, along every path",
           more={"type": whole_numbers, "metavar": "LAYER,J,K"}),
)  # fmt: skip

OF_CHECK = (
    Option("--max-parameters", "parameters to compare (default: 1000)",
           more={"type": int, "default": 1000}),
    MEMBER,
    Option("--seed", "of those drawn (default: 0)", more={"type": int, "default": 0}),
    JSON,
)  # fmt: skip

RATE_TO_CHECK = Option(
    "--learning-rate", "to check (default: the largest of the training)",
    more={"type": float, "metavar": "RATE"},
)  # fmt: skip

OF_PICTURE = (
    Option("--out", "such as .png, .svg or .pdf", more=FILE | {"required": True}),
    Option("--row", "of network, chain (default: 0)", more={"type": int}),
    Option("--weight", "of chain: w_jk of a layer (default: that with the largest gradient)",
           more={"type": whole_numbers, "metavar": "LAYER,J,K"}),
    Option("--edges", "of network: weight (default), gradient"),
    Option("--columns", "of curves (default: cost)",
           more={"type": name_or_names, "metavar": "NAMES"}),
    Option("--layer", "of images (default: 1)", more={"type": int}),
    Option("--shape", "of images (default: square)",
           more={"type": whole_numbers, "metavar": "HEIGHT,WIDTH"}),
    Option("--features", "of boundary, by name or position (default: the two that matter most)",
           more={"metavar": "TWO"}),
    Option("--member", "of a model of several networks: its number from 0 (default: the average "
           "of all for boundary and confusion, otherwise 0)", more={"type": int, "metavar": "K"}),
    Option("--dark", "light on dark", more=FLAG),
    Option("--dpi", "dots per inch (default: 150)", more={"type": float, "default": 150}),
)  # fmt: skip

RETIRED = {
    "--table": "raw columns are always prepared: leave it out",
    "--missing": "missing cells are always prepared: leave it out (--missing-target drop leaves "
    "out rows without a target)",
}
"""Options of former versions, and what to do instead."""


class Retired(Action):
    """Refuse an option of a former version, with advice."""

    def __call__(self, parser: Any, *_: object) -> None:
        """Print the advice and exit."""
        flag = self.option_strings[0]
        parser.error(f"{flag} is no longer an option; {RETIRED[flag]}")


def add_retired(parser: Any) -> None:
    """Add the options of former versions, which `--help` does not show."""
    for flag in RETIRED:
        parser.add_argument(flag, nargs="?", action=Retired, help=SUPPRESS)


def given(args: Namespace, of: str, options: Sequence[Option] = OF_TRAIN) -> dict[str, Any]:
    """Return the options that are given for `of`, by the names of their arguments in Python."""
    values = {
        option.argument: getattr(args, option.argument, None)
        for option in options
        if option.of == of
    }
    return {name: value for name, value in values.items() if value is not None}


def flags() -> dict[str, str]:
    """Return the flag of each argument of Python that options give."""
    every = (*OF_TRAIN, *OF_ROWS, *OF_EXPLANATION, *OF_CHECK, *OF_PICTURE)
    return {option.argument: option.flag for option in every if option.argument != "progress"}
