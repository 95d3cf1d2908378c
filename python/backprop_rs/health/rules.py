"""The table of illnesses: how each shows, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .learning_rate import too_large, too_small

if TYPE_CHECKING:
    from .context import Case

Signs = Iterator[tuple[int | None, str]]  # the layer, if it is in one, and what is seen

LARGE_INPUT, SMALL_INPUT, UNLIKE_INPUTS = 10.0, 0.01, 100.0
LARGE_TARGET = 30.0
RARE_CLASS = 10
DEAD, SATURATED = 0.4, 0.5  # shares of the neurons of a layer
FLAT_OUTPUT, WRONG_OUTPUTS = 0.01, 0.1
VANISHED, EXPLODED = 1e-3, 1e2  # mean |δ| of a layer against that of the output
SAME_OUTPUT = 1e-3  # of the spread of the targets
NO_GAIN = 0.01  # of the cost of the best constant prediction
OVERFIT, FEW_EPOCHS = 1.1, 3


class Illness(NamedTuple):
    """One row of the table; `signs` gives nothing for a healthy case."""

    name: str
    means: str
    advice: str
    signs: Callable[[Case], Signs]


def nonfinite(case: Case) -> Signs:
    parameters = [*case.net.weights, *case.net.biases]
    if not all(np.isfinite(array).all() for array in parameters):
        yield None, "Some weights or biases are NaN or infinite."
        return
    for layer, a in enumerate(case.trace.activations[1:], 1):
        if not np.isfinite(a).all():
            yield layer, "Some activations are NaN or infinite."
            return


def unscaled_inputs(case: Case) -> Signs:
    sizes = np.sqrt(np.square(case.inputs).mean(axis=0))
    largest, at = float(sizes.max()), int(sizes.argmax())
    usual = float(np.median(sizes[sizes > 0])) if largest else 0.0
    if largest > LARGE_INPUT:
        yield None, f"Feature {at} is {largest:.3g} in the root mean square."
    elif largest < SMALL_INPUT:
        yield None, f"No feature is more than {largest:.2g} in the root mean square."
    elif largest > UNLIKE_INPUTS * usual:
        yield None, f"Feature {at} is {largest / usual:.3g} times as large as most features."


def unscaled_targets(case: Case) -> Signs:
    if case.values.size and case.output_range == (-np.inf, np.inf):
        size = float(np.sqrt(np.square(case.values).mean()))
        if size > LARGE_TARGET:
            yield None, f"Targets are {size:.3g} in the root mean square."


def targets_out_of_range(case: Case) -> Signs:
    y = case.values
    low, high = case.output_range
    share = float(((y < low) | (y > high)).mean()) if y.size else 0.0
    if share:
        yield (
            len(case.names),
            f"{share:.1%} of the targets, which go from {y.min():.3g} to {y.max():.3g}, are out of "
            f"the range of {case.net.output}, from {low:g} to {high:g}.",
        )


def class_imbalance(case: Case) -> Signs:
    if case.labels is not None:
        counts = np.bincount(case.labels.astype(np.int64))
        most, least = int(counts.argmax()), int(np.where(counts, counts, counts.max()).argmin())
        if counts[most] >= RARE_CLASS * counts[least]:
            seen = f"Class {most} has {counts[most]:,} samples, class {least} {counts[least]:,}."
            yield None, seen


def equal_neurons(case: Case) -> Signs:
    layers = zip(case.net.weights[:-1], case.net.biases[:-1], strict=True)
    for layer, (w, b) in enumerate(layers, 1):
        if len(w) > 1 and (w == w[0]).all() and (b == b[0]).all():
            yield layer, f"All {len(w)} neurons have the same weights, and keep them the same."


def dead_neurons(case: Case) -> Signs:
    for layer, one in enumerate(case.layers, 1):
        if one.dead >= DEAD:
            yield layer, f"{one.dead:.0%} of the neurons have a slope of 0 for every row."


def saturated_neurons(case: Case) -> Signs:
    for layer, one in enumerate(case.layers[:-1], 1):
        if one.saturated >= SATURATED:
            yield (
                layer,
                f"{one.saturated:.0%} of the neurons are where {case.names[layer - 1]} is flat.",
            )


def saturated_output(case: Case) -> Signs:
    low, high = case.output_range
    slopes = case.output_slopes
    if case.is_fused or slopes is None or not np.isfinite(high - low):
        return
    flat = np.abs(slopes) < FLAT_OUTPUT * np.abs(slopes).max(initial=0.25 * (high - low))
    wrong = np.abs(case.trace.activations[-1] - case.targets) > (high - low) / 2
    share = float((flat & wrong).mean())
    if share > WRONG_OUTPUTS:
        yield (
            len(case.names),
            f"{share:.0%} of the outputs are wrong where {case.net.output} is flat, so that δ is "
            "next to 0.",
        )


def delta_ratios(case: Case) -> list[float]:
    """mean |δ| of each hidden layer against that of the output."""
    last = case.layers[-1].mean_delta
    return [one.mean_delta / last for one in case.layers[:-1]] if last else []


def vanishing_delta(case: Case) -> Signs:
    for layer, ratio in enumerate(delta_ratios(case), 1):
        if ratio < VANISHED:
            yield layer, f"mean |δ| is {ratio:.1e} times that of the output layer."
            return


def exploding_delta(case: Case) -> Signs:
    for layer, ratio in enumerate(delta_ratios(case), 1):
        if ratio > EXPLODED:
            yield layer, f"mean |δ| is {ratio:.1e} times that of the output layer."
            return


def constant_output(case: Case) -> Signs:
    spread = case.trace.activations[-1].std(axis=0, dtype=float).max()
    of_targets = case.targets.std(axis=0).max()
    if case.inputs.std(axis=0).any() and spread < SAME_OUTPUT * of_targets:
        yield (
            len(case.names),
            f"The outputs are nearly the same for all rows: they vary by {spread:.1e}, the targets "
            f"by {of_targets:.2g}.",
        )


def no_better_than_constant(case: Case) -> Signs:
    cost, best = case.trace.cost, case.constant_cost
    if not case.is_trained or best is None or not case.targets.std(axis=0).any():
        return
    if best - cost < NO_GAIN * abs(best):
        yield (
            None,
            f"The cost is {cost:.3g}, and {best:.3g} for the best prediction that is the same for "
            "all rows: the inputs have taught nothing.",
        )


def overfitting(case: Case) -> Signs:
    val = case.history.val_cost if case.history else []
    if case.history and len(val) > FEW_EPOCHS:
        best = int(np.argmin(val))
        late = len(val) - 1 - best >= FEW_EPOCHS
        train = case.history.cost
        if late and val[-1] > OVERFIT * val[best] and train[-1] < train[best]:
            yield (
                None,
                f"The cost of the validation data was least, {val[best]:.3g}, in epoch "
                f"{case.history.epoch[best]}, and is {val[-1]:.3g} now, while that of the training "
                "data fell on.",
            )


ILLNESSES = (
    Illness(
        "nonfinite",
        "NaN or infinite parameters or activations",
        "Begin again with a smaller learning rate; scale the inputs; clip_norm=1.",
        nonfinite,
    ),
    Illness(
        "unscaled_inputs",
        "features far from 1 in size, or of very unlike sizes",
        "Bring every feature to mean 0 and standard deviation 1: bp.data.standardize.",
        unscaled_inputs,
    ),
    Illness(
        "unscaled_targets",
        "values to be predicted by an unbounded output that are far from 1 in size",
        "Bring the targets to mean 0 and standard deviation 1, and undo it after predict.",
        unscaled_targets,
    ),
    Illness(
        "targets_out_of_range",
        "targets that the output activation cannot reach",
        "output='identity', or scale the targets into the range.",
        targets_out_of_range,
    ),
    Illness(
        "class_imbalance",
        "a class with a tenth of the samples of another or less",
        "fit(class_weight='balanced'), and judge by more than the accuracy.",
        class_imbalance,
    ),
    Illness(
        "learning_rate_too_large",
        "a cost that rises, jumps or is no longer finite",
        "A tenth of the learning rate; find_learning_rate suggests one; clip_norm=1.",
        too_large,
    ),
    Illness(
        "learning_rate_too_small",
        "a cost that hardly falls where steps a hundred times as long would lower it",
        "Ten to a hundred times the learning rate; find_learning_rate suggests one.",
        too_small,
    ),
    Illness(
        "equal_neurons",
        "a hidden layer whose neurons all have the same weights",
        "Draw the first weights at random: init='auto'.",
        equal_neurons,
    ),
    Illness(
        "dead_neurons",
        "a layer with many neurons whose slope is 0 for every row",
        "A smaller learning rate, init='he_uniform', or leaky_relu, elu or silu in place of relu.",
        dead_neurons,
    ),
    Illness(
        "saturated_neurons",
        "a hidden layer with many neurons where their activation is flat",
        "Scale the inputs, smaller first weights (init='auto'), l2, or relu in place of it.",
        saturated_neurons,
    ),
    Illness(
        "saturated_output",
        "outputs that are wrong where their activation is flat, under a cost that needs its slope",
        "cost='cross_entropy', whose δ does not have the slope; or smaller weights to begin with.",
        saturated_output,
    ),
    Illness(
        "vanishing_delta",
        "δ of a hidden layer a thousand times smaller than that of the output, or more",
        "relu or tanh in place of sigmoid, init='auto', fewer layers, or adam.",
        vanishing_delta,
    ),
    Illness(
        "exploding_delta",
        "δ of a hidden layer a hundred times larger than that of the output, or more",
        "init='auto', smaller weights (max_norm, l2), clip_norm=1, or a smaller learning rate.",
        exploding_delta,
    ),
    Illness(
        "constant_output",
        "outputs that hardly depend on the inputs",
        "See the findings above first; otherwise a larger learning rate, or fewer layers.",
        constant_output,
    ),
    Illness(
        "no_better_than_constant",
        "a cost after training that the best constant prediction has too",
        "See the findings above first; otherwise more epochs, another learning rate or seed, more "
        "neurons, and features that tell something of the targets.",
        no_better_than_constant,
    ),
    Illness(
        "overfitting",
        "a cost of the validation data that has been rising",
        "early_stopping=10, dropout, l2 or weight_decay, fewer neurons, or more data.",
        overfitting,
    ),
)
