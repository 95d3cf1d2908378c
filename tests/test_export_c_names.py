"""Exported C99 files share a program with each other and with macros, and can do without double."""

import ctypes
import re
import shutil
import subprocess

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.export.c_names import constant, scoped
from exported import ELEMENTWISE, SCALING, TARGET, network, samples, with_norm
from tables import customers

CC = shutil.which("cc") or shutil.which("gcc")
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
FLOAT = [*FLAGS, "-Wdouble-promotion", "-Wfloat-conversion", "-fsingle-precision-constant"]
pytestmark = pytest.mark.skipif(CC is None, reason="there is no C compiler")
MACROS = """\
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define B0 0
#define B1 1
#define B10 2
#define F(text) broken text text
#define R 17
#define W 4
#define PI 3.14159
#define STORAGE 1
#define STATIC 1
#define real broken broken
#define parts 5
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) ((long)(x))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define bit(b) (1UL << (b))
#define affine broken broken
#define normalize broken broken
#define linear broken broken
#define w1 broken broken
#define test_x broken broken
"""
QUICK = {"epochs": 3, "progress": False}


def compiled(folder, text, *options):
    (folder / "main.c").write_text(text)
    command = [CC, *options, folder / "main.c", "-lm", "-o", folder / "main"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[:3000]
    return folder / "main"


def table_model(target, scaling="robust", seed=0, **options):
    preprocessor = bp.data.Preprocessor(scaling=scaling)
    model = bp.Model((5,), preprocessor=preprocessor, seed=seed, **options)
    table = customers()
    if target == "age":
        table["age"] = [35.0 if age != age else age for age in table["age"]]
    return model.fit(table, target=target, **QUICK)


def test_many_files_and_macros_share_one_program(tmp_path):
    nets = {"one": network("gelu"), "two": with_norm("float64")}
    nets["one"].metadata |= {"scaling": SCALING, "target_scaling": TARGET}
    nets["three"] = network("softmax")
    models = {"four": table_model("left"), "five": table_model("left", "quantile", members=2)}
    text = MACROS
    for name, each in {**nets, **models}.items():
        each.export(tmp_path / f"{name}.c")
        text += f'#include "{name}.c"\n'
    compiled(tmp_path, text + "int main(void) { return 0; }\n", *FLAGS)
    for name in ("one", "two", "three", "four", "five"):
        define = f"#define {name.upper()}_SELF_TEST\n"
        run = subprocess.run([compiled(tmp_path, define + text, *FLAGS)], capture_output=True)
        assert run.stdout.startswith(b"0 of "), run.stdout


def code_of(path):
    """Return the code of a file, without comments and texts, and without its self-test."""
    text = path.read_text()
    text = text[: text.index("_SELF_TEST\n#include <stdio.h>")]
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', "", text, flags=re.DOTALL)


def check_float(path):
    """Check that a file computes in float alone, and that its self-test passes."""
    code = code_of(path)
    assert not re.search(r"\bdouble\b", code)
    assert not re.search(r"(?<![\w.])(\d+\.\d*|\.\d+|\d+(?=e))(e[-+]?\d+)?(?![\w.])", code)
    assert not re.search(r"\b(exp|expm1|log1p|sqrt|tanh|erfc|sin|fabs)\(", code)
    name = path.stem.upper()
    program = path.with_suffix(".out")
    command = [CC, *FLOAT, f"-D{name}_SELF_TEST", path, "-lm", "-o", program]
    subprocess.run(command, check=True)
    run = subprocess.run([program], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.startswith("0 of "), run.stdout
    listing = subprocess.run([CC, "-O2", "-c", path, "-o", path.with_suffix(".o")], check=True)
    assert listing.returncode == 0
    symbols = subprocess.run(
        ["nm", "-u", path.with_suffix(".o")], capture_output=True, text=True, check=True
    ).stdout
    functions = {line.split()[-1] for line in symbols.splitlines()}
    assert not functions & {"exp", "expm1", "log1p", "sqrt", "tanh", "erfc", "sin", "fabs"}


@pytest.mark.parametrize("text", [*ELEMENTWISE, "softmax", "layer norm", "scaled"])
def test_a_network_in_float_alone(text, tmp_path):
    net = with_norm("float32") if text == "layer norm" else network("tanh")
    if text == "scaled":
        net.metadata |= {"scaling": SCALING, "target_scaling": TARGET}
    elif text != "layer norm":
        net = network(text)
    net.export(tmp_path / "net.c", float_only=True)
    check_float(tmp_path / "net.c")


def test_scaling_in_float_is_near_that_in_double(tmp_path):
    net, X = network("tanh"), samples("float32") * SCALING["scale"] + SCALING["mean"]
    net.metadata |= {"scaling": SCALING, "target_scaling": TARGET}
    net.export(tmp_path / "net.c", float_only=True)
    command = [CC, *FLOAT, "-shared", "-fPIC", tmp_path / "net.c", "-lm", "-o", tmp_path / "net.so"]
    subprocess.run(command, check=True)
    loaded, rows = ctypes.CDLL(str(tmp_path / "net.so")), X.astype(np.float32)
    y = np.empty((len(X), 4), np.float32)
    for row, result in zip(rows, y, strict=True):
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (row, result)]
        loaded.net_predict(*pointers)
    scaled = (rows.astype(float) - SCALING["mean"]) / SCALING["scale"]
    expected = net.predict(scaled) * TARGET["scale"] + TARGET["mean"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("target", ["left", "age"])
@pytest.mark.parametrize("scaling", ["robust", "standard", "quantile", "none"])
def test_a_model_in_float_alone(scaling, target, tmp_path):
    model = table_model(target, scaling, members=2)
    model.export(tmp_path / "model.c", float_only=True)
    check_float(tmp_path / "model.c")


def test_what_float_cannot_tell_apart_is_refused(tmp_path):
    table = {"t": list(range(1_700_000_000, 1_700_000_040)), "y": [0.5, 1.5] * 20}
    for scaling in ("robust", "standard", "quantile"):
        preprocessor = bp.data.Preprocessor(scaling=scaling)
        model = bp.Model((2,), preprocessor=preprocessor, seed=0).fit(table, target="y", **QUICK)
        with pytest.raises(ValueError, match=r"float_only needs features .* 't' has values near"):
            model.export(tmp_path / "model.c", float_only=True)
    net = network()
    net.metadata["scaling"] = {"mean": [1.0, 1.7e9, 0.0], "scale": [1.0, 100.0, 1.0]}
    with pytest.raises(
        ValueError, match=r"'x1' has values near 1\.7e\+09 that differ by about 100"
    ):
        net.export(tmp_path / "net.c", float_only=True)
    with pytest.raises(ValueError, match=r"float_only goes with a network of float32; got float64"):
        network(dtype="float64").export(tmp_path / "net.c", float_only=True)
    for form in ("onnx", "py"):
        with pytest.raises(ValueError, match=r"float_only goes with a \.c file; got"):
            network().export(tmp_path / f"net.{form}", float_only=True)
    assert not list(tmp_path.iterdir())


def test_texts_comments_and_fields_keep_their_names():
    text = '#define R(x) x\nstatic const char *w = "R w"; /* R */\nint v = row->R + p.w + R(w);\n'
    text += "static int w(void)\n{\n    return 0;\n}\n"
    expected = text.replace("define R", "define A_R").replace("+ R(w)", "+ A_R(a_w)")
    expected = expected.replace("*w =", "*a_w =").replace("int w(", "int a_w(")
    assert scoped(text, "a") == expected


def test_constants_read_back_as_the_same_numbers():
    for value in (0.1, 1e-40, 3.0, 1 / 3, -2.5e30):
        assert np.float32(constant(value, "float32")[:-1]) == np.float32(value)
        assert float(constant(value, "float64")) == value
    with pytest.raises(ValueError, match="within the range of float"):
        constant(1e39, "float32")
