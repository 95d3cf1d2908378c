"""`backprop-rs plot`: draw a saved model and its predictions."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import plot
from .._internal.averages import average
from .._internal.printable import say
from .._internal.writing import writing
from ..data.preparation import Preparation
from ..model import Model, load
from ..network import Network
from ..plot.style import require
from . import plot_boundary
from .saved_model import Labeled, choose_rows, first_network, history_of, labeled


class Picture(NamedTuple):
    """One KIND of picture: its function and options; `data` is "no", "may" or "must"."""

    data: str
    draw: Callable[[Namespace, Model | Network, Any], Any]
    options: tuple[str, ...] = ()


def network(args: Namespace, saved: Model | Network, samples: Labeled | None) -> Any:
    """Draw neurons and weights, and the quantities of one row if there are samples."""
    net = first_network(saved)
    x, y = (None, None) if samples is None else one_row(args, samples)
    return plot.network(
        net,
        x,
        y,
        edges=args.edges,
        feature_names=features_of(saved),
        class_names=classes_of(saved),
    )


def chain(args: Namespace, saved: Model | Network, samples: Labeled) -> Any:
    """Draw how the cost depends on one weight."""
    net = first_network(saved)
    x, y = one_row(args, samples)
    weight = largest_weight(net, x, y) if args.weight is None else args.weight
    if len(weight) != 3:
        raise ValueError(f"--weight must be LAYER,J,K; got {len(weight)} numbers")
    return plot.chain(net, x, y, *weight)


def largest_weight(net: Network, x: Any, y: Any) -> list[int]:
    """Return the weight of the first layer with the largest gradient: layer, j and k."""
    gradient = np.abs(net.backward(x, y).weight_gradients[0])
    j, k = np.unravel_index(int(gradient.argmax()), gradient.shape)
    return [1, int(j), int(k)]


def one_row(args: Namespace, samples: Labeled) -> tuple[Any, Any]:
    """Return X (1, n_0) and y of --row."""
    row = choose_rows(args.row, 1, len(samples.X))
    return samples.X[row], samples.y[row]


def curves(args: Namespace, saved: Model | Network, _: Any) -> Any:
    """Draw columns of the history over the epochs."""
    history = history_of(saved)
    if history is None:
        raise ValueError("MODEL must keep the history of its training, as train does; it has none")
    return plot.curves(history, args.columns)


def weights(_: Namespace, saved: Model | Network, samples: Labeled | None) -> Any:
    """Draw histograms of the weights, or of their gradients if there are samples."""
    more = () if samples is None else (samples.X, samples.y)
    return plot.histograms(first_network(saved), *more)


def images(args: Namespace, saved: Model | Network, _: Any) -> Any:
    """Draw the incoming weights of each neuron as an image."""
    if args.shape is not None and len(args.shape) != 2:
        raise ValueError(f"--shape must be HEIGHT,WIDTH; got {len(args.shape)} numbers")
    return plot.images(first_network(saved), layer=args.layer, shape=args.shape)


def boundary(args: Namespace, _: Model | Network, samples: Labeled) -> Any:
    """Draw the predictions over two features."""
    return plot_boundary.boundary(samples, args.features)


def confusion(_: Namespace, saved: Model | Network, samples: Labeled) -> Any:
    """Draw the confusion matrix."""
    names = classes_of(saved)
    if isinstance(saved, Model) and not names:
        raise ValueError("plot confusion needs a model of classes; MODEL predicts values or labels")
    return plot.confusion(averaged(saved), samples.X, samples.y, class_names=names)


class Averaged:
    """Several networks as one: their outputs are averaged, and all else is that of the first."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = networks

    def predict(self, X: Any) -> Any:
        """Return the mean of the outputs (m, n_L)."""
        return average([network.predict(X) for network in self.networks])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.networks[0], name)


def averaged(saved: Model | Network) -> Any:
    """Return the network of a saved model, or several as one."""
    if isinstance(saved, Model) and len(saved.networks) > 1:
        return Averaged(saved.networks)
    return first_network(saved)


def features_of(saved: Model | Network) -> tuple[str, ...]:
    """Return the names of the inputs of the network, if they have names."""
    if isinstance(saved, Model):
        return saved.preprocessor.feature_names
    return Preparation.from_metadata(saved.metadata, saved.sizes).feature_names


def classes_of(saved: Model | Network) -> tuple[str, ...]:
    """Return the names of the classes; empty for values."""
    if isinstance(saved, Model):
        return tuple(map(str, saved.classes))
    return Preparation.from_metadata(saved.metadata, saved.sizes).class_names


PICTURES = {  # `cli` describes each
    "network": Picture("may", network, ("row", "edges")),
    "chain": Picture("must", chain, ("row", "weight")),
    "curves": Picture("no", curves, ("columns",)),
    "weights": Picture("may", weights),
    "images": Picture("no", images, ("layer", "shape")),
    "boundary": Picture("must", boundary, ("features",)),
    "confusion": Picture("must", confusion),
}
DEFAULTS: dict[str, Any] = {  # of options that only go with some kinds
    "row": 0,
    "edges": "weight",
    "weight": None,
    "columns": "cost",
    "layer": 1,
    "shape": None,
    "features": None,
}
MAX_DPI = 2400  # Matplotlib runs out of memory above


def check(args: Namespace, picture: Picture) -> None:
    """Refuse options that do not go with the kind of picture, and fill in the defaults."""
    if picture.data == "must" and args.data is None:
        raise ValueError(f"plot {args.kind} must have DATA after MODEL; got none")
    if picture.data == "no" and args.data is not None:
        raise ValueError(f"plot {args.kind} takes no DATA; got {args.data}")
    for name, default in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
        elif name not in picture.options:
            kinds = [kind for kind, other in PICTURES.items() if name in other.options]
            raise ValueError(f"--{name} goes with plot {' and '.join(kinds)}; got {args.kind}")
        elif name == "row" and args.data is None:
            raise ValueError("--row goes with DATA after MODEL; got none")
    if args.target is not None and args.data is None:
        raise ValueError("--target goes with DATA after MODEL; got none")
    if not 0 < args.dpi <= MAX_DPI:
        raise ValueError(f"--dpi must be a number > 0 and <= {MAX_DPI}; got {args.dpi:g}")
    if not Path(args.out).suffix:  # Matplotlib would append .png
        raise ValueError(
            "--out must end in the format of the picture, such as .png, .svg or .pdf; "
            f"got {args.out}"
        )


def run(args: Namespace) -> None:
    """Draw a picture and write it to --out."""
    require()
    import matplotlib

    matplotlib.use("Agg")  # no window
    import matplotlib.pyplot as plt

    picture = PICTURES[args.kind]
    check(args, picture)
    saved = load(args.model, backend=args.backend or "auto")
    samples = None if args.data is None else labeled(args, saved)
    with plt.style.context("dark_background" if args.dark else "default"):
        figure = picture.draw(args, saved, samples).figure
        with writing(args.out, devices=True) as file:
            figure.savefig(file, format=Path(args.out).suffix[1:], dpi=args.dpi)
        plt.close(figure)
    say(f"{args.kind} of {args.model} drawn in {args.out}")
