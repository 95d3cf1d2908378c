"""Checks of arguments: every error is one sentence of what was given and what is accepted."""

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
    """A value as Python writes it, without the name of NumPy's scalar type around it."""
    return repr(value.item() if isinstance(value, np.generic) else value)


# Settings of a network and of a run.


def sizes(given: Sequence[int]) -> list[int]:
    sentence = "sizes must be at least two positive integers; got "
    try:
        checked = [index(n) for n in given]
    except TypeError:
        raise TypeError(sentence + shown(given)) from None
    if len(checked) < 2 or min(checked) < 1:
        raise ValueError(f"{sentence}{checked}")
    return checked


def dtype(given: object) -> str:
    """float32 or float64, from a name, a NumPy type or a NumPy dtype."""
    try:
        checked = np.dtype(given).name  # type: ignore[call-overload]
    except TypeError:
        checked = None
    if given is None or checked not in DTYPES:
        raise ValueError(f"dtype must be float32 or float64; got {shown(given)}")
    return str(checked)


def seed(given: int | None) -> int | None:
    if given is None:
        return None
    return integer("seed", given, least=0, most=LARGEST_SEED)


def boolean(name: str, given: object) -> bool:
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {shown(given)}")
    return bool(given)


def integer(name: str, given: object, *, least: int, most: int | None = None) -> int:
    accepted = f">= {least}" if most is None else f"from {least} to {most}"
    sentence = f"{name} must be an integer {accepted}; got {shown(given)}"
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise TypeError(sentence)
    number = int(given)
    if number < least or (most is not None and number > most):
        raise ValueError(sentence)
    return number


def real(given: Real) -> float:
    """Infinite where it is an integer beyond all floats."""
    try:
        return float(given)
    except OverflowError:
        return inf


def nonnegative(name: str, given: object) -> float:
    number = real(given) if isinstance(given, Real) else None
    if number is not None and isfinite(number) and number >= 0:
        return number
    kind = TypeError if number is None else ValueError
    raise kind(f"{name} must be a finite number >= 0; got {shown(given)}")


def within(name: str, given: object, least: float, largest: float) -> float:
    """A number from `least` on, below `largest`."""
    accepted = f"a finite number >= {least:g}" + ("" if largest == inf else f" and < {largest:g}")
    sentence = f"{name} must be {accepted}; got {shown(given)}"
    if not isinstance(given, Real):
        raise TypeError(sentence)
    number = real(given)
    if not (isfinite(number) and least <= number < largest):
        raise ValueError(sentence)
    return number


def optional(name: str, given: object, least: float, largest: float) -> float | None:
    """None, or a number from `least` on, below `largest`."""
    return None if given is None else within(name, given, least, largest)


def positive(name: str, given: object) -> float | None:
    """None, or a finite number above 0."""
    if given is None:
        return None
    sentence = f"{name} must be a finite number > 0; got {shown(given)}"
    if not isinstance(given, Real):
        raise TypeError(sentence)
    number = float(given)
    if not (isfinite(number) and number > 0):
        raise ValueError(sentence)
    return number


def choice(name: str, given: object, accepted: Sequence[str]) -> str:
    if not isinstance(given, str) or given not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(accepted)}; got {shown(given)}")
    return given


def flag(name: str, given: object) -> bool:
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {shown(given)}")
    return bool(given)


def sample_weight(given: Data, m: int, dtype: str) -> Array:
    """(m,) numbers >= 0, in an array of their own: changes after the check do not reach it."""
    array = numbers("sample_weight", given)
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
    """Refuse weights that are all 0, by which nothing can be averaged."""
    if weights is not None and not weights.any():
        raise ValueError(f"{name} must not be all 0; got {len(weights)} weights of 0")


WEIGHTS = {"float32": (1e-30, 1e30), "float64": (1e-290, 1e290)}
"""What weights other than 0 lie between: their products with δ then keep their digits."""


def weights(name: str, given: AnyArray, dtype: str) -> None:
    """Refuse weights (>= 0) so small or so large that the gradient would lose its digits."""
    least, most = WEIGHTS[dtype]
    given = np.asarray(given, np.float64)  # a narrower type might not have the limits
    wrong = (given > 0) & ((given < least) | (given > most))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{name} must be 0 or from {least:g} to {most:g} in {dtype}; got {given[row]:g} in "
            f"row {row} (counted from 0); only the ratios of weights matter"
        )


# Arrays.


def inputs(X: Data, n_in: int, dtype: str) -> Array:
    """(m, n_in) or (n_in,), ready for the core; not copied where it is ready already."""
    given = numbers("X", X)
    if given.size == 0:
        raise ValueError(f"X must have at least one row; got shape {given.shape}")
    if given.ndim not in (1, 2) or given.shape[-1] != n_in:
        raise ValueError(f"X must have shape (m, {n_in}) or ({n_in},); got {given.shape}")
    return finite("X", given, dtype)


def targets(
    y: Data, X: Array, n_out: int, dtype: str, cost: str, limits: tuple[float, float]
) -> AnyArray:
    """(m, n_out) of `dtype`, or class labels (m,) of int64, ready for the core."""
    m = len(X) if X.ndim == 2 else 1
    given = numbers("y", y)
    if X.ndim == 1 and given.shape in ((), (n_out,)):
        given = given[None]
    if given.shape == (m,) and n_out == 1:
        given = given[:, None]
    if given.shape == (m, n_out):
        checked = finite("y", given, dtype)
        return in_range(checked, cost, limits) if limits != ANY_TARGET else checked
    if given.shape == (m,) and given.dtype.kind in "biu":
        return labels(given, n_out)
    raise wrong_targets(given, m, n_out)


def in_range(y: Array, cost: str, limits: tuple[float, float]) -> Array:
    """Some costs compare probabilities, or rates."""
    low, high = limits
    if y.min() >= low and y.max() <= high:
        return y
    row, column = np.argwhere((y < low) | (y > high))[0]
    accepted = f"lie between {low:g} and {high:g}" if isfinite(high) else f"be at least {low:g}"
    raise ValueError(
        f"y must {accepted} for cost '{cost}'; "
        f"got {y[row, column]} in row {row}, column {column} (counted from 0)"
    )


def labels(given: AnyArray, n_out: int) -> AnyArray:
    """Labels (m,) of int64 in an array of their own: changes after the check do not reach it."""
    checked = copied(given, "int64")
    if checked.min() < 0 or checked.max() >= n_out:
        row = int(((checked < 0) | (checked >= n_out)).argmax())
        raise ValueError(
            f"y must hold class labels from 0 to {n_out - 1}; "
            f"got {given[row]} in row {row} (counted from 0)"
        )
    return checked


def wrong_targets(given: AnyArray, m: int, n_out: int) -> ValueError:
    if given.ndim in (1, 2) and len(given) != m:
        return ValueError(f"y must have as many rows as X ({m}); got {len(given)}")
    also = f"({m},) of integer class labels" if n_out > 1 else f"({m},)"
    return ValueError(
        f"y must have shape ({m}, {n_out}) or {also}; got {given.shape} of {given.dtype}"
    )


def output(out: object, shape: tuple[int, ...], dtype: str) -> None:
    accepted = f"out must be a writable C-contiguous {dtype} array of shape {shape}"
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{accepted}; got {type(out).__name__}")
    if out.dtype != dtype or out.shape != shape:
        raise ValueError(f"{accepted}; got {out.dtype} of shape {out.shape}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise ValueError(f"{accepted}; got one that is read-only or not contiguous")


@overload
def parameters(
    name: str, given: Sequence[Data], shapes: Sequence[tuple[int, ...]], dtype: str
) -> list[Array]: ...
@overload
def parameters(
    name: str, given: Sequence[Data | None], shapes: Sequence[tuple[int, ...] | None], dtype: str
) -> list[Array | None]: ...
def parameters(
    name: str, given: Sequence[Data | None], shapes: Sequence[tuple[int, ...] | None], dtype: str
) -> list[Array] | list[Array | None]:
    """Return one checked array per layer, of these shapes; None for a layer without a shape."""
    sentence = f"{name} must be a list of {len(shapes)} arrays, one per layer; got "
    if not isinstance(given, (list, tuple)):
        raise TypeError(sentence + type(given).__name__)
    if len(given) != len(shapes):
        raise ValueError(f"{sentence}{len(given)}")
    checked: list[Array | None] = []
    for layer, (one, shape) in enumerate(zip(given, shapes, strict=True), 1):
        what = f"{name} of layer {layer}"
        if shape is None:
            if one is not None:
                raise ValueError(f"{what} must be None, as it has none; got {type(one).__name__}")
            checked.append(None)
            continue
        array = numbers(what, one)
        if array.shape != shape:
            raise ValueError(f"{what} must have shape {shape}; got {array.shape}")
        checked.append(finite(what, array, dtype))
    return checked


def numbers(name: str, given: Data) -> AnyArray:
    """Anything array-like that holds bools, integers or floats."""
    try:
        array: AnyArray = array_of(name, given)
    except (MaskedValues, NotNumbers):
        raise
    except (TypeError, ValueError, BufferError):
        raise ValueError(
            f"{name} must be a rectangular array of numbers; "
            f"got {type(given).__name__} that NumPy cannot convert"
        ) from None
    if array.dtype.kind not in "biuf":
        raise not_numbers(name, array)
    return array


def not_numbers(name: str, array: AnyArray) -> TypeError:
    """What to say of an array of texts or of other objects."""
    first = array.ravel()[0] if array.size else None
    if name != "y" or not isinstance(first, str):
        return TypeError(f"{name} must hold bools, integers or floats; got dtype {array.dtype}")
    return TypeError(
        f"y must hold bools, integers or floats; got texts such as {shown(str(first))}: "
        "bp.data.Dataset(X, y) holds them as labels y and class_names"
    )


def finite(name: str, given: AnyArray, dtype: str) -> Array:
    """`given` as a C-contiguous array of `dtype`, in which all is finite."""
    array = converted(given, dtype)
    place = finder()(array)
    if place is None:
        return array
    *row, column = map(int, np.unravel_index(place, array.shape))
    raise ValueError(
        f"{name} must hold finite {dtype} numbers; got {given[(*row, column)]} "
        f"in row {row[0] if row else 0}, column {column} (counted from 0)"
    )


def converted(given: AnyArray, dtype: str) -> AnyArray:
    """`given` as a C-contiguous, aligned array of `dtype`; itself where it is one already."""
    if given.dtype == np.dtype(dtype) and given.flags.c_contiguous and given.flags.aligned:
        return given
    with np.errstate(over="ignore"):  # a float that becomes infinite is found as such
        return np.require(given, dtype, ["C", "A"])


def copied(given: AnyArray, dtype: str) -> AnyArray:
    """`given` as a C-contiguous array of `dtype` that nobody else holds."""
    with np.errstate(over="ignore"):
        return np.array(given, dtype, order="C")
