"""The recipe of networks for tables, made of the library's parts.

Members learn from all folds but one, and stop by the one left out: the parameters of the epoch
with the least cost there are kept. Their probabilities, or values, are averaged. Half of the
members see each number as a piecewise-linear encoding, too (Gorishniy et al. 2022). The network is
that of RealMLP (Holzmueller et al. 2024) without its embeddings: neural tangent parametrization,
AdamW with a beta2 of 0.95, the coslog4 schedule, and dropout and decay that end with the training.
"""

from dataclasses import dataclass

import backprop_rs as bp
import numpy as np


@dataclass(frozen=True)
class Recipe:
    """The settings; pairs are those of classes and of values."""

    members: int = 8  # and folds
    hidden: tuple[int, ...] = (128, 128, 128)
    activation: str = "mish"
    learning_rate: tuple[float, float] = (0.04, 0.07)
    bias_factor: float = 0.1
    beta2: float = 0.95
    dropout: float = 0.15
    weight_decay: float = 0.02
    epochs: int = 64
    batches: int = 20  # an epoch, with 32 to 256 rows each
    n_bins: int = 16

    def batch_size(self, n):
        return int(np.clip(2 ** round(np.log2(n / self.batches)), 32, 256))


FEWEST_EDGES = 4


def fit_predict(split, seed, threads, recipe):
    """Return the classes with their probabilities, or the values, of the test rows."""
    classes, y, scale, shift = None, split.y, 1.0, 0.0
    if not split.values:
        classes, y = np.unique(split.y, return_inverse=True)
    fold = folds(split, recipe.members, seed)
    if split.values:
        shift, scale = y.mean(), y.std() or 1.0
        y = (y - shift) / scale
    configs, tests = [], []
    for member in range(recipe.members):
        train = fold != member
        X, X_held, X_test = encode(
            [split.X[train], split.X[~train], split.X_test], recipe.n_bins if member % 2 else 0
        )
        outputs = 1 if split.values else len(classes)
        samples = {"X": X, "y": y[train], "validation_data": (X_held, y[~train])}
        options = settings(recipe, split.values, X.shape, outputs, 100 * seed + member)
        configs.append(options | samples)
        tests.append(X_test)
    trained = bp.train_many(configs, threads=threads)
    for result in trained:
        if result.error is not None:
            raise result.error
    pairs = zip(trained, tests, strict=True)
    mean = np.mean([result.net.predict(X).astype(float) for result, X in pairs], axis=0)
    if split.values:
        return None, np.clip(mean[:, 0] * scale + shift, split.y.min(), split.y.max())
    return classes, mean


def settings(recipe, values, shape, outputs, seed):
    """Return the arguments of the network and of its training."""
    kind = {"output": "identity"} if values else {"output": "softmax", "cost": "cross_entropy"}
    return kind | {
        "sizes": [shape[1], *recipe.hidden, outputs],
        "activation": recipe.activation,
        "init": "lecun_normal",
        "dropout": recipe.dropout,
        "seed": seed,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size(shape[0]),
        "learning_rate": recipe.learning_rate[values],
        "optimizer": bp.optimizers.AdamW(beta2=recipe.beta2, weight_decay=recipe.weight_decay),
        "schedule": "coslog4",
        "lr_factors": {"weights": "ntp", "biases": recipe.bias_factor},
        "dropout_schedule": "flat_cos",
        "decay_schedule": "flat_cos",
        "early_stopping": recipe.epochs,
    }


def folds(split, n, seed):
    """Return the fold of each row; each fold has its share of each class."""
    order = np.random.default_rng([seed, 1]).permutation(len(split.y))
    if not split.values:
        order = order[np.argsort(split.y[order], kind="stable")]
    fold = np.empty(len(order), int)
    fold[order] = np.arange(len(order)) % n
    return fold


def encode(frames, n_bins):
    """Return the features of the frames, with statistics of the first alone."""
    preprocessor = bp.data.Preprocessor().fit(frames[0])
    parts = [[preprocessor.transform(frame)] for frame in frames]
    numbers = [name for name, kind in frames[0].dtypes.items() if kind.kind == "f"]
    for name in numbers if n_bins else ():
        known = frames[0][name].dropna().to_numpy()
        if not len(known):
            continue
        edges = np.unique(np.quantile(known, np.linspace(0, 1, n_bins + 1)))
        if len(edges) < FEWEST_EDGES:
            continue
        for part, frame in zip(parts, frames, strict=True):
            x = frame[name].fillna(np.median(known)).to_numpy()
            part.append(np.clip((x[:, None] - edges[:-1]) / np.diff(edges), 0, 1))
    return [np.concatenate(part, axis=1).astype(np.float32) for part in parts]
