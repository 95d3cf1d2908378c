"""Draw the pictures of docs/guide/pictures.md.

    python docs/pictures.py [NAME ...]

Each is drawn twice, for light and for dark pages. tests/test_plot.py draws them too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np

FOLDER = Path(__file__).parent / "pictures"
STYLES = {"light": "default", "dark": "dark_background"}
DPI = 110
COLORS = 256


def teaching_network() -> bp.Network:
    """Return the derivation's network, with parameters that are easy to tell apart."""
    net = bp.Network([2, 3, 2], dtype="float64", backend="numpy")
    net.weights = [[[0.9, -0.4], [0.3, 0.6], [-0.7, 0.5]], [[0.8, -0.5, 0.3], [-0.6, 0.4, 0.9]]]
    net.biases = [[0.1, -0.2, 0.3], [0.2, -0.1]]
    return net


SAMPLE = ([0.5, 0.8], [0.0, 1.0])


@cache
def rings() -> tuple[Any, Any]:
    """Return three classes, each a noisy ring."""
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    angle = random.uniform(0, 2 * np.pi, 300)
    spots = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.6 + y)[:, None]
    return spots + random.normal(0, 0.22, spots.shape), y


@cache
def ring_training() -> tuple[bp.Network, bp.History]:
    X, y = rings()
    net = bp.Network([2, 16, 3], "tanh", output="softmax", cost="cross_entropy", seed=0)
    history = net.fit(
        *(X, y, 100, 16, 0.2),
        validation_fraction=0.2,
        progress=False,
    )
    return net, history


@cache
def surface_training() -> bp.Network:
    X, _ = rings()
    net = bp.Network([2, 16, 1], "tanh", output="identity", seed=0)
    net.fit(X, values(), 150, 32, 0.02, progress=False)
    return net


def values() -> Any:
    X, _ = rings()
    return np.sin(1.5 * X[:, 0]) + 0.4 * X[:, 1]


@cache
def digits_training() -> bp.Network:
    data = bp.load_digits()
    net = bp.Network([64, 36, 10], "tanh", "softmax", "cross_entropy", seed=0)
    net.fit(data.X, data.y, 12, 32, 0.1, progress=False)
    return net


def network(**options: Any) -> Any:
    return bp.plot.network(teaching_network(), *SAMPLE, **options)


def wide_network() -> Any:
    data = bp.load_digits()
    return bp.plot.network(digits_training(), data.X[0], data.y[:1])


def chain() -> Any:
    return bp.plot.chain(teaching_network(), *SAMPLE, layer=1, j=0, k=1)


def curves() -> Any:
    return bp.plot.curves(ring_training()[1])


def flow() -> Any:
    X, y = rings()
    net = bp.Network([2, 12, 12, 12, 12, 3], output="softmax", cost="cross_entropy", seed=0)
    history = net.fit(X, y, 120, 32, optimizer="adam", learning_rate=0.01, health=1, progress=False)
    return bp.plot.flow(history.health)


def boundary() -> Any:
    net, _ = ring_training()
    return bp.plot.boundary(net, *rings(), class_names=("inner", "middle", "outer"))


def surface() -> Any:
    return bp.plot.boundary(surface_training(), rings()[0], values())


def histograms() -> Any:
    return bp.plot.histograms(digits_training())


def images() -> Any:
    return bp.plot.images(digits_training())


def confusion() -> Any:
    data = bp.load_digits()
    return bp.plot.confusion(digits_training(), data.X, data.y)


def learning_rates() -> Any:
    data = bp.load_digits()
    net = bp.Network([64, 32, 10], "relu", "softmax", "cross_entropy", seed=0)
    return bp.plot.learning_rates(net.find_learning_rate(data.X, data.y))


PICTURES: dict[str, Callable[[], Any]] = {
    "network": network,
    "gradient": lambda: network(edges="gradient"),
    "wide_network": wide_network,
    "chain": chain,
    "curves": curves,
    "flow": flow,
    "boundary": boundary,
    "surface": surface,
    "histograms": histograms,
    "images": images,
    "confusion": confusion,
    "learning_rates": learning_rates,
}


def film() -> None:
    """Return the film of the decision boundary of `rings`."""
    X, y = rings()
    net = bp.Network([2, 16, 3], "tanh", output="softmax", cost="cross_entropy", seed=0)
    taken = net.record(X, y, epochs=60, batch_size=16, learning_rate=0.2, every=4, progress=False)
    taken.animate(fps=4).save(FOLDER / "film.gif", dpi=50)


def save(figure: Any, path: Path) -> None:
    """Write it with few colors, which makes a small file."""
    from io import BytesIO

    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, dpi=DPI)
    Image.open(drawn).convert("RGB").quantize(COLORS).save(path, optimize=True)


def main(names: list[str]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        for paper, style in STYLES.items():
            with plt.style.context(style):
                figure = PICTURES[name]().figure
                save(figure, FOLDER / f"{name}_{paper}.png")
                plt.close(figure)
    if not names:
        film()


if __name__ == "__main__":
    main(sys.argv[1:])
