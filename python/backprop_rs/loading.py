"""`load`: the object that a file of this package holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import model as models
from ._internal import model_file

if TYPE_CHECKING:
    from ._internal.types import Path
    from .custom import Activation, Cost
    from .model import Model
    from .network import Network
    from .tabular import TabularClassifier, TabularRegressor


def load(
    path: Path,
    backend: str = "auto",
    *,
    functions: Sequence[Activation | Cost] = (),
    allow_nonfinite: bool = False,
) -> Model | Network | TabularClassifier | TabularRegressor:
    """Read what `save` of a network, a model or an estimator for tables wrote.

    Parameters
    ----------
    path : str or path
    backend : "auto", "rust" or "numpy", default "auto"
    functions : sequence of `Activation` and `Cost`, default ()
        The functions of your own that it was saved with: a file has their names only.
    allow_nonfinite : bool, default False
        Take parameters that are NaN or infinite too.

    Returns
    -------
    Network, Model, TabularClassifier or TabularRegressor
        The kind of object that was saved.

    Raises
    ------
    ValueError
        If the file is truncated, was changed, or is not a model of this package.

    Examples
    --------
    >>> import os, tempfile
    >>> import backprop_rs as bp
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> bp.Network([2, 3, 2], seed=0).save(path)
    >>> load(path)
    Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
    """
    loaded = models.load(path, backend, functions=functions, allow_nonfinite=allow_nonfinite)
    if not isinstance(loaded, models.Model) or loaded.estimator is None:
        return loaded
    from .tabular.files import from_model

    try:
        return from_model(loaded)  # type: ignore[return-value]
    except (ValueError, TypeError, KeyError) as error:
        raise model_file.refused(path, f"has settings that cannot be used: {error}") from None
