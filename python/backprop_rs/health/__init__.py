"""How well a training goes, inside: each layer's δ, gradients, updates and slopes; what is ill."""

from .record import MEASURES, HealthRecord
from .watch import Health

__all__ = ["MEASURES", "Health", "HealthRecord"]
