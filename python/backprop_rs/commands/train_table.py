"""Train a `Model` on a raw table."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from .._internal.printable import printable
from ..data import Preprocessor, Table, TableStream
from ..data.table_options import listed
from ..data.table_stream import parts_of
from ..model import Model, metrics_of_kind, outputs_of
from ..network import Network
from ..training.metrics import Metrics, metrics_for
from .fit_options import (
    check_fit,
    check_histories,
    columns_to_keep,
    describe_training,
    fit_options,
)
from .options import MODEL, PREPROCESSOR, given
from .report import Result, announce, counted, describe_target, quietly, sizes_of
from .source import csv_options
from .tables import (
    Chosen,
    Data,
    check_has_target,
    choose,
    first_part,
    hold_out,
    n_rows,
    read_table,
    targets_of,
    with_targets,
)
from .train_preset import check_preset, fitted

TEST_FRACTION = 0.2


def train(args: Namespace, comm: Any) -> Result:
    """Train on a table, and return the scores of its parts."""
    reader = csv_options(args)
    is_stream = args.stream or comm is not None
    check_preset(args, is_stream)
    data = read_table(args.data, reader, is_stream)
    if is_stream and isinstance(data, Table):  # all ranks read all rows, and share them
        data = TableStream([data], data.name)
    kinds = kinds_of(first_part(data), reader)
    left_out = 0
    if args.missing_target == "drop":
        data, left_out = rows_with_target(args, data)
    chosen = choose(args, data, kinds)
    parts = parts_to_use(args, data, chosen, reader)
    model = new_model(args)
    options = fit_options(args, chosen.target.classes, "validation" in parts, comm)
    check_members(args, model)
    check_model(args, model, chosen, options)
    rows = {name: n_rows(part) for name, part in parts.items()}
    notes = list(first_part(data).notes)
    if left_out:
        verb = "is" if left_out == 1 else "are"
        notes.append(f"{counted(left_out, 'row')} without a target {verb} left out")
    announce(args, description(data.name, rows, chosen, notes))
    start = perf_counter()
    if args.preset is not None:
        estimator = fitted(args, parts, chosen, kinds)
        seconds = perf_counter() - start
        result = result_of(args, estimator.model_, parts, rows, notes, chosen, seconds)
        return replace(result, model=estimator)
    model.fit(
        parts["train"],
        chosen.targets,
        ignore=chosen.ignore,
        kinds=kinds,
        classes=chosen.rule,
        validation_data=parts.get("validation"),
        sample_weight=chosen.weight,
        **options,
    )
    seconds = perf_counter() - start
    check_histories(model.histories, comm)
    if args.average is not None:
        model.networks = tuple(network.averaged() for network in model.networks)
    if comm is not None and comm.Get_rank() > 0:
        return Result(model, [], {}, {}, {}, "", [], seconds)
    return result_of(args, model, parts, rows, notes, chosen, seconds)


def kinds_of(first: Table, reader: dict[str, Any]) -> dict[str, Any]:
    """Return the kinds that --kind gives, as the preparation takes them."""
    kinds: dict[str, str] = reader.get("kinds", {})
    for name in kinds:
        if name not in first:
            raise ValueError(f"--kind must name columns of {listed(first.names)}; got {name!r}")
    return {name: kind for name, kind in kinds.items() if kind != "text"}


def rows_with_target(args: Namespace, data: Data) -> tuple[Data, int]:
    """Return the rows that have a target, and how many have none."""
    return with_targets(data, targets_of(args, first_part(data).names))


def new_model(args: Namespace) -> Model:
    """Return a model that is not trained."""
    options = given(args, MODEL)
    hidden = options.pop("hidden", None)
    return Model(
        (128,) if hidden is None else tuple(hidden),
        preprocessor=Preprocessor(**given(args, PREPROCESSOR)),
        **options,
    )


def check_members(args: Namespace, model: Model) -> None:
    """Raise ValueError if several networks would write one checkpoint."""
    if args.checkpoint is not None and model.members > 1:
        raise ValueError(f"--checkpoint goes with one member; got --members {model.members}")


def parts_to_use(
    args: Namespace, data: Data, chosen: Chosen, reader: dict[str, Any]
) -> dict[str, Data]:
    """Return the rows to train on, those to validate and those to test, if there are such."""
    parts: dict[str, Data] = {"train": data}
    if args.validation is not None and args.validation_fraction is not None:
        raise ValueError("give --validation or --validation-fraction, not both")
    fraction = TEST_FRACTION if args.test_fraction is None else args.test_fraction
    if fraction:
        parts["train"], parts["test"] = hold_out(
            data, chosen.target, fraction, args.seed, "--test-fraction"
        )
    if args.validation is not None:
        parts["validation"] = read_table(args.validation, reader, args.stream)
        check_has_target(chosen.targets, parts["validation"])
    elif args.validation_fraction:
        parts["train"], parts["validation"] = hold_out(
            parts["train"], chosen.target, args.validation_fraction, args.seed,
            "--validation-fraction",
        )  # fmt: skip
    if chosen.weight is not None:
        if not isinstance(data, Table):
            raise ValueError("--sample-weight needs all rows in memory; leave --stream out")
        for name in parts.keys() - {"train"}:
            part = parts[name]
            if isinstance(part, Table) and chosen.weight in part:
                parts[name] = part.drop([chosen.weight])
    order = ("train", "validation", "test")
    return {name: parts[name] for name in order if name in parts}


def result_of(
    args: Namespace,
    model: Model,
    parts: dict[str, Data],
    rows: dict[str, int],
    notes: list[str],
    chosen: Chosen,
    seconds: float,
) -> Result:
    """Return the result of a training, and keep its facts in the model."""
    target = model.preprocessor.target
    assert target is not None
    network = model.networks[0]
    always = metrics_of_kind(target.kind, network.output)
    names = list(dict.fromkeys([*always, *(args.metrics or ())]))
    if chosen.weight is not None:
        parts = parts | {"train": without(parts["train"], chosen.weight)}
    scores = {name: model.evaluate(part, names) for name, part in parts.items()}
    last = list(parts)[-1]
    constant, guess = constant_scores(model, parts["train"], parts[last], names)
    model.info |= {
        "data": str(parts["train"].name),
        "n_held_out_rows": rows.get("test", 0),
        "held_out_metrics": scores.get("test", {}),
        "constant_metrics": constant,
        "history": [columns_to_keep(history) for history in model.histories],
    }
    notation = {name: value for name, value in csv_options(args).items() if name != "sheet"}
    if notation:  # for the data of later commands
        model.info["csv"] = notation
    training = describe_training(model.histories, network.seed, network.backend)
    lines = ["", str(model.report()), "", repr(model), f"training:  {training}"]
    facts = {
        "kind": "Model",
        "data": str(args.data),
        "n_rows": rows,
        "target": {"names": list(target.names), "kind": target.kind,
                   "classes": list(target.classes)},
        "columns": [line.to_dict() for line in model.report()],
        "notes": notes,
        "networks": [list(network.sizes) for network in model.networks],
        "epochs": [len(history) for history in model.histories],
        "seed": network.seed,
    }  # fmt: skip
    costs = [history.cost[-1] for history in model.histories if history.cost]
    return Result(
        model, lines, facts, scores, constant, guess, costs, seconds,
        "with the preparation of its table",
    )  # fmt: skip


def description(name: str, rows: dict[str, int], chosen: Chosen, notes: list[str]) -> list[str]:
    """Return lines with the sizes of the data, the target and the notes of the reader."""
    target = describe_target(chosen.target)
    lines = [f"data:      {sizes_of(name, rows)}", f"target:    {target}"]
    return lines + [f"note:      {printable(note)}" for note in notes]


def check_model(args: Namespace, model: Model, chosen: Chosen, options: dict[str, Any]) -> None:
    """Raise ValueError if an option does not suit the target, before anything is printed."""
    kind, n_outputs = chosen.target.kind, chosen.target.n_outputs
    labels = {"classes": np.zeros(1, int), "labels": np.zeros((1, n_outputs), int)}.get(kind)
    output, cost = outputs_of(kind)
    network = Network(
        [1, *model.hidden, n_outputs],
        seed=model.seed,
        dtype=model.dtype,
        backend=model.backend,
        **{"output": output, "cost": cost, **model.options},
    )
    metrics_for(network, args.metrics or ()).check(labels, n_outputs)
    check_fit(network, options, kind == "classes")


def without(data: Data, name: str) -> Data:
    """Return a table without a column."""
    return data.drop([name]) if isinstance(data, Table) else data


def constant_scores(
    model: Model, train: Data, test: Data, metrics: list[str]
) -> tuple[dict[str, float], str]:
    """Return the metrics of a constant prediction for `test`, and that prediction in words.

    The constant is the share of each class among the rows of `train`, and so the most frequent
    class, or the mean of the values.
    """
    target = model.preprocessor.target
    assert target is not None
    network = model.networks[0]
    known = np.concatenate([target.encode(part) for part in parts_of(train)])
    y = np.concatenate([target.encode(part) for part in parts_of(test)])
    labels = None if target.kind == "values" else y.astype(np.int64)
    if target.kind == "classes":
        shares = np.bincount(known, minlength=target.n_outputs) / len(known)
        guess = f"the most frequent class, {target.classes[int(shares.argmax())]}"
    elif target.kind == "labels":
        shares = known.mean(axis=0)
        guess = "the most frequent value of each label"
    else:
        y, shares = target.unscaled(y), target.unscaled(known).mean(axis=0)
        guess = f"the mean, {', '.join(f'{value:g}' for value in shares)}"
    a = np.tile(shares.astype(np.float64), (len(y), 1))
    if target.kind == "labels":
        y = y.astype(a.dtype)
    asked = Metrics(metrics, network._threshold(), network.output)
    return quietly(lambda: asked.scores(y, labels, a)), guess
