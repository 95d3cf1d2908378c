"""`Model`: from a raw table to answers, by a preprocessor and one or several networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from inspect import signature
from math import inf, isclose
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ._internal import checks
from ._internal.averages import average, tempered
from ._internal.frames import library_of
from ._internal.keywords import hint, hinting
from .data import Column, Dataset, Preprocessor, Source, Table, TableStream, as_table
from .data.as_table import column_of
from .data.column_statistics import ColumnStatistics
from .data.files import file_table, training_table
from .data.labels import Classes
from .data.preprocessing import held_out_rows
from .data.preprocessor import UnknownLevels, names_of_target, warn_of_unknown_levels
from .data.table_stream import parts_of, target_columns
from .data.target_encoder import TargetEncoder
from .network import Network
from .progress import one_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._internal.types import BackendChoice, Names, Path
    from .custom import Activation, Cost
    from .explain.explanation import Document
    from .history import History
    from .summary import Summary
    from .typing import DTypeName

OPTIONS = tuple(
    name
    for name in signature(Network).parameters
    if name not in ("sizes", "dtype", "seed", "backend")
)
"""The options of `Network` that `Model` passes on."""

PREPARED = ("X", "y", "validation_data", "validation_fraction", "sample_weight", "class_weight")
"""The arguments of `Network.fit` that `Model.fit` prepares."""

SCORES = {
    "classes": ("accuracy", "log_loss"),
    "labels": ("accuracy",),
    "values": ("r2", "rmse", "mae"),
}
"""The metrics of `evaluate` for each kind of target."""


@hinting
class Model:
    """Networks together with the preparation of their data: a raw table in, answers out.

    `fit` chooses and fits the preparation on the training rows alone (`data.Preprocessor`), and
    trains one network, or several whose outputs are averaged. `predict` takes rows as they come:
    numbers, texts, dates, missing cells, columns in any order.

    Parameters
    ----------
    hidden : sequence of int or `Dense`, default (128,)
        The hidden layers.
    members : int, default 1
        The number of networks. They differ in their seeds, and their outputs are averaged.
    preprocessor : Preprocessor, optional
        With the options for the columns; by default those given to `fit`.
    activation : name or object, or one per hidden layer, default "relu"
    dtype : "float32" or "float64", default "float32"
    seed : int, optional
        From 0 to 2**64 - 1: of the first network; the others have the next seeds. It also
        determines the rows that `validation_fraction` holds out. Without it one is drawn.
    backend : "auto", "rust" or "numpy", default "auto"
    options
        More options of `Network`, such as `dropout`, `l2`, `output` and `cost`. By default the
        output is softmax with cross-entropy for classes, sigmoid with cross-entropy for several
        labels, and identity with the squared error for values.

    Attributes
    ----------
    preprocessor : Preprocessor
    networks : tuple of Network
        Empty before `fit`.
    preprocessors : tuple of Preprocessor
        The preparation of the inputs of each network; here all are `preprocessor`, but networks of
        a `TabularClassifier` have their own. Target and columns are always those of `preprocessor`.
    weights : tuple of float, optional
        The weight of each network in the average; they sum to 1. None for equal weights.
    temperature : float
        The temperature of averaged probabilities, 1 unless they were calibrated: probabilities of
        classes are proportional to p^(1 / temperature).
    histories : tuple of History
        Of the last `fit`, one for each network; empty for a loaded model.
    info : dict
        Library version, date, numbers of rows, metrics of held-out rows and a fingerprint of the
        columns, since the last `fit`.
    estimator : dict, optional
        The estimator that the model belongs to, as its file describes it.

    Raises
    ------
    ValueError, TypeError
        One sentence with the argument, its value and the accepted values.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> table = {
    ...     "size": [30, 45, None, 80, 100, 55],
    ...     "city": ["Ulm", "Bonn", "Ulm", None, "Bonn", "Ulm"],
    ...     "price": [300.0, 500.0, 420.0, 800.0, 1100.0, 560.0],
    ... }
    >>> model = bp.Model(seed=0).fit(table, target="price", epochs=300)
    >>> model
    Model(2 columns -> 4 features, values of 'price', Network(4-128-1, relu -> identity, \
squared_error, float32, 769 parameters))
    >>> bool(abs(model.predict({"city": "Bonn", "size": 45}) - 500)[0] < 100)
    True
    """

    def __init__(
        self,
        hidden: Sequence[Any] = (128,),
        *,
        members: int = 1,
        preprocessor: Preprocessor | None = None,
        activation: Names = "relu",
        dtype: DTypeName | str = "float32",
        seed: int | None = None,
        backend: BackendChoice = "auto",
        **options: Any,
    ) -> None:
        for name in options:
            if name not in OPTIONS:
                known = {*OPTIONS, *signature(Model).parameters} - {"options"}
                raise TypeError(
                    f"Model got an unexpected keyword argument {name!r}{hint(name, known, Model)}"
                )
        if preprocessor is not None and not isinstance(preprocessor, Preprocessor):
            raise TypeError(
                f"preprocessor must be a data.Preprocessor; got {checks.shown(preprocessor)}"
            )
        if isinstance(hidden, str | int) or not isinstance(hidden, Sequence):
            raise TypeError(
                f"hidden must be a sequence of sizes of layers; got {checks.shown(hidden)}"
            )
        self.hidden = tuple(hidden)
        self.members = checks.integer("members", members, least=1)
        self.options = {"activation": activation, **options}
        self.dtype, self.backend, self.seed = dtype, backend, seed
        self.preprocessor = Preprocessor() if preprocessor is None else preprocessor
        self.networks: tuple[Network, ...] = ()
        self.preprocessors: tuple[Preprocessor, ...] = ()
        self.weights: tuple[float, ...] | None = None
        self.temperature = 1.0
        self.histories: tuple[History, ...] = ()
        self.info: dict[str, Any] = {}
        self.estimator: dict[str, Any] | None = None

    def fit(
        self,
        data: Any,
        target: Any = None,
        *,
        ignore: Sequence[str] | None = None,
        kinds: Mapping[str, Any] | None = None,
        classes: Classes | None = None,
        validation_data: Any = None,
        validation_fraction: float = 0.0,
        sample_weight: Any = None,
        class_weight: Any = None,
        **options: Any,
    ) -> Model:
        """Fit the preparation and train the networks, from the beginning.

        Parameters
        ----------
        data : table-like, path of a file, `data.TableStream` or `data.Source`
            The training rows: a frame, a dictionary of columns, an array or whatever
            `data.as_table` takes, the path of a file that `data.read_table` reads, or a stream of
            such tables.
        target : str, sequence of str, or array-like of shape (m,) or (m, k)
            The names of the target's columns, or its values. Optional if the preprocessor names
            it, or if `data` is a source or a `Dataset` with a target.
        ignore, kinds, classes : optional
            As in `data.Preprocessor`, instead of its own.
        validation_data : table-like, path or stream, optional
            Rows with the target to evaluate after each epoch.
        validation_fraction : float, default 0.0
            Hold out this share of the rows, of each class alike, as validation data; nothing is
            learned from them, neither by the preparation nor by the networks.
        sample_weight : str or (m,) array-like, optional
            The weight of each row, or the name of the column that has it.
        class_weight : "balanced" or mapping from class to weight, optional
            The classes are those of the target.
        options
            Of `Network.fit`, such as `epochs`, `batch_size`, `learning_rate`, `optimizer`,
            `early_stopping`, `metrics` and `progress`. Metrics of values are in the scale in which
            the network is trained; `evaluate` gives them in the units of the target.

        Returns
        -------
        Model
            This one.

        Raises
        ------
        ValueError, TypeError
            If the data or an argument do not fit; the error names the column or the argument.
        """
        self._check_options(options)
        if is_path(data):
            data = training_table(data, self.preprocessor.kinds if kinds is None else kinds)
        data, names = with_target(data, target, self.preprocessor.target_names)
        weights = None
        if isinstance(sample_weight, str):
            data, weights = without_weights(data, sample_weight)
        elif sample_weight is not None:
            weights = checks.numbers("sample_weight", sample_weight)
        preprocessor = self.preprocessor.like(names, ignore=ignore, kinds=kinds, classes=classes)
        seed = new_seed() if self.seed is None else self.seed
        train, held_out = data, validation_data
        if validation_fraction:
            if validation_data is not None:
                raise ValueError("give validation_fraction or validation_data, not both")
            train, held_out, kept = split(data, preprocessor, validation_fraction, seed)
            weights = weights if weights is None else weights[kept]
        preprocessor.fit(train)
        if validation_data is not None:
            held_out = known_table(validation_data, preprocessor)
        fitted = preprocessor.target
        assert fitted is not None
        X, y = self._samples(preprocessor, train)
        if held_out is not None:
            pair = self._samples(preprocessor, held_out)
            options["validation_data"] = pair[0] if pair[1] is None else pair
        if class_weight is not None:
            options["class_weight"] = weights_of_classes(class_weight, fitted)
        if weights is not None:
            options["sample_weight"] = weights
        networks, histories = [], []
        with one_bar(options.get("progress"), self.members):
            for member in range(self.members):
                network = self._network(preprocessor, seed + member)
                histories.append(network.fit(X, y, **options))
                networks.append(network)
                if histories[-1].stopped == "interrupted":  # Ctrl-C ends the others too
                    break
        self.preprocessor, self.networks = preprocessor, tuple(networks)
        self.preprocessors = (preprocessor,) * len(networks)
        self.weights, self.temperature, self.estimator = None, 1.0, None
        self.histories = tuple(histories)
        self.info = self._facts(held_out)
        return self

    def _check_options(self, options: Mapping[str, Any]) -> None:
        known = {*signature(Network.fit).parameters} - {"self", *PREPARED}
        for name in options:
            if name not in known:
                own = {*signature(Model.fit).parameters} - {"self", "options"}
                raise TypeError(
                    f"fit got an unexpected keyword argument {name!r}"
                    f"{hint(name, known | own, Model)}"
                )

    def _samples(self, preprocessor: Preprocessor, data: Any) -> tuple[Any, Any]:
        """Return the features and the target for `Network.fit`."""
        if is_stream(data):
            return preprocessor.source(data, self.dtype), None
        return preprocessor.transform(data, self.dtype), preprocessor.transform_target(data)

    def _network(self, preprocessor: Preprocessor, seed: int) -> Network:
        target = preprocessor.target
        assert target is not None
        output, cost = outputs_of(target.kind)
        network = Network(
            [len(preprocessor.feature_names), *self.hidden, target.n_outputs],
            seed=seed,
            dtype=self.dtype,
            backend=self.backend,
            **{"output": output, "cost": cost, **self.options},
        )
        network.metadata["feature_names"] = list(preprocessor.feature_names)
        return network

    def _facts(self, held_out: Any) -> dict[str, Any]:
        from ._version import __version__

        facts: dict[str, Any] = {
            "library_version": __version__,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "n_rows": self.preprocessor.n_rows,
            "fingerprint": self.preprocessor.fingerprint,
            "n_held_out_rows": 0,
            "held_out_metrics": {},
        }
        if held_out is not None and (not is_stream(held_out) or held_out.repeatable):
            facts["held_out_metrics"] = self.evaluate(held_out)
            facts["n_held_out_rows"] = sum(map(len, parts_of(held_out)))
        return facts

    @property
    def is_fitted(self) -> bool:
        """True after `fit`, and for a loaded model."""
        return bool(self.networks)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes of the target in their own type, in the order of `predict_proba`."""
        return self.preprocessor.classes

    def _check_fitted(self) -> None:
        if not self.networks:
            raise ValueError("fit must come first; the model has no network")

    def _outputs(self, data: Any) -> NDArray[Any]:
        """Return the outputs (m, n_L) of the networks, averaged."""
        self._check_fitted()
        if isinstance(data, Source):
            data = named_source(data, self.preprocessor.columns)
        elif is_path(data):
            data = file_table(data, self.preprocessor)
        unknown: UnknownLevels = {}
        # A plain array must stay one, for its columns have no names.
        tables = parts_of(data, self.preprocessor.target_names) if is_stream(data) else [data]
        outputs = [self._outputs_of_part(table, unknown) for table in tables]
        warn_of_unknown_levels(unknown)
        if not outputs:
            return np.empty((0, self.networks[0].sizes[-1]), self.dtype)
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _outputs_of_part(self, data: Any, unknown: UnknownLevels) -> NDArray[Any]:
        target = self.preprocessor.target
        assert target is not None
        if self._is_shared:
            X = self.preprocessor.transform_counting(data, self.dtype, unknown)
            outputs = [network.predict(X) for network in self.networks]
        else:
            table = self.preprocessor.table_counting(data, unknown)
            outputs = [self.member_outputs(k, table) for k in range(len(self.networks))]
        averaged = average(outputs, self.weights)
        return tempered(averaged, self.temperature, target.kind == "labels")

    @property
    def _member_weights(self) -> Sequence[float]:
        """The weight of each network; equal ones if none are given."""
        n = len(self.networks)
        return [1 / n] * n if self.weights is None else self.weights

    @property
    def _is_shared(self) -> bool:
        """True if all networks have the same preparation."""
        return all(each is self.preprocessor for each in self.preprocessors)

    def member_outputs(self, member: int, data: Any) -> NDArray[Any]:
        """Return the outputs (m, n_L) of one network, before average and temperature.

        Levels of categories that its own training rows do not have are neutral, without a warning.

        Parameters
        ----------
        member : int
            Which of the networks, counted from 0.
        data : table-like
        """
        X = self.preprocessors[member].transform_counting(data, self.dtype, {})
        return self.networks[member].predict(X)

    def predict(self, data: Any) -> NDArray[Any]:
        """Return the answers in the target's own type and units.

        Columns are found by their names: another order does not matter, more columns are ignored
        with a warning, and an error names one that is missing.

        Parameters
        ----------
        data : table-like, path, `data.TableStream` or `data.Source`
            Rows as in `fit`; the target may be left out. A single row may be a dictionary.

        Returns
        -------
        ndarray
            Classes (m,), several labels (m, k), or values (m,) or (m, k).

        Examples
        --------
        >>> model = Model(seed=0).fit({"x": [0, 1, 2, 3], "y": ["no", "no", "yes", "yes"]},
        ...                           target="y", epochs=200)
        >>> model.predict({"x": [0, 3]})
        array(['no', 'yes'], dtype='<U3')
        """
        return self.preprocessor.inverse_transform(self._outputs(data))

    def predict_proba(self, data: Any) -> NDArray[Any]:
        """Return the probability of each class, in the order of `classes`, or of each label.

        Parameters
        ----------
        data : table-like, path, `data.TableStream` or `data.Source`

        Returns
        -------
        ndarray of shape (m, n_L)

        Raises
        ------
        ValueError
            If the target is values.
        """
        outputs = self._outputs(data)
        target = self.preprocessor.target
        assert target is not None
        if target.kind == "values":
            raise ValueError("predict_proba goes with a target of classes; got values")
        return outputs

    def evaluate(
        self, data: Any, metrics: Any = None, sample_weight: Any = None
    ) -> dict[str, float]:
        """Return metrics of labeled rows.

        Parameters
        ----------
        data : table-like, path, `data.TableStream` or `data.Source`
            Rows with the target.
        metrics : name, function of (y_true, y_pred), `Metric`, or sequence of them, optional
            As for `Network.fit`; in the units of the target for values, and of labels counted from
            0 for classes. By default accuracy and log_loss for classes, accuracy for several
            labels, and r2, rmse and mae for values.
        sample_weight : (m,) array-like, optional

        Returns
        -------
        dict

        Examples
        --------
        >>> model = Model(seed=0).fit({"x": [0, 1, 2, 3], "y": [1.0, 3.0, 5.0, 7.5]}, target="y",
        ...                           epochs=500)
        >>> sorted(model.evaluate({"x": [0, 3], "y": [1.0, 7.5]}))
        ['mae', 'r2', 'rmse']
        """
        self._check_fitted()
        from .training.metrics import Metrics

        target = self.preprocessor.target
        assert target is not None
        network = self.networks[0]
        chosen = metrics_of_kind(target.kind, network.output) if metrics is None else metrics
        asked = Metrics(chosen, network._threshold(), network.output)
        targets, outputs = [], []
        names = self.preprocessor.target_names
        if isinstance(data, Source):
            data = named_source(data, self.preprocessor.columns)
        elif is_path(data):
            data = file_table(data, self.preprocessor)
        unknown: UnknownLevels = {}
        for table in parts_of(data, names):
            targets.append(target.encode(table))
            outputs.append(self._outputs_of_part(table, unknown))
        warn_of_unknown_levels(unknown)
        y, a = np.concatenate(targets), np.concatenate(outputs)
        weights = None
        if sample_weight is not None:
            weights = checks.numbers("sample_weight", sample_weight)
        labels = None if target.kind == "values" else y.astype(np.int64)
        if target.kind == "values":
            y, a = target.unscaled(y), target.limited(target.unscaled(a))
        elif target.kind == "labels":
            y = y.astype(a.dtype)
        return asked.scores(y, labels, a, weights)

    def explain(self, row: Any, *, member: int | str = 0, **options: Any) -> Document:
        """Write out the derivation with the numbers of one row, or a few.

        It begins with the cells of the row and the inputs that they become, and ends with what the
        outputs mean: classes by their names, or values in the units of the target.

        Parameters
        ----------
        row : table-like
            With the target, such as a dictionary of cells.
        member : int or "all", default 0
            Which of the networks to explain, counted from 0; the averaged answer is shown too.
        options
            Of `Network.explain`, such as `learning_rate` and `max_neurons`.

        Returns
        -------
        Explanation, or Document for "all"
            `print` it, or display it in Jupyter; `text`, `to_markdown`, `to_html`, `to_dict` and
            `save`.

        Raises
        ------
        ValueError
            If the row has no target, or there is no such network.

        Examples
        --------
        >>> model = Model((2,), seed=0).fit(
        ...     {"size": [30, 45, 80, 100], "price": [300.5, 500, 800, 1100]}, "price", epochs=300)
        >>> explanation = model.explain({"size": 50, "price": 540})
        >>> print(explanation.part("from cells"))
        Row: from cells to inputs
        =========================
        <BLANKLINE>
          column  cell  input  feature  value      because
          size    50    a₀⁽⁰⁾  size     -0.284427  z = (50 − 62.5) / 43.75, then z / √(1
                                                   + (z/3)²)
        """
        self._check_fitted()
        table = known_table(row, self.preprocessor)
        if is_stream(table):
            raise TypeError("row must be a table of one row or a few; got a stream")
        missing = [name for name in self.preprocessor.target_names if name not in table]
        if missing:
            raise ValueError(
                f"row must have the target to explain its cost; it lacks {missing[0]!r}"
            )
        n = len(self.networks)
        if isinstance(member, str) and member != "all":
            raise ValueError(
                f"member must be 'all' or the number of a network; got {checks.shown(member)}"
            )
        if not isinstance(member, str):
            member = checks.integer("member", member, least=0, most=n - 1)
        members = range(n) if member == "all" else [int(member)]
        target = self.preprocessor.target
        assert target is not None
        truth = self.preprocessor.transform_target(table)
        unknown: UnknownLevels = {}
        averaged = self._outputs_of_part(table, unknown)
        warn_of_unknown_levels(unknown)
        outputs = [self.member_outputs(k, table) for k in range(n)]
        from .explain.rows import answered, prepared

        explanations, sections = [], []
        for k in members:
            preprocessor = self.preprocessors[k]
            X = preprocessor.transform_counting(table, self.dtype, {})
            explanation = self.networks[k].explain(X, truth, **options)
            rows = prepared(table, preprocessor, X, explanation.shown.samples, explanation.digits)
            whole = explanation.section
            sections.append(replace(whole, sections=[*rows, *whole.sections]))
            explanations.append(explanation)
        first = explanations[0]
        answer = answered(
            target,
            outputs,
            averaged,
            None if member == "all" else int(member),
            truth,
            first.shown.samples,
            self._facts_of_average(),
            first.digits,
        )
        if member != "all":
            (section,) = sections
            notes = section.notes
            if n > 1:
                notes = [f"This is network {int(member) + 1} of {n}.", *notes]
            section = replace(section, sections=[*section.sections, answer], notes=notes)
            names = target.classes if target.kind == "classes" else self.preprocessor.target_names
            section = first.counted(section)
            return replace(first, section=section, output_names=tuple(map(str, names)))
        from .explain.document import Section
        from .explain.explanation import Document

        named = [
            replace(section, title=f"Network {k + 1} of {n}: {section.title}")
            for k, section in enumerate(sections)
        ]
        section = Section(f"{self!r}", sections=[*named, answer])
        arrays = {"networks": [explanation.to_dict() for explanation in explanations]}
        return Document(first.counted(section), arrays, first.digits)

    def _facts_of_average(self) -> list[str]:
        """Return sentences about the weights and the temperature of the average."""
        facts = []
        if self.weights is not None and len(self.networks) > 1:
            weights = ", ".join(f"{weight:.4g}" for weight in self.weights)
            facts.append(f"The average has the weights {weights}.")
        if self.temperature != 1:
            facts.append(
                f"Probabilities p become p^(1 / T), divided by their sum, with the temperature T = "
                f"{self.temperature:.4g}."
            )
        return facts

    def report(self) -> Any:
        """Return a table with one line for each column of the training rows."""
        return self.preprocessor.report()

    def save(self, path: Path, *, allow_nonfinite: bool = False) -> None:
        """Write networks and preparation to one safetensors file, all or nothing.

        Parameters
        ----------
        path : str or path
        allow_nonfinite : bool, default False
            Write parameters that are NaN or infinite too.

        Raises
        ------
        ValueError
            If the model is not fitted, or a parameter is not finite.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
        >>> table = {"x": [0, 1, 2, 3], "y": ["no", "no", "yes", "yes"]}
        >>> Model(seed=0).fit(table, target="y", epochs=200).save(path)
        >>> load(path).predict({"x": 3})
        array(['yes'], dtype='<U3')
        """
        self._check_fitted()
        from ._internal import table_model_file

        settings = {"preprocessor": self.preprocessor.to_dict(), "info": self.info}
        settings |= self._members_to_dict()
        networks = [
            (network._settings(), network._parameters(allow_nonfinite)) for network in self.networks
        ]
        table_model_file.write(path, settings, networks)

    def _members_to_dict(self) -> dict[str, Any]:
        """Return preparations, weights and temperature for a file, unless they are the usual."""
        values: dict[str, Any] = {}
        if not self._is_shared:
            # Networks may share a preparation: each is written once.
            distinct = list({id(each): each for each in self.preprocessors}.values())
            positions = {id(each): k for k, each in enumerate(distinct)}
            values["preprocessors"] = [each.to_dict() for each in distinct]
            values["uses"] = [positions[id(each)] for each in self.preprocessors]
        if self.weights is not None:
            values["weights"] = list(self.weights)
        if self.temperature != 1:
            values["temperature"] = self.temperature
        if self.estimator is not None:
            values["estimator"] = self.estimator
        return values

    def export(self, path: Path, *, float_only: bool = False) -> None:
        """Write the model as a file that runs without this package, on raw rows.

        The file prepares raw cells as the model does and gives the answers of `predict`: classes
        by their names, labels, or values in the units of the target.

        Parameters
        ----------
        path : str or path
            Its suffix names the format: .onnx (an input for each column, with missing cells and
            categories as operators of the graph), .c (one file of C99 that only needs libm, with a
            struct for a row) or .py (one file of Python that only needs NumPy).
        float_only : bool, default False
            Let the C file of float32 networks compute in float alone, its preparation included, for
            processors without double. A column whose values float cannot tell apart is an error.

        Raises
        ------
        ValueError, TypeError
            For another suffix, or if a network has what those files do not support.
        """
        self._check_fitted()
        from .export import write_table_model

        write_table_model(
            path,
            repr(self),
            self.preprocessor,
            self.networks,
            self.preprocessors,
            self.weights,
            self.temperature,
            float_only,
        )

    @classmethod
    def from_sklearn(cls, pipeline: Any, *, backend: str = "auto") -> Model:
        """Return the model of a fitted pipeline of scikit-learn, on raw rows.

        Its predictions are those of the pipeline, to rounding. scikit-learn need not be installed
        where the model is used.

        Parameters
        ----------
        pipeline : fitted estimator
            A `Pipeline` of steps and an MLPClassifier or MLPRegressor, scikit-learn's or ours,
            which may be within a `TransformedTargetRegressor` with a `StandardScaler`; or an MLP
            alone. Steps are `ColumnTransformer`, `SimpleImputer`, `StandardScaler`,
            `MinMaxScaler`, `MaxAbsScaler`, `RobustScaler`, `OneHotEncoder`, `OrdinalEncoder`,
            selectors of features, "passthrough" and "drop".
        backend : "auto", "rust" or "numpy", default "auto"

        Returns
        -------
        Model
            Its columns have the names in `feature_names_in_`, or are x0, x1, ...; the target is
            called "target". A cell that scikit-learn refuses gets an answer: an unknown level
            counts as none of the levels, with a warning, and a missing number, if no imputer fills
            it, as the center of its scaling.

        Raises
        ------
        TypeError
            If a step has no exact counterpart; the error names it.
        ValueError
            If the pipeline is not fitted.

        Examples
        --------
        >>> from sklearn.neural_network import MLPClassifier
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]] * 5, ["no", "no", "yes", "yes"] * 5
        >>> mlp = MLPClassifier((4,), solver="lbfgs", random_state=0)
        >>> pipeline = make_pipeline(StandardScaler(), mlp).fit(X, y)
        >>> Model.from_sklearn(pipeline).predict({"x0": [0.5, 2.5]})
        array(['no', 'yes'], dtype='<U3')
        """
        from .importing.pipeline import imported

        parts = imported(Network, pipeline, backend)
        network = parts.network
        assert isinstance(network, Network)
        return model_of_members(parts.preprocessor, [network], backend=backend)

    def to_sklearn(self) -> Any:
        """Return a fitted estimator of scikit-learn that takes raw tables.

        Returns
        -------
        sklearn.ModelClassifier or sklearn.ModelRegressor
            `predict` and `predict_proba` are those of this model; `fit` trains a new one with the
            same options, so that `cross_val_score` and the like work on raw frames.
        """
        self._check_fitted()
        from .sklearn._model import estimator_of

        return estimator_of(self)

    def unfitted(self) -> Model:
        """Return a model with the same options that is not fitted."""
        return Model(
            self.hidden,
            members=self.members,
            preprocessor=self.preprocessor.like(None),
            dtype=self.dtype,
            seed=self.seed,
            backend=self.backend,
            **self.options,
        )

    def __repr__(self) -> str:
        if not self.networks:
            return f"Model(hidden={list(self.hidden)}, members={self.members}, not fitted)"
        count = f"{len(self.networks)} x " if len(self.networks) > 1 else ""
        inside = repr(self.preprocessor).removeprefix("Preprocessor(").removesuffix(")")
        return f"Model({inside}, {count}{self.networks[0]!r})"

    def summary(self) -> Summary:
        """Return the columns, the training and the networks, a text that Jupyter shows as HTML.

        Examples
        --------
        >>> table = {"x": [0.0, 1.0, 2.0, 3.5], "y": ["no", "no", "yes", "yes"]}
        >>> print(Model((3,), seed=0).fit(table, "y", epochs=1).summary())
        Model(1 column -> 1 feature, classes of 'y', Network(1-3-2, relu -> softmax, \
cross_entropy, float32, 14 parameters))
        <BLANKLINE>
        column  kind     missing  distinct  features  remarks
        x       number                   4         1
        y       classes                  2
        <BLANKLINE>
        rows  4
        <BLANKLINE>
        layer  shape   activation  parameters
            1  (3, 1)  relu                 6
            2  (2, 3)  softmax              8
        total                              14
        """
        from .summary import HEADER, Summary, as_text, rows

        if not self.networks:
            return Summary(repr(self), self._repr_html_())
        facts = [list(fact) for fact in self._summary_facts()]
        parts = [repr(self), str(self.report()), as_text(facts)]
        if len(self.networks) > 1:
            headings, lines = self._members_table()
            parts.append(as_text([headings, *lines], right={0, 2, 3}))
        else:
            table = [HEADER, *rows(self.networks[0])]
            parts.append(as_text(table, right={0, 3}))
        return Summary("\n\n".join(parts), self._repr_html_())

    def _summary_facts(self) -> list[tuple[str, str]]:
        """Return what is known of the training, as pairs of texts."""
        metrics = self.info.get("held_out_metrics") or {}
        n_held_out = self.info.get("n_held_out_rows") or 0
        facts = [("rows", f"{self.preprocessor.n_rows:,}")]
        facts += [("held-out rows", f"{n_held_out:,}")] if n_held_out else []
        facts += [(f"held-out {name}", f"{value:.6g}") for name, value in metrics.items()]
        facts += [("temperature", f"{self.temperature:.4g}")] if self.temperature != 1 else []
        return facts

    def _members_table(self) -> tuple[list[str], list[list[str]]]:
        """Return the headings and lines of a table of the networks."""
        lines = [
            [str(k), repr(network), f"{len(own.feature_names):,}", f"{weight:.4g}"]
            for k, (network, own, weight) in enumerate(
                zip(self.networks, self.preprocessors, self._member_weights, strict=True), 1
            )
        ]
        return ["", "network", "features", "weight"], lines

    def _repr_html_(self) -> str:
        from html import escape

        from ._internal.html_table import html_table

        title = f'<div class="bp-title">{escape(repr(self))}</div>'
        if not self.networks:
            return title
        networks = self.networks[0]._repr_html_()
        if len(self.networks) > 1:
            networks = html_table(*self._members_table())
        facts = [list(fact) for fact in self._summary_facts()]
        return "".join(
            [title, self.report()._repr_html_(), html_table(["training", ""], facts), networks]
        )


def load(
    path: Path,
    backend: BackendChoice = "auto",
    *,
    functions: Sequence[Activation | Cost] = (),
    allow_nonfinite: bool = False,
) -> Model | Network:
    """Read what `Model.save` or `Network.save` wrote.

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
    Model or Network

    Raises
    ------
    ValueError
        If the file is truncated, was changed, or is not a model of this package.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> Network([2, 3, 2], seed=0).save(path)
    >>> load(path)
    Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
    """
    from . import backends
    from ._internal import model_file, table_model_file

    backends.check(backend)
    settings, networks = table_model_file.read(path, allow_nonfinite)
    built = tuple(Network._from_file(path, *network, backend, functions) for network in networks)
    if table_model_file.NETWORKS not in settings:
        return built[0]
    try:
        return model_of(settings, built, backend)
    except (ValueError, TypeError, KeyError) as error:
        raise model_file.refused(path, f"has settings that cannot be used: {error}") from None


def model_of(settings: Mapping[str, Any], networks: tuple[Network, ...], backend: str) -> Model:
    """Return the model of a file's settings and its networks, which must fit each other."""
    preprocessor, info = Preprocessor.from_dict(settings["preprocessor"]), settings["info"]
    if not isinstance(info, dict):
        raise ValueError("a model must have a target and facts of its training")
    preprocessors = [preprocessor] * len(networks)
    if "preprocessors" in settings:
        own = [Preprocessor.from_dict(each) for each in settings["preprocessors"]]
        preprocessors = [own[k] for k in settings["uses"]]
    weights = settings.get("weights")
    model = model_of_members(
        preprocessor, networks, preprocessors, weights, settings.get("temperature", 1.0), backend
    )
    model.info, model.estimator = dict(info), settings.get("estimator")
    return model


def model_of_members(
    preprocessor: Preprocessor,
    networks: Sequence[Network],
    preprocessors: Sequence[Preprocessor] | None = None,
    weights: Sequence[float] | None = None,
    temperature: float = 1.0,
    backend: BackendChoice = "auto",
) -> Model:
    """Return a model of networks that are trained already.

    Parameters
    ----------
    preprocessor : Preprocessor
        The columns and the target.
    networks : sequence of Network
    preprocessors : sequence of Preprocessor, optional
        The preparation of the inputs of each network; by default all use `preprocessor`.
    weights : sequence of float, optional
        Numbers >= 0 that sum to 1, one for each network; by default all are equal.
    temperature : float, default 1.0
    backend : str, default "auto"
        That of later trainings.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """
    target, first = preprocessor.target, networks[0]
    if target is None:
        raise ValueError("a model must have a target and facts of its training")
    each = [preprocessor] * len(networks) if preprocessors is None else list(preprocessors)
    if len(each) != len(networks):
        raise ValueError("a model must have a preparation for each network")
    for own, network in zip(each, networks, strict=True):
        ends = network.sizes[0], network.sizes[-1]
        fits = ends == (len(own.feature_names), target.n_outputs)
        if not fits or network.dtype != first.dtype:
            raise ValueError("the networks do not fit the preparation")
    if weights is not None:
        weights = tuple(checks.within("weights", weight, 0.0, inf) for weight in weights)
        if len(weights) != len(networks) or not isclose(sum(weights), 1, rel_tol=1e-9):
            raise ValueError(f"weights must sum to 1, one for each network; got {weights}")
    temperature = checks.within("temperature", temperature, 0.0, inf)
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0; got {temperature}")
    model = Model(
        first.sizes[1:-1],
        members=len(networks),
        dtype=first.dtype,
        seed=first.seed,
        backend=backend,
        activation=first.activation,
    )
    model.preprocessor, model.networks = preprocessor, tuple(networks)
    model.preprocessors = tuple(each)
    model.weights = None if weights is None else tuple(weights)
    model.temperature = temperature
    return model


def metrics_of_kind(kind: str, output: str) -> list[str]:
    """Return the metrics of `evaluate`; log_loss needs the probabilities of softmax.

    >>> metrics_of_kind("classes", "softmax"), metrics_of_kind("classes", "sigmoid")
    (['accuracy', 'log_loss'], ['accuracy'])
    """
    return [name for name in SCORES[kind] if name != "log_loss" or output == "softmax"]


def is_path(data: Any) -> bool:
    """Return True for the name of a file."""
    return isinstance(data, str | PathLike)


def known_table(data: Any, preprocessor: Preprocessor) -> Any:
    """Return data, or the file that they name, as a table; a stream stays one."""
    if is_path(data):
        return file_table(data, preprocessor)
    return data if is_stream(data) else as_table(data)


def outputs_of(kind: str) -> tuple[str, str]:
    """Return the output and the cost for a kind of target.

    >>> outputs_of("values")
    ('identity', 'squared_error')
    """
    return {
        "classes": ("softmax", "cross_entropy"),
        "labels": ("sigmoid", "cross_entropy"),
        "values": ("identity", "squared_error"),
    }[kind]


def is_stream(data: Any) -> bool:
    """Return True if data are read in parts."""
    return isinstance(data, Source | TableStream)


def new_seed() -> int:
    """Return a seed of the operating system that leaves room for those of more networks."""
    from secrets import randbits

    return randbits(63)


def named_source(data: Source, columns: Sequence[str]) -> Source:
    """Return a source whose features are named, by position if they have no names."""
    from copy import copy

    if data.feature_names:
        return data
    named = copy(data)
    named.feature_names = tuple(columns)
    return named


def with_target(data: Any, target: Any, known: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Return the data with the columns of the target, and their names."""
    if is_stream(data):
        if target is not None and not is_name(target):
            raise TypeError("target must name columns of a stream; got values")
        names = names_of_target(target) or known
        if isinstance(data, Source):
            return data, names or ("target",)
        if not names:
            raise ValueError("target must name a column of the data; got none")
        return data, names
    table = as_table(data)
    if target is None and not known and isinstance(data, Dataset) and data.y is not None:
        return table, table.names[data.n_features :]
    if target is None or is_name(target, table):
        names = names_of_target(target) or known
        if not names:
            raise ValueError("target must name a column of the data, or be its values; got none")
        return table, names
    columns = columns_of_target(target, table.names)
    for column in columns:
        if len(column) != len(table):
            raise ValueError(
                f"target must have as many rows as data ({len(table)}); got {len(column)}"
            )
    names = tuple(column.name for column in columns)
    return Table([*table, *columns], table.name, table.place), names


def is_name(target: Any, table: Table | None = None) -> bool:
    """Return True if a target names columns; texts that no column of the table has are values."""
    if isinstance(target, str | int | np.integer) and not isinstance(target, bool):
        return True
    texts = isinstance(target, list | tuple) and all(isinstance(name, str) for name in target)
    if not texts or not target:
        return False
    return table is None or len(target) != len(table) or any(name in table for name in target)


def columns_of_target(target: Any, taken: Sequence[str]) -> list[Column]:
    """Return the columns of the values of a target: a series, a frame or an array."""
    if library_of(target) is not None:
        return list(as_table(target))
    own_name = getattr(target, "name", None)
    name = own_name if isinstance(own_name, str) and own_name not in taken else "target"
    if np.ndim(target) == 1:
        return [column_of(name, target)]
    values = np.asarray(target)
    if values.ndim != 2:
        raise ValueError(f"target must have shape (m,) or (m, k); got shape {values.shape}")
    names = [name] if values.shape[1] == 1 else [f"{name}{k}" for k in range(values.shape[1])]
    return target_columns(values, names)


def without_weights(data: Any, name: str) -> tuple[Any, NDArray[np.float64]]:
    """Return the data without the column of weights, and the weights."""
    if not isinstance(data, Table):
        raise ValueError("sample_weight must be an array for a stream; got the name of a column")
    if name not in data:
        raise ValueError(f"sample_weight must name a column of the data; got {name!r}")
    weights = data[name]
    if weights.kind != "number" or weights.missing.any():
        raise ValueError(f"sample_weight must name a column of numbers; got {weights!r}")
    return data.drop([name]), weights.values


def split(
    data: Any, preprocessor: Preprocessor, fraction: float, seed: int
) -> tuple[Table, Table, NDArray[np.intp]]:
    """Return the rows to train on, those held out, and the positions of the former."""
    if is_stream(data):
        raise ValueError("validation_fraction must be 0 for a stream; give validation_data")
    labels = None
    statistics = []
    for name in preprocessor.target_names:
        column = ColumnStatistics(name, preprocessor.kinds.get(name))
        if name in data:  # otherwise `Preprocessor.fit` says what is wrong
            column.add(data[name], data.place)
            statistics.append(column)
    if statistics and len(statistics) == len(preprocessor.target_names):
        target = TargetEncoder.fit(statistics, preprocessor.class_rule, "none")
        if len(statistics) == 1:
            # The rule must not decide otherwise for the rows that are left.
            preprocessor.class_rule = target.kind == "classes"
        labels = target.encode(data) if target.kind == "classes" else None
    fraction = checks.within("validation_fraction", fraction, 0.0, 1.0)
    is_held_out = held_out_rows(len(data), fraction, seed, labels)
    if not is_held_out.any() or is_held_out.all():
        raise ValueError(
            f"validation_fraction must leave rows on both sides; got {fraction} of {len(data)} rows"
        )
    kept, held_out = np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
    return data.take(kept), data.take(held_out), kept


def weights_of_classes(class_weight: Any, target: TargetEncoder) -> Any:
    """Return weights by label instead of by class."""
    if not isinstance(class_weight, Mapping):
        return class_weight
    labels = {level: k for k, level in enumerate(target.classes)}
    for name in class_weight:
        if name not in labels:
            raise ValueError(
                f"class_weight must name classes of the target "
                f"({', '.join(map(repr, target.classes[:20]))}); got {name!r}"
            )
    return {labels[name]: weight for name, weight in class_weight.items()}
