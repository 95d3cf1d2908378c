"""`backprop-rs diagnose`: what is wrong with a saved network or its data, in words."""

from __future__ import annotations

from argparse import Namespace

from .._internal.printable import say
from ..network import Network
from .labelled import read
from .plot import history_of


def run(args: Namespace) -> None:
    network = Network.load(args.model, backend=args.backend)
    history = history_of(network) if "history" in network.metadata else None
    diagnosis = network.diagnose(
        *read(args, network), history=history, learning_rate=args.learning_rate
    )
    say(diagnosis)
