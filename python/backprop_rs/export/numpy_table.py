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
from ..data.encoders import DateEncoder, Encoder, waves
from ..data.scalers import CLIP, LARGEST
from .numpy_source import DECODE, SELF_TEST, assembled, constants, functions, lines, literal
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

def column(table, name):
    """Return the cells of a column as a list; None is missing."""
    if hasattr(table, "keys"):
        if name not in table:
            raise ValueError(f"table must have the column {{name!r}}")
        cells = table[name]
    else:
        cells = [row.get(name) for row in table]
    cells = list(cells)
    return [None if cell is None or cell != cell else cell for cell in cells]


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
    with np.errstate(over="ignore"):
        z = np.clip((x - center) / width, -{largest}, {largest})
    return z if kind == "standard" else z / np.sqrt(1 + np.square(z / {clip}))


def number_features(cells, rule):
    """Return a scaled number, and 1 if it is missing."""
    x = numbers(cells)
    missing = np.isnan(x)
    blocks = []
    if rule["scaler"] is not None:
        blocks.append(scaled(np.where(missing, rule["fill"], x), rule["scaler"]))
    return blocks + [missing.astype(float)] * rule["indicator"]


def category_features(cells, rule):
    """Return the code of each level; the last two codes are those of missing and unknown."""
    codes = np.array(rule["codes"])
    known = {{level: k for k, level in enumerate(rule["levels"])}}
    n = len(known)
    positions = [n if cell is None else known.get(cell, n + 1) for cell in cells]
    return list(codes[positions].T)


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


def features(table):
    """Return the features (m, {n_in}) of raw cells."""
    blocks = []
    for rule in COLUMNS:
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
    a = features(table)
    return {mean}
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
    rules = [rule_of(encoder) for encoder in model.preprocessor.encoders]
    yield f"COLUMNS = {pformat(rules, width=96, sort_dicts=False)}\n"
    if model.target.kind == "classes":
        yield f"CLASSES = {list(model.target.classes)!r}\n"
    arrays = "".join(
        f"{name} = {literal(value)}\n"
        for network, first in zip(model.networks, model.firsts, strict=True)
        for name, value in constants(network, first)
    )
    table, y, allowed = model.tests()
    tests = f"test_table = {pformat(cells_of(table), width=92, sort_dicts=False)}\n"
    tests += f"test_y = {literal(y)}\ntest_bound = {literal(allowed)}\n"
    if "decode(" in arrays + tests:
        yield DECODE + "\n\n"
    yield arrays
    yield PREPARE.format(n_in=model.n_features, largest=LARGEST, clip=CLIP)
    yield from functions(model.networks[0])
    for number, (network, first) in enumerate(zip(model.networks, model.firsts, strict=True)):
        body = indent("\n".join(lines(network, first)), "    ")
        yield NETWORK.format(number=number, lines=body)
    yield outputs(model)
    yield PREDICT.format(answer=answer(model))
    if model.target.kind != "values":
        yield PREDICT_PROBA
    yield SELF_TEST.format(arrays=indent(tests, "    "), outputs="outputs(test_table)")


def rule_of(encoder: Encoder) -> dict[str, Any]:
    """Return the parameters of a column, with the codes of levels and the waves of dates."""
    rule = encoder.to_dict()
    if rule["label"] == "category":
        rule["codes"] = encoder.codes.tolist()  # type: ignore[attr-defined]
        del rule["kind"], rule["indicator"]
    if isinstance(encoder, DateEncoder):
        rule["waves"] = {
            part: [wave.tolist() for wave in waves(part)]
            for part in encoder.parts
            if part not in ("year", "seconds")
        }
    return rule


def cells_of(table: Table) -> dict[str, list[Any]]:
    """Return the cells of each column as literals; dates are texts in ISO 8601."""
    return {
        name: [str(cell) if hasattr(cell, "astype") else cell for cell in cells]
        for name, cells in table.to_dict().items()
    }


def outputs(model: TableModel) -> str:
    """Return the function that averages the networks."""
    calls = [f"network_{number}(a)" for number in range(len(model.networks))]
    mean = calls[0]
    if len(calls) > 1:
        total = " + ".join(f"{call}.astype(float)" for call in calls)
        mean = f"(({total}) / {len(calls)}).astype(np.{model.dtype})"
    averaged = ", averaged" if len(calls) > 1 else ""
    return OUTPUTS.format(n_out=model.n_outputs, averaged=averaged, mean=mean)


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
    column = "[:, 0]" if len(target.names) == 1 else ""
    return f"{values}.astype(np.{dtype.name}, copy=False){column}"


def target_zeros(model: TableModel) -> Any:
    """Return one row of outputs, to see the type of its answer."""
    return np.zeros((1, model.n_outputs))
