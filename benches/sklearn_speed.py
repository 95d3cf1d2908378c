"""Compare training and prediction with scikit-learn's MLPs: sklearn_speed.py --help.

Both estimators get the same data, settings and number of epochs, and make the same updates. A case
times whole calls of `fit`, in turn, several rounds; the best round of each counts. Before each call
there is a pause, because the threads of scikit-learn's linear algebra spin for some time after
their work, on the cores that are timed next. Data sets come with scikit-learn; the housing table
has the size of California housing and random numbers, and Fashion-MNIST is read from Debian's
package dataset-fashion-mnist if it is installed.
"""

import argparse
import json
import warnings
from functools import cache
from pathlib import Path
from time import perf_counter, sleep

import backprop_rs
import machine
import numpy as np
import sklearn
from backprop_rs import sklearn as ours
from sklearn import datasets, neural_network
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

FASHION = Path("/usr/share/datasets/fashion-mnist")
RESULTS = Path(__file__).parent / "results" / "sklearn_speed.json"
PAUSE = 0.3  # seconds


def builtin(load):
    X, y = load(return_X_y=True)
    return scale(X), y


@cache
def data(name):
    """Return X and y of a data set."""
    rng = np.random.default_rng(0)
    match name:
        case "housing":
            X = rng.normal(size=(20_640, 8))
            return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=len(X))
        case "fashion":
            train, _ = backprop_rs.data.load_mnist_folder(FASHION)
            return np.ascontiguousarray(train.X, np.float32), train.y
        case _:
            return builtin(getattr(datasets, f"load_{name}"))


# Data set, hidden layers, batch size, solver, epochs, and the smallest accepted speed-up.
FITS = [
    ("iris", (16,), 10, "sgd", 100, 30),
    ("iris", (16,), 10, "adam", 100, 30),
    ("iris", (100,), "auto", "sgd", 200, 30),
    ("iris", (100,), "auto", "adam", 200, 30),
    ("wine", (16,), 10, "sgd", 100, 30),
    ("wine", (16,), 10, "adam", 100, 30),
    ("wine", (100,), "auto", "sgd", 200, 30),
    ("wine", (100,), "auto", "adam", 200, 30),
    ("digits", (100,), 200, "adam", 50, 6),
    ("breast_cancer", (100,), 200, "adam", 100, 6),
    ("housing", (100,), 200, "adam", 10, 12),
    ("fashion", (100,), 200, "adam", 3, 3),
]
PREDICTIONS = [("breast_cancer", (100,), 1, 10), ("breast_cancer", (100,), 10_000, 2)]


def estimators(name, **settings):
    """Return scikit-learn's estimator and ours, with the same settings."""
    kind = "MLPRegressor" if name == "housing" else "MLPClassifier"
    settings |= {"random_state": 0, "tol": 0.0, "n_iter_no_change": 10**6}
    return [getattr(module, kind)(**settings) for module in (neural_network, ours)]


def side_by_side(functions, repeat):
    """Return the least seconds of each function, called in turn."""
    best = [float("inf")] * len(functions)
    for _ in range(repeat):
        for i, function in enumerate(functions):
            sleep(PAUSE)
            start = perf_counter()
            function()
            best[i] = min(best[i], perf_counter() - start)
    return best


def time_fit(case, repeat):
    name, hidden, batch, solver, epochs, least = case
    X, y = data(name)
    settings = {"hidden_layer_sizes": hidden, "batch_size": batch, "solver": solver}
    pair = estimators(name, max_iter=epochs, **settings)
    seconds = side_by_side([lambda mlp=mlp: mlp.fit(X, y) for mlp in pair], repeat)
    sizes = "-".join(map(str, (X.shape[1], *hidden, pair[1].n_outputs_)))
    return row(f"{name} {sizes}, {batch}, {solver}, {epochs} epochs", seconds, least)


def time_predict(case, repeat):
    name, hidden, rows, least = case
    X, y = data(name)
    pair = [mlp.fit(X, y) for mlp in estimators(name, hidden_layer_sizes=hidden, max_iter=5)]
    X = np.resize(X, (rows, X.shape[1]))
    calls = max(1, 300 // rows)

    def predict(mlp):
        for _ in range(calls):
            mlp.predict(X)

    seconds = side_by_side([lambda mlp=mlp: predict(mlp) for mlp in pair], 5 * repeat)
    return row(f"predict {rows:,} rows, {name}", [s / calls for s in seconds], least)


def time_grid(repeat):
    """Time a search with our estimator in one process and in two, both warm."""
    X, y = data("digits")
    grid = {"alpha": [1e-4, 1e-3, 1e-2, 1e-1], "learning_rate_init": [1e-3, 1e-2]}
    mlp = estimators("digits", max_iter=60)[1]
    searches = [GridSearchCV(mlp, grid, cv=3, n_jobs=n, refit=False) for n in (1, 2)]
    searches[1].fit(X, y)  # starts the processes
    seconds = side_by_side([lambda one=one: one.fit(X, y) for one in searches], repeat)
    return row("GridSearchCV of 24 fits, n_jobs 1 and 2", seconds, 1.0)


def row(name, seconds, least):
    """Print a result."""
    times = seconds[0] / seconds[1]
    missed = "" if times >= least else ", missed"
    print(
        f"{name:48}{shown(seconds[0]):>10}{shown(seconds[1]):>10}{times:8.1f} x  "
        f"(at least {least:g}{missed})",
        flush=True,
    )
    return {"case": name, "seconds": seconds, "times": times, "least": least}


def shown(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--threads", type=int, help="of ours (default: all processors)")
    parser.add_argument("--only", default="", help="cases that contain this text")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
    if arguments.threads:
        backprop_rs.set_num_threads(arguments.threads)
    print(f"{'':48}{'sklearn':>10}{'ours':>10}   times")
    rows = []
    for time, case in [*((time_fit, c) for c in FITS), *((time_predict, c) for c in PREDICTIONS)]:
        name = f"predict {case}" if time is time_predict else str(case)
        if arguments.only in name and (case[0] != "fashion" or FASHION.exists()):
            rows.append(time(case, arguments.repeat))
    if arguments.only in "GridSearchCV":
        rows.append(time_grid(max(arguments.repeat // 2, 1)))
    record = {
        "machine": machine.describe(),
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "threads": backprop_rs.get_num_threads(),
        "repeat": arguments.repeat,
        "results": rows,
    }
    if not arguments.only:
        RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
