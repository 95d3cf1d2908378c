"""`playground`: the page for a browser or a notebook."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.writing import writing
from ..data import Dataset
from . import assembly, contents
from .widget import widget_of

if TYPE_CHECKING:
    from .._internal.types import Data, Path
    from ..network import Network

HEIGHT = 900  # of the page in a notebook, in pixels


class Playground:
    """A page with a network to build, train and take apart; it shows itself in a notebook.

    Attributes
    ----------
    html : str
        The page: one file that makes no request.
    """

    def __init__(self, data: Mapping[str, Any], net: Network | None = None) -> None:
        self.html = assembly.page(data)
        self._data, self._net = data, net
        self._widget: Any = None

    @property
    def network(self) -> Network:
        """The network as it stands on the page in a notebook; the extra `widget` is needed.

        Raises
        ------
        RuntimeError
            If the page has not been shown, or `anywidget` is not installed.
        """
        content = self._widget.file if self._widget is not None else b""
        if content:
            return contents.network(content)
        if self._net is not None:
            return self._net
        raise RuntimeError(
            "the network is known after the page is shown in a notebook with anywidget "
            "(pip install anywidget)"
        )

    def save(self, path: Path) -> None:
        """Write the page to a file, atomically."""
        with writing(path) as file:
            file.write(self.html.encode())

    def open(self) -> str:
        """Open the page in the browser, and return the name of its file, which is temporary."""
        import webbrowser

        handle, path = tempfile.mkstemp(prefix="playground-", suffix=".html")
        os.close(handle)
        self.save(path)
        webbrowser.open(f"file://{path}")
        return path

    def _repr_mimebundle_(self, **options: Any) -> Any:
        try:
            widget = self.widget
        except ImportError:  # a frame that tells Python nothing
            frame = (
                f'<iframe srcdoc="{escape(self.html)}" width="100%" height="{HEIGHT}" '
                'style="border: 0" title="backprop_rs playground"></iframe>'
            )
            return {"text/html": frame, "text/plain": repr(self)}
        return widget._repr_mimebundle_(**options)

    @property
    def widget(self) -> Any:
        """The page as an `anywidget.AnyWidget`, for marimo and for layouts of ipywidgets.

        Raises
        ------
        ImportError
            If `anywidget` is not installed.
        """
        if self._widget is None:
            self._widget = widget_of(assembly.page({**self._data, "widget": True}), HEIGHT)
        return self._widget

    def __repr__(self) -> str:
        return f"Playground({len(self.html.encode()) / 1e6:.1f} MB of HTML)"


def playground(
    X: Data | Dataset | None = None,
    y: Data | None = None,
    *,
    net: Network | None = None,
    feature_names: Sequence[str] = (),
    class_names: Sequence[str] = (),
) -> Playground:
    """Return a page on which a network is built, trained step by step, and explained.

    The page has the core of this package inside: its numbers are those of Python, to the last bit.
    It makes no request, and its data stay on the machine.

    Parameters
    ----------
    X : (m, n_0) array-like or `Dataset`, optional
        The samples, as the network takes them. By default the page offers toy sets, Iris and
        digits; a CSV file can be dropped onto it.
    y : (m,) or (m, n_L) array-like, optional
        Integers (m,) are class labels.
    net : Network, optional
        A network to start with; `X` and `y` must fit it.
    feature_names, class_names : sequence of str, optional

    Returns
    -------
    Playground
        It has `save(path)` and `open()`, and shows itself in a notebook. With the extra `widget`
        its `network` is then the network as it stands on the page.

    Raises
    ------
    ImportError
        If this installation was built without the core for web pages.
    ValueError, TypeError
        If the samples are not complete, or do not fit the network.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> page = bp.playground(bp.load_iris())  # doctest: +SKIP
    >>> page.save("iris.html")  # doctest: +SKIP
    """
    data = contents.built_in()
    if X is not None:
        dataset = X if isinstance(X, Dataset) else dataset_of(X, y, feature_names, class_names)
        data["own"] = own(dataset, net)
    elif y is not None or net is not None:
        raise TypeError("X must be given together with y and net; got None")
    return Playground(data, net)


def dataset_of(
    X: Data, y: Data | None, feature_names: Sequence[str], class_names: Sequence[str]
) -> Dataset:
    """Return samples with their targets."""
    if y is None:
        raise TypeError("y must be the targets of X; got None")
    return Dataset(
        np.asarray(X), np.asarray(y), feature_names=feature_names, class_names=class_names
    )


def own(dataset: Dataset, net: Network | None) -> dict[str, Any]:
    """Return the samples, and the network, for the page."""
    if len(dataset.X) < 2:
        raise ValueError(f"X must have at least 2 samples; got {len(dataset.X)}")
    class_names = dataset.class_names
    table = contents.table(dataset.X, dataset.y, dataset.feature_names, class_names)
    table["name"] = dataset.name or "your data"
    if net is not None:
        check_parts(net)
        if net.sizes[0] != table["inputs"]:
            raise ValueError(
                f"net must have {table['inputs']} inputs, as X has columns; got {net.sizes[0]}"
            )
        outputs = len(class_names) if len(class_names) > 2 else table["targets"]
        if net.sizes[-1] != outputs and not (class_names and net.sizes[-1] >= len(class_names)):
            raise ValueError(f"net must have {outputs} outputs for y; got {net.sizes[-1]}")
        table["model"] = contents.model(net)
    return table


def check_parts(net: Network) -> None:
    """Raise ValueError if a network has parts that the page does not know."""
    parts = {
        "custom functions": net._functions,
        "input_scale": net.input_scale,
        "embeddings": net.embedding,
    }
    for name, part in parts.items():
        if part:
            raise ValueError(f"net must have no {name} on the playground; got {net!r}")
