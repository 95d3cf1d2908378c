"""Schedules against their closed forms, and in a training."""

from math import cos, inf, log2, pi, sqrt
from sys import float_info

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.schedule import CURVES
from backprop_rs.tables.schedule import share_of_cycle as share_of

TOTAL = 12.0
PLACES = np.linspace(0, TOTAL, 97)
FORMS = {
    "constant": lambda x: 1,
    "step": lambda x: 0.1 ** (x // 10),
    "step(2.5, 0.5)": lambda x: 0.5 ** (x // 2.5),
    "exponential": lambda x: 0.95**x,
    "exponential(0.8, per_epoch=1)": lambda x: 0.8 ** (x // 1),
    "inverse_scaling": lambda x: 1 / sqrt(1 + x),
    "inverse_scaling(2, 1)": lambda x: (1 + x // 1) ** -2,
    "polynomial": lambda x: 1 - x / 12,
    "polynomial(2, 0.1, 8)": lambda x: 0.1 + 0.9 * (1 - min(x / 8, 1)) ** 2,
    "cosine": lambda x: (1 + cos(pi * x / 12)) / 2,
    "cosine(0.2, 6, 1)": lambda x: 0.2 + 0.8 * (1 + cos(pi * min(x // 1 / 6, 1))) / 2,
    "cosine_restarts": lambda x: (1 + cos(pi * (x % 10) / 10)) / 2,
    "cosine_restarts(2, 2)": lambda x: (1 + cos(pi * share_of_restarts(x))) / 2,
    "cosine_restarts(0.3, 1.25)": lambda x: (1 + cos(pi * share_of_cycle(x / 0.3, 1.25))) / 2,
    "warmup": lambda x: min(x / 5, 1),
    "warmup(4, 0.2)": lambda x: 0.2 + 0.8 * min(x / 4, 1),
    "one_cycle": lambda x: one_cycle(x / 12, 0.3, 25, 1e4),
    "one_cycle(0.5, 10, 100, 6, 1)": lambda x: one_cycle(min(x // 1 / 6, 1), 0.5, 10, 100),
    "coslog4": lambda x: (1 - cos(2 * pi * log2(1 + 15 * x / 12))) / 2,
    "coslog4(2, 6, 1)": lambda x: (1 - cos(2 * pi * log2(1 + 3 * min(x // 1 / 6, 1)))) / 2,
    "coslog4(1e6)": lambda x: (1 - cos(2 * pi * (log2(x / 12) % 1))) / 2 if x else 0,
    "flat_cos": lambda x: 1 if x < 6 else (1 + cos(2 * pi * (x / 12 - 0.5))) / 2,
    "flat_cos(0.25, 8)": lambda x: 1 if x < 2 else (1 + cos(pi * min(x - 2, 6) / 6)) / 2,
    "reduce_on_plateau": lambda x: 1,
    "adaptive": lambda x: 1,
    "warmup(3) then cosine": lambda x: x / 3 if x < 3 else (1 + cos(pi * (x - 3) / 9)) / 2,
    "warmup(3) * exponential(0.5)": lambda x: min(x / 3, 1) * 0.5**x,
    "cosine(0, 4) then polynomial(1, 0, 2) then constant": lambda x: (
        (1 + cos(pi * x / 4)) / 2 if x < 4 else 1 - (x - 4) / 2 if x < 6 else 1
    ),
}


def share_of_restarts(x):
    """Return the share of cycles of 2, 4, 8 epochs, which begin at 0, 2, 6."""
    start, length = next((s, n) for s, n in ((6, 8), (2, 4), (0, 2)) if x >= s)
    return (x - start) / length


def share_of_cycle(x, multiplier):
    """Return the completed share of a cycle, found cycle by cycle."""
    return cycles(x, multiplier)[0]


def cycles(x, multiplier):
    """Return the share of the present cycle, and the number of cycles before it.

    x and the length of a cycle are integers over one denominator, so that both stay exact.
    """
    above, below = multiplier.as_integer_ratio()
    (x, length), number = x.as_integer_ratio(), 0
    while x >= length:
        x, length, number = (x - length) * below, length * above, number + 1
    return x / length, number


def one_cycle(done, rise, divide, final_divide):
    if done < rise:
        return 1 + (1 / divide - 1) * (1 + cos(pi * done / rise)) / 2
    least = 1 / (divide * final_divide)
    return least + (1 - least) * (1 + cos(pi * (done - rise) / (1 - rise))) / 2


def test_every_curve_has_its_form():
    assert {text.partition("(")[0] for text in FORMS if " " not in text.partition("(")[0]} >= {
        row.name for row in CURVES
    }


@pytest.mark.parametrize("text", FORMS)
def test_a_schedule_equals_its_closed_form(text, core):
    """A power is exp(exponent ln(base)): its error grows with the exponent, about 30 here."""
    factors = [core.schedule_factor(text, x, TOTAL) for x in PLACES]
    expected = [FORMS[text](x) for x in PLACES]
    np.testing.assert_allclose(factors, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("text", "x"),
    [("0.1", 0.3), ("0.1", 0.7), ("0.7, 1.5", 0.7), ("3", 3e9), ("0.1", 1e5), ("1e-300", 5.0),
     ("5e-324", 1e6), ("1e-9, 1.0000001", 0.0), ("1, 2", 2.0**40 - 1)],
)  # fmt: skip
def test_a_restart_begins_at_the_full_rate(text, x, core):
    """Also if x is a multiple of `first` up to rounding, or its bits only count whole cycles."""
    assert core.schedule_factor(f"cosine_restarts({text})", x, 9.0) == 1.0


def test_restarts_of_both_backends_have_the_same_bits(both):
    """Only the cosine depends on the platform; its argument needs + - * / only."""
    random = np.random.default_rng(0)
    for multiplier in (1.0, 1.0000001, 1.3, 2.0, 1e6):
        for x in random.uniform(0, 300, 300):
            text = f"cosine_restarts({random.uniform(1e-3, 30)!r}, {multiplier!r})"
            one, other = (core.schedule_factor(text, x, 300.0) for core in both)
            assert one == pytest.approx(other, rel=1e-15, abs=1e-15)


@pytest.mark.parametrize("multiplier", [1.0, 1.0000001, 1.1, 1.5, 2.0, 3.0, 1e300])
def test_the_share_of_a_cycle_is_exact(multiplier):
    """Except for roundings of x, counted in first cycles: multiplier^k has about k of them."""
    random = np.random.default_rng(1)
    for x in random.uniform(0, 2000, 20):
        exact, number = cycles(x, multiplier)
        apart = abs(share_of(x, multiplier) - exact)
        assert min(apart, 1 - apart) <= (16 + number) * x * float_info.epsilon
    for x in (inf, float_info.max, 1e300):
        assert 0 <= share_of(x, multiplier) <= 1


@pytest.mark.parametrize("row", CURVES, ids=lambda row: row.name)
def test_an_entry_is_reactive_or_not(row, core):
    assert core.is_reactive(row.name) == (row.name in ("reduce_on_plateau", "adaptive"))


def test_adaptive_divides_by_five_after_two_epochs_without_progress(core):
    """As in scikit-learn: progress is an improvement of the best by more than tol."""
    memory, factors = None, []
    for value in [3, 2, 2, 2, 1.99995, 1, 1, 1, 1]:
        memory = core.observe("adaptive", value, memory)
        factors.append(memory[0])
    assert np.allclose(factors, [1, 1, 1, 0.2, 0.2, 0.2, 0.2, 0.04, 0.04])


# In a training.


def network(backend):
    return bp.Network([1, 1], output="identity", init=[[[1.0]]], dtype="float64", backend=backend)


@pytest.mark.parametrize("text", [text for text in FORMS if "plateau" not in text])
def test_a_step_has_the_rate_of_its_place(text, backend):
    """A cost of (a - y)^2 with x = 0 and a - y = 1/2 has the slope 1 of the bias, if it stays."""
    net = network(backend)
    biases = [0.0]

    class Watch:
        def on_step_end(self, step):
            biases.append(float(step.net.biases[0][0]))

    # y is so far away that its distance, and so the slope, is nearly constant
    net.fit(np.zeros((4, 1)), np.full(4, -1e9), 3, 1, 1e-9, schedule=text, callbacks=Watch())
    rates = -np.diff(biases) / 2  # of 1e-9 times a slope of 2e9
    places = np.arange(12) / 4
    core = net._tables.backend
    expected = [core.schedule_factor(text, x, 3.0) for x in places]
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-9)


def test_a_second_training_starts_its_own_schedule(backend):
    net = network(backend)
    rates = [net.fit([[1]], [2], 3, 1, 0.1, schedule="cosine").learning_rate for _ in range(2)]
    assert rates[0] == rates[1] == pytest.approx([0.1, 0.075, 0.025])


def test_the_steps_of_a_second_training_begin_its_schedule_too(backend):
    net, twin = network(backend), network(backend)
    for _ in range(2):
        for rate in net.fit([[1]], [2], 3, 1, 0.1, schedule="cosine").learning_rate:
            twin.fit([[1]], [2], 1, 1, rate)
    # a sum of two numbers of order 1, six times
    assert float(net.weights[0][0, 0]) == pytest.approx(float(twin.weights[0][0, 0]), rel=1e-14)


def test_a_plateau_reduces_the_rate(backend):
    """The slope is 0 from the beginning, so that there is no progress."""
    net = network(backend)
    history = net.fit([[1]], [1], 6, 1, 0.1, schedule="reduce_on_plateau(0.5, 1)")
    assert history.learning_rate == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.025])


def test_the_validation_is_what_a_plateau_watches(backend):
    net = network(backend)
    run = {"schedule": "adaptive(patience=1)", "validation_data": ([[1]], [1e3])}
    history = net.fit([[1]], [-1], 5, 1, 0.1, **run)  # the validation becomes worse
    assert history.learning_rate == pytest.approx([0.1, 0.1, 0.02, 0.004, 0.0008])


def test_two_reactive_schedules_are_refused(core):
    with pytest.raises(ValueError, match="at most one reactive curve; got 'ad"):
        core.canonical("schedule", "adaptive * reduce_on_plateau")
