"""Places of labels on edges, such that no label covers another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray

PLACES = 25  # that are tried on each edge
ROUNDS = 400
CROSSED = 0.1  # the cost of covering another edge, relative to a label
FAR = 0.02  # the cost of a place at the end of an edge, relative to the middle

Point = tuple[float, float]
Edge = tuple[Point, Point]


def label_places(
    edges: Sequence[Edge], sizes: Sequence[Point], inside: Point, *, rotated: bool = True
) -> list[Point] | None:
    """Return the centers of labels on their edges, or None if they do not fit.

    No label covers another. Each covers few of the other edges, and is near the middle of its own.

    Parameters
    ----------
    edges : sequence of (start, end)
    sizes : sequence of (width, height)
        Of each label, before it is rotated.
    inside : (left, right)
        Where labels may be.
    rotated : bool, default True
        Labels lie along their edges; otherwise they are horizontal.
    """
    if not edges:
        return []
    lines = np.array(edges, float)
    boxes = candidates(lines, np.array(sizes, float), inside, rotated)
    if boxes is None:
        return None
    covers = overlaps(boxes)
    own = np.arange(len(edges))
    covers[own, :, own, :] = False
    cost = CROSSED * crossings(boxes, lines)
    cost += FAR * np.abs(np.linspace(-1, 1, PLACES))
    chosen = cost.argmin(axis=1)
    for _ in range(ROUNDS):
        clashes = covers[own, chosen][:, own, chosen]
        if not clashes.any():
            return [tuple(boxes[i, at].mean(axis=0).tolist()) for i, at in enumerate(chosen)]
        # Move the label with the most clashes, or one of them, to the place with the fewest.
        worst = int(clashes.sum(axis=1).argmax())
        taken = covers[worst][:, own, chosen].sum(axis=1)
        moved = int((taken + cost[worst]).argmin())
        cost[worst, chosen[worst]] += 0.3  # so that two labels do not take turns for ever
        chosen[worst] = moved
    return None


def candidates(lines: AnyArray, sizes: AnyArray, inside: Point, rotated: bool) -> AnyArray | None:
    """Return the corners of each label at each place, (edges, places, 4, 2), or None."""
    along = lines[:, 1] - lines[:, 0]
    unit = along / np.linalg.norm(along, axis=1)[:, None]
    if not rotated:
        unit = np.broadcast_to([1.0, 0.0], unit.shape)
    normal = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
    half = (0.5 * sizes[:, :1] * unit, 0.5 * sizes[:, 1:] * normal)
    corners = np.stack([a * half[0] + b * half[1] for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))])
    reach = np.abs(corners[..., 0]).max(axis=0)
    # The shares of each edge between which the whole label is inside.
    low = (inside[0] + reach - lines[:, 0, 0]) / along[:, 0]
    high = (inside[1] - reach - lines[:, 0, 0]) / along[:, 0]
    if (low > high).any():
        return None
    shares = low[:, None] + np.linspace(0, 1, PLACES) * (high - low)[:, None]
    centers = lines[:, None, 0] + shares[..., None] * along[:, None]
    boxes: AnyArray = centers[:, :, None] + corners.transpose(1, 0, 2)[:, None]
    return boxes


def overlaps(boxes: AnyArray) -> AnyArray:
    """Return True for each pair of rectangles (n, places, 4, 2) of which one covers the other."""
    n, places = boxes.shape[:2]
    flat = boxes.reshape(-1, 4, 2)
    apart = np.zeros((len(flat), len(flat)), bool)
    # Two rectangles are apart if the normal of a side separates them.
    for side in (0, 1):
        axis = flat[:, side + 1] - flat[:, side]
        own = np.einsum("ac,avc->av", axis, flat)
        other = np.einsum("ac,bvc->abv", axis, flat)
        gap = (other.min(axis=2) >= own.max(axis=1)[:, None]) | (
            other.max(axis=2) <= own.min(axis=1)[:, None]
        )
        apart |= gap | gap.T
    covers: AnyArray = ~apart.reshape(n, places, n, places)
    return covers


def crossings(boxes: AnyArray, lines: AnyArray) -> AnyArray:
    """Return the number of other edges that each rectangle covers, (n, places)."""
    counts = np.zeros(boxes.shape[:2])
    for i, (start, end) in enumerate(lines):
        normal = np.array([start[1] - end[1], end[0] - start[0]])
        side: Any = (boxes - start) @ normal
        crossed = (side.min(axis=2) < 0) & (side.max(axis=2) > 0)
        crossed[i] = False
        counts += crossed
    return counts
