"""The output at which the predicted class changes from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .activation import activation

if TYPE_CHECKING:
    from .._internal.custom_base import CustomActivation

REACH = 40.0  # beyond, every activation of the table is constant or linear


def threshold(output: str | CustomActivation, cost: str) -> float:
    """Return the activation from which a single output stands for class 1.

    It is 1/2 for probabilities. The hinge cost pulls the output to -1 and 1, so it is 0 there,
    unless the output cannot be negative; then the targets are 0 and 1.

    Parameters
    ----------
    output : str or custom activation
        The activation of the output, as it is written.
    cost : str
        The cost as it is written, or the name of a custom one.

    Examples
    --------
    >>> threshold("sigmoid", "cross_entropy"), threshold("tanh", "hinge")
    (0.5, 0.0)
    >>> threshold("sigmoid", "hinge")
    0.5
    """
    if cost.partition("(")[0] != "hinge":
        return 0.5
    z = np.linspace(-REACH, REACH, 321)[:, None]
    with np.errstate(all="ignore"):
        least = activation(output).sigma(z).min()
    return 0.5 if least >= 0 else 0.0
