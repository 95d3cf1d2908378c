"""How a network goes to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from .base import Base

if TYPE_CHECKING:
    from .._types import Path
    from . import Network


class Exchanges(Base):
    """Files that other programs run."""

    def export(
        self,
        path: Path,
        *,
        classes: Sequence[str | int] | None = None,
        preparation: bool = True,
    ) -> None:
        """Write the network as a file that runs without this package.

        Parameters
        ----------
        path : str or path
            Its suffix says which: .onnx (opset 13, IR version 7; input `X` of any number of
            rows), .c (one file of C99 that needs libm alone, with a self-test) or .py (one file
            of Python that needs NumPy alone, with `predict(X)`).
        classes : sequence of n_L names or whole numbers, optional
            Of two where one output with sigmoid is the probability of the second. By default
            `metadata["class_names"]`, and 0, 1, ... where the output is softmax. With classes,
            ONNX has the outputs `label` and `probabilities` (`scores` where the output is neither
            softmax nor sigmoid), without them `predictions`.
        preparation : bool, default True
            Whether the file takes features as they come and does what `metadata` says, as
            `backprop-rs predict` does: `scaling` of the features and `target_scaling` of the
            outputs (`data.Scaling.to_dict`). False gives what `predict` does, alone.

        Raises
        ------
        ValueError, TypeError
            For another suffix, or where the network has what those files cannot hold.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> net = Network([4, 8, 3], "tanh", "softmax", "cross_entropy", seed=0)
        >>> net.export("iris.onnx", classes=bp.load_iris().class_names)
        >>> net.export("iris.txt")
        Traceback (most recent call last):
        ValueError: path must end in .onnx, .c, .py; got 'iris.txt'
        """
        from ..export import write

        write(cast("Network", self), path, classes, preparation)
