"""Export a network as one C99 file that only needs libm and contains test vectors.

Weights are stored as (n_in, n_out), so that compilers can vectorize over neurons; each z is a sum
in the order of the inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any

from .._internal.layer_norm import EPSILON
from .c_activations import ACTIVATIONS
from .c_names import scoped, with_constants
from .embeddings import EMBEDDINGS
from .model import Layer, Model
from .vectors import vectors

if TYPE_CHECKING:
    from .._internal.types import AnyArray

WIDTH = 96  # columns of lists of numbers
UNESCAPED = (ascii_letters + digits + " _-.,:+/()").encode()  # in strings of C

HEADER = """\
/* {file}: {title}
 *
 * Written by backprop_rs {version}. C99; only needs libm, and allocates no memory.
 *
 *     void {name}_predict(const {real} x[{n_in}], {real} y[{n_out}]);   one sample; x is {features}
 *     void {name}_predict_in(x, y, {real} work[{NAME}_WORKSPACE]);   the same in your own memory
{classes} *
 * {name}_predict keeps {workspace} numbers on the stack; several threads may call it.
 * Define {NAME}_STATIC to keep them in static memory; only one thread at a time may call it.
 * Define {NAME}_DECLARATIONS before you include this file to get only the declarations.
 * Define {NAME}_SELF_TEST to get a main that compares the outputs with test vectors:
 *     cc -std=c99 -O2 -D{NAME}_SELF_TEST {file} -lm && ./a.out
 */
"""

CLASSES = """\
 *     int {name}_class(const {real} x[{n_in}]);   the index of the class in {name}_classes
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
    """Return the bytes of the file."""
    name = identifier(stem)
    words = words_of(model, name, f"{stem}.c")
    return assembled(interface(model, words), program(model, words), name, model.dtype)


def assembled(public: Iterable[str], private: Iterable[str], name: str, dtype: str) -> bytes:
    """Return the bytes of a file; the names of its private part get a prefix."""
    source = scoped(with_constants("".join(private), dtype), name)
    return ("".join(public) + source).encode("ascii")


def identifier(stem: str) -> str:
    """Return the stem of a file as an identifier of C.

    >>> identifier("net-2.best"), identifier("4x4")
    ('net_2_best', 'net_4x4')
    """
    name = re.sub(r"[^0-9A-Za-z]+", "_", stem).strip("_") or "net"
    return f"net_{name}" if name[0].isdigit() else name


def words_of(model: Model, name: str, file: str) -> dict[str, Any]:
    """Return the names and sizes that the parts of the file contain."""
    from .._version import __version__

    return {
        "name": name,
        "NAME": name.upper(),
        "file": comment(file),
        "version": __version__,
        "title": model.title,
        "n_in": model.sizes[0],
        "n_out": model.sizes[-1],
        "workspace": workspace(model),
        "real": "float" if model.dtype == "float32" else "double",
        "F": "function##f" if model.dtype == "float32" else "function",
        "features": "unscaled" if model.scaling is not None else "the input of the network",
    }


def interface(model: Model, words: dict[str, Any]) -> Iterator[str]:
    """Yield the description and the declarations."""
    name = words["name"]
    classes = CLASSES.format(**words) if model.classes else ""
    yield HEADER.format(classes=classes, **words)
    if model.feature_names:
        yield f"/* x: {comment(', '.join(model.feature_names))} */\n"
    yield DECLARATIONS.format(**words)
    if model.classes:
        yield f"int {name}_class(const {words['real']} *x);\n"
        yield f"extern const char *const {name}_classes[{len(model.classes)}];\n"
    yield "#ifdef __cplusplus\n}\n#endif\n\n"


def program(model: Model, words: dict[str, Any]) -> Iterator[str]:
    """Yield the functions and the tables."""
    name = words["name"]
    yield START.format(**words) + "\n"
    yield from functions(model)
    yield from constants(model)
    yield "\n" + predict(model, name)
    if model.classes:
        yield class_names(model, name)
        yield ARGMAX.format(choose=choose(model), **words)
    yield self_test(model, words)
    yield f"#endif /* {words['NAME']}_DECLARATIONS */\n"


def comment(text: str) -> str:
    """Return text in ASCII that cannot end a comment or start another one."""
    plain = text.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")
    return " ".join(plain.encode("ascii", "replace").decode().replace("??", "? ?").split())


def functions(model: Model) -> Iterator[str]:
    """Yield the functions of layers, each once."""
    yield AFFINE
    for name in dict.fromkeys(name for _, name, _ in model.parts):
        yield EMBEDDINGS[name].c
    if any(layer.gain is not None for layer in model.layers):
        yield NORMALIZE.format(epsilon=EPSILON)
    for name in dict.fromkeys(layer.name for layer in model.layers if layer.name != "identity"):
        layer = next(layer for layer in model.layers if layer.name == name)
        rowwise = not layer.activation.elementwise
        settings = "".join(f", real {setting}" for setting in layer.settings)
        head = "void sigma_{}(real *z, int n)" if rowwise else "real sigma_{}(real z{})"
        yield f"\nstatic {head.format(name, settings)}\n{{\n    {ACTIVATIONS[name]}\n}}\n"


def constants(model: Model, first: int = 1) -> Iterator[str]:
    """Yield the scalings and the parameters; `first` numbers the layers."""
    for prefix, scaling in (("", model.scaling), ("target_", model.target_scaling)):
        if scaling is not None:
            kind, dtype = ("real", "float32") if model.float_only else ("double", "float64")
            yield "\n" + array(kind, f"{prefix}mean", scaling.mean.astype(dtype))
            yield array(kind, f"{prefix}scale", scaling.scale.astype(dtype))
    for part in model.embeddings:
        yield f"\n/* {part.name} of input {part.column} */\n" * bool(part.arrays)
        for name, values in part.arrays.items():
            yield array("real", f"{name}_{first}_{part.column}", values)
    for number, layer in enumerate(model.layers, first):
        n_out, n_in = layer.w.shape
        yield f"\n/* layer {number}: {n_in} inputs, {n_out} neurons, {layer.name} */\n"
        for name, values in layer.parameters.items():
            yield array("real", f"{name}{number}", values.T)


def array(kind: str, name: str, values: AnyArray) -> str:
    """Return a constant array; each decimal reads back as the same number."""
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
    """Return the functions that compute the outputs of one sample."""
    widest, n_out = workspace(model) // 2, model.sizes[-1]
    lines = [f"void {name}_predict_in(const real *x, real *y, real *work)", "{"]
    lines += [f"    real *a = work, *z = work + {widest};"]
    first = "R((x[j] - mean[j]) / scale[j])" if model.scaling is not None else "x[j]"
    lines += loop(model.sizes[0], f"a[j] = {first};")
    passes, source = forward(model)
    lines += passes
    last = f"{source}[j]"
    if model.target_scaling is not None:
        last = f"R({last} * target_scale[j] + target_mean[j])"
    lines += ["", *loop(n_out, f"y[j] = {last};"), "}", ""]
    lines += [f"void {name}_predict(const real *x, real *y)", "{"]
    lines += [f"    STORAGE real work[{workspace(model)}];", f"    {name}_predict_in(x, y, work);"]
    return "\n".join([*lines, "}", ""])


def forward(model: Model, first: int = 1) -> tuple[list[str], str]:
    """Return the statements of all layers, and the row of the workspace that has the outputs.

    `first` numbers the layers.
    """
    lines = []
    source, target = "a", "z"  # the two rows of the workspace swap their roles at each layer
    if model.parts:
        lines += ["", *embedded(model, first)]
        source, target = target, source
    for number, layer in enumerate(model.layers, first):
        n, n_in = layer.w.shape
        if layer.input_scale is not None:
            lines += ["", *loop(n_in, f"{source}[j] = R({source}[j] * input_scale{number}[j]);")]
        lines += ["", f"    affine(w{number}, b{number}, {source}, {target}, {n_in}, {n});"]
        if layer.gain is not None:
            lines += [f"    normalize({target}, gain{number}, shift{number}, {n});"]
        lines += activate(layer, target, f"alpha{number}")
        source, target = target, source
    return lines, source


def embedded(model: Model, first: int) -> Iterator[str]:
    """Yield the statements that write the embedded inputs of row a to row z."""
    start = 0
    for part in model.embeddings:
        yield f"    {part.in_c(first, start)}"
        start += part.n_out


def workspace(model: Model) -> int:
    """Return how many numbers a prediction needs: two rows of the widest layer."""
    return 2 * max(*model.sizes, *model.widths)


def loop(n: int, line: str) -> list[str]:
    """Return a loop of one statement over n neurons."""
    return [f"    for (int j = 0; j < {n}; j++)", f"        {line}"]


def activate(layer: Layer, z: str, alpha: str) -> list[str]:
    """Return the statements that replace z by sigma(z), or by z + alpha (sigma(z) - z)."""
    n = len(layer.b)
    if layer.name == "identity":
        return []
    if not layer.activation.elementwise:
        return [f"    sigma_{layer.name}({z}, {n});"]
    settings = "".join(f", R({float(value)!r})" for value in layer.settings.values())
    sigma = f"sigma_{layer.name}({z}[j]{settings})"
    if layer.alpha is not None:
        return loop(n, f"{z}[j] += {alpha}[j] * ({sigma} - {z}[j]);")
    return loop(n, f"{z}[j] = {sigma};")


def choose(model: Model) -> str:
    """Return the choice of the largest output, or of the second class by the threshold."""
    if model.sizes[-1] < len(model.classes):
        return f"    best = y[0] >= R({model.threshold!r});\n"
    lines = [f"    for (int j = 1; j < {model.sizes[-1]}; j++)", "        if (y[j] > y[best])"]
    return "\n".join([*lines, "            best = j;\n"])


def class_names(model: Model, name: str) -> str:
    """Return the array of class names."""
    quoted = ", ".join(quote(str(label)) for label in model.classes)
    return f"\nconst char *const {name}_classes[{len(model.classes)}] = {{{quoted}}};\n"


def quote(text: str) -> str:
    r"""Return a string literal of C: UTF-8, with octal escapes for all but plain ASCII.

    >>> print(quote('a"?'))
    "a\042\077"
    """
    characters = (chr(byte) if byte in UNESCAPED else f"\\{byte:03o}" for byte in text.encode())
    return '"' + "".join(characters) + '"'


def self_test(model: Model, words: dict[str, Any]) -> str:
    """Return the test vectors and the main function that compares them."""
    X, y, bound = vectors(model)
    arrays = array("real", "test_x", X) + array("real", "test_y", y)
    arrays += array("real", "test_bound", bound)
    return SELF_TEST.format(vectors=arrays, count=len(X), **words)
