"""`backprop-rs plot`: pictures of a saved network, and of what it says of data."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import plot
from .._internal.printable import say
from .._internal.writing import writing
from ..data.table_options import listed
from ..history import History
from ..network import Network
from ..plot.style import require
from ..training.checkpoint import are_numbers
from .labelled import read, rows
from .preparation import Preparation


class Picture(NamedTuple):
    """One KIND: whether it takes DATA ("no", "may" or "must"), who draws it, and its options."""

    data: str
    draw: Callable[[Namespace, Network, Any], Any]
    options: tuple[str, ...] = ()


def network(args: Namespace, net: Network, samples: Any) -> Any:
    if samples is None:
        return plot.network(net, edges=args.edges)
    return plot.network(net, *one_row(args, samples), edges=args.edges)


def chain(args: Namespace, net: Network, samples: Any) -> Any:
    if args.weight is None or len(args.weight) != 3:
        raise ValueError("plot chain must have --weight LAYER,J,K, such as --weight 1,0,2")
    return plot.chain(net, *one_row(args, samples), *args.weight)


def one_row(args: Namespace, samples: Any) -> tuple[Any, Any]:
    X, y = samples
    chosen = rows(args.row, 1, len(X))
    return X[chosen], y[chosen]


def curves(args: Namespace, net: Network, _: Any) -> Any:
    return plot.curves(history_of(net), args.columns)


def history_of(net: Network) -> History:
    """The history that `train` has left in the model."""
    kept = net.metadata.get("history")
    if not isinstance(kept, dict) or not kept.get("epoch") or not kept.get("cost"):
        raise ValueError("MODEL must keep the history of its training, as train does; it has none")
    if not all(map(are_numbers, kept.values())):
        raise ValueError("MODEL must keep a history of numbers, as train does")
    fields = ("epoch", "cost", "val_cost", "val_accuracy", "learning_rate")
    own: dict[str, Any] = {name: list(kept[name]) for name in fields if name in kept}
    others = {name: list(kept[name]) for name in kept if name not in fields}
    return History(**own, metrics=others)


def weights(_: Namespace, net: Network, samples: Any) -> Any:
    return plot.histograms(net, *(samples or ()))


def images(args: Namespace, net: Network, _: Any) -> Any:
    if args.shape is not None and len(args.shape) != 2:
        raise ValueError(f"--shape must be HEIGHT,WIDTH; got {len(args.shape)} numbers")
    return plot.images(net, layer=args.layer, shape=args.shape)


def boundary(args: Namespace, net: Network, samples: Any) -> Any:
    known = Preparation.from_metadata(net.metadata, net.sizes)
    every = known.feature_names or tuple(f"x{i}" for i in range(net.sizes[0]))
    features = None if args.features is None else features_of(args.features, every)
    names = list(every)
    if known.scaling is not None:
        names = [f"{name} (scaled)" for name in names]
    return plot.boundary(
        net, *samples, features=features, names=names, class_names=known.class_names
    )


def features_of(given: str, names: tuple[str, ...]) -> tuple[int, int]:
    """Two features, by name or by position."""
    found = []
    for part in given.split(","):
        if part not in names and not (part.isdecimal() and int(part) < len(names)):
            known = f"{listed(names)}, or positions from 0 to {len(names) - 1}"
            raise ValueError(f"--features must be two of {known}; got {part!r}")
        found.append(names.index(part) if part in names else int(part))
    if len(found) != 2:
        raise ValueError(f"--features must be two, with a comma between; got {given!r}")
    return found[0], found[1]


def confusion(args: Namespace, net: Network, samples: Any) -> Any:
    known = Preparation.from_metadata(net.metadata, net.sizes)
    return plot.confusion(net, *samples, class_names=known.class_names)


PICTURES = {  # `cli` tells what each is
    "network": Picture("may", network, ("row", "edges")),
    "chain": Picture("must", chain, ("row", "weight")),
    "curves": Picture("no", curves, ("columns",)),
    "weights": Picture("may", weights),
    "images": Picture("no", images, ("layer", "shape")),
    "boundary": Picture("must", boundary, ("features",)),
    "confusion": Picture("must", confusion),
}
DEFAULTS: dict[str, Any] = {  # of the options that go with some kinds alone
    **{"row": 0, "edges": "weight", "weight": None},
    **{"columns": "cost", "layer": 1, "shape": None, "features": None},
}
MOST_DPI = 2400  # beyond it Matplotlib has no room for a picture


def check(args: Namespace, picture: Picture) -> None:
    """Refuse what does not go with the kind of picture, and fill in the defaults of the rest."""
    if picture.data == "must" and args.data is None:
        raise ValueError(f"plot {args.kind} must have DATA after MODEL; got none")
    if picture.data == "no" and args.data is not None:
        raise ValueError(f"plot {args.kind} takes no DATA; got {args.data}")
    for name, default in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
        elif name not in picture.options:
            kinds = [kind for kind, one in PICTURES.items() if name in one.options]
            raise ValueError(f"--{name} goes with plot {' and '.join(kinds)}; got {args.kind}")
        elif name == "row" and args.data is None:
            raise ValueError("--row goes with DATA after MODEL; got none")
    if args.target is not None and args.data is None:
        raise ValueError("--target goes with DATA after MODEL; got none")
    if not 0 < args.dpi <= MOST_DPI:
        raise ValueError(f"--dpi must be a number > 0 and <= {MOST_DPI}; got {args.dpi:g}")
    if not Path(args.out).suffix:  # Matplotlib would write another file, with .png behind
        raise ValueError(
            "--out must end in the format of the picture, such as .png, .svg or .pdf; "
            f"got {args.out}"
        )


def run(args: Namespace) -> None:
    require()
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    picture = PICTURES[args.kind]
    check(args, picture)
    net = Network.load(args.model, backend=args.backend)
    samples = None if args.data is None else read(args, net)
    with plt.style.context("dark_background" if args.dark else "default"):
        figure = picture.draw(args, net, samples).figure
        with writing(args.out, devices=True) as file:
            figure.savefig(file, format=Path(args.out).suffix[1:], dpi=args.dpi)
        plt.close(figure)
    say(f"{args.kind} of {args.model} drawn in {args.out}")
