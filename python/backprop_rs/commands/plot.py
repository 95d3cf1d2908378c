"""`backprop-rs plot`: draw a saved network and its predictions."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import plot
from .._internal.printable import say
from .._internal.writing import writing
from ..data.preparation import Preparation
from ..data.table_options import listed
from ..network import Network
from ..plot.style import require
from .saved_model import choose_rows, history_of, read_samples


class Picture(NamedTuple):
    """One KIND of picture: its function and options; `data` is "no", "may" or "must"."""

    data: str
    draw: Callable[[Namespace, Network, Any], Any]
    options: tuple[str, ...] = ()


def network(args: Namespace, net: Network, samples: Any) -> Any:
    """Draw neurons and weights, and the quantities of one row if there are samples."""
    if samples is None:
        return plot.network(net, edges=args.edges)
    return plot.network(net, *one_row(args, samples), edges=args.edges)


def chain(args: Namespace, net: Network, samples: Any) -> Any:
    """Draw how the cost depends on one weight."""
    if args.weight is None or len(args.weight) != 3:
        raise ValueError("plot chain must have --weight LAYER,J,K, such as --weight 1,0,2")
    return plot.chain(net, *one_row(args, samples), *args.weight)


def one_row(args: Namespace, samples: Any) -> tuple[Any, Any]:
    """Return X (1, n_0) and y of --row."""
    X, y = samples
    row = choose_rows(args.row, 1, len(X))
    return X[row], y[row]


def curves(args: Namespace, net: Network, _: Any) -> Any:
    """Draw columns of the history over the epochs."""
    return plot.curves(history_of(net), args.columns)


def weights(_: Namespace, net: Network, samples: Any) -> Any:
    """Draw histograms of the weights, or of their gradients if there are samples."""
    return plot.histograms(net, *(samples or ()))


def images(args: Namespace, net: Network, _: Any) -> Any:
    """Draw the incoming weights of each neuron as an image."""
    if args.shape is not None and len(args.shape) != 2:
        raise ValueError(f"--shape must be HEIGHT,WIDTH; got {len(args.shape)} numbers")
    return plot.images(net, layer=args.layer, shape=args.shape)


def boundary(args: Namespace, net: Network, samples: Any) -> Any:
    """Draw the predictions over two features."""
    preparation = Preparation.from_metadata(net.metadata, net.sizes)
    columns = preparation.feature_names or tuple(f"x{i}" for i in range(net.sizes[0]))
    features = None if args.features is None else features_of(args.features, columns)
    scaled = " (scaled)" if preparation.scaling is not None else ""
    X, y = samples
    return plot.boundary(
        net,
        X,
        y,
        features=features,
        names=[f"{column}{scaled}" for column in columns],
        class_names=preparation.class_names,
    )


def features_of(text: str, names: tuple[str, ...]) -> tuple[int, int]:
    """Return the positions of two features, given by name or by position."""
    positions = []
    for part in text.split(","):
        if part not in names and not (part.isdecimal() and int(part) < len(names)):
            accepted = f"{listed(names)}, or positions from 0 to {len(names) - 1}"
            raise ValueError(f"--features must be two of {accepted}; got {part!r}")
        positions.append(names.index(part) if part in names else int(part))
    if len(positions) != 2:
        raise ValueError(f"--features must be two, with a comma between; got {text!r}")
    return positions[0], positions[1]


def confusion(args: Namespace, net: Network, samples: Any) -> Any:
    """Draw the confusion matrix."""
    preparation = Preparation.from_metadata(net.metadata, net.sizes)
    return plot.confusion(net, *samples, class_names=preparation.class_names)


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
    net = Network.load(args.model, backend=args.backend)
    samples = None if args.data is None else read_samples(args, net)
    with plt.style.context("dark_background" if args.dark else "default"):
        figure = picture.draw(args, net, samples).figure
        with writing(args.out, devices=True) as file:
            figure.savefig(file, format=Path(args.out).suffix[1:], dpi=args.dpi)
        plt.close(figure)
    say(f"{args.kind} of {args.model} drawn in {args.out}")
