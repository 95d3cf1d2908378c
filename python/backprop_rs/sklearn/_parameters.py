"""`coefs_` and `intercepts_`, and the network that holds the parameters."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ._network import coefs_of, network, set_parameters, settings_of, sizes_of

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..network import Network


class Parameters:
    """`coefs_` and `intercepts_`: copied from the network when they are read, and back if changed.

    The user may change arrays in place. Therefore arrays that were read are compared with those
    of the network before the network is used again.
    """

    _network: Network | None = None
    _settings: tuple[Any, ...] = ()
    _exposed: dict[str, Any] | None = None  # the arrays that the user has
    _copies: list[Array] | None = None  # copies of them, equal to the network's parameters

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (n_in, n_out); may be changed and assigned."""
        return self._expose("coefs_")

    @coefs_.setter
    def coefs_(self, arrays: list[Array]) -> None:
        self._assign("coefs_", arrays)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, (n_out,); may be changed and assigned."""
        return self._expose("intercepts_")

    @intercepts_.setter
    def intercepts_(self, arrays: list[Array]) -> None:
        self._assign("intercepts_", arrays)

    def __sklearn_is_fitted__(self) -> bool:
        """Return True if there are parameters."""
        return self._network is not None or bool(self._exposed)

    def _expose(self, name: str) -> list[Array]:
        """Return arrays for the user, copied from the network if it has changed since."""
        if not self._exposed and self._network is not None:
            net = self._network
            self._copies = [*coefs_of(net), *net._core.biases()]
            arrays = [array.copy() for array in self._copies]
            n = len(arrays) // 2
            self._exposed = {"coefs_": arrays[:n], "intercepts_": arrays[n:]}
        if not self._exposed or name not in self._exposed:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        exposed: list[Array] = self._exposed[name]
        return exposed

    def _assign(self, name: str, arrays: Any) -> None:
        """Replace the arrays of the user."""
        if self._network is not None:
            self._expose(name)
        self._exposed = {**(self._exposed or {}), name: arrays}

    def _changed(self) -> None:
        """Note that the network has new parameters; arrays of the user keep their values."""
        self._exposed = self._copies = None

    def _net(self) -> Network:
        """Return the network, with changes that the user has made to the arrays."""
        if not self._exposed:
            assert self._network is not None
            return self._network
        coefs = [np.asarray(w) for w in self._exposed["coefs_"]]
        intercepts = [np.asarray(b) for b in self._exposed["intercepts_"]]
        if self._network is None or sizes_of(coefs) != self._network.sizes:
            dtype = "float32" if coefs[0].dtype == np.float32 else "float64"
            self._make(sizes_of(coefs), dtype)
        elif self._copies is not None:
            pairs = zip(self._copies, [*coefs, *intercepts], strict=True)
            if all(np.array_equal(original, array) for original, array in pairs):
                return self._network
        assert self._network is not None
        set_parameters(self._network, coefs, intercepts)
        self._copies = [array.copy() for array in (*coefs, *intercepts)]
        return self._network

    def _make(self, sizes: list[int], dtype: str) -> Network:
        """Make a network with the present settings; its parameters are zero."""
        mlp: Any = self
        self._network = network(mlp, sizes, dtype)
        self._settings = settings_of(mlp, sizes, dtype)
        return self._network

    def _renew(self) -> Network:
        """Return the network; make a new one with the same state if settings have changed."""
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
        """Return the state for pickles and copies; the copied network trains to the same bits."""
        parent: Any = super()
        state: dict[str, Any] = dict(parent.__getstate__())
        if state.get("_network") is not None:
            state["_network"] = copy(self._net())
            state = {key: state[key] for key in state if key not in ("_exposed", "_copies")}
        return state
