"""Factors of groups of parameters, and schedules of the dropout and of the decay."""

from math import cos, log2, pi, sqrt

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.groups import GROUPS, factors_of
from backprop_rs.tables.optimizer import OPTIMIZERS

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 5))
Y = RANDOM.normal(size=(24, 2))
SIZES = [5, 7, 2]
RULES = [row.name for row in OPTIMIZERS]
PLAIN = {"epochs": 3, "batch_size": 8, "learning_rate": 0.02, "progress": False, "shuffle": False}
ALL = {"weights": [0.5, 2.0], "biases": 0.1, "gains": 3.0, "shifts": [0.0, 1.0]}


def network(backend, **options):
    options = {"dtype": "float64", "seed": 1, "layer_norm": True} | options
    return bp.Network(SIZES, "tanh", "identity", backend=backend, **options)


@pytest.fixture
def threads():
    """Set the number of threads, and restore it."""
    before = bp.get_num_threads()
    yield bp.set_num_threads
    bp.set_num_threads(before)


def arrays(net):
    parts = (net.weights, net.biases, net.gains, net.shifts)
    return [array for part in parts for array in part if array is not None]


def same(one, other):
    return all((a == b).all() for a, b in zip(arrays(one), arrays(other), strict=True))


def flat_cos(t):
    return 1 if t < 0.5 else (1 + cos(2 * pi * (t - 0.5))) / 2


def coslog4(t):
    return (1 - cos(2 * pi * log2(1 + 15 * t))) / 2


@pytest.mark.parametrize("batch_size", [8, 24])
@pytest.mark.parametrize("clip_norm", [None, 1e9])
def test_adam_with_factors_and_schedules_follows_its_formulas(backend, batch_size, clip_norm):
    """p := p - lr wd p with the rate of the step before any factor, then the step of adam."""
    net = network(backend, weight_decay=0.3)
    lr_factors, decay_factors = ALL, {"weights": [1.0, 0.5], "biases": 0.25, "gains": [2.0, 0.0]}
    net.fit(
        X, Y, 4, batch_size, 0.05, optimizer="adamw(0.9, 0.95, weight_decay=0.1)", shuffle=False,
        schedule="coslog4", decay_schedule="flat_cos", lr_factors=lr_factors,
        decay_factors=decay_factors, clip_norm=clip_norm, progress=False,
    )  # fmt: skip
    twin = network("numpy", weight_decay=0.3)
    names = ("weights", "biases", "gains", "shifts")
    fields = ("weight_gradients", "bias_gradients", "gain_gradients", "shift_gradients")
    moments = {}
    steps = 24 // batch_size
    for t in range(4 * steps):
        share = t / (4 * steps)
        at = t % steps * batch_size
        trace = twin.backward(X[at : at + batch_size], Y[at : at + batch_size])
        rate = 0.05 * coslog4(share)
        for name, field in zip(names, fields, strict=True):
            after = []
            for l, (theta, g) in enumerate(  # noqa: E741 (l as in the derivation)
                zip(getattr(twin, name), getattr(trace, field), strict=True)
            ):
                if theta is None:
                    after.append(None)
                    continue
                factor = np.broadcast_to(lr_factors[name], 2)[l]
                decay = np.broadcast_to(decay_factors.get(name, 0.0), 2)[l]
                m, v = moments.get((name, l), (0.0, 0.0))
                m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
                moments[name, l] = m, v
                theta = theta - rate * 0.4 * decay * flat_cos(share) * theta
                unbiased = m / (1 - 0.9 ** (t + 1)), v / (1 - 0.95 ** (t + 1))
                after.append(theta - rate * factor * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8))
            setattr(twin, name, after)
    for one, other in zip(arrays(net), arrays(twin), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


def test_ntp_is_the_tangent_parametrization_under_adam(backend):
    """A network z = V a / sqrt(n_in) + b that learns V at the rate itself."""
    net = network(backend, layer_norm=False)
    start = net.weights, net.biases
    run = {"optimizer": "adam(epsilon=1e-30)", "lr_factors": {"weights": "ntp", "biases": 0.1}}
    net.fit(X, Y, **{**PLAIN, "batch_size": 24, "epochs": 20}, **run)
    roots = [sqrt(n) for n in SIZES[:-1]]
    V = [w * root for w, root in zip(start[0], roots, strict=True)]
    b = start[1]
    moments = [[0.0, 0.0] for _ in range(4)]
    for t in range(1, 21):
        a = np.tanh(X @ V[0].T / roots[0] + b[0])
        out = a @ V[1].T / roots[1] + b[1]
        delta = 2 * (out - Y) / len(X)
        hidden = delta @ V[1] / roots[1] * (1 - a * a)
        slopes = [hidden.T @ X / roots[0], delta.T @ a / roots[1], hidden.sum(0), delta.sum(0)]
        theta = [*V, *b]
        for i, g in enumerate(slopes):
            m, v = moments[i]
            m, v = moments[i] = [0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g]
            step = m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t))
            theta[i] = theta[i] - 0.02 * (1.0 if i < 2 else 0.1) * step
        V, b = theta[:2], theta[2:]
    for w, v, root in zip(net.weights, V, roots, strict=True):
        np.testing.assert_allclose(w, v / root, rtol=1e-9, atol=1e-12)
    for given, expected in zip(net.biases, b, strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_half_the_factor_is_half_the_rate(rule, backend):
    """The factor multiplies every step size, so for rprop also its limits."""
    one, other = network(backend), network(backend)
    half = dict.fromkeys([group.name for group in GROUPS], 0.5)
    one.fit(X, Y, **PLAIN, optimizer=rule, lr_factors=half, decay_factors={"weights": 0.5})
    text = "rprop(least=5e-7, most=25)" if rule == "rprop" else rule
    other.fit(X, Y, **{**PLAIN, "learning_rate": 0.01}, optimizer=text)
    assert same(one, other)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("frozen", [group.name for group in GROUPS])
def test_a_factor_of_zero_keeps_the_parameters(rule, frozen, backend):
    inputs = {"input_scale": True, "embedding": bp.PBLD([0], frequencies=3), "parametric": True}
    net, before = (network(backend, **inputs) for _ in range(2))
    net.fit(X, Y, **PLAIN, optimizer=rule, lr_factors={frozen: 0}, decay_factors={"weights": 0})
    for group in GROUPS:
        now, then = getattr(net, group.name), getattr(before, group.name)
        single = group.name in ("scales", "embeddings")
        pairs = [(now, then)] if single else zip(now, then, strict=True)
        stays = all(a is None or (a == b).all() for a, b in pairs)
        assert stays == (group.name == frozen)


@pytest.mark.parametrize("rule", ["sgd", "adamw"])
def test_factors_of_one_change_nothing(rule, backend):
    one, other = network(backend), network(backend)
    ones = {group.name: [1.0, 1.0] for group in GROUPS}
    one.fit(
        X, Y, **PLAIN, optimizer=rule, lr_factors=ones, decay_factors={"weights": 1, "gains": 0}
    )
    other.fit(X, Y, **PLAIN, optimizer=rule)
    assert same(one, other)


@pytest.mark.parametrize("sizes", [[3, 4, 2], [40, 70, 30]])
@pytest.mark.parametrize("batch", [1, 30, 700])
def test_the_bits_do_not_depend_on_threads_or_on_the_path_of_a_step(core, sizes, batch, threads):
    """Factors other than 1 for a group that does not exist lead around the fused steps."""
    random = np.random.default_rng(3)
    x = random.normal(size=(1500, sizes[0])).astype("float32")
    y = random.normal(size=(1500, sizes[-1])).astype("float32")
    ones = {
        "weights": [(1.0, 1.0)] * 2,
        "biases": [(1.0, 0.0)] * 2,
        "gains": [(2.0, 0.0)] * 2,
        "shifts": [(1.0, 0.0)] * 2,
        "scales": [(1.0, 0.0)] * 2,
        "embeddings": [(1.0, 0.0)] * 2,
        "alphas": [(1.0, 0.0)] * 2,
    }
    others = ones | {"biases": [(0.1, 0.5), (3.0, 0.0)]}
    results = {}
    for name, factors in (("none", None), ("ones", ones), ("others", others)):
        for n in (1, 3):
            threads(n)
            net = core.Network(sizes, ["tanh", "identity"], "squared_error", "float32")
            net.initialize("auto", 0)
            net.set_optimizer("adamw")
            run = {"batch_size": batch, "learning_rate": 0.01, "stop_epoch": 1, "stop_step": 0,
                   "budget": 1e9, "factors": factors}  # fmt: skip
            net.train(x, y, run, (0, 0, 0.0, 0.0))
            results[name, n] = b"".join(array.tobytes() for array in net.weights() + net.biases())
    assert results["none", 1] == results["ones", 1] != results["others", 1]
    assert all(bits == results[name, 1] for (name, _), bits in results.items())


def test_the_fused_steps_of_the_core_are_left(backend):
    """Batches of one sample of the derivation's network have a path of their own."""
    nets = [bp.Network([2, 3, 2], seed=0, dtype="float64", backend=backend) for _ in range(2)]
    for net, factors in zip(nets, (None, {"biases": 0.5}), strict=True):
        net.fit(X[:, :2], [[0, 1]] * 24, 1, 1, 0.5, lr_factors=factors, progress=False)
    assert not same(*nets)


# Dropout.


def test_the_dropout_of_a_step_has_the_factor_of_its_place(backend):
    """The masks are those of a network with that dropout: an epoch of one step each."""
    run = {"batch_size": 24, "learning_rate": 0.1, "progress": False}
    net = network(backend, dropout=0.4, layer_norm=False)
    net.fit(X, Y, 6, dropout_schedule="flat_cos", **run)
    twin = network(backend, layer_norm=False)
    for epoch in range(6):
        layers = [5, bp.Dense(7, dropout=0.4 * flat_cos(epoch / 6)), 2]
        step = bp.Network(layers, "tanh", "identity", backend=backend, seed=1, dtype="float64")
        step.weights, step.biases, step.epochs_trained = twin.weights, twin.biases, epoch
        step.fit(X, Y, 1, **run)
        twin = step
    for one, other in zip(net.weights, twin.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_a_factor_of_the_dropout_is_at_most_one(backend):
    nets = [network(backend, dropout=0.4) for _ in range(2)]
    for net, schedule in zip(nets, (None, "step(1, 3)"), strict=True):
        net.fit(X, Y, **PLAIN, dropout_schedule=schedule)
    assert same(*nets)


# Other ways to train.


def test_a_step_takes_factors(backend):
    net, before = network(backend), network(backend)
    trace = before.backward(X, Y)
    net.step(X, Y, 0.5, lr_factors={"weights": [0.0, 0.5], "biases": 0.25})
    assert (net.weights[0] == before.weights[0]).all()
    for given, theta, g, rate in [
        (net.weights[1], before.weights[1], trace.weight_gradients[1], 0.25),
        (net.biases[0], before.biases[0], trace.bias_gradients[0], 0.125),
        (net.gains[0], before.gains[0], trace.gain_gradients[0], 0.5),
    ]:
        np.testing.assert_allclose(given, theta - rate * g, rtol=1e-13, atol=1e-15)


OPTIONS = {"lr_factors": ALL, "decay_factors": {"biases": 1.0}, "decay_schedule": "flat_cos",
           "dropout_schedule": "cosine", "optimizer": "adamw"}  # fmt: skip


def test_many_networks_and_a_source_train_to_the_same_bits(backend):
    config = {"sizes": [5, bp.Dense(7, "tanh", dropout=0.3, layer_norm=True), 2], "seed": 1,
              "output": "identity", "backend": backend, **PLAIN, **OPTIONS}  # fmt: skip
    (trained,) = bp.train_many([config], X, Y)
    assert trained.error is None
    net = bp.Network(config["sizes"], output="identity", seed=1, backend=backend)
    net.fit(bp.data.source(X.astype("float32"), Y.astype("float32")), **PLAIN, **OPTIONS)
    assert same(net, trained.net)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lr_factors": 3}, "lr_factors must be a mapping from weights, biases, gains, shifts, "
                            "scales, embeddings, alphas to factors; got 3"),
        ({"lr_factors": {"weight": 3}}, "a key of lr_factors must be one of weights, biases, "
                                        "gains, shifts, scales, embeddings, alphas; got "
                                        "'weight' (did you mean 'weights'?)"),
        ({"lr_factors": {"weights": [1]}}, "lr_factors['weights'] must be one number or one per "
                                           "layer (2); got 1"),
        ({"lr_factors": {"weights": "nt"}}, "lr_factors['weights'] must be a finite number >= 0, "
                                            "one per layer or 'ntp'; got 'nt'"),
        ({"decay_factors": {"weights": "ntp"}}, "decay_factors['weights'] must be a finite number "
                                                ">= 0, one per layer; got 'ntp'"),
        ({"lr_factors": {"biases": -1}}, "lr_factors['biases'] must be a finite number >= 0; "
                                         "got -1"),
        ({"decay_schedule": "adaptive"}, "decay_schedule must not depend on the course of the "
                                         "training; got 'adaptive'"),
        ({"dropout_schedule": "flatcos"}, "dropout_schedule must be one of constant, "),
    ],
)  # fmt: skip
def test_mistakes_are_explained(options, sentence, backend):
    net = network(backend)
    with pytest.raises((ValueError, TypeError)) as caught:
        net.fit(X, Y, **PLAIN, **options)
    assert str(caught.value).startswith(sentence)
    if "lr_factors" in options:
        with pytest.raises((ValueError, TypeError)) as caught:
            net.step(X, Y, 0.1, **options)
        assert str(caught.value).startswith(sentence)


def test_the_core_refuses_factors_of_another_network(core):
    net = core.Network([2, 1], ["identity"], "squared_error", "float64")
    run = {"batch_size": 1, "learning_rate": 0.1, "stop_epoch": 1, "budget": 1.0,
           "factors": factors_of([2, 3, 1], {"biases": 2})}  # fmt: skip
    if core.__name__.endswith("_core"):
        with pytest.raises(ValueError, match="factors must have 1 pairs of weights; got others"):
            net.train(np.ones((1, 2)), np.ones((1, 1)), run, (0, 0, 0.0, 0.0))


def test_a_model_passes_them_on():
    columns = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "y": (X[:, 0] + 2 * X[:, 1]).tolist()}
    run = {"target": "y", "progress": False, "epochs": 8} | OPTIONS
    models = [
        bp.Model(seed=0).fit(columns, **run | {"lr_factors": factors})
        for factors in (None, {"weights": 1}, {"weights": "ntp"})
    ]
    weights = [model.networks[0].weights[0] for model in models]
    assert (weights[0] == weights[1]).all() and (weights[0] != weights[2]).any()
