"""Names for the types of arguments, for type checkers."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .custom_base import CustomActivation

Array: TypeAlias = NDArray[np.floating[Any]]
AnyArray: TypeAlias = NDArray[Any]
Data: TypeAlias = ArrayLike | Any  # frames have no common type
Choice: TypeAlias = str | Mapping[str, str | float]  # an entry of a table
Function: TypeAlias = Choice | CustomActivation
Names: TypeAlias = Function | Sequence[Function]
Path: TypeAlias = str | PathLike[str]
