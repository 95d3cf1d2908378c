"""The options of the training, as arguments of `fit`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..history import History
from ..network import Network
from ..training.early_stopping import EarlyStopping
from .options import FIT, given
from .ranks import of_all

DIVERGED = "the training diverged: its cost is no longer finite; give a smaller --learning-rate"
PATIENCE = 10

OF_DATA = ("validation_data", "class_weight", "comm", "checkpoint", "resume")
"""The arguments of `fit` that need the data, or all epochs."""


def fit_options(
    args: Namespace, classes: Sequence[Any], is_validated: bool, comm: Any
) -> dict[str, Any]:
    """Return the arguments of `fit` that options give; `classes` are those of the target."""
    options = given(args, FIT)
    if args.early_stopping or args.patience is not None:
        monitor = "val_cost" if is_validated else "cost"
        options["early_stopping"] = EarlyStopping(monitor, args.patience or PATIENCE)
    if "class_weight" in options:
        options["class_weight"] = weights(options["class_weight"], classes)
    if args.resume:
        if args.checkpoint is None:
            raise ValueError("--resume goes with --checkpoint FILE; give both")
        options["resume"] = True
    options["progress"] = False if args.progress is False else None
    return options | {"on_nan": "stop", "comm": comm}


def check_fit(network: Network, options: dict[str, Any], is_classification: bool) -> None:
    """Let `fit` check its options before anything is printed; no epoch is trained."""
    n_in, n_out = network.sizes[0], network.sizes[-1]
    y = np.zeros(2, int) if is_classification else np.zeros((2, n_out))
    checked = {name: value for name, value in options.items() if name not in OF_DATA}
    if "early_stopping" in checked:
        checked["early_stopping"] = EarlyStopping("cost", options["early_stopping"].patience)
    if isinstance(checked.get("epochs"), int):
        checked["epochs"] = min(checked["epochs"], 0)
    else:
        checked["epochs"] = 0
    network.fit(np.zeros((2, n_in)), y, **(checked | {"progress": False}))


def weights(text: str, classes: Sequence[Any]) -> Any:
    """Return the weights of --class-weight, by class.

    >>> weights("balanced", ["no", "yes"]), weights("no=1,yes=2.5", ["no", "yes"])
    ('balanced', {'no': 1.0, 'yes': 2.5})
    """
    if "=" not in text:
        return text
    known = {str(name): name for name in classes}
    found = {}
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        if name.strip() not in known:
            raise ValueError(
                f"--class-weight must name classes of the target ({', '.join(known)}); got {part!r}"
            )
        try:
            found[known[name.strip()]] = float(number)
        except ValueError:
            raise ValueError(
                f"--class-weight must be balanced, or such as yes=3,no=1; got {text!r}"
            ) from None
    return found


def check_histories(histories: Sequence[History], comm: Any) -> None:
    """Raise an error if the training was interrupted or diverged."""
    for history in histories:
        if history.stopped == "nan":
            raise of_all(ValueError(DIVERGED), comm)
        if history.stopped == "interrupted":
            raise of_all(KeyboardInterrupt(), comm)


def columns_to_keep(history: History) -> dict[str, list[Any]]:
    """Return the columns of a history that depend on the seed, not on time."""
    return {name: column for name, column in history.columns().items() if name != "seconds"}


def describe_training(histories: Sequence[History], seed: int, backend: str) -> str:
    """Describe a training in a few words."""
    first = histories[0]
    epochs = " + ".join(str(len(history)) for history in histories)
    words = [f"{epochs} epochs"]
    if any(history.stopped == "early_stopping" for history in histories):
        best = ", ".join(str(history.best_epoch) for history in histories)
        words.append(f"stopped early, best epoch {best}")
    if first.learning_rate:
        words.append(f"learning rate {max(first.learning_rate):g}")
    return ", ".join([*words, f"seed {seed}", f"backend {backend}"])
