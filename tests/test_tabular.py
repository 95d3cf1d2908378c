"""Estimators for tables: out-of-fold predictions, temperature, intervals, seeds and threads."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import TabularClassifier, TabularRegressor
from backprop_rs._internal.averages import tempered
from backprop_rs.data import as_table
from backprop_rs.tabular.ensemble import fit_temperature, out_of_fold, temperature_of_mean
from backprop_rs.tabular.folds import folds_of
from backprop_rs.tabular.intervals import Residuals, Spread
from backprop_rs.tabular.members import Member
from backprop_rs.tabular.presets import PRESETS
from backprop_rs.tabular.scoring import log_loss
from backprop_rs.training.metrics import METRICS
from tables import customers

SMALL = {"epochs": 6, "hidden": (32, 32), "n_members": 2, "n_folds": 4}
SHARED = {**SMALL, "n_members": 4, "shared_folds": True}


def noisy(n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, 2 * X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * rng.normal(size=n)


def classifier(**options):
    return TabularClassifier(**{"settings": SMALL, "random_state": 0, **options})


def regressor(**options):
    return TabularRegressor(**{"settings": SMALL, "random_state": 0, **options})


@pytest.fixture(scope="module")
def left():
    return classifier().fit(customers(), "left")


# Folds, weights and the temperature.


def test_the_folds_have_equal_shares_of_each_class():
    labels = np.repeat([0, 1, 2], [100, 30, 11])
    folds = folds_of(141, 8, seed=5, repeat=0, labels=labels)
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=8)
        assert counts.max() - counts.min() <= 1


def test_out_of_fold_predictions_are_those_of_the_members():
    X, y = noisy(200)
    model = regressor(random_state=3).fit(X, y)
    target = model.model_.preprocessor.target
    for k in range(4):
        held = folds_of(200, 4, 3, repeat=0) == k
        outputs = model.model_.member_outputs(k, as_table(X[held]))
        expected = target.limited(target.unscaled(outputs))[:, 0]
        np.testing.assert_allclose(model.oof_prediction_[held], expected, rtol=1e-12)
    assert not np.isnan(model.oof_prediction_).any()


def test_out_of_fold_predictions_of_shared_folds_are_weighted_means():
    table = customers()
    model = classifier(settings=SHARED).fit(table, "left")
    members = model.model_.networks
    weights = model.model_.weights or [1 / len(members)] * len(members)
    total = np.zeros((200, 2))
    for k, (weight, rows) in enumerate(zip(weights, model._sample.held, strict=True)):
        total[rows] += weight * model.model_.member_outputs(k, as_table(table).take(rows))
    expected = total / total.sum(axis=1, keepdims=True)
    expected = tempered(expected, model.temperature_)
    np.testing.assert_allclose(model.oof_prediction_, expected, rtol=1e-5, atol=1e-12)
    assert sum(model.encoding_weights_.values()) == pytest.approx(1)


def test_an_encoding_that_is_better_gets_more_weight():
    """Only bins can tell a fast wave with few neurons."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(800, 1))
    y = np.sign(np.sin(40 * X[:, 0]))
    pair = ("plain", "bins")
    settings = {**SHARED, "hidden": (16,), "epochs": 20, "n_bins": 64, "encodings": pair}
    model = regressor(settings=settings).fit(X, y)
    assert model.encoding_weights_["bins"] > 0.7


def test_temperature_has_the_least_log_loss():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 500)
    p = rng.dirichlet([0.3] * 3, 500)
    best = fit_temperature(p, y)
    costs = {}
    for t in np.append(np.geomspace(0.2, 5, 60), best):
        q = p ** (1 / t)
        costs[t] = log_loss(q / q.sum(axis=1, keepdims=True), y)
    assert costs[best] <= min(costs.values()) + 1e-6


def members_with_noise(n, n_members, per_row, noise=1.0, seed=0):
    """Return members whose log-odds are the true ones with noise, and the labels."""
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int)
    p = 1 / (1 + np.exp(-(z + noise * rng.normal(size=(n_members, n)))))
    members = []
    for k in range(n_members):
        held = (np.arange(n) + k) % n_members < per_row
        members.append(Member("plain", k, held))
        members[-1].predictions = np.stack([1 - p[k], p[k]], axis=1)[held]
    return members, y, np.stack([1 - p.mean(axis=0), p.mean(axis=0)], axis=1)


@pytest.mark.parametrize("per_row", [2, 4])
def test_the_temperature_is_that_of_the_mean_of_all_members(per_row):
    """Single noisy members are too sure; their mean is not, and must not be made less sure."""
    members, y, mean = members_with_noise(20_000, 8, per_row)
    weights = [1 / 8] * 8
    of_several = out_of_fold(len(y), members, weights)
    found = temperature_of_mean(members, weights, of_several, y, None)
    singles = np.concatenate([member.predictions for member in members])
    labels = np.concatenate([y[member.held] for member in members])
    true, of_means, of_singles = (
        fit_temperature(p, labels_of)
        for p, labels_of in ((mean, y), (of_several, y), (singles, labels))
    )
    assert true < found < of_means < of_singles
    losses = [log_loss(tempered(mean, t), y) for t in (true, found, of_means, of_singles)]
    assert losses == sorted(losses)
    assert losses[1] - losses[0] < 0.1 * (losses[3] - losses[0])


def test_rows_with_one_prediction_each_give_no_temperature():
    assert classifier().fit(customers(), "left").temperature_ == 1
    members, y, mean = members_with_noise(500, 8, per_row=1)
    assert temperature_of_mean(members, [1 / 8] * 8, mean, y, None) == 1


# The same bits.


def test_the_bits_do_not_depend_on_threads_but_on_the_seed():
    new = customers(20, seed=1)

    def proba(**options):
        return classifier(**options).fit(customers(), "left").predict_proba(new).tobytes()

    expected = proba(n_jobs=1)
    assert expected == proba(n_jobs=2) == proba(n_jobs=-1) == proba(n_jobs=5)
    with bp.num_threads(1):
        assert expected == proba()
    assert expected != proba(random_state=1)
    assert proba(random_state=None) != proba(random_state=None)


def test_one_row_has_the_bits_that_it_has_among_others(left):
    new = as_table(customers(20, seed=1)).drop(["left"])
    every = left.predict_proba(new)
    alone = np.concatenate([left.predict_proba(new.take([k])) for k in range(20)])
    assert every.tobytes() == alone.tobytes()


def test_many_rows_and_streams_have_the_bits_of_single_rows(left, monkeypatch):
    new = as_table(customers(50, seed=1)).drop(["left"])
    expected = left.predict_proba(new)
    parts = bp.data.TableStream(lambda: (new.take(np.arange(k, k + 10)) for k in range(0, 50, 10)))
    assert left.predict_proba(parts).tobytes() == expected.tobytes()
    monkeypatch.setattr("backprop_rs.tabular.base.PART", 7)
    assert left.predict_proba(new).tobytes() == expected.tobytes()
    np.testing.assert_array_equal(left.predict(new), left.classes_[expected.argmax(axis=1)])


def test_ctrl_c_ends_the_training_and_keeps_the_last_model(left):
    X, y = noisy(4000)
    model = regressor().fit(X[:100], y[:100])
    expected = model.predict(X)
    model.set_params(settings={**SMALL, "epochs": 10_000})
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert time.monotonic() - start < 10
    np.testing.assert_array_equal(model.predict(X), expected)


def test_notebooks_show_the_estimator(left):
    assert "TabularClassifier" in left._repr_html_() and "visits" in left._repr_html_()
    assert "&#x27;fast&#x27;" in TabularClassifier("fast")._repr_html_()


def test_files_and_pickles_give_the_same_bits(left, tmp_path):
    new = customers(20, seed=1)
    expected = left.predict_proba(new)
    path = tmp_path / "left.safetensors"
    importances = left.feature_importances_
    left.save(path)
    loaded = bp.load(path)
    assert type(loaded) is TabularClassifier
    assert loaded.get_params() == left.get_params() | {"settings": {**SMALL, "hidden": [32, 32]}}
    assert loaded.predict_proba(new).tobytes() == expected.tobytes()
    assert loaded.classes_.tolist() == left.classes_.tolist()
    assert loaded.feature_names_in_.tolist() == left.feature_names_in_.tolist()
    np.testing.assert_array_equal(loaded.feature_importances_, importances)
    with pytest.raises(ValueError, match="importance must have X and y"):
        loaded.importance()
    assert loaded.importance(customers(50, seed=2), "left", n_repeats=1).mean.shape == (5,)
    loaded.save(path)
    assert bp.load(path).predict_proba(new).tobytes() == expected.tobytes()
    again = pickle.loads(pickle.dumps(left))
    assert again.predict_proba(new).tobytes() == expected.tobytes()
    np.testing.assert_array_equal(again.oof_prediction_, left.oof_prediction_)


def test_files_of_regressors_keep_intervals(tmp_path):
    X, y = noisy(300)
    model = regressor(metric="mae").fit(X, np.stack([y, -y], axis=1))
    model.save(tmp_path / "m.safetensors")
    loaded = bp.load(tmp_path / "m.safetensors")
    assert type(loaded) is TabularRegressor
    new = noisy(10, seed=1)[0]
    np.testing.assert_array_equal(loaded.predict_interval(new), model.predict_interval(new))
    assert loaded.predict_interval(new).shape == (10, 2, 2)
    assert loaded.importance(X, np.stack([y, -y], axis=1), n_repeats=1).metric == "mae"
    model.save(tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="not fitted"):
        TabularRegressor().save(tmp_path / "no.safetensors")


def test_a_file_whose_description_does_not_fit_is_refused(left, tmp_path):
    path = tmp_path / "m.safetensors"
    for key, wrong in (("class", "Other"), ("class", "TabularRegressor"), ("names", ["age"])):
        left.save(path)
        left.model_.estimator[key] = wrong
        left.model_.save(path)
        with pytest.raises(ValueError, match="settings that cannot be used"):
            bp.load(path)


# Intervals.


def test_intervals_cover_new_rows():
    X, y = noisy(3000)
    model = regressor().fit(X[:1000], y[:1000])
    for coverage in (0.5, 0.8, 0.95):
        low, high = model.predict_interval(X[1000:], coverage).T
        share = np.mean((low <= y[1000:]) & (y[1000:] <= high))
        # Four deviations of a binomial, of the residuals and of the new rows.
        bound = 4 * np.sqrt(coverage * (1 - coverage) * (1 / 1000 + 1 / 2000))
        assert coverage - bound < share < coverage + bound + 0.04
    with pytest.raises(ValueError, match="must be possible"):
        model.predict_interval(X, coverage=0.9999)
    with pytest.raises(ValueError, match="coverage must be"):
        model.predict_interval(X, coverage=1.0)


def test_intervals_are_wider_where_values_vary_more():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(6000, 1))
    y = 5 * X[:, 0] + (0.2 + 2 * X[:, 0] ** 2) * rng.normal(size=6000)
    model = regressor(settings={**SMALL, "epochs": 20}).fit(X[:2500], y[:2500])
    new, true = X[2500:], y[2500:]
    low, high = model.predict_interval(new, 0.9).T
    for part in (new[:, 0] < 0.3, new[:, 0] > 0.7):
        assert 0.84 < np.mean((low <= true)[part] & (true <= high)[part]) < 0.97
    width = high - low
    assert width[new[:, 0] > 0.8].mean() > 2.5 * width[new[:, 0] < 0.2].mean()


def test_quantiles_grow_and_are_the_ends_of_intervals():
    X, y = noisy(400)
    model = regressor().fit(X, y)
    found = model.predict_quantiles(X, [0.05, 0.5, 0.95])
    assert found.shape == (400, 3) and (np.diff(found, axis=1) > 0).all()
    np.testing.assert_array_equal(found[:, [0, 2]], model.predict_interval(X, 0.9))


def test_residuals_of_ranks_are_those_of_the_sorted_list():
    values = np.random.default_rng(0).normal(size=5000)
    ordered, residuals = np.sort(values), Residuals.of(values)
    assert len(residuals.sorted) == 1001
    for rank in (1, 2, 17, 2500, 4999, 5000):
        below, above = residuals.at(rank, upwards=False), residuals.at(rank, upwards=True)
        assert ordered[max(rank - 6, 0)] <= below <= ordered[rank - 1] <= above
        assert above <= ordered[min(rank + 4, 4999)]
    few = Residuals.of(values[:9])
    assert [few.at(k, True) for k in range(1, 10)] == np.sort(values[:9]).tolist()


def test_equal_predictions_have_one_interval():
    spread = Spread.of(np.zeros(1000), np.arange(1000.0))
    assert len(spread.groups) == 1
    spread = Spread.of(np.repeat([1.0, 2.0], 500), np.arange(1000.0))
    assert spread.edges.tolist() == [2.0]
    assert spread.quantile(np.array([1.0, 1.9, 2.0]), 0.5).tolist() == [251.0, 251.9, 752.0]


# Targets and weights.


@pytest.mark.parametrize("n", [2, 5, 20])
def test_few_rows_and_a_constant_target(n):
    X = np.arange(2.0 * n).reshape(n, 2)
    assert np.isfinite(regressor().fit(X, X[:, 0]).predict(X)).all()
    constant = regressor().fit(X, np.full(n, 7.5)).predict(X)
    np.testing.assert_array_equal(constant, np.full(n, 7.5))
    model = classifier().fit(X, np.arange(n) % 2)
    assert set(model.predict(X).tolist()) <= {0, 1}


def test_twenty_rows_with_the_default_settings():
    table = customers(20)
    model = TabularClassifier(random_state=0).fit(table, "left")
    assert len(model.model_.networks) == 8
    assert model.oof_prediction_.shape == (20, 2)


def test_many_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 3))
    y = np.floor(60 * (1 / (1 + np.exp(-X[:, 0])))).astype(int)
    model = classifier().fit(X, y)
    assert model.predict_proba(X).shape == (1500, len(np.unique(y)))
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert model.score(X, y) > 0.1


def test_classes_have_their_own_type():
    X, y = noisy(120)
    for classes in (np.array([3, 7]), np.array(["no", "yes"]), np.array([False, True])):
        model = classifier().fit(X, classes[(y > 0).astype(int)])
        assert model.classes_.tolist() == classes.tolist()
        assert model.predict(X).dtype == classes.dtype
        assert model.score(X, classes[(y > 0).astype(int)]) > 0.8


def test_several_labels():
    X, y = noisy(300)
    Y = np.stack([y > 0, X[:, 2] > 0, X[:, 3] > 1], axis=1).astype(int)
    model = classifier(settings=SHARED).fit(X, Y)
    assert model.predict(X).shape == model.predict_proba(X).shape == (300, 3)
    assert model.classes_.tolist() == [0, 1, 2]
    assert 0.6 < model.score(X, Y) <= 1
    assert model.importance(n_repeats=1).mean[0] > 0.1


def test_several_values_and_their_names():
    X, y = noisy(300)
    table = {"a": X[:, 0], "b": X[:, 1], "sum": y, "difference": -3 * y}
    model = regressor(settings={**SMALL, "epochs": 20}).fit(table, ["sum", "difference"])
    assert model.n_features_in_ == 2 and model.feature_names_in_.tolist() == ["a", "b"]
    predicted = model.predict(table)
    assert predicted.shape == (300, 2) and model.oof_prediction_.shape == (300, 2)
    np.testing.assert_allclose(predicted[:, 1], -3 * predicted[:, 0], atol=3)
    assert model.score(table, ["sum", "difference"]) > 0.7
    assert model.predict_quantiles(table).shape == (300, 3, 2)


def test_predictions_lie_in_the_range_of_the_training():
    X, y = noisy(200)
    model = regressor().fit(X, y)
    predicted = model.predict(100 * X)
    assert predicted.min() >= y.min() and predicted.max() <= y.max()


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_extreme_values(factor):
    X, y = noisy(100)
    model = regressor(settings=SHARED).fit(X, factor * y)
    expected = regressor(settings=SHARED).fit(X, y)
    np.testing.assert_allclose(model.predict(X) / factor, expected.predict(X), rtol=1e-4, atol=1e-5)
    assert np.isfinite(model.importance(n_repeats=1).mean).all()


def test_columns_in_other_units_count_alike_in_the_loss():
    X, y = noisy(200)
    both = [
        regressor(settings=SHARED).fit(X, np.stack([y, factor * X[:, 1]], axis=1))
        for factor in (1.0, 1024.0)
    ]
    assert both[0].encoding_weights_ == both[1].encoding_weights_


def test_class_weights_move_predictions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] + rng.normal(size=400) > 1.5).astype(int)
    shares = [
        classifier(class_weight=weight).fit(X, y).predict(X).mean()
        for weight in (None, "balanced", {0: 1, 1: 50})
    ]
    assert shares[0] < shares[1] < shares[2]
    with pytest.raises(ValueError, match="class_weight must name classes"):
        classifier(class_weight={2: 1}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight must be one of balanced"):
        classifier(class_weight="even").fit(X, y)
    with pytest.raises(ValueError, match="several labels"):
        classifier(class_weight="balanced").fit(X, np.stack([y, 1 - y], axis=1))


def test_rows_of_weight_0_are_as_if_left_out():
    X, y = noisy(150)
    weights = np.where(np.arange(150) % 3 == 0, 0.0, 1.0)
    kept = weights > 0
    model = regressor().fit(X, y, sample_weight=weights)
    without = regressor().fit(X[kept], y[kept], sample_weight=np.ones(100))
    np.testing.assert_array_equal(model.predict(X), without.predict(X))
    np.testing.assert_array_equal(np.isnan(model.oof_prediction_), ~kept)
    np.testing.assert_array_equal(model.oof_prediction_[kept], without.oof_prediction_)


def test_weights_count():
    X, y = noisy(300)
    weights = np.where(y > 0, 100.0, 0.01)
    plain, weighted = (
        regressor().fit(X, y, sample_weight=w).predict(X).mean() for w in (None, weights)
    )
    assert weighted > plain + 0.3


def test_validation_data_take_the_place_of_folds():
    X, y = noisy(400)
    model = regressor().fit(X[:300], y[:300], validation_data=(X[300:], y[300:]))
    assert model.oof_prediction_.shape == (100,)
    np.testing.assert_allclose(model.oof_prediction_, model.predict(X[300:]), rtol=1e-5)
    table = as_table(customers(260))
    train, held = table.take(slice(200)), table.take(slice(200, None))
    model = classifier().fit(train, "left", validation_data=held)
    expected = fit_temperature(
        tempered(model.oof_prediction_, 1 / model.temperature_),
        np.array([label == "yes" for label in held["left"].to_list()]).astype(int),
    )
    assert model.temperature_ == pytest.approx(expected, rel=1e-3)
    with pytest.raises(TypeError, match="validation_data must be"):
        regressor().fit(X, y, validation_data=X)
    with pytest.raises(ValueError, match="validation_data must have the columns of X"):
        regressor().fit(X, y, validation_data=(X[:, :2], y))


def test_the_metric_chooses_the_epoch():
    X, y = noisy(300)
    by_metric = regressor(metric="mae").fit(X, y)
    for history in by_metric.model_.histories:
        assert history.best_epoch - 1 == len(history) - 1 - np.argmin(
            history.metrics["val_selection"][::-1]
        )
    with pytest.raises(ValueError, match="metric must say by higher_is_better"):
        regressor(metric=lambda y_true, y_pred: 0.0).fit(X, y)
    with pytest.raises(ValueError, match="metrics must be functions or among"):
        regressor(metric="mea").fit(X, y)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_each_metric_suits_or_has_a_sentence(name):
    """Weighted rows and labels of several forms go through each metric of the table."""
    X, y = noisy(80)
    weights = np.random.default_rng(0).uniform(0.5, 1, 80)
    targets = {
        "two": (y > 0).astype(int),
        "three": (y > 0).astype(int) + (y > 1),
        "labels": np.stack([y > 0, X[:, 1] > 0], axis=1).astype(int),
    }
    settings = {**SHARED, "epochs": 2, "hidden": (4,), "min_updates": 4}
    for kind, target in targets.items():
        model = classifier(metric=name, settings=settings)
        if kind == "labels" and name == "balanced_accuracy":
            with pytest.raises(ValueError, match="must have one class per sample"):
                model.fit(X, target, weights)
            continue
        assert np.isfinite(model.fit(X, target, weights).importance(n_repeats=1).mean).all()
    model = regressor(metric=name, settings=settings)
    if METRICS[name].needs != "values":
        with pytest.raises(ValueError, match=f"metric '{name}' must have classes as targets"):
            model.fit(X, y + 9, weights)
    else:
        assert np.isfinite(model.fit(X, y + 9, weights).importance(n_repeats=1).mean).all()


def test_early_stopping_ends_sooner():
    X, y = noisy(300)
    settings = {**SMALL, "epochs": 60, "patience": 2, "patience_factor": 1.0}
    stopped = regressor(settings=settings, early_stopping=True).fit(X, y).model_.histories
    every = regressor(settings=settings).fit(X, y).model_.histories
    assert {len(history) for history in every} == {60}
    assert min(len(history) for history in stopped) < 60


# Columns.


def test_many_levels_are_coded_by_the_target_out_of_fold():
    """Random levels say nothing, so that codes with the own target would overfit."""
    rng = np.random.default_rng(0)
    table = {"id": [f"k{k}" for k in rng.integers(0, 5000, 3000)], "x": rng.normal(size=3000)}
    y = rng.integers(0, 2, 3000)
    model = classifier().fit(table, y)
    assert log_loss(model.oof_prediction_, y) < 0.72


def test_ten_thousand_levels_that_say_something():
    rng = np.random.default_rng(0)
    effect = rng.normal(size=10_000)
    code = np.concatenate([np.arange(10_000), rng.integers(0, 10_000, 20_000)])
    y = effect[code] + 0.1 * rng.normal(size=30_000)
    table = {"code": [f"c{k}" for k in code], "x": rng.normal(size=30_000)}
    model = regressor(settings={**SMALL, "epochs": 4}).fit(table, y)
    new = rng.integers(0, 10_000, 500)
    predicted = model.predict({"code": [f"c{k}" for k in new], "x": np.zeros(500)})
    assert np.corrcoef(predicted, effect[new])[0, 1] > 0.8
    with pytest.warns(UserWarning, match="training rows do not have"):
        unknown = model.predict({"code": "never seen", "x": 0.0})
    assert abs(unknown[0]) < 1


def test_two_thousand_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2000))
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    model = classifier(settings={**SMALL, "epochs": 1, "min_updates": 4}).fit(X, y)
    assert model.n_features_in_ == 2000
    assert model.model_.networks[0].sizes[0] == 2000


def test_a_column_without_a_cell_and_constant_columns():
    X = {"a": [None] * 30, "b": [1.0] * 30}
    model = classifier().fit(X, ["no", "yes"] * 15)
    assert set(model.predict(X)) <= {"no", "yes"}
    one = {"a": [1.0] * 29 + [2.0], "b": [5.0] * 30, "c": [None] * 30}
    assert len(classifier().fit(one, ["no", "yes"] * 15).predict(one)) == 30
    late = {"b": [5.0] * 30, "a": [1.0] * 29 + [2.0]}
    assert len(classifier().fit(late, ["no", "yes"] * 15).predict(late)) == 30


def test_missing_cells_only_at_prediction():
    X, y = noisy(100)
    model = regressor().fit(X, y)
    X[:, 1] = np.nan
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("chosen", [["zip"], [1], [False, True], np.array([False, True])])
def test_categories_that_are_numbers(chosen):
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=200), "zip": rng.integers(0, 5, 200)}
    y = (table["zip"] % 2).astype(float)
    model = regressor(categorical_features=chosen).fit(table, y)
    assert model.model_.networks[0].sizes[0] == 6
    assert classifier().fit(table, y).model_.networks[0].sizes[0] == 2


def test_texts_that_look_like_numbers_are_named():
    table = {"size": ["10", "20", "30"] * 10, "x": np.arange(30.0)}
    with pytest.warns(UserWarning, match="'size' holds texts that look like numbers, such as '10'"):
        regressor().fit(table, np.arange(30.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor(categorical_features=["size"]).fit(table, np.arange(30.0))
    with pytest.raises(ValueError, match="which look like numbers with decimal commas"):
        regressor().fit({**table, "size": ["1,5", "2,5", "3,5"] * 10}, np.arange(30.0))


def test_booleans_are_values_of_a_regressor():
    X, y = noisy(60)
    model = regressor().fit(X, y > 0)
    expected = regressor().fit(X, (y > 0).astype(float))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_wrong_categories():
    X, y = noisy(30)
    for wrong in ("x", ["x9"], [4], [-1], [True, False], [None]):
        with pytest.raises((ValueError, TypeError), match="categorical_features must be"):
            regressor(categorical_features=wrong).fit(X, y)


def test_importance_finds_the_columns_that_count():
    X, y = noisy(800)
    model = regressor(settings={**SMALL, "epochs": 30}).fit(X, y)
    found = model.importance()
    assert found.names == ("x0", "x1", "x2", "x3") and found.metric == "rmse"
    assert found.order()[:2] == [0, 1]
    assert abs(found.mean[2:]).max() < 0.1 * found.mean[1]
    np.testing.assert_array_equal(model.feature_importances_, found.mean)
    new, true = noisy(400, seed=1)
    np.testing.assert_allclose(model.importance(new, true).mean[0], found.mean[0], rtol=0.2)
    assert list(found.to_dict()) == [found.names[k] for k in found.order()]
    assert str(found).splitlines()[1].startswith("x0")


def test_importance_is_the_difference_of_losses():
    """Against the definition, with a model of one network and its validation rows."""
    X, y = noisy(200)
    settings = {**SMALL, "n_members": 1, "encodings": ("plain",)}
    model = regressor(settings=settings).fit(X[:100], y[:100], validation_data=(X[100:], y[100:]))
    from backprop_rs._internal.random import SPLIT, raw

    order = np.argsort(raw(7, SPLIT, (8, 0, 0), 100), kind="stable")
    shuffled = X[100:].copy()
    shuffled[:, 0] = shuffled[order, 0]

    def rmse(X):
        return np.sqrt(np.mean((model.predict(X) - y[100:]) ** 2))

    found = model.importance(n_repeats=1, random_state=7)
    assert found.mean[0] == pytest.approx(rmse(shuffled) - rmse(X[100:]), rel=1e-5)


def test_importance_has_a_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    X, y = noisy(100)
    ax = regressor().fit(X, y).importance(n_repeats=2).plot(most=3)
    assert len(ax.patches) == 3 and ax.get_xlabel() == "increase of rmse"
    matplotlib.pyplot.close(ax.figure)


# Time.


def test_a_time_limit_is_kept():
    X, y = noisy(3000)
    start = time.monotonic()
    model = TabularRegressor(time_limit=1, random_state=0, n_jobs=1).fit(X, y)
    assert time.monotonic() - start < 6
    assert len(model.model_.networks) == 8
    assert max(len(history) for history in model.model_.histories) < 64


def test_a_million_rows(request):
    """By default a few seconds of it, with subsampled statistics and larger batches."""
    n, limit = (1_000_000, 120) if request.config.getoption("--full") else (100_000, 2)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    y = X[:, 0] + np.abs(X[:, 1])
    settings = {"max_statistics_rows": 20_000, "hidden": (32, 32)}
    model = TabularRegressor("fast", random_state=0, time_limit=limit, settings=settings)
    start = time.monotonic()
    model.fit(X, y)
    assert time.monotonic() - start < 6 * limit
    assert model.score(X[:2000], y[:2000]) > 0.9


def test_large_tables_have_larger_batches_and_fewer_epochs():
    preset = PRESETS["default"]["values"]
    assert [preset.batch_size(n) for n in (2, 500, 2000, 50_000, 10**6)] == [2, 32, 128, 256, 2048]
    assert preset.batch_size(10**8) == 4096
    assert preset.n_epochs(5000) == 64
    assert preset.n_epochs(10) == 200
    assert preset.n_epochs(10**6) == 20
    assert preset.n_epochs(10**9) == 1


def test_progress_is_shown(capfd):
    X, y = noisy(60)
    regressor(progress=True).fit(X, y)
    assert "networks" in capfd.readouterr().err
    regressor().fit(X, y)
    assert not capfd.readouterr().err


# Data and parameters that do not fit.

X20, Y20 = np.arange(40.0).reshape(20, 2), np.arange(20.0)
MISTAKES = [
    (lambda: regressor(warm_start=True).fit(X20, Y20), "warm_start must be False"),
    (lambda: regressor(preset="quick").fit(X20, Y20), "preset must be one of fast, default, best"),
    (lambda: regressor(time_limit=0).fit(X20, Y20), "time_limit must be a finite number > 0"),
    (lambda: regressor(n_jobs=0).fit(X20, Y20), "n_jobs must be an integer >= 1"),
    (lambda: regressor(settings={"epoch": 3}).fit(X20, Y20), "settings must be among"),
    (lambda: regressor(random_state=-1).fit(X20, Y20), "random_state must be an integer"),
    (lambda: regressor().fit(X20, np.append(Y20[1:], np.nan)), "1 of 20 are missing: leave these"),
    (lambda: classifier().fit(X20, ["a"] * 19 + [None]), "1 of 20 are missing: leave these rows"),
    (lambda: classifier().fit(X20, Y20 / 3), "Unknown label type: continuous"),
    (lambda: classifier().fit(X20, np.ones(20)), "must have at least 2 classes; all 20 rows are"),
    (lambda: regressor().fit(X20, ["a", "b"] * 10), "TabularClassifier predicts classes"),
    (lambda: regressor().fit(X20, Y20[:9]), r"y must have as many rows as X \(20\); got 9"),
    (lambda: regressor().fit({"a": Y20}, "b"), "y must name a column of X or be its values"),
    (lambda: regressor().fit({"a": Y20}, "a"), "X must have columns besides the target"),
    (lambda: regressor().fit(X20, "a"), "y must be the values of the target if X has no names"),
    (lambda: regressor().fit(X20[:1], Y20[:1]), "X must have at least 2 samples"),
    (lambda: regressor().fit(X20, Y20, np.zeros(20)), "above zero for at least 2 rows; got 0 of"),
    (lambda: regressor().fit(X20 / 0.0, Y20), "a number must be finite; got inf"),
    (lambda: regressor().fit(X20, Y20).predict(X20[:, :1]), "X has 1 features, but TabularRegr"),
    (lambda: regressor().fit(X20, Y20).predict(X20[:0]), "X must have at least one row"),
    (lambda: TabularRegressor().predict(X20), "fit must come first"),
    (lambda: TabularClassifier().predict_proba(X20), "fit must come first"),
]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize(("call", "sentence"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_mistakes_have_one_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


def test_wrong_keywords_have_a_hint():
    with pytest.raises(TypeError, match="unexpected keyword argument 'lr'"):
        TabularClassifier(lr=1)


def test_columns_are_found_by_their_names(left):
    new = customers(20, seed=1)
    expected = left.predict_proba(new)
    backwards = dict(reversed(list(new.items())))
    assert left.predict_proba(backwards).tobytes() == expected.tobytes()
    del backwards["left"]
    assert left.predict_proba(backwards).tobytes() == expected.tobytes()
    del backwards["age"]
    with pytest.raises(ValueError, match="it lacks 'age'"):
        left.predict(backwards)


def test_arrays_and_names():
    X, y = noisy(60)
    table, other = (dict(zip(names, X.T, strict=True)) for names in ("abcd", "dcba"))
    model = regressor().fit(table, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        by_position = model.predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict(table), by_position)
    again = model.fit(X, y)
    assert not hasattr(again, "feature_names_in_")
    with pytest.warns(UserWarning, match="fitted without feature names"):
        np.testing.assert_array_equal(again.predict(other), by_position)


def test_frames_files_and_series(tmp_path):
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    table = customers(120)
    frame = pandas.DataFrame(table)
    new = frame.iloc[:20]
    expected = classifier().fit(frame, "left").predict_proba(new)
    features = frame.drop(columns="left")
    by_values = classifier().fit(features, frame["left"])
    np.testing.assert_array_equal(by_values.predict_proba(features.iloc[:20]), expected)
    assert by_values.score(features, frame["left"]) == by_values.score(frame, "left")
    of_polars = classifier().fit(polars.DataFrame(table), "left")
    np.testing.assert_array_equal(of_polars.predict_proba(polars.DataFrame(table)[:20]), expected)
    numbered = frame.rename(columns={name: k for k, name in enumerate(frame.columns)})
    by_number = classifier().fit(numbered, 5)
    np.testing.assert_array_equal(by_number.predict_proba(numbered.iloc[:20, :5]), expected)
    frame.to_csv(tmp_path / "customers.csv", index=False)
    of_file = classifier().fit(tmp_path / "customers.csv", "left")
    np.testing.assert_array_equal(of_file.predict_proba(tmp_path / "customers.csv")[:20], expected)
    assert of_file.score(tmp_path / "customers.csv", "left") == by_values.score(frame, "left")


def test_parameters_are_set_and_shown():
    model = TabularClassifier("fast", n_jobs=2)
    assert repr(model) == "TabularClassifier(n_jobs=2, preset='fast')"
    assert model.set_params(preset="best").get_params()["preset"] == "best"
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        model.set_params(epochs=3)


def test_the_estimators_work_without_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = sys.modules["pandas"] = sys.modules["scipy"] = None
import numpy as np
import backprop_rs as bp
X = np.random.default_rng(0).normal(size=(40, 2))
small = {"epochs": 2, "hidden": (8,)}
model = bp.TabularClassifier(settings=small).fit(X, X[:, 0] > 0)
print(model.predict(X).shape, bp.TabularRegressor(settings=small).fit(X, X[:, 0]).predict(X).shape)
try:
    bp.TabularRegressor().predict(X)
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "(40,) (40,)",
        "fit must come first; this TabularRegressor is not fitted",
    ]


def test_presets_are_there_for_both_kinds():
    assert {name: sorted(kinds) for name, kinds in PRESETS.items()} == {
        name: ["classes", "values"] for name in ("fast", "default", "best")
    }
    assert [PRESETS[name]["classes"].n_networks for name in PRESETS] == [4, 8, 16]


def test_scaled_encodings_learn_factors_of_features():
    """Irrelevant columns get smaller factors than those that count."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 10))
    y = X[:, 0] * X[:, 1]
    settings = {**SMALL, "n_members": 1, "epochs": 40, "encodings": ("scaled", "scaled_bins")}
    model = regressor(settings=settings).fit(X, y)
    factors = np.abs(model.model_.networks[0].scales)
    assert factors[:2].min() > 2 * factors[2:].mean()
    assert model.model_.networks[1].sizes[0] > 100
