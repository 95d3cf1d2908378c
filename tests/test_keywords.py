"""Error messages for wrong keywords and for names of other libraries."""

import inspect
from typing import Any

import backprop_rs as bp
import pytest
from backprop_rs._internal import error, keywords
from backprop_rs.tables.optimizer import OPTIMIZERS

FIT = set(inspect.signature(bp.Network.fit).parameters)
NETWORK = set(inspect.signature(bp.Network).parameters)
X, Y = [[0.0, 1.0]], [[0.0]]
GOT = "() got an unexpected keyword argument "
CALLS: list[tuple[Any, str]] = [
    (lambda net: net.fit(X, Y, lr=1), f"fit{GOT}'lr'; did you mean learning_rate?"),
    (lambda net: net.fit(X, Y, verbose=0), f"fit{GOT}'verbose'; did you mean progress?"),
    (lambda net: net.fit(X, Y, n_epochs=1), f"fit{GOT}'n_epochs'; did you mean epochs?"),
    (lambda net: net.fit(X, Y, nb_epoch=1), f"fit{GOT}'nb_epoch'; did you mean epochs?"),
    (lambda net: net.fit(X, Y, max_iter=1), f"fit{GOT}'max_iter'; did you mean epochs?"),
    (
        lambda net: net.fit(X, Y, validation_split=0.1),
        f"fit{GOT}'validation_split'; did you mean validation_fraction?",
    ),
    (lambda net: net.fit(X, Y, bach_size=1), f"fit{GOT}'bach_size'; did you mean batch_size?"),
    (lambda net: net.fit(X, Y, Shuffle=1), f"fit{GOT}'Shuffle'; did you mean shuffle?"),
    (
        lambda net: net.fit(X, Y, loss="mse"),
        f"fit{GOT}'loss'; did you mean cost, an argument of Network?",
    ),
    (lambda net: net.fit(X, Y, device="gpu"), f"fit{GOT}'device'"),
    (lambda net: net.step(X, Y, lr=1), f"step{GOT}'lr'; did you mean learning_rate?"),
    (lambda net: net.evaluate(x=X), f"evaluate{GOT}'x'; did you mean X?"),
    (lambda net: net.predict(inputs=X), f"predict{GOT}'inputs'"),
    (lambda net: bp.Network([2, 1], loss="mse"), f"Network{GOT}'loss'; did you mean cost?"),
    (
        lambda net: bp.Network([2, 1], random_state=1),
        f"Network{GOT}'random_state'; did you mean seed?",
    ),
    (
        lambda net: bp.Network([2, 1], lr=1),
        f"Network{GOT}'lr'; did you mean learning_rate, an argument of fit?",
    ),
    (lambda net: bp.Network.load(filename="x"), f"load{GOT}'filename'; did you mean path?"),
    (lambda net: net.fit(), "fit() missing 1 required positional argument: 'X'"),
    (
        lambda net: net.step(X),
        "step() missing 2 required positional arguments: 'y' and 'learning_rate'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), CALLS, ids=[sentence for _, sentence in CALLS])
def test_wrong_keywords(call: Any, sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        call(bp.Network([2, 1], seed=0))
    assert str(caught.value) == sentence
    assert caught.value.__cause__ is None


def test_configs_of_train_many_have_the_same_hint() -> None:
    with pytest.raises(TypeError, match=r"got 'lr' in number 0 .*; did you mean learning_rate"):
        bp.train_many([{"sizes": [2, 1], "lr": 1}], X, Y)


def test_no_public_method_names_a_private_class() -> None:
    net = bp.Network([2, 1], seed=0)
    for name in dir(net):
        method = getattr(bp.Network, name, None)
        if name.startswith("_") or not callable(method):
            continue
        with pytest.raises(TypeError) as caught:
            getattr(net, name)(no_such_argument=1)
        assert str(caught.value).startswith(f"{name}() got an unexpected keyword"), name


def test_errors_inside_methods_stay_unchanged() -> None:
    """This includes a TypeError of a custom function about a keyword."""

    def callback(epoch: Any) -> None:
        dict.fromkeys(lr=1)  # type: ignore[call-overload]

    net = bp.Network([2, 1], seed=0)
    with pytest.raises(TypeError, match="fromkeys"):
        net.fit(X, Y, 1, callbacks=callback, progress=False)
    with pytest.raises(TypeError, match=r"^epochs must be"):
        net.fit(X, Y, epochs=1.5)


def test_signatures_and_documentation_stay() -> None:
    assert {"learning_rate", "epochs"} <= FIT and {"sizes", "cost"} <= NETWORK
    assert bp.Network.fit.__doc__ and bp.Network.fit.__name__ == "fit"
    assert bp.Network.fit.__module__ == "backprop_rs.network"


def test_every_alias_stands_for_an_argument() -> None:
    known = FIT | NETWORK | {"path"}
    for alias, name in keywords.ALIASES.items():
        assert name in known, name
        assert alias not in known, alias


NAMES = [
    ("activation", "swish", "silu"),
    ("activation", "linear", "identity"),
    ("activation", "logistic", "sigmoid"),
    ("activation", "ReLU", "relu"),
    ("activation", "LeakyReLU", "leaky_relu"),
    ("activation", "Tanh", "tanh"),
    ("activation", "sigmod", "sigmoid"),
    ("cost", "log_loss", "cross_entropy"),
    ("cost", "categorical_crossentropy", "cross_entropy"),
    ("cost", "binary_crossentropy", "cross_entropy"),
    ("cost", "bce", "cross_entropy"),
    ("cost", "mse", "mean_squared_error"),
    ("cost", "MSELoss", "mean_squared_error"),
    ("cost", "mae", "absolute_error"),
    ("optimizer", "Adam", "adam"),
    ("optimizer", "AdamW", "adamw"),
    ("optimizer", "SGD", "sgd"),
    ("init", "xavier_uniform", "glorot_uniform"),
    ("schedule", "CosineAnnealingLR", "cosine"),
]


@pytest.mark.parametrize(("kind", "foreign", "name"), NAMES)
def test_names_of_other_libraries(kind: str, foreign: str, name: str, core: Any) -> None:
    with pytest.raises(ValueError) as caught:
        core.canonical(kind, foreign)
    assert str(caught.value).endswith(f"; got '{foreign}' (did you mean '{name}'?)")


@pytest.mark.parametrize("foreign", ["LBFGS", "L-BFGS-B", "bfgs"])
def test_lbfgs_is_found_too(foreign: str) -> None:
    with pytest.raises(ValueError, match=r"lbfgs; got .* \(did you mean 'lbfgs'\?\)"):
        bp.Network([2, 1], seed=0).fit(X, Y, optimizer=foreign)


def test_both_backends_have_the_same_aliases(both: Any) -> None:
    for kind, aliases in error.ALIASES.items():
        for alias in [*aliases, *(alias.upper() for alias in aliases)]:
            sentences = []
            for core in both:
                with pytest.raises(ValueError) as caught:
                    core.canonical(kind, alias)
                sentences.append(str(caught.value))
            assert sentences[0] == sentences[1], alias
            assert sentences[0].endswith(f"(did you mean '{aliases[alias.lower()]}'?)")


def test_aliases_name_existing_entries() -> None:
    from backprop_rs.tables import TABLES

    for kind, aliases in error.ALIASES.items():
        names = {row.name for row in TABLES[kind]}
        assert set(aliases.values()) <= names, kind
    assert {row.name for row in OPTIMIZERS} >= {"sgd", "adam"}
