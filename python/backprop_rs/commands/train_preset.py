"""Train a `TabularClassifier` or `TabularRegressor` on a table, for `train --preset`."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Table
from .fit_options import weights
from .options import OF_NETWORK, OF_TRAINING, PREPROCESSOR, given
from .tables import Chosen, Data, in_memory

if TYPE_CHECKING:
    from ..tabular.base import TabularEstimator

SHARED = ("seed", "class_weight", "early_stopping", "out", "progress", "json", "mpi")
"""The options of a single network and its training that the estimators have too."""


def check_preset(args: Namespace, is_stream: bool) -> None:
    """Raise ValueError for an option that only a single network has."""
    if args.preset is None:
        if args.time_limit is not None:
            raise ValueError("--time-limit goes with --preset")
        return
    if is_stream:
        raise ValueError("--preset needs all rows in memory, in one process")
    only = [option for option in (*OF_NETWORK, *OF_TRAINING) if option.argument not in SHARED]
    for option in only:
        if getattr(args, option.argument) not in (None, False):
            raise ValueError(f"{option.flag} does not go with --preset, which chooses it")
    for name in given(args, PREPROCESSOR):
        raise ValueError(f"--{name.replace('_', '-')} does not go with --preset, which chooses it")
    if args.backend not in (None, "auto", "rust"):
        raise ValueError(f"--backend {args.backend} does not go with --preset")


def fitted(
    args: Namespace, parts: dict[str, Data], chosen: Chosen, kinds: dict[str, Any]
) -> TabularEstimator:
    """Return the estimator of the target's kind, trained on the rows of "train"."""
    from ..tabular import TabularClassifier, TabularRegressor

    left_out = [*chosen.ignore, *([] if chosen.weight is None else [chosen.weight])]
    table = in_memory(parts["train"])
    used = without(table, left_out)
    categories = [name for name, kind in kinds.items() if kind == "category" and name in used]
    options: dict[str, Any] = {
        "early_stopping": args.early_stopping,
        "categorical_features": [n for n in categories if n not in chosen.targets] or "auto",
        "time_limit": args.time_limit,
        "progress": args.progress,
        "random_state": args.seed,
    }
    estimator: TabularEstimator
    if chosen.target.kind == "values":
        if args.class_weight is not None:
            raise ValueError("--class-weight goes with classes; the target is values")
        estimator = TabularRegressor(args.preset, **options)
    else:
        if args.class_weight is not None:
            options["class_weight"] = weights(args.class_weight, chosen.target.classes)
        estimator = TabularClassifier(args.preset, **options)
    targets: Any = chosen.targets[0] if len(chosen.targets) == 1 else chosen.targets
    validation = parts.get("validation")
    estimator.fit(
        used,
        targets,
        None if chosen.weight is None else np.asarray(table[chosen.weight].values),
        validation_data=None if validation is None else without(in_memory(validation), left_out),
    )
    model = estimator.model_
    for preprocessor in (model.preprocessor, *model.preprocessors):
        preprocessor.ignore = tuple(left_out)  # later files may have them, too
    return estimator


def without(table: Table, names: list[str]) -> Table:
    """Return a table without the columns that it has of some names."""
    return table.drop([name for name in names if name in table])
