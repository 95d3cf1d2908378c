"""Pictures of the docs, drawn from the results of the benchmarks."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from cases import Case
from matplotlib.ticker import FuncFormatter, NullFormatter

# Okabe and Ito's colors can be told apart with every kind of color vision; shapes differ too.
PEERS = {
    "numpy": ("NumPy", "#0072B2", "o"),
    "sklearn": ("scikit-learn", "#E69F00", "s"),
    "jax": ("JAX, jitted scan", "#009E73", "^"),
    "torch": ("PyTorch", "#D55E00", "D"),
}
LEAST_MEGABYTES = 0.01  # a logarithmic axis has no zero
INK, GRID = "#222222", "#DDDDDD"
STYLE = {
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "svg.hashsalt": "backprop_rs",  # the same bytes from the same results
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def label(name):
    """Return a case in words: ``784-128-10@32`` is 784-128-10, batch 32."""
    case = Case.parse(name)
    same = len(set(case.sizes)) == 1 and len(case.sizes) > 3
    net = f"{case.sizes[0]} in {len(case.sizes) - 1} layers" if same else name.split("@")[0]
    return f"{net}, batch {case.batch}" + ", Adam" * case.adam


def speed(record, path):
    """Draw the speed-up over each peer in float32, one panel per number of threads."""
    rows = [r for r in record["results"] if r["dtype"] == "float32" and "ours" in r["microseconds"]]
    if not rows:
        print("no results of backprop_rs in float32: no picture drawn")
        return
    threads = sorted({row["threads"] for row in rows})
    cases = list(dict.fromkeys(row["case"] for row in rows))
    with plt.rc_context(STYLE):
        size = (5.6 * len(threads) + 1.6, 0.46 * len(cases) + 2.2)
        figure, axes = plt.subplots(1, len(threads), sharex=True, sharey=True, figsize=size)
        axes = [axes] if len(threads) == 1 else axes
        for axis, count in zip(axes, threads, strict=True):
            draw_speed(axis, [row for row in rows if row["threads"] == count], cases)
            axis.set_title(f"{count} thread{'s' * (count > 1)}", loc="left", fontweight="bold")
        axes[0].set_yticks(range(len(cases)), [label(case) for case in cases])
        axes[0].invert_yaxis()
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="upper center", ncols=len(names), frameon=False)
        figure.supxlabel("times as fast in training as the other library, float32", fontsize=11)
        figure.tight_layout(rect=(0, 0, 1, 0.94), w_pad=2)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def draw_speed(axis, rows, cases):
    for peer, (name, color, marker) in PEERS.items():
        with_peer = [row for row in rows if peer in row["microseconds"]]
        ratios = [row["microseconds"][peer] / row["microseconds"]["ours"] for row in with_peer]
        places = [cases.index(row["case"]) for row in with_peer]
        if ratios:
            marks = {"color": color, "marker": marker, "label": name, "edgecolors": "white"}
            axis.scatter(ratios, places, 60, zorder=3, **marks)
    for row in rows:
        place = cases.index(row["case"])
        axis.axhline(place, color=GRID, linewidth=0.8, zorder=0)
        if row["ratio"]:
            at = {"transform": axis.get_yaxis_transform(), "ha": "right", "va": "center"}
            axis.text(1.16, place, f"{row['ratio']:.2f}×", **at)
    axis.set_title("than the\nfastest", loc="right", fontsize=10, x=1.16)
    axis.axvline(1, color=INK, linewidth=1.2, zorder=1)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(which="both", length=0)


def growth(record, path):
    """Draw the time of an epoch against rows and parameters, and memory against rows."""
    by_rows, by_parameters = record["rows"], record["parameters"]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.2))
        n = [row["rows"] for row in by_rows]
        draw_growth(axes[0], n, [row["seconds"] for row in by_rows], "rows", "seconds an epoch")
        parameters = [row["parameters"] for row in by_parameters]
        steps = [row["seconds"] / (row["rows"] / record["batch"]) for row in by_parameters]
        draw_growth(axes[1], parameters, steps, "parameters", "seconds a step")
        for key, name, peer in (
            ("data_bytes", "X and y", "numpy"),
            ("added_bytes", "added by fit", "torch"),
        ):
            _, color, marker = PEERS[peer]
            megabytes = [max(row[key] / 1e6, LEAST_MEGABYTES) for row in by_rows]
            axes[2].plot(n, megabytes, color=color, marker=marker, label=name)
        axes[2].set(xscale="log", yscale="log", xlabel="rows", ylabel="megabytes at the peak")
        axes[2].legend(frameon=False)
        axes[0].set_title("-".join(map(str, by_rows[0]["sizes"])) + " (line: linear)", loc="left")
        axes[1].set_title("n-n-n (line: linear)", loc="left")
        axes[2].set_title("memory", loc="left")
        for axis in axes:
            axis.grid(color=GRID, linewidth=0.8)
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def draw_growth(axis, x, seconds, xlabel, ylabel):
    """Draw the points, and the straight line through the last of them."""
    axis.plot(x, [seconds[-1] * value / x[-1] for value in x], color="#888888", linewidth=1)
    axis.plot(x, seconds, "o", color="#0072B2")
    axis.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
