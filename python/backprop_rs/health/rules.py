"""The rules of a diagnosis: the signs of each illness, and advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .learning_rate import too_large, too_small

if TYPE_CHECKING:
    from .context import Context

Signs = Iterator[tuple[int | None, str]]  # the layer or None, and the evidence

LARGE_INPUT, SMALL_INPUT, UNLIKE_INPUTS = 10.0, 0.01, 100.0
LARGE_TARGET = 30.0
RARE_CLASS = 10
DEAD, SATURATED = 0.4, 0.5  # shares of the neurons of a layer
FLAT_OUTPUT, WRONG_OUTPUTS = 0.01, 0.1
VANISHED, EXPLODED = 1e-3, 1e2  # mean |δ| of a layer, divided by that of the output
SAME_OUTPUT = 1e-3  # of the spread of the targets
NO_GAIN = 0.01  # of the cost of the best constant prediction
OVERFIT, FEW_EPOCHS = 1.1, 3


class Rule(NamedTuple):
    """The check for one illness; `signs` yields nothing if the network does not have it."""

    name: str
    means: str
    advice: str
    signs: Callable[[Context], Signs]


def nonfinite(context: Context) -> Signs:
    """Find parameters or activations that are NaN or infinite."""
    parameters = [*context.net.weights, *context.net.biases]
    if not all(np.isfinite(array).all() for array in parameters):
        yield None, "Some weights or biases are NaN or infinite."
        return
    for layer, a in enumerate(context.trace.activations[1:], 1):
        if not np.isfinite(a).all():
            yield layer, "Some activations are NaN or infinite."
            return


def unscaled_inputs(context: Context) -> Signs:
    """Find features far from 1 in size, or of very different sizes."""
    sizes = np.sqrt(np.square(context.inputs).mean(axis=0))
    largest, at = float(sizes.max()), int(sizes.argmax())
    usual = float(np.median(sizes[sizes > 0])) if largest else 0.0
    if largest > LARGE_INPUT:
        yield None, f"Feature {at} is {largest:.3g} in the root mean square."
    elif largest < SMALL_INPUT:
        yield None, f"No feature is more than {largest:.2g} in the root mean square."
    elif largest > UNLIKE_INPUTS * usual:
        yield None, f"Feature {at} is {largest / usual:.3g} times as large as most features."


def unscaled_targets(context: Context) -> Signs:
    """Find large targets of an unbounded output."""
    if context.values.size and context.output_range == (-np.inf, np.inf):
        size = float(np.sqrt(np.square(context.values).mean()))
        if size > LARGE_TARGET:
            yield None, f"Targets are {size:.3g} in the root mean square."


def targets_out_of_range(context: Context) -> Signs:
    """Find targets that the output activation cannot reach."""
    y = context.values
    low, high = context.output_range
    share = float(((y < low) | (y > high)).mean()) if y.size else 0.0
    if share:
        yield (
            len(context.names),
            f"{share:.1%} of the targets, which go from {y.min():.3g} to {y.max():.3g}, are out of "
            f"the range of {context.net.output}, from {low:g} to {high:g}.",
        )


def class_imbalance(context: Context) -> Signs:
    """Find a class that is ten times as frequent as another."""
    if context.labels is not None:
        counts = np.bincount(context.labels.astype(np.int64))
        common, rare = int(counts.argmax()), int(np.where(counts, counts, counts.max()).argmin())
        if counts[common] >= RARE_CLASS * counts[rare]:
            words = f"Class {common} has {counts[common]:,} samples, class {rare} {counts[rare]:,}."
            yield None, words


def equal_neurons(context: Context) -> Signs:
    """Find hidden layers whose neurons all have the same parameters."""
    layers = zip(context.net.weights[:-1], context.net.biases[:-1], strict=True)
    for layer, (w, b) in enumerate(layers, 1):
        if len(w) > 1 and (w == w[0]).all() and (b == b[0]).all():
            yield layer, f"All {len(w)} neurons have the same weights, and keep them the same."


def dead_neurons(context: Context) -> Signs:
    """Find layers with many neurons whose slope is 0 for every sample."""
    for layer, health in enumerate(context.layers, 1):
        if health.dead >= DEAD:
            yield layer, f"{health.dead:.0%} of the neurons have a slope of 0 for every sample."


def saturated_neurons(context: Context) -> Signs:
    """Find hidden layers with many neurons in the flat part of their activation."""
    for layer, health in enumerate(context.layers[:-1], 1):
        if health.saturated >= SATURATED:
            yield (
                layer,
                f"{health.saturated:.0%} of the neurons are in the flat part of "
                f"{context.names[layer - 1]}.",
            )


def saturated_output(context: Context) -> Signs:
    """Find wrong outputs whose slope is nearly 0, with a cost that needs the slope."""
    low, high = context.output_range
    slopes = context.output_slopes
    if context.is_fused or slopes is None or not np.isfinite(high - low):
        return
    flat = np.abs(slopes) < FLAT_OUTPUT * np.abs(slopes).max(initial=0.25 * (high - low))
    wrong = np.abs(context.trace.activations[-1] - context.targets) > (high - low) / 2
    share = float((flat & wrong).mean())
    if share > WRONG_OUTPUTS:
        yield (
            len(context.names),
            f"{share:.0%} of the outputs are wrong in the flat part of {context.net.output}, so "
            "that δ is nearly 0.",
        )


def delta_ratios(context: Context) -> list[float]:
    """Return the mean |δ| of each hidden layer, divided by that of the output."""
    last = context.layers[-1].mean_delta
    return [health.mean_delta / last for health in context.layers[:-1]] if last else []


def vanishing_delta(context: Context) -> Signs:
    """Find the first hidden layer whose δ is far smaller than that of the output."""
    for layer, ratio in enumerate(delta_ratios(context), 1):
        if ratio < VANISHED:
            yield layer, f"mean |δ| is {ratio:.1e} times that of the output layer."
            return


def exploding_delta(context: Context) -> Signs:
    """Find the first hidden layer whose δ is far larger than that of the output."""
    for layer, ratio in enumerate(delta_ratios(context), 1):
        if ratio > EXPLODED:
            yield layer, f"mean |δ| is {ratio:.1e} times that of the output layer."
            return


def constant_output(context: Context) -> Signs:
    """Find outputs that hardly depend on the inputs."""
    spread = context.trace.activations[-1].std(axis=0, dtype=float).max()
    of_targets = context.targets.std(axis=0).max()
    if context.inputs.std(axis=0).any() and spread < SAME_OUTPUT * of_targets:
        yield (
            len(context.names),
            f"The outputs are nearly the same for all samples: they vary by {spread:.1e}, the "
            f"targets by {of_targets:.2g}.",
        )


def no_better_than_constant(context: Context) -> Signs:
    """Find a trained network that the best constant prediction equals."""
    cost, best = context.trace.cost, context.constant_cost
    if not context.is_trained or best is None or not context.targets.std(axis=0).any():
        return
    if best - cost < NO_GAIN * abs(best):
        yield (
            None,
            f"The cost is {cost:.3g}, and {best:.3g} for the best prediction that is the same for "
            "all samples: the network has learned nothing from the inputs.",
        )


def overfitting(context: Context) -> Signs:
    """Find a validation cost that rises while the training cost falls."""
    val = context.history.val_cost if context.history else []
    if context.history and len(val) > FEW_EPOCHS:
        best = int(np.argmin(val))
        late = len(val) - 1 - best >= FEW_EPOCHS
        train = context.history.cost
        if late and val[-1] > OVERFIT * val[best] and train[-1] < train[best]:
            yield (
                None,
                f"The cost of the validation data was lowest, {val[best]:.3g}, in epoch "
                f"{context.history.epoch[best]} and is {val[-1]:.3g} now; that of the training "
                "data kept falling.",
            )


RULES = (
    Rule(
        "nonfinite",
        "NaN or infinite parameters or activations",
        "Start again with a smaller learning rate; scale the inputs; clip_norm=1.",
        nonfinite,
    ),
    Rule(
        "unscaled_inputs",
        "features far from 1 in size, or of very different sizes",
        "Scale every feature to mean 0 and standard deviation 1: bp.data.standardize.",
        unscaled_inputs,
    ),
    Rule(
        "unscaled_targets",
        "values to be predicted by an unbounded output that are far from 1 in size",
        "Scale the targets to mean 0 and standard deviation 1, and undo it after predict.",
        unscaled_targets,
    ),
    Rule(
        "targets_out_of_range",
        "targets that the output activation cannot reach",
        "output='identity', or scale the targets into the range.",
        targets_out_of_range,
    ),
    Rule(
        "class_imbalance",
        "a class with at most a tenth of the samples of another class",
        "fit(class_weight='balanced'), and judge by more than the accuracy.",
        class_imbalance,
    ),
    Rule(
        "learning_rate_too_large",
        "a cost that rises, jumps or is no longer finite",
        "A tenth of the learning rate; find_learning_rate suggests one; clip_norm=1.",
        too_large,
    ),
    Rule(
        "learning_rate_too_small",
        "a cost that hardly falls, although steps a hundred times as long would lower it",
        "Ten to a hundred times the learning rate; find_learning_rate suggests one.",
        too_small,
    ),
    Rule(
        "equal_neurons",
        "a hidden layer whose neurons all have the same weights",
        "Draw the first weights at random: init='auto'.",
        equal_neurons,
    ),
    Rule(
        "dead_neurons",
        "a layer with many neurons whose slope is 0 for every sample",
        "A smaller learning rate, init='he_uniform', or leaky_relu, elu or silu instead of relu.",
        dead_neurons,
    ),
    Rule(
        "saturated_neurons",
        "a hidden layer with many neurons in the flat part of their activation",
        "Scale the inputs; smaller initial weights (init='auto'), l2, or relu instead.",
        saturated_neurons,
    ),
    Rule(
        "saturated_output",
        "wrong outputs in the flat part of their activation, with a cost that needs its slope",
        "cost='cross_entropy', whose δ does not have the slope; or smaller initial weights.",
        saturated_output,
    ),
    Rule(
        "vanishing_delta",
        "δ of a hidden layer a thousand times smaller than that of the output, or more",
        "relu or tanh instead of sigmoid, init='auto', fewer layers, or adam.",
        vanishing_delta,
    ),
    Rule(
        "exploding_delta",
        "δ of a hidden layer a hundred times larger than that of the output, or more",
        "init='auto', smaller weights (max_norm, l2), clip_norm=1, or a smaller learning rate.",
        exploding_delta,
    ),
    Rule(
        "constant_output",
        "outputs that hardly depend on the inputs",
        "See the findings above first; otherwise a larger learning rate, or fewer layers.",
        constant_output,
    ),
    Rule(
        "no_better_than_constant",
        "a cost after training that is not lower than that of the best constant prediction",
        "See the findings above first; otherwise more epochs, another learning rate or seed, more "
        "neurons, and features that are related to the targets.",
        no_better_than_constant,
    ),
    Rule(
        "overfitting",
        "a cost of the validation data that rises during training",
        "early_stopping=10, dropout, l2 or weight_decay, fewer neurons, or more data.",
        overfitting,
    ),
)
