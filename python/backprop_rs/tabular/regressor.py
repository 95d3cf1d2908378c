"""`TabularRegressor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._internal import checks
from .._internal.keywords import hinting
from ..data.target_encoder import TargetEncoder
from ..training.metrics import METRICS
from .base import TabularEstimator
from .intervals import Spread


@hinting
class TabularRegressor(TabularEstimator):
    """A regressor of the rows of a table: several networks, prepared and combined by themselves.

    It takes numbers, texts, booleans and dates with missing cells. Each network holds another part
    of the rows out, and keeps the epoch with the least squared error there. Half of the networks
    see each number as a piecewise-linear encoding too, and all learn a factor for each feature.
    Their predictions are averaged, and cut off at the range of the training rows.

    Parameters
    ----------
    preset : {"default", "fast", "best"}, default "default"
        How many networks and epochs: "default" trains eight networks, "fast" four with fewer
        epochs, and "best" sixteen, with weights of encodings.
    metric : name, function or `Metric`, optional
        The metric by which epochs and weights are chosen, such as "mae"; by default the squared
        error. A function must have an attribute `higher_is_better`.
    early_stopping, categorical_features, time_limit, warm_start, n_jobs, progress, random_state, \
settings
        As for `TabularClassifier`.

    Attributes
    ----------
    model_ : Model
        The networks with their preparations and weights.
    oof_prediction_ : (n,) or (n, k) array
        The out-of-fold predictions of the training rows: of networks that have not learned from
        a row. NaN for rows that none held out, and for rows of weight 0.
    encoding_weights_ : dict
        The weight of the networks with and without the piecewise-linear encoding.
    feature_importances_ : (n_features,) array
    n_features_in_ : int
    feature_names_in_ : (n_features,) array of str
        Only if X has names.

    References
    ----------
    As for `TabularClassifier`.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> import numpy as np
    >>> x = np.linspace(0, 6, 400)
    >>> model = bp.TabularRegressor("fast", random_state=0).fit({"x": x}, np.sin(x))
    >>> bool(abs(model.predict({"x": [1.5, 3.0]}) - np.sin([1.5, 3.0])).max() < 0.1)
    True
    >>> model.predict_interval({"x": [1.5, 3.0]}, coverage=0.8).shape
    (2, 2)
    """

    kind = "regressor"
    predicts_classes: ClassVar[bool] = False

    def __init__(
        self,
        preset: str = "default",
        *,
        metric: Any = None,
        early_stopping: bool = False,
        categorical_features: Any = "auto",
        time_limit: float | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        progress: bool | None = False,
        random_state: Any = None,
        settings: Any = None,
    ) -> None:
        self.preset, self.metric, self.early_stopping = preset, metric, early_stopping
        self.categorical_features, self.time_limit = categorical_features, time_limit
        self.warm_start, self.n_jobs, self.progress = warm_start, n_jobs, progress
        self.random_state, self.settings = random_state, settings

    def _set_results(
        self,
        outputs: NDArray[np.float64],
        y: NDArray[Any],
        target: TargetEncoder,
    ) -> None:
        values = target.limited(target.unscaled(outputs))
        found = np.flatnonzero(~np.isnan(values[:, 0]))
        own, true = values[found], target.unscaled(y)
        self._spreads = [Spread.of(a, b - a) for a, b in zip(own.T, true.T, strict=True)]
        self.oof_prediction_ = values[:, 0] if values.shape[1] == 1 else values

    def _description(self) -> dict[str, Any]:
        residuals = [spread.to_dict() for spread in self._spreads]
        return {**super()._description(), "residuals": residuals}

    def predict_quantiles(
        self, X: Any, quantiles: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> NDArray[np.float64]:
        """Return quantiles of the distribution of new values.

        They are the prediction and quantiles of the out-of-fold residuals of training rows with
        similar predictions: up to ten groups of 200 rows or more.

        Parameters
        ----------
        X : table-like or path
            As for `predict`.
        quantiles : sequence of float in (0, 1), default (0.1, 0.5, 0.9)
            With n training rows from 1 / (n + 1) to n / (n + 1).

        Returns
        -------
        ndarray of shape (m, q), or (m, q, k) for several columns

        Raises
        ------
        ValueError
            If there are too few training rows for a quantile.
        """
        shares = [checks.within("quantiles", share, 0.0, 1.0) for share in quantiles]
        if not shares:
            raise ValueError("quantiles must be at least one; got none")
        values = self.predict(X).astype(np.float64)
        rows = values.reshape(len(values), -1)
        found = np.stack(
            [
                np.stack(
                    [s.quantile(v, share) for s, v in zip(self._spreads, rows.T, strict=True)],
                    axis=1,
                )
                for share in shares
            ],
            axis=1,
        )
        return found[:, :, 0] if values.ndim == 1 else found

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return intervals that hold new values with at least about this probability.

        The ends are the quantiles (1 - coverage) / 2 and (1 + coverage) / 2 of
        `predict_quantiles`. The mean of all networks is better than the out-of-fold predictions
        whose residuals count, so that intervals are rather too wide than too narrow.

        Parameters
        ----------
        X : table-like or path
            As for `predict`.
        coverage : float in (0, 1), default 0.9
            With n training rows at most (n - 1) / (n + 1).

        Returns
        -------
        ndarray of shape (m, 2), or (m, 2, k) for several columns
            Lower and upper ends, which may lie beyond the range of the training rows.

        Raises
        ------
        ValueError
            If there are too few training rows for the coverage.
        """
        coverage = checks.within("coverage", coverage, 0.0, 1.0)
        return self.predict_quantiles(X, ((1 - coverage) / 2, (1 + coverage) / 2))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², averaged over the columns of the target.

        Parameters
        ----------
        X : table-like or path
        y : str, sequence of str, or array-like
            As for `fit`.
        sample_weight : (m,) array-like, optional
        """
        features, true = self._labeled(X, y)
        weights = None
        if sample_weight is not None:
            weights = checks.sample_weight(sample_weight, len(features), "float64")
        values = self.model_.predict(features).astype(np.float64)
        return METRICS["r2"].value(np.asarray(true, np.float64), values, weights, 1)
