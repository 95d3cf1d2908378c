"""Choose settings of the estimators by cross-validation: python benches/tabular/choose.py --help.

The test rows of the comparison have no part in it: a fifth of its training rows is held out, by
three seeds, and each variant learns from the others. The table printed has the geometric means of
the losses of the held-out rows against those of the first variant, and how many of the tables a
variant wins. It needs the environment of `benches/tabular --install`.
"""

import argparse
import json
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))  # for machine

VARIANTS = {
    "default": {},
    "width 256": {"hidden": (256, 256, 256)},
    "width 64": {"hidden": (64, 64, 64)},
    "two layers": {"hidden": (128, 128)},
    "initial values not from the data": {"data_driven": False},
    "no temperature": {"temperature": False},
    "dropout .3": {"dropout": 0.3},
    "decay .1": {"weight_decay": 0.1},
    "half of the rate": {"learning_rate": 0.02},
    "32 epochs": {"epochs": 32},
    "early stopping": {"early_stopping": True},
    "5 folds": {"n_folds": 5},
    "without factors": {"encodings": ("plain", "bins")},
    "factors in half": {"encodings": ("plain", "scaled_bins")},
    "64 epochs": {"epochs": 64},
    "16 members": {"n_members": 8},
    "weights of encodings": {"n_members": 4, "n_folds": 4, "shared_folds": True},
    "targets code 20 levels": {"max_one_hot": 20},
    "bins alone": {"n_members": 8, "encodings": ("scaled_bins",)},
    "numbers alone": {"n_members": 8, "encodings": ("scaled",)},
    "32 bins": {"n_bins": 32},
    "8 bins": {"n_bins": 8},
}
"""Settings of `Preset` that are changed; the peers are variants, too."""

PEERS = ("CatBoost", "LightGBM")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--variants", nargs="+", default=["default"], help=", ".join([*VARIANTS, *PEERS]))
    add("--tables", nargs="+", help="by default all")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--preset", default="default")
    add("--print", action="store_true", help="print what is known, and compute nothing")
    add("--json", type=Path, default=Path("choice.json"), help="where the losses are kept")
    arguments = parser.parse_args()
    from tables import TASKS

    tables = [name for name in TASKS if not arguments.tables or name in arguments.tables]
    known = json.loads(arguments.json.read_text("utf-8")) if arguments.json.exists() else {}
    if not arguments.print:
        run(arguments, tables, known)
    print(*summary(arguments, tables, known), sep="\n")


def run(arguments, tables, known):
    """Compute the losses that are not known, and keep each at once."""
    for seed in arguments.seeds:
        for table in tables:
            split = None
            for variant in arguments.variants:
                key = f"{arguments.preset}/{variant}/{table}/{seed}"
                if key in known:
                    continue
                split = split or inner_split(table, seed)
                known[key] = losses(split, variant, seed, arguments.preset)
                arguments.json.write_text(json.dumps(known, indent=0), "utf-8")
                print(key, known[key], flush=True)


def inner_split(table, seed):
    """Return the training rows of the comparison as rows to learn from and rows held out."""
    from tables import TEST_EVERY, load

    split = load(table, seed)
    order = np.random.default_rng([seed, 2]).permutation(len(split.y))
    if not split.values:
        order = order[np.argsort(split.y[order], kind="stable")]
    held = np.zeros(len(order), bool)
    held[order[TEST_EVERY - 1 :: TEST_EVERY]] = True
    X, X_held = (split.X[rows].reset_index(drop=True) for rows in (~held, held))
    return replace(split, X=X, y=split.y[~held], X_test=X_held, y_test=split.y[held])


def losses(split, variant, seed, preset):
    from methods import METHODS
    from scores import scores

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cpu = time.process_time()
        if variant in PEERS:
            outputs = METHODS[variant][0](split, seed, 1)
        else:
            outputs = answers(split, VARIANTS[variant], seed, preset)
        found = scores(split, *outputs) | {"cpu": time.process_time() - cpu}
    return {name: float(f"{value:.6g}") for name, value in found.items()}


def answers(split, settings, seed, preset):
    """Return the classes with their probabilities, or the values, of the rows held out."""
    import backprop_rs as bp

    kind = bp.TabularRegressor if split.values else bp.TabularClassifier
    settings = dict(settings)
    stops = settings.pop("early_stopping", False)
    model = kind(
        random_state=seed, preset=preset, early_stopping=stops, settings=settings, n_jobs=1
    )
    model.fit(split.X, split.y)
    if split.values:
        return None, np.asarray(model.predict(split.X_test))
    return np.asarray(model.classes_), model.predict_proba(split.X_test)


def summary(arguments, tables, known):
    """Return the lines of the table of the variants."""
    yield "| variant | tables | error | log-loss | nRMSE | wins | CPU |"
    yield "|---|---|---|---|---|---|---|"
    first = arguments.variants[0]
    for variant in arguments.variants:
        logs = {"error": [], "log_loss": [], "nrmse": [], "cpu": []}
        wins = 0
        for table in tables:
            pairs = [
                (known[a], known[b])
                for seed in arguments.seeds
                if (a := f"{arguments.preset}/{variant}/{table}/{seed}") in known
                and (b := f"{arguments.preset}/{first}/{table}/{seed}") in known
            ]
            if not pairs:
                continue
            ratio = {}
            for name in pairs[0][0].keys() & logs.keys():
                ours, base = (np.mean([pair[i][name] for pair in pairs]) for i in (0, 1))
                least = {"error": 5e-4, "cpu": 1e-6}.get(name, 1e-3)
                ratio[name] = np.log(max(ours, least) / max(base, least))
                logs[name].append(ratio[name])
            wins += ratio.get("log_loss", ratio.get("nrmse", 0)) < 0
        cells = [f"{np.exp(np.mean(v)):.3f}" if v else "-" for v in logs.values()]
        cells.insert(3, str(wins))
        n_tables = len(logs["cpu"])
        yield f"| {variant} | {n_tables} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
