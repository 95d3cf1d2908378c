"""Health of a training: measures of each layer, and a diagnosis of common problems."""

from ..health_record import MEASURES, HealthRecord
from .callback import Health
from .diagnosis import Diagnosis, Finding
from .rules import RULES

__all__ = ["MEASURES", "RULES", "Diagnosis", "Finding", "Health", "HealthRecord"]


def __dir__() -> list[str]:
    return __all__
