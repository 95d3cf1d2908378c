"""`backprop-rs evaluate`: print the metrics of a saved model or network for labeled data."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from .._internal.printable import say
from ..model import Model, load
from .saved_model import read_samples
from .source import csv_options
from .tables import check_target, table_for


def run(args: Namespace) -> None:
    """Print the metrics of MODEL for DATA, as lines or as JSON."""
    saved = load(args.model, backend=args.backend)
    metrics: Any = args.metrics or None
    if isinstance(saved, Model):
        check_target(args, saved)
        table = table_for(saved, args.data, csv_options(args))
        scores, n_rows = saved.evaluate(table, metrics), len(table)
    else:
        X, y = read_samples(args, saved)
        scores, n_rows = saved.evaluate(X, y, metrics=metrics or ()), len(X)
    if args.json:
        print(json.dumps({"n_rows": n_rows, **scores}))
        return
    say(f"{'rows':<20}{n_rows:,}")
    for name, value in scores.items():
        say(f"{name:<20}{value:.6f}")
