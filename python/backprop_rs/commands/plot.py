"""`backprop-rs plot`: draw a saved model and its predictions."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import plot
from .._internal.printable import say
from .._internal.writing import writing
from ..data.preparation import Preparation
from ..model import Model, load
from ..network import Network
from ..plot.style import require
from . import plot_boundary
from .saved_model import (
    Labeled,
    choose_rows,
    history_of,
    labeled,
    member_of,
    network_of,
    note_of_member,
)


class Picture(NamedTuple):
    """One KIND of picture: its function and options; `data` is "no", "may" or "must"."""

    data: str
    draw: Callable[[Namespace, Model | Network, Any], Any]
    options: tuple[str, ...] = ()


def network(args: Namespace, saved: Model | Network, samples: Labeled | None) -> Any:
    """Draw neurons and weights, and the quantities of one row if there are samples."""
    member = member_of(args, saved)
    net = network_of(saved, member)
    x, y = (None, None) if samples is None else one_row(args, samples)
    return plot.network(
        net,
        x,
        y,
        edges=args.edges,
        feature_names=features_of(saved, member),
        class_names=classes_of(saved),
    )


def chain(args: Namespace, _: Model | Network, samples: Labeled) -> Any:
    """Draw how the cost depends on one weight."""
    net = samples.network
    x, y = one_row(args, samples)
    weight = args.weight or ()
    if len(weight) not in (0, 3):
        raise ValueError(f"--weight must be LAYER,J,K; got {len(weight)} numbers")
    return plot.chain(net, x, y, *weight)


def one_row(args: Namespace, samples: Labeled) -> tuple[Any, Any]:
    """Return X (1, n_0) and y of --row."""
    row = choose_rows(args.row, 1, len(samples.X))
    return samples.X[row], samples.y[row]


def curves(args: Namespace, saved: Model | Network, _: Any) -> Any:
    """Draw columns of the history over the epochs."""
    history = history_of(saved, member_of(args, saved))
    if history is None:
        raise ValueError("MODEL must keep the history of its training, as train does; it has none")
    return plot.curves(history, args.columns)


def weights(args: Namespace, saved: Model | Network, samples: Labeled | None) -> Any:
    """Draw histograms of the weights, or of their gradients if there are samples."""
    more = () if samples is None else (samples.X, samples.y)
    return plot.histograms(network_of(saved, member_of(args, saved)), *more)


def images(args: Namespace, saved: Model | Network, _: Any) -> Any:
    """Draw the incoming weights of each neuron as an image."""
    if args.shape is not None and len(args.shape) != 2:
        raise ValueError(f"--shape must be HEIGHT,WIDTH; got {len(args.shape)} numbers")
    net = network_of(saved, member_of(args, saved))
    return plot.images(net, layer=args.layer, shape=args.shape)


def boundary(args: Namespace, _: Model | Network, samples: Labeled) -> Any:
    """Draw the predictions over two features, of one network or of the average of all."""
    return plot_boundary.boundary(samples, args.features, args.member)


def confusion(args: Namespace, saved: Model | Network, samples: Labeled) -> Any:
    """Draw the confusion matrix."""
    names = classes_of(saved)
    if isinstance(saved, Model) and not names:
        raise ValueError("plot confusion needs a model of classes; MODEL predicts values or labels")
    judged = samples.network if args.member is not None else averaged(samples)
    return plot.confusion(judged, samples.X, samples.y, class_names=names)


class Averaged:
    """A model in place of a network: its answers are averages of all networks for a table."""

    def __init__(self, model: Model, table: Any) -> None:
        self.model, self.table = model, table

    def predict(self, _: Any) -> Any:
        """Return the outputs (m, n_L) of the model for the rows of the table."""
        return self.model._outputs(self.table)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model.networks[0], name)


def averaged(samples: Labeled) -> Any:
    """Return the network of a saved model, or several as one."""
    if isinstance(samples.saved, Model):
        return Averaged(samples.saved, samples.table)
    return samples.saved


def features_of(saved: Model | Network, member: int) -> tuple[str, ...]:
    """Return the names of the inputs of a network, if they have names."""
    if isinstance(saved, Model):
        return saved.preprocessors[member].feature_names
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
        shown = shown_member(args, saved)
        if shown:
            figure.text(0.01, 0.01, shown, fontsize="small")
        with writing(args.out, devices=True) as file:
            figure.savefig(file, format=Path(args.out).suffix[1:], dpi=args.dpi)
        plt.close(figure)
    of = f"{args.model} ({shown})" if shown else args.model
    say(f"{args.kind} of {of} drawn in {args.out}")


def shown_member(args: Namespace, saved: Model | Network) -> str:
    """Return which network of several a picture shows, or an empty text."""
    n = len(saved.networks) if isinstance(saved, Model) else 1
    if n > 1 and args.member is None and args.kind in ("boundary", "confusion"):
        return f"average of {n} networks"
    return note_of_member(saved, member_of(args, saved))
