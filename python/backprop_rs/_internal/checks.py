"""Checks of arguments; every error is one sentence with the value and what is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from numbers import Integral, Real
from operator import index
from typing import TYPE_CHECKING, overload

import numpy as np

from ..exceptions import MaskedValues, NotNumbers
from .interop import array_of
from .nonfinite import finder

if TYPE_CHECKING:
    from .types import AnyArray, Array, Data

DTYPES = ("float32", "float64")
LARGEST_SEED = 2**64 - 1
ANY_TARGET = (-inf, inf)


def shown(value: object) -> str:
    """Return a value as Python writes it, without the name of NumPy's scalar type."""
    return repr(value.item() if isinstance(value, np.generic) else value)


# Settings of a network and of a run.


def sizes(value: Sequence[int]) -> list[int]:
    """Return the sizes of the layers."""
    sentence = "sizes must be at least two positive integers; got "
    try:
        checked = [index(n) for n in value]
    except TypeError:
        raise TypeError(sentence + shown(value)) from None
    if len(checked) < 2 or min(checked) < 1:
        raise ValueError(f"{sentence}{checked}")
    return checked


def dtype(value: object) -> str:
    """Return float32 or float64 for a name, a NumPy type or a NumPy dtype."""
    try:
        checked = np.dtype(value).name  # type: ignore[call-overload]
    except TypeError:
        checked = None
    if value is None or checked not in DTYPES:
        raise ValueError(f"dtype must be float32 or float64; got {shown(value)}")
    return str(checked)


def seed(value: int | None) -> int | None:
    """Return an integer from 0 to 2**64 - 1, or None."""
    if value is None:
        return None
    return integer("seed", value, least=0, most=LARGEST_SEED)


def boolean(name: str, value: object) -> bool:
    """Return True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def integer(name: str, value: object, *, least: int, most: int | None = None) -> int:
    """Return an integer from `least` to `most`."""
    accepted = f">= {least}" if most is None else f"from {least} to {most}"
    sentence = f"{name} must be an integer {accepted}; got {shown(value)}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(sentence)
    number = int(value)
    if number < least or (most is not None and number > most):
        raise ValueError(sentence)
    return number


def real(value: Real) -> float:
    """Return a float; infinity for an integer beyond all floats."""
    try:
        return float(value)
    except OverflowError:
        return inf


def nonnegative(name: str, value: object) -> float:
    """Return a finite number >= 0."""
    number = real(value) if isinstance(value, Real) else None
    if number is not None and isfinite(number) and number >= 0:
        return number
    kind = TypeError if number is None else ValueError
    raise kind(f"{name} must be a finite number >= 0; got {shown(value)}")


def within(name: str, value: object, least: float, largest: float) -> float:
    """Return a number from `least` on, below `largest`."""
    accepted = f"a finite number >= {least:g}" + ("" if largest == inf else f" and < {largest:g}")
    sentence = f"{name} must be {accepted}; got {shown(value)}"
    if not isinstance(value, Real):
        raise TypeError(sentence)
    number = real(value)
    if not (isfinite(number) and least <= number < largest):
        raise ValueError(sentence)
    return number


def optional(name: str, value: object, least: float, largest: float) -> float | None:
    """Return None, or a number from `least` on, below `largest`."""
    return None if value is None else within(name, value, least, largest)


def positive(name: str, value: object) -> float | None:
    """Return None, or a finite number above 0."""
    if value is None:
        return None
    sentence = f"{name} must be a finite number > 0; got {shown(value)}"
    if not isinstance(value, Real):
        raise TypeError(sentence)
    number = float(value)
    if not (isfinite(number) and number > 0):
        raise ValueError(sentence)
    return number


def choice(name: str, value: object, accepted: Sequence[str]) -> str:
    """Return one of the accepted names."""
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(accepted)}; got {shown(value)}")
    return value


def flag(name: str, value: object) -> bool:
    """Return True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def sample_weight(value: Data, m: int, dtype: str) -> Array:
    """Return (m,) numbers >= 0 in a new array, which later changes of the input do not reach."""
    array = numbers("sample_weight", value)
    if array.shape != (m,):
        raise ValueError(f"sample_weight must have shape ({m},); got {array.shape}")
    checked = finite("sample_weight", copied(array, dtype), dtype)
    if (checked < 0).any():
        row = int((checked < 0).argmax())
        raise ValueError(
            f"sample_weight must hold numbers >= 0; got {checked[row]} in row {row} "
            "(counted from 0)"
        )
    weights("sample_weight", array, dtype)
    return checked


def some_weight(name: str, weights: Array | None) -> None:
    """Raise ValueError if all weights are 0, because nothing can be averaged then."""
    if weights is not None and not weights.any():
        raise ValueError(f"{name} must not be all 0; got {len(weights)} weights of 0")


WEIGHTS = {"float32": (1e-30, 1e30), "float64": (1e-290, 1e290)}
"""The limits of weights other than 0, within which their products with δ keep their digits."""


def weights(name: str, value: AnyArray, dtype: str) -> None:
    """Raise ValueError for weights so small or so large that the gradient would lose digits."""
    least, most = WEIGHTS[dtype]
    value = np.asarray(value, np.float64)  # a narrower type might not have the limits
    wrong = (value > 0) & ((value < least) | (value > most))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{name} must be 0 or from {least:g} to {most:g} in {dtype}; got {value[row]:g} in "
            f"row {row} (counted from 0); only the ratios of weights matter"
        )


# Arrays.


def inputs(X: Data, n_in: int, dtype: str) -> Array:
    """Return X (m, n_in) or (n_in,), ready for the core; without a copy if it is ready already."""
    value = numbers("X", X)
    if value.size == 0:
        raise ValueError(f"X must have at least one row; got shape {value.shape}")
    if value.ndim not in (1, 2) or value.shape[-1] != n_in:
        raise ValueError(f"X must have shape (m, {n_in}) or ({n_in},); got {value.shape}")
    return finite("X", value, dtype)


def targets(
    y: Data, X: Array, n_out: int, dtype: str, cost: str, limits: tuple[float, float]
) -> AnyArray:
    """Return y (m, n_out) of `dtype`, or class labels (m,) of int64, ready for the core."""
    m = len(X) if X.ndim == 2 else 1
    value = numbers("y", y)
    if X.ndim == 1 and value.shape in ((), (n_out,)):
        value = value[None]
    if value.shape == (m,) and n_out == 1:
        value = value[:, None]
    if value.shape == (m, n_out):
        checked = finite("y", value, dtype)
        return in_range(checked, cost, limits) if limits != ANY_TARGET else checked
    if value.shape == (m,) and value.dtype.kind in "biu":
        return labels(value, n_out)
    raise wrong_targets(value, m, n_out)


def in_range(y: Array, cost: str, limits: tuple[float, float]) -> Array:
    """Check the range of targets; some costs compare probabilities or rates."""
    low, high = limits
    if y.min() >= low and y.max() <= high:
        return y
    row, column = np.argwhere((y < low) | (y > high))[0]
    accepted = f"lie between {low:g} and {high:g}" if isfinite(high) else f"be at least {low:g}"
    raise ValueError(
        f"y must {accepted} for cost '{cost}'; "
        f"got {y[row, column]} in row {row}, column {column} (counted from 0)"
    )


def labels(value: AnyArray, n_out: int) -> AnyArray:
    """Return labels (m,) of int64 in a new array, which later changes of the input do not reach."""
    checked = copied(value, "int64")
    if checked.min() < 0 or checked.max() >= n_out:
        row = int(((checked < 0) | (checked >= n_out)).argmax())
        raise ValueError(
            f"y must hold class labels from 0 to {n_out - 1}; "
            f"got {value[row]} in row {row} (counted from 0)"
        )
    return checked


def wrong_targets(value: AnyArray, m: int, n_out: int) -> ValueError:
    """Return the error for targets of a wrong shape."""
    if value.ndim in (1, 2) and len(value) != m:
        return ValueError(f"y must have as many rows as X ({m}); got {len(value)}")
    also = f"({m},) of integer class labels" if n_out > 1 else f"({m},)"
    return ValueError(
        f"y must have shape ({m}, {n_out}) or {also}; got {value.shape} of {value.dtype}"
    )


def output(out: object, shape: tuple[int, ...], dtype: str) -> None:
    """Check an array for results."""
    accepted = f"out must be a writable C-contiguous {dtype} array of shape {shape}"
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{accepted}; got {type(out).__name__}")
    if out.dtype != dtype or out.shape != shape:
        raise ValueError(f"{accepted}; got {out.dtype} of shape {out.shape}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise ValueError(f"{accepted}; got one that is read-only or not contiguous")


@overload
def parameters(
    name: str, value: Sequence[Data], shapes: Sequence[tuple[int, ...]], dtype: str
) -> list[Array]: ...
@overload
def parameters(
    name: str, value: Sequence[Data | None], shapes: Sequence[tuple[int, ...] | None], dtype: str
) -> list[Array | None]: ...
def parameters(
    name: str, value: Sequence[Data | None], shapes: Sequence[tuple[int, ...] | None], dtype: str
) -> list[Array] | list[Array | None]:
    """Return one checked array per layer, of these shapes; None for a layer without a shape."""
    sentence = f"{name} must be a list of {len(shapes)} arrays, one per layer; got "
    if not isinstance(value, (list, tuple)):
        raise TypeError(sentence + type(value).__name__)
    if len(value) != len(shapes):
        raise ValueError(f"{sentence}{len(value)}")
    layers = enumerate(zip(value, shapes, strict=True), 1)
    return [parameter(f"{name} of layer {layer}", *given, dtype) for layer, given in layers]


def parameter(
    name: str, value: Data | None, shape: tuple[int, ...] | None, dtype: str
) -> Array | None:
    """Return a checked array of this shape; None if there is no shape."""
    if shape is None:
        if value is not None:
            got = type(value).__name__
            raise ValueError(f"{name} must be None because it has none; got {got}")
        return None
    array = numbers(name, value)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {array.shape}")
    return finite(name, array, dtype)


def numbers(name: str, value: Data) -> AnyArray:
    """Return an array of bools, integers or floats for anything array-like."""
    try:
        array: AnyArray = array_of(name, value)
    except (MaskedValues, NotNumbers):
        raise
    except (TypeError, ValueError, BufferError):
        raise ValueError(
            f"{name} must be a rectangular array of numbers; "
            f"got {type(value).__name__} that NumPy cannot convert"
        ) from None
    if array.dtype.kind not in "biuf":
        raise not_numbers(name, array)
    return array


def not_numbers(name: str, array: AnyArray) -> TypeError:
    """Return the error for an array of texts or of other objects."""
    first = array.ravel()[0] if array.size else None
    if name != "y" or not isinstance(first, str):
        return TypeError(f"{name} must hold bools, integers or floats; got dtype {array.dtype}")
    return TypeError(
        f"y must hold bools, integers or floats; got texts such as {shown(str(first))}: "
        "bp.data.Dataset(X, y) holds them as labels y and class_names"
    )


def finite(name: str, value: AnyArray, dtype: str) -> Array:
    """Return a C-contiguous array of `dtype` whose numbers are all finite."""
    array = converted(value, dtype)
    place = finder()(array)
    if place is None:
        return array
    *row, column = map(int, np.unravel_index(place, array.shape))
    raise ValueError(
        f"{name} must hold finite {dtype} numbers; got {value[(*row, column)]} "
        f"in row {row[0] if row else 0}, column {column} (counted from 0)"
    )


def converted(value: AnyArray, dtype: str) -> AnyArray:
    """Return a C-contiguous, aligned array of `dtype`, without a copy if it is one already."""
    if value.dtype == np.dtype(dtype) and value.flags.c_contiguous and value.flags.aligned:
        return value
    with np.errstate(over="ignore"):  # the check for NaN and infinity finds a float that overflows
        return np.require(value, dtype, ["C", "A"])


def copied(value: AnyArray, dtype: str) -> AnyArray:
    """Return a new C-contiguous array of `dtype`."""
    with np.errstate(over="ignore"):
        return np.array(value, dtype, order="C")
