"""Compare the defaults of `Network.fit` with the best of a small grid.

    python benches/defaults.py

For each data set one network, relu in its hidden layer, on standardized features; for diabetes
the target is standardized too. The scores are means over the folds of a cross-validation, for
Fashion-MNIST those of its own test samples. The grid has Adam at a constant rate; its best cell is
chosen by the test samples themselves, so that the bar is high. `--markdown` prints the table of
docs/guide/training.md.
"""

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import backprop_rs as bp
import numpy as np
from backprop_rs.data.idx_file import load_mnist_folder
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.model_selection import KFold, StratifiedKFold

FASHION = Path("/usr/share/datasets/fashion-mnist")
GRID = {"learning_rate": (3e-4, 1e-3, 3e-3, 1e-2), "batch_size": (32, 128), "epochs": (30, 100)}
GRID_OF_FASHION = {"learning_rate": (3e-4, 1e-3, 3e-3), "batch_size": (64, 256), "epochs": (10,)}
FOLDS = 5
# The accepted loss of the defaults against the best cell.
MOST = {"accuracy": 0.01, "R2": 0.02}


@dataclass
class Task:
    """A data set with its network and its splits."""

    name: str
    X: np.ndarray
    y: np.ndarray
    hidden: int
    splits: list
    classes: bool = True
    grid: dict = None

    @property
    def score_name(self):
        return "accuracy" if self.classes else "R2"

    def network(self, seed):
        n_out = int(self.y.max()) + 1 if self.classes else 1
        output, cost = (
            ("softmax", "cross_entropy") if self.classes else ("identity", "squared_error")
        )
        return bp.Network([self.X.shape[1], self.hidden, n_out], "relu", output, cost, seed=seed)

    def score(self, **settings):
        """Return the mean score over the splits."""
        scores = []
        for seed, (train, test) in enumerate(self.splits):
            X, X_test = scaled(self.X[train], self.X[test])
            y, y_test = self.y[train], self.y[test]
            if not self.classes:
                y, y_test = (column[:, 0] for column in scaled(y[:, None], y_test[:, None]))
            net = self.network(seed)
            net.fit(X, y, on_nan="stop", **settings)
            scores.append(score_of(net.predict(X_test), y_test, self.classes))
        return float(np.mean(scores))

    def best(self):
        """Return the best score of the grid, and its cell."""
        grid = self.grid or GRID
        cells = [dict(zip(grid, cell, strict=True)) for cell in product(*grid.values())]
        scored = [
            (self.score(optimizer="adam", schedule="constant", **cell), cell) for cell in cells
        ]
        return max(scored, key=lambda pair: pair[0])


def scaled(train, test):
    """Standardize both by the mean and the deviation of the first."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1)
    return (train - mean) / deviation, (test - mean) / deviation


def score_of(a, y, classes):
    if classes:
        return np.mean(a.argmax(axis=1) == y)
    return 1 - np.square(y - a[:, 0]).sum() / np.square(y - y.mean()).sum()


def tasks():
    loaders = {"Iris": load_iris, "digits": load_digits, "breast cancer": load_breast_cancer}
    hidden = {"Iris": 16, "digits": 64, "breast cancer": 32}
    for name, load in loaders.items():
        X, y = load(return_X_y=True)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y)
        yield Task(name, X, y, hidden[name], list(folds))
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(FOLDS, shuffle=True, random_state=0).split(X)
    yield Task("diabetes", X, y, 32, list(folds), classes=False)
    if FASHION.exists():
        train, test = load_mnist_folder(FASHION)
        X, y = np.concatenate([train.X, test.X]), np.concatenate([train.y, test.y])
        split = (np.arange(len(train)), np.arange(len(train), len(X)))
        yield Task("Fashion-MNIST", X, y, 128, [split], grid=GRID_OF_FASHION)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="the names of some data sets")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    if arguments.markdown:
        print("| data set | score | defaults | best of the grid | its settings | difference |")
        print("|---|---|---|---|---|---|")
    for task in tasks():
        if arguments.only and task.name not in arguments.only:
            continue
        mine, (best, cell) = task.score(), task.best()
        where = ", ".join(f"{name} {value:g}" for name, value in cell.items())
        row = (
            task.name,
            task.score_name,
            f"{mine:.3f}",
            f"{best:.3f}",
            where,
            f"{best - mine:.3f}",
        )
        if arguments.markdown:
            print("| " + " | ".join(row) + " |", flush=True)
        else:
            missed = " MISSED" * (best - mine > MOST[task.score_name])
            print("{:14} {:9} {:>6} {:>6}  {:48} {:>6}".format(*row) + missed, flush=True)


if __name__ == "__main__":
    main()
