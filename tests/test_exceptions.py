"""Public exceptions, which pools of processes pass on with all of their attributes."""

from __future__ import annotations

import copy
import pickle
import pkgutil
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import exceptions

HISTORY = bp.History(epoch=[1, 2], cost=[0.5, 0.25])

EXAMPLES: dict[str, BaseException] = {
    "MaskedValues": bp.MaskedValues("X must hold no masked values"),
    "MissingCell": bp.MissingCell("line 3, column 'a'", False, "'drop' or 'mean'"),
    "NotNumbers": bp.NotNumbers("column 'a' of X must hold numbers"),
    "NonFiniteCost": bp.NonFiniteCost("the cost is no longer finite", HISTORY),
    "RankFailed": bp.RankFailed(1, "OSError", "the disk is full"),
    "RanksDiffer": bp.RanksDiffer("all ranks must train alike"),
}


def classes_of_the_package() -> dict[str, type[BaseException]]:
    for module in pkgutil.walk_packages(bp.__path__, "backprop_rs."):
        if not module.name.endswith("__main__"):
            try:
                import_module(module.name)
            except ImportError:  # an optional part
                continue
    classes: dict[str, type[BaseException]] = {}
    for name, loaded in list(sys.modules.items()):
        if name.partition(".")[0] == "backprop_rs":
            for one in vars(loaded).values():
                is_exception = isinstance(one, type) and issubclass(one, BaseException)
                if is_exception and one.__module__.partition(".")[0] == "backprop_rs":
                    classes[one.__name__] = one
    return classes


def assert_same(one: BaseException, other: BaseException) -> None:
    assert type(other) is type(one) or type(other).__mro__[1:] == type(one).__mro__[1:]
    assert str(other) == str(one)
    assert other.args == one.args
    assert vars(other) == vars(one)


def test_every_exception_of_the_package_survives_pickle_and_copy() -> None:
    for name, kind in classes_of_the_package().items():
        error = EXAMPLES[name] if name in EXAMPLES else kind("a sentence")
        error.code = 7  # type: ignore[attr-defined]  # attributes that a program adds are kept too
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert_same(error, pickle.loads(pickle.dumps(error, protocol)))
        assert_same(error, copy.copy(error))
        assert_same(error, copy.deepcopy(error))


def test_a_history_survives_pickle_and_copy() -> None:
    history = bp.History(epoch=[1], cost=[0.5], metrics={"r2": [0.25]}, stopped="epochs")
    for again in (pickle.loads(pickle.dumps(history)), copy.copy(history), copy.deepcopy(history)):
        assert again == history
        assert again.r2 == [0.25]
    with pytest.raises(AttributeError, match="a History has no 'r3'; it has epoch, cost, r2"):
        _ = history.r3


def test_every_exception_that_leaves_the_package_is_a_public_name() -> None:
    classes = classes_of_the_package()
    public = {name for name, one in classes.items() if one.__module__ == "backprop_rs.exceptions"}
    assert public == set(exceptions.__all__) == set(EXAMPLES)
    assert public <= set(bp.__all__)
    # Caught inside the package: files and formulas raise a ValueError with the same message,
    # and L-BFGS goes back to its best.
    assert set(classes) - public <= {"Refused", "ArrowMismatch", "Unreadable", "NotFinite"}


@pytest.mark.parametrize(
    "kind",
    [ValueError, OSError, KeyError, MemoryError, UnicodeDecodeError, ZeroDivisionError,
     FileNotFoundError, StopIteration, RuntimeError, Exception],
)  # fmt: skip
def test_the_failure_of_a_rank_is_caught_as_what_has_failed_there(kind: type[Exception]) -> None:
    error = exceptions.rank_failed(2, kind.__name__, "a sentence", kind.__name__)
    assert isinstance(error, bp.RankFailed)
    assert isinstance(error, kind)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, kind)
    assert_same(error, again)


def test_the_exit_of_a_rank_is_an_error_of_the_others() -> None:
    error = exceptions.rank_failed(2, "SystemExit", "3", "SystemExit")
    assert not isinstance(error, SystemExit)
    assert str(error) == "rank 2: SystemExit: 3"


# In pools of processes.


X = np.array([[1.0, 2.0], [3.0, 4.0]])
DIVERGING: dict[str, Any] = {"epochs": 900, "batch_size": 2, "learning_rate": 0.9}


def trained() -> bp.Network:
    net = bp.Network([2, 3, 1], output="identity", seed=0)
    net.fit(X, [1.0, 2.0], epochs=3, batch_size=1, learning_rate=0.01, progress=False)
    return net


def diverges(health: bool = False) -> Any:
    trained().fit(X, [1e3, 2e3], progress=False, health=health, **DIVERGING)


def masked(_: bool = False) -> Any:
    bp.Network([2, 1]).predict(np.ma.array([[1.0, 2.0]], mask=[[True, False]]))


def assert_whole(error: bp.NonFiniteCost) -> None:
    with pytest.raises(bp.NonFiniteCost) as here:
        diverges(health=True)
    assert str(error) == str(here.value)
    assert error.history.stopped == "nan"
    assert error.history.cost == here.value.history.cost


def test_a_pool_of_processes_hands_exceptions_on() -> None:
    with ProcessPoolExecutor(1) as pool:
        first, second = pool.submit(diverges, True), pool.submit(masked)
        error, other = first.exception(), second.exception()
    assert isinstance(error, bp.NonFiniteCost)
    assert_whole(error)
    assert isinstance(other, bp.MaskedValues)


def test_joblib_hands_exceptions_on() -> None:
    joblib = pytest.importorskip("joblib")
    fit = joblib.delayed(trained().fit)  # a method, because the processes cannot import this file
    with pytest.raises(bp.NonFiniteCost) as caught:
        joblib.Parallel(n_jobs=2)(
            fit(X, [1e3, 2e3], progress=False, health=True, **DIVERGING) for _ in range(2)
        )
    assert_whole(caught.value)


# In the threads of `train_many`.

CONFIG: dict[str, Any] = {"sizes": [2, 1], "seed": 0, "epochs": 2, "learning_rate": 0.1}


def test_an_exit_in_one_of_many_ends_all_and_the_call() -> None:
    def leave(_: object) -> None:
        raise SystemExit(3)

    X, y = np.zeros((4, 2)), np.zeros(4)
    endless = CONFIG | {"epochs": 10**9}
    with pytest.raises(SystemExit) as caught:
        bp.train_many([endless, CONFIG | {"callbacks": leave}], X, y, threads=2)
    assert caught.value.code == 3


def test_an_error_of_one_of_many_survives_pickle() -> None:
    X, y = np.ones((4, 2)), np.full((4, 1), 1e3)
    config = CONFIG | {"output": "identity", "epochs": 900, "learning_rate": 9.0}
    (one,) = bp.train_many([config], X, y)
    assert isinstance(one.error, bp.NonFiniteCost)
    assert_same(one.error, pickle.loads(pickle.dumps(one.error)))
