"""`backprop-rs info`: what a saved network is."""

from __future__ import annotations

from argparse import Namespace

from .._internal.printable import printable, say
from ..data.table_options import listed
from ..network import Network
from .preparation import Preparation, describe_scaling


def run(args: Namespace) -> None:
    network = Network.load(args.model, backend="numpy")  # it computes nothing
    preparation = Preparation.from_metadata(network.metadata, network.sizes)
    say(network.summary())
    rows = {
        "data": str(network.metadata.get("data", "")),
        "trained": f"{network.epochs_trained} epochs, seed {network.seed}",
        "scaling": describe_scaling(preparation),
        "features": listed(preparation.feature_names),
        "classes": listed(preparation.class_names),
    }
    print()
    for name, value in rows.items():
        if value:
            say(f"{name + ':':<11}{printable(value)}")
