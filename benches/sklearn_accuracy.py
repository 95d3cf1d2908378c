"""Compare test scores with scikit-learn's MLPs: sklearn_accuracy.py --help.

Both estimators get the same settings, splits and random states; a score is the mean over the seeds,
with its standard error. Each seed has its own split, except for Fashion-MNIST, which has a separate
test set.
"""

import argparse
import json
import warnings
from datetime import date
from pathlib import Path
from time import perf_counter

import backprop_rs
import machine
import numpy as np
import sklearn
from backprop_rs import sklearn as ours
from sklearn import datasets, neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FASHION = Path("/usr/share/datasets/fashion-mnist")
RESULTS = Path(__file__).parent / "results" / "sklearn_accuracy.json"
VALUES = ("diabetes", "linnerud")  # to be predicted, not classes
SETTINGS = {
    "iris": {"max_iter": 1000},
    "wine": {"max_iter": 1000},
    "breast_cancer": {"max_iter": 500},
    "digits": {"max_iter": 300},
    "diabetes": {"hidden_layer_sizes": (20,), "alpha": 1.0, "max_iter": 1000},
    "linnerud": {"hidden_layer_sizes": (5,), "max_iter": 2000},
}
NETWORKS = [(100,), (256, 128, 100)]  # of Fashion-MNIST
PUBLISHED = {(100,): 0.871, (256, 128, 100): 0.883}


def estimator(module, name, seed):
    """Return the estimator in a pipeline that scales inputs, and targets if they are values."""
    settings = SETTINGS[name] | {"random_state": seed}
    if name not in VALUES:
        return make_pipeline(StandardScaler(), module.MLPClassifier(**settings))
    mlp = module.MLPRegressor(**settings)
    scaled = TransformedTargetRegressor(mlp, transformer=StandardScaler())
    return make_pipeline(StandardScaler(), scaled)


def scores_of(name, seeds):
    """Return the test scores of both for each seed, (seeds, 2)."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    scores = []
    for seed in range(seeds):
        stratify = None if name in VALUES else y
        split = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=stratify)
        X_train, X_test, y_train, y_test = split
        pair = [estimator(module, name, seed) for module in (neural_network, ours)]
        scores.append([mlp.fit(X_train, y_train).score(X_test, y_test) for mlp in pair])
    return np.array(scores)


def fashion_scores(hidden, seeds, epochs):
    """Return the test scores of both for each seed, (seeds, 2), and their training times."""
    train, test = backprop_rs.data.load_mnist_folder(FASHION)
    X, X_test = (np.ascontiguousarray(one.X, np.float32) for one in (train, test))
    scores, seconds = np.empty((seeds, 2)), np.zeros(2)
    for seed in range(seeds):
        for i, module in enumerate((neural_network, ours)):
            mlp = module.MLPClassifier(hidden, max_iter=epochs, random_state=seed)
            start = perf_counter()
            mlp.fit(X, train.y)
            seconds[i] += perf_counter() - start
            scores[seed, i] = mlp.score(X_test, test.y)
    return scores, seconds / seeds


def row(name, scores, seconds=None, least=None):
    """Print a result; return True if ours is within one standard error, or above."""
    mean = scores.mean(axis=0)
    error = scores.std(axis=0, ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else np.zeros(2)
    good = bool(mean[1] >= mean[0] - error[0] and (least is None or mean[1] >= least))
    text = "  ".join(f"{m:.4f} ± {e:.4f}" for m, e in zip(mean, error, strict=True))
    time = "" if seconds is None else f"  {seconds[0]:.3g} s and {seconds[1]:.3g} s"
    print(f"{name:28}{text}  {'good' if good else 'worse'}{time}", flush=True)
    times = None if seconds is None else list(seconds)
    return {"case": name, "scores": scores.tolist(), "seconds": times, "good": good}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20, help="of Fashion-MNIST (default 20)")
    parser.add_argument("--only", default="", help="data sets that contain this text")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
    print(f"{'':28}{'scikit-learn':17}{'ours':17}")
    names = [name for name in SETTINGS if arguments.only in name]
    rows = [row(name, scores_of(name, arguments.seeds)) for name in names]
    if FASHION.exists() and arguments.only in "fashion":
        for hidden in NETWORKS:
            scores, seconds = fashion_scores(hidden, arguments.seeds, arguments.epochs)
            rows.append(row(f"fashion {hidden}", scores, seconds, PUBLISHED[hidden]))
    record = {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "seeds": arguments.seeds,
        "epochs": arguments.epochs,
        "results": rows,
    }
    if not arguments.only:
        RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
