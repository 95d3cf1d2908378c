"""The commands that look at a saved network: info, export, explain, check and diagnose."""

from __future__ import annotations

import json
from argparse import Namespace

from .._internal.printable import printable, say
from ..data.preparation import Preparation, describe_scaling
from ..data.table_options import listed
from ..explain.explanation import Document
from ..model import Model, load
from .errors import DIFFERENT
from .saved_model import choose_rows, history_of, network_and_samples
from .tables import describe, facts_of


def info(args: Namespace) -> None:
    """Print a summary of a saved network and of its training."""
    network = load(args.model, backend="numpy")  # nothing is computed
    if args.json:
        print(json.dumps(facts_of(network)))
        return
    if isinstance(network, Model):
        describe(network)
        return
    preparation = Preparation.from_metadata(network.metadata, network.sizes)
    say(network.summary())
    facts = {
        "data": str(network.metadata.get("data", "")),
        "trained": f"{network.epochs_trained} epochs, seed {network.seed}",
        "scaling": describe_scaling(preparation),
        "features": listed(preparation.feature_names),
        "classes": listed(preparation.class_names),
    }
    print()
    for name, fact in facts.items():
        if fact:
            say(f"{name + ':':<11}{printable(fact)}")


def export(args: Namespace) -> None:
    """Write a saved network to a file that runs without this package."""
    network = load(args.model)
    if isinstance(network, Model):
        if not args.preparation:
            raise ValueError("--raw does not go with a model of tables; leave it out")
        network.export(args.out)
    else:
        network.export(args.out, preparation=args.preparation)
    say(f"{network!r} written to {args.out}")


def explain(args: Namespace) -> None:
    """Write out back-propagation of some rows, or the chain rule of one weight."""
    check_suffix("--html", args.html, ".html")
    check_suffix("--markdown", args.markdown, ".md")
    network, X, y = network_and_samples(args)
    rows = choose_rows(args.row, args.rows, len(X))
    explanation = network.explain(
        X[rows],
        y[rows],
        args.learning_rate,
        max_neurons=args.max_neurons,
        max_samples=args.rows,
        digits=args.digits,
    )
    document: Document = explanation
    if args.weight is not None:
        if len(args.weight) != 3:
            raise ValueError(f"--weight must be LAYER,J,K; got {len(args.weight)} numbers")
        document = explanation.weight(*args.weight)
    if args.html is None and args.markdown is None:
        say(document.text(args.width or None))
    for path in (args.html, args.markdown):
        if path is not None:
            document.save(path)  # the suffix decides on the format
            say(f"row {args.row} of {args.data} explained in {path}")


def check_suffix(option: str, path: str | None, suffix: str) -> None:
    """Raise ValueError if the path of an option has another suffix."""
    if path is not None and not path.endswith(suffix):
        raise ValueError(f"{option} must name a file that ends in {suffix}; got {path}")


def check(args: Namespace) -> None:
    """Compare the gradients of back-propagation with differences of the cost."""
    network, X, y = network_and_samples(args)
    rows = choose_rows(args.row, args.rows, len(X))
    result = network.check_gradients(
        X[rows], y[rows], max_parameters=args.max_parameters, seed=args.seed
    )
    say(result)
    if not result.passed:
        raise SystemExit(DIFFERENT)


def diagnose(args: Namespace) -> None:
    """Print the problems of a saved network or its data, and remedies."""
    network, X, y = network_and_samples(args)
    history = history_of(network) if "history" in network.metadata else None
    say(network.diagnose(X, y, history=history, learning_rate=args.learning_rate))
