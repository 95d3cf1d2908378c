"""The entries of the tables as objects: each equals its text, and checks its settings."""

import pickle
from importlib import import_module
from inspect import signature

import backprop_rs as bp
import pytest
from backprop_rs.tables import TABLES, entries
from backprop_rs.training.lbfgs import ROW

ROWS = [(kind, row) for kind, table in TABLES.items() for row in table]
EVERY = pytest.mark.parametrize(("kind", "row"), ROWS, ids=[row.name for _, row in ROWS])


def maker(kind, row):
    return getattr(
        import_module(f"backprop_rs.{entries.MODULES[kind]}"), entries.class_name(row.name)
    )


@pytest.mark.parametrize("kind", TABLES)
def test_a_module_lists_its_table(kind):
    module = import_module(f"backprop_rs.{entries.MODULES[kind]}")
    rows = [*TABLES[kind], *([ROW] if kind == "optimizer" else [])]
    assert dir(module) == sorted(entries.class_name(row.name) for row in rows)
    assert all(callable(getattr(module, name)) for name in dir(module))


@EVERY
def test_an_entry_without_settings_equals_its_name(kind, row, core):
    made = maker(kind, row)()
    assert made == row.name == core.canonical(kind, row.name)
    assert repr(made) == f"{entries.class_name(row.name)}()"


@EVERY
def test_a_signature_has_the_settings_and_their_defaults(kind, row):
    parameters = signature(maker(kind, row)).parameters.values()
    assert [(one.name, one.default) for one in parameters] == [
        (setting.name, setting.default) for setting in row.settings
    ]


@EVERY
def test_settings_are_given_in_order_or_by_name(kind, row, core):
    values = {setting.name: another(setting) for setting in row.settings}
    make = maker(kind, row)
    made = make(**values)
    assert make(*values.values()) == made
    text = ", ".join(f"{name}={value}" for name, value in values.items())
    assert core.canonical(kind, f"{row.name}({text})") == made
    assert core.canonical(kind, made) == made
    assert eval(repr(made), {make.__name__: make}) == made


def another(setting):
    """Return a number that a setting accepts, other than its default."""
    tried = (0, 1, 0.25, 2, 3)
    return next(x for x in tried if x != setting.default and setting.accepted.contains(x))


@EVERY
def test_a_number_that_is_not_accepted_is_refused(kind, row):
    for setting in row.settings:
        sentence = f"{setting.name} of {kind} '{row.name}' must be {setting.accepted.words}; got"
        with pytest.raises(ValueError, match=sentence):
            maker(kind, row)(**{setting.name: float("nan")})


@EVERY
def test_an_unknown_setting_is_refused(kind, row):
    with pytest.raises(TypeError, match=rf"^{entries.class_name(row.name)} takes .*'color'"):
        maker(kind, row)(color=1)


@EVERY
def test_a_docstring_has_the_formula_the_source_and_the_settings(kind, row):
    text = maker(kind, row).__doc__
    assert row.formula in text and row.source in text
    for setting in row.settings:
        assert f"{setting.name} : {setting.accepted.words}" in text


def test_flags_are_true_and_false():
    assert bp.optimizers.SGD(0.9, nesterov=True) == "sgd(momentum=0.9, nesterov=1)"
    assert bp.optimizers.Adam(amsgrad=False) == "adam"


def test_lbfgs_is_among_the_optimizers():
    assert bp.optimizers.LBFGS(memory=20) == "lbfgs(memory=20)"


def test_an_entry_is_text_and_survives_pickle():
    made = bp.activations.LeakyReLU(0.1)
    again = pickle.loads(pickle.dumps(made))
    assert again == made and repr(again) == "LeakyReLU(slope=0.1)"
    assert f"{made}" == "leaky_relu(slope=0.1)" and isinstance(made, str)


def test_entries_are_accepted_wherever_names_are(backend):
    net = bp.Network(
        *([3, 4, 2], bp.activations.LeakyReLU(0.1), bp.activations.Softmax()),
        cost=bp.costs.CrossEntropy(label_smoothing=0.1),
        init=bp.initializers.HeNormal(),
        backend=backend,
        seed=0,
    )
    assert net.activation == ["leaky_relu(slope=0.1)"]
    assert net.cost == "cross_entropy(label_smoothing=0.1)"
    history = net.fit(
        *([[1, 2, 3], [3, 2, 1]], [0, 1], 4),
        optimizer=bp.optimizers.AdamW(weight_decay=0.1),
        schedule=bp.schedules.Warmup(2).then(bp.schedules.Cosine()),
    )
    assert len(history) == 4


def test_an_unknown_name_is_reported_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"has no attribute 'leaky_relu'; .*mean LeakyReLU"):
        bp.activations.leaky_relu  # noqa: B018 (the access is what is tested)
    with pytest.raises(AttributeError, match=r"'Swash'; it has Identity, Sigmoid, .*Softmax$"):
        bp.activations.Swash  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute '__wrapped__'$"):
        bp.activations.__wrapped__  # noqa: B018


# Combinations of schedules.


def test_schedules_can_be_chained_and_multiplied():
    warmup, cosine, exponential = (
        bp.schedules.Warmup(3), bp.schedules.Cosine(end=0.1), bp.schedules.Exponential(0.9)
    )  # fmt: skip
    assert warmup.then(cosine) == "warmup(length=3) then cosine(end=0.1)"
    assert warmup * exponential == "warmup(length=3) * exponential(rate=0.9)"
    long = (warmup * exponential).then(cosine * "step(2)")
    assert long == ("warmup(length=3) * exponential(rate=0.9) then cosine(end=0.1) * step(every=2)")
    names = {name: getattr(bp.schedules, name) for name in dir(bp.schedules)}
    for made in (warmup.then(cosine), warmup * exponential, long):
        assert eval(repr(made), names) == made


def test_schedules_that_cannot_be_combined():
    warmup, cosine = bp.schedules.Warmup(3), bp.schedules.Cosine()
    with pytest.raises(ValueError, match="a product of schedules must not hold"):
        warmup.then(cosine) * cosine
    with pytest.raises(ValueError, match="needs a length before 'then'"):
        cosine.then(warmup)
    with pytest.raises(ValueError, match="at most one reactive curve"):
        bp.schedules.Adaptive() * bp.schedules.ReduceOnPlateau()
    with pytest.raises(TypeError, match="unsupported operand"):
        warmup * 2.5
