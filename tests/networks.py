"""A network of which several files train their own sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import backprop_rs as bp


def classifier(
    backend: str = "auto", sizes: Sequence[int] = (4, 6, 3), **settings: Any
) -> bp.Network:
    """Return a network of tanh with softmax, cross-entropy and seed 0, unless `settings` differ."""
    usual = {"activation": "tanh", "output": "softmax", "cost": "cross_entropy", "seed": 0}
    options: dict[str, Any] = usual | settings
    return bp.Network(list(sizes), backend=backend, **options)
