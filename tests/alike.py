"""What tests of the options of a network check alike: twins, files, checkpoints and bits."""

import copy
import os
import pickle
import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest

PARTS = ("weights", "biases", "gains", "shifts")
SETTINGS = {
    "plain": {},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw(weight_decay=0.1)"},
    "weights": {"sample_weight": True},
    "clipped": {"clip_norm": 0.1},
    "averaged": {"average": 0.9},
    "one sample a batch": {"batch_size": 1},
    "lbfgs": {"optimizer": "lbfgs", "epochs": 3, "batch_size": "auto", "learning_rate": "auto"},
}


def parameters(net):
    names = (*PARTS, "alphas")
    arrays = [array for name in names for array in getattr(net, name) if array is not None]
    arrays += [array for array in (net.scales, net.embeddings) if array is not None]
    return np.concatenate([array.ravel() for array in arrays])


def fit(net, X, y, **more):
    plain = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "progress": False}
    if more.get("sample_weight") is True:
        more["sample_weight"] = np.linspace(0, 2, len(X))
    return net.fit(X, y, **plain | more)


def assert_trained_alike(nets, X, y, settings):
    """Compare trained parameters; rounding grows at most tenfold per update, about ten times."""
    results = []
    for net in nets:
        history = fit(net, X, y, **SETTINGS[settings])
        results.append([history.cost, parameters(net), net.predict(X), net.evaluate(X, y)["cost"]])
        if settings == "averaged":
            results[-1].append(parameters(net.averaged()))
    for rust, numpy in zip(*results, strict=True):
        np.testing.assert_allclose(rust, numpy, rtol=1e-7, atol=1e-9)


def assert_kept(net, X, y, path, backend, has_option):
    """Files, pickles and copies hold the same network, and a copy trains on to the same bits."""
    fit(net, X, y, optimizer="adam")
    net.save(path)
    kept = [bp.Network.load(path, backend), pickle.loads(pickle.dumps(net))]
    for again in (*kept, copy.deepcopy(net)):
        np.testing.assert_array_equal(parameters(net), parameters(again))
        np.testing.assert_array_equal(net.predict(X), again.predict(X))
        assert has_option(again)
    other = copy.deepcopy(net)
    for one in (net, other):
        fit(one, X, y, optimizer="adam")
    np.testing.assert_array_equal(parameters(net), parameters(other))


def assert_resumes(new, other, word, X, y, path):
    """A stopped training resumes to the bits of a whole one; another network is refused."""
    run = {"optimizer": "adam", "epochs": 4, "checkpoint": path, "checkpoint_every": 1}
    straight = new()
    fit(straight, X, y, epochs=4, optimizer="adam")

    def stop(epoch):
        if epoch.number == 2:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(new(), X, y, **run, callbacks=stop)
    resumed = new()
    fit(resumed, X, y, **run, resume=True)
    np.testing.assert_array_equal(parameters(straight), parameters(resumed))
    with pytest.raises(ValueError, match=word):
        fit(other, X, y, **run, resume=True)


def assert_same_on_instruction_sets(program):
    """A program prints the same on two instruction sets; it can import the tests."""
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    outputs = []
    for name in ("baseline", "avx2"):
        environment = os.environ | {"PYTHONPATH": path, "BACKPROP_RS_ISA": name}
        run = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        outputs.append(run.stdout)
    assert outputs[0] == outputs[1]


def assert_slopes_of_embedding(net, X, y, width):
    """The slopes that an explanation of one sample shows are differences of its embedding."""
    from backprop_rs.explain.embedded import embedded_inputs
    from backprop_rs.explain.sample import Sample

    document = net.explain(X, y, max_neurons=width)
    _, slopes = embedded_inputs(Sample(document.quantities, document.shown, 0)).groups
    h = 1e-6
    up, down = (net.embed(X + change)[0] for change in (h, -h))
    found = [line.value for line in slopes.lines]
    np.testing.assert_allclose(found, (up - down) / (2 * h), rtol=1e-6, atol=1e-9)
