"""Pictures of networks and trainings with Matplotlib, each on an `ax` of yours or on a new one.

They need Matplotlib (`pip install matplotlib`) and import it when a picture is drawn.
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
