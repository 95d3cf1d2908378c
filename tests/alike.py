"""Twins on both backends, trained on the same data, for tests of the options of a network."""

import numpy as np

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
