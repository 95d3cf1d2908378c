"""The average of the outputs of several networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def average(outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the mean of outputs (m, n_L), added up in float64 in their order.

    >>> average([np.float32([[1.0]]), np.float32([[2.0]])])
    array([[1.5]], dtype=float32)
    """
    if len(outputs) == 1:
        return outputs[0]
    total = outputs[0].astype(np.float64)
    for each in outputs[1:]:
        total += each
    return (total / len(outputs)).astype(outputs[0].dtype)
