"""How a network is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._internal import checks
from .._internal.safetensors import UNFIT
from ..dense import Dense
from .base import Base

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._internal.types import Path
    from ..custom import Activation, Cost


class Keeps(Base):
    """Files and pickles."""

    def save(self, path: Path, *, allow_nonfinite: bool = False) -> None:
        """Write the network to a safetensors file, all or nothing.

        The parameters are kept bit for bit, with the settings and `metadata`; of functions of your
        own only the names, and `load` has to be given them.

        Parameters
        ----------
        path : str or path
            By custom it ends in .safetensors. An existing file is replaced; whatever goes wrong,
            even where the process is killed, it is either the old one or the new one.
        allow_nonfinite : bool, default False
            Whether parameters may be NaN or infinite.

        Raises
        ------
        ValueError
            If a parameter is not finite, or `metadata` does not suit JSON.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> Network([2, 3, 2], seed=0).save(path)
        >>> Network.load(path)
        Network(2-3-2, sigmoid -> sigmoid, squared_error, float32, 17 parameters)
        """
        from .._internal import model_file

        state = self._core.state()  # all at one moment
        layers = range(1, len(self.sizes))
        parameters = {
            part.name: [state.get(f"{part.name}.{number}") for number in layers]
            for part in model_file.PARTS
        }
        for name, arrays in parameters.items() if not allow_nonfinite else ():
            for layer, array in enumerate(arrays, 1):
                if array is not None:
                    checks.finite(f"{name} of layer {layer}", array, self.dtype)
        model_file.write(path, self._settings(), parameters)

    @classmethod
    def load(
        cls,
        path: Path,
        backend: str = "auto",
        *,
        functions: Sequence[Activation | Cost] = (),
        allow_nonfinite: bool = False,
    ) -> Self:
        """Read a network from a file that `save` wrote.

        Parameters
        ----------
        path : str or path
        backend : "auto", "rust" or "numpy", default "auto"
        functions : sequence of `Activation` and `Cost`, default ()
            The functions of your own that the network was saved with: a file has their names only.
        allow_nonfinite : bool, default False
            Whether parameters may be NaN or infinite.

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
        from .._internal import backends, model_file

        backends.check(backend)
        settings, parameters = model_file.read(path, allow_nonfinite)
        net = cls.__new__(cls)
        functions = wanted(function_names(path, settings), functions)
        try:
            net._restore(settings, backend, functions)
            net._core.set_state(
                net._core.state()
                | {
                    f"{name}.{layer}": array
                    for name, arrays in parameters.items()
                    for layer, array in enumerate(arrays, 1)
                    if array is not None
                }
            )
        except UNFIT as error:
            raise model_file.refused(path, f"has settings that cannot be used: {error}") from None
        return net

    def _settings(self) -> dict[str, Any]:
        """What a file holds beside the parameters."""
        names = (
            *("sizes", "activation", "output", "cost", "dtype", "seed"),
            *("epochs_trained", "metadata"),
        )
        settings = {name: getattr(self, name) for name in names}
        if any(any(one.values()) for one in self._options):
            settings["layers"] = self._options
        if self._several_labels:
            settings["several_labels"] = True
        if self._functions:
            settings["functions"] = [[one.kind, one.name] for one in self._functions]
        return settings

    def _restore(
        self, settings: dict[str, Any], backend: str, functions: Sequence[Activation | Cost]
    ) -> None:
        """Make this a network of these settings, with parameters of zero."""
        names = ("sizes", "activation", "output", "cost", "dtype", "seed")
        choices = {name: settings[name] for name in names}
        own = {(one.kind, one.name): one for one in functions}
        activations = [own.get(("activation", name), name) for name in choices["activation"]]
        choices["activation"] = activations
        for kind, name in (("activation", "output"), ("cost", "cost")):
            choices[name] = own.get((kind, choices[name]), choices[name])
        options = settings.get("layers") or [{}] * (len(choices["sizes"]) - 1)
        first, *sizes = checks.sizes(choices["sizes"])
        layers = [Dense(n, **one) for n, one in zip(sizes, options, strict=True)]
        choices["sizes"] = [first, *layers]
        Base.__init__(self, **choices, init="zeros", backend=backend)
        self.epochs_trained = checks.integer(
            "epochs_trained", settings["epochs_trained"], least=0, most=2**62
        )
        if not isinstance(settings["metadata"], Mapping):
            raise TypeError("metadata must be an object")
        self.metadata = dict(settings["metadata"])
        self._several_labels = checks.flag("several_labels", settings.get("several_labels", False))

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: a twin trains on to the same bits."""
        return {
            "settings": self._settings(),
            "state": self._core.state(),
            "optimizer": self._optimizer,
            "steps": self._steps,
            "seed_is_drawn": self._seed_is_drawn,
            "backend": self.backend,
            "functions": self._functions,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(state["settings"], state["backend"], state["functions"])
        if state["optimizer"] is not None:
            self._core.set_optimizer(state["optimizer"])
            self._optimizer = state["optimizer"]
        self._core.set_state(state["state"])
        self._steps = state["steps"]
        self._seed_is_drawn = state["seed_is_drawn"]


def function_names(path: Path, settings: dict[str, Any]) -> list[tuple[str, str]]:
    """The kinds and the names of a file's own functions."""
    from .._internal import model_file

    names = settings.get("functions", [])
    if not isinstance(names, list) or not all(map(is_pair, names)):
        raise model_file.refused(path, "has functions that are not pairs of a kind and a name")
    return [(kind, name) for kind, name in names]


def is_pair(given: object) -> bool:
    return isinstance(given, list) and list(map(type, given)) == [str, str]


def wanted(
    names: Sequence[tuple[str, str]], functions: Sequence[Activation | Cost]
) -> list[Activation | Cost]:
    """The functions of the user's own that a file names, from those given."""
    given = {(one.kind, one.name): one for one in functions}
    if set(given) != set(names):
        raise ValueError(f"functions must be {listed(names)}, as when saved; got {listed(given)}")
    return [given[key] for key in names]


def listed(keys: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {name!r}" for kind, name in keys) or "none"
