"""Names for the types of arguments, for type checkers."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..typing import (
    ActivationName,
    BackendName,
    CostName,
    DTypeName,
    InitializerName,
    OptimizerName,
    ScheduleName,
)
from .custom_base import CustomActivation

Array: TypeAlias = NDArray[np.floating[Any]]
AnyArray: TypeAlias = NDArray[Any]
Data: TypeAlias = ArrayLike | Any  # frames have no common type
Settings: TypeAlias = Mapping[str, str | float]
Choice: TypeAlias = str | Settings  # an entry of a table
# The names let editors complete them; other texts are names with settings.
CostChoice: TypeAlias = CostName | str | Settings
InitializerChoice: TypeAlias = InitializerName | str | Settings
OptimizerChoice: TypeAlias = OptimizerName | str | Settings
ScheduleChoice: TypeAlias = ScheduleName | str | Settings
Function: TypeAlias = ActivationName | str | Settings | CustomActivation
DTypeChoice: TypeAlias = DTypeName | DTypeLike
BackendChoice: TypeAlias = BackendName | str
Names: TypeAlias = Function | Sequence[Function]
Path: TypeAlias = str | PathLike[str]
