"""Print the results of the comparison in Markdown."""

import numpy as np
from scores import mean_ranks, means, ratios

HEAD = (
    "method",
    "rank by log-loss and nRMSE",
    "rank by error and nRMSE",
    "error",
    "log-loss",
    "1 - AUC",
    "nRMSE",
    "CPU s a fit",
)


def summary(results, methods, tables):
    """Return the lines of the table of means, best rank first."""
    methods = [m for m in methods if any(r["method"] == m for r in results)]
    table = means(results, methods, tables)
    first, second = mean_ranks(table, "log_loss"), mean_ranks(table, "error")
    columns = [ratios(table, name) for name in ("error", "log_loss", "auc_loss", "nrmse")]
    lines = [row(HEAD), "|---" * len(HEAD) + "|"]
    for method in sorted(methods, key=first.get):
        cells = [f"{first[method]:.2f}", f"{second[method]:.2f}"]
        cells += [f"{column[method]:.3f}" if method in column else "-" for column in columns]
        cpu = np.median(list(table["cpu"][method].values()))
        lines.append(row([method, *cells, f"{cpu:.2g}"]))
    return lines


def single(results, methods, tables):
    """Return the lines of log-loss or nRMSE of each table."""
    methods = [m for m in methods if any(r["method"] == m for r in results)]
    table = means(results, methods, tables)
    lines = [row(["table", *methods]), "|---" * (len(methods) + 1) + "|"]
    for name in tables:
        by = table["log_loss"] if any(name in of for of in table["log_loss"].values()) else {}
        by = by or table["nrmse"]
        lines.append(row([name, *(f"{by[m][name]:.4f}" if name in by[m] else "-" for m in by)]))
    return lines


def row(cells):
    return f"| {' | '.join(cells)} |"
