"""A cost that is not finite: the error, and the restored last good step, bit for bit."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training import rollback
from backprop_rs.training.state import Position
from backprop_rs.training.trainer import NonFiniteCost

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3)).astype(np.float32)
Y = RANDOM.normal(size=(40, 2)).astype(np.float32)
# Gradient descent on a quadratic with too large a step grows by some factor with each update.
RUN = {"batch_size": 8, "learning_rate": 0.3}
quiet = pytest.mark.filterwarnings("ignore:.*(overflow|invalid value).*:RuntimeWarning")


def network(backend, **settings):
    options = {"seed": 0, "backend": backend} | settings
    return bp.Network([3, 5, 2], "identity", "identity", **options)


def diverged(backend, X=X, **settings):
    """Return a training that diverges, with its error."""
    net = network(backend)
    with pytest.raises(NonFiniteCost) as caught:
        net.fit(X, Y, 50, **RUN | settings)
    return net, caught.value


def after_steps(backend, n, **settings):
    """Return the parameters after some steps of the same training."""
    net = network(backend)
    done = 0

    class Stop:
        def on_step_end(self, step):
            nonlocal done
            done += 1
            if done == n:
                step.stop()

    if n:
        net.fit(X, Y, 50, callbacks=Stop(), on_nan="ignore", **RUN | settings)
    return net


def step_of(error):
    """Return the number of complete steps before the NaN, from the error message."""
    words = str(error).replace(",", "").replace(";", "").split()
    epoch, step = (int(words[words.index(name) + 1]) for name in ("epoch", "step"))
    return 5 * (epoch - 1) + step - 1


@quiet
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "sgd(momentum=0.9)"},
        {"schedule": "warmup(3)", "learning_rate": 1.0},
        {"schedule": "adaptive(patience=3)"},
        {"average": 0.9},
        {"input_noise": 0.1, "learning_rate": 1.0},
    ],
    ids=lambda settings: next(iter(settings.values()), "plain"),
)
@pytest.mark.parametrize("every", [0.0, 1e9])
def test_the_parameters_are_those_before_the_update_that_diverged(
    settings, every, backend, monkeypatch
):
    """The training keeps a copy at every slice, or only the first one."""
    monkeypatch.setattr(rollback, "EVERY", every)
    monkeypatch.setattr(rollback, "SHARE", np.inf)  # however long a copy takes
    monkeypatch.setattr("backprop_rs.training.trainer.SLICE", 0.0)
    net, error = diverged(backend, **settings)
    twin = after_steps(backend, step_of(error) - 1, **settings)
    for one, other in zip(net.weights + net.biases, twin.weights + twin.biases, strict=True):
        assert one.tobytes() == other.tobytes()
        assert np.isfinite(one).all()
    assert np.isfinite(net.evaluate(X, Y)["cost"])


@quiet
def test_a_rate_that_a_callback_has_set_is_repeated(backend):
    def faster(epoch):
        epoch.learning_rate = 0.01 if epoch.number < 4 else 5.0

    net, error = diverged(backend, learning_rate=0.02, callbacks=faster)
    assert "learning_rate is too large, which is 5" in str(error)
    nets = [network(backend), net]
    nets[0].fit(X, Y, 50, 8, 0.02, callbacks=[faster, Stopping(step_of(error) - 1)])
    assert np.array_equal(*(net.weights[0] for net in nets))


class Stopping:
    """Stop after a number of steps."""

    def __init__(self, n):
        self.left = n

    def on_step_end(self, step):
        self.left -= 1
        if not self.left:
            step.stop()


@quiet
def test_the_sentence_names_epoch_step_and_cause(backend):
    _, error = diverged(backend)
    assert isinstance(error, ValueError) and isinstance(error, FloatingPointError)
    epoch = 1 + step_of(error) // 5
    step = 1 + step_of(error) % 5
    assert str(error) == (
        f"the cost is no longer finite in epoch {epoch}, step {step}; most likely learning_rate is "
        "too large, which is 0.3"
    )
    assert error.history.stopped == "nan"
    assert len(error.history) == (step_of(error) - 1) // 5  # whole epochs


@quiet
def test_data_that_are_too_large_are_the_cause_before_any_update(backend):
    net, twin = network(backend), network(backend)
    for epoch in (1, 4):  # also after a training that went well
        with pytest.raises(NonFiniteCost) as caught:
            net.fit(np.full((40, 3), 1e30, np.float32), Y, 50, **RUN)
        assert str(caught.value) == (
            f"the cost is not finite in epoch {epoch}, step 1, before any update; most likely X, y "
            "or the parameters hold numbers that are too large for float32, so scale them"
        )
        assert net.epochs_trained == epoch - 1 and len(caught.value.history) == 0
        assert np.array_equal(net.weights[0], twin.weights[0])
        for one in (net, twin):
            one.fit(X, Y, 3, 8, 1e-3)


@quiet
def test_the_last_update_is_checked_too(backend):
    """No batch follows it."""
    _, error = diverged(backend, batch_size=40, learning_rate=1e20)
    n = 1 + int(str(error).split("epoch ")[1].split(",")[0])  # epochs of a step
    net = network(backend)
    run = {"batch_size": 40, "learning_rate": 1e38}
    with pytest.raises(NonFiniteCost, match="after epoch 1, step 1; most likely learning_rate"):
        net.fit(10 * X, 10 * Y, 1, **run)
    assert n > 1 and np.array_equal(net.weights[0], network(backend).weights[0])


@quiet
@pytest.mark.parametrize("rate", [1.0, 3e38])
def test_a_stream_that_comes_once_goes_back_to_the_last_finite_copy(rate, backend, monkeypatch):
    """Later steps cannot be repeated; the first one with the large rate diverges."""
    monkeypatch.setattr(rollback, "EVERY", 0.0)
    monkeypatch.setattr(rollback, "SHARE", np.inf)
    net = network(backend)
    known = [net.weights[0]]
    keep = type("Keep", (), {"on_step_end": lambda self, step: known.append(net.weights[0])})()
    source = bp.data.source((X[i : i + 8], Y[i : i + 8]) for i in [0, 8, 16, 24, 32] * 50)
    with pytest.raises(NonFiniteCost):
        net.fit(source, None, 1, 8, rate, shuffle=False, callbacks=keep)
    finite = [w for w in known if np.isfinite(w).all()]
    assert (len(finite) > 2) == (rate == 1.0) and np.array_equal(net.weights[0], finite[-1])


@quiet
def test_stop_returns_the_history(backend):
    net, error = diverged(backend)
    other = network(backend)
    history = other.fit(X, Y, 50, on_nan="stop", **RUN)
    assert history.stopped == "nan"
    assert history.cost == error.history.cost and np.isfinite(history.cost).all()
    assert np.array_equal(net.weights[0], other.weights[0])
    assert net.epochs_trained == len(history)


@quiet
def test_ignore_continues(backend):
    net = network(backend)
    history = net.fit(X, Y, 50, on_nan="ignore", **RUN)
    assert history.stopped == "epochs" and len(history) == 50
    assert not np.isfinite(history.cost[-1])
    assert not np.isfinite(net.weights[0]).all()


@quiet
def test_training_continues_after_it(backend):
    net, error = diverged(backend)
    net.weights, net.biases = network(backend).weights, network(backend).biases
    history = net.fit(X, Y, 3, 8, 1e-3)
    assert history.epoch[0] == len(error.history) + 1


@pytest.mark.parametrize("on_nan", ["Raise", None, 1])
def test_other_values_are_refused(on_nan, backend):
    with pytest.raises(ValueError, match=r"^on_nan must be one of raise, stop, ignore; got"):
        network(backend).fit(X, Y, 1, on_nan=on_nan)


@pytest.mark.parametrize("backend", ["rust", "numpy"])
def test_a_copy_of_large_layers_can_be_interrupted(backend):
    """A thread with over 2^20 numbers checks for interrupts; the earlier copy stays."""
    core = bp.Network([1100, 1000], backend=backend, seed=0)._core
    snapshots = rollback.Snapshots(core, steps=1)
    snapshots.take(Position(0, 0), bool, lambda: False)
    kept, snapshots.due = list(snapshots.kept), 0.0
    with bp.num_threads(1):
        assert not snapshots.take(Position(1, 0), bool, lambda: True)
    assert len(kept) == 1 and snapshots.kept == kept
    assert core.snapshot().is_finite()
