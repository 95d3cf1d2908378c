"""The values that "auto" stands for; other values are kept."""

from inspect import signature

import backprop_rs as bp
import pytest
from backprop_rs.tables.choices import Tables
from backprop_rs.tables.optimizer import OPTIMIZERS
from backprop_rs.training.fit import UNSUPPORTED
from backprop_rs.training.options import RATES, FitOptions, checked_settings


def planned(core, n, **settings):
    return checked_settings(FitOptions(**settings), Tables(core), [2, 3, 1], n)


@pytest.mark.parametrize(
    ("n", "batch_size", "epochs"),
    [(1, 1, 1000), (32, 32, 1000), (150, 32, 200), (9999, 32, 10), (10_000, 64, 10)],
)
def test_batches_and_epochs_for_so_many_samples(core, n, batch_size, epochs):
    chosen = planned(core, n)
    assert (chosen.batch_size, chosen.epochs) == (batch_size, epochs)
    assert (chosen.optimizer, chosen.learning_rate, chosen.schedule) == ("adam", 0.003, "cosine")


def test_a_learning_rate_alone_means_gradient_descent(core):
    chosen = planned(core, 100, learning_rate=0.5)
    assert (chosen.optimizer, chosen.learning_rate, chosen.schedule) == ("sgd", 0.5, "constant")


@pytest.mark.parametrize("row", OPTIMIZERS, ids=lambda row: row.name)
def test_every_optimizer_has_a_rate(core, row):
    assert planned(core, 100, optimizer=row.name).learning_rate == RATES[row.name]


@pytest.mark.parametrize("row", OPTIMIZERS, ids=lambda row: row.name)
def test_every_optimizer_learns_with_its_defaults(row, backend):
    """Iris has three classes of equal size."""
    data = bp.data.standardize(bp.load_iris())
    net = bp.Network([4, 16, 3], "relu", "softmax", "cross_entropy", seed=0, backend=backend)
    net.fit(data.X, data.y, optimizer=row.name)
    assert net.evaluate(data.X, data.y)["accuracy"] > 0.9


def test_given_values_are_kept(core):
    settings = {"epochs": 7, "batch_size": 5, "learning_rate": 0.2}
    chosen = planned(core, 100, **settings, optimizer="adam(0.8)", schedule="step(3)")
    assert chosen.optimizer == "adam(beta1=0.8)" and chosen.schedule == "step(every=3)"
    assert (chosen.epochs, chosen.batch_size, chosen.learning_rate) == (7, 5, 0.2)


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 0.1}, {"batch_size": 7, "epochs": 2}])
def test_partial_fit_is_one_epoch_at_a_constant_rate(settings, backend):
    """The default batch size is 32."""
    data = bp.load_iris()
    nets = [bp.Network([4, 8, 3], "tanh", seed=0, backend=backend) for _ in range(2)]
    for _ in range(2):  # the memory of adam is kept
        nets[0].partial_fit(data.X, data.y, **settings)
        nets[1].fit(
            data.X, data.y, **{"epochs": 1, "batch_size": 32, "schedule": "constant"} | settings
        )
    for one, other in zip(*(net.weights + net.biases for net in nets), strict=True):
        assert one.tobytes() == other.tobytes()


def test_lbfgs_has_iterations(core):
    assert planned(core, 100, optimizer="lbfgs").epochs == 200


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": -1}, r"epochs must be an integer >= 0; got -1"),
        ({"epochs": "many"}, r"epochs must be an integer >= 0; got 'many'"),
        ({"batch_size": 0}, r"batch_size must be an integer >= 1; got 0"),
        ({"learning_rate": -0.1}, r"learning_rate must be a finite number >= 0; got -0.1"),
        ({"optimizer": "adams"}, r"optimizer must be one of sgd, .*; got 'adams' .*'adam'"),
        ({"optimizer": 3}, r"optimizer must be one of sgd, .*; got 3"),
        ({"schedule": "cosinus"}, r"schedule must be one of constant, .*; got 'cosinus'"),
    ],
)
def test_bad_settings_are_refused(core, settings, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        planned(core, 100, **settings)


def test_the_options_are_the_parameters_of_fit():
    """With the same defaults; `health` is a monitor already."""
    parameters = signature(bp.Network.fit).parameters
    expected = {name: parameter.default for name, parameter in parameters.items()}
    for name in ("self", "X", "y", "comm", "reduction"):
        del expected[name]
    options = vars(FitOptions())
    assert options == expected | {"health": None}
    assert set(UNSUPPORTED) < set(options)
