"""Drop-in replacements for scikit-learn's MLP estimators: several times faster, extra features.

Parameters, attributes and random draws are the same; docs/guide/sklearn.md lists all differences.

>>> from backprop_rs.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> mlp = MLPClassifier((16,), learning_rate_init=0.01, batch_size=10, random_state=0)
>>> mlp.fit(X, y).score(X, y)
0.9...
"""

try:
    import sklearn as _sklearn  # noqa: F401  (scikit-learn itself, not this package)
except ImportError as error:
    raise ImportError("backprop_rs.sklearn needs scikit-learn: pip install scikit-learn") from error

from ._classifier import MLPClassifier
from ._convert import from_sklearn, to_sklearn
from ._hidden_activations import HiddenActivations
from ._model import ModelClassifier, ModelRegressor
from ._regressor import MLPRegressor

__all__ = [
    "HiddenActivations",
    "MLPClassifier",
    "MLPRegressor",
    "ModelClassifier",
    "ModelRegressor",
    "from_sklearn",
    "to_sklearn",
]


def __dir__() -> list[str]:
    return __all__
