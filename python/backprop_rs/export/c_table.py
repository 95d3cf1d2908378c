"""Export a model of raw tables as one C99 file that only needs libm and contains test rows.

A struct holds the raw cells of a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..data import Table
from ..data.columns import NO_TIME
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder, waves
from ..data.scalers import CLIP, LARGEST, NoScaler, QuantileScaler, RobustScaler, Scaler
from .c_names import constant
from .c_source import (
    array,
    assembled,
    comment,
    constants,
    forward,
    functions,
    identifier,
    loop,
    quote,
)
from .table_model import TableModel

HEADER = """\
/* {file}: {title}
 *
 * Written by backprop_rs {version}. C99; only needs libm, and allocates no memory.
 *
 *     {name}_row row = {{...}};                                 the raw cells of a row, see below
 *     void {name}_predict(const {name}_row *row, {number} y[{n_out}]);   {outputs}
{answers} *
 * Several threads may call the functions.
 * Define {NAME}_DECLARATIONS before you include this file to get only the declarations.
 * Define {NAME}_SELF_TEST to get a main that compares the outputs with test rows:
 *     cc -std=c99 -O2 -D{NAME}_SELF_TEST {file} -lm && ./a.out
 */
"""

CLASSES = """\
 *     int {name}_class(const {name}_row *row);   the index of the class in {name}_classes
"""

DECLARATIONS = """\
#include <stdint.h>
#define {NAME}_OUTPUTS {n_out}
typedef struct {{
{fields}
}} {name}_row;
#ifdef __cplusplus
extern "C" {{
#endif
void {name}_predict(const {name}_row *row, {number} *y);
"""

START = """\
#ifndef {NAME}_DECLARATIONS
#include <math.h>
#include <string.h>

typedef {real} real;
typedef {wide} wide;   /* of cells and their scaling */
#define R(x) ((real)(x))
#define F(function) {F}
#define W(function) {W}

"""

LINEAR = """
static wide linear(wide x, wide center, wide width)
{{
    wide z = (x - center) / width;
    return z > {largest} ? {largest} : z < -{largest} ? -{largest} : z;
}}
"""

ROBUST = """
static wide robust(wide x, wide median, wide distance)
{{
    wide z = linear(x, median, distance), share = z / {clip};
    return z / W(sqrt)(1 + share * share);
}}
"""

QUANTILE = """
static wide quantile(wide x, const wide *knots, const wide *scores, int n)
{
    int k = 0;
    x = x < knots[0] ? knots[0] : x > knots[n - 1] ? knots[n - 1] : x;
    while (k < n - 2 && knots[k + 1] <= x)
        k++;
    return scores[k] + (x - knots[k]) / (knots[k + 1] - knots[k]) * (scores[k + 1] - scores[k]);
}
"""

TEXT = """
/* the position of a text among n levels; n is missing, and n + 1 is unknown */
static int position_of_text(const char *cell, const char *const *levels, int n)
{
    if (!cell)
        return n;
    for (int k = 0; k < n; k++)
        if (!strcmp(cell, levels[k]))
            return k;
    return n + 1;
}
"""

NUMBER = """
/* the position of a number among n levels; n is missing, and n + 1 is unknown */
static int position_of_number(wide cell, const wide *levels, int n)
{
    if (isnan(cell))
        return n;
    for (int k = 0; k < n; k++)
        if (cell == levels[k])
            return k;
    return n + 1;
}
"""

DATE = """
static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

typedef struct { int64_t year, month, day, weekday, hour; } parts;

/* the parts of a time in nanoseconds; month, day and weekday count from 0 */
static parts parts_of(int64_t time)
{
    int64_t hours = floor_divide(time, INT64_C(3600000000000)), days = floor_divide(hours, 24);
    int64_t shifted = days + 719468, era = floor_divide(shifted, 146097);
    int64_t of_era = shifted - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    parts p;
    p.month = (from_march + 2) % 12;
    p.year = years + era * 400 + (p.month < 2);
    p.day = of_year - (153 * from_march + 2) / 5;
    p.weekday = (days + 3) - floor_divide(days + 3, 7) * 7;
    p.hour = hours - days * 24;
    return p;
}
"""

SELF_TEST = """
#ifdef {NAME}_SELF_TEST
#include <stdio.h>

static const {name}_row test_rows[{count}] = {{
{rows}
}};
{vectors}
int main(void)
{{
    int failed = 0;
    for (int i = 0; i < {count}; i++) {{
        real y[{n_out}];
        outputs_of(&test_rows[i], y);
        for (int j = 0; j < {n_out}; j++) {{
            real expected = test_y[i * {n_out} + j], bound = test_bound[i * {n_out} + j];
            if (!(F(fabs)(y[j] - expected) <= bound)) {{
                printf("row %d, output %d: %.9g, not %.9g\\n", i, j, (double)y[j], (double)expected);
                failed++;
            }}
        }}
    }}
    printf("%d of %d outputs differ\\n", failed, {count} * {n_out});
    return failed != 0;
}}
#endif
"""  # noqa: E501


def content(model: TableModel, stem: str) -> bytes:
    """Return the bytes of the file."""
    name = identifier(stem)
    fields = field_names(model.preprocessor.columns)
    words = words_of(model, name, f"{stem}.c", fields)
    return assembled(interface(model, words), program(model, fields, words), name, model.dtype)


def words_of(model: TableModel, name: str, file: str, fields: Sequence[str]) -> dict[str, Any]:
    """Return the names and sizes that the parts of the file contain."""
    from .._version import __version__

    kind = model.target.kind
    real = "float" if model.dtype == "float32" else "double"
    wide = wide_type(model)
    return {
        "name": name,
        "NAME": name.upper(),
        "file": comment(file),
        "version": __version__,
        "title": comment(model.title),
        "n_out": model.n_outputs,
        "real": real,
        "wide": wide,
        "number": wide if kind == "values" else real,
        "F": "function##f" if model.dtype == "float32" else "function",
        "W": "function##f" if model.float_only else "function",
        "outputs": "values" if kind == "values" else "probabilities",
        "fields": "\n".join(
            declaration(encoder, field, wide)
            for encoder, field in zip(model.preprocessor.encoders, fields, strict=True)
        ),
    }


def wide_type(model: TableModel) -> str:
    """Return the type of cells of numbers and of their scaling."""
    return "float" if model.float_only else "double"


def interface(model: TableModel, words: dict[str, Any]) -> Iterator[str]:
    """Yield the description and the declarations."""
    name, is_classes = words["name"], model.target.kind == "classes"
    answers = CLASSES.format(**words) if is_classes else ""
    yield HEADER.format(answers=answers, **words)
    yield DECLARATIONS.format(**words)
    if is_classes:
        yield f"int {name}_class(const {name}_row *row);\n"
        yield f"extern const char *const {name}_classes[{model.n_outputs}];\n"
    yield "#ifdef __cplusplus\n}\n#endif\n\n"


def program(model: TableModel, fields: Sequence[str], words: dict[str, Any]) -> Iterator[str]:
    """Yield the functions and the tables."""
    name = words["name"]
    yield START.format(**words)
    yield from functions(model.networks[0])
    for network, first in zip(model.networks, model.firsts, strict=True):
        yield from constants(network, first)
    yield from helpers(model)
    yield from tables(model)
    yield features(model, name, fields)
    yield from networks(model, name)
    yield predict(model, name)
    if model.target.kind == "classes":
        yield classes(model, name)
    yield self_test(model, fields, words)
    yield f"#endif /* {words['NAME']}_DECLARATIONS */\n"


def field_names(columns: Sequence[str]) -> list[str]:
    """Return different identifiers for columns.

    >>> field_names(["a b", "a-b", "int", "größe"])
    ['a_b', 'a_b_2', 'int_3', 'gr_e']
    """
    names: list[str] = []
    for k, column in enumerate(columns):
        name = re.sub(r"[^0-9A-Za-z]+", "_", column).strip("_") or "column"
        if name[0].isdigit():
            name = f"column_{name}"
        if name in names or name in KEYWORDS:
            name = f"{name}_{k + 1}"
        while name in names:
            name += "_"
        names.append(name)
    return names


KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """auto break case char const continue default do double else enum extern float for goto if
        inline int long register restrict return short signed sizeof static struct switch typedef
        union unsigned void volatile while class new delete this private public protected template
        operator namespace bool true false NAN INT64_MIN""",
    )
)
"""Names that a field of a struct cannot have in C or C++, or in this file."""


def declaration(encoder: Encoder, field: str, wide: str) -> str:
    """Return the declaration of the cell of a column; numbers are `wide`."""
    kind, missing = wide, "NAN is missing"
    if isinstance(encoder, DateEncoder):
        kind, missing = "int64_t", "nanoseconds since 1970 in UTC; INT64_MIN is missing"
    elif is_text(encoder):
        kind, missing = "const char *", "UTF-8; NULL is missing"
    elif encoder.kind == "boolean":
        kind, missing = "int", "0 or 1; -1 is missing"
    space = "" if kind.endswith("*") else " "
    return f"    {kind}{space}{field};   /* {comment(encoder.name)}: {missing} */"


def is_text(encoder: Encoder) -> bool:
    """Return True if the cells of a column are texts, perhaps with numbers among the levels."""
    return (
        isinstance(encoder, CategoryEncoder)
        and encoder.kind == "category"
        and any(isinstance(level, str) for level in encoder.levels)
    )


def scalers(model: TableModel) -> list[Scaler]:
    """Return all scalers of numbers."""
    fitted: list[Scaler] = []
    for encoder in model.preprocessor.encoders:
        if isinstance(encoder, NumberEncoder) and encoder.scaler is not None:
            fitted.append(encoder.scaler)
        if isinstance(encoder, DateEncoder):
            fitted.extend(encoder.scalers)
    return fitted


def helpers(model: TableModel) -> Iterator[str]:
    """Yield the functions that the columns need, each once."""
    encoders, kinds = model.preprocessor.encoders, set(map(type, scalers(model)))
    if kinds - {QuantileScaler}:
        yield LINEAR.format(largest=number(LARGEST, model))
    if RobustScaler in kinds:
        yield ROBUST.format(clip=number(CLIP, model))
    if QuantileScaler in kinds:
        yield QUANTILE
    categories = [each for each in encoders if isinstance(each, CategoryEncoder)]
    if any(map(is_text, categories)):
        yield TEXT
    if any(each.kind == "category" and not is_text(each) for each in categories):
        yield NUMBER
    if any(set(each.parts) - {"seconds"} for each in encoders if isinstance(each, DateEncoder)):
        yield DATE


def number(value: float, model: TableModel) -> str:
    """Return a constant of the type `wide`."""
    return constant(value, wide_dtype(model))


def wide_dtype(model: TableModel) -> str:
    """Return the NumPy type of `wide`."""
    return "float32" if model.float_only else "float64"


def tables(model: TableModel) -> Iterator[str]:
    """Yield the levels and codes of categories, the waves of dates, and the knots of quantiles."""
    parts: set[str] = set()
    dtype = wide_dtype(model)
    for k, encoder in enumerate(model.preprocessor.encoders):
        if isinstance(encoder, CategoryEncoder):
            if encoder.kind == "category":
                yield levels(encoder, k, dtype)
            yield "\n" + array("wide", f"codes_{k}", encoder.codes.astype(dtype))
        if isinstance(encoder, DateEncoder):
            parts |= set(encoder.parts) - {"year", "seconds"}
    for part in sorted(parts):
        sine, cosine = waves(part)
        yield "\n" + array("wide", f"{part}_sine", sine.astype(dtype))
        yield array("wide", f"{part}_cosine", cosine.astype(dtype))
    for k, scaler in enumerate(scalers(model)):
        if isinstance(scaler, QuantileScaler):
            yield "\n" + array("wide", f"knots_{k}", np.array(scaler.knots, dtype))
            yield array("wide", f"scores_{k}", np.array(scaler.scores, dtype))


def levels(encoder: CategoryEncoder, k: int, dtype: str) -> str:
    """Return the array of the levels of a category."""
    n = len(encoder.levels)
    if not is_text(encoder):
        return "\n" + array("wide", f"levels_{k}", np.array(encoder.levels, float).astype(dtype))
    texts = [str(level) for level in encoder.levels]
    if any("\0" in text for text in texts):
        raise ValueError(f"a C file cannot hold the zero byte in levels of {encoder.name!r}")
    lines = "".join(f"    {quote(text)},\n" for text in texts)
    return f"\nstatic const char *const levels_{k}[{n}] = {{\n{lines}}};\n"


def features(model: TableModel, name: str, fields: Sequence[str]) -> str:
    """Return the function that prepares a row."""
    lines = [f"static void features_of(const {name}_row *row, real *x)", "{"]
    encoders = model.preprocessor.encoders
    numbers = iter(accumulate([0] + [1] * len(scalers(model))))
    positions = accumulate([0, *(len(encoder.features) for encoder in encoders)])
    for k, (encoder, field, start) in enumerate(zip(encoders, fields, positions, strict=False)):
        statements = cell(model, encoder, field, k, start, numbers)
        lines += ["    {", *(f"        {line}" for line in statements), "    }"]
    return "\n" + "\n".join([*lines, "}", ""])


def cell(
    model: TableModel, encoder: Encoder, field: str, k: int, start: int, numbers: Iterator[int]
) -> Iterator[str]:
    """Yield the statements for one cell, whose first feature is number `start`."""
    if isinstance(encoder, CategoryEncoder):
        yield from category(encoder, field, k, start)
        return
    last = start + len(encoder.features) - 1
    if isinstance(encoder, NumberEncoder):
        yield f"int missing = isnan(row->{field});"
        if encoder.scaler is not None:
            value = f"missing ? {number(encoder.fill, model)} : row->{field}"
            yield f"x[{start}] = R({scaled(model, value, encoder.scaler, next(numbers))});"
    if isinstance(encoder, DateEncoder):
        yield from date(model, encoder, field, start, numbers)
    if getattr(encoder, "indicator", False):
        yield f"x[{last}] = R(missing);"


def category(encoder: CategoryEncoder, field: str, k: int, start: int) -> Iterator[str]:
    """Yield the statements for a category."""
    n, width = len(encoder.levels), len(encoder.features)
    if encoder.kind == "boolean":
        yield f"int cell = row->{field};"
        tests = "".join(
            f"cell == {int(level)} ? {position} : " for position, level in enumerate(encoder.levels)
        )
        yield f"int position = cell < 0 ? {n} : {tests}{n + 1};"
    else:
        of = "text" if is_text(encoder) else "number"
        yield f"int position = position_of_{of}(row->{field}, levels_{k}, {n});"
    yield f"for (int j = 0; j < {width}; j++)"
    yield f"    x[{start} + j] = R(codes_{k}[position * {width} + j]);"


def date(
    model: TableModel, encoder: DateEncoder, field: str, start: int, numbers: Iterator[int]
) -> Iterator[str]:
    """Yield the statements for a date."""
    yield f"int missing = row->{field} == INT64_MIN;"
    if encoder.parts:  # otherwise a missing date is all that the column tells
        yield f"int64_t time = missing ? {integer(encoder.start)} : row->{field};"
    if set(encoder.parts) - {"seconds"}:
        yield "parts p = parts_of(time);"
    numeric = iter(zip(encoder.fills, encoder.scalers, strict=True))
    for part in encoder.parts:
        if part in ("year", "seconds"):
            fill, scaler = next(numeric)
            seconds = f"(wide)time / 1e9 - {encoder.start / 1e9!r}"
            if model.float_only:  # subtract before rounding, in microseconds
                since = f"(time / 1000 - {integer(encoder.start)} / 1000)"
                seconds = f"(wide){since} / {number(1e6, model)}"
            value = "(wide)p.year" if part == "year" else seconds
            value = f"missing ? {number(fill, model)} : {value}"
            yield f"x[{start}] = R({scaled(model, value, scaler, next(numbers))});"
            start += 1
            continue
        for wave in ("sine", "cosine"):
            yield f"x[{start}] = missing ? R(0) : R({part}_{wave}[p.{part}]);"
            start += 1


def integer(value: int) -> str:
    """Return an int64 as a constant of C."""
    return f"INT64_C({value})" if value >= 0 else f"-INT64_C({-value})"


def scaled(model: TableModel, value: str, scaler: Scaler, k: int) -> str:
    """Return the call that scales a value."""
    if isinstance(scaler, QuantileScaler):
        return f"quantile({value}, knots_{k}, scores_{k}, {len(scaler.knots)})"
    function = "robust" if isinstance(scaler, RobustScaler) else "linear"
    parameters = [each for key, each in scaler.to_dict().items() if key != "name"]
    if isinstance(scaler, NoScaler):
        parameters = [0.0, 1.0]
    return f"{function}({', '.join([value, *(number(each, model) for each in parameters)])})"


def networks(model: TableModel, name: str) -> Iterator[str]:
    """Yield a function for each network, and the one that averages their outputs."""
    for member, (network, first) in enumerate(zip(model.networks, model.firsts, strict=True)):
        passes, source = forward(network, first)
        head = f"\nstatic const real *network_{member}(real *a, real *z)"
        yield "\n".join([head, "{", *passes[1:], f"    return {source};", "}", ""])
    n, n_out = len(model.networks), model.n_outputs
    widest = max(size for network in model.networks for size in network.sizes)
    lines = [f"static void outputs_of(const {name}_row *row, real *y)", "{"]
    lines += [f"    real x[{model.n_features}], a[{widest}], z[{widest}];"]
    lines += [f"    wide total[{n_out}] = {{0}};"] * (n > 1)
    lines += ["    const real *result;", "    features_of(row, x);"]
    for member in range(n):
        lines += [f"    memcpy(a, x, sizeof x);\n    result = network_{member}(a, z);"]
        lines += loop(n_out, "total[j] += result[j];" if n > 1 else "y[j] = result[j];")
    if n > 1:
        lines += loop(n_out, f"y[j] = R(total[j] / {number(n, model)});")
    yield "\n" + "\n".join([*lines, "}", ""])


def predict(model: TableModel, name: str) -> str:
    """Return the public function."""
    target, n_out = model.target, model.n_outputs
    if target.kind != "values":
        lines = [f"void {name}_predict(const {name}_row *row, real *y)", "{"]
        return "\n".join(["", *lines, "    outputs_of(row, y);", "}", ""])
    lines = [f"void {name}_predict(const {name}_row *row, wide *y)", "{"]
    lines += [f"    real outputs[{n_out}];", "    outputs_of(row, outputs);"]
    lines += loop(n_out, "y[j] = outputs[j];")
    for j, scaler in enumerate(target.scalers):
        factor, term = number(scaler.deviation, model), number(scaler.mean, model)
        lines += [f"    y[{j}] = y[{j}] * {factor} + {term};"]
    return "\n".join(["", *lines, "}", ""])


def classes(model: TableModel, name: str) -> str:
    """Return the names of the classes, and the function that chooses one."""
    n = model.n_outputs
    quoted = ", ".join(quote(str(level)) for level in model.target.classes)
    lines = [f"const char *const {name}_classes[{n}] = {{{quoted}}};", ""]
    lines += [f"int {name}_class(const {name}_row *row)", "{", f"    real y[{n}];"]
    lines += ["    int best = 0;", "    outputs_of(row, y);", f"    for (int j = 1; j < {n}; j++)"]
    lines += ["        if (y[j] > y[best])", "            best = j;", "    return best;", "}", ""]
    return "\n" + "\n".join(lines)


def self_test(model: TableModel, fields: Sequence[str], words: dict[str, Any]) -> str:
    """Return the test rows and the main function that compares them."""
    table, y, allowed = model.tests()
    vectors = array("real", "test_y", y) + array("real", "test_bound", allowed)
    rows = "\n".join(initializer(model, table, row) for row in range(len(table)))
    return SELF_TEST.format(vectors=vectors, rows=rows, count=len(table), **words)


def initializer(model: TableModel, table: Table, row: int) -> str:
    """Return the struct of a row."""
    cells = []
    for encoder, column in zip(model.preprocessor.encoders, table, strict=True):
        value = column.values[row].item()
        text = repr(value)
        if isinstance(encoder, DateEncoder):
            text = "INT64_MIN" if value == NO_TIME else integer(value)
        elif is_text(encoder):
            text = "0" if value < 0 else quote(str(column.levels[value]))
        elif isinstance(encoder, NumberEncoder):
            text = "NAN" if value != value else number(value, model)
        elif encoder.kind == "category":
            text = "NAN" if value < 0 else number(float(column.levels[value]), model)
        cells.append(text)
    return f"    {{{', '.join(cells)}}},"
