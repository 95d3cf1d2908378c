"""`backprop-rs check`: back-propagation against differences of the cost."""

from __future__ import annotations

from argparse import Namespace

from .._internal.printable import say
from ..network import Network
from .labelled import read, rows

DIFFERENT = 1
"""The exit code where a gradient is wrong."""


def run(args: Namespace) -> None:
    network = Network.load(args.model, backend=args.backend)
    X, y = read(args, network)
    chosen = rows(args.row, args.rows, len(X))
    check = network.check_gradients(X[chosen], y[chosen], most=args.most, seed=args.seed)
    say(check)
    if not check.passed:
        raise SystemExit(DIFFERENT)
