"""`Model.from_sklearn` of pipelines, and `Model.to_sklearn`."""

import pickle
import warnings

import backprop_rs as bp
import numpy as np
import pytest
from table_files import FORMATS, RUNS, check_outputs
from tables import customers

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from backprop_rs import sklearn as ours  # noqa: E402
from sklearn.base import clone, is_classifier, is_regressor  # noqa: E402
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.feature_selection import SelectKBest, VarianceThreshold  # noqa: E402
from sklearn.impute import KNNImputer, SimpleImputer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import (  # noqa: E402
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-2, 3)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
    FunctionTransformer(),
    "passthrough",
]
ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(drop="first"),
    OneHotEncoder(drop="if_binary", sparse_output=False),
    OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist"),
    OneHotEncoder(max_categories=2, drop="first"),
    OrdinalEncoder(encoded_missing_value=-7),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=9),
    OrdinalEncoder(min_frequency=30, encoded_missing_value=-1),
]
IMPUTERS = [
    SimpleImputer(),
    SimpleImputer(strategy="median", add_indicator=True),
    SimpleImputer(strategy="constant", fill_value=-3.5),
    SimpleImputer(strategy="most_frequent"),
]
NUMBERS, CATEGORIES = ["x", "n", "flag"], ["city", "size", "code"]


def frame(n=120, seed=0):
    """Return a frame of numbers with missing cells, and categories of texts and numbers."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "x": rng.normal(1.7e3, 1e-1, n),
            "city": rng.choice(["Ulm", "Bonn", "Köln", "Wien"], n, p=[0.5, 0.3, 0.1, 0.1]),
            "n": rng.integers(0, 9, n).astype(float),
            "size": rng.choice(np.array(["S", "L", None], object), n),
            "code": rng.choice([3, 14, 15], n),
            "flag": rng.integers(0, 2, n),
            "empty": 1.0,
        }
    )
    data.loc[::7, "x"] = np.nan
    data.loc[::11, "n"] = np.nan
    return data


def target(data):
    return np.where((data["city"] == "Ulm") ^ (data["code"] > 3), "yes", "no")


def mlp(kind=MLPClassifier, **options):
    return kind(hidden_layer_sizes=(5,), max_iter=3, random_state=0, **options)


def check(pipeline, data, y, rows=None):
    """Fit a pipeline, and assert that the model gives its predictions."""
    pipeline.fit(data, y)
    model = bp.Model.from_sklearn(pipeline)
    rows = data if rows is None else rows
    if hasattr(pipeline, "predict_proba"):
        np.testing.assert_allclose(
            model.predict_proba(rows), pipeline.predict_proba(rows), rtol=1e-9, atol=1e-15
        )
        assert model.predict(rows).tolist() == pipeline.predict(rows).tolist()
        assert model.predict(rows).dtype.kind in (pipeline.predict(rows).dtype.kind, "U")
    else:
        expected = pipeline.predict(rows)
        np.testing.assert_allclose(
            model.predict(rows), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max()
        )
    return model


def columns(numbers, categories, **options):
    return ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)], **options
    )


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_numbers(imputer, scaler):
    data = frame()
    steps = [("fill", clone(imputer)), ("scale", scaler)]
    pipeline = Pipeline([*steps, ("mlp", mlp())])
    check(pipeline, data[NUMBERS], target(data))


@pytest.mark.parametrize("scaler", SCALERS[:-2], ids=str)
def test_scaled_before_it_is_filled(scaler):
    data = frame()
    pipeline = make_pipeline(clone(scaler), SimpleImputer(strategy="median"), mlp())
    check(pipeline, data[NUMBERS], target(data))


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_categories(encoder):
    data = frame()
    check(make_pipeline(clone(encoder), mlp()), data[CATEGORIES], target(data))
    scaled = make_pipeline(clone(encoder), StandardScaler(with_mean=False), mlp())
    check(scaled, data[CATEGORIES], target(data))


@pytest.mark.parametrize("encoder", [ENCODERS[0], ENCODERS[3], ENCODERS[6]], ids=str)
def test_levels_that_the_training_does_not_have(encoder):
    data = frame()
    rows = frame(5, seed=3)
    rows.loc[0, "city"], rows.loc[1, "size"], rows.loc[2, "code"] = "Rom", "XL", 99
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn and the model count them
        check(
            make_pipeline(clone(encoder), mlp()), data[CATEGORIES], target(data), rows[CATEGORIES]
        )


def test_filled_categories():
    data = frame()
    for imputer in (
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value="?"),
    ):
        pipeline = make_pipeline(imputer, OneHotEncoder(), mlp())
        check(pipeline, data[["city", "size"]], target(data))


def test_missing_codes_that_an_imputer_fills():
    data = frame()
    pipeline = make_pipeline(OrdinalEncoder(), SimpleImputer(strategy="median"), mlp())
    check(pipeline, data[CATEGORIES], target(data))


@pytest.mark.parametrize("form", FORMATS)
def test_a_whole_table_and_its_files(form, tmp_path):
    data = frame()
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    pipeline = make_pipeline(columns(numbers, OneHotEncoder(handle_unknown="ignore")), mlp())
    model = check(pipeline, data, target(data))
    assert "n is missing" in model.preprocessor.feature_names
    assert model.preprocessor.ignore == ("empty",)
    model.save(tmp_path / "model.safetensors")
    again = bp.load(tmp_path / "model.safetensors")
    assert again.predict_proba(data).tobytes() == model.predict_proba(data).tobytes()
    rows = bp.data.as_table(data).select(model.preprocessor.columns)
    outputs, answers = RUNS[form](again, rows, tmp_path)
    check_outputs(again, rows, outputs)
    assert list(answers) == pipeline.predict(data).tolist()


def test_nested_and_odd_ways_to_name_columns():
    data = frame().fillna({"x": 0, "n": 0})[["x", "city", "n", "flag"]]
    for numbers in (["x", "n"], [0, 2], [0, -2], [True, False, True, False], np.array([0, 2])):
        transformer = ColumnTransformer(
            [
                ("skip", "drop", ["flag"]),
                ("city", make_pipeline(OneHotEncoder()), ["city"]),
                ("numbers", make_pipeline(make_pipeline(StandardScaler()), "passthrough"), numbers),
            ]
        )
        check(make_pipeline(transformer, VarianceThreshold(), mlp()), data, target(frame()))
    transformer = ColumnTransformer(
        [("n", MinMaxScaler(), slice("n", "flag"))], remainder=StandardScaler()
    )
    check(make_pipeline(transformer, mlp()), data[["x", "n", "flag"]], target(frame()))
    transformer = ColumnTransformer([("city", OneHotEncoder(), ["city"])], remainder="passthrough")
    check(make_pipeline(transformer, SelectKBest(k=3), mlp()), data, target(frame()))


def test_arrays_have_no_names():
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = check(make_pipeline(StandardScaler(), mlp()), X, X[:, 0] > 0)
    assert model.preprocessor.columns == ("x0", "x1", "x2")
    check(mlp(), X, np.digitize(X[:, 0], [-0.5, 0.5]))


@pytest.mark.parametrize(
    "y", [["a", "b"], ["a", "b", "c"], [1, 2], [0, 5, 7], [True, False], [-1.0, 2.0]], ids=str
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classes_of_all_kinds(y, dtype):
    X = np.random.default_rng(0).normal(size=(60, 3)).astype(dtype)
    classes = np.array((y * 60)[:60])
    pipeline = make_pipeline(FunctionTransformer(), mlp()).fit(X, classes)
    model = bp.Model.from_sklearn(pipeline)
    assert model.dtype == dtype
    rtol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), rtol=rtol)
    assert model.predict(X).tolist() == pipeline.predict(X).tolist()
    assert list(model.classes) == np.unique(classes).tolist()


def test_several_labels():
    X = np.random.default_rng(0).normal(size=(60, 3))
    check(make_pipeline(StandardScaler(), mlp()), X, (X[:, :2] > 0).astype(int))


@pytest.mark.parametrize("n_targets", [1, 2])
def test_values(n_targets):
    data = frame()
    X = data[NUMBERS].fillna(0)
    y = 1e4 + 300 * np.stack([X["n"], X["x"]], axis=1)[:, :n_targets]
    y = y[:, 0] if n_targets == 1 else y
    check(make_pipeline(StandardScaler(), mlp(MLPRegressor)), X, y)
    scaled = TransformedTargetRegressor(mlp(MLPRegressor), transformer=StandardScaler())
    check(make_pipeline(StandardScaler(), scaled), X, y)
    inside = make_pipeline(StandardScaler(), mlp(MLPRegressor))
    check(TransformedTargetRegressor(inside, transformer=StandardScaler()), X, y)


def test_estimators_of_this_package():
    data = frame()
    X = data[NUMBERS].fillna(0)
    steps = make_pipeline(StandardScaler(), ours.MLPClassifier((5,), max_iter=3, random_state=0))
    check(steps, X, target(data))
    steps = make_pipeline(
        StandardScaler(), ours.MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0)
    )
    check(steps, X, X["n"].to_numpy())


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (PCA(2), r"step 'step' is PCA"),
        (QuantileTransformer(n_quantiles=5), r"step 'step' is QuantileTransformer"),
        (KBinsDiscretizer(3, strategy="uniform"), r"step 'step' is KBinsDiscretizer"),
        (KNNImputer(), r"step 'step' is KNNImputer"),
        (FunctionTransformer(np.abs), r"step 'step' is FunctionTransformer with a function"),
        (MinMaxScaler(clip=True), r"step 'step' is MinMaxScaler with clip=True"),
        (SimpleImputer(missing_values=-1), r"step 'step' is SimpleImputer with missing_values=-1"),
        (
            make_pipeline(StandardScaler(), OneHotEncoder(handle_unknown="ignore")),
            r"'step' / 'onehotencoder' is OneHotEncoder of columns that another step has changed",
        ),
        (ColumnTransformer([("first", PCA(1), ["n"])]), r"step 'step' / 'first' is PCA"),
    ],
)
def test_a_step_without_counterpart_is_named(step, sentence):
    data = frame()[NUMBERS].fillna(0)
    pipeline = Pipeline([("step", step), ("mlp", mlp())]).fit(data, target(frame()))
    with pytest.raises(TypeError, match=sentence):
        bp.Model.from_sklearn(pipeline)


def test_other_mistakes():
    data = frame()[NUMBERS].fillna(0)
    y = target(frame())
    twice = ColumnTransformer([("a", StandardScaler(), ["n"]), ("b", "passthrough", ["n"])])
    with pytest.raises(ValueError, match="'n' goes through several transformers"):
        bp.Model.from_sklearn(make_pipeline(twice, mlp()).fit(data, y))
    with pytest.raises(TypeError, match="got LogisticRegression"):
        bp.Model.from_sklearn(make_pipeline(StandardScaler(), LogisticRegression()).fit(data, y))
    with pytest.raises(ValueError, match="pipeline must be fitted"):
        bp.Model.from_sklearn(make_pipeline(StandardScaler(), mlp()))
    other = TransformedTargetRegressor(mlp(MLPRegressor), func=np.log1p, inverse_func=np.expm1)
    with pytest.raises(TypeError, match="TransformedTargetRegressor has functions"):
        bp.Model.from_sklearn(other.fit(data, data["n"]))
    with pytest.raises(TypeError, match=r"Model\.from_sklearn takes a pipeline"):
        bp.Network.from_sklearn(make_pipeline(StandardScaler(), mlp()))


# Model.to_sklearn


@pytest.fixture(scope="module")
def raw():
    data = pd.DataFrame(customers(150))
    return data.drop(columns="left"), data["left"]


@pytest.fixture(scope="module")
def model(raw):
    return bp.Model((6,), seed=0).fit(raw[0], raw[1], epochs=3, progress=False)


def test_an_estimator_gives_the_answers_of_its_model(raw, model):
    X, y = raw
    estimator = model.to_sklearn()
    assert is_classifier(estimator) and not is_regressor(estimator)
    assert estimator.predict(X).tolist() == model.predict(X).tolist()
    assert estimator.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert estimator.classes_.tolist() == ["no", "yes"]
    assert estimator.score(X, y) == model.evaluate(X.assign(left=y))["accuracy"]
    assert estimator.feature_names_in_.tolist() == list(X.columns) and estimator.n_features_in_ == 5
    again = pickle.loads(pickle.dumps(estimator))
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_fit_trains_a_new_model(raw, model):
    X, y = raw
    before = model.predict_proba(X).tobytes()
    estimator = clone(model.to_sklearn()).set_params(fit_options={"epochs": 3})
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    fitted = estimator.fit(X, y)
    assert fitted is estimator and fitted.model_ is not model
    assert fitted.predict_proba(X).tobytes() == before  # the same options and seed
    fitted.fit(X.assign(age=1.0, more=np.arange(150)), y)
    assert "more" in fitted.feature_names_in_ and model.predict_proba(X).tobytes() == before


def test_tools_of_scikit_learn_take_raw_frames(raw, model):
    X, y = raw
    estimator = clone(model.to_sklearn()).set_params(fit_options={"epochs": 2})
    assert len(cross_val_score(estimator, X, y, cv=2)) == 2
    search = GridSearchCV(estimator, {"fit_options": [{"epochs": 1}, {"epochs": 2}]}, cv=2)
    assert search.fit(X, y).best_params_["fit_options"]["epochs"] in (1, 2)


def test_a_regressor(raw):
    X, _ = raw
    y = X["visits"] * 2.5
    model = bp.Model((6,), seed=0).fit(X, y, epochs=3, progress=False)
    estimator = model.to_sklearn()
    assert is_regressor(estimator) and not hasattr(estimator, "predict_proba")
    assert estimator.predict(X).tobytes() == model.predict(X).tobytes()
    assert estimator.score(X, y) == pytest.approx(
        model.evaluate(
            X.assign(visits_=y).rename(columns={"visits_": model.preprocessor.target_names[0]})
        )["r2"]
    )


def test_several_labels_to_sklearn(raw):
    X, _ = raw
    y = pd.DataFrame({"p": X["visits"] > 2, "q": X["age"] > 40})
    model = bp.Model((6,), seed=0).fit(X, y, epochs=3, progress=False)
    estimator = model.to_sklearn()
    assert estimator.predict_proba(X).shape == (150, 2)
    assert estimator.classes_.tolist() == [0, 1]


def test_from_a_pipeline_and_back():
    data = frame()
    pipeline = make_pipeline(columns(SimpleImputer(), OneHotEncoder()), mlp())
    model = check(pipeline, data, target(data))
    estimator = model.to_sklearn()
    assert estimator.predict(data).tolist() == pipeline.predict(data).tolist()
