"""Columns of pandas, polars and pyarrow of less common types, as a table and through `Model`."""

import datetime as dt
from decimal import Decimal

import backprop_rs as bp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from backprop_rs.data import as_table
from backprop_rs.data.column_statistics import part_of

DAY = dt.timedelta(days=1, seconds=1.5)
ROWS = {
    "time of day": ([dt.time(13, 30, 15, 250_000), dt.time(0), None], [48_615.25, 0, None]),
    "duration": ([DAY, -DAY, None], [86_401.5, -86_401.5, None]),
    "decimal": ([Decimal("1.25"), Decimal("-3.50"), None], [1.25, -3.5, None]),
    "date": (
        [dt.date(2024, 2, 29), dt.date(1969, 12, 31), None],
        ["2024-02-29", "1969-12-31", None],
    ),
}
FRAMES = {
    "pandas": lambda cells: pd.DataFrame({"a": pd.Series(cells, dtype=object)}),
    "pandas with Arrow's types": lambda cells: pa.table({"a": cells}).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "polars": lambda cells: pl.DataFrame({"a": cells}),
    "pyarrow": lambda cells: pa.table({"a": cells}),
}


def values(cells):
    """Return cells as `to_list` gives them: texts are dates here."""
    return [np.datetime64(cell, "ns") if isinstance(cell, str) else cell for cell in cells]


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("library", FRAMES)
def test_times_durations_decimals_and_dates(library, kind):
    cells, expected = ROWS[kind]
    frame = FRAMES[library](cells * 4)
    assert as_table(frame)["a"].to_list() == values(expected) * 4
    y = ["p", "q", "q"] * 4
    model = bp.Model((4,), seed=0).fit(frame, y, epochs=2, progress=False)
    plain = bp.Model((4,), seed=0).fit({"a": cells * 4}, y, epochs=2, progress=False)
    assert model._outputs(frame).tobytes() == plain._outputs({"a": cells * 4}).tobytes()


CATEGORIES = {
    "pandas, ordered": lambda: pd.Series(
        pd.Categorical(["lo", "hi", None], ["lo", "mid", "hi"], ordered=True)
    ),
    "polars Enum": lambda: pl.Series(["lo", "hi", None], dtype=pl.Enum(["lo", "mid", "hi"])),
    "polars Categorical": lambda: pl.Series(["lo", "hi", None], dtype=pl.Categorical),
    "pyarrow dictionary": lambda: pa.array(["lo", "hi", None]).dictionary_encode(),
    "pyarrow chunks with dictionaries of their own": lambda: pa.chunked_array(
        [pa.array(["lo"]).dictionary_encode(), pa.array(["hi", None]).dictionary_encode()]
    ),
    "pyarrow large_string": lambda: pa.array(["lo", "hi", None], pa.large_string()),
}


@pytest.mark.parametrize("kind", CATEGORIES)
def test_categories_have_the_levels_that_occur(kind):
    series = CATEGORIES[kind]()
    library = {"pa": pa.table, "pd": pd.DataFrame, "pl": pl.DataFrame}[
        {"pyarrow": "pa", "pandas": "pd", "polars": "pl"}[type(series).__module__.split(".")[0]]
    ]
    column = as_table(library({"a": series}))["a"]
    assert column.levels == ("hi", "lo")
    assert column.to_list() == ["lo", "hi", None]


@pytest.mark.parametrize("dtype", ["Int8", "Int64", "UInt64", "Float32", "Float64"])
def test_nullable_numbers(dtype):
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype=dtype)})
    assert as_table(frame)["a"].to_list() == [1, None, 3]
    assert as_table(frame.iloc[[0, 2]])["a"].dtype == dtype.lower()


@pytest.mark.parametrize("frame", [
    pa.table({"a": pa.array([b"x"])}),
    pl.DataFrame({"a": [[1, 2]]}),
    pd.DataFrame({"a": pd.period_range("2024-01", periods=2, freq="M")}),
    pd.DataFrame({"a": [1j]}),
    pd.DataFrame({"a": [{"b": 1}]}),
])  # fmt: skip
def test_other_types_are_refused_by_one_sentence(frame):
    with pytest.raises(TypeError, match="column 'a' must hold numbers, booleans, dates or texts"):
        as_table(frame)


def test_a_time_with_a_zone_is_refused():
    time = dt.time(1, tzinfo=dt.timezone.utc)
    with pytest.raises(TypeError, match="times of day without a time zone"):
        as_table({"a": [time]})


def test_parts_of_dates_equal_those_of_python():
    rng = np.random.default_rng(0)
    start = dt.datetime(1970, 1, 1)
    seconds = rng.integers(-9_000_000_000, 9_000_000_000, 2_000).tolist()  # 1684 to 2255
    days = ["1900-02-28", "1900-03-01", "2000-02-29", "2024-02-29", "1969-12-31T23:59:59"]
    edges = [dt.datetime.fromisoformat(day) for day in days]
    dates = edges + [start + dt.timedelta(seconds=each) for each in seconds]
    times = as_table({"a": dates})["a"].values
    expected = {
        "year": [date.year for date in dates],
        "month": [date.month - 1 for date in dates],
        "day": [date.day - 1 for date in dates],
        "weekday": [date.weekday() for date in dates],
        "hour": [date.hour for date in dates],
    }
    for part, values in expected.items():
        assert part_of(times, part).tolist() == values
    assert part_of(times - 1, "hour")[2] == 23  # a nanosecond before midnight
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    aware = as_table({"a": [dt.datetime(2024, 1, 1, 3, tzinfo=zone)]})["a"].values
    assert part_of(aware, "year").tolist() == [2023]  # 21:30 UTC on the day before
