"""Estimators for tables: networks prepared, trained, calibrated and averaged by themselves."""

from .classifier import TabularClassifier
from .importance import Importance
from .regressor import TabularRegressor

__all__ = ["Importance", "TabularClassifier", "TabularRegressor"]


def __dir__() -> list[str]:
    return __all__
