"""Tables of mixed kinds for tests, and a strategy that draws any of them."""

import datetime as dt

import numpy as np
from backprop_rs.data import Column, Table
from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-5, 5).map(float),
    st.sampled_from([0.0, -0.0, 1.7e9, 1.7e9 + 1, 5e-324, 1.7e308, -1.7e308]),
)
TEXTS = st.sampled_from(["", "red", "blau", "größe", "雪", "a=b", "x\ny", "'", '"', "\\", "\u202e"])
TIMES = st.integers(-(2**62), 2**62) | st.integers(0, 10**18)


@st.composite
def columns(draw, name, n_rows):
    """Draw a column of any kind, with missing cells."""
    kind = draw(st.sampled_from(["number", "boolean", "category", "datetime", "constant"]))
    missing = draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows)) if draw(
        st.booleans()) else [False] * n_rows  # fmt: skip

    def cells(strategy):
        return draw(st.lists(strategy, min_size=n_rows, max_size=n_rows))

    if kind == "number":
        column = Column(name, kind, cells(NUMBERS))
    elif kind == "boolean":
        column = Column(name, kind, cells(st.integers(0, 1)))
    elif kind == "datetime":
        column = Column(name, kind, cells(TIMES))
    elif kind == "category":
        levels = sorted(draw(st.sets(TEXTS, min_size=1)))
        column = Column(name, kind, cells(st.integers(0, len(levels) - 1)), levels)
    else:
        column = Column(name, "number", [draw(NUMBERS)] * n_rows)
    return column.without(np.array(missing))


@st.composite
def tables(draw, min_rows=3, max_rows=12):
    """Draw a table with one column that varies, and any others."""
    n_rows = draw(st.integers(min_rows, max_rows))
    names = draw(st.lists(st.text(min_size=1, max_size=4), max_size=4, unique=True))
    others = [name for name in names if name not in ("y", "known")]
    known = Column("known", "number", np.arange(n_rows) % 3)
    return Table([draw(columns(name, n_rows)) for name in others] + [known])


def customers(n=200, seed=0):
    """Return a dictionary of columns of mixed kinds with missing cells, and a target "left"."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n).astype(float)
    age[::11] = np.nan
    city = [None if k % 13 == 0 else ["Bonn", "Köln", "Ulm"][k % 3] for k in range(n)]
    visits = rng.poisson(3, n)
    start = dt.datetime(2023, 1, 1)
    joined = [start + dt.timedelta(hours=int(hours)) for hours in rng.integers(0, 9000, n)]
    member = rng.random(n) < 0.5
    left = np.where((visits > 3) ^ member, "yes", "no").tolist()
    return {
        "age": age.tolist(),
        "city": city,
        "visits": visits.tolist(),
        "joined": joined,
        "member": member.tolist(),
        "left": left,
    }
