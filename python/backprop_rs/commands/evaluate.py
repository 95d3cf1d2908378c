"""`backprop-rs evaluate`: print the metrics of a saved model for labeled data."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from .._internal.printable import say
from ..model import Model, load
from .report import finite
from .saved_model import read_samples
from .tables import check_has_target, check_target_option, n_rows, table_for


def run(args: Namespace) -> None:
    """Print the metrics of MODEL for DATA, as lines or as JSON."""
    saved = load(args.model, backend=args.backend or "auto")
    metrics: Any = args.metrics or None
    if isinstance(saved, Model):
        check_target_option(args, saved)
        table = table_for(saved, args, args.stream)
        check_has_target(saved.preprocessor.target_names, table)
        scores, count = saved.evaluate(table, metrics), n_rows(table)
    else:
        if args.stream:
            raise ValueError(f"--stream goes with a model of tables; got {args.model}")
        X, y = read_samples(args, saved)
        scores, count = saved.evaluate(X, y, metrics=metrics or ()), len(X)
    if args.json:
        print(json.dumps({"n_rows": count, **finite(scores)}))
        return
    say(f"{'rows':<20}{count:,}")
    for name, value in scores.items():
        say(f"{name:<20}{value:.6f}")
