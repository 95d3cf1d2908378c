"""Models of raw tables on the command line: train, predict, evaluate and describe them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._internal.printable import printable, say
from ..data import Table, as_table, read_csv
from ..data.csv.read import column_names
from ..data.files.read import text_columns
from ..model import Model
from .source import CLASSES, check_csv_options, check_memory, csv_options, kind_of, open_once

if TYPE_CHECKING:
    from ..network import Network

TEST_FRACTION = 0.2


def read_table(
    name: str, kinds: dict[str, str] | None = None, how: dict[str, Any] | None = None
) -> Table:
    """Read DATA, a CSV or Parquet file, as a table.

    `kinds` are those of a saved model, and `how` are the options of a CSV file.
    """
    options = dict(how or {})
    path: Any = open_once(name)
    if kind_of(path) != "csv":
        check_csv_options(options, name)
    if kind_of(path) == "source" and not Path(path).is_dir():
        from pyarrow.parquet import read_table as read_parquet

        return as_table(read_parquet(path), Path(path).stem)
    if kind_of(path) != "csv":
        raise ValueError(f"DATA must be a CSV or Parquet file for a model of tables; got {name}")
    check_memory(path)
    if kinds:
        names = column_names(path, **options)
        known = {column: kind for column, kind in kinds.items() if column in names}
        options["kinds"] = known | options.get("kinds", {})
    return read_csv(path, **options)


def table_for(model: Model, name: str, how: dict[str, Any] | None = None) -> Table:
    """Read DATA for a model: what it knows as texts are texts, even if all are digits here."""
    return read_table(name, dict.fromkeys(text_columns(model.preprocessor), "category"), how)


def train(args: Namespace) -> None:
    """Train a model on a raw table, and print its columns and the scores of held-out rows."""
    for option in ("stream", "mpi"):
        if getattr(args, option):
            raise ValueError(f"--{option} does not go with --table; leave one of them out")
    if args.missing != "error":
        raise ValueError(f"--missing does not go with --table; got {args.missing}")
    table = read_table(args.data, how=csv_options(args))
    fraction = TEST_FRACTION if args.test_fraction is None else args.test_fraction
    given = {"output": args.output, "cost": args.cost}
    model = Model(
        (128,) if args.hidden is None else tuple(args.hidden),
        activation=args.activation,
        dtype=args.dtype,
        seed=args.seed,
        backend=args.backend,
        **{name: value for name, value in given.items() if value is not None},
    )
    options: dict[str, Any] = {"progress": None if args.progress else False}
    # Without a learning rate, the defaults of `fit` suit prepared tables best.
    if args.learning_rate is not None or args.optimizer != "sgd":
        options["optimizer"] = args.optimizer
    for name in ("epochs", "learning_rate"):
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    model.fit(
        table,
        table.names[-1] if args.target is None else args.target,
        ignore=args.ignore,
        classes=CLASSES[args.classes],
        validation_fraction=fraction,
        batch_size=args.batch_size,
        metrics=args.metrics,
        **options,
    )
    for note in table.notes:
        say(f"note: {printable(note)}")
    say(model.report())
    say(f"\n{model!r}")
    say(scores_line(model.info["held_out_metrics"], model.info["n_held_out_rows"]))
    if args.out is None:
        print("not saved: give --out FILE.safetensors to keep the model")
        return
    model.save(args.out)
    say(f"saved to {args.out}, with the preparation of its table")


def scores_line(scores: dict[str, float], n_rows: int) -> str:
    """Return metrics as one line."""
    if not scores:
        return "no rows were held out"
    texts = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    return f"{n_rows:,} held-out rows: {texts}"


def predictions(
    model: Model, name: str, how: dict[str, Any] | None = None
) -> tuple[list[str], Iterable[list[str]], int]:
    """Return the header and the rows of predictions for DATA, and their number."""
    table = table_for(model, name, how)
    outputs = model._outputs(table)
    answers = model.preprocessor.inverse_transform(outputs)
    names = model.preprocessor.target_names
    if model.classes:
        header = ["prediction", *map(str, model.classes)]
        texts = outputs.astype(str).tolist()
        rows = [[str(answer), *row] for answer, row in zip(answers.tolist(), texts, strict=True)]
        return header, rows, len(table)
    header = ["prediction"] if len(names) == 1 else list(names)
    return header, answers.reshape(len(table), -1).astype(str).tolist(), len(table)


def check_target(args: Namespace, model: Model) -> None:
    """Raise ValueError if --target is given for a model, which knows its own."""
    if getattr(args, "target", None) is not None:
        names = ", ".join(map(repr, model.preprocessor.target_names))
        raise ValueError(f"--target does not go with a model of tables, whose target is {names}")


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
    scores = scores_line(info.get("held_out_metrics") or {}, info.get("n_held_out_rows", 0))
    facts = {
        "trained": f"{info.get('date', 'unknown')}, {info.get('n_rows', 0):,} rows",
        "scores": scores,
        "columns": info.get("fingerprint", "unknown"),
    }
    print()
    for name, fact in facts.items():
        say(f"{name + ':':<11}{printable(fact)}")
