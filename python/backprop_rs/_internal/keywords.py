"""Explain calls with a keyword that a public method does not have."""

from __future__ import annotations

from collections.abc import Iterable
from functools import update_wrapper
from inspect import signature
from types import FunctionType
from typing import Any, TypeVar

from .error import edit_distance

C = TypeVar("C", bound=type)

OTHERS = {
    "learning_rate": ("lr", "eta", "learning_rate_init", "step_size"),
    "cost": ("loss", "loss_fn", "loss_function", "criterion", "objective"),
    "progress": ("verbose", "verbosity", "progress_bar"),
    "epochs": ("n_epochs", "nb_epoch", "num_epochs", "max_epochs", "epoch", "max_iter", "n_iter"),
    "validation_fraction": ("validation_split", "val_split", "val_fraction"),
    "validation_data": ("validation_set", "val_data", "eval_set"),
    "batch_size": ("bs", "batchsize", "batch", "minibatch_size"),
    "seed": ("random_state", "random_seed", "rng"),
    "sizes": ("hidden_layer_sizes", "layer_sizes", "layers", "layer_dims"),
    "activation": ("activations", "hidden_activation", "nonlinearity"),
    "output": ("output_activation", "out_activation", "final_activation"),
    "init": ("initializer", "kernel_initializer", "weight_init"),
    "optimizer": ("solver", "optim", "optimiser"),
    "lr_factors": ("lr_multipliers", "lr_mult", "param_groups"),
    "schedule": ("scheduler", "lr_scheduler", "lr_schedule"),
    "early_stopping": ("patience", "n_iter_no_change"),
    "sample_weight": ("sample_weights",),
    "class_weight": ("class_weights",),
    "clip_norm": ("clipnorm", "grad_clip", "max_grad_norm", "gradient_clipping"),
    "clip_value": ("clipvalue",),
    "average": ("ema", "ema_decay"),
    "dropout": ("dropout_rate",),
    "layer_norm": ("layernorm", "normalization"),
    "l2": ("regularization", "kernel_regularizer", "alpha"),
    "path": ("file", "filename", "filepath", "fname"),
    "X": ("x", "inputs", "data"),
    "y": ("Y", "labels", "targets", "target"),
}
"""The names of arguments, with those of other libraries."""

ALIASES = {other: name for name, others in OTHERS.items() for other in others}


PLAIN = ("predict",)  # called so often that one more call would slow it down


def hinting(cls: C) -> C:
    """Let all public methods of a class and of its bases in this package explain wrong keywords.

    A correct call only passes through one more function. The methods in `PLAIN` are not wrapped;
    their names in errors lose the class.
    """
    for base in cls.__mro__:
        if not base.__module__.startswith("backprop_rs"):
            continue
        for name, method in vars(base).copy().items():
            if name.startswith("_") and name != "__init__":
                continue
            shown = cls.__name__ if name == "__init__" else name
            if name in PLAIN:
                method.__qualname__ = name
            elif isinstance(method, FunctionType):
                setattr(base, name, explaining(method, shown, cls))
            elif isinstance(method, classmethod) and isinstance(method.__func__, FunctionType):
                setattr(base, name, classmethod(explaining(method.__func__, shown, cls)))
    return cls


def explaining(function: FunctionType, shown: str, cls: type) -> FunctionType:
    """Return the same function with better errors; `shown` is its name in them."""
    explain = explained

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # An error from within the function has a frame behind this one.
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
            sentence = explain(str(error), function, kwargs, shown, cls)
        raise TypeError(sentence)

    # The globals are those of the function, because doctest takes the module from them.
    like = FunctionType(call.__code__, function.__globals__, closure=call.__closure__)
    return update_wrapper(like, function)  # type: ignore[return-value]


def explained(
    sentence: str, function: FunctionType, keywords: Iterable[str], shown: str, cls: type
) -> str:
    """Return a sentence about a wrong call, with the argument that was most likely meant."""
    known = set(signature(function).parameters)
    wrong = [name for name in keywords if name not in known]
    if not wrong:
        return sentence.replace(f"{function.__qualname__}()", f"{shown}()")
    return f"{shown}() got an unexpected keyword argument '{wrong[0]}'{hint(wrong[0], known, cls)}"


def hint(wrong: str, known: Iterable[str], cls: type) -> str:
    """Return a hint at the argument of this function, the class or its `fit` that was meant.

    >>> hint("lr", ["X", "y", "learning_rate"], object)
    '; did you mean learning_rate?'
    """
    meant = nearest(wrong, known)
    if meant:
        return f"; did you mean {meant}?"
    fit = getattr(cls, "fit", None)
    for place, other in ((cls.__name__, cls), ("fit", fit)):
        if other is not None and (meant := nearest(wrong, signature(other).parameters)):
            return f"; did you mean {meant}, an argument of {place}?"
    return ""


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """Return the argument with this name in another library, or with two letters of difference."""
    names = [name for name in known if name != "self"]
    for other in (ALIASES.get(wrong), ALIASES.get(wrong.lower()), wrong.lower()):
        if other in names:
            return other
    near = min(names, key=lambda name: edit_distance(wrong, name), default="")
    return near if edit_distance(wrong, near) <= min(2, len(near) // 3) else None
