"""The learning-rate finder: its curve, its suggestion, and an unchanged network."""

import backprop_rs as bp
import matplotlib
import numpy as np
import pytest
from backprop_rs.training.lr_finder import FAR, WIDTH, rows_of_batches, smoothed, suggested

RATES = list(np.geomspace(1e-6, 10, 200))


def classes(hidden=16, seed=0, **settings):
    """Return a network for the digits, and the digits."""
    data = bp.load_digits()
    net = bp.Network([64, hidden, 10], "relu", "softmax", "cross_entropy", seed=seed, **settings)
    return net, data.X, data.y


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("seed", range(3))
def test_the_suggestion_learns_about_as_well_as_the_best_of_a_grid(optimizer, seed):
    net, X, y = classes(seed=seed)
    rate = net.find_learning_rate(X, y, optimizer=optimizer).suggestion

    def cost_after_training(rate):
        twin = classes(seed=seed)[0]
        settings = {"optimizer": optimizer, "batch_size": 32, "on_nan": "ignore"}
        twin.fit(X, y, 5, learning_rate=rate, **settings)
        return np.nan_to_num(twin.evaluate(X, y)["cost"], nan=np.inf)

    untrained = net.evaluate(X, y)["cost"]
    best = min(cost_after_training(one) for one in (1e-4, 1e-3, 1e-2, 0.1, 1.0))
    # nine tenths of the progress at the best of five decades
    assert cost_after_training(rate) <= best + 0.1 * (untrained - best)


def test_nothing_of_the_network_is_changed():
    net, X, y = classes()
    net.fit(X[:100], y[:100], 1, optimizer="adam", learning_rate=0.01)
    before = net._core.state()
    net.find_learning_rate(X, y, steps=20)
    after = net._core.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert net.epochs_trained == 1


def test_the_same_call_gives_the_same_curve_on_both_backends():
    curves = [
        classes(backend=backend, dtype="float64")[0].find_learning_rate(
            *classes()[1:], high=0.1, steps=40
        )
        for backend in ("rust", "rust", "numpy")
    ]
    assert curves[0].costs == curves[1].costs
    # 40 steps, each with sums of 64 products: their rounding grows with the steps
    assert curves[0].costs == pytest.approx(curves[2].costs, rel=40 * 64 * 2.2e-16)
    assert curves[0].suggestion == pytest.approx(curves[2].suggestion)


def test_the_curve_starts_at_the_cost_of_the_untrained_network():
    net, X, y = classes()
    search = net.find_learning_rate(X, y)
    # At a rate of 1e-6 the network learns nothing, so that the cost of a batch stays the same.
    assert search.smooth[0] == pytest.approx(net.evaluate(X, y)["cost"], rel=1e-3)
    assert np.std(search.smooth[:20]) < 0.1 * np.std(search.costs[:20])


def test_it_ends_where_the_cost_diverges():
    net = bp.Network([1, 1], output="identity", seed=0)
    X = np.linspace(-2, 2, 64)[:, None]
    search = net.find_learning_rate(X, 3 * X, high=1e6)
    assert search.rates[-1] < 1e5
    # No batch costs more than its worst sample.
    worst = max(net.evaluate([x], 3 * x)["cost"] for x in X)
    assert max(search.costs) <= FAR * worst
    # Gradient descent on 2 mean(x^2) w diverges beyond 1 / mean(x^2).
    assert search.suggestion < 1 / np.square(X).mean()


def test_the_suggestion_lies_between_the_steepest_fall_and_the_least_cost():
    x = np.log10(RATES)
    costs = 1 / (1 + np.exp(4 * (x + 2))) + np.where(x > 0, x, 0)  # steepest at 1e-2, least at 1
    assert suggested(RATES, costs) == pytest.approx(0.1, rel=0.3)


def test_noise_at_the_beginning_is_not_a_fall():
    x = np.log10(RATES)
    costs = 1 / (1 + np.exp(4 * (x + 2))) + np.where(x > 0, x, 0)
    noisy = costs.copy()
    noisy[3:6] += [0.05, -0.05, 0.05]  # steeper than the curve ever is
    assert suggested(RATES, noisy) == pytest.approx(0.1, rel=0.3)
    noisy = costs.copy()
    noisy[6] -= 0.09  # a fall of less than a tenth
    assert suggested(RATES, noisy) == pytest.approx(0.1, rel=0.3)


def test_noise_in_the_last_tenth_is_not_a_fall():
    x = np.log10(RATES)
    costs = 1 / (1 + np.exp(4 * (x + 2))) + np.where(x > 0, x, 0)
    costs[np.searchsorted(x, -0.5)] += 0.09
    assert suggested(RATES, costs) == pytest.approx(0.1, rel=0.3)


def test_the_least_rate_is_suggested_if_no_rate_helps():
    assert suggested(RATES, np.linspace(1, 2, 200)) == pytest.approx(RATES[0])
    assert suggested(RATES[:2], np.array([1.0, 0.5])) == RATES[0]


def test_smoothing_leaves_a_constant_as_it_is():
    assert smoothed([2.0] * 9) == pytest.approx(2.0)


def test_smoothing_removes_noise_from_step_to_step():
    noise = np.random.default_rng(0).normal(size=4000)
    # sum w_i^2 of the weights of a normal distribution of standard deviation s is 1 / (2 s sqrt pi)
    left = np.sqrt(1 / (2 * WIDTH * np.sqrt(np.pi)))
    assert np.std(smoothed(noise)) == pytest.approx(left, rel=0.1)


def test_the_smooth_curve_estimates_the_cost_of_all_samples_better_than_batches():
    """Each rate has the cost of one batch only, and batches are easy or hard by chance."""
    single, smooth = [], []
    for seed in range(3):
        net, X, y = classes(seed=seed)
        search = net.find_learning_rate(X, y, batch_size=8, high=0.1)
        twin, untrained = classes(seed=seed)[0], net.evaluate(X, y)["cost"]
        batches = rows_of_batches(len(X), 8, len(search.rates), net.seed)
        for i, (rate, rows) in enumerate(zip(search.rates, batches, strict=True)):
            true = twin.evaluate(X, y)["cost"]
            gain = twin.step(X[rows], y[rows], rate) - net.evaluate(X[rows], y[rows])["cost"]
            single.append(untrained + gain - true)
            smooth.append(search.smooth[i] - true)
    # About 0.27 of the noise is left, plus the bend of the curve within the width of the smoothing.
    assert np.std(smooth) < 0.5 * np.std(single)


def test_each_epoch_of_batches_has_every_row_once():
    batches, others = (rows_of_batches(10, 4, 6, seed) for seed in (1, 2))
    assert [len(rows) for rows in batches] == [4, 4, 2] * 2
    for epoch in (batches[:3], batches[3:]):
        assert sorted(np.concatenate(epoch)) == list(range(10))
    assert any(one.tolist() != other.tolist() for one, other in zip(batches, others, strict=True))
    assert any((batches[i] != batches[i + 3]).any() for i in range(3))  # another order


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"low": 0.0}, "low and high must be 0 < low < high; got 0.0 and 10.0"),
        ({"low": 2.0, "high": 1.0}, "low and high must be 0 < low < high; got 2.0 and 1.0"),
        ({"steps": 2}, "steps must be an integer >= 3; got 2"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1; got 0"),
        ({"optimizer": "adams"}, "optimizer must be one of"),
    ],
)
def test_bad_settings_are_refused(settings, sentence):
    net, X, y = classes()
    with pytest.raises(ValueError, match=sentence):
        net.find_learning_rate(X, y, **settings)


def test_the_plot_shows_the_curve_and_the_suggestion():
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    net, X, y = classes()
    search = net.find_learning_rate(X, y, steps=30)
    ax = search.plot(Figure().subplots())
    noisy, smooth, line = ax.lines
    assert list(noisy.get_ydata()) == search.costs
    assert list(smooth.get_ydata()) == search.smooth
    assert line.get_xdata()[0] == search.suggestion
    assert ax.get_xscale() == "log"
