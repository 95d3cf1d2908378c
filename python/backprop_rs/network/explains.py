"""How a network explains what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .._internal import checks
from .computes import Computes

if TYPE_CHECKING:
    from .._internal.types import Data
    from ..explain import Explanation
    from ..gradient_check import GradientCheck
    from . import Network


class Explains(Computes):
    """Back-propagation, written out."""

    def explain(
        self,
        X: Data,
        y: Data,
        learning_rate: float = 0.1,
        *,
        max_neurons: int = 6,
        max_samples: int = 3,
        digits: int = 6,
        notation: str = "number",
    ) -> Explanation:
        """Write out the derivation with the numbers of this network, which is not changed.

        Every quantity in its order: z and a of each layer, the cost, dC/da, sigma', delta, and the
        gradients from the output down, the averages over the samples, the update, and the cost
        after it. Each has its equation in general, then for each neuron in symbols, with the
        numbers put in, and with the result. z, a, delta, the costs, the averaged gradients and the
        new parameters are what `backward` and `step` compute, in the network's dtype.

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
        learning_rate : float, default 0.1
            Of the update at the end.
        max_neurons : int, default 6
            The number of neurons per layer that are shown. The others are counted, and their
            terms in sums are added up.
        max_samples : int, default 3
            The number of samples that are shown; averages include the others.
        digits : int, default 6
            Significant digits, from 1 to 17.
        notation : "number" or "from_output", default "number"
            How layers are written: (1), (2) or (L-1), (L).

        Returns
        -------
        Explanation
            `print` it, or look at it in Jupyter; `text`, `to_markdown`, `to_html`, `to_dict`,
            `save`; `weight` and `bias` for the chain rule of a single parameter.

        Examples
        --------
        >>> net = Network([1, 1], output="identity", init=[[[2.0]]])
        >>> print(net.explain([3.0], [5.0], learning_rate=0.01))
        Back-propagation through Network(1-1, identity, squared_error, float32, 2
        parameters)
        ...
          ∂C₀/∂w₀₀⁽¹⁾ = δ₀⁽¹⁾ a₀⁽⁰⁾ = 2 · 3 = 6
        ...
          w₀₀⁽¹⁾ := 2 − 0.01 · 6 = 1.94
        ...
        """
        X, y = self._samples(X, y)
        from ..explain import explain
        from ..explain.notation import NOTATIONS

        return explain(
            cast("Network", self),
            X.reshape(-1, self.sizes[0]),
            y,
            checks.nonnegative("learning_rate", learning_rate),
            checks.integer("max_neurons", max_neurons, least=1),
            checks.integer("max_samples", max_samples, least=1),
            checks.integer("digits", digits, least=1, most=17),
            checks.choice("notation", notation, NOTATIONS),
        )

    def check_gradients(
        self, X: Data, y: Data, *, max_parameters: int = 1000, seed: int = 0
    ) -> GradientCheck:
        """Compare back-propagation with central differences of the cost; nothing is changed.

        In float64, a copy of a float32 network. For each parameter the cost is computed at two
        steps to either side. Steps over which some z comes to the other side of a kink (relu at 0)
        are made smaller; where even the smallest one crosses it, the parameter is excluded, and
        counted. An error of 1 % in the error terms of a layer is always reported, unless all of
        its gradients vanish in the rounding of the cost: then its verdict is "undecided".

        Parameters
        ----------
        X : (m, n_0) array-like, or one sample (n_0,)
        y : (m, n_L) array-like, (m,) where n_L is 1, or integer class labels (m,)
        max_parameters : int, default 1000
            The number of parameters to compare. If the network has more, a sample is drawn from
            each layer; it includes the largest gradients of the weights and biases.
        seed : int, default 0
            The seed of that sample.

        Returns
        -------
        GradientCheck
            A table when shown; `passed`, and for each of its `layers` the worst absolute and
            relative difference, its place, and a verdict.

        Examples
        --------
        >>> net = Network([2, 3, 2], seed=0)
        >>> check = net.check_gradients([[0.5, 0.1]], [[0.0, 1.0]])
        >>> [(layer.checked, layer.verdict) for layer in check.layers]
        [(9, 'agrees'), (8, 'agrees')]
        """
        from ..gradient_check import check

        X, y = self._samples(X, y)
        max_parameters = checks.integer("max_parameters", max_parameters, least=1)
        seed = checks.integer("seed", seed, least=0)
        return check(cast("Network", self), X, y, max_parameters, seed)
