"""Types for annotations: the names of the tables, of types and of backends.

Written by tests/stubs.py. Parameters accept any text, because names may have settings,
as in "leaky_relu(0.1)"; a text is checked when it is used.

>>> from backprop_rs.typing import OptimizerName
>>> optimizer: OptimizerName = "adam"
"""

from typing import Literal, TypeAlias

__all__ = [
    "ActivationName",
    "BackendName",
    "CostName",
    "DTypeName",
    "InitializerName",
    "OnNaN",
    "OptimizerName",
    "ScheduleName",
]


def __dir__() -> list[str]:
    return __all__


ActivationName: TypeAlias = Literal[
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "hard_sigmoid",
    "hard_tanh",
    "relu6",
    "gaussian",
    "sine",
    "exponential",
    "softmax",
]
"""The names of `backprop_rs.activations`."""

CostName: TypeAlias = Literal[
    "squared_error",
    "cross_entropy",
    "mean_squared_error",
    "half_squared_error",
    "absolute_error",
    "huber",
    "log_cosh",
    "quantile",
    "poisson",
    "focal",
    "hinge",
]
"""The names of `backprop_rs.costs`."""

InitializerName: TypeAlias = Literal[
    "auto",
    "zeros",
    "constant",
    "uniform",
    "normal",
    "truncated_normal",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
    "scikit_learn",
    "pytorch",
]
"""The names of `backprop_rs.initializers`."""

OptimizerName: TypeAlias = Literal[
    "sgd",
    "adam",
    "adamw",
    "nadam",
    "rmsprop",
    "adagrad",
    "rprop",
    "lion",
    "lbfgs",
]
"""The names of `backprop_rs.optimizers`."""

ScheduleName: TypeAlias = Literal[
    "constant",
    "step",
    "exponential",
    "inverse_scaling",
    "polynomial",
    "cosine",
    "cosine_restarts",
    "warmup",
    "one_cycle",
    "coslog4",
    "flat_cos",
    "reduce_on_plateau",
    "adaptive",
]
"""The names of `backprop_rs.schedules`."""

BackendName: TypeAlias = Literal["auto", "rust", "numpy"]
"""The values of `backend`."""

DTypeName: TypeAlias = Literal["float32", "float64"]
"""The values of `dtype`."""

OnNaN: TypeAlias = Literal["raise", "stop", "ignore"]
"""The values of `on_nan`."""
