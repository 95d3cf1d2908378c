"""Pictures of networks and trainings with Matplotlib, on a given `ax` or on a new one.

Needs Matplotlib (`pip install matplotlib`), which is imported when the first picture is drawn.
"""

from .chain import chain
from .confusion import confusion
from .curves import curves, flow, learning_rates
from .network import network
from .parameters import histograms, images
from .regions import boundary

__all__ = [
    "boundary",
    "chain",
    "confusion",
    "curves",
    "flow",
    "histograms",
    "images",
    "learning_rates",
    "network",
]


def __dir__() -> list[str]:
    return __all__
