"""Many trainings at once: the bits of each are those it has alone, and errors stay separate."""

from contextlib import ExitStack

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import parallel
from backprop_rs.threads import TEAM, Team

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 4))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
COMMON = {"output": "softmax", "cost": "cross_entropy", "epochs": 4, "seed": 3}


def configs(backend):
    kinds = [
        {"sizes": [4, 8, 3], "optimizer": "adam"},
        {"sizes": [4, 300, 300, 3], "batch_size": 90},  # alone it would take several threads
        {"sizes": [4, bp.Dense(20, "relu", dropout=0.3), 3], "optimizer": "sgd(momentum=0.9)"},
        {"sizes": [4, 3], "validation_fraction": 0.2, "early_stopping": 2, "epochs": 30},
        {"sizes": [4, 8, 3], "clip_norm": 0.1, "average": 0.9, "metrics": "accuracy"},
    ]
    return [COMMON | {"backend": backend} | kind for kind in kinds]


def alone(config, X, y):
    of_fit = ("epochs", "batch_size", "optimizer", "validation_fraction", "early_stopping")
    of_fit += ("clip_norm", "average", "metrics")
    net = bp.Network(**{name: value for name, value in config.items() if name not in of_fit})
    return net, net.fit(X, y, **{name: config[name] for name in of_fit if name in config})


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_the_same_bits_as_alone(threads, backend):
    chosen = configs(backend)
    for one, config in zip(bp.train_many(chosen, X, LABELS, threads=threads), chosen, strict=True):
        net, history = alone(config, X, LABELS)
        assert one.config is config and one.error is None
        for name, value in net._core.state().items():
            assert np.array_equal(value, one.net._core.state()[name]), name
        same = {name: column for name, column in history.to_dict().items() if name != "seconds"}
        assert same.items() <= one.history.to_dict().items()
        assert one.history.stopped == history.stopped


def test_each_may_have_different_rows(backend):
    folds = [np.arange(90) % 3 != fold for fold in range(3)]
    config = COMMON | {"sizes": [4, 8, 3], "backend": backend}
    for one, rows in zip(bp.train_many([config] * 3, X, LABELS, rows=folds), folds, strict=True):
        net, _ = alone(config, X[rows], LABELS[rows])
        assert np.array_equal(one.net.weights[0], net.weights[0])


def test_rows_are_bools_integers_or_a_slice(backend):
    config = COMMON | {"sizes": [4, 8, 3], "backend": backend}
    half = [np.arange(90) < 40, range(40), np.arange(-90, -50), slice(40)]
    first, *others = bp.train_many([config] * 4, X.tolist(), LABELS.tolist(), rows=half)
    assert first.error is None
    for one in others:
        assert np.array_equal(one.net.weights[0], first.net.weights[0])


def test_frames_are_read_as_fit_reads_them(backend):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"), index=np.arange(90)[::-1])
    labels = pandas.Series(LABELS, index=np.arange(90) + 7)
    chosen = [COMMON | {"sizes": [4, 8, 3], "backend": backend}] * 2
    folds = [np.arange(90), np.arange(0, 90, 2)]
    for one, rows in zip(bp.train_many(chosen, frame, labels, rows=folds), folds, strict=True):
        net, _ = alone(chosen[0], frame.iloc[rows], labels.iloc[rows])
        assert np.array_equal(one.net.weights[0], net.weights[0])


@pytest.mark.parametrize("name", ["X", "y"])
@pytest.mark.parametrize("rows", [None, [np.arange(30)]])
def test_masked_samples_are_refused(name, rows):
    """This also holds if no chosen row is masked: the mask would be lost without a message."""
    arguments = {"X": X, "y": LABELS}
    arguments[name] = np.ma.array(arguments[name])
    arguments[name][-1] = np.ma.masked
    with pytest.raises(ValueError, match=f"{name} must hold no masked values; got one at"):
        bp.train_many([COMMON | {"sizes": [4, 3]}], rows=rows, **arguments)


def test_an_error_stays_with_its_config(backend):
    wrong = [{"sizes": [4, 0, 3]}, {"sizes": [5, 3]}, {"sizes": [4, 3], "learning_rate": -1}]
    chosen = [COMMON | {"backend": backend} | one for one in [*wrong, {"sizes": [4, 3]}]]
    results = bp.train_many(chosen, X, LABELS)
    sentences = [str(one.error) for one in results[:3]]
    assert sentences[0].startswith("sizes must be at least two positive integers")
    assert sentences[1].startswith("X must have shape (m, 5)")
    assert sentences[2].startswith("learning_rate must be a finite number >= 0")
    assert all(one.net is None and one.history is None for one in results[:3])
    assert results[3].error is None and len(results[3].history) == 4


@pytest.mark.filterwarnings("ignore:.*(overflow|invalid value).*:RuntimeWarning")
def test_a_cost_that_diverges_is_a_separate_error(backend):
    net = {"sizes": [4, 8, 3], "activation": "identity", "output": "identity", "backend": backend}
    fit = {"epochs": 50, "seed": 0, "learning_rate": 50.0}
    bad, good = bp.train_many([net | fit, net | fit | {"learning_rate": 1e-3}], X, LABELS)
    assert "most likely learning_rate is too large" in str(bad.error)
    assert good.history.stopped == "epochs"


@pytest.mark.parametrize("progress", [None, True])
def test_bars_are_only_shown_on_request(progress, monkeypatch, capsys):
    monkeypatch.setattr("backprop_rs.progress.in_terminal", lambda: True)
    asked = {} if progress is None else {"progress": progress}
    bp.train_many([COMMON | {"sizes": [4, 3]} | asked], X, LABELS)
    assert bool(capsys.readouterr().err) == bool(progress)


def test_the_threads_are_divided_among_the_networks_that_remain():
    team = Team(7, 4)
    stacks = [ExitStack() for _ in range(4)]
    members = [stack.enter_context(team.member()) for stack in stacks[:3]]
    assert [team.share(me) for me in members] == [2, 2, 2]  # one more waits
    members.append(stacks[3].enter_context(team.member()))
    assert [team.share(me) for me in members] == [2, 2, 2, 1]
    stacks[3].close()
    assert [team.share(me) for me in members[:3]] == [3, 2, 2]
    stacks[2].close()
    assert [team.share(me) for me in members[:2]] == [4, 3]
    for stack in stacks[1::-1]:
        stack.close()
    assert team.members == [] and TEAM.get() is None


@pytest.mark.parametrize(("n", "threads", "expected"), [(3, 3, {1, 2, 3}), (2, 8, {4, 8})])
def test_few_networks_use_all_threads(n, threads, expected):
    """A network that ends leaves its threads to the others."""
    pytest.importorskip("backprop_rs._core")
    counts = []
    config = COMMON | {"sizes": [4, 3]}
    count = lambda epoch: counts.append(bp.get_num_threads())  # noqa: E731
    bp.train_many([config | {"callbacks": count}] * n, X, LABELS, threads=threads)
    assert len(counts) == 4 * n and set(counts) <= expected


# Samples of their own.


def test_each_may_have_samples_of_its_own(backend):
    """Other rows and other inputs; those that several share are read once."""
    wide = np.hstack([X, X**2])
    config = COMMON | {"backend": backend}
    own = [
        {"sizes": [8, 5, 3], "X": wide},
        {"sizes": [4, 5, 3]},
        {"sizes": [4, 3], "y": LABELS % 2},
        {"sizes": [8, 5, 3], "X": wide, "dtype": "float64"},
    ]
    rows = [None, slice(50), np.arange(0, 90, 2), [3, 1, 4, 1, 5]]
    results = bp.train_many([config | one for one in own], X, LABELS, rows=rows)
    for one, result, index in zip(own, results, rows, strict=True):
        chosen = slice(None) if index is None else index
        given = {name: value for name, value in one.items() if name not in ("X", "y")}
        net, _ = alone(config | given, one.get("X", X)[chosen], one.get("y", LABELS)[chosen])
        assert result.error is None
        assert np.array_equal(result.net.weights[0], net.weights[0])


def test_no_samples_for_all_are_needed(backend):
    config = COMMON | {"sizes": [4, 3], "backend": backend, "X": X, "y": LABELS}
    one, other = bp.train_many([config, config])
    assert one.error is None and np.array_equal(one.net.weights[0], other.net.weights[0])


def test_networks_of_a_dtype_share_one_copy(monkeypatch):
    copies = []
    of_dtype = parallel.Shared.of_dtype

    def watched(self, *arguments):
        copies.append(of_dtype(self, *arguments))
        return copies[-1]

    monkeypatch.setattr(parallel.Shared, "of_dtype", watched)
    bp.train_many([COMMON | {"sizes": [4, 3]}] * 3, X, LABELS)
    assert len(copies) == 3 and len({id(copy) for copy in copies}) == 1
    assert copies[0].dtype == "float32" and X.dtype == "float64"


def test_numbers_that_a_dtype_cannot_hold_are_an_error_of_their_network():
    large = X.copy()
    large[7, 2] = 1e300
    single, double = (COMMON | {"sizes": [4, 3], "dtype": name, "learning_rate": 1e-300}
                      for name in ("float32", "float64"))  # fmt: skip
    one, other = bp.train_many([single, double], large, LABELS)
    assert str(one.error).startswith("X must hold finite float32 numbers; got 1e+300 in row 7")
    assert other.error is None or "cost" in str(other.error)


def test_no_configs_no_results():
    assert bp.train_many([], X, LABELS) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"configs": [{"size": [4, 3]}]},
            r"configs must hold arguments .*; got 'size' in number 0",
        ),
        ({"configs": [{}, 5]}, r"configs must be mappings; got int in number 1"),
        ({"configs": [{}], "rows": []}, r"rows must be one per config \(1\); got 0"),
        (
            {"configs": [{}], "y": LABELS[1:], "rows": [[0]]},
            r"y must have as many rows as X \(90\)",
        ),
        ({"configs": [{}], "X": X[0], "rows": [[0]]}, r"X must have shape \(m, n_0\) if there"),
        ({"configs": [{}], "rows": [[90]]}, r"rows of number 0 .* from -90 to 89, .*; got 90"),
        ({"configs": [{}], "rows": [[0, -91]]}, r"from -90 to 89, or 90 bools; got -91"),
        ({"configs": [{}], "rows": [[True]]}, r"or 90 bools; got 1 bools"),
        ({"configs": [{}], "rows": [[0.5]]}, r"or 90 bools; got float64 of shape \(1,\)"),
        ({"configs": [{}], "rows": [[]]}, r"or 90 bools; got float64 of shape \(0,\)"),
        ({"configs": [{}], "rows": [["a"]]}, r"rows of number 0 must hold bools"),
        ({"configs": [{}], "X": bp.data.source((X, LABELS))}, r"X must be an array in memory"),
        ({"configs": [{}], "y": None}, r"y must be given for all, or in number 0 \(counted"),
        ({"configs": [{}], "threads": -1}, r"threads must be an integer >= 1; got -1"),
        ({"configs": [{}], "threads": 0}, r"threads must be an integer >= 1; got 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        bp.train_many(**{"X": X, "y": LABELS} | arguments)
