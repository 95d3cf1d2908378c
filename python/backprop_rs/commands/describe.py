"""What a file of a model holds, as text and for JSON."""

from __future__ import annotations

from typing import Any

from .._internal.printable import printable, say
from ..model import Model
from ..network import Network
from .report import describe_target, score_table


def facts_of(saved: Model | Network) -> dict[str, Any]:
    """Return what a file holds, for JSON."""
    networks = saved.networks if isinstance(saved, Model) else (saved,)
    facts: dict[str, Any] = {
        "kind": type(saved).__name__,
        "networks": [
            {
                "sizes": list(network.sizes),
                "activation": list(network.activation),
                "output": network.output,
                "cost": network.cost,
                "dtype": network.dtype,
                "seed": network.seed,
                "epochs_trained": network.epochs_trained,
                "n_parameters": network.n_parameters,
            }
            for network in networks
        ],
    }
    if not isinstance(saved, Model):
        return facts | {"metadata": saved.metadata}
    target = saved.preprocessor.target
    assert target is not None
    return facts | {
        **saved.info,
        "columns": [line.to_dict() for line in saved.report()],
        "target": {
            "names": list(target.names),
            "kind": target.kind,
            "classes": list(target.classes),
        },
    }


def describe(model: Model) -> None:
    """Print a summary of a saved model."""
    say(f"{model!r}\n")
    say(model.report())
    info = model.info
    network, target = model.networks[0], model.preprocessor.target
    assert target is not None
    facts = {
        "trained": f"{info.get('date', 'unknown')}, {info.get('n_rows', 0):,} rows, "
        f"{network.epochs_trained} epochs, seed {network.seed}",
        "target": describe_target(target),
        "data": str(info.get("data", "")),
        "held out": f"{info.get('n_held_out_rows', 0):,} rows",
        "columns": info.get("fingerprint", "unknown"),
    }
    say_facts(facts)
    held_out = info.get("held_out_metrics")
    if held_out:
        rows = {"held-out": held_out, "constant": info.get("constant_metrics") or {}}
        say("\n" + "\n".join(score_table({name: row for name, row in rows.items() if row})))


def say_facts(facts: dict[str, str]) -> None:
    """Print an empty line, and the facts that are known."""
    print()
    for name, fact in facts.items():
        if fact:
            say(f"{name + ':':<11}{printable(fact)}")
