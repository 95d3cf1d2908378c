"""`backprop-rs export`: a saved network as a file that runs without this package."""

from __future__ import annotations

from argparse import Namespace

from .._internal.printable import say
from ..network import Network


def run(args: Namespace) -> None:
    network = Network.load(args.model)
    network.export(args.out, preparation=args.preparation)
    say(f"{network!r} written to {args.out}")
