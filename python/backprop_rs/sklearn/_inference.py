"""Methods of fitted estimators that are not predictions."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..importing.estimator import metadata_of
from ._data import dense, outputs
from ._fit_support import fitting
from ._network import optimizer
from ._parameters import Parameters
from ._stochastic import batch_size

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..network import Network
    from ..training.lr_finder import LearningRates


class InferenceMixin(Parameters):
    """Output and hidden activations, the network itself, and a learning-rate range test."""

    def _outputs(self, X: Any) -> Array:
        """Return output activations (m, n_outputs)."""
        if self._network is None:
            check_is_fitted(self)
        net = self._network if self._exposed is None else self._net()
        if type(X) is np.ndarray and X.ndim == 2 and not hasattr(self, "feature_names_in_"):
            a: Array | None = net._core.predict(X)  # type: ignore[union-attr]
            if a is not None:
                return a
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return outputs(self._net(), X.tocsr() if issparse(X) else X)

    def hidden_activations(self, X: Any) -> list[Array]:
        """Return the activations of the hidden layers.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        list of (n_samples, n_neurons) arrays, one per hidden layer
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return self._net().activations(X.toarray() if issparse(X) else X)[1:-1]

    def to_network(self) -> Network:
        """Return a copy of the network as a `backprop_rs.Network`, to save, export or explain.

        Its metadata has the classes in their own type and the names of the features, so that
        exported files give the labels of `predict`.
        """
        check_is_fitted(self)
        net = deepcopy(self._net())
        net.metadata |= metadata_of(self, net.sizes[-1])
        return net

    @fitting()
    def find_learning_rate(
        self, X: Any, y: Any, *, low: float = 1e-6, high: float = 10.0, steps: int = 200
    ) -> LearningRates:
        """Train a copy with a learning rate that grows from `low` to `high`.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs) array-like
        low, high : float, default 1e-6 and 10.0
        steps : int, default 200

        Returns
        -------
        LearningRates
            `rates`, `costs`, `suggestion` and `plot()`; see `Network.find_learning_rate`.
        """
        mlp: Any = self
        if mlp.solver == "lbfgs":
            raise ValueError("find_learning_rate does not support solver 'lbfgs'")
        copy = clone(mlp).initialize(X, y)
        net, samples = copy._prepare(X, y, None, incremental=False, first=False)
        net.seed = int(check_random_state(mlp.random_state).randint(2**31 - 1))
        rates: LearningRates = net.find_learning_rate(
            dense(samples.X),
            samples.y,
            batch_size=batch_size(mlp, len(samples)),
            optimizer=optimizer(mlp),
            low=low,
            high=high,
            steps=steps,
        )
        return rates
