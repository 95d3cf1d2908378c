"""A network as one file of C99 that needs libm alone, with test vectors within it.

Weights stand as (n_in, n_out), so that compilers can work on several neurons at a time; each z is
a sum in the order of the inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from ..reference.norm import EPSILON
from .c_activations import ACTIVATIONS
from .model import Layer, Model
from .vectors import vectors

if TYPE_CHECKING:
    from .._internal.types import AnyArray

WIDTH = 96  # columns of the lists of numbers
PLAIN = (ascii_letters + digits + " _-.,:+/()").encode()  # what needs no escape in a string

HEADER = """\
/* {file}: {title}
 *
 * Written by backprop_rs {version}. C99; needs libm and nothing else, and allocates nothing.
 *
 *     void {name}_predict(const {real} x[{n_in}], {real} y[{n_out}]);   one sample; x is {what}
 *     void {name}_predict_in(x, y, {real} work[{NAME}_WORKSPACE]);   the same, in your memory
{classes} *
 * {name}_predict has a workspace of {workspace} numbers on the stack; several threads may call it.
 * {NAME}_STATIC defined: in static memory, for small stacks; one thread at a time may call it.
 * {NAME}_DECLARATIONS defined before this file is included: only these declarations.
 * {NAME}_SELF_TEST defined: a main that compares test vectors,
 *     cc -std=c99 -O2 -D{NAME}_SELF_TEST {file} -lm && ./a.out
 */
"""

CLASSES = """\
 *     int {name}_class(const {real} x[{n_in}]);   the place of its class in {name}_classes
"""

DECLARATIONS = """\
#define {NAME}_INPUTS {n_in}
#define {NAME}_OUTPUTS {n_out}
#define {NAME}_WORKSPACE {workspace}
#ifdef __cplusplus
extern "C" {{
#endif
void {name}_predict(const {real} *x, {real} *y);
void {name}_predict_in(const {real} *x, {real} *y, {real} *work);
"""

START = """\
#ifndef {NAME}_DECLARATIONS
#include <math.h>

#ifdef {NAME}_STATIC
#define STORAGE static
#else
#define STORAGE
#endif
typedef {real} real;
#define R(x) ((real)(x))
#define F(function) {F}
"""

AFFINE = """\
/* z = b + sum of a[k] w[k], with n_in rows of n_out weights */
static void affine(const real *w, const real *b, const real *a, real *z, int n_in, int n_out)
{
    for (int j = 0; j < n_out; j++)
        z[j] = b[j];
    for (int k = 0; k < n_in; k++, w += n_out)
        for (int j = 0; j < n_out; j++)
            z[j] += a[k] * w[j];
}
"""

NORMALIZE = """
/* z = gain (z - mean) / sqrt(variance + {epsilon}) + shift */
static void normalize(real *z, const real *gain, const real *shift, int n)
{{
    real mean = 0, variance = 0;
    for (int j = 0; j < n; j++)
        mean += z[j] / n;
    for (int j = 0; j < n; j++)
        variance += (z[j] - mean) * (z[j] - mean) / n;
    for (int j = 0; j < n; j++)
        z[j] = gain[j] * ((z[j] - mean) / F(sqrt)(variance + R({epsilon}))) + shift[j];
}}
"""

ARGMAX = """
int {name}_class(const real *x)
{{
    STORAGE real y[{n_out}];
    int best = 0;
    {name}_predict(x, y);
{choose}    return best;
}}
"""

SELF_TEST = """\

#ifdef {NAME}_SELF_TEST
#include <stdio.h>

{vectors}
int main(void)
{{
    int failed = 0;
    for (int i = 0; i < {count}; i++) {{
        real y[{n_out}];
        {name}_predict(test_x + i * {n_in}, y);
        for (int j = 0; j < {n_out}; j++) {{
            real expected = test_y[i * {n_out} + j], bound = test_bound[i * {n_out} + j];
            if (!(F(fabs)(y[j] - expected) <= bound)) {{
                printf("sample %d, output %d: %.9g, not %.9g\\n", i, j, (double)y[j], (double)expected);
                failed++;
            }}
        }}
    }}
    printf("%d of %d outputs differ\\n", failed, {count} * {n_out});
    return failed != 0;
}}
#endif
"""  # noqa: E501


def content(model: Model, stem: str) -> bytes:
    """The bytes of the file."""
    return "".join(parts(model, identifier(stem), f"{stem}.c")).encode("ascii")


def identifier(stem: str) -> str:
    """The stem of a file as a name of C.

    >>> identifier("net-2.best"), identifier("4x4")
    ('net_2_best', 'net_4x4')
    """
    name = re.sub(r"[^0-9A-Za-z]+", "_", stem).strip("_") or "net"
    return f"net_{name}" if name[0].isdigit() else name


def parts(model: Model, name: str, file: str) -> Iterator[str]:
    """The file from top to bottom."""
    from .. import __version__

    words = {
        **{"name": name, "NAME": name.upper(), "file": comment(file), "version": __version__},
        **{"n_in": model.sizes[0], "n_out": model.sizes[-1], "title": model.title},
        "workspace": workspace(model),
        "real": "float" if model.dtype == "float32" else "double",
        "F": "function##f" if model.dtype == "float32" else "function",
        "what": "as it comes" if model.scaling is not None else "as the network takes it",
    }
    classes = CLASSES.format(**words) if model.classes else ""
    yield HEADER.format(classes=classes, **words)
    if model.feature_names:
        yield f"/* x: {comment(', '.join(model.feature_names))} */\n"
    yield DECLARATIONS.format(**words)
    if model.classes:
        yield f"int {name}_class(const {words['real']} *x);\n"
        yield f"extern const char *const {name}_classes[{len(model.classes)}];\n"
    yield "#ifdef __cplusplus\n}\n#endif\n"
    yield "\n" + START.format(**words) + "\n"
    yield from functions(model)
    yield from constants(model)
    yield "\n" + predict(model, name)
    if model.classes:
        yield class_names(model, name)
        yield ARGMAX.format(choose=choose(model), **words)
    yield self_test(model, words)
    yield f"#endif /* {words['NAME']}_DECLARATIONS */\n"


def comment(text: str) -> str:
    """Text that cannot end a comment, in ASCII."""
    plain = text.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")
    return " ".join(plain.encode("ascii", "replace").decode().replace("??", "? ?").split())


def functions(model: Model) -> Iterator[str]:
    """The activations, each once."""
    yield AFFINE
    if any(layer.gain is not None for layer in model.layers):
        yield NORMALIZE.format(epsilon=EPSILON)
    for name in dict.fromkeys(layer.name for layer in model.layers if layer.name != "identity"):
        (layer, *_) = (layer for layer in model.layers if layer.name == name)
        rowwise = not layer.row.elementwise
        settings = "".join(f", real {setting}" for setting in layer.settings)
        head = "void sigma_{}(real *z, int n)" if rowwise else "real sigma_{}(real z{})"
        yield f"\nstatic {head.format(name, settings)}\n{{\n    {ACTIVATIONS[name]}\n}}\n"


def constants(model: Model) -> Iterator[str]:
    """The scalings, the names of the classes, and the parameters."""
    for what in ("scaling", "target_scaling"):
        scaling = getattr(model, what)
        if scaling is not None:
            prefix = what.removesuffix("scaling")
            yield "\n" + array("double", f"{prefix}mean", scaling.mean)
            yield array("double", f"{prefix}scale", scaling.scale)
    for number, layer in enumerate(model.layers, 1):
        n_out, n_in = layer.w.shape
        yield f"\n/* layer {number}: {n_in} inputs, {n_out} neurons, {layer.name} */\n"
        for name, values in layer.parameters.items():
            yield array("real", f"{name}{number}", values.T)


def array(kind: str, name: str, values: AnyArray) -> str:
    """A constant array; each decimal reads back as the same number."""
    suffix = "f" if values.dtype == "float32" else ""
    lines, line = [], "   "
    for text in values.ravel().astype(str).tolist():
        if len(line) + len(text) + 3 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {text}{suffix},"
    return (
        f"static const {kind} {name}[{values.size}] = {{\n" + "\n".join([*lines, line]) + "\n};\n"
    )


def predict(model: Model, name: str) -> str:
    """The functions that compute the outputs of one sample."""
    widest, n_out = max(model.sizes), model.sizes[-1]
    lines = [f"void {name}_predict_in(const real *x, real *y, real *work)", "{"]
    lines += [f"    real *a = work, *z = work + {widest};"]
    first = "R((x[j] - mean[j]) / scale[j])" if model.scaling is not None else "x[j]"
    lines += loop(model.sizes[0], f"a[j] = {first};")
    here, there = "a", "z"
    for number, layer in enumerate(model.layers, 1):
        n, n_in = layer.w.shape
        lines += ["", f"    affine(w{number}, b{number}, {here}, {there}, {n_in}, {n});"]
        if layer.gain is not None:
            lines += [f"    normalize({there}, gain{number}, shift{number}, {n});"]
        lines += activate(layer, there)
        here, there = there, here
    last = f"{here}[j]"
    if model.target_scaling is not None:
        last = f"R({last} * target_scale[j] + target_mean[j])"
    lines += ["", *loop(n_out, f"y[j] = {last};"), "}", ""]
    lines += [f"void {name}_predict(const real *x, real *y)", "{"]
    lines += [f"    STORAGE real work[{workspace(model)}];", f"    {name}_predict_in(x, y, work);"]
    return "\n".join([*lines, "}", ""])


def workspace(model: Model) -> int:
    """How many numbers a prediction needs: what goes into the widest layer, and what comes out."""
    return 2 * max(model.sizes)


def loop(n: int, line: str) -> list[str]:
    return [f"    for (int j = 0; j < {n}; j++)", f"        {line}"]


def activate(layer: Layer, z: str) -> list[str]:
    n = len(layer.b)
    if layer.name == "identity":
        return []
    if not layer.row.elementwise:
        return [f"    sigma_{layer.name}({z}, {n});"]
    settings = "".join(f", R({float(value)!r})" for value in layer.settings.values())
    return loop(n, f"{z}[j] = sigma_{layer.name}({z}[j]{settings});")


def choose(model: Model) -> str:
    """The largest output, or whether the only one is at least a half."""
    if model.sizes[-1] < len(model.classes):
        return "    best = y[0] >= R(0.5);\n"
    lines = [f"    for (int j = 1; j < {model.sizes[-1]}; j++)", "        if (y[j] > y[best])"]
    return "\n".join([*lines, "            best = j;\n"])


def class_names(model: Model, name: str) -> str:
    """The array of the names."""
    quoted = ", ".join(quote(str(one)) for one in model.classes)
    return f"\nconst char *const {name}_classes[{len(model.classes)}] = {{{quoted}}};\n"


def quote(text: str) -> str:
    """Text as C writes it: UTF-8, with octal escapes for what is not plain ASCII.

    >>> print(quote('a"?'))
    "a\\042\\077"
    """
    plain = (chr(byte) if byte in PLAIN else f"\\{byte:03o}" for byte in text.encode())
    return '"' + "".join(plain) + '"'


def self_test(model: Model, words: dict[str, object]) -> str:
    X, y, bound = vectors(model)
    arrays = [
        array("real", f"test_{key}", value) for key, value in (("x", X), ("y", y), ("bound", bound))
    ]
    return SELF_TEST.format(vectors="".join(arrays), count=len(X), **words)
