"""The folder of odd CSV files: each way from a file to an answer gives the same one."""

import csv
import io
import warnings

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import cli
from backprop_rs.data import TableStream, read_csv
from table_files import RUNS, answers_in_c, check_outputs, needs_cc, shared_library
from test_read_csv import CASES as READ
from test_read_csv import FILES, day

MORE = {
    "pipes.csv": (
        {},
        {"no": [1, 2, 3, 4], "größe (cm)": [1000, -0.0025, 7, 0.5], "kind": ["ä", "ö", "ä", "ö"]},
    ),
    "extremes.csv": (
        {},
        {
            "huge": [1e308, -1.7e308, 0, 1],
            "tiny": [5e-324, -1e-300, 0, 2.5e-310],
            "kind": ["a", "b", "a", "b"],
        },
    ),
    "names_of_numbers.csv": (
        {"header": True},
        {
            "1": [10, 20, 30, 40],
            "2": [0, 1, 0, 1],
            "3": [5.5, 6.5, 7.5, 8.5],
            "kind": ["x", "y", "x", "y"],
        },
    ),
    "emoji.csv": (
        {},
        {
            "🙂": [1, 2, 3],
            "a, b": ["👍🏽", "👎", "👍🏽"],
            "名前": ["雪", "月", "雪"],
            "سعر": [2.5, 3.5, 4.5],
        },
    ),
    "constant.csv": (
        {},
        {"one": [7] * 4, "none": [None] * 4, "x": [1, 2, 4, 3], "kind": ["p", "q", "p", "q"]},
    ),
    "missing_words.csv": (
        {},
        {
            "a": [None, 1.5, None, 2.5, None, 3.5],
            "b": ["red", None, "blue", None, "red", None],
            "kind": ["x", "y", "x", "y", "x", "y"],
        },
    ),
    "quotes.csv": (
        {},
        {
            "a": [1, 2, 3, 4],
            "text": ['x,"y"', "; |", 'x,"y"', "; |"],
            "kind": ["left\\", "right", "left\\", "right"],
        },
    ),
    "old_dates.csv": (
        {},
        {
            "date": [
                day("1700-02-28"),
                day("1900-02-28"),
                day("1969-12-31T23:59:59.5"),
                day("2000-02-29"),
                day("2261-12-31"),
            ],
            "y": [1.5, 2.5, 3.5, 4.5, 5.5],
        },
    ),
    "tabs.csv": (
        {},
        {"a": [1, 2, 3, None], "b": [None, 5.5, 6.5, 7.5], "kind": ["x", "y", "x", "y"]},
    ),
    "seconds.csv": (
        {},
        {
            "t": [1_700_000_000 + k for k in range(8)],
            "y": [0.25, 0.75, 2.25, 4.75, 8.25, 12.75, 18.25, 24.75],
        },
    ),
}
"""Files of tests/csv_tables, with missing cells, dates and extreme numbers, as in `READ`."""

CASES = READ | MORE

QUICK = {"epochs": 2, "progress": False, "shuffle": False}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def file_of(name):
    """Return the path of a file."""
    return (FILES.parent / "csv_tables" if name in MORE else FILES) / name


def test_more_files_are_read():
    assert {path.name for path in file_of("tabs.csv").parent.iterdir()} == set(MORE)
    for name, (options, expected) in MORE.items():
        assert read_csv(file_of(name), **options).to_dict() == expected


def target_of(table):
    """Return the last column with several values and no missing cell, by name."""
    for column in reversed(list(table)):
        known = [cell for cell in column.to_list() if cell is not None]
        several = len(set(map(str, known))) > 1
        if len(known) == len(table) and several and column.kind in TARGETS:
            return column.name
    raise AssertionError("there is no target")


TARGETS = ("number", "category", "boolean")


@pytest.fixture(scope="module")
def models():
    """Return for each file its table, its rows without the target, and a model."""
    known = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (options, _) in CASES.items():
            table = read_csv(file_of(name), **options)
            target = target_of(table)
            model = bp.Model((4,), seed=0).fit(table, target, **QUICK)
            rows = table.drop([target]).select(model.preprocessor.columns)
            known[name] = table, rows, model
    return known


@pytest.fixture(scope="module")
def library(models, tmp_path_factory):
    """Return one library of all models in C: their names do not collide."""
    folder = tmp_path_factory.mktemp("c")
    for name, (_, _, model) in models.items():
        model.export(folder / f"m_{name.removesuffix('.csv')}.c")
    return shared_library(folder, sorted(path.name for path in folder.iterdir()))


@pytest.mark.parametrize("name", CASES)
def test_in_parts_and_from_the_file(name, models, tmp_path):
    table, rows, model = models[name]
    expected, target = model._outputs(rows), model.preprocessor.target_names[0]
    assert np.isfinite(expected).all()
    stream = TableStream([table.take(slice(k, k + 2)) for k in range(0, len(table), 2)])
    streamed = bp.Model((4,), seed=0).fit(stream, target, **QUICK)
    assert streamed._outputs(rows).tobytes() == expected.tobytes()
    model.save(tmp_path / "m")
    assert bp.load(tmp_path / "m")._outputs(rows).tobytes() == expected.tobytes()
    if not CASES[name][0]:  # the file needs no options
        same = bp.Model((4,), seed=0).fit(file_of(name), target, **QUICK)
        assert same._outputs(file_of(name)).tobytes() == expected.tobytes()


@pytest.mark.parametrize("form", ["py", "onnx"])
@pytest.mark.parametrize("name", CASES)
def test_exported(name, form, models, tmp_path):
    _, rows, model = models[name]
    outputs, answers = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)
    if answers is not None and model.classes:
        assert np.ravel(answers).tolist() == model.predict(rows).tolist()


@needs_cc
@pytest.mark.parametrize("name", CASES)
def test_exported_to_c(name, models, library):
    _, rows, model = models[name]
    outputs, answers = answers_in_c(library, f"m_{name.removesuffix('.csv')}", model, rows)
    check_outputs(model, rows, outputs)
    if model.classes:
        assert answers == [str(answer) for answer in model.predict(rows).tolist()]


@pytest.mark.parametrize("name", CASES)
def test_on_the_command_line(name, models, tmp_path, capsys):
    _, rows, model = models[name]
    model.save(tmp_path / "m")
    code = cli.main(["predict", str(tmp_path / "m"), str(file_of(name)), *flags(CASES[name][0])])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    lines = list(csv.DictReader(io.StringIO(printed.out)))
    answers = [line["prediction"] for line in lines]
    expected = model.predict(rows)
    if model.classes:
        assert answers == [str(answer) for answer in expected.tolist()]
        shown = [[float(line[str(level)]) for level in model.classes] for line in lines]
        np.testing.assert_allclose(shown, model.predict_proba(rows), rtol=1e-6)
    else:
        np.testing.assert_allclose(list(map(float, answers)), expected, rtol=1e-6)


def flags(options):
    """Return options of `read_csv` as those of the command line."""
    words = []
    for name, value in options.items():
        text = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        text = ",".join(value) if isinstance(value, list) else text
        words += [f"--{name.replace('_', '-')}", str(text)]
    return words


# The same answer for the same row.


@pytest.mark.parametrize("name", CASES)
def test_order_and_company_do_not_matter(name, models):
    _, rows, model = models[name]
    expected = model._outputs(rows)
    n = len(rows)
    order = np.random.default_rng(0).permutation(n)
    assert model._outputs(rows.take(order)).tobytes() == expected[order].tobytes()
    reversed_columns = rows.select(rows.names[::-1])
    assert model._outputs(reversed_columns).tobytes() == expected.tobytes()
    for k in range(n):
        assert model._outputs(rows.take([k])).tobytes() == expected[k : k + 1].tobytes()
        company = rows.take([*range(k, n), 0, 0])
        assert model._outputs(company)[:1].tobytes() == expected[k : k + 1].tobytes()
    more = bp.data.Table([bp.data.Column("more", "number", np.arange(n)), *rows])
    with pytest.warns(UserWarning, match="not used: 'more'"):
        assert model._outputs(more).tobytes() == expected.tobytes()
