"""How well a training goes, inside: each layer's δ, gradients, updates and slopes; what is ill."""

from .callback import Health
from .diagnosis import Diagnosis, Finding
from .record import MEASURES, HealthRecord
from .rules import ILLNESSES

__all__ = ["ILLNESSES", "MEASURES", "Diagnosis", "Finding", "Health", "HealthRecord"]
