"""Export a network as one Python file that only needs NumPy.

Its `predict(X)` returns what `Network.predict` returns, in the same dtype; a classifier also has
`classify(X)`. Run as a program, the file tests itself.
"""

from __future__ import annotations

from base64 import b85encode
from collections.abc import Iterable, Iterator
from textwrap import indent
from typing import TYPE_CHECKING

import numpy as np

from .._internal.layer_norm import EPSILON
from .embeddings import EMBEDDINGS
from .model import Layer, Model
from .numpy_activations import ACTIVATIONS
from .vectors import vectors

if TYPE_CHECKING:
    from .._internal.types import AnyArray

MAX_DECIMALS = 1000  # numbers of an array that is written in decimals
WIDTH = 90  # columns of lists of numbers

HEADER = '''\
"""{title}

Written by backprop_rs {version}; only needs NumPy. `predict(X)` takes {features} features,
(m, {n_in}) or ({n_in},), and returns {outputs}, (m, {n_out}) or ({n_out},).
{classify}Run as a program, this file compares its outputs with test vectors.
"""

'''

CLASSIFY = "`classify(X)` returns the class of each row.\n"

DECODE = '''

def decode(text, dtype, shape):
    """Return numbers from the base 85 of their bytes."""
    return np.frombuffer(base64.b85decode("".join(text.split())), dtype).reshape(shape)
'''

NORMALIZE = '''

def normalize(z, gain, shift):
    """Give each row mean 0 and variance 1, then apply gain and shift."""
    centered = z - z.mean(axis=-1, keepdims=True)
    variance = np.square(centered).mean(axis=-1, keepdims=True)
    return gain * (centered / np.sqrt(variance + np.float64({epsilon}).astype(z.dtype))) + shift
'''

PREDICT = '''

def predict(X):
    """Return the activations of the output layer, one row per sample."""
    a = np.asarray(X)
    if a.ndim not in (1, 2) or a.shape[-1] != {n_in}:
        raise ValueError(f"X must have shape (m, {n_in}) or ({n_in},); got {{a.shape}}")
{lines}
    return a
'''

CHOOSE = '''

def classify(X):
    """Return the class of each row."""
    return np.array(CLASSES)[{index}]
'''

SELF_TEST = """

if __name__ == "__main__":
{arrays}
    differ = int((np.abs({outputs} - test_y) > test_bound).sum())
    print(f"{{differ}} of {{test_y.size}} outputs differ")
    raise SystemExit(differ > 0)
"""


def content(model: Model, name: str) -> bytes:
    """Return the bytes of the file."""
    return assembled(header(model), sections(model))


def assembled(head: str, parts: Iterable[str]) -> bytes:
    """Return the bytes of a file with the imports that its parts need."""
    body = "".join(parts)
    imports = [f"import {module}\n" for module in ("base64", "math") if f"{module}." in body]
    return (head + "".join(imports) + "\n" * bool(imports) + body).encode()


def header(model: Model) -> str:
    """Return the docstring of the file."""
    from .._version import __version__

    return HEADER.format(
        title=model.title,
        version=__version__,
        outputs=model.outputs,
        n_in=model.sizes[0],
        n_out=model.sizes[-1],
        features="unscaled" if model.scaling is not None else "the network's",
        classify=CLASSIFY if model.classes else "",
    )


def sections(model: Model) -> Iterator[str]:
    """Yield the file from its import of NumPy to its end."""
    yield "import numpy as np\n\n"
    if model.feature_names:
        yield f"FEATURES = {list(model.feature_names)!r}\n"
    if model.classes:
        yield f"CLASSES = {model.classes!r}\n"
    arrays = "".join(f"{name} = {literal(value)}\n" for name, value in constants(model))
    tests = "".join(
        f"test_{name} = {literal(value)}\n"
        for name, value in zip(("x", "y", "bound"), vectors(model), strict=True)
    )
    if "decode(" in arrays + tests:
        yield DECODE + "\n\n"
    yield arrays
    yield from functions(model)
    yield PREDICT.format(n_in=model.sizes[0], lines=indent("\n".join(lines(model)), "    "))
    if model.classes:
        single = model.sizes[-1] < len(model.classes)
        index = (
            f"(predict(X)[..., 0] >= {model.threshold!r}).astype(int)"
            if single
            else "predict(X).argmax(axis=-1)"
        )
        yield CHOOSE.format(index=index)
    yield SELF_TEST.format(arrays=indent(tests, "    "), outputs="predict(test_x)")


def functions(model: Model) -> Iterator[str]:
    """Yield the functions of layers, each once."""
    for name in dict.fromkeys(layer.name for layer in model.layers):
        yield function(next(layer for layer in model.layers if layer.name == name))
    if any(layer.gain is not None for layer in model.layers):
        yield NORMALIZE.format(epsilon=EPSILON)
    for name in dict.fromkeys(name for _, name, _ in model.parts):
        yield EMBEDDINGS[name].numpy


def constants(model: Model, first: int = 1) -> Iterator[tuple[str, AnyArray]]:
    """Yield the names and values of the scalings and the parameters; `first` numbers the layers."""
    for prefix, scaling in (("", model.scaling), ("target_", model.target_scaling)):
        if scaling is not None:
            yield f"{prefix}mean", scaling.mean
            yield f"{prefix}scale", scaling.scale
    for part in model.embeddings:
        for name, array in part.arrays.items():
            yield f"{name}_{first}_{part.column}", array
    for number, layer in enumerate(model.layers, first):
        for name, array in layer.parameters.items():
            yield f"{name}{number}", array


def literal(array: AnyArray) -> str:
    """Return an array as source: decimals that read back as the same numbers, or their bytes."""
    if array.size > MAX_DECIMALS:
        little = array.astype(array.dtype.newbyteorder("<"))
        text = b85encode(little.tobytes()).decode()  # without quotes and backslashes
        rows = "\n".join(text[i : i + WIDTH] for i in range(0, len(text), WIDTH))
        return f'decode("""\n{rows}\n""", "{little.dtype.str}", {array.shape})'
    text = np.array2string(
        array,
        separator=", ",
        threshold=array.size + 1,
        max_line_width=WIDTH,
        formatter={"float_kind": str},
    )
    kind = f"np.{array.dtype.name}"
    if "\n" not in text:
        return f"np.array({text}, {kind})"
    return f"np.array(\n{indent(text, '    ')},\n    {kind},\n)"


def function(layer: Layer) -> str:
    """Return the definition of the activation of a layer."""
    settings = "".join(f", {name}" for name in layer.settings)
    body = indent(ACTIVATIONS[layer.name], "    ")
    return f"\n\ndef {layer.name}(z{settings}):\n{body}\n"


def lines(model: Model, first: int = 1) -> Iterator[str]:
    """Yield the lines of `predict` after the check of the shape; `first` numbers the layers."""
    if model.scaling is not None:
        yield "a = (a.astype(float) - mean) / scale"
    yield f"a = a.astype(np.{model.dtype})"
    if model.parts:
        columns = ", ".join(part.in_numpy(first) for part in model.embeddings)
        yield f"a = np.concatenate([{columns}], axis=-1)"
    for number, layer in enumerate(model.layers, first):
        settings = "".join(f", {float(value)!r}" for value in layer.settings.values())
        if layer.input_scale is not None:
            yield f"a = a * input_scale{number}"
        yield f"z = a @ w{number}.T + b{number}"
        if layer.gain is not None:
            yield f"z = normalize(z, gain{number}, shift{number})"
        yield f"a = {layer.name}(z{settings}).astype(z.dtype)"
        if layer.alpha is not None:
            yield f"a = z + alpha{number} * (a - z)"
    if model.target_scaling is not None:
        yield f"a = (a.astype(float) * target_scale + target_mean).astype(np.{model.dtype})"
