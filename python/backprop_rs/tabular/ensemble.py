"""Combine members by their out-of-fold predictions: weights, and a temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.averages import tempered
from .members import Member
from .presets import Preset
from .scoring import Scoring, log_loss

Array = NDArray[np.float64]

ROUNDS = 20
"""Weights of encodings are multiples of 1 / 20."""

TEMPERATURES = (0.2, 5.0)
GOLDEN = (sqrt(5) - 1) / 2
STEPS = 40  # of the search: the last interval is 1e-8 of the first


@dataclass(frozen=True)
class Combination:
    """How the members are combined.

    Attributes
    ----------
    weights : list of float
        Of each member; they sum to 1.
    shares : dict
        The weight of each encoding.
    temperature : float
    outputs : (n, n_L) array
        Out-of-fold outputs: the weighted mean of the members that held a row out, with the
        temperature; NaN for a row that no member held out.
    """

    weights: list[float]
    shares: dict[str, float]
    temperature: float
    outputs: Array


def combine(
    members: Sequence[Member],
    y: NDArray[Any],
    row_weights: NDArray[Any] | None,
    preset: Preset,
    scoring: Scoring,
) -> Combination:
    """Choose the weights and the temperature by the rows that members held out.

    Parameters
    ----------
    members : sequence of Member
    y : array
        The encoded target of the rows that members refer to.
    row_weights : (n,) array, optional
    preset : Preset
    scoring : Scoring
    """
    names = list(dict.fromkeys(member.encoding for member in members))
    of_encoding = {name: [m for m in members if m.encoding == name] for name in names}
    candidates = [
        out_of_fold(len(y), of_encoding[name], [1.0] * len(of_encoding[name])) for name in names
    ]
    shares = [len(of_encoding[name]) / len(members) for name in names]
    known = [~np.isnan(each[:, 0]) for each in candidates]
    if all((each == known[0]).all() for each in known[1:]):
        some = np.flatnonzero(known[0])
        of_some = None if row_weights is None else row_weights[some]
        shares = choose_weights(
            [each[some] for each in candidates], lambda a: scoring.loss(y[some], a, of_some)
        )
    share = dict(zip(names, shares, strict=True))
    weights = [share[m.encoding] / len(of_encoding[m.encoding]) for m in members]
    outputs = out_of_fold(len(y), members, weights)
    temperature = 1.0
    if scoring.target.kind != "values" and preset.temperature:
        temperature = temperature_of_mean(members, weights, outputs, y, row_weights)
        rows = np.flatnonzero(~np.isnan(outputs[:, 0]))
        outputs[rows] = tempered(outputs[rows], temperature, scoring.target.kind == "labels")
    return Combination(weights, share, temperature, outputs)


def out_of_fold(n: int, members: Sequence[Member], weights: Sequence[float]) -> Array:
    """Return for each row the weighted mean of members that held it out (n, n_L); NaN without."""
    total, counts = np.zeros((n, members[0].predictions.shape[1])), np.zeros(n)
    for member, weight in zip(members, weights, strict=True):
        chosen = rows_of(member)
        total[chosen] += weight * member.predictions.astype(np.float64)
        counts[chosen] += weight
    with np.errstate(invalid="ignore"):
        means: Array = total / counts[:, None]
    return means


def rows_of(member: Member) -> Any:
    """Return the index of the rows that a member predicts: those that it held out, or all."""
    return slice(None) if member.held is None else np.flatnonzero(member.held)


def choose_weights(candidates: Sequence[Array], loss: Callable[[Array], float]) -> list[float]:
    """Return weights of predictions that sum to 1, by greedy selection.

    In each of 20 rounds the candidate is added with which the average has the least loss; the
    best number of rounds counts. Source: Caruana et al. 2004, Ensemble Selection from Libraries
    of Models.

    >>> y = np.array([[0.0], [1.0], [2.0]])
    >>> choose_weights([y - 1, y + 3], lambda a: float(np.square(a - y).mean()))
    [0.75, 0.25]
    """
    if len(candidates) == 1:
        return [1.0]
    counts = np.zeros(len(candidates), int)
    total = np.zeros_like(candidates[0])
    best, best_loss = counts + 1, float("inf")
    for size in range(1, ROUNDS + 1):
        losses = [loss((total + each) / size) for each in candidates]
        k = int(np.argmin(losses))
        total, counts = total + candidates[k], counts.copy()
        counts[k] += 1
        if losses[k] < best_loss:
            best, best_loss = counts, losses[k]
    weights: list[float] = (best / best.sum()).tolist()
    return weights


def temperature_of_mean(
    members: Sequence[Member],
    weights: Sequence[float],
    outputs: Array,
    y: NDArray[Any],
    row_weights: NDArray[Any] | None,
) -> float:
    """Return the temperature of the mean of all members, from rows that several held out.

    A mean of more members is less sure, and needs a smaller temperature, so that one that fits
    single members would make the mean too unsure. If each row was held out by k of M members with
    1 < k < M, log T = a + b / k is assumed: single members and their means of k give a and b. With
    k = M the temperature is that of the means. If rows were held out by one member each, no mean
    is known, and the temperature is 1.
    """
    used = [(m, w) for m, w in zip(members, weights, strict=True) if w > 0]
    counts = np.zeros(len(y), int)
    for member, _ in used:
        counts[rows_of(member)] += 1
    rows = np.flatnonzero(counts > 0)
    k = int(counts[rows].min())
    if k < 2:
        return 1.0
    of_rows = None if row_weights is None else row_weights[rows]
    of_means = fit_temperature(outputs[rows], y[rows], of_rows)
    if k == len(used):
        return of_means
    every = np.concatenate([np.arange(len(y))[rows_of(member)] for member, _ in used])
    singles = np.concatenate([member.predictions for member, _ in used]).astype(np.float64)
    of_every = None if row_weights is None else row_weights[every]
    of_singles = fit_temperature(singles, y[every], of_every)
    return extrapolated(of_singles, of_means, k, len(used))


def extrapolated(first: float, kth: float, k: int, n: int) -> float:
    """Return the temperature of means of n from those of 1 and of k: log T = a + b / k.

    >>> round(extrapolated(2.0, 2.0 ** 0.75, 2, 4), 4) == round(2.0 ** 0.625, 4)
    True
    """
    slope = (log(first) - log(kth)) / (1 - 1 / k)
    low, high = TEMPERATURES
    return min(max(exp(log(kth) + slope * (1 / n - 1 / k)), low), high)


def fit_temperature(p: Array, y: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    """Return the temperature from 0.2 to 5 with the least log-loss, by golden section.

    >>> p = np.array([[0.01, 0.99]] * 4)
    >>> t = fit_temperature(p, np.array([1, 1, 1, 0]))
    >>> tempered(p, t)[0, 1].round(4).item()
    0.75
    """
    several = y.ndim == 2

    def loss(x: float) -> float:
        return log_loss(tempered(p, exp(x), several), y, weights)

    low, high = map(log, TEMPERATURES)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = loss(right)
    best = (low + high) / 2
    return exp(best) if loss(best) < loss(0.0) else 1.0
