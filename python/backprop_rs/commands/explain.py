"""`backprop-rs explain`: back-propagation of one row, written out."""

from __future__ import annotations

from argparse import Namespace

from .._internal.printable import say
from ..explain.explanation import Document
from ..network import Network
from .labelled import read, rows


def run(args: Namespace) -> None:
    network = Network.load(args.model, backend=args.backend)
    X, y = read(args, network)
    chosen = rows(args.row, args.rows, len(X))
    explanation = network.explain(
        X[chosen],
        y[chosen],
        args.learning_rate,
        most=args.most,
        most_samples=args.rows,
        digits=args.digits,
    )
    document: Document = explanation
    if args.weight is not None:
        if len(args.weight) != 3:
            raise ValueError(f"--weight must be LAYER,J,K; got {len(args.weight)} numbers")
        document = explanation.weight(*args.weight)
    for suffix, path in ((".html", args.html), (".md", args.markdown)):
        if path is not None:
            document.save(named(path, suffix))
            say(f"row {args.row} of {args.data} explained in {path}")
    if args.html is None and args.markdown is None:
        say(document.text(args.width or None))


def named(path: str, suffix: str) -> str:
    if not path.endswith(suffix):
        option = "--html" if suffix == ".html" else "--markdown"
        raise ValueError(f"{option} must name a file that ends in {suffix}; got {path}")
    return path
