"""What a network computes without learning."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from .._internal import checks, frames, memory
from ..custom import Activation, Cost
from ..trace import Trace
from .base import Base
from .threshold import threshold

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Data
    from ..data.sources import Source
    from ..training.metrics import Metrics
    from . import Network


class Computes(Base):
    """Passes forward and back."""

    def predict(self, X: Data | Source, out: Array | None = None) -> Array:
        """The activations of the output layer.

        Parameters
        ----------
        X : (m, n_0) array-like, one sample (n_0,), or a `backprop_rs.data.Source`
            A C-contiguous array of the network's dtype is used as it is, without a copy. The
            columns of a frame go by their names, if the network was trained on a frame.
        out : (m, n_L) array, or (n_L,) for one sample; optional
            A writable C-contiguous array of the network's dtype to write the result to.

        Returns
        -------
        (m, n_L) array, or (n_L,) for one sample

        Examples
        --------
        >>> net = Network([2, 3, 2], init="zeros")
        >>> net.predict([[1, 2], [3, 4]])
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)
        >>> net.predict([1, 2])
        array([0.5, 0.5], dtype=float32)
        """
        result = self._core.predict(X, out)
        if result is None:
            result = self._predict_checked(X, out)
        return result  # type: ignore[no-any-return]

    def _predict_checked(self, X: Data, out: Array | None) -> Array:
        """What `predict` does where its arguments are not ready for the core as they are."""
        if is_source(X):
            from ..training import out_of_core

            return out_of_core.predict(cast("Network", self), X, out)
        n_out = self.sizes[-1]
        X = self._inputs(X)
        if out is not None:
            checks.output(out, (*X.shape[:-1], n_out), self.dtype)
            if np.may_share_memory(X, out):
                X = X.copy()
        else:
            rows = len(X) if X.ndim == 2 else 1
            memory.need(rows * n_out, self.dtype, f"the result for {rows:,} samples")
        return self._core.predict(X, out)  # type: ignore[no-any-return]

    def activations(self, X: Data) -> list[Array]:
        """The activations of all layers, from the input to the output.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,), which is a batch of one here

        Returns
        -------
        list of (m, n_l) arrays
            [a0, a1, ..., aL] (eq. zLastLayer).

        Examples
        --------
        >>> [a.shape for a in Network([2, 3, 1]).activations([[1, 2], [3, 4]])]
        [(2, 2), (2, 3), (2, 1)]
        """
        n_in = self.sizes[0]
        X = self._inputs(X)
        self._need_rows(X, 1)
        return self._core.activations_of(X.reshape(-1, n_in))  # type: ignore[no-any-return]

    def backward(self, X: Data, y: Data, sample_weight: Data | None = None) -> Trace:
        """Everything that back-propagation computes for a batch; nothing is changed.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
        sample_weight : (m,) array-like of numbers >= 0, optional
            What each sample counts for in the averages.

        Returns
        -------
        Trace

        Examples
        --------
        >>> trace = Network([2, 3, 1], init="zeros").backward([[1, 2]], [[1]])
        >>> trace.cost
        0.25
        >>> trace.deltas[-1]
        array([[-0.25]], dtype=float32)
        """
        X, y = self._samples(X, y)
        self._need_rows(X, 3)  # z, a and δ
        return Trace(*self._core.backward(X, y, self._weights(sample_weight, X)))

    def evaluate(
        self,
        X: Data | Source,
        y: Data | None = None,
        sample_weight: Data | None = None,
        *,
        metrics: Any = (),
    ) -> dict[str, float]:
        """Return the mean cost, the accuracy if y are classes, and any other metrics.

        Classes are integer labels, one-hot rows, or, for one output with sigmoid, 0 and 1
        (predicted 1 from an activation of 0.5). Rows of 0 and 1 for several sigmoid outputs that
        are not all one-hot are several labels a sample: it is right if all of its labels are. A
        network that was trained on such rows takes all of 0 and 1 for several labels.

        Parameters
        ----------
        X : (m, n_0) array-like, one sample (n_0,), or a `backprop_rs.data.Source` with targets
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
            None with a source.
        sample_weight : (m,) array-like of numbers >= 0, not all 0; optional
            What each sample counts for in the averages.
        metrics : name, function of (y_true, y_pred), `Metric`, or sequence of them, default ()
            As for `fit`.

        Returns
        -------
        dict
            {"cost": C} or {"cost": C, "accuracy": share of correct samples}, and the metrics.

        Examples
        --------
        >>> Network([2, 3, 1], init="zeros").evaluate([[1, 2], [3, 4]], [0, 1])
        {'cost': 0.25, 'accuracy': 0.5}
        """
        if is_source(X):
            from ..training import out_of_core

            return out_of_core.evaluate(cast("Network", self), X, self._metrics(metrics))
        from ..data.labels import target_labels

        wanted = self._metrics(metrics)
        X, y = self._samples(X, y)
        weights = self._weights(sample_weight, X)
        checks.some_weight("sample_weight", weights)
        labels = target_labels(y, self.output, self.cost, self._several_labels)
        return self._score(X, y, labels, weights, wanted)

    def _metrics(self, given: Any) -> Metrics:
        """Check what metrics are asked for."""
        from ..training.metrics import Metrics

        return Metrics(given, self._threshold(), self.output)

    def _score(
        self,
        X: Array,
        y: AnyArray,
        labels: AnyArray | None,
        weights: Array | None,
        metrics: Metrics,
    ) -> dict[str, float]:
        """Return the cost, the accuracy if there are labels, and the metrics."""
        scores = {}
        if labels is not None or metrics.rows:
            a = self._core.predict(X)
            scores = metrics.scores(y, labels, a, weights)
            if labels is not None and "accuracy" not in scores:
                scores = {"accuracy": metrics.accuracy(labels, a, weights)} | scores
        return {"cost": float(self._core.mean_cost(X, y, weights))} | scores

    def _threshold(self) -> float:
        """Where one output changes from no to yes."""
        return threshold(self._activations[-1], self.cost)

    def _feature_names(self) -> tuple[str, ...]:
        """Return the names of the inputs, if the network was trained on any."""
        names = self.metadata.get("feature_names")
        if not isinstance(names, list) or len(names) != self.sizes[0]:
            return ()
        return tuple(map(str, names))

    def _inputs(self, X: Data) -> Array:
        """X (m, n_in) or (n_in,), ready for the core; the columns of a frame go by their names."""
        known = self._feature_names()
        if known and not isinstance(X, np.ndarray):
            X = frames.in_order("X", X, known)
        return checks.inputs(X, self.sizes[0], self.dtype)

    def _need_rows(self, X: Array, times: int) -> None:
        """Refuse to keep so many numbers of every neuron for every sample without the room."""
        rows = len(X) if X.ndim == 2 else 1
        numbers = times * rows * sum(self.sizes[1:])
        memory.need(numbers, self.dtype, f"what is kept of {rows:,} samples")

    def _weights(self, given: Data | None, X: Array) -> Array | None:
        return None if given is None else checks.sample_weight(given, len(X), self.dtype)

    def _samples(self, X: Data, y: Data | None) -> tuple[Array, AnyArray]:
        """X (m, n_0) and y, both ready for the core."""
        if y is None:
            raise TypeError("y must be given, but where X is a source with targets; got None")
        n_in, *_, n_out = self.sizes
        X = self._inputs(X)
        cost = self.cost.partition("(")[0]
        y = checks.targets(y, X, n_out, self.dtype, cost, self._target_range)
        X = X.reshape(-1, n_in)
        if self._unchecked:
            self._check_functions(X, y)
        return X, y

    def _check_functions(self, X: Array, y: AnyArray) -> None:
        """Compare the derivatives of functions of the user's own with differences, once."""
        from .._internal.derivative_check import check_activation, check_cost

        for own in self._functions:
            if isinstance(own, Activation):
                check_activation(own, self.sizes[1 + self._activations.index(own)])
        for own in self._functions:
            if isinstance(own, Cost):
                from ..training.scores import one_hot

                y = one_hot(y, self.sizes[-1]) if y.ndim == 1 else y
                check_cost(own, self._core.predict(X), y)
        self._unchecked = False


def is_source(X: object) -> TypeGuard[Source]:
    """Whether it is a `Source`; none was made where its module was never imported."""
    base = sys.modules.get("backprop_rs.data.sources.base")
    return base is not None and isinstance(X, base.Source)
