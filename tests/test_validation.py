"""Validation data, and weights of samples and classes."""

from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import SPLIT, raw
from backprop_rs.training.samples import Samples, class_weights, hold_back
from networks import classifier
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(30, 4))
LABELS = np.repeat([0, 1, 2], [15, 10, 5])
EPS = float(np.finfo(float).eps)


network = partial(classifier, dtype="float64")


def assert_same_bits(*nets):
    one, other = (net.weights + net.biases for net in nets)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


# Held back.


@pytest.mark.parametrize("seed", range(5))  # one split of all rows may happen to be right
def test_a_share_of_each_class_is_held_back(seed):
    rows = np.arange(30.0)[:, None]
    train, validation = hold_back(Samples(network("numpy"), rows, LABELS), 0.2, seed)
    assert np.bincount(validation.labels).tolist() == [3, 2, 1]
    assert sorted([*train.X[:, 0], *validation.X[:, 0]]) == list(range(30))
    assert (LABELS[train.X[:, 0].astype(int)] == train.y).all()
    assert (np.diff(train.X[:, 0]) > 0).all()  # in their original order


@pytest.mark.parametrize("n_classes", [1, 3, 400])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_the_split_is_the_first_of_each_class_in_a_random_order(n_classes, fraction):
    """The oracle goes class by class, as documented; the split itself reads each row once."""
    labels = np.random.default_rng(n_classes).integers(0, n_classes, 2000)
    rows = np.arange(2000.0)[:, None]
    net = bp.Network([1, 400], output="softmax", cost="cross_entropy", backend="numpy")
    _, validation = hold_back(Samples(net, rows, labels), fraction, seed=3)
    order = np.argsort(raw(3, SPLIT, 1, 2000), kind="stable")
    expected = []
    for one in range(n_classes):
        of_class = [row for row in order if labels[row] == one]
        expected += of_class[: round(fraction * len(of_class))]
    assert validation.X[:, 0].astype(int).tolist() == sorted(expected)


def test_only_the_seed_decides_the_split():
    values = np.arange(30.0)[:, None]
    samples = Samples(network("numpy"), values, values)
    validation = [hold_back(samples, 0.5, seed)[1].X[:, 0].tolist() for seed in (0, 0, 1)]
    assert validation[0] == validation[1] != validation[2]
    assert len(validation[0]) == 15


def test_a_fraction_equals_separate_validation_data(backend):
    """The result equals that of passing the held-out samples as validation data."""
    nets = [network(backend), network(backend)]
    first = nets[0].fit(X, LABELS, 3, 8, 0.1, validation_fraction=0.2)
    train, validation = hold_back(Samples(network("numpy"), X, LABELS), 0.2, seed=0)
    second = nets[1].fit(
        train.X, train.y, 3, 8, 0.1, validation_data=(validation.X, validation.y)
    )  # fmt: skip
    assert_same_bits(*nets)
    assert first.val_cost == second.val_cost and first.val_accuracy == second.val_accuracy


def test_samples_held_back_keep_their_weights(backend):
    weights = np.arange(30.0)
    nets = [network(backend), network(backend)]
    first = nets[0].fit(X, LABELS, 3, 8, 0.1, sample_weight=weights, validation_fraction=0.2)
    train, validation = hold_back(Samples(nets[0], X, LABELS, weights), 0.2, seed=0)
    second = nets[1].fit(
        *(train.X, train.y, 3, 8, 0.1), sample_weight=weights[np.isin(X[:, 0], train.X[:, 0])],
        validation_data=(validation.X, validation.y, weights[np.isin(X[:, 0], validation.X[:, 0])]),
    )  # fmt: skip
    assert_same_bits(*nets)
    assert first.val_cost == second.val_cost and first.val_accuracy == second.val_accuracy


def test_weights_of_validation_samples(backend):
    weights = np.arange(10.0)
    net = network(backend)
    history = net.fit(X, LABELS, 1, 8, 0.1, validation_data=(X[:10], LABELS[:10], weights))
    assert history.val_cost[0] == net.evaluate(X[:10], LABELS[:10], weights)["cost"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"validation_fraction": 1.0}, "validation_fraction must be a finite number >= 0 and < 1"),
        ({"validation_fraction": -0.1}, "validation_fraction must be a finite number >= 0 and < 1"),
        ({"validation_fraction": 0.001}, "validation_fraction must leave samples on both sides"),
        ({"validation_fraction": 0.999}, "validation_fraction must leave samples on both sides"),
        (
            {"validation_fraction": 0.5, "validation_data": (X, LABELS)},
            "give validation_fraction or validation_data, not both",
        ),
        (
            {"validation_data": X},
            r"validation_data must be a pair \(X, y\) or a source; got ndarray",
        ),
        ({"validation_data": (X[:, :2], LABELS)}, r"X must have shape \(m, 4\)"),
        ({"validation_data": (X, LABELS + 1)}, "y must hold class labels from 0 to 2; got 3"),
        ({"sample_weight": [1.0]}, r"sample_weight must have shape \(30,\); got \(1,\)"),
        (
            {"sample_weight": -np.ones(30)},
            "sample_weight must hold numbers >= 0; got -1.0 in row 0",
        ),
        ({"sample_weight": np.full(30, np.nan)}, "sample_weight must hold finite"),
        ({"class_weight": "fair"}, "class_weight must be 'balanced' or a mapping .*; got 'fair'"),
        ({"class_weight": {1: -2}}, "class_weight of class 1 must be a finite number >= 0; got -2"),
        ({"class_weight": {7: 2}}, "class_weight must name classes from 0 to 2; got 7"),
    ],
)
def test_bad_settings_are_refused(settings, sentence, backend):
    net = network(backend)
    with pytest.raises((TypeError, ValueError), match=sentence):
        net.fit(X, LABELS, 1, **settings)
    assert net.epochs_trained == 0


# Weights.


def test_a_weight_of_two_is_a_sample_twice(backend):
    """In one batch the mean is the same, except for the order of its sum."""
    times = 1 + np.arange(30) % 2
    weighted, repeated = network(backend), network(backend)
    run = {"epochs": 5, "batch_size": 60, "learning_rate": 0.1, "shuffle": False}
    costs = weighted.fit(X, LABELS, sample_weight=times, **run).cost
    rows = np.repeat(np.arange(30), times)
    others = repeated.fit(X[rows], LABELS[rows], **run).cost
    assert costs == pytest.approx(others, rel=1e3 * EPS)
    np.testing.assert_allclose(weighted.weights[0], repeated.weights[0], rtol=1e4 * EPS)


def test_a_weight_of_zero_leaves_a_sample_out(backend):
    weighted, without = network(backend), network(backend)
    run = {"epochs": 5, "batch_size": 60, "learning_rate": 0.1, "shuffle": False}
    weighted.fit(X, LABELS, sample_weight=np.r_[np.zeros(10), np.ones(20)], **run)
    without.fit(X[10:], LABELS[10:], **run)
    np.testing.assert_allclose(weighted.weights[0], without.weights[0], rtol=1e4 * EPS)


def test_weights_of_classes_are_weights_of_their_samples(backend):
    nets = [network(backend), network(backend)]
    own = 1 + np.arange(30) % 2
    of_class = np.array([0.5, 1.0, 3.0])[LABELS]
    nets[0].fit(X, LABELS, 3, 8, 0.1, sample_weight=own, class_weight={0: 0.5, 2: 3.0})
    nets[1].fit(X, LABELS, 3, 8, 0.1, sample_weight=own * of_class)
    assert_same_bits(*nets)


def test_balanced_equals_that_of_scikit_learn():
    classes = np.unique(LABELS)
    expected = compute_class_weight("balanced", classes=classes, y=LABELS)
    np.testing.assert_array_equal(class_weights("balanced", LABELS), expected[LABELS])
    np.testing.assert_allclose(
        class_weights("balanced", LABELS), compute_sample_weight("balanced", LABELS), rtol=2 * EPS
    )


def test_balanced_classes_have_equal_influence(backend):
    """With classes of 25 and 5 samples, a network of biases alone predicts one half."""
    labels = np.repeat([0, 1], [25, 5])
    net = bp.Network([1, 2], output="softmax", cost="cross_entropy", init="zeros", backend=backend)
    net.fit(np.zeros((30, 1)), labels, 300, 30, 1.0, class_weight="balanced")
    np.testing.assert_allclose(net.predict([0.0]), 0.5, atol=1e-6)
    net.fit(np.zeros((30, 1)), labels, 300, 30, 1.0)
    np.testing.assert_allclose(net.predict([0.0]), [5 / 6, 1 / 6], atol=1e-4)


def test_classes_are_also_one_hot_rows(backend):
    nets = [network(backend), network(backend)]
    nets[0].fit(X, LABELS, 3, 8, 0.1, class_weight="balanced")
    nets[1].fit(X, np.eye(3)[LABELS], 3, 8, 0.1, class_weight="balanced")
    np.testing.assert_allclose(nets[0].weights[0], nets[1].weights[0], rtol=1e4 * EPS)


def test_one_output_has_two_classes(backend):
    y = (LABELS == 1).astype(int)
    nets = [bp.Network([4, 1], cost="cross_entropy", seed=0, backend=backend) for _ in range(2)]
    nets[0].fit(X, y, 3, 8, 0.1, class_weight={1: 2.0})
    nets[1].fit(X, y, 3, 8, 0.1, sample_weight=1 + y)
    assert_same_bits(*nets)


def test_values_have_no_class_weights(backend):
    net = bp.Network([4, 1], output="identity", backend=backend)
    with pytest.raises(ValueError, match=r"^class_weight requires targets that are classes"):
        net.fit(X, X[:, 0], 1, class_weight="balanced")
