"""`backprop-rs info`: what a saved network is."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from ..network import Network
from .preparation import Preparation, describe_scaling

MOST_NAMES = 20


def run(args: Namespace) -> None:
    network = Network.load(args.model, backend="numpy")  # it computes nothing
    preparation = Preparation.from_metadata(network.metadata, network.sizes)
    print(network.summary())
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
            print(f"{name + ':':<11}{value}")


def listed(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
