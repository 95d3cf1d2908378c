"""Train a `Network` on arrays: images, NumPy files and the built-in data sets."""

from __future__ import annotations

from argparse import Namespace
from time import perf_counter
from typing import Any

import numpy as np

from ..data import Dataset, source, train_test_split
from ..data.preparation import Preparation, describe_scaling, prepare
from ..network import Network
from ..training.metrics import metrics_for
from .fit_options import (
    check_fit,
    check_histories,
    columns_to_keep,
    describe_training,
    fit_options,
)
from .options import COLUMNS, MODEL, OF_TRAIN, PREPROCESSOR, given
from .report import Result, announce, quietly, sizes_of
from .source import check_csv_options, csv_options, read_to_train
from .source_set import SourceSet

HIDDEN = (128,)
TEST_FRACTION = 0.2
OF_VALUES = ("r2", "rmse", "mae")

Set = Dataset | SourceSet


def train(args: Namespace, comm: Any) -> Result:
    """Train on arrays, and return the scores of their parts."""
    check_options(args)
    parts = split(args)
    train = parts["train"]
    network = build(args, train)
    preparation = prepare(train, scale_target=network.output == "identity")
    check_metrics(args, network, train)
    options = fit_options(args, train.class_names, "validation" in parts, comm)
    if isinstance(options.get("class_weight"), dict):
        labels = {name: label for label, name in enumerate(train.class_names)}
        options["class_weight"] = {
            labels[name]: weight for name, weight in options["class_weight"].items()
        }
    check_fit(network, options, train.is_classification)
    X, y = preparation.inputs(train), preparation.targets(train)
    if comm is not None and y is not None:  # all ranks read all rows; each trains on its share
        X, y = source(X, y, name=train.name), None
    if "validation" in parts:
        pair = preparation.inputs(parts["validation"]), preparation.targets(parts["validation"])
        options["validation_data"] = pair[0] if pair[1] is None else pair
    rows = {name: len(part) for name, part in parts.items()}
    what = f"{sizes_of(train.name, rows)}, {describe_scaling(preparation)}"
    announce(args, [f"data:      {what}", "", network.summary()])
    start = perf_counter()
    history = network.fit(X, y, **options)
    seconds = perf_counter() - start
    check_histories([history], comm)
    if args.average is not None:
        network = network.averaged()
    if comm is not None and comm.Get_rank() > 0:
        return Result(network, [], {}, {}, {}, "", [], seconds)
    network.metadata = {
        "data": train.name,
        **preparation.to_metadata(),
        "history": columns_to_keep(history),
    }
    names = metrics_of(args, train)
    scores = {name: score(network, preparation, part, names) for name, part in parts.items()}
    last = list(parts)[-1]
    constant, guess = constant_scores(network, preparation, train, parts[last], names)
    lines = ["", f"training:  {describe_training([history], network.seed, network.backend)}"]
    facts = {
        "kind": "Network",
        "data": str(args.data),
        "n_rows": rows,
        "classes": list(train.class_names),
        "networks": [list(network.sizes)],
        "epochs": [len(history)],
        "seed": network.seed,
    }
    return Result(network, lines, facts, scores, constant, guess, history.cost[-1:], seconds)


def check_options(args: Namespace) -> None:
    """Raise ValueError if an option of tables is given."""
    check_csv_options(csv_options(args), args.data)
    for option in OF_TRAIN:
        is_of_table = option.of in (COLUMNS, PREPROCESSOR) and option.argument != "classes"
        is_given = getattr(args, option.argument) is not None
        if is_given and (is_of_table or option.argument in ("members", "preset")):
            raise ValueError(f"{option.flag} goes with a table; got {args.data}")


def split(args: Namespace) -> dict[str, Set]:
    """Return the samples to train on, to validate and to test, if there are such."""
    if args.validation is not None and args.validation_fraction is not None:
        raise ValueError("give --validation or --validation-fraction, not both")
    train, test = read_to_train(args)
    if train.y is None:
        raise ValueError(f"DATA must have a target to train; {args.data} has none")
    validation = None
    fraction = args.test_fraction
    if fraction is not None or test is None:
        fraction = TEST_FRACTION if fraction is None else fraction
        train, test = held_out(train, fraction, args.seed) if fraction else (train, None)
    if args.validation is not None:
        validation, _ = read_to_train(Namespace(**{**vars(args), "data": args.validation}))
    elif args.validation_fraction:
        try:
            train, validation = held_out(train, args.validation_fraction, args.seed)
        except ValueError as error:
            raise ValueError(str(error).replace("test_fraction", "validation_fraction")) from None
    parts = {"train": train, "validation": validation, "test": test}
    return {name: part for name, part in parts.items() if part is not None}


def held_out(dataset: Set, fraction: float, seed: int) -> tuple[Set, Set]:
    """Return the samples without a share of them, and that share."""
    if not isinstance(dataset, Dataset):
        return dataset.split(fraction, seed)
    return train_test_split(
        dataset, test_fraction=fraction, seed=seed, stratify=dataset.is_classification
    )


def build(args: Namespace, train: Set) -> Network:
    """Return an untrained network that fits the data."""
    options = given(args, MODEL)
    hidden = options.pop("hidden", None)
    options.pop("members", None)
    classes = train.is_classification
    defaults = {
        "activation": "relu",
        "output": "softmax" if classes else "identity",
        "cost": "cross_entropy" if classes else "squared_error",
    }
    sizes = [train.n_features, *(HIDDEN if hidden is None else hidden), train.n_outputs]
    return Network(sizes, **(defaults | options))


def check_metrics(args: Namespace, network: Network, train: Set) -> None:
    """Raise ValueError before the training if a metric does not suit the data."""
    labels = np.zeros(1, int) if train.is_classification else None
    metrics_for(network, args.metrics or ()).check(labels, network.sizes[-1])


def metrics_of(args: Namespace, train: Set) -> list[str]:
    """Return the metrics to print with the cost."""
    always = ("accuracy",) if train.is_classification else OF_VALUES
    return list(dict.fromkeys([*always, *(args.metrics or ())]))


def score(
    network: Network, preparation: Preparation, dataset: Set, metrics: list[str]
) -> dict[str, float]:
    """Return the cost and the metrics; those of values are in the units of the target."""
    X, y = preparation.inputs(dataset), preparation.targets(dataset)
    if dataset.is_classification:
        return network.evaluate(X, y, metrics=metrics)
    cost = {"cost": network.evaluate(X, y)["cost"]}
    y = targets_of(preparation, dataset)
    a = preparation.values(network.predict(X))
    return cost | metrics_for(network, metrics).scores(y, None, a)


def targets_of(preparation: Preparation, dataset: Set) -> Any:
    """Return the labels (m,), or the values (m, n_L) in the units of the target."""
    y = preparation.targets(dataset)
    if y is None:
        y = np.concatenate([np.asarray(block.y) for block in preparation.inputs(dataset).blocks()])
    if dataset.is_classification:
        return y.astype(np.int64)
    return preparation.values(y.reshape(len(y), -1))


def constant_scores(
    network: Network, preparation: Preparation, train: Set, test: Set, metrics: list[str]
) -> tuple[dict[str, float], str]:
    """Return the metrics of a constant prediction for `test`, and that prediction in words.

    The constant is the share of each class among the samples of `train`, and so the most frequent
    class, or the mean of the values.
    """
    known, y = targets_of(preparation, train), targets_of(preparation, test)
    if train.is_classification:
        n_classes = max(network.sizes[-1], 2)
        shares = np.bincount(known, minlength=n_classes) / len(known)
        guess = f"the most frequent class, {train.class_names[int(shares.argmax())]}"
        labels = y
        if network.sizes[-1] == 1:
            shares = shares[1:]
    else:
        shares, labels = known.mean(axis=0, dtype=np.float64), None
        guess = f"the mean, {', '.join(f'{value:g}' for value in shares)}"
    a = np.tile(shares, (len(y), 1))
    return quietly(lambda: metrics_for(network, metrics).scores(y, labels, a)), guess
