"""The sentences of the errors, with the accepted and the actual values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ALIASES: Mapping[str, Mapping[str, str]] = {
    "activation": {
        "exp": "exponential",
        "leakyrectifier": "leaky_relu",
        "linear": "identity",
        "logistic": "sigmoid",
        "lrelu": "leaky_relu",
        "none": "identity",
        "rectifier": "relu",
        "sin": "sine",
        "swish": "silu",
    },
    "cost": {
        "bce": "cross_entropy",
        "bceloss": "cross_entropy",
        "bcewithlogits": "cross_entropy",
        "bcewithlogitsloss": "cross_entropy",
        "binarycrossentropy": "cross_entropy",
        "categoricalcrossentropy": "cross_entropy",
        "crossentropyloss": "cross_entropy",
        "focalloss": "focal",
        "halfmse": "half_squared_error",
        "hingeloss": "hinge",
        "huberloss": "huber",
        "l1": "absolute_error",
        "l1loss": "absolute_error",
        "l2": "squared_error",
        "logloss": "cross_entropy",
        "mae": "absolute_error",
        "meanabsoluteerror": "absolute_error",
        "mse": "mean_squared_error",
        "mseloss": "mean_squared_error",
        "negativeloglikelihood": "cross_entropy",
        "nll": "cross_entropy",
        "nllloss": "cross_entropy",
        "pinball": "quantile",
        "poissonnllloss": "poisson",
        "quadratic": "half_squared_error",
        "smoothl1": "huber",
        "smoothl1loss": "huber",
        "softmaxcrossentropy": "cross_entropy",
        "sparsecategoricalcrossentropy": "cross_entropy",
        "sse": "squared_error",
    },
    "init": {
        "gaussian": "normal",
        "glorot": "glorot_uniform",
        "he": "he_normal",
        "kaiming": "he_normal",
        "kaimingnormal": "he_normal",
        "kaiminguniform": "he_uniform",
        "lecun": "lecun_normal",
        "random": "normal",
        "torch": "pytorch",
        "xavier": "glorot_uniform",
        "xaviernormal": "glorot_normal",
        "xavieruniform": "glorot_uniform",
    },
    "optimizer": {
        "gd": "sgd",
        "gradientdescent": "sgd",
        "momentum": "sgd",
        "nesterov": "sgd",
        "stochasticgradientdescent": "sgd",
    },
    "schedule": {
        "cosineannealing": "cosine",
        "cosineannealinglr": "cosine",
        "cosineannealingwarmrestarts": "cosine_restarts",
        "cosinedecay": "cosine",
        "exponentialdecay": "exponential",
        "exponentiallr": "exponential",
        "invscaling": "inverse_scaling",
        "linear": "polynomial",
        "none": "constant",
        "onecyclelr": "one_cycle",
        "reducelronplateau": "reduce_on_plateau",
        "steplr": "step",
    },
}
"""The names of other libraries for entries of the tables, as `key` writes them."""


def unknown_name(kind: str, value: object, names: Sequence[str]) -> ValueError | TypeError:
    """Return the error for a name that is not in a table, with the nearest one that is.

    >>> print(unknown_name("cost", "squared_eror", ["squared_error", "cross_entropy"]))
    cost must be one of squared_error, cross_entropy; got 'squared_eror' \
(did you mean 'squared_error'?)
    """
    accepted = f"{kind} must be one of {', '.join(names)}"
    if not isinstance(value, str):
        return TypeError(f"{accepted}; got {value!r}")
    sentence = f"{accepted}; got '{value}'"
    name = meant(kind, value, names)
    return ValueError(f"{sentence} (did you mean '{name}'?)" if name else sentence)


def meant(kind: str, value: str, names: Sequence[str]) -> str | None:
    """Return the name that `value` most likely stands for, if any.

    It is the same name with other separators, the name of another library, or the nearest name.

    >>> meant("activation", "Swish", ["relu", "silu", "mish"])
    'silu'
    """
    wanted = key(value)
    for name in names:
        if key(name) == wanted:
            return name
    alias = ALIASES.get(kind, {}).get(wanted)
    if alias in names:
        return alias
    nearest = min(names, key=lambda name: edit_distance(value, name))
    return nearest if edit_distance(value, nearest) <= 2 else None


def key(name: str) -> str:
    """Return a name in lower case, without separators.

    >>> key("Leaky-ReLU")
    'leakyrelu'
    """
    return name.lower().translate(JOINTS)


JOINTS = str.maketrans("", "", "_- .")


def edit_distance(left: str, right: str) -> int:
    """Return the Levenshtein distance: the number of letters to insert, delete or replace.

    >>> edit_distance("sigmod", "sigmoid")
    1
    """
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            replaced = diagonal + (letter != other)
            diagonal, row[j] = row[j], min(replaced, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def bad_sizes(value: object) -> ValueError:
    """Return the error for sizes that are not at least two positive integers."""
    return ValueError(f"sizes must be at least two positive integers; got {value}")


def hidden_softmax(layer: int) -> ValueError:
    """Return the error for softmax in a hidden layer."""
    return ValueError(f"softmax can only be the output activation; got it for hidden layer {layer}")


def softmax_of_one(n_out: int) -> ValueError:
    """Return the error for softmax of one output."""
    return ValueError(f"softmax needs at least 2 output neurons; got {n_out}")


def cost_and_output(cost: str, outputs: Iterable[str], value: str) -> ValueError:
    """Return the error for a cost with an output activation that it does not support."""
    return ValueError(f"cost '{cost}' requires output {' or '.join(outputs)}; got output '{value}'")


def malformed(kind: str, value: str) -> ValueError:
    """Return the error for a text that is not an entry."""
    return ValueError(
        f"{kind} must be a name or a name with numbers such as name(0.1); got '{value}'"
    )


def unknown_setting(kind: str, entry: str, settings: Sequence[str], value: str) -> ValueError:
    """Return the error for a setting that an entry does not have."""
    has = f"settings {', '.join(settings)}" if settings else "no settings"
    return ValueError(f"{kind} '{entry}' has {has}; got '{value}'")


def setting_value(setting: str, kind: str, entry: str, accepted: str, value: str) -> ValueError:
    """Return the error for a number that a setting does not accept."""
    return ValueError(f"{setting} of {kind} '{entry}' must be {accepted}; got {value}")


def changed_label(n_out: int, value: object) -> ValueError:
    """Return the error for labels that changed during a call."""
    return ValueError(
        f"y must hold class labels from 0 to {n_out - 1} until the call returns; got {value}"
    )


def wrong_orders(n: int) -> ValueError:
    """Return the error for orders with too few rows or with others."""
    return ValueError(
        f"orders must hold rows from 0 to {n - 1} for every epoch; got others, or too few"
    )


def endless_schedule(value: str) -> ValueError:
    """Return the error for a schedule without a length before 'then'."""
    return ValueError(f"schedule '{value}' needs a length before 'then'; got none")


def reactive_curves(value: str) -> ValueError:
    """Return the error for two curves that depend on the course of the training."""
    return ValueError(f"schedule must have at most one reactive curve; got '{value}'")


def foreign_state(name: str) -> ValueError:
    """Return the error for a state without an array of the right shape."""
    return ValueError(
        f"state does not fit this network and optimizer: '{name}' is missing or has another shape"
    )


def edges() -> ValueError:
    """Return the error for edges of bins that do not grow in the dtype of the network."""
    return ValueError("edges must be two or more growing, finite numbers; got others")


def embedded(column: int, n_in: int) -> ValueError:
    """Return the error for the embedding of an input that does not exist."""
    return ValueError(f"embeddings must be of inputs 0 to {n_in - 1}; got {column}")


def frequencies() -> ValueError:
    """Return the error for numbers of a periodic embedding that it does not accept."""
    return ValueError(
        "a periodic embedding must have frequencies, outputs and a deviation; got others"
    )


PARAMETRIC_OUTPUT = "parametric must be for hidden layers; got it for the output layer"


def parametric_output() -> ValueError:
    """Return the error for an output layer with a parametric activation."""
    return ValueError(PARAMETRIC_OUTPUT)
