"""The scores of a method on the test rows, and their means over the tables."""

import numpy as np

LEAST_PROBABILITY = 1e-7
REFERENCE = "LightGBM"
SCORES = ("error", "log_loss", "auc_loss", "nrmse")
LEAST = {"error": 5e-4, "log_loss": 1e-3, "auc_loss": 1e-4, "nrmse": 1e-3}  # in ratios


def scores(split, classes, outputs):
    """Return the error, log-loss and 1 - AUC of classes, or the RMSE over the deviation."""
    if split.values:
        error = np.sqrt(np.mean((outputs - split.y_test) ** 2))
        return {"nrmse": float(error / np.std(split.y_test))}
    place = {str(name): i for i, name in enumerate(classes)}  # CatBoost sorts digits as numbers
    true = np.array([place[name] for name in split.y_test])
    outputs = np.asarray(outputs, float)
    outputs = outputs / outputs.sum(axis=1, keepdims=True)
    chosen = np.maximum(outputs[np.arange(len(true)), true], LEAST_PROBABILITY)
    return {
        "error": float(np.mean(outputs.argmax(axis=1) != true)),
        "log_loss": float(-np.log(chosen).mean()),
        "auc_loss": float(1 - auc(true, outputs)),
    }


def auc(true, outputs):
    """Return the area under the ROC curve, the mean over each class against the others."""
    kinds = [1] if outputs.shape[1] == 2 else np.unique(true)
    return np.mean([area(true == k, outputs[:, k]) for k in kinds])


def area(positive, score):
    """Return the share of pairs in the right order; ties count half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    n = positive.sum()
    return (rank[place][positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n))


def means(results, methods, tables):
    """Return {score: {method: {table: mean over the seeds}}}, of tables that all have."""
    table = {}
    for name in (*SCORES, "cpu", "wall"):
        table[name] = {}
        for method in methods:
            of = [r for r in results if r["method"] == method and r["table"] in tables]
            by = {}
            for r in of:
                if name in r:
                    by.setdefault(r["table"], []).append(r[name])
            table[name][method] = {key: float(np.mean(values)) for key, values in by.items()}
    return table


def mean_ranks(table, score):
    """Return the mean rank of each method by a score of classes, and by nRMSE."""
    columns = []
    for name in (score, "nrmse"):
        by = table[name]
        for key in sorted(set.intersection(*(set(values) for values in by.values()))):
            values = np.array([by[method][key] for method in by])
            columns.append([np.sum(values < v) + (np.sum(values == v) + 1) / 2 for v in values])
    return dict(zip(table[score], np.mean(columns, axis=0), strict=True))


def ratios(table, score):
    """Return the geometric mean of a score against LightGBM's, for each method."""
    by, least = table[score], LEAST.get(score, 0)
    base = by.get(REFERENCE, {})
    logs = {
        method: [np.log(max(v, least) / max(base[k], least)) for k, v in of.items() if k in base]
        for method, of in by.items()
    }
    return {method: float(np.exp(np.mean(values))) for method, values in logs.items() if values}
