"""Exported C99 source compiles without warnings and gives the network's outputs."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from exported import CASES, DTYPES, ELEMENTWISE, Case, network, samples

CC = shutil.which("cc") or shutil.which("gcc")
FLAGS = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic"]
pytestmark = pytest.mark.skipif(CC is None, reason="there is no C compiler")


def compiled(sources, result, *options):
    """Compile sources without a warning, and return the path of the result."""
    sources = [sources] if isinstance(sources, Path) else sources
    run = subprocess.run(
        [CC, *FLAGS, *options, *map(str, sources), "-lm", "-o", str(result)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return result


def library(folder, **nets):
    """Return networks in one shared library, each under its name."""
    for name, net in nets.items():
        net.export(folder / f"{name}.c")
    return ctypes.CDLL(compiled(sorted(folder.glob("*.c")), folder / "all.so", "-shared", "-fPIC"))


def predict(loaded, name, net, X):
    """Return the outputs (m, n_L) of a network in a library."""
    y = np.empty((len(X), net.sizes[-1]), X.dtype)
    for row, result in zip(np.ascontiguousarray(X), y, strict=True):
        getattr(loaded, f"{name}_predict")(pointer(row), pointer(result))
    return y


def classify(folder, net, X, **options):
    """Return the names of the predicted classes."""
    net.export(folder / "net.c", **options)
    loaded = ctypes.CDLL(compiled(folder / "net.c", folder / "net.so", "-shared", "-fPIC"))
    names = (ctypes.c_char_p * max(net.sizes[-1], 2)).in_dll(loaded, "net_classes")
    places = [loaded.net_class(pointer(row)) for row in np.ascontiguousarray(X)]
    return [names[place].decode() for place in places]


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def identifier(name):
    """Return the name of a case as an identifier of C."""
    return re.sub(r"\W+", "_", name).strip("_")


@pytest.fixture(scope="module", params=DTYPES)
def built(request, tmp_path_factory):
    """Return a dtype, all cases, and the function that runs one; they are compiled together."""
    cases = {name: Case.of(name, request.param) for name in CASES}
    nets = {identifier(name): case.net for name, case in cases.items()}
    loaded = library(tmp_path_factory.mktemp("c"), **nets)
    return (
        request.param,
        cases,
        lambda name, X: predict(loaded, identifier(name), cases[name].net, X),
    )


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_within_their_bounds(name, built):
    dtype, cases, run = built
    cases[name].expected.check(run(name, cases[name].X), dtype)


@pytest.mark.parametrize("text", ELEMENTWISE)
def test_nan_stays_nan(text, built):
    dtype, _, run = built
    assert np.isnan(run(f"neuron {text}", np.array([[np.nan]], dtype))).all()


@pytest.mark.parametrize("options", [[], ["-DNET_STATIC"]])
def test_the_workspace_is_where_the_caller_wants_it(options, tmp_path):
    """Two rows of 5,000 neurons do not fit on a stack of 16 KB."""
    net, X = bp.Network([3, 5000, 2], "tanh", "softmax", seed=1), samples("float32")
    net.export(tmp_path / "net.c", classes=["no", "yes"])
    loaded = ctypes.CDLL(
        compiled(tmp_path / "net.c", tmp_path / "net.so", "-shared", "-fPIC", *options)
    )
    size = int(re.search(r"#define NET_WORKSPACE (\d+)", (tmp_path / "net.c").read_text())[1])
    assert size == 2 * 5000
    expected = predict(loaded, "net", net, X)
    work, y = np.full(size + 2, np.nan, np.float32), np.empty(2, np.float32)
    for row, result in zip(X, expected, strict=True):
        loaded.net_predict_in(pointer(row), pointer(y), pointer(work[1:]))
        assert y.tobytes() == result.tobytes()
    assert np.isnan(work[[0, -1]]).all()
    frames = frame_sizes(tmp_path, options)
    assert frames["net_predict_in"] < 1000
    assert (frames["net_predict"] < 1000) == bool(options)
    assert frames["net_class"] < 1000


def frame_sizes(folder, options):
    """Return the bytes that each function keeps on the stack, as GCC reports them."""
    compiled(folder / "net.c", folder / "net.o", "-c", "-O0", "-fstack-usage", *options)
    lines = (folder / "net.su").read_text().splitlines()
    return {line.split("\t")[0].split(":")[-1]: int(line.split("\t")[1]) for line in lines}


NAMES = ["a", 'ü"\\\n', "what??/", "*/ %d 7"]


def test_classes(tmp_path):
    net, X = network("softmax"), samples("float32")
    expected = np.array(NAMES)[net.predict(X).argmax(axis=1)].tolist()
    assert classify(tmp_path, net, X, classes=NAMES) == expected
    assert len(set(expected)) > 1


def test_one_output_tells_two_classes_apart(tmp_path):
    net, X = network("relu", "float64", (3, 7, 1), "sigmoid"), samples("float64")
    expected = np.array(["4", "9"])[(net.predict(X)[:, 0] >= 0.5).astype(int)].tolist()
    assert classify(tmp_path, net, X, classes=[4, 9]) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_self_test_passes_and_finds_a_wrong_weight(dtype, tmp_path):
    net = network("mish", dtype, (3, 7, 5, 4))
    source = tmp_path / "digits-2.c"
    net.export(source)
    program = compiled(source, tmp_path / "test", "-DDIGITS_2_SELF_TEST")
    run = subprocess.run([program], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "0 of 32 outputs differ\n")

    text = source.read_text()
    first = re.search(r"w2\[35\] = \{\s+([-\d.e]+)", text)
    wrong = text[: first.start(1)] + f"{1.001 * float(first[1])!r}" + text[first.end(1) :]
    source.write_text(wrong)
    program = compiled(source, tmp_path / "test", "-DDIGITS_2_SELF_TEST")
    run = subprocess.run([program], capture_output=True, text=True)
    assert run.returncode == 1 and re.match(r"sample \d, output ", run.stdout)


@pytest.mark.parametrize("language", ["c", "c++"])
def test_a_program_of_several_files_includes_the_declarations(language, tmp_path):
    if language == "c++" and shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler")
    net = network("softmax")
    net.export(tmp_path / "net.c")
    (tmp_path / "main.c").write_text("""\
#include <stdio.h>
#define NET_DECLARATIONS
#include "net.c"
int main(void)
{
    float x[NET_INPUTS] = {1, 2, 3}, y[NET_OUTPUTS];
    net_predict(x, y);
    return printf("%.6f %s\\n", y[1], net_classes[net_class(x)]) < 0;
}
""")
    compiled(tmp_path / "net.c", tmp_path / "net.o", "-c")
    command = [{"c": CC, "c++": "c++"}[language], "-x", language, "main.c", "-x", "none", "net.o"]
    subprocess.run([*command, "-lm", "-o", "main"], cwd=tmp_path, check=True)
    run = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    y = net.predict([1, 2, 3])
    assert run.stdout == f"{y[1]:.6f} {y.argmax()}\n"


def test_a_whole_classifier(tmp_path):
    """64-32-10 on the digits: the classes are those of the network."""
    data = bp.load_digits()
    net = bp.Network([64, 32, 10], "relu", "softmax", "cross_entropy", seed=0)
    net.fit(data.X / 16, data.y, epochs=2, progress=False)
    X = (data.X[:200] / 16).astype(np.float32)
    p = np.sort(net.predict(X), axis=1)
    clear = p[:, -1] - p[:, -2] > 1e-4  # where rounding cannot change the class
    classes = classify(tmp_path, net, X)
    assert clear.sum() > 190
    assert [int(label) for label in np.array(classes)[clear]] == net.predict(X).argmax(1)[
        clear
    ].tolist()
