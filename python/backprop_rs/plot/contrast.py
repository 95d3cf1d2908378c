"""The brightness of colors, and whether text can be read on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray

READABLE = 0.179  # on lighter colors black text has more contrast than white (WCAG 2.1)


def luminance(rgb: AnyArray) -> float:
    """Return the relative luminance of an sRGB color, from 0 to 1 (WCAG 2.1)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(np.dot(linear[:3], (0.2126, 0.7152, 0.0722)))


def contrast(one: Any, other: Any) -> float:
    """Return the contrast of two colors, from 1 to 21 (WCAG 2.1); text needs 4.5.

    >>> round(contrast("#000000", "#FFFFFF"), 1)
    21.0
    """
    from matplotlib.colors import to_rgb

    low, high = sorted(luminance(np.array(to_rgb(color))) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def ground_of(ax: Axes) -> AnyArray:
    """Return the color of the background of an Axes, (3,)."""
    from matplotlib.colors import to_rgba

    own, figure = to_rgba(ax.get_facecolor()), to_rgba(ax.figure.get_facecolor())
    chosen = own if own[3] > 0 else figure if figure[3] > 0 else (1.0, 1.0, 1.0, 1.0)
    return np.array(chosen[:3])
