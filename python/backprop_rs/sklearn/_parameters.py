"""The parameters that a user sees, and the network that has them."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ._network import coefs_of, network, put, settings_of, sizes_of

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..network import Network


class Parameters:
    """`coefs_` and `intercepts_`: made where they are looked at, taken up where they were changed.

    What has been looked at may have been changed in place, so it is compared with what the
    network has before the network is used again.
    """

    _network: Network | None = None
    _settings: tuple[Any, ...] = ()
    _shown: dict[str, Any] | None = None
    _known: list[Array] | None = None

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (n_in, n_out); may be changed, and assigned."""
        return self._show("coefs_")

    @coefs_.setter
    def coefs_(self, given: list[Array]) -> None:
        self._set("coefs_", given)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, (n_out,); may be changed, and assigned."""
        return self._show("intercepts_")

    @intercepts_.setter
    def intercepts_(self, given: list[Array]) -> None:
        self._set("intercepts_", given)

    def __sklearn_is_fitted__(self) -> bool:
        return self._network is not None or bool(self._shown)

    def _show(self, name: str) -> list[Array]:
        if not self._shown and self._network is not None:
            net = self._network
            self._known = [*coefs_of(net), *net._core.biases()]
            shown = [array.copy() for array in self._known]
            n = len(shown) // 2
            self._shown = {"coefs_": shown[:n], "intercepts_": shown[n:]}
        if not self._shown or name not in self._shown:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        found: list[Array] = self._shown[name]
        return found

    def _set(self, name: str, given: Any) -> None:
        if self._network is not None:
            self._show(name)
        self._shown = {**(self._shown or {}), name: given}

    def _changed(self) -> None:
        """The network has new parameters: what was shown stays with those who have it."""
        self._shown = self._known = None

    def _net(self) -> Network:
        """The network with the parameters that the user has seen last."""
        if not self._shown:
            assert self._network is not None
            return self._network
        coefs = [np.asarray(w) for w in self._shown["coefs_"]]
        intercepts = [np.asarray(b) for b in self._shown["intercepts_"]]
        if self._network is None or sizes_of(coefs) != self._network.sizes:
            dtype = "float32" if coefs[0].dtype == np.float32 else "float64"
            self._make(sizes_of(coefs), dtype)
        elif self._known is not None:
            pairs = zip(self._known, [*coefs, *intercepts], strict=True)
            if all(np.array_equal(known, shown) for known, shown in pairs):
                return self._network
        assert self._network is not None
        put(self._network, coefs, intercepts)
        self._known = [array.copy() for array in (*coefs, *intercepts)]
        return self._network

    def _make(self, sizes: list[int], dtype: str) -> Network:
        """A network of the present settings, without parameters."""
        mlp: Any = self
        self._network = network(mlp, sizes, dtype)
        self._settings = settings_of(mlp, sizes, dtype)
        return self._network

    def _renew(self) -> Network:
        """The network, made anew where the settings have changed since."""
        mlp: Any = self
        net = self._net()
        if self._settings != settings_of(mlp, net.sizes, net.dtype):
            old, state = net, net._core.state()
            net = self._make(net.sizes, net.dtype)
            net.epochs_trained, net.seed = old.epochs_trained, old.seed
            if old._optimizer is not None:
                net._use_optimizer(str(old._optimizer))
            net._core.set_state(state)
        return net

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and copies: a twin with a network of its own trains on to the same bits."""
        above: Any = super()
        state: dict[str, Any] = dict(above.__getstate__())
        if state.get("_network") is not None:
            state["_network"] = copy(self._net())
            state = {key: state[key] for key in state if key not in ("_shown", "_known")}
        return state
