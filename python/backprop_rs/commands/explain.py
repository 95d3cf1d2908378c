"""`backprop-rs explain`: write out back-propagation with the numbers of a model and a row."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from .._internal.printable import say
from ..explain.explanation import Document
from ..model import Model
from .row_values import describe_row
from .saved_model import Labeled, choose_rows, load_labeled, note_of_member


def run(args: Namespace) -> None:
    """Write out back-propagation of some rows, or the chain rule of one weight."""
    check_suffix("--html", args.html, ".html")
    check_suffix("--markdown", args.markdown, ".md")
    samples = load_labeled(args)
    count = 1 if args.rows is None else args.rows
    rows = choose_rows(args.row, count, len(samples.X))
    explanation = explain(args, samples, rows, count)
    document: Document = explanation
    if args.weight is not None:
        if len(args.weight) != 3:
            raise ValueError(f"--weight must be LAYER,J,K; got {len(args.weight)} numbers")
        document = explanation.weight(*args.weight)
    if args.html is None and args.markdown is None:
        text = document.text(args.width or None)
        if args.weight is not None:
            note = note_of_member(samples.saved, samples.member)
            text = f"{note}\n\n{text}" if note else text
        else:
            text = f"{heading(samples, rows)}\n\n{text}"
        say(text)
    for path in (args.html, args.markdown):
        if path is not None:
            document.save(path)  # the suffix decides on the format
            say(f"row {args.row} of {args.data} explained in {path}")


def explain(args: Namespace, samples: Labeled, rows: slice, count: int) -> Any:
    """Return the explanation of some rows."""
    options = {
        "max_neurons": args.max_neurons,
        "max_samples": count,
        "digits": args.digits,
        "learning_rate": args.learning_rate,
    }
    if isinstance(samples.saved, Model):
        assert samples.table is not None
        if args.member == "all" and args.weight is not None:
            raise ValueError("--weight goes with one network; got --member all")
        member = "all" if args.member == "all" else samples.member
        return samples.saved.explain(samples.table.take(rows), member=member, **options)
    return samples.saved.explain(samples.X[rows], samples.y[rows], **options)


def heading(samples: Labeled, rows: slice) -> str:
    """Return the number of the row; a network does not describe its cells, a `Model` does."""
    return f"row {rows.start}" if samples.dataset is None else describe_row(samples, rows)


def check_suffix(option: str, path: str | None, suffix: str) -> None:
    """Raise ValueError if the path of an option has another suffix."""
    if path is not None and not path.endswith(suffix):
        raise ValueError(f"{option} must name a file that ends in {suffix}; got {path}")
