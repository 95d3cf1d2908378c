"""What a network shows of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .computes import Computes

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Data
    from ..film import Film
    from ..health.diagnosis import Diagnosis
    from ..history import History
    from . import Network


class Shows(Computes):
    """Which rows teach, what is ill, and a film of the training."""

    def sample_costs(self, X: Data, y: Data) -> AnyArray:
        """The cost C_i of each sample: which rows the network is worst at.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)

        Returns
        -------
        (m,) array of float64
            Their mean is the cost C of `evaluate`.

        Examples
        --------
        >>> Network([2, 3, 1], init="zeros").sample_costs([[1, 2], [3, 4]], [1, 0.5])
        array([0.25, 0.  ])
        """
        X, y = self._samples(X, y)
        return self._core.costs(X, y)  # type: ignore[no-any-return]

    def sample_gradient_norms(self, X: Data, y: Data, *, per_layer: bool = False) -> AnyArray:
        """The norm of each sample's own gradient: which rows teach most.

        The gradient of sample i in a layer is δ_i a_i^T for w and δ_i for b, so that its squared
        norm is |δ_i|^2 (|a_i|^2 + 1), a of the layer before: nothing but one pass back is needed
        (Goodfellow 2015, Efficient Per-Example Gradient Computations).

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
        per_layer : bool, default False
            Whether to keep the layers apart.

        Returns
        -------
        (m,) array of float64, or (m, L)

        Examples
        --------
        >>> net = Network([2, 3, 1], init="zeros")
        >>> net.sample_gradient_norms([[1, 2], [3, 4]], [1, 0.5]).round(4)
        array([0.3307, 0.    ])
        """
        from ..health.measures import sample_gradient_norms

        X, y = self._samples(X, y)
        return sample_gradient_norms(cast("Network", self), X, y, per_layer)

    def diagnose(
        self,
        X: Data,
        y: Data,
        *,
        history: History | None = None,
        learning_rate: float | None = None,
    ) -> Diagnosis:
        """Say in words what is wrong with the network, its data or its training; and what to try.

        Checks every entry of `backprop_rs.health.RULES` on at most 256 samples: vanishing and
        exploding δ, dead, saturated and equal neurons, unscaled inputs, targets that the
        output cannot reach, a learning rate that is too large or too small, and others. The
        network is not changed.

        Parameters
        ----------
        X : (m, n_0) array-like
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
        history : History, optional
            Of its training; by default of the last one in this process.
        learning_rate : float, optional
            The rate to judge; by default the largest of the history. Without either, nothing is
            said of it.

        Returns
        -------
        Diagnosis
            A sequence of findings, each with `rule`, `layer`, `evidence` and `advice`.

        Examples
        --------
        >>> net = Network([2, *[5] * 10, 1], seed=0)
        >>> net.diagnose([[0.0, 1.0], [1.0, 0.0]], [0, 1]).rules
        ['vanishing_delta', 'constant_output']
        """
        from ..health.diagnosis import diagnose

        net = cast("Network", self)
        return diagnose(net, X, y, history or self._history, learning_rate)

    def record(
        self, X: Data, y: Data, *, every: int = 1, unit: str = "epoch", **settings: Any
    ) -> Film:
        """`fit`, and keep the parameters every so many epochs or steps: a film of the training.

        The trained bits are those of `fit`.

        Parameters
        ----------
        X, y : array-like, as for `fit`
        every : int, default 1
            How many epochs or steps lie between two frames.
        unit : "epoch" or "step", default "epoch"
        settings
            As for `fit`.

        Returns
        -------
        Film
            With `history`, `frames`, `network(number)` and `animate()`, which gives a GIF or HTML
            of the decision boundary or of the drawing of the network.

        Examples
        --------
        >>> net = Network([2, 3, 1], seed=0)
        >>> film = net.record([[0, 1], [1, 0]], [0, 1], epochs=3, batch_size=1, unit="step")
        >>> len(film)
        7
        """
        from ..film import record

        return record(cast("Network", self), X, y, every, unit, settings)
