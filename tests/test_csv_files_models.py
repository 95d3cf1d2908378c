"""The folder of odd CSV files: the same answers in memory, from the file, saved and exported."""

import runpy
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import TableStream, read_csv
from test_read_csv import CASES, FILES

TRAINABLE = sorted(name for name in CASES if (FILES / name).is_file())


def target_of(table):
    """Return the last column with several values and no missing cell, by name."""
    for column in reversed(list(table)):
        known = [cell for cell in column.to_list() if cell is not None]
        if len(known) == len(table) and len(set(map(str, known))) > 1 and column.kind in (
            "number", "category", "boolean"
        ):  # fmt: skip
            return column.name
    return None


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", TRAINABLE)
def test_each_way_to_read_gives_the_same_answers(name, tmp_path):
    options, _ = CASES[name]
    table = read_csv(FILES / name, **options)
    target = target_of(table)
    if target is None or len(table.names) < 2:
        pytest.fail(f"{name} has no target")
    rows = table.drop([target])
    model = bp.Model((4,), seed=0).fit(table, target, epochs=2, progress=False, shuffle=False)
    expected = model._outputs(rows)
    assert np.isfinite(expected).all()
    stream = TableStream([table.take(slice(k, k + 2)) for k in range(0, len(table), 2)])
    streamed = bp.Model((4,), seed=0).fit(stream, target, epochs=2, progress=False, shuffle=False)
    assert streamed._outputs(rows).tobytes() == expected.tobytes()
    model.save(tmp_path / "m")
    assert bp.load(tmp_path / "m")._outputs(rows).tobytes() == expected.tobytes()
    model.export(tmp_path / "m.py")
    answers = runpy.run_path(str(tmp_path / "m.py"))["predict"](rows.to_dict())
    predicted = model.predict(rows)
    if predicted.dtype.kind == "f":
        assert np.allclose(answers, predicted, rtol=1e-5, atol=1e-5)
    else:
        assert answers.tolist() == predicted.tolist()
    if not options:
        same = bp.Model((4,), seed=0).fit(
            Path(FILES / name), target, epochs=2, progress=False, shuffle=False
        )
        assert same._outputs(FILES / name).tobytes() == expected.tobytes()
