"""The mathematics of a network, and its public interface."""

import copy
import io
import pickle
import warnings

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import INIT, raw, shuffled_order
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS
from backprop_rs.tables.optimizer import OPTIMIZERS

EPS = np.finfo(np.float64).eps
SIZES = [5, 8, 6, 3]
COST_AND_OUTPUT = [(cost.name, output) for cost in COSTS for output in cost.outputs]


def network(backend, cost="squared_error", output="sigmoid", dtype="float64", **settings):
    settings = {"activation": ["tanh", "relu"], "seed": 11, **settings}
    return bp.Network(SIZES, output=output, cost=cost, dtype=dtype, backend=backend, **settings)


def batch(m=20, seed=0):
    """Return samples whose targets sum to one, which suits every cost."""
    random = np.random.default_rng(seed)
    y = random.uniform(size=(m, SIZES[-1]))
    return random.normal(size=(m, SIZES[0])), y / y.sum(axis=1, keepdims=True)


def gradients(trace):
    return [*trace.weight_gradients, *trace.bias_gradients]


def parameters(net):
    return [*net.weights, *net.biases]


def assert_same_bits(left, right):
    for one, other in zip(left, right, strict=True):
        assert one.tobytes() == other.tobytes()


# Gradients.


@pytest.mark.parametrize(("cost", "output"), COST_AND_OUTPUT)
def test_batch_gradient_is_the_mean_of_single_sample_gradients(cost, output, backend):
    """All numbers are of order 1: sums of m terms in two orders differ by at most m eps each."""
    net, (X, y) = network(backend, cost, output), batch()
    whole = net.backward(X, y)
    singles = [net.backward(X[i], y[i]) for i in range(len(X))]
    means = [np.mean(parts, axis=0) for parts in zip(*map(gradients, singles), strict=True)]
    for gradient, mean in zip(gradients(whole), means, strict=True):
        np.testing.assert_allclose(gradient, mean, rtol=0, atol=2 * len(X) * EPS)
    np.testing.assert_allclose(
        whole.cost, np.mean([single.cost for single in singles]), rtol=2 * len(X) * EPS
    )


@pytest.mark.parametrize(("cost", "output"), COST_AND_OUTPUT)
def test_row_order_does_not_change_the_gradient_beyond_rounding(cost, output, backend):
    net, (X, y) = network(backend, cost, output), batch()
    order = np.random.default_rng(1).permutation(len(X))
    straight, shuffled = net.backward(X, y), net.backward(X[order], y[order])
    for left, right in zip(gradients(straight), gradients(shuffled), strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=2 * len(X) * EPS)


def test_deltas_are_per_sample(backend):
    """They are not divided by m: twice the batch, the same deltas and the same gradient."""
    net, (X, y) = network(backend), batch()
    once, twice = net.backward(X, y), net.backward(np.vstack([X, X]), np.vstack([y, y]))
    for left, right in zip(once.deltas, twice.deltas, strict=True):
        np.testing.assert_allclose(np.vstack([left, left]), right, rtol=8 * EPS, atol=EPS)
    for left, right in zip(gradients(once), gradients(twice), strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=2 * len(X) * EPS)


def test_bias_gradient_is_the_mean_delta(backend):
    trace = network(backend).backward(*batch())
    for delta, gradient in zip(trace.deltas, trace.bias_gradients, strict=True):
        np.testing.assert_allclose(gradient, delta.mean(axis=0), rtol=0, atol=20 * EPS)


def test_backward_changes_nothing(backend):
    net = network(backend)
    before = parameters(net)
    net.backward(*batch())
    assert_same_bits(before, parameters(net))


@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
def test_cost_is_the_sum_over_outputs_and_the_mean_over_samples(cost, backend):
    """No 1/2 and no 1/n_L; cross-entropy as it is defined, from a."""
    net, (X, y) = network(backend, cost), batch()
    a = net.predict(X)
    terms = (a - y) ** 2 if cost == "squared_error" else -y * np.log(a) - (1 - y) * np.log(1 - a)
    np.testing.assert_allclose(net.evaluate(X, y)["cost"], terms.sum(axis=1).mean(), rtol=1e-14)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_cross_entropy_keeps_its_digits_if_outputs_saturate(output, backend):
    """z = 0 and -800: a rounds to 0, whose log is infinite, but the cost is 800."""
    net = bp.Network(
        [1, 2], output=output, cost="cross_entropy", dtype="float64", init="zeros", backend=backend
    )
    net.weights = [[[0.0], [-800.0]]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cost = net.evaluate([[1.0]], [[0.0, 1.0]])["cost"]
    np.testing.assert_allclose(cost, 800 + (np.log(2) if output == "sigmoid" else 0), rtol=4 * EPS)
    np.testing.assert_allclose(
        net.backward([[1.0]], [[0.0, 1.0]]).deltas[-1],
        [[0.5 if output == "sigmoid" else 1.0, -1.0]],
    )


BOUNDED = [row for row in ACTIVATIONS if row.name != "exponential"]  # which overflows by definition


@pytest.mark.parametrize("row", BOUNDED, ids=lambda row: row.name)
def test_activations_of_extreme_z_are_finite(row, backend):
    net = bp.Network([1, 2], output=row.name, init=[[[1.0], [-1.0]]], backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(net.predict([[1e30], [-1e30], [1e-40]])).all()
        trace = net.backward([[1e15], [-1e15], [1e-40]], np.zeros((3, 2)))
        slopes = row.having({s.name: s.default for s in row.settings}).sigma_prime
        z, a = (part[-1].astype(float) for part in (trace.weighted_inputs, trace.activations))
        assert np.isfinite(trace.deltas[-1]).all() and np.isfinite(slopes(z, a)).all()


# Steps and epochs.


def test_step_is_gradient_descent(backend):
    net, (X, y) = network(backend), batch()
    before, trace = parameters(net), net.backward(X, y)
    assert net.step(X, y, learning_rate=0.25) == trace.cost
    for old, gradient, new in zip(before, gradients(trace), parameters(net), strict=True):
        np.testing.assert_allclose(new, old - 0.25 * gradient, rtol=2 * EPS, atol=EPS)


@pytest.mark.parametrize("optimizer", [row.name for row in OPTIMIZERS])
def test_zero_learning_rate_changes_nothing(optimizer, backend):
    """Steps of rprop begin at the learning rate, but none is shorter than `least`."""
    optimizer = "rprop(least=0)" if optimizer == "rprop" else optimizer
    net, (X, y) = network(backend), batch()
    before = parameters(net)
    history = net.fit(X, y, epochs=2, learning_rate=0, optimizer=optimizer)
    assert_same_bits(before, parameters(net))
    np.testing.assert_allclose(history.cost, net.evaluate(X, y)["cost"], rtol=40 * EPS)


@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_is_a_loop_of_steps(shuffle, backend):
    """Over the shuffled order of each epoch, with a smaller last batch; the bits are the same."""
    fitted, stepped, (X, y) = network(backend), network(backend), batch(23)
    history = fitted.fit(X, y, epochs=3, batch_size=5, learning_rate=0.3, shuffle=shuffle)
    for epoch in range(3):
        order = shuffled_order(23, seed=11, epoch=epoch) if shuffle else np.arange(23)
        cost_sum = 0.0
        for start in range(0, 23, 5):
            rows = order[start : start + 5]
            cost_sum += len(rows) * stepped.step(X[rows], y[rows], 0.3)
        assert history.cost[epoch] == cost_sum / 23
    assert_same_bits(parameters(fitted), parameters(stepped))


def test_slices_of_training_change_nothing(core):
    """A call without a time limit does at least one step, and the next call continues."""
    X, y = batch(23)
    nets = [core.Network(SIZES, ["tanh"] * 3, "squared_error", "float64") for _ in range(2)]
    run = {"batch_size": 5, "learning_rate": 0.3, "shuffle": True, "seed": 4, "stop_epoch": 2}
    for net in nets:
        net.initialize("auto", 4)
    whole, *state = nets[0].train(X, y, run | {"budget": 60.0}, (0, 0, 0.0, 0.0))
    assert state == [2, 0, whole[-1] * 23, 23.0, "done"]  # the sums of the epoch that has ended

    costs, calls, state = [], 0, (0, 0, 0.0, 0.0)
    while state[0] < 2:
        done, *state, reason = nets[1].train(X, y, run | {"budget": 0.0}, tuple(state))
        assert reason == ("done" if state[0] == 2 else "time")
        costs += done
        calls += 1
    assert 1 < calls <= 10  # the clock may be read after some steps only
    assert costs == whole
    assert_same_bits(nets[0].weights(), nets[1].weights())


def test_steps_under_dropout_leave_out_others_each_time(backend):
    def dropping():
        layers = [5, bp.Dense(40, dropout=0.5), 3]
        return bp.Network(layers, init="zeros", seed=3, dtype="float64", backend=backend)

    net, twin, (X, y) = dropping(), dropping(), batch()
    moved = []
    for _ in range(3):
        net.weights, net.biases = dropping().weights, dropping().biases
        net.step(X[:1], y[:1], 0.1)
        moved.append(net.weights[1] != 0)  # only what has passed has a gradient
        twin.weights, twin.biases = dropping().weights, dropping().biases
        twin.step(X[:1], y[:1], 0.1)
        assert_same_bits(parameters(net), parameters(twin))
        twin = copy.deepcopy(twin)
    assert all(0 < one.mean() < 1 for one in moved)
    assert (moved[0] != moved[1]).any() and (moved[1] != moved[2]).any()


@pytest.mark.parametrize("optimizer", [row.name for row in OPTIMIZERS])
def test_a_second_fit_continues(optimizer, backend):
    once, twice, (X, y) = network(backend), network(backend), batch()
    whole = once.fit(X, y, epochs=5, batch_size=6, learning_rate=0.1, optimizer=optimizer)
    first = twice.fit(X, y, epochs=2, batch_size=6, learning_rate=0.1, optimizer=optimizer)
    second = twice.fit(X, y, epochs=3, batch_size=6, learning_rate=0.1, optimizer=optimizer)
    assert_same_bits(parameters(once), parameters(twice))
    assert whole.epoch == first.epoch + second.epoch == [1, 2, 3, 4, 5]
    assert whole.cost == first.cost + second.cost
    assert twice.epochs_trained == 5


def test_adam_is_the_published_algorithm(backend):
    """Kingma & Ba 2015, Algorithm 1, with other settings than the defaults, on one batch."""
    net, (X, y) = network(backend), batch()
    theta = parameters(net)
    twin = network(backend)
    m, v = [0 * t for t in theta], [0 * t for t in theta]
    for t in range(1, 4):
        twin.weights, twin.biases = theta[:3], theta[3:]
        g = gradients(twin.backward(X, y))
        m = [0.8 * old + 0.2 * new for old, new in zip(m, g, strict=True)]
        v = [0.9 * old + 0.1 * new**2 for old, new in zip(v, g, strict=True)]
        theta = [
            one - 0.01 * (mean / (1 - 0.8**t)) / (np.sqrt(square / (1 - 0.9**t)) + 1e-4)
            for one, mean, square in zip(theta, m, v, strict=True)
        ]
    optimizer = {"name": "adam", "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4}
    net.fit(X, y, epochs=3, batch_size=20, learning_rate=0.01, optimizer=optimizer, shuffle=False)
    for expected, computed in zip(theta, parameters(net), strict=True):
        # An error of eps in g counts 1e-2 / 1e-4 = 100 times, in each of three steps.
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1000 * EPS)


def test_class_labels_are_one_hot_rows(backend):
    X, _ = batch()
    labels = np.random.default_rng(3).integers(3, size=20)
    nets = [network(backend, "cross_entropy", "softmax") for _ in range(2)]
    for net, y in zip(nets, (labels, np.eye(3)[labels]), strict=True):
        net.fit(X, y, epochs=3, batch_size=6)
    for left, right in zip(*map(parameters, nets), strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=100 * EPS)
    assert nets[0].evaluate(X, labels) == pytest.approx(nets[0].evaluate(X, np.eye(3)[labels]))


# Random numbers.


def test_streams_do_not_overlap():
    """They differ for every seed, purpose and stream, and are otherwise the same."""
    streams = [raw(*key, n=4).tobytes() for key in np.ndindex(3, 3, 3)]
    assert len(set(streams)) == 27
    assert raw(1, INIT, 2, 9)[:4].tobytes() == raw(1, INIT, 2, 4).tobytes()


def test_streams_of_this_release():
    """Philox is the same in every NumPy since 1.17; a change would change all trained networks."""
    assert raw(0, INIT, 0, 2).tolist() == [15003734204198539638, 13859618513508960101]
    assert shuffled_order(8, seed=2**64 - 1, epoch=3).tolist() == [4, 2, 6, 1, 0, 7, 3, 5]


@pytest.mark.parametrize("n", [1, 2, 3, 100])
def test_orders_are_permutations(n):
    orders = {tuple(shuffled_order(n, seed=0, epoch=epoch)) for epoch in range(20)}
    assert all(sorted(order) == list(range(n)) for order in orders)
    assert len(orders) == min(n if n < 3 else 6 if n == 3 else 20, 20)


def test_a_seed_is_drawn_and_kept(backend):
    seeds = {bp.Network([2, 2], backend=backend).seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    seed = seeds.pop()
    nets = [bp.Network([2, 2], seed=seed, backend=backend) for _ in range(2)]
    assert_same_bits(*map(parameters, nets))


# Arguments.


def test_predict_of_one_sample_and_of_a_batch(backend):
    net, (X, _) = network(backend, dtype="float32"), batch()
    X = X.astype(np.float32)
    together = net.predict(X)
    assert together.shape == (20, 3)
    assert together.dtype == np.float32
    for row, expected in zip(X, together, strict=True):
        alone = net.predict(row)
        assert alone.shape == (3,)
        np.testing.assert_allclose(alone, expected, rtol=0, atol=16 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("single", [False, True])
def test_predict_into_an_array(single, backend):
    net, (X, _) = network(backend), batch()
    X = X[0] if single else X
    out = np.full((*X.shape[:-1], 3), np.nan)
    assert net.predict(X, out) is out
    assert out.tobytes() == net.predict(X).tobytes()
    assert net.predict(X.astype(np.float32).tolist(), out=out) is out  # after a conversion, too


def test_predict_into_its_own_input(backend):
    net = bp.Network([3, 3], dtype="float64", seed=0, backend=backend)
    X = np.random.default_rng(0).normal(size=(9, 3))
    for part, out in ((X, X), (X[:-1], X[1:])):
        expected = net.predict(part.copy())
        assert net.predict(part, out) is out
        assert out.tobytes() == expected.tobytes()


def test_one_sample_is_a_batch_of_one(backend):
    net, (X, y) = network(backend), batch()
    assert [a.shape for a in net.activations(X[0])] == [(1, n) for n in SIZES]
    assert net.backward(X[0], y[0]).cost == net.backward(X[:1], y[:1]).cost
    assert net.backward(X[0], 2).cost == net.backward(X[:1], [2]).cost
    assert net.evaluate(X[0], y[0]) == net.evaluate(X[:1], y[:1])


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint64, np.float16, np.longdouble])
def test_numbers_of_every_kind_are_taken(kind, backend):
    net = network(backend)
    X = np.random.default_rng(0).integers(2, size=(4, 5))
    assert net.predict(X.astype(kind)).tobytes() == net.predict(X.astype(float)).tobytes()


def test_frames_are_taken(backend):
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    net, (X, y) = network(backend), batch()
    names = list("abcde")
    expected = net.evaluate(X, y)
    assert net.evaluate(pandas.DataFrame(X, columns=names), pandas.DataFrame(y)) == expected
    assert net.evaluate(polars.DataFrame(X, schema=names), polars.DataFrame(y)) == expected
    labels = np.arange(20) % 3
    assert net.evaluate(X, pandas.Series(labels)) == net.evaluate(X, labels)
    assert net.evaluate(X, polars.Series(labels)) == net.evaluate(X, labels)


def test_accuracy_if_targets_are_classes(backend):
    net = bp.Network([1, 2], output="identity", init=[[[1.0], [-1.0]]], backend=backend)
    X = [[1.0], [2.0], [-1.0], [-2.0]]  # classes 0, 0, 1, 1
    assert net.evaluate(X, [0, 0, 1, 0])["accuracy"] == 0.75
    assert net.evaluate(X, [[1, 0], [1, 0], [0, 1], [0, 1]])["accuracy"] == 1
    assert "accuracy" not in net.evaluate(X, [[1, 0], [1, 1], [0, 1], [0, 1]])
    assert "accuracy" not in net.evaluate(X, [[0.5, 0.5]] * 4)

    binary = bp.Network([1, 1], output="sigmoid", init=[[[1.0]]], backend=backend)
    assert binary.evaluate(X, [1, 1, 0, 1])["accuracy"] == 0.75
    assert "accuracy" not in binary.evaluate(X, [1, 0.5, 0, 1])
    line = bp.Network([1, 1], output="identity", init=[[[1.0]]], backend=backend)
    assert "accuracy" not in line.evaluate(X, [1, 1, 0, 1])


def test_weights_and_biases_are_copies(backend):
    net = network(backend)
    before = parameters(net)
    for array in parameters(net):
        array += 1
    assert_same_bits(before, parameters(net))
    for attribute in (net.sizes, net.activation):
        attribute.clear()
    assert net.sizes == SIZES
    assert net.activation == ["tanh", "relu"]


def through_joblib(net):
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(net, file)
    file.seek(0)
    return joblib.load(file)


TWINS = {
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "oldest pickle": lambda net: pickle.loads(pickle.dumps(net, 0)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "joblib": through_joblib,
}


@pytest.mark.parametrize("kind", TWINS)
def test_pickle_and_copy(kind, backend):
    net, (X, y) = network(backend), batch()
    net.fit(X, y, epochs=2)
    net.metadata["class_names"] = ["a", "b", "c"]
    twin = TWINS[kind](net)
    assert_same_bits(parameters(net), parameters(twin))
    assert (twin.epochs_trained, twin.seed, twin.backend) == (2, 11, backend)
    assert twin.metadata == net.metadata
    assert twin.metadata is not net.metadata


@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("optimizer", [row.name for row in OPTIMIZERS])
def test_a_copy_continues_to_the_same_bits(kind, optimizer, backend):
    """The optimizer state and the average are copied, and the networks stay independent."""
    net, (X, y) = network(backend), batch()
    run = {"batch_size": 6, "learning_rate": 0.1, "optimizer": optimizer, "average": 0.9}
    net.fit(X, y, epochs=2, **run)
    twin = TWINS[kind](net)
    before = parameters(net)
    twin.fit(X, y, epochs=3, **run)
    assert_same_bits(before, parameters(net))
    net.fit(X, y, epochs=3, **run)
    assert_same_bits(parameters(net), parameters(twin))
    assert_same_bits(parameters(net.averaged()), parameters(twin.averaged()))
    assert net.epochs_trained == twin.epochs_trained == 5


def test_a_copy_of_a_network_with_assigned_parameters_has_a_new_state(backend):
    net, (X, y) = network(backend), batch()
    net.fit(X, y, epochs=2, optimizer="adam")
    net.weights = net.weights
    twin = copy.deepcopy(net)
    for one in (net, twin):
        one.fit(X, y, epochs=2, optimizer="adam")
    assert_same_bits(parameters(net), parameters(twin))


# Representations.


def test_repr_and_tables(backend):
    net = network(backend)
    line = "Network(5-8-6-3, tanh -> relu -> sigmoid, squared_error, float64, 123 parameters)"
    assert repr(net) == line
    assert net.summary().splitlines() == [
        line,
        "",
        "layer  shape   activation  parameters",
        "    1  (8, 5)  tanh                48",
        "    2  (6, 8)  relu                54",
        "    3  (3, 6)  sigmoid             21",
        "total                             123",
    ]
    html = net._repr_html_()
    assert html.count("<tr>") == 5
    assert "<td>(6, 8)</td><td>relu</td><td>54</td>" in html


def test_trace_repr(backend):
    trace = network(backend).backward(*batch(4))
    assert repr(trace).splitlines()[1:] == [
        "  weighted_inputs: (4, 8), (4, 6), (4, 3)",
        "  activations: (4, 5), (4, 8), (4, 6), (4, 3)",
        "  deltas: (4, 8), (4, 6), (4, 3)",
        "  weight_gradients: (8, 5), (6, 8), (3, 6)",
        "  bias_gradients: (8,), (6,), (3,))",
    ]
