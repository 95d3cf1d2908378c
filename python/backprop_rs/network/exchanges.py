"""How a network goes to other programs, and comes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from .base import Base

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._internal.types import Choice, Names, Path
    from . import Network


class Exchanges(Base):
    """Files that other programs run, and networks that they have trained."""

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

    @classmethod
    def from_sklearn(cls, mlp: Any, *, backend: str = "auto") -> Self:
        """The network of a fitted MLPClassifier or MLPRegressor, scikit-learn's or ours.

        Parameters
        ----------
        mlp : fitted estimator
            Its coefficients (n_in, n_out) are transposed. Its cost is ours of the same scale:
            cross_entropy, mean_squared_error(0.5) or poisson; its penalty `alpha` is left out.
        backend : "auto", "rust" or "numpy", default "auto"

        Returns
        -------
        Network
            Of the estimator's dtype. `predict` gives what `predict_proba` does, to rounding (for
            two classes its second column alone), and what `predict` does for values. `metadata`
            has `class_names` and `feature_names`, and `epochs_trained` is `n_iter_`.

        Raises
        ------
        TypeError, ValueError
            If it is no such estimator, or is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.neural_network import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
        >>> net = Network.from_sklearn(mlp)
        >>> net
        Network(4-8-3, relu -> softmax, cross_entropy, float64, 67 parameters)
        >>> bool(abs(net.predict(X) - mlp.predict_proba(X)).max() < 1e-12)
        True
        """
        from ..importing import estimator

        return cast("Self", estimator.network_of(cast("type[Network]", cls), mlp, backend))

    @classmethod
    def from_state_dict(
        cls,
        arrays: Mapping[str, Any] | Path,
        activation: Names = "relu",
        output: Choice = "identity",
        cost: Choice = "squared_error",
        *,
        layers: Sequence[str] | None = None,
        dtype: str | None = None,
        backend: str = "auto",
    ) -> Self:
        """The network of weights and biases by name, such as a `state_dict()` of PyTorch.

        Parameters
        ----------
        arrays : mapping of str to array or tensor, or path of a safetensors file
            `NAME.weight` (n_l, n_{l-1}) and, unless it is zero, `NAME.bias` (n_l,) for each dense
            layer; of a file in float64, float32, float16 or bfloat16. Nothing else.
        activation, output, cost
            As for `Network`; arrays do not tell them.
        layers : sequence of str, optional
            The NAMEs in their order. By default by their numbers (0, 2, 10 or fc1, fc2), or the
            order of the mapping.
        dtype : "float32" or "float64", optional
            By default float64 where a weight is, otherwise float32.
        backend : "auto", "rust" or "numpy", default "auto"

        Raises
        ------
        ValueError, TypeError
            If an array is not of a dense layer, or the layers do not follow each other.

        Examples
        --------
        >>> import numpy as np
        >>> arrays = {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.eye(3)}
        >>> net = Network.from_state_dict(arrays, "tanh", "softmax", "cross_entropy")
        >>> net
        Network(2-3-3, tanh -> softmax, cross_entropy, float64, 21 parameters)
        """
        from ..importing import state_dict

        given = (cast("type[Network]", cls), arrays, activation, output, cost)
        return cast("Self", state_dict.network_of(*given, layers, dtype, backend))
