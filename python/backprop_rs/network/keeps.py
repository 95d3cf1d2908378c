"""How a network is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _check
from ..dense import Dense
from .base import Base

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._types import Array, Path


class Keeps(Base):
    """Files and pickles."""

    def save(self, path: Path) -> None:
        """Write the network to a safetensors file, all or nothing.

        The parameters are kept bit for bit, with the settings and `metadata`.

        Parameters
        ----------
        path : str or path
            By custom it ends in .safetensors. An existing file is replaced.

        Raises
        ------
        ValueError
            If a parameter is not finite, or `metadata` does not suit JSON.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> Network([2, 3, 2], seed=0).save(path)
        >>> Network.load(path)
        Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
        """
        from .. import _files

        state = self.__getstate__()
        for name in ("weights", "biases"):
            for layer, array in enumerate(state[name], 1):
                _check.finite(f"{name} of layer {layer}", array, self.dtype)
        layers = list(zip(state["weights"], state["biases"], strict=True))
        _files.write(path, state["settings"], layers)

    @classmethod
    def load(cls, path: Path, backend: str = "auto") -> Self:
        """Read a network from a file that `save` wrote.

        Parameters
        ----------
        path : str or path
        backend : "auto", "rust" or "numpy", default "auto"

        Raises
        ------
        ValueError
            If the file is truncated, was changed, or is not a network of this package.

        Examples
        --------
        >>> Network.load("no such file")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: 'no such file'
        """
        from .. import _files

        settings, layers = _files.read(path)
        weights, biases = map(list, zip(*layers, strict=True))
        net = cls.__new__(cls)
        try:
            net._restore(settings, weights, biases, backend)
        except (KeyError, TypeError, ValueError) as error:
            raise _files.refused(path, f"has settings that cannot be used: {error}") from None
        return net

    def _restore(
        self, settings: dict[str, Any], weights: list[Array], biases: list[Array], backend: str
    ) -> None:
        names = ("sizes", "activation", "output", "cost", "dtype", "seed")
        choices = {name: settings[name] for name in names}
        options = settings.get("layers") or [{}] * (len(choices["sizes"]) - 1)
        first, *sizes = _check.sizes(choices["sizes"])
        layers = [Dense(n, **one) for n, one in zip(sizes, options, strict=True)]
        choices["sizes"] = [first, *layers]
        self.__class__.__init__(self, **choices, init=weights, backend=backend)
        self.biases = biases
        self.epochs_trained = _check.integer("epochs_trained", settings["epochs_trained"], least=0)
        self.metadata = dict(settings["metadata"])

    def __getstate__(self) -> dict[str, Any]:
        """For `save`, `pickle` and `copy`; the optimiser's memory is not kept."""
        names = (
            *("sizes", "activation", "output", "cost", "dtype", "seed"),
            *("epochs_trained", "metadata"),
        )
        settings = {name: getattr(self, name) for name in names}
        if any(any(one.values()) for one in self._options):
            settings["layers"] = self._options
        return {
            "settings": settings,
            "weights": self.weights,
            "biases": self.biases,
            "backend": self.backend,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(**state)
