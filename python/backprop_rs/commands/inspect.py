"""The commands that look at a saved model: info, export, check and diagnose."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from .._internal.printable import say
from ..data.preparation import Preparation, describe_scaling
from ..data.table_options import listed
from ..model import Model, load
from .describe import describe, facts_of, say_facts
from .errors import DIFFERENT
from .saved_model import choose_rows, history_of, load_labeled


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
    say_facts(facts)


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


def check(args: Namespace) -> None:
    """Compare the gradients of back-propagation with differences of the cost."""
    samples = load_labeled(args)
    count = 32 if args.rows is None else args.rows
    rows = choose_rows(args.row, count, len(samples.X))
    result = samples.network.check_gradients(
        samples.X[rows], samples.y[rows], max_parameters=args.max_parameters, seed=args.seed
    )
    if args.json:
        print(json.dumps({"passed": result.passed, **asdict(result)}))
    else:
        say(result)
    if not result.passed:
        raise SystemExit(DIFFERENT)


def diagnose(args: Namespace) -> None:
    """Print the problems of a saved model or its data, and remedies."""
    samples = load_labeled(args)
    diagnosis = samples.network.diagnose(
        samples.X,
        samples.y,
        history=history_of(samples.saved, samples.member),
        learning_rate=args.learning_rate,
    )
    if args.json:
        print(json.dumps({"rows": diagnosis.rows, "findings": diagnosis.to_dict()}))
    else:
        say(diagnosis)
