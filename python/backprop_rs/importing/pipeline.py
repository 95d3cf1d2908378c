"""Import a fitted pipeline of scikit-learn: its preparation and its MLP.

Only fitted attributes are read; scikit-learn is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Preprocessor
from ..data.column_report import ColumnSummary
from ..data.scalers import StandardScaler
from ..data.target_encoder import TargetEncoder
from .channels import Cell, Channel, Missing, Prepared, codes_of, prepared, python_level
from .estimator import is_multilabel, network_of

if TYPE_CHECKING:
    from ..base_network import BaseNetwork

KNOWN = (
    "Pipeline, ColumnTransformer, SimpleImputer, StandardScaler, MinMaxScaler, MaxAbsScaler, "
    "RobustScaler, OneHotEncoder, OrdinalEncoder, selectors of features, 'passthrough' and 'drop'"
)
MLPS = ("MLPClassifier", "MLPRegressor")


@dataclass(frozen=True)
class Imported:
    """A preprocessor and a network that give the predictions of a pipeline."""

    preprocessor: Preprocessor
    network: BaseNetwork


def imported(cls: type[BaseNetwork], pipeline: Any, backend: str) -> Imported:
    """Return the preparation and the network of a fitted pipeline.

    Raises
    ------
    TypeError
        If a step has no exact counterpart; the error names it.
    ValueError
        If the pipeline is not fitted, or a column goes through several steps side by side.
    """
    steps, mlp, scaler = parts_of(pipeline)
    if not hasattr(mlp, "coefs_"):
        raise ValueError("pipeline must be fitted; its MLP has no coefs_")
    first = steps[0][1] if steps else mlp
    names = [str(name) for name in getattr(first, "feature_names_in_", ())]
    n = int(first.n_features_in_)
    names = names or [f"x{k}" for k in range(n)]
    channels: list[Channel] = [Cell(k) for k in range(n)]
    for path, step in steps:
        channels = transformed(step, channels, path)
    if len(channels) != mlp.n_features_in_:
        raise ValueError(
            f"the steps must give the {mlp.n_features_in_} features of the MLP; they give "
            f"{len(channels)}"
        )
    preparation = prepared(channels, names)
    network, target = with_softmax(cls, mlp, scaler, backend)
    fold(network, preparation)
    preprocessor = Preprocessor(list(target.names), ignore=unused(names, preparation))
    preprocessor.encoders, preprocessor.target = preparation.encoders, target
    preprocessor.summaries = tuple(
        ColumnSummary(encoder.name, encoder.kind, 0, 0, 0, len(encoder.features))
        for encoder in preparation.encoders
    )
    network.metadata = {"feature_names": list(preprocessor.feature_names)}
    return Imported(preprocessor, network)


def is_a(step: Any, *names: str) -> bool:
    """Return True if a step has one of these classes of scikit-learn, or of this package."""
    return any(
        kind.__name__ in names and kind.__module__.split(".")[0] in ("sklearn", "backprop_rs")
        for kind in type(step).__mro__
    )


def parts_of(pipeline: Any) -> tuple[list[tuple[str, Any]], Any, StandardScaler | None]:
    """Return the transformers with their names, the MLP, and the scaling of its target."""
    steps: list[tuple[str, Any]] = []
    scaler, estimator = None, pipeline
    while not is_a(estimator, *MLPS):
        if is_a(estimator, "Pipeline") and estimator.steps:
            steps += [(f"{name!r}", step) for name, step in estimator.steps[:-1]]
            estimator = estimator.steps[-1][1]
        elif is_a(estimator, "TransformedTargetRegressor") and scaler is None:
            scaler = target_scaler(estimator)
            estimator = estimator.regressor_
        else:
            raise TypeError(
                "pipeline must be a Pipeline that ends with an MLPClassifier or MLPRegressor, or "
                f"such an estimator; got {type(estimator).__name__}"
            )
    return steps, estimator, scaler


def target_scaler(estimator: Any) -> Any:
    """Return the scaling of the target of a TransformedTargetRegressor."""
    if not hasattr(estimator, "regressor_"):
        raise ValueError("pipeline must be fitted; its TransformedTargetRegressor is not")
    transformer = estimator.transformer_
    if not is_a(transformer, "StandardScaler"):
        kind = (
            "functions" if is_a(transformer, "FunctionTransformer") else type(transformer).__name__
        )
        raise TypeError(
            f"the target must be scaled by a StandardScaler; TransformedTargetRegressor has {kind}"
        )
    return transformer


def transformed(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after a step; `path` names it in errors."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return channels
    if isinstance(step, str) and step == "drop":
        return []
    for names, change in STEPS:
        if is_a(step, *names):
            check_fitted(step, path)
            return change(step, channels, path)
    if is_a(step, "SelectorMixin"):
        kept = step.get_support()
        return [channel for channel, keep in zip(channels, kept, strict=True) if keep]
    raise without_counterpart(step, path, "")


def without_counterpart(step: Any, path: str, why: str) -> TypeError:
    """Return the error for a step that cannot be taken over."""
    what = f"{type(step).__name__}{why}"
    return TypeError(f"each step must have an exact counterpart ({KNOWN}); step {path} is {what}")


def check_fitted(step: Any, path: str) -> None:
    """Raise ValueError if a step is not fitted."""
    plain = is_a(step, "Pipeline", "FunctionTransformer")
    if not plain and not any(name.endswith("_") and name[0] != "_" for name in vars(step)):
        raise ValueError(f"pipeline must be fitted; step {path} is not")


def of_pipeline(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after all steps of a pipeline."""
    for name, inner in step.steps:
        channels = transformed(inner, channels, f"{path} / {name!r}")
    return channels


def of_columns(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after a ColumnTransformer, side by side."""
    result = []
    names = [str(name) for name in getattr(step, "feature_names_in_", ())]
    for name, inner, columns in step.transformers_:
        chosen = [channels[k] for k in positions_of(columns, names, len(channels))]
        if chosen:
            result += transformed(inner, chosen, f"{path} / {name!r}")
    return result


def positions_of(columns: Any, names: Sequence[str], n: int) -> list[int]:
    """Return the positions of columns that are given as scikit-learn takes them.

    >>> positions_of("b", ["a", "b"], 2), positions_of(slice("b", None), ["a", "b", "c"], 3)
    ([1], [1, 2])
    >>> positions_of([True, False], [], 2), positions_of([-1], [], 2)
    ([0], [1])
    """
    if isinstance(columns, slice):
        ends = [
            names.index(end) if isinstance(end, str) else end
            for end in (columns.start, columns.stop)
        ]
        if isinstance(columns.stop, str):  # names include the last one
            ends[1] += 1
        return list(range(n))[slice(ends[0], ends[1], columns.step)]
    if isinstance(columns, str) or np.ndim(columns) == 0:
        columns = [columns]
    keys = [key.item() if isinstance(key, np.generic) else key for key in columns]
    if keys and all(isinstance(key, bool) for key in keys):
        return [k for k, key in enumerate(keys) if key]
    return [names.index(key) if isinstance(key, str) else range(n)[key] for key in keys]


def of_imputer(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after a SimpleImputer: with values for missing cells, and indicators."""
    missing = step.missing_values
    is_nan = isinstance(missing, float) and missing != missing
    if not (is_nan or missing is None or type(missing).__name__ == "NAType"):
        raise without_counterpart(step, path, f" with missing_values={missing!r}")
    result: list[Channel] = []
    for channel, statistic in zip(channels, step.statistics_, strict=True):
        value = python_level(statistic)
        if value is not None:  # a column without any value is left out
            result.append(channel.filled(value))
        elif step.keep_empty_features:
            result.append(channel.filled(0.0))
    indicator = getattr(step, "indicator_", None)
    if indicator is not None:
        result += [Missing(channels[k].column) for k in indicator.features_.tolist()]
    return result


def of_scaler(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after a scaler: (x - center) / width."""
    n = len(channels)
    center, width = np.zeros(n), np.ones(n)
    if is_a(step, "MinMaxScaler"):
        if step.clip:
            raise without_counterpart(step, path, " with clip=True")
        width = 1 / step.scale_
        center = -step.min_ * width
    elif is_a(step, "MaxAbsScaler"):
        if getattr(step, "clip", False):
            raise without_counterpart(step, path, " with clip=True")
        width = step.scale_
    else:
        mean = getattr(step, "center_", None) if is_a(step, "RobustScaler") else step.mean_
        with_mean = step.with_centering if is_a(step, "RobustScaler") else step.with_mean
        center = mean if with_mean and mean is not None else center
        width = width if step.scale_ is None else step.scale_
    return [channel.scaled(c, w) for channel, c, w in zip(channels, center, width, strict=True)]


def raw_cells(step: Any, channels: list[Channel], path: str) -> list[Cell]:
    """Return the channels of an encoder, which must be raw cells."""
    for channel in channels:
        if not isinstance(channel, Cell):
            raise without_counterpart(step, path, " of columns that another step has changed")
    return channels  # type: ignore[return-value]


def of_one_hot(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after a OneHotEncoder."""
    result: list[Channel] = []
    groups = getattr(step, "infrequent_categories_", None) or [None] * len(channels)
    for j, channel in enumerate(raw_cells(step, channels, path)):
        levels = list(map(python_level, step.categories_[j]))
        together = set() if groups[j] is None else set(map(python_level, groups[j]))
        columns: list[list[Any]] = [[level] for level in levels if level not in together]
        if together:
            columns.append([level for level in levels if level in together])
        dropped = None if step.drop_idx_ is None else step.drop_idx_[j]
        if dropped is not None:
            columns = [group for group in columns if levels[dropped] not in group]
        for group in columns:
            numbers = {level: float(level in group) for level in levels if level is not None}
            # Unknown levels count as infrequent ones if the encoder says so.
            joins = step.handle_unknown in ("infrequent_if_exist", "warn")
            unknown = float(bool(together) and joins and len(group) > 0 and group[0] in together)
            missing = float(None in group) if None in levels else unknown
            name = f"={group[0]}" if len(group) == 1 else "=infrequent"
            name = " is missing" if group == [None] else name
            result.append(codes_of(channel.column, channel.fill, numbers, missing, unknown, name))
    return result


def of_ordinal(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after an OrdinalEncoder."""
    result: list[Channel] = []
    groups = getattr(step, "infrequent_categories_", None) or [None] * len(channels)
    for j, channel in enumerate(raw_cells(step, channels, path)):
        levels = [level for level in map(python_level, step.categories_[j]) if level is not None]
        together = set() if groups[j] is None else set(map(python_level, groups[j]))
        frequent = [level for level in levels if level not in together]
        numbers = {level: float(len(frequent)) for level in levels}
        numbers |= {level: float(k) for k, level in enumerate(frequent)}
        unknown = np.nan if step.unknown_value is None else float(step.unknown_value)
        has_missing = len(levels) < len(step.categories_[j])
        missing = float(step.encoded_missing_value) if has_missing else unknown
        result.append(codes_of(channel.column, channel.fill, numbers, missing, unknown))
    return result


def of_function(step: Any, channels: list[Channel], path: str) -> list[Channel]:
    """Return the channels after a FunctionTransformer, which must be the identity."""
    if step.func is not None:
        raise without_counterpart(step, path, " with a function")
    return channels


Change = Callable[[Any, list[Channel], str], list[Channel]]
STEPS: list[tuple[tuple[str, ...], Change]] = [
    (("Pipeline",), of_pipeline),
    (("ColumnTransformer",), of_columns),
    (("SimpleImputer",), of_imputer),
    (("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"), of_scaler),
    (("OneHotEncoder",), of_one_hot),
    (("OrdinalEncoder",), of_ordinal),
    (("FunctionTransformer",), of_function),
]


def unused(names: Sequence[str], preparation: Prepared) -> list[str]:
    """Return the columns that no encoder needs."""
    used = {encoder.name for encoder in preparation.encoders}
    return [name for name in names if name not in used]


def with_softmax(
    cls: type[BaseNetwork], mlp: Any, scaler: Any, backend: str
) -> tuple[BaseNetwork, TargetEncoder]:
    """Return the network and the target; one output of two classes becomes two with softmax.

    sigma(z) is the second softmax of (0, z).
    """
    network = network_of(cls, mlp, backend)
    target = target_of(mlp, network, scaler)
    if target.kind != "classes" or network.sizes[-1] == len(target.classes):
        return network, target
    weights, biases = network.weights, network.biases
    both = cls(
        [*network.sizes[:-1], 2],
        network.activation,
        "softmax",
        "cross_entropy",
        init=[*weights[:-1], np.concatenate([np.zeros_like(weights[-1]), weights[-1]])],
        dtype=network.dtype,
        backend=backend,
    )
    both.biases = [*biases[:-1], np.concatenate([np.zeros_like(biases[-1]), biases[-1]])]
    both.epochs_trained = network.epochs_trained
    return both, target


def target_of(mlp: Any, network: BaseNetwork, scaler: Any) -> TargetEncoder:
    """Return the target of an MLP."""
    n = network.sizes[-1]
    names = ("target",) if n == 1 else tuple(f"target{k}" for k in range(n))
    if not hasattr(mlp, "classes_"):
        scalers = () if scaler is None else scalers_of(scaler, n)
        return TargetEncoder(names, "values", "number", (), scalers, (network.dtype,) * n)
    if is_multilabel(mlp):
        check_output(network, "sigmoid")
        return TargetEncoder(names, "labels", "number", dtypes=("int64",) * n)
    check_output(network, "sigmoid" if n == 1 else "softmax")
    classes = np.asarray(mlp.classes_)
    if len(classes) < 2:
        raise ValueError(f"pipeline must have at least 2 classes; got {len(classes)}")
    levels = tuple(python_level(level) for level in classes)
    kind = {"b": "boolean", "i": "number", "u": "number", "f": "number"}.get(
        classes.dtype.kind, "category"
    )
    if kind == "category" and not all(isinstance(level, str) for level in levels):
        raise TypeError("classes must all be texts, all numbers or all booleans; got several types")
    dtypes = () if kind == "category" else (classes.dtype.name,)
    return TargetEncoder(("target",), "classes", kind, levels, (), dtypes)  # type: ignore[arg-type]


def check_output(network: BaseNetwork, output: str) -> None:
    """Raise ValueError if the output of a classifier is not a probability."""
    if network.output != output:
        raise ValueError(f"the output of the MLP must be {output}; got {network.output!r}")


def scalers_of(scaler: Any, n: int) -> tuple[StandardScaler, ...]:
    """Return the scaling of each target."""
    mean = scaler.mean_ if scaler.with_mean else np.zeros(n)
    scale = np.ones(n) if scaler.scale_ is None else scaler.scale_
    return tuple(StandardScaler(float(m), float(s)) for m, s in zip(mean, scale, strict=True))


def fold(network: BaseNetwork, preparation: Prepared) -> None:
    """Change the first layer to take the features of the encoders instead of the channels."""
    weights, biases = network.weights, network.biases
    first = weights[0].astype(np.float64)
    inputs = np.zeros_like(first)
    inputs[:, list(preparation.places)] = first * np.array(preparation.factors)
    network.weights = [inputs, *weights[1:]]
    network.biases = [biases[0] + first @ np.array(preparation.terms), *biases[1:]]
