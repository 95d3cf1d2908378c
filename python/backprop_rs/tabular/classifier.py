"""`TabularClassifier`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._internal import checks
from .._internal.keywords import hinting
from ..data.target_encoder import TargetEncoder
from .base import TabularEstimator


@hinting
class TabularClassifier(TabularEstimator):
    """A classifier of the rows of a table: several networks, prepared and combined by themselves.

    It takes numbers, texts, booleans and dates with missing cells. Each network holds another part
    of the rows out, and keeps the epoch with the least loss there. Half of the networks see each
    number as a piecewise-linear encoding too, and all learn a factor for each feature. Their
    probabilities are averaged.

    Parameters
    ----------
    preset : {"default", "fast", "best"}, default "default"
        How many networks and epochs: "default" trains eight networks, "fast" four with fewer
        epochs, and "best" sixteen, with weights of encodings and a temperature.
    metric : name, function or `Metric`, optional
        The metric by which epochs and weights are chosen, such as "roc_auc" or "accuracy"; by
        default the log-loss. A function must have an attribute `higher_is_better`.
    class_weight : "balanced" or mapping from class to weight, optional
        Factors of the weights of the rows of each class.
    early_stopping : bool, default False
        End the training of a network after epoch 2 b + 21, where b is its best epoch so far,
        instead of making all epochs. The parameters are those of the best epoch in any case.
    categorical_features : "auto", or sequence of names, positions or bools, default "auto"
        The columns of numbers that are categories. Texts, booleans and categories are always.
    time_limit : float, optional
        The seconds that `fit` should take at most. Networks then train fewer epochs, at least one
        each, so that the result depends on the speed of the machine.
    warm_start : False
        `fit` always trains from the beginning.
    n_jobs : int, optional
        The number of networks that train at the same time, each in a thread; -1 means all
        processors. By default `get_num_threads()`. The result does not depend on it.
    progress : bool, optional
        Show a progress bar; None means in terminals and in Jupyter. By default False.
    random_state : int, RandomState or None, default None
        The seed of the folds, the initial values and the order of the rows. With the same integer
        the result has the same bits.
    settings : mapping, optional
        Other settings of the preset, for experiments; their names may change.

    Attributes
    ----------
    model_ : Model
        The networks with their preparations, weights and temperature.
    classes_ : (k,) array
        The classes, sorted, in their own type; the positions of the columns for several labels.
    oof_prediction_ : (n, k) array
        The out-of-fold probabilities of the training rows: of networks that have not learned from
        a row. NaN for rows that none held out, and for rows of weight 0.
    temperature_ : float
        The temperature of the mean of the probabilities.
    encoding_weights_ : dict
        The weight of the networks with and without the piecewise-linear encoding.
    feature_importances_ : (n_features,) array
    n_features_in_ : int
    feature_names_in_ : (n_features,) array of str
        Only if X has names.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart 2024, Better by Default: Strong Pre-Tuned MLPs and Boosted
    Trees on Tabular Data. Gorishniy, Rubachev and Babenko 2022, On Embeddings for Numerical
    Features in Tabular Deep Learning.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> table = {
    ...     "age": [34, 51, None, 28, 45, 62, 39, 23] * 10,
    ...     "city": ["Bonn", "Ulm", "Ulm", None, "Köln", "Bonn", "Köln", "Ulm"] * 10,
    ...     "left": ["no", "yes", "no", "no", "yes", "yes", "no", "yes"] * 10,
    ... }
    >>> model = bp.TabularClassifier("fast", random_state=0).fit(table, "left")
    >>> model.predict({"age": [62, 34], "city": ["Bonn", "Bonn"]})
    array(['yes', 'no'], dtype='<U3')
    >>> model.score(table, "left")
    1.0
    """

    kind = "classifier"
    predicts_classes: ClassVar[bool] = True
    classes_: NDArray[Any]

    def __init__(
        self,
        preset: str = "default",
        *,
        metric: Any = None,
        class_weight: Any = None,
        early_stopping: bool = False,
        categorical_features: Any = "auto",
        time_limit: float | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        progress: bool | None = False,
        random_state: Any = None,
        settings: Any = None,
    ) -> None:
        self.preset, self.metric, self.class_weight = preset, metric, class_weight
        self.early_stopping, self.categorical_features = early_stopping, categorical_features
        self.time_limit, self.warm_start = time_limit, warm_start
        self.n_jobs, self.progress, self.random_state = n_jobs, progress, random_state
        self.settings = settings

    def _class_weight(self) -> Any:
        return self.class_weight

    def _set_results(
        self,
        outputs: NDArray[np.float64],
        y: NDArray[Any],
        target: TargetEncoder,
    ) -> None:
        self.classes_ = classes_of(target)
        self.oof_prediction_ = outputs

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, in the order of `classes_`, or of each label.

        Parameters
        ----------
        X : table-like or path
            As for `predict`.

        Returns
        -------
        ndarray of shape (m, k)
        """
        rows = self._parts(X)
        return self.model_.predict_proba(rows)

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the natural logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: NDArray[Any] = np.log(self.predict_proba(X))
        return logarithms

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose class, or whose labels all, are right.

        Parameters
        ----------
        X : table-like or path
        y : str, sequence of str, or array-like
            As for `fit`.
        sample_weight : (m,) array-like, optional
        """
        features, true = self._labeled(X, y)
        right = self.model_.predict(features) == true
        if np.ndim(right) == 2:
            right = right.all(axis=1)
        weights = None
        if sample_weight is not None:
            weights = checks.sample_weight(sample_weight, len(features), "float64")
        return float(np.average(right, weights=weights))


def classes_of(target: TargetEncoder) -> NDArray[Any]:
    """Return the classes, or the positions of several labels."""
    return np.arange(len(target.names)) if target.kind == "labels" else target.class_array
