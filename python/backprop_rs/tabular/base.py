"""The common part of `TabularClassifier` and `TabularRegressor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._internal import checks
from ..data import Table, TableStream
from ..data.column_report import ColumnReport
from ..data.column_statistics import ColumnStatistics, as_kind, with_kinds
from ..data.columns import Column
from ..data.preprocessor import Preprocessor, summary_of
from ..data.target_encoder import TargetEncoder
from ..model import Model, is_stream, model_of_members
from ..threads import get_num_threads, processors
from .ensemble import Combination, combine
from .folds import folds_of, random_rows
from .importance import Importance, Sample, importance_of
from .inputs import (
    are_named,
    checked_weights,
    fit_target,
    split_target,
    table_like_training,
    with_class_weight,
)
from .members import Member, Rows, Work, train_members
from .parameters import Parameters, is_json, plain
from .preparation import Known, fit_preparation, known_of, with_features
from .presets import PLAIN, Preset, preset_of
from .scoring import Scoring

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._internal.types import Path

LARGEST_SEED = 2**62

PART = 2**16
"""At most so many rows are predicted at once, so that features of all need no memory."""


class TabularEstimator(Parameters):
    """From a table to a `Model` of several networks, and from there to answers."""

    predicts_classes: ClassVar[bool]
    model_: Model
    n_features_in_: int
    oof_prediction_: NDArray[Any]

    preset: str
    metric: Any
    early_stopping: bool
    categorical_features: Any
    time_limit: float | None
    warm_start: bool
    n_jobs: int | None
    progress: bool | None
    random_state: Any
    settings: Any

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train on rows and their target.

        Parameters
        ----------
        X : table-like or path
            A frame of pandas, polars or pyarrow, a dictionary of columns, an array, or the path of
            a file that `data.read_table` reads. Cells may be missing, except in the target.
        y : str, sequence of str, or array-like of shape (n,) or (n, k)
            The name of the target's column in X, or of several, or its values.
        sample_weight : (n,) array-like of numbers >= 0, optional
            The weight of each row; rows of weight 0 are left out.
        validation_data : (X, y), or a table with the target, optional
            Rows that choose the epochs, the weights, the temperature and the intervals in place of
            folds: every network then learns from all rows of X, and `oof_prediction_` holds
            predictions of these rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If the data or a parameter do not fit; the error names the column or the parameter.
        """
        preset = self._preset()
        table, columns, is_named = split_target(X, y)
        kinds = self._kinds(table)
        if len(table) < 2:
            raise ValueError(f"X must have at least 2 samples; got n_samples={len(table)}")
        n = len(table)
        rows, target, kept = self._rows(table, columns, checked_weights(sample_weight, n), preset)
        scoring = Scoring.of(self.metric, target)
        validation = self._validation(validation_data, y, is_named, table.names, target)
        seed = seed_of(self.random_state)
        known = known_of(rows.table, kinds, target, preset.max_statistics_rows)
        rows = replace(rows, table=with_kinds(rows.table, known.kinds))
        known, main = main_preparation(rows, known, preset, seed, columns)
        members = members_of(rows, target, preset, seed, validation is not None)
        work = Work(rows, validation, known, preset, scoring.metric, bool(self.early_stopping))
        train_members(work, members, self._threads(), self.time_limit, self.progress)
        judged = rows if validation is None else validation
        combination = combine(members, judged.y, judged.weights, preset, scoring)
        self._set_names(X, table)
        self._set_model(main, members, combination)
        self._set_sample(judged, members, combination, preset, seed)
        self._scoring = scoring
        self._importance: Importance | None = None
        outputs = combination.outputs
        found = np.flatnonzero(~np.isnan(outputs[:, 0]))
        weights = None if judged.weights is None else judged.weights[found]
        metrics = scoring.report(judged.y[found], outputs[found], weights)
        self.model_.info = facts(len(rows), len(found), metrics)
        if validation is None and len(kept) < n:
            every = np.full((n, outputs.shape[1]), np.nan)
            every[kept] = outputs
            outputs = every
        self._set_results(outputs, judged.y[found], target)
        return self

    def _preset(self) -> Preset:
        """Check the parameters, and return the settings."""
        if self.warm_start is not False:
            checks.flag("warm_start", self.warm_start)
            raise ValueError(
                f"warm_start must be False: {type(self).__name__} always trains from the "
                "beginning; got True"
            )
        checks.flag("early_stopping", self.early_stopping)
        if self.time_limit is not None:
            checks.positive("time_limit", self.time_limit)
        kind = "classes" if self.predicts_classes else "values"
        return preset_of(self.preset, kind, self.settings)

    def _threads(self) -> int:
        if self.n_jobs is None:
            return get_num_threads()
        if self.n_jobs == -1:
            return processors()
        return checks.integer("n_jobs", self.n_jobs, least=1)

    def _class_weight(self) -> Any:
        return None

    def _kinds(self, table: Table) -> dict[str, Any]:
        """Return the kind "category" of the columns that are chosen as categories."""
        chosen = self.categorical_features
        if chosen is None or (isinstance(chosen, str) and chosen == "auto"):
            return {}
        sentence = (
            "categorical_features must be 'auto' or the names or positions of columns, or one bool "
            f"for each of {len(table.columns)} columns; got "
        )
        if isinstance(chosen, str):
            raise ValueError(f"{sentence}{chosen!r}")
        columns = list(chosen)
        if columns and all(isinstance(each, bool | np.bool_) for each in columns):
            if len(columns) != len(table.columns):
                raise ValueError(f"{sentence}{len(columns)} bools")
            columns = [k for k, each in enumerate(columns) if each]
        names = []
        for column in columns:
            is_name = isinstance(column, str) and column in table
            if not is_name and column not in range(len(table.columns)):
                raise ValueError(f"{sentence}{checks.shown(column)}")
            names.append(column if is_name else table.names[column])
        return dict.fromkeys(names, "category")

    def _rows(
        self,
        table: Table,
        columns: list[Column],
        weights: NDArray[np.float32] | None,
        preset: Preset,
    ) -> tuple[Rows, TargetEncoder, NDArray[np.intp]]:
        """Return the rows of weight above 0, their target, and their positions."""
        kept = np.arange(len(table)) if weights is None else np.flatnonzero(weights)
        if weights is not None and len(kept) < len(table):
            table, columns = table.take(kept), [column.take(kept) for column in columns]
            weights = weights[kept]
        if not self.predicts_classes:
            columns = [as_kind(c, "number") if c.kind == "boolean" else c for c in columns]
        target = fit_target(columns, self.predicts_classes, type(self).__name__)
        if target.kind == "values" and preset.clip:
            target = replace(target, limits=limits_of(columns))
        encoded = target.encode(Table(columns, place=table.place))
        weights = with_class_weight(weights, self._class_weight(), encoded, target)
        rows = Rows(table, encoded, weights)
        if weights is None or weights.all():
            return rows, target, kept
        some = np.flatnonzero(weights)  # those of classes of weight 0 are left out, too
        return rows.take(some), target, kept[some]

    def _validation(
        self, data: Any, y: Any, is_named: bool, names: Sequence[str], target: TargetEncoder
    ) -> Rows | None:
        if data is None:
            return None
        if isinstance(data, tuple) and len(data) == 2:
            table, columns, _ = split_target(*data)
        elif is_named:
            table, columns, _ = split_target(data, y)
        else:
            raise TypeError(
                "validation_data must be (X, y), or a table with the target if y names it; got "
                f"{type(data).__name__}"
            )
        if len(columns) != len(target.names):
            raise ValueError(
                f"validation_data must have {len(target.names)} columns of the target; got "
                f"{len(columns)}"
            )
        if not set(names) <= set(table.names):
            raise ValueError(
                "validation_data must have the columns of X; it lacks "
                f"{next(name for name in names if name not in table)!r}"
            )
        pairs = zip(columns, target.names, strict=True)
        renamed = Table([column.renamed(name) for column, name in pairs], place=table.place)
        return Rows(table.select(names), target.encode(renamed))

    def _set_names(self, X: Any, table: Table) -> None:
        self.n_features_in_ = len(table.columns)
        self._columns = table.names
        self._named = are_named(X)
        if self._named:
            self.feature_names_in_ = np.array(table.names, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _set_model(
        self, main: Preprocessor, members: Sequence[Member], combination: Combination
    ) -> None:
        pairs = zip(members, combination.weights, strict=True)
        used = [(member, weight) for member, weight in pairs if weight > 0]
        weights = [weight for _, weight in used]
        are_equal = max(weights) - min(weights) < 1e-12
        self.model_ = model_of_members(
            main,
            [member.network for member, _ in used if member.network],
            [member.preprocessor for member, _ in used if member.preprocessor],
            None if are_equal else weights,
            combination.temperature,
        )
        self.model_.histories = tuple(member.history for member, _ in used if member.history)
        self.temperature_ = combination.temperature
        self.encoding_weights_ = combination.shares

    def _set_sample(
        self,
        judged: Rows,
        members: Sequence[Member],
        combination: Combination,
        preset: Preset,
        seed: int,
    ) -> None:
        """Keep some rows that members have not learned from, for the importance of columns."""
        some = random_rows(len(judged), preset.importance_rows, seed, stream=1)
        rows = np.arange(len(judged))[some]
        part = judged.take(rows)
        held = [
            np.ones(len(rows), np.bool_) if member.held is None else member.held[rows]
            for member, weight in zip(members, combination.weights, strict=True)
            if weight > 0
        ]
        self._sample: Sample | None = Sample(Table(part.table.columns), part.y, part.weights, held)

    def _set_results(
        self,
        outputs: NDArray[np.float64],
        y: NDArray[Any],
        target: TargetEncoder,
    ) -> None:
        """Set attributes by the out-of-fold outputs, and the targets of those that are known."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        """Return True after `fit`."""
        return hasattr(self, "model_")

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise not_fitted(self)

    def _table(self, X: Any) -> Table:
        """Return rows to predict as a table with the columns of the training."""
        self._check_fitted()
        table = table_like_training(
            X, self._columns, self._named, self.model_.preprocessor, type(self).__name__
        )
        if not len(table):
            raise ValueError("X must have at least one row; got 0 samples")
        return table

    def _parts(self, X: Any) -> Any:
        """Return rows to predict for the model, in parts if they are many."""
        self._check_fitted()
        if is_stream(X):
            return X
        table = self._table(X)
        n = len(table)
        if n <= PART:
            return table
        starts = range(0, n, PART)
        return TableStream(lambda: (table.take(np.arange(k, min(k + PART, n))) for k in starts))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the answers for rows, in the target's own type and units.

        Parameters
        ----------
        X : table-like, path or stream
            Columns are found by their names, and an array has those of the training in their
            order. A data frame must have the columns in the order of the training, as
            scikit-learn demands. A `data.TableStream` or a `data.Source` is read in parts.

        Returns
        -------
        ndarray of shape (m,) or (m, k)
        """
        rows = self._parts(X)
        return self.model_.predict(rows)

    def _labeled(self, X: Any, y: Any) -> tuple[Table, NDArray[Any]]:
        """Return labeled rows like those of the training, and their answers."""
        table, columns, is_named = split_target(X, y)
        features = self._table(table if is_named else X)
        answers = [np.array(column.to_list()) for column in columns]
        return features, answers[0] if len(answers) == 1 else np.stack(answers, axis=1)

    def report(self) -> ColumnReport:
        """Return a table with one line for each column of the training rows."""
        self._check_fitted()
        report: ColumnReport = self.model_.report()
        return report

    def importance(
        self,
        X: Any = None,
        y: Any = None,
        *,
        n_repeats: int = 5,
        random_state: Any = 0,
    ) -> Importance:
        """Return how much worse the answers are if the cells of a column are shuffled.

        Parameters
        ----------
        X, y : optional
            Labeled rows as for `fit`. By default up to 2,000 rows of the training, each judged by
            networks that have not learned from it.
        n_repeats : int, default 5
        random_state : int, default 0

        Returns
        -------
        Importance
            With `mean`, `std`, `to_dict()` and `plot()`. The loss is that of `metric`, by default
            the log-loss or the RMSE.
        """
        self._check_fitted()
        n_repeats = checks.integer("n_repeats", n_repeats, least=1)
        sample = self._sample
        if X is not None:
            table, columns, is_named = split_target(X, y)
            target = self._scoring.target
            pairs = zip(columns, target.names, strict=True)
            renamed = Table([column.renamed(name) for column, name in pairs])
            features = self._table(table if is_named else X)
            all_rows = np.ones(len(features), np.bool_)
            held = [all_rows] * len(self.model_.networks)
            sample = Sample(features, target.encode(renamed), None, held)
        if sample is None:
            raise ValueError(
                "importance must have X and y, because a file does not hold rows of the training; "
                "got none"
            )
        seed = seed_of(random_state)
        return importance_of(self.model_, sample, self._columns, self._scoring, n_repeats, seed)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """The importance of each column (n_features,) on out-of-fold rows: `importance()`.

        It is computed when it is first read.
        """
        if not hasattr(self, "model_"):
            raise AttributeError(f"{type(self).__name__!r} object has no feature_importances_ yet")
        if self._importance is None:
            self._importance = self.importance()
        return self._importance.mean

    def _repr_html_(self) -> str:
        if not hasattr(self, "model_"):
            return f"<div>{escape(repr(self))}</div>"
        return f"<div>{escape(repr(self))}</div>{self.model_._repr_html_()}"

    def save(self, path: Path) -> None:
        """Write the estimator to one safetensors file, without a pickle.

        `backprop_rs.load` returns the estimator again. The file holds networks, preparations,
        weights, temperature, intervals, parameters that are numbers, texts or lists, and
        importances that were computed. It does not hold what belongs to rows of the training, such
        as `oof_prediction_`; a pickle does.

        Parameters
        ----------
        path : str or path
        """
        self._check_fitted()
        self.model_.estimator = self._description()
        self.model_.save(path)

    def _description(self) -> dict[str, Any]:
        """Return for JSON what the estimator has besides its model."""
        parameters = {name: plain(value) for name, value in self.get_params().items()}
        values: dict[str, Any] = {
            "class": type(self).__name__,
            "parameters": {name: value for name, value in parameters.items() if is_json(value)},
            "names": list(self._columns),
            "named": self._named,
            "metric": self._scoring.name if self._scoring.metric else None,
            "encoding_weights": self.encoding_weights_,
        }
        found = self._importance
        if found is not None:
            values["importance"] = {
                "mean": found.mean.tolist(),
                "std": found.std.tolist(),
                "metric": found.metric,
            }
        return values

    def export(self, path: Path, **options: Any) -> None:
        """Write a file that runs without this package: `Model.export` of `model_`."""
        self._check_fitted()
        self.model_.export(path, **options)


def limits_of(columns: Sequence[Column]) -> tuple[tuple[float, float], ...]:
    """Return the smallest and the largest value of each column."""
    return tuple((float(c.values.min()), float(c.values.max())) for c in columns)


def main_preparation(
    rows: Rows, known: Known, preset: Preset, seed: int, columns: Sequence[Column]
) -> tuple[Known, Preprocessor]:
    """Return the preparation of all rows, and what is known about the columns that it uses."""
    main, _ = fit_preparation(rows.table, rows.y, rows.weights, known, preset, PLAIN, seed)
    known = with_features(known, main)
    summaries = list(known.summaries)
    for column in columns:
        statistics = ColumnStatistics(column.name)
        statistics.add(column)
        summaries.append(summary_of(statistics, known.target.kind, 0))
    kinds = {name: kind for name, kind in known.kinds.items() if name in main.columns}
    known = replace(known, kinds=kinds, summaries=tuple(summaries))
    main.summaries = known.summaries
    return known, main


def members_of(
    rows: Rows, target: TargetEncoder, preset: Preset, seed: int, validated: bool
) -> list[Member]:
    """Return the members, which are not trained yet."""
    n = len(rows)
    n_folds = min(preset.n_folds, n)
    labels = rows.y if target.kind == "classes" else None
    divisions: dict[int, NDArray[np.intp]] = {}
    members = []
    for number in range(preset.n_networks):
        own, kind = divmod(number, len(preset.encodings))
        held = None
        if not validated:
            repeat, fold = divmod(own if preset.shared_folds else number, n_folds)
            if repeat not in divisions:
                divisions[repeat] = folds_of(n, n_folds, seed, repeat, labels)
            held = divisions[repeat] == fold
        members.append(Member(preset.encodings[kind], seed + number, held))
    return members


def facts(n_rows: int, n_held_out: int, metrics: dict[str, float]) -> dict[str, Any]:
    """Return the facts of a training for the file."""
    from .._version import __version__

    return {
        "library_version": __version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "n_rows": n_rows,
        "n_held_out_rows": n_held_out,
        "held_out_metrics": {name: value for name, value in metrics.items() if isfinite(value)},
    }


def seed_of(random_state: Any) -> int:
    """Return a seed that leaves room for those of the members."""
    if random_state is None:
        from secrets import randbits

        return randbits(62)
    if hasattr(random_state, "randint"):
        return int(random_state.randint(2**31 - 1))
    if hasattr(random_state, "integers"):
        return int(random_state.integers(2**31 - 1))
    return checks.integer("random_state", random_state, least=0, most=LARGEST_SEED)


def not_fitted(estimator: object) -> Exception:
    """Return scikit-learn's NotFittedError if it is imported, otherwise a ValueError."""
    sentence = f"fit must come first; this {type(estimator).__name__} is not fitted"
    if sys.modules.get("sklearn") is not None:
        from sklearn.exceptions import NotFittedError

        return NotFittedError(sentence)  # type: ignore[no-any-return]
    return ValueError(sentence)
