"""`Model.explain`: the cells of a row, the inputs that they become, and what the outputs mean."""

import re

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import cli
from backprop_rs.data import Preprocessor
from tables import customers
from test_export_members import members_of

QUICK = {"epochs": 3, "progress": False}


@pytest.fixture(scope="module")
def model():
    return members_of(customers(300), "left", temperature=1.5)


def row(k=1, **changes):
    return {name: cells[k] for name, cells in customers(300).items()} | changes


def inputs(document):
    """Return the value of each feature in the table of inputs."""
    whole = document.part("from cells").section
    return {feature: float(value) for _, _, _, feature, value, _ in whole.grids[0].rows}


def test_cells_become_the_inputs_of_the_network(model):
    for k, preprocessor in enumerate(model.preprocessors):
        document = model.explain(row(), member=k, digits=9)
        x = preprocessor.transform({name: [cell] for name, cell in row().items()})[0]
        expected = dict(zip(preprocessor.feature_names, x.tolist(), strict=True))
        assert inputs(document) == pytest.approx(expected, rel=1e-8)
        np.testing.assert_array_equal(document.to_dict()["x"][0], x)


def test_cells_are_shown_in_the_units_of_the_user(model):
    grid = model.explain(row(city="Madrid", age=None)).part("from cells").section.grids[0]
    cells = {column: cell for column, cell, *_ in grid.rows if column}
    date = np.datetime64(row()["joined"], "m")
    assert cells == {
        "age": "missing",
        "city": "Madrid (unknown)",
        "visits": str(row()["visits"]),
        "joined": str(date).replace("T", " "),
        "member": str(row()["member"]),
    }
    reasons = " ".join(reason for *_, reason in grid.rows)
    assert "the median, 55: z = (55 − 55) / 39, then z / √(1 + (z/3)²)" in reasons
    assert "no level of the training: neutral" in reasons


pytestmark = pytest.mark.filterwarnings("ignore:1 cell holds a level")


def test_classes_by_name_and_the_answer_of_the_model(model):
    document = model.explain(row(), member=2)
    answer = document.part("answer").section
    assert answer.notes[0] == (
        f"The model answers {str(model.predict(row())[0])!r}; the target is {row()['left']!r}."
    )
    assert "The average has the weights 0.5, 0.3, 0.2." in answer.notes
    grid = answer.grids[0]
    assert grid.headings == (
        "output",
        "class",
        "network 1",
        "network 2",
        "network 3",
        "average",
        "target",
    )
    averages = [float(line[5]) for line in grid.rows]
    np.testing.assert_allclose(averages, model.predict_proba(row())[0], rtol=1e-5)
    for k in range(3):
        shown = [float(line[2 + k]) for line in grid.rows]
        table = {name: [cell] for name, cell in row().items()}
        np.testing.assert_allclose(shown, model.member_outputs(k, table)[0], rtol=1e-5)
    assert [line[1] for line in grid.rows] == ["no", "yes"]
    assert "This is network 3 of 3." in document.text()


def test_the_command_line_shows_the_answer_of_all_networks(tmp_path, capsys):
    table = {name: cells for name, cells in customers(300).items() if name != "joined"}
    model = members_of(table, "left")
    own = model.networks[0].predict(model.preprocessors[0].transform_counting(table, "float32", {}))
    different = np.flatnonzero(own.argmax(axis=1) != model.predict_proba(table).argmax(axis=1))
    k = int(different[0])
    model.save(tmp_path / "m")
    cells = [
        "" if cells[k] is None or cells[k] != cells[k] else cells[k] for cells in table.values()
    ]
    data = tmp_path / "data.csv"
    data.write_text(f"{','.join(table)}\n{','.join(map(str, cells))}\n")
    assert cli.main(["explain", str(tmp_path / "m"), str(data), "--max-neurons", "2"]) == 0
    out = capsys.readouterr().out
    assert f"The model answers {str(model.predict(table)[k])!r}" in out


def test_all_networks(model):
    document = model.explain(row(), member="all", max_neurons=2)
    titles = [section.title for section in document.section.sections]
    assert [title.split(":")[0] for title in titles] == [
        "Network 1 of 3",
        "Network 2 of 3",
        "Network 3 of 3",
        "Answer",
    ]
    parts = document.to_dict()["networks"]
    for k, part in enumerate(parts):
        alone = model.explain(row(), member=k).to_dict()
        np.testing.assert_array_equal(part["activations"][-1], alone["activations"][-1])


def test_values_in_the_units_of_the_target():
    table = customers(300)
    table["cost"] = [1e4 + 250.3 * visits for visits in table["visits"]]
    model = bp.Model((4,), seed=0).fit(table, "cost", **QUICK)
    one = {name: cells[3] for name, cells in table.items()}
    answer = model.explain(one, digits=12).part("answer").section
    value, scaler = model.predict(one)[0], model.preprocessor.target.scalers[0]
    (line,) = answer.grids[0].rows
    assert line[1] == "cost" and float(line[-1]) == pytest.approx(one["cost"], rel=1e-11)
    assert float(line[-2]) == pytest.approx(value, rel=1e-11)
    assert float(line[2]) * scaler.deviation + scaler.mean == pytest.approx(value, rel=1e-9)
    assert f"a · {scaler.deviation:.12g} + {scaler.mean:.12g}" in answer.notes[0]


def test_labels():
    x = np.linspace(-1, 1, 40)
    model = bp.Model((8,), seed=0).fit(
        {"x": x, "p": x > 0, "q": x > 0.9}, ["p", "q"], epochs=200, progress=False
    )
    answer = model.explain({"x": 0.4, "p": True, "q": False}).part("answer").section
    assert answer.notes[0] == "The model answers p."
    assert [line[1] for line in answer.grids[0].rows] == ["p", "q"]


def test_several_rows_have_a_table_each(model):
    table = {name: cells[:5] for name, cells in customers(300).items()}
    text = model.explain(table, max_neurons=2, max_samples=2).text()
    for title in ("Row 0: cells", "Row 1: cells", "Answer of row 0", "Answer of row 1"):
        assert title in text
    assert "Row 2" not in text and "Answer of row 2" not in text


def test_features_of_0_are_counted():
    cities = [f"city {k}" for k in range(30)]
    table = {"city": cities * 3, "x": list(range(90)), "y": [0.5 * k for k in range(90)]}
    model = bp.Model((4,), seed=0).fit(table, "y", **QUICK)
    document = model.explain({"city": "city 7", "x": 3, "y": 1.5})
    grid = document.part("from cells").section.grids[0]
    assert [line[3:5] for line in grid.rows][:2] == [
        ("city=city 7", "1"),
        ("29 other features", "0"),
    ]
    assert grid.rows[0][5] == "a level of the training"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_keeps_its_width(model, width):
    text = model.explain(row(city="Llanfairpwllgwyngyll" * 4), max_neurons=2).text(width)
    assert max(map(len, text.splitlines())) <= width


def test_html_and_markdown(model):
    table = {"<b>": [1.5, 2.5, 4.0, 5.5], "|": ["p", "q", "p", "q"], "y": ["<i>", "|", "<i>", "|"]}
    plain = bp.Model((2,), seed=0).fit(table, "y", **QUICK)
    document = plain.explain({name: cells[0] for name, cells in table.items()})
    html = document.to_html()
    assert '<table class="grid">' in html and "<td>&lt;b&gt;</td>" in html and "<b>" not in html
    markdown = document.to_markdown()
    heads = [line for line in markdown.splitlines() if line.startswith("| column")]
    assert heads == ["| column | cell | input | feature | value | because |"]
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") in (7, 5) for line in rows)
    assert "Answer" in markdown and "**" in markdown


def test_an_explanation_of_a_network_has_no_tables():
    net = bp.Network([2, 3, 1], seed=0)
    assert "grid" not in net.explain([1, 2], [1]).to_html().split("</style>")[1]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"member": 3}, ValueError, "member must"),
        ({"member": "both"}, ValueError, "member must be 'all' or the number of a network"),
    ],
)
def test_mistakes(model, change, error, sentence):
    with pytest.raises(error, match=sentence):
        model.explain(row(), **change)


def test_the_target_is_needed(model):
    one = row()
    del one["left"]
    with pytest.raises(ValueError, match="row must have the target to explain its cost"):
        model.explain(one)
    stream = bp.data.TableStream(lambda: iter([customers(5)]))
    with pytest.raises(TypeError, match="got a stream"):
        model.explain(stream)


def test_scalings_say_what_they_do():
    table = {"x": [1.0, 2.0, 4.0, 8.0], "y": [1.0, 2.0, 3.0, 4.5]}
    for scaling, words in {
        "standard": "(2 − 3.75) / 2.68095",
        "robust": "z = (2 − 3) / 3.25, then z / √(1 + (z/3)²)",
        "quantile": "the normal score of the rank of 2",
    }.items():
        preprocessor = Preprocessor(scaling=scaling)
        model = bp.Model((2,), seed=0, preprocessor=preprocessor).fit(table, "y", **QUICK)
        assert words in model.explain({"x": 2.0, "y": 2.0}).text(None)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (["no", "yes"] * 10, ["no", "yes"]),
        (["a", "b", "c", "a"] * 5, ["a", "b", "c"]),
        ([float(i) for i in range(20)], ["target"]),
    ],
)
def test_the_picture_of_the_page_has_the_names_of_a_model(y, expected):
    table = {"left": np.linspace(0, 1, 20), "right": np.linspace(3, -1, 20) ** 2, "target": y}
    model = bp.Model([3], seed=0).fit(table, target="target", epochs=1, progress=False)
    page = model.explain({"left": 0.5, "right": 1.0, "target": y[0]}).to_html()
    picture = page.partition("<svg")[2].partition("</svg>")[0]
    named = re.findall(r'<text class="name"[^>]*text-anchor="start">([^<]*)<', picture)
    assert named == expected


def test_many_networks_show_the_explained_one_and_the_average():
    model = bp.Model((2,), members=5, seed=0).fit(customers(60), "left", **QUICK)
    answer = model.explain(row(), member=3).part("answer").section
    assert answer.grids[0].headings == ("output", "class", "network 4", "average", "target")
    p = model.predict_proba(row())[0]
    np.testing.assert_allclose([float(line[3]) for line in answer.grids[0].rows], p, rtol=1e-5)
