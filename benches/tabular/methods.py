"""The methods of the comparison, each with its defaults.

A method takes a split and a number of threads, and returns the classes with their probabilities,
or the values, for the test rows. Categories are given as they are if a library takes them;
otherwise they are one-hot. Linear models and scikit-learn's network get standardized numbers, and
the median with an indicator for missing ones.
"""

from importlib.metadata import version

import numpy as np


def catboost(split, seed, threads):
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostRegressor if split.values else CatBoostClassifier
    model = kind(
        random_seed=seed,
        thread_count=threads,
        verbose=False,
        allow_writing_files=False,
        cat_features=split.categories,
    )
    X, X_test = (texts(frame, split.categories) for frame in (split.X, split.X_test))
    return answers(split, model.fit(X, split.y), X_test)


def texts(frame, categories):
    frame = frame.copy()
    for name in categories:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), "missing").astype(str)
    return frame


def lightgbm(split, seed, threads):
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if split.values else LGBMClassifier
    model = kind(random_state=seed, n_jobs=threads, verbose=-1)
    X, X_test = (plain_names(frame) for frame in (split.X, split.X_test))
    return answers(split, model.fit(X, split.y), X_test)


def plain_names(frame):
    """Return the frame with names that LightGBM and XGBoost take."""
    return frame.set_axis([f"c{i}" for i in range(frame.shape[1])], axis=1)


def xgboost(split, seed, threads):
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBRegressor if split.values else XGBClassifier
    model = kind(random_state=seed, n_jobs=threads, enable_categorical=True)
    X, X_test = (plain_names(frame) for frame in (split.X, split.X_test))
    if split.values:
        return answers(split, model.fit(X, split.y), X_test)
    classes, codes = np.unique(split.y, return_inverse=True)
    return classes, model.fit(X, codes).predict_proba(X_test)


def histogram(split, seed, threads):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if split.values else HistGradientBoostingClassifier
    model = kind(random_state=seed)
    return answers(split, model.fit(split.X, split.y), split.X_test)


def forest(split, seed, threads):
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if split.values else RandomForestClassifier
    return piped(split, kind(random_state=seed, n_jobs=threads), scaled=False)


def linear(split, seed, threads):
    from sklearn.linear_model import LogisticRegression, Ridge

    return piped(split, Ridge() if split.values else LogisticRegression(max_iter=1000))


def perceptron(split, seed, threads):
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return piped(split, (MLPRegressor if split.values else MLPClassifier)(random_state=seed))


def piped(split, model, scaled=True):
    """Fit with one-hot categories, and numbers that are scaled and imputed, or as they are."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in split.X if name not in split.categories]
    impute = SimpleImputer(strategy="median", add_indicator=True)
    prepare = make_pipeline(impute, StandardScaler()) if scaled else "passthrough"
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((prepare, numbers), (one_hot, split.categories))
    return answers(split, make_pipeline(columns, model).fit(split.X, split.y), split.X_test)


def answers(split, model, X_test):
    if split.values:
        return None, np.asarray(model.predict(X_test)).ravel()
    return np.asarray(model.classes_), model.predict_proba(X_test)


def ours(preset="default", **settings):
    """Return the method of the library: a preset, with these settings changed."""

    def method(split, seed, threads):
        from recipe import fit_predict

        return fit_predict(split, seed, threads, preset, **settings)

    return method


METHODS = {
    "backprop_rs": (ours(), "backprop_rs"),
    "backprop_rs, fast": (ours("fast"), "backprop_rs"),
    "backprop_rs, best": (ours("best"), "backprop_rs"),
    "CatBoost": (catboost, "catboost"),
    "LightGBM": (lightgbm, "lightgbm"),
    "HistGradientBoosting": (histogram, "scikit-learn"),
    "XGBoost": (xgboost, "xgboost"),
    "RandomForest": (forest, "scikit-learn"),
    "MLP of scikit-learn": (perceptron, "scikit-learn"),
    "linear": (linear, "scikit-learn"),
}
PEERS = tuple(name for name in METHODS if not name.startswith("backprop_rs"))


def version_of(name):
    """Return the version of the library of a method."""
    package = METHODS[name][1]
    if package == "backprop_rs":
        import backprop_rs

        return backprop_rs.__version__
    return version(package)
