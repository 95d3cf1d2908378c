"""The estimators of the library on a split of a table."""

import backprop_rs as bp


def fit_predict(split, seed, threads, preset="default", **settings):
    """Return the classes with their probabilities, or the values, of the test rows."""
    kind = bp.TabularRegressor if split.values else bp.TabularClassifier
    model = kind(preset, random_state=seed, n_jobs=threads, settings=settings)
    model.fit(split.X, split.y)
    if split.values:
        return None, model.predict(split.X_test)
    return model.classes_, model.predict_proba(split.X_test)
