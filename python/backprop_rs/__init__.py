"""Dense feed-forward networks, trained by back-propagation as it is derived.

>>> import backprop_rs as bp
>>> net = bp.Network([2, 3, 2], seed=0)
>>> net
Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .custom import Activation, Cost
from .dense import Dense
from .embedding import PBLD, PiecewiseLinear
from .exceptions import (
    MaskedValues,
    MissingCell,
    NonFiniteCost,
    NotNumbers,
    RankFailed,
    RanksDiffer,
)
from .history import History
from .network import Network
from .threads import get_num_threads, num_threads, set_num_threads
from .trace import Trace

if TYPE_CHECKING:
    from . import activations, costs, data, exceptions, initializers, optimizers, plot, schedules
    from . import reference as reference
    from . import typing as typing
    from .data import Dataset, load_digits, load_iris
    from .health import Health
    from .loading import load
    from .model import Model
    from .parallel import train_many
    from .tabular import TabularClassifier, TabularRegressor
    from .training.early_stopping import EarlyStopping
    from .training.metrics import Metric
    from .versions import show_versions
    from .web.interface import playground

__all__ = [
    "PBLD",
    "Activation",
    "Cost",
    "Dataset",
    "Dense",
    "EarlyStopping",
    "Health",
    "History",
    "MaskedValues",
    "Metric",
    "MissingCell",
    "Model",
    "Network",
    "NonFiniteCost",
    "NotNumbers",
    "PiecewiseLinear",
    "RankFailed",
    "RanksDiffer",
    "TabularClassifier",
    "TabularRegressor",
    "Trace",
    "__version__",
    "activations",
    "costs",
    "data",
    "exceptions",
    "get_num_threads",
    "initializers",
    "load",
    "load_digits",
    "load_iris",
    "num_threads",
    "optimizers",
    "playground",
    "plot",
    "schedules",
    "set_num_threads",
    "show_versions",
    "train_many",
    "typing",
]

# Imported when first used, so that `import backprop_rs` costs next to nothing over NumPy.
_LAZY = {
    "Dataset": "data",
    "load_digits": "data",
    "load_iris": "data",
    "show_versions": "versions",
    "train_many": "parallel",
    "EarlyStopping": "training.early_stopping",
    "Metric": "training.metrics",
    "Health": "health",
    "Model": "model",
    "load": "loading",
    "TabularClassifier": "tabular",
    "TabularRegressor": "tabular",
    "playground": "web.interface",
}
_MODULES = (
    *(
        "activations",
        "costs",
        "data",
        "exceptions",
        "initializers",
        "optimizers",
        "plot",
        "reference",
    ),
    "schedules",
    "typing",
)


if not TYPE_CHECKING:  # a type checker would take any name for one of this module

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name in _LAZY:
            return getattr(import_module(f".{_LAZY[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
