"""Export a model of raw tables as one C99 file that only needs libm and contains test rows.

A struct holds the raw cells of a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..data import Preprocessor, Table
from ..data.columns import NO_TIME
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, waves
from ..data.scalers import CLIP, LARGEST, NoScaler, QuantileScaler, RobustScaler, Scaler, is_huge
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
    workspace,
)
from .table_columns import InputColumn, edges_of, is_one_hot, number_of, scalers_of
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
    int k = 0, high = n - 2;   /* the last of the first n - 1 knots that is not above x */
    x = x < knots[0] ? knots[0] : x > knots[n - 1] ? knots[n - 1] : x;
    while (k < high) {
        int middle = k + (high - k + 1) / 2;
        if (knots[middle] <= x)
            k = middle;
        else
            high = middle - 1;
    }
    return scores[k] + (x - knots[k]) / (knots[k + 1] - knots[k]) * (scores[k + 1] - scores[k]);
}
"""

TEXT = """
/* the position of a text among n sorted levels; n is missing, and n + 1 is unknown */
static int position_of_text(const char *cell, const char *const *levels, int n)
{
    int low = 0, high = n;
    if (!cell)
        return n;
    while (low < high) {
        int middle = low + (high - low) / 2, order = strcmp(cell, levels[middle]);
        if (!order)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return n + 1;
}
"""

NUMBER = """
/* the position of a number among n sorted levels; n is missing, and n + 1 is unknown */
static int position_of_number(wide cell, const wide *levels, int n)
{
    int low = 0, high = n;
    if (isnan(cell))
        return n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (levels[middle] == cell)
            return middle;
        if (levels[middle] > cell)
            high = middle;
        else
            low = middle + 1;
    }
    return n + 1;
}
"""

BINS = """
/* the position of x in each of n bins: 0 below it, and 1 above it */
static void bins(wide x, const wide *edges, int n, real *y)
{
    for (int j = 0; j < n; j++) {
        wide left = edges[j] / 2, share = (x / 2 - left) / (edges[j + 1] / 2 - left);
        y[j] = share < 0 ? R(0) : share > 1 ? R(1) : R(share);
    }
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
            declaration(column, field, wide)
            for column, field in zip(model.columns, fields, strict=True)
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
    yield from functions(model.all_layers)
    for network, first in zip(model.networks, model.firsts, strict=True):
        yield from constants(network, first)
    yield from helpers(model)
    yield from levels(model)
    tables = Tables(wide_dtype(model))
    bodies = [
        features(model, preparation, index, name, fields, tables)
        for index, preparation in enumerate(model.preparations)
    ]
    yield from tables.texts
    yield positions(model, name, fields)
    yield from bodies
    yield from networks(model, name)
    yield predict(model, name)
    if model.target.kind == "classes":
        yield classes(model, name)
    yield self_test(model, fields, words)
    yield f"#endif /* {words['NAME']}_DECLARATIONS */\n"


class Tables:
    """Constant arrays, each written once; `dtype` is the NumPy type of `wide`."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.names: dict[tuple[str, bytes], str] = {}
        self.texts: list[str] = []

    def wide(self, stem: str, values: Any) -> str:
        """Return the name of an array of `wide`."""
        return self._name("wide", stem, np.array(values, self.dtype))

    def whole(self, stem: str, values: Any) -> str:
        """Return the name of an array of int."""
        return self._name("int", stem, np.array(values, np.int64))

    def _name(self, kind: str, stem: str, values: Any) -> str:
        key = stem, values.tobytes()
        if key not in self.names:
            self.names[key] = f"{stem}_{len(self.names)}"
            self.texts.append("\n" + array(kind, self.names[key], values))
        return self.names[key]


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


def declaration(column: InputColumn, field: str, wide: str) -> str:
    """Return the declaration of the cell of a column; numbers are `wide`."""
    kind, missing = wide, "NAN is missing"
    if column.kind == "datetime":
        kind, missing = "int64_t", "nanoseconds since 1970 in UTC; INT64_MIN is missing"
    elif column.is_text:
        kind, missing = "const char *", "UTF-8; NULL is missing"
    elif column.kind == "boolean":
        kind, missing = "int", "0 or 1; -1 is missing"
    space = "" if kind.endswith("*") else " "
    return f"    {kind}{space}{field};   /* {comment(column.name)}: {missing} */"


def helpers(model: TableModel) -> Iterator[str]:
    """Yield the functions that the columns need, each once."""
    encoders = [encoder for each in model.preparations for encoder in each.encoders]
    kinds = {type(scaler) for encoder in encoders for scaler in scalers_of(encoder)}
    if kinds - {QuantileScaler}:
        yield LINEAR.format(largest=number(LARGEST, model))
    if RobustScaler in kinds:
        yield ROBUST.format(clip=number(CLIP, model))
    if QuantileScaler in kinds:
        yield QUANTILE
    if any(edges_of(encoder) is not None for encoder in encoders):
        yield BINS
    categories = [column for column in model.columns if column.kind == "category"]
    if any(column.is_text for column in categories):
        yield TEXT
    if not all(column.is_text for column in categories):
        yield NUMBER
    if any(set(each.parts) - {"seconds"} for each in encoders if isinstance(each, DateEncoder)):
        yield DATE


def number(value: float, model: TableModel) -> str:
    """Return a constant of the type `wide`."""
    return constant(value, wide_dtype(model))


def wide_dtype(model: TableModel) -> str:
    """Return the NumPy type of `wide`."""
    return "float32" if model.float_only else "float64"


def levels(model: TableModel) -> Iterator[str]:
    """Yield the sorted levels of each category."""
    for k, column in enumerate(model.category_columns):
        if column.kind == "boolean" or not column.levels:
            continue
        if not column.is_text:
            numbers = np.array(column.levels, float).astype(wide_dtype(model))
            yield "\n" + array("wide", f"levels_{k}", numbers)
            continue
        texts = column.texts
        if any("\0" in text for text in texts):
            raise ValueError(f"a C file cannot hold the zero byte in levels of {column.name!r}")
        lines = "".join(f"    {quote(text)},\n" for text in texts)
        yield f"\nstatic const char *const levels_{k}[{len(texts)}] = {{\n{lines}}};\n"


def positions(model: TableModel, name: str, fields: Sequence[str]) -> str:
    """Return the function that looks up the levels of a row, unless there are none."""
    columns = model.category_columns
    if not columns:
        return ""
    lines = [f"static void positions_of(const {name}_row *row, int *position)", "{"]
    field_of = dict(zip((column.name for column in model.columns), fields, strict=True))
    for k, column in enumerate(columns):
        cell, n = f"row->{field_of[column.name]}", len(column.levels)
        if column.kind == "boolean":
            value = f"{cell} < 0 ? 2 : {cell} > 1 ? 3 : {cell}"
        elif not n:  # only missing cells differ
            missing = f"!{cell}" if column.is_text else f"isnan({cell})"
            value = f"{missing} ? 0 : 1"
        else:
            of = "text" if column.is_text else "number"
            value = f"position_of_{of}({cell}, levels_{k}, {n})"
        lines.append(f"    position[{k}] = {value};   /* {comment(column.name)} */")
    return "\n" + "\n".join([*lines, "}", ""])


def features(
    model: TableModel,
    preparation: Preprocessor,
    index: int,
    name: str,
    fields: Sequence[str],
    tables: Tables,
) -> str:
    """Return the function of a preparation, which prepares a row."""
    parameters = f"const {name}_row *row, " + "const int *position, " * has_positions(model)
    lines = [f"static void features_{index}({parameters}real *x)", "{"]
    field_of = dict(zip((column.name for column in model.columns), fields, strict=True))
    categories = {column.name: k for k, column in enumerate(model.category_columns)}
    start = 0
    for encoder in preparation.encoders:
        if isinstance(encoder, CategoryEncoder):
            k = categories[encoder.name]
            column = model.category_columns[k]
            statements = list(category(encoder, column, k, start, tables))
        else:
            statements = list(cell(model, encoder, field_of[encoder.name], start, tables))
        lines += ["    {", *(f"        {line}" for line in statements), "    }"]
        start += len(encoder.features)
    body = "\n".join(lines)
    lines += ["    (void)row;"] * ("row->" not in body)
    lines += ["    (void)position;"] * ("position[" not in body and has_positions(model))
    return "\n" + "\n".join([*lines, "}", ""])


def has_positions(model: TableModel) -> bool:
    """Return True if a column has levels."""
    return bool(model.category_columns)


def cell(
    model: TableModel, encoder: Encoder, field: str, start: int, tables: Tables
) -> Iterator[str]:
    """Yield the statements for a number or a date, whose first feature is number `start`."""
    if isinstance(encoder, DateEncoder):
        yield from date(model, encoder, field, start, tables)
        if encoder.indicator:
            yield f"x[{start + len(encoder.features) - 1}] = R(missing);"
        return
    part, edges = number_of(encoder), edges_of(encoder)
    assert part is not None
    yield f"int missing = isnan(row->{field});"
    if part.scaler is not None or edges is not None:
        yield f"wide cell = missing ? {number(part.fill, model)} : row->{field};"
    if part.scaler is not None:
        yield f"x[{start}] = R({scaled(model, 'cell', part.scaler, tables)});"
        start += 1
    if part.indicator:
        yield f"x[{start}] = R(missing);"
        start += 1
    if edges is not None:
        name = tables.wide("edges", edges)
        yield f"bins(cell, {name}, {len(edges) - 1}, x + {start});"


def category(
    encoder: CategoryEncoder, column: InputColumn, k: int, start: int, tables: Tables
) -> Iterator[str]:
    """Yield the statements for a category."""
    width = len(encoder.features)
    if is_one_hot(encoder):
        hot = tables.whole("hot", column.hot(encoder))
        yield f"for (int j = 0; j < {width}; j++)"
        yield f"    x[{start} + j] = R({hot}[position[{k}]] == j);"
        return
    codes = tables.wide("codes", column.codes(encoder))
    yield f"for (int j = 0; j < {width}; j++)"
    yield f"    x[{start} + j] = R({codes}[position[{k}] * {width} + j]);"


def date(
    model: TableModel, encoder: DateEncoder, field: str, start: int, tables: Tables
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
            yield f"x[{start}] = R({scaled(model, value, scaler, tables)});"
            start += 1
            continue
        for wave, values in zip(("sine", "cosine"), waves(part), strict=True):
            name = tables.wide(f"{part}_{wave}", values)
            yield f"x[{start}] = missing ? R(0) : R({name}[p.{part}]);"
            start += 1


def integer(value: int) -> str:
    """Return an int64 as a constant of C."""
    return f"INT64_C({value})" if value >= 0 else f"-INT64_C({-value})"


def scaled(model: TableModel, value: str, scaler: Scaler, tables: Tables) -> str:
    """Return the call that scales a value."""
    if isinstance(scaler, QuantileScaler):
        knots, scores = tables.wide("knots", scaler.knots), tables.wide("scores", scaler.scores)
        return f"quantile({value}, {knots}, {scores}, {len(scaler.knots)})"
    function = "robust" if isinstance(scaler, RobustScaler) else "linear"
    parameters = [each for key, each in scaler.to_dict().items() if key != "name"]
    if isinstance(scaler, NoScaler):
        parameters = [0.0, 1.0]
    if is_huge(parameters[0]):  # the difference could overflow
        value, parameters = f"({value}) / 2", [each / 2 for each in parameters]
    return f"{function}({', '.join([value, *(number(each, model) for each in parameters)])})"


def networks(model: TableModel, name: str) -> Iterator[str]:
    """Yield a function for each network, and the one that averages their outputs."""
    for member, (network, first) in enumerate(zip(model.networks, model.firsts, strict=True)):
        passes, source = forward(network, first)
        head = f"\nstatic const real *network_{member}(real *a, real *z)"
        yield "\n".join([head, "{", *passes[1:], f"    return {source};", "}", ""])
    n, n_out = len(model.networks), model.n_outputs
    widest = max(workspace(network) // 2 for network in model.networks)
    lines = [f"static void outputs_of(const {name}_row *row, real *y)", "{"]
    n_features = [network.sizes[0] for network in model.networks]
    lines += [f"    real x[{max(n_features)}], a[{widest}], z[{widest}];"]
    lines += [f"    wide total[{n_out}] = {{0}};"] * (n > 1)
    lines += ["    const real *result;"]
    if has_positions(model):
        lines += [f"    int position[{len(model.category_columns)}];"]
        lines += ["    positions_of(row, position);"]
    prepared = None
    for member, use in enumerate(model.uses):
        if use != prepared:
            arguments = "row, position, x" if has_positions(model) else "row, x"
            lines += [f"    features_{use}({arguments});"]
            prepared = use
        lines += [f"    memcpy(a, x, {n_features[member]} * sizeof *x);"]
        lines += [f"    result = network_{member}(a, z);"]
        term = "result[j]"
        if n > 1 and model.weights is not None:
            term = f"result[j] * {number(model.weights[member], model)}"
        lines += loop(n_out, f"total[j] += {term};" if n > 1 else "y[j] = result[j];")
    if n > 1:
        divided = "" if model.weights is not None else f" / {number(n, model)}"
        lines += loop(n_out, f"y[j] = R(total[j]{divided});")
    lines += temperature(model)
    yield "\n" + "\n".join([*lines, "}", ""])


def temperature(model: TableModel) -> list[str]:
    """Return the statements that change the temperature of probabilities y."""
    if model.temperature == 1:
        return []
    n_out, power = model.n_outputs, number(1 / model.temperature, model)
    if model.several_labels:
        lines = [f"    for (int j = 0; j < {n_out}; j++) {{", "        wide p = y[j];"]
        lines += [f"        wide yes = W(pow)(p, {power}), no = W(pow)(1 - p, {power});"]
        return [*lines, "        y[j] = R(yes / (yes + no));", "    }"]
    lines = ["    wide most = y[0], sum = 0;" + f" wide powers[{n_out}];"]
    lines += loop(n_out, "most = y[j] > most ? y[j] : most;")
    lines += [f"    for (int j = 0; j < {n_out}; j++) {{"]
    lines += [f"        powers[j] = W(pow)(y[j] / most, {power});", "        sum += powers[j];"]
    return [*lines, "    }", *loop(n_out, "y[j] = R(powers[j] / sum);")]


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
    for j, (low, high) in enumerate(target.limits):
        least, most = number(low, model), number(high, model)
        lines += [f"    y[{j}] = y[{j}] < {least} ? {least} : y[{j}] > {most} ? {most} : y[{j}];"]
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
    for each in model.columns:
        column = table[each.name]
        value = column.values[row].item()
        text = repr(value)
        if each.kind == "datetime":
            text = "INT64_MIN" if value == NO_TIME else integer(value)
        elif each.is_text:
            text = "0" if value < 0 else quote(str(column.levels[value]))
        elif each.kind == "number":
            text = "NAN" if value != value else number(value, model)
        elif each.kind == "category":
            text = "NAN" if value < 0 else number(float(column.levels[value]), model)
        cells.append(text)
    return f"    {{{', '.join(cells)}}},"
