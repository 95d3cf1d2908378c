"""Where one output changes from class 0 to class 1: the only place that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .activation import activation

if TYPE_CHECKING:
    from .._internal.custom_base import CustomActivation

REACH = 40.0  # beyond, every activation of the table is flat or a line


def threshold(output: str | CustomActivation, cost: str) -> float:
    """Return the activation from which one output stands for class 1.

    A probability changes at 1/2. The hinge cost pulls the output to -1 and 1, which change at 0; an
    output that cannot be negative it pulls to 0 and 1, which change at 1/2.

    Parameters
    ----------
    output : row of the table of activations as it is written, or one of your own
    cost : row of the table of costs as it is written, or the name of one of your own

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
