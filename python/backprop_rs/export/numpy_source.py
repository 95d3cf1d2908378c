"""A network as one file of Python that needs NumPy alone.

Its `predict(X)` gives what `Network.predict` does, in the same dtype; a classifier has
`classify(X)` too. Run as a program, it compares test vectors.
"""

from __future__ import annotations

from base64 import b85encode
from collections.abc import Iterator
from textwrap import indent
from typing import TYPE_CHECKING

import numpy as np

from ..reference.norm import EPSILON
from .model import Layer, Model
from .numpy_activations import ACTIVATIONS
from .vectors import vectors

if TYPE_CHECKING:
    from .._internal.types import AnyArray

FEW = 1000  # numbers that are written out
WIDTH = 90  # columns of them

HEADER = '''\
"""{title}

Written by backprop_rs {version}; needs NumPy alone. `predict(X)` takes features {what},
(m, {n_in}) or ({n_in},), and gives {outputs}, (m, {n_out}) or ({n_out},).
{classify}Run as a program, this file compares itself with test vectors.
"""

'''

CLASSIFY = "`classify(X)` gives the class of each row.\n"

DECODE = '''

def decode(text, dtype, shape):
    """Numbers kept as the base 85 of their bytes."""
    return np.frombuffer(base64.b85decode("".join(text.split())), dtype).reshape(shape)
'''

NORMALIZE = '''

def normalize(z, gain, shift):
    """Each row with mean 0 and variance 1 before gain and shift."""
    centred = z - z.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    return gain * (centred / np.sqrt(variance + np.float64({epsilon}).astype(z.dtype))) + shift
'''

PREDICT = '''

def predict(X):
    """The activations of the output layer, one row a sample."""
    a = np.asarray(X)
    if a.ndim not in (1, 2) or a.shape[-1] != {n_in}:
        raise ValueError(f"X must have shape (m, {n_in}) or ({n_in},); got {{a.shape}}")
{lines}
    return a
'''

CHOOSE = '''

def classify(X):
    """The class of each row."""
    return np.array(CLASSES)[{index}]
'''

SELF_TEST = """

if __name__ == "__main__":
{arrays}
    differ = int((np.abs(predict(test_x) - test_y) > test_bound).sum())
    print(f"{{differ}} of {{test_y.size}} outputs differ")
    raise SystemExit(differ > 0)
"""


def content(model: Model, name: str) -> bytes:
    """The bytes of the file."""
    body = "".join(parts(model))
    uses = ("base64", "base64."), ("math", "math.")
    imports = [f"import {module}\n" for module, sign in uses if sign in body]
    return (header(model) + "".join(imports) + "\n" * bool(imports) + body).encode()


def header(model: Model) -> str:
    from .. import __version__

    return HEADER.format(
        **{"title": model.title, "version": __version__, "outputs": model.outputs},
        **{"n_in": model.sizes[0], "n_out": model.sizes[-1]},
        what="as they come" if model.scaling is not None else "as the network takes them",
        classify=CLASSIFY if model.classes else "",
    )


def parts(model: Model) -> Iterator[str]:
    """The file from its imports to its end."""
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
    for name in dict.fromkeys(layer.name for layer in model.layers):
        yield function(next(layer for layer in model.layers if layer.name == name))
    if any(layer.gain is not None for layer in model.layers):
        yield NORMALIZE.format(epsilon=EPSILON)
    yield PREDICT.format(n_in=model.sizes[0], lines=indent("\n".join(lines(model)), "    "))
    if model.classes:
        single = model.sizes[-1] < len(model.classes)
        index = (
            "(predict(X)[..., 0] >= 0.5).astype(int)" if single else "predict(X).argmax(axis=-1)"
        )
        yield CHOOSE.format(index=index)
    yield SELF_TEST.format(arrays=indent(tests, "    "))


def constants(model: Model) -> Iterator[tuple[str, AnyArray]]:
    for prefix, scaling in (("", model.scaling), ("target_", model.target_scaling)):
        if scaling is not None:
            yield f"{prefix}mean", scaling.mean
            yield f"{prefix}scale", scaling.scale
    for number, layer in enumerate(model.layers, 1):
        for name, array in layer.parameters.items():
            yield f"{name}{number}", array


def literal(array: AnyArray) -> str:
    """An array as Python writes it: digits that read back as the same numbers, or their bytes."""
    if array.size > FEW:
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
    settings = "".join(f", {name}" for name in layer.settings)
    body = indent(ACTIVATIONS[layer.name], "    ")
    return f"\n\ndef {layer.name}(z{settings}):\n{body}\n"


def lines(model: Model) -> Iterator[str]:
    """What `predict` does after its check."""
    if model.scaling is not None:
        yield "a = (a.astype(float) - mean) / scale"
    yield f"a = a.astype(np.{model.dtype})"
    for number, layer in enumerate(model.layers, 1):
        settings = "".join(f", {float(value)!r}" for value in layer.settings.values())
        yield f"z = a @ w{number}.T + b{number}"
        if layer.gain is not None:
            yield f"z = normalize(z, gain{number}, shift{number})"
        yield f"a = {layer.name}(z{settings}).astype(z.dtype)"
    if model.target_scaling is not None:
        yield f"a = (a.astype(float) * target_scale + target_mean).astype(np.{model.dtype})"
