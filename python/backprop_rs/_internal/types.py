"""Names for the types of arguments, for type checkers only."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ..custom import Activation

Array: TypeAlias = NDArray[np.floating[Any]]
AnyArray: TypeAlias = NDArray[Any]
Data: TypeAlias = ArrayLike | Any  # frames have no common type
Choice: TypeAlias = str | Mapping[str, str | float]  # a row of a table
Function: TypeAlias = "Choice | Activation"
Names: TypeAlias = "Function | Sequence[Function]"
Path: TypeAlias = str | PathLike[str]
