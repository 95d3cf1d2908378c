"""How well a training goes, inside: each layer's δ, gradients, updates and slopes; what is ill."""

from .diagnosis import Diagnosis, Finding
from .illnesses import ILLNESSES
from .record import MEASURES, HealthRecord
from .watch import Health

__all__ = ["ILLNESSES", "MEASURES", "Diagnosis", "Finding", "Health", "HealthRecord"]
