"""The health of a training: its measures, its epochs, and unchanged bits."""

import json
from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import shuffled_order
from backprop_rs.health import MEASURES, HealthRecord, measures
from backprop_rs.health.callback import SHARE
from backprop_rs.tables.activation import activation
from backprop_rs.training.monitors import Course
from backprop_rs.training.samples import samples_of
from networks import classifier

IRIS = bp.load_iris()
X = (IRIS.X - IRIS.X.mean(axis=0)) / IRIS.X.std(axis=0)


network = partial(classifier, sizes=[4, 6, 5, 3])


def fit(net, **options):
    settings = {"epochs": 6, "batch_size": 32, "learning_rate": 0.1, "progress": False} | options
    return net.fit(X, IRIS.y, **settings)


def same(one, other):
    pairs = zip(one.weights + one.biases, other.weights + other.biases, strict=True)
    return all((a == b).all() for a, b in pairs)


# The measures.


def test_measures_equal_their_definitions(backend):
    """Compute them from the final parameters, and from a copy before the last batch."""
    net = network(backend, dtype="float64")
    record = fit(net, epochs=1, health=1).health
    trace = net.backward(X, IRIS.y)
    for layer in range(3):
        delta = np.abs(trace.deltas[layer]).mean()
        w, b = trace.weight_gradients[layer], trace.bias_gradients[layer]
        norm = np.sqrt((w**2).sum() + (b**2).sum())
        # Means of 900 numbers and sums of 30 squares, each added up in two ways: eps a term.
        assert record.mean_delta[0, layer] == pytest.approx(delta, rel=1e-12)
        assert record.gradient_norm[0, layer] == pytest.approx(norm, rel=1e-12)


def test_update_ratio_is_that_of_the_last_full_batch(backend):
    """150 samples in batches of 32 are four full batches and one of 22."""
    net = network(backend, dtype="float64")
    record = fit(net, epochs=2, health=1, shuffle=False).health
    twin = network(backend, dtype="float64")
    for epoch in range(2):
        for step in range(5):
            before = twin.weights
            rows = slice(32 * step, 32 * step + 32)
            twin.step(X[rows], IRIS.y[rows], 0.1)
            if step == 3:
                ratios = [
                    np.linalg.norm(new - old) / np.linalg.norm(old)
                    for old, new in zip(before, twin.weights, strict=True)
                ]
        np.testing.assert_allclose(record.update_ratio[epoch], ratios, rtol=1e-9)


@pytest.mark.parametrize("batch_size", [32, 50, 75, 149, 150, 151, 1])
def test_every_epoch_is_measured_for_any_batch_size(batch_size):
    record = fit(network(), batch_size=batch_size, epochs=3, health=1).health
    assert record.epochs == [1, 2, 3]
    assert (record.update_ratio > 0).all()


def test_dead_and_saturated_neurons_are_counted():
    net = bp.Network([2, 4, 2, 1], ["relu", "sigmoid"], "identity", dtype="float64")
    net.weights = [[[1, 0], [0, 1], [1, 1], [-1, 0]], [[40, 0, 0, 0], [0, 0.1, 0, 0]], [[1, 1]]]
    net.biases = [[0, 0, -9, -9], [0, 0], [0]]
    inputs = np.array([[1.0, 0.5], [2.0, 1.0], [-1.0, 2.0]])
    one, two, three = measures.layers_of(
        net, bp.Trace(*net._core.backward(inputs, np.ones((3, 1))))
    )
    assert (one.dead, one.saturated) == (0.5, 0.0)
    # The first sigmoid has z = 40, 80, 0: its mean slope is a third of the steepest.
    assert (two.dead, two.saturated) == (0.0, 0.0)
    assert (three.dead, three.saturated) == (0.0, 0.0)
    net.biases = [[0, 0, -9, -9], [9, 0], [0]]
    trace = net.backward(inputs, np.ones((3, 1)))
    assert measures.layers_of(net, trace)[1].saturated == 0.5


@pytest.mark.parametrize("name", [row[0] for row in bp.reference.table("activation")])
def test_slopes_are_known_for_every_activation(name):
    """All except softmax, whose outputs depend on every z."""
    z = np.linspace(-3, 3, 13)[:, None]
    slopes = measures.slopes_of(name, z, activation(name).sigma(z))
    assert (slopes is None) == (name == "softmax")
    if slopes is not None:
        exact = measures.exact_slopes(name, z, activation(name).sigma(z))
        assert np.abs(slopes - exact).max() < 2e-3
        assert 0 < measures.steepest(name) <= 21


def test_softmax_has_no_shares_of_saturated_neurons():
    record = fit(network(), health=1).health
    assert np.isnan(record.saturated[:, -1]).all()
    assert not np.isnan(record.saturated[:, :-1]).any()


# The measured epochs, and the time.


@pytest.mark.parametrize("health", [True, 1, 4, bp.Health(rows=10), bp.Health(X, IRIS.y)])
@pytest.mark.parametrize("optimizer", ["sgd(momentum=0.9)", "adam"])
def test_the_bits_are_the_same_with_and_without(health, optimizer, backend):
    one, other = network(backend), network(backend)
    settings = {"optimizer": optimizer, "learning_rate": 0.01}
    costs = fit(one, **settings).cost
    assert fit(other, health=health, **settings).cost == costs
    assert same(one, other)


def test_every_so_many_epochs_also_in_a_second_training():
    net = network()
    assert fit(net, health=4).health.epochs == [1, 4]
    assert fit(net, health=4).health.epochs == [7, 8, 12]


def test_with_other_callbacks_and_validation():
    epochs = []
    history = fit(
        network(),
        health=2,
        callbacks=lambda epoch: epochs.append(epoch.number),
        validation_fraction=0.2,
    )
    assert epochs == [1, 2, 3, 4, 5, 6]
    assert history.health.epochs == [1, 2, 4, 6]
    assert len(history.val_cost) == 6


def test_also_as_a_callback():
    health = bp.Health(every=3)
    assert fit(network(), callbacks=[health]).health.epochs == [1, 3, 6]
    assert fit(network(), callbacks=health).health.epochs == [1, 3, 6]  # the settings are shared
    with pytest.raises(ValueError, match="health must be given once, there or in callbacks; got 2"):
        fit(network(), callbacks=[health], health=True)


def test_parallel_trainings_may_share_the_settings():
    shared = bp.Health(every=1)
    config = {"sizes": [4, 3], "epochs": 3, "health": shared, "seed": 0}
    for one in bp.train_many([config] * 4, X, IRIS.y, threads=2):
        assert one.history.health.epochs == [1, 2, 3]


@pytest.mark.parametrize("epochs", [1, 2, 7, 29, 30, 31, 50, 200])
@pytest.mark.parametrize("batch_size", [1, 4, 32, 50, 150])
def test_any_training_has_thirty_measurements(epochs, batch_size):
    steps = epochs * -(-150 // batch_size)
    looked = fit(network(), epochs=epochs, batch_size=batch_size, health=True).health.epochs
    assert len(looked) >= min(steps, 30) and looked[-1] == epochs and 1 in looked
    assert max(np.diff([0, *looked])) <= max(-(-epochs // 30), epochs / min(steps, 30)) + 1e-12
    if epochs <= 30:
        assert set(looked) >= set(range(1, epochs + 1))


@pytest.mark.parametrize("patience", [1, 2, 7, 25, 40])
def test_a_training_that_may_end_early_has_thirty_measurements(patience):
    settings = {"learning_rate": 0.0, "early_stopping": patience, "batch_size": 5}
    history = fit(network(), epochs=1000, health=True, **settings)
    assert history.stopped == "early_stopping"
    ended = 1 + patience
    assert history.health.epochs[-1] == min(ended, 30) or ended > 30
    assert len(history.health) >= 30
    assert set(history.health.epochs) >= set(range(1, min(ended, 30) + 1))


def test_measures_within_an_epoch_equal_their_definitions():
    """5 steps of 32 samples: the third measurement follows the third step."""
    net, twin = network(dtype="float64"), network(dtype="float64")
    record = fit(net, epochs=1, health=True).health
    assert record.epochs == [0.2, 0.4, 0.6, 0.8, 1]
    order = shuffled_order(150, 0, 0)
    for step in range(5):
        rows = order[32 * step : 32 * step + 32]
        before = twin.weights
        twin.step(X[rows], IRIS.y[rows], 0.1)
        deltas = twin.backward(X, IRIS.y).deltas
        expected = [np.abs(delta).mean() for delta in deltas]
        np.testing.assert_allclose(record.mean_delta[step], expected, rtol=1e-9)
        pairs = list(zip(before, twin.weights, strict=True))
        ratios = [np.linalg.norm(new - old) / np.linalg.norm(old) for old, new in pairs]
        if step < 4:  # the last batch is smaller, and the ratio is that of the one before
            np.testing.assert_allclose(record.update_ratio[step], ratios, rtol=1e-9)
    assert (record.update_ratio[4] == record.update_ratio[3]).all()


def test_a_stream_of_unknown_length_has_thirty_measurements():
    """Of a longer and longer stream every other measurement is dropped."""

    def blocks(count):
        for start in range(count):
            yield X[start % 150 : start % 150 + 1], IRIS.y[start % 150 : start % 150 + 1]

    for count in (1, 29, 40, 70, 500, 1111):
        net, probe = network(), bp.Health(X, IRIS.y)
        settings = {"epochs": 1, "batch_size": 1, "learning_rate": 0.01, "progress": False}
        record = net.fit(bp.data.source(blocks(count)), health=probe, **settings).health
        assert min(count, 30) <= len(record) <= 62
        steps = np.array(record.epochs) * count
        np.testing.assert_allclose(steps, steps.round(), atol=1e-9)
        gaps = np.diff([0, *steps.round()])
        assert gaps.min() > 0 and gaps.max() <= -(-count // 30)
        assert record.epochs[-1] == 1


def test_auto_stays_within_its_share_of_the_time(monkeypatch):
    """The clock is simulated: a measurement takes 10 ms, an epoch 2 ms."""
    from backprop_rs.health import callback

    clock = [0.0]
    monkeypatch.setattr(callback, "perf_counter", lambda: clock[0])
    health = bp.Health().new_monitor()
    net = network()
    health.begin(net, Course(samples_of(net, X, IRIS.y), 32, (0, 0), 50_000))
    measure = health.measure

    def slow(arguments):
        clock[0] += 0.010
        measure(arguments)

    monkeypatch.setattr(health, "measure", slow)
    for epoch in range(50_000):
        for step in range(5):
            if health.next_stop() == (epoch, step):
                health.look(net, (epoch, step))
        clock[0] += 0.002
        if health.next_stop() == (epoch + 1, 0):
            health.look(net, (epoch + 1, 0))
    count = len(health.record)
    assert health.record.epochs[0] == 1
    assert count * 0.010 <= SHARE * clock[0] + 0.010  # ten times the 30 that there are at least
    assert count >= 0.9 * SHARE * clock[0] / (0.010 + 4 * callback.STOPPING)


def test_of_many_samples_a_fixed_subset_is_measured():
    rows = measures.probe_rows(10**6, 256, seed=3)
    assert 250 <= len(rows) <= 256
    assert (rows == measures.probe_rows(10**6, 256, seed=3)).all()
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, measures.probe_rows(10**6, 256, seed=4))


def test_the_cost_of_a_measurement_does_not_grow_with_the_samples():
    """The rows that go through the network are counted, not timed."""
    few, many = bp.Health(every=1), bp.Health(every=1)
    big = np.tile(X, (20, 1))
    few = network().fit(X, IRIS.y, 1, 32, 0.1, health=few, progress=False).health
    many = network().fit(big, np.tile(IRIS.y, 20), 1, 32, 0.1, health=many, progress=False).health
    assert few.rows == 150
    assert many.rows <= 256


# The output.


def test_text_html_and_columns():
    record = fit(network(), health=1).health
    text, html = repr(record), record._repr_html_()
    assert text.startswith("Health(6 measurements, epoch 1 -> 6, 150 rows)")
    for label, _ in MEASURES.values():
        assert label in text
        assert label in html
    assert len(text.splitlines()) == 2 + 3
    assert html.count("<tr>") == 1 + 3
    columns = record.to_dict()
    assert {len(column) for column in columns.values()} == {6 * 3}
    assert set(columns) == {"epoch", "layer", *MEASURES}
    assert columns["layer"][:4] == [1, 2, 3, 1]
    assert json.dumps(columns)


def test_an_empty_record():
    record = HealthRecord()
    assert (len(record), repr(record)) == (0, "Health(0 measurements)")
    assert record.values("dead").shape[0] == 0
    assert record.to_dict()["epoch"] == []
    assert fit(network(), epochs=0, health=True).health.epochs == []
    assert fit(network()).health is None


def test_of_a_training_that_diverges():
    net = network(output="identity", cost="squared_error")
    history = fit(net, learning_rate=1e3, on_nan="stop", health=1, epochs=50)
    assert history.stopped == "nan"
    assert len(history.health) <= len(history)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: bp.Health(X), ValueError, "X and y must be given together"),
        (lambda: bp.Health(every=0), ValueError, "every must be an integer >= 1; got 0"),
        (lambda: bp.Health(every="often"), TypeError, "every must be an integer >= 1"),
        (lambda: bp.Health(rows=0), ValueError, "rows must be an integer >= 1"),
        (lambda: fit(network(), health="yes"), TypeError, "health must be True, a number"),
        (lambda: fit(network(), health=-1), ValueError, "every must be an integer >= 1; got -1"),
        (lambda: fit(network(), health=1).health.values("x"), ValueError, "what must be one of"),
        (lambda: fit(network(), health=1).health.deltas, AttributeError, "it has mean_delta"),
    ],
)
def test_bad_input(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_resumes_within_an_epoch(steps, tmp_path):
    """After a resume the epoch of 5 steps is measured if its last batch is still to come."""

    class Killed(Exception):
        pass

    class Kill:
        """End the training at a position, as a kill would."""

        def begin(self, net, course):
            pass

        def next_stop(self):
            return (1, steps)

        def look(self, net, at):
            raise Killed

    path = tmp_path / "checkpoint"
    settings = {"epochs": 4, "checkpoint": path, "checkpoint_every": "0.0000001s"}
    with pytest.raises(Killed):
        fit(network(), callbacks=[Kill()], **settings)
    history = fit(network(), health=1, **settings, resume=True)
    assert history.health.epochs[-2:] == [3, 4]
    whole = network()
    fit(whole, epochs=4)
    resumed = network()
    fit(resumed, health=1, **settings, resume=True)
    assert same(whole, resumed)


def test_of_samples_from_a_source():
    """The first samples are measured because a source may not fit in memory."""
    source = bp.data.source(X, IRIS.y)
    net = network()
    history = net.fit(source, epochs=3, batch_size=32, learning_rate=0.1, health=1, progress=False)
    assert (history.health.epochs, history.health.rows) == ([1, 2, 3], 150)
    delta = np.abs(net.backward(X, IRIS.y).deltas[0]).mean()
    assert history.health.mean_delta[-1, 0] == pytest.approx(delta, rel=1e-6)


def test_of_samples_that_can_be_read_only_once():
    def blocks():
        yield X[:100], IRIS.y[:100]
        yield X[100:], IRIS.y[100:]

    def fit(health):
        settings = {"epochs": 1, "batch_size": 32, "learning_rate": 0.1, "progress": False}
        return network().fit(bp.data.source(blocks()), health=health, **settings).health

    with pytest.raises(ValueError, match="health needs a Health"):
        fit(True)
    record = fit(bp.Health(X, IRIS.y))
    assert record.epochs == [0.2, 0.4, 0.6, 0.8, 1]
    assert (record.update_ratio > 0).all()


def test_with_stops_of_other_processes():
    """Another process may choose other stops; a ratio over several steps is not recorded."""
    health = bp.Health().new_monitor()
    net = network()
    health.begin(net, Course(samples_of(net, X, IRIS.y), 32, (0, 0), 100))
    for place in ((2, 3), (2, 4), (3, 0), (6, 3), (7, 0), (8, 3), (8, 4), (9, 0)):
        if health.next_stop() <= place:
            health.look(net, place)
            health.every = 1
    assert health.record.epochs == [3, 9]


def test_a_custom_activation():
    arcsinh = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
    net = bp.Network([4, 5, 3], arcsinh, "softmax", "cross_entropy", seed=0)
    record = fit(net, epochs=2, health=1).health
    assert not np.isnan(record.saturated[:, :-1]).any()
    assert (record.mean_delta > 0).all()
    assert net.diagnose(X, IRIS.y).rules == []


def test_lbfgs_has_no_steps_to_watch():
    with pytest.raises(ValueError, match="lbfgs' does not support health"):
        network().fit(X, IRIS.y, optimizer="lbfgs", health=True)


def test_layer_normalization(backend):
    """Slopes are those at u, the input of the activation; the gradient has gains and shifts."""
    sizes = [4, bp.Dense(6, "sigmoid", layer_norm=True), 3]
    net = bp.Network(sizes, output="softmax", cost="cross_entropy", seed=0, backend=backend)
    net.weights = [100 * net.weights[0], net.weights[1]]
    record = fit(net, epochs=1, learning_rate=0.0, health=1).health
    assert record.saturated[0, 0] == 0  # of z itself, nearly all would be
    trace = net.backward(X, IRIS.y)
    parts = (trace.weight_gradients, trace.bias_gradients, trace.gain_gradients)
    squares = sum(float(np.square(part[0], dtype=float).sum()) for part in parts)
    squares += float(np.square(trace.shift_gradients[0], dtype=float).sum())
    assert record.gradient_norm[0, 0] == pytest.approx(squares**0.5, rel=1e-5)
