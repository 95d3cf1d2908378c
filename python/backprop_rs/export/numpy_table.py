"""Export a model of raw tables as one Python file that only needs NumPy.

Its `predict(table)` returns what `Model.predict` returns for a table of raw cells.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pprint import pformat
from textwrap import indent
from typing import Any

import numpy as np

from ..data import Table
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, waves
from ..data.scalers import CLIP, HUGE, LARGEST
from .numpy_source import DECODE, SELF_TEST, assembled, constants, functions, lines, literal
from .table_columns import InputColumn, edges_of, is_one_hot, number_of
from .table_model import TableModel

HEADER = '''\
"""{title}

Written by backprop_rs {version}; only needs NumPy.

`predict(table)` takes the raw cells of each column as a dictionary of sequences, or rows as a list
of dictionaries, and returns {answers}. Missing cells are None or NaN.
{proba}Run as a program, this file compares its outputs with test vectors.
"""

'''

PROBA = "`predict_proba(table)` returns the probabilities.\n"

PREPARE = '''

def is_missing(cell):
    """Return True for None, NaN, NaT and pandas' NA."""
    try:
        return cell is None or bool(cell != cell)
    except TypeError:
        return True


def column(table, name):
    """Return the cells of a column as a list; None is missing."""
    if hasattr(table, "keys"):
        if name not in table:
            raise ValueError(f"table must have the column {{name!r}}")
        cells = table[name]
    else:
        cells = [row.get(name) for row in table]
    return [None if is_missing(cell) else cell for cell in cells]


def numbers(cells):
    """Return cells as float64; NaN is missing."""
    return np.array([np.nan if cell is None else float(cell) for cell in cells], float)


def scaled(x, scaler):
    """Return scaled numbers."""
    kind = scaler["name"]
    if kind == "none":
        return np.clip(x, -{largest}, {largest})
    if kind == "quantile":
        knots, scores = np.array(scaler["knots"]), np.array(scaler["scores"])
        x = np.clip(x, knots[0], knots[-1])
        k = np.searchsorted(knots[1:-1], x, side="right")
        share = (x - knots[k]) / (knots[k + 1] - knots[k])
        return scores[k] + share * (scores[k + 1] - scores[k])
    center, width = [value for key, value in scaler.items() if key != "name"]
    if abs(center) > {huge}:  # the difference could overflow
        x, center, width = x / 2, center / 2, width / 2
    with np.errstate(over="ignore"):
        z = np.clip((x - center) / width, -{largest}, {largest})
    return z if kind == "standard" else z / np.sqrt(1 + np.square(z / {clip}))


def number_features(cells, rule):
    """Return a scaled number, 1 if it is missing, and its position in each bin."""
    x = numbers(cells)
    missing = np.isnan(x)
    x = np.where(missing, rule["fill"], x)
    blocks = []
    if rule["scaler"] is not None:
        blocks.append(scaled(x, rule["scaler"]))
    blocks += [missing.astype(float)] * rule["indicator"]
    if "edges" not in rule:
        return blocks
    edges = np.array(rule["edges"])
    left, width = edges[:-1] / 2, edges[1:] / 2 - edges[:-1] / 2
    return blocks + list(np.clip((x[:, None] / 2 - left) / width, 0, 1).T)


def category_features(cells, rule):
    """Return the features of each level; the last two codes are those of missing and unknown."""
    known = LEVELS[rule["name"]]
    n = len(known)
    positions = [n if cell is None else known.get(cell, n + 1) for cell in cells]
    if "codes" in rule:
        return list(np.array(rule["codes"])[positions].T)
    hot = np.array(rule["hot"])[positions]
    return list((hot == np.arange(rule["n"])[:, None]).astype(float))


def date_part(times, part):
    """Return a part of dates in nanoseconds; month, day and weekday count from 0."""
    if part == "hour":
        return times // 3600000000000 % 24
    days = times // 86400000000000
    if part == "weekday":
        return (days + 3) % 7
    months = days.view("datetime64[D]").astype("datetime64[M]")
    if part == "day":
        return days - months.astype("datetime64[D]").view(np.int64)
    count = months.view(np.int64)
    return count % 12 if part == "month" else count // 12 + 1970


def date_features(cells, rule):
    """Return the parts of dates, and 1 if they are missing."""
    dates = np.array(["NaT" if cell is None else cell for cell in cells], "datetime64[ns]")
    missing = np.isnat(dates)
    times = np.where(missing, rule["start"], dates.view(np.int64))
    numeric = iter(zip(rule["fills"], rule["scalers"]))
    blocks = []
    for part in rule["parts"]:
        if part in rule["waves"]:
            k = date_part(times, part)
            blocks += [np.where(missing, 0.0, np.array(w)[k]) for w in rule["waves"][part]]
            continue
        if part == "year":
            x = date_part(times, "year").astype(float)
        else:
            x = times / 1e9 - rule["start"] / 1e9
        fill, scaler = next(numeric)
        blocks.append(scaled(np.where(missing, fill, x), scaler))
    return blocks + [missing.astype(float)] * rule["indicator"]


KINDS = {{"number": number_features, "category": category_features, "datetime": date_features}}


def features(table, rules=None):
    """Return the features (m, n) of raw cells, by the rules of a preparation."""
    blocks = []
    for rule in PREPARATIONS[0] if rules is None else rules:
        blocks += KINDS[rule["label"]](column(table, rule["name"]), rule)
    return np.stack(blocks, axis=1)
'''

NETWORK = '''

def network_{number}(a):
    """Return the activations of the output layer of a network."""
{lines}
    return a
'''

OUTPUTS = '''

def outputs(table):
    """Return the outputs (m, {n_out}) of the networks{averaged}."""
{lines}
'''

TEMPERED = '''

def tempered(p):
    """Return probabilities with the temperature {temperature}."""
    p = p.astype(float)
{lines}
    return (yes / total).astype(np.{dtype})
'''

PREDICT = '''

def predict(table):
    """Return the answer for each row."""
    a = outputs(table)
    return {answer}
'''

PREDICT_PROBA = '''

def predict_proba(table):
    """Return the probability of each class, or of each label."""
    return outputs(table)
'''


def content(model: TableModel, name: str) -> bytes:
    """Return the bytes of the file."""
    return assembled(header(model), sections(model))


def header(model: TableModel) -> str:
    """Return the docstring of the file."""
    from .._version import __version__

    kind = model.target.kind
    answers = {"classes": "the classes", "labels": "0 and 1 for each label"}.get(kind, "values")
    # The title holds names of columns, which could end the docstring.
    title = json.dumps(model.title)[1:-1].replace('\\"', "'").replace("\\", "/")
    return HEADER.format(
        title=title,
        version=__version__,
        answers=answers,
        proba="" if kind == "values" else PROBA,
    )


def sections(model: TableModel) -> Iterator[str]:
    """Yield the file from its import of NumPy to its end."""
    yield "import numpy as np\n\n"
    rules = [
        [rule_of(encoder, columns_by_name(model)[encoder.name]) for encoder in each.encoders]
        for each in model.preparations
    ]
    levels = {
        column.name: {level: k for k, level in enumerate(column.levels)}
        for column in model.category_columns
    }
    yield f"LEVELS = {source(levels)}\n"
    yield f"PREPARATIONS = {source(rules)}\n"
    if model.target.kind == "classes":
        yield f"CLASSES = {list(model.target.classes)!r}\n"
    arrays = "".join(
        f"{name} = {literal(value)}\n"
        for network, first in zip(model.networks, model.firsts, strict=True)
        for name, value in constants(network, first)
    )
    table, y, allowed = model.tests()
    tests = f"test_table = {source(cells_of(table))}\n"
    tests += f"test_y = {literal(y)}\ntest_bound = {literal(allowed)}\n"
    if "decode(" in arrays + tests:
        yield DECODE + "\n\n"
    yield arrays
    yield PREPARE.format(largest=LARGEST, clip=CLIP, huge=HUGE)
    yield from functions(model.all_layers)
    for number, (network, first) in enumerate(zip(model.networks, model.firsts, strict=True)):
        body = indent("\n".join(lines(network, first)), "    ")
        yield NETWORK.format(number=number, lines=body)
    if model.temperature != 1:
        yield temperature(model)
    yield outputs(model)
    yield PREDICT.format(answer=answer(model))
    if model.target.kind != "values":
        yield PREDICT_PROBA
    yield SELF_TEST.format(arrays=indent(tests, "    "), outputs="outputs(test_table)")


def source(value: Any) -> str:
    """Return dictionaries and lists as source."""
    return pformat(value, width=96, compact=True, sort_dicts=False)


def columns_by_name(model: TableModel) -> dict[str, InputColumn]:
    """Return the raw columns by their names."""
    return {column.name: column for column in model.columns}


def rule_of(encoder: Encoder, column: InputColumn) -> dict[str, Any]:
    """Return the parameters of a column, with the codes of levels and the waves of dates."""
    if isinstance(encoder, CategoryEncoder):
        rule: dict[str, Any] = {"label": "category", "name": encoder.name}
        if is_one_hot(encoder):
            return rule | {"hot": column.hot(encoder).tolist(), "n": len(encoder.features)}
        return rule | {"codes": column.codes(encoder).tolist()}
    number, edges = number_of(encoder), edges_of(encoder)
    if number is not None:
        bins = {} if edges is None else {"edges": edges.tolist()}
        return number.to_dict() | bins
    assert isinstance(encoder, DateEncoder)
    return encoder.to_dict() | {
        "waves": {
            part: [wave.tolist() for wave in waves(part)]
            for part in encoder.parts
            if part not in ("year", "seconds")
        }
    }


def cells_of(table: Table) -> dict[str, list[Any]]:
    """Return the cells of each column as literals; dates are texts in ISO 8601."""
    return {
        name: [str(cell) if hasattr(cell, "astype") else cell for cell in cells]
        for name, cells in table.to_dict().items()
    }


def outputs(model: TableModel) -> str:
    """Return the function that prepares the rows and averages the networks."""
    n = len(model.networks)
    lines, prepared = [], None
    for number, use in enumerate(model.uses):
        if use != prepared:
            lines.append(f"x = features(table, PREPARATIONS[{use}])")
            prepared = use
        term = f"network_{number}(x)"
        if n > 1 and model.weights is not None:
            term = f"{term}.astype(float) * {model.weights[number]!r}"
        elif n > 1:
            term = f"{term}.astype(float)"
        lines.append(f"total = {term}" if number == 0 else f"total += {term}")
    result = "total"
    if n > 1:
        mean = "total" if model.weights is not None else f"(total / {n})"
        result = f"{mean}.astype(np.{model.dtype})"
    if model.temperature != 1:
        result = f"tempered({result})"
    lines.append(f"return {result}")
    averaged = ", averaged" if n > 1 else ""
    body = indent("\n".join(lines), "    ")
    return OUTPUTS.format(n_out=model.n_outputs, averaged=averaged, lines=body)


def temperature(model: TableModel) -> str:
    """Return the function that changes the temperature of probabilities."""
    power = repr(1 / model.temperature)
    if model.several_labels:
        lines = [f"yes, no = p**{power}, (1 - p) ** {power}", "total = yes + no"]
    else:
        lines = [f"yes = (p / p.max(axis=1, keepdims=True)) ** {power}"]
        lines += ["total = yes.sum(axis=1, keepdims=True)"]
    body = indent("\n".join(lines), "    ")
    return TEMPERED.format(temperature=model.temperature, lines=body, dtype=model.dtype)


def answer(model: TableModel) -> str:
    """Return the expression of the answers for outputs `a`."""
    target = model.target
    if target.kind == "classes":
        kind = f", {target.dtypes[0]!r}" if target.dtypes else ""
        return f"np.array(CLASSES{kind})[a.argmax(axis=1)]"
    if target.kind == "labels":
        dtype = target.decode(target_zeros(model)).dtype
        return f"(a >= 0.5).astype(np.{dtype.name})"
    dtype = target.decode(target_zeros(model)).dtype
    values = "a.astype(float)"
    if target.scalers:
        deviations = [scaler.deviation for scaler in target.scalers]
        means = [scaler.mean for scaler in target.scalers]
        values = f"({values} * np.array({deviations}) + np.array({means}))"
    if target.limits:
        low, high = map(list, zip(*target.limits, strict=True))
        values = f"np.clip({values}, {low}, {high})"
    column = "[:, 0]" if len(target.names) == 1 else ""
    return f"{values}.astype(np.{dtype.name}, copy=False){column}"


def target_zeros(model: TableModel) -> Any:
    """Return one row of outputs, to see the type of its answer."""
    return np.zeros((1, model.n_outputs))
